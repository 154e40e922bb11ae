// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How requests travel: submit and forward, accept, respond and receive.
 *
 * The ports that a reply goes back through stand in the request's path, each
 * with the epoch of its bind. A reply passes over ports that are gone, marked
 * as failed, and is freed where nobody is left to wait for it. Whoever holds a
 * request may be killed between any two stores into it, see request_reap().
 * Model: Documentation/models/route.pml.
 */
#include "core/core.h"

/**
 * path_set() - set the end of a request's path
 * @req: a request that the caller owns
 * @top: number of hops
 *
 * What lies behind it then says "this is no reply".
 */
void path_set(struct xseg_request __xseg_shared *req, u32 top)
{
	if (top < XSEG_PATH_LEN)
		shm_write(&req->path[top], 0);
	shm_store_release(&req->path_top, top);
}

/* The number of hops, not more than there can be. */
static u32 path_top(const struct xseg_request __xseg_shared *req)
{
	u32 top = shm_read(&req->path_top);

	return min_t(u32, top, XSEG_PATH_LEN);
}

static u64 path_hop(const struct xseg_request __xseg_shared *req, u32 i)
{
	if (i >= XSEG_PATH_LEN)
		return 0;
	return shm_read(&req->path[array_index_nospec(i, XSEG_PATH_LEN)]);
}

static void sent_drain(struct xseg *xseg, xport dst)
{
	struct effort e = EFFORT_ANY;

	port_drain(xseg, dst, ECONNRESET, &e);
	effort_end(xseg, &e);
}

/* (B3) for submit, and the signal. */
static void sent_check(struct xseg *xseg, xport dst, unsigned int flags)
{
	/* (B2), (S2): pairs with (U2) and with (W2) */
	smp_mb__after_atomic();
	if (unlikely(!port_keeps(xseg, dst)))
		sent_drain(xseg, dst);
	else if (flags & XSEG_SIGNAL)
		port_signal(xseg, dst);
}

/*
 * What request_send() changes, to be put back where the queue is full; and the
 * port that the request was accepted from.
 */
struct sent_fields {
	u64 behind;
	xport from;
	u32 top;
	u32 state;
	u32 error;
	xport dst;
	xport transit;
};

static void sent_save(const struct xseg_request __xseg_shared *req,
		      struct sent_fields *old)
{
	old->top = path_top(req);
	old->behind = path_hop(req, old->top);
	old->state = shm_read(&req->state);
	old->error = shm_read(&req->error);
	old->dst = shm_read(&req->effective_dst_portno);
	old->transit = shm_read(&req->transit_portno);
	old->from = old->behind ? XHOP_FROM(old->behind) : old->dst;
}

static void sent_restore(struct xseg_request __xseg_shared *req,
			 const struct sent_fields *old)
{
	shm_write(&req->state, old->state);
	shm_write(&req->error, old->error);
	shm_write(&req->effective_dst_portno, old->dst);
	shm_write(&req->transit_portno, old->transit);
	if (old->top < XSEG_PATH_LEN)
		shm_write(&req->path[old->top], old->behind);
	shm_store_release(&req->path_top, old->top);
	shm_store_release(&req->sending, 0);
}

/*
 * Notes that a request is about to be sent on, and where it came from: before
 * anything else of it is changed. The version of the ownership word tells this
 * sender's turn from that of whoever takes the request next.
 */
static void sending_note(struct xseg_request __xseg_shared *req,
			 const struct sent_fields *old)
{
	shm_write(&req->sending, XSENDING(XOWN_VER(shm_read(&req->own)),
					  old->from, old->top));
	barrier();	/* killed later, it is there */
}

/* Adds a hop. */
static void path_push(struct xseg_request __xseg_shared *req, u32 top, u64 hop)
{
	path_set(req, top + 1);
	shm_store_release(&req->path[top], hop);
}

/* XSEG_STAMP */
static bool request_timed(const struct xseg_request __xseg_shared *req)
{
	return shm_read(&req->serial) & XSERIAL_TIMED;
}

/* Fills in where a request goes, and puts it into the queue. */
static int request_push(struct xseg *xseg, u32 index, xport dst, xport portno,
			unsigned int flags)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	struct ring ring = port_ring(xseg, dst, XSEG_RING_REQUEST);
	struct sent_fields old;
	int ret;

	sent_save(req, &old);
	sending_note(req, &old);
	if (!old.top && unlikely(request_timed(req)))
		shm_write(&req->timestamp_ns, env_now_ns());
	if (flags & XSEG_PASS)
		path_set(req, old.top);
	else
		path_push(req, old.top, XHOP_VIA(port_epoch(xseg, portno),
						 portno, old.from));
	shm_write(&req->state, 0);
	shm_write(&req->error, 0);
	shm_write(&req->transit_portno, portno);
	shm_store_release(&req->effective_dst_portno, dst);
	ret = request_give(xseg, &ring, index);
	if (unlikely(ret))
		sent_restore(req, &old);
	return ret;
}

