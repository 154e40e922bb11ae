// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Capacities: defaults, rounding, limits, and where everything comes to lie.
 */
#include "selftests/lib/unit.h"

#define TIB	(1ULL << 40)

static struct xseg_params_shm complete(const struct xseg_params *params)
{
	struct xseg_params_shm shm;

	assert_int_equal(params_complete(params, &shm), 0);
	return shm;
}

static void test_defaults(void **state)
{
	static const struct xseg_params zero;
	struct xseg_params_shm none = complete(NULL);
	struct xseg_params_shm zeroes = complete(&zero);

	assert_int_equal(none.nr_ports, 256);
	assert_int_equal(none.nr_requests, 4096);
	assert_int_equal(none.nr_descs, 1024);
	assert_int_equal(1 << none.queue_order, 256);
	assert_int_equal(1 << none.data_order, 1 << 20);
	assert_int_equal(none.heap_size, 32 << 20);
	assert_memory_equal(&none, &zeroes, sizeof(none));
}

static void test_rounding(void **state)
{
	struct xseg_params p = { .queue_len = 1, .max_data = 1,
				 .heap_size = 1 };
	struct xseg_params_shm shm = complete(&p);

	assert_int_equal(shm.queue_order, 0);
	assert_int_equal(shm.data_order, XSEG_MIN_DATA_ORDER);
	assert_int_equal(shm.heap_size, 1 << XSEG_MIN_CHUNK_ORDER);
	p.queue_len = 257;
	p.max_data = 257;
	p.heap_size = (1 << XSEG_MIN_CHUNK_ORDER) + 1;
	shm = complete(&p);
	assert_int_equal(shm.queue_order, 9);
	assert_int_equal(shm.data_order, 9);
	assert_int_equal(shm.heap_size, 2 << XSEG_MIN_CHUNK_ORDER);
	/* Chunks are as large as the largest buffer. */
	p.max_data = (1 << 20) + 1;
	shm = complete(&p);
	assert_int_equal(shm.data_order, 21);
	assert_int_equal(shm.heap_size, 2 << 20);
}

/* Each capacity at its limit, and one beyond. */
static void test_limits(void **state)
{
	static const struct {
		struct xseg_params most;
		struct xseg_params beyond;
	} limit[] = {
		{ { .nr_ports = 65536 }, { .nr_ports = 65537 } },
		{ { .nr_requests = 16777214 }, { .nr_requests = 16777215 } },
		{ { .nr_descs = 65536 }, { .nr_descs = 65537 } },
		{ { .queue_len = 1 << 20 }, { .queue_len = (1 << 20) + 1 } },
		{ { .max_data = 1 << 30 }, { .max_data = (1 << 30) + 1 } },
		{ { .heap_size = TIB }, { .heap_size = TIB + 1 } },
		{ { .nr_ports = 1 }, { .nr_ports = U32_MAX } },
		{ { .nr_requests = 1 }, { .nr_requests = U32_MAX } },
		{ { .nr_descs = 1 }, { .nr_descs = U32_MAX } },
		{ { .queue_len = 1 }, { .queue_len = U32_MAX } },
		{ { .max_data = 1 }, { .max_data = UINT64_MAX } },
		{ { .heap_size = 1 }, { .heap_size = UINT64_MAX } },
	};
	struct xseg_params_shm shm;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limit); i++) {
		assert_int_equal(params_complete(&limit[i].most, &shm), 0);
		assert_int_equal(params_complete(&limit[i].beyond, &shm),
				 -EINVAL);
	}
}

/* What params_complete() never makes, but a header may say. */
static void test_limits_raw(void **state)
{
	struct xseg_params_shm good = complete(NULL);
	struct geometry geo;
	struct xseg_params_shm p;
	size_t i;

	assert_int_equal(geometry_compute(&good, &geo), 0);
	for (i = 0; i < 9; i++) {
		p = good;
		switch (i) {
		case 0: p.nr_ports = 0; break;
		case 1: p.nr_requests = 0; break;
		case 2: p.nr_descs = 0; break;
		case 3: p.queue_order = XSEG_MAX_QUEUE_ORDER + 1; break;
		case 4: p.data_order = XSEG_MIN_DATA_ORDER - 1; break;
		case 5: p.data_order = XSEG_MAX_DATA_ORDER + 1; break;
		case 6: p.rsvd = 1; break;
		case 7: p.heap_size = 0; break;
		case 8: p.heap_size += 4096; break;
		}
		assert_int_equal(geometry_compute(&p, &geo), -EINVAL);
	}
}

