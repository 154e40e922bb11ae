// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Buffers and the heap that they come from: classes, growth, exhaustion, and
 * owners that die while they attach or detach one.
 */
#include "selftests/lib/unit.h"

#define CHUNK	(1ULL << XSEG_MIN_CHUNK_ORDER)
#define CHUNKS	4

static int fd;
static struct xseg *x;

/*
 * A heap of four chunks and more requests than buffers. Request 0 is taken,
 * so that a number that nobody wrote is the wrong one.
 */
static int setup(void **state)
{
	struct xseg_params p = small_params;
	u32 zero;

	p.nr_requests = 8192;
	p.heap_size = CHUNKS * CHUNK;
	fd = segment_new(&p);
	x = peer_join(fd);
	if (pool_alloc(x, POOL_REQUESTS, &zero))
		return -1;
	x->requests[zero].held = 1;
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(x);
	return close(fd);
}

static u64 buffer(u64 len)
{
	u64 b = 0;

	assert_int_equal(buffer_alloc(x, len, &b), 0);
	return b;
}

static void give(u64 b)
{
	assert_int_equal(pool_free(x, POOL_BUFFERS + XBUF_CLASS(b),
				   XBUF_INDEX(b)), 0);
}

static void test_classes(void **state)
{
	static const struct {
		u64 len;
		u64 size;
	} want[] = {
		{ 0, 256 }, { 1, 256 }, { 256, 256 }, { 257, 512 },
		{ 512, 512 }, { 513, 1024 }, { 4096, 4096 }, { 4097, 8192 },
		{ 65535, 65536 }, { 65536, 65536 },
	};
	u64 b, off, len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		b = buffer(want[i].len);
		assert_int_equal(buffer_place(x, b, &off, &len), 0);
		assert_int_equal(len, want[i].size);
		assert_true(off >= x->geo.heap);
		assert_true(off + len <= x->geo.size);
		assert_int_equal(off % (len < 4096 ? len : 4096), 0);
		give(b);
		if (chunks_used(x) == CHUNKS)
			break;
	}
	assert_int_equal(buffer_alloc(x, 65537, &b), -EMSGSIZE);
	assert_int_equal(buffer_alloc(x, UINT64_MAX, &b), -EMSGSIZE);
	assert_in_order(x);
}

static void test_growth(void **state)
{
	u64 off, len, last = 0;
	u32 i;

	/* 64 KiB: four to a chunk, which is taken with the first of them */
	for (i = 0; i < 4 * CHUNKS; i++) {
		assert_int_equal(chunks_used(x), (i + 3) / 4);
		buffer_place(x, buffer(65536), &off, &len);
		if (i)
			assert_int_equal(off, last + 65536);
		last = off;
	}
	assert_int_equal(chunks_used(x), CHUNKS);
	assert_int_equal(last + 65536, x->geo.heap + CHUNKS * CHUNK);
}

/* No two buffers share a byte, whatever their classes. */
static void test_apart(void **state)
{
	static u8 used[CHUNKS * CHUNK / 256];
	struct rng rng = rng_new();
	u64 b, off, len, at;
	u32 n = 0;

	memset(used, 0, sizeof(used));
	while (!buffer_alloc(x, rng_below(&rng, 65537), &b)) {
		assert_int_equal(buffer_place(x, b, &off, &len), 0);
		for (at = off - x->geo.heap; len; len -= 256, at += 256)
			assert_int_equal(used[at / 256]++, 0);
		n++;
	}
	assert_true(n >= 4);
}

static void test_larger_class(void **state)
{
	u64 b[CHUNKS * 4], small, off, len;
	u32 i;

	for (i = 0; i < CHUNKS * 4; i++)
		b[i] = buffer(65536);
	assert_int_equal(buffer_alloc(x, 65536, &small), -ENOMEM);
	assert_int_equal(buffer_alloc(x, 1, &small), -ENOMEM);
	/* No chunk is left for 256 bytes, but a large one is free. */
	give(b[5]);
	small = buffer(1);
	assert_int_equal(buffer_place(x, small, &off, &len), 0);
	assert_int_equal(len, 65536);
	assert_int_equal(small, b[5]);
	assert_int_equal(buffer_alloc(x, 1, &small), -ENOMEM);
	for (i = 0; i < CHUNKS * 4; i++)
		give(b[i]);
	assert_in_order(x);
}

/* Failed allocations, however many, take nothing away. */
static void test_enomem(void **state)
{
	u64 b[CHUNKS * 4], none;
	u32 i, free[POOLS_MAX];

	for (i = 0; i < CHUNKS * 4; i++)
		b[i] = buffer(65536);
	for (i = 0; i < x->geo.nr_classes; i++)
		free[i] = audit_free(x, POOL_BUFFERS + i);
	for (i = 0; i < 1000; i++)
		assert_int_equal(buffer_alloc(x, i, &none), -ENOMEM);
	for (i = 0; i < x->geo.nr_classes; i++)
		assert_int_equal(audit_free(x, POOL_BUFFERS + i), free[i]);
	for (i = 0; i < CHUNKS * 4; i++)
		give(b[i]);
	for (i = 0; i < CHUNKS * 4; i++)
		b[i] = buffer(65536);
	for (i = 0; i < CHUNKS * 4; i++)
		give(b[i]);
	assert_in_order(x);
}

