// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data path: from the block layer into the segment, and back in the
 * context of whoever signals, without a softirq or a work in between.
 */
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kernel/blk/blk.h"
#include "kernel/compat.h"

/* Replies that one batch ends, and batches of one call before others' turn. */
#define BATCH	64
#define BATCHES	16

/* When the block layer tries again where there was no room; BLK_MQ_RESOURCE_DELAY */
#define NO_ROOM_MS	3

/*
 * Larger I/O the submitter copies himself: others wait for who polls, without
 * preemption, for a few of these at a time.
 */
#define HAND_BYTES	SZ_256K

static void *req_data(struct queue *queue,
		      struct xseg_request __xseg_shared *req, u64 need)
{
	void __xseg_shared *data;
	u64 len;

	data = xseg_get_data_len(queue->xseg, req, &len);
	return data && len >= need ? (void __force *)data : NULL;
}

/**
 * slot_take() - end the wait of a slot for a request
 * @slot: the slot
 * @req:  the request
 *
 * Full barrier if it succeeds: @slot->rq and @slot->data are those that
 * queue_rq() and io_send() stored before @slot->req. Any context.
 *
 * Return: true if the caller is the one who ends the I/O.
 */
bool slot_take(struct slot *slot, struct xseg_request __xseg_shared *req)
{
	return READ_ONCE(slot->req) == req &&
	       cmpxchg((struct xseg_request **)&slot->req, req_plain(req),
		       NULL) == req_plain(req);
}

/* Submission */

static void io_copy_in(struct request *rq, void *data)
{
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		memcpy_from_bvec(data, &bv);
		data += bv.bv_len;
	}
}

static void io_copy_out(struct request *rq, const void *data)
{
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		memcpy_to_bvec(&bv, data);
		data += bv.bv_len;
	}
}

/* No room in the segment now: the block layer tries again in 3 ms. */
static blk_status_t no_room(struct queue *queue, int err)
{
	switch (err) {
	case -EAGAIN:
	case -ENOMEM:
	case -EBUSY:
		WRITE_ONCE(queue->starved, true);
		return BLK_STS_RESOURCE;
	case -ENOTCONN:	/* a port that keeps nothing, and nobody there */
		disk_kick(queue->disk);
		return READ_ONCE(queue->disk->opt.hold_ms) ?
		       BLK_STS_RESOURCE : BLK_STS_IOERR;
	default:
		return BLK_STS_IOERR;
	}
}

/* What is asked for; how many bytes of data go with it. */
static u32 io_op(const struct request *rq, u32 *flags, u32 *len)
{
	*flags = rq->cmd_flags & REQ_FUA ? XSEG_BLK_FUA : 0;
	*len = 0;
	switch (req_op(rq)) {
	case REQ_OP_READ:
		*len = blk_rq_bytes(rq);
		return XSEG_BLK_READ;
	case REQ_OP_WRITE:
		*len = blk_rq_bytes(rq);
		return XSEG_BLK_WRITE;
	case REQ_OP_FLUSH:
		return XSEG_BLK_FLUSH;
	case REQ_OP_DISCARD:
		return XSEG_BLK_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		if (rq->cmd_flags & REQ_NOUNMAP)
			*flags |= XSEG_BLK_NOUNMAP;
		return XSEG_BLK_ZERO;
	default:
		return XSEG_BLK_NOP;
	}
}

static void io_describe(struct xseg_request *req, const struct request *rq,
			u32 op, u32 flags)
{
	bool flush = op == XSEG_BLK_FLUSH;

	WRITE_ONCE(req->op, op);
	WRITE_ONCE(req->flags, flags);
	WRITE_ONCE(req->offset,
		   flush ? 0 : (u64)blk_rq_pos(rq) << SECTOR_SHIFT);
	WRITE_ONCE(req->size, blk_rq_bytes(rq));
}

/**
 * kept_put() - give back what the tags of a queue have kept
 * @queue: the queue
 *
 * Any context.
 */
void kept_put(struct queue *queue)
{
	struct xseg_request *req;
	u32 i;

	for (i = 0; i < queue->depth; i++) {
		if (!READ_ONCE(queue->slots[i].kept))
			continue;
		req = xchg(&queue->slots[i].kept, NULL);
		if (req)
			xseg_put_request(queue->xseg, req_shared(req));
	}
}

