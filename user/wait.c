// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What waiting threads need: a place for what each has prepared, how long to
 * sleep, and what to do before.
 */
#include <sched.h>

#include "user/user.h"

#define SPIN_NS		20000
#define YIELDS_FIXED	4
#define YIELDS_MAX	64
#define YIELDS_MIN	4
#define YIELDS_FIRST	16
#define YIELDS_NS	100000	/* longer is not worth it */
#define YIELDS_SKIP	64	/* waits that go without after that */
#define POLLS		16	/* before a yield, then four times as many */
#define POLLS_MAX	1024

static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static bool thread_key_made;
static _Thread_local bool thread_known
	__attribute__((tls_model("initial-exec")));
_Thread_local struct wait_slot wait_slots[WAIT_SLOTS]
	__attribute__((tls_model("initial-exec")));

/* A thread that exits in the middle of a wait is not waited for by others. */
static void thread_exit(void *slots)
{
	struct wait_slot *slot = slots;
	int i;

	thread_known = false;	/* it may still wait, in another destructor */
	process_lock();		/* no handle is left meanwhile */
	for (i = 0; i < WAIT_SLOTS; i++, slot++) {
		slot->known = false;
		if (slot->used && slot->end &&
		    handle_id_live_locked(slot->handle))
			slot->end(slot);
	}
	process_unlock();
}

static void thread_key_make(void)
{
	thread_key_made = !pthread_key_create(&thread_key, thread_exit);
}

/* Has thread_exit() called for the calling thread. */
static void thread_know(void)
{
	pthread_once(&thread_once, thread_key_make);
	thread_known = thread_key_made &&
		       !pthread_setspecific(thread_key, wait_slots);
}

/**
 * wait_slot_find() - wait_slot_get(), where it is not the first
 * @xseg:   the handle
 * @index:  the descriptor
 * @create: make a new one if there is none
 *
 * Return: the slot, or NULL if there is none, or no room.
 */
struct wait_slot *wait_slot_find(struct xseg *xseg, u32 index, bool create)
{
	struct wait_slot *slot, *room = NULL;

	for (slot = wait_slots; slot < wait_slots + WAIT_SLOTS; slot++) {
		/* One of the same descriptor is likely to be the first. */
		if (slot->handle == xseg->id && slot->index == index) {
			if (slot->used)
				return slot;
			room = slot;
			break;
		}
		if (!slot->used && !room)
			room = slot;
	}
	if (!create)
		return NULL;
	/* All in use: by handles that were left, perhaps. */
	for (slot = wait_slots; !room && slot < wait_slots + WAIT_SLOTS; slot++)
		if (!handle_id_live(slot->handle))
			room = slot;
	if (room) {
		if (unlikely(!thread_known))
			thread_know();
		room->handle = xseg->id;
		room->xseg = xseg;
		room->index = index;
		room->end = NULL;
		room->known = thread_known;
		room->used = false;
	}
	return room;
}

void domain_forget_wait(struct xseg *xseg, u32 index)
{
	struct wait_slot *slot = wait_slot_get(xseg, index, false);

	if (slot && slot->end)
		slot->end(slot);
	else if (slot)
		slot->used = false;
}

/**
 * wait_left() - how long to sleep now
 * @xseg:     the handle
 * @deadline: from wait_deadline()
 * @ts:	      filled
 *
 * Return: 1 to sleep for @ts, 0 to sleep for ever, -ETIMEDOUT.
 */
int wait_left(const struct xseg *xseg, u64 deadline, struct timespec *ts)
{
	u32 cap = wait_cap(xseg);
	u64 left = UINT64_MAX;
	u64 now;

	if (deadline != UINT64_MAX) {
		now = env_now_ns();
		if (now >= deadline)
			return -ETIMEDOUT;
		left = deadline - now;
	}
	if (cap != XSEG_WAIT_FOREVER)
		left = min(left, (u64)cap * 1000);
	if (left == UINT64_MAX)
		return 0;
	ts->tv_sec = (time_t)(left / 1000000000U);
	ts->tv_nsec = (long)(left % 1000000000U);
	return 1;
}

