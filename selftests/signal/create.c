// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Making and removing segments with bad names, bad capacities, no room, and a
 * maker that is killed. A segment is there whole or not at all.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

FIXTURE(create)
{
	struct ks_segment seg;
	struct xseg_params params;
};

FIXTURE_SETUP(create)
{
	ks_name(&self->seg);
	self->params = ks_small;
}

FIXTURE_TEARDOWN(create)
{
	unlink(self->seg.path);
}

/* Refused, with a word why, and nothing is there. */
static void check_refused(struct __test_metadata *_metadata,
			  struct ks_segment *seg, struct xseg_params *params,
			  int err)
{
	EXPECT_EQ(err, xseg_create(seg->name, params));
	EXPECT_NE(0, strlen(xseg_last_error()));
	EXPECT_NE(0, access(seg->path, F_OK));
	EXPECT_EQ(err, xseg_create_fd(params));
}

TEST_F(create, names)
{
	static const char *const bad[] = {
		"", ".", "..", ".x", "a/b", "../x", "a b", "\xc3\xa4", "x\n",
		"a234567890123456789012345678901234567890123456789012345678901234",
	};
	char longest[XSEG_NAME_SIZE], path[128];
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, xseg_create(bad[i], &self->params));
		EXPECT_NE(NULL, strstr(xseg_last_error(), "no name"));
		EXPECT_EQ(-EINVAL, xseg_destroy(bad[i], XSEG_DESTROY_FORCE));
		EXPECT_EQ(NULL, xseg_join(bad[i], 0));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-EINVAL, xseg_create(NULL, &self->params));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	memcpy(longest, self->seg.name, strlen(self->seg.name));
	EXPECT_EQ(0, xseg_create(longest, &self->params));
	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", longest);
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_EQ(0, xseg_destroy(longest, 0));
}

/* Each capacity one beyond its limit. */
TEST_F(create, capacities)
{
	struct xseg_params p;

	p = ks_small;
	p.nr_ports = XSEG_MAX_PORTS + 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.nr_requests = XSEG_MAX_INDEX + 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.nr_descs = 65537;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.queue_len = (1 << XSEG_MAX_QUEUE_ORDER) + 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.max_data = (1ULL << XSEG_MAX_DATA_ORDER) + 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.heap_size = (1ULL << 40) + 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.heap_size = ~0ULL;		/* rounding up must not wrap */
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.max_data = ~0ULL;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
}

/* Each is within its limit, all of them together are not. */
TEST_F(create, overflow)
{
	struct xseg_params p = ks_small;

	p.nr_ports = XSEG_MAX_PORTS;
	p.queue_len = 1 << XSEG_MAX_QUEUE_ORDER;
	check_refused(_metadata, &self->seg, &p, -EOVERFLOW);
	p = ks_small;
	p.heap_size = 1ULL << 40;
	check_refused(_metadata, &self->seg, &p, -EOVERFLOW);
}

TEST_F(create, other_fields)
{
	struct xseg_params p = ks_small;

	p.size--;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p.size = 0;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.flags = 2;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.rsvd = 1;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
	p = ks_small;
	p.mode = 01600;
	check_refused(_metadata, &self->seg, &p, -EINVAL);
}

TEST_F(create, defaults)
{
	struct xseg_params none = { .size = sizeof(none),
				    .flags = XSEG_CREATE_SPARSE };
	struct xseg_info info;
	struct xseg *x;

	ASSERT_EQ(0, xseg_create(self->seg.name, &none));
	x = xseg_join(self->seg.name, 0);
	ASSERT_NE(NULL, x);
	ASSERT_EQ(0, xseg_get_info(x, &info));
	EXPECT_EQ(256, info.params.nr_ports);
	EXPECT_EQ(4096, info.params.nr_requests);
	EXPECT_EQ(1024, info.params.nr_descs);
	EXPECT_EQ(256, info.params.queue_len);
	EXPECT_EQ(32 << 20, info.params.heap_size);
	EXPECT_EQ(1 << 20, info.params.max_data);
	EXPECT_STREQ(self->seg.name, info.name);
	EXPECT_EQ(geteuid(), info.creator_uid);
	EXPECT_EQ(0, xseg_leave(x));
}

