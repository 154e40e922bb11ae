// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type futex, from the kernel.
 *
 * Modules cannot wake a futex. But a thread that sleeps in FUTEX_WAIT and is
 * notified, as for task work, starts the call again by itself, and that
 * compares the sequence, which has moved:
 *
 *	thread				kernel
 *	(T1) b0 = busy			(K1) seq + 1
 *	(T2) in_wait = 1		(K2) busy + 1: odd
 *	(T3) full barrier		(K3) full barrier
 *	(T4) FUTEX_WAIT on seq		(K4) in_wait: notify
 *	(T5) in_wait = 0		(K5) busy + 1, release
 *	(T6) full barrier
 *	(T7) busy is odd: wait until it moves; it is not b0: a system call
 *
 * (T3) and (K3) pair: either the thread sees that seq moved, or the kernel
 * that it waits. The same for (T6): a thread that has left the wait is not
 * notified any more, or sees busy and takes the notice with a system call
 * that never blocks, so that no other one returns EINTR for it.
 *
 * What the segment says decides only whether a thread that registered itself
 * is told to look again. It is left alone if it is not in the same memory any
 * more (exec), exits, or dumps core, which the notice would cut short.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include <xseg/futex.h>
#include "kernel/register.h"

/* Makes a task that sleeps interruptibly start its system call again. */
static void task_notify(struct task_struct *task)
{
	struct wait_queue_entry entry = { .private = task };

	/* A full barrier, also where it was set: pairs with its clearing. */
	if (test_and_set_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL))
		return;
	if (!default_wake_function(&entry, TASK_INTERRUPTIBLE, 0, NULL))
		kick_process(task);
}

static bool thread_notify(const struct registration *reg)
{
	struct task_struct *task = pid_task(reg->pid, PIDTYPE_PID);

	if (!task || READ_ONCE(task->mm) != reg->mm ||
	    READ_ONCE(task->flags) & (PF_EXITING | PF_DUMPCORE))
		return false;
	task_notify(task);
	return true;
}

/* (K2) to (K5); how many threads were notified. Under RCU. */
static int threads_notify(struct sleepers *set, u32 gen,
			  struct xseg_futex __xseg_shared *futex)
{
	struct registration *reg;
	unsigned long flags;
	int i, n = 0;

	raw_spin_lock_irqsave(&set->lock, flags);
	shm_write(&futex->busy, shm_read(&futex->busy) | 1);	/* (K2) */
	smp_mb();						/* (K3) */
	for (i = 0; i < XSEG_MAX_REGISTERED; i++) {
		reg = rcu_dereference_protected(set->reg[i],
						lockdep_is_held(&set->lock));
		if (reg && reg->pid && reg->gen == gen &&
		    shm_read(&futex->in_wait[i]))		/* (K4) */
			n += thread_notify(reg);
	}
	shm_store_release(&futex->busy, shm_read(&futex->busy) + 1); /* (K5) */
	raw_spin_unlock_irqrestore(&set->lock, flags);
	return n;
}

static int futex_wake(struct xseg *xseg, void __xseg_shared *sd)
{
	struct sleepers *set;
	struct xseg_desc_id id;
	int n = 0;

	if (xseg_get_desc_id(xseg, sd, &id))
		return 0;
	rcu_read_lock();
	set = sleepers_of(domain_of(xseg)->segment, id.index);
	if (set)
		n = threads_notify(set, id.gen, sd);
	rcu_read_unlock();
	return n;
}

static int futex_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	__u64 token;

	if (xseg_ec_bump(sd, &token) < 2)	/* (K1), a full barrier */
		return 0;
	if (!futex_wake(xseg, sd))
		return -ESRCH;
	xseg_ec_woken(sd, token);
	return 0;
}

static void futex_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	xseg_ec_force(sd);
	futex_wake(xseg, sd);
}

const struct xseg_signal_type xseg_futex_type = {
	.ops = {
		.quit_signal_desc = futex_quit,
		.signal = futex_signal,
	},
	.name = "futex",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_futex),
};
