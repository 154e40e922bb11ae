/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What signal types for kernel peers have in common.
 */
#ifndef XSEG_KERNEL_WAKER_H
#define XSEG_KERNEL_WAKER_H

#include "kernel/signal.h"

struct waker;

struct waker *waker_get(struct xseg *xseg, void __xseg_shared *sd);
void waker_put(struct waker *waker);
void waker_wake(struct waker *waker, bool direct);

/* Operations of such a type */
int waker_init(struct xseg *xseg, void __xseg_shared *sd);
void waker_quit(struct xseg *xseg, void __xseg_shared *sd);
void waker_release(struct xseg *xseg, void __xseg_shared *sd);
int waker_prepare(struct xseg *xseg, void __xseg_shared *sd);
int waker_cancel(struct xseg *xseg, void __xseg_shared *sd);
int waker_wait(struct xseg *xseg, void __xseg_shared *sd, u32 usec_timeout);
int waker_signal_peer(struct xseg *xseg, void __xseg_shared *sd);

#endif /* XSEG_KERNEL_WAKER_H */