/* Puts a request that is held into the queue of requests to a port. */
static int request_send(struct xseg *xseg, u32 index, xport dst, xport portno,
			unsigned int flags)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u32 top = path_top(req);
	bool returns = top && !(flags & XSEG_PASS);
	u32 epoch = port_epoch(xseg, portno);
	int ret;

	/* The first hop is that of the port that has room for the reply. */
	if (!epoch || !port_valid(xseg, dst) ||
	    (!top && shm_read(&req->home) != XHOP(epoch, portno)))
		return -EINVAL;
	dst = array_index_nospec(dst, xseg->geo.params.nr_ports);
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	if (!port_keeps(xseg, dst))
		return -ENOTCONN;
	if (top == XSEG_PATH_LEN && returns)
		return -ELOOP;
	if (returns) {
		/* a full barrier: see port_room() */
		atomic_inc_return(&xseg->ports[portno].forwarded);
		/* An idle request of the port's own takes up room, too. */
		if (!port_room(xseg, portno, U32_MAX) &&
		    (xseg_free_requests(xseg, portno, 1) != 1 ||
		     !port_room(xseg, portno, U32_MAX))) {
			atomic_dec(&xseg->ports[portno].forwarded);
			return -EAGAIN;
		}
	}
	ret = request_push(xseg, index, dst, portno, flags);
	if (unlikely(ret)) {
		if (returns)
			atomic_dec(&xseg->ports[portno].forwarded);
		return ret;
	}
	env_trace(submit, xseg, index, portno, dst);
	sent_check(xseg, dst, flags);
	return (int)dst;
}

int xseg_submit(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		xport portno, unsigned int flags)
{
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	if (flags & ~XSEG_SIGNAL)
		return -EINVAL;
	return request_send(xseg, index, shm_read(&req->dst_portno), portno,
			    flags);
}

int xseg_forward_request(struct xseg *xseg,
			 struct xseg_request __xseg_shared *req, xport new_dst,
			 xport portno, unsigned int flags)
{
	u32 index;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	if (flags & ~(XSEG_SIGNAL | XSEG_PASS) || !path_top(req))
		return -EINVAL;
	return request_send(xseg, index, new_dst, portno, flags);
}

/* The queue of a hop is full: of replies to an earlier owner. */
static env_apart int hop_push_again(struct xseg *xseg, struct ring ring,
				    u32 index, xport portno, struct effort *e)
{
	if (!effort_enter(e))
		return -EAGAIN;
	replies_sort(xseg, portno, e);
	effort_leave(e);
	return request_give(xseg, &ring, index);
}

/*
 * Puts a reply into the queue of its hop number @top, where its path ends now.
 *
 * Return: the port, -ENOTCONN if the hop is gone, or as request_give().
 */
static __always_inline int hop_push(struct xseg *xseg, u32 index, u32 top,
				    struct effort *e)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	struct xseg_port __xseg_shared *port;
	struct ring ring;
	xport portno;
	u64 hop;
	int ret;

	shm_store_release(&req->path_top, top);
	hop = path_hop(req, top);
	portno = XHOP_PORT(hop);
	if (unlikely(!port_valid(xseg, portno)))
		return -ENOTCONN;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	port = xseg_port(xseg, portno);
	if (unlikely(!port_bound_as(port, XHOP_EPOCH(hop))))
		return -ENOTCONN;
	ring = port_ring(xseg, portno, XSEG_RING_REPLY);
	ret = request_give(xseg, &ring, index);
	if (unlikely(ret == -EAGAIN))
		ret = hop_push_again(xseg, ring_copy(&ring), index, portno, e);
	if (unlikely(ret))
		return ret;
	smp_mb__after_atomic();	/* (B2), (S2): pairs with (U2) and (W2) */
	if (unlikely(!port_bound_as(port, XHOP_EPOCH(hop))))
		port_resort(xseg, portno, e);
	return (int)portno;
}

/*
 * The server that accepted a request is gone. If the port that it had it from
 * keeps requests, this one goes to the next server. True if so.
 */
static bool server_next(struct xseg *xseg, u32 index, xport portno,
			struct effort *e)
{
	if (!port_valid(xseg, portno))
		return false;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	return shm_read(&xseg_port(xseg, portno)->flags) & XSEG_PORT_KEEP &&
	       request_requeue(xseg, index, portno, e);
}

/* Nobody waits for a reply: gives the request back to where it is reserved. */
static env_apart int hop_none(struct xseg *xseg, u32 index, struct effort *e)
{
	int ret;

	path_set(xseg_request(xseg, index), 0);
	ret = request_drop(xseg, index, e);
	return ret ? ret : XSEG_NOBODY;
}

