// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A kernel peer that a test leads step by step, see step.h.
 */
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel/compat.h"
#include "kernel/test/step.h"
#include "kernel/test/test.h"

/**
 * struct led - a peer that is led
 * @ref:    of each open file
 * @xseg:   its handle
 * @sd:	    its descriptor, or NULL
 * @called: the callback was called since the last STEP_PREPARE
 * @queue:  who waits for that
 * @calls:  there is a callback
 * @again:  port that its next call signals, or NoPort
 * @within: the thread in which one does so
 * @nested: it was called in there
 * @calling: calls of waiters that may be under way
 * @done:   those that were made
 * @there:  by another thread than the one that asked
 */
struct led {
	struct kref ref;
	struct xseg *xseg;
	struct signal_desc __xseg_shared *sd;
	bool called;
	wait_queue_head_t queue;
	bool calls;
	xport again;
	struct task_struct *within;
	bool nested;
	atomic_t calling;
	atomic_t done;
	atomic_t there;
};

/* A call of a waiter */
struct led_call {
	struct xseg_call call;
	struct led *led;
	struct task_struct *from;
	xport port;
};

/**
 * struct actor - an open file
 * @lock:  one step at a time
 * @led:   the peer, or NULL
 * @task:  the thread
 * @queue: where it sleeps while there is no step
 * @step:  the step that the thread is to do, or NULL
 * @copy:  where that is
 * @ret:   what it returned
 * @done:  it did it
 * @timer: does it in interrupt context
 * @timed: the timer has been set up
 */
struct actor {
	struct mutex lock;	/* see above */
	struct led *led;
	struct task_struct *task;
	wait_queue_head_t queue;
	struct xseg_test_step *step;
	struct xseg_test_step copy;
	int ret;
	struct completion done;
	struct hrtimer timer;
	bool timed;
};

static void led_free(struct kref *ref)
{
	struct led *led = container_of(ref, struct led, ref);

	while (atomic_read(&led->calling))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu();
	if (!IS_ERR_OR_NULL(led->xseg))
		xseg_leave(led->xseg);
	kfree(led);
}

static int led_join(struct actor *actor, const char *name)
{
	struct led *led = kzalloc(sizeof(*led), GFP_KERNEL);
	int ret;

	if (!led)
		return -ENOMEM;
	kref_init(&led->ref);
	init_waitqueue_head(&led->queue);
	led->again = NoPort;
	led->xseg = xseg_join(name, 0);
	if (IS_ERR(led->xseg)) {
		ret = PTR_ERR(led->xseg);
		kfree(led);
		return ret;
	}
	actor->led = led;
	return xseg_set_sleep_cap(led->xseg, XSEG_WAIT_FOREVER);
}

static int led_get(struct led *led, const char *type)
{
	struct signal_desc __xseg_shared *sd;

	sd = xseg_get_signal_desc(led->xseg, type);
	if (is_err(sd))
		return ptr_err(sd);
	led->sd = sd;
	return 0;
}

static void led_called(void *arg)
{
	struct led *led = arg;
	xport again = xchg(&led->again, NoPort);

	if (READ_ONCE(led->within) == current)
		WRITE_ONCE(led->nested, true);
	if (again != NoPort) {
		WRITE_ONCE(led->within, current);
		xseg_signal(led->xseg, again);
		WRITE_ONCE(led->within, NULL);
		return;
	}
	WRITE_ONCE(led->called, true);
	wake_up_all(&led->queue);
}

static int led_callback(struct led *led, u32 flags)
{
	int ret = xseg_set_callback(led->xseg, led->sd, led_called, led,
				    flags);

	led->calls = !ret;
	return ret;
}

static int led_prepare(struct led *led)
{
	WRITE_ONCE(led->called, false);
	return xseg_prepare_wait(led->xseg, led->sd);
}

static bool must_stop(void)
{
	return current->flags & PF_KTHREAD && kthread_should_stop();
}

