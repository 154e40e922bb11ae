// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XSEG_IOC_WAIT: processes that sleep in the module, and who wakes them.
 *
 * A sleeper is in the set of its descriptor before it looks at the
 * sequence, and goes by a count in the kernel's memory from then on. Who
 * signals moves the sequence first, then wakes: one of the two sees the other.
 * A lie in the sequence costs who sleeps on it a wake-up, and nobody else.
 *
 * Most descriptors have one sleeper: he stands in the set itself, and only
 * others, who find somebody there, are on its wait queue.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <xseg/kernel.h>

#include "kernel/register.h"

/* In sleepers->first: this one asked for the tick. */
#define FIRST_TICK	1UL

/* Has who sleeps look again. Under RCU, which keeps the task. */
static void sleepers_stir(struct sleepers *set)
{
	unsigned long first;

	/* Before the look who sleeps: pairs with sleep_first(), sleep_queued() */
	smp_mb();
	first = READ_ONCE(set->first) & ~FIRST_TICK;
	if (first)
		wake_up_process((struct task_struct *)first);
	/* After the same barrier. */
	if (unlikely(waitqueue_active(&set->queue)))
		wake_up_all(&set->queue);
}

static void sleepers_wake(struct sleepers *set)
{
	atomic_inc(&set->wakes);
	sleepers_stir(set);
}

/**
 * sleepers_wake_all() - make all processes that sleep in the module look again
 * @seg: the segment
 *
 * May sleep.
 */
