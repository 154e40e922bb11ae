// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests: taking, preparing and giving back. How they travel is in route.c.
 *
 * A request that was taken for a port stays reserved for it: it comes back to
 * the port's own ring of free requests, with its small buffer, and is there
 * when the next one is wanted.
 */
#include "core/core.h"

/* An idle request keeps a buffer of up to so many bytes. */
#define KEEP_BUFFER	4096

/**
 * request_fail() - mark a request as failed
 * @xseg:  the handle
 * @index: a request that the caller owns
 * @error: positive errno
 */
void request_fail(struct xseg *xseg, u32 index, u32 error)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);

	shm_write(&req->state, XSEG_REQ_FAILED);
	shm_write(&req->error, error);
}

/**
 * request_free() - give a request back to the segment
 * @xseg:  the handle
 * @index: a request that is held
 *
 * Return: 0, -EBUSY or -EUCLEAN; it is no longer held in any case.
 */
int request_free(struct xseg *xseg, u32 index)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);

	path_set(req, 0);
	shm_write(&req->home, 0);
	buffer_put(xseg, index);
	xseg->requests[index].data = NULL;
	WRITE_ONCE(xseg->requests[index].held, 0);
	return pool_free(xseg, POOL_REQUESTS, index);
}

static void reserve_note(struct xseg *xseg, xport portno)
{
	shm_write(&xseg_port(xseg, portno)->nr_requests,
		  (u32)atomic_read(&xseg->ports[portno].reserved));
}

static void reserve_undo(struct xseg *xseg, xport portno)
{
	atomic_dec(&xseg->ports[portno].reserved);
	reserve_note(xseg, portno);
}

/**
 * port_room() - may one more request come back to a port?
 * @xseg:   the handle
 * @portno: a port that this handle bound; the one more is counted already
 * @limit:  of its own
 *
 * All that can come back fits into the queue of replies, so that a reply to a
 * live port never finds it full.
 *
 * Return: true if so.
 */
bool port_room(const struct xseg *xseg, xport portno, u32 limit)
{
	const struct port_ref *ref = &xseg->ports[portno];
	u32 own = (u32)atomic_read(&ref->reserved);

	return own <= limit && own + (u32)atomic_read(&ref->forwarded) <=
	       1U << xseg->geo.params.queue_order;
}

/* Reserves one more request for a port that this handle bound. */
static int request_reserve(struct xseg *xseg, xport portno, u32 epoch,
			   u32 *index)
{
	struct port_ref *ref = &xseg->ports[portno];
	int ret = -EAGAIN;

	atomic_inc_return(&ref->reserved);	/* full barrier: see port_room() */
	if (port_room(xseg, portno, READ_ONCE(ref->max)))
		ret = pool_alloc(xseg, POOL_REQUESTS, index);
	if (!ret && !env_claim(&xseg->requests[*index].held))
		ret = broken(xseg, "request");
	if (ret) {
		reserve_undo(xseg, portno);
		return ret;
	}
	shm_write(&xseg_request(xseg, *index)->home, XHOP(epoch, portno));
	reserve_note(xseg, portno);
	return 0;
}

/* Takes an idle request of a port; those of an earlier epoch are freed. */
static int request_idle(struct xseg *xseg, xport portno, u32 epoch, u32 *index)
{
	struct ring ring = port_ring(xseg, portno, XSEG_RING_FREE);
	u64 turns = min_t(u64, (1ULL << ring.order) + 1, ENV_STEPS);
	int ret;

	while (turns--) {
		ret = request_take(xseg, &ring, index);
		if (ret)
			return ret;
		if (likely(shm_read(&xseg_request(xseg, *index)->home) ==
			   XHOP(epoch, portno)))
			return 0;
		request_free(xseg, *index);
	}
	return -EBUSY;
}

/* Gives an idle request of a port back to the segment. */
static int request_unreserve(struct xseg *xseg, xport portno, u32 index)
{
	int ret = request_free(xseg, index);

	reserve_undo(xseg, portno);
	return ret;
}

