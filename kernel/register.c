// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XSEG_IOC_REGISTER and its undoing.
 *
 * A registration belongs to the open file that made it and ends with it, at
 * the latest. Its place may be given to another before, when its thread is
 * gone or its descriptor is of another generation.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "kernel/register.h"

static void registration_free(struct registration *reg)
{
	if (reg->ctx)
		eventfd_ctx_put(reg->ctx);
	put_pid(reg->pid);
	if (reg->mm)
		mmdrop(reg->mm);
	kfree(reg);
}

/* Not in the callback of RCU itself: mmdrop() takes locks that need more. */
static void registration_work(struct work_struct *work)
{
	registration_free(container_of(to_rcu_work(work), struct registration,
				       work));
}

/* Takes a registration, which is in no place any more, out of its list. */
static void registration_unlink(struct registration *reg)
{
	list_del(&reg->link);
	INIT_RCU_WORK(&reg->work, registration_work);
	queue_rcu_work(xseg_look_wq, &reg->work);
}

static void registration_drop(struct registration *reg)
{
	struct sleepers *set = reg->set;
	unsigned long flags;

	raw_spin_lock_irqsave(&set->lock, flags);
	RCU_INIT_POINTER(set->reg[reg->slot], NULL);
	raw_spin_unlock_irqrestore(&set->lock, flags);
	registration_unlink(reg);
}

/**
 * sleepers_get() - what is registered for a descriptor, a new set if need be
 * @seg:   the segment
 * @index: a descriptor, any number
 *
 * May sleep.
 *
 * Return: the set, or an ERR_PTR().
 */
struct sleepers *sleepers_get(struct segment *seg, u32 index)
{
	struct sleepers *set = sleepers_of(seg, index);
	struct sleepers *old;

	if (likely(set))
		return set;
	if (index >= seg->view.geo.params.nr_descs)
		return ERR_PTR(-EINVAL);
	set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return ERR_PTR(-ENOMEM);
	raw_spin_lock_init(&set->lock);
	init_waitqueue_head(&set->queue);
	old = cmpxchg(&seg->sleepers[index], NULL, set);
	if (!old)
		return set;
	kfree(set);
	return old;
}

/**
 * sleepers_free() - free what registrations were kept in
 * @seg: a segment that was attached, and that nobody uses any more
 */
void sleepers_free(struct segment *seg)
{
	u32 i;

	for (i = 0; i < seg->view.geo.params.nr_descs; i++)
		kfree(seg->sleepers[i]);
}

/* Is nobody there any more whom this would wake? Under the set's lock. */
static bool registration_stale(const struct registration *reg, u32 gen)
{
	bool stale = reg->gen != gen;

	rcu_read_lock();
	if (!stale && reg->pid)
		stale = !pid_task(reg->pid, PIDTYPE_PID);
	rcu_read_unlock();
	return stale;
}

static bool registration_same(const struct registration *a,
			      const struct registration *b)
{
	return a->gen == b->gen && a->ctx == b->ctx && a->pid == b->pid &&
	       a->mm == b->mm;
}

/*
 * Puts a registration into a place: where the same one is already, or one that
 * is free.
 *
 * Return: 0 (@old is filled with what was there), -EEXIST (the same one is, by
 * the same open file, at reg->slot), or -ENOSPC.
 */
static int set_add(struct sleepers *set, struct registration *reg,
		   struct registration **old)
{
	struct registration *there;
	unsigned long flags;
	int ret = -ENOSPC;
	u32 i;

	raw_spin_lock_irqsave(&set->lock, flags);
	for (i = 0; i < XSEG_MAX_REGISTERED; i++) {
		there = rcu_dereference_protected(set->reg[i],
						  lockdep_is_held(&set->lock));
		if (there && registration_same(there, reg)) {
			*old = there;
			reg->slot = i;
			ret = there->regs == reg->regs ? -EEXIST : 0;
			break;
		}
		if (ret == -ENOSPC &&
		    (!there || registration_stale(there, reg->gen))) {
			*old = there;
			reg->slot = i;
			ret = 0;
		}
	}
	if (!ret)
		rcu_assign_pointer(set->reg[reg->slot], reg);
	raw_spin_unlock_irqrestore(&set->lock, flags);
	return ret;
}

