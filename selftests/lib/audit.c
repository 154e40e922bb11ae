// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Looks through a whole segment while nobody works in it: is each object in
 * exactly one place, does whatever names something name it rightly, are the
 * counts right? Knows the layout, not the library's functions.
 */
#include <stdarg.h>
#include <stdio.h>

#include "selftests/lib/segment.h"

/* Complaints that are printed; the others are only counted. */
#define AUDIT_WORDS	20

struct audit {
	struct xseg *x;
	unsigned int bad;
	u8 *seen;	/* rings that a request is in */
	u8 *free;	/* it is in the pool's own ring */
};

static void complain(struct audit *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void complain(struct audit *a, const char *format, ...)
{
	va_list args;

	if (a->bad++ >= AUDIT_WORDS)
		return;
	va_start(args, format);
	printf("# audit: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

static u64 object_own(struct audit *a, u32 pool_id, u32 index)
{
	return shm_read(pool_own(a->x, &a->x->geo.pool[pool_id], index));
}

/* One slot: counts its object if it is there, else says it is empty. */
static bool slot_audit(struct audit *a, const struct ring *ring, u64 ticket,
		       const char *what, u8 *seen)
{
	u64 e = shm_read(ring_slot_at(ring, ticket));
	u32 index = XSLOT_OBJ(e) - 1;
	u64 own;

	if (!XSLOT_OBJ(e) || XSLOT_CYCLE(e) != (u32)(ticket >> ring->order))
		return false;
	if (index >= ring->pool->nr) {
		complain(a, "%s: object %u does not exist", what, index);
		return true;
	}
	own = object_own(a, ring->pool->id, index);
	if ((XOWN_VER(own) & 0xff) != XSLOT_VER(e))
		complain(a, "%s: object %u was taken and still stands there",
			 what, index);
	else if (XOWN_ST(own) != XOWN_OWNED)
		complain(a, "%s: object %u is in state %u", what, index,
			 XOWN_ST(own));
	else
		seen[index]++;
	return true;
}

/* A ring: tickets may lag by what was left half done. Its fill. */
static u32 ring_audit(struct audit *a, const struct ring *ring,
		      const char *what, u8 *seen)
{
	u64 h = shm_read(&ring->shm->head);
	u64 tail = shm_read(&ring->shm->tail);
	u64 n = 1ULL << ring->order;
	u64 t, end;

	while ((s32)(XSLOT_CYCLE(shm_read(ring_slot_at(ring, h))) -
		     (u32)(h >> ring->order)) > 0 && h < tail + n)
		h++;
	for (end = h; end < h + n; end++)
		if (!slot_audit(a, ring, end, what, seen))
			break;
	if (tail > end || end - tail > 1)
		complain(a, "%s: tail %llu, objects up to %llu", what,
			 (unsigned long long)tail, (unsigned long long)end);
	for (t = end; t < h + n; t++)
		if (shm_read(ring_slot_at(ring, t)) !=
		    (t >> ring->order) << XSLOT_CYCLE_SHIFT)
			complain(a, "%s: slot of ticket %llu is not empty",
				 what, (unsigned long long)t);
	return (u32)(end - h);
}

/* The free ring of a pool, and that nothing beyond the mark was touched. */
static void pool_audit(struct audit *a, u32 pool_id, u8 *seen)
{
	struct ring ring = pool_ring(a->x, pool_id);
	u32 i, nr = pool_touched(a->x, pool_id);
	char what[32];

	snprintf(what, sizeof(what), "free ring of pool %u", pool_id);
	ring_audit(a, &ring, what, seen);
	for (i = nr; i < ring.pool->nr; i++)
		if (object_own(a, pool_id, i))
			complain(a, "pool %u: object %u beyond the mark",
				 pool_id, i);
	for (i = 0; i < ring.pool->nr; i++)
		if (seen[i] > 1)
			complain(a, "pool %u: object %u is free %u times",
				 pool_id, i, seen[i]);
}

static bool peer_lives(struct audit *a, u32 slot)
{
	struct xseg_peer_info info;

	return !xseg_get_peer_info(a->x, slot, &info) && info.alive;
}

/* The rings of the ports. */
static void ports_rings_audit(struct audit *a)
{
	static const char * const names[] = { "request", "reply", "free" };
	struct xseg_port *port;
	char what[40];
	u32 which, n;
	xport p;

	for (p = 0; p < a->x->geo.params.nr_ports; p++) {
		port = xseg_port(a->x, p);
		for (which = 0; which < XSEG_PORT_RINGS; which++) {
			struct ring ring = port_ring(a->x, p, which);

			snprintf(what, sizeof(what), "%s ring of port %u",
				 names[which], p);
			n = ring_audit(a, &ring, what, a->seen);
			if (!n || XPORT_BOUND(shm_read(&port->own)) ||
			    (which == XSEG_RING_REQUEST &&
			     shm_read(&port->flags) & XSEG_PORT_KEEP))
				continue;
			complain(a, "%s: %u requests at nobody's", what, n);
		}
	}
}

/* Bound ports have a live owner and descriptor, and the right count. */
static void port_audit(struct audit *a, xport p)
{
	struct xseg_port *port = xseg_port(a->x, p);
	u64 own = shm_read(&port->own);
	u64 tagged = shm_read(&port->signal_desc);
	u32 i, n = 0, index;

	if (!XPORT_BOUND(own)) {
		if (tagged)
			complain(a, "port %u: nobody's, has a descriptor", p);
		return;
	}
	if (!peer_lives(a, XPORT_WHO(own)))
		complain(a, "port %u: owner %u is dead", p, XPORT_WHO(own));
	if (desc_index(a->x, XPTR_OFF(tagged), &index) ||
	    XOWN_ST(object_own(a, POOL_DESCS, index)) != XOWN_LIVE ||
	    XOWN_GEN(object_own(a, POOL_DESCS, index)) != XPTR_GEN(tagged))
		complain(a, "port %u: its descriptor is not live", p);
	for (i = 0; i < pool_used(a->x, POOL_REQUESTS); i++)
		n += !a->free[i] && shm_read(&xseg_request(a->x, i)->home) ==
				    XHOP(XPORT_EPOCH(own), p);
	if (n != shm_read(&port->nr_requests))
		complain(a, "port %u: %u requests are reserved, it counts %u",
			 p, n, shm_read(&port->nr_requests));
}

static void desc_audit(struct audit *a, u32 i, bool free)
{
	struct xseg_desc *d = xseg_desc(a->x, i);
	u64 own = shm_read(&d->own);
	u32 peer, holders = 0;

	for (peer = 0; peer < XSEG_MAX_PEERS; peer++) {
		if (!(shm_read(&d->holders[peer / 64]) >> peer % 64 & 1))
			continue;
		holders++;
		if (!peer_lives(a, peer))
			complain(a, "descriptor %u: held by dead peer %u", i,
				 peer);
	}
	if (free ? holders != 0 : XOWN_ST(own) != XOWN_LIVE || !holders)
		complain(a, "descriptor %u: %s, state %u, %u holders", i,
			 free ? "free" : "in no ring", XOWN_ST(own), holders);
}

static void request_audit(struct audit *a, u32 i)
{
	u64 own = object_own(a, POOL_REQUESTS, i);
	u32 places = a->seen[i] + a->free[i];
	u32 held = a->x->requests[i].held;

	if (places > 1)
		complain(a, "request %u: in %u rings", i, places);
	if (held != (!places && XOWN_WHO(own) == a->x->me))
		complain(a, "request %u: %sheld, in %u rings, owner %u", i,
			 held ? "" : "not ", places, XOWN_WHO(own));
	if (!places && (XOWN_ST(own) != XOWN_OWNED ||
			!peer_lives(a, XOWN_WHO(own))))
		complain(a, "request %u: in no ring, state %u, owner %u", i,
			 XOWN_ST(own), XOWN_WHO(own));
	if (a->free[i] && shm_read(&xseg_request(a->x, i)->buffer))
		complain(a, "request %u: free, has a buffer", i);
}

/* The buffer that a request names is its own. */
static void named_audit(struct audit *a, u32 i)
{
	u64 b = shm_read(&xseg_request(a->x, i)->buffer);
	struct xseg_buffer *buf;

	if (!b)
		return;
	if (XBUF_CLASS(b) >= a->x->geo.nr_classes ||
	    XBUF_INDEX(b) >= a->x->geo.pool[POOL_BUFFERS + XBUF_CLASS(b)].nr) {
		complain(a, "request %u: names no buffer", i);
		return;
	}
	buf = (struct xseg_buffer *)
		pool_own(a->x, &a->x->geo.pool[POOL_BUFFERS + XBUF_CLASS(b)],
			 XBUF_INDEX(b));
	if (XOWN_ST(shm_read(&buf->own)) != XOWN_ATTACHED ||
	    shm_read(&buf->request) != i)
		complain(a, "request %u: its buffer is in state %u", i,
			 XOWN_ST(shm_read(&buf->own)));
}

static void buffer_audit(struct audit *a, u32 pool_id, u32 i, bool free)
{
	struct xseg_buffer *buf = (struct xseg_buffer *)
		pool_own(a->x, &a->x->geo.pool[pool_id], i);
	u64 own = shm_read(&buf->own);
	u32 request = shm_read(&buf->request);

	if (free || !own)
		return;
	if (XOWN_ST(own) != XOWN_ATTACHED)
		complain(a, "buffer %u of pool %u: nobody's, state %u", i,
			 pool_id, XOWN_ST(own));
	else if (request >= a->x->geo.params.nr_requests ||
		 shm_read(&xseg_request(a->x, request)->buffer) !=
		 XBUF(pool_id - POOL_BUFFERS, i))
		complain(a, "buffer %u of pool %u: not that of request %u", i,
			 pool_id, request);
}

/* Each chunk is raw, free, or the one that its class' directory names. */
static void chunks_audit(struct audit *a)
{
	const struct geometry *geo = &a->x->geo;
	struct xseg_chunk *chunk = xseg_at(a->x, geo->chunks);
	u32 i, id, seq, named = 0, live = 0;

	for (id = POOL_BUFFERS; id < POOL_BUFFERS + geo->nr_classes; id++)
		for (seq = 0; seq < geo->nr_chunks; seq++)
			named += shm_read((__u64 *)xseg_at(a->x,
				geo->pool[id].dir) + seq) != 0;
	for (i = 0; i < geo->nr_chunks; i++, chunk++) {
		u32 st = XOWN_ST(shm_read(&chunk->own));

		if (st == XOWN_RAW || st == XOWN_FREE)
			continue;
		live++;
		id = chunk->class_;
		if (st != XOWN_LIVE || id < POOL_BUFFERS ||
		    id >= POOL_BUFFERS + geo->nr_classes ||
		    chunk->seq >= geo->nr_chunks ||
		    shm_read((__u64 *)xseg_at(a->x, geo->pool[id].dir) +
			     chunk->seq) != i + 1)
			complain(a, "chunk %u: state %u, of class %u", i, st,
				 id);
	}
	if (named != live)
		complain(a, "%u chunks are live, %u are named", live, named);
}

static void pools_audit(struct audit *a, u32 pool_id)
{
	u32 i, nr = a->x->geo.pool[pool_id].nr;
	u8 *seen = env_alloc(nr, 1);

	pool_audit(a, pool_id, seen);
	for (i = 0; i < pool_used(a->x, pool_id); i++) {
		if (pool_id == POOL_DESCS)
			desc_audit(a, i, seen[i]);
		else
			buffer_audit(a, pool_id, i, seen[i]);
	}
	env_free(seen);
}

/**
 * audit_segment() - is everything in its place?
 * @xseg: a handle; nobody else works in the segment, the dead are reaped
 *
 * Prints what is wrong.
 *
 * Return: how much is.
 */
unsigned int audit_segment(struct xseg *xseg)
{
	u32 i, nr = xseg->geo.params.nr_requests;
	struct audit a = {
		.x = xseg,
		.seen = env_alloc(nr, 1),
		.free = env_alloc(nr, 1),
	};

	pool_audit(&a, POOL_REQUESTS, a.free);
	ports_rings_audit(&a);
	for (i = 0; i < pool_used(xseg, POOL_REQUESTS); i++) {
		request_audit(&a, i);
		named_audit(&a, i);
	}
	for (i = 0; i < xseg->geo.params.nr_ports; i++)
		port_audit(&a, i);
	pools_audit(&a, POOL_DESCS);
	for (i = 0; i < xseg->geo.nr_classes; i++)
		pools_audit(&a, POOL_BUFFERS + i);
	chunks_audit(&a);
	env_free(a.seen);
	env_free(a.free);
	return a.bad;
}

/**
 * audit_free() - how many objects of a pool could be allocated
 * @xseg:    the handle
 * @pool_id: POOL_*
 *
 * Return: those in its ring and those never used.
 */
u32 audit_free(struct xseg *xseg, u32 pool_id)
{
	struct ring ring = pool_ring(xseg, pool_id);
	struct audit a = { .x = xseg };
	u8 *seen = env_alloc(ring.pool->nr, 1);
	u32 i, n = ring_audit(&a, &ring, "free ring", seen);

	for (i = 0; i < ring.pool->nr; i++)
		n += !object_own(&a, pool_id, i);
	env_free(seen);
	return n;
}
