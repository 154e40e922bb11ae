// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * pair-dpdk mp|sp: a put and a take of DPDK's rte_ring, for many producers and
 * consumers or for one.
 */
#include "bench/pair.h"

#include <rte_ring.h>

#define SLOTS	256

static struct rte_ring *ring;
static void *object[PAIR_BATCH];

static void put_mp(u32 i)
{
	bench_check(rte_ring_mp_enqueue(ring, object[i]), "enqueue");
}

static void take_mp(u32 i)
{
	bench_check(rte_ring_mc_dequeue(ring, &object[i]), "dequeue");
}

static void put_sp(u32 i)
{
	bench_check(rte_ring_sp_enqueue(ring, object[i]), "enqueue");
}

static void take_sp(u32 i)
{
	bench_check(rte_ring_sc_dequeue(ring, &object[i]), "dequeue");
}

PAIR(lap_mp, put_mp, take_mp)
PAIR(lap_sp, put_sp, take_sp)

int main(int argc, char **argv)
{
	bool one = argc == 2 && !strcmp(argv[1], "sp");

	ring = bench_shared((size_t)rte_ring_get_memsize(SLOTS));
	bench_check(rte_ring_init(ring, "bench", SLOTS,
				  one ? RING_F_SP_ENQ | RING_F_SC_DEQ : 0),
		    "rte_ring_init");
	bench_loop(one ? lap_sp : lap_mp, PAIR_LAPS, PAIR_BATCH);
	return 0;
}
