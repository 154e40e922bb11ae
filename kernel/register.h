/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What processes have registered for their descriptors, so that kernel peers
 * can wake them.
 */
#ifndef XSEG_KERNEL_REGISTER_H
#define XSEG_KERNEL_REGISTER_H

#include <linux/eventfd.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "kernel/signal.h"

/**
 * struct registration - one way to wake
 * @work: frees it
 * @link: in the list of the open file, under segment->regs_lock
 * @regs: that list
 * @set:  where it is or was
 * @slot: and at which place
 * @gen:  generation of the descriptor that it is for
 * @ctx:  of an eventfd; NULL for a thread
 * @pid:  of a thread
 * @mm:	  of that thread; its address is held, not its content
 *
 * Constant, but for @link. It is in one place and one list, or about to be
 * freed.
 */
struct registration {
	struct rcu_work work;
	struct list_head link;
	struct list_head *regs;
	struct sleepers *set;
	u32 slot;
	u32 gen;
	struct eventfd_ctx *ctx;
	struct pid *pid;
	struct mm_struct *mm;
};

/**
 * struct sleepers - registrations for a descriptor; there until the segment
 *		     is detached
 * @lock:  guards changes of @reg, and who notifies threads; any context
 * @first: the thread that sleeps by XSEG_IOC_WAIT and found nobody there, and
 *	   FIRST_TICK; 0: nobody. It puts itself in by cmpxchg, and takes itself
 *	   out; used under RCU
 * @queue: where others sleep
 * @tickers: how many of them asked for XSEG_WAIT_TICK
 * @wakes: signals for those so far
 * @poll_ns: how long the next of them looks before it sleeps, see wait.c; each
 *	   may write it, none minds
 * @pollers: threads that poll, and look at @calls once more when they end that
 * @calls: of xseg_call_waiter(), for them, the last one first; any context, by
 *	   cmpxchg() and xchg()
 * @nr_calls: of those, added or about to be, and not done yet
 * @reg:   used under RCU
 */
struct sleepers {
	raw_spinlock_t lock;	/* see above */
	unsigned long first;
	wait_queue_head_t queue;
	atomic_t tickers;
	atomic_t wakes;
	u32 poll_ns;
	atomic_t pollers;
	struct xseg_call *calls;
	atomic_t nr_calls;
	struct registration __rcu *reg[XSEG_MAX_REGISTERED];
};

struct sleepers *sleepers_get(struct segment *seg, u32 index);
int desc_check(struct segment *seg, u32 *desc, u32 gen);

/* Is the descriptor, whose index is valid, of that generation? */
static inline bool desc_is(const struct segment *seg, u32 index, u32 gen)
{
	return XOWN_GEN(shm_load_acquire(&xseg_desc(&seg->view, index)->own)) ==
	       gen;
}

#endif /* XSEG_KERNEL_REGISTER_H */
