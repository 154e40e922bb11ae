// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files given to xseg_join() and xseg_join_fd() that are no segments, are no
 * longer, or are of another kind. Each is refused with its own error, and is
 * the same file after as before.
 */
#include <byteswap.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

/* A whole segment to be spoiled, in memory and as the file of a name. */
FIXTURE(badfile)
{
	struct ks_segment segment;
	char *image;
	size_t size;
};

FIXTURE_SETUP(badfile)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	fd = open(self->segment.path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	self->size = (size_t)st.st_size;
	self->image = malloc(self->size);
	ASSERT_NE(NULL, self->image);
	ASSERT_EQ(st.st_size, pread(fd, self->image, self->size, 0));
	close(fd);
	ASSERT_EQ(0, unlink(self->segment.path));
}

FIXTURE_TEARDOWN(badfile)
{
	free(self->image);
	unlink(self->segment.path);
	rmdir(self->segment.path);
}

static int memory_file(const char *bytes, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	KS_CHECK(fd >= 0);
	KS_CHECK(write(fd, bytes, n) == (ssize_t)n);
	return fd;
}

/* What joining says: 0 if it can be joined, and left. */
static int join_result(struct xseg *x)
{
	int err = errno;

	if (!x) {
		if (!xseg_last_error()[0])
			printf("# no word about errno %d\n", err);
		return -err;
	}
	return xseg_leave(x);
}

/* By descriptor; the file must not change unless it was joined. */
static int try_fd(int fd)
{
	uint64_t hash = ks_hash_fd(fd);
	int ret = join_result(xseg_join_fd(fd, 0));

	KS_CHECK(!ret || ks_hash_fd(fd) == hash);
	return ret;
}

static int try_bytes(const char *bytes, size_t n)
{
	int fd = memory_file(bytes, n);
	int ret = try_fd(fd);

	close(fd);
	return ret;
}

TEST_F(badfile, as_it_was)
{
	EXPECT_EQ(0, try_bytes(self->image, self->size));
}

TEST_F(badfile, truncated)
{
	struct ks_segment *seg = &self->segment;
	uint64_t dice = ks_seed();
	size_t n;
	int fd;

	for (n = 0; n < sizeof(struct xseg_header); n++)
		ASSERT_EQ(-EBADMSG, try_bytes(self->image, n));
	for (; n < self->size; n += 1 + ks_random(&dice) % 8000)
		ASSERT_EQ(-ENODATA, try_bytes(self->image, n));
	EXPECT_EQ(-ENODATA, try_bytes(self->image, self->size - 1));
	fd = open(seg->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADMSG, join_result(xseg_join(seg->name, 0)));
	ASSERT_EQ(4096, write(fd, self->image, 4096));
	EXPECT_EQ(-ENODATA, join_result(xseg_join(seg->name, 0)));
	EXPECT_NE(NULL, strstr(xseg_last_error(), "4096"));
	close(fd);
}

TEST_F(badfile, longer_is_no_harm)
{
	char *more = calloc(1, self->size + 5000);

	ASSERT_NE(NULL, more);
	memcpy(more, self->image, self->size);
	EXPECT_EQ(0, try_bytes(more, self->size + 5000));
	free(more);
}

static void swap_header(struct xseg_header *h)
{
	h->magic = bswap_64(h->magic);
	h->abi_major = bswap_16(h->abi_major);
	h->abi_minor = bswap_16(h->abi_minor);
	h->header_size = bswap_32(h->header_size);
	h->segment_size = bswap_64(h->segment_size);
	h->params.nr_ports = bswap_32(h->params.nr_ports);
	h->params.nr_requests = bswap_32(h->params.nr_requests);
	h->params.nr_descs = bswap_32(h->params.nr_descs);
	h->params.queue_order = bswap_32(h->params.queue_order);
	h->params.data_order = bswap_32(h->params.data_order);
	h->params.heap_size = bswap_64(h->params.heap_size);
}

TEST_F(badfile, other_byte_order)
{
	swap_header((struct xseg_header *)self->image);
	EXPECT_EQ(-EILSEQ, try_bytes(self->image, self->size));
}

