// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signals a port COUNT times, DEPTH at a time, and never has any work.
 */
#include "kernel/test/test.h"

#define PAUSE_NS	50000

static s64 chatty_turn(struct peer *peer)
{
	u32 n;
	int ret;

	for (n = 0; n < peer->depth && peer->sent < peer->count; n++) {
		peer->sent++;
		peer_delay(peer);
		ret = xseg_signal(peer->xseg, peer->dst);
		/* nobody is there; or the module meets a new type, and signals */
		if (ret && ret != -ENOTCONN && ret != -ENOENT)
			atomic64_inc(&peer->failed);
		atomic64_inc(&peer->done);
	}
	if (peer->sent < peer->count)
		return PAUSE_NS;
	WRITE_ONCE(peer->ended, true);
	return TURN_IDLE;
}

const struct behaviour behaviour_chatty = { "chatty", chatty_turn };
