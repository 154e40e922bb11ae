// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How kernel peers are woken, whatever their signal type: threads sleep on a
 * wait queue in the kernel's memory, or there is a callback.
 *
 * The event count in the segment saves needless signals, no more: it may say
 * anything. What a waiter goes by lies in the kernel's memory, and is found
 * by the index of the descriptor. Since a lie may keep users from signalling
 * at all, a single sleep lasts a second at most and then looks like a signal;
 * so does a callback that was not called for a second.
 *
 * Wakers are looked up under RCU, by any context.
 * Model: Documentation/models/waker.pml.
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <xseg/kernel.h>
#include "kernel/trace.h"
#include "kernel/waker.h"

enum callback_state {
	CALLBACK_IDLE,
	CALLBACK_ARMED,
	CALLBACK_DUE,		/* the work is queued for it */
};

/**
 * struct waiter - what a thread has prepared
 * @link: in the waker's list
 * @task: the thread, to be compared only; NULL: free for another
 * @seq:  the sequence that it noted
 * @wakes: of the waker, as it was then
 */
struct waiter {
	struct list_head link;
	struct task_struct *task;
	u32 seq;
	int wakes;
};

/**
 * struct waker - what is private of a kernel peer's descriptor
 * @rcu:     frees it
 * @ref:     the table, each thread in a call, @work while it is queued
 * @xseg:    handle of the peer that waits
 * @ec:	     the event count
 * @gen:     of the descriptor
 * @wakes:   signals so far
 * @queue:   where threads sleep
 * @lock:    guards the next; taken in any context
 * @waiters: one for each thread that prepared a wait
 * @fn:	     the callback, or NULL
 * @arg:     given to it
 * @flags:   XSEG_CALLBACK_*
 * @state:   enum callback_state
 * @called:  there was a callback once: nobody waits any more
 * @running: a direct callback runs; set under the lock, cleared without
 * @worker:  the thread in which the work calls it, to be compared only; written
 *	     by that thread
 * @work:    runs the callback: on a signal at once, else after a second
 */
struct waker {
	struct rcu_head rcu;
	struct kref ref;
	struct xseg *xseg;
	struct xseg_ec __xseg_shared *ec;
	u32 gen;
	atomic_t wakes;
	wait_queue_head_t queue;
	spinlock_t lock;	/* see above */
	struct list_head waiters;
	void (*fn)(void *arg);
	void *arg;
	unsigned int flags;
	enum callback_state state;
	bool called;
	bool running;
	struct task_struct *worker;
	struct delayed_work work;
};

/*
 * A direct callback signals others, whose direct callbacks signal others: so
 * deep on one stack, the rest by the work. A segment full of lies could
 * otherwise have those of all kernel peers call each other in a row.
 */
#define DIRECT_DEPTH	2

/* Direct callbacks that run on a CPU, one inside the other. */
static DEFINE_PER_CPU(int, direct_depth);

/* Where wakers_flush() waits for the last waker of a handle. */
static DECLARE_WAIT_QUEUE_HEAD(flush_queue);

static void waker_free(struct kref *ref)
{
	struct waker *waker = container_of(ref, struct waker, ref);
	struct waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &waker->waiters, link)
		kfree(waiter);
	/* The last access to the handle, which may go now. */
	atomic_dec(&domain_of(waker->xseg)->wakers);
	wake_up_all(&flush_queue);
	kfree_rcu(waker, rcu);
}

/**
 * waker_put() - drop a reference
 * @waker: the waker
 *
 * Any context.
 */
void waker_put(struct waker *waker)
{
	kref_put(&waker->ref, waker_free);
}

/**
 * wakers_flush() - wait until nobody uses a handle's wakers any more
 * @domain: of a handle whose descriptors were put
 *
 * Callbacks have then returned. May sleep.
 */
void wakers_flush(struct kernel_domain *domain)
{
	synchronize_rcu();	/* direct callbacks, xseg_call_waiter() */
	wait_event(flush_queue, !atomic_read(&domain->wakers));
}

/* The waker of a descriptor, any number, or NULL. Under RCU. */
static struct waker *waker_find(struct segment *seg, u32 index)
{
	struct waker __rcu **place = waker_place(seg, index);

	return place ? rcu_dereference(*place) : NULL;
}

/* Puts one waker in the place of another: true unless it was not there. */
static bool waker_set(struct segment *seg, u32 index, struct waker *old,
		      struct waker *new)
{
	struct waker **place = (struct waker **)waker_place(seg, index);

	return place && cmpxchg(place, old, new) == old;
}

