// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg_signal_fd() in event loops: poll, epoll by level and by edge, and
 * io_uring. Prepare, look, wait for the file, cancel; nothing else. There is
 * no time limit anywhere: one event that does not come hangs the test.
 */
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

enum { LOOP, ASKER };	/* ports */

/* A ring of one submission, which is all that is needed here. */
static struct uring {
	int fd;
	struct io_uring_params p;
	char *sq;
	char *cq;
	struct io_uring_sqe *sqe;
} uring;

static bool uring_open(void)
{
	struct io_uring_params *p = &uring.p;
	size_t size;

	uring.fd = (int)syscall(SYS_io_uring_setup, 4, p);
	if (uring.fd < 0)
		return false;
	size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	uring.sq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			uring.fd, IORING_OFF_SQ_RING);
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	uring.cq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			uring.fd, IORING_OFF_CQ_RING);
	uring.sqe = mmap(NULL, p->sq_entries * sizeof(*uring.sqe),
			 PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd,
			 IORING_OFF_SQES);
	return uring.sq != MAP_FAILED && uring.cq != MAP_FAILED &&
	       uring.sqe != MAP_FAILED;
}

static uint32_t *uring_word(char *ring, uint32_t offset)
{
	return (uint32_t *)(ring + offset);
}

/* Submits one poll and waits for its completion. */
static void uring_wait(int fd)
{
	struct io_uring_params *p = &uring.p;
	uint32_t tail = *uring_word(uring.sq, p->sq_off.tail);
	uint32_t at = tail & *uring_word(uring.sq, p->sq_off.ring_mask);
	uint32_t *head = uring_word(uring.cq, p->cq_off.head);
	struct io_uring_cqe *cqe;

	memset(&uring.sqe[at], 0, sizeof(uring.sqe[at]));
	uring.sqe[at].opcode = IORING_OP_POLL_ADD;
	uring.sqe[at].fd = fd;
	uring.sqe[at].poll32_events = POLLIN;
	uring_word(uring.sq, p->sq_off.array)[at] = at;
	__atomic_store_n(uring_word(uring.sq, p->sq_off.tail), tail + 1,
			 __ATOMIC_RELEASE);
	KS_CHECK(syscall(SYS_io_uring_enter, uring.fd, 1, 1,
			 IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	KS_CHECK(__atomic_load_n(uring_word(uring.cq, p->cq_off.tail),
				 __ATOMIC_ACQUIRE) == *head + 1);
	cqe = (struct io_uring_cqe *)(uring.cq + p->cq_off.cqes) +
	      (*head & *uring_word(uring.cq, p->cq_off.ring_mask));
	KS_CHECK(cqe->res & POLLIN);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
}

static int epoll = -1;

static void epoll_add(int fd, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags };

	epoll = epoll_create1(EPOLL_CLOEXEC);
	KS_CHECK(epoll >= 0);
	KS_CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static void epoll_wait_in(int fd)
{
	struct epoll_event event;

	KS_CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
	KS_CHECK(event.events & EPOLLIN);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void poll_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	KS_CHECK(poll(&p, 1, -1) == 1);
}

/**
 * struct shared - what the two processes share
 * @segment: where
 * @type:    of signal
 * @ready:   where they meet once both have joined
 * @waits:   the loop waits for its file, or is about to
 */
struct shared {
	struct ks_segment segment;
	const char *type;
	struct ks_barrier ready;
	bool waits;
};

FIXTURE(loop)
{
	struct shared *shared;
	struct ks_peer peer;
	unsigned long rounds;
	int fd;
};

FIXTURE_VARIANT(loop)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(loop, eventfd) { .type = "eventfd" };
FIXTURE_VARIANT_ADD(loop, fifo) { .type = "fifo" };

static void await_wait(const struct shared *shared, uint64_t *dice)
{
	while (!__atomic_load_n(&shared->waits, __ATOMIC_SEQ_CST))
		sched_yield();
	usleep(ks_random(dice) % 100);
}

/* Asks until it is told to stop; each question comes after the last answer. */
static void asker(void *arg)
{
	struct shared *shared = arg;
	struct xseg_request *req;
	struct ks_peer peer;
	uint64_t dice = 1;
	uint64_t n = 0;

	ks_peer_join(&peer, shared->segment.name, shared->type, ASKER);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	ks_meet(&shared->ready, 2);
	do {
		if (!(ks_random(&dice) % 8))
			await_wait(shared, &dice);
		ks_ask(&peer, LOOP, n++);
		req = ks_wait_reply(&peer);
	} while (!xseg_put_request(peer.x, req) && !req->op);
	KS_CHECK(!xseg_leave(peer.x));
}

FIXTURE_SETUP(loop)
{
	ks_plugins();
	self->rounds = ks_number("XSEG_TEST_ROUNDS", ks_scaled(20000));
	self->shared = ks_shared(sizeof(*self->shared));
	self->shared->type = variant->type;
	ASSERT_EQ(0, ks_create(&self->shared->segment, &ks_small));
}

FIXTURE_TEARDOWN(loop)
{
	EXPECT_EQ(0, xseg_leave(self->peer.x));
	ks_destroy(&self->shared->segment);
}

/* After all forks: the peer may have threads. */
static void loop_join(FIXTURE_DATA(loop) *self)
{
	ks_peer_join(&self->peer, self->shared->segment.name,
		     self->shared->type, LOOP);
	self->fd = xseg_signal_fd(self->peer.x, self->peer.sd);
	KS_CHECK(self->fd >= 0);
}

/* The asker sees that it waits. */
static void wait_seen(FIXTURE_DATA(loop) *self, void (*wait)(int fd))
{
	__atomic_store_n(&self->shared->waits, true, __ATOMIC_SEQ_CST);
	wait(self->fd);
	__atomic_store_n(&self->shared->waits, false, __ATOMIC_SEQ_CST);
}

/* Serves until all rounds are done; how often it waited. */
static unsigned long run_loop(FIXTURE_DATA(loop) *self, void (*wait)(int fd))
{
	struct ks_peer *peer = &self->peer;
	unsigned long done = 0, waits = 0;
	struct xseg_request *req;

	while (done < self->rounds) {
		KS_CHECK(!xseg_prepare_wait(peer->x, peer->sd));
		req = xseg_accept(peer->x, LOOP, 0);
		if (!req) {
			wait_seen(self, wait);
			waits++;
		}
		KS_CHECK(!xseg_cancel_wait(peer->x, peer->sd));
		if (!req)
			continue;
		KS_CHECK(req->cookie == done);
		req->op = ++done == self->rounds;
		KS_CHECK(xseg_respond(peer->x, req, LOOP, XSEG_SIGNAL) ==
			 ASKER);
	}
	return waits;
}

static void check_loop(struct __test_metadata *_metadata,
		       FIXTURE_DATA(loop) *self, void (*wait)(int fd),
		       uint32_t epoll_flags)
{
	pid_t pid = ks_fork(asker, self->shared);
	unsigned long waits;

	if (!self->peer.x)
		loop_join(self);
	if (wait == epoll_wait_in)
		epoll_add(self->fd, epoll_flags);
	ks_meet(&self->shared->ready, 2);
	waits = run_loop(self, wait);
	printf("# %lu questions, %lu waits\n", self->rounds, waits);
	EXPECT_LT(self->rounds / 10, waits);	/* or it tests nothing */
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_FALSE(readable(self->fd));
}

TEST_F_TIMEOUT(loop, poll, 0)
{
	check_loop(_metadata, self, poll_wait, 0);
}

TEST_F_TIMEOUT(loop, epoll_level, 0)
{
	check_loop(_metadata, self, epoll_wait_in, 0);
}

TEST_F_TIMEOUT(loop, epoll_edge, 0)
{
	check_loop(_metadata, self, epoll_wait_in, EPOLLET);
}

TEST_F_TIMEOUT(loop, io_uring, 0)
{
	if (!uring_open()) {
		loop_join(self);
		SKIP(return, "no io_uring here");
	}
	check_loop(_metadata, self, uring_wait, 0);
}

static void prepare(struct ks_peer *peer)
{
	KS_CHECK(!xseg_prepare_wait(peer->x, peer->sd));
}

static void cancel(struct ks_peer *peer)
{
	KS_CHECK(!xseg_cancel_wait(peer->x, peer->sd));
}

/* Readable from a signal to the next cancel, and at no other time. */
TEST_F(loop, when_it_is_readable)
{
	struct ks_peer *peer = &self->peer;
	struct xseg *other;

	loop_join(self);
	other = xseg_join(self->shared->segment.name, XSEG_JOIN_PLUGINS);
	ASSERT_NE(NULL, other);
	prepare(peer);		/* from xseg_signal_fd() itself, perhaps */
	cancel(peer);
	EXPECT_FALSE(readable(self->fd));
	prepare(peer);
	EXPECT_FALSE(readable(self->fd));
	ASSERT_EQ(0, xseg_signal(other, LOOP));
	EXPECT_TRUE(readable(self->fd));
	cancel(peer);
	EXPECT_FALSE(readable(self->fd));
	ASSERT_EQ(0, xseg_signal(other, LOOP));	/* nobody waits: elided */
	EXPECT_FALSE(readable(self->fd));
	prepare(peer);
	EXPECT_FALSE(readable(self->fd));
	ASSERT_EQ(0, xseg_signal(peer->x, LOOP));	/* one's own */
	EXPECT_TRUE(readable(self->fd));
	cancel(peer);
	EXPECT_EQ(self->fd, xseg_signal_fd(peer->x, peer->sd));
	EXPECT_EQ(0, xseg_leave(other));
}

/* A shell that writes to the pipe: a wake without reason, once. */
TEST_F_TIMEOUT(loop, shell_writes, 0)
{
	struct ks_peer *peer = &self->peer;
	struct xseg_info info;
	char command[256];
	int i, n;

	loop_join(self);
	if (strcmp(variant->type, "fifo"))
		return;			/* a shell finds fifos only */
	ASSERT_EQ(0, xseg_get_info(peer->x, &info));
	n = snprintf(command, sizeof(command),
		     "for f in /dev/shm/xseg-fifo.");
	for (i = 0; i < 16; i++)
		n += snprintf(command + n, sizeof(command) - (size_t)n, "%02x",
			      info.uuid[i]);
	snprintf(command + n, sizeof(command) - (size_t)n,
		 ".*; do echo >$f || exit; done");
	prepare(peer);
	cancel(peer);
	prepare(peer);
	EXPECT_EQ(NULL, xseg_accept(peer->x, LOOP, 0));
	ASSERT_EQ(0, system(command));
	EXPECT_TRUE(readable(self->fd));
	cancel(peer);
	EXPECT_FALSE(readable(self->fd));
	/* who sleeps in xseg_wait_signal() may return, or sleep on */
	prepare(peer);
	ASSERT_EQ(0, system(command));
	i = xseg_wait_signal(peer->x, peer->sd, 50000);
	EXPECT_TRUE(!i || i == -ETIMEDOUT);
	EXPECT_FALSE(readable(self->fd));
	check_loop(_metadata, self, poll_wait, 0);
}

TEST_F(loop, one_file_for_each)
{
	struct ks_peer second;

	loop_join(self);
	ks_peer_join(&second, self->shared->segment.name, variant->type, 5);
	EXPECT_NE(self->fd, xseg_signal_fd(second.x, second.sd));
	EXPECT_EQ(0, xseg_leave(second.x));
	/* another's descriptor has its file elsewhere */
	second.x = xseg_join(self->shared->segment.name, XSEG_JOIN_PLUGINS);
	second.sd = xseg_get_port_signal_desc(second.x, LOOP);
	ASSERT_NE(NULL, second.sd);
	EXPECT_EQ(-EOPNOTSUPP, xseg_signal_fd(second.x, second.sd));
	EXPECT_EQ(-EOPNOTSUPP, xseg_prepare_wait(second.x, second.sd));
	EXPECT_EQ(0, xseg_leave(second.x));
}

TEST_HARNESS_MAIN
