// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which processes live, and cleaning up after those that do not.
 *
 * A process holds the byte lock of its slot for as long as it has the segment
 * mapped (user/liveness.c). The module looks at these locks, and takes that of
 * a dead peer, as any other peer would. It does so when a process that had the
 * device mapped is gone: so that a segment without other processes does not
 * wait for the next one. The lock may outlast that mapping by some time, so
 * the module looks again a few times. Others die unheard: for these it looks when
 * a kernel peer waits in vain.
 */
#include <linux/sched/mm.h>

#include <xseg/kernel.h>

#include "kernel/compat.h"
#include "kernel/signal.h"

#define LOOKS		12
#define FIRST_LOOK_MSEC	1
#define SOON		(HZ / 10)	/* a signal found nobody */
#define IDLE_LOOKS	(HZ / 2)	/* not more often where nobody signals */
#define REAPS		8		/* in one look; the rest in the next */

/* Cleans up a slot if nobody has its lock: 1, 0 if there is nothing to do. */
static int slot_reap(struct xseg *xseg, u32 slot)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, slot);
	struct segment *seg = domain_of(xseg)->segment;
	struct file_lock *lock;
	int ret = 0;

	lockdep_assert_held(&seg->reap_lock);
	if (shm_load_acquire(&peer->state) == XSEG_PEER_FREE)
		return 0;
	lock = xseg_ofd_lock(seg->file, XSEG_LOCK_PEER(slot));
	if (IS_ERR(lock))
		return PTR_ERR(lock) == -EAGAIN ? 0 : PTR_ERR(lock);
	if (shm_load_acquire(&peer->state) != XSEG_PEER_FREE) {
		shm_store_release(&peer->state, XSEG_PEER_REAPING);
		reap_peer(xseg, slot, true);
		shm_store_release(&peer->state, XSEG_PEER_FREE);
		atomic64_inc(&xseg->reaped);
		ret = 1;
	}
	xseg_ofd_unlock(seg->file, lock);
	return ret;
}

/* Cleans up the slot that is next in turn, as slot_reap(). Lock held. */
static int next_slot_reap(struct xseg *xseg)
{
	struct segment *seg = domain_of(xseg)->segment;
	u32 slot = seg->reap_next;

	seg->reap_next = (slot + 1) % XSEG_MAX_USER_PEERS;
	return slot_reap(xseg, slot);
}

/*
 * Looks at each slot once, from where the last look ended: a segment in which
 * somebody claims slots for dead peers faster than they are cleaned up is
 * cleaned up evenly. Each slot is a turn of its own for the lock: who waits for
 * it waits for the cleaning up of one peer for each who waits before.
 *
 * If not to @wait, it ends where another kernel peer is at it (-EBUSY), or with
 * REAPS that were cleaned up.
 *
 * Return: how many were cleaned up, or a negative errno.
 */
static int slots_reap(struct xseg *xseg, bool wait)
{
	struct kernel_domain *domain = domain_of(xseg);
	struct segment *seg = domain->segment;
	u32 left = XSEG_MAX_USER_PEERS;
	int ret = 0, reaped = 0;
	unsigned int noio;

	if (!segment_intact(seg))
		return -EUCLEAN;
	noio = memalloc_noio_save();	/* a disk may wait for this lock */
	while (ret >= 0 && left-- && (wait || reaped < REAPS) &&
	       !READ_ONCE(domain->leaving)) {
		if (wait) {
			mutex_lock(&seg->reap_lock);
		} else if (!mutex_trylock(&seg->reap_lock)) {
			ret = -EBUSY;
			break;
		}
		ret = next_slot_reap(xseg);
		mutex_unlock(&seg->reap_lock);
		reaped += ret > 0;
		cond_resched();
	}
	memalloc_noio_restore(noio);
	return ret < 0 ? ret : reaped;
}

int xseg_reap(struct xseg *xseg)
{
	int ret = handle_check(xseg);

	return ret ? ret : slots_reap(xseg, true);
}

/* Kernel peers leave before their slot is another's; a process is looked at. */
bool domain_peer_alive(struct xseg *xseg, u32 slot)
{
	struct segment *seg = domain_of(xseg)->segment;

	if (slot >= XSEG_MAX_PEERS)
		return true;
	if (slot < XSEG_MAX_USER_PEERS)
		return shm_load_acquire(&xseg_peer(xseg, slot)->state) !=
		       XSEG_PEER_REAPING &&
		       xseg_ofd_locked(seg->file, XSEG_LOCK_PEER(slot));
	slot = array_index_nospec(slot - XSEG_MAX_USER_PEERS, KERNEL_PEERS);
	return READ_ONCE(seg->peers[slot]);
}

