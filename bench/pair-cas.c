// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * pair-cas 2|5: no queue, only the locked compare-and-swaps that a put and a
 * take of one need, each of another line: two as rte_ring, five as ours.
 */
#include "bench/pair.h"

static u64 (*line)[8];		/* one word of each */

static __always_inline void cas(u32 nr)
{
	u64 w = READ_ONCE(line[nr][0]);

	if (!shm_cas(&line[nr][0], w, w + 1))
		bench_die("compare and swap");
}

static void put_2(u32 i)
{
	cas(0);
}

static void take_2(u32 i)
{
	cas(1);
}

static void put_5(u32 i)
{
	cas(0);
	cas(1);
}

static void take_5(u32 i)
{
	cas(2);
	cas(3);
	cas(4);
}

PAIR(lap_2, put_2, take_2)
PAIR(lap_5, put_5, take_5)

int main(int argc, char **argv)
{
	bool five = argc == 2 && !strcmp(argv[1], "5");

	line = bench_shared(4096);
	bench_loop(five ? lap_5 : lap_2, PAIR_LAPS, PAIR_BATCH);
	return 0;
}
