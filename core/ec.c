// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The event count: how a waiter and a signaller never miss each other, and a
 * signaller that nobody waits for pays one load.
 *
 * One word {seq, asleep, waiters}, see struct xseg_ec.
 *
 *	waiter				signaller
 *	(W1) waiters + 1, note seq	(S1) put work into the queue
 *	(W2) full barrier		(S2) full barrier
 *	(W3) look into the queue	(S3) waiters 0: done
 *	(W4) seq moved: signalled	(S4) CAS seq + 1; nobody asleep: all
 *	(W5) CAS asleep + 1, if seq	     waiters are cleared in the same
 *	     is still the same		     CAS, done
 *	(W6) sleep while seq is the	(S5) wake the sleepers
 *	     same			(S6) CAS clears waiters and sleepers, if
 *					     the word is still that of (S4)
 *
 * (W2) and (S2) pair: at least one of (W3) and (S3) sees the other side. A
 * waiter that is not asleep at (S4) needs no wake: it finds that seq moved,
 * at (W4) or because its CAS at (W5) fails. Sleepers are cleared only after
 * they have been woken: a signaller that is stopped or killed between (S4)
 * and (S5) leaves them in the word, so that the next one wakes them.
 *
 * A waiter that leaves because seq moved does not touch the word: it was or
 * will be cleared. One that gives up takes itself out by CAS, if seq is still
 * what it noted. A thread that vanishes in between stays counted until the
 * next signal.
 *
 * Model: Documentation/models/eventcount.pml.
 */
#include "core/core.h"

/*
 * A CAS fails only because somebody else changed the word, but a hostile one
 * can do that for ever. After so many the kernel and everybody else goes the
 * way that needs none, at the price of a needless wake.
 */
#define EC_TRIES	64

/* Counts are cut off here, far from where they would run into each other. */
#define EC_MAX_WAITERS	0x8000U

/*
 * The word with seq moved and the counts cut down to what must survive: that
 * somebody may be asleep. Who was counted under an earlier seq never subtracts
 * himself again.
 */
static u64 ec_collapse(u64 w)
{
	u64 next = ((w >> XEC_SEQ_SHIFT) + 1) << XEC_SEQ_SHIFT;

	return XEC_ASLEEP(w) ? next + XEC_ONE_ASLEEP + 1 : next;
}

void xseg_ec_force(struct xseg_ec __xseg_shared *ec)
{
	int tries = EC_TRIES;
	u64 w;

	while (tries--) {
		w = shm_read(&ec->word);
		if (shm_cas(&ec->word, w, ec_collapse(w)))
			return;
	}
	shm_add(&ec->word, XEC_ONE_SEQ);
}

/* Moves seq, and leaves as many waiters and sleepers as @mine says. */
static void ec_begin(struct xseg_ec __xseg_shared *ec, u64 mine)
{
	int tries = EC_TRIES;
	u64 w;

	while (tries--) {
		w = shm_read(&ec->word);
		if (shm_cas(&ec->word, w,
			    ((w + XEC_ONE_SEQ) & ~0xffffffffULL) | mine))
			return;
	}
	shm_add(&ec->word, XEC_ONE_SEQ + mine);
}

void xseg_ec_init(struct xseg_ec __xseg_shared *ec)
{
	ec_begin(ec, 0);
}

void xseg_ec_rearm(struct xseg_ec __xseg_shared *ec)
{
	ec_begin(ec, XEC_ONE_ASLEEP + 1);	/* (W1) */
	smp_mb__after_atomic();			/* (W2) pairs with (S2) */
}

__u32 xseg_ec_prepare(struct xseg_ec __xseg_shared *ec, int asleep)
{
	u64 mine = asleep ? XEC_ONE_ASLEEP + 1 : 1;
	int tries = EC_TRIES;
	u32 waiters;
	u64 w, now;

	/* (W1), (W2): pairs with (S2) in xseg_signal() */
	w = shm_add(&ec->word, mine);
	now = w + mine;
	waiters = XEC_WAITERS(w);	/* of @now it could have run over */
	/* Thousands of threads vanished without a word: it ends this wait, too. */
	while (unlikely(waiters >= EC_MAX_WAITERS) && tries--) {
		if (shm_cas(&ec->word, now, ec_collapse(now)))
			break;
		now = shm_read(&ec->word);
		waiters = XEC_WAITERS(now);
	}
	return XEC_SEQ(w);
}

int xseg_ec_signalled(const struct xseg_ec __xseg_shared *ec, __u32 seq)
{
	return XEC_SEQ(shm_load_acquire(&ec->word)) != seq;
}

void xseg_ec_cancel(struct xseg_ec __xseg_shared *ec, __u32 seq, int asleep)
{
	u64 mine = asleep ? XEC_ONE_ASLEEP + 1 : 1;
	int tries = EC_TRIES;
	u64 w;

	do {
		w = shm_read(&ec->word);
		if (XEC_SEQ(w) != seq)
			return;
		/* A lie in the word must not borrow from seq. */
		if (!XEC_WAITERS(w) || (asleep && !XEC_ASLEEP(w)))
			return;
	} while (!shm_cas(&ec->word, w, w - mine) && --tries);
}

int xseg_ec_sleep(struct xseg_ec __xseg_shared *ec, __u32 seq)
{
	int tries = EC_TRIES;
	u64 w;

	do {
		w = shm_load_acquire(&ec->word);
		if (XEC_SEQ(w) != seq)
			return -EAGAIN;
		if (shm_cas(&ec->word, w, w + XEC_ONE_ASLEEP))
			return 0;
	} while (--tries);
	return -EAGAIN;		/* as if signalled: the caller looks again */
}

int xseg_ec_bump(struct xseg_ec __xseg_shared *ec, __u64 *token)
{
	int tries = EC_TRIES;
	u64 w, next;

	do {
		w = shm_read(&ec->word);
		if (!XEC_WAITERS(w))
			return 0;
		next = w + XEC_ONE_SEQ;
		if (!XEC_ASLEEP(w))
			next &= ~0xffffffffULL;
		*token = next;
		if (shm_cas(&ec->word, w, next))	/* (S4) */
			return XEC_ASLEEP(w) ? 2 : 1;
	} while (--tries);
	*token = shm_add(&ec->word, XEC_ONE_SEQ) + XEC_ONE_SEQ;
	return 2;
}

void xseg_ec_woken(struct xseg_ec __xseg_shared *ec, __u64 token)
{
	/* (S6) */
	shm_cas(&ec->word, token, token & ~0xffffffffULL);
}
