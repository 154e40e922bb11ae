/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * route.pml - the path of a request against the death of who holds it,
 * core/route.c and core/reap.c
 *
 * A client submits one request to port P. Servers M1 and then M2 are bound to P;
 * who accepts it answers, or forwards it from a port T of its own to port Q,
 * whose servers E1 and then E2 answer to T. Each store into the request is a step, and
 * anybody may be killed before any step; a reaper follows. P and T are bound
 * and unbound in one step, pushes and pops are one step each: ring.pml and
 * port.pml have these. Full queues are left out.
 *
 * Checked:
 *
 * - a client that lives is answered, once: when nothing can move any more it has
 *   its answer, or the request lies with P, which keeps it, and nobody is bound;
 * - what a server of P accepts has one hop, what E1 or E2 accepts has two, and neither
 *   carries an answer;
 * - an answer that was not failed was given to the client by a server of P;
 * - a server of P that lives gets back what it has forwarded;
 * - where P keeps (KEEP 1) the client is never told of anybody's death.
 *
 * KEEP, QKEEP: XSEG_PORT_KEEP of P and of Q; KILLS, of FIRST to LAST; FWD: how often the request is
 * forwarded at most; PASS: also with XSEG_PASS, and is then E1's or E2's to
 * answer; REAPDIES: the reaper is killed anywhere too, a second one
 * follows.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	request_unsend() is left out
 *	2	a request goes to the next server of the hop, not of the port that
 *		it was accepted from
 *	3	request_unsend() does not compare the version
 *	4	request_requeue() clears the hop before it says which port
 *	5	hop_back() cuts the path in front of the hop that it sends to
 *	6	the reaper makes the request its own before request_unsend()
 *	7	request_push() notes what it is about to do after the first change
 *	8	request_reap() clears the hop before it says which port
 */
#ifndef KEEP
#define KEEP	1
#endif
#ifndef QKEEP
#define QKEEP	0
#endif
#ifndef KILLS
#define KILLS	1
#endif
#ifndef FWD
#define FWD	2
#endif
#ifndef FIRST
#define FIRST	C
#endif
#ifndef LAST
#define LAST	E2
#endif
#ifndef BUG
#define BUG	0
#endif

/* peers */
#define C	0
#define M1	1
#define M2	2
#define E1	3
#define E2	4
#define PEERS	5
#define REAPER	5		/* and 6 */
#define NOBODY	7

/* ports */
#define P	1
#define Q	2
#define T	3
#define S	4

/* rings that the request may be in */
#define IN_P	1
#define IN_Q	2
#define IN_T	3
#define IN_S	4

#define SERVED	1
#define FAILED	2

#define HOP(port, ep, from)	((port) * 32 + (ep) * 8 + (from))
#define HOP_PORT(h)	((h) / 32)
#define HOP_EPOCH(h)	(((h) % 32) / 8)
#define HOP_FROM(h)	((h) % 8)

/* the request */
byte own = C, ver;		/* its word */
byte in;			/* the ring that it is in */
byte top, path[4], dst = P, state;
bool snd;			/* sending */
byte sver, sfrom, stop;

/* the ports' words: S of the client, P and T of M1 or M2, Q of E1 or E2 */
bool sb = 1, mb, eb;
byte mep, mwho, ewho;

bool dead[PEERS + 2], reaped[PEERS + 2];
byte forwards;
bool fin;			/* the client came to its end */
bool asked;			/* ghost: the client waits for its answer */
byte by;			/* ghost: who answered last */
bool passed;			/* ghost: it went on with XSEG_PASS */
byte owed;			/* ghost: 1 + who forwarded it and waits */

#define STEP(step)	atomic { !dead[me]; step }
#define WHEN(guard, step)	atomic { !dead[me] && (guard) -> step }

/* hop_current() */
#define CURRENT(h) \
	((HOP_PORT(h) == S && sb) || \
	 (HOP_PORT(h) == T && mb && HOP_EPOCH(h) == mep))

/* hop_of() */
#define HOP_OF(h, d) \
	((HOP_PORT(h) == S && (d) == C) || \
	 (HOP_PORT(h) == T && HOP_EPOCH(h) == mep && mwho == (d)))

/* flags & XSEG_PORT_KEEP */
#define KEEPS(port)	(((port) == P && KEEP) || ((port) == Q && QKEEP))

/* port_keeps() */
#define WANTED(port) \
	(KEEPS(port) || ((port) == P && mb) || ((port) == Q && eb))

/* ring_pop() (T1), ring_push() (P1) */
#define POP	in = 0; own = me; ver++
#define PUSH(ring)	assert(own == me && in == 0); in = ring

/* path_set(req, n) */
inline path_set(n)
{
	STEP(path[n] = 0);
	STEP(top = n)
}

