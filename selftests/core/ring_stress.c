// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads and processes put objects into rings and take them out, as fast as
 * they can. Whoever gets an object writes his name beside it, and finds nobody
 * else's there; each producer's numbers come out in their order.
 */
#include <sched.h>
#include <sys/wait.h>

#include "selftests/lib/unit.h"

#define WORKERS	4
#define RINGS	3
#define OBJECTS	24

/**
 * struct board - what all workers see
 * @holder: who has an object: its number plus one
 * @from:   who put it last
 * @number: that one's count then
 * @stop:   enough
 * @bad:    objects that somebody else had, or out of order
 * @done:   operations
 * @kept:   of each worker: what it holds at the end
 */
struct board {
	u32 holder[OBJECTS];
	u32 from[OBJECTS];
	u64 number[OBJECTS];
	u32 stop;
	u32 bad;
	u64 done;
	u32 kept[WORKERS];
};

struct worker {
	u32 id;
	struct xseg *x;
	struct board *board;
	struct rng rng;
	u64 count[RINGS];
	u64 last[RINGS][WORKERS];
	u32 mine[OBJECTS];
	u32 nr;
};

static void bad(struct worker *w)
{
	__atomic_fetch_add(&w->board->bad, 1, __ATOMIC_RELAXED);
}

static void got(struct worker *w, u32 index)
{
	if (__atomic_exchange_n(&w->board->holder[index], w->id + 1,
				__ATOMIC_RELAXED))
		bad(w);
	w->mine[w->nr++] = index;
}

/* Gives one of its objects away; it may still be refused. */
static u32 giving(struct worker *w)
{
	u32 i = rng_below(&w->rng, w->nr), index = w->mine[i];

	w->mine[i] = w->mine[--w->nr];
	if (__atomic_exchange_n(&w->board->holder[index], 0,
				__ATOMIC_RELAXED) != w->id + 1)
		bad(w);
	return index;
}

static void stress_push(struct worker *w, u32 r)
{
	struct ring ring = port_ring(w->x, r, XSEG_RING_REQUEST);
	u32 index;

	if (!w->nr)
		return;
	index = giving(w);
	WRITE_ONCE(w->board->from[index], w->id);
	WRITE_ONCE(w->board->number[index], w->count[r] + 1);
	if (ring_push(w->x, &ring, index))
		got(w, index);
	else
		w->count[r]++;
}

static void stress_pop(struct worker *w, u32 r)
{
	struct ring ring = port_ring(w->x, r, XSEG_RING_REQUEST);
	u32 index, from;
	u64 number;

	if (ring_pop(w->x, &ring, &index))
		return;
	got(w, index);
	from = READ_ONCE(w->board->from[index]);
	number = READ_ONCE(w->board->number[index]);
	if (number <= w->last[r][from])
		bad(w);
	w->last[r][from] = number;
}

static void stress_step(struct worker *w)
{
	u32 index, what = rng_below(&w->rng, 8);

	if (what < 3) {
		stress_push(w, rng_below(&w->rng, RINGS));
	} else if (what < 6) {
		stress_pop(w, rng_below(&w->rng, RINGS));
	} else if (what == 6) {
		if (w->nr < 8 && !pool_alloc(w->x, POOL_REQUESTS, &index))
			got(w, index);
	} else if (w->nr) {
		if (pool_free(w->x, POOL_REQUESTS, giving(w)))
			bad(w);
	}
}

static void *stress(void *arg)
{
	struct worker *w = arg;
	u64 n;

	for (n = 0; !READ_ONCE(w->board->stop); n++) {
		stress_step(w);
		if (!rng_below(&w->rng, 200))
			sched_yield();
	}
	w->board->kept[w->id] = w->nr;
	__atomic_fetch_add(&w->board->done, n, __ATOMIC_RELAXED);
	return NULL;
}

/* Each object was used, and is in a ring, in the pool, or kept. */
static void all_accounted(struct xseg *x, struct board *board)
{
	u32 i, index, nr = audit_free(x, POOL_REQUESTS);
	struct ring ring;

	for (i = 0; i < RINGS; i++) {
		ring = port_ring(x, i, XSEG_RING_REQUEST);
		while (!ring_pop(x, &ring, &index)) {
			assert_int_equal(board->holder[index], 0);
			board->holder[index] = 99;
			nr++;
		}
	}
	for (i = 0; i < WORKERS; i++)
		nr += board->kept[i];
	assert_int_equal(nr, OBJECTS);
	assert_int_equal(board->bad, 0);
	assert_true(board->done > 1000);
	printf("# %llu operations\n", (unsigned long long)board->done);
}

static int stress_segment(struct xseg **x)
{
	struct xseg_params p = small_params;
	int fd;

	p.nr_requests = OBJECTS;
	p.queue_len = 4;
	fd = segment_new(&p);
	*x = peer_join(fd);
	return fd;
}

static void test_threads(void **state)
{
	struct board *board = shared_alloc(sizeof(*board));
	static struct worker w[WORKERS];
	pthread_t thread[WORKERS];
	struct rng rng = rng_new();
	struct xseg *x;
	int fd = stress_segment(&x);
	u32 i;

	for (i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){ .id = i, .x = x, .board = board,
					.rng = { rng_next(&rng) } };
		assert_int_equal(pthread_create(&thread[i], NULL, stress,
						&w[i]), 0);
	}
	sleep(test_seconds(2));
	WRITE_ONCE(board->stop, 1);
	for (i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	all_accounted(x, board);
	xseg_leave(x);
	close(fd);
}

static void process(struct xseg *xseg, void *arg)
{
	struct worker *w = arg;

	w->x = xseg;
	stress(w);
}

static void test_processes(void **state)
{
	struct board *board = shared_alloc(sizeof(*board));
	struct rng rng = rng_new();
	pid_t pid[WORKERS];
	struct worker w;
	struct xseg *x;
	int status, fd = stress_segment(&x);
	u32 i;

	for (i = 0; i < WORKERS; i++) {
		w = (struct worker){ .id = i, .board = board,
				     .rng = { rng_next(&rng) } };
		pid[i] = peer_start(fd, process, &w);
	}
	sleep(test_seconds(2));
	WRITE_ONCE(board->stop, 1);
	for (i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	all_accounted(x, board);
	/* They left without a word: what they kept comes back. */
	assert_int_equal(xseg_reap(x), WORKERS);
	xseg_leave(x);
	x = peer_join(fd);
	assert_int_equal(audit_free(x, POOL_REQUESTS), OBJECTS);
	assert_in_order(x);
	xseg_leave(x);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
