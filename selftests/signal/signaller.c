// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signallers that are killed or stopped in the middle of a signal: after they
 * moved the sequence and before they woke the sleepers, or after that and
 * before they took the sleepers out of the count. The next signal must wake
 * whoever still sleeps; if there is none, it is the reaper that does.
 *
 * The sleeper has no time limit and no cap: what it waits for is that.
 */
#include <signal.h>
#include <stdio.h>

#include "selftests/lib/ks.h"
#include "selftests/lib/ks_inject.h"

#include "kselftest_harness.h"

enum { SLEEPER, SIGNALLER, OTHER };	/* ports */

/**
 * struct shared - what the processes of a test share
 * @segment: where
 * @type:    of signal
 * @ready:   where the test and the sleeper meet
 * @work:    what the sleeper waits for
 * @seen:    how much of it the sleeper has seen
 * @after:   the signaller is held up after the wake, not before
 */
struct shared {
	struct ks_segment segment;
	const char *type;
	struct ks_barrier ready;
	uint32_t work;
	uint32_t seen;
	bool after;
};

static struct shared *shared;

/* Ends once it has seen two pieces of work, and says of each when. */
static void sleeper(void *arg)
{
	struct ks_peer peer;
	uint32_t work;

	ks_peer_join(&peer, shared->segment.name, shared->type, SLEEPER);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	KS_CHECK(!xseg_set_wait_strategy(peer.x, XSEG_WAIT_SLEEP));
	ks_meet(&shared->ready, 2);
	while (shared->seen < 2) {
		KS_CHECK(!xseg_prepare_wait(peer.x, peer.sd));
		work = __atomic_load_n(&shared->work, __ATOMIC_ACQUIRE);
		if (work == shared->seen)
			KS_CHECK(!xseg_wait_signal(peer.x, peer.sd,
						   XSEG_WAIT_FOREVER));
		else
			KS_CHECK(!xseg_cancel_wait(peer.x, peer.sd));
		__atomic_store_n(&shared->seen, work, __ATOMIC_RELEASE);
	}
	KS_CHECK(!xseg_leave(peer.x));
}

static void die(void)
{
	raise(SIGKILL);
}

static void stop(void)
{
	raise(SIGSTOP);
}

/* Adds work and signals, and does not come to the end of that. */
static void signaller(void *arg)
{
	void (*hook)(void) = arg;
	struct ks_peer peer;
	int ret;

	ks_peer_join(&peer, shared->segment.name, shared->type, SIGNALLER);
	if (shared->after)
		ks_after_wake = hook;
	else
		ks_before_wake = hook;
	__atomic_fetch_add(&shared->work, 1, __ATOMIC_SEQ_CST);
	ret = xseg_signal(peer.x, SLEEPER);
	/* Another may have woken the sleeper meanwhile, and it have left. */
	KS_CHECK(!ret || ret == -ENOTCONN);
	ks_before_wake = NULL;
	ks_after_wake = NULL;
	KS_CHECK(!xseg_leave(peer.x));
}

FIXTURE(signaller)
{
	pid_t sleeper;
};

FIXTURE_VARIANT(signaller)
{
	const char *type;
	bool after;	/* it stops after the call that wakes, not before */
	bool told;	/* the sleeper is woken all the same */
};

/* Who hands an eventfd out for the first time wakes its owner itself. */
FIXTURE_VARIANT_ADD(signaller, futex) { "futex", false, false };
FIXTURE_VARIANT_ADD(signaller, futex_after_wake) { "futex", true, true };
FIXTURE_VARIANT_ADD(signaller, eventfd) { "eventfd", false, true };
FIXTURE_VARIANT_ADD(signaller, eventfd_after_wake) { "eventfd", true, true };
FIXTURE_VARIANT_ADD(signaller, fifo) { "fifo", false, false };
FIXTURE_VARIANT_ADD(signaller, fifo_after_wake) { "fifo", true, true };

FIXTURE_SETUP(signaller)
{
	ks_plugins();
	shared = ks_shared(sizeof(*shared));
	shared->type = variant->type;
	shared->after = variant->after;
	ASSERT_EQ(0, ks_create(&shared->segment, &ks_small));
	self->sleeper = ks_fork(sleeper, NULL);
	ks_meet(&shared->ready, 2);
	ks_sleeping(self->sleeper);
}

FIXTURE_TEARDOWN(signaller)
{
	ks_destroy(&shared->segment);
}

static uint32_t seen(void)
{
	return __atomic_load_n(&shared->seen, __ATOMIC_ACQUIRE);
}

static void wait_seen(uint32_t nr)
{
	while (seen() < nr)
		usleep(100);
}

/* More work, with a signal that comes to its end. */
static void signal_whole(struct ks_peer *peer)
{
	__atomic_fetch_add(&shared->work, 1, __ATOMIC_SEQ_CST);
	KS_CHECK(!xseg_signal(peer->x, SLEEPER));
}

TEST_F_TIMEOUT(signaller, killed_and_another_signals, 0)
{
	struct ks_peer peer;

	EXPECT_EQ(KS_KILLED, ks_wait(ks_fork(signaller, die)));
	if (variant->told)
		wait_seen(1);
	else
		ks_sleeping(self->sleeper);	/* nobody has woken it yet */
	EXPECT_EQ(variant->told, seen());
	ks_peer_join(&peer, shared->segment.name, "futex", OTHER);
	signal_whole(&peer);
	EXPECT_EQ(0, ks_wait(self->sleeper));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

TEST_F_TIMEOUT(signaller, killed_and_reaped, 0)
{
	struct ks_peer peer;

	EXPECT_EQ(KS_KILLED, ks_wait(ks_fork(signaller, die)));
	ks_peer_join(&peer, shared->segment.name, "futex", OTHER);
	if (!variant->told)
		EXPECT_EQ(0, seen());
	EXPECT_EQ(1, xseg_reap(peer.x));
	wait_seen(1);
	signal_whole(&peer);
	EXPECT_EQ(0, ks_wait(self->sleeper));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

TEST_F_TIMEOUT(signaller, stopped_and_another_signals, 0)
{
	pid_t pid = ks_fork(signaller, stop);
	struct ks_peer peer;

	while (ks_state(pid) != 'T')
		usleep(1000);
	if (variant->told)
		wait_seen(1);
	else
		ks_sleeping(self->sleeper);
	ks_peer_join(&peer, shared->segment.name, "futex", OTHER);
	EXPECT_EQ(0, xseg_reap(peer.x));
	signal_whole(&peer);
	EXPECT_EQ(0, ks_wait(self->sleeper));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

/* The one that was stopped goes on by itself, and ends what it began. */
TEST_F_TIMEOUT(signaller, stopped_and_goes_on, 0)
{
	pid_t pid = ks_fork(signaller, stop);
	struct ks_peer peer;

	while (ks_state(pid) != 'T')
		usleep(1000);
	if (!variant->told)
		EXPECT_EQ(0, seen());
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(0, ks_wait(pid));
	wait_seen(1);
	ks_sleeping(self->sleeper);
	ks_peer_join(&peer, shared->segment.name, "futex", OTHER);
	signal_whole(&peer);
	EXPECT_EQ(0, ks_wait(self->sleeper));
	EXPECT_EQ(0, xseg_leave(peer.x));
}

TEST_HARNESS_MAIN