/* request_requeue(): P or Q keeps what lies there; accepted_from() first */
inline request_requeue(port)
{
#if BUG == 4
	path_set(top);
	STEP(state = 0);
	STEP(dst = port);
#else
	STEP(dst = port);
	STEP(state = 0);
	path_set(top);
#endif
	STEP(assert(port == P || port == Q); PUSH(port))
}

/*
 * hop_back() with must, from the n-th hop; hop_push(), and port_resort() as
 * another turn.
 */
inline hop_back(n)
{
	hb = n;
	do
	:: hb == 0 ->
		path_set(0);
		/* request_drop(): nobody waits for it */
		STEP(assert(!asked || dead[C]); own = NOBODY; ver++);
		break
	:: else ->
		hb--;
#if BUG == 5
		path_set(hb);
		hop = (hb == 0 -> HOP(S, 0, 0) : HOP(T, mep, P));
#else
		STEP(top = hb);
		hop = path[hb];
#endif
		STEP(ok = CURRENT(hop));
		if
		:: ok ->
			STEP(PUSH((HOP_PORT(hop) == S -> IN_S : IN_T)));
			STEP(ok = CURRENT(hop));	/* after smp_mb() (B2) */
			if
			:: ok -> break
			:: else
			fi;
			/* replies_sort() */
			STEP(if :: in == IN_S && !sb || in == IN_T && !mb -> POP; ok = 1
				:: else fi);
			if
			:: !ok -> break
			:: else -> hb = top + 1		/* reply_again() */
			fi
		:: else ->
#if BUG == 2
			from = HOP_PORT(hop);
			STEP(ok = hb > 0 && KEEP);
#else
			from = HOP_FROM(hop);
			STEP(ok = hb > 0 && KEEPS(from));
#endif
			if
			:: ok -> request_requeue(from); break	/* server_next() */
			:: else -> STEP(state = FAILED)		/* request_fail() */
			fi
		fi
	od;
	hb = 0; hop = 0; ok = 0; from = 0
}

/* drain_requests() */
inline drain_requests(port)
{
	STEP(if :: !WANTED(port) && in == port -> POP; ok = 1 :: else ok = 0 fi);
	if
	:: ok -> STEP(state = FAILED); hop_back(top)
	:: else
	fi;
	ok = 0
}

/* request_push(), sent_check(): by port, whose epoch is ep; 0: XSEG_PASS */
inline request_push(to, port, ep)
{
	n = top;
	from = (path[n] -> HOP_FROM(path[n]) : dst);	/* sent_save() */
#if BUG == 7
	STEP(path[n + 1] = 0);
	STEP(top = n + 1);
	STEP(snd = 1; sver = ver; sfrom = from; stop = n);
#else
	STEP(snd = 1; sver = ver; sfrom = from; stop = n);	/* sending_note() */
	/* path_push() */
	if
	:: port == 0 -> path_set(n)
	:: else -> STEP(path[n + 1] = 0); STEP(top = n + 1)
	fi;
#endif
	if
	:: port -> STEP(path[n] = HOP(port, ep, from))
	:: else
	fi;
	STEP(state = 0);
	STEP(dst = to);
	STEP(PUSH(to);
	     if
	     :: port == S -> asked = 1
	     :: port == T -> owed = 1 + me
	     :: else -> passed = 1
	     fi);
	n = 0; from = 0;
	drain_requests(to)
}

proctype client(byte me)
{
	byte hb, hop, from, n;
	bool ok;

	STEP(ok = WANTED(P));
	if
	:: ok -> request_push(P, S, 0)
	:: else
	fi;
	ok = 0;
	if
	:: asked ->
		/* xseg_receive() */
		WHEN(in == IN_S,
		     POP;
		     assert(top == 0 && path[0] == HOP(S, 0, P));
		     assert(state == FAILED || state == SERVED);
		     assert(state == FAILED || by == M1 || by == M2 || passed);
		     assert(!KEEP || state == SERVED || passed);
		     assert(owed == 0 || dead[owed - 1]);
		     asked = 0)
	:: else
	fi;
	fin = 1
}

proctype middle(byte me)
{
	byte hb, hop, from, n, mine;
	bool ok;

	/* xseg_bind_port() */
	atomic {
		dead[me] || !mb;
		if
		:: !dead[me] -> mb = 1; mep++; mwho = me; mine = mep
		:: else
		fi
	}
end:	do
	:: WHEN(in == IN_P,
			/* xseg_accept() */
			POP;
			assert(top == 1 && path[1] == 0 && state == 0);
			assert(owed == 0 || dead[owed - 1]);
			assert(!passed);
			owed = 0);
		ok = 1;
work:		if
		:: WHEN(forwards < FWD && WANTED(Q), forwards++);
			request_push(Q, T, mine)
#ifdef PASS
		:: WHEN(forwards < FWD && WANTED(Q), forwards++);
			request_push(Q, 0, 0)
#endif
		:: STEP(state = SERVED; by = me);
			hop_back(top)			/* xseg_respond() */
		fi;
		ok = 0
	:: WHEN(in == IN_T,
			/* xseg_receive() */
			POP;
			ok = (path[top] == HOP(T, mine, HOP_FROM(path[top])));
			if
			:: ok -> assert(top == 1 && owed == 1 + me); owed = 0
			:: else
			fi);
		if
		:: ok -> goto work
		:: else -> hop_back(top + 1)		/* reply_again() */
		fi
	od
}