static bool poll_some(struct xseg_ec __xseg_shared *ec, u32 seq, u32 times)
{
	while (times--) {
		if (xseg_ec_signalled(ec, seq))
			return true;
		cpu_relax();
	}
	return false;
}

/*
 * Yields the CPU so many times, or until that takes long: another program has
 * it then, and a sleeper would be woken sooner. False in @quick says so.
 *
 * A yield that did not help had nobody to yield to, more likely than not: the
 * other side runs elsewhere. So it looks the longer before the next one, or a
 * quick machine would make a dozen of system calls for each wait.
 */
static bool yield_some(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
		       u32 seq, u32 times, bool *quick)
{
	u64 start = env_now_ns();
	u32 polls = POLLS;

	*quick = true;
	while (times-- && *quick) {
		if (poll_some(ec, seq, polls))
			return true;
		polls = min(polls * 4, (u32)POLLS_MAX);
		sched_yield();
		atomic64_inc(&xseg->yielded);
		atomic64_inc(&xseg->calls);
		*quick = env_now_ns() - start < YIELDS_NS;
	}
	return xseg_ec_signalled(ec, seq);
}

static bool spin_some(struct xseg_ec __xseg_shared *ec, u32 seq)
{
	u64 end = env_now_ns() + SPIN_NS;

	while (env_now_ns() < end)
		if (poll_some(ec, seq, POLLS))
			return true;
	return false;
}

/*
 * Yields the more often the more it helped, else a few times; and for a while
 * not at all after it took long. A number above YIELDS_MAX counts that while.
 */
static bool yield_adaptive(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
			   u32 seq)
{
	u32 times = READ_ONCE(xseg->yields);
	bool helped, quick;

	if (!times)
		times = YIELDS_FIRST;
	if (times > YIELDS_MAX) {
		times = times == YIELDS_MAX + 1 ? YIELDS_MIN : times - 1;
		WRITE_ONCE(xseg->yields, times);
		return xseg_ec_signalled(ec, seq);
	}
	helped = yield_some(xseg, ec, seq, times, &quick);
	if (!quick)
		times = YIELDS_MAX + YIELDS_SKIP;
	else if (helped)
		times = min(times + 1, (u32)YIELDS_MAX);
	else
		times = max(times / 2, (u32)YIELDS_MIN);
	WRITE_ONCE(xseg->yields, times);
	return helped;
}

/**
 * wait_briefly() - what the strategy says to do before sleeping
 * @xseg: the handle
 * @ec:	  the event count
 * @seq:  as noted by the waiter
 *
 * Return: true if there was a signal.
 */
bool wait_briefly(struct xseg *xseg, struct xseg_ec __xseg_shared *ec, u32 seq)
{
	bool quick;

	switch (READ_ONCE(xseg->strategy)) {
	case XSEG_WAIT_SLEEP:
		return xseg_ec_signalled(ec, seq);
	case XSEG_WAIT_YIELD:
		return yield_some(xseg, ec, seq, YIELDS_FIXED, &quick);
	case XSEG_WAIT_SPIN:
		return spin_some(ec, seq);
	default:
		return yield_adaptive(xseg, ec, seq);
	}
}

int xseg_set_wait_strategy(struct xseg *xseg, unsigned int strategy)
{
	int ret = handle_check(xseg);

	if (ret)
		return ret;
	if (strategy > XSEG_WAIT_SPIN)
		return -EINVAL;
	WRITE_ONCE(xseg->strategy, strategy);
	return 0;
}

int xseg_set_sleep_cap(struct xseg *xseg, __u32 usec)
{
	int ret = handle_check(xseg);

	if (ret)
		return ret;
	if (!usec)
		return -EINVAL;
	WRITE_ONCE(xseg->sleep_cap, usec);
	return 0;
}
