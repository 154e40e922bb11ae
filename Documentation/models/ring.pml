/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.pml - rings of owned objects, core/ring.c, and their reaper, core/reap.c
 *
 * Ring 0 is a pool's free ring, ring 1 a port's queue. Workers move objects
 * from one to the other. Any worker may stop for ever before any step; then a
 * reaper runs, next to the living. Each step is one access to shared memory.
 * Slots are {lap, version, object}, words are {version, owner}, both packed as
 * in C, with fewer bits; laps do not wrap.
 *
 * Checked: an object that is put is its putter's, one that is taken was in that
 * ring; when all is over each object is in exactly one ring. The ghosts gring
 * and gheld say where an object is at (P1) and (T1), where that changes. With
 * -DLIVE and weak fairness (pan -a -f): the reaper always comes to its end, so
 * nobody waits for the dead.
 *
 * NW workers, NOBJ objects, slots of the rings NF and NQ, ROUNDS of each worker,
 * KILLS of workers; ROLES: workers 0 and 2 only put into the queue, 1 only takes
 * from it; REAPDIES: the reaper is killed too, a second one does all again and
 * reaps the first; VBITS: versions in a slot, as a mask.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	the reaper does not look into the rings
 *	2	the taker does not read the slot again after the word
 *	3	a take happens at the slot, the word is written then
 *	4	the reaper compares slots with words read before
 */
#ifndef NW
#define NW	2
#endif
#ifndef NOBJ
#define NOBJ	2
#endif
#ifndef NQ
#define NQ	2
#endif
#ifndef NF
#define NF	2
#endif
#ifndef KILLS
#define KILLS	1
#endif
#ifndef ROUNDS
#define ROUNDS	1
#endif
#ifndef VBITS
#define VBITS	3
#endif
#ifndef BUG
#define BUG	0
#endif

#define FREE	0
#define QUEUE	1
#define RINGS	2
#define MAXN	4		/* slots of a ring at most */
#define SIZE(r)	((r) == FREE -> NF : NQ)
#define SLOT(r, t)	slot[(r) * MAXN + (t) % SIZE(r)]

#define REAPER	NW		/* owners: workers, then the reapers */
#define NOBODY	15

/* slot: lap, version, object + 1 (0: empty) */
#define SLOT_WORD(lap, ver, obj)	(((lap) << 5) | (((ver) & VBITS) << 3) | (obj))
#define LAP(e)	((e) >> 5)
#define VER(e)	(((e) >> 3) & VBITS)
#define OBJ(e)	((e) & 7)
/* ownership word: version, owner */
#define OWN_WORD(ver, who)	((((ver) & 15) << 4) | (who))
#define OWN_VER(w)	((w) >> 4)
#define OWN_WHO(w)	((w) & 15)
#define IS_CURRENT(e, w)	(VER(e) == (OWN_VER(w) & VBITS))

short slot[RINGS * MAXN];
byte head[RINGS], tail[RINGS];
short own[NOBJ];
bool dead[NW + 2], done[NW];
bool reaped;
byte gring[NOBJ];		/* 1 + the ring that an object is in, 0 none */
byte gheld[NOBJ];		/* who holds it, if none */

#define STEP(step)	atomic { !dead[me]; step }
#define CAS(word, old, new)	if :: word == old -> word = new :: else fi

/* In: x, held by me, w its word. Out: ok 1, or 0 if the ring is full. */
inline ring_push(r, x)
{
	ok = 2;
	do
	:: ok != 2 -> break
	:: else ->
		STEP(t = tail[r]);
		STEP(e = SLOT(r, t));
		c = t / SIZE(r);
		if
		:: LAP(e) == c && OBJ(e) == 0 ->
			atomic {			/* (P1) */
				!dead[me];
				if
				:: SLOT(r, t) == e ->
					SLOT(r, t) = SLOT_WORD(c, OWN_VER(w), x + 1);
					assert(gring[x] == 0 && gheld[x] == me);
					gring[x] = 1 + r;
					ok = 1
				:: else
				fi
			}
			if
			:: ok == 1 -> STEP(CAS(tail[r], t, t + 1))	/* (P2) */
			:: else
			fi
		:: LAP(e) > c || (LAP(e) == c && OBJ(e) != 0) ->
			STEP(CAS(tail[r], t, t + 1))		/* (P2) for another */
		:: else ->
			/* ring_help_take(): the object of the lap before is still there */
			assert(LAP(e) == c - 1 && OBJ(e) != 0);
			STEP(o = own[OBJ(e) - 1]);
			STEP(e2 = SLOT(r, t));
			if
			:: e2 != e -> skip
			:: e2 == e && IS_CURRENT(e, o) ->
				/* full, if the tail did not move */
				STEP(if :: tail[r] == t -> ok = 0 :: else fi)
			:: else ->
				STEP(CAS(SLOT(r, t), e, SLOT_WORD(c, 0, 0)));	/* (T2) */
				STEP(CAS(head[r], t - SIZE(r), t - SIZE(r) + 1))	/* (T3) */
			fi
		fi
	od;
	c = 0; e = 0; e2 = 0; o = 0; t = 0
}

