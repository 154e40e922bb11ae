/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rings: what is done nearly every time, in line; the rest, and how it all
 * works, is in ring.c. A part of core.h.
 */
#ifndef XSEG_CORE_RING_H
#define XSEG_CORE_RING_H

static inline struct ring pool_ring(const struct xseg *xseg, u32 pool_id)
{
	const struct pool *pool = &xseg->geo.pool[pool_id];
	struct ring ring = { xseg_at(xseg, pool->ring), pool,
			     pool->ring_order };

	return ring;
}

static inline struct ring port_ring(const struct xseg *xseg, xport portno,
				    enum xseg_port_ring which)
{
	u64 nr = (u64)portno * XSEG_PORT_RINGS + which;
	struct ring ring = {
		xseg_at(xseg, xseg->geo.rings + nr * xseg->geo.ring_size),
		&xseg->geo.pool[POOL_REQUESTS],
		xseg->geo.params.queue_order };

	return ring;
}

static inline __u64 __xseg_shared *ring_slot(const struct ring *ring,
					     u64 ticket)
{
	return &ring->shm->slot[ticket & ((1ULL << ring->order) - 1)];
}

static inline u32 ring_cycle(const struct ring *ring, u64 ticket)
{
	return (u32)(ticket >> ring->order);
}

static inline u64 slot_word(u32 cycle, u32 ver, u32 obj)
{
	return ((u64)cycle << XSLOT_CYCLE_SHIFT) |
	       ((u64)(ver & 0xff) << XSLOT_VER_SHIFT) | obj;
}

static inline bool slot_current(u64 slot, u64 own)
{
	return XSLOT_VER(slot) == (XOWN_VER(own) & 0xff);
}

/*
 * The ownership word of the object that a slot names, where it lies, and
 * whether the slot still says the same after the word was read.
 *
 * Return: 0, -EAGAIN if the slot moved on, -EUCLEAN if it names nothing.
 */
static inline int slot_own(const struct xseg *xseg, const struct ring *ring,
			   __u64 __xseg_shared *slot, u64 e, u32 *index,
			   __u64 __xseg_shared **word, u64 *own)
{
	*index = XSLOT_OBJ(e) - 1;
	if (unlikely(*index >= ring->pool->nr))
		return -EUCLEAN;
	*index = array_index_nospec(*index, ring->pool->nr);
	*word = pool_own(xseg, ring->pool, *index);
	*own = shm_load_acquire(*word);
	return shm_load_acquire(slot) == e ? 0 : -EAGAIN;
}

/*
 * Puts an object into slot e, which is empty and the tail's: (P1), (P2). False
 * if somebody else was there first.
 */
static __always_inline bool ring_put(const struct ring *ring,
				     __u64 __xseg_shared *slot, u64 tail,
				     u64 e, u64 own, u32 index)
{
	if (!shm_cas(slot, e, slot_word(XSLOT_CYCLE(e), XOWN_VER(own),
					index + 1)))
		return false;
	shm_cas(&ring->shm->tail, tail, tail + 1);
	return true;
}

/*
 * Takes the object that slot e names, if it still is in the ring, and leaves
 * the slot empty.
 *
 * Return: 0 if taken, -EAGAIN if somebody else has it, -EUCLEAN.
 */
static __always_inline int ring_take(const struct xseg *xseg,
				     const struct ring *ring,
				     __u64 __xseg_shared *slot, u64 head,
				     u64 e, u32 *index)
{
	__u64 __xseg_shared *word;
	bool got = false;
	u64 own;
	u32 i;
	int ret;

	ret = slot_own(xseg, ring, slot, e, &i, &word, &own);
	if (unlikely(ret))
		return ret;
	if (likely(slot_current(e, own))) {
		/* (T1) */
		if (!shm_cas(word, own, own_next(own, XOWN_OWNED, xseg->me)))
			return -EAGAIN;
		got = true;
	}
	/* (T2), (T3) */
	shm_cas(slot, e, slot_word(XSLOT_CYCLE(e) + 1, 0, 0));
	shm_cas(&ring->shm->head, head, head + 1);
	if (unlikely(!got))
		return -EAGAIN;
	env_taken_over(&xseg->geo);
	*index = i;
	return 0;
}

/* Field by field: what is copied so can stay in registers. */
static __always_inline struct ring ring_copy(const struct ring *ring)
{
	struct ring copy = { ring->shm, ring->pool, ring->order };

	return copy;
}

/* By value: nobody else then has the address of the caller's. */
int ring_push_more(const struct xseg *xseg, struct ring ring, u64 own,
		   u32 index);
int ring_pop_more(const struct xseg *xseg, struct ring ring, u32 *index);

/**
 * ring_push() - put an object into a ring
 * @xseg:  the handle
 * @ring:  the ring
 * @index: an object that the caller owns
 *
 * Return: 0, -EAGAIN (full), -EBUSY (gave up), -EUCLEAN (damaged).
 */
static __always_inline int ring_push(const struct xseg *xseg,
				     const struct ring *ring, u32 index)
{
	u64 own = shm_read(pool_own(xseg, ring->pool, index));
	u64 t = shm_load_acquire(&ring->shm->tail);
	__u64 __xseg_shared *slot = ring_slot(ring, t);
	u64 e = shm_load_acquire(slot);

	env_handed_over(&xseg->geo);
	if (likely(!XSLOT_OBJ(e) && XSLOT_CYCLE(e) == ring_cycle(ring, t) &&
		   ring_put(ring, slot, t, e, own, index)))
		return 0;
	return ring_push_more(xseg, ring_copy(ring), own, index);
}

/**
 * ring_pop() - take the oldest object of a ring
 * @xseg:  the handle
 * @ring:  the ring
 * @index: filled with the object, owned by the caller
 *
 * Return: 0, -EAGAIN (empty), -EBUSY (gave up), -EUCLEAN (damaged).
 */
static __always_inline int ring_pop(const struct xseg *xseg,
				    const struct ring *ring, u32 *index)
{
	u64 h = shm_load_acquire(&ring->shm->head);
	__u64 __xseg_shared *slot = ring_slot(ring, h);
	u64 e = shm_load_acquire(slot);

	if (likely(XSLOT_CYCLE(e) == ring_cycle(ring, h))) {
		if (!XSLOT_OBJ(e))
			return -EAGAIN;
		if (likely(!ring_take(xseg, ring, slot, h, e, index)))
			return 0;
	}
	return ring_pop_more(xseg, ring_copy(ring), index);
}

void ring_counts(const struct ring *ring, u64 *in, u64 *out);
/**
 * struct owned_list - objects of a pool that a dead peer may have owned
 * @first: index of the first
 * @nr:	   how many in a row
 * @words: for each its ownership word, 0 for those that do not matter
 */
struct owned_list {
	u32 first;
	u32 nr;
	u64 *words;
};

bool ring_mark(const struct xseg *xseg, const struct ring *ring,
	       const struct owned_list *list);

#endif /* XSEG_CORE_RING_H */
