/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Round trips: what the two sides of xseg ping say to each other.
 *
 * By requests: the client submits PING_ECHO with a payload, the echo side
 * answers it. By signals alone: the client submits PING_SIGNAL with a struct
 * ping_words as its data, which the echo side keeps; both then write their
 * word and signal the other's port, until the client writes PING_QUIT and the
 * echo side answers the request. PING_STATS asks for the echo side's counters.
 */
#ifndef XSEG_PING_H
#define XSEG_PING_H

#include "tool.h"

enum ping_op {
	PING_ECHO	= 0x78730011,
	PING_SIGNAL	= 0x78730012,
	PING_STATS	= 0x78730013,
};

#define PING_QUIT	UINT64_MAX

/**
 * struct ping_words - what is looked at where no requests go back and forth
 * @ping: round that the client began; written by the client
 * @rsvd0: keeps them on lines of their own
 * @pong: round that the echo side saw; written by the echo side
 * @rsvd1: 0
 */
struct ping_words {
	uint64_t ping;
	uint64_t rsvd0[7];
	uint64_t pong;
	uint64_t rsvd1[7];
};

enum ping_mode {
	PING_BY_REQUEST,
	PING_BY_SIGNAL,
};

/**
 * struct ping_args - what the command is told
 * @tool:     the segment; the port, NoPort for any (echo side), for one that
 *	      the echo side tells (client)
 * @serve:    be the echo side only
 * @mode:     by requests or by signals
 * @count:    round trips
 * @size:     payload
 * @strategy: enum xseg_wait_strategy
 * @cpu:      where the client and the echo side are to run, -1 anywhere
 */
struct ping_args {
	struct tool_args tool;
	bool serve;
	enum ping_mode mode;
	uint64_t count;
	uint64_t size;
	unsigned int strategy;
	int cpu[2];
};

/**
 * struct ping_result - what the client found
 * @ns:	      time of each round trip, sorted
 * @count:    how many
 * @total_ns: time of all
 * @client:   counters of the client, for these round trips
 * @server:   counters of the echo side, since it began
 */
struct ping_result {
	uint64_t *ns;
	uint64_t count;
	uint64_t total_ns;
	struct xseg_stats client;
	struct xseg_stats server;
};

int ping_client(struct xseg *xseg, struct tool_args *tool);
int ping_serve(struct xseg *xseg, struct tool_args *tool);
int ping_report(const struct ping_args *args, const struct ping_result *result);

static inline void ping_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint64_t ping_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

#endif /* XSEG_PING_H */
