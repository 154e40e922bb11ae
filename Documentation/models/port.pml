/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * port.pml - submit and respond against release and reap of a port,
 * core/port.c and core/request.c
 *
 * Port P is bound by servers, port S by clients, one after another. A port's
 * word is {epoch, bound}; a bind raises the epoch. The rings are sets here and
 * a request is at one place by construction (`at`); pushes and pops are one
 * step each, as ring.pml shows. What is checked:
 *
 * - when nothing can move any more, no request lies with an unbound port (but
 *   in the request ring of one that keeps), none with a dead peer, and nobody
 *   waits for a reply that will not come;
 * - a client is given only replies that were addressed to its own bind;
 * - a request submitted to a live server is not failed by one who clears up
 *   after an earlier server, and none that is kept for the next one.
 *
 * The rules:
 * submit	P neither bound nor keeping: ENOTCONN. Push; smp_mb(); look again;
 *		if it is neither now: drain_requests().
 * bind	and then replies_sort().
 * release	(owner or reaper) the word to unbound; smp_mb(); port_drain():
 *		drain_requests(), and replies_sort() if S is still unbound.
 * drain_requests  while P is neither bound nor keeping: pop; look once more; if
 *		somebody came put it back and look again, else send it back failed.
 * respond, back  if S is bound in the epoch that the request's hop names: push;
 *		smp_mb(); look again; if it is not: port_resort(): replies_sort().
 * replies_sort  as often as there are slots: pop; give it back if it is
 *		addressed to who has bound S meanwhile, else send it on.
 * reap		unbind the ports of the dead; what the dead held goes to the next
 *		server if P keeps, else back (how: route.pml); at last drain every
 *		unbound port, whoever left it so.
 *
 * KILLS: peers are killed anywhere, a reaper follows; KEEP: a server may set
 * XSEG_PORT_KEEP; CL clients, SV servers.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	no sweep: the reaper drains only ports that the dead had bound
 *	2	submit does not look again after its push
 *	3	respond does not look again after its push
 *	4	release does not drain
 *	5	drain_requests() does not look whether P is bound
 *	6	the receiver does not look at the epoch
 *	7	port_keeps() reads KEEP before the port's word
 *	8	replies_sort() does not look at the hop
 *	9	drain_requests() looks before each pop but not after it
 *	10	port_keeps() does not read the word again after KEEP
 * NFS		no full barrier in submit between push and second look
 * NFR		no full barrier in release between compare and swap and drain
 */
#ifndef CL
#define CL	2
#endif
#ifndef SV
#define SV	2
#endif
#ifndef KILLS
#define KILLS	0
#endif
#ifndef BUG
#define BUG	0
#endif

#define NP	(CL + SV)	/* peers: clients, then servers */
#define REAPER	NP
#define P	0
#define S	1

/* where a request is */
#define POOL	0
#define IN_P	1		/* in the request ring of P */
#define IN_S	2		/* in the reply ring of S */
#define HELD	3		/* HELD + peer */

byte epoch[2];			/* the words of the ports */
bool bound[2];
byte who[2];
bool keep;			/* flags of P */
byte at[CL];			/* request i is client i's */
byte hop[CL];			/* the epoch of S that its reply is addressed to */
bool dead[NP + 1], fin[NP];	/* fin: came to its end, or was reaped */
byte todo;			/* dead and not reaped */
bool busy[CL];			/* ghost: waits for its reply */
bool lost[CL];			/* ghost: since its pop P was neither bound nor keeping */

#define STEP(step)	atomic { !dead[me]; step }

/* ring_pop(): in x the request, CL if none */
#define POP(from) \
	STEP(x = 0; \
	     do \
	     :: x == CL || at[x] == from -> break \
	     :: else -> x++ \
	     od; \
	     if \
     :: x < CL -> at[x] = HELD + me; lost[x] = !(bound[P] || keep) \
     :: else \
     fi)

/* port_unbind() of P */
#define UNBIND_P \
	STEP(bound[P] = 0; \
	     if \
	     :: !keep -> lost[0] = 1; lost[CL - 1] = 1 \
	     :: else \
	     fi)

/* hop_current() */
#define CURRENT(y)	(bound[S] && epoch[S] == hop[y])

/*
 * replies_sort(): sends on what is not for who is bound to S; here it ends in
 * the pool, with a longer path it would go to the hop before.
 */
