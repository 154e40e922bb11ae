// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type futex: sleeps on the sequence of the event count with futex(2).
 *
 * The futex is a shared one: it is found by its page of the file, whichever
 * process maps it wherever. A wake before the sleep is not lost, because
 * FUTEX_WAIT compares the sequence itself.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/user.h"

static u32 *futex_word(struct xseg_ec __xseg_shared *ec)
{
	return (u32 *)&ec->word + XEC_SEQ_HALF;
}

static int futex_call(struct xseg_ec __xseg_shared *ec, int op, u32 value,
		      const struct timespec *ts)
{
	long ret = syscall(SYS_futex, futex_word(ec), op, value, ts, NULL, 0);

	return ret < 0 ? -errno : (int)ret;
}

static int futex_init(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	(void)sd;
	return 0;
}

/* Wakes all, waiting or not: at the end of a descriptor. */
static void futex_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
	futex_call(sd, FUTEX_WAKE, INT_MAX, NULL);
}

static int futex_prepare(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	slot = wait_slot_get(xseg, index, true);
	if (!slot)
		return -ENOSPC;
	if (slot->used)
		xseg_ec_cancel(sd, slot->seq, 0);
	slot->used = true;
	slot->seq = xseg_ec_prepare(sd, 0);
	return 0;
}

static int futex_cancel(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	slot = wait_slot_get(xseg, index, false);
	if (slot) {
		slot->used = false;
		xseg_ec_cancel(sd, slot->seq, 0);
	}
	return 0;
}

/* Sleeps until seq moves: 0, -ETIMEDOUT or -EINTR. */
static int futex_sleep(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
		       u32 seq, u64 deadline)
{
	struct timespec ts;
	int left, ret;

	atomic64_inc(&xseg->sleeps);
	while (!xseg_ec_signalled(ec, seq)) {
		left = wait_left(xseg, deadline, &ts);
		if (left < 0)
			return left;
		ret = futex_call(ec, FUTEX_WAIT, seq, left ? &ts : NULL);
		if (ret == -EINTR && !xseg_ec_signalled(ec, seq))
			return ret;
		if (ret == -ETIMEDOUT && !xseg_ec_signalled(ec, seq))
			liveness_scan(xseg);
	}
	return 0;
}

static int futex_wait(struct xseg *xseg, void __xseg_shared *sd,
		      u32 usec_timeout)
{
	struct wait_slot *slot;
	u32 index, seq;
	u64 deadline;
	int ret;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	slot = wait_slot_get(xseg, index, false);
	if (!slot) {
		ret = futex_prepare(xseg, sd);
		if (ret)
			return ret;
		slot = wait_slot_get(xseg, index, false);
	}
	slot->used = false;
	seq = slot->seq;
	if (xseg_ec_signalled(sd, seq))
		return 0;
	if (!usec_timeout) {
		xseg_ec_cancel(sd, seq, 0);
		return -ETIMEDOUT;
	}
	atomic64_inc(&xseg->waits);
	deadline = wait_deadline(usec_timeout);
	if (wait_briefly(xseg, sd, seq) || xseg_ec_sleep(sd, seq))
		return 0;
	ret = futex_sleep(xseg, sd, seq, deadline);
	if (ret)
		xseg_ec_cancel(sd, seq, 1);
	return ret;
}

static int futex_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	__u64 token;
	int woken;

	(void)xseg;
	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	woken = futex_call(sd, FUTEX_WAKE, INT_MAX, NULL);
	xseg_ec_woken(sd, token);
	return woken ? 0 : -ESRCH;
}

/* A local thread may still sleep on what its peer has put. */
static void futex_release(struct xseg *xseg, void __xseg_shared *sd)
{
	futex_quit(xseg, sd);
}

const struct xseg_signal_type xseg_futex_type = {
	.ops = {
		.init_signal_desc = futex_init,
		.quit_signal_desc = futex_quit,
		.prepare_wait = futex_prepare,
		.cancel_wait = futex_cancel,
		.wait_signal = futex_wait,
		.signal = futex_signal,
		.release = futex_release,
	},
	.name = "futex",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
