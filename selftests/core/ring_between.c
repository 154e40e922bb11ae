// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What another peer does between two steps of an operation on a ring.
 */
#include "selftests/lib/stops.h"
#include "selftests/lib/unit.h"

static int fd;
static struct xseg *a, *b;
static struct ring ring_a, ring_b, other_b;
static u32 object;
static void *words_a;	/* where the ownership words lie for a */

static int setup(void **state)
{
	a = small_segment(&fd);
	b = peer_join(fd);
	ring_a = port_ring(a, 0, XSEG_RING_REQUEST);
	ring_b = port_ring(b, 0, XSEG_RING_REQUEST);
	other_b = port_ring(b, 7, XSEG_RING_REQUEST);
	words_a = xseg_request(a, 0);
	/* Rings and ownership words lie in different pages. */
	return page_of(ring_a.shm) == page_of(words_a) ||
	       pool_alloc(b, POOL_REQUESTS, &object) ||
	       ring_push(b, &ring_b, object);
}

static int teardown(void **state)
{
	xseg_leave(a);
	xseg_leave(b);
	return close(fd);
}

static u32 owner(void)
{
	return XOWN_WHO(shm_read(pool_own(b, ring_b.pool, object)));
}

/* Takes the object and changes its word until its version looks the same. */
static void take_and_wrap(void)
{
	u32 i, index;

	ring_pop(b, &ring_b, &index);
	for (i = 0; i < 255; i++) {
		__u64 *own = pool_own(b, ring_b.pool, object);

		shm_write(own, own_next(shm_read(own), XOWN_OWNED, b->me));
	}
}

/*
 * The slot was read, then the word, whose version happens to be that of the
 * slot: but the object is in b's hands.
 */
static void test_version_alias(void **state)
{
	const struct stop stop = { words_a, take_and_wrap };
	u32 index;

	stops_set(&stop, 1);
	assert_int_equal(ring_pop(a, &ring_a, &index), -EAGAIN);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(owner(), b->me);
}

static void wrap_and_move(void)
{
	take_and_wrap();
	ring_push(b, &other_b, object);
}

/* The same, the object is in another ring meanwhile. */
static void test_version_alias_moved(void **state)
{
	const struct stop stop = { words_a, wrap_and_move };
	u32 index;

	stops_set(&stop, 1);
	assert_int_equal(ring_pop(a, &ring_a, &index), -EAGAIN);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(ring_pop(b, &other_b, &index), 0);
	assert_int_equal(index, object);
}

/* The reaper sees the object taken between slot and word. */
static void test_version_alias_mark(void **state)
{
	const struct stop stop = { words_a, take_and_wrap };
	u64 words[32] = { 0 };
	const struct owned_list list = { 0, 32, words };

	words[object] = 1;
	stops_set(&stop, 1);
	ring_mark(a, &ring_a, &list);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(words[object], 1);
}

static void take(void)
{
	u32 index;

	ring_pop(b, &ring_b, &index);
}

/* Taken by b after a has seen that it is there, before a's (T1). */
static void test_taken_before_t1(void **state)
{
	/* the word is read, the slot is read again, (T1) */
	const struct stop stop[] = {
		{ words_a, NULL }, { ring_a.shm, NULL }, { words_a, take },
	};
	u32 index;

	stops_set(stop, 3);
	assert_int_equal(ring_pop(a, &ring_a, &index), -EAGAIN);
	assert_int_equal(stops_end(), 3);
	assert_int_equal(owner(), b->me);
}

/* Filled by b after a has looked for an empty slot, before its (P1). */
static void fill_ring(void)
{
	u32 i, index;

	for (i = 0; i < 7; i++)
		if (!pool_alloc(b, POOL_REQUESTS, &index))
			ring_push(b, &ring_b, index);
}

static void test_filled_before_p1(void **state)
{
	const struct stop stop = { ring_a.shm, fill_ring };
	u32 mine;

	assert_int_equal(pool_alloc(a, POOL_REQUESTS, &mine), 0);
	stops_set(&stop, 1);
	assert_int_equal(ring_push(a, &ring_a, mine), -EAGAIN);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(XOWN_WHO(shm_read(pool_own(a, ring_a.pool, mine))),
			 a->me);
}

/* Taken after a full ring was seen: no longer full. */
static void test_taken_before_full(void **state)
{
	/* its own word, then that of the object that is in the way */
	const struct stop stop[] = {
		{ words_a, NULL }, { ring_a.shm, NULL }, { words_a, take },
	};
	u32 mine, index;

	fill_ring();
	assert_int_equal(pool_alloc(a, POOL_REQUESTS, &mine), 0);
	assert_int_equal(ring_push(a, &ring_a, mine), -EAGAIN);
	stops_set(stop, 3);
	assert_int_equal(ring_push(a, &ring_a, mine), 0);
	assert_int_equal(stops_end(), 3);
	assert_int_equal(ring_pop(b, &ring_b, &index), 0);
	assert_int_not_equal(index, object);
}

#define BETWEEN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BETWEEN_TEST(test_version_alias),
		BETWEEN_TEST(test_version_alias_moved),
		BETWEEN_TEST(test_version_alias_mark),
		BETWEEN_TEST(test_taken_before_t1),
		BETWEEN_TEST(test_filled_before_p1),
		BETWEEN_TEST(test_taken_before_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