/* Until the callback is called; it stays armed no longer than that. */
static int led_wait_called(struct led *led, u32 usec)
{
	long left = usec == XSEG_WAIT_FOREVER ? MAX_SCHEDULE_TIMEOUT :
		    (long)usecs_to_jiffies(usec) + 1;

	if (usec)
		wait_event_interruptible_timeout(led->queue,
						 READ_ONCE(led->called) ||
						 must_stop(), left);
	xseg_cancel_wait(led->xseg, led->sd);
	if (READ_ONCE(led->nested))
		return -EDEADLK;
	return READ_ONCE(led->called) ? 0 : -ETIMEDOUT;
}

static int led_wait(struct led *led, u32 usec)
{
	if (led->calls)
		return led_wait_called(led, usec);
	return xseg_wait_signal(led->xseg, led->sd, usec);
}

static void led_call_made(struct xseg_call *call)
{
	struct led_call *c = container_of(call, struct led_call, call);
	struct led *led = c->led;

	xseg_signal(led->xseg, c->port);
	if (c->from != current)
		atomic_inc(&led->there);
	atomic_inc_return_release(&led->done);	/* after @there */
	atomic_dec(&led->calling);
	kfree(c);
}

static int led_call(struct led *led, xport port)
{
	struct led_call *c = kzalloc(sizeof(*c), GFP_ATOMIC);
	int ret;

	if (!c)
		return -ENOMEM;
	c->call.fn = led_call_made;
	c->led = led;
	c->port = port;
	c->from = current;
	atomic_inc(&led->calling);
	ret = xseg_call_waiter(led->xseg, port, &c->call);
	if (!ret)
		return 0;
	atomic_dec(&led->calling);
	kfree(c);
	return ret;
}

static int led_stats(struct led *led, struct xseg_test_step *step)
{
	struct xseg_stats stats;
	int ret = xseg_get_stats(led->xseg, &stats);

	BUILD_BUG_ON(sizeof(stats) != sizeof(step->stats));
	memcpy(step->stats, &stats, sizeof(stats));
	return ret;
}