TEST_F(badfile, other_versions)
{
	struct xseg_header *h = (struct xseg_header *)self->image;

	h->abi_major++;
	EXPECT_EQ(-EPROTONOSUPPORT, try_bytes(self->image, self->size));
	h->abi_major -= 2;
	EXPECT_EQ(-EPROTONOSUPPORT, try_bytes(self->image, self->size));
	h->abi_major++;
	h->features_required = 1;
	EXPECT_EQ(-EPROTONOSUPPORT, try_bytes(self->image, self->size));
	h->features_required = 0;
	/* additions that an older peer may ignore */
	h->abi_minor++;
	h->features = 1;
	EXPECT_EQ(0, try_bytes(self->image, self->size));
}

/* Capacities that the file is not made for, or that cannot be. */
TEST_F(badfile, other_capacities)
{
	struct xseg_header *h = (struct xseg_header *)self->image;
	const struct xseg_params_shm good = h->params;
	uint32_t *field = (uint32_t *)&h->params;
	static const uint32_t values[] = {
		0, 1 << 16, 0x7fffffff, 0xffffffff
	};
	unsigned int f, v;

	for (f = 0; f < sizeof(good) / sizeof(*field); f++)
		for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			h->params = good;
			/* queues of one are possible, and as large here */
			if (field[f] == values[v] ||
			    (&field[f] == &h->params.queue_order && !values[v]))
				continue;
			field[f] = values[v];
			EXPECT_EQ(-EUCLEAN, try_bytes(self->image, self->size));
		}
	h->params = good;
	h->segment_size++;
	EXPECT_EQ(-EUCLEAN, try_bytes(self->image, self->size));
	h->segment_size--;
	h->header_size = 4096;
	EXPECT_EQ(-EUCLEAN, try_bytes(self->image, self->size));
}

/* Descriptors of other things. Those that cannot be reopened say why. */
TEST_F(badfile, other_descriptors)
{
	char path[] = "/tmp/xseg-test.XXXXXX";
	int fd, sock[2], pipes[2];

	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(path));
	EXPECT_EQ(-EBADMSG, try_fd(fd));	/* empty; join reopens it */
	ASSERT_EQ(12, write(fd, "hello, world", 12));
	EXPECT_EQ(-EBADMSG, try_fd(fd));
	close(fd);
	EXPECT_EQ(-EBADF, join_result(xseg_join_fd(fd, 0)));
	EXPECT_EQ(-EBADF, join_result(xseg_join_fd(-1, 0)));
	fd = open("/proc/self/comm", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-EBADMSG, join_result(xseg_join_fd(fd, 0)));
	close(fd);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-EBADMSG, join_result(xseg_join_fd(fd, 0)));
	close(fd);
	fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT_EQ(-EACCES, join_result(xseg_join_fd(fd, 0)));
	close(fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	EXPECT_EQ(-ENXIO, join_result(xseg_join_fd(sock[0], 0)));
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EACCES, join_result(xseg_join_fd(pipes[0], 0)));
}