/* hop_back(), where hop number @top did not take the reply, as @ret says. */
static env_apart int hop_past(struct xseg *xseg, u32 index, u32 top, int ret,
			      bool must, struct effort *e)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);

	do {
		if (ret != -ENOTCONN && !must) {
			path_set(req, top + 1);
			return ret;
		}
		if (ret == -ENOTCONN && top &&
		    server_next(xseg, index, XHOP_FROM(path_hop(req, top)), e))
			return XSEG_NOBODY;
		request_fail(xseg, index, EOWNERDEAD);
		if (!top)
			return hop_none(xseg, index, e);
		ret = hop_push(xseg, index, --top, e);
	} while (ret < 0);
	return ret;
}

/*
 * Sends a request one hop back, from its top-th, past those that are gone.
 *
 * Return: the port to be signalled; XSEG_NOBODY if it was freed, or went to
 * the next server of a hop; a negative errno, it is then still held and the
 * hop still in its path.
 */
static __always_inline int hop_back(struct xseg *xseg, u32 index, u32 top,
				    bool must, struct effort *e)
{
	int ret;

	if (unlikely(!top))
		return hop_none(xseg, index, e);
	ret = hop_push(xseg, index, top - 1, e);
	return likely(ret >= 0) ? ret :
	       hop_past(xseg, index, top - 1, ret, must, e);
}

static int back_and_signal(struct xseg *xseg, u32 index, u32 top, bool must,
			   struct effort *e)
{
	int ret = hop_back(xseg, index, top, must, e);

	if (ret >= 0 && ret != XSEG_NOBODY) {
		smp_mb();	/* (S2) */
		port_signal_aside(xseg, (xport)ret);
	}
	return ret;
}

/**
 * request_back() - send a request back and signal
 * @xseg:  the handle
 * @index: a request that is held
 * @must:  pass over hops whose queue is full, too: for who cannot try again
 * @e:	   what may be spent
 *
 * The queue of a live hop is never full: port_room() sees to that.
 *
 * Return: as xseg_respond().
 */
int request_back(struct xseg *xseg, u32 index, bool must, struct effort *e)
{
	u32 top = path_top(xseg_request(xseg, index));

	return back_and_signal(xseg, index, top, must, e);
}

/**
 * reply_again() - send a reply anew to the hop that it is on its way to
 * @xseg:  the handle
 * @index: a request that is held
 * @e:	   what may be spent
 *
 * Or past it, if that is gone.
 */
void reply_again(struct xseg *xseg, u32 index, struct effort *e)
{
	u32 top = path_top(xseg_request(xseg, index));

	/* The path stays as it is until it is cut further: see request_reap() */
	back_and_signal(xseg, index, min_t(u32, top + 1, XSEG_PATH_LEN), true,
			e);
}

int xseg_respond(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		 xport portno, unsigned int flags)
{
	struct effort e = EFFORT_ANY;
	void *data;
	u32 index, top;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	top = path_top(req);
	if (unlikely(flags & ~XSEG_SIGNAL || !port_valid(xseg, portno) ||
		     !top))
		return -EINVAL;
	data = xseg->requests[index].data;
	xseg->requests[index].data = NULL;
	if (unlikely(request_timed(req)))
		shm_write(&req->elapsed_ns,
			  env_now_ns() - shm_read(&req->timestamp_ns));
	ret = hop_back(xseg, index, top, false, &e);
	effort_end(xseg, &e);
	if (unlikely(ret < 0))
		xseg->requests[index].data = data;
	if (ret < 0 || ret == XSEG_NOBODY || !(flags & XSEG_SIGNAL))
		return ret;
	port_signal(xseg, (xport)ret);	/* hop_push() had the barrier */
	return ret;
}

struct xseg_request __xseg_shared *
xseg_accept(struct xseg *xseg, xport portno, unsigned int flags)
{
	struct ring ring;
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (unlikely(ret))
		return env_err_ptr(ret);
	if (unlikely(!port_epoch(xseg, portno) || flags))
		return env_err_ptr(-EINVAL);
	ring = port_ring(xseg, portno, XSEG_RING_REQUEST);
	ret = request_take(xseg, &ring, &index);
	if (ret)
		return env_err_ptr(ret);
	return xseg_request(xseg, index);
}

/* One that was forwarded is back; a lie must not take what was not counted. */
static void reply_counts(struct xseg *xseg, xport portno,
			 const struct xseg_request __xseg_shared *req)
{
	atomic_t *forwarded = &xseg->ports[portno].forwarded;

	if (path_top(req) && atomic_read(forwarded) > 0)
		atomic_dec(forwarded);
}

