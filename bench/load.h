/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clients ask one server, which answers; what carries it is exchangeable.
 */
#ifndef XSEG_BENCH_LOAD_H
#define XSEG_BENCH_LOAD_H

#include "bench/bench.h"

#define LOAD_CLIENTS	64U
#define LOAD_DEPTH	256U

/**
 * struct load - what is asked for
 * @clients:  processes that ask
 * @depth:    requests that each has under way
 * @batch:    requests submitted with one signal, not more than @depth
 * @size:     bytes of data that the client writes and the server reads
 * @requests: of all clients together
 * @type:     signal type (xseg)
 * @strategy: before sleeping (xseg), or NULL
 */
struct load {
	u32 clients;
	u32 depth;
	u32 batch;
	u32 size;
	u32 requests;
	const char *type;
	const char *strategy;
};

extern struct load load;

/*
 * Supplied by each carrier. @id is the client. load_open() runs before the
 * processes are there, load_server() and load_client() at the start of each.
 */
void load_open(void);
void load_server(void);
void load_client(u32 id);
/* Sends one request; the last of a batch wakes the server. Never full. */
void load_ask(u32 id, bool last);
/* Waits for an answer. */
void load_answer(u32 id);
/* Waits for requests and answers them; for ever. */
__attribute__((noreturn)) void load_serve(void);

/* What the client writes and the server reads. */
void load_fill(void *data, u32 size);
void load_use(const void *data, u32 size);

#endif /* XSEG_BENCH_LOAD_H */
