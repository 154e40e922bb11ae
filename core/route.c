// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How requests travel: submit and forward, accept, respond and receive.
 *
 * The ports that a reply goes back through stand in the request's path, each
 * with the epoch of its bind. A reply passes over ports that are gone, marked
 * as failed, and is freed where nobody is left to wait for it.
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

/* (B3) for submit, and the signal. */
static void sent_check(struct xseg *xseg, xport dst, unsigned int flags)
{
	/* (B2), (S2): pairs with (U2) and with (W2) */
	smp_mb__after_atomic();
	if (unlikely(!port_keeps(xseg, dst)))
		port_drain(xseg, dst, ECONNRESET, DRAIN_DEPTH);
	else if (flags & XSEG_SIGNAL)
		port_signal(xseg, dst);
}

/* Puts a request that is held into the queue of requests to a port. */
static int request_send(struct xseg *xseg, u32 index, xport dst, xport portno,
			unsigned int flags)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u32 epoch = port_epoch(xseg, portno);
	u32 top = path_top(req);
	struct ring ring;
	u64 behind;
	int ret;

	if (!epoch || !port_valid(xseg, dst) ||
	    (!top && portno != shm_read(&req->src_portno)))
		return -EINVAL;
	dst = array_index_nospec(dst, xseg->geo.params.nr_ports);
	if (!port_keeps(xseg, dst))
		return -ENOTCONN;
	if (top == XSEG_PATH_LEN && !(flags & XSEG_PASS))
		return -ELOOP;
	behind = path_hop(req, top);
	shm_write(&req->state, 0);
	shm_write(&req->effective_dst_portno, dst);
	shm_write(&req->transit_portno, portno);
	if (!top && shm_read(&req->timestamp_ns))
		shm_write(&req->timestamp_ns, env_now_ns());
	if (!(flags & XSEG_PASS)) {
		shm_write(&req->path[top], XHOP(epoch, portno));
		path_set(req, top + 1);
	} else {
		path_set(req, top);
	}
	ring = port_ring(xseg, dst, XSEG_RING_REQUEST);
	ret = request_give(xseg, &ring, index);
	if (unlikely(ret)) {
		if (top < XSEG_PATH_LEN)
			shm_write(&req->path[top], behind);
		shm_store_release(&req->path_top, top);
		return ret;
	}
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

/*
 * Puts a reply into the queue of a hop.
 *
 * Return: the port, -ENOTCONN if the hop is gone, or as request_give().
 */
static int hop_push(struct xseg *xseg, u32 index, u64 hop, u32 depth)
{
	xport portno = XHOP_PORT(hop);
	struct ring ring;
	int ret;

	if (!hop_current(xseg, hop))
		return -ENOTCONN;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	ring = port_ring(xseg, portno, XSEG_RING_REPLY);
	ret = request_give(xseg, &ring, index);
	if (unlikely(ret))
		return ret;
	smp_mb__after_atomic();	/* (B2), (S2): pairs with (U2) and (W2) */
	if (unlikely(!hop_current(xseg, hop)))
		port_drain(xseg, portno, EOWNERDEAD, depth);
	return (int)portno;
}

/*
 * Sends a request one hop back, past those that are gone.
 *
 * Return: the port to be signalled; XSEG_NOBODY if it was freed; a negative
 * errno, it is then still held and the hop still in its path.
 */
static int hop_back(struct xseg *xseg, u32 index, bool must, u32 depth)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u32 top = path_top(req);
	int ret;

	while (top) {
		shm_store_release(&req->path_top, --top);
		ret = hop_push(xseg, index, path_hop(req, top), depth);
		if (ret >= 0)
			return ret;
		if (ret != -ENOTCONN && !must) {
			path_set(req, top + 1);
			return ret;
		}
		request_fail(xseg, index, EOWNERDEAD);
	}
	path_set(req, 0);
	ret = request_drop(xseg, index, depth);
	return ret ? ret : XSEG_NOBODY;
}

/**
 * request_back() - send a request back and signal
 * @xseg:  the handle
 * @index: a request that is held
 * @must:  pass over hops whose queue is full, too: for who cannot try again
 * @depth: see port_drain()
 *
 * The first hop's queue is never full: it has room for all requests that can
 * be reserved for it.
 *
 * Return: as xseg_respond().
 */
