/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark programs have in common. Whatever goes wrong ends the
 * program with a word on why, and with it all processes that it started.
 */
#ifndef XSEG_BENCH_BENCH_H
#define XSEG_BENCH_BENCH_H

#include <stdio.h>
#include <sys/types.h>

#include "core/core.h"

/* One CPU, or two different ones where there are two; -1: wherever. */
enum bench_place {
	BENCH_SAME,
	BENCH_DIFFERENT,
	BENCH_FREE,
};

/**
 * struct bench_peer - a joined handle with a descriptor and a port
 * @x:	  the handle
 * @sd:	  the descriptor
 * @port: the port
 */
struct bench_peer {
	struct xseg *x;
	struct signal_desc *sd;
	xport port;
};

__attribute__((noreturn)) void bench_die(const char *what);
void bench_check(int ret, const char *what);
enum bench_place bench_place(const char *name);
void bench_pin(enum bench_place place, unsigned int who);
void *bench_shared(size_t size);
pid_t bench_fork(void);
void bench_result(const char *key, double value, const char *unit);
int bench_by_value(const void *a, const void *b);
u64 bench_cpu_ns(void);
void bench_loop(void (*call)(void), u32 nr, u32 factor);
void bench_percentiles(u64 *ns, size_t nr);
int bench_segment(const struct xseg_params *params);
struct bench_peer bench_peer(int fd, xport port, const char *type,
			     const char *strategy);

#endif /* XSEG_BENCH_BENCH_H */
