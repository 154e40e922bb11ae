// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The event count, transition by transition, and at random against the list
 * of who waits.
 */
#include "selftests/lib/unit.h"

#define LIMIT	0x8000U		/* where core/ec.c cuts the counts off */

static struct xseg_ec ec;

static int setup(void **state)
{
	ec.word = 7ULL << XEC_SEQ_SHIFT;
	return 0;
}

static void word_is(u32 seq, u32 asleep, u32 waiters)
{
	assert_int_equal(XEC_SEQ(ec.word), seq);
	assert_int_equal(XEC_ASLEEP(ec.word), asleep);
	assert_int_equal(XEC_WAITERS(ec.word), waiters);
}

static void test_init(void **state)
{
	ec.word = 0x0000000500030009ULL;
	xseg_ec_init(&ec);
	/* The sequence goes on, so that an old waiter sees a change. */
	word_is(6, 0, 0);
	ec.word = 0xffffffff00000000ULL;
	xseg_ec_init(&ec);
	word_is(0, 0, 0);
}

static void test_nobody(void **state)
{
	__u64 token = 42;

	assert_int_equal(xseg_ec_bump(&ec, &token), 0);
	word_is(7, 0, 0);
	assert_int_equal(token, 42);
}

static void test_prepare_cancel(void **state)
{
	assert_int_equal(xseg_ec_prepare(&ec, 0), 7);
	word_is(7, 0, 1);
	assert_int_equal(xseg_ec_prepare(&ec, 1), 7);
	word_is(7, 1, 2);
	assert_int_equal(xseg_ec_sleep(&ec, 7), 0);
	word_is(7, 2, 2);
	xseg_ec_cancel(&ec, 7, 1);
	word_is(7, 1, 1);
	xseg_ec_cancel(&ec, 7, 1);
	word_is(7, 0, 0);
	assert_false(xseg_ec_signalled(&ec, 7));
}

/* Nobody asleep: the bump clears all who are announced. */
static void test_signal_awake(void **state)
{
	__u64 token;

	xseg_ec_prepare(&ec, 0);
	xseg_ec_prepare(&ec, 0);
	assert_int_equal(xseg_ec_bump(&ec, &token), 1);
	word_is(8, 0, 0);
	assert_true(xseg_ec_signalled(&ec, 7));
	/* Sleeping and cancelling come too late, and change nothing. */
	assert_int_equal(xseg_ec_sleep(&ec, 7), -EAGAIN);
	xseg_ec_cancel(&ec, 7, 0);
	word_is(8, 0, 0);
	assert_int_equal(xseg_ec_bump(&ec, &token), 0);
}

/* Sleepers stay counted until they have been woken. */
static void test_signal_asleep(void **state)
{
	__u64 token, again;

	xseg_ec_prepare(&ec, 0);
	xseg_ec_prepare(&ec, 0);
	xseg_ec_sleep(&ec, 7);
	assert_int_equal(xseg_ec_bump(&ec, &token), 2);
	word_is(8, 1, 2);
	/* A signaller that was killed here: the next one wakes them too. */
	assert_int_equal(xseg_ec_bump(&ec, &again), 2);
	word_is(9, 1, 2);
	xseg_ec_woken(&ec, token);
	word_is(9, 1, 2);
	xseg_ec_woken(&ec, again);
	word_is(9, 0, 0);
	assert_int_equal(xseg_ec_bump(&ec, &token), 0);
}

/* Somebody came between the bump and the wake: he stays counted. */
static void test_woken_after_another(void **state)
{
	__u64 token;
	u32 seq;

	xseg_ec_prepare(&ec, 1);
	assert_int_equal(xseg_ec_bump(&ec, &token), 2);
	seq = xseg_ec_prepare(&ec, 0);
	assert_int_equal(seq, 8);
	assert_int_equal(xseg_ec_sleep(&ec, seq), 0);
	xseg_ec_woken(&ec, token);
	assert_true(XEC_ASLEEP(ec.word) >= 1);
	assert_false(xseg_ec_signalled(&ec, seq));
	assert_int_equal(xseg_ec_bump(&ec, &token), 2);
	assert_true(xseg_ec_signalled(&ec, seq));
	xseg_ec_woken(&ec, token);
	word_is(9, 0, 0);
}

