// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the server says of the disk.
 */
#include <linux/log2.h>
#include <linux/module.h>

#include "kernel/blk/blk.h"

#define ASK_MS	3000

static struct slot *ask_slot(struct queue *queue)
{
	return &queue->slots[queue->depth];
}

/**
 * ask_answered() - the answer came
 * @queue: the queue
 * @slot:  of the question, taken
 * @req:   the answer; given back
 *
 * Any context.
 */
void ask_answered(struct queue *queue, struct slot *slot,
		  struct xseg_request __xseg_shared *req)
{
	struct disk *disk = queue->disk;
	u32 error = READ_ONCE(req_plain(req)->error);

	if (READ_ONCE(req_plain(req)->state) == XSEG_REQ_SERVED) {
		memcpy(&disk->told, slot->data, sizeof(disk->told));
		disk->answer = 0;
	} else {
		disk->answer = error && error <= MAX_ERRNO ? -(int)error : -EIO;
	}
	xseg_put_request(queue->xseg, req);
	complete_all(&disk->asked);
}

static struct xseg_request __xseg_shared *ask_make(struct queue *queue)
{
	struct slot *slot = ask_slot(queue);
	struct xseg_request __xseg_shared *req;
	void __xseg_shared *data;
	u64 len = 0;
	int ret;

	kept_put(queue);	/* there may be no other */
	req = xseg_get_request(queue->xseg, queue->port, queue->dst, 0);
	if (IS_ERR(req_plain(req)))
		return req;
	ret = xseg_prep_request(queue->xseg, req, 0,
				sizeof(struct xseg_blk_info));
	data = ret ? NULL : xseg_get_data_len(queue->xseg, req, &len);
	if (!data || len < sizeof(struct xseg_blk_info)) {
		xseg_put_request(queue->xseg, req);
		return (struct xseg_request __force __xseg_shared *)
			ERR_PTR(ret ? ret : -EUCLEAN);
	}
	memset((void __force *)data, 0, sizeof(struct xseg_blk_info));
	slot->rq = NULL;
	slot->data = (void __force *)data;
	WRITE_ONCE(req_plain(req)->op, XSEG_BLK_INFO);
	WRITE_ONCE(req_plain(req)->size, sizeof(struct xseg_blk_info));
	return req;
}

static int ask_submit(struct queue *queue)
{
	struct slot *slot = ask_slot(queue);
	struct xseg_request __xseg_shared *req = ask_make(queue);
	int ret;

	if (IS_ERR(req_plain(req)))
		return PTR_ERR(req_plain(req));
	reinit_completion(&queue->disk->asked);
	queue->disk->answer = -EIO;
	smp_mb();	/* pairs with complete_all() in disk_fail_all() */
	if (READ_ONCE(queue->disk->state) == DISK_REMOVED) {
		xseg_put_request(queue->xseg, req);
		return -EIO;
	}
	/* Pairs with slot_take(). */
	smp_store_release((struct xseg_request **)&slot->req, req_plain(req));
	xseg_set_req_data(queue->xseg, req,
			  (void *)(uintptr_t)(queue->depth + 1));
	ret = xseg_submit(queue->xseg, req, queue->port, XSEG_SIGNAL);
	if (ret >= 0)
		return 0;
	if (slot_take(slot, req))
		xseg_put_request(queue->xseg, req);
	return ret;
}

/* The disk takes nothing of it on trust. */
static int info_check(struct xseg_blk_info *info, u32 max_io)
{
	u32 bs = info->block_size;

	if (info->version != XSEG_BLK_VERSION)
		return -EPROTONOSUPPORT;
	if (bs < 512 || bs > 4096 || !is_power_of_2(bs) || info->size % bs ||
	    info->size > (u64)MAX_LFS_FILESIZE || !info->nr_queues)
		return -EPROTO;
	if (!info->max_io || info->max_io > max_io)
		info->max_io = max_io;
	info->max_io = round_down(info->max_io, 4096);
	if (!info->max_io)
		return -EPROTO;
	if (!info->max_discard)
		info->max_discard = UINT_MAX;
	info->max_discard = round_down(info->max_discard, 4096);
	return info->max_discard ? 0 : -EPROTO;
}

/**
 * disk_ask() - ask the server about the disk
 * @disk: the disk, whose first queue is open
 * @info: filled with what is usable
 *
 * May sleep, for 3 s at most; a fatal signal ends it.
 *
 * Return: 0; -ENOTCONN (no server), -EOWNERDEAD (it died meanwhile), -ETIMEDOUT
 * (no answer), -EINTR, -EPROTO or -EPROTONOSUPPORT (a useless one), -EIO (the
 * disk is being removed) or what the server says.
 */
int disk_ask(struct disk *disk, struct xseg_blk_info *info)
{
	struct queue *queue = &disk->queues[0];
	u32 max_io = min_t(u64, MAX_IO, disk->member->info.params.max_data);
	struct xseg_port_info port;
	long left;
	int ret;

	if (mutex_lock_killable(&disk->ask_lock))
		return -EINTR;
	ret = xseg_get_port_info(queue->xseg, queue->dst, &port);
	if (!ret && !port.bound)
		ret = -ENOTCONN;
	if (!ret && READ_ONCE(disk->nr_lost) > disk->opt.depth / 2)
		ret = -ETIMEDOUT;
	if (!ret)
		ret = ask_submit(queue);
	if (ret)
		goto unlock;
	left = wait_for_completion_killable_timeout(&disk->asked,
						    msecs_to_jiffies(ASK_MS));
	if (slot_give_up(queue, ask_slot(queue)))
		ret = left < 0 ? -EINTR : left ? -EIO : -ETIMEDOUT;
	else
		wait_for_completion(&disk->asked);	/* it is being taken */
	if (!ret)
		ret = disk->answer;
	if (!ret) {
		*info = disk->told;
		ret = info_check(info, max_io);
	}
unlock:
	mutex_unlock(&disk->ask_lock);
	return ret;
}

/**
 * disk_resize() - ask for the size again
 * @disk: a disk that is not being removed
 *
 * What else the server says is not looked at. May sleep.
 *
 * Return: as disk_ask(); -EPROTO also if the block size is another one.
 */
int disk_resize(struct disk *disk)
{
	struct xseg_blk_info info;
	int ret;

	ret = disk_ask(disk, &info);
	if (ret)
		return ret;
	if (info.block_size != disk->info.block_size)
		return -EPROTO;
	set_capacity_and_notify(disk->gd, info.size >> SECTOR_SHIFT);
	return 0;
}
