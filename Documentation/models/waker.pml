/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * waker.pml - how a kernel peer is woken: its callback, or a thread of it,
 * kernel/waker.c
 *
 * The word {seq, asleep, waiters} is that of eventcount.pml: sq, as, wt. Beside
 * it the kernel has its own memory: the callback's state under a lock, its
 * work, the number of wakes. What is between lock and unlock is not one step,
 * since the word changes without the lock.
 *
 * NS signallers queue something and signal, ITEMS times each, as kernel peers
 * do; PROCESS: as processes do, of which one may be killed anywhere but in its
 * system call. (What it had not signalled is the reaper's: eventcount.pml.)
 *
 * Without THREAD the peer has a callback: empties its queue, arms itself, looks
 * once more and disarms itself if there is something. DIRECT: where the
 * signaller is, unless it runs already; else by the work. TAKEN: the peer takes
 * its callback away meanwhile; RELEASED: it puts the descriptor and leaves.
 * KEEP: XSEG_CALLBACK_KEEP, a callback that is armed by who calls it, and empties
 * its queue once. The peer sets it while signals come already, then looks for
 * itself, POLLS times. AGAIN: a call takes what one signaller queued, and signals
 * its own port for the rest.
 * The work calls it after a second as well, CAPS times.
 * THREAD: a thread prepares, looks, and sleeps. LIAR: a process writes any
 * counts and sequence into the word meanwhile.
 *
 * Checked, when nothing can move any more:
 *
 * - nothing that was signalled lies in the queue (not LIAR; not TAKEN);
 * - an armed callback stands in the word as asleep, and nothing else does: who
 *   signals one that is not armed is spared it;
 * - a thread that sleeps was not woken since it looked, whatever the word says;
 * - an armed callback is called after a second, whatever the word says;
 * - no callback runs after xseg_set_callback(NULL) and synchronize_rcu(), nor
 *   after wakers_flush(), which ends;
 * - a direct callback runs once at a time, and inside no other call of it.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	callback_take_locked() does not move the sequence
 *	2	callback_take_locked() does not clear the counts
 *	3	callback_arm() announces before the callback is armed, without the
 *		lock
 *	4	callback_disarm() leaves the counts
 *	5	xseg_set_callback(NULL) does not wait for the work
 *	6	callback_arm() does not look whether the callback was taken away
 *	7	a sleeper looks at the sequence only, not at the wakes
 *	8	waker_wake() looks for sleepers before it counts the wake
 *	9	a direct callback that runs keeps the next one from being run at all
 * and with KEEP:
 *	10	xseg_ec_rearm() does not move the sequence
 *	11	xseg_ec_rearm() does not announce
 *	12	callback_begin_locked() does not look whether there is a callback
 *	13	it is armed again after the call, not before
 *	14	callback_begin_locked() does not queue the work for a second later
 *	15	a direct callback does not look whether one runs already
 *	16	a direct callback does not look whether this is inside the work's call
 */
#ifndef NS
#define NS	2
#endif
#ifndef ITEMS
#define ITEMS	1
#endif
#ifndef LIES
#define LIES	1
#endif
#ifndef POLLS
#define POLLS	1
#endif
#ifndef CAPS
#define CAPS	0
#endif
#ifndef BUG
#define BUG	0
#endif

#define IDLE	0
#define ARMED	1
#define DUE	2

byte sq, as, wt;		/* the word */
byte item[NS];			/* queued by each signaller, not yet taken */
bool killed[NS];		/* a process, before it had signalled */

bool lock;			/* waker->lock */
byte state;
bool fn;			/* there is a callback */
bool running;			/* a direct one */
bool inwork;			/* waker->worker: the work is calling it */
bool timed, pending, working;	/* the work: for later, queued, at work */
byte inrcu;			/* signallers under rcu_read_lock() */
byte calls;			/* ghost: callbacks that run */
bool nested;			/* ghost: a direct one runs */
bool away;			/* ghost: the callback is gone for good */

byte wakes;
bool queued;			/* the thread, in the wait queue */
bool asleep;			/* ghost: in schedule() */
byte noted;			/* ghost: wakes, as the thread noted them */

#define STEP(step)	atomic { !killed[me]; step }
#define QUEUED		(item[0] || item[NS - 1] || item[NS / 2])
#define TAKE_ALL	item[0] = 0; item[NS - 1] = 0; item[NS / 2] = 0
#define LOCK		atomic { !lock -> lock = 1 }
#define UNLOCK		lock = 0

/* xseg_ec_init(), as callback_take_locked() uses it */
#if BUG == 1
#define EC_INIT		as = 0; wt = 0
#elif BUG == 2
#define EC_INIT		sq++
#else
#define EC_INIT		sq++; as = 0; wt = 0
#endif

inline callback_take_locked(to)
{
	state = to;
	atomic { EC_INIT }
}

/* callback_cap_locked(): work_queue_locked() with a delay */
inline callback_cap_locked()
{
	atomic { timed = (pending -> timed : 1) }
}

/* work_queue_locked() at once */
inline work_queue_locked()
{
	atomic { timed = 0; pending = 1 }
}

/* callback_begin_locked() */
inline callback_begin_locked()
{
	if
#if defined(KEEP) && BUG != 13
#if BUG == 12
	:: true ->
#else
	:: fn ->
#endif
		state = ARMED;
#if BUG == 10
		atomic { as = 1; wt = 1 };	/* xseg_ec_rearm(), smp_mb() */
#elif BUG == 11
		atomic { sq++; as = 0; wt = 0 };
#else
		atomic { sq++; as = 1; wt = 1 };
#endif
#if BUG != 14
		callback_cap_locked()
#endif
#endif
	:: else ->
		if
		:: state == ARMED -> callback_take_locked(IDLE)
		:: else
		fi;
		state = IDLE
	fi
}

/* callback_arm() where there is a callback */
inline callback_arm_locked()
{
	if
	:: state == ARMED -> callback_take_locked(IDLE)
	:: else
	fi;
	state = ARMED;
	atomic { as++; wt++ };		/* xseg_ec_prepare(), smp_mb() */
	callback_cap_locked()
}

#ifdef KEEP
#ifdef AGAIN
/* xseg_signal() for its own port: as signaller(), and no call inside a call */
inline signal_self(direct)
{
	atomic { ts = sq; ta = as; tw = wt };
	do
	:: tw == 0 -> break
	:: else ->
		again = 0;
		atomic {
			if
			:: sq == ts && as == ta && wt == tw ->
				again = 1; sq++; wt = (ta -> tw : 0)
			:: else -> ts = sq; ta = as; tw = wt
			fi
		};
		if
		:: again -> break
		:: else
		fi
	od;
	again = 0;
	if
	:: tw && ta ->
		/* waker_wake(), callback_signal() */
		atomic { wakes++ };
		LOCK;
		if
		:: state == ARMED && fn ->
#ifdef DIRECT
			/* else it would be called in here */
#if BUG == 16
			assert(running);
#else
			assert(running || !direct && inwork);
#endif
#endif
			callback_take_locked(DUE);
			work_queue_locked()
		:: else
		fi;
		UNLOCK;
		/* xseg_ec_woken() */
		atomic {
			if
			:: sq == ts + 1 && as == ta && wt == tw -> as = 0; wt = 0
			:: else
			fi
		}
	:: else
	fi;
	ts = 0; ta = 0; tw = 0
}
#endif

/* The peer's callback, as queue_callback() of xsegbd. */
inline callback(direct)
{
	atomic { calls++; assert(!away) };
#ifdef AGAIN
	atomic {
		if
		:: item[0] -> item[0] = 0
		:: item[NS / 2] -> item[NS / 2] = 0
		:: item[NS - 1] -> item[NS - 1] = 0
		:: else
		fi
	};
	if
	:: QUEUED -> signal_self(direct)
	:: else
	fi;
#else
	atomic { TAKE_ALL };
#endif
#if BUG == 13
	LOCK;
	state = ARMED;
	atomic { sq++; as = 1; wt = 1 };
	callback_cap_locked();
	UNLOCK;
#endif
	calls--
}
#else
/* The peer's callback. Only callback_arm() and callback_disarm() are ours. */
inline callback(direct)
{
	atomic { calls++; assert(!away) };
	do
	:: atomic { TAKE_ALL };			/* xseg_accept() until there is none */
		/* callback_arm() */
#if BUG == 3
		atomic { as++; wt++ };
		LOCK;
		state = (fn -> ARMED : state);
		UNLOCK;
#else
		LOCK;
#if BUG != 6
		if
		:: !fn -> UNLOCK; break
		:: else
		fi;
#endif
		callback_arm_locked();
		UNLOCK;
#endif
		if
		:: !QUEUED -> break
		:: else
		fi;
		/* callback_disarm() */
		LOCK;
		if
		:: state == ARMED ->
#if BUG == 4
			state = IDLE
#else
			callback_take_locked(IDLE)
#endif
		:: else
		fi;
		UNLOCK
	od;
	calls--
}
#endif

/* callback_work() */
#ifndef THREAD
active proctype work()
{
	bool go;
#ifdef AGAIN
	byte ts, ta, tw;
	bool again;
#endif

end:	do
	:: atomic { pending -> pending = 0; working = 1 };
		LOCK;
		if
		:: state != IDLE ->
			callback_begin_locked();
			go = fn
		:: else
		fi;
		UNLOCK;
		if
		:: go -> inwork = 1; callback(0); inwork = 0
		:: else
		fi;
		go = 0;
		working = 0
	od
}

#if CAPS
/* The timer of the delayed work. */
active proctype timer()
{
	byte n;

	do
	:: n == CAPS -> break
	:: else ->
end:		atomic { timed -> timed = 0; pending = 1 };
		n++
	od
}
#endif
#endif

/* callback_signal() */
inline callback_signal()
{
	if
	:: fn ->
		LOCK;
		if
		:: state == ARMED && fn ->
			if
#ifdef DIRECT
#if BUG == 15
			:: true ->
#else
			:: !running ->
#endif
				callback_begin_locked();
				running = 1; go = 1
#endif
#if BUG == 9
			:: running -> callback_take_locked(IDLE)
#else
			/* direct_enter() may refuse as well */
			:: callback_take_locked(DUE); work_queue_locked()
#endif
			fi
		:: else
		fi;
		UNLOCK;
		if
		:: go ->
			atomic { assert(!nested); nested = 1 };
			callback(1);
			atomic { nested = 0; running = 0 }
		:: else
		fi;
		go = 0
	:: else
	fi
}

/* waker_wake() */
inline waker_wake()
{
#if BUG == 8
	go = queued;
	atomic { wakes++ };
	if
	:: go -> atomic { queued = 0; asleep = 0 }
	:: else
	fi;
	go = 0;
#else
	atomic { wakes++ };
	/* wq_has_sleeper(): a full barrier, then the look */
	if
	:: queued -> atomic { queued = 0; asleep = 0 }	/* wake_up_all() */
	:: else
	fi;
#endif
#ifndef THREAD
	callback_signal()
#endif
}

/* waker_signal_peer(); as a process: device_signal(), waker_signal() */
proctype signaller(byte me)
{
	byte vs, va, vw, n;
	bool ok, go;
#ifdef AGAIN
	byte ts, ta, tw;
	bool again;
#endif

	do
	:: n == ITEMS -> break
	:: else ->
		STEP(item[me]++);			/* the caller's ring_push() */
		/* xseg_ec_bump(), after smp_mb() */
		STEP(vs = sq; va = as; vw = wt);
		do
		:: vw == 0 -> break
		:: else ->
			ok = 0;
			STEP(if
			     :: sq == vs && as == va && wt == vw ->
				ok = 1; sq++; wt = (va -> vw : 0)
			     :: else -> vs = sq; va = as; vw = wt
			     fi);
			if
			:: ok -> break
			:: else
			fi
		od;
		if
		:: vw && va ->
			/* a system call that has begun is finished */
			STEP(inrcu++);
			waker_wake();
			inrcu--;
			/* xseg_ec_woken() */
			STEP(if
			     :: sq == vs + 1 && as == va && wt == vw -> as = 0; wt = 0
			     :: else
			     fi)
		:: else
		fi;
		vs = 0; va = 0; vw = 0; ok = 0; n++
	od
}

#ifdef THREAD
/* xseg_prepare_wait(), the look, xseg_wait_signal(): waiter_wait() */
active proctype thread()
{
	byte seq, mine;
	bool got;

end:	do
	::
		/* waiter_add() */
		mine = wakes;
		atomic { seq = sq; wt++ };	/* xseg_ec_prepare() */
		atomic { got = QUEUED; TAKE_ALL };
		if
		:: got || wakes != mine || sq != seq ->
			/* xseg_ec_cancel() */
			atomic {
				if
				:: sq == seq && wt > 0 -> wt--
				:: else
				fi
			}
		:: else ->
			/* xseg_ec_sleep() */
			atomic {
				if
				:: sq == seq -> as++; got = 1
				:: else
				fi
			}
			if
			:: got ->
				/* waker_sleep(): prepare_to_wait_event(), a full barrier */
				do
				:: queued = 1;
#if BUG == 7
					if
					:: sq != seq -> break
					:: else
					fi;
#else
					if
					:: wakes != mine || sq != seq -> break
					:: else
					fi;
#endif
					/* schedule() */
					atomic { noted = mine; asleep = queued };
					!queued
				od;
				queued = 0;
				/* xseg_ec_cancel() */
				atomic {
					if
					:: sq == seq && wt > 0 && as > 0 -> wt--; as--
					:: else
					fi
				}
			:: else
			fi
		fi;
		got = 0; seq = 0; mine = 0
	od
}
#endif

proctype liar()
{
	byte v;

	do
	:: v == LIES -> break
	:: else ->
		if
		:: atomic { as = 0; wt = 0 }
		:: atomic { sq--; as = 0; wt = 0 }
		:: atomic { sq--; as = 1; wt = 1 }
		:: atomic { as = 1; wt = 1 }
		fi;
		v++
	od
}

/* xseg_set_callback() with a callback, then queue_poll() of xsegbd */
#ifdef KEEP
proctype peer()
{
	byte n;

	LOCK;
	fn = 1;
	callback_begin_locked();
	UNLOCK;
	do
	:: n == POLLS -> break
	:: else ->
		inrcu++;
		LOCK;
		if
		:: fn -> callback_arm_locked()
		:: else
		fi;
		UNLOCK;
		atomic { TAKE_ALL };
		inrcu--;
		n++
	od
}
#endif

/* xseg_set_callback() with NULL, synchronize_rcu() */
proctype taker()
{
	fn;
	LOCK;
	if
	:: state == ARMED -> callback_take_locked(IDLE)
	:: else
	fi;
	state = IDLE;
	fn = 0;
	UNLOCK;
#if BUG != 5
	/* cancel_delayed_work_sync() */
	atomic { pending = 0; timed = 0 };
	!working;
#endif
	inrcu == 0;
	assert(calls == 0 && !timed && !pending);
	away = 1
}

/* waker_release(), wakers_flush() */
proctype leaver()
{
	fn;
	LOCK;
	fn = 0;
	UNLOCK;
	/* cancel_delayed_work() */
	atomic { pending = 0; timed = 0 };
	/* xseg_ec_force() */
	atomic { sq++; wt = (as -> 1 : 0); as = wt };
	inrcu == 0;
	/* the work's reference */
	atomic { !timed && !pending && !working };
	assert(calls == 0);
	away = 1
}

proctype killer()
{
	if
	:: killed[0] = 1
	:: skip
	fi
}

active proctype monitor()
{
	byte i;

	timeout ->
	d_step {
#if !defined(LIAR) && !defined(TAKEN) && !defined(RELEASED)
		do
		:: i == NS -> break
		:: else -> assert(item[i] == 0 || killed[i]); i++
		od;
#endif
#if !defined(THREAD) && !defined(TAKEN) && !defined(RELEASED)
		assert(state == ARMED && timed);
#ifndef LIAR
		assert(as == 1 && wt == 1);
#endif
#endif
#ifdef TAKEN
		assert(away && as == 0 && wt == 0);
#endif
#ifdef RELEASED
		assert(away);
#endif
		assert(!asleep || wakes == noted)
	}
}

init
{
	byte i;

	atomic {
#ifdef KEEP
		run peer();
#elif !defined(THREAD)
		/* the peer has armed it once */
		fn = 1; state = ARMED; timed = 1; as = 1; wt = 1;
#endif
		do
		:: i == NS -> break
		:: else -> run signaller(i); i++
		od;
#ifdef LIAR
		run liar();
#endif
#ifdef TAKEN
		run taker();
#endif
#ifdef RELEASED
		run leaver();
#endif
#ifdef PROCESS
		run killer();
#endif
		i = 0
	}
}
