// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who may join, and who is handed an eventfd: whoever could open the
 * segment's file, nobody else.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/signal_type.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define NOBODY		65534
#define GROUP		54321
#define LINGER		100	/* seconds */
#define MAX_STUCK	64	/* user/fd_server.c */

enum { OWNER, STRANGER };	/* ports */

/**
 * struct shared - what the processes of a test share
 * @segment: where
 * @ready:   where they meet
 * @leave:   where the owner meets who has it leave
 * @type:    of signal
 * @gid:     of the stranger
 * @told:    the stranger is about to signal
 * @late:    it asks only when it has been answered, or not at all
 * @many:    how many sockets a stranger connects
 * @expect:  what its signal or its join says
 */
struct shared {
	struct ks_segment segment;
	struct ks_barrier ready;
	struct ks_barrier leave;
	const char *type;
	gid_t gid;
	bool told;
	bool late;
	int many;
	int expect;
};

static struct shared *shared;

/* The library's: who is displaced here asks late. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret = (int)syscall(SYS_connect, fd, address, len);

	if (!ret && shared->late)
		KS_CHECK(poll(&p, 1, -1) == 1);
	return ret;
}

static void become_stranger(void)
{
	KS_CHECK(!setgroups(0, NULL));
	KS_CHECK(!setgid(shared->gid));
	KS_CHECK(!setuid(NOBODY));
}

FIXTURE(perm)
{
	struct ks_peer owner;
};

FIXTURE_SETUP(perm)
{
	if (geteuid())
		SKIP(return, "needs root");
	ks_plugins();
	shared = ks_shared(sizeof(*shared));
	shared->type = "eventfd";
	shared->gid = NOBODY;
	ASSERT_EQ(0, ks_create(&shared->segment, &ks_small));
}

FIXTURE_TEARDOWN(perm)
{
	ks_destroy(&shared->segment);
}

static void join_process(void *arg)
{
	struct xseg *x;
	int ret;

	become_stranger();
	x = xseg_join(shared->segment.name, 0);
	ret = x ? 0 : -errno;
	KS_CHECK(ret == shared->expect);
	if (ret)
		KS_CHECK(strstr(xseg_last_error(), shared->segment.name));
	else
		KS_CHECK(!xseg_leave(x));
}

/* A stranger of a group joins a segment of a mode. */
static int try_join(mode_t mode, gid_t gid, int expect)
{
	KS_CHECK(!chown(shared->segment.path, 0, GROUP));
	KS_CHECK(!chmod(shared->segment.path, mode));
	shared->gid = gid;
	shared->expect = expect;
	return ks_wait(ks_fork(join_process, NULL));
}

TEST_F(perm, join)
{
	uint64_t hash = ks_hash(shared->segment.path);

	EXPECT_EQ(0, try_join(0600, NOBODY, -EACCES));
	EXPECT_EQ(0, try_join(0660, NOBODY, -EACCES));
	EXPECT_EQ(0, try_join(0664, NOBODY, -EACCES));
	EXPECT_EQ(0, try_join(0606, GROUP, -EACCES));
	EXPECT_EQ(hash, ks_hash(shared->segment.path));
	EXPECT_EQ(0, try_join(0660, GROUP, 0));
	EXPECT_EQ(0, try_join(0666, NOBODY, 0));
}

/* Asks the owner; reply and request both need a signal. */
static void asking_process(void *arg)
{
	struct ks_peer peer;

	become_stranger();
	ks_peer_join(&peer, shared->segment.name, shared->type, STRANGER);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	ks_ask(&peer, OWNER, 5);
	KS_CHECK(ks_wait_reply(&peer)->cookie == 6);
	KS_CHECK(!xseg_leave(peer.x));
}

static void answering_process(void *arg)
{
	struct xseg_request *req;
	struct ks_peer peer;

	ks_peer_join(&peer, shared->segment.name, shared->type, OWNER);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	ks_meet(&shared->ready, 2);
	req = ks_wait_request(&peer);
	req->cookie++;
	usleep(20000);			/* it sleeps, too */
	KS_CHECK(xseg_respond(peer.x, req, OWNER, XSEG_SIGNAL) == STRANGER);
	KS_CHECK(!xseg_leave(peer.x));
}

TEST_F_TIMEOUT(perm, users_signal_each_other, 0)
{
	static const char *const types[] = { "futex", "eventfd", "fifo" };
	pid_t pid[2];
	unsigned int i;

	ASSERT_EQ(0, chmod(shared->segment.path, 0666));
	for (i = 0; i < 3; i++) {
		shared->type = types[i];
		pid[0] = ks_fork(answering_process, NULL);
		ks_meet(&shared->ready, 2);
		ks_sleeping(pid[0]);
		pid[1] = ks_fork(asking_process, NULL);
		EXPECT_EQ(0, ks_wait_all(pid, 2));
	}
}

