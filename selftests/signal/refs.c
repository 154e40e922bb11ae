// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * References: one descriptor, got, held and put by many processes at once, is
 * cleaned up exactly once, by whoever put it last, and freed; also if some of
 * the processes are killed at any moment.
 *
 * The segment has room for one descriptor: there is no second one before the
 * first is freed. A signal type of the test counts in memory that all processes share how
 * often quit_signal_desc began and ended, for each generation of the one
 * descriptor.
 *
 * A peer that is killed while it cleans up leaves the work to a reaper, which
 * does all of it once more: only then may quit_signal_desc run again, and the
 * test demands that who began it before was killed.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <xseg/signal_type.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define HOLDERS		16
#define GENERATIONS	4096
#define TYPE		"counted"

/**
 * struct quits - what happened to one generation of the descriptor
 * @began: calls of quit_signal_desc
 * @ended: those that returned
 * @by:	   process that began last
 * @bad:   somebody began while a holder was there, or after a live process
 */
struct quits {
	uint32_t began;
	uint32_t ended;
	uint32_t by;
	uint32_t bad;
};

/**
 * struct shared - what all processes of a test share
 * @segment: where
 * @seed:    of the test
 * @kills:   the holders are killed, and do not meet at its end
 * @stop:    the test is over
 * @ready:   where all meet between rounds
 * @hold:    a holder that cleans up does not come to the end of it
 * @gets:    successful ones
 * @held:    processes that say they hold it, for each generation
 * @quits:   by generation
 * @killed:  pids of who is dead or dies, in that order
 * @nr_killed: how many
 */
struct shared {
	struct ks_segment segment;
	uint64_t seed;
	bool kills;
	bool stop;
	bool hold;
	struct ks_barrier ready;
	uint64_t gets;
	uint32_t held[GENERATIONS];
	struct quits quits[GENERATIONS];
	uint32_t killed[GENERATIONS * 4];
	uint32_t nr_killed;
};

static struct shared *shared;
static bool is_holder;		/* this process */

static bool was_killed(uint32_t pid)
{
	uint32_t i, nr = __atomic_load_n(&shared->nr_killed, __ATOMIC_SEQ_CST);

	for (i = 0; i < nr; i++)
		if (shared->killed[i] == pid)
			return true;
	return false;
}

static int counted_init(struct xseg *xseg, void *sd)
{
	return 0;
}

static void time_to_die(void)
{
	do {
		usleep(100);
	} while (is_holder && __atomic_load_n(&shared->hold, __ATOMIC_SEQ_CST));
}

static void counted_quit(struct xseg *xseg, void *sd)
{
	struct xseg_desc_id id;
	struct quits *q;
	uint32_t before;

	KS_CHECK(!xseg_get_desc_id(xseg, sd, &id));
	q = &shared->quits[id.gen % GENERATIONS];
	before = __atomic_exchange_n(&q->by, getpid(), __ATOMIC_SEQ_CST);
	if (before && !was_killed(before))
		__atomic_store_n(&q->bad, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&q->began, 1, __ATOMIC_SEQ_CST);
	if (!shared->kills &&
	    __atomic_load_n(&shared->held[id.gen % GENERATIONS],
			    __ATOMIC_SEQ_CST))
		__atomic_store_n(&q->bad, 2, __ATOMIC_SEQ_CST);
	if (shared->kills)
		time_to_die();
	__atomic_fetch_add(&q->ended, 1, __ATOMIC_SEQ_CST);
	xseg_ec_force(sd);
}

static int counted_wait_call(struct xseg *xseg, void *sd)
{
	return 0;
}

static int counted_wait(struct xseg *xseg, void *sd, __u32 usec)
{
	return -ETIMEDOUT;
}

static const struct xseg_signal_type counted = {
	.ops = {
		.init_signal_desc = counted_init,
		.quit_signal_desc = counted_quit,
		.prepare_wait = counted_wait_call,
		.cancel_wait = counted_wait_call,
		.wait_signal = counted_wait,
		.signal = counted_wait_call,
	},
	.name = TYPE,
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};

static struct xseg *join(void)
{
	struct xseg *x = xseg_join(shared->segment.name, 0);
	int ret = xseg_register_signal_type(&counted);

	KS_CHECK(x);
	KS_CHECK(!ret || ret == -EEXIST);
	return x;
}

