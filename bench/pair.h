/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One thread puts into a queue and takes out of it, a few at a time.
 */
#ifndef XSEG_BENCH_PAIR_H
#define XSEG_BENCH_PAIR_H

#include "bench/bench.h"

#define PAIR_LAPS	100000
#define PAIR_BATCH	16

/* Makes a function that calls put() and take() for the i-th of a batch. */
#define PAIR(name, put, take) \
static void name(void) \
{ \
	u32 i; \
	\
	for (i = 0; i < PAIR_BATCH; i++) \
		put(i); \
	for (i = 0; i < PAIR_BATCH; i++) \
		take(i); \
}

#endif /* XSEG_BENCH_PAIR_H */
