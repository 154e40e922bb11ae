// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type waitqueue, from a process: the module wakes the kernel peer.
 */
#include "user/user.h"

/* The kernel peer is gone, or its module wakes it. */
static void waitqueue_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
}

const struct xseg_signal_type xseg_waitqueue_type = {
	.ops = {
		.quit_signal_desc = waitqueue_quit,
		.signal = device_signal,
	},
	.name = "waitqueue",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_KERNEL,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
	.flags = XSEG_SIGNAL_BY_DEVICE,
};
