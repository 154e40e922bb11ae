/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * notify.pml - the module wakes a thread that sleeps in futex(2)
 *
 * The `futex` type across the border: user/types/futex.c waits,
 * kernel/types/futex_remote.c signals. A module cannot call futex_wake(): it
 * moves the sequence and then, for each registered thread whose in_wait word is
 * set, sets TIF_NOTIFY_SIGNAL and wakes it from TASK_INTERRUPTIBLE. FUTEX_WAIT
 * is modelled in the steps of kernel/futex/waitwake.c: under the bucket's lock
 * compare, set the state, queue; then schedule, unqueue, look at the flag and
 * start again. The event count is that of eventcount.pml. The busy word, which
 * only spares other system calls an EINTR, is left out.
 *
 * NK signallers in the kernel, NU in other processes (FUTEX_WAKE). Checked:
 * when nothing can move any more nothing is queued.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	a plain wake-up without TIF_NOTIFY_SIGNAL
 *	2	in_wait is set after the futex compare: (T3) is missing
 *	3	the module reads in_wait before it moves the sequence: (K3) is missing
 *	4	the sleeper is not announced, xseg_ec_sleep() is left out
 */
#ifndef NK
#define NK	2
#endif
#ifndef NU
#define NU	1
#endif
#ifndef BUG
#define BUG	0
#endif

#define RUNNING		0
#define INTERRUPTIBLE	1
#define OFF_CPU		2	/* INTERRUPTIBLE, and schedule() was called */

byte sq, as, wt;		/* the word */
byte item;			/* queued, not yet taken */
byte state;			/* of the waiting task */
bool tif;			/* its TIF_NOTIFY_SIGNAL */
bool in_wait;			/* of its registration */
bool queued;			/* in the futex bucket */
bool bucket;			/* the bucket's lock */

active proctype waiter()
{
	byte snap;
	bool got;

end:	do
	:: atomic { wt++; snap = sq };			/* xseg_ec_prepare() */
		atomic { if :: item > 0 -> item = 0; got = 1 :: else fi };
		if
		:: got ->
			atomic { if :: sq == snap -> wt-- :: else fi }	/* xseg_ec_cancel() */
		:: else ->
#if BUG != 4
			/* xseg_ec_sleep() */
			if
			:: atomic { sq != snap -> goto out }
			:: atomic { sq == snap -> as++ }
			fi;
#endif
#if BUG != 2
			in_wait = 1;			/* (T2), smp_mb() (T3) */
#endif
again:
			/* on the way back to user mode the flag is cleared */
			if
			:: tif -> tif = 0
			:: else
			fi;
			/* futex_wait_setup(), under the bucket's lock */
			atomic { !bucket -> bucket = 1 };
			if
			:: atomic { sq != snap -> bucket = 0; goto out }
			:: sq == snap
			fi;
#if BUG == 2
			in_wait = 1;
#endif
			/* futex_wait_queue() */
			state = INTERRUPTIBLE;
			atomic { queued = 1; bucket = 0 };
			atomic {			/* schedule() */
				if
				:: tif -> state = RUNNING
				:: !tif && state == INTERRUPTIBLE -> state = OFF_CPU
				:: !tif && state == RUNNING
				fi
			};
ends:			(state == RUNNING);
			/* futex_unqueue() */
			if
			:: atomic { !queued -> goto out }
			:: atomic { queued -> queued = 0 };
				if
				:: tif -> tif = 0	/* -ERESTARTSYS */
				:: else
				fi;
				goto again
			fi;
out:			in_wait = 0
		fi;
		got = 0; snap = 0
	od
}

/* xseg_ec_bump(): in ok 0 elided, 1 none asleep, 2 to be woken */
inline ec_bump()
{
	vs = sq; va = as; vw = wt;
	do
	:: vw == 0 -> ok = 0; break
	:: else ->
		atomic {
			if
			:: sq == vs && as == va && wt == vw ->
				sq++;
				ok = (va > 0 -> 2 : 1);
				wt = (va > 0 -> wt : 0)
			:: else -> vs = sq; va = as; vw = wt; ok = 3
			fi
		}
		if
		:: ok != 3 -> break
		:: else
		fi
	od
}

/* xseg_ec_woken() */
#define EC_WOKEN \
	atomic { \
		if \
		:: sq == vs + 1 && as == va && wt == vw -> as = 0; wt = 0 \
		:: else \
		fi \
	}

/* futex_signal() of the module */
proctype kernel()
{
	byte vs, va, vw, ok;
	bool old, in;

	item++;
#if BUG == 3
	in = in_wait;
#endif
	ec_bump();
	if
	:: ok == 2 ->
#if BUG != 3
		in = in_wait;		/* threads_notify(): (K4), after (K3) */
#endif
		if
		:: in ->
#if BUG != 1
			/* thread_notify() */
			atomic { old = tif; tif = 1 };
			if
			:: !old ->
				atomic { if :: state != RUNNING -> state = RUNNING :: else fi }
			:: else
			fi;
#else
			atomic { if :: state != RUNNING -> state = RUNNING :: else fi };
#endif
			EC_WOKEN
		:: else				/* -ESRCH: the counts stay */
		fi
	:: else
	fi
}

/* futex_signal() of the library */
proctype process()
{
	byte vs, va, vw, ok;

	item++;
	ec_bump();
	if
	:: ok == 2 ->
		/* futex_wake(): not between the waiter's compare and its queueing */
		atomic { !bucket -> if :: queued -> queued = 0; state = RUNNING :: else fi };
		EC_WOKEN
	:: else
	fi
}

active proctype monitor()
{
	timeout -> assert(item == 0)
}

init
{
	byte i;

	atomic {
		do
		:: i == NK -> break
		:: else -> run kernel(); i++
		od;
		i = 0;
		do
		:: i == NU -> break
		:: else -> run process(); i++
		od
	}
}