/* Joins as root, and is somebody else when it asks for the eventfd. */
static void late_stranger(void *arg)
{
	struct ks_peer peer;
	int ret;

	ks_peer_join(&peer, shared->segment.name, "eventfd", STRANGER);
	become_stranger();
	__atomic_store_n(&shared->told, true, __ATOMIC_SEQ_CST);
	ret = xseg_signal(peer.x, OWNER);
	printf("# a signal says %d\n", ret);
	KS_CHECK(ret == shared->expect);
	_exit(0);
}

static void sleeping_process(void *arg)
{
	struct ks_peer peer;

	ks_peer_join(&peer, shared->segment.name, "eventfd", OWNER);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	shared->told = false;
	ks_meet(&shared->ready, 2);
	/* reapers wake everybody; this is about the stranger's signal */
	do {
		KS_CHECK(!xseg_wait_signal(peer.x, peer.sd, XSEG_WAIT_FOREVER));
	} while (!__atomic_load_n(&shared->told, __ATOMIC_SEQ_CST));
	KS_CHECK(!xseg_leave(peer.x));
}

TEST_F_TIMEOUT(perm, eventfd_is_not_for_strangers, 0)
{
	pid_t pid = ks_fork(sleeping_process, NULL);

	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	shared->expect = -EACCES;
	EXPECT_EQ(0, ks_wait(ks_fork(late_stranger, NULL)));
	ks_kill(pid);
	ASSERT_EQ(0, chmod(shared->segment.path, 0666));
	pid = ks_fork(sleeping_process, NULL);
	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	shared->expect = 0;
	EXPECT_EQ(0, ks_wait(ks_fork(late_stranger, NULL)));
	EXPECT_EQ(0, ks_wait(pid));
}

/* He is refused before he asks, and yet hears why. */
TEST_F_TIMEOUT(perm, eventfd_is_not_for_late_strangers, 0)
{
	pid_t pid = ks_fork(sleeping_process, NULL);

	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	shared->late = true;
	shared->expect = -EACCES;
	EXPECT_EQ(0, ks_wait(ks_fork(late_stranger, NULL)));
	ks_kill(pid);
}

/* The abstract name of the socket of a peer's eventfds: user/fd_server.c. */
static socklen_t socket_name(struct xseg *x, struct sockaddr_un *address)
{
	struct xseg_port_info port;
	struct xseg_peer_info peer;
	struct xseg_info info;
	uint64_t uuid[2];

	KS_CHECK(!xseg_get_info(x, &info));
	KS_CHECK(!xseg_get_port_info(x, OWNER, &port));
	KS_CHECK(!xseg_get_peer_info(x, port.owner, &peer));
	memcpy(uuid, info.uuid, sizeof(uuid));
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
	       (socklen_t)snprintf(address->sun_path + 1, 100,
				   "xseg-fd.%016llx%016llx.%u.%u",
				   (unsigned long long)uuid[0],
				   (unsigned long long)uuid[1], port.owner,
				   peer.incarnation);
}

