// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg_signal.ko: the kernel as a peer of shared-memory segments.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "kernel/compat.h"
#include "kernel/signal.h"

unsigned long max_mib = 65536;
module_param(max_mib, ulong, 0644);
MODULE_PARM_DESC(max_mib, "MiB of the largest segment that may be attached");

unsigned int poll_usec = 200;
module_param(poll_usec, uint, 0644);
MODULE_PARM_DESC(poll_usec, "Microseconds that a process may poll for before it sleeps, 0: none");

/* What may be needed to free memory, or is short: callbacks of kernel peers. */
struct workqueue_struct *xseg_wq;
/* Looking after segments, which may take long. */
struct workqueue_struct *xseg_look_wq;

static const struct xseg_signal_type *const builtin_types[] = {
	&xseg_waitqueue_type,
	&xseg_eventfd_bridge_type,
	&xseg_eventfd_type,
	&xseg_futex_type,
	&xseg_device_type,
};

static int __init types_init(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(builtin_types); i++)
		ret = xseg_register_signal_type(builtin_types[i]);
	return ret;
}

static int __init queues_init(void)
{
	xseg_wq = alloc_workqueue("xseg_signal", WQ_MEM_RECLAIM | WQ_HIGHPRI |
				  WQ_UNBOUND, 0);
	if (!xseg_wq)
		return -ENOMEM;
	xseg_look_wq = alloc_workqueue("xseg_look", WQ_UNBOUND, 0);
	if (xseg_look_wq)
		return 0;
	destroy_workqueue(xseg_wq);
	return -ENOMEM;
}

static void queues_exit(void)
{
	destroy_workqueue(xseg_look_wq);
	destroy_workqueue(xseg_wq);
}

static int __init xseg_init(void)
{
	int ret;

	ret = queues_init();
	if (ret)
		return ret;
	ret = types_init();
	if (!ret)
		ret = signal_device_register();
	if (ret) {
		queues_exit();
		return ret;
	}
	debug_init();
	return 0;
}

/* Nobody is here: open files, kept segments and peers hold the module. */
static void __exit xseg_exit(void)
{
	debug_exit();
	signal_device_unregister();
	rcu_barrier();	/* queues work, or has our text */
	queues_exit();
}

module_init(xseg_init);
module_exit(xseg_exit);
MODULE_DESCRIPTION("Signals and requests between processes and kernel drivers");
MODULE_LICENSE("Dual BSD/GPL");
