// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random operations on rings that share a pool, against queues and sets that
 * cannot be wrong. Peers also die in the middle of an operation: from (P1) or
 * (T1) on it has happened.
 */
#include "selftests/lib/unit.h"

#define OBJECTS	20
#define RINGS	4	/* of ports; the last is the pool's own */
#define PEERS	3

/**
 * struct model - what must be
 * @queue: objects in each ring, the oldest first
 * @len:   how many
 * @owner: of each object: a peer, or IN_RING
 * @known: objects below this were in use before
 */
struct model {
	u32 queue[RINGS + 1][OBJECTS];
	u32 len[RINGS + 1];
	u32 owner[OBJECTS];
	u32 known;
};

#define IN_RING	99

static struct xseg *peer[PEERS];
static struct ring ring[RINGS + 1];
static struct model model;
static struct rng rng;
static u32 room;

static void model_push(u32 r, u32 index)
{
	model.queue[r][model.len[r]++] = index;
	model.owner[index] = IN_RING;
}

static u32 model_pop(u32 r, u32 p)
{
	u32 index = model.queue[r][0];

	memmove(model.queue[r], model.queue[r] + 1,
		--model.len[r] * sizeof(u32));
	model.owner[index] = p;
	return index;
}

/* An object that the peer owns, or OBJECTS. */
static u32 one_of(u32 p)
{
	u32 i, first = rng_below(&rng, OBJECTS);

	for (i = 0; i < OBJECTS; i++)
		if (model.owner[(first + i) % OBJECTS] == p)
			return (first + i) % OBJECTS;
	return OBJECTS;
}

static void op_push(u32 r, u32 p, bool dies)
{
	u32 index = one_of(p);
	int ret;

	if (index == OBJECTS)
		return;
	if (!dies) {
		ret = ring_push(peer[p], &ring[r], index);
		assert_int_equal(ret, model.len[r] < room ? 0 : -EAGAIN);
	} else {
		ret = half_push(peer[p], &ring[r], index);
		assert_true(!ret || ret == -EAGAIN);
	}
	if (!ret)
		model_push(r, index);
}

static void op_pop(u32 r, u32 p, bool dies)
{
	u32 index;
	int ret;

	if (!dies) {
		ret = ring_pop(peer[p], &ring[r], &index);
		assert_int_equal(ret, model.len[r] ? 0 : -EAGAIN);
	} else {
		ret = half_pop(peer[p], &ring[r], &index);
		assert_true(model.len[r] ? !ret || ret == -EAGAIN :
			    ret == -EAGAIN);
	}
	if (!ret)
		assert_int_equal(index, model_pop(r, p));
}

static void op_alloc(u32 p)
{
	u32 expected, index;
	int ret = pool_alloc(peer[p], POOL_REQUESTS, &index);

	if (!model.len[RINGS] && model.known == OBJECTS) {
		assert_int_equal(ret, -ENOMEM);
		return;
	}
	assert_int_equal(ret, 0);
	if (model.len[RINGS]) {
		expected = model_pop(RINGS, p);
	} else {
		expected = model.known++;
		model.owner[expected] = p;
	}
	assert_int_equal(index, expected);
}

static void op_free(u32 p)
{
	u32 index = one_of(p);

	if (index == OBJECTS)
		return;
	assert_int_equal(pool_free(peer[p], POOL_REQUESTS, index), 0);
	model_push(RINGS, index);
}

/* Each word says what the model says. */
static void compare(void)
{
	u32 i;
	u64 w;

	for (i = 0; i < model.known; i++) {
		w = shm_read(pool_own(peer[0], ring[0].pool, i));
		assert_int_equal(XOWN_ST(w), XOWN_OWNED);
		if (model.owner[i] != IN_RING)
			assert_int_equal(XOWN_WHO(w),
					 peer[model.owner[i]]->me);
	}
}

/* What ring_mark() finds is what the model has there. */
static void compare_marks(u32 r)
{
	u64 words[OBJECTS];
	const struct owned_list list = { 0, OBJECTS, words };
	u32 i;

	for (i = 0; i < OBJECTS; i++)
		words[i] = 1;
	ring_mark(peer[rng_below(&rng, PEERS)], &ring[r], &list);
	for (i = 0; i < model.len[r]; i++) {
		assert_int_equal(words[model.queue[r][i]], 0);
		words[model.queue[r][i]] = 1;
	}
	for (i = 0; i < OBJECTS; i++)
		assert_int_equal(words[i], 1);
}

static void step(void)
{
	u32 p = rng_below(&rng, PEERS), r = rng_below(&rng, RINGS);
	bool dies = !rng_below(&rng, 8);

	switch (rng_below(&rng, 32)) {
	case 0 ... 12:
		op_push(r, p, dies);
		break;
	case 13 ... 25:
		op_pop(r, p, dies);
		break;
	case 26 ... 28:
		op_alloc(p);
		break;
	case 29 ... 30:
		op_free(p);
		break;
	default:
		if (!rng_below(&rng, 16))
			compare_marks(rng_below(&rng, RINGS + 1));
		break;
	}
}

static void model_run(u32 queue_len, u32 steps)
{
	struct xseg_params p = small_params;
	u32 i;
	int fd;

	p.nr_requests = OBJECTS;
	p.queue_len = room = queue_len;
	fd = segment_new(&p);
	memset(&model, 0, sizeof(model));
	for (i = 0; i < OBJECTS; i++)
		model.owner[i] = IN_RING;
	for (i = 0; i < PEERS; i++)
		peer[i] = peer_join(fd);
	for (i = 0; i < RINGS; i++)
		ring[i] = port_ring(peer[0], i, XSEG_RING_REQUEST);
	ring[RINGS] = pool_ring(peer[0], POOL_REQUESTS);
	for (i = 0; i < steps; i++) {
		step();
		if (!(i % 64))
			compare();
	}
	for (i = 0; i < PEERS; i++)
		xseg_leave(peer[i]);
	close(fd);
}

static u32 steps(u32 millions)
{
	return test_seconds(1) * millions * 1000000;
}

static void test_tiny(void **state)
{
	model_run(1, steps(1));
}

static void test_small(void **state)
{
	model_run(4, steps(2));
}

/* A ring with room for all of them is never full. */
static void test_roomy(void **state)
{
	model_run(32, steps(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_roomy),
	};

	rng = rng_new();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
