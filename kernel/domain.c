// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel peers: joining and leaving, and what the core asks of its domain.
 *
 * The module alone gives out the slots of kernel peers, by a table in its own
 * memory; what the segment says of them is for others to read.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "kernel/signal.h"

#define SLEEP_CAP_USEC	1000000
#define MEET_EVERY	(HZ / 50)

u32 domain_id(void)
{
	return XSEG_DOMAIN_KERNEL;
}

/*
 * Modules are loaded for what the driver names, and for what it finds in the
 * segment when it joins, if it allowed that; never for what comes later.
 */
const struct xseg_signal_type *domain_find_type(struct xseg *xseg,
						const char *name, bool asked)
{
	const struct xseg_signal_type *type = registry_get(name);

	if (type || (!asked && !READ_ONCE(domain_of(xseg)->may_load)))
		return type;
	request_module("xseg-signal-%s", name);
	return registry_get(name);
}

/* Has meet_work() run, at most once in a while. */
static void meet_later(struct kernel_domain *domain)
{
	unsigned long next = READ_ONCE(domain->met) + MEET_EVERY;
	unsigned long now = jiffies;

	if (!READ_ONCE(domain->leaving))
		queue_delayed_work(xseg_look_wq, &domain->meet,
				   time_before(now, next) ? next - now : 0);
}

/* May be in any context: meets the type later, and signals then. */
const struct xseg_signal_type *domain_meet_type(struct xseg *xseg, u64 id)
{
	if (type_named(xseg, id))
		meet_later(domain_of(xseg));
	return NULL;
}

/**
 * domain_signal_later() - signal whoever waits, where that may be done
 * @xseg: the handle
 *
 * Any context.
 *
 * Return: 0
 */
int domain_signal_later(struct xseg *xseg)
{
	meet_later(domain_of(xseg));
	return 0;
}

/* What a thread has prepared went with the descriptor. */
void domain_forget_wait(struct xseg *xseg, u32 index)
{
}

/* Signals whoever waits on a descriptor whose type is known by now. */
static void meet_work(struct work_struct *work)
{
	struct kernel_domain *domain =
		container_of(to_delayed_work(work), struct kernel_domain, meet);
	struct xseg *xseg = domain->xseg;
	u32 i, nr = pool_touched(xseg, POOL_DESCS);

	WRITE_ONCE(domain->met, jiffies);
	types_meet(xseg);
	for (i = 0; i < nr; i++) {
		struct xseg_desc __xseg_shared *d = xseg_desc(xseg, i);

		if (XOWN_ST(shm_load_acquire(&d->own)) == XOWN_LIVE &&
		    type_met(xseg, shm_read(&d->desc.type)))
			desc_signal(xseg, i);
		cond_resched();
	}
}

/* Takes a slot of the module's own table. */
static int slot_take(struct xseg *xseg)
{
	struct segment *seg = domain_of(xseg)->segment;
	int ret = -EUSERS;
	u32 i;

	mutex_lock(&seg->lock);
	for (i = 0; i < KERNEL_PEERS && ret; i++) {
		if (seg->peers[i])
			continue;
		WRITE_ONCE(seg->peers[i], xseg);
		xseg->me = XSEG_MAX_USER_PEERS + i;
		ret = 0;
	}
	mutex_unlock(&seg->lock);
	return ret;
}

static void slot_give(struct xseg *xseg)
{
	struct segment *seg = domain_of(xseg)->segment;

	mutex_lock(&seg->lock);
	WRITE_ONCE(seg->peers[xseg->me - XSEG_MAX_USER_PEERS], NULL);
	mutex_unlock(&seg->lock);
}

/* Says in the segment who has the slot. */
static void slot_enter(struct xseg *xseg)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, xseg->me);
	char comm[sizeof(peer->comm)] = { 0 };

	get_task_comm(comm, current);
	xseg->incarnation = shm_read(&peer->incarnation) + 1;
	shm_write(&peer->incarnation, xseg->incarnation);
	shm_write(&peer->domain, XSEG_DOMAIN_KERNEL);
	shm_write(&peer->pid, 0);
	shm_write(&peer->uid, 0);
	shm_write(&peer->pidns, 0);
	shm_write(&peer->join_ns, ktime_get_real_ns());
	shm_copy_in(&peer->comm, comm, sizeof(comm));
	shm_store_release(&peer->state, XSEG_PEER_USED);
}