inline replies_sort()
{
	turns = CL;
	do
	:: turns == 0 -> break
	:: else ->
		turns--;
		POP(IN_S);
		if
		:: x == CL -> break
		:: else
		fi;
		/* S may be bound by now, and this one addressed to that bind */
#if BUG == 8
		ok = 0;
#else
		STEP(ok = CURRENT(x));
#endif
		if
		:: ok ->
			STEP(at[x] = IN_S);		/* request_give(), smp_mb() */
			STEP(ok = CURRENT(x));
			if
			:: !ok -> turns = CL		/* port_resort() */
			:: else				/* port_signal_aside() */
			fi
		:: else -> STEP(at[x] = POOL)		/* reply_again() */
		fi;
		x = 0
	od;
	x = 0; ok = 0; turns = 0
}

/* port_drain() of S */
inline drain_replies()
{
	STEP(ok = bound[S]);
	if
	:: !ok -> replies_sort()
	:: else
	fi;
	ok = 0
}

/* request_back(), hop_push(): send request y to where it came from */
inline back(y)
{
	STEP(ok = CURRENT(y));
	if
	:: ok ->
		STEP(assert(at[y] == HELD + me); at[y] = IN_S; lost[y] = 0);
#if BUG != 3
		STEP(ok = CURRENT(y));		/* after smp_mb() (B2) */
		if
		:: !ok -> replies_sort()	/* port_resort() */
		:: else
		fi
#endif
	:: else -> STEP(assert(at[y] == HELD + me); at[y] = POOL; lost[y] = 0)
	fi;
	x = 0; ok = 0
}

/*
 * port_keeps(): the word, the flags, and the word once more, each at its own
 * time; in ok. If the word changed somebody came: it is his now.
 */
inline port_keeps()
{
#if BUG == 7
	STEP(ok = keep);
	if
	:: !ok -> STEP(ok = bound[P])
	:: else
	fi
#else
	STEP(ok = bound[P]; e = epoch[P]);
	if
	:: !ok ->
		STEP(ok = keep);
#if BUG != 10
		if
		:: !ok -> STEP(ok = (bound[P] || epoch[P] != e))
		:: else
		fi
#endif
	:: else
	fi;
	e = 0
#endif
}

/* drain_requests() */
inline drain_requests()
{
	do
	::
#if BUG != 5
		port_keeps();
		if
		:: ok -> break
		:: else
		fi;
#endif
		POP(IN_P);
		if
		:: x == CL -> break
		:: else -> y = x; x = 0
		fi;
#if BUG == 5 || BUG == 9
		ok = 0;
#else
		port_keeps();
#endif
		if
		:: ok ->
			/* request_requeue(), and its look after that as another turn */
			STEP(at[y] = IN_P; lost[y] = 0)
		:: else ->
			/* those submitted to a live server, or kept, are not failed */
			STEP(assert(lost[y]));
			back(y)
		fi;
		y = 0
	od;
	x = 0; y = 0; ok = 0
}

proctype client(byte me)
{
	byte x, y, e, mine, turns;
	bool ok;

	/* xseg_bind_port() */
	atomic {
		dead[me] || !bound[S];
		if
		:: !dead[me] -> bound[S] = 1; epoch[S]++; who[S] = me; mine = epoch[S]
		:: else
		fi
	}
	replies_sort();
	/* xseg_get_request(), xseg_submit() */
	STEP(at[me] = HELD + me; hop[me] = mine);
	port_keeps();
	if
	:: !ok -> STEP(at[me] = POOL)			/* ENOTCONN */
	:: else ->
#ifdef NFS
		port_keeps();
#endif
		/* request_send() */
		STEP(at[me] = IN_P; busy[me] = 1);
#if BUG != 2
		/* sent_check() */
#ifndef NFS
		port_keeps();				/* after smp_mb() (B2) */
#endif
		if
		:: !ok -> drain_requests()
		:: else
		fi;
#endif
		ok = 0;
		/* xseg_receive() until it comes; or leave at once */
		if
		:: busy[me] = 0
		:: skip
		fi;
		do
		:: !busy[me] -> break
		:: busy[me] ->
			atomic { dead[me] || at[0] == IN_S || at[CL - 1] == IN_S };
			POP(IN_S);
			if
			:: x == CL -> skip
			:: x < CL && hop[x] == mine ->
				STEP(assert(x == me); at[x] = POOL; busy[me] = 0)
			:: else ->
#if BUG == 6
				assert(0);		/* takes it for its own */
#endif
				STEP(at[x] = POOL)	/* request_back() */
			fi;
			x = 0
		od
	fi;
	x = 0; ok = 0; mine = 0;
	/* xseg_release_port(): port_unbind(), port_drain() */
#ifdef NFR
	POP(IN_S);
	if
	:: x < CL -> STEP(at[x] = POOL)
	:: else
	fi;
	x = 0;
	STEP(bound[S] = 0);
#else
	STEP(bound[S] = 0);
#if BUG != 4
	drain_replies();
#endif
#endif
	STEP(fin[me] = 1)
}

