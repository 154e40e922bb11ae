// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type eventfd-bridge: requests to kernel peers that are woken by an
 * eventfd, signallers that know nothing of segments, and all that may be
 * wrong with the eventfd, its file descriptors and the command that moves it.
 * Waits are without limit and the cap on sleeps is off, so that a lost wake-up
 * is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/ioctl.h>
#include <xseg/signal_type.h>
#include <xseg/xseg.h>

#include "kselftest_harness.h"

#define WORDS	64
#define MIX	0x9e3779b97f4a7c15ULL
#define FULL	0xfffffffffffffffeULL	/* the most that an eventfd counts */
#define WRITE_ONE	"printf '\\1\\0\\0\\0\\0\\0\\0\\0' >&3"

static int test_start(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
static int test_start(const char *fmt, ...)
{
	int fd = open("/sys/kernel/debug/xseg_test/start", O_WRONLY);
	char line[256];
	va_list args;
	int n, ret;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	ret = write(fd, line, n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

/* An open file of the device with the segment attached. */
static int device_open(const char *name)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg),
				       .flags = XSEG_ATTACH_ONLY };
	int dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", name);
	arg.fd = open(path, O_RDWR | O_CLOEXEC);
	if (ioctl(dev, XSEG_IOC_ATTACH, &arg)) {
		close(dev);
		dev = -errno;
	}
	close(arg.fd);
	return dev;
}

/* The command: 0, a file descriptor, or a negative errno. */
static int bridge(int dev, unsigned int flags, unsigned int desc,
		  unsigned int gen, int fd)
{
	struct xseg_ioc_bridge arg = { .size = sizeof(arg), .flags = flags,
				       .desc = desc, .gen = gen, .fd = fd };

	if (ioctl(dev, XSEG_IOC_BRIDGE, &arg))
		return -errno;
	return flags & XSEG_BRIDGE_PUT ? 0 : arg.fd;
}

/* A number out of what /proc tells of an eventfd. */
static long long eventfd_info(int fd, const char *format)
{
	char path[64], line[128];
	unsigned long long v;
	long long ret = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &v) == 1)
			ret = v;
	if (f)
		fclose(f);
	return ret;
}

#define eventfd_id(fd)		eventfd_info(fd, "eventfd-id: %llu")
#define eventfd_count(fd)	eventfd_info(fd, "eventfd-count: %llx")

static int add(int fd, __u64 n)
{
	return write(fd, &n, sizeof(n)) == sizeof(n) ? 0 : -errno;
}

FIXTURE(bridge) {
	char name[32];
	int dev;
	struct xseg *xseg;
	struct signal_desc *sd;
	struct xseg_desc *peer;		/* descriptor of the kernel peer */
	struct xseg_desc_id id;		/* which it is */
};

FIXTURE_VARIANT(bridge) {
	const char *kind;
};

FIXTURE_VARIANT_ADD(bridge, thread) { .kind = "echo" };
FIXTURE_VARIANT_ADD(bridge, work) { .kind = "work" };
FIXTURE_VARIANT_ADD(bridge, direct) { .kind = "direct" };

FIXTURE_SETUP(bridge)
{
	struct xseg_params params = { .size = sizeof(params),
				      .heap_size = 4 << 20 };

	snprintf(self->name, sizeof(self->name), "bridge-%d", getpid());
	ASSERT_EQ(0, xseg_create(self->name, &params));
	ASSERT_EQ(0, xseg_attach(self->name));
	self->dev = device_open(self->name);
	ASSERT_GE(self->dev, 0);
	self->xseg = xseg_join(self->name, 0);
	ASSERT_NE(NULL, self->xseg);
	xseg_set_sleep_cap(self->xseg, XSEG_WAIT_FOREVER);
	ASSERT_EQ(0, xseg_local_signal_init(self->xseg, "futex"));
	self->sd = xseg_get_signal_desc(self->xseg, "futex");
	ASSERT_NE(NULL, self->sd);
	ASSERT_EQ(1, xseg_bind_port(self->xseg, 1, self->sd));
}

FIXTURE_TEARDOWN(bridge)
{
	close(self->dev);
	EXPECT_EQ(0, test_start("stop"));
	EXPECT_EQ(0, xseg_leave(self->xseg));
	EXPECT_EQ(0, xseg_detach(self->name));
	EXPECT_EQ(0, xseg_destroy(self->name, XSEG_DESTROY_FORCE));
}

