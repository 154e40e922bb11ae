// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker: rings, and which object is in which.
 *
 * What a ring may look like follows from its three steps each way, of which
 * the later ones can be left to others: the head may stand on a slot that was
 * emptied, the tail on one that was filled, and the first slot may still name
 * an object that was taken. Everything else is in order of the laps.
 */
#include <stdio.h>

#include "user/fsck/internal.h"

/**
 * struct ring_look - a ring that is being looked through
 * @f:	   the segment
 * @off:   where it lies
 * @order: log2 of its slots
 * @pool:  of its objects
 * @nr:	   its number among the rings of that pool
 */
struct ring_look {
	struct fsck *f;
	__u64 off;
	__u32 order;
	__u32 pool;
	__u32 nr;
};

static const char *const ring_names[] = { "request ring", "reply ring",
					  "free ring" };

static struct fsck_at ring_at(const struct ring_look *r, __u64 off, __u64 word)
{
	if (r->nr == RING_POOL)
		return (struct fsck_at){ "pool", r->pool, "free ring", off,
					 word };
	return (struct fsck_at){ "port", RING_PORT(r->nr),
				 ring_names[RING_WHICH(r->nr)], off, word };
}

static __u64 slot_off(const struct ring_look *r, __u64 ticket)
{
	return r->off + offsetof(struct xseg_ring, slot) +
	       (ticket & ((1ULL << r->order) - 1)) * 8;
}

static __u64 slot_of(const struct ring_look *r, __u64 ticket)
{
	return fsck_u64(r->f, slot_off(r, ticket));
}

static __u32 lap_of(const struct ring_look *r, __u64 ticket)
{
	return (__u32)(ticket >> r->order);
}

/* An object that a slot names. */
static void slot_look(struct ring_look *r, __u64 ticket, bool first)
{
	struct fsck *f = r->f;
	__u64 e = slot_of(r, ticket);
	__u32 index = XSLOT_OBJ(e) - 1;
	struct fsck_at at = ring_at(r, slot_off(r, ticket), e);
	__u64 own;

	if (index >= f->l.pool[r->pool].nr) {
		fsck_bad(f, at, "the number of an object", "%u", index);
		return;
	}
	own = fsck_own(f, r->pool, index);
	at.word ^= own;
	if ((XOWN_VER(own) & 0xff) != XSLOT_VER(e)) {
		if (!first || !f->busy)
			fsck_bad(f, at, "empty: its object was taken",
				 "names object %u of version %u, which has %u",
				 index, XSLOT_VER(e), XOWN_VER(own) & 0xff);
		return;
	}
	if (XOWN_ST(own) != XOWN_OWNED)
		fsck_bad(f, at, "an object in state 1", "object %u in state %u",
			 index, XOWN_ST(own));
	if (f->where[r->pool][index])
		fsck_bad(f, at, "an object that is in no other ring",
			 "object %u, which is in ring %u of its pool, too",
			 index, f->where[r->pool][index] - 1);
	f->where[r->pool][index] = 1 + r->nr;
}

/* The slots from the first occupied one on; the ticket behind the last. */
static __u64 occupied_look(struct ring_look *r, __u64 head)
{
	__u64 t;

	for (t = head; t < head + (1ULL << r->order); t++) {
		__u64 e = slot_of(r, t);

		if (!XSLOT_OBJ(e) || XSLOT_CYCLE(e) != lap_of(r, t))
			break;
		slot_look(r, t, t == head);
	}
	return t;
}