static void test_overflow(void **state)
{
	struct xseg_params_shm p = complete(NULL);
	struct geometry geo;

	p.heap_size = 2 * TIB;
	assert_int_equal(geometry_compute(&p, &geo), -EOVERFLOW);
	p.heap_size = 1ULL << 63;
	assert_int_equal(geometry_compute(&p, &geo), -EOVERFLOW);
	/* Each fits alone; the heap leaves nothing for the rest. */
	p.heap_size = TIB;
	assert_int_equal(geometry_compute(&p, &geo), -EOVERFLOW);
	p = complete(NULL);
	p.nr_ports = XSEG_MAX_PORTS;
	p.queue_order = XSEG_MAX_QUEUE_ORDER;
	assert_int_equal(geometry_compute(&p, &geo), -EOVERFLOW);
}

/**
 * struct region - a part of a segment
 * @at:	   where it begins
 * @size:  its bytes, computed here
 * @align: what it is a multiple of
 */
struct region {
	u64 at;
	u64 size;
	u64 align;
};

struct map {
	struct region r[16 + 3 * POOLS_MAX];
	size_t nr;
};

static void map_add(struct map *map, u64 at, u64 nr, u64 size, u64 align)
{
	map->r[map->nr++] = (struct region){ at, nr * size, align };
}

static u64 slots_for(u64 nr)
{
	u64 n = 1;

	while (n < nr)
		n += n;
	return n;
}

static void map_pools(struct map *map, const struct geometry *geo)
{
	const struct pool *pool;
	u32 i;

	for (i = 0; i < POOL_BUFFERS + geo->nr_classes; i++) {
		pool = &geo->pool[i];
		assert_int_equal(pool->id, i);
		/* Its free ring has room for all of its objects. */
		assert_true(1ULL << pool->ring_order >= pool->nr);
		map_add(map, pool->ring, 1, 128 + 8 * slots_for(pool->nr), 64);
		if (i < POOL_BUFFERS)
			continue;
		assert_int_equal(pool->stride, 16);
		assert_int_equal(1ULL << (i - POOL_BUFFERS + 8 +
					  pool->per_chunk),
				 1ULL << geo->chunk_order);
		assert_true(pool->nr <= 2ULL * geo->params.nr_requests);
		assert_true(pool->nr <= geo->params.heap_size >>
			    (i - POOL_BUFFERS + 8));
		map_add(map, pool->own, pool->nr, 16, 64);
		map_add(map, pool->dir, geo->nr_chunks, 8, 8);
	}
}

static void map_tables(struct map *map, const struct geometry *geo)
{
	const struct xseg_params_shm *p = &geo->params;

	map_add(map, 0, 1, 320, 4096);
	map_add(map, geo->peers, 256, 64, 64);
	map_add(map, geo->names, 320, 64, 64);
	map_add(map, geo->table, 64, 8, 64);
	map_add(map, geo->pools, POOL_BUFFERS + geo->nr_classes, 64, 64);
	map_add(map, geo->chunks, geo->nr_chunks, 16, 8);
	map_add(map, geo->ports, p->nr_ports, 64, 64);
	map_add(map, geo->rings, 3ULL * p->nr_ports, geo->ring_size, 64);
	map_add(map, geo->descs, p->nr_descs, 128, 64);
	map_add(map, geo->requests, p->nr_requests, 320, 64);
	map_add(map, geo->heap, 1, p->heap_size, 4096);
}

