// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where peers run: a thread that waits, or callbacks in a workqueue, right
 * where the signal comes from, in soft or in hard interrupt context. Or nowhere:
 * idle peers never wait.
 */
#include <linux/delay.h>
#include <linux/kthread.h>

#include "kernel/compat.h"
#include "kernel/test/test.h"

#define TURNS		64	/* of one run; then others get a chance */
#define REST_NS		10000	/* what they get */

/**
 * peer_random() - a number at random
 * @peer: whose
 *
 * Return: the number.
 */
u32 peer_random(struct peer *peer)
{
	peer->dice = peer->dice * 6364136223846793005ULL +
		     1442695040888963407ULL;
	return peer->dice >> 32;
}

/**
 * peer_delay() - maybe a short delay between two steps
 * @peer: whose
 *
 * Any context.
 */
void peer_delay(struct peer *peer)
{
	u32 r;

	if (!peer->jitter)
		return;
	r = peer_random(peer);
	if (r % peer->jitter)
		return;
	r /= peer->jitter;
	if (peer->task && !(r & 7))
		usleep_range(10, 100);
	else
		udelay((r >> 3) % 20);
}

/* One wait of a thread that has nothing to do for so long. */
static void thread_wait(struct peer *peer, s64 ns)
{
	u32 usec = XSEG_WAIT_FOREVER;
	int ret;

	if (ns != TURN_IDLE)
		usec = ns / 1000 + 1;
	peer_at(peer, "wait");
	atomic64_inc(&peer->waits);
	ret = xseg_wait_signal(peer->xseg, peer->sd, usec);
	if (!ret)
		atomic64_inc(&peer->woken);
	else if (ret == -EUCLEAN)	/* for good: until it is stopped */
		schedule_timeout_interruptible(HZ);
	peer_at(peer, "awake");
}

static int peer_thread(void *arg)
{
	struct peer *peer = arg;
	s64 next;

	while (!kthread_should_stop()) {
		peer_at(peer, "turn");
		if (peer->what->turn(peer) == TURN_AGAIN) {
			cond_resched();
			continue;
		}
		peer_delay(peer);
		if (xseg_prepare_wait(peer->xseg, peer->sd)) {
			atomic64_inc(&peer->failed);
			schedule_timeout_uninterruptible(1);
			continue;
		}
		peer_at(peer, "look");
		peer_delay(peer);
		next = peer->what->turn(peer);
		if (next == TURN_AGAIN) {
			xseg_cancel_wait(peer->xseg, peer->sd);
			continue;
		}
		peer_delay(peer);
		thread_wait(peer, next);
	}
	return 0;
}

static int thread_start(struct peer *peer)
{
	struct task_struct *task = kthread_run(peer_thread, peer, "xseg-%s",
					       peer->what->name);

	if (IS_ERR(task))
		return PTR_ERR(task);
	peer->task = task;
	return 0;
}

/* Does what there is; armed in the end, and the timer set if need be. */
static void peer_turns(struct peer *peer)
{
	int turns = TURNS;
	s64 next;

	while (turns--) {
		peer_at(peer, "turn");
		if (peer->what->turn(peer) == TURN_AGAIN)
			continue;
		peer_delay(peer);
		xseg_prepare_wait(peer->xseg, peer->sd);
		peer_at(peer, "look");
		peer_delay(peer);
		next = peer->what->turn(peer);
		if (next != TURN_AGAIN)
			break;
		xseg_cancel_wait(peer->xseg, peer->sd);
	}
	if (turns < 0) {
		xseg_prepare_wait(peer->xseg, peer->sd);
		next = REST_NS;
	}
	peer_at(peer, "armed");
	atomic64_inc(&peer->waits);
	if (next != TURN_IDLE)
		hrtimer_start(&peer->timer, ns_to_ktime(next), peer->mode);
}

/* One run at a time: who comes meanwhile has it done once more. */
static void peer_run(struct peer *peer)
{
	int calls;

	if (READ_ONCE(peer->stopping) || atomic_fetch_inc(&peer->calls))
		return;
	do {
		calls = atomic_read(&peer->calls);
		peer_turns(peer);
	} while (atomic_sub_return(calls, &peer->calls));
}

static void run_callback(void *arg)
{
	struct peer *peer = arg;

	atomic64_inc(&peer->woken);
	peer_run(peer);
}

static void timer_callback(void *arg)
{
	struct peer *peer = arg;

	atomic64_inc(&peer->woken);
	peer_at(peer, "timer set");
	hrtimer_start(&peer->timer, 0, peer->mode);
}

static enum hrtimer_restart run_timer(struct hrtimer *timer)
{
	peer_run(container_of(timer, struct peer, timer));
	return HRTIMER_NORESTART;
}

/* In place of a run, where the timer is not the peer's own context. */
static enum hrtimer_restart signal_timer(struct hrtimer *timer)
{
	struct peer *peer = container_of(timer, struct peer, timer);

	if (!READ_ONCE(peer->stopping))
		xseg_signal(peer->xseg, peer->port);
	return HRTIMER_NORESTART;
}

static int work_start(struct peer *peer)
{
	int ret;

	peer->mode = HRTIMER_MODE_REL_SOFT;
	xseg_hrtimer_setup(&peer->timer, signal_timer, CLOCK_MONOTONIC,
			   peer->mode);
	ret = xseg_set_callback(peer->xseg, peer->sd, run_callback, peer, 0);
	if (!ret)
		peer_run(peer);
	return ret;
}

static int direct_start(struct peer *peer)
{
	int ret;

	peer->mode = HRTIMER_MODE_REL_SOFT;
	xseg_hrtimer_setup(&peer->timer, run_timer, CLOCK_MONOTONIC,
			   peer->mode);
	ret = xseg_set_callback(peer->xseg, peer->sd, run_callback, peer,
				XSEG_CALLBACK_DIRECT);
	if (!ret)
		peer_run(peer);
	return ret;
}

static int timer_start(struct peer *peer, enum hrtimer_mode mode)
{
	int ret;

	peer->mode = mode;
	xseg_hrtimer_setup(&peer->timer, run_timer, CLOCK_MONOTONIC, mode);
	ret = xseg_set_callback(peer->xseg, peer->sd, timer_callback, peer,
				XSEG_CALLBACK_DIRECT);
	if (!ret)
		hrtimer_start(&peer->timer, 0, mode);
	return ret;
}

static int soft_start(struct peer *peer)
{
	return timer_start(peer, HRTIMER_MODE_REL_SOFT);
}

static int hard_start(struct peer *peer)
{
	return timer_start(peer, HRTIMER_MODE_REL_HARD);
}

static int idle_start(struct peer *peer)
{
	return 0;
}

const struct context contexts[] = {
	{ "thread", thread_start },
	{ "work", work_start },
	{ "direct", direct_start },
	{ "softirq", soft_start },
	{ "hardirq", hard_start },
	{ "idle", idle_start },
	{}
};

/**
 * peer_stop() - run a peer no more, and leave
 * @peer: which may never have begun
 *
 * A callback that was under way may set the timer once more: it then finds
 * that the peer stops, and the last cancel is after all callbacks.
 */
void peer_stop(struct peer *peer)
{
	if (peer->task)
		kthread_stop(peer->task);
	WRITE_ONCE(peer->stopping, true);
	if (peer->mode)
		hrtimer_cancel(&peer->timer);
	if (!IS_ERR_OR_NULL(peer->xseg))
		xseg_leave(peer->xseg);
	if (peer->mode)
		hrtimer_cancel(&peer->timer);
}
