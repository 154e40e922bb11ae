// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cleaning up after a peer that is gone.
 *
 * Who reaps holds the byte lock of the dead peer's slot: that proves the
 * death, keeps other reapers out, and keeps the slot from being taken again
 * until the work is done. A reaper that dies lets go of the lock, and the
 * next one does all of it once more: each step may be repeated.
 *
 *	1 its ports are nobody's
 *	2 names and chunks that it was preparing are settled
 *	3 its holds on descriptors are dropped
 *	4 objects that are its own and in no ring: descriptors are freed,
 *	  buffers go with the request that names them, requests go back
 *	5 the rings of ports that nobody is bound to are emptied
 *	6 all waiters are woken: a peer that was killed may have put work into
 *	  a queue and not signalled any more
 *
 * In step 4 the ownership words are noted before the rings are looked through,
 * see ring_mark().
 *
 * xseg_leave() is the same, done by the peer itself, but for step 6.
 */
#include "core/core.h"

/* So many objects are looked at in one go where memory is short. */
#define FEW	64

static void rest_now_and_then(u32 i)
{
	if (!(i & 255))
		env_resched();
}

/* Notes the words of the objects that a peer owns. */
static void owned_note(const struct xseg *xseg, u32 pool_id, u32 peer,
		       const struct owned_list *list)
{
	const struct pool *pool = &xseg->geo.pool[pool_id];
	u32 i;

	for (i = 0; i < list->nr; i++) {
		u64 w = shm_load_acquire(pool_own(xseg, pool,
						  list->first + i));
		bool own = XOWN_ST(w) == XOWN_OWNED && XOWN_WHO(w) == peer;

		list->words[i] = own ? w : 0;
		rest_now_and_then(i);
	}
}

static bool owned_any(const struct owned_list *list)
{
	u32 i;

	for (i = 0; i < list->nr; i++) {
		if (list->words[i])
			return true;
		rest_now_and_then(i);
	}
	return false;
}

static u32 ports_used(const struct xseg *xseg)
{
	u32 used = shm_load_acquire(&xseg_header(xseg)->ports_used);

	return min(used, xseg->geo.params.nr_ports);
}

/* Strikes off what is in a ring; false if that cannot be told. */
static bool owned_in_rings(const struct xseg *xseg, u32 pool_id,
			   const struct owned_list *list)
{
	struct ring ring = pool_ring(xseg, pool_id);
	u32 nr = ports_used(xseg);
	u32 which;
	xport p;

	if (!ring_mark(xseg, &ring, list))
		return false;
	if (pool_id != POOL_REQUESTS || !owned_any(list))
		return true;
	for (p = 0; p < nr; p++) {
		rest_now_and_then(p);
		for (which = 0; which < XSEG_PORT_RINGS; which++) {
			ring = port_ring(xseg, p, which);
			if (!ring_mark(xseg, &ring, list))
				return false;
		}
	}
	return true;
}

static void object_reap(struct xseg *xseg, u32 pool_id, u32 index, u64 w,
			u32 peer, struct effort *e)
{
	__u64 __xseg_shared *own = pool_own(xseg, &xseg->geo.pool[pool_id],
					    index);

	if (pool_id >= POOL_BUFFERS) {
		buffer_reap(xseg, pool_id, index, w);
		return;
	}
	if (pool_id == POOL_REQUESTS)
		request_unsend(xseg, index, w);
	if (!shm_cas(own, w, own_next(w, XOWN_OWNED, xseg->me)))
		return;
	if (pool_id == POOL_DESCS) {
		desc_reap_owned(xseg, index);
	} else {
		WRITE_ONCE(xseg->requests[index].held, 1);
		request_reap(xseg, index, peer, e);
	}
}

static void list_reap(struct xseg *xseg, u32 pool_id, u32 peer,
		      const struct owned_list *list, struct effort *e)
{
	u32 i;

	owned_note(xseg, pool_id, peer, list);
	if (!owned_any(list))
		return;
	if (!owned_in_rings(xseg, pool_id, list))
		return;		/* damaged: what it had is left alone */
	for (i = 0; i < list->nr; i++) {
		if (list->words[i])
			object_reap(xseg, pool_id, list->first + i,
				    list->words[i], peer, e);
		rest_now_and_then(i);
	}
}

/* Step 4 for one pool: in one go if there is memory, else slowly. */
static void pool_reap(struct xseg *xseg, u32 pool_id, u32 peer,
		      struct effort *e)
{
	u32 nr = pool_touched(xseg, pool_id);
	u64 few[FEW];
	u64 *all = env_alloc(nr, sizeof(*all));
	struct owned_list list = { .words = all ? all : few };
	u32 step = all ? nr : FEW;

	for (; list.first < nr; list.first += step) {
		list.nr = min(step, nr - list.first);
		list_reap(xseg, pool_id, peer, &list, e);
	}
	env_free(all);
}

/* Step 4: buffers before the requests that they belong to. */
static void objects_reap(struct xseg *xseg, u32 peer, struct effort *e)
{
	u32 id;

	pool_reap(xseg, POOL_DESCS, peer, e);
	for (id = 0; id < xseg->geo.nr_classes; id++)
		pool_reap(xseg, POOL_BUFFERS + id, peer, e);
	pool_reap(xseg, POOL_REQUESTS, peer, e);
}

/* Step 6. */
static void descs_wake(struct xseg *xseg)
{
	u32 nr = pool_touched(xseg, POOL_DESCS);
	u32 i;

	smp_mb();	/* (S2), for who died before it */
	for (i = 0; i < nr; i++) {
		u64 w = shm_load_acquire(&xseg_desc(xseg, i)->own);

		if (XOWN_ST(w) == XOWN_LIVE)
			desc_signal(xseg, i);
		rest_now_and_then(i);
	}
}

/**
 * ports_sweep() - empty the rings of all ports that nobody is bound to
 * @xseg: the handle
 *
 * May sleep.
 */
void ports_sweep(struct xseg *xseg)
{
	struct effort e = EFFORT_LONG;
	u32 i, nr = ports_used(xseg);

	for (i = 0; i < nr; i++) {
		port_drain(xseg, i, EOWNERDEAD, &e);
		rest_now_and_then(i);
	}
}

/**
 * reap_peer() - clean up after a peer
 * @xseg: the handle
 * @peer: a slot whose byte lock the caller holds; may be the caller's own,
 *	  when it leaves or has just taken over the slot of a dead peer
 * @died: false if the caller leaves: it has signalled all that it had to
 *
 * May sleep. Needs no memory, but is faster if there is some.
 */
void reap_peer(struct xseg *xseg, u32 peer, bool died)
{
	struct xseg_header __xseg_shared *header = xseg_header(xseg);
	u32 i, nr = ports_used(xseg);
	struct effort e = EFFORT_LONG;

	types_meet(xseg);
	for (i = 0; i < nr; i++)
		port_reap(xseg, i, peer);
	names_reap(xseg, peer);
	chunk_reap(xseg, peer);
	for (i = 0; i < pool_touched(xseg, POOL_DESCS); i++) {
		desc_reap(xseg, i, peer);
		rest_now_and_then(i);
	}
	objects_reap(xseg, peer, &e);
	ports_sweep(xseg);
	effort_end(xseg, &e);
	if (died) {
		shm_add(&header->reap_epoch, 1);
		descs_wake(xseg);
	}
}
