// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Servers, which answer each request with its data inverted: echo at once,
 * sink in another order, slow after a while. And count, which only counts how
 * often it is woken.
 */
#include <linux/ktime.h>

#include "kernel/test/test.h"

#define SLOW_NS		200000
#define MOST_DATA	0x100000	/* more than tests send; bounds a turn */

static void answer(struct peer *peer, struct xseg_request __xseg_shared *req)
{
	void __xseg_shared *data;
	u64 len = 0;

	data = xseg_get_data_len(peer->xseg, req, &len);
	if (data && len <= MOST_DATA)
		data_invert((void __force *)data, len);
	WRITE_ONCE(plain(req)->state, XSEG_REQ_SERVED);
	peer_delay(peer);
	atomic64_inc(&peer->done);	/* who gets it may look at once */
	if (xseg_respond(peer->xseg, req, peer->port, XSEG_SIGNAL) < 0)
		atomic64_inc(&peer->failed);
}

static s64 echo_turn(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;
	int n;

	for (n = 0; n < BATCH; n++) {
		req = xseg_accept(peer->xseg, peer->port, 0);
		if (is_err(req))
			return ptr_err(req) == -EBUSY ? TURN_AGAIN : TURN_IDLE;
		answer(peer, req);
	}
	return TURN_AGAIN;
}

/* Takes requests until there is no more room, or there are none. */
static void hold_some(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;

	while (peer->nr_held < HELD) {
		req = xseg_accept(peer->xseg, peer->port, 0);
		if (is_err(req))
			return;
		peer->held[peer->nr_held].req = req;
		peer->held[peer->nr_held].due = ktime_add_ns(ktime_get(),
							     SLOW_NS);
		peer->nr_held++;
	}
}

static void answer_held(struct peer *peer, unsigned int i)
{
	struct xseg_request __xseg_shared *req = peer->held[i].req;

	peer->nr_held--;
	memmove(peer->held + i, peer->held + i + 1,
		(peer->nr_held - i) * sizeof(peer->held[0]));
	answer(peer, req);
}

static s64 sink_turn(struct peer *peer)
{
	hold_some(peer);
	if (!peer->nr_held)
		return TURN_IDLE;
	answer_held(peer, peer_random(peer) % peer->nr_held);
	return TURN_AGAIN;
}

static s64 slow_turn(struct peer *peer)
{
	s64 left;

	hold_some(peer);
	if (!peer->nr_held)
		return TURN_IDLE;
	left = ktime_to_ns(ktime_sub(peer->held[0].due, ktime_get()));
	if (left > 0)
		return left;
	answer_held(peer, 0);
	return TURN_AGAIN;
}

static s64 count_turn(struct peer *peer)
{
	atomic64_set(&peer->done, atomic64_read(&peer->woken));
	return TURN_IDLE;
}

const struct behaviour behaviour_count = { "count", count_turn };
const struct behaviour behaviour_echo = { "echo", echo_turn };
const struct behaviour behaviour_sink = { "sink", sink_turn };
const struct behaviour behaviour_slow = { "slow", slow_turn };