int xseg_alloc_requests(struct xseg *xseg, xport portno, __u32 nr)
{
	struct ring ring;
	u32 epoch, index, i;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	epoch = port_epoch(xseg, portno);
	if (!epoch)
		return -EINVAL;
	ring = port_ring(xseg, portno, XSEG_RING_FREE);
	for (i = 0; i < nr; i++) {
		if (request_reserve(xseg, portno, epoch, &index))
			break;
		if (request_give(xseg, &ring, index)) {
			request_unreserve(xseg, portno, index);
			break;
		}
	}
	return (int)i;
}

int xseg_free_requests(struct xseg *xseg, xport portno, __u32 nr)
{
	u32 epoch, index, i;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	epoch = port_epoch(xseg, portno);
	if (!epoch)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (request_idle(xseg, portno, epoch, &index))
			break;
		request_unreserve(xseg, portno, index);
	}
	return (int)i;
}

/*
 * What each new request begins with, but for target and data; its serial, with
 * @timed.
 */
static inline u64 request_begin(struct xseg_request __xseg_shared *req,
				u32 index, xport src, xport dst, u64 timed)
{
	u64 serial = shm_read(&req->serial) + (1 << 24);

	serial = (serial & ~(XSERIAL_TIMED | 0xffffff)) | index | timed;
	path_set(req, 0);
	shm_write(&req->serial, serial);
	shm_write(&req->src_portno, src);
	shm_write(&req->dst_portno, dst);
	shm_write(&req->effective_dst_portno, dst);
	shm_write(&req->transit_portno, src);
	shm_write(&req->state, 0);
	shm_write(&req->error, 0);
	shm_write(&req->flags, 0);
	shm_write(&req->op, 0);
	shm_write(&req->offset, 0);
	shm_write(&req->size, 0);
	shm_write(&req->serviced, 0);
	shm_write(&req->priv, 0);
	shm_write(&req->cookie, 0);
	shm_write(&req->timestamp_ns, 0);
	shm_write(&req->elapsed_ns, 0);
	return serial;
}

struct xseg_request __xseg_shared *
xseg_get_request(struct xseg *xseg, xport src, xport dst, unsigned int flags)
{
	struct xseg_request __xseg_shared *req;
	u32 epoch, index;
	int ret;

	ret = handle_check(xseg);
	if (unlikely(ret))
		return env_err_ptr(ret);
	epoch = port_epoch(xseg, src);
	if (!epoch || !port_valid(xseg, dst) ||
	    flags & ~(XSEG_NOALLOC | XSEG_STAMP))
		return env_err_ptr(-EINVAL);
	src = array_index_nospec(src, xseg->geo.params.nr_ports);
	ret = request_idle(xseg, src, epoch, &index);
	if (ret == -EAGAIN && !(flags & XSEG_NOALLOC))
		ret = request_reserve(xseg, src, epoch, &index);
	if (ret)
		return env_err_ptr(ret);
	req = xseg_request(xseg, index);
	request_begin(req, index, src, dst,
		      flags & XSEG_STAMP ? XSERIAL_TIMED : 0);
	shm_write(&req->data, 0);
	shm_write(&req->datalen, 0);
	shm_write(&req->target, 0);
	shm_write(&req->targetlen, 0);
	return req;
}

int xseg_renew_request(struct xseg *xseg,
		       struct xseg_request __xseg_shared *req, xport src,
		       xport dst)
{
	u32 epoch, index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	epoch = port_epoch(xseg, src);
	if (unlikely(!epoch || !port_valid(xseg, dst) ||
		     shm_read(&req->path_top) ||
		     shm_read(&req->home) != XHOP(epoch, src)))
		return -EINVAL;
	xseg->requests[index].serial = request_begin(req, index, src, dst, 0);
	return 0;
}

