// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A client: sends COUNT requests, DEPTH at a time, and checks the answers.
 */
#include <linux/ktime.h>

#include "kernel/test/test.h"

#define USUAL_SIZE	512
#define RETRY_NS	1000000

/* Most are small; one in 64 may be as large as it gets. */
static u64 size_of(struct peer *peer)
{
	u32 r = peer_random(peer), most = peer->size;

	if (!most)
		return USUAL_SIZE;
	if (r & 63)
		most = min(most, 4096U);
	return (r >> 6) % (most + 1);
}

static bool request_fill(struct peer *peer,
			 struct xseg_request __xseg_shared *req, u64 seed)
{
	u64 len, size = size_of(peer);
	void __xseg_shared *data;

	if (xseg_prep_request(peer->xseg, req, 0, size))
		return false;
	data = xseg_get_data_len(peer->xseg, req, &len);
	if (size && (!data || len != size))
		return false;
	data_fill((void __force *)data, size, seed);
	WRITE_ONCE(plain(req)->cookie, size);
	return !xseg_set_req_data(peer->xseg, req, (void *)(uintptr_t)seed);
}

static bool send_one(struct peer *peer, u64 seed)
{
	struct xseg_request __xseg_shared *req;

	req = xseg_get_request(peer->xseg, peer->port, peer->dst, 0);
	if (is_err(req))
		return false;
	if (request_fill(peer, req, seed)) {
		peer_delay(peer);
		if (xseg_submit(peer->xseg, req, peer->port, XSEG_SIGNAL) >= 0)
			return true;
	}
	xseg_put_request(peer->xseg, req);
	return false;
}

/* Checks one answer; false if there is none. */
static bool check_one(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;
	void __xseg_shared *data;
	void *private = NULL;
	u64 len = 0;

	req = xseg_receive(peer->xseg, peer->port, 0);
	if (is_err(req))
		return false;
	xseg_get_req_data(peer->xseg, req, &private);
	data = xseg_get_data_len(peer->xseg, req, &len);
	if (READ_ONCE(plain(req)->state) != XSEG_REQ_SERVED)
		atomic64_inc(&peer->failed);
	else if (READ_ONCE(plain(req)->cookie) != len || (len && !data) ||
		 !data_check((void __force *)data, len, (uintptr_t)private))
		atomic64_inc(&peer->bad);
	xseg_put_request(peer->xseg, req);
	atomic64_inc(&peer->done);
	return true;
}

static s64 source_turn(struct peer *peer)
{
	u64 got = atomic64_read(&peer->done);
	int n;

	while (peer->sent < peer->count && peer->sent - got < peer->depth &&
	       send_one(peer, peer->sent + 1))
		peer->sent++;
	for (n = 0; n < BATCH && check_one(peer); n++)
		;
	got += n;
	if (got >= peer->count) {
		WRITE_ONCE(peer->ended, true);
		return TURN_IDLE;
	}
	if (n)
		return TURN_AGAIN;
	/* Nobody is there yet, else an answer comes. */
	return peer->sent == got ? RETRY_NS : TURN_IDLE;
}

const struct behaviour behaviour_source = { "source", source_turn };
