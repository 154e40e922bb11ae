// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Plays with DST: passes each request on to there, with its number one up.
 * Who began the game ends it with STOP, which is passed on as it is; or the
 * number COUNT ends it, if that is not 0, and the request is answered.
 */
#include "kernel/test/test.h"

#define STOP	(~0ULL)

/* Sends a request on its way; how is left to chance. */
static int pass(struct peer *peer, struct xseg_request __xseg_shared *req,
		bool last)
{
	unsigned int flags = peer_random(peer) & 1 ? XSEG_SIGNAL : 0;
	int ret;

	if (last)
		return xseg_respond(peer->xseg, req, peer->port, XSEG_SIGNAL);
	ret = xseg_forward_request(peer->xseg, req, peer->dst, peer->port,
				   flags | XSEG_PASS);
	if (ret < 0 || flags)
		return ret;
	peer_delay(peer);
	return xseg_signal(peer->xseg, peer->dst);
}

static s64 player_turn(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;
	bool last = false;
	u64 cookie;

	req = xseg_accept(peer->xseg, peer->port, 0);
	if (is_err(req))
		return ptr_err(req) == -EAGAIN ? TURN_IDLE : TURN_AGAIN;
	cookie = READ_ONCE(plain(req)->cookie);
	if (cookie != STOP) {
		last = peer->count && cookie + 1 >= peer->count;
		WRITE_ONCE(plain(req)->cookie, cookie + 1);
	}
	if (last || cookie == STOP)
		WRITE_ONCE(peer->ended, true);
	peer_delay(peer);
	atomic64_inc(&peer->done);	/* who gets it may look at once */
	if (pass(peer, req, last) < 0)
		atomic64_inc(&peer->failed);
	return TURN_AGAIN;
}

const struct behaviour behaviour_player = { "player", player_turn };
