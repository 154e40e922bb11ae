/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * calls.pml - a thread that polls in the module does what others ask for
 *
 * kernel/wait.c: NP threads poll and leave, ROUNDS times each, in sleep_poll();
 * NA others each have CALLS things done by xseg_call_waiter(), with one struct
 * xseg_call of their own, which they use again as soon as its function was called.
 * The order of the list does not matter here: calls_take() turns what it has
 * taken round, which nobody else sees.
 *
 * Checked: what was given away is done, once, though all pollers have left; what
 * was refused never; no more than MAX are under way; the count of them is right.
 *
 * Seeded faults, each of which must be found:
 * BUG 1	who leaves does not look once more
 *	2	who adds does not look once more
 *	3	who leaves looks before it is seen that he left: no barrier
 *	4	who adds looks before it is seen what he added: no barrier
 *	5	the next of the list is read after the function was called
 *	6	the call is counted after it was added
 */
#ifndef NP
#define NP	2
#endif
#ifndef NA
#define NA	2
#endif
#ifndef ROUNDS
#define ROUNDS	1
#endif
#ifndef CALLS
#define CALLS	2
#endif
#ifndef MAX
#define MAX	2
#endif
#ifndef BUG
#define BUG	0
#endif

#define NONE	0

byte pollers;
byte head;			/* of the list: NONE or the number of an adder */
byte nr_calls;
byte next[NA + 1];
bool given[NA + 1];		/* the module has it */
byte under_way;
byte ended;

/* calls_make() */
inline calls_make()
{
	atomic { cur = head; head = NONE }		/* calls_take() */
	do
	:: cur == NONE -> break
	:: else ->
#if BUG != 5
		nx = next[cur];
#endif
		atomic {				/* call->fn() */
			assert(given[cur]);
			given[cur] = 0;
			under_way--
		}
#if BUG == 5
		nx = next[cur];
#endif
		nr_calls--;
		cur = nx; nx = NONE
	od
}

/* sleep_poll() */
proctype poller()
{
	byte cur, nx, i;

	do
	:: i == ROUNDS -> break
	:: else ->
		pollers++;
		do
		:: calls_make()
		:: break
		od;
#if BUG == 3
		calls_make();
#endif
		pollers--;			/* atomic_dec_return(): a barrier */
#if BUG != 1 && BUG != 3
		calls_make();
#endif
		i++
	od;
	ended++
}

/* xseg_call_waiter(), sleepers_call() */
proctype adder(byte me)
{
	byte cur, nx, i, h;
	bool none;

	do
	:: i == CALLS -> break
	:: else ->
		(!given[me]);			/* the tag is his again */
		if
		:: pollers == 0 -> skip		/* -EAGAIN */
		:: else ->
#if BUG != 6
			atomic { nr_calls++; nx = nr_calls };
#else
			nx = nr_calls + 1;
#endif
			if
			:: nx > MAX ->
#if BUG != 6
				nr_calls--
#else
				skip
#endif
			:: else ->
				atomic {
					given[me] = 1;
					under_way++;
					assert(under_way <= MAX)
				};
#if BUG == 4
				none = (pollers == 0);
#endif
add:				h = head;		/* calls_add() */
				next[me] = h;
				if
				:: atomic { head == h -> head = me }
				:: else -> goto add
				fi;
#if BUG == 6
				nr_calls++;
#endif
#if BUG != 4
				none = (pollers == 0);
#endif
				nx = NONE;
				if
#if BUG != 2
				:: none -> calls_make()
				:: else
#else
				:: skip
#endif
				fi
			fi;
			nx = NONE; h = NONE; none = 0
		fi;
		i++
	od;
	ended++
}

active proctype monitor()
{
	timeout ->
	assert(ended == NP + NA);		/* nobody waits for his call */
	assert(head == NONE && under_way == 0 && nr_calls == 0)
}

init
{
	byte i;

	atomic {
		do
		:: i == NP -> break
		:: else -> run poller(); i++
		od;
		i = 0;
		do
		:: i == NA -> break
		:: else -> i++; run adder(i)
		od
	}
}