/* He came and went: the word is again that of the bump, and may be cleared. */
static void test_woken_after_nobody(void **state)
{
	__u64 token;
	u32 seq;

	xseg_ec_prepare(&ec, 1);
	xseg_ec_bump(&ec, &token);
	seq = xseg_ec_prepare(&ec, 0);
	xseg_ec_cancel(&ec, seq, 0);
	xseg_ec_woken(&ec, token);
	word_is(8, 0, 0);
}

/* Between bump and wake, the earlier sleeper's cancel takes nothing off. */
static void test_cancel_between(void **state)
{
	__u64 token;

	xseg_ec_prepare(&ec, 1);
	xseg_ec_bump(&ec, &token);
	xseg_ec_cancel(&ec, 7, 1);
	word_is(8, 1, 1);
	xseg_ec_woken(&ec, token);
	word_is(8, 0, 0);
}

static void test_force(void **state)
{
	__u64 token;

	xseg_ec_force(&ec);
	word_is(8, 0, 0);
	xseg_ec_prepare(&ec, 0);
	xseg_ec_force(&ec);
	word_is(9, 0, 0);
	/* That somebody may be asleep survives. */
	xseg_ec_prepare(&ec, 1);
	xseg_ec_prepare(&ec, 1);
	xseg_ec_force(&ec);
	word_is(10, 1, 1);
	assert_int_equal(xseg_ec_bump(&ec, &token), 2);
}

/* Threads that vanished without a word. */
static void test_limit(void **state)
{
	u32 i;

	for (i = 0; i < LIMIT; i++)
		assert_int_equal(xseg_ec_prepare(&ec, 0), 7);
	word_is(7, 0, LIMIT);
	assert_int_equal(xseg_ec_prepare(&ec, 0), 7);
	word_is(8, 0, 0);
	assert_true(xseg_ec_signalled(&ec, 7));
	xseg_ec_cancel(&ec, 7, 0);
	word_is(8, 0, 0);
	assert_int_equal(xseg_ec_prepare(&ec, 0), 8);
	word_is(8, 0, 1);
}

/* The same asleep: that there are sleepers is not forgotten. */
static void test_limit_asleep(void **state)
{
	__u64 token;
	u32 i;

	for (i = 0; i < LIMIT; i++)
		xseg_ec_prepare(&ec, 1);
	word_is(7, LIMIT, LIMIT);
	assert_int_equal(xseg_ec_prepare(&ec, 1), 7);
	word_is(8, 1, 1);
	xseg_ec_cancel(&ec, 7, 1);
	word_is(8, 1, 1);
	assert_int_equal(xseg_ec_bump(&ec, &token), 2);
	xseg_ec_woken(&ec, token);
	word_is(9, 0, 0);
}

/* Lies in the word do not reach the sequence. */
static void test_lies(void **state)
{
	xseg_ec_cancel(&ec, 7, 0);
	word_is(7, 0, 0);
	ec.word |= 1;
	xseg_ec_cancel(&ec, 7, 1);
	word_is(7, 0, 1);
	ec.word = ~0ULL;
	xseg_ec_force(&ec);
	word_is(0, 1, 1);

	/* As many waiters as fit: one more does not make them none. */
	ec.word = (7ULL << XEC_SEQ_SHIFT) | 0xffff;
	assert_int_equal(xseg_ec_prepare(&ec, 0), 7);
	assert_true(xseg_ec_signalled(&ec, 7));
	ec.word = (7ULL << XEC_SEQ_SHIFT) | 0xffffffff;
	assert_int_equal(xseg_ec_prepare(&ec, 1), 7);
	assert_true(xseg_ec_signalled(&ec, 7));
}

