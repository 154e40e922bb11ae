// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A bounded queue of objects, for many putters and many takers, in which
 * anybody can finish what a dead one has left half done.
 *
 * The one truth about an object is its ownership word. A slot holds
 * {lap, version, object}:
 *
 *	put:	(P1) CAS slot {lap, -, empty} -> {lap, version of own, object}
 *		(P2) CAS tail t -> t + 1
 *	take:	(T1) CAS own {version} -> {version + 1, me}
 *		(T2) CAS slot {lap, version, object} -> {lap + 1, -, empty}
 *		(T3) CAS head h -> h + 1
 *
 * The object is in the ring from (P1) to (T1), and there is no instant at
 * which it is neither there nor owned. (P2), (T2) and (T3) may be done by
 * anybody; a slot whose version differs from that of its object's word names
 * an object that was taken. A taker reads the slot again after the word:
 * between the two the object could have been taken and put elsewhere. Eight
 * bits of the version do: from (T1) to (T2) the object is its taker's alone,
 * or after the taker's death the reaper's, who does (T2) before it touches the
 * object, so that its version cannot come round while the slot names it.
 *
 * (P1) releases what the putter wrote into the object, the taker's load of
 * the slot and (T1) acquire it. The slot's lap has 32 bits and the tickets 64:
 * a wrong match takes a process that sleeps for exactly k * 2^32 laps.
 *
 * Model: Documentation/models/ring.pml. After the ring of "A Scalable,
 * Portable, and Memory-Efficient Lock-Free FIFO Queue" (Nikolaev, DISC 2019)
 * in its laps, with the ownership word in place of the entry as the point
 * where an operation takes effect.
 */
#include "core/core.h"

/*
 * The slot that a putter needs still holds last lap's object: the ring is
 * full, or a taker has not got as far as (T2).
 *
 * Return: 0 to look again, -EAGAIN if full, -EUCLEAN.
 */
static int ring_help_take(const struct xseg *xseg, const struct ring *ring,
			  __u64 __xseg_shared *slot, u64 e, u64 tail)
{
	__u64 __xseg_shared *word;
	u32 index;
	u64 own;
	int ret;

	ret = slot_own(xseg, ring, slot, e, &index, &word, &own);
	if (ret == -EAGAIN)
		return 0;
	if (ret)
		return ret;
	if (slot_current(e, own))
		return -EAGAIN;
	tail -= 1ULL << ring->order;
	shm_cas(slot, e, slot_word(XSLOT_CYCLE(e) + 1, 0, 0));
	shm_cas(&ring->shm->head, tail, tail + 1);
	return 0;
}

/**
 * ring_push_more() - ring_push(), where the first try did not do it
 * @xseg:  the handle
 * @ring:  the ring
 * @own:   the object's ownership word
 * @index: an object that the caller owns
 *
 * Return: as ring_push().
 */
int ring_push_more(const struct xseg *xseg, struct ring ring, u64 own,
		   u32 index)
{
	u32 turns = ENV_RETRIES;
	int ret;

	while (turns--) {
		u64 t = shm_load_acquire(&ring.shm->tail);
		__u64 __xseg_shared *slot = ring_slot(&ring, t);
		u64 e = shm_load_acquire(slot);
		s32 ahead = (s32)(XSLOT_CYCLE(e) - ring_cycle(&ring, t));

		if (ahead == 0 && !XSLOT_OBJ(e)) {
			if (ring_put(&ring, slot, t, e, own, index))
				return 0;
			continue;
		}
		if (ahead >= 0) {
			shm_cas(&ring.shm->tail, t, t + 1);
			continue;
		}
		/* An empty slot behind its lap: the tail was moved by a lie. */
		ret = XSLOT_OBJ(e) ?
		      ring_help_take(xseg, &ring, slot, e, t) : -EUCLEAN;
		if (ret && shm_load_acquire(&ring.shm->tail) == t)
			return ret;
	}
	return -EBUSY;
}