/* Out: ok 1 with x and its word w, or 0 if the ring is empty. */
inline ring_pop(r)
{
	ok = 2;
	do
	:: ok != 2 -> break
	:: else ->
		STEP(t = head[r]);
		STEP(e = SLOT(r, t));
		c = t / SIZE(r);
		if
		:: LAP(e) > c -> STEP(CAS(head[r], t, t + 1))		/* (T3) for another */
		:: LAP(e) == c && OBJ(e) == 0 -> ok = 0
		:: LAP(e) == c && OBJ(e) != 0 ->
			/* ring_take() */
			x = OBJ(e) - 1;
#if BUG == 3
			atomic {
				!dead[me];
				if
				:: SLOT(r, t) == e ->
					SLOT(r, t) = SLOT_WORD(c + 1, 0, 0);
					assert(gring[x] == 1 + r);
					gring[x] = 0; gheld[x] = me; ok = 1
				:: else
				fi
			}
			if
			:: ok == 1 ->
				STEP(w = OWN_WORD(OWN_VER(own[x]) + 1, me); own[x] = w);
				STEP(CAS(head[r], t, t + 1))
			:: else
			fi
#else
			STEP(o = own[x]);
#if BUG == 2
			e2 = e;
#else
			STEP(e2 = SLOT(r, t));
#endif
			help = 0;
			if
			:: e2 != e -> skip
			:: e2 == e && IS_CURRENT(e, o) ->
				atomic {		/* (T1) */
					!dead[me];
					if
					:: own[x] == o ->
						w = OWN_WORD(OWN_VER(o) + 1, me);
						own[x] = w;
						assert(gring[x] == 1 + r);
						gring[x] = 0; gheld[x] = me;
						ok = 1; help = 1
					:: else
					fi
				}
			:: else -> help = 1		/* taken by another */
			fi;
			if
			:: help ->
				STEP(CAS(SLOT(r, t), e, SLOT_WORD(c + 1, 0, 0)));	/* (T2) */
				STEP(CAS(head[r], t, t + 1))				/* (T3) */
			:: else
			fi;
			help = 0
#endif
		fi
	od;
	c = 0; e = 0; e2 = 0; o = 0; t = 0
}

proctype worker(byte me)
{
	byte t, c, x, ok, n;
	short e, e2, o, w;
	bool help;

	do
	:: n == ROUNDS -> break
	:: else ->
#ifdef ROLES
		if
		:: me != 1 ->
#endif
		ring_pop(FREE);
		if
		:: ok == 1 ->
			ring_push(QUEUE, x);
			if
			:: ok == 0 -> ring_push(FREE, x); assert(ok == 1)
			:: else
			fi
		:: else
		fi;
#ifdef ROLES
		:: else ->
#endif
		ring_pop(QUEUE);
		if
		:: ok == 1 -> ring_push(FREE, x); assert(ok == 1)
		:: else
		fi;
#ifdef ROLES
		fi;
#endif
		x = 0; w = 0; ok = 0; n++
	od;
	done[me] = 1
}

proctype killer()
{
	byte k, v;

	do
	:: k == KILLS -> break
	:: k < KILLS -> break
	:: k < KILLS ->
		select(v : 0 .. NW - 1);
		atomic { if :: !done[v] -> dead[v] = 1 :: else fi };
		k++
	od;
	v = 0;
#ifdef REAPDIES
	atomic { if :: !reaped -> dead[REAPER] = 1 :: else fi }
#endif
}

