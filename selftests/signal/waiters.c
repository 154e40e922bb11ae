// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Several waiters on one descriptor: each signal wakes all of them, and the
 * next one comes only when all have seen the last. With waits without end and
 * without a cap, one waiter that is left asleep hangs the test.
 *
 * The waiters are threads of the owner, in xseg_wait_signal() or in poll(2)
 * on xseg_signal_fd() or some of each; or processes that hold the descriptor.
 * In some tests other processes signal without need all the time, so that
 * several signallers are between the steps at once. Delays as in wakeups.c.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "selftests/lib/ks.h"
#include "selftests/lib/ks_inject.h"

#include "kselftest_harness.h"

#define WAITERS		4
#define OFTEN		6
#define LAST		(1ULL << 63)

enum { OWNER, POSTER, FIRST_OTHER };	/* ports */

/**
 * struct run - what all processes of a test share
 * @segment: where
 * @type:    of signal
 * @pollers: waiters that use poll(2)
 * @holders: the waiters are processes that hold the owner's descriptor
 * @noisy:   processes that signal without need
 * @rounds:  signals
 * @seed:    of the delays
 * @ready:   where all meet before they begin and before they leave
 * @posted:  number of the last signal, LAST set in the very last
 * @pending: waiters that have not seen it
 */
struct run {
	struct ks_segment segment;
	const char *type;
	unsigned int pollers;
	bool holders;
	unsigned int noisy;
	uint64_t rounds;
	uint64_t seed;
	struct ks_barrier ready;
	uint64_t posted __attribute__((aligned(64)));
	uint32_t pending __attribute__((aligned(64)));
};

struct waiter {
	struct run *run;
	struct ks_peer *peer;
	unsigned int i;
	pthread_t thread;
};

struct other {
	struct run *run;
	unsigned int i;
};

/* Until something was posted; each turn of the loop is one wait. */
static uint64_t wait_posted(struct waiter *w, int fd, uint64_t seen)
{
	struct ks_peer *p = w->peer;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t posted;

	for (;;) {
		ks_delay();
		KS_CHECK(!xseg_prepare_wait(p->x, p->sd));
		ks_delay();
		posted = __atomic_load_n(&w->run->posted, __ATOMIC_ACQUIRE);
		ks_delay();
		if (posted == seen && fd < 0) {
			KS_CHECK(!xseg_wait_signal(p->x, p->sd,
						   XSEG_WAIT_FOREVER));
			continue;
		}
		if (posted == seen)
			KS_CHECK(poll(&pfd, 1, -1) == 1);
		KS_CHECK(!xseg_cancel_wait(p->x, p->sd));
		if (posted != seen)
			return posted;
	}
}

static void *waiter_thread(void *arg)
{
	struct waiter *w = arg;
	struct run *run = w->run;
	uint64_t posted, seen = 0;
	int fd = -1;

	if (w->i < run->pollers) {
		fd = xseg_signal_fd(w->peer->x, w->peer->sd);
		KS_CHECK(fd >= 0);
	}
	ks_delay_start(run->seed + w->i, OFTEN);
	do {
		posted = wait_posted(w, fd, seen);
		KS_CHECK((posted & ~LAST) == seen + 1);
		seen = posted;
		if (__atomic_fetch_sub(&run->pending, 1, __ATOMIC_SEQ_CST) == 1)
			KS_CHECK(!xseg_signal(w->peer->x, POSTER));
	} while (!(posted & LAST));
	ks_delay_start(0, 0);
	return NULL;
}

static unsigned int processes(const struct run *run)
{
	return 2 + run->noisy + (run->holders ? WAITERS : 0);
}

static void begin(struct ks_peer *peer, struct run *run, xport port)
{
	ks_plugins();
	ks_peer_join(peer, run->segment.name, run->type, port);
	KS_CHECK(!xseg_set_sleep_cap(peer->x, XSEG_WAIT_FOREVER));
	ks_meet(&run->ready, processes(run));
}

static void end(struct ks_peer *peer, struct run *run)
{
	ks_delay_start(0, 0);
	ks_meet(&run->ready, processes(run));
	KS_CHECK(!xseg_leave(peer->x));
}

static void owner_process(void *arg)
{
	struct run *run = arg;
	struct waiter waiter[WAITERS];
	struct ks_peer peer;
	unsigned int i;

	begin(&peer, run, OWNER);
	for (i = 0; i < WAITERS && !run->holders; i++) {
		waiter[i] = (struct waiter){ run, &peer, i, 0 };
		KS_CHECK(!pthread_create(&waiter[i].thread, NULL,
					 waiter_thread, &waiter[i]));
	}
	for (i = 0; i < WAITERS && !run->holders; i++)
		KS_CHECK(!pthread_join(waiter[i].thread, NULL));
	end(&peer, run);
}

