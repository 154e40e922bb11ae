// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Clients of kernel peers: one in the segment that nobody lies in, which must
 * not feel anything, and one in the other, which must only survive.
 */
#include <sched.h>
#include <unistd.h>

#include "selftests/hostile/hostile.h"

#define WORDS	64

static const xport servers[] = { PORT_ECHO, PORT_WORK, PORT_DIRECT, PORT_BRIDGE };

static int ask(struct ks_peer *peer, xport dst, uint64_t seed)
{
	struct xseg_request *req = xseg_get_request(peer->x, peer->port, dst, 0);
	uint64_t *data;
	int i;

	if (!req)
		return -errno;
	if (xseg_prep_request(peer->x, req, 0, WORDS * 8))
		goto put;
	data = xseg_get_data(peer->x, req);
	if (!data)
		goto put;
	for (i = 0; i < WORDS; i++)
		data[i] = seed + (uint64_t)i;
	req->cookie = seed;
	if (xseg_submit(peer->x, req, peer->port, XSEG_SIGNAL) >= 0)
		return 0;
put:
	i = -errno;
	xseg_put_request(peer->x, req);
	return i;
}

/* Is an answer what was asked for, inverted? */
static int answer_right(struct ks_peer *peer, struct xseg_request *req)
{
	uint64_t len, *data = xseg_get_data_len(peer->x, req,
						(__u64 *)&len);
	int i;

	if (req->state != XSEG_REQ_SERVED || !data || len != WORDS * 8)
		return 0;
	for (i = 0; i < WORDS; i++)
		if (data[i] != ~(req->cookie + (uint64_t)i))
			return 0;
	return 1;
}

/* One answer within a time. */
static struct xseg_request *answer(struct ks_peer *peer, uint32_t usec)
{
	uint64_t until = ks_now_ns() + usec * 1000ULL;
	struct xseg_request *req;

	do {
		xseg_prepare_wait(peer->x, peer->sd);
		req = xseg_receive(peer->x, peer->port, 0);
		if (req) {
			xseg_cancel_wait(peer->x, peer->sd);
			return req;
		}
		xseg_wait_signal(peer->x, peer->sd, min(usec, 1000000U));
	} while (ks_now_ns() < until);
	return NULL;
}

/**
 * honest_client() - a process that must not feel anything
 * @arg: not used
 */
void honest_client(void *arg)
{
	struct xseg_request *req;
	struct ks_peer peer;
	uint64_t n, t;

	ks_peer_join(&peer, HONEST, "futex", PORT_USER);
	for (n = 0; !__atomic_load_n(&tally->stop, __ATOMIC_RELAXED); n++) {
		t = ks_now_ns();
		KS_CHECK(!ask(&peer, servers[n % ARRAY_SIZE(servers)], n * n));
		req = answer(&peer, STALL_SECONDS * 1000000U);
		if (!req) {
			count(&tally->stalls, 1);
			break;
		}
		t = ks_now_ns() - t;
		if (t > tally->longest)
			tally->longest = t;
		if (!answer_right(&peer, req))
			count(&tally->wrong, 1);
		KS_CHECK(!xseg_put_request(peer.x, req));
		count(&tally->honest, 1);
	}
	KS_CHECK(!xseg_leave(peer.x));
}

/**
 * victim_client() - a process that uses the segment that is lied in
 * @arg: the victim
 *
 * Whatever its calls return, it must live until it is killed.
 */
void victim_client(void *arg)
{
	const struct victim *v = arg;
	struct xseg_request *req;
	struct ks_peer peer;
	uint64_t n;
	int ret;

	peer.x = xseg_join(v->name, 0);
	if (!peer.x || xseg_local_signal_init(peer.x, "device"))
		pause();
	peer.sd = xseg_get_signal_desc(peer.x, "device");
	ret = peer.sd ? xseg_bind_port(peer.x, PORT_USER, peer.sd) : -1;
	if (ret < 0)
		pause();
	peer.port = PORT_USER;
	for (n = 0; ; n++) {
		if (ask(&peer, servers[n % ARRAY_SIZE(servers)], n))
			sched_yield();
		req = answer(&peer, 1000);
		if (!req)
			continue;
		if (answer_right(&peer, req))
			count(&tally->traded, 1);
		xseg_put_request(peer.x, req);
	}
}