/* A request from the segment, marked as the slot's, with no data yet. */
static struct xseg_request __xseg_shared *io_get(struct queue *queue,
						 struct slot *slot)
{
	struct xseg_request __xseg_shared *req;

	slot->len = 0;
	req = xseg_get_request(queue->xseg, queue->port, queue->dst, 0);
	if (IS_ERR(req_plain(req))) {
		kept_put(queue);
		req = xseg_get_request(queue->xseg, queue->port, queue->dst, 0);
	}
	if (!IS_ERR(req_plain(req)))
		xseg_set_req_data(queue->xseg, req, (void *)
				  (uintptr_t)(slot - queue->slots + 1));
	return req;
}

/* The request that the tag has kept, or another one. */
static struct xseg_request __xseg_shared *io_request(struct queue *queue,
						     struct slot *slot)
{
	struct xseg_request __xseg_shared *req =
		req_shared(xchg(&slot->kept, NULL));

	if (unlikely(!req))
		return io_get(queue, slot);
	if (likely(!xseg_renew_request(queue->xseg, req, queue->port,
				       queue->dst)))
		return req;
	xseg_put_request(queue->xseg, req);
	return io_get(queue, slot);
}

/* Room for the data of an I/O, as many as before or not. */
static int io_room(struct queue *queue, struct slot *slot,
		   struct xseg_request __xseg_shared *req, u32 len)
{
	int ret;

	slot->len = 0;
	ret = xseg_prep_request(queue->xseg, req, 0, len);
	if (ret == -ENOMEM) {
		kept_put(queue);
		ret = xseg_prep_request(queue->xseg, req, 0, len);
	}
	if (ret)
		return ret;
	slot->data = req_data(queue, req, len);
	if (unlikely(!slot->data))
		return -EUCLEAN;
	slot->len = len;
	return 0;
}

/* Makes a request of an I/O; the slot is filled but for the request. */
static blk_status_t io_make(struct queue *queue, struct request *rq,
			    struct slot *slot,
			    struct xseg_request __xseg_shared **out)
{
	struct xseg_request __xseg_shared *req;
	u32 op, flags, len;
	int ret;

	op = io_op(rq, &flags, &len);
	if (unlikely(op == XSEG_BLK_NOP))
		return BLK_STS_NOTSUPP;
	req = io_request(queue, slot);
	if (IS_ERR(req_plain(req)))
		return no_room(queue, PTR_ERR(req_plain(req)));
	/* As before, and nobody has moved it meanwhile? */
	if (len && unlikely(len != slot->len ||
			    req_data(queue, req, len) != slot->data)) {
		ret = io_room(queue, slot, req, len);
		if (ret) {
			xseg_put_request(queue->xseg, req);
			return no_room(queue, ret);
		}
	}
	if (op == XSEG_BLK_WRITE)
		io_copy_in(rq, slot->data);
	io_describe(req_plain(req), rq, op, flags);
	*out = req;
	return BLK_STS_OK;
}

static blk_status_t submit_failed(struct queue *queue, struct slot *slot,
				  struct xseg_request __xseg_shared *req,
				  int err)
{
	if (!slot_take(slot, req)) {
		lost_back(queue, req);	/* timed out: has been ended */
		xseg_signal(queue->xseg, queue->dst);	/* what came before */
		return BLK_STS_OK;
	}
	xseg_put_request(queue->xseg, req);
	return no_room(queue, err);
}