void sleepers_wake_all(struct segment *seg)
{
	struct sleepers *set;
	u32 i;

	for (i = 0; i < seg->view.geo.params.nr_descs; i++) {
		rcu_read_lock();
		set = sleepers_of(seg, i);
		if (set)
			sleepers_wake(set);
		rcu_read_unlock();
		cond_resched();
	}
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
	struct sleepers *set = sleepers_of(seg, index);

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

/*
 * XSEG_WAIT_TICK: one timer for all sleepers of a segment who ask for it, which
 * is there while there are any, costs less than one for each sleep.
 */

/* Has them look again: true if there are any. */
static bool sleepers_tick(struct segment *seg)
{
	struct sleepers *set;
	bool some = false;
	u32 i;

	for (i = 0; i < seg->view.geo.params.nr_descs; i++) {
		rcu_read_lock();
		set = sleepers_of(seg, i);
		if (set && (READ_ONCE(set->first) & FIRST_TICK ||
			    atomic_read(&set->tickers))) {
			some = true;
			sleepers_stir(set);
		}
		rcu_read_unlock();
		cond_resched();
	}
	return some;
}

/*
 * For who is known to sleep. The work is no longer pending when it begins, and
 * looks for sleepers after a full barrier: either it finds this one, or it is
 * seen here that it is to be queued.
 */
static void tick_begin(struct segment *seg)
{
	if (unlikely(!delayed_work_pending(&seg->tick)))
		queue_delayed_work(xseg_wq, &seg->tick, HZ);
}

/**
 * segment_tick() - a second of a segment where somebody sleeps is over
 * @work: of the segment
 */
void segment_tick(struct work_struct *work)
{
	struct segment *seg = container_of(to_delayed_work(work),
					   struct segment, tick);

	WRITE_ONCE(seg->ticks, seg->ticks + 1);
	smp_mb();	/* pairs with sleep_first(): see tick_begin() */
	if (sleepers_tick(seg))
		queue_delayed_work(xseg_wq, &seg->tick, HZ);
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

/**
 * struct sleeper - one sleep
 * @client: the open file
 * @seg:    the segment
 * @set:    of the descriptor
 * @ec:	    its event count
 * @seq:    the sequence that the caller noted
 * @wakes:  of the set, as it was then
 * @ticks:  of the segment, as it was then
 * @tick:   -ETIMEDOUT if these move
 */
struct sleeper {
	const struct client *client;
	struct segment *seg;
	struct sleepers *set;
	const struct xseg_ec __xseg_shared *ec;
	u32 seq;
	int wakes;
	u32 ticks;
	bool tick;
};

/* Why not to sleep, after it is known who would: 1 if there is no reason. */
static int sleep_over(const struct sleeper *s)
{
	if (xseg_ec_signalled(s->ec, s->seq))
		return 0;
	if (rcu_access_pointer(s->client->segment) != s->seg)
		return -ENXIO;	/* which wakes everybody, too */
	if (atomic_read(&s->set->wakes) != s->wakes)
		return 0;
	if (s->tick && READ_ONCE(s->seg->ticks) != s->ticks)
		return -ETIMEDOUT;
	if (signal_pending(current))
		return -ERESTARTNOHAND;	/* no handler: go on, same deadline */
	if (s->tick)
		tick_begin(s->seg);
	return 1;
}

/* Until the deadline: true if that is over. */
static bool sleep_once(const struct xseg_ioc_wait *arg)
{
	ktime_t until = ns_to_ktime(min_t(u64, arg->deadline_ns, KTIME_MAX));

	if (arg->flags & XSEG_WAIT_DEADLINE)
		return !schedule_hrtimeout_range(&until,
						 current->timer_slack_ns,
						 HRTIMER_MODE_ABS);
	schedule();
	return false;
}

/* As the first of the set. */
static int sleep_first(const struct sleeper *s, const struct xseg_ioc_wait *arg)
{
	bool expired = false;
	int ret;

	for (;;) {
		/* A full barrier: pairs with sleepers_stir(), segment_tick() */
		set_current_state(TASK_INTERRUPTIBLE);
		ret = sleep_over(s);
		if (ret <= 0 || expired)
			break;
		expired = sleep_once(arg);
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(s->set->first, 0);
	return ret > 0 ? -ETIMEDOUT : ret;
}

/* Somebody else is the first. */
static int sleep_queued(const struct sleeper *s,
			const struct xseg_ioc_wait *arg)
{
	bool expired = false;
	DEFINE_WAIT(wait);
	int ret;

	if (s->tick)
		atomic_inc(&s->set->tickers);
	for (;;) {
		/* A full barrier, as above */
		prepare_to_wait(&s->set->queue, &wait, TASK_INTERRUPTIBLE);
		ret = sleep_over(s);
		if (ret <= 0 || expired)
			break;
		expired = sleep_once(arg);
	}
	finish_wait(&s->set->queue, &wait);
	if (s->tick)
		atomic_dec(&s->set->tickers);
	return ret > 0 ? -ETIMEDOUT : ret;
}

/*
 * XSEG_WAIT_POLL: who answers quickly is quicker not woken, and whoever signals
 * is spared the wake-up. A sleep that polling for not too long would have spared
 * makes the next ones poll longer, one that it would not ends that: as kvm does
 * it for virtual CPUs that halt (Documentation/virt/kvm/halt-polling.rst).
 */
#define POLL_FIRST_NS	10000U

/* The most that may be polled for, 0 where the signal needs this CPU. */
static u32 poll_most(const struct xseg_ioc_wait *arg)
{
	if (!(arg->flags & XSEG_WAIT_POLL) ||
	    arg->flags & XSEG_WAIT_DEADLINE || num_online_cpus() == 1)
		return 0;
	return min_t(u32, READ_ONCE(poll_usec), USEC_PER_SEC) * NSEC_PER_USEC;
}

/* Calls that pollers of one descriptor may have before them. */
#define CALLS_MAX	4

/* One more; a full barrier. */
static void calls_add(struct sleepers *set, struct xseg_call *call)
{
	struct xseg_call *last = READ_ONCE(set->calls);

	do {
		call->next = last;
	} while (!try_cmpxchg(&set->calls, &last, call));
}

/* All that there are now, in the order in which they came. */
static struct xseg_call *calls_take(struct sleepers *set)
{
	struct xseg_call *call = xchg(&set->calls, NULL);
	struct xseg_call *next, *first = NULL;

	for (; call; call = next) {
		next = call->next;
		call->next = first;
		first = call;
	}
	return first;
}

/* What others want to have done here. */
static void calls_make(struct sleepers *set)
{
	struct xseg_call *call, *next;

	if (likely(!READ_ONCE(set->calls)))
		return;
	for (call = calls_take(set); call; call = next) {
		next = call->next;
		rcu_read_lock();	/* a part of the contract */
		call->fn(call);
		rcu_read_unlock();
		/* Not before: a function that calls in turn may nest so deep. */
		atomic_dec(&set->nr_calls);
	}
}

/* To somebody who polls at the moment. Under rcu_read_lock(). */
static int sleepers_call(struct sleepers *set, struct xseg_call *call)
{
	if (!set || !atomic_read(&set->pollers))
		return -EAGAIN;
	if (atomic_inc_return(&set->nr_calls) > CALLS_MAX) {
		atomic_dec(&set->nr_calls);
		return -EAGAIN;
	}
	/* A full barrier: pairs with that of sleep_poll() */
	calls_add(set, call);
	if (unlikely(!atomic_read(&set->pollers))) {
		preempt_disable();
		calls_make(set);
		preempt_enable();
	}
	return 0;
}

int xseg_call_waiter(struct xseg *xseg, xport portno, struct xseg_call *call)
{
	u64 tagged;
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (unlikely(ret))
		return ret;
	if (unlikely(!port_valid(xseg, portno)))
		return -EINVAL;
	/* There what is called could not take a spinlock_t. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EAGAIN;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	tagged = shm_load_acquire(&xseg_port(xseg, portno)->signal_desc);
	if (!tagged || desc_index(xseg, XPTR_OFF(tagged), &index))
		return -EAGAIN;
	rcu_read_lock();
	ret = sleepers_call(sleepers_of(domain_of(xseg)->segment, index), call);
	rcu_read_unlock();
	return ret;
}

/* Looks for so long for a reason not to sleep; as sleep_over(). */
static int sleep_poll(const struct sleeper *s, u64 start, u32 ns)
{
	int ret = 1;

	if (!ns)
		return ret;
	/* Who gives us a call is not to displace us before it is made. */
	preempt_disable();
	atomic_inc(&s->set->pollers);
	while (!need_resched() && single_task_running()) {
		calls_make(s->set);
		ret = sleep_over(s);
		if (ret <= 0 || ktime_get_ns() - start >= ns)
			break;
		cpu_relax();
	}
	/*
	 * A full barrier, pairs with sleepers_call(): who adds after this look
	 * sees that nobody polls.
	 */
	atomic_dec_return(&s->set->pollers);
	calls_make(s->set);
	preempt_enable();
	return ret;
}

static void poll_adapt(struct sleepers *set, u64 slept, u32 most)
{
	u32 ns = READ_ONCE(set->poll_ns);

	if (slept > most)
		ns = 0;
	else if (ns < most)
		ns = clamp(ns * 2, min(POLL_FIRST_NS, most), most);
	WRITE_ONCE(set->poll_ns, ns);
}

static int sleep_really(const struct sleeper *s,
			const struct xseg_ioc_wait *arg)
{
	unsigned long me = (unsigned long)current |
			   (s->tick ? FIRST_TICK : 0);

	if (!READ_ONCE(s->set->first) && !cmpxchg(&s->set->first, 0UL, me))
		return sleep_first(s, arg);
	return sleep_queued(s, arg);
}

/* Sleeps until a signal, the deadline, or the end of the attachment. */
static int sleep(struct client *client, struct segment *seg,
		 struct sleepers *set, const struct xseg_ioc_wait *arg)
{
	u32 most = poll_most(arg);
	struct sleeper s = {
		.client = client,
		.seg = seg,
		.set = set,
		.ec = &xseg_desc(&seg->view, arg->desc)->ec,
		.seq = arg->seq,
		.wakes = atomic_read(&set->wakes),
		.ticks = READ_ONCE(seg->ticks),
		.tick = arg->flags & XSEG_WAIT_TICK,
	};
	u64 start;
	int ret;

	if (!most)
		return sleep_really(&s, arg);
	start = ktime_get_ns();
	ret = sleep_poll(&s, start, min(READ_ONCE(set->poll_ns), most));
	if (ret <= 0)
		return ret;
	ret = sleep_really(&s, arg);
	poll_adapt(set, ktime_get_ns() - start, most);
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

/* The struct, each of its words read once, and what the caller has behind it. */
static int wait_read(struct xseg_ioc_wait *arg,
		     const struct xseg_ioc_wait __user *user)
{
	u32 i;

	if (get_user(arg->size, &user->size))
		return -EFAULT;
	if (arg->size < sizeof(*arg))
		return -EINVAL;
	if (!user_read_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(arg->flags, &user->flags, fault);
	unsafe_get_user(arg->desc, &user->desc, fault);
	unsafe_get_user(arg->gen, &user->gen, fault);
	unsafe_get_user(arg->seq, &user->seq, fault);
	unsafe_get_user(arg->nr_signals, &user->nr_signals, fault);
	unsafe_get_user(arg->deadline_ns, &user->deadline_ns, fault);
	for (i = 0; i < min_t(u32, arg->nr_signals, XSEG_MAX_SIGNALS); i++) {
		unsafe_get_user(arg->signal[i].desc, &user->signal[i].desc,
				fault);
		unsafe_get_user(arg->signal[i].gen, &user->signal[i].gen,
				fault);
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int wait_check(const struct xseg_ioc_wait *arg,
		      const struct xseg_ioc_wait __user *user)
{
	int ret;

	u32 until = arg->flags & ~XSEG_WAIT_POLL;

	if (arg->nr_signals > XSEG_MAX_SIGNALS ||
	    (until && until != XSEG_WAIT_DEADLINE && until != XSEG_WAIT_TICK) ||
	    (until != XSEG_WAIT_DEADLINE && arg->deadline_ns))
		return -EINVAL;
	if (likely(arg->size == sizeof(*arg)))
		return 0;
	if (arg->size > PAGE_SIZE)
		return -E2BIG;
	ret = check_zeroed_user(user + 1, arg->size - sizeof(*arg));
	return ret < 0 ? ret : ret ? 0 : -E2BIG;
}

/**
 * client_wait() - XSEG_IOC_WAIT
 * @client: the open file
 * @user:   the command
 *
 * Context: process; sleeps.
 *
 * Return: as the command.
 */
int client_wait(struct client *client, const struct xseg_ioc_wait __user *user)
{
	struct xseg_ioc_wait arg;
	struct segment *seg;
	int ret;

	ret = wait_read(&arg, user);
	if (!ret)
		ret = wait_check(&arg, user);
	if (ret)
		return ret;
	seg = client_segment(client);
	if (!seg)
		return -ENXIO;
	ret = segment_wait(client, seg, &arg);
	segment_put(seg);
	return ret;
}