/* Any context, if the call may be made there. */
static int step_do(struct led *led, struct xseg_test_step *step)
{
	switch (step->what) {
	case STEP_INIT:
		return xseg_local_signal_init(led->xseg, step->name);
	case STEP_GET:
		return led_get(led, step->name);
	case STEP_PUT:
		return xseg_put_signal_desc(led->xseg, led->sd);
	case STEP_BIND:
		return xseg_bind_port(led->xseg, step->number, led->sd);
	case STEP_RELEASE:
		return xseg_release_port(led->xseg, step->number);
	case STEP_PREPARE:
		return led_prepare(led);
	case STEP_CANCEL:
		return xseg_cancel_wait(led->xseg, led->sd);
	case STEP_WAIT:
		return led_wait(led, step->number);
	case STEP_SIGNAL:
		return xseg_signal(led->xseg, step->number);
	case STEP_STATS:
		return led_stats(led, step);
	case STEP_CAP:
		return xseg_set_sleep_cap(led->xseg, step->number);
	case STEP_CALLBACK:
		return led_callback(led, step->number);
	case STEP_AGAIN:
		WRITE_ONCE(led->again, step->number);
		return 0;
	case STEP_CALL:
		return led_call(led, step->number);
	case STEP_CALLED:
		step->stats[0] = atomic_read_acquire(&led->done);
		step->stats[1] = atomic_read(&led->there);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int actor_thread(void *arg)
{
	struct actor *actor = arg;

	while (!kthread_should_stop()) {
		wait_event_interruptible(actor->queue,
					 /* whole: pairs with step_in_thread() */
					 smp_load_acquire(&actor->step) ||
					 kthread_should_stop());
		if (!actor->step)
			continue;
		actor->ret = step_do(actor->led, actor->step);
		actor->step = NULL;
		complete(&actor->done);
	}
	return 0;
}

static enum hrtimer_restart actor_timer(struct hrtimer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);

	actor->ret = step_do(actor->led, &actor->copy);
	complete(&actor->done);
	return HRTIMER_NORESTART;
}

static int step_share(struct actor *actor, int fd)
{
	struct file *file = fget(fd);
	struct actor *other;
	int ret = -EBADF;

	if (!file)
		return ret;
	other = file->private_data;
	/* A debugfs file has the operations of a proxy: the inode tells. */
	if (file_inode(file)->i_private == &step_fops && other->led) {
		kref_get(&other->led->ref);
		actor->led = other->led;
		ret = 0;
	}
	fput(file);
	return ret;
}

/* Has the thread do a step; who asks may be killed meanwhile. */
static int step_in_thread(struct actor *actor)
{
	reinit_completion(&actor->done);
	/* Pairs with actor_thread() */
	smp_store_release(&actor->step, &actor->copy);
	wake_up(&actor->queue);
	if (wait_for_completion_killable(&actor->done))
		return -EINTR;
	return actor->ret;
}

/* Has the timer do it, at once. */
static int step_in_timer(struct actor *actor, enum hrtimer_mode mode)
{
	reinit_completion(&actor->done);
	if (actor->timed)
		hrtimer_cancel(&actor->timer);
	xseg_hrtimer_setup(&actor->timer, actor_timer, CLOCK_MONOTONIC, mode);
	actor->timed = true;
	hrtimer_start(&actor->timer, 0, mode);
	wait_for_completion(&actor->done);
	return actor->ret;
}

static int step_run(struct actor *actor)
{
	struct xseg_test_step *step = &actor->copy;

	if (step->what >= NR_STEPS || step->in >= STEP_NR_IN)
		return -EINVAL;
	step->name[sizeof(step->name) - 1] = 0;
	if (step->what == STEP_JOIN || step->what == STEP_SHARE) {
		if (actor->led)
			return -EBUSY;
		return step->what == STEP_JOIN ? led_join(actor, step->name) :
						 step_share(actor, step->number);
	}
	if (!actor->led)
		return -ENXIO;
	switch (step->in) {
	case STEP_IN_THREAD:
		return step_in_thread(actor);
	case STEP_IN_SOFTIRQ:
		return step_in_timer(actor, HRTIMER_MODE_REL_SOFT);
	case STEP_IN_HARDIRQ:
		return step_in_timer(actor, HRTIMER_MODE_REL_HARD);
	default:
		return step_do(actor->led, step);
	}
}

static long step_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct actor *actor = file->private_data;
	void __user *arg = (void __user *)user;
	int ret;

	if (cmd != XSEG_TEST_STEP)
		return -ENOTTY;
	if (mutex_lock_killable(&actor->lock))
		return -EINTR;
	ret = -EBUSY;
	if (actor->step)	/* of who was killed; its file is closed soon */
		goto unlock;
	ret = -EFAULT;
	if (copy_from_user(&actor->copy, arg, sizeof(actor->copy)))
		goto unlock;
	ret = step_run(actor);
	if (ret >= 0 && copy_to_user(arg, &actor->copy, sizeof(actor->copy)))
		ret = -EFAULT;
unlock:
	mutex_unlock(&actor->lock);
	return ret;
}

static int step_open(struct inode *inode, struct file *file)
{
	struct actor *actor = kzalloc(sizeof(*actor), GFP_KERNEL);
	struct task_struct *task;

	if (!actor)
		return -ENOMEM;
	mutex_init(&actor->lock);
	init_waitqueue_head(&actor->queue);
	init_completion(&actor->done);
	task = kthread_run(actor_thread, actor, "xseg-step");
	if (IS_ERR(task)) {
		kfree(actor);
		return PTR_ERR(task);
	}
	actor->task = task;
	file->private_data = actor;
	return 0;
}

/* A wait that is under way ends with the thread. */
static int step_release(struct inode *inode, struct file *file)
{
	struct actor *actor = file->private_data;

	kthread_stop(actor->task);
	if (actor->timed)
		hrtimer_cancel(&actor->timer);
	if (actor->led)
		kref_put(&actor->led->ref, led_free);
	kfree(actor);
	return 0;
}

const struct file_operations step_fops = {
	.owner = THIS_MODULE,
	.open = step_open,
	.release = step_release,
	.unlocked_ioctl = step_ioctl,
};