/* The smallest of all, and what is rounded up. */
TEST_F(create, ones)
{
	struct xseg_params p = { sizeof(p), 0, 0, 1, 1, 1, 1, 0, 1, 1 };
	struct xseg_info info;
	struct ks_peer peer;

	ASSERT_EQ(0, xseg_create(self->seg.name, &p));
	ks_peer_join(&peer, self->seg.name, "futex", 0);
	ASSERT_EQ(0, xseg_get_info(peer.x, &info));
	EXPECT_EQ(1 << XSEG_MIN_CHUNK_ORDER, info.params.heap_size);
	EXPECT_EQ(1 << XSEG_MIN_DATA_ORDER, info.params.max_data);
	ks_ask(&peer, 0, 5);
	EXPECT_EQ(NULL, xseg_get_request(peer.x, 0, 0, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(5, ks_wait_request(&peer)->cookie);
	EXPECT_EQ(NULL, xseg_get_signal_desc(peer.x, "futex"));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(-EBUSY, xseg_bind_port(peer.x, 0, peer.sd));
	EXPECT_EQ(-ENOSPC, xseg_bind_port(peer.x, NoPort, peer.sd));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	KS_CHECK(!stat(path, &st));
	return st.st_mode & 07777;
}

TEST_F(create, mode)
{
	umask(077);
	ASSERT_EQ(0, xseg_create(self->seg.name, &self->params));
	EXPECT_EQ(0600, mode_of(self->seg.path));
	ASSERT_EQ(0, xseg_destroy(self->seg.name, 0));
	self->params.mode = 0666;	/* as asked, whatever the umask */
	ASSERT_EQ(0, xseg_create(self->seg.name, &self->params));
	EXPECT_EQ(0666, mode_of(self->seg.path));
	ASSERT_EQ(0, xseg_destroy(self->seg.name, 0));
}

TEST_F(create, twice)
{
	uint64_t hash;

	ASSERT_EQ(0, xseg_create(self->seg.name, &self->params));
	hash = ks_hash(self->seg.path);
	EXPECT_EQ(-EEXIST, xseg_create(self->seg.name, &self->params));
	EXPECT_EQ(-EEXIST, xseg_create(self->seg.name, NULL));
	EXPECT_EQ(hash, ks_hash(self->seg.path));
	ASSERT_EQ(0, xseg_destroy(self->seg.name, 0));
	EXPECT_EQ(-ENOENT, xseg_destroy(self->seg.name, 0));
	EXPECT_EQ(-ENOENT, xseg_destroy(self->seg.name, XSEG_DESTROY_FORCE));
	ASSERT_EQ(0, symlink("/nowhere", self->seg.path));
	EXPECT_EQ(-EEXIST, xseg_create(self->seg.name, &self->params));
}

TEST_F(create, destroy_what_is_in_use)
{
	struct ks_peer peer;
	uint64_t hash;

	ASSERT_EQ(0, xseg_create(self->seg.name, &self->params));
	ks_peer_join(&peer, self->seg.name, "futex", 0);
	hash = ks_hash(self->seg.path);
	EXPECT_EQ(-EBUSY, xseg_destroy(self->seg.name, 0));
	EXPECT_EQ(-EINVAL, xseg_destroy(self->seg.name, 2));
	EXPECT_EQ(hash, ks_hash(self->seg.path));
	EXPECT_EQ(0, xseg_destroy(self->seg.name, XSEG_DESTROY_FORCE));
	EXPECT_NE(0, access(self->seg.path, F_OK));
	ks_ask(&peer, 0, 1);			/* it goes on without */
	EXPECT_EQ(1, ks_wait_request(&peer)->cookie);
	/* the name is free for another, which is not mistaken for it */
	ASSERT_EQ(0, xseg_create(self->seg.name, &self->params));
	hash = ks_hash(self->seg.path);
	EXPECT_EQ(0, xseg_reap(peer.x));
	EXPECT_EQ(0, xseg_leave(peer.x));
	EXPECT_EQ(hash, ks_hash(self->seg.path));
	ASSERT_EQ(0, xseg_destroy(self->seg.name, 0));
}

TEST_F(create, destroy_what_is_none)
{
	int fd = open(self->seg.path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(-EBADMSG, xseg_destroy(self->seg.name, 0));
	EXPECT_EQ(0, access(self->seg.path, F_OK));
	EXPECT_EQ(0, xseg_destroy(self->seg.name, XSEG_DESTROY_FORCE));
	EXPECT_NE(0, access(self->seg.path, F_OK));
}

static unsigned int entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int n = 0;

	KS_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static uint64_t room(const char *path)
{
	struct statvfs st;

	KS_CHECK(!statvfs(path, &st));
	return (uint64_t)st.f_bfree * st.f_bsize;
}

/* A /dev/shm of this process alone, of 2 MiB. */
static bool own_shm(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("test", "/dev/shm", "tmpfs", 0, "size=2m");
}

TEST_F(create, no_room)
{
	uint64_t free_before;
	struct xseg *x;

	if (!own_shm())
		SKIP(return, "needs a mount name space");
	free_before = room("/dev/shm");
	EXPECT_EQ(-ENOSPC, xseg_create(self->seg.name, NULL));
	EXPECT_NE(NULL, strstr(xseg_last_error(), "/dev/shm"));
	EXPECT_EQ(0, entries("/dev/shm"));
	EXPECT_EQ(free_before, room("/dev/shm"));
	EXPECT_EQ(0, xseg_create(self->seg.name, &self->params));
	EXPECT_EQ(1, entries("/dev/shm"));
	x = xseg_join(self->seg.name, 0);
	EXPECT_NE(NULL, x);
	EXPECT_EQ(0, xseg_leave(x));
	EXPECT_EQ(0, xseg_destroy(self->seg.name, 0));
	/* memory that is taken when it is used is not missed now */
	self->params.heap_size = 1 << 24;
	EXPECT_EQ(-ENOSPC, xseg_create(self->seg.name, &self->params));
	self->params.flags = XSEG_CREATE_SPARSE;
	EXPECT_EQ(0, xseg_create(self->seg.name, &self->params));
}

TEST_F(create, no_shm_at_all)
{
	if (!own_shm() || mount("/proc", "/dev/shm", NULL, MS_BIND, NULL))
		SKIP(return, "needs a mount name space");
	EXPECT_GT(0, xseg_create(self->seg.name, &self->params));
	EXPECT_NE(NULL, strstr(xseg_last_error(), "/dev/shm"));
}

/**
 * struct maker - a process that makes segments
 * @name: of all of them
 * @made: how many there were
 */
struct maker {
	const char *name;
	unsigned int made;
};

static void maker_process(void *arg)
{
	struct maker *maker = arg;

	for (;;) {
		KS_CHECK(!xseg_create(maker->name, &ks_small));
		KS_CHECK(!xseg_destroy(maker->name, 0));
		__atomic_add_fetch(&maker->made, 1, __ATOMIC_SEQ_CST);
	}
}

/* Kills one at any moment after its first segment. */
static void maker_dies(struct maker *maker, uint64_t *dice)
{
	pid_t pid;

	maker->made = 0;
	pid = ks_fork(maker_process, maker);
	while (!__atomic_load_n(&maker->made, __ATOMIC_SEQ_CST))
		usleep(50);
	usleep(ks_random(dice) % 2000);
	ks_kill(pid);
}

TEST_F_TIMEOUT(create, maker_is_killed, 0)
{
	struct maker *maker = ks_shared(sizeof(*maker));
	unsigned int whole = 0, none = 0, i;
	uint64_t dice = ks_seed();
	struct xseg *x;

	maker->name = self->seg.name;
	for (i = 0; i < 200; i++) {
		maker_dies(maker, &dice);
		x = xseg_join(self->seg.name, 0);
		whole += !!x;
		none += !x;
		ASSERT_TRUE(x || errno == ENOENT);
		if (x) {
			ASSERT_EQ(0, xseg_leave(x));
			ASSERT_EQ(0, xseg_destroy(self->seg.name, 0));
		}
	}
	printf("# killed 200 times: %u whole segments, %u none\n", whole, none);
	EXPECT_LT(0, whole);
	EXPECT_LT(0, none);
}

TEST_F(create, memfd_is_sealed)
{
	int fd = xseg_create_fd(&self->params);

	ASSERT_LE(0, fd);
	EXPECT_EQ(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
		  fcntl(fd, F_GET_SEALS));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-1, ftruncate(fd, 4096));
	EXPECT_EQ(EPERM, errno);
}

TEST_HARNESS_MAIN
