// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xsegbd.ko: block devices that processes serve.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "kernel/blk/blk.h"
#include "kernel/compat.h"

/* Looks after servers; may be needed to free memory. */
struct workqueue_struct *blk_wq;

static int __init blk_init(void)
{
	int ret;

	blk_wq = alloc_workqueue("xsegbd", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!blk_wq)
		return -ENOMEM;
	ret = control_register();
	if (ret)
		destroy_workqueue(blk_wq);
	return ret;
}

/* There is no disk: each one holds the module. */
static void __exit blk_exit(void)
{
	control_unregister();
	destroy_workqueue(blk_wq);
}

module_init(blk_init);
module_exit(blk_exit);
MODULE_DESCRIPTION("Block devices served by processes over shared memory");
MODULE_LICENSE("Dual BSD/GPL");
XSEG_IMPORT_NS();