/* Starts a kernel peer at port 2, and finds its descriptor. */
static int peer_start(struct _test_data_bridge *self, const char *kind)
{
	struct signal_desc *sd;
	int ret;

	ret = test_start("%s:eventfd-bridge %s 2", kind, self->name);
	if (ret)
		return ret;
	sd = xseg_get_port_signal_desc(self->xseg, 2);
	if (!sd)
		return -errno;
	self->peer = (struct xseg_desc *)((char *)sd -
					  offsetof(struct xseg_desc, desc));
	ret = xseg_get_desc_id(self->xseg, sd, &self->id);
	return ret ? ret : xseg_put_signal_desc(self->xseg, sd);
}

static unsigned int peer_asleep(struct _test_data_bridge *self)
{
	return XEC_ASLEEP(__atomic_load_n(&self->peer->ec.word,
					  __ATOMIC_SEQ_CST));
}

/*
 * Has the kernel peer looked for requests since it announced itself? A callback
 * is announced as asleep before its last look.
 */
static bool peer_rests(struct _test_data_bridge *self)
{
	FILE *f = fopen("/sys/kernel/debug/xseg_test/stat", "r");
	char line[512], armed[64], waits[64];
	bool rests = false;

	snprintf(armed, sizeof(armed), " at armed of %s\n", self->name);
	snprintf(waits, sizeof(waits), " at wait of %s\n", self->name);
	while (f && fgets(line, sizeof(line), f))
		rests |= strstr(line, armed) || strstr(line, waits);
	if (f)
		fclose(f);
	return rests && peer_asleep(self);
}

/* Waits until the kernel peer sleeps. */
static bool peer_sleeps(struct _test_data_bridge *self)
{
	int i;

	for (i = 0; i < 5000 && !peer_rests(self); i++)
		usleep(1000);
	return peer_rests(self);
}

static int bridge_get(struct _test_data_bridge *self)
{
	return bridge(self->dev, 0, self->id.index, self->id.gen, 0);
}

static int bridge_put(struct _test_data_bridge *self, int fd)
{
	return bridge(self->dev, XSEG_BRIDGE_PUT, self->id.index, self->id.gen,
		      fd);
}

static int send_one(struct xseg *xseg, xport from, xport to, __u64 seed,
		    unsigned int flags)
{
	struct xseg_request *req = xseg_get_request(xseg, from, to, 0);
	__u64 *data;
	int i;

	if (!req)
		return -errno;
	if (xseg_prep_request(xseg, req, 0, WORDS * 8))
		return -ENOMEM;
	data = xseg_get_data(xseg, req);
	for (i = 0; i < WORDS; i++)
		data[i] = seed * MIX + i;
	xseg_set_req_data(xseg, req, (void *)(uintptr_t)seed);
	i = xseg_submit(xseg, req, from, flags);
	return i < 0 ? i : 0;
}

/* Takes an answer, if there is one: 1 if it is right, -1 if not. */
static int take_one(struct xseg *xseg, xport port)
{
	struct xseg_request *req = xseg_receive(xseg, port, 0);
	void *seed;
	__u64 *data;
	int i, ret;

	if (!req)
		return 0;
	ret = req->state == XSEG_REQ_SERVED ? 1 : -1;
	xseg_get_req_data(xseg, req, &seed);
	data = xseg_get_data(xseg, req);
	for (i = 0; i < WORDS; i++)
		if (data[i] != ~((uintptr_t)seed * MIX + i))
			ret = -1;
	xseg_put_request(xseg, req);
	return ret;
}

/* Sends requests and checks the answers: 0, or what was wrong. */
static int traffic(struct xseg *xseg, struct signal_desc *sd, xport port,
		   unsigned long count, unsigned long depth)
{
	unsigned long sent = 0, got = 0;
	int n, ret;

	while (got < count) {
		while (sent < count && sent - got < depth) {
			ret = send_one(xseg, port, 2, ++sent, XSEG_SIGNAL);
			if (ret)
				return ret;
		}
		n = take_one(xseg, port);
		if (!n) {
			if (xseg_prepare_wait(xseg, sd))
				return -1000;
			n = take_one(xseg, port);
			if (n)
				xseg_cancel_wait(xseg, sd);
			else if (xseg_wait_signal(xseg, sd, XSEG_WAIT_FOREVER))
				return -1001;
		}
		if (n < 0)
			return -1002;
		got += n;
	}
	return 0;
}

