// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by DPDK's rte_ring, polled: one ring to the server, one back to each
 * client, of pointers to buffers that all processes have at one address.
 */
#include <sched.h>

#include "bench/load.h"

#include <rte_ring.h>

#define SLOTS	(LOAD_DEPTH * LOAD_CLIENTS * 2)

/**
 * struct message - what is sent
 * @from: the client
 * @data: bytes
 */
struct message {
	u32 from;
	u8 data[] __attribute__((aligned(64)));
};

static struct rte_ring *to_server, *to_client[LOAD_CLIENTS];
static char *messages;
static size_t stride;
static void *idle[LOAD_DEPTH];		/* of this client */
static u32 nr_idle;

static struct rte_ring *ring_new(u32 slots)
{
	struct rte_ring *ring = bench_shared((size_t)rte_ring_get_memsize(slots));

	bench_check(rte_ring_init(ring, "bench", slots, 0), "rte_ring_init");
	return ring;
}

void load_open(void)
{
	u32 i;

	stride = (sizeof(struct message) + load.size + 63) & ~63UL;
	messages = bench_shared(stride * load.clients * load.depth);
	to_server = ring_new(SLOTS);
	for (i = 0; i < load.clients; i++)
		to_client[i] = ring_new(LOAD_DEPTH * 2);
}

void load_server(void)
{
}

void load_client(u32 id)
{
	struct message *m;
	u32 i;

	for (i = 0; i < load.depth; i++) {
		m = (void *)(messages + stride * (id * load.depth + i));
		m->from = id;
		idle[nr_idle++] = m;
	}
}

void load_ask(u32 id, bool last)
{
	struct message *m = idle[--nr_idle];

	load_fill(m->data, load.size);
	bench_check(rte_ring_mp_enqueue(to_server, m), "enqueue");
}

/* With more processes than CPUs somebody has to make room. */
static void pause_a_while(u32 *turns)
{
	if (++*turns % 1024)
		cpu_relax();
	else
		sched_yield();
}

void load_answer(u32 id)
{
	u32 turns = 0;

	while (rte_ring_mc_dequeue(to_client[id], &idle[nr_idle]))
		pause_a_while(&turns);
	nr_idle++;
}

void load_serve(void)
{
	struct message *m;
	u32 turns = 0;

	for (;;) {
		if (rte_ring_mc_dequeue(to_server, (void **)&m)) {
			pause_a_while(&turns);
			continue;
		}
		load_use(m->data, load.size);
		bench_check(rte_ring_mp_enqueue(to_client[m->from], m),
			    "enqueue");
	}
}