static void look_soon(struct kernel_domain *domain)
{
	if (!READ_ONCE(domain->leaving))
		queue_delayed_work(xseg_look_wq, &domain->look, SOON);
}

int xseg_reap_later(struct xseg *xseg)
{
	int ret = handle_check(xseg);

	if (!ret)
		look_soon(domain_of(xseg));
	return ret;
}

/**
 * domain_look_idle() - a kernel peer waited in vain: look, if not just done
 * @xseg: its handle
 *
 * Whom it waits for may be dead, and have died before the module knew him. Any
 * context.
 */
void domain_look_idle(struct xseg *xseg)
{
	struct kernel_domain *domain = domain_of(xseg);
	unsigned long looked = READ_ONCE(domain->looked);

	/* Also where that was so long ago that jiffies have wrapped. */
	if (!time_in_range_open(jiffies, looked, looked + IDLE_LOOKS))
		look_soon(domain);
}

void domain_sweep_later(struct xseg *xseg)
{
	WRITE_ONCE(domain_of(xseg)->sweep, true);
	look_soon(domain_of(xseg));
}

bool domain_reap_if_dead(struct xseg *xseg, u32 slot, bool may_wait)
{
	struct segment *seg = domain_of(xseg)->segment;
	unsigned int noio;
	int ret;

	if (slot >= XSEG_MAX_USER_PEERS)
		return false;
	if (!may_wait) {
		look_soon(domain_of(xseg));
		return false;
	}
	slot = array_index_nospec(slot, XSEG_MAX_USER_PEERS);
	noio = memalloc_noio_save();
	mutex_lock(&seg->reap_lock);
	ret = slot_reap(xseg, slot);
	mutex_unlock(&seg->reap_lock);
	memalloc_noio_restore(noio);
	return ret > 0;
}

/* When to look again, after a look that began then: jiffies, 0 if it need not. */
static unsigned long next_look(struct kernel_domain *domain, int reaped,
			       unsigned long start)
{
	int looks;

	if (reaped == -EBUSY)
		return SOON;
	if (reaped == REAPS)	/* there may be more: half of the time */
		return jiffies - start + 1;
	looks = atomic_fetch_add_unless(&domain->looks, 1, LOOKS) + 1;
	return looks < LOOKS ? msecs_to_jiffies(FIRST_LOOK_MSEC << looks) : 0;
}

/*
 * Looks for dead peers, and again a little later. Not while another kernel peer
 * does: whoever waits for this work to end would wait for those in turn.
 */
static void look_work(struct work_struct *work)
{
	struct kernel_domain *domain =
		container_of(to_delayed_work(work), struct kernel_domain, look);
	unsigned long start = jiffies, next;

	WRITE_ONCE(domain->looked, start);
	if (READ_ONCE(domain->sweep)) {
		WRITE_ONCE(domain->sweep, false);
		ports_sweep(domain->xseg);
	}
	next = next_look(domain, slots_reap(domain->xseg, false), start);
	if (next)
		queue_delayed_work(xseg_look_wq, &domain->look, next);
}

/**
 * domain_look_init() - make a new handle ready
 * @domain: of the handle
 */
void domain_look_init(struct kernel_domain *domain)
{
	INIT_DELAYED_WORK(&domain->look, look_work);
	atomic_set(&domain->looks, LOOKS);
	domain->looked = jiffies - IDLE_LOOKS;
}

/* Somebody has died, or will have in a moment. */
static void look_now(struct kernel_domain *domain)
{
	if (domain->leaving)
		return;
	atomic_set(&domain->looks, 0);
	mod_delayed_work(xseg_look_wq, &domain->look, 0);
}

/**
 * peers_reap_later() - a process that had the segment is gone
 * @seg: the segment
 */
void peers_reap_later(struct segment *seg)
{
	u32 i;

	mutex_lock(&seg->lock);
	for (i = 0; i < KERNEL_PEERS; i++)
		if (seg->peers[i])
			look_now(domain_of(seg->peers[i]));
	mutex_unlock(&seg->lock);
}