/* An answer that somebody else's signal is to bring; within ten seconds. */
static int await_answer(struct _test_data_bridge *self)
{
	int i, n = 0;

	for (i = 0; i < 10000 && !n; i++) {
		n = take_one(self->xseg, 1);
		if (!n)
			usleep(1000);
	}
	return n;
}

TEST_F_TIMEOUT(bridge, traffic, 600)
{
	struct xseg_stats stats;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	EXPECT_EQ(0, traffic(self->xseg, self->sd, 1, 2000, 1));
	EXPECT_EQ(0, traffic(self->xseg, self->sd, 1, 2000, 16));
	EXPECT_EQ(0, xseg_get_stats(self->xseg, &stats));
	TH_LOG("sent %llu elided %llu sleeps %llu",
	       (unsigned long long)stats.signals_sent,
	       (unsigned long long)stats.signals_elided,
	       (unsigned long long)stats.sleeps);
	EXPECT_GE(bridge_get(self), 0);
}

/* Nobody waits: nothing is written, there is not even an eventfd. */
TEST_F(bridge, elided)
{
	struct xseg_stats stats;
	int fd;

	ASSERT_EQ(0, peer_start(self, "idle"));
	EXPECT_EQ(0, xseg_signal(self->xseg, 2));
	EXPECT_EQ(0, send_one(self->xseg, 1, 2, 1, XSEG_SIGNAL));
	EXPECT_EQ(0, xseg_get_stats(self->xseg, &stats));
	EXPECT_EQ(0, stats.signals_sent);
	EXPECT_EQ(2, stats.signals_elided);
	EXPECT_EQ(-ENOENT, bridge_get(self));

	/* Somebody waits: it is made, and written to. */
	EXPECT_EQ(0, test_start("stop"));
	ASSERT_EQ(0, peer_start(self, variant->kind));
	ASSERT_TRUE(peer_sleeps(self));
	EXPECT_EQ(0, xseg_signal(self->xseg, 2));
	fd = bridge_get(self);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(0, eventfd_count(fd));
}

static pid_t run_with(int fd, const char *program, const char *option,
		      const char *text)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (fd == 3)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, 3);
	execlp(program, program, option, text, NULL);
	_exit(127);
}

static int by_write(int fd)
{
	return add(fd, 1);
}

static int by_bash(int fd)
{
	int status;

	waitpid(run_with(fd, "bash", "-c", WRITE_ONE), &status, 0);
	return status;
}

static int by_python(int fd)
{
	int status;

	waitpid(run_with(fd, "python3", "-c", "import os; "
			 "os.write(3, (1).to_bytes(8, 'little'))"), &status, 0);
	return status;
}

/* One write by a ring of one entry. */
static int by_uring(int fd)
{
	struct io_uring_params p = { 0 };
	struct io_uring_sqe *sqe;
	__u64 one = 1;
	char *sq, *cq;
	int ring, res;

	ring = (int)syscall(SYS_io_uring_setup, 1, &p);
	if (ring < 0)
		return -errno;
	sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		   IORING_OFF_SQES);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_WRITE;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)&one;
	sqe->len = sizeof(one);
	*(__u32 *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) != 1)
		return -errno;
	res = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
	munmap(sq, 4096);
	munmap(cq, 4096);
	munmap(sqe, sizeof(*sqe));
	close(ring);
	return res == sizeof(one) ? 0 : -1;
}

/*
 * Requests that nobody signals lie there until a stranger writes. He does not
 * move the event count: what was announced there is taken back all the same.
 */
