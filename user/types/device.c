// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type device: sleeps in the module, which can also signal others on
 * the way to sleep. For processes that serve kernel peers; needs a segment
 * that is attached.
 */
#include <xseg/ioctl.h>

#include "user/user.h"

static int device_check(struct xseg *xseg)
{
	struct xseg_ioc_info arg = { .size = sizeof(arg) };
	int ret = device_call(xseg, XSEG_IOC_INFO, &arg);

	if (ret)	/* -ENOENT is a type that nobody knows */
		return ret == -ENOENT ? -ENXIO : ret;
	return arg.features & XSEG_DEVICE_WAIT ? 0 : -ENODEV;
}

static int device_init(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	(void)sd;
	return 0;
}

/* Under a lock of the handle: the device is open if anybody sleeps there. */
static void device_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	xseg_ec_force(sd);
	device_wake(xseg, sd, false);
}

/* One sleep: 0 to look again, -ETIMEDOUT, -EINTR or another errno. */
static int sleep_once(struct xseg *xseg, struct xseg_ioc_wait *arg,
		      u64 deadline)
{
	struct timespec ts;
	int ret;

	ret = wait_left(xseg, deadline, &ts);
	if (ret < 0)
		return ret;
	arg->flags = 0;
	arg->deadline_ns = 0;
	if (ret && deadline == UINT64_MAX && ts.tv_sec == 1 && !ts.tv_nsec) {
		arg->flags = XSEG_WAIT_TICK;
	} else if (ret) {
		arg->flags = XSEG_WAIT_DEADLINE;
		arg->deadline_ns = env_now_ns() +
				   (u64)ts.tv_sec * 1000000000U +
				   (u64)ts.tv_nsec;
	}
	ret = device_call(xseg, XSEG_IOC_WAIT, arg);
	if (!ret || ret == -ETIMEDOUT)
		arg->nr_signals = 0;
	if (ret != -ETIMEDOUT)
		return ret;
	liveness_scan(xseg);
	return 0;
}

/* Sends the signals that are left in the list, and sleeps until seq moves. */
static int list_sleep(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
		      u32 seq, u64 deadline, struct xseg_ioc_wait *arg)
{
	struct xseg_desc_id id;
	int ret;

	ret = xseg_get_desc_id(xseg, ec, &id);
	if (ret)
		return ret;
	arg->size = sizeof(*arg);
	arg->desc = id.index;
	arg->gen = id.gen;
	arg->seq = seq;
	atomic64_inc(&xseg->sleeps);
	do {
		ret = sleep_once(xseg, arg, deadline);
	} while (!ret && !xseg_ec_signalled(ec, seq));
	if (ret == -ESTALE || (ret && xseg_ec_signalled(ec, seq)))
		return 0;	/* put meanwhile: the caller looks at that */
	return ret;
}

static int device_sleep(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
			u32 seq, u64 deadline)
{
	struct xseg_ioc_wait arg = { 0 };

	return list_sleep(xseg, ec, seq, deadline, &arg);
}

static int device_wait(struct xseg *xseg, void __xseg_shared *sd,
		       u32 usec_timeout)
{
	return seq_wait(xseg, sd, usec_timeout, device_sleep);
}

/* Lists the ports that the module is to signal, and signals the others. */
static void list_fill(struct xseg *xseg, const xport *ports, unsigned int nr,
		      struct xseg_ioc_wait *arg)
{
	struct xseg_ioc_desc d;
	int ret;

	smp_mb();	/* (S2), pairs with (W2) in xseg_ec_prepare() */
	for (; nr--; ports++) {
		ret = port_waiter(xseg, *ports, XSEG_SIGNAL_BY_DEVICE, &d.desc,
				  &d.gen);
		if (ret > 0 && arg->nr_signals < XSEG_MAX_SIGNALS)
			arg->signal[arg->nr_signals++] = d;
		else if (ret)
			xseg_signal(xseg, *ports);
	}
}

static int device_signal_and_wait(struct xseg *xseg, void __xseg_shared *sd,
				  const xport *ports, unsigned int nr,
				  u32 usec_timeout)
{
	struct xseg_ioc_wait arg = { 0 };
	u32 seq;
	int ret;

	ret = seq_take(xseg, sd, &seq);
	if (ret)
		return ret;
	if (!usec_timeout || xseg_ec_sleep(sd, seq)) {
		while (nr--)
			xseg_signal(xseg, *ports++);
		ret = xseg_ec_signalled(sd, seq) ? 0 : -ETIMEDOUT;
		xseg_ec_cancel(sd, seq, 0);
		return ret;
	}
	atomic64_inc(&xseg->waits);
	list_fill(xseg, ports, nr, &arg);
	ret = list_sleep(xseg, sd, seq, wait_deadline(usec_timeout), &arg);
	if (ret)
		xseg_ec_cancel(sd, seq, 1);
	return ret;
}

/* A local thread may still sleep on what its peer has put. */
static void device_release(struct xseg *xseg, void __xseg_shared *sd)
{
	device_quit(xseg, sd);
}

const struct xseg_signal_type xseg_device_type = {
	.ops = {
		.init_signal_desc = device_init,
		.quit_signal_desc = device_quit,
		.local_signal_check = device_check,
		.prepare_wait = seq_prepare,
		.cancel_wait = seq_cancel,
		.wait_signal = device_wait,
		.signal = device_signal,
		.signal_and_wait = device_signal_and_wait,
		.release = device_release,
	},
	.name = "device",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
	.flags = XSEG_SIGNAL_BY_DEVICE,
};
