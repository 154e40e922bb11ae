// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rings: order, limits, laps, and steps that a dead putter or taker left out.
 */
#include "selftests/lib/unit.h"

/* Two peers of one segment, and requests to put into the rings of its ports. */
static int fd;
static struct xseg *a, *b;

static int setup(void **state)
{
	a = small_segment(&fd);
	b = peer_join(fd);
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(a);
	xseg_leave(b);
	return close(fd);
}

static u32 object(struct xseg *x)
{
	u32 index;

	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &index), 0);
	return index;
}

static void push(struct xseg *x, const struct ring *ring, u32 index)
{
	assert_int_equal(ring_push(x, ring, index), 0);
}

static void pops(struct xseg *x, const struct ring *ring, u32 expected)
{
	u32 index = U32_MAX;

	assert_int_equal(ring_pop(x, ring, &index), 0);
	assert_int_equal(index, expected);
	assert_int_equal(XOWN_WHO(shm_read(pool_own(x, ring->pool, index))),
			 x->me);
}

static void is_empty(struct xseg *x, const struct ring *ring)
{
	u32 index;

	assert_int_equal(ring_pop(x, ring, &index), -EAGAIN);
}

static struct ring ring_of(struct xseg *x, xport port)
{
	return port_ring(x, port, XSEG_RING_REQUEST);
}

static void test_empty_and_full(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 i, index[9];

	is_empty(a, &ring);
	for (i = 0; i < 9; i++)
		index[i] = object(a);
	for (i = 0; i < 8; i++)
		push(a, &ring, index[i]);
	assert_int_equal(ring_push(a, &ring, index[8]), -EAGAIN);
	assert_int_equal(ring_push(b, &ring, index[8]), -EAGAIN);
	for (i = 0; i < 8; i++)
		pops(a, &ring, index[i]);
	is_empty(a, &ring);
	is_empty(b, &ring);
	/* Who was refused can still put. */
	push(a, &ring, index[8]);
	pops(b, &ring, index[8]);
}

/* Several laps at each fill, by putters and takers of both peers. */
static void test_laps(void **state)
{
	struct ring ring = ring_of(a, 1);
	u32 fill, i, queue[8], in = 0, out = 0;

	for (i = 0; i < 8; i++)
		queue[i] = object(a);
	for (fill = 1; fill <= 8; fill++) {
		for (i = 0; i < fill; i++)
			push(a, &ring, queue[in++ % 8]);
		for (i = 0; i < 100; i++) {
			pops(i & 1 ? a : b, &ring, queue[out++ % 8]);
			push(i & 1 ? a : b, &ring, queue[in++ % 8]);
			if (i & 1)
				continue;
			/* b's turn; now a owns it again */
			pops(a, &ring, queue[out++ % 8]);
			push(a, &ring, queue[in++ % 8]);
		}
		for (i = 0; i < fill; i++)
			pops(a, &ring, queue[out++ % 8]);
		is_empty(a, &ring);
	}
	assert_int_equal(shm_read(&ring.shm->head), shm_read(&ring.shm->tail));
	assert_int_equal(shm_read(&ring.shm->head), in);
}

static void test_shared_pool(void **state)
{
	struct ring ring[3] = { ring_of(a, 0), ring_of(a, 1), ring_of(a, 2) };
	u32 i, turn, index[6];

	for (i = 0; i < 6; i++) {
		index[i] = object(a);
		push(a, &ring[i % 3], index[i]);
	}
	/* Objects go from ring to ring and keep their order. */
	for (turn = 0; turn < 1000; turn++)
		for (i = 0; i < 6; i++) {
			pops(a, &ring[(turn + i) % 3], index[i]);
			push(a, &ring[(turn + i + 1) % 3], index[i]);
		}
	for (i = 0; i < 6; i++)
		pops(a, &ring[(turn + i) % 3], index[i]);
}

/* A ring of one slot is a ring. */
static void test_one_slot(void **state)
{
	struct xseg_params p = small_params;
	struct ring ring;
	struct xseg *x;
	u32 i, one, two;
	int one_fd;

	p.queue_len = 1;
	one_fd = segment_new(&p);
	x = peer_join(one_fd);
	ring = ring_of(x, 0);
	one = object(x);
	two = object(x);
	for (i = 0; i < 100; i++) {
		push(x, &ring, one);
		assert_int_equal(ring_push(x, &ring, two), -EAGAIN);
		pops(x, &ring, one);
		is_empty(x, &ring);
	}
	xseg_leave(x);
	close(one_fd);
}