/**
 * ring_pop_more() - ring_pop(), where the first try did not do it
 * @xseg:  the handle
 * @ring:  the ring
 * @index: filled with the object, owned by the caller
 *
 * Return: as ring_pop().
 */
int ring_pop_more(const struct xseg *xseg, struct ring ring, u32 *index)
{
	u32 turns = ENV_RETRIES;

	while (turns--) {
		u64 h = shm_load_acquire(&ring.shm->head);
		__u64 __xseg_shared *slot = ring_slot(&ring, h);
		u64 e = shm_load_acquire(slot);
		s32 ahead = (s32)(XSLOT_CYCLE(e) - ring_cycle(&ring, h));
		int ret;

		if (ahead > 0) {
			shm_cas(&ring.shm->head, h, h + 1);
			continue;
		}
		if (unlikely(ahead < 0)) {
			/* The head passes a slot only after (T2). */
			if (shm_load_acquire(&ring.shm->head) == h)
				return -EUCLEAN;
			continue;
		}
		if (!XSLOT_OBJ(e))
			return -EAGAIN;
		ret = ring_take(xseg, &ring, slot, h, e, index);
		if (ret != -EAGAIN)
			return ret;
	}
	return -EBUSY;
}

/**
 * ring_counts() - how many objects were ever put into a ring, and taken
 * @ring: the ring
 * @in:	  filled
 * @out:  filled, not more than @in
 *
 * (P2) and (T3) may have been left to the next who comes: what counts is what
 * the slots say. Two moments where others are at work: for people.
 */
void ring_counts(const struct ring *ring, u64 *in, u64 *out)
{
	u64 h = shm_load_acquire(&ring->shm->head);
	u64 t = shm_load_acquire(&ring->shm->tail);
	u64 e = shm_load_acquire(ring_slot(ring, h));

	if ((s32)(XSLOT_CYCLE(e) - ring_cycle(ring, h)) > 0)
		h++;
	e = shm_load_acquire(ring_slot(ring, t));
	if (XSLOT_CYCLE(e) == ring_cycle(ring, t) && XSLOT_OBJ(e))
		t++;
	*in = max(h, t);
	*out = h;
}

/**
 * ring_mark() - strike the objects that are in a ring off a list
 * @xseg:  the handle
 * @ring:  the ring
 * @list:  the objects; those in the ring get the word 0
 *
 * For the reaper: a dead peer puts nothing any more, so that an object with
 * the same word is either found or was taken, and taking changes the word.
 * May sleep. Finishes (T2) where it was left out. Slots that the ring never
 * reached are not looked at: at most one put, (P1) without (P2), lies beyond
 * the tail.
 *
 * Return: true; false if it gave up, and the list must not be used.
 */
bool ring_mark(const struct xseg *xseg, const struct ring *ring,
	       const struct owned_list *list)
{
	u64 n = 1ULL << ring->order;
	u64 tail = shm_load_acquire(&ring->shm->tail);
	u64 turns = n + ENV_RETRIES;
	u64 i = 0;

	if (tail < n)
		n = tail + 1;
	while (i < n && turns--) {
		__u64 __xseg_shared *slot = &ring->shm->slot[i];
		u64 e = shm_load_acquire(slot);
		__u64 __xseg_shared *word;
		u32 index;
		u64 own;
		int ret;

		if (!(turns & 255))
			env_resched();
		if (!XSLOT_OBJ(e)) {
			i++;
			continue;
		}
		ret = slot_own(xseg, ring, slot, e, &index, &word, &own);
		if (ret == -EAGAIN)
			continue;
		if (!ret && slot_current(e, own) &&
		    index - list->first < list->nr)
			list->words[index - list->first] = 0;
		else if (!ret && !slot_current(e, own))
			shm_cas(slot, e,
				slot_word(XSLOT_CYCLE(e) + 1, 0, 0));
		i++;
	}
	return i == n;
}