/**
 * request_drop() - give a request back to where it is reserved
 * @xseg:  the handle
 * @index: a request that is held
 * @e:	   what may be spent
 *
 * Return: 0, -EBUSY or -EUCLEAN.
 */
int request_drop(struct xseg *xseg, u32 index, struct effort *e)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u64 home = shm_read(&req->home);
	xport portno = XHOP_PORT(home);
	struct ring ring;
	u64 off, len;
	bool mine;

	if (!hop_current(xseg, home))
		return request_free(xseg, index);
	path_set(req, 0);
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	mine = port_epoch(xseg, portno) == XHOP_EPOCH(home);
	if (mine &&
	    atomic_read(&xseg->ports[portno].reserved) >
	    (int)READ_ONCE(xseg->ports[portno].max))
		return request_unreserve(xseg, portno, index);
	if (!buffer_place(xseg, shm_read(&req->buffer), &off, &len) &&
	    len > KEEP_BUFFER)
		buffer_put(xseg, index);
	xseg->requests[index].data = NULL;
	ring = port_ring(xseg, portno, XSEG_RING_FREE);
	if (unlikely(request_give(xseg, &ring, index)))
		return mine ? request_unreserve(xseg, portno, index) :
			      request_free(xseg, index);
	smp_mb__after_atomic();	/* (B2) pairs with (U2) in port_unbind() */
	if (unlikely(!hop_current(xseg, home)))
		port_drain(xseg, portno, EOWNERDEAD, e);
	return 0;
}

int xseg_put_request(struct xseg *xseg, struct xseg_request __xseg_shared *req)
{
	struct effort e = EFFORT_ANY;
	u32 index, state, error;
	void *data;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	if (likely(!shm_read(&req->path_top))) {
		ret = request_drop(xseg, index, &e);
		effort_end(xseg, &e);
		return ret;
	}
	/* Somebody waits for an answer. */
	state = shm_read(&req->state);
	error = shm_read(&req->error);
	data = xseg->requests[index].data;
	xseg->requests[index].data = NULL;
	request_fail(xseg, index, ECANCELED);
	ret = request_back(xseg, index, false, &e);
	effort_end(xseg, &e);
	if (ret >= 0)
		return 0;
	/* Still the caller's, and as it was. */
	shm_write(&req->state, state);
	shm_write(&req->error, error);
	xseg->requests[index].data = data;
	return ret;
}

/* Says where data and target of a request lie in its buffer. */
static void request_place(struct xseg_request __xseg_shared *req, u64 off,
			  u64 len, u32 targetlen, u64 datalen)
{
	shm_write(&req->bufferlen, len);
	shm_write(&req->data, datalen ? off : 0);
	shm_write(&req->datalen, datalen);
	shm_write(&req->target, targetlen ? off + len - targetlen : 0);
	shm_write(&req->targetlen, targetlen);
}

/**
 * request_mend() - make a dead peer's request say what is true
 * @xseg:  the handle
 * @index: a request that is held
 *
 * Its owner may have died between the change of its buffer and that of where
 * data and target lie.
 */
void request_mend(struct xseg *xseg, u32 index)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u32 targetlen = shm_read(&req->targetlen);
	u64 datalen = shm_read(&req->datalen);
	u64 off = 0, len = 0;

	if (buffer_place(xseg, shm_read(&req->buffer), &off, &len) ||
	    datalen > len || targetlen > len - datalen)
		request_place(req, off, len, 0, 0);
	else
		request_place(req, off, len, targetlen, datalen);
}

int xseg_prep_request(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		      __u32 targetlen, __u64 datalen)
{
	u64 buffer, off = 0, len = 0;
	u64 need = datalen + targetlen;
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	if (need < datalen)
		return -EMSGSIZE;
	buffer = shm_read(&req->buffer);
	if (!need || (!buffer_place(xseg, buffer, &off, &len) &&
		      len >= need && (len <= KEEP_BUFFER || len / 4 <= need))) {
		request_place(req, off, len, targetlen, datalen);
		return 0;
	}
	request_place(req, 0, 0, 0, 0);
	buffer_put(xseg, index);
	ret = buffer_alloc(xseg, need, &buffer);
	if (ret)
		return ret;
	buffer_attach(xseg, index, buffer);
	buffer_place(xseg, buffer, &off, &len);
	request_place(req, off, len, targetlen, datalen);
	return 0;
}