/* pool_reap() of dead d */
inline pool_reap(d)
{
	/* owned_note() */
	i = 0;
	do
	:: i == NOBJ -> break
	:: else ->
		STEP(w = own[i]);
		word[i] = (OWN_WHO(w) == d -> w : 0);
		i++
	od;
	/* owned_in_rings(), ring_mark() */
	i = 0;
#if BUG != 1
	do
	:: i == RINGS * MAXN -> break
	:: i < RINGS * MAXN && i % MAXN >= SIZE(i / MAXN) -> i++
	:: else ->
		STEP(e = slot[i]);
		if
		:: OBJ(e) == 0 -> i++
		:: else ->
			x = OBJ(e) - 1;
#if BUG == 4
			o = word[x]; e2 = e;
			if
			:: o == 0 -> i++
			:: o != 0 && IS_CURRENT(e, o) -> word[x] = 0; i++
			:: else -> STEP(CAS(slot[i], e, SLOT_WORD(LAP(e) + 1, 0, 0))); i++
			fi
#else
			STEP(o = own[x]);
			STEP(e2 = slot[i]);
			if
			:: e2 != e -> skip
			:: e2 == e && IS_CURRENT(e, o) -> word[x] = 0; i++
			:: else ->
				STEP(CAS(slot[i], e, SLOT_WORD(LAP(e) + 1, 0, 0)));	/* (T2) */
				i++
			fi
#endif
		fi
	od;
#endif
	/* what is left is in no ring */
	i = 0;
	e = 0; e2 = 0; o = 0;
	do
	:: i == NOBJ -> break
	:: i < NOBJ && word[i] == 0 -> i++
	:: else ->
		ok = 0;
		atomic {
			!dead[me];
			if
			:: own[i] == word[i] ->
				w = OWN_WORD(OWN_VER(word[i]) + 1, me);
				own[i] = w;
				assert(gring[i] == 0 && gheld[i] == d);
				gheld[i] = me;
				ok = 1
			:: else
			fi
		}
		if
		:: ok == 1 -> x = i; ring_push(FREE, x); assert(ok == 1)
		:: else
		fi;
		word[i] = 0;
		i++
	od;
	i = 0; x = 0; w = 0; ok = 0
}

proctype reaper(byte me)
{
	byte t, c, x, ok, v, n, i;
	short e, e2, o, w;
	short word[NOBJ];
	bool seen[NW];

#ifdef REAPDIES
	if
	:: me == REAPER -> skip
	:: me == REAPER + 1 -> dead[REAPER] || reaped	/* it has the dead one's byte lock */
	fi;
#endif
	do
	:: n == NW -> break
	:: else ->
		atomic {
			if
			:: (dead[0] || done[0]) && !seen[0] -> v = 0
			:: (dead[1] || done[1]) && !seen[1] -> v = 1
			:: (dead[NW - 1] || done[NW - 1]) && !seen[NW - 1] -> v = NW - 1
			fi;
			seen[v] = 1; n++
		}
		if
		:: dead[v] -> pool_reap(v)
		:: else
		fi
	od;
#ifdef REAPDIES
	if
	:: me == REAPER + 1 && dead[REAPER] -> v = REAPER; pool_reap(v)
	:: else
	fi;
#endif
	STEP(reaped = 1)
}

proctype checker()
{
	byte i, j, in;

	atomic { reaped -> skip };
	d_step {
		do
		:: i == NOBJ -> break
		:: else ->
			in = 0;
			j = 0;
			do
			:: j == RINGS * MAXN -> break
			:: else ->
				in = in + (OBJ(slot[j]) == i + 1 && IS_CURRENT(slot[j], own[i]) -> 1 : 0);
				j++
			od;
			assert(in == 1);
			assert(gring[i] != 0);
			i++
		od
	}
}

init
{
	byte i;

	atomic {
		do
		:: i == NOBJ -> break
		:: else ->
			own[i] = OWN_WORD(0, NOBODY);
			slot[i] = SLOT_WORD(0, 0, i + 1);
			gring[i] = 1;
			i++
		od;
		tail[FREE] = NOBJ;
		i = 0;
		do
		:: i == NW -> break
		:: else -> run worker(i); i++
		od;
		run killer();
		run reaper(REAPER);
#ifdef REAPDIES
		run reaper(REAPER + 1);
#endif
		run checker()
	}
}

#ifdef LIVE
ltl live { <> reaped }
#endif
