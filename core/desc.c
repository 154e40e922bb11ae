// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal descriptors and who holds them.
 *
 * A peer counts its own references in its own memory; the segment records
 * only which peers hold a descriptor, a bit for each, so that a dead one's
 * can be cleared. The descriptor is freed by whoever finds no bit set:
 *
 *	get	(G1) set my bit, full barrier
 *		(G2) LIVE: mine. DYING: CAS back to LIVE: mine. Else, or of
 *		     another generation: clear my bit, nudge, fail
 *	put	clear my bit, nudge
 *	nudge	(N1) CAS LIVE or DYING (anybody's) -> DYING (me), a full barrier
 *		(N2) a bit is set: CAS back to LIVE
 *		(N3) none: CAS DYING (me) -> OWNED (me), clean up, free
 *
 * (G1) and (N1) pair: a getter that still saw LIVE has its bit seen at (N2).
 * A CAS that fails in nudge means that a getter took the claim back or that
 * another nudge took it over, which then does the rest. Each of the rules,
 * that a getter takes a claim back, that a nudge takes a claim over, that a
 * failed get nudges and that the reaper nudges, is needed.
 * Model: Documentation/models/sdref.pml.
 *
 * Nobody needs a reference to signal: descriptors are never used as other
 * memory, so that a signal by an outdated number wakes somebody needlessly at
 * the worst.
 */
#include "core/core.h"

static void desc_my_bit(const struct xseg *xseg, u32 index, u32 peer, bool set)
{
	__u64 __xseg_shared *word =
		&xseg_desc(xseg, index)->holders[peer / 64];
	u64 bit = 1ULL << (peer % 64);

	if (set)
		shm_or(word, bit);	/* (G1) pairs with (N1) */
	else
		shm_and(word, ~bit);
}

static bool desc_has_holder(const struct xseg *xseg, u32 index)
{
	struct xseg_desc __xseg_shared *d = xseg_desc(xseg, index);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(d->holders); i++)
		if (shm_load_acquire(&d->holders[i]))
			return true;
	return false;
}

/**
 * desc_tagged() - a descriptor as a port refers to it
 * @xseg:  the handle
 * @index: a descriptor that this peer holds
 *
 * Return: its place with its generation.
 */
u64 desc_tagged(const struct xseg *xseg, u32 index)
{
	u64 off = xseg->geo.descs + (u64)index * sizeof(struct xseg_desc) +
		  offsetof(struct xseg_desc, desc);

	return ((u64)xseg->descs[index].gen << XPTR_OFF_BITS) | off;
}

/*
 * Cleans up and frees a descriptor that the caller owns. Its type was met
 * before: by who held the descriptor, or at the beginning of a reap.
 */
static void desc_free(struct xseg *xseg, u32 index)
{
	struct xseg_desc __xseg_shared *d = xseg_desc(xseg, index);
	const struct xseg_signal_type *type =
		type_met(xseg, shm_read(&d->desc.type));

	if (type && type->ops.quit_signal_desc)
		type->ops.quit_signal_desc(xseg, &d->ec);
	pool_free(xseg, POOL_DESCS, index);
}

/**
 * desc_nudge() - free a descriptor if nobody holds it
 * @xseg:  the handle
 * @index: the descriptor
 */
void desc_nudge(struct xseg *xseg, u32 index)
{
	__u64 __xseg_shared *own = &xseg_desc(xseg, index)->own;
	u32 turns = ENV_RETRIES;
	u64 w, mine;

	do {
		if (!turns--)
			return;
		w = shm_load_acquire(own);
		if (XOWN_ST(w) != XOWN_LIVE && XOWN_ST(w) != XOWN_DYING)
			return;
		mine = own_next(w, XOWN_DYING, xseg->me);
	} while (!shm_cas(own, w, mine));	/* (N1) */
	smp_mb();	/* pairs with (G1) in desc_my_bit() */
	if (desc_has_holder(xseg, index)) {
		shm_cas(own, mine, own_next(mine, XOWN_LIVE, xseg->me));
		return;
	}
	if (shm_cas(own, mine, own_next(mine, XOWN_OWNED, xseg->me)))
		desc_free(xseg, index);
}

