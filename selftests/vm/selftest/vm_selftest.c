// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Misbehaves as asked for, to see that the runner notices.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *act = "good";
module_param(act, charp, 0444);
MODULE_PARM_DESC(act, "good, complain, warn, oops, bug, hang, spin or panic");

static int sleep_for_good(void *unused)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}

static int __init vm_selftest_init(void)
{
	struct task_struct *task;

	pr_info("asked for: %s\n", act);
	if (!strcmp(act, "good"))
		return 0;
	if (!strcmp(act, "complain")) {
		pr_warn("something is odd\n");
		return 0;
	}
	if (!strcmp(act, "warn")) {
		WARN_ON(act);
		return 0;
	}
	if (!strcmp(act, "oops")) {
		int *volatile nowhere = NULL;

		return *nowhere;
	}
	if (!strcmp(act, "hang")) {
		/* never woken */
		task = kthread_run(sleep_for_good, NULL, "vm_selftest");
		return PTR_ERR_OR_ZERO(task);
	}
	if (!strcmp(act, "spin")) {
		preempt_disable();
		for (;;)
			cpu_relax();
	}
	if (!strcmp(act, "panic"))
		panic("as asked for");
	return -EINVAL;
}
module_init(vm_selftest_init);

static void __exit vm_selftest_exit(void)
{
}
module_exit(vm_selftest_exit);

MODULE_DESCRIPTION("Self test of the virtual machine runner");
MODULE_LICENSE("Dual BSD/GPL");