/* A registration of the calling thread or of an eventfd, in no place yet. */
static struct registration *
registration_new(const struct xseg_ioc_register *arg)
{
	struct registration *reg = kzalloc(sizeof(*reg), GFP_KERNEL_ACCOUNT);
	struct eventfd_ctx *ctx;

	if (!reg)
		return ERR_PTR(-ENOMEM);
	reg->gen = arg->gen;
	if (arg->flags == XSEG_REGISTER_EVENTFD) {
		ctx = eventfd_ctx_fdget(arg->fd);
		if (IS_ERR(ctx)) {
			kfree(reg);
			return ERR_CAST(ctx);
		}
		reg->ctx = ctx;
	} else {
		reg->pid = get_task_pid(current, PIDTYPE_PID);
		reg->mm = current->mm;
		mmgrab(reg->mm);
	}
	return reg;
}

/**
 * desc_check() - is there such a descriptor, of that generation?
 * @seg:  the segment
 * @desc: any number; safe to be used as an index after
 * @gen:  the generation
 *
 * Return: 0, -EINVAL, -EUCLEAN or -ESTALE.
 */
int desc_check(struct segment *seg, u32 *desc, u32 gen)
{
	u32 nr = seg->view.geo.params.nr_descs;

	if (*desc >= nr)
		return -EINVAL;
	*desc = array_index_nospec(*desc, nr);
	if (!segment_intact(seg))
		return -EUCLEAN;
	return desc_is(seg, *desc, gen) ? 0 : -ESTALE;
}

/**
 * segment_register() - XSEG_IOC_REGISTER
 * @seg:  the segment; client->lock of the open file is held
 * @regs: the open file's list
 * @arg:  the command; @slot is filled
 *
 * Context: process, of the thread that is registered; may sleep.
 *
 * Return: 0, or a negative errno as the command.
 */
int segment_register(struct segment *seg, struct list_head *regs,
		     struct xseg_ioc_register *arg)
{
	struct registration *reg, *old = NULL;
	struct sleepers *set;
	u32 desc = arg->desc;
	int ret;

	if (arg->slot || (arg->flags != XSEG_REGISTER_EVENTFD &&
			  (arg->flags != XSEG_REGISTER_THREAD || arg->fd)))
		return -EINVAL;
	ret = desc_check(seg, &desc, arg->gen);
	if (ret)
		return ret;
	set = sleepers_get(seg, desc);
	if (IS_ERR(set))
		return PTR_ERR(set);
	reg = registration_new(arg);
	if (IS_ERR(reg))
		return PTR_ERR(reg);
	reg->set = set;
	reg->regs = regs;
	mutex_lock(&seg->regs_lock);
	ret = set_add(set, reg, &old);
	arg->slot = reg->slot;
	if (!ret)
		list_add(&reg->link, regs);
	if (!ret && old)
		registration_unlink(old);
	mutex_unlock(&seg->regs_lock);
	if (ret)
		registration_free(reg);
	return ret == -EEXIST ? 0 : ret;
}

/**
 * segment_unregister() - XSEG_IOC_UNREGISTER
 * @seg:  the segment; client->lock of the open file is held
 * @regs: the open file's list
 * @desc: a descriptor, any number
 * @gen:  its generation
 *
 * Return: 0, or -ENOENT.
 */
int segment_unregister(struct segment *seg, struct list_head *regs, u32 desc,
		       u32 gen)
{
	struct sleepers *set = sleepers_of(seg, desc);
	struct registration *reg, *next;
	int ret = -ENOENT;

	mutex_lock(&seg->regs_lock);
	list_for_each_entry_safe(reg, next, regs, link) {
		cond_resched();
		if (reg->set != set || reg->gen != gen)
			continue;
		registration_drop(reg);
		ret = 0;
	}
	mutex_unlock(&seg->regs_lock);
	return ret;
}

/**
 * registrations_drop() - drop all that an open file has registered
 * @seg:  the segment
 * @regs: the open file's list
 *
 * May sleep.
 */
void registrations_drop(struct segment *seg, struct list_head *regs)
{
	struct registration *reg, *next;

	mutex_lock(&seg->regs_lock);
	list_for_each_entry_safe(reg, next, regs, link) {
		registration_drop(reg);
		cond_resched();
	}
	mutex_unlock(&seg->regs_lock);
}