/* Sets this peer's bit, if the descriptor is still of that generation. */
static int desc_get(struct xseg *xseg, u32 index, u32 gen)
{
	__u64 __xseg_shared *own = &xseg_desc(xseg, index)->own;
	u32 turns = ENV_RETRIES;

	desc_my_bit(xseg, index, xseg->me, true);
	while (turns--) {
		u64 w = shm_load_acquire(own);

		if (XOWN_GEN(w) != gen)
			break;
		if (XOWN_ST(w) == XOWN_LIVE)
			return 0;
		if (XOWN_ST(w) != XOWN_DYING)
			break;
		if (shm_cas(own, w, own_next(w, XOWN_LIVE, xseg->me)))
			return 0;
	}
	desc_my_bit(xseg, index, xseg->me, false);
	desc_nudge(xseg, index);
	return -ENOTCONN;
}

/**
 * desc_reap() - drop what a dead peer held of a descriptor
 * @xseg:  the handle
 * @index: the descriptor
 * @peer:  the dead peer's slot
 */
void desc_reap(struct xseg *xseg, u32 index, u32 peer)
{
	desc_my_bit(xseg, index, peer, false);
	desc_nudge(xseg, index);
}

/**
 * desc_reap_owned() - free a descriptor that a dead peer was making or freeing
 * @xseg:  the handle
 * @index: a descriptor that the caller, the reaper, has made its own
 */
void desc_reap_owned(struct xseg *xseg, u32 index)
{
	desc_free(xseg, index);
}

/* Fills a new descriptor, which the caller owns, and lets its type do so. */
static int desc_init(struct xseg *xseg, u32 index, u32 type_id)
{
	const struct xseg_signal_type *type = xseg->types[type_id].type;
	struct xseg_desc __xseg_shared *d = xseg_desc(xseg, index);

	shm_write(&d->owner, xseg->me);
	shm_write(&d->incarnation, xseg->incarnation);
	shm_write(&d->desc.type, type_id);
	shm_write(&d->desc.sd, xseg->geo.descs +
		  (u64)index * sizeof(*d) + offsetof(struct xseg_desc, ec));
	shm_zero(&d->data, sizeof(d->data));
	xseg_ec_init(&d->ec);
	return type->ops.init_signal_desc(xseg, &d->ec);
}

/* A new descriptor of a type; its index. xseg->lock held. */
static int desc_new_locked(struct xseg *xseg, u32 type_id)
{
	struct desc_ref *ref;
	u32 index;
	u64 w;
	int ret;

	ret = pool_alloc(xseg, POOL_DESCS, &index);
	if (ret)
		return ret;
	w = shm_read(&xseg_desc(xseg, index)->own);
	ref = &xseg->descs[index];
	if (ref->count)		/* only a lie hands out what we hold */
		return broken(xseg, "descriptor");
	WRITE_ONCE(ref->gen, XOWN_GEN(w));
	WRITE_ONCE(ref->type_id, type_id);
	ret = desc_init(xseg, index, type_id);
	if (ret) {
		pool_free(xseg, POOL_DESCS, index);
		return ret;
	}
	desc_my_bit(xseg, index, xseg->me, true);
	shm_cas(&xseg_desc(xseg, index)->own, w,
		own_next(w, XOWN_LIVE, xseg->me));
	WRITE_ONCE(ref->count, 1);
	xseg->types[type_id].active++;
	return (int)index;
}

struct signal_desc __xseg_shared *
xseg_get_signal_desc(struct xseg *xseg, const char *type)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return env_err_ptr(ret);
	mutex_lock(&xseg->lock);
	ret = type_find_inited(xseg, type);
	if (ret >= 0)
		ret = desc_new_locked(xseg, (u32)ret);
	mutex_unlock(&xseg->lock);
	if (ret < 0)
		return env_err_ptr(ret);
	return &xseg_desc(xseg, (u32)ret)->desc;
}

int xseg_hold_signal_desc(struct xseg *xseg, void __xseg_shared *sd)
{
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	mutex_lock(&xseg->lock);
	ret = desc_held(xseg, sd, &index);
	if (!ret)
		WRITE_ONCE(xseg->descs[index].count,
			   xseg->descs[index].count + 1);
	mutex_unlock(&xseg->lock);
	return ret;
}

