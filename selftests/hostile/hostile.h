/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that lies, and those that must not suffer from it.
 */
#ifndef SELFTESTS_HOSTILE_H
#define SELFTESTS_HOSTILE_H

#include <stdint.h>

#include "core/core.h"
#include "selftests/lib/ks.h"

#define HONEST		"hostile-honest"
#define VICTIM		"hostile-victim"

/* Ports of both segments. */
enum {
	PORT_USER	= 1,
	PORT_ECHO	= 2,
	PORT_WORK	= 3,
	PORT_DIRECT	= 4,
	PORT_DIRECT2	= 5,
	PORT_SOURCE	= 6,
	PORT_BRIDGE	= 7,
	PORT_DISK	= 8,
	PORT_FREE	= 9,
};

#define COMMANDS	8	/* that the device has */

/**
 * struct called - what became of a command of the device
 * @calls:    how often it was called
 * @accepted: of them returned 0
 * @ns:	      all that took
 */
struct called {
	uint64_t calls;
	uint64_t accepted;
	uint64_t ns;
};

/**
 * struct tally - what was done, in memory that all processes share
 * @lies:      words written by liars
 * @swept:     of them fields with a value at an edge, each with each in turn
 * @flips:     turns of a word that is changed at full speed
 * @called:    ioctls by command, see ioctls.c; the last is of none that there is
 * @slowest:   longest one that was not asked to wait, in ns
 * @slowest_cmd: its number
 * @traded:    requests that a process had answered in the victim
 * @honest:    the same in the other segment
 * @wrong:     of them with wrong data or a wrong state
 * @stalls:    times that an answer took longer than STALL_SECONDS
 * @longest:   longest wait for an answer there, in ns
 * @blocks:    blocks written and read on its disk
 * @stop:	the honest client is to end
 * @ready:	liars of the round that have begun
 */
struct tally {
	uint64_t lies;
	uint64_t swept;
	uint64_t flips;
	struct called called[COMMANDS + 1];
	uint64_t slowest;
	uint64_t slowest_cmd;
	uint64_t traded;
	uint64_t honest;
	uint64_t wrong;
	uint64_t stalls;
	uint64_t longest;
	uint64_t blocks;
	uint32_t stop;
	uint64_t ready;
};

#define STALL_SECONDS	60
#define KERNEL_PEERS	6	/* in each segment */

extern struct tally *tally;

static inline void count(uint64_t *what, uint64_t n)
{
	__atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

/**
 * struct victim - a segment that is lied in
 * @name: its name
 * @fd:	  its file
 * @view: where it is mapped, and the layout; no handle
 * @seed: of the round
 */
struct victim {
	char name[XSEG_NAME_SIZE];
	int fd;
	struct xseg view;
	uint64_t seed;
};

/* A number below n. */
static inline uint32_t below(uint64_t *rnd, uint32_t n)
{
	return (uint32_t)(((uint64_t)ks_random(rnd) * n) >> 32);
}

static inline uint64_t random64(uint64_t *rnd)
{
	return (uint64_t)ks_random(rnd) << 32 | ks_random(rnd);
}

/* values.c */
#define EDGES	28
uint64_t edge_value(uint64_t i, uint64_t nr);
uint64_t boundary(uint64_t *rnd, uint64_t nr);

/* lies.c */
uint64_t lies_swept(void);

/* threads of a hostile process, for ever */
void *liar(void *arg);
void *flipper(void *arg);

/* rings.c */
void rings_lie(const struct victim *v, uint64_t *rnd);
uint64_t *rings_word(const struct victim *v, uint64_t *rnd);
uint32_t hot_port(const struct victim *v, uint64_t *rnd);
uint32_t hot_object(const struct victim *v, uint32_t pool, uint64_t *rnd);

/* ioctls.c: likewise */
void ioctls_open(struct victim *v);
struct called ioctls_sum(bool say);
bool ioctls_all(void);
void *ioctls(void *arg);
void *quick_ioctls(void *arg);
void *poker(void *arg);

/* honest.c */
void honest_client(void *arg);
void victim_client(void *arg);

/**
 * struct disk - a disk and its server
 * @id:	    its number
 * @server: a process
 * @strict: no error is to be seen
 */
struct disk {
	int id;
	pid_t server;
	bool strict;
};

/* disk.c */
bool disk_driver(void);
void disk_start(struct disk *d, const char *segment, int id);
void disk_client(void *arg);
int disk_end(struct disk *d);

/* peers.c */
int peers_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int peers_start(const char *segment);
int peers_stat(const char *segment, uint64_t *done, uint64_t *wrong);

#endif /* SELFTESTS_HOSTILE_H */