TEST_F_TIMEOUT(bridge, strangers, 180)
{
	static int (* const by[])(int fd) = { by_write, by_bash, by_python,
					      by_uring };
	unsigned int i, turn;
	int fd;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	fd = xseg_get_bridge_fd(self->xseg, 2);
	ASSERT_GE(fd, 0);
	for (i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		for (turn = 0; turn < 3; turn++) {
			ASSERT_TRUE(peer_sleeps(self));
			ASSERT_EQ(0, send_one(self->xseg, 1, 2, i + 1, 0));
			usleep(20000);
			EXPECT_EQ(0, take_one(self->xseg, 1));
			EXPECT_EQ(0, by[i](fd));
			EXPECT_EQ(1, await_answer(self)) {
				TH_LOG("signaller %u", i);
			}
		}
	}
	EXPECT_EQ(0, eventfd_count(fd));
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(0, add(fd, 1));
	usleep(50000);
	EXPECT_TRUE(peer_sleeps(self));
	EXPECT_EQ(1, peer_asleep(self));
}

/* A reference to the same file for everybody who asks. */
TEST_F(bridge, same_for_all)
{
	int fd, dev, mine, status, i;
	long long id;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	fd = xseg_get_bridge_fd(self->xseg, 2);
	ASSERT_GE(fd, 0);
	id = eventfd_id(fd);
	ASSERT_GE(id, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	for (i = 0; i < 4; i++) {
		if (fork())
			continue;
		dev = device_open(self->name);
		mine = bridge(dev, 0, self->id.index, self->id.gen, 0);
		if (mine < 0 || mine == fd || add(mine, 1))
			_exit(1);
		_exit(eventfd_id(mine) == id &&
		      fcntl(mine, F_GETFD) == FD_CLOEXEC ? 0 : 2);
	}
	for (i = 0; i < 4; i++) {
		wait(&status);
		EXPECT_EQ(0, status);
	}

	/* It stays when all have closed it. */
	EXPECT_EQ(0, xseg_signal(self->xseg, 2));
	close_range(3, ~0U, 0);
	self->dev = device_open(self->name);
	fd = bridge_get(self);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(id, eventfd_id(fd));
	EXPECT_EQ(0, traffic(self->xseg, self->sd, 1, 100, 1));
}

TEST_F(bridge, wrong_files)
{
	int pipe_fd[2], sock[2], efd = eventfd(5, EFD_NONBLOCK), i;
	int semaphore = eventfd(5, EFD_SEMAPHORE | EFD_NONBLOCK);
	int bad[] = { memfd_create("x", 0), open("/", O_RDONLY | O_DIRECTORY),
		      open("/dev/null", O_RDWR), -1, -1, -1, -1 };
	__u64 n;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	bad[3] = pipe_fd[0];
	bad[4] = pipe_fd[1];
	bad[5] = sock[0];
	bad[6] = self->dev;
	for (i = 0; i < 7; i++)
		EXPECT_EQ(-EINVAL, bridge_put(self, bad[i]));
	EXPECT_EQ(-EBADF, bridge_put(self, -1));
	EXPECT_EQ(-EBADF, bridge_put(self, 1000));
	EXPECT_EQ(-EBADF, bridge_put(self, open("/dev/null", O_PATH)));
	/* It would fill up; what it counted is as before. */
	EXPECT_EQ(-EINVAL, bridge_put(self, semaphore));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(8, read(semaphore, &n, sizeof(n)));
	EXPECT_EQ(-1, read(semaphore, &n, sizeof(n)));

	EXPECT_EQ(-ENOENT, bridge_get(self));
	EXPECT_EQ(0, bridge_put(self, efd));
	EXPECT_EQ(-EEXIST, bridge_put(self, efd));
	EXPECT_EQ(-EEXIST, bridge_put(self, eventfd(0, 0)));
	EXPECT_EQ(eventfd_id(efd), eventfd_id(bridge_get(self)));
}

TEST_F(bridge, wrong_commands)
{
	struct xseg_ioc_bridge arg = { .size = sizeof(arg) };
	struct xseg_ioc_info info = { .size = sizeof(info) };
	int efd = eventfd(0, 0), other = open(XSEG_DEVICE, O_RDWR);
	struct xseg_desc_id mine;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	ASSERT_EQ(0, xseg_get_desc_id(self->xseg, self->sd, &mine));
	ASSERT_EQ(0, ioctl(other, XSEG_IOC_INFO, &info));
	EXPECT_TRUE(info.features & XSEG_DEVICE_BRIDGE);

	/* no segment; no such descriptor, of the kernel, of this type */
	EXPECT_EQ(-ENXIO, bridge(other, 0, self->id.index, self->id.gen, 0));
	EXPECT_EQ(-EINVAL, bridge(self->dev, 0, 1U << 20, 1, 0));
	EXPECT_EQ(-EINVAL, bridge(self->dev, 0, ~0U, 1, 0));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, 0, mine.index, mine.gen, 0));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, XSEG_BRIDGE_PUT, mine.index,
				    mine.gen, efd));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, 0, self->id.index,
				    self->id.gen - 1, 0));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, XSEG_BRIDGE_PUT, self->id.index,
				    self->id.gen + 1, efd));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, 0, self->id.index + 1, 1, 0));
	ASSERT_EQ(0, test_start("echo %s 3", self->name));
	EXPECT_EQ(-EOPNOTSUPP, xseg_get_bridge_fd(self->xseg, 3));

	/* flags, what is reserved, size */
	EXPECT_EQ(-EINVAL, bridge(self->dev, 2, self->id.index, self->id.gen,
				  0));
	EXPECT_EQ(-EINVAL, bridge(self->dev, 0, self->id.index, self->id.gen,
				  1));
	arg.desc = self->id.index;
	arg.gen = self->id.gen;
	arg.rsvd = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_BRIDGE, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.rsvd = 0;
	arg.size = sizeof(arg) - 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_BRIDGE, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_BRIDGE, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-ENOENT, bridge_get(self));

	/* the library's call */
	EXPECT_EQ(-EINVAL, xseg_get_bridge_fd(self->xseg, NoPort));
	EXPECT_EQ(-ENOTCONN, xseg_get_bridge_fd(self->xseg, 4));
	EXPECT_EQ(-EOPNOTSUPP, xseg_get_bridge_fd(self->xseg, 1));
	EXPECT_EQ(-ESTALE, xseg_get_bridge_fd(NULL, 1));
}