static void test_seq_wrap(void **state)
{
	__u64 token;
	u32 seq;

	ec.word = (u64)U32_MAX << XEC_SEQ_SHIFT;
	seq = xseg_ec_prepare(&ec, 0);
	assert_int_equal(xseg_ec_bump(&ec, &token), 1);
	word_is(0, 0, 0);
	assert_true(xseg_ec_signalled(&ec, seq));
}

#define WAITERS	6
#define SIGNALS	3

/* Somebody who waits: awake or asleep since seq, and woken or not. */
struct waiter {
	u32 seq;
	bool in;
	bool asleep;
	bool woken;
};

static struct waiter waiter[WAITERS];

static void waiter_step(struct rng *rng, struct waiter *w)
{
	bool asleep = rng_below(rng, 2);

	if (!w->in) {
		*w = (struct waiter){ xseg_ec_prepare(&ec, asleep), true,
				      asleep, false };
	} else if (xseg_ec_signalled(&ec, w->seq)) {
		/* Awake it sees that; asleep it must be woken. */
		if (!w->asleep || w->woken)
			w->in = false;
	} else if (!w->asleep && rng_below(rng, 2)) {
		assert_int_equal(xseg_ec_sleep(&ec, w->seq), 0);
		w->asleep = true;
	} else {
		xseg_ec_cancel(&ec, w->seq, w->asleep);
		w->in = false;
	}
}

/* A signaller stands before the bump, the wake, or the clearing. */
struct signaller {
	int at;
	__u64 token;
};

static void signaller_step(struct rng *rng, struct signaller *s)
{
	u32 i;

	switch (s->at) {
	case 0:
		s->at = xseg_ec_bump(&ec, &s->token) == 2;
		break;
	case 1:
		for (i = 0; i < WAITERS; i++)
			waiter[i].woken = true;
		s->at = 2;
		break;
	default:
		xseg_ec_woken(&ec, s->token);
		s->at = 0;
	}
	if (!rng_below(rng, 20))
		s->at = 0;	/* dies; another takes its place */
}

/* Whoever waits since the last signal is counted; who sleeps, as asleep. */
static void waiters_counted(const struct signaller *s)
{
	u32 i, in = 0, asleep = 0, missed = 0;
	bool waking = false;

	for (i = 0; i < SIGNALS; i++)
		waking |= s[i].at == 1;
	for (i = 0; i < WAITERS; i++) {
		const struct waiter *w = &waiter[i];
		bool signalled = w->seq != XEC_SEQ(ec.word);

		in += w->in && !signalled;
		asleep += w->in && w->asleep && !signalled;
		missed += w->in && w->asleep && !w->woken && signalled;
	}
	assert_true(XEC_WAITERS(ec.word) >= in);
	assert_true(XEC_ASLEEP(ec.word) >= asleep);
	assert_true(XEC_WAITERS(ec.word) >= XEC_ASLEEP(ec.word));
	/* Asleep and signalled: a wake is on its way, or the next signal's. */
	if (missed && !waking)
		assert_true(XEC_ASLEEP(ec.word));
}

static void test_random(void **state)
{
	struct signaller s[SIGNALS] = { { 0 } };
	struct rng rng = rng_new();
	u32 i, n;

	memset(waiter, 0, sizeof(waiter));
	for (n = 0; n < 1000000; n++) {
		i = rng_below(&rng, WAITERS + SIGNALS);
		if (i < WAITERS)
			waiter_step(&rng, &waiter[i]);
		else
			signaller_step(&rng, &s[i - WAITERS]);
		waiters_counted(s);
	}
}

#define EC_TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EC_TEST(test_init),
		EC_TEST(test_nobody),
		EC_TEST(test_prepare_cancel),
		EC_TEST(test_signal_awake),
		EC_TEST(test_signal_asleep),
		EC_TEST(test_woken_after_another),
		EC_TEST(test_woken_after_nobody),
		EC_TEST(test_cancel_between),
		EC_TEST(test_force),
		EC_TEST(test_limit),
		EC_TEST(test_limit_asleep),
		EC_TEST(test_lies),
		EC_TEST(test_seq_wrap),
		EC_TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
