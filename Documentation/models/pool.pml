/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pool.pml - allocation from a pool whose objects begin as zeroes, core/pool.c
 *
 * Objects from index `fresh` on were never allocated: their ownership word is
 * 0 (RAW), they are in no ring. An allocator that finds the free ring empty
 * claims the first of them by its ownership word, and only then moves fresh;
 * anybody who finds it claimed moves fresh for its claimer.
 *
 * The ring is a set here (ring.pml has the ring): its linearisation points are
 * one step each, and the ownership word does not change when an object enters
 * it. Checked: no object is handed out twice; when all is over each is in the
 * free ring or still RAW; an allocator never runs in circles; ENOMEM is true.
 *
 * NW workers, MAX objects, ROUNDS of alloc and free, KILLS of workers anywhere;
 * REAPDIES: the reaper is killed anywhere too, a second one does it all again.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	the reaper looks at indices below fresh only
 *	2	who lost the claim does not move fresh
 *	3	fresh is moved first, the ownership word written then
 *	4	the claim is a store, not a compare and swap
 *	5	the reaper reads fresh before it has the proof of death
 *	6	ENOMEM without a second look at the ring (MAX 1)
 *	7	the reaper does not look whether the object is in the ring
 */
#ifndef NW
#define NW	2
#endif
#ifndef MAX
#define MAX	2
#endif
#ifndef ROUNDS
#define ROUNDS	2
#endif
#ifndef KILLS
#define KILLS	1
#endif
#ifndef BUG
#define BUG	0
#endif

#define REAPER	NW		/* who: workers 0 .. NW-1, reapers NW, NW+1 */
#define RAW	0
#define OWNED(who, ver)	((((ver) % 8) << 4) | 8 | (who))
#define WHO(w)	((w) & 7)	/* bit 3: not RAW */
#define VER(w)	((w) >> 4)

byte own[MAX];			/* ownership words */
bool inring[MAX];		/* the free ring */
byte fresh;
bool dead[NW + 2], fin[NW];
bool reaped;
byte user[MAX];			/* ghost: 1 + whom it was handed out to, 0 nobody */

#define STEP(step)	atomic { !dead[me]; step }

/* ENOMEM: at this moment each object is somebody's. */
inline none_left()
{
	d_step {
		i = 0;
		do
		:: i == MAX -> break
		:: else -> assert(own[i] != RAW && !inring[i]); i++
		od;
		i = 0
	}
}

/* ring_pop(): in x the object, MAX if none */
inline ring_take()
{
	atomic {
		!dead[me];
		x = 0;
		do
		:: x == MAX || inring[x] -> break
		:: else -> x++
		od;
		if
		:: x < MAX ->
			own[x] = OWNED(me, VER(own[x]) + 1);
			inring[x] = 0;
			assert(user[x] == 0);
			user[x] = 1 + me
		:: x == MAX && last -> none_left()
		:: else
		fi
	}
}

/* pool_alloc(), pool_alloc_fresh() */
inline pool_alloc()
{
	turns = 0;
	last = 0;
	do
	:: ring_take();
		if
		:: x < MAX || last -> break
		:: else
		fi;
		STEP(f = fresh);
		if
		:: f >= MAX ->
#if BUG == 6
			none_left();
			break
#else
			last = 1
#endif
		:: else ->
			turns++;
			assert(turns <= MAX);	/* each turn finds fresh further on */
#if BUG == 3
			STEP(f = fresh; fresh++);
			if
			:: f >= MAX -> last = 1
			:: else ->
				STEP(own[f] = OWNED(me, 1); assert(user[f] == 0); user[f] = 1 + me);
				x = f;
				break
			fi
#else
			won = 0;
#if BUG == 4
			STEP(won = (own[f] == RAW));
			if
			:: won -> STEP(own[f] = OWNED(me, 1); assert(user[f] == 0); user[f] = 1 + me)
			:: else
			fi;
#else
			STEP(if :: own[f] == RAW -> own[f] = OWNED(me, 1); won = 1;
				   assert(user[f] == 0); user[f] = 1 + me
				:: else fi);
#endif
#if BUG == 2
			if
			:: won -> STEP(if :: fresh == f -> fresh = f + 1 :: else fi)
			:: else
			fi;
#else
			STEP(if :: fresh == f -> fresh = f + 1 :: else fi);
#endif
			if
			:: won -> x = f; break
			:: else
			fi
#endif
		fi
	od;
	f = 0; won = 0; turns = 0
}

proctype worker(byte me)
{
	byte n, x, f, turns, i;
	bool won, last;

	do
	:: n == ROUNDS -> break
	:: else ->
		pool_alloc();
		if
		:: x < MAX ->
			STEP(assert(user[x] == 1 + me));	/* used */
			STEP(user[x] = 0; inring[x] = 1)	/* pool_free() */
		:: else -> skip
		fi;
		x = 0; last = 0; n++
	od;
	fin[me] = 1
}

/* pool_reap() */
inline reap(d)
{
#if BUG == 5
	lim = early;
#else
	STEP(lim = fresh);
#endif
	x = 0;
	do
#if BUG == 1
	:: x >= lim || x == MAX -> break
#else
	:: x > lim || x == MAX -> break
#endif
	:: else ->
		STEP(w = own[x]);
		if
		:: w != RAW && WHO(w) == (d) ->
#if BUG == 7
			found = 0;
#else
			STEP(found = inring[x]);
#endif
			won = 0;
			if
			:: !found ->
				STEP(if :: own[x] == w -> won = 1;
					   own[x] = OWNED(me, VER(w) + 1);
					   assert(!inring[x]);
					   user[x] = 1 + me
					:: else fi);
				if
				:: won -> STEP(user[x] = 0; inring[x] = 1)
				:: else
				fi
			:: else
			fi
		:: else
		fi;
		x++
	od;
	x = 0; w = 0; won = 0; found = 0; lim = 0
}

proctype reaper(byte me)
{
	byte n, d, x, w, lim, early;
	bool won, found;
	bool seen[NW];

	if
	:: me == REAPER -> skip
	:: me > REAPER -> dead[REAPER] || reaped
	fi;
	do
	:: n == NW -> break
	:: else ->
		early = fresh;
		atomic {
			if
			:: (dead[0] || fin[0]) && !seen[0] -> d = 0
			:: (dead[1] || fin[1]) && !seen[1] -> d = 1
			:: (dead[NW - 1] || fin[NW - 1]) && !seen[NW - 1] -> d = NW - 1
			fi;
			seen[d] = 1; n++
		}
		if
		:: dead[d] -> reap(d)
		:: else
		fi;
		early = 0
	od;
#ifdef REAPDIES
	if
	:: me > REAPER && dead[REAPER] -> early = fresh; reap(REAPER)
	:: else
	fi;
#endif
	STEP(reaped = 1)
}

proctype killer()
{
	byte k, v;

	do
	:: k == KILLS -> break
	:: k < KILLS ->
		select(v : 0 .. NW - 1);
		atomic { if :: !fin[v] -> dead[v] = 1 :: else fi };
		k++
	od;
	v = 0;
#ifdef REAPDIES
	atomic { if :: !reaped -> dead[REAPER] = 1 :: else fi }
#endif
}

proctype checker()
{
	byte i;

	atomic { reaped -> skip };
	d_step {
		do
		:: i == MAX -> break
		:: else ->
			assert((own[i] == RAW) != inring[i]);	/* one of both: not lost */
			assert(own[i] != RAW || i >= fresh);	/* and can still be reached */
			assert(user[i] == 0);
			i++
		od
	}
}

init
{
	byte i;

	atomic {
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
