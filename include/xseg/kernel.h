/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For kernel drivers that are peers: what they have beside <xseg/xseg.h>.
 *
 * Contexts. xseg_join(), xseg_leave(), the calls about signal types,
 * descriptors and ports and xseg_wait_signal() may sleep. The request calls,
 * xseg_signal(), xseg_prepare_wait() and xseg_cancel_wait() with a callback
 * may be made from any context, also from hard interrupts (on PREEMPT_RT: from
 * any that may take a spinlock_t). A signal to a descriptor of a type that is
 * new in the segment is done a little later by the module and returns -ENOENT.
 *
 * A server that dies is cleaned up after by the module within milliseconds.
 * All symbols are in the name space XSEG: see XSEG_IMPORT_NS().
 */
#ifndef XSEG_KERNEL_H
#define XSEG_KERNEL_H

#include <xseg/xseg.h>

/*
 * To be said once by each module that calls xseg; after <linux/module.h>. As
 * MODULE_IMPORT_NS(), which wants a word before 6.13 and a string since.
 */
#define XSEG_IMPORT_NS()	MODULE_INFO(import_ns, "XSEG")

/* The callback may run in the context of whoever signals. */
#define XSEG_CALLBACK_DIRECT	1U
/* It is armed from the beginning, and again just before each call of it. */
#define XSEG_CALLBACK_KEEP	2U

/**
 * xseg_set_callback() - be called instead of waiting
 * @xseg:  the handle
 * @sd:	   a descriptor that this peer got, of a type of the kernel domain
 * @fn:	   called once for each xseg_prepare_wait() that is not cancelled, when
 *	   a signal comes, or once a second without one; NULL: no more
 * @arg:   given to @fn
 * @flags: 0: in a workqueue, where @fn may sleep; XSEG_CALLBACK_DIRECT: where
 *	   the signal comes from, without preemption: it must not sleep and
 *	   may be in hard interrupt context. Where one call of it still runs,
 *	   others run already on this stack, or the signal comes under a lock,
 *	   it is in a workqueue all the same, and may overlap.
 *	   XSEG_CALLBACK_KEEP: called for each signal, so that it need not arm
 *	   itself: it empties its queues once. A call that a workqueue has yet
 *	   to make arms it again also after xseg_cancel_wait()
 *
 * From then on xseg_prepare_wait() arms the callback, xseg_cancel_wait()
 * disarms it, and nobody may wait, also when @fn is NULL later:
 * xseg_prepare_wait() is -EOPNOTSUPP then. The callback empties its queues, arms
 * itself, looks once more, and disarms itself and starts again if there was
 * something. It must neither put the descriptor nor leave. With @fn NULL no
 * call of the callback runs any more after a synchronize_rcu() that follows, and
 * this must not be called from the callback. Context: process; may sleep.
 *
 * Return: 0, -EINVAL (flags, not such a descriptor), -ESTALE.
 */
int xseg_set_callback(struct xseg *xseg, void __xseg_shared *sd,
		      void (*fn)(void *arg), void *arg, unsigned int flags);

/**
 * xseg_reap_later() - have dead peers cleaned up after
 * @xseg: the handle
 *
 * For who cannot, or must not, wait for it as xseg_reap() does: the module looks
 * within a tenth of a second, from a work of its own. It hears by itself of the
 * death of processes that had the device open, and looks for others where one
 * sleeps in vain, or a callback has no signal for the time that
 * xseg_set_sleep_cap() sets: twice a second at most. Context: any.
 *
 * Return: 0, or -ESTALE.
 */
int xseg_reap_later(struct xseg *xseg);

/**
 * struct xseg_call - what a process that waits is to do
 * @next: the module's, from xseg_call_waiter() until @fn is called
 * @fn:	  called once, with this struct, which it may free or use again
 */
struct xseg_call {
	struct xseg_call *next;
	void (*fn)(struct xseg_call *call);
};

/**
 * xseg_call_waiter() - have a process that waits at a port do something
 * @xseg:   the handle
 * @portno: the port
 * @call:   what; the caller's again when @fn is called
 *
 * For what has to be done before that process can go on, such as to put a request
 * and its data into the segment: while it polls in XSEG_IOC_WAIT (type device) it
 * has a CPU and nothing to do, and the caller's CPU is often what limits both.
 *
 * @fn is called soon and in any case, maybe before this returns, in an order that
 * says nothing: by a thread of that process, or by whoever makes such a call at
 * that moment, in the context of that one, hard interrupts included. It runs with
 * preemption off, under rcu_read_lock(), may not sleep, and is to be short: the
 * next ones, a few, wait for it there. It may make such calls in its turn. A
 * call cannot be taken back: before what @fn uses goes, all calls have to be
 * known to have begun, and a synchronize_rcu() after that waits until they are
 * over. Few may be under way at a time; the caller does what was refused himself.
 *
 * Context: any, with no lock held that an @fn of anybody may take.
 *
 * Return: 0; -EAGAIN (nobody polls there, or has enough to do; PREEMPT_RT),
 * -EINVAL (no such port) or -ESTALE.
 */
int xseg_call_waiter(struct xseg *xseg, xport portno, struct xseg_call *call);

#endif /* XSEG_KERNEL_H */
