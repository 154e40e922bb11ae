// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pools: the mark of what was never used, exhaustion, generations, and peers
 * that die in the middle.
 */
#include "selftests/lib/unit.h"

static int fd;
static struct xseg *x;

static int setup(void **state)
{
	x = small_segment(&fd);
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(x);
	return close(fd);
}

static u64 own(u32 index)
{
	return shm_read(pool_own(x, &x->geo.pool[POOL_REQUESTS], index));
}

static __u64 *mark(void)
{
	struct xseg_pool *pools = xseg_at(x, x->geo.pools);

	return &pools[POOL_REQUESTS].fresh;
}

/* Allocates all that there is; how many. */
static u32 take_all(u32 *index)
{
	u32 n = 0;

	while (!pool_alloc(x, POOL_REQUESTS, &index[n]))
		n++;
	return n;
}

static void test_mark_is_lazy(void **state)
{
	u32 i, index;

	for (i = 0; i < 32; i++) {
		assert_int_equal(pool_used(x, POOL_REQUESTS), i);
		assert_int_equal(pool_touched(x, POOL_REQUESTS), i + 1);
		assert_int_equal(own(i), 0);
		assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
		assert_int_equal(index, i);
		assert_int_equal(XOWN_ST(own(i)), XOWN_OWNED);
		assert_int_equal(XOWN_WHO(own(i)), x->me);
		assert_int_equal(XOWN_GEN(own(i)), 1);
	}
	assert_int_equal(pool_touched(x, POOL_REQUESTS), 32);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), -ENOMEM);
	assert_int_equal(shm_read(mark()), 32);
}

/* Freed objects come before fresh ones, in their order. */
static void test_reuse(void **state)
{
	u32 i, index;

	for (i = 0; i < 4; i++)
		assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	assert_int_equal(pool_free(x, POOL_REQUESTS, 2), 0);
	assert_int_equal(pool_free(x, POOL_REQUESTS, 0), 0);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	assert_int_equal(index, 2);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	assert_int_equal(index, 0);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	assert_int_equal(index, 4);
}

static void test_exhaustion(void **state)
{
	u32 i, turn, index[33];

	for (turn = 0; turn < 20; turn++) {
		assert_int_equal(take_all(index), 32);
		assert_int_equal(audit_free(x, POOL_REQUESTS), 0);
		for (i = 0; i < 32; i++)
			assert_int_equal(pool_free(x, POOL_REQUESTS,
						   index[(i * 7) % 32]), 0);
		assert_int_equal(audit_free(x, POOL_REQUESTS), 32);
	}
	assert_in_order(x);
}

static void test_generation(void **state)
{
	u32 turn, index;

	for (turn = 1; turn <= 300; turn++) {
		assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
		assert_int_equal(index, 0);
		assert_int_equal(XOWN_GEN(own(0)), turn);
		assert_int_equal(pool_free(x, POOL_REQUESTS, 0), 0);
		assert_int_equal(XOWN_GEN(own(0)), turn + 1);
	}
}

/* Nobody frees what is not his. */
static void test_not_mine(void **state)
{
	struct xseg *other = peer_join(fd);
	u32 index;
	u64 w;

	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	w = own(index);
	assert_int_equal(pool_free(other, POOL_REQUESTS, index), -EUCLEAN);
	assert_int_equal(own(index), w);
	/* an object that was never used */
	assert_int_equal(pool_free(x, POOL_REQUESTS, 5), -EUCLEAN);
	assert_int_equal(own(5), 0);
	xseg_leave(other);
}

/* A claim without a move of the mark: by others it is seen and helped. */
static void test_dead_claimer(void **state)
{
	u32 index;

	shm_write(pool_own(x, &x->geo.pool[POOL_REQUESTS], 0),
		  own_word(1, 1, XOWN_OWNED, 77));
	assert_int_equal(pool_touched(x, POOL_REQUESTS), 1);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	assert_int_equal(index, 1);
	assert_int_equal(shm_read(mark()), 2);
	assert_int_equal(XOWN_WHO(own(0)), 77);
}

static void claim_only(struct xseg *xseg, void *arg)
{
	struct xseg_pool *pools = xseg_at(xseg, xseg->geo.pools);
	u32 f = (u32)shm_read(&pools[POOL_REQUESTS].fresh);

	shm_cas(pool_own(xseg, &xseg->geo.pool[POOL_REQUESTS], f), 0,
		own_word(1, 1, XOWN_OWNED, xseg->me));
}

/* The same by a process that dies: the object comes back. */
static void test_claimer_reaped(void **state)
{
	u32 turn, index;

	for (turn = 0; turn < 32; turn++) {
		peer_dies(fd, claim_only, NULL);
		assert_int_equal(shm_read(mark()), turn);
		assert_int_equal(XOWN_ST(own(turn)), XOWN_OWNED);
		assert_int_equal(xseg_reap(x), 1);
		assert_in_order(x);
		assert_int_equal(audit_free(x, POOL_REQUESTS), 32 - turn);
		assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
		assert_int_equal(index, turn);
		x->requests[index].held = 1;
		/* Finds it in use, and moves the mark past it. */
		if (turn == 31)
			break;
		assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
		assert_int_equal(index, turn + 1);
		x->requests[index].held = 1;
		assert_int_equal(shm_read(mark()), turn + 2);
		turn++;
	}
}

/* Freed half: generation moved, not in the ring yet. */
static void half_free(struct xseg *xseg, void *arg)
{
	__u64 *word;
	u32 index;

	pool_alloc(xseg, POOL_REQUESTS, &index);
	word = pool_own(xseg, &xseg->geo.pool[POOL_REQUESTS], index);
	shm_cas(word, shm_read(word), own_word(2, 2, XOWN_OWNED, xseg->me));
}

/* Freed but for (P2). */
static void free_p1(struct xseg *xseg, void *arg)
{
	struct ring ring = pool_ring(xseg, POOL_REQUESTS);
	u32 index;

	pool_alloc(xseg, POOL_REQUESTS, &index);
	half_push(xseg, &ring, index);
}

/* Allocated by (T1) alone. */
static void alloc_t1(struct xseg *xseg, void *arg)
{
	struct ring ring = pool_ring(xseg, POOL_REQUESTS);
	u32 index;

	pool_alloc(xseg, POOL_REQUESTS, &index);
	pool_free(xseg, POOL_REQUESTS, index);
	half_pop(xseg, &ring, &index);
}

static void alloc_some(struct xseg *xseg, void *arg)
{
	u32 i, index;

	for (i = 0; i < 5; i++)
		pool_alloc(xseg, POOL_REQUESTS, &index);
}

static void test_deaths(void **state)
{
	static const peer_body body[] = { half_free, free_p1, alloc_t1,
					  alloc_some };
	u32 i, j, turn, index[33];

	for (turn = 0; turn < 3; turn++)
		for (i = 0; i < ARRAY_SIZE(body); i++) {
			peer_dies(fd, body[i], NULL);
			assert_int_equal(xseg_reap(x), 1);
			assert_in_order(x);
			assert_int_equal(audit_free(x, POOL_REQUESTS), 32);
		}
	assert_int_equal(take_all(index), 32);
	for (j = 0; j < 32; j++)
		assert_int_equal(pool_free(x, POOL_REQUESTS, index[j]), 0);
}

#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(test_mark_is_lazy),
		POOL_TEST(test_reuse),
		POOL_TEST(test_exhaustion),
		POOL_TEST(test_generation),
		POOL_TEST(test_not_mine),
		POOL_TEST(test_dead_claimer),
		POOL_TEST(test_claimer_reaped),
		POOL_TEST(test_deaths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