/**
 * waker_get() - the waker of a descriptor that a handle waits on
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Any context.
 *
 * Return: the waker, to be put, or NULL.
 */
struct waker *waker_get(struct xseg *xseg, void __xseg_shared *sd)
{
	struct segment *seg = domain_of(xseg)->segment;
	struct waker *waker;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return NULL;
	rcu_read_lock();
	waker = waker_find(seg, index);
	if (waker && (waker->xseg != xseg ||
		      !kref_get_unless_zero(&waker->ref)))
		waker = NULL;
	rcu_read_unlock();
	return waker;
}

/*
 * Queues the work, which holds a reference. There is a callback, so that the
 * table still has its own.
 */
static void work_queue_locked(struct waker *waker, unsigned long delay)
{
	bool queued;

	kref_get(&waker->ref);
	if (delay)
		queued = !queue_delayed_work(xseg_wq, &waker->work, delay);
	else
		queued = mod_delayed_work(xseg_wq, &waker->work, 0);
	if (queued)
		waker_put(waker);	/* it was and has one */
}

/*
 * The callback is due, or armed no more: nobody waits, for it is the only one
 * who does. The signaller's own clearing comes after the wake and would come
 * too late where the callback arms itself again within it. The sequence moves
 * as well, so that this signaller does not take the next announcement for the
 * one that it saw.
 */
static void callback_take_locked(struct waker *waker, enum callback_state state)
{
	waker->state = state;
	xseg_ec_init(waker->ec);
}

/* Has the work call it after a while without a signal. */
static void callback_cap_locked(struct waker *waker)
{
	u32 cap = READ_ONCE(waker->xseg->sleep_cap);

	if (cap != XSEG_WAIT_FOREVER)
		work_queue_locked(waker, usecs_to_jiffies(cap) + 1);
}

/* It is called now, and armed no more; or again, if it is to be kept so. */
static void callback_begin_locked(struct waker *waker)
{
	if (!waker->fn || !(waker->flags & XSEG_CALLBACK_KEEP)) {
		if (waker->state == CALLBACK_ARMED)
			callback_take_locked(waker, CALLBACK_IDLE);
		waker->state = CALLBACK_IDLE;
		return;
	}
	waker->state = CALLBACK_ARMED;
	xseg_ec_rearm(waker->ec);
	callback_cap_locked(waker);
}

static void callback_work(struct work_struct *work)
{
	struct waker *waker = container_of(to_delayed_work(work),
					   struct waker, work);
	void (*fn)(void *arg) = NULL;
	bool in_vain = false;
	unsigned long flags;
	void *arg = NULL;

	spin_lock_irqsave(&waker->lock, flags);
	if (waker->state != CALLBACK_IDLE) {
		in_vain = waker->state == CALLBACK_ARMED;	/* by time */
		callback_begin_locked(waker);
		fn = waker->fn;
		arg = waker->arg;
	}
	spin_unlock_irqrestore(&waker->lock, flags);
	if (in_vain)
		domain_look_idle(waker->xseg);
	if (fn) {
		WRITE_ONCE(waker->worker, current);
		fn(arg);
		WRITE_ONCE(waker->worker, NULL);
	}
	waker_put(waker);
}

/*
 * May a direct callback be run here? If so, direct_leave() follows. Never on
 * PREEMPT_RT: it would take spinlock_t with preemption off.
 */
static bool direct_enter(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	preempt_disable();
	if (this_cpu_inc_return(direct_depth) <= DIRECT_DEPTH)
		return true;
	this_cpu_dec(direct_depth);
	preempt_enable();
	return false;
}

static void direct_leave(void)
{
	this_cpu_dec(direct_depth);
	preempt_enable();
}

/**
 * domain_aside() - signals of this CPU run no direct callbacks meanwhile
 * @on: true to begin, false to end; not nested
 */
void domain_aside(bool on)
{
	if (on) {
		preempt_disable();
		this_cpu_add(direct_depth, DIRECT_DEPTH);
	} else {
		this_cpu_sub(direct_depth, DIRECT_DEPTH);
		preempt_enable();
	}
}

/*
 * A signal came: runs the callback, where it may be direct and the peer allows
 * it, or sees that it runs. Under RCU.
 */
