// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pools of objects of one kind: a ring of those that were freed, and a mark
 * below which objects have been in use before.
 *
 * An object that was never used has an ownership word of 0. It is taken by
 * the CAS that makes its word ours; then the mark moves on, by us or by
 * whoever finds it lagging. So nothing is prepared in advance, no memory is
 * touched before it is needed, and a peer killed anywhere leaves an object
 * that is its own or nobody's. Model: Documentation/models/pool.pml.
 */
#include "core/core.h"

static struct xseg_pool __xseg_shared *pool_shm(const struct xseg *xseg,
						u32 pool_id)
{
	return (struct xseg_pool __xseg_shared *)
		xseg_at(xseg, xseg->geo.pools) + pool_id;
}

/**
 * pool_used() - how many objects of a pool were ever in use
 * @xseg:    the handle
 * @pool_id: POOL_*
 *
 * Return: the number, for people: it may be about to change.
 */
u32 pool_used(const struct xseg *xseg, u32 pool_id)
{
	u64 fresh = shm_read(&pool_shm(xseg, pool_id)->fresh);

	return (u32)min_t(u64, fresh, xseg->geo.pool[pool_id].nr);
}

/**
 * pool_touched() - how many objects of a pool may ever have been in use
 * @xseg:    the handle
 * @pool_id: POOL_*
 *
 * The object at the mark itself may be, by who has not moved the mark yet.
 *
 * Return: the number; all objects from that index on were never used.
 */
u32 pool_touched(const struct xseg *xseg, u32 pool_id)
{
	u64 fresh = shm_load_acquire(&pool_shm(xseg, pool_id)->fresh) + 1;

	return (u32)min_t(u64, fresh, xseg->geo.pool[pool_id].nr);
}

/* Claims an object that was never used. */
static int pool_alloc_fresh(struct xseg *xseg, const struct pool *pool,
			    u32 *index)
{
	__u64 __xseg_shared *mark = &pool_shm(xseg, pool->id)->fresh;
	u32 turns = ENV_RETRIES;
	u32 looks = ENV_CLAIMS;
	int ret;

	while (turns--) {
		u64 f = shm_load_acquire(mark);
		bool got;

		if (f >= pool->nr)
			return -ENOMEM;
		f = array_index_nospec(f, pool->nr);
		ret = pool->dir ? chunk_need(xseg, pool, (u32)f, &looks) : 0;
		if (ret)
			return ret;
		got = shm_cas(pool_own(xseg, pool, (u32)f), 0,
			      own_word(1, 1, XOWN_OWNED, xseg->me));
		shm_cas(mark, f, f + 1);
		if (got) {
			*index = (u32)f;
			return 0;
		}
	}
	return -EBUSY;
}

/**
 * pool_alloc() - allocate an object
 * @xseg:    the handle
 * @pool_id: POOL_*
 * @index:   filled with the object, owned by the caller
 *
 * Any context.
 *
 * Return: 0, -ENOMEM, -EBUSY or -EUCLEAN.
 */
int pool_alloc(struct xseg *xseg, u32 pool_id, u32 *index)
{
	struct ring ring = pool_ring(xseg, pool_id);
	int ret;

	ret = ring_pop(xseg, &ring, index);
	if (unlikely(ret == -EUCLEAN))
		return broken(xseg, "pool");
	if (ret != -EAGAIN)
		return ret;
	ret = pool_alloc_fresh(xseg, ring.pool, index);
	if (ret != -ENOMEM)
		return ret;
	ret = ring_pop(xseg, &ring, index);
	return ret == -EAGAIN ? -ENOMEM : ret;
}

/**
 * pool_free() - free an object
 * @xseg:    the handle
 * @pool_id: POOL_*
 * @index:   an object that the caller owns
 *
 * Its generation moves on. The free ring has room for all objects. Any
 * context.
 *
 * Return: 0; -EBUSY or -EUCLEAN, the object then stays the caller's.
 */
int pool_free(struct xseg *xseg, u32 pool_id, u32 index)
{
	struct ring ring = pool_ring(xseg, pool_id);
	__u64 __xseg_shared *own = pool_own(xseg, ring.pool, index);
	u64 w = shm_read(own);
	int ret;

	if (XOWN_ST(w) != XOWN_OWNED || XOWN_WHO(w) != xseg->me ||
	    !shm_cas(own, w, own_word(XOWN_GEN(w) + 1, XOWN_VER(w) + 1,
				      XOWN_OWNED, xseg->me)))
		return broken(xseg, "pool");
	ret = ring_push(xseg, &ring, index);
	return ret == -EAGAIN || ret == -EUCLEAN ? broken(xseg, "pool") : ret;
}