/* A descriptor that the caller could not be told of, or has no room for. */
TEST_F(bridge, no_room)
{
	struct xseg_ioc_bridge *arg = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit = { 64, 64 };
	int i, next, efd = eventfd(0, 0);

	ASSERT_EQ(0, peer_start(self, variant->kind));
	arg->size = sizeof(*arg);
	arg->desc = self->id.index;
	arg->gen = self->id.gen;
	arg->flags = XSEG_BRIDGE_PUT;
	arg->fd = efd;
	ASSERT_EQ(0, mprotect(arg, 4096, PROT_READ));
	/* nothing is to be told of that one */
	ASSERT_EQ(0, ioctl(self->dev, XSEG_IOC_BRIDGE, arg));
	ASSERT_EQ(0, mprotect(arg, 4096, PROT_READ | PROT_WRITE));
	arg->flags = 0;
	arg->fd = 0;
	ASSERT_EQ(0, mprotect(arg, 4096, PROT_READ));
	next = dup(0);
	close(next);
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_BRIDGE, arg));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(next, dup(0));

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 64; i++)
		if (dup(0) < 0)
			break;
	EXPECT_EQ(-EMFILE, bridge_get(self));
	EXPECT_EQ(-EMFILE, xseg_get_bridge_fd(self->xseg, 2));
	close(next);
	EXPECT_EQ(next, bridge_get(self));
}

static void *blocked_writer(void *arg)
{
	return (void *)(intptr_t)add(*(int *)arg, 1);
}

/* The counter is emptied at each write, and when the eventfd is given. */
TEST_F(bridge, never_full)
{
	int efd = eventfd(0, 0), i;
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	ASSERT_TRUE(peer_sleeps(self));
	ASSERT_EQ(0, send_one(self->xseg, 1, 2, 1, 0));
	ASSERT_EQ(0, add(efd, FULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, blocked_writer, &efd));
	usleep(100000);
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(thread, NULL));
	EXPECT_EQ(0, bridge_put(self, efd));
	EXPECT_EQ(1, await_answer(self));
	EXPECT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(0, eventfd_count(efd));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, fcntl(efd, F_SETFL, O_NONBLOCK));
		EXPECT_EQ(0, add(efd, FULL));
		EXPECT_EQ(0, add(efd, FULL));
		EXPECT_EQ(0, eventfd_count(efd));
	}
}