static void callback_signal(struct waker *waker, bool direct)
{
	void (*fn)(void *arg) = NULL;
	unsigned long flags;
	void *arg = NULL;

	if (!READ_ONCE(waker->fn))
		return;
	spin_lock_irqsave(&waker->lock, flags);
	if (waker->state == CALLBACK_ARMED && waker->fn) {
		/* One that runs may be what signals: it must not nest. */
		if (direct && waker->flags & XSEG_CALLBACK_DIRECT &&
		    !waker->running && READ_ONCE(waker->worker) != current &&
		    direct_enter()) {
			callback_begin_locked(waker);
			waker->running = true;
			fn = waker->fn;
			arg = waker->arg;
		} else {
			callback_take_locked(waker, CALLBACK_DUE);
			work_queue_locked(waker, 0);
		}
	}
	spin_unlock_irqrestore(&waker->lock, flags);
	if (!fn)
		return;
	fn(arg);
	WRITE_ONCE(waker->running, false);
	direct_leave();
}

/**
 * waker_wake() - wake whoever waits
 * @waker:  the waker
 * @direct: a direct callback may be run here: no lock is held
 *
 * Under rcu_read_lock(). Any context.
 */
void waker_wake(struct waker *waker, bool direct)
{
	int wakes = atomic_inc_return(&waker->wakes);

	trace_xseg_wake(domain_of(waker->xseg)->segment, waker->xseg->me,
			waker->gen, wakes, direct);
	/* A full barrier before the look: pairs with that of waker_sleep() */
	if (wq_has_sleeper(&waker->queue))
		wake_up_all(&waker->queue);
	callback_signal(waker, direct);
}

/**
 * waker_signal() - wake a kernel peer, on behalf of a process
 * @seg:   the segment
 * @index: a descriptor, any number
 * @gen:   its generation
 *
 * Under rcu_read_lock(). Any context.
 *
 * Return: 0, or -ENOTCONN if no kernel peer waits on it.
 */
int waker_signal(struct segment *seg, u32 index, u32 gen)
{
	struct waker *waker = waker_find(seg, index);

	if (!waker || waker->gen != gen)
		return -ENOTCONN;
	if (trace_xseg_signal_enabled())
		trace_signalled(waker->xseg, index);
	waker_wake(waker, true);
	return 0;
}

/**
 * wakers_wake_all() - make all kernel peers of a segment look at it
 * @seg: the segment
 *
 * May sleep.
 */
void wakers_wake_all(struct segment *seg)
{
	struct waker *waker;
	u32 i;

	for (i = 0; i < seg->view.geo.params.nr_descs; i++) {
		rcu_read_lock();
		waker = waker_find(seg, i);
		if (waker)
			waker_wake(waker, true);
		rcu_read_unlock();
		cond_resched();
	}
}

/**
 * waker_init() - ->init_signal_desc() of types for kernel peers
 * @xseg: the handle
 * @sd:	  type-specific part of a new descriptor
 *
 * May sleep.
 *
 * Return: 0, -ENOMEM, -EINVAL or -EUCLEAN.
 */
int waker_init(struct xseg *xseg, void __xseg_shared *sd)
{
	struct kernel_domain *domain = domain_of(xseg);
	struct waker *waker;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	waker = kzalloc(sizeof(*waker), GFP_KERNEL);
	if (!waker)
		return -ENOMEM;
	kref_init(&waker->ref);
	waker->xseg = xseg;
	waker->ec = sd;
	waker->gen = xseg->descs[index].gen;
	init_waitqueue_head(&waker->queue);
	spin_lock_init(&waker->lock);
	INIT_LIST_HEAD(&waker->waiters);
	INIT_DELAYED_WORK(&waker->work, callback_work);
	atomic_inc(&domain->wakers);
	if (!waker_set(domain->segment, index, NULL, waker)) {
		atomic_dec(&domain->wakers);
		kfree(waker);
		return -EUCLEAN;	/* a lie hands out another peer's */
	}
	return 0;
}

/**
 * waker_quit() - ->quit_signal_desc() of types for kernel peers
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 */
void waker_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	xseg_ec_force(sd);
}

/**
 * waker_release() - ->release() of types for kernel peers
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * No more callbacks, and who waits returns.
 */
void waker_release(struct xseg *xseg, void __xseg_shared *sd)
{
	struct segment *seg = domain_of(xseg)->segment;
	struct waker *waker = waker_get(xseg, sd);
	unsigned long flags;
	u32 index;

	if (!waker || desc_of(xseg, sd, &index))
		return;
	waker_set(seg, index, waker, NULL);
	spin_lock_irqsave(&waker->lock, flags);
	WRITE_ONCE(waker->fn, NULL);
	spin_unlock_irqrestore(&waker->lock, flags);
	if (cancel_delayed_work(&waker->work))
		waker_put(waker);
	xseg_ec_force(sd);
	waker_wake(waker, true);
	waker_put(waker);	/* the table's */
	waker_put(waker);
}