/* A putter died between (P1) and (P2): what it put is in the ring. */
static void test_dead_putter(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 one = object(a), two = object(b), three = object(b);

	assert_int_equal(half_push(a, &ring, one), 0);
	assert_int_equal(shm_read(&ring.shm->tail), 0);
	push(b, &ring, two);
	assert_int_equal(shm_read(&ring.shm->tail), 2);
	pops(b, &ring, one);
	pops(b, &ring, two);
	is_empty(b, &ring);
	/* A taker needs no tail. */
	assert_int_equal(half_push(a, &ring, object(a)), 0);
	assert_int_equal(ring_pop(b, &ring, &one), 0);
	is_empty(b, &ring);
	push(b, &ring, three);
	pops(a, &ring, three);
}

/* A taker died after (T1): the object is its own, the others go on. */
static void test_dead_taker(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 i, got, index[8];

	for (i = 0; i < 8; i++) {
		index[i] = object(b);
		push(b, &ring, index[i]);
	}
	assert_int_equal(half_pop(a, &ring, &got), 0);
	assert_int_equal(got, index[0]);
	assert_int_equal(shm_read(&ring.shm->head), 0);
	/* The ring looks full but has room. */
	push(b, &ring, object(b));
	assert_int_equal(ring_push(b, &ring, object(b)), -EAGAIN);
	for (i = 1; i < 8; i++)
		pops(b, &ring, index[i]);
	assert_int_equal(ring_pop(b, &ring, &got), 0);
	assert_int_not_equal(got, index[0]);
	is_empty(b, &ring);
	assert_int_equal(XOWN_WHO(shm_read(pool_own(a, ring.pool, index[0]))),
			 a->me);
}

/* A taker found a dead one's slot, and emptied it. */
static void test_dead_taker_seen_by_taker(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 got, one = object(b), two = object(b);

	push(b, &ring, one);
	push(b, &ring, two);
	assert_int_equal(half_pop(a, &ring, &got), 0);
	assert_int_equal(got, one);
	pops(b, &ring, two);
	is_empty(b, &ring);
	/* Its object may go anywhere, also here, and is there once. */
	push(a, &ring, one);
	pops(b, &ring, one);
	is_empty(b, &ring);
}

/* (T2) without (T3): the head lags. */
static void test_lagging_head(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 got, i, index[8];

	for (i = 0; i < 8; i++) {
		index[i] = object(a);
		push(a, &ring, index[i]);
	}
	assert_int_equal(half_pop(a, &ring, &got), 0);
	shm_write(ring_slot_at(&ring, 0), 1ULL << XSLOT_CYCLE_SHIFT);
	assert_int_equal(shm_read(&ring.shm->head), 0);
	push(b, &ring, object(b));
	pops(b, &ring, index[1]);
	assert_int_equal(shm_read(&ring.shm->head), 2);
}

/*
 * (T2) is all that is left to do, and its slot names an object that has been
 * put into another ring since: nobody may take it from here.
 */
static void test_moved_on(void **state)
{
	struct ring from = ring_of(a, 0), to = ring_of(a, 1);
	u32 got, one = object(a);

	push(a, &from, one);
	assert_int_equal(half_pop(a, &from, &got), 0);
	push(a, &to, one);
	is_empty(b, &from);
	pops(b, &to, one);
}

/* A putter that met the slot of (T1) helps, with the right lap. */
static void test_helped_lap(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 lap, i, got, index[8], spare = object(b);

	for (i = 0; i < 8; i++)
		index[i] = object(b);
	for (lap = 0; lap < 5; lap++) {
		for (i = 0; i < 8; i++)
			push(b, &ring, index[i]);
		assert_int_equal(half_pop(b, &ring, &got), 0);
		push(b, &ring, spare);
		for (i = 1; i < 8; i++)
			pops(b, &ring, index[i]);
		pops(b, &ring, spare);
		is_empty(b, &ring);
	}
}