struct xseg_request __xseg_shared *
xseg_receive(struct xseg *xseg, xport portno, unsigned int flags)
{
	struct xseg_request __xseg_shared *req;
	struct effort e = EFFORT_ANY;
	struct ring ring;
	u32 epoch, index;
	u64 turns, hop;
	int ret;

	ret = handle_check(xseg);
	if (unlikely(ret))
		return env_err_ptr(ret);
	epoch = port_epoch(xseg, portno);
	if (unlikely(!epoch || flags))
		return env_err_ptr(-EINVAL);
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	ring = port_ring(xseg, portno, XSEG_RING_REPLY);
	turns = (1ULL << ring.order) + 1;
	while (turns-- && effort_step(&e)) {
		ret = request_take(xseg, &ring, &index);
		if (ret) {
			effort_end(xseg, &e);
			return env_err_ptr(ret);
		}
		req = xseg_request(xseg, index);
		hop = path_hop(req, path_top(req));
		if (likely(XHOP_IS(hop, epoch, portno))) {
			reply_counts(xseg, portno, req);
			effort_end(xseg, &e);
			return req;
		}
		/* For an earlier owner of the port. */
		reply_again(xseg, index, &e);
	}
	effort_end(xseg, &e);
	return env_err_ptr(-EBUSY);
}

/*
 * Notes which port a request is for, before the hop behind its path, which also
 * says so, is forgotten: whoever is killed in between, one of the two tells
 * request_reap().
 */
static void accepted_from(struct xseg_request __xseg_shared *req, xport portno)
{
	shm_write(&req->effective_dst_portno, portno);
	barrier();	/* killed later, it is there */
}

/**
 * request_requeue() - put a request into the queue of requests to a port, anew
 * @xseg:   the handle
 * @index:  a request that is held
 * @portno: a valid port
 * @e:	    what may be spent
 *
 * Return: true; false if there is no room, it is then still held.
 */
bool request_requeue(struct xseg *xseg, u32 index, xport portno,
		     struct effort *e)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	struct ring ring = port_ring(xseg, portno, XSEG_RING_REQUEST);

	accepted_from(req, portno);
	shm_write(&req->state, 0);
	shm_write(&req->error, 0);
	path_set(req, path_top(req));
	if (request_give(xseg, &ring, index))
		return false;
	smp_mb();	/* (B2), (S2) */
	if (port_keeps(xseg, portno))
		port_signal_aside(xseg, portno);
	else
		port_drain(xseg, portno, ECONNRESET, e);
	return true;
}

/* Was this hop the dead peer's? */
static bool hop_of(const struct xseg *xseg, u64 hop, u32 peer)
{
	xport portno = XHOP_PORT(hop);
	u64 w;

	if (!hop || !port_valid(xseg, portno))
		return false;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	w = shm_load_acquire(&xseg_port(xseg, portno)->own);
	return XPORT_EPOCH(w) == XHOP_EPOCH(hop) && XPORT_WHO(w) == peer;
}

/**
 * request_unsend() - undo what a dead peer's request was about to be sent by
 * @xseg:  the handle
 * @index: a request in no ring
 * @w:	   its ownership word, which says that the dead peer owns it
 *
 * The reaper has not made it its own yet: should it die as well, the next one
 * finds the same and does the same.
 */
void request_unsend(struct xseg *xseg, u32 index, u64 w)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u64 sending = shm_read(&req->sending);

	if (!XSENDING_SET(sending) || XSENDING_VER(sending) != XOWN_VER(w))
		return;
	shm_write(&req->effective_dst_portno, XSENDING_FROM(sending));
	path_set(req, min_t(u32, XSENDING_TOP(sending), XSEG_PATH_LEN));
}

/**
 * request_reap() - what becomes of a request that a dead peer owned
 * @xseg:  the handle
 * @index: a request that is held
 * @peer:  the dead peer's slot; its ports are unbound already
 * @e:	   what may be spent
 *
 * A reply that it was about to put into a queue goes there as it is. What it
 * had accepted, or received back, goes to the next server if the port that it
 * had it from keeps requests; else back to who waits for it, as failed. What
 * nobody waits for is freed. What it was about to send on is by now again what
 * it was before, see request_unsend().
 */
void request_reap(struct xseg *xseg, u32 index, u32 peer, struct effort *e)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	xport from = shm_read(&req->effective_dst_portno);
	u32 top = path_top(req);
	u64 behind = path_hop(req, top);

	request_mend(xseg, index);
	if (behind && !hop_of(xseg, behind, peer)) {
		reply_again(xseg, index, e);
		return;
	}
	if (behind) {
		from = XHOP_FROM(behind);	/* received back */
		accepted_from(req, from);
	}
	path_set(req, top);
	if (top && server_next(xseg, index, from, e))
		return;
	request_fail(xseg, index, EOWNERDEAD);
	request_back(xseg, index, true, e);
}
