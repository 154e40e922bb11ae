/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The server of the tests of xsegbd.ko: answers as it should, or in the ways
 * in which a server may go wrong.
 */
#ifndef SELFTESTS_BLOCK_SERVER_H
#define SELFTESTS_BLOCK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <xseg/blk.h>
#include <xseg/xseg.h>

#define MAX_QUEUES	16
#define MAX_KEPT	1024

/**
 * enum misdeed - what a server does wrong
 * @MISDEED_NONE:    nothing
 * @MISDEED_ORDER:   answers in random order, which it may
 * @MISDEED_SHORT:   says that it did less than all of it
 * @MISDEED_LONG:    says that it did more
 * @MISDEED_STATE:   leaves an unknown state
 * @MISDEED_ERROR:   fails with errors that are none
 * @MISDEED_TWICE:   answers again what was taken back
 * @MISDEED_UNKNOWN: answers requests that nobody asked
 * @MISDEED_REWRITE: writes to requests after it has answered them
 * @MISDEED_KEEP:    keeps what it accepts, until SIGUSR1: then answers
 * @MISDEED_DIE:     dies when it is asked about the disk
 */
enum misdeed {
	MISDEED_NONE,
	MISDEED_ORDER,
	MISDEED_SHORT,
	MISDEED_LONG,
	MISDEED_STATE,
	MISDEED_ERROR,
	MISDEED_TWICE,
	MISDEED_UNKNOWN,
	MISDEED_REWRITE,
	MISDEED_KEEP,
	MISDEED_DIE,
};

/**
 * struct queue - a port of the server and the thread that serves it
 * @x:	    handle
 * @sd:	    descriptor
 * @port:   number
 * @due:    a port that has answers and was not signalled, or NoPort
 * @nr_kept: requests in @kept
 * @kept:   accepted and not answered yet
 * @random: state of its random numbers
 */
struct queue {
	struct xseg *x;
	struct signal_desc *sd;
	xport port;
	xport due;
	unsigned int nr_kept;
	struct xseg_request *kept[MAX_KEPT];
	uint64_t random;
};

extern enum misdeed misdeed;

/* misdeeds.c */
bool misdeed_parse(const char *name);
void misdeed_before(struct queue *q, struct xseg_request *req);
void misdeed_after(struct queue *q, struct xseg_request *req);
uint32_t queue_random(struct queue *q);

/* store.c */
bool store_open(const char *path, uint64_t size, bool cache);
uint32_t store_serve(uint32_t op, uint32_t flags, uint64_t offset,
		     uint64_t size, void *data, uint64_t datalen);

/* journal.c */
bool journal_open(const char *path, uint64_t size);
void journal_begin(const struct xseg_request *req);
void journal_end(const struct xseg_request *req);

#endif /* SELFTESTS_BLOCK_SERVER_H */
