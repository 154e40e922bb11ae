// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A put and a take of our ring.
 */
#include "bench/pair.h"

static struct bench_peer a;
static struct ring ring;
static u32 object[PAIR_BATCH];

static void put(u32 i)
{
	bench_check(ring_push(a.x, &ring, object[i]), "ring_push");
}

static void take(u32 i)
{
	bench_check(ring_pop(a.x, &ring, &object[i]), "ring_pop");
}

PAIR(lap, put, take)

int main(void)
{
	u32 i;

	a = bench_peer(bench_segment(NULL), 0, "futex", NULL);
	ring = port_ring(a.x, 1, XSEG_RING_REQUEST);
	for (i = 0; i < PAIR_BATCH; i++)
		bench_check(pool_alloc(a.x, POOL_REQUESTS, &object[i]),
			    "pool_alloc");
	bench_loop(lap, PAIR_LAPS, PAIR_BATCH);
	return 0;
}
