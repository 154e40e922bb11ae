// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Adding and removing disks.
 */
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kernel/blk/blk.h"
#include "kernel/compat.h"

/* Opens and closes of a disk last milliseconds; longer is busy. */
#define BUSY_MS		1000

/* The block layer wants to have some. */
#define NO_TIMEOUT	(3600 * HZ)

/* Guards the list. */
static DEFINE_MUTEX(disks_lock);
static LIST_HEAD(disks);
static DEFINE_IDA(disk_ids);

static int disk_open(XSEG_OPEN_ARGS)
{
	struct disk *disk = XSEG_OPEN_DISK->private_data;

	return READ_ONCE(disk->removing) ? -ENXIO : 0;
}

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.open = disk_open,
};

static unsigned int timeout_jiffies(u32 ms)
{
	return ms ? max(1UL, msecs_to_jiffies(ms)) : NO_TIMEOUT;
}

/**
 * disk_kick() - look after a disk now
 * @disk: the disk; any context
 */
void disk_kick(struct disk *disk)
{
	if (READ_ONCE(disk->watched))
		mod_delayed_work(blk_wq, &disk->watch, 0);
}

/**
 * disk_kick_soon() - look after a disk in a moment
 * @disk: the disk; any context
 *
 * For what a lie could have happen again and again.
 */
void disk_kick_soon(struct disk *disk)
{
	if (READ_ONCE(disk->watched))
		mod_delayed_work(blk_wq, &disk->watch, msecs_to_jiffies(10));
}

/**
 * disk_set_timeout() - how long a living server may take
 * @disk: the disk
 * @ms:	  milliseconds, 0: for ever; for what is submitted from now on
 */
void disk_set_timeout(struct disk *disk, u32 ms)
{
	WRITE_ONCE(disk->opt.timeout_ms, ms);
	blk_queue_rq_timeout(disk->gd->queue, timeout_jiffies(ms));
}

static int options_check(const struct disk_options *opt,
			 const struct xseg_info *info)
{
	if (opt->port >= info->params.nr_ports)
		return -EINVAL;
	/* Some requests may be lost beside those under way. */
	if (info->params.queue_len < 8 || info->params.max_data < 4096)
		return -ENOSPC;
	return 0;
}

static struct disk *disk_alloc(const struct disk_options *opt,
			       struct member *member)
{
	u32 nr = clamp(opt->queues, 1U, min(nr_cpu_ids, MAX_QUEUES));
	struct disk *disk;

	nr = min(nr, member->info.params.nr_ports - opt->port);
	disk = kvzalloc(struct_size(disk, queues, nr), GFP_KERNEL);
	if (!disk)
		return NULL;
	disk->opt = *opt;
	disk->opt.depth = min3(opt->depth, MAX_DEPTH,
			       member->info.params.queue_len / 2);
	disk->opt.queues = nr;
	disk->max_lost = disk->opt.depth / 2 + 2 + nr * (disk->opt.depth + 1);
	disk->lost = kvcalloc(disk->max_lost, sizeof(*disk->lost), GFP_KERNEL);
	if (!disk->lost) {
		kvfree(disk);
		return NULL;
	}
	disk->member = member;
	init_completion(&disk->added);
	init_completion(&disk->asked);
	mutex_init(&disk->state_lock);
	mutex_init(&disk->ask_lock);
	spin_lock_init(&disk->lost_lock);
	INIT_DELAYED_WORK(&disk->watch, disk_watch);
	return disk;
}

/*
 * Every I/O can have a buffer of the largest size. Once there is one it stays,
 * so that none waits for a buffer that can never be.
 */
static int disk_has_room(struct disk *disk)
{
	struct queue *queue = &disk->queues[0];
	struct xseg_request __xseg_shared *req;
	int ret;

	req = xseg_get_request(queue->xseg, queue->port, queue->dst, 0);
	if (IS_ERR(req_plain(req)))
		return PTR_ERR(req_plain(req));
	ret = xseg_prep_request(queue->xseg, req, 0, disk->info.max_io);
	xseg_put_request(queue->xseg, req);
	return ret == -ENOMEM ? -ENOSPC : ret;
}

/* All ports; what the server says decides how many. */
static int queues_open(struct disk *disk)
{
	int ret;
	u32 i;

	disk->nr_queues = 1;
	ret = queue_open(&disk->queues[0], disk, 0);
	if (!ret)
		ret = disk_ask(disk, &disk->info);
	if (!ret)
		ret = disk_has_room(disk);
	if (ret)
		return ret;
	for (i = 1; i < min(disk->opt.queues, disk->info.nr_queues); i++) {
		disk->nr_queues = i + 1;
		ret = queue_open(&disk->queues[i], disk, i);
		if (ret)
			return ret;
	}
	return 0;
}