/* What the calling thread has prepared, NULL if nothing. */
static struct waiter *waiter_find_locked(struct waker *waker,
					 const struct task_struct *task)
{
	struct waiter *waiter;

	list_for_each_entry(waiter, &waker->waiters, link)
		if (waiter->task == task)
			return waiter;
	return NULL;
}

/* Takes what the calling thread has prepared. */
static bool waiter_take(struct waker *waker, u32 *seq, int *wakes)
{
	struct waiter *waiter;
	unsigned long flags;

	spin_lock_irqsave(&waker->lock, flags);
	waiter = waiter_find_locked(waker, current);
	if (waiter) {
		*seq = waiter->seq;
		*wakes = waiter->wakes;
		waiter->task = NULL;
	}
	spin_unlock_irqrestore(&waker->lock, flags);
	return waiter;
}

static int waiter_add(struct waker *waker)
{
	struct waiter *waiter, *new = NULL;
	unsigned long flags;
	u32 seq;
	int wakes;

	if (waiter_take(waker, &seq, &wakes))
		xseg_ec_cancel(waker->ec, seq, 0);
	for (;;) {
		spin_lock_irqsave(&waker->lock, flags);
		waiter = waiter_find_locked(waker, NULL);
		if (!waiter && new) {
			waiter = new;
			list_add(&waiter->link, &waker->waiters);
		}
		if (waiter) {
			waiter->task = current;
			waiter->wakes = atomic_read(&waker->wakes);
			waiter->seq = xseg_ec_prepare(waker->ec, 0);
		}
		spin_unlock_irqrestore(&waker->lock, flags);
		if (waiter != new)
			kfree(new);
		if (waiter)
			return 0;
		new = kzalloc(sizeof(*new), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
	}
}

/*
 * Arms the callback. Who had one may be in any context, also just after it was
 * taken away: that is -EOPNOTSUPP. Who never had one is to wait: -ENOENT.
 */
static int callback_arm(struct waker *waker)
{
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&waker->lock, flags);
	ret = waker->fn ? 0 : waker->called ? -EOPNOTSUPP : -ENOENT;
	if (!ret) {
		if (waker->state == CALLBACK_ARMED)
			callback_take_locked(waker, CALLBACK_IDLE);
		/* Who sees it announced waits for the lock, finds it armed. */
		waker->state = CALLBACK_ARMED;
		xseg_ec_prepare(waker->ec, 1);
		callback_cap_locked(waker);
	}
	spin_unlock_irqrestore(&waker->lock, flags);
	return ret;
}

static bool callback_disarm(struct waker *waker)
{
	unsigned long flags;

	if (!READ_ONCE(waker->called))
		return false;
	spin_lock_irqsave(&waker->lock, flags);
	if (waker->state == CALLBACK_ARMED)
		callback_take_locked(waker, CALLBACK_IDLE);
	spin_unlock_irqrestore(&waker->lock, flags);
	return true;
}

/**
 * waker_prepare() - ->prepare_wait() of types for kernel peers
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Any context with a callback, else process.
 *
 * Return: 0, -EOPNOTSUPP (another peer's, or its callback was taken away) or
 * -ENOMEM.
 */
int waker_prepare(struct xseg *xseg, void __xseg_shared *sd)
{
	struct waker *waker = waker_get(xseg, sd);
	int ret;

	if (!waker)
		return -EOPNOTSUPP;	/* another peer's */
	ret = callback_arm(waker);
	if (ret == -ENOENT)
		ret = waiter_add(waker);
	waker_put(waker);
	return ret;
}

/**
 * waker_cancel() - ->cancel_wait() of types for kernel peers
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Any context.
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int waker_cancel(struct xseg *xseg, void __xseg_shared *sd)
{
	struct waker *waker = waker_get(xseg, sd);
	int wakes;
	u32 seq;

	if (!waker)
		return -EOPNOTSUPP;
	if (!callback_disarm(waker) && waiter_take(waker, &seq, &wakes))
		xseg_ec_cancel(sd, seq, 0);
	waker_put(waker);
	return 0;
}

static bool must_stop(void)
{
	return current->flags & PF_KTHREAD && kthread_should_stop();
}

/* Was there a signal since: in the kernel's own memory, or so the count says? */
static bool waker_signalled(const struct waker *waker, u32 seq, int wakes)
{
	return atomic_read(&waker->wakes) != wakes ||
	       xseg_ec_signalled(waker->ec, seq);
}