static int open_as(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

TEST_F(badfile, descriptors_not_open_for_both)
{
	int fd = memory_file(self->image, self->size);
	uint64_t hash = ks_hash_fd(fd);

	EXPECT_EQ(-EACCES, join_result(xseg_join_fd(open_as(fd, O_RDONLY), 0)));
	EXPECT_EQ(-EACCES, join_result(xseg_join_fd(open_as(fd, O_WRONLY), 0)));
	EXPECT_EQ(-EACCES, join_result(xseg_join_fd(open_as(fd, O_PATH), 0)));
	EXPECT_EQ(-EINVAL, join_result(xseg_join_fd(fd, 2)));
	EXPECT_EQ(-EINVAL, join_result(xseg_join_fd(fd, ~0U)));
	EXPECT_EQ(hash, ks_hash_fd(fd));
	EXPECT_EQ(0, join_result(xseg_join_fd(fd, XSEG_JOIN_PLUGINS)));
}

/* Other things with a segment's name. */
TEST_F(badfile, other_names)
{
	struct ks_segment *seg = &self->segment;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock;

	EXPECT_EQ(-ENOENT, join_result(xseg_join(seg->name, 0)));
	EXPECT_NE(NULL, strstr(xseg_last_error(), seg->name));
	EXPECT_EQ(-EINVAL, join_result(xseg_join("../x", 0)));
	EXPECT_EQ(-EINVAL, join_result(xseg_join(NULL, 0)));
	EXPECT_EQ(-EINVAL, join_result(xseg_join(seg->name, 2)));
	ASSERT_EQ(0, mkdir(seg->path, 0700));
	EXPECT_EQ(-EISDIR, join_result(xseg_join(seg->name, 0)));
	ASSERT_EQ(0, rmdir(seg->path));
	ASSERT_EQ(0, mkfifo(seg->path, 0600));
	EXPECT_EQ(-EBADMSG, join_result(xseg_join(seg->name, 0)));
	ASSERT_EQ(0, unlink(seg->path));
	ASSERT_EQ(0, symlink("/etc/passwd", seg->path));
	EXPECT_EQ(-ELOOP, join_result(xseg_join(seg->name, 0)));
	ASSERT_EQ(0, unlink(seg->path));
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, seg->path);
	ASSERT_EQ(0, bind(sock, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_EQ(-ENXIO, join_result(xseg_join(seg->name, 0)));
}

/*
 * Some calls with what was joined in spite of a strange header. If that says
 * other capacities, which by chance need as much room, they may well fail.
 * Returns whether it does.
 */
static bool use(struct xseg *x)
{
	struct xseg_request *req;
	struct xseg_info info;
	struct ks_peer peer;
	bool other;
	void *sd;

	KS_CHECK(!xseg_get_info(x, &info));
	other = info.params.nr_ports != ks_small.nr_ports ||
		info.params.nr_requests != ks_small.nr_requests ||
		info.params.nr_descs != ks_small.nr_descs ||
		info.params.queue_len != ks_small.queue_len ||
		info.params.heap_size != ks_small.heap_size ||
		info.params.max_data != ks_small.max_data;
	if (other) {
		xseg_local_signal_init(x, "futex");
		sd = xseg_get_signal_desc(x, "futex");
		xseg_bind_port(x, 0, sd);
		req = xseg_get_request(x, 0, 0, 0);
		xseg_prep_request(x, req, 10, 100);
		xseg_submit(x, req, 0, XSEG_SIGNAL);
	} else {
		ks_peer_init(&peer, x, "futex", NoPort);
		ks_ask(&peer, peer.port, 1);
		KS_CHECK(ks_wait_request(&peer)->cookie == 1);
		KS_CHECK(xseg_reap(x) == 0);
	}
	KS_CHECK(!xseg_leave(x));
	return other;
}

static void spoil(char *bytes, size_t n, uint64_t *dice)
{
	unsigned int times = 1 + ks_random(dice) % 4;

	while (times--) {
		size_t at = ks_random(dice) % n;

		switch (ks_random(dice) % 4) {
		case 0:
			bytes[at] ^= (char)(1U << ks_random(dice) % 8);
			break;
		case 1:
			bytes[at] = (char)ks_random(dice);
			break;
		case 2:
			memset(bytes + at / 8 * 8, ks_random(dice) & 1 ? -1 : 0,
			       8);
			break;
		default:
			memcpy(bytes + at / 4 * 4, &(uint32_t){
			       1U << ks_random(dice) % 32 }, 4);
		}
	}
}

TEST_F_TIMEOUT(badfile, random_headers, 0)
{
	unsigned long rounds = ks_number("XSEG_TEST_HEADERS",
					 ks_scaled(20000));
	unsigned long i, joined = 0, other = 0;
	char spoilt[sizeof(struct xseg_header)];
	uint64_t dice = ks_seed(), hash;
	struct xseg *x;
	int fd;

	fd = memory_file(self->image, self->size);
	for (i = 0; i < rounds; i++) {
		memcpy(spoilt, self->image, sizeof(spoilt));
		spoil(spoilt, i & 1 ? 128 : sizeof(spoilt), &dice);
		ASSERT_EQ(sizeof(spoilt), pwrite(fd, spoilt, sizeof(spoilt), 0));
		hash = i % 100 ? 0 : ks_hash_fd(fd);
		x = xseg_join_fd(fd, 0);
		if (hash && !x)
			ASSERT_EQ(hash, ks_hash_fd(fd));
		joined += !!x;
		if (!x || !use(x))
			continue;
		other++;
		ASSERT_EQ(self->size, pwrite(fd, self->image, self->size, 0));
	}
	printf("# %lu headers, %lu of them could be joined, %lu with other capacities\n",
	       rounds, joined, other);
	EXPECT_LT(0, joined);
	EXPECT_GT(rounds, joined);
	ASSERT_EQ(sizeof(spoilt), pwrite(fd, self->image, sizeof(spoilt), 0));
	EXPECT_EQ(0, join_result(xseg_join_fd(fd, 0)));
}

TEST_HARNESS_MAIN
