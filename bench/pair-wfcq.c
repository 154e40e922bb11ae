// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * pair-wfcq: a put and a take of liburcu's wfcqueue (no limit, no locks).
 */
#define _LGPL_SOURCE		/* its calls inline, as rte_ring's are */
#include <urcu/wfcqueue.h>

#include "bench/pair.h"

static struct cds_wfcq_head head;
static struct cds_wfcq_tail tail;
static struct cds_wfcq_node node[PAIR_BATCH];

static void put(u32 i)
{
	cds_wfcq_node_init(&node[i]);
	cds_wfcq_enqueue(&head, &tail, &node[i]);
}

static void take(u32 i)
{
	if (!__cds_wfcq_dequeue_blocking(&head, &tail))
		bench_die("dequeue");
}

PAIR(lap, put, take)

int main(void)
{
	cds_wfcq_init(&head, &tail);
	bench_loop(lap, PAIR_LAPS, PAIR_BATCH);
	return 0;
}
