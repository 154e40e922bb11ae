/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sdref.pml - references to signal descriptors, core/desc.c
 *
 * There is no count: a descriptor has one word {generation, version, state,
 * who}, and a bit for each peer that holds it. A peer that takes its bit away
 * nudges the descriptor: claims it (DYING), looks for bits, then gives it back
 * or frees it. Peer 0 allocates, publishes and puts GENS incarnations; the
 * others try to hold what they saw published, which may be old. Any peer may be
 * killed before any step; a reaper takes its bit away and nudges.
 *
 * Checked: nobody holds what is freed; what somebody holds can be held by
 * others; when all is over the descriptor is free.
 *
 * NP peers, GENS incarnations, TRIES to hold, KILLS.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	desc_get() fails on DYING instead of calling it off
 *	2	desc_nudge() leaves when it finds DYING instead of taking it over
 *	3	the reaper takes the bit away and does not nudge
 *	4	desc_get() does not nudge when it failed
 * NFG		no full barrier in desc_get() between bit and word
 * NFN		no full barrier in desc_nudge() between DYING and the bits
 */
#ifndef NP
#define NP	2
#endif
#ifndef KILLS
#define KILLS	1
#endif
#ifndef GENS
#define GENS	2
#endif
#ifndef TRIES
#define TRIES	2
#endif
#ifndef BUG
#define BUG	0
#endif

#define FREE	0		/* OWNED in the free ring */
#define OWNED	1
#define LIVE	2
#define DYING	3
#define REAPER	NP

byte gen, ver, st, who;		/* the word: changes in one step */
bool holder[NP];
byte port;			/* 1 + generation that a port refers to, 0 none */
bool dead[NP + 1], fin[NP], reaped;
bool ghold[NP];			/* ghost: holds generation ggen, from get to put */
byte ggen[NP];

#define STEP(step)	atomic { !dead[me]; step }
#define LOAD		wg = gen; wv = ver; ws = st
#define SAME(state)	(gen == wg && ver == wv && st == state)
#define SET(state, w)	ver = (ver + 1) & 7; st = state; who = w

inline desc_nudge()
{
	do
	:: STEP(LOAD);
		if
		:: ws == FREE || ws == OWNED -> break
#if BUG == 2
		:: ws == DYING -> break
		:: ws == LIVE ->
#else
		:: else ->
#endif
#ifdef NFN
			STEP(f = 0; i = 0;
			     do
			     :: i == NP -> break
			     :: else -> f = f || holder[i]; i++
			     od);
#endif
			ok = 0;
			STEP(if :: SAME(ws) -> SET(DYING, me); ok = 1 :: else fi);	/* (N1) */
			if
			:: !ok -> skip
			:: else ->
				wv = (wv + 1) & 7;
				/* smp_mb(), desc_has_holder() */
#ifndef NFN
				f = 0; i = 0;
				do
				:: i == NP || f -> break
				:: else -> STEP(f = holder[i]); i++
				od;
#endif
				ok = 0;
				if
				:: f -> STEP(if :: SAME(DYING) -> SET(LIVE, me) :: else fi)
				:: else ->
					STEP(if
					     :: SAME(DYING) ->
						i = 0;
						do
						:: i == NP -> break
						:: else -> assert(!(ghold[i] && ggen[i] == gen)); i++
						od;
						SET(OWNED, me);
						ok = 1
					     :: else
					     fi);
					if
					:: ok -> STEP(gen++; SET(FREE, 0))	/* desc_free() */
					:: else
					fi
				fi;
				break
			fi
		fi
	od;
	i = 0; f = 0; ok = 0; wg = 0; wv = 0; ws = 0
}

