// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XSEG_IOC_WAIT: processes that sleep in the module, and who wakes them.
 *
 * A sleeper is on the wait queue of its descriptor before it looks at the
 * sequence, and goes by a count in the kernel's memory from then on. Who
 * signals moves the sequence first, then wakes: one of the two sees the other.
 * A lie in the sequence costs who sleeps on it a wake-up, and nobody else.
 */
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "kernel/register.h"

static void sleepers_wake(struct sleepers *set)
{
	atomic_inc(&set->wakes);
	/* A full barrier before the look who sleeps: pairs with sleep() */
	if (wq_has_sleeper(&set->queue))
		wake_up_all(&set->queue);
}

/**
 * sleepers_wake_all() - make all processes that sleep in the module look again
 * @seg: the segment
 */
void sleepers_wake_all(struct segment *seg)
{
	struct sleepers *set;
	unsigned long index;

	xa_for_each(&seg->sleepers, index, set)
		sleepers_wake(set);
}

/**
 * sleepers_signal() - wake the processes that wait on a descriptor in the module
 * @seg:   the segment
 * @index: a descriptor, any number
 *
 * Under rcu_read_lock(). Any context.
 *
 * Return: 0, or -ENOTCONN if none ever did.
 */
int sleepers_signal(struct segment *seg, u32 index)
{
	struct sleepers *set = xa_load(&seg->sleepers, index);

	if (!set)
		return -ENOTCONN;
	sleepers_wake(set);
	return 0;
}

/**
 * segment_wake() - wake who waits on a descriptor in the kernel
 * @seg:   the segment
 * @index: a descriptor, any number
 * @gen:   its generation
 *
 * Under rcu_read_lock(). Any context.
 *
 * Return: 0, or -ENOTCONN if there is neither a kernel peer nor a process.
 */
int segment_wake(struct segment *seg, u32 index, u32 gen)
{
	if (!waker_signal(seg, index, gen))
		return 0;
	return sleepers_signal(seg, index);
}

/* Signals the descriptors of a list that somebody waits on. */
static void list_signal(struct segment *seg, const struct xseg_ioc_wait *arg)
{
	struct xseg_ec __xseg_shared *ec;
	u32 i, index, gen;
	__u64 token;

	smp_mb();	/* (S2), pairs with (W2) in xseg_ec_prepare() */
	rcu_read_lock();
	for (i = 0; i < arg->nr_signals; i++) {
		index = array_index_nospec(arg->signal[i].desc,
					   seg->view.geo.params.nr_descs);
		gen = arg->signal[i].gen;
		ec = &xseg_desc(&seg->view, index)->ec;
		/* Another descriptor in its place may be of any type. */
		if (desc_is(seg, index, gen) &&
		    xseg_ec_bump(ec, &token) == 2 &&
		    !segment_wake(seg, index, gen) && desc_is(seg, index, gen))
			xseg_ec_woken(ec, token);
	}
	rcu_read_unlock();
}

static int list_check(struct segment *seg, const struct xseg_ioc_wait *arg)
{
	u32 i;

	for (i = 0; i < arg->nr_signals; i++)
		if (arg->signal[i].desc >= seg->view.geo.params.nr_descs)
			return -EINVAL;
	return 0;
}

/* Sleeps until a signal, the deadline, or the end of the attachment. */
static int sleep(struct client *client, struct segment *seg,
		 struct sleepers *set, const struct xseg_ioc_wait *arg)
{
	const struct xseg_ec __xseg_shared *ec =
		&xseg_desc(&seg->view, arg->desc)->ec;
	ktime_t until = ns_to_ktime(min_t(u64, arg->deadline_ns, KTIME_MAX));
	ktime_t *expires = arg->flags & XSEG_WAIT_DEADLINE ? &until : NULL;
	int wakes = atomic_read(&set->wakes);
	bool expired = false;
	DEFINE_WAIT(wait);
	int ret = 0;

	for (;;) {
		/* A full barrier: pairs with sleepers_wake() */
		prepare_to_wait(&set->queue, &wait, TASK_INTERRUPTIBLE);
		if (xseg_ec_signalled(ec, arg->seq))
			break;
		ret = -ENXIO;	/* which wakes everybody, too */
		if (rcu_access_pointer(client->segment) != seg)
			break;
		ret = 0;
		if (atomic_read(&set->wakes) != wakes)
			break;
		ret = -ETIMEDOUT;
		if (expired)
			break;
		ret = -ERESTARTNOHAND;	/* no handler: go on, same deadline */
		if (signal_pending(current))
			break;
		ret = 0;
		expired = !schedule_hrtimeout_range(expires,
						    current->timer_slack_ns,
						    HRTIMER_MODE_ABS);
		if (xseg_ec_signalled(ec, arg->seq))
			break;
	}
	finish_wait(&set->queue, &wait);
	return ret;
}

static int segment_wait(struct client *client, struct segment *seg,
			struct xseg_ioc_wait *arg)
{
	struct sleepers *set;
	int ret;

	ret = desc_check(seg, &arg->desc, arg->gen);
	if (!ret)
		ret = list_check(seg, arg);
	if (ret)
		return ret;
	set = sleepers_get(seg, arg->desc);
	if (IS_ERR(set))
		return PTR_ERR(set);
	list_signal(seg, arg);
	return sleep(client, seg, set, arg);
}

/**
 * client_wait() - XSEG_IOC_WAIT
 * @client: the open file
 * @arg:    the command
 *
 * Context: process; sleeps.
 *
 * Return: as the command.
 */
int client_wait(struct client *client, struct xseg_ioc_wait *arg)
{
	struct segment *seg;
	u32 unused;
	int ret;

	if (arg->flags & ~XSEG_WAIT_DEADLINE ||
	    (!arg->flags && arg->deadline_ns) ||
	    arg->nr_signals > XSEG_MAX_SIGNALS)
		return -EINVAL;
	unused = XSEG_MAX_SIGNALS - arg->nr_signals;
	if (memchr_inv(arg->signal + arg->nr_signals, 0,
		       unused * sizeof(arg->signal[0])))
		return -EINVAL;
	seg = client_segment(client);
	if (!seg)
		return -ENXIO;
	ret = segment_wait(client, seg, arg);
	segment_put(seg);
	return ret;
}
