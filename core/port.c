// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ports: who is bound, and what becomes of the requests of one that nobody is
 * bound to.
 *
 * Who puts a request into a ring of a port first looks whether the port is
 * bound, and looks again after. Who unbinds a port empties its rings after:
 *
 *	submit, respond, put		release, reap
 *	(B1) put into the ring		(U1) unbind
 *	(B2) full barrier		(U2) full barrier
 *	(B3) not bound any more:	(U3) empty the rings
 *	     empty the rings
 *
 * (B2) and (U2) pair: one of the two finds the request. Whoever takes a
 * request out of a ring that has meanwhile got a new owner puts it back and
 * signals. A reply carries the epoch of the bind that it is for, a free
 * request that of its home, so that a new owner never takes an old one's.
 * Model: Documentation/models/port.pml.
 */
#include "core/core.h"

static bool port_bound(const struct xseg *xseg, xport portno)
{
	return XPORT_BOUND(shm_load_acquire(&xseg_port(xseg, portno)->own));
}

/**
 * port_keeps() - do the requests of a port wait for an owner?
 * @xseg:   the handle
 * @portno: a valid port
 *
 * Return: true if it is bound, has XSEG_PORT_KEEP, or changed just now.
 */
bool port_keeps(const struct xseg *xseg, xport portno)
{
	struct xseg_port __xseg_shared *port = xseg_port(xseg, portno);
	u64 w = shm_load_acquire(&port->own);

	if (XPORT_BOUND(w) ||
	    (shm_load_acquire(&port->flags) & XSEG_PORT_KEEP))
		return true;
	/* Somebody came between the two: it is his now. */
	return shm_load_acquire(&port->own) != w;
}

/* Fails the requests that nobody will accept. */
static void drain_requests(struct xseg *xseg, xport portno, u32 error,
			   struct effort *e)
{
	struct ring ring = port_ring(xseg, portno, XSEG_RING_REQUEST);
	u64 turns = 1ULL << ring.order;
	u32 index;

	while (turns-- && !port_keeps(xseg, portno) && effort_step(e)) {
		if (request_take(xseg, &ring, &index))
			return;
		/* Somebody came meanwhile: it is for him. */
		if (port_keeps(xseg, portno) &&
		    request_requeue(xseg, index, portno, e))
			return;
		request_fail(xseg, index, error);
		request_back(xseg, index, true, e);
	}
}

/* The hop that a reply is on its way to, 0 if it is no reply. */
static u64 reply_hop(const struct xseg *xseg, u32 index)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, index);
	u32 top = shm_read(&req->path_top);

	if (top >= XSEG_PATH_LEN)
		return 0;
	return shm_read(&req->path[array_index_nospec(top, XSEG_PATH_LEN)]);
}

/**
 * port_resort() - a reply was put into the queue of a port that was then lost
 * @xseg:   the handle
 * @portno: a valid port
 * @e:	    what may be spent
 */
void port_resort(struct xseg *xseg, xport portno, struct effort *e)
{
	port_drain(xseg, portno, EOWNERDEAD, e);
	if (!effort_enter(e))
		return;
	/* Bound again: its owner may never look there. */
	replies_sort(xseg, portno, e);
	effort_leave(e);
}

/**
 * replies_sort() - send replies on that are for an earlier owner of a port
 * @xseg:   the handle
 * @portno: a valid port
 * @e:	    what may be spent
 *
 * Those for the present owner go back into the queue.
 */
void replies_sort(struct xseg *xseg, xport portno, struct effort *e)
{
	struct ring ring = port_ring(xseg, portno, XSEG_RING_REPLY);
	u64 turns = 1ULL << ring.order;
	u32 index;
	u64 hop;

	while (turns-- && effort_step(e)) {
		if (request_take(xseg, &ring, &index))
			return;
		hop = reply_hop(xseg, index);
		if (!hop_current(xseg, hop) ||
		    request_give(xseg, &ring, index)) {
			reply_again(xseg, index, e);
			continue;
		}
		smp_mb();	/* (B2), (S2) */
		if (unlikely(!hop_current(xseg, hop))) {
			port_resort(xseg, portno, e);
			return;
		}
		port_signal_aside(xseg, portno);
	}
}

/*
 * Frees the idle requests of an earlier epoch. Of a port that is bound only
 * its owner does so, when it binds it: to everybody else its idle requests are
 * not there to be taken, not even for a moment.
 */
static void drain_free(struct xseg *xseg, xport portno, bool binder,
		       struct effort *e)
{
	struct ring ring = port_ring(xseg, portno, XSEG_RING_FREE);
	u64 turns = 1ULL << ring.order;
	u32 index;