/* Presets a ring as if it had been in use for that many laps. */
static void age(const struct ring *ring, u64 laps)
{
	u64 i, n = 1ULL << ring->order;

	shm_write(&ring->shm->head, laps << ring->order);
	shm_write(&ring->shm->tail, laps << ring->order);
	for (i = 0; i < n; i++)
		shm_write(&ring->shm->slot[i], laps << XSLOT_CYCLE_SHIFT);
}

/* The lap in a slot has 32 bits, the tickets 64. */
static void test_lap_wrap(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 i, index[8], got, lap;

	age(&ring, 0xfffffffeULL);
	for (i = 0; i < 8; i++)
		index[i] = object(a);
	for (lap = 0; lap < 6; lap++) {
		for (i = 0; i < 8; i++)
			push(a, &ring, index[i]);
		assert_int_equal(ring_push(a, &ring, index[0]), -EAGAIN);
		/* also with a dead taker at the turn */
		assert_int_equal(half_pop(a, &ring, &got), 0);
		assert_int_equal(got, index[0]);
		for (i = 1; i < 8; i++)
			pops(a, &ring, index[i]);
		is_empty(a, &ring);
	}
	assert_int_equal(shm_read(&ring.shm->tail), 0x100000004ULL * 8);
	assert_int_equal(XSLOT_CYCLE(shm_read(&ring.shm->slot[0])), 4);
}

/* Half-done steps exactly where the lap wraps. */
static void test_lap_wrap_dead(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 i, got, one;

	age(&ring, 0xffffffffULL);
	for (i = 0; i < 24; i++) {
		one = object(a);
		assert_int_equal(half_push(a, &ring, one), 0);
		assert_int_equal(half_pop(b, &ring, &got), 0);
		assert_int_equal(got, one);
		is_empty(a, &ring);	/* helps with (P2) not needed, (T2) */
	}
}

static void test_version_wrap(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 one = object(a), turn;

	/* More than 2^20 changes of the word: 20 bits, 8 of them in a slot. */
	for (turn = 0; turn < (1 << 20) + 1000; turn++) {
		push(a, &ring, one);
		pops(a, &ring, one);
	}
	is_empty(a, &ring);
	assert_int_equal(XOWN_GEN(shm_read(pool_own(a, ring.pool, one))), 1);
}

/* Index 0 and the highest that there can be. */
static void test_index_limits(void **state)
{
	struct xseg_params p = small_params;
	struct xseg_pool *pool;
	struct ring ring;
	struct xseg *x;
	u32 last;
	int big;

	p.nr_requests = XSEG_MAX_INDEX;
	big = segment_new(&p);
	x = peer_join(big);
	assert_int_equal(object(x), 0);
	pool = xseg_at(x, x->geo.pools);
	shm_write(&pool[POOL_REQUESTS].fresh, XSEG_MAX_INDEX - 1);
	last = object(x);
	assert_int_equal(last, XSEG_MAX_INDEX - 1);
	ring = ring_of(x, 7);
	push(x, &ring, last);
	push(x, &ring, 0);
	pops(x, &ring, last);
	pops(x, &ring, 0);
	assert_int_equal(pool_free(x, POOL_REQUESTS, last), 0);
	assert_int_equal(pool_alloc(x, POOL_REQUESTS, &last), 0);
	assert_int_equal(last, XSEG_MAX_INDEX - 1);
	/* No segment is left with 16 million requests to be looked through. */
	shm_write(&pool[POOL_REQUESTS].fresh, 0);
	xseg_leave(x);
	close(big);
}

