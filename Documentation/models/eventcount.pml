/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * eventcount.pml - the event count of a signal descriptor, core/ec.c
 *
 * One 64-bit word {seq, asleep, waiters}; here the globals sq, as, wt, which
 * change together in one atomic step where C has one operation on the word. A
 * loop around a compare and swap is one step: a failed turn changes nothing.
 *
 * What is checked: when nothing can move any more, nobody sleeps while
 * something lies in the queue. A process may stop for ever before any step.
 *
 * MODE 0	no fault
 *	1	a signaller is killed anywhere; a reaper then signals, too
 *		(REAPDIES: and is killed anywhere itself; a second one signals)
 *	2	a signaller is stopped for ever, nobody reaps: what the others
 *		signalled must arrive
 *	3	a signaller is killed and nobody reaps (must fail: why sleeps are
 *		capped and reaping ends with a signal)
 *	4	somebody forces and is stopped for ever before its wake
 * NS, ITEMS	signallers, and what each of them queues and signals
 * NWT		waiters; CANCELS, TMOS: how often each cancels without having
 *		found anything, and has its sleep time out
 * VANISH	the last waiter's thread may end anywhere without a cancel
 * KADD		a signaller may give up its compare and swap and add to seq (the
 *		kernel, after a bounded number of tries)
 * LIMIT	xseg_ec_prepare() that finds so many waiters collapses the counts, which
 *		ends its wait (more than NWT, else the waiters never let each
 *		other sleep); MAXW: the counter's width, never to be passed
 * STALE	so many threads went to sleep and vanished before
 *
 * Seeded faults, each of which must be found:
 * BUG 1	the bump wipes the counts though there are sleepers to be woken
 *	2	a waiter sleeps without xseg_ec_sleep()
 *	3	xseg_ec_sleep() does not compare seq, and the type relies on it
 *	4	xseg_ec_woken() wipes without comparing
 *	5	xseg_ec_woken() compares seq and asleep, not waiters
 *	6	xseg_ec_cancel() does not compare seq
 *	7	a signaller relies on the wake of another that bumped before it
 *	8	a forced overflow keeps the counts
 *	9	xseg_ec_force() wipes the counts before the wake
 *	10	xseg_ec_prepare() counts once more for each turn that is lost
 * NFS		no full barrier between enqueue and xseg_ec_bump()
 * NFW		no full barrier between xseg_ec_prepare() and the look
 */
#ifndef MODE
#define MODE	0
#endif
#ifndef NS
#define NS	2
#endif
#ifndef ITEMS
#define ITEMS	2
#endif
#ifndef NWT
#define NWT	1
#endif
#ifndef CANCELS
#define CANCELS	2
#endif
#ifndef TMOS
#define TMOS	1
#endif
#ifndef BUG
#define BUG	0
#endif
#ifndef LIMIT
#define LIMIT	100
#endif
#ifndef STALE
#define STALE	0
#endif
#ifndef MAXW
#define MAXW	200
#endif

byte sq, as, wt;		/* the word */
byte item[NS];			/* queued by each signaller, not yet taken */
bool owes[NS];			/* a signal of this signaller is not finished */
bool stopped[NS + 2];		/* killed or stopped: signallers, then the reapers */
bool fin[NS];			/* came to its end */
bool gone[NWT];			/* the waiter's thread has vanished */
bool insleep[NWT];		/* in FUTEX_WAIT */
bool reaped;

/* A step of a signaller, of a waiter: not taken any more by the dead. */
#define S(step)	atomic { !stopped[me]; step }
#define W(step)	atomic { !gone[me]; step }

#define QUEUED	(item[0] || item[NS - 1] || item[NS / 2])

inline take_all()
{
	i = 0;
	do
	:: i == NS -> break
	:: else -> item[i] = 0; i++
	od;
	i = 0
}

inline futex_wake_all()
{
	i = 0;
	do
	:: i == NWT -> break
	:: else -> insleep[i] = 0; i++
	od;
	i = 0
}

/*
 * xseg_ec_force(), the swap: whoever registered under an older seq will not
 * subtract, so that of the counts only "somebody may be asleep" must stay.
 */
inline ec_collapse()
{
#if BUG == 8
	sq++
#elif BUG == 9
	sq++; as = 0; wt = 0
#else
	sq++; as = (as > 0 -> 1 : 0); wt = as
#endif
}

/* desc_signal(), the type's ->signal(): with the word as loaded in vs, va, vw */
inline ec_signal()
{
	do
	:: vw == 0 -> break			/* elided */
	:: else ->
		ok = 0;
		atomic {			/* xseg_ec_bump(): the CAS */
			!stopped[me];
			if
			:: sq == vs && as == va && wt == vw ->
				ok = 1; sq++;
#if BUG == 1
				as = 0; wt = 0
#else
				if
				:: va == 0 -> wt = 0
				:: else
				fi
#endif
			:: else ->
				vs = sq; va = as; vw = wt
#ifdef KADD
			:: ok = 1; vs = sq; va = as; vw = wt; sq++
#endif
			fi
		}
		if
		:: !ok -> skip
		:: ok && va == 0 -> break	/* all are awake and look at seq */
		:: ok && va > 0 ->
			S(futex_wake_all());	/* the type's ->signal() */
#if BUG == 4
			S(as = 0; wt = 0);
#elif BUG == 5
			S(if :: sq == vs + 1 && as == va -> as = 0; wt = 0 :: else fi);
#else
			/* xseg_ec_woken(): one cmpxchg, no retry */
			S(if :: sq == vs + 1 && as == va && wt == vw -> as = 0; wt = 0 :: else fi);
#endif
			break
		fi;
#if BUG == 7
		if
		:: !ok -> break
		:: else
		fi
#endif
	od
}

