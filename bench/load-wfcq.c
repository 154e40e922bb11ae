// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by liburcu's wfcqueue, polled: one to the server, one back to each
 * client, of buffers that all processes have at one address.
 */
#define _LGPL_SOURCE		/* its calls inline, as rte_ring's are */
#include <sched.h>
#include <urcu/wfcqueue.h>

#include "bench/load.h"

/**
 * struct queue - one of them
 * @head: of it, where one takes
 * @tail: where all put
 */
struct queue {
	struct cds_wfcq_head head __attribute__((aligned(64)));
	struct cds_wfcq_tail tail __attribute__((aligned(64)));
};

/**
 * struct message - what is sent
 * @node: in a queue
 * @from: the client
 * @data: bytes
 */
struct message {
	struct cds_wfcq_node node;
	u32 from;
	u8 data[] __attribute__((aligned(64)));
};

static struct queue *queues;		/* the server's, then the clients' */
static char *messages;
static size_t stride;
static struct message *idle[LOAD_DEPTH];	/* of this client */
static u32 nr_idle;

void load_open(void)
{
	u32 i;

	stride = (sizeof(struct message) + load.size + 63) & ~63UL;
	messages = bench_shared(stride * load.clients * load.depth);
	queues = bench_shared(sizeof(*queues) * (1 + load.clients));
	for (i = 0; i <= load.clients; i++)
		cds_wfcq_init(&queues[i].head, &queues[i].tail);
}

void load_server(void)
{
}

void load_client(u32 id)
{
	u32 i;

	for (i = 0; i < load.depth; i++) {
		idle[i] = (void *)(messages + stride * (id * load.depth + i));
		idle[i]->from = id;
	}
	nr_idle = load.depth;
}

static void put(struct queue *q, struct message *m)
{
	cds_wfcq_node_init(&m->node);
	cds_wfcq_enqueue(&q->head, &q->tail, &m->node);
}

static struct message *take(struct queue *q)
{
	struct cds_wfcq_node *node;
	u32 turns = 0;

	/* With more processes than CPUs somebody has to make room. */
	while (!(node = __cds_wfcq_dequeue_blocking(&q->head, &q->tail))) {
		if (++turns % 1024)
			cpu_relax();
		else
			sched_yield();
	}
	return (struct message *)node;
}

void load_ask(u32 id, bool last)
{
	struct message *m = idle[--nr_idle];

	load_fill(m->data, load.size);
	put(&queues[0], m);
}

void load_answer(u32 id)
{
	idle[nr_idle++] = take(&queues[1 + id]);
}

void load_serve(void)
{
	for (;;) {
		struct message *m = take(&queues[0]);

		load_use(m->data, load.size);
		put(&queues[1 + m->from], m);
	}
}
