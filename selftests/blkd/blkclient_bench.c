// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blkclient bench: as many round trips as there can be, at a depth.
 */
#include <stdio.h>
#include <string.h>

#include "blkclient.h"

uint64_t bench_done;

/* Submits what is asked for once more. */
static void again(struct client *c, struct xseg_request *req, uint64_t *random)
{
	uint64_t blocks = c->info.size / c->args->max_io;

	req->state = 0;
	req->offset = next_random(random) % blocks * c->args->max_io;
	client_submit(c, req);
}

static unsigned int turn(struct client *c, uint64_t *random)
{
	struct xseg_request *req = client_receive(c, true);
	unsigned int nr = 0;

	for (; req; req = client_receive(c, false)) {
		if (req->state != XSEG_REQ_SERVED)
			die("failed: %s", strerror(req->error));
		again(c, req, random);
		nr++;
	}
	client_signal(c);
	return nr;
}

void *bench_run(void *arg)
{
	struct client *c = arg;
	uint64_t end = now_ns() + (uint64_t)(c->args->seconds * 1e9);
	uint64_t done = 0, random = c->nr, size = c->args->max_io;
	unsigned int i;

	for (i = 0; i < c->args->depth; i++)
		again(c, client_get(c, c->args->write ? XSEG_BLK_WRITE :
				    XSEG_BLK_READ, 0, 0, size, size), &random);
	client_signal(c);
	while (c->args->count ? done < c->args->count : now_ns() < end)
		done += turn(c, &random);
	for (i = 0; i < c->args->depth; i++)
		xseg_put_request(c->x, client_receive(c, true));
	__atomic_fetch_add(&bench_done, done, __ATOMIC_RELAXED);
	return NULL;
}

void bench_report(const struct client_args *args, struct xseg *x,
		  uint64_t done, double seconds)
{
	struct xseg_stats s;

	xseg_get_stats(x, &s);
	printf("%llu round trips in %.2f s: %.0f /s; depth %u, %u queues, %u "
	       "bytes; client: %llu signals, %llu elided, %llu waits, %llu "
	       "sleeps\n", (unsigned long long)done, seconds,
	       (double)done / seconds, args->depth, args->queues, args->max_io,
	       (unsigned long long)s.signals_sent,
	       (unsigned long long)s.signals_elided,
	       (unsigned long long)s.waits, (unsigned long long)s.sleeps);
}