/*
 * A class that could not grow has an object without a chunk; that does not
 * stand in the way of those that are free.
 */
static void test_enomem_then_free(void **state)
{
	u64 large[(CHUNKS - 1) * 4], small[CHUNK / 256], b, off, len;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(large); i++)
		large[i] = buffer(65536);
	for (i = 0; i < ARRAY_SIZE(small); i++)
		small[i] = buffer(256);
	assert_int_equal(chunks_used(x), CHUNKS);
	assert_int_equal(buffer_alloc(x, 256, &b), -ENOMEM);
	for (i = 0; i < 5; i++) {
		give(small[i]);
		b = buffer(256);
		assert_int_equal(b, small[i]);
		assert_int_equal(buffer_alloc(x, 256, &b), -ENOMEM);
	}
	/* Nor is a larger one taken while one of the right size is free. */
	give(large[0]);
	give(small[0]);
	b = buffer(256);
	assert_int_equal(buffer_place(x, b, &off, &len), 0);
	assert_int_equal(len, 256);
}

/* What no buffer is called. */
static void test_place_nonsense(void **state)
{
	struct rng rng = rng_new();
	u64 off, len, b = buffer(256);
	u32 i;

	assert_int_equal(buffer_place(x, 0, &off, &len), -EUCLEAN);
	assert_int_equal(buffer_place(x, UINT64_MAX, &off, &len), -EUCLEAN);
	assert_int_equal(buffer_place(x, XBUF(x->geo.nr_classes, 0), &off,
				      &len), -EUCLEAN);
	assert_int_equal(buffer_place(x, XBUF(0, x->geo.pool[POOL_BUFFERS].nr),
				      &off, &len), -EUCLEAN);
	/* a class that has no chunk */
	assert_int_equal(buffer_place(x, XBUF(3, 0), &off, &len), -EUCLEAN);
	for (i = 0; i < 100000; i++) {
		b = rng_next(&rng) >> rng_below(&rng, 64);
		if (buffer_place(x, b, &off, &len))
			continue;
		assert_true(off >= x->geo.heap && len <= 65536 &&
			    off + len <= x->geo.size);
	}
}

/* Where an owner dies, and what it leaves a request with. */
static u32 request_new(struct xseg *xseg)
{
	u32 index;

	pool_alloc(xseg, POOL_REQUESTS, &index);
	return index;
}

static struct xseg_buffer *buffer_word(struct xseg *xseg, u64 b)
{
	return (struct xseg_buffer *)
		pool_own(xseg, &xseg->geo.pool[POOL_BUFFERS + XBUF_CLASS(b)],
			 XBUF_INDEX(b));
}

/* (A1), (A2), (A3), as far as told. */
static void attach_steps(struct xseg *xseg, u32 request, u64 b, int n)
{
	struct xseg_buffer *buf = buffer_word(xseg, b);
	u64 w = shm_read(&buf->own);

	if (n > 0)
		shm_write(&buf->request, request);
	if (n > 1)
		shm_write(&xseg_request(xseg, request)->buffer, b);
	if (n > 2)
		shm_cas(&buf->own, w, own_next(w, XOWN_ATTACHED, xseg->me));
}

/* (D1), (D2), (D3), as far as told. */
static void detach_steps(struct xseg *xseg, u32 request, u64 b, int n)
{
	struct xseg_buffer *buf = buffer_word(xseg, b);
	u64 w = shm_read(&buf->own);

	if (n > 0)
		shm_cas(&buf->own, w, own_next(w, XOWN_OWNED, xseg->me));
	if (n > 1)
		shm_write(&xseg_request(xseg, request)->buffer, 0);
	if (n > 2)
		pool_free(xseg, POOL_BUFFERS + XBUF_CLASS(b), XBUF_INDEX(b));
}

static void dies_attaching(struct xseg *xseg, void *arg)
{
	u64 b = 0;

	buffer_alloc(xseg, 1000, &b);
	attach_steps(xseg, request_new(xseg), b, *(int *)arg);
}

static void dies_detaching(struct xseg *xseg, void *arg)
{
	u32 request = request_new(xseg);
	u64 b = 0;

	buffer_alloc(xseg, 1000, &b);
	buffer_attach(xseg, request, b);
	detach_steps(xseg, request, b, *(int *)arg);
}