proctype server(byte me)
{
	byte x, y, e, turns;
	bool ok;

	atomic {
		dead[me] || !bound[P];
		if
		:: !dead[me] -> bound[P] = 1; epoch[P]++; who[P] = me
		:: else
		fi
	}
#ifdef KEEP
	if
	:: STEP(keep = 1)
	:: STEP(keep = 0)
	fi;
#endif
	do
	:: break
	:: atomic { dead[me] || at[0] == IN_P || at[CL - 1] == IN_P };
		POP(IN_P);				/* xseg_accept() */
		if
		:: x == CL -> skip
		:: else -> y = x; x = 0; back(y)	/* xseg_respond() */
		fi;
		x = 0; y = 0
	od;
	/* xseg_release_port(): port_unbind(), port_drain() */
	UNBIND_P;
#if BUG != 4
	drain_requests();
#endif
	STEP(fin[me] = 1)
}

/* reap_peer() */
proctype reaper(byte me)
{
	byte x, y, z, e, d, turns;
	bool ok;

	do
	:: atomic {
		todo > 0;
		todo--;
		d = 0;
		do
		:: dead[d] && !fin[d] -> break
		:: else -> d++
		od
	   }
		/* port_reap() */
		STEP(ok = (bound[P] && who[P] == d));
		if
		:: ok ->
			UNBIND_P;
#if BUG == 1
			drain_requests()
#endif
		:: else
		fi;
		STEP(ok = (bound[S] && who[S] == d));
		if
		:: ok ->
			STEP(bound[S] = 0);
#if BUG == 1
			drain_replies()
#endif
		:: else
		fi;
		/* objects_reap(): request_reap() of what the dead held */
		z = 0;
		do
		:: z == CL -> break
		:: else ->
			ok = 0;
			STEP(if :: at[z] == HELD + d -> at[z] = HELD + me; ok = 1 :: else fi);
			if
			:: ok ->
				y = z;
				STEP(ok = d >= CL && keep);	/* server_next() */
				if
				:: ok -> STEP(at[y] = IN_P; lost[y] = 0)	/* request_requeue() */
				:: else -> back(y)
				fi
			:: else
			fi;
			y = 0; z++
		od;
#if BUG != 1
		/* port_drain() of every port, whoever left it unbound */
		drain_requests();
		drain_replies();
#endif
		fin[d] = 1;
		x = 0; y = 0; z = 0; ok = 0; d = 0
	od
}

proctype killer()
{
	byte k, v;

	do
	:: k == KILLS -> break
	:: k < KILLS ->
		select(v : 0 .. NP - 1);
		atomic { if :: !fin[v] && !dead[v] -> dead[v] = 1; todo++ :: else fi };
		k++; v = 0
	od
}

proctype monitor()
{
	byte i, n;

	timeout ->
	d_step {
		do
		:: i == CL -> break
		:: else ->
			assert(at[i] != IN_P || bound[P] || keep);
			assert(at[i] != IN_S || bound[S]);
			n = 0;
			do
			:: n == NP -> break
			:: else -> assert(at[i] != HELD + n || !dead[n]); n++
			od;
			assert(at[i] != HELD + REAPER);
			/* who waits does so for one that a server may still take */
			assert(!busy[i] || dead[i] || at[i] == IN_P);
			i++
		od
	}
}

init
{
	byte i;

	atomic {
		do
		:: i == CL -> break
		:: else -> run client(i); i++
		od;
		do
		:: i == NP -> break
		:: else -> run server(i); i++
		od;
		run killer();
		run reaper(REAPER);
		run monitor()
	}
}