/* Nobody calls in any more, and nothing runs by itself. */
static void disk_quiet(struct disk *disk)
{
	u32 i;

	for (i = 0; i < disk->nr_queues; i++)
		queue_quiet(&disk->queues[i]);
	synchronize_rcu();
	cancel_delayed_work_sync(&disk->watch);
}

/* Undoes disk_alloc() and queues_open(), and what disk_add() took. */
static void disk_free(struct disk *disk)
{
	struct member *member = disk->member;
	u32 i;

	for (i = 0; i < disk->nr_queues; i++)
		queue_close(&disk->queues[i]);
	kvfree(disk->lost);
	kvfree(disk);
	member_put(member);
	module_put(THIS_MODULE);
}

static int tags_alloc(struct disk *disk)
{
	disk->set.ops = &queue_ops;
	disk->set.nr_hw_queues = disk->nr_queues;
	disk->set.queue_depth = disk->opt.depth;
	disk->set.numa_node = NUMA_NO_NODE;
	disk->set.timeout = timeout_jiffies(disk->opt.timeout_ms);
	disk->set.flags = XSEG_MQ_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	disk->set.driver_data = disk;
	return blk_mq_alloc_tag_set(&disk->set);
}

static int gendisk_alloc(struct disk *disk)
{
	const struct xseg_blk_info *info = &disk->info;
	u32 erase = info->max_discard >> SECTOR_SHIFT;
	struct xseg_disk_limits lim = {
		.block_size = info->block_size,
		.max_sectors = info->max_io >> SECTOR_SHIFT,
		.discard = info->flags & XSEG_BLK_HAS_DISCARD ? erase : 0,
		.zeroes = info->flags & XSEG_BLK_HAS_ZERO ? erase : 0,
		.cache = info->flags & XSEG_BLK_HAS_FLUSH,
		.fua = info->flags & XSEG_BLK_HAS_FUA,
	};
	struct gendisk *gd = xseg_disk_alloc(&disk->set, &lim, disk);

	if (IS_ERR(gd))
		return PTR_ERR(gd);
	disk->gd = gd;
	gd->fops = &disk_ops;
	gd->private_data = disk;
	snprintf(gd->disk_name, sizeof(gd->disk_name), "xsegbd%d",
		 disk->opt.id);
	set_capacity(gd, info->size >> SECTOR_SHIFT);
	if (info->flags & XSEG_BLK_READ_ONLY || disk->opt.read_only)
		set_disk_ro(gd, true);
	return 0;
}

/* One disk for each server port. */
static int disk_enlist(struct disk *disk)
{
	struct disk *other;
	int ret = 0;

	mutex_lock(&disks_lock);
	list_for_each_entry(other, &disks, link)
		if (other->member == disk->member &&
		    other->opt.port < disk->opt.port + disk->nr_queues &&
		    disk->opt.port < other->opt.port + other->nr_queues)
			ret = -EEXIST;
	if (!ret)
		list_add_tail(&disk->link, &disks);
	mutex_unlock(&disks_lock);
	return ret;
}

/* Undoes all. @live: it had appeared. */
static void disk_destroy(struct disk *disk, bool live)
{
	mutex_lock(&disk->state_lock);
	disk_fail_all(disk, DISK_REMOVED);
	mutex_unlock(&disk->state_lock);
	disk_quiet(disk);
	if (live) {
		/* Who has it mounted is not to wait for what fails anyway. */
		blk_mark_disk_dead(disk->gd);
		del_gendisk(disk->gd);
		/* Until then an attribute could have it run. */
		cancel_delayed_work_sync(&disk->watch);
	}
	put_disk(disk->gd);
	blk_mq_free_tag_set(&disk->set);
	ida_free(&disk_ids, disk->opt.id);
	disk_free(disk);
}

/*
 * Makes the disk appear, which reads its partition table: that may take as
 * long as the server does, and somebody may remove the disk meanwhile.
 */
static int disk_appear(struct disk *disk)
{
	bool mine = false;
	int ret;

	WRITE_ONCE(disk->watched, true);
	disk_kick(disk);
	ret = device_add_disk(NULL, disk->gd, disk_groups);
	mutex_lock(&disks_lock);
	disk->live = !ret;
	if (ret && !disk->removing) {
		list_del(&disk->link);
		mine = true;
	}
	complete_all(&disk->added);
	mutex_unlock(&disks_lock);
	if (mine)
		disk_destroy(disk, false);
	return ret;
}

