/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * blkclient: a process that plays the disk, to test and to time a server.
 */
#ifndef SELFTESTS_BLKCLIENT_H
#define SELFTESTS_BLKCLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <xseg/blk.h>
#include <xseg/xseg.h>

/**
 * struct client_args - the command line
 * @segment: name
 * @port:    the server's first
 * @queues:  how many, each with a thread
 * @depth:   requests of a queue in flight
 * @type:    signal type to be woken by
 * @seconds: how long, or
 * @count:   requests of each queue, if not 0
 * @seed:    of what is random
 * @max_io:  most bytes of an I/O
 * @area:    most bytes of the disk that a queue uses
 * @stall:   seconds without an answer that are a failure
 * @write:   bench: write, do not read
 */
struct client_args {
	const char *segment;
	unsigned int port;
	unsigned int queues;
	unsigned int depth;
	const char *type;
	double seconds;
	uint64_t count;
	uint64_t seed;
	uint32_t max_io;
	uint64_t area;
	double stall;
	bool write;
};

/**
 * struct client - one queue of the disk
 * @args: the command line
 * @info: what the server says
 * @x:	  handle
 * @sd:	  descriptor
 * @src:  port of its own
 * @dst:  port of the server
 * @nr:	  which queue
 */
struct client {
	const struct client_args *args;
	struct xseg_blk_info info;
	struct xseg *x;
	struct signal_desc *sd;
	xport src;
	xport dst;
	unsigned int nr;
};

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t now_ns(void);
uint64_t mix(uint64_t n);
uint64_t next_random(uint64_t *state);
struct xseg_request *client_get(struct client *c, uint32_t op, uint32_t flags,
				uint64_t offset, uint64_t size,
				uint64_t datalen);
void client_submit(struct client *c, struct xseg_request *req);
void client_signal(struct client *c);
struct xseg_request *client_receive(struct client *c, bool wait);
void *client_data(struct client *c, struct xseg_request *req, uint64_t *len);

void *verify_run(void *arg);
void *bench_run(void *arg);
void bench_report(const struct client_args *args, struct xseg *x,
		  uint64_t done, double seconds);
bool stopping(void);	/* told by SIGTERM to come to an end */
extern uint64_t bench_done;	/* atomic: round trips of all queues */
void ops_run(struct client *c);

#endif /* SELFTESTS_BLKCLIENT_H */