/* One eventfd for two kernel peers: a write wakes both. */
TEST_F(bridge, one_for_two)
{
	struct _test_data_bridge second = *self;
	int efd = eventfd(0, EFD_NONBLOCK), i;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	EXPECT_EQ(0, bridge_put(self, efd));
	ASSERT_EQ(0, test_start("%s:eventfd-bridge %s 3", variant->kind,
				self->name));
	second.sd = xseg_get_port_signal_desc(self->xseg, 3);
	ASSERT_NE(NULL, second.sd);
	ASSERT_EQ(0, xseg_get_desc_id(self->xseg, second.sd, &second.id));
	EXPECT_EQ(0, bridge_put(&second, efd));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, send_one(self->xseg, 1, 2, 1, 0));
		EXPECT_EQ(0, send_one(self->xseg, 1, 3, 2, 0));
		EXPECT_EQ(0, add(efd, 1));
		ASSERT_EQ(1, await_answer(self));
		ASSERT_EQ(1, await_answer(self));
	}
	EXPECT_EQ(0, eventfd_count(efd));
}

/* The kernel peer leaves while a process has the eventfd: it is one again. */
TEST_F(bridge, peer_leaves)
{
	struct xseg_desc_id old;
	int fd;

	ASSERT_EQ(0, peer_start(self, variant->kind));
	fd = xseg_get_bridge_fd(self->xseg, 2);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, add(fd, 1));
	EXPECT_EQ(0, eventfd_count(fd));
	old = self->id;
	EXPECT_EQ(0, test_start("stop"));
	EXPECT_EQ(0, add(fd, 7));
	EXPECT_EQ(7, eventfd_count(fd));
	EXPECT_EQ(-ENOTCONN, bridge_get(self));
	EXPECT_EQ(-ENOTCONN, bridge_put(self, fd));
	EXPECT_EQ(-ENOTCONN, xseg_get_bridge_fd(self->xseg, 2));

	ASSERT_EQ(0, peer_start(self, variant->kind));
	EXPECT_EQ(-ENOTCONN, bridge(self->dev, 0, old.index, old.gen, 0));
	EXPECT_EQ(-ENOENT, bridge_get(self));
	EXPECT_EQ(0, traffic(self->xseg, self->sd, 1, 100, 1));
	EXPECT_NE(eventfd_id(fd), eventfd_id(bridge_get(self)));
}

static void write_for_ever(int fd)
{
	for (;;)
		add(fd, 1);
}

/* Hooked and unhooked while two processes write all the time. */
TEST_F_TIMEOUT(bridge, release_under_writes, 300)
{
	int efd = eventfd(0, EFD_NONBLOCK), i;
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			write_for_ever(efd);
	}
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, peer_start(self, variant->kind));
		ASSERT_EQ(0, bridge_put(self, efd));
		ASSERT_EQ(0, send_one(self->xseg, 1, 2, i, 0));
		ASSERT_EQ(1, await_answer(self));
		ASSERT_EQ(0, test_start("stop"));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, kill(pid[i], SIGKILL));
		waitpid(pid[i], NULL, 0);
	}
}

/* A process that is the first to signal, with others. */
static int first_signaller(const char *name, xport port, __u32 *go)
{
	struct xseg *xseg = xseg_join(name, 0);
	struct signal_desc *sd;

	if (!xseg || xseg_local_signal_init(xseg, "eventfd"))
		return 1;
	xseg_set_sleep_cap(xseg, XSEG_WAIT_FOREVER);
	sd = xseg_get_signal_desc(xseg, "eventfd");
	if (!sd || xseg_bind_port(xseg, port, sd) != (int)port)
		return 2;
	__atomic_fetch_sub(go, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(go, __ATOMIC_SEQ_CST))
		;
	if (traffic(xseg, sd, port, 50, 2))
		return 3;
	return xseg_leave(xseg) ? 4 : 0;
}

/* They agree on one eventfd, whoever comes first. */
TEST_F_TIMEOUT(bridge, first_together, 300)
{
	__u32 *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int round, i, status;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, peer_start(self, variant->kind));
		*go = 3;
		for (i = 0; i < 3; i++)
			if (!fork())
				_exit(first_signaller(self->name, 10 + i, go));
		for (i = 0; i < 3; i++) {
			wait(&status);
			EXPECT_EQ(0, status);
		}
		ASSERT_EQ(0, test_start("stop"));
	}
}

TEST_HARNESS_MAIN