int request_back(struct xseg *xseg, u32 index, bool must, u32 depth)
{
	int ret = hop_back(xseg, index, must, depth);

	if (ret >= 0 && ret != XSEG_NOBODY) {
		smp_mb();	/* (S2) */
		port_signal(xseg, (xport)ret);
	}
	return ret;
}

int xseg_respond(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		 xport portno, unsigned int flags)
{
	u32 index;
	u64 stamp;
	int ret;

	ret = request_of(xseg, req, &index);
	if (unlikely(ret))
		return ret;
	if (flags & ~XSEG_SIGNAL || !port_valid(xseg, portno) ||
	    !path_top(req))
		return -EINVAL;
	xseg->requests[index].data = NULL;
	stamp = shm_read(&req->timestamp_ns);
	if (stamp)
		shm_write(&req->elapsed_ns, env_now_ns() - stamp);
	ret = hop_back(xseg, index, false, DRAIN_DEPTH);
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

struct xseg_request __xseg_shared *
xseg_receive(struct xseg *xseg, xport portno, unsigned int flags)
{
	struct xseg_request __xseg_shared *req;
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
	ring = port_ring(xseg, portno, XSEG_RING_REPLY);
	for (turns = ENV_LOOP_BOUND(1ULL << ring.order); turns; turns--) {
		ret = request_take(xseg, &ring, &index);
		if (ret)
			return env_err_ptr(ret);
		req = xseg_request(xseg, index);
		hop = path_hop(req, path_top(req));
		if (likely(hop == XHOP(epoch, portno)))
			return req;
		/* For an earlier owner of the port. */
		request_fail(xseg, index, EOWNERDEAD);
		request_back(xseg, index, true, DRAIN_DEPTH);
	}
	return env_err_ptr(-EBUSY);
}

/**
 * request_requeue() - put a request back into the queue of requests to a port
 * @xseg:   the handle
 * @index:  a request that is held
 * @portno: a valid port
 *
 * Return: true; false if there is no room, it is then still held.
 */
bool request_requeue(struct xseg *xseg, u32 index, xport portno)
{
	struct ring ring = port_ring(xseg, portno, XSEG_RING_REQUEST);

	if (request_give(xseg, &ring, index))
		return false;
	smp_mb();	/* (B2), (S2) */
	if (port_keeps(xseg, portno))
		port_signal(xseg, portno);
	else
		port_drain(xseg, portno, ECONNRESET, DRAIN_DEPTH);
	return true;
}

/* Was this hop the dead peer's? */
static bool hop_of(const struct xseg *xseg, u64 hop, u32 peer)
{
	xport portno = XHOP_PORT(hop);
	u64 w;

	if (!port_valid(xseg, portno))
		return false;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	w = shm_load_acquire(&xseg_port(xseg, portno)->own);
	return XPORT_EPOCH(w) == XHOP_EPOCH(hop) && XPORT_WHO(w) == peer;
}

/**
 * request_reap() - what becomes of a request that a dead peer owned
 * @xseg:  the handle
 * @index: a request that is held
 * @peer:  the dead peer's slot; its ports are unbound already
 *
 * A reply that it was about to put into a queue goes there. What it had
 * accepted from a port that keeps requests goes back into that one's queue. All
 * else goes back to who waits for it, as failed, or is freed.
 */
void request_reap(struct xseg *xseg, u32 index, u32 peer)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	xport dst = shm_read(&req->effective_dst_portno);
	u32 top = path_top(req);
	u64 behind = path_hop(req, top);
	bool received = behind && hop_of(xseg, behind, peer);

	if (behind && !received) {
		shm_store_release(&req->path_top, top + 1);
		request_back(xseg, index, true, DRAIN_DEPTH);
		return;
	}
	if (!received && top && hop_current(xseg, path_hop(req, top - 1)) &&
	    port_valid(xseg, dst)) {
		dst = array_index_nospec(dst, xseg->geo.params.nr_ports);
		if (shm_read(&xseg_port(xseg, dst)->flags) & XSEG_PORT_KEEP &&
		    request_requeue(xseg, index, dst))
			return;
	}
	request_fail(xseg, index, EOWNERDEAD);
	request_back(xseg, index, true, DRAIN_DEPTH);
}
