// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type waitqueue, from a process: the module wakes the kernel peer.
 */
#include <xseg/ioctl.h>

#include "user/user.h"

static int waitqueue_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	struct xseg_ioc_signal arg = {
		.size = sizeof(arg),
		.flags = XSEG_SIGNAL_DESC,
	};
	struct xseg_desc_id id;
	__u64 token;
	int ret;

	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	ret = xseg_get_desc_id(xseg, sd, &id);
	if (ret)
		return ret;
	arg.desc = id.index;
	arg.gen = id.gen;
	ret = device_call(xseg, XSEG_IOC_SIGNAL, &arg);
	if (!ret)
		xseg_ec_woken(sd, token);
	return ret == -ENOTCONN ? -ESRCH : ret;
}

/* The kernel peer is gone, or its module wakes it. */
static void waitqueue_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
}

const struct xseg_signal_type xseg_waitqueue_type = {
	.ops = {
		.quit_signal_desc = waitqueue_quit,
		.signal = waitqueue_signal,
	},
	.name = "waitqueue",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_KERNEL,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