/* ring_mark() strikes off exactly what is in the ring. */
static void test_mark(void **state)
{
	struct ring ring = ring_of(a, 0), other = ring_of(a, 1);
	u64 words[32], noted[32];
	const struct owned_list list = { 0, 32, words };
	u32 i, got, index[10];

	for (i = 0; i < 10; i++)
		index[i] = object(a);
	for (i = 0; i < 4; i++)
		push(a, &ring, index[i]);
	push(a, &other, index[5]);
	assert_int_equal(half_push(a, &ring, index[4]), 0);
	assert_int_equal(half_pop(a, &ring, &got), 0);
	for (i = 0; i < 32; i++)
		noted[i] = shm_read(pool_own(a, ring.pool, i));
	memcpy(words, noted, sizeof(words));
	ring_mark(b, &ring, &list);
	/* 1, 2, 3 are there, 4 was put by (P1) alone, 0 was taken by (T1). */
	for (i = 0; i < 32; i++)
		assert_int_equal(words[i], i >= 1 && i <= 4 ? 0 : noted[i]);
	/* It finished (T2). */
	assert_int_equal(shm_read(&ring.shm->slot[0]),
			 1ULL << XSLOT_CYCLE_SHIFT);
	ring_mark(b, &other, &list);
	assert_int_equal(words[5], 0);
	assert_int_equal(words[6], noted[6]);
	for (i = 1; i < 5; i++)
		pops(b, &ring, index[i]);
	is_empty(b, &ring);
}

/* Where memory is short the list is a part of the pool. */
static void test_mark_part(void **state)
{
	struct ring ring = ring_of(a, 0);
	u64 words[3];
	const struct owned_list list = { 2, 3, words };
	u32 i;

	for (i = 0; i < 8; i++)
		push(a, &ring, object(a));
	pops(a, &ring, 0);
	pops(a, &ring, 1);
	pops(a, &ring, 2);
	for (i = 0; i < 3; i++)
		words[i] = shm_read(pool_own(a, ring.pool, 2 + i));
	ring_mark(b, &ring, &list);
	assert_int_not_equal(words[0], 0);
	assert_int_equal(words[1] | words[2], 0);
}

/* It also looks beyond where the ring wrapped. */
static void test_mark_wrapped(void **state)
{
	struct ring ring = ring_of(a, 0);
	u32 i, fill, index[8];
	u64 words[32];
	const struct owned_list list = { 0, 32, words };

	for (i = 0; i < 8; i++)
		index[i] = object(a);
	for (i = 0; i < 5; i++) {
		push(a, &ring, index[i]);
		pops(a, &ring, index[i]);
	}
	for (fill = 0; fill <= 8; fill++) {
		for (i = 0; i < 32; i++)
			words[i] = shm_read(pool_own(a, ring.pool, i));
		ring_mark(b, &ring, &list);
		for (i = 0; i < 8; i++)
			assert_int_equal(!words[index[i]], i < fill);
		if (fill < 8)
			push(a, &ring, index[fill]);
	}
}

/* Nonsense in the words is refused, and ends. */
static void test_damaged(void **state)
{
	struct ring ring = ring_of(a, 0);
	u64 words[32] = { 0 };
	const struct owned_list list = { 0, 32, words };
	u32 got, one = object(a);
	int ret;

	shm_write(&ring.shm->slot[0], 0xffffff);
	assert_int_equal(ring_pop(a, &ring, &got), -EUCLEAN);
	ring_mark(a, &ring, &list);
	shm_write(&ring.shm->slot[0], 0);
	/* A tail a lap ahead of its slots */
	shm_write(&ring.shm->tail, 8);
	assert_int_equal(ring_push(a, &ring, one), -EUCLEAN);
	shm_write(&ring.shm->tail, 0);
	/* A head a lap ahead */
	shm_write(&ring.shm->head, 8);
	ret = ring_pop(a, &ring, &got);
	assert_true(ret == -EUCLEAN || ret == -EBUSY);
	shm_write(&ring.shm->head, 0);
	push(a, &ring, one);
	pops(a, &ring, one);
}

#define RING_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(test_empty_and_full),
		RING_TEST(test_laps),
		RING_TEST(test_shared_pool),
		cmocka_unit_test(test_one_slot),
		RING_TEST(test_dead_putter),
		RING_TEST(test_dead_taker),
		RING_TEST(test_dead_taker_seen_by_taker),
		RING_TEST(test_lagging_head),
		RING_TEST(test_moved_on),
		RING_TEST(test_helped_lap),
		RING_TEST(test_lap_wrap),
		RING_TEST(test_lap_wrap_dead),
		RING_TEST(test_version_wrap),
		cmocka_unit_test(test_index_limits),
		RING_TEST(test_mark),
		RING_TEST(test_mark_part),
		RING_TEST(test_mark_wrapped),
		RING_TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