	while (turns-- && (binder || !port_bound(xseg, portno)) &&
	       effort_step(e)) {
		if (request_take(xseg, &ring, &index))
			return;
		if (hop_current(xseg,
				shm_read(&xseg_request(xseg, index)->home))) {
			if (request_give(xseg, &ring, index))
				request_free(xseg, index);
			return;
		}
		request_free(xseg, index);
	}
}

/**
 * port_drain() - empty the rings of a port that is not bound: (U3)
 * @xseg:   the handle
 * @portno: a valid port
 * @error:  what requests that nobody will accept fail with
 * @e:	    what may be spent
 *
 * A port that could not be drained for that is at its next bind or reap, and
 * replies for an earlier owner are sorted out by the next one.
 */
void port_drain(struct xseg *xseg, xport portno, u32 error, struct effort *e)
{
	if (!effort_enter(e))
		return;
	drain_requests(xseg, portno, error, e);
	if (!port_bound(xseg, portno))
		replies_sort(xseg, portno, e);
	drain_free(xseg, portno, false, e);
	effort_leave(e);
}

/* Sees to it that the reaper will look at a port; false if it could not. */
static bool ports_used_raise(struct xseg *xseg, xport portno)
{
	__u32 __xseg_shared *used = &xseg_header(xseg)->ports_used;
	u32 turns = 64;
	u32 v;

	do {
		v = shm_read(used);
		if (v > portno || shm_cas32(used, v, portno + 1))
			return true;
	} while (--turns);
	return false;
}

/* Binds a port that is free: 0, or -EBUSY. */
static int port_claim(struct xseg *xseg, xport portno, u32 *epoch)
{
	struct xseg_port __xseg_shared *port = xseg_port(xseg, portno);
	u64 w = shm_load_acquire(&port->own);

	if (XPORT_BOUND(w))
		return -EBUSY;
	*epoch = XPORT_EPOCH(w) + 1;
	if (!*epoch)
		*epoch = 1;
	if (!ports_used_raise(xseg, portno) ||
	    !shm_cas(&port->own, w,
		     ((u64)*epoch << 32) | (1U << 16) | xseg->me))
		return -EBUSY;
	return 0;
}

/* Binds a port with a descriptor that this peer holds. Lock held. */
static int port_bind_locked(struct xseg *xseg, xport portno, u32 desc)
{
	struct xseg_port __xseg_shared *port = xseg_port(xseg, portno);
	struct port_ref *ref = &xseg->ports[portno];
	u32 epoch;

	if (ref->epoch || port_claim(xseg, portno, &epoch))
		return -EBUSY;
	ref->desc = desc;
	ref->max = 1U << xseg->geo.params.queue_order;
	atomic_set(&ref->reserved, 0);
	atomic_set(&ref->forwarded, 0);
	shm_write(&port->nr_requests, 0);
	shm_write(&port->max_requests, ref->max);
	WRITE_ONCE(xseg->descs[desc].count, xseg->descs[desc].count + 1);
	xseg->descs[desc].ports++;
	/* The binder looks into its queues before it first sleeps. */
	shm_store_release(&port->signal_desc, desc_tagged(xseg, desc));
	WRITE_ONCE(ref->epoch, epoch);
	return (int)portno;
}

/* Binds a port, or any free one. */
static int port_bind(struct xseg *xseg, xport portno, void __xseg_shared *sd)
{
	u32 nr = xseg->geo.params.nr_ports;
	u32 desc;
	xport p;
	int ret;

	mutex_lock(&xseg->lock);
	ret = desc_held(xseg, sd, &desc);
	if (!ret && type_met(xseg, xseg->descs[desc].type_id)->domain !=
		    domain_id())
		ret = -EINVAL;
	if (!ret && portno != NoPort) {
		ret = port_bind_locked(xseg, portno, desc);
	} else if (!ret) {
		ret = -EBUSY;
		for (p = 0; p < nr && ret == -EBUSY; p++)
			ret = port_bind_locked(xseg, p, desc);
	}
	mutex_unlock(&xseg->lock);
	return ret;
}

/* Is a port, or any port, held by a dead peer? Reaps it if so. May sleep. */
static bool port_reap_owner(struct xseg *xseg, xport portno)
{
	xport first = portno == NoPort ? 0 : portno;
	xport last = portno == NoPort ? xseg->geo.params.nr_ports - 1 : portno;
	xport p;

	for (p = first; p <= last; p++) {
		u64 w = shm_load_acquire(&xseg_port(xseg, p)->own);

		if (!XPORT_BOUND(w) && portno != NoPort)
			return true;	/* it was, a moment ago */
		if (XPORT_BOUND(w) &&
		    domain_reap_if_dead(xseg, XPORT_WHO(w), true))
			return true;
	}
	return false;
}

