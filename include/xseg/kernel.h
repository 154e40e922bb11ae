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
 * death of processes that had the device open; this is for others. Context: any.
 *
 * Return: 0, or -ESTALE.
 */
int xseg_reap_later(struct xseg *xseg);

#endif /* XSEG_KERNEL_H */