static uint32_t gen_of(struct xseg *x, struct signal_desc *sd)
{
	struct xseg_desc_id id;

	KS_CHECK(!xseg_get_desc_id(x, (char *)sd - offsetof(struct xseg_desc,
							    desc) +
				   offsetof(struct xseg_desc, ec), &id));
	KS_CHECK(id.gen < GENERATIONS);
	return id.gen;
}

/* Gets, holds and puts it; false if it was not to be had. */
static bool use(struct xseg *x, uint64_t *dice)
{
	struct signal_desc *sd = xseg_get_port_signal_desc(x, 0);
	unsigned int more = ks_random(dice) % 3, i;
	uint32_t gen;

	if (!sd) {
		KS_CHECK(errno == ENOTCONN);
		return false;
	}
	gen = gen_of(x, sd);
	__atomic_fetch_add(&shared->held[gen], 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < more; i++)
		KS_CHECK(!xseg_hold_signal_desc(x, sd));
	ks_delay();
	KS_CHECK(gen_of(x, sd) == gen);
	KS_CHECK(shared->kills || !shared->quits[gen].began);
	for (i = 0; i < more; i++)
		KS_CHECK(!xseg_put_signal_desc(x, sd));
	__atomic_fetch_sub(&shared->held[gen], 1, __ATOMIC_SEQ_CST);
	KS_CHECK(!xseg_put_signal_desc(x, sd));
	KS_CHECK(xseg_put_signal_desc(x, sd) == -EINVAL);
	__atomic_fetch_add(&shared->gets, 1, __ATOMIC_RELAXED);
	return true;
}

/* Uses what port 0 has until it has nothing; until the test is over. */
static void holder_in_step(struct xseg *x, uint64_t *dice)
{
	bool last;

	do {
		ks_meet(&shared->ready, HOLDERS + 1);
		last = shared->stop;	/* does not change between the two */
		while (use(x, dice))
			;
		ks_meet(&shared->ready, HOLDERS + 1);
	} while (!last);
}

static void holder(void *arg)
{
	uint64_t dice = shared->seed + (unsigned int)getpid();
	struct xseg *x = join();

	is_holder = true;
	ks_delay_start(dice, 4);
	if (!shared->kills)
		holder_in_step(x, &dice);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST))
		if (!use(x, &dice))
			usleep(ks_random(&dice) % 500);
	KS_CHECK(!xseg_leave(x));
}

/* A new descriptor in the place of the last one, bound to port 0. */
static struct signal_desc *publish(struct xseg *x, uint32_t *gen)
{
	struct signal_desc *sd;
	uint32_t last = *gen;

	/* Who cleaned the last one up may be dead, and have it yet to free. */
	while (!(sd = xseg_get_signal_desc(x, TYPE))) {
		KS_CHECK(errno == ENOMEM && shared->kills);
		KS_CHECK(xseg_reap(x) >= 0);
	}
	*gen = gen_of(x, sd);
	KS_CHECK(*gen != last);
	KS_CHECK(!shared->quits[*gen].began);
	KS_CHECK(xseg_bind_port(x, 0, sd) == 0);
	return sd;
}

static void unpublish(struct xseg *x, struct signal_desc *sd)
{
	KS_CHECK(!xseg_release_port(x, 0));
	ks_delay();
	KS_CHECK(!xseg_put_signal_desc(x, sd));
}

FIXTURE(refs)
{
	struct xseg *x;
};

FIXTURE_SETUP(refs)
{
	struct xseg_params params = ks_small;

	shared = ks_shared(sizeof(*shared));
	shared->seed = ks_seed();
	params.nr_descs = 1;
	ASSERT_EQ(0, ks_create(&shared->segment, &params));
}

FIXTURE_TEARDOWN(refs)
{
	ks_destroy(&shared->segment);
}

/* The test's own peer; after all forks that are not to see it. */
static struct xseg *owner_join(void)
{
	struct xseg *x = join();

	KS_CHECK(!xseg_local_signal_init(x, TYPE));
	return x;
}