static int disk_set_up_gendisk(struct disk *disk)
{
	int ret;

	ret = tags_alloc(disk);
	if (ret)
		return ret;
	ret = gendisk_alloc(disk);
	if (ret)
		goto err_tags;
	ret = disk_enlist(disk);
	if (!ret)
		return 0;
	put_disk(disk->gd);
err_tags:
	blk_mq_free_tag_set(&disk->set);
	return ret;
}

/* Until the disk is in the list; all is undone if that fails. */
static int disk_set_up(struct disk *disk)
{
	int id = disk->opt.id;
	int ret;

	ret = queues_open(disk);
	if (ret)
		goto err_free;
	ret = ida_alloc_range(&disk_ids, max(id, 0), id < 0 ? INT_MAX : id,
			      GFP_KERNEL);
	if (ret < 0) {
		ret = ret == -ENOSPC ? -EEXIST : ret;
		goto err_free;
	}
	disk->opt.id = ret;
	ret = disk_set_up_gendisk(disk);
	if (!ret)
		return 0;
	ida_free(&disk_ids, disk->opt.id);
err_free:
	disk_quiet(disk);
	disk_free(disk);
	return ret;
}

/**
 * disk_add() - make a disk
 * @opt: what it is to be
 *
 * Asks the server, and reads the partition table: not to be called by the
 * server itself. May sleep.
 *
 * Return: 0; -ENODEV (the segment is not attached), -EINVAL (no such port or
 * type), -ENOSPC (the segment is too small), -EEXIST (another disk has the port
 * or the number), -EUSERS (too many kernel peers), as disk_ask(), -ENOMEM and
 * others.
 */
int disk_add(const struct disk_options *opt)
{
	struct member *member;
	struct disk *disk;
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	member = member_get(opt->segment);
	if (IS_ERR(member)) {
		ret = PTR_ERR(member);
		ret = ret == -ENOENT ? -ENODEV : ret;
		goto err_module;
	}
	ret = options_check(opt, &member->info);
	if (ret)
		goto err_member;
	disk = disk_alloc(opt, member);
	if (!disk) {
		ret = -ENOMEM;
		goto err_member;
	}
	ret = disk_set_up(disk);
	return ret ? ret : disk_appear(disk);
err_member:
	member_put(member);
err_module:
	module_put(THIS_MODULE);
	return ret;
}

/* Nobody has it open, and from here on nobody can open it: true if so. */
static bool disk_shut(struct disk *disk)
{
	bool idle;

	if (!disk->live || !mutex_trylock(&disk->gd->open_mutex))
		return false;
	idle = !disk_openers(disk->gd);
	if (idle)	/* see disk_open() */
		WRITE_ONCE(disk->removing, true);
	mutex_unlock(&disk->gd->open_mutex);
	return idle;
}

/* Makes the caller the one who removes a disk. -EAGAIN: it is in use. */
static struct disk *disk_claim(int id, bool force)
{
	struct disk *disk, *found = ERR_PTR(-ENODEV);

	mutex_lock(&disks_lock);
	list_for_each_entry(disk, &disks, link) {
		if (disk->opt.id != id)
			continue;
		found = disk;
		if (disk->removing)
			found = ERR_PTR(-EBUSY);
		else if (force)
			WRITE_ONCE(disk->removing, true);
		else if (!disk_shut(disk))
			found = ERR_PTR(-EAGAIN);
		break;
	}
	mutex_unlock(&disks_lock);
	return found;
}

/**
 * disk_remove() - remove a disk
 * @id:	   its number
 * @force: also if it is in use: whoever uses it gets EIO
 *
 * What looks into each new disk is waited for, a second at most. May sleep.
 *
 * Return: 0, -ENODEV (no such disk), -EBUSY (it is open, or somebody else
 * removes it) or -EINTR.
 */
int disk_remove(int id, bool force)
{
	unsigned long end = jiffies + msecs_to_jiffies(BUSY_MS);
	struct disk *disk;

	for (;;) {
		disk = disk_claim(id, force);
		if (PTR_ERR_OR_ZERO(disk) != -EAGAIN)
			break;
		if (time_after(jiffies, end))
			return -EBUSY;
		if (msleep_interruptible(20))
			return -EINTR;
	}
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	/* What adds it does I/O, which fails from here on. */
	mutex_lock(&disk->state_lock);
	disk_fail_all(disk, DISK_REMOVED);
	mutex_unlock(&disk->state_lock);
	wait_for_completion(&disk->added);
	mutex_lock(&disks_lock);
	list_del(&disk->link);
	mutex_unlock(&disks_lock);
	disk_destroy(disk, disk->live);
	return 0;
}
