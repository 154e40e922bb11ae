// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type device, from the kernel: its processes sleep in the module.
 */
#include <linux/rcupdate.h>

#include "kernel/signal.h"

static int device_wake(struct xseg *xseg, void __xseg_shared *sd)
{
	u32 index;
	int ret;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	rcu_read_lock();
	ret = sleepers_signal(domain_of(xseg)->segment, index);
	rcu_read_unlock();
	return ret;
}

static int device_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	__u64 token;

	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	if (device_wake(xseg, sd))
		return -ESRCH;
	xseg_ec_woken(sd, token);
	return 0;
}

static void device_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	xseg_ec_force(sd);
	device_wake(xseg, sd);
}

const struct xseg_signal_type xseg_device_type = {
	.ops = {
		.quit_signal_desc = device_quit,
		.signal = device_signal,
	},
	.name = "device",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
	.flags = XSEG_SIGNAL_BY_DEVICE,
};