/* Copies as much of a part as fits. */
static void part_copy(struct xseg *xseg, u64 to, u64 to_len, u64 from,
		      u64 from_len)
{
	u64 n = min(to_len, from_len);
	void __xseg_shared *src = xseg_ptr(xseg, from, n, 1);
	void __xseg_shared *dst = xseg_ptr(xseg, to, n, 1);

	if (n && src && dst && src != dst)
		shm_move(dst, src, n);
}

/* Moves a request's parts to off, within a buffer or to another one. */
static void parts_move(struct xseg *xseg,
		       struct xseg_request __xseg_shared *req, u64 off, u64 len,
		       u32 targetlen, u64 datalen)
{
	u64 target = shm_read(&req->target);
	u64 old_target = shm_read(&req->targetlen);

	/*
	 * The target ends where the buffer ends. Within one buffer the data
	 * stay, and the target moves over data that are cut off, if any.
	 */
	part_copy(xseg, off + len - targetlen, targetlen, target, old_target);
	part_copy(xseg, off, datalen, shm_read(&req->data),
		  shm_read(&req->datalen));
}

int xseg_resize_request(struct xseg *xseg,
			struct xseg_request __xseg_shared *req,
			__u32 targetlen, __u64 datalen)
{
	u64 buffer, off = 0, len = 0;
	u64 need = datalen + targetlen;
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (ret)
		return ret;
	if (need < datalen)
		return -EMSGSIZE;
	buffer = shm_read(&req->buffer);
	if (!need || (!buffer_place(xseg, buffer, &off, &len) && len >= need)) {
		parts_move(xseg, req, off, len, targetlen, datalen);
		request_place(req, off, len, targetlen, datalen);
		return 0;
	}
	ret = buffer_alloc(xseg, need, &buffer);
	if (ret)
		return ret;
	buffer_place(xseg, buffer, &off, &len);
	parts_move(xseg, req, off, len, targetlen, datalen);
	buffer_attach(xseg, index, buffer);
	request_place(req, off, len, targetlen, datalen);
	return 0;
}

void __xseg_shared *
xseg_get_data_len(struct xseg *xseg,
		  const struct xseg_request __xseg_shared *req, __u64 *len)
{
	u64 n;

	if (handle_check(xseg))
		return NULL;
	n = shm_read(&req->datalen);
	*len = n;
	return xseg_ptr(xseg, shm_read(&req->data), n, 1);
}

void __xseg_shared *xseg_get_data(struct xseg *xseg,
				  const struct xseg_request __xseg_shared *req)
{
	__u64 len;

	return xseg_get_data_len(xseg, req, &len);
}

void __xseg_shared *
xseg_get_target(struct xseg *xseg,
		const struct xseg_request __xseg_shared *req)
{
	if (handle_check(xseg))
		return NULL;
	return xseg_ptr(xseg, shm_read(&req->target),
			shm_read(&req->targetlen), 1);
}

int xseg_set_req_data(struct xseg *xseg,
		      struct xseg_request __xseg_shared *req, void *data)
{
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (ret)
		return ret;
	xseg->requests[index].data = data;
	xseg->requests[index].serial = shm_read(&req->serial);
	return 0;
}

int xseg_get_req_data(struct xseg *xseg,
		      struct xseg_request __xseg_shared *req, void **data)
{
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (ret)
		return ret;
	if (!data)
		return -EINVAL;
	*data = xseg->requests[index].serial == shm_read(&req->serial) ?
		xseg->requests[index].data : NULL;
	return 0;
}
