/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The data of a descriptor of type futex, for who waits and for the kernel.
 */
#ifndef XSEG_FUTEX_H
#define XSEG_FUTEX_H

#include <xseg/abi.h>

#define XSEG_FUTEX_WAITERS	8

/**
 * struct xseg_futex - data of a descriptor of type futex
 * @ec:	     the event count; processes sleep on the half that is the sequence
 * @busy:    odd while the kernel notifies; written by the kernel
 * @rsvd:    0
 * @in_wait: not 0: the thread that has this number from XSEG_IOC_REGISTER
 *	     sleeps, or is about to; written by that thread
 */
struct xseg_futex {
	struct xseg_ec ec;
	__u32 busy;
	__u32 rsvd;
	__u32 in_wait[XSEG_FUTEX_WAITERS];
};

#endif /* XSEG_FUTEX_H */
