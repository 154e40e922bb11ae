// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is the server there? What becomes of I/O when it is not.
 *
 *	LIVE ---- a port of the server is nobody's ----> AWAY
 *	AWAY ---- it has been so for hold_ms ----------> FAILED
 *	AWAY, FAILED ---- all ports are bound ---------> LIVE
 *
 * Nothing is done for I/O in AWAY: the segment keeps it for the next server.
 */
#include <linux/sched/mm.h>
#include <linux/jiffies.h>

#include "kernel/blk/blk.h"

#define WATCH_MS	1000
#define WATCH_AWAY_MS	100

static bool server_there(struct disk *disk)
{
	struct xseg *xseg = disk->member->xseg;
	struct xseg_port_info port;
	struct xseg_peer_info peer;
	u32 i;

	for (i = 0; i < disk->nr_queues; i++) {
		if (xseg_get_port_info(xseg, disk->queues[i].dst, &port) ||
		    !port.bound ||
		    xseg_get_peer_info(xseg, port.owner, &peer) || !peer.alive)
			return false;
	}
	return true;
}

/* Gives up all that is under way; nothing is being submitted. */
static void give_up_all(struct disk *disk)
{
	struct queue *queue;
	struct slot *slot;
	u32 q, i;

	for (q = 0; q < disk->nr_queues; q++) {
		queue = &disk->queues[q];
		for (i = 0; i < queue->depth; i++) {
			slot = &queue->slots[i];
			if (!slot_give_up(queue, slot))
				continue;
			atomic64_inc(&disk->failed);
			blk_mq_end_request(slot->rq, BLK_STS_IOERR);
		}
		cond_resched();
	}
}

/**
 * disk_fail_all() - fail all I/O from now on, and what is under way
 * @disk:  the disk; the caller holds its state_lock
 * @state: DISK_FAILED or DISK_REMOVED
 *
 * May sleep.
 */
void disk_fail_all(struct disk *disk, enum disk_state state)
{
	WRITE_ONCE(disk->state, state);
	/*
	 * Who saw the old state has submitted when this returns: it waits for
	 * RCU, under which the server's threads do so, too.
	 */
	blk_mq_quiesce_queue(disk->gd->queue);
	give_up_all(disk);
	blk_mq_unquiesce_queue(disk->gd->queue);
	complete_all(&disk->asked);
}

static void went_away_locked(struct disk *disk)
{
	unsigned long hold = msecs_to_jiffies(READ_ONCE(disk->opt.hold_ms));

	if (disk->state == DISK_LIVE) {
		disk->away_since = jiffies;
		WRITE_ONCE(disk->state, DISK_AWAY);
		pr_info("%s: no server, I/O is kept for %u ms\n",
			disk->gd->disk_name, READ_ONCE(disk->opt.hold_ms));
	}
	if (disk->state != DISK_AWAY ||
	    time_before(jiffies, disk->away_since + hold))
		return;
	disk_fail_all(disk, DISK_FAILED);
	pr_warn("%s: no server came, I/O fails\n", disk->gd->disk_name);
}

/**
 * disk_look() - see whether the server is there, and act on it
 * @disk: the disk
 *
 * May sleep.
 */
void disk_look(struct disk *disk)
{
	bool there;

	mutex_lock(&disk->state_lock);
	there = disk->state == DISK_REMOVED || server_there(disk);
	if (!there) {
		went_away_locked(disk);
	} else if (disk->state == DISK_AWAY || disk->state == DISK_FAILED) {
		WRITE_ONCE(disk->state, DISK_LIVE);
		pr_info("%s: the server is back\n", disk->gd->disk_name);
	}
	mutex_unlock(&disk->state_lock);
}

/**
 * disk_watch() - look after a disk, again and again
 * @work: its work
 *
 * Also finds answers whose signal was lost to a lie, and servers whose death
 * the module was not told of, since they had not used it.
 */
void disk_watch(struct work_struct *work)
{
	struct disk *disk = container_of(to_delayed_work(work), struct disk,
					 watch);
	unsigned int noio = memalloc_noio_save();	/* I/O may wait for us */
	unsigned int ms;
	u32 i;

	disk_look(disk);
	/* Whoever removes the disk waits for us, but not for that. */
	if (READ_ONCE(disk->state) != DISK_REMOVED)
		xseg_reap_later(disk->member->xseg);
	for (i = 0; i < disk->nr_queues; i++) {
		queue_poll(&disk->queues[i]);
		cond_resched();
	}
	disk_look(disk);
	memalloc_noio_restore(noio);
	ms = READ_ONCE(disk->state) == DISK_LIVE ? WATCH_MS : WATCH_AWAY_MS;
	if (READ_ONCE(disk->state) != DISK_REMOVED)
		queue_delayed_work(blk_wq, &disk->watch, msecs_to_jiffies(ms));
}