/* One more reference to what a port refers to; the index. Lock held. */
static int desc_get_tagged_locked(struct xseg *xseg, u64 tagged)
{
	struct desc_ref *ref;
	u32 index;
	u64 id;
	int ret;

	if (desc_index(xseg, XPTR_OFF(tagged), &index))
		return broken(xseg, "port");
	ref = &xseg->descs[index];
	if (ref->count) {
		if (ref->gen != XPTR_GEN(tagged))
			return -ENOTCONN;	/* the port's is gone */
		WRITE_ONCE(ref->count, ref->count + 1);
		return (int)index;
	}
	ret = desc_get(xseg, index, XPTR_GEN(tagged));
	if (ret)
		return ret;
	id = shm_read(&xseg_desc(xseg, index)->desc.type);
	if (!type_met(xseg, id)) {
		desc_reap(xseg, index, xseg->me);
		return -ENOENT;
	}
	id = array_index_nospec(id, XSEG_NR_SIGNAL_TYPES);
	WRITE_ONCE(ref->gen, XPTR_GEN(tagged));
	WRITE_ONCE(ref->type_id, (u32)id);
	WRITE_ONCE(ref->count, 1);
	xseg->types[id].active++;
	return (int)index;
}

struct signal_desc __xseg_shared *
xseg_get_port_signal_desc(struct xseg *xseg, xport portno)
{
	u64 tagged;
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return env_err_ptr(ret);
	if (!port_valid(xseg, portno))
		return env_err_ptr(-EINVAL);
	tagged = shm_load_acquire(&xseg_port(xseg, portno)->signal_desc);
	if (!tagged)
		return env_err_ptr(-ENOTCONN);
	/* Meet the type before the lock, which that takes itself. */
	if (!desc_index(xseg, XPTR_OFF(tagged), &index))
		type_by_id(xseg, shm_read(&xseg_desc(xseg, index)->desc.type));
	mutex_lock(&xseg->lock);
	ret = desc_get_tagged_locked(xseg, tagged);
	mutex_unlock(&xseg->lock);
	if (ret < 0)
		return env_err_ptr(ret);
	return &xseg_desc(xseg, (u32)ret)->desc;
}

/**
 * desc_put_locked() - drop one of this peer's references
 * @xseg:  the handle; its lock is held
 * @index: a descriptor that it holds
 *
 * Return: 1 if it was the peer's last: desc_reap() for this peer is to follow
 * without the lock; else 0.
 */
int desc_put_locked(struct xseg *xseg, u32 index)
{
	struct desc_ref *ref = &xseg->descs[index];
	struct type_ref *type = &xseg->types[ref->type_id];

	WRITE_ONCE(ref->count, ref->count - 1);
	if (ref->count)
		return 0;
	type->active--;
	if (type->type->ops.release)
		type->type->ops.release(xseg, &xseg_desc(xseg, index)->ec);
	return 1;
}

int xseg_put_signal_desc(struct xseg *xseg, void __xseg_shared *sd)
{
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	mutex_lock(&xseg->lock);
	ret = desc_held(xseg, sd, &index);
	if (!ret && xseg->descs[index].count == xseg->descs[index].ports)
		ret = -EINVAL;	/* what is left belongs to its ports */
	if (!ret && desc_put_locked(xseg, index))
		desc_reap(xseg, index, xseg->me);
	mutex_unlock(&xseg->lock);
	return ret;
}

int xseg_get_desc_id(struct xseg *xseg, const void __xseg_shared *sd,
		     struct xseg_desc_id *id)
{
	struct xseg_desc __xseg_shared *d;
	u32 index;

	if (handle_check(xseg))
		return -ESTALE;
	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	d = xseg_desc(xseg, index);
	id->index = index;
	id->gen = XOWN_GEN(shm_load_acquire(&d->own));
	id->owner = shm_read(&d->owner);
	id->incarnation = shm_read(&d->incarnation);
	id->self = id->owner == xseg->me &&
		   id->incarnation == xseg->incarnation;
	return 0;
}