static void poster_process(void *arg)
{
	struct run *run = arg;
	struct ks_peer peer;
	uint64_t i;

	begin(&peer, run, POSTER);
	ks_delay_start(run->seed + 99, OFTEN);
	for (i = 1; i <= run->rounds; i++) {
		__atomic_store_n(&run->pending, WAITERS, __ATOMIC_SEQ_CST);
		__atomic_store_n(&run->posted,
				 i == run->rounds ? i | LAST : i,
				 __ATOMIC_RELEASE);
		ks_delay();
		KS_CHECK(!xseg_signal(peer.x, OWNER));
		for (;;) {
			KS_CHECK(!xseg_prepare_wait(peer.x, peer.sd));
			if (!__atomic_load_n(&run->pending, __ATOMIC_ACQUIRE))
				break;
			KS_CHECK(!xseg_wait_signal(peer.x, peer.sd,
						   XSEG_WAIT_FOREVER));
		}
		KS_CHECK(!xseg_cancel_wait(peer.x, peer.sd));
	}
	end(&peer, run);
}

static void holder_process(void *arg)
{
	struct other *o = arg;
	struct ks_peer peer, held;
	struct waiter waiter = { o->run, &held, o->i, 0 };

	begin(&peer, o->run, FIRST_OTHER + o->i);
	held = peer;
	held.sd = xseg_get_port_signal_desc(peer.x, OWNER);
	KS_CHECK(held.sd);
	waiter_thread(&waiter);
	KS_CHECK(!xseg_put_signal_desc(peer.x, held.sd));
	end(&peer, o->run);
}

static void noisy_process(void *arg)
{
	struct other *o = arg;
	struct run *run = o->run;
	struct ks_peer peer;

	begin(&peer, run, FIRST_OTHER + WAITERS + o->i);
	ks_delay_start(run->seed + 50 + o->i, OFTEN);
	while (!(__atomic_load_n(&run->posted, __ATOMIC_RELAXED) & LAST)) {
		KS_CHECK(!xseg_signal(peer.x, OWNER));
		usleep(ks_random(&run->seed) % 300);
	}
	end(&peer, run);
}

static int run_all(struct run *run)
{
	struct other other[WAITERS + 2];
	pid_t pid[WAITERS + 4];
	uint64_t start = ks_now_ns();
	unsigned int i, n = 0;
	int ret;

	pid[n++] = ks_fork(owner_process, run);
	pid[n++] = ks_fork(poster_process, run);
	for (i = 0; i < run->noisy; i++) {
		other[i] = (struct other){ run, i };
		pid[n++] = ks_fork(noisy_process, &other[i]);
	}
	for (i = 0; i < WAITERS && run->holders; i++) {
		other[i] = (struct other){ run, i };
		pid[n++] = ks_fork(holder_process, &other[i]);
	}
	ret = ks_wait_all(pid, n);
	printf("# %s, %u waiters, %u in poll, %u noisy: %llu rounds, %.1f us each\n",
	       run->type, WAITERS, run->pollers, run->noisy,
	       (unsigned long long)(run->posted & ~LAST),
	       (double)(ks_now_ns() - start) / 1000 / (double)run->rounds);
	return ret;
}

static struct run *run_new(const char *type)
{
	struct run *run = ks_shared(sizeof(*run));

	run->type = type;
	run->seed = ks_seed();
	run->rounds = ks_number("XSEG_TEST_ROUNDS", ks_scaled(300000)) / 20;
	KS_CHECK(!ks_create(&run->segment, &ks_small));
	return run;
}

FIXTURE(waiters)
{
	struct run *run;
};

FIXTURE_VARIANT(waiters)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(waiters, futex) { .type = "futex" };
FIXTURE_VARIANT_ADD(waiters, eventfd) { .type = "eventfd" };
FIXTURE_VARIANT_ADD(waiters, fifo) { .type = "fifo" };

FIXTURE_SETUP(waiters)
{
	self->run = run_new(variant->type);
}

FIXTURE_TEARDOWN(waiters)
{
	ks_destroy(&self->run->segment);
}

TEST_F_TIMEOUT(waiters, threads, 0)
{
	ASSERT_EQ(0, run_all(self->run));
}

TEST_F_TIMEOUT(waiters, threads_and_noise, 0)
{
	self->run->noisy = 2;
	ASSERT_EQ(0, run_all(self->run));
}

/* Those that have a file. */
FIXTURE(pollers)
{
	struct run *run;
};

FIXTURE_VARIANT(pollers)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(pollers, eventfd) { .type = "eventfd" };
FIXTURE_VARIANT_ADD(pollers, fifo) { .type = "fifo" };

FIXTURE_SETUP(pollers)
{
	self->run = run_new(variant->type);
}

FIXTURE_TEARDOWN(pollers)
{
	ks_destroy(&self->run->segment);
}

TEST_F_TIMEOUT(pollers, all, 0)
{
	self->run->pollers = WAITERS;
	ASSERT_EQ(0, run_all(self->run));
}

TEST_F_TIMEOUT(pollers, some_and_noise, 0)
{
	self->run->pollers = WAITERS / 2;
	self->run->noisy = 1;
	ASSERT_EQ(0, run_all(self->run));
}

/* A futex needs no file that only its owner has. */
FIXTURE(holders)
{
	struct run *run;
};

FIXTURE_SETUP(holders)
{
	self->run = run_new("futex");
}

FIXTURE_TEARDOWN(holders)
{
	ks_destroy(&self->run->segment);
}

TEST_F_TIMEOUT(holders, futex, 0)
{
	self->run->holders = true;
	ASSERT_EQ(0, run_all(self->run));
}

TEST_HARNESS_MAIN
