// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Values that stand at an edge of something.
 */
#include "selftests/hostile/hostile.h"

/**
 * edge_value() - a value at an edge
 * @i:	below EDGES
 * @nr: how many there are of what the value says
 */
uint64_t edge_value(uint64_t i, uint64_t nr)
{
	const uint64_t edges[EDGES] = {
		0, 1, 2, nr - 1, nr, nr + 1, 2 * nr,
		XSEG_MAX_USER_PEERS - 1, XSEG_MAX_USER_PEERS,
		XSEG_MAX_PEERS - 1, XSEG_MAX_PEERS, 0xffff, 0x10000,
		XSEG_MAX_INDEX, XSEG_MAX_INDEX + 1, 0xffffff, 0x1000000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
		0x100000000, (1ULL << XPTR_OFF_BITS) - 1,
		1ULL << XPTR_OFF_BITS, 0x7fffffffffffffff,
		0x8000000000000000, ~1ULL, ~0ULL,
	};

	return edges[i];
}

/**
 * boundary() - a value that is likely to be one too many
 * @rnd: random state
 * @nr:	 how many there are of what the value says
 */
uint64_t boundary(uint64_t *rnd, uint64_t nr)
{
	switch (below(rnd, 8)) {
	case 0:
		return random64(rnd);
	case 1:
		return ks_random(rnd);
	case 2:
		return random64(rnd) % (nr ? nr : 1);
	case 3:
		return 1ULL << below(rnd, 64);
	case 4:		/* one in each half of a word */
		return edge_value(below(rnd, EDGES), nr) << 32 |
		       (uint32_t)edge_value(below(rnd, EDGES), nr);
	default:
		return edge_value(below(rnd, EDGES), nr);
	}
}