proctype signaller(byte me)
{
	byte n, vs, va, vw, i;
	bool ok;

	do
	:: n == ITEMS -> break
	:: else ->
#ifdef NFS
		S(vs = sq; va = as; vw = wt; owes[me] = 1);
		S(item[me]++);
#else
		S(item[me]++; owes[me] = 1);		/* the caller's ring_push() */
		S(vs = sq; va = as; vw = wt);		/* xseg_ec_bump(): smp_mb(), load */
#endif
		ec_signal();
		S(owes[me] = 0);
		vs = 0; va = 0; vw = 0; ok = 0;
		n++
	od;
	fin[me] = 1
}

proctype waiter(byte me)
{
	byte snap, s, i, a, nc, nt;
	bool got, slept;

end:	do
	:: gone[me] -> break
	:: else ->
#ifdef NFW
		W(got = QUEUED; if :: got -> take_all() :: else fi);
#endif
		/* xseg_ec_prepare() */
		W(snap = sq; wt++; assert(wt <= MAXW); s = sq; a = as; i = wt);
		do
		:: i <= LIMIT -> break
		:: else ->
			/* no wake is needed: where as > 0 the next signal brings it */
			W(if
			  :: sq == s && as == a && wt == i ->
#if BUG == 10
				ec_collapse(); wt++; snap = sq; i = 0
			  :: else -> wt++; assert(wt <= MAXW); snap = sq; s = sq; a = as; i = wt
#else
				ec_collapse(); i = 0
			  :: else -> s = sq; a = as; i = wt
#endif
			  fi)
		od;
		s = 0; i = 0;
#ifndef NFW
		/* the caller's look at its queue, after smp_mb() */
		W(got = QUEUED; if :: got -> take_all() :: else fi);
#endif
		if
		:: got -> skip
		:: !got && nc < CANCELS -> nc++
		:: !got ->
			/* ->wait_signal(): xseg_ec_signalled() for a while, then xseg_ec_sleep() */
#if BUG == 2
			slept = 1;
#elif BUG == 3
			W(as++);
			slept = 1;
#else
			W(if :: sq == snap -> as++; slept = 1 :: else fi);
#endif
			if
			:: slept ->
				/* FUTEX_WAIT: compare and queue are one against FUTEX_WAKE */
#if BUG == 3
				W(insleep[me] = 1);
#else
				W(if :: sq == snap -> insleep[me] = 1 :: else fi);
#endif
				if
				:: !insleep[me] || gone[me]
				:: atomic { insleep[me] && nt < TMOS -> nt++; insleep[me] = 0 }
				fi
			:: else
			fi
		fi;
		/* xseg_ec_cancel(snap, slept); also after a wait: then seq has moved, or it timed out */
#if BUG == 6
		W(wt = (wt > 0 -> wt - 1 : 0); as = (slept && as > 0 -> as - 1 : as));
#else
		W(if :: sq == snap -> wt--; if :: slept -> as-- :: else fi :: else fi);
#endif
		snap = 0; a = 0; got = 0; slept = 0
	od
}

/* descs_wake(): the reaper's last step for each descriptor */
proctype reaper(byte me)
{
	byte vs, va, vw, i;
	bool ok;

	if
	:: me == NS -> skip
	:: me == NS + 1 -> stopped[NS] || reaped
	fi;
	S(vs = sq; va = as; vw = wt);
	ec_signal();
	S(reaped = 1)
}

proctype faults()
{
	byte v;

#if MODE == 4
	atomic { ec_collapse() }
#elif MODE > 0
	select(v : 0 .. NS - 1);
	if
	:: atomic { !fin[v] -> stopped[v] = 1 };
#if MODE == 1
		run reaper(NS);
#ifdef REAPDIES
		run reaper(NS + 1);
		stopped[NS] = 1;
#endif
#endif
	:: skip
	fi;
#endif
#ifdef VANISH
	atomic { gone[NWT - 1] = 1; insleep[NWT - 1] = 0 };
#endif
	v = 0
}

proctype monitor()
{
	byte i, n;

	timeout ->
	d_step {
		do
		:: i == NS -> break
		:: else ->
#if MODE == 2
			assert(!(item[i] > 0 && !owes[i]));
#else
			assert(item[i] == 0);
#endif
			i++
		od;
#if MODE == 0 && BUG == 0
		/* and while one sleeps the word says so */
		i = 0;
		do
		:: i == NWT -> break
		:: else -> n = n + insleep[i]; i++
		od;
		assert(as <= wt && (n == 0 || as > 0))
#endif
	}
}

init
{
	byte i;

	atomic {
		as = STALE; wt = STALE;
		do
		:: i == NS -> break
		:: else -> run signaller(i); i++
		od;
		i = 0;
		do
		:: i == NWT -> break
		:: else -> run waiter(i); i++
		od;
		i = 0;
		run faults();
		run monitor()
	}
}