proctype last(byte me)
{
	byte hb, hop, from;
	bool ok;

	atomic {
		dead[me] || !eb;
		if
		:: !dead[me] -> eb = 1; ewho = me
		:: else
		fi
	}
end:	do
	:: WHEN(in == IN_Q,
			POP;
			assert(top == (passed -> 1 : 2));
			assert(path[top] == 0 && state == 0 && dst == Q));
		STEP(state = SERVED; by = me);
		hop_back(top)
	od
}

/* request_unsend(), w being the version that was noted */
inline request_unsend()
{
	if
	:: BUG != 1 && snd && (sver == w || BUG == 3) ->
		STEP(dst = sfrom);
		n = stop;
		path_set(n);
		n = 0
	:: else
	fi
}

/* reap_peer() of d */
inline reap(d)
{
	/* port_reap() */
	STEP(if
	     :: d == C -> sb = 0
	     :: eb && ewho == d -> eb = 0
	     :: mb && mwho == d -> mb = 0
	     :: else
	     fi);
	/* object_reap() of what is the dead one's and in no ring */
	STEP(ok = (own == d && in == 0); w = ver);
	if
	:: ok ->
#if BUG != 6
		request_unsend();
#endif
		STEP(own = me; ver++);
#if BUG == 6
		request_unsend();
#endif
		/* request_reap() */
		hop = path[top];
		STEP(ok = hop && !HOP_OF(hop, d));
		if
		:: ok -> hop_back(top + 1)		/* reply_again() */
		:: else ->
#if BUG == 2
			from = (hop -> HOP_PORT(hop) : dst);
#else
			from = (hop -> HOP_FROM(hop) : dst);
#endif
#if BUG != 8
			if
			:: hop -> STEP(dst = from)	/* accepted_from() */
			:: else
			fi;
#endif
			hop = 0;
			path_set(top);
			STEP(ok = top > 0 && KEEPS(from));
			if
			:: ok -> request_requeue(from)	/* server_next() */
			:: else -> STEP(state = FAILED); hop_back(top)
			fi
		fi;
		from = 0; hop = 0
	:: else
	fi;
	w = 0; ok = 0;
	/* ports_sweep() */
	drain_requests(P);
	drain_requests(Q);
	STEP(if :: in == IN_S && !sb || in == IN_T && !mb -> POP; ok = 1 :: else ok = 0 fi);
	if
	:: ok -> hop_back(top + 1)
	:: else
	fi;
	ok = 0
}

proctype reaper(byte me)
{
	byte hb, hop, from, n, w, v;
	bool ok;

	if
	:: me == REAPER
	:: me > REAPER -> dead[REAPER]
	fi;
end:	do
	:: atomic {
		!dead[me];
		if
		:: dead[C] && !reaped[C] -> v = C
		:: dead[M1] && !reaped[M1] -> v = M1
		:: dead[M2] && !reaped[M2] -> v = M2
		:: dead[E1] && !reaped[E1] -> v = E1
		:: dead[E2] && !reaped[E2] -> v = E2
		:: me > REAPER && !reaped[REAPER] -> v = REAPER
		fi
	   };
		reap(v);
		STEP(reaped[v] = 1);
		v = 0
	od
}

proctype killer()
{
	byte k, v;

	do
	:: k == KILLS -> break
	:: k < KILLS ->
		select(v : FIRST .. LAST);
		atomic { if :: v == C && fin -> skip :: else -> dead[v] = 1 fi };
		k++; v = 0
	od;
#ifdef REAPDIES
	dead[REAPER] = 1
#endif
}

proctype monitor()
{
	timeout ->
	d_step {
		assert(own == NOBODY || !dead[own] || in);
		assert(dead[C] || !asked || (in == IN_P && KEEP && !mb) ||
		       (in == IN_Q && QKEEP && !eb));
		assert(in != IN_S || sb);
		assert(in != IN_T || mb);
		assert(owed == 0 || dead[owed - 1] || (in == IN_Q && QKEEP && !eb))
	}
}

init
{
	atomic {
		run client(C);
		run middle(M1);
		run middle(M2);
		run last(E1);
		run last(E2);
		run killer();
		run reaper(REAPER);
#ifdef REAPDIES
		run reaper(REAPER + 1);
#endif
		run monitor()
	}
}