/* Sends an I/O. Any context, see io_send_there(). */
static blk_status_t io_send(struct queue *queue, struct request *rq, bool last)
{
	struct slot *slot = &queue->slots[rq->tag];
	struct xseg_request __xseg_shared *req;
	blk_status_t status;
	int ret;

	if (unlikely(READ_ONCE(queue->disk->state) >= DISK_FAILED))
		return BLK_STS_IOERR;
	if (unlikely(READ_ONCE(queue->disk->nr_lost)) &&
	    lost_blocks(queue->disk, rq))
		return BLK_STS_IOERR;
	status = io_make(queue, rq, slot, &req);
	if (unlikely(status))
		return status;
	blk_mq_start_request(rq);
	/* Pairs with slot_take(). */
	smp_store_release((struct xseg_request **)&slot->req, req_plain(req));
	/* From here on it may be over at any time. */
	ret = xseg_submit(queue->xseg, req, queue->port,
			  last ? XSEG_SIGNAL : 0);
	if (unlikely(ret < 0))
		return submit_failed(queue, slot, req, ret);
	if (last)
		WRITE_ONCE(queue->signals, READ_ONCE(queue->signals) + 1);
	return BLK_STS_OK;
}

/*
 * The same for I/O that the block layer believes to have been sent, in whatever
 * context. The disk stays until this returns: if io_send() saw that it was not to
 * fail I/O, disk_fail_all() waits for RCU, else the I/O, to be ended here, keeps
 * it. A timeout that finds the I/O started waits for RCU as well, as it does for
 * queue_rq().
 */
static void io_send_there(struct xseg_call *call)
{
	struct slot *slot = container_of(call, struct slot, call);
	struct request *rq = slot->rq;
	struct queue *queue = rq->mq_hctx->driver_data;
	blk_status_t status;

	status = io_send(queue, rq, true);
	if (likely(!status)) {
		WRITE_ONCE(queue->handed, READ_ONCE(queue->handed) + 1);
		return;
	}
	xseg_signal(queue->xseg, queue->dst);	/* what came before, without */
	if (status != BLK_STS_RESOURCE) {
		blk_mq_end_request(rq, status);
		return;
	}
	blk_mq_requeue_request(rq, false);
	blk_mq_delay_kick_requeue_list(queue->hctx->queue, NO_ROOM_MS);
}

/*
 * A server that polls sends the I/O to itself, which spares the submitter most
 * of the work, copies included: he mostly is what limits both. Not where there
 * was no room: of that the block layer learns by queue_rq() only.
 */
static bool io_hand(struct queue *queue, struct request *rq, struct slot *slot)
{
	if (READ_ONCE(queue->starved) || blk_rq_bytes(rq) > HAND_BYTES)
		return false;
	slot->call.fn = io_send_there;
	return !xseg_call_waiter(queue->xseg, queue->dst, &slot->call);
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *hctx,
			     const struct blk_mq_queue_data *bd)
{
	struct queue *queue = hctx->driver_data;
	struct request *rq = bd->rq;
	struct slot *slot = &queue->slots[rq->tag];

	slot->rq = rq;
	return io_hand(queue, rq, slot) ? BLK_STS_OK :
					  io_send(queue, rq, bd->last);
}

static void queue_commit(struct blk_mq_hw_ctx *hctx)
{
	struct queue *queue = hctx->driver_data;

	xseg_signal(queue->xseg, queue->dst);
	WRITE_ONCE(queue->signals, READ_ONCE(queue->signals) + 1);
}

/* Completion */

/* What an answer says, each word of it looked at once. */
static blk_status_t reply_status(struct queue *queue,
				 const struct xseg_request *req,
				 const struct request *rq)
{
	u32 state = READ_ONCE(req->state);
	u32 error = READ_ONCE(req->error);

	if (likely(state == XSEG_REQ_SERVED &&
		   READ_ONCE(req->serviced) == blk_rq_bytes(rq)))
		return BLK_STS_OK;
	if (state != XSEG_REQ_FAILED)
		atomic64_inc(&queue->disk->bad);
	else if (error == ENOSPC)
		return BLK_STS_NOSPC;
	else if (error == EOPNOTSUPP)
		return BLK_STS_NOTSUPP;
	return BLK_STS_IOERR;
}