/* Cleans up the slot: after this peer, or what a lie says was there before. */
static void slot_clean(struct xseg *xseg, bool died)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, xseg->me);

	if (shm_load_acquire(&peer->state) == XSEG_PEER_FREE)
		return;
	reap_peer(xseg, xseg->me, died);
	shm_store_release(&peer->state, XSEG_PEER_FREE);
}

static struct xseg *handle_new(struct segment *seg, unsigned int flags)
{
	struct kernel_domain *domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	struct xseg *xseg = kvzalloc(sizeof(*xseg), GFP_KERNEL);

	if (!xseg || !domain)
		goto err_free;
	domain->xseg = xseg;
	domain->segment = seg;
	INIT_DELAYED_WORK(&domain->meet, meet_work);
	domain->met = jiffies - MEET_EVERY;
	domain_look_init(domain);
	domain->may_load = flags & XSEG_JOIN_PLUGINS;
	xseg->domain = domain;
	xseg->base = seg->view.base;
	xseg->geo = seg->view.geo;
	xseg->flags = flags;
	xseg->sleep_cap = SLEEP_CAP_USEC;
	if (!handle_open(xseg))
		return xseg;
err_free:
	kvfree(xseg);
	kfree(domain);
	return NULL;
}

/* Nothing runs for the handle any more but its caller. */
static void handle_quiesce(struct kernel_domain *domain)
{
	cancel_delayed_work_sync(&domain->meet);
	cancel_delayed_work_sync(&domain->look);
}

static void handle_free(struct xseg *xseg)
{
	struct kernel_domain *domain = domain_of(xseg);

	WRITE_ONCE(xseg->state, HANDLE_LEFT);
	handle_quiesce(domain);	/* cleaning up signals, too */
	types_quit(xseg);
	handle_close(xseg);
	kfree(domain);
	kvfree(xseg);
}

struct xseg *xseg_join(const char *name, unsigned int flags)
{
	struct segment *seg;
	struct xseg *xseg;
	int ret;

	if (flags & ~XSEG_JOIN_PLUGINS)
		return ERR_PTR(-EINVAL);
	seg = segment_enter(name);
	if (IS_ERR(seg))
		return ERR_CAST(seg);
	ret = -ENOMEM;
	xseg = handle_new(seg, flags);
	if (!xseg)
		goto err_exit;
	ret = slot_take(xseg);
	if (ret)
		goto err_free;
	WRITE_ONCE(xseg->state, HANDLE_LIVE);
	slot_clean(xseg, true);
	slot_enter(xseg);
	types_meet(xseg);
	WRITE_ONCE(domain_of(xseg)->may_load, false);
	return xseg;
err_free:
	handle_free(xseg);
err_exit:
	segment_exit(seg);
	return ERR_PTR(ret);
}

/* Puts what the handle holds, so that types let go of what is private. */
static void descs_release(struct xseg *xseg)
{
	u32 i;

	mutex_lock(&xseg->lock);
	for (i = 0; i < xseg->geo.params.nr_descs; i++)
		while (xseg->descs[i].count)
			desc_put_locked(xseg, i);
	mutex_unlock(&xseg->lock);
}

int xseg_leave(struct xseg *xseg)
{
	struct kernel_domain *domain;
	struct segment *seg;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	domain = domain_of(xseg);
	seg = domain->segment;
	mutex_lock(&seg->lock);
	WRITE_ONCE(domain->leaving, true);
	mutex_unlock(&seg->lock);
	descs_release(xseg);
	wakers_flush(domain);
	handle_quiesce(domain);
	slot_clean(xseg, false);
	slot_give(xseg);
	handle_free(xseg);
	segment_exit(seg);
	return 0;
}

int xseg_set_sleep_cap(struct xseg *xseg, __u32 usec)
{
	int ret = handle_check(xseg);

	if (ret)
		return ret;
	if (!usec)
		return -EINVAL;
	WRITE_ONCE(xseg->sleep_cap, usec);
	return 0;
}
