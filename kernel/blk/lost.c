// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What was given up: its request is still out, and a server may yet do what it
 * asks for. Until it is back its blocks are not read or written, so that it
 * cannot undo what was written after it.
 */
#include "kernel/blk/blk.h"

static bool rq_writes(const struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return true;
	default:
		return false;
	}
}

static u64 rq_start(const struct request *rq)
{
	return (u64)blk_rq_pos(rq) << SECTOR_SHIFT;
}

static void lost_add_locked(struct queue *queue,
			    struct xseg_request __xseg_shared *req,
			    const struct request *rq)
{
	struct disk *disk = queue->disk;
	struct lost *lost = &disk->lost[disk->nr_lost];

	*lost = (struct lost){ .req = req, .queue = queue };
	if (rq && rq_writes(rq)) {
		lost->start = rq_start(rq);
		lost->end = lost->start + blk_rq_bytes(rq);
	}
	WRITE_ONCE(disk->nr_lost, disk->nr_lost + 1);
}

/**
 * slot_give_up() - stop waiting for an answer
 * @queue: the queue
 * @slot:  any of its slots
 *
 * The request is left to the server, told to do nothing if it has not begun.
 * Any context.
 *
 * Return: true if the caller is to end the I/O, false if it was not under way
 * or there is no room to remember one more.
 */
bool slot_give_up(struct queue *queue, struct slot *slot)
{
	struct disk *disk = queue->disk;
	struct xseg_request __xseg_shared *req;
	unsigned long flags;
	bool taken = false;

	spin_lock_irqsave(&disk->lost_lock, flags);
	req = READ_ONCE(slot->req);
	if (req && disk->nr_lost < disk->max_lost && slot_take(slot, req)) {
		lost_add_locked(queue, req, slot->rq);
		WRITE_ONCE(req_plain(req)->op, XSEG_BLK_NOP);
		taken = true;
	}
	spin_unlock_irqrestore(&disk->lost_lock, flags);
	if (taken)
		atomic64_inc(&disk->given_up);
	return taken;
}

/**
 * lost_back() - a request came that no slot waits for
 * @queue: where it came
 * @req:   the request, which the caller has; given back
 *
 * Any context.
 */
void lost_back(struct queue *queue, struct xseg_request __xseg_shared *req)
{
	struct disk *disk = queue->disk;
	unsigned long flags;
	bool found = false;
	u32 i;

	spin_lock_irqsave(&disk->lost_lock, flags);
	for (i = 0; i < disk->nr_lost && !found; i++) {
		if (disk->lost[i].req != req || disk->lost[i].queue != queue)
			continue;
		disk->lost[i] = disk->lost[disk->nr_lost - 1];
		WRITE_ONCE(disk->nr_lost, disk->nr_lost - 1);
		found = true;
	}
	spin_unlock_irqrestore(&disk->lost_lock, flags);
	if (!found)
		atomic64_inc(&disk->bad);
	xseg_put_request(queue->xseg, req);
}

/**
 * lost_blocks() - must an I/O fail because of what was given up?
 * @disk: the disk
 * @rq:	  the I/O
 *
 * Any context.
 *
 * Return: true if so: a lost one may still write there, or there are so many
 * that no more may be lost.
 */
bool lost_blocks(struct disk *disk, struct request *rq)
{
	u64 start = rq_start(rq), end = start + blk_rq_bytes(rq);
	unsigned long flags;
	bool blocks;
	u32 i;

	spin_lock_irqsave(&disk->lost_lock, flags);
	blocks = disk->nr_lost > disk->opt.depth / 2;
	for (i = 0; i < disk->nr_lost && !blocks; i++)
		blocks = disk->lost[i].start < end && start < disk->lost[i].end;
	spin_unlock_irqrestore(&disk->lost_lock, flags);
	return blocks;
}