static void ring_look(struct ring_look *r)
{
	struct fsck *f = r->f;
	__u64 head = fsck_u64(f, r->off);
	__u64 tail = fsck_u64(f, r->off + offsetof(struct xseg_ring, tail));
	__u64 n = 1ULL << r->order;
	__u64 first = head, end, t;

	if (XSLOT_CYCLE(slot_of(r, head)) == (__u32)(lap_of(r, head) + 1))
		first++;	/* (T3) was left out */
	end = occupied_look(r, first);
	if (tail != end && tail + 1 != end)
		fsck_bad(f, ring_at(r, r->off + offsetof(struct xseg_ring,
							 tail), head ^ tail),
			 "the end of what is in the ring, or one before",
			 "tail %llu, objects from %llu to %llu",
			 (unsigned long long)tail, (unsigned long long)first,
			 (unsigned long long)end);
	for (t = end; t < first + n; t++)
		if (slot_of(r, t) !=
		    (__u64)lap_of(r, t) << XSLOT_CYCLE_SHIFT)
			fsck_bad(f, ring_at(r, slot_off(r, t), head ^ tail),
				 "empty, in the lap of its ticket",
				 "ticket %llu of lap %u: slot %#llx",
				 (unsigned long long)t, lap_of(r, t),
				 (unsigned long long)slot_of(r, t));
}

/* Objects from the mark on were never used, those below were. */
static void mark_look(struct fsck *f, __u32 pool)
{
	__u64 off = f->l.pools + pool * sizeof(struct xseg_pool);
	__u64 fresh = fsck_u64(f, off);
	struct fsck_at at = { "pool", pool, "fresh", off, fresh };
	__u32 i;

	if (fresh > f->l.pool[pool].nr)
		fsck_bad(f, at, "at most the number of objects", "%llu of %u",
			 (unsigned long long)fresh, f->l.pool[pool].nr);
	for (i = 0; i < f->l.pool[pool].nr; i++) {
		bool used = fsck_own(f, pool, i);

		if (i < fresh && !used)
			fsck_bad(f, at, "at most the first object never used",
				 "%llu, but object %u was never used",
				 (unsigned long long)fresh, i);
		else if (i > fresh && used)
			fsck_bad(f, at, "beyond each object that was used",
				 "%llu, but object %u was used",
				 (unsigned long long)fresh, i);
	}
}

/* A port that was never bound is as it was made. */
static void unused_port_look(struct fsck *f, __u32 port)
{
	const struct xseg_port *p = fsck_port(f, port);
	__u64 off = f->l.rings + (__u64)port * XSEG_PORT_RINGS *
		    f->l.ring_size;
	struct fsck_at at = { "port", port, NULL,
			      f->l.ports + port * sizeof(*p), p->own };
	__u32 i;

	if (p->own || p->signal_desc)
		fsck_bad(f, at, "never bound, as the header says",
			 "own %#llx", (unsigned long long)p->own);
	for (i = 0; i < XSEG_PORT_RINGS; i++, off += f->l.ring_size)
		if (fsck_u64(f, off) ||
		    fsck_u64(f, off + offsetof(struct xseg_ring, tail)))
			fsck_bad(f, at, "never bound, as the header says",
				 "its %s was used", ring_names[i]);
}

static void port_look(struct fsck *f, __u32 port)
{
	__u32 i;

	for (i = 0; i < XSEG_PORT_RINGS; i++) {
		__u32 nr = port * XSEG_PORT_RINGS + i;
		struct ring_look r = { f, f->l.rings + nr * f->l.ring_size,
				       f->l.params.queue_order, FSCK_REQUESTS,
				       RING_OF(port, i) };

		ring_look(&r);
	}
}

/**
 * fsck_rings() - all rings; notes where each object is
 * @f: the segment
 */
void fsck_rings(struct fsck *f)
{
	__u32 i, used = fsck_header(f)->ports_used;

	for (i = 0; i < fsck_pools(f); i++) {
		struct ring_look r = { f, f->l.pool[i].ring,
				       f->l.pool[i].order, i, RING_POOL };

		ring_look(&r);
		mark_look(f, i);
	}
	for (i = 0; i < f->l.params.nr_ports; i++) {
		if (i < used)
			port_look(f, i);
		else
			unused_port_look(f, i);
	}
}