/* One who never joined, but knows the name of the socket. */
static void socket_stranger(void *arg)
{
	struct xseg *x = xseg_join(shared->segment.name, 0);
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un address;
	struct xseg_desc_id id;
	uint32_t question[2];
	char control[256];
	int32_t status = 0;
	struct iovec iov = { &status, sizeof(status) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	socklen_t len;

	KS_CHECK(x);
	len = socket_name(x, &address);
	KS_CHECK(!xseg_get_desc_id(x, xseg_get_port_signal_desc(x, OWNER),
				   &id));
	question[0] = id.index;
	question[1] = id.gen;
	become_stranger();
	KS_CHECK(!connect(sock, (struct sockaddr *)&address, len));
	/* it may be refused before it has asked */
	if (!shared->late)
		send(sock, question, sizeof(question), MSG_NOSIGNAL);
	KS_CHECK(recvmsg(sock, &msg, 0) == sizeof(status));
	KS_CHECK(status == shared->expect);
	KS_CHECK(!msg.msg_controllen == !!status);
	_exit(0);
}

TEST_F_TIMEOUT(perm, stranger_at_the_socket, 0)
{
	pid_t pid = ks_fork(sleeping_process, NULL);

	ks_meet(&shared->ready, 2);
	shared->expect = -EACCES;
	EXPECT_EQ(0, ks_wait(ks_fork(socket_stranger, NULL)));
	shared->late = true;
	EXPECT_EQ(0, ks_wait(ks_fork(socket_stranger, NULL)));
	shared->late = false;
	ks_kill(pid);
	ASSERT_EQ(0, chmod(shared->segment.path, 0666));
	pid = ks_fork(sleeping_process, NULL);
	ks_meet(&shared->ready, 2);
	shared->expect = 0;
	EXPECT_EQ(0, ks_wait(ks_fork(socket_stranger, NULL)));
	ks_kill(pid);
}

/* One that nobody reads from: who closes it last waits for LINGER. */
static int lingering_socket(void)
{
	struct linger linger = { 1, LINGER };
	struct sockaddr_in address = { .sin_family = AF_INET };
	int from = socket(AF_INET, SOCK_STREAM, 0);
	int to = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(address);
	static char data[1 << 16];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	KS_CHECK(!bind(to, (struct sockaddr *)&address, len));
	KS_CHECK(!listen(to, 1));
	KS_CHECK(!getsockname(to, (struct sockaddr *)&address, &len));
	KS_CHECK(!connect(from, (struct sockaddr *)&address, len));
	while (send(from, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	KS_CHECK(!setsockopt(from, SOL_SOCKET, SO_LINGER, &linger,
			     sizeof(linger)));
	return from;
}

/* Sends a message, with a file if that is not -1. */
static void send_with(int sock, const uint32_t *question, size_t size, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)question, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = (struct cmsghdr *)control;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	sendmsg(sock, &msg, MSG_NOSIGNAL);	/* it may be refused before */
}

/* Has the owner close what takes its time, with the question or behind it. */
static void stranger_with_file(void *arg)
{
	struct xseg *x = xseg_join(shared->segment.name, 0);
	uint32_t question[2] = { 0, 0 };
	struct sockaddr_un address;
	int fd[3], sock, i, kind;
	socklen_t len;

	KS_CHECK(x);
	len = socket_name(x, &address);
	become_stranger();
	for (i = 0; i < 3 && shared->many; i++)
		fd[i] = lingering_socket();
	for (i = 0; i < shared->many; i++) {
		kind = i % 3;
		sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		KS_CHECK(!connect(sock, (struct sockaddr *)&address, len));
		if (kind)	/* an empty one is not the end */
			send_with(sock, question,
				  kind > 1 ? 0 : sizeof(question), -1);
		send_with(sock, question, sizeof(question), fd[kind]);
	}
	for (i = 0; i < 3 && shared->many; i++)
		close(fd[i]);	/* not the last reference */
	ks_meet(&shared->ready, 2);
	pause();		/* with the other ends */
}

static bool loopback(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	bool ret;

	address.sin_port = htons(9);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret = !connect(sock, (struct sockaddr *)&address, sizeof(address));
	close(sock);
	return ret;
}

/* Returns when each of its threads has stopped. */
static void stop_process(pid_t pid)
{
	int status;

	KS_CHECK(!kill(pid, SIGSTOP));
	KS_CHECK(waitpid(pid, &status, WUNTRACED) == pid &&
		 WIFSTOPPED(status));
}

/* How many descriptors a process has open. */
static int open_files(pid_t pid)
{
	char path[32];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	KS_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Until it has so many, of which one may yet be about to be closed. */
static bool open_files_become(pid_t pid, int nr)
{
	int i;

	for (i = 0; i < 30000 && open_files(pid) != nr; i++)
		usleep(1000);
	return i < 30000;
}

/*
 * Others are served, and the owner can leave; it keeps what it cannot close, and
 * nothing else.
 */
TEST_F_TIMEOUT(perm, stranger_with_file_at_the_socket, 0)
{
	pid_t pid, stranger;
	struct ks_peer peer;
	uint64_t start;
	int files;

	if (!loopback())
		SKIP(return, "needs the loopback interface");
	pid = ks_fork(sleeping_process, NULL);
	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	shared->many = 3;
	files = open_files(pid);
	stop_process(pid);	/* all is there when it looks */
	stranger = ks_fork(stranger_with_file, NULL);
	ks_meet(&shared->ready, 2);
	ASSERT_EQ(0, kill(pid, SIGCONT));
	start = ks_now_ns();
	shared->expect = -EACCES;
	EXPECT_EQ(0, ks_wait(ks_fork(socket_stranger, NULL)));
	EXPECT_EQ(true, open_files_become(pid, files + 3));
	ks_peer_join(&peer, shared->segment.name, "eventfd", STRANGER);
	shared->told = true;
	EXPECT_EQ(0, xseg_signal(peer.x, OWNER));
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(peer.x));
	EXPECT_GT(LINGER * 1000000000ULL / 2, ks_now_ns() - start);
	ks_kill(stranger);
}

/* Of so many that nothing is handed out any more: who asks is told at once. */
TEST_F_TIMEOUT(perm, strangers_with_files_at_the_socket, 0)
{
	pid_t pid, stranger;
	struct ks_peer peer;
	int files, ret;

	if (!loopback())
		SKIP(return, "needs the loopback interface");
	pid = ks_fork(sleeping_process, NULL);
	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	shared->many = 100;
	files = open_files(pid);
	stop_process(pid);
	stranger = ks_fork(stranger_with_file, NULL);
	ks_meet(&shared->ready, 2);
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(true, open_files_become(pid, files + MAX_STUCK));
	ks_peer_join(&peer, shared->segment.name, "eventfd", STRANGER);
	do {	/* it is about to shut its socket down */
		ret = xseg_signal(peer.x, OWNER);
	} while (ret == -ETIMEDOUT);
	EXPECT_EQ(-EHOSTUNREACH, ret);
	ks_kill(pid);
	ks_kill(stranger);
	EXPECT_EQ(0, xseg_leave(peer.x));
}

static void leaving_process(void *arg)
{
	int files = open_files(getpid());
	struct ks_peer peer;

	ks_peer_join(&peer, shared->segment.name, "eventfd", OWNER);
	ks_meet(&shared->ready, 2);
	ks_meet(&shared->leave, 2);
	KS_CHECK(!xseg_leave(peer.x));
	KS_CHECK(open_files(getpid()) == files + shared->expect);
	/* no more where nobody sent any */
	ks_peer_join(&peer, shared->segment.name, "eventfd", OWNER);
	KS_CHECK(!xseg_leave(peer.x));
	KS_CHECK(open_files(getpid()) == files + shared->expect);
}

/* An owner leaves that has not come to look at some; so many files it keeps. */
static void leave_unseen(struct __test_metadata *_metadata, int many, int kept)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un address;
	pid_t pid, stranger;
	struct ks_peer peer;
	uint64_t start;
	socklen_t len;

	shared->many = many;
	shared->expect = kept;
	pid = ks_fork(leaving_process, NULL);
	ks_meet(&shared->ready, 2);
	ks_peer_join(&peer, shared->segment.name, "eventfd", STRANGER);
	len = socket_name(peer.x, &address);
	stop_process(pid);
	/* One who may ask, and does not, is waited for: a second. */
	ASSERT_EQ(0, connect(sock, (struct sockaddr *)&address, len));
	stranger = ks_fork(stranger_with_file, NULL);
	ks_meet(&shared->ready, 2);
	start = ks_now_ns();
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ks_meet(&shared->leave, 2);
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_GT(LINGER * 1000000000ULL / 2, ks_now_ns() - start);
	ks_kill(stranger);
	close(sock);
	EXPECT_EQ(0, xseg_leave(peer.x));
}

/* The same where it is still in the queue; of many the queue itself is kept. */
TEST_F_TIMEOUT(perm, stranger_with_file_in_the_queue, 0)
{
	if (!loopback())
		SKIP(return, "needs the loopback interface");
	leave_unseen(_metadata, 0, 0);
	leave_unseen(_metadata, 3, 3);
	leave_unseen(_metadata, 100, MAX_STUCK + 1);
}

/* Takes the name of a dead peer's socket, and gives whoever asks a file. */
static void impostor(void *arg)
{
	struct xseg *x = xseg_join(shared->segment.name, 0);
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0), conn;
	struct sockaddr_un address;
	socklen_t len;
	char c;

	KS_CHECK(x);
	len = socket_name(x, &address);
	become_stranger();
	KS_CHECK(!bind(sock, (struct sockaddr *)&address, len));
	KS_CHECK(!listen(sock, 1));
	ks_meet(&shared->ready, 2);
	conn = accept(sock, NULL, NULL);
	KS_CHECK(conn >= 0);
	KS_CHECK(!recv(conn, &c, 1, 0));	/* hung up without a question */
	_exit(0);
}

TEST_F_TIMEOUT(perm, impostor_at_the_socket, 0)
{
	pid_t pid = ks_fork(sleeping_process, NULL);
	struct ks_peer peer;

	ks_meet(&shared->ready, 2);
	ks_sleeping(pid);
	ks_kill(pid);
	ks_peer_join(&peer, shared->segment.name, "eventfd", STRANGER);
	pid = ks_fork(impostor, NULL);
	ks_meet(&shared->ready, 2);
	EXPECT_EQ(-EACCES, xseg_signal(peer.x, OWNER));
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

TEST_HARNESS_MAIN