/* One buffer in place of another: (D1) of the old, then the new one's. */
static void dies_swapping(struct xseg *xseg, void *arg)
{
	u32 request = request_new(xseg);
	u64 old = 0, new = 0;
	int n = *(int *)arg;

	buffer_alloc(xseg, 1000, &old);
	buffer_attach(xseg, request, old);
	buffer_alloc(xseg, 10000, &new);
	detach_steps(xseg, request, old, n > 0);
	attach_steps(xseg, request, new, n - 1);
	if (n > 4)
		pool_free(xseg, POOL_BUFFERS + XBUF_CLASS(old),
			  XBUF_INDEX(old));
}

/* After each death everything can be had again. */
static void nothing_lost(peer_body body, int steps)
{
	u32 requests = audit_free(x, POOL_REQUESTS);
	u32 i, free[POOLS_MAX];
	int n;

	for (i = 0; i < x->geo.nr_classes; i++)
		free[i] = audit_free(x, POOL_BUFFERS + i);
	for (n = 0; n <= steps; n++) {
		peer_dies(fd, body, &n);
		assert_int_equal(xseg_reap(x), 1);
		assert_in_order(x);
		assert_int_equal(audit_free(x, POOL_REQUESTS), requests);
		for (i = 0; i < x->geo.nr_classes; i++)
			assert_int_equal(audit_free(x, POOL_BUFFERS + i),
					 free[i]);
	}
}

static void test_dies_attaching(void **state)
{
	nothing_lost(dies_attaching, 3);
}

static void test_dies_detaching(void **state)
{
	nothing_lost(dies_detaching, 3);
}

static void test_dies_swapping(void **state)
{
	nothing_lost(dies_swapping, 5);
}

/* Attaches a buffer to its request, which then goes to another peer. */
static void dies_after_giving(struct xseg *xseg, void *arg)
{
	struct ring ring = port_ring(xseg, 0, XSEG_RING_REQUEST);
	u32 request = request_new(xseg);
	u64 b = 0;

	buffer_alloc(xseg, 100, &b);
	buffer_attach(xseg, request, b);
	ring_push(xseg, &ring, request);
}

/* The buffer of a request goes with it, not with who attached it. */
static void test_given(void **state)
{
	struct ring ring = port_ring(x, 0, XSEG_RING_REQUEST);
	u32 request;
	u64 b;

	peer_dies(fd, dies_after_giving, NULL);
	assert_int_equal(ring_pop(x, &ring, &request), 0);
	x->requests[request].held = 1;
	assert_int_equal(xseg_reap(x), 1);
	b = shm_read(&xseg_request(x, request)->buffer);
	assert_int_equal(XOWN_ST(shm_read(&buffer_word(x, b)->own)),
			 XOWN_ATTACHED);
	assert_in_order(x);
}

static struct xseg_chunk *chunk_word(struct xseg *xseg, u32 i)
{
	struct xseg_chunk *chunks = xseg_at(xseg, xseg->geo.chunks);

	return &chunks[i];
}

/* Claims a chunk: word, class and place, directory, as far as told. */
static void dies_claiming(struct xseg *xseg, void *arg)
{
	const struct pool *pool = &xseg->geo.pool[POOL_BUFFERS + 2];
	struct xseg_chunk *chunk = chunk_word(xseg, 0);
	__u64 *dir = xseg_at(xseg, pool->dir);
	int n = *(int *)arg;
	u64 w = shm_read(&chunk->own);

	shm_write(&chunk->own, own_next(w, XOWN_OWNED, xseg->me));
	if (n > 0) {
		shm_write(&chunk->class_, POOL_BUFFERS + 2);
		shm_write(&chunk->seq, 0);
	}
	if (n > 1)
		shm_write(dir, 1);
}

static void test_dies_claiming(void **state)
{
	int n;

	for (n = 0; n <= 2; n++) {
		peer_dies(fd, dies_claiming, &n);
		assert_int_equal(chunks_used(x), 1);
		assert_int_equal(xseg_reap(x), 1);
		assert_int_equal(chunks_used(x), n == 2);
		assert_int_equal(XOWN_ST(shm_read(&chunk_word(x, 0)->own)),
				 n == 2 ? XOWN_LIVE : XOWN_FREE);
		assert_in_order(x);
	}
	/* All four chunks can still be had. */
	for (n = 0; n < 3 * 4; n++)
		buffer(65536);
	assert_int_equal(chunks_used(x), CHUNKS);
}

#define BUFFER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUFFER_TEST(test_classes),
		BUFFER_TEST(test_growth),
		BUFFER_TEST(test_apart),
		BUFFER_TEST(test_larger_class),
		BUFFER_TEST(test_enomem),
		BUFFER_TEST(test_enomem_then_free),
		BUFFER_TEST(test_place_nonsense),
		BUFFER_TEST(test_dies_attaching),
		BUFFER_TEST(test_dies_detaching),
		BUFFER_TEST(test_dies_swapping),
		BUFFER_TEST(test_given),
		BUFFER_TEST(test_dies_claiming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
