/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a test leads a kernel peer step by step, by an ioctl of
 * /sys/kernel/debug/xseg_test/step.
 *
 * An open file is a thread of the kernel. It joins a segment (STEP_JOIN), or
 * becomes one more thread of a peer that another open file has (STEP_SHARE).
 * A peer leaves when the last of its files is closed.
 */
#ifndef XSEG_KERNEL_TEST_STEP_H
#define XSEG_KERNEL_TEST_STEP_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What to do; a call of the same name, and what is given to it */
enum {
	STEP_JOIN,	/* name; and the cap on sleeps is off */
	STEP_SHARE,	/* number: descriptor of the other's file */
	STEP_INIT,	/* name of a type */
	STEP_GET,	/* name of a type; the descriptor is the peer's one */
	STEP_PUT,
	STEP_BIND,	/* number: port */
	STEP_RELEASE,	/* number: port */
	STEP_PREPARE,
	STEP_CANCEL,
	STEP_WAIT,	/* number: microseconds */
	STEP_SIGNAL,	/* number: port */
	STEP_STATS,	/* stats is filled */
	STEP_CAP,	/* number: microseconds */
	STEP_CALLBACK,	/* number: flags; then waits are for the callback */
	STEP_AGAIN,	/* number: port that the next call of it signals; waits
			 * are then for the call after, and -EDEADLK if that was
			 * made within this one
			 */
	STEP_CALL,	/* number: port whose waiter is to signal itself */
	STEP_CALLED,	/* stats: how often it was done, how often by others than
			 * the thread that asked for it
			 */
	NR_STEPS
};

/* Where; all but the first two only what any context may do */
enum {
	STEP_IN_THREAD,		/* the file's own */
	STEP_IN_CALLER,		/* the process that asks */
	STEP_IN_SOFTIRQ,
	STEP_IN_HARDIRQ,
	STEP_NR_IN
};

/**
 * struct xseg_test_step - one step
 * @what:   STEP_*
 * @in:	    STEP_IN_*
 * @number: see there
 * @rsvd:   0
 * @name:   see there
 * @stats:  as struct xseg_stats; or see there
 *
 * Return: what the call returned.
 */
struct xseg_test_step {
	__u32 what;
	__u32 in;
	__u32 number;
	__u32 rsvd;
	char name[64];
	__aligned_u64 stats[7];
};

#define XSEG_TEST_STEP	_IOWR('X', 1, struct xseg_test_step)

#endif /* XSEG_KERNEL_TEST_STEP_H */
