/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Segments, peers and processes for tests of the core. Nothing here asserts:
 * a failure to set up ends the program with a word on why.
 */
#ifndef XSEG_SELFTESTS_LIB_SEGMENT_H
#define XSEG_SELFTESTS_LIB_SEGMENT_H

#include <sys/types.h>

#include "core/core.h"

/* A small sparse segment: 8 ports, 32 requests, queues of 8, 1 MiB of heap. */
extern const struct xseg_params small_params;

int segment_new(const struct xseg_params *params);
struct xseg *peer_join(int fd);

/**
 * struct peer - a joined handle with a descriptor of type futex and a port
 * @x:	  the handle
 * @sd:	  the descriptor
 * @port: the port
 */
struct peer {
	struct xseg *x;
	struct signal_desc *sd;
	xport port;
};

struct peer peer_new(int fd, xport portno);

/* What a process does as a peer before it vanishes. */
typedef void (*peer_body)(struct xseg *xseg, void *arg);

pid_t peer_start(int fd, peer_body body, void *arg);
void peer_dies(int fd, peer_body body, void *arg);
void *shared_alloc(size_t size);
void wait_until(const int *word, int value);

/* Numbers at random that a seed repeats. */
struct rng {
	u64 state;
};

struct rng rng_new(void);
u64 rng_next(struct rng *rng);
u32 rng_below(struct rng *rng, u32 n);

double now_seconds(void);
unsigned int test_seconds(unsigned int usual);

/* Operations of which only the first step was done: by who died then. */
int half_push(const struct xseg *xseg, const struct ring *ring, u32 index);
int half_pop(const struct xseg *xseg, const struct ring *ring, u32 *index);
__u64 *ring_slot_at(const struct ring *ring, u64 ticket);

/* audit.c */
unsigned int audit_segment(struct xseg *xseg);
u32 audit_free(struct xseg *xseg, u32 pool_id);

#endif /* XSEG_SELFTESTS_LIB_SEGMENT_H */
