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

/* XSEG_WAIT_TICK is for who looks by himself about so often. */
#define TICK_USEC	1000000

/* Until when to sleep now: 0, or -ETIMEDOUT. */
static inline int sleep_fill(struct xseg *xseg, u64 deadline,
			     struct xseg_ioc_wait *arg)
{
	struct timespec ts;
	int ret;

	arg->flags &= XSEG_WAIT_POLL;
	arg->deadline_ns = 0;
	if (likely(deadline == UINT64_MAX && wait_cap(xseg) == TICK_USEC)) {
		arg->flags |= XSEG_WAIT_TICK;
		return 0;
	}
	ret = wait_left(xseg, deadline, &ts);
	if (ret > 0)
		arg->flags |= XSEG_WAIT_DEADLINE;
	if (ret <= 0)
		return ret;
	arg->deadline_ns = env_now_ns() + (u64)ts.tv_sec * 1000000000U +
			   (u64)ts.tv_nsec;
	return 0;
}

/* Did the module send what is in the list? It does so before it sleeps. */
static inline bool list_sent(int ret)
{
	return likely(!ret) || ret == -ETIMEDOUT || ret == -EINTR;
}

/*
 * Sends the signals in the list, and sleeps until seq moves. The list is empty
 * once they are sent.
 */
static inline int list_sleep(struct xseg *xseg,
			     struct xseg_ec __xseg_shared *ec, u64 deadline,
			     struct xseg_ioc_wait *arg)
{
	int ret;

	atomic64_inc(&xseg->sleeps);
	for (;;) {
		ret = sleep_fill(xseg, deadline, arg);
		if (ret)
			return ret;
		ret = device_call(xseg, XSEG_IOC_WAIT, arg);
		if (list_sent(ret))
			arg->nr_signals = 0;
		if (likely(xseg_ec_signalled(ec, arg->seq)))
			return 0;
		if (ret && ret != -ETIMEDOUT)
			break;
		if (ret)
			liveness_scan(xseg);
	}
	return ret == -ESTALE ? 0 : ret; /* put: the caller looks at that */
}

/* What the module is told of a sleep on a descriptor that this peer holds. */
static inline void arg_fill(const struct xseg *xseg,
			    struct xseg_ec __xseg_shared *ec, u32 seq,
			    struct xseg_ioc_wait *arg)
{
	u32 index = desc_of_ec(xseg, ec);

	arg->size = sizeof(*arg);
	arg->flags = 0;
	arg->desc = index;
	arg->gen = READ_ONCE(xseg->descs[index].gen);
	arg->seq = seq;
	arg->nr_signals = 0;
}

static int device_sleep(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
			u32 seq, u64 deadline)
{
	struct xseg_ioc_wait arg;

	arg_fill(xseg, ec, seq, &arg);
	return list_sleep(xseg, ec, deadline, &arg);
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

	/* (S2), after the CAS of xseg_ec_sleep(); pairs with (W2) */
	smp_mb__after_atomic();
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
	struct xseg_ioc_wait arg;
	u32 seq;
	int ret;

	ret = seq_take(xseg, sd, &seq);
	if (unlikely(ret)) {
		ports_signal(xseg, ports, nr);
		return ret;
	}
	if (!usec_timeout || xseg_ec_sleep(sd, seq)) {
		ports_signal(xseg, ports, nr);
		ret = xseg_ec_signalled(sd, seq) ? 0 : -ETIMEDOUT;
		xseg_ec_cancel(sd, seq, 0);
		return ret;
	}
	atomic64_inc(&xseg->waits);
	arg_fill(xseg, sd, seq, &arg);
	list_fill(xseg, ports, nr, &arg);
	if (READ_ONCE(xseg->strategy) != XSEG_WAIT_SLEEP)
		arg.flags = XSEG_WAIT_POLL;
	ret = list_sleep(xseg, sd, wait_deadline(usec_timeout), &arg);
	if (ret)
		xseg_ec_cancel(sd, seq, 1);
	if (unlikely(arg.nr_signals))	/* too late, put meanwhile, no device */
		ports_signal(xseg, ports, nr);
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