static int region_cmp(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* All parts are aligned, apart, without large holes, and inside. */
static void geometry_check(const struct geometry *geo)
{
	struct map map = { .nr = 0 };
	u64 end = 0;
	size_t i;

	assert_int_equal(geo->nr_chunks, geo->params.heap_size >>
			 geo->chunk_order);
	assert_true(geo->ring_size >= 128 + (8ULL << geo->params.queue_order));
	assert_int_equal(geo->ring_size % 64, 0);
	map_tables(&map, geo);
	map_pools(&map, geo);
	qsort(map.r, map.nr, sizeof(map.r[0]), region_cmp);
	for (i = 0; i < map.nr; i++) {
		assert_int_equal(map.r[i].at % map.r[i].align, 0);
		assert_true(map.r[i].at >= end);
		assert_true(map.r[i].at - end < 8192);
		end = map.r[i].at + map.r[i].size;
	}
	assert_int_equal(end, geo->size);
	assert_int_equal(geo->pool[POOL_REQUESTS].own, geo->requests);
	assert_int_equal(geo->pool[POOL_REQUESTS].stride, 320);
	assert_int_equal(geo->pool[POOL_DESCS].own, geo->descs);
	assert_int_equal(geo->pool[POOL_DESCS].stride, 128);
}

static void test_places(void **state)
{
	static const struct xseg_params least = {
		.nr_ports = 1, .nr_requests = 1, .nr_descs = 1,
		.queue_len = 1, .heap_size = 1, .max_data = 1,
	};
	static const struct xseg_params most = {
		.nr_ports = 65536, .nr_requests = 16777214, .nr_descs = 65536,
		.queue_len = 1 << 18, .heap_size = TIB / 2,
		.max_data = 1 << 30,
	};
	const struct xseg_params *params[] = { NULL, &least, &most };
	struct xseg_params_shm shm;
	struct geometry geo;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(params); i++) {
		shm = complete(params[i]);
		assert_int_equal(geometry_compute(&shm, &geo), 0);
		geometry_check(&geo);
	}
}

/* A number of any magnitude up to a limit. */
static u64 some(struct rng *rng, unsigned int bits)
{
	return 1 + (rng_next(rng) >> (64 - bits + rng_below(rng, bits)));
}

static void test_places_random(void **state)
{
	struct rng rng = rng_new();
	struct xseg_params_shm shm;
	struct xseg_params p = { 0 };
	struct geometry geo;
	int i, ret, good = 0;

	for (i = 0; i < 20000; i++) {
		p.nr_ports = (u32)some(&rng, 16);
		p.nr_requests = (u32)some(&rng, 23);
		p.nr_descs = (u32)some(&rng, 16);
		p.queue_len = (u32)some(&rng, 20);
		p.max_data = some(&rng, 30);
		p.heap_size = some(&rng, 39);
		shm = complete(&p);
		ret = geometry_compute(&shm, &geo);
		if (ret) {
			assert_int_equal(ret, -EOVERFLOW);
			assert_true(p.heap_size + 24ULL * p.nr_ports *
				    slots_for(p.queue_len) > TIB / 4);
			continue;
		}
		geometry_check(&geo);
		good++;
	}
	assert_true(good > 10000);
}

/* What xseg_create_fd() itself looks at. */
static void test_create(void **state)
{
	struct xseg_params bad[6];
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = small_params;
	bad[0].size = 0;
	bad[1].size += 8;
	bad[2].flags = 2;
	bad[3].mode = 01000;
	bad[4].rsvd = 1;
	bad[5].nr_ports = 65537;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(xseg_create_fd(&bad[i]), -EINVAL);
		assert_true(*xseg_last_error());
	}
	bad[0] = small_params;
	bad[0].heap_size = TIB;
	assert_int_equal(xseg_create_fd(&bad[0]), -EOVERFLOW);
	fd = segment_new(&small_params);
	assert_string_equal(xseg_last_error(), "");
	close(fd);
}

/* A new segment needs no memory beyond its header, and is in order. */
static void test_untouched(void **state)
{
	struct xseg *x;
	int fd;

	x = small_segment(&fd);
	assert_in_order(x);
	assert_int_equal(pool_used(x, POOL_REQUESTS), 0);
	assert_int_equal(chunks_used(x), 0);
	assert_int_equal(audit_free(x, POOL_REQUESTS), 32);
	xseg_leave(x);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_raw),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_places_random),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
