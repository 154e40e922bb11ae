// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by xseg: requests with data in the segment, which nobody copies.
 */
#include "bench/load.h"

static int segment;
static struct bench_peer me;

void load_open(void)
{
	struct xseg_params params = {
		.size = sizeof(params),
		.nr_ports = LOAD_CLIENTS + 1,
		.nr_requests = 65536,
		.queue_len = LOAD_DEPTH * 8,
		.heap_size = 512ULL << 20,
		.max_data = 1 << 20,
		.flags = XSEG_CREATE_SPARSE,
	};

	segment = bench_segment(&params);
}

void load_server(void)
{
	me = bench_peer(segment, LOAD_CLIENTS, load.type, load.strategy);
}

void load_client(u32 id)
{
	me = bench_peer(segment, id, load.type, load.strategy);
}

void load_ask(u32 id, bool last)
{
	struct xseg_request *req;

	req = xseg_get_request(me.x, me.port, LOAD_CLIENTS, 0);
	if (!req)
		bench_die("xseg_get_request");
	bench_check(xseg_prep_request(me.x, req, 0, load.size),
		    "xseg_prep_request");
	load_fill(xseg_get_data(me.x, req), load.size);
	bench_check(xseg_submit(me.x, req, me.port, last ? XSEG_SIGNAL : 0),
		    "xseg_submit");
}

/* Waits until take() has one. */
static struct xseg_request *
await(struct xseg_request *(*take)(struct xseg *x, xport port,
				   unsigned int flags))
{
	struct xseg_request *req;

	for (;;) {
		req = take(me.x, me.port, 0);
		if (req)
			return req;
		xseg_prepare_wait(me.x, me.sd);
		req = take(me.x, me.port, 0);
		if (req) {
			xseg_cancel_wait(me.x, me.sd);
			return req;
		}
		xseg_wait_signal(me.x, me.sd, XSEG_WAIT_FOREVER);
	}
}

void load_answer(u32 id)
{
	struct xseg_request *req = await(xseg_receive);

	if (req->state != XSEG_REQ_SERVED) {
		errno = EIO;
		bench_die("a request failed");
	}
	xseg_put_request(me.x, req);
}

void load_serve(void)
{
	struct xseg_request *req;

	for (;;) {
		req = await(xseg_accept);
		load_use(xseg_get_data(me.x, req), (u32)req->datalen);
		req->state = XSEG_REQ_SERVED;
		bench_check(xseg_respond(me.x, req, me.port, XSEG_SIGNAL),
			    "xseg_respond");
	}
}