TEST_F_TIMEOUT(refs, sixteen_processes, 0)
{
	uint32_t gen = ~0U, i, rounds = (uint32_t)ks_scaled(600);
	struct signal_desc *sd;
	pid_t pid[HOLDERS];
	struct xseg *x;

	for (i = 0; i < HOLDERS; i++)
		pid[i] = ks_fork(holder, NULL);
	x = owner_join();
	ks_delay_start(shared->seed, 2);
	for (i = 0; i < rounds; i++) {
		sd = publish(x, &gen);
		shared->stop = i == rounds - 1;
		ks_meet(&shared->ready, HOLDERS + 1);
		usleep(ks_random(&shared->seed) % 2000);
		while (__atomic_load_n(&shared->gets, __ATOMIC_RELAXED) <=
		       4 * (i + 1))
			usleep(50);
		unpublish(x, sd);
		ks_meet(&shared->ready, HOLDERS + 1);
		ASSERT_EQ(1, shared->quits[gen].began);
		ASSERT_EQ(1, shared->quits[gen].ended);
		ASSERT_EQ(0, shared->quits[gen].bad);
	}
	ASSERT_EQ(0, ks_wait_all(pid, HOLDERS));
	printf("# %u descriptors, %llu references\n", rounds,
	       (unsigned long long)shared->gets);
	ASSERT_EQ(0, xseg_leave(x));
}

/* Kills one of the holders and puts another in its place. */
static void replace(pid_t pid[HOLDERS], uint32_t i)
{
	uint32_t n = shared->nr_killed;

	KS_CHECK(n < sizeof(shared->killed) / sizeof(shared->killed[0]));
	/* before: who joins just then may have its slot, and clean up */
	shared->killed[n] = (uint32_t)pid[i];
	__atomic_store_n(&shared->nr_killed, n + 1, __ATOMIC_SEQ_CST);
	KS_CHECK(!kill(pid[i], SIGKILL));
	KS_CHECK(ks_wait(pid[i]) == KS_KILLED);
	pid[i] = ks_fork(holder, NULL);
}

static void replace_any(pid_t pid[HOLDERS])
{
	replace(pid, ks_random(&shared->seed) % HOLDERS);
}

/* Kills, if there is one, the holder that is cleaning up. */
static void replace_cleaner(pid_t pid[HOLDERS], const struct quits *q)
{
	uint32_t i, by = __atomic_load_n(&q->by, __ATOMIC_SEQ_CST);

	for (i = 0; i < HOLDERS; i++)
		if ((uint32_t)pid[i] == by)
			replace(pid, i);
}

static void hold_set(bool hold)
{
	__atomic_store_n(&shared->hold, hold, __ATOMIC_SEQ_CST);
}

/*
 * Until a descriptor is cleaned up: the living put it, the dead are reaped.
 * Where it is held who does it first is killed amidst.
 */
static void wait_quit(struct xseg *x, pid_t pid[HOLDERS], struct quits *q)
{
	unsigned int patience = shared->hold * 2000;

	while (!__atomic_load_n(&q->ended, __ATOMIC_SEQ_CST)) {
		if (shared->hold && __atomic_load_n(&q->by, __ATOMIC_SEQ_CST)) {
			replace_cleaner(pid, q);
			hold_set(false);
			patience = 0;
		}
		/* Where the last holder is dead nobody but a reaper begins. */
		if (patience)
			patience--;
		else
			KS_CHECK(xseg_reap(x) >= 0);
		sched_yield();
	}
	hold_set(false);
}

TEST_F_TIMEOUT(refs, some_are_killed, 0)
{
	uint32_t gen = ~0U, i, k, again = 0, rounds = (uint32_t)ks_scaled(200);
	struct signal_desc *sd;
	pid_t pid[HOLDERS];
	struct xseg *x;

	shared->kills = true;
	for (i = 0; i < HOLDERS; i++)
		pid[i] = ks_fork(holder, NULL);
	x = owner_join();
	ks_delay_start(shared->seed, 2);
	for (i = 0; i < rounds; i++) {
		sd = publish(x, &gen);
		usleep(ks_random(&shared->seed) % 2000);
		for (k = ks_random(&shared->seed) % 4; k; k--)
			replace_any(pid);
		hold_set(ks_random(&shared->seed) & 1);
		unpublish(x, sd);
		if (ks_random(&shared->seed) & 1)
			replace_any(pid);
		wait_quit(x, pid, &shared->quits[gen]);
		ASSERT_EQ(0, shared->quits[gen].bad);
		again += shared->quits[gen].began > 1;
	}
	__atomic_store_n(&shared->stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, ks_wait_all(pid, HOLDERS));
	printf("# %u descriptors, %llu references, %u processes killed, %u clean-ups done again after a death\n",
	       rounds, (unsigned long long)shared->gets, shared->nr_killed,
	       again);
	EXPECT_LT(0, shared->nr_killed);
	EXPECT_TRUE(again || rounds < 100);
	ASSERT_LE(0, xseg_reap(x));
	EXPECT_EQ(1, ks_peers_used(x));
	ASSERT_EQ(0, xseg_leave(x));
}

