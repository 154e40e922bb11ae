// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type waitqueue: a kernel peer that its module wakes. Processes ask
 * the module by XSEG_IOC_SIGNAL.
 */
#include "kernel/waker.h"

const struct xseg_signal_type xseg_waitqueue_type = {
	.ops = {
		.init_signal_desc = waker_init,
		.quit_signal_desc = waker_quit,
		.prepare_wait = waker_prepare,
		.cancel_wait = waker_cancel,
		.wait_signal = waker_wait,
		.signal = waker_signal_peer,
		.release = waker_release,
	},
	.name = "waitqueue",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_KERNEL,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
	.flags = XSEG_SIGNAL_BY_DEVICE,
};