static void io_end(struct queue *queue, struct request *rq,
		   blk_status_t status, struct io_comp_batch *iob)
{
	if (unlikely(status))
		atomic64_inc(&queue->disk->failed);
	if (!blk_mq_add_to_batch(rq, iob, status != BLK_STS_OK,
				 blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

/*
 * A request came that its mark does not lead to a slot for: it was given up, or
 * somebody forged something. Whose request it is, his I/O fails.
 */
static void reply_stray(struct queue *queue,
			struct xseg_request __xseg_shared *req)
{
	struct disk *disk = queue->disk;
	struct slot *slot;
	u32 q, i;

	for (q = 0; q < disk->nr_queues; q++) {
		for (i = 0; i < disk->queues[q].depth; i++) {
			slot = &disk->queues[q].slots[i];
			if (!slot_take(slot, req))
				continue;
			atomic64_inc(&disk->bad);
			atomic64_inc(&disk->failed);
			xseg_put_request(queue->xseg, req);
			blk_mq_end_request(slot->rq, BLK_STS_IOERR);
			return;
		}
	}
	lost_back(queue, req);
}

static void reply_take(struct queue *queue,
		       struct xseg_request __xseg_shared *req,
		       struct io_comp_batch *iob)
{
	blk_status_t status;
	struct request *rq;
	struct slot *slot;
	void *mark = NULL;
	uintptr_t i;

	xseg_get_req_data(queue->xseg, req, &mark);
	i = (uintptr_t)mark - 1;
	slot = &queue->slots[min_t(uintptr_t, i, queue->depth)];
	if (unlikely(!slot_take(slot, req))) {
		reply_stray(queue, req);
		return;
	}
	rq = slot->rq;
	if (unlikely(!rq)) {
		ask_answered(queue, slot, req);
		return;
	}
	status = reply_status(queue, req_plain(req), rq);
	if (req_op(rq) == REQ_OP_READ && likely(!status))
		io_copy_out(rq, slot->data);
	/*
	 * The tag is ours until the I/O ends. A larger buffer, which a small
	 * I/O got because its own class had none left, others may wait for.
	 */
	if (likely(slot->len <= KEEP_DATA &&
		   READ_ONCE(req_plain(req)->bufferlen) <= KEEP_DATA))
		/* After the copy; pairs with xchg() in kept_put(). */
		smp_store_release(&slot->kept, req_plain(req));
	else
		xseg_put_request(queue->xseg, req);
	io_end(queue, rq, status, iob);
}

/*
 * Ends what has been answered, a batch at most. A queue that fails in another
 * way than being empty is looked at again by the watch.
 *
 * Return: how many there were.
 */
static unsigned int queue_drain(struct queue *queue)
{
	struct xseg_request __xseg_shared *req;
	DEFINE_IO_COMP_BATCH(iob);
	unsigned int n;

	for (n = 0; n < BATCH; n++) {
		req = xseg_receive(queue->xseg, queue->port, 0);
		if (IS_ERR(req_plain(req))) {
			if (unlikely(PTR_ERR(req_plain(req)) == -EBUSY))
				disk_kick_soon(queue->disk);
			break;
		}
		reply_take(queue, req, &iob);
	}
	if (iob.complete)
		iob.complete(&iob);
	if (unlikely(n && READ_ONCE(queue->starved))) {
		WRITE_ONCE(queue->starved, false);
		/* del_gendisk() has cancelled that, and will not again. */
		if (READ_ONCE(queue->disk->state) != DISK_REMOVED)
			blk_mq_kick_requeue_list(queue->hctx->queue);
		blk_mq_run_hw_queue(queue->hctx, true);
	}
	return n;
}

/* Ends what has been answered; the callback is armed for what will be. */
static void queue_answered(struct queue *queue, bool woken)
{
	unsigned long end = jiffies + 2;
	unsigned int n, turns = BATCHES;
	bool some = false;

	do {
		n = queue_drain(queue);
		some |= n;
	} while (n == BATCH && --turns && time_before(jiffies, end));
	/* Too much for one call, or a signal that says something else. */
	if (unlikely(n == BATCH))
		disk_kick(queue->disk);
	else if (unlikely(woken && !some))
		disk_kick_soon(queue->disk);
}

/* In the context of whoever signals; may overlap with itself. */
static void queue_callback(void *arg)
{
	queue_answered(arg, true);
}

/**
 * queue_poll() - look for answers that nobody signalled
 * @queue: the queue
 *
 * Context: process.
 */
void queue_poll(struct queue *queue)
{
	rcu_read_lock();	/* as in the callback: see queue_quiet() */
	/* Arm it again: a lie may have taken that out of the segment. */
	xseg_prepare_wait(queue->xseg, queue->sd);
	queue_answered(queue, false);
	rcu_read_unlock();
}

/* A server that lives takes too long; if there is none, watch.c decides. */
static enum blk_eh_timer_return queue_timeout(struct request *rq)
{
	struct queue *queue = rq->mq_hctx->driver_data;
	struct disk *disk = queue->disk;

	if (!READ_ONCE(disk->opt.timeout_ms) ||
	    READ_ONCE(disk->state) != DISK_LIVE)
		return BLK_EH_RESET_TIMER;
	if (slot_give_up(queue, &queue->slots[rq->tag])) {
		atomic64_inc(&disk->failed);
		blk_mq_end_request(rq, BLK_STS_IOERR);
	}
	return BLK_EH_DONE;
}

static int queue_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			   unsigned int i)
{
	struct disk *disk = data;

	hctx->driver_data = &disk->queues[i];
	disk->queues[i].hctx = hctx;
	return 0;
}

const struct blk_mq_ops queue_ops = {
	.queue_rq = queue_rq,
	.commit_rqs = queue_commit,
	.timeout = queue_timeout,
	.init_hctx = queue_init_hctx,
};

/* Opening and closing */

static int queue_bind(struct queue *queue)
{
	struct member *member = queue->disk->member;
	u32 most = 2 * queue->depth + 4;
	int ret;

	ret = member_bind(member, queue->sd);
	if (ret < 0)
		return ret;
	queue->port = ret;
	most = min(most, member->info.params.queue_len);
	ret = xseg_set_max_requests(queue->xseg, queue->port, most);
	if (!ret)
		ret = xseg_set_callback(queue->xseg, queue->sd, queue_callback,
					queue, XSEG_CALLBACK_DIRECT |
					XSEG_CALLBACK_KEEP);
	return ret;
}

/**
 * queue_open() - bind a port for a queue and wait for answers there
 * @queue: the queue, all zero
 * @disk:  its disk, with options and membership
 * @nr:	   its number
 *
 * May sleep.
 *
 * Return: 0 or a negative errno; queue_close() is to be called in any case.
 */
int queue_open(struct queue *queue, struct disk *disk, u32 nr)
{
	int ret;

	queue->disk = disk;
	queue->port = NoPort;
	queue->depth = disk->opt.depth;
	queue->dst = disk->opt.port + nr;
	queue->slots = kvcalloc(queue->depth + 1, sizeof(*queue->slots),
				GFP_KERNEL);
	if (!queue->slots)
		return -ENOMEM;
	queue->xseg = disk->member->xseg;
	ret = xseg_local_signal_init(queue->xseg, disk->opt.type);
	if (ret) {
		queue->xseg = NULL;
		return ret;
	}
	queue->sd = xseg_get_signal_desc(queue->xseg, disk->opt.type);
	if (IS_ERR((void __force *)queue->sd)) {
		ret = PTR_ERR((void __force *)queue->sd);
		queue->sd = NULL;
		return ret;
	}
	ret = queue_bind(queue);
	if (!ret)
		queue_poll(queue);
	return ret;
}

/**
 * queue_quiet() - let no more signals in
 * @queue: the queue
 *
 * After a synchronize_rcu() no callback runs any more.
 */
void queue_quiet(struct queue *queue)
{
	if (queue->sd)
		xseg_set_callback(queue->xseg, queue->sd, NULL, NULL, 0);
}

/**
 * queue_close() - undo queue_open(), as far as it came
 * @queue: the queue; nothing is under way, see queue_quiet()
 *
 * May sleep.
 */
void queue_close(struct queue *queue)
{
	if (queue->slots && queue->xseg)
		kept_put(queue);
	if (queue->port != NoPort && queue->xseg)
		xseg_release_port(queue->xseg, queue->port);
	if (queue->sd)
		xseg_put_signal_desc(queue->xseg, queue->sd);
	if (queue->xseg)
		xseg_local_signal_quit(queue->xseg, queue->disk->opt.type);
	kvfree(queue->slots);
}