/* Holds the descriptor of port 0 until it is told to go on. */
static void keeper(void *arg)
{
	struct xseg *x = join();
	struct signal_desc *sd = xseg_get_port_signal_desc(x, 0);

	KS_CHECK(sd);
	/* It holds one of that type, but is not ready to receive any. */
	KS_CHECK(xseg_local_signal_quit(x, TYPE) == -EINVAL);
	KS_CHECK(!xseg_get_signal_desc(x, TYPE) && errno == EINVAL);
	ks_meet(&shared->ready, 2);
	ks_meet(&shared->ready, 2);
	KS_CHECK(!xseg_put_signal_desc(x, sd));
	ks_meet(&shared->ready, 2);
	KS_CHECK(!xseg_leave(x));
}

TEST_F(refs, last_put_of_another_process)
{
	uint32_t gen = ~0U;
	struct signal_desc *sd;
	struct xseg *x;
	pid_t pid;

	x = owner_join();
	sd = publish(x, &gen);
	pid = ks_fork(keeper, NULL);
	ks_meet(&shared->ready, 2);
	unpublish(x, sd);
	EXPECT_EQ(0, shared->quits[gen].began);
	/* not ours any more, though it lives */
	EXPECT_EQ(-EINVAL, xseg_put_signal_desc(x, sd));
	EXPECT_EQ(-EINVAL, xseg_hold_signal_desc(x, sd));
	ks_meet(&shared->ready, 2);
	ks_meet(&shared->ready, 2);
	EXPECT_EQ(1, shared->quits[gen].began);
	EXPECT_EQ((uint32_t)pid, shared->quits[gen].by);
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(x));
}

TEST_F(refs, quit_while_descriptors_live)
{
	struct signal_desc *sd;
	struct xseg *x;

	x = owner_join();
	ASSERT_EQ(0, xseg_local_signal_init(x, TYPE));	/* counted: two */
	sd = xseg_get_signal_desc(x, TYPE);
	ASSERT_NE(NULL, sd);
	ASSERT_EQ(0, xseg_hold_signal_desc(x, sd));
	EXPECT_EQ(0, xseg_local_signal_quit(x, TYPE));	/* one is left */
	EXPECT_EQ(-EBUSY, xseg_local_signal_quit(x, TYPE));
	EXPECT_EQ(0, xseg_put_signal_desc(x, sd));
	EXPECT_EQ(-EBUSY, xseg_local_signal_quit(x, TYPE));
	EXPECT_EQ(-EBUSY, xseg_unregister_signal_type(&counted));
	EXPECT_EQ(3, xseg_bind_port(x, 3, sd));	/* the port holds it */
	EXPECT_EQ(0, xseg_put_signal_desc(x, sd));
	EXPECT_EQ(-EBUSY, xseg_local_signal_quit(x, TYPE));
	EXPECT_EQ(0, xseg_release_port(x, 3));
	EXPECT_EQ(0, xseg_local_signal_quit(x, TYPE));
	EXPECT_EQ(-EINVAL, xseg_local_signal_quit(x, TYPE));
	EXPECT_EQ(NULL, xseg_get_signal_desc(x, TYPE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, xseg_leave(x));
	EXPECT_EQ(0, xseg_unregister_signal_type(&counted));
	EXPECT_EQ(-ENOENT, xseg_unregister_signal_type(&counted));
}

/* xseg_leave() with descriptors held and ports bound cleans all up. */
TEST_F(refs, leave_puts_what_is_held)
{
	struct signal_desc *sd;
	uint32_t gen = ~0U;
	struct xseg *x;

	x = owner_join();
	sd = publish(x, &gen);
	ASSERT_EQ(0, xseg_hold_signal_desc(x, sd));
	ASSERT_EQ(0, xseg_leave(x));
	EXPECT_EQ(1, shared->quits[gen].began);
	EXPECT_EQ(0, xseg_unregister_signal_type(&counted));
}

TEST_HARNESS_MAIN