/* Sleeps until a signal: 0 (also after the cap), -ETIMEDOUT or -EINTR. */
static int waker_sleep(struct waker *waker, u32 seq, int wakes, u32 usec)
{
	u32 cap = READ_ONCE(waker->xseg->sleep_cap);
	u32 sleep = min(usec, cap);
	ktime_t left = sleep == XSEG_WAIT_FOREVER ? KTIME_MAX :
		       ns_to_ktime((u64)sleep * NSEC_PER_USEC);
	int ret;

	atomic64_inc(&waker->xseg->sleeps);
	/* Not by ticks: these lag where interrupts are late, and end too soon. */
	ret = wait_event_interruptible_hrtimeout(waker->queue, must_stop() ||
						 waker_signalled(waker, seq,
								 wakes), left);
	if (waker_signalled(waker, seq, wakes))
		return 0;
	if (ret == -ERESTARTSYS || must_stop())
		return -EINTR;
	domain_look_idle(waker->xseg);
	return usec <= cap ? -ETIMEDOUT : 0;
}

static int waiter_wait(struct waker *waker, u32 seq, int wakes, u32 usec)
{
	int ret = -ETIMEDOUT;

	if (waker_signalled(waker, seq, wakes))
		ret = 0;
	if (!ret || !usec) {
		xseg_ec_cancel(waker->ec, seq, 0);
		return ret;
	}
	atomic64_inc(&waker->xseg->waits);
	if (xseg_ec_sleep(waker->ec, seq))
		return 0;
	ret = waker_sleep(waker, seq, wakes, usec);
	xseg_ec_cancel(waker->ec, seq, 1);
	return ret;
}

/**
 * waker_wait() - ->wait_signal() of types for kernel peers
 * @xseg:	  the handle
 * @sd:		  type-specific part of the descriptor
 * @usec_timeout: as for xseg_wait_signal()
 *
 * Return: 0, -ETIMEDOUT, -EINTR, -EOPNOTSUPP, -EUCLEAN or -ENOMEM.
 */
int waker_wait(struct xseg *xseg, void __xseg_shared *sd, u32 usec_timeout)
{
	struct waker *waker = waker_get(xseg, sd);
	int wakes, ret = 0;
	u32 seq;

	if (!waker)
		return -EOPNOTSUPP;
	if (READ_ONCE(waker->called))
		ret = -EOPNOTSUPP;
	else if (!segment_intact(domain_of(xseg)->segment))
		ret = -EUCLEAN;
	if (!ret && !waiter_take(waker, &seq, &wakes)) {
		ret = waiter_add(waker);
		if (!ret)
			waiter_take(waker, &seq, &wakes);
	}
	if (!ret)
		ret = waiter_wait(waker, seq, wakes, usec_timeout);
	waker_put(waker);
	return ret;
}

/**
 * waker_signal_peer() - ->signal() of types for kernel peers, by another one
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Any context.
 *
 * Return: 0, -EINVAL or -ESRCH.
 */
int waker_signal_peer(struct xseg *xseg, void __xseg_shared *sd)
{
	struct waker *waker;
	__u64 token;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	rcu_read_lock();
	waker = waker_find(domain_of(xseg)->segment, index);
	if (waker)
		waker_wake(waker, true);
	rcu_read_unlock();
	xseg_ec_woken(sd, token);
	return waker ? 0 : -ESRCH;
}

int xseg_set_callback(struct xseg *xseg, void __xseg_shared *sd,
		      void (*fn)(void *arg), void *arg, unsigned int flags)
{
	struct waker *waker;
	unsigned long irq;
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (!ret)
		ret = desc_held(xseg, sd, &index);
	if (ret || flags & ~(XSEG_CALLBACK_DIRECT | XSEG_CALLBACK_KEEP))
		return ret ? ret : -EINVAL;
	waker = waker_get(xseg, &xseg_desc(xseg, index)->ec);
	if (!waker)
		return -EINVAL;
	spin_lock_irqsave(&waker->lock, irq);
	waker->arg = arg;
	waker->flags = flags;
	if (waker->state == CALLBACK_ARMED)
		callback_take_locked(waker, CALLBACK_IDLE);
	waker->state = CALLBACK_IDLE;
	if (fn)
		WRITE_ONCE(waker->called, true);
	WRITE_ONCE(waker->fn, fn);
	if (fn && flags & XSEG_CALLBACK_KEEP)
		callback_begin_locked(waker);
	spin_unlock_irqrestore(&waker->lock, irq);
	/* Nobody queues it without a callback; it has a reference. */
	if (!fn && cancel_delayed_work_sync(&waker->work))
		waker_put(waker);
	waker_put(waker);
	return 0;
}