/*
 * A thread that slept on the descriptor before has not looked into the queues
 * of the new port, and who submitted meanwhile saw no descriptor there.
 */
static void port_wake_binder(struct xseg *xseg, xport portno)
{
	u32 desc = xseg->ports[portno].desc;

	smp_mb();	/* pairs with (B2) */
	if (XEC_WAITERS(shm_read(&xseg_desc(xseg, desc)->ec.word)))
		desc_signal(xseg, desc);
}

int xseg_bind_port(struct xseg *xseg, xport portno, void __xseg_shared *sd)
{
	struct effort e = EFFORT_LONG;
	int turns = ENV_BIND_TURNS;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (portno != NoPort) {
		if (!port_valid(xseg, portno))
			return -EINVAL;
		portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	}
	do {
		ret = port_bind(xseg, portno, sd);
	} while (ret == -EBUSY && turns-- && port_reap_owner(xseg, portno));
	if (ret < 0)
		return ret == -EBUSY && portno == NoPort ? -ENOSPC : ret;
	env_trace(bind, xseg, (xport)ret);
	port_wake_binder(xseg, (xport)ret);
	drain_free(xseg, (xport)ret, true, &e);
	replies_sort(xseg, (xport)ret, &e);
	effort_end(xseg, &e);
	return ret;
}

/**
 * port_unbind() - make a port nobody's: (U1), (U2)
 * @xseg:   the handle
 * @portno: a port that this peer, or the dead one that it reaps, has bound
 */
void port_unbind(struct xseg *xseg, xport portno)
{
	struct xseg_port __xseg_shared *port = xseg_port(xseg, portno);
	u64 w = shm_load_acquire(&port->own);

	shm_store_release(&port->signal_desc, 0);
	shm_cas(&port->own, w, w & ~(1ULL << 16));
	smp_mb();	/* (U2) pairs with (B2) in request_send(), hop_push() */
	env_trace(release, xseg, portno);
}

/**
 * port_reap() - unbind a port if a dead peer has it
 * @xseg:   the handle
 * @portno: a valid port
 * @peer:   the dead peer's slot
 */
void port_reap(struct xseg *xseg, xport portno, u32 peer)
{
	u64 w = shm_load_acquire(&xseg_port(xseg, portno)->own);

	if (XPORT_BOUND(w) && XPORT_WHO(w) == peer)
		port_unbind(xseg, portno);
}

/* Forgets a bind; true if it was the descriptor's last reference. */
static bool port_release_locked(struct xseg *xseg, xport portno)
{
	struct port_ref *ref = &xseg->ports[portno];

	WRITE_ONCE(ref->epoch, 0);
	port_unbind(xseg, portno);
	xseg->descs[ref->desc].ports--;
	return desc_put_locked(xseg, ref->desc);
}

int xseg_release_port(struct xseg *xseg, xport portno)
{
	struct effort e = EFFORT_LONG;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	mutex_lock(&xseg->lock);
	if (!port_epoch(xseg, portno)) {
		mutex_unlock(&xseg->lock);
		return -EINVAL;
	}
	if (port_release_locked(xseg, portno))
		desc_reap(xseg, xseg->ports[portno].desc, xseg->me);
	mutex_unlock(&xseg->lock);
	port_drain(xseg, portno, ECONNRESET, &e);
	effort_end(xseg, &e);
	return 0;
}

int xseg_set_port_flags(struct xseg *xseg, xport portno, unsigned int flags)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!port_epoch(xseg, portno) || flags & ~XSEG_PORT_FLAGS)
		return -EINVAL;
	shm_store_release(&xseg_port(xseg, portno)->flags, flags);
	return 0;
}

int xseg_set_max_requests(struct xseg *xseg, xport portno, __u32 nr)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!port_epoch(xseg, portno) || !nr ||
	    nr > 1U << xseg->geo.params.queue_order)
		return -EINVAL;
	WRITE_ONCE(xseg->ports[portno].max, nr);
	shm_write(&xseg_port(xseg, portno)->max_requests, nr);
	return 0;
}

int xseg_get_max_requests(struct xseg *xseg, xport portno)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!port_valid(xseg, portno))
		return -EINVAL;
	return (int)(shm_read(&xseg_port(xseg, portno)->max_requests) &
		     0x7fffffff);
}