/* Out: r 1 if it is held now. */
inline desc_get(g)
{
	r = 2;
#ifdef NFG
	STEP(LOAD);
	STEP(holder[me] = 1);
	if
	:: wg == g && ws == LIVE ->
		STEP(r = 1; ghold[me] = 1; ggen[me] = g; assert(gen == g && st >= LIVE))
	:: else
	fi;
#else
	STEP(holder[me] = 1);			/* desc_my_bit() (G1), smp_mb() */
#endif
	do
	:: r != 2 -> break
	:: else ->
		STEP(LOAD; f = 0; i = 0;
		     do
		     :: i == NP -> break
		     :: else -> f = f || (ghold[i] && ggen[i] == g); i++
		     od;
		     i = 0;
		     if :: ws == LIVE && wg == g -> r = 1; ghold[me] = 1; ggen[me] = g :: else fi);
		if
		:: r == 1 -> break
		:: r != 1 && wg == g && ws == DYING ->
#if BUG == 1
			r = 0;
			assert(!f)		/* what is held can be held */
#else
			STEP(if
			     :: SAME(DYING) -> SET(LIVE, me); r = 1; ghold[me] = 1; ggen[me] = g
			     :: else
			     fi)
#endif
		:: else -> r = 0; assert(!f)
		fi
	od;
	if
	:: r == 0 ->
		STEP(holder[me] = 0);
#if BUG != 4
		desc_nudge()
#endif
	:: else
	fi;
	wg = 0; wv = 0; ws = 0; f = 0
}

/* desc_reap() of one's own bit */
inline desc_put()
{
	STEP(ghold[me] = 0; holder[me] = 0);
	desc_nudge()
}

proctype peer(byte me)
{
	byte wg, wv, ws, i, r, ref, n;
	bool f, ok;

	if
	:: me == 0 ->
		do
		:: ref == GENS -> break
		:: else ->
			/* desc_new_locked() */
			atomic {
				dead[me] || (st == FREE && gen == ref);
				if
				:: !dead[me] -> SET(OWNED, me)
				:: else
				fi
			}
			STEP(holder[me] = 1);
			STEP(SET(LIVE, me); ghold[me] = 1; ggen[me] = ref);
			STEP(port = ref + 1);
			STEP(port = 0);
			desc_put();
			ref++
		od
	:: else ->
		/* TRIES times, with whatever was seen at the port */
		do
		:: n == TRIES -> break
		:: else ->
			STEP(ref = port);
			if
			:: ref > 0 ->
				ref--;
				desc_get(ref);
				if
				:: r == 1 ->
					STEP(assert(gen == ref && st >= LIVE));
					desc_put()
				:: else
				fi
			:: else
			fi;
			ref = 0; r = 0; n++
		od
	fi;
	ref = 0; r = 0; n = 0;
	fin[me] = 1
}

proctype killer()
{
	byte k, v;

	do
	:: k == KILLS -> break
	:: k < KILLS -> break
	:: k < KILLS ->
		select(v : 0 .. NP - 1);
		atomic { if :: !fin[v] -> dead[v] = 1 :: else fi };
		k++; v = 0
	od
}

proctype reaper(byte me)
{
	byte wg, wv, ws, i, d, n;
	bool f, ok;
	bool seen[NP];

	do
	:: n == NP -> break
	:: else ->
		atomic {
			if
			:: (dead[0] || fin[0]) && !seen[0] -> d = 0
			:: (dead[1] || fin[1]) && !seen[1] -> d = 1
			:: (dead[NP - 1] || fin[NP - 1]) && !seen[NP - 1] -> d = NP - 1
			fi;
			seen[d] = 1; n++
		}
		if
		:: dead[d] ->
			/* port_reap(), desc_reap(): its bit */
			atomic {
				ghold[d] = 0; holder[d] = 0;
				if
				:: d == 0 -> port = 0
				:: else
				fi
			}
#if BUG != 3
			desc_nudge();
#endif
			/* pool_reap(), desc_reap_owned() */
			ok = 0;
			STEP(if :: st == OWNED && who == d -> SET(OWNED, me); ok = 1 :: else fi);
			if
			:: ok -> STEP(gen++; SET(FREE, 0))
			:: else
			fi;
			ok = 0
		:: else
		fi
	od;
	reaped = 1
}

proctype monitor()
{
	timeout -> assert(reaped && st == FREE)
}

init
{
	byte i;

	atomic {
		do
		:: i == NP -> break
		:: else -> run peer(i); i++
		od;
		run killer();
		run reaper(REAPER);
		run monitor()
	}
}
