// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal types whose threads sleep until the sequence of the event count
 * moves, and keep nothing else while they wait: all but how to sleep.
 */
#include "user/user.h"

static void slot_end(struct wait_slot *slot)
{
	slot->used = false;
	xseg_ec_cancel(slot->priv, slot->seq, 0);
}

/**
 * seq_prepare() - ->prepare_wait() of such a type
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Return: 0 or -ENOSPC.
 */
int seq_prepare(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot = wait_slot_get(xseg, desc_of_ec(xseg, sd), true);

	if (unlikely(!slot))
		return -ENOSPC;
	if (unlikely(slot->used))
		slot->end(slot);	/* of the type that was there then */
	slot->end = slot_end;
	slot->priv = sd;
	slot->seq = xseg_ec_prepare(sd, 0);
	slot->used = true;
	return 0;
}

/**
 * seq_cancel() - ->cancel_wait() of such a type
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Return: 0.
 */
int seq_cancel(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot = wait_slot_get(xseg, desc_of_ec(xseg, sd),
					       false);

	if (slot)
		slot->end(slot);
	return 0;
}

/**
 * seq_wait() - ->wait_signal() of such a type
 * @xseg:	  the handle
 * @sd:		  type-specific part of the descriptor
 * @usec_timeout: as for xseg_wait_signal()
 * @sleep:	  sleeps until the sequence moves or the deadline comes; returns
 *		  0, -ETIMEDOUT, -EINTR or another negative errno
 *
 * Return: what @sleep does, or -ENOSPC.
 */
int seq_wait(struct xseg *xseg, void __xseg_shared *sd, u32 usec_timeout,
	     int (*sleep)(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
			  u32 seq, u64 deadline))
{
	u64 deadline;
	u32 seq;
	int ret;

	ret = seq_take(xseg, sd, &seq);
	if (ret || xseg_ec_signalled(sd, seq))
		return ret;
	if (!usec_timeout) {
		xseg_ec_cancel(sd, seq, 0);
		return -ETIMEDOUT;
	}
	atomic64_inc(&xseg->waits);
	deadline = wait_deadline(usec_timeout);
	if (wait_briefly(xseg, sd, seq) || xseg_ec_sleep(sd, seq))
		return 0;
	ret = sleep(xseg, sd, seq, deadline);
	if (ret)
		xseg_ec_cancel(sd, seq, 1);
	return ret;
}
