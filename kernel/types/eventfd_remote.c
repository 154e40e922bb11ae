// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type eventfd, from the kernel: signals the eventfd that its process
 * has registered.
 */
#include <linux/rcupdate.h>

#include "kernel/compat.h"
#include "kernel/register.h"

/* Signals what is registered for a descriptor; how many. Under RCU. */
static int eventfds_signal(struct sleepers *set, u32 gen)
{
	struct registration *reg;
	int i, n = 0;

	for (i = 0; set && i < XSEG_MAX_REGISTERED; i++) {
		reg = rcu_dereference(set->reg[i]);
		if (!reg || !reg->ctx || reg->gen != gen)
			continue;
		xseg_eventfd_signal(reg->ctx);
		n++;
	}
	return n;
}

static int eventfd_signal_desc(struct xseg *xseg, void __xseg_shared *sd)
{
	struct xseg_desc_id id;
	struct sleepers *set;
	__u64 token;
	int n;

	/* Inside another eventfd's wake-up this one would be lost. */
	if (!eventfd_signal_allowed())
		return domain_signal_later(xseg);
	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	if (xseg_get_desc_id(xseg, sd, &id))
		return -EINVAL;
	rcu_read_lock();
	set = sleepers_of(domain_of(xseg)->segment, id.index);
	n = eventfds_signal(set, id.gen);
	rcu_read_unlock();
	if (!n)
		return -ESRCH;
	xseg_ec_woken(sd, token);
	return 0;
}

/* Its process goes by the count when it next looks. */
static void eventfd_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	xseg_ec_force(sd);
}

const struct xseg_signal_type xseg_eventfd_type = {
	.ops = {
		.quit_signal_desc = eventfd_quit,
		.signal = eventfd_signal_desc,
	},
	.name = "eventfd",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
