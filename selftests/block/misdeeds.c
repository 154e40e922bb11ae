// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the server of the tests goes wrong. It uses the insides of the library,
 * which would not let it: whoever shares the segment can write there.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "core/core.h"
#include "server.h"

enum misdeed misdeed;

static const char *const names[] = {
	[MISDEED_NONE] = "none",
	[MISDEED_ORDER] = "order",
	[MISDEED_SHORT] = "short",
	[MISDEED_LONG] = "long",
	[MISDEED_STATE] = "state",
	[MISDEED_ERROR] = "error",
	[MISDEED_TWICE] = "twice",
	[MISDEED_UNKNOWN] = "unknown",
	[MISDEED_REWRITE] = "rewrite",
	[MISDEED_KEEP] = "keep",
	[MISDEED_DIE] = "die",
};

/* The last answer, for who gives it again. */
static _Thread_local struct {
	struct xseg_request *req;
	u64 hop;
} last;

/**
 * misdeed_parse() - choose what to do wrong
 * @name: of the misdeed
 *
 * Return: false if there is no such.
 */
bool misdeed_parse(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name))
			continue;
		misdeed = i;
		return true;
	}
	return false;
}

/**
 * queue_random() - a random number
 * @q: whose
 *
 * Return: 32 bits.
 */
uint32_t queue_random(struct queue *q)
{
	q->random ^= q->random << 13;
	q->random ^= q->random >> 7;
	q->random ^= q->random << 17;
	return (uint32_t)(q->random >> 16);
}

/**
 * misdeed_before() - spoil an answer that is complete
 * @q:	 the queue
 * @req: the request, not given back yet
 */
void misdeed_before(struct queue *q, struct xseg_request *req)
{
	static const u32 errors[] = { 0, 4095, 4096, 0x80000000U, 0xffffffffU };

	last.hop = 0;
	if (req->op == XSEG_BLK_INFO) {
		if (misdeed == MISDEED_DIE)
			raise(SIGKILL);
		return;		/* there is to be a disk */
	}
	last.req = req;
	last.hop = req->path_top - 1 < XSEG_PATH_LEN ?
		   req->path[req->path_top - 1] : 0;
	if (queue_random(q) % 8)
		return;
	switch (misdeed) {
	case MISDEED_SHORT:
		req->serviced -= req->serviced ? 512 : 1;
		break;
	case MISDEED_LONG:
		req->serviced += queue_random(q) % 2 ? 512 : ~0ULL << 32;
		break;
	case MISDEED_STATE:
		req->state = queue_random(q) % 2 ? 0 : 3 + queue_random(q);
		break;
	case MISDEED_ERROR:
		req->state = XSEG_REQ_FAILED;
		req->error = errors[queue_random(q) % ARRAY_SIZE(errors)];
		break;
	default:
		break;
	}
}

/* Puts a request, whoever has it, into the queue of replies of a hop. */
static void forge(struct xseg *x, u32 index, u64 hop)
{
	struct xseg_request *req = xseg_request(x, index);
	struct ring ring = port_ring(x, XHOP_PORT(hop), XSEG_RING_REPLY);
	u64 w = shm_read(&req->own);

	shm_cas(&req->own, w, own_next(w, XOWN_OWNED, x->me));
	shm_write(&req->path_top, 0);
	shm_write(&req->path[0], hop);
	shm_write(&req->state, XSEG_REQ_SERVED);
	ring_push(x, &ring, index);
}

static void answer_again(struct queue *q)
{
	u64 offset = (u64)((char *)last.req - (char *)q->x->base) -
		     q->x->geo.requests;

	/* The disk takes the first one back, and perhaps uses it again. */
	xseg_signal(q->x, XHOP_PORT(last.hop));
	usleep(queue_random(q) % 200);
	forge(q->x, (u32)(offset / sizeof(struct xseg_request)), last.hop);
	xseg_signal(q->x, XHOP_PORT(last.hop));
}

/* Some request of the segment: free, the disk's own, or under way. */
static void answer_any(struct queue *q)
{
	u32 used = pool_used(q->x, POOL_REQUESTS);

	if (used)
		forge(q->x, queue_random(q) % used, last.hop);
	xseg_signal(q->x, XHOP_PORT(last.hop));
}

/* Any word of the request but those that keep it on its way. */
static void rewrite(struct queue *q)
{
	u64 *words = (u64 *)last.req;
	u32 skip = offsetof(struct xseg_request, path) / sizeof(u64);

	for (int i = 0; i < 4; i++) {
		u32 n = 1 + queue_random(q) % (skip - 1);

		shm_write(&words[n], (u64)queue_random(q) << 32 |
			  queue_random(q));
	}
}

/**
 * misdeed_after() - do wrong with an answer that was given
 * @q:	 the queue
 * @req: the request, which is somebody else's by now
 */
void misdeed_after(struct queue *q, struct xseg_request *req)
{
	if (!last.hop || queue_random(q) % 16)
		return;
	if (misdeed == MISDEED_TWICE)
		answer_again(q);
	else if (misdeed == MISDEED_UNKNOWN)
		answer_any(q);
	else if (misdeed == MISDEED_REWRITE)
		rewrite(q);
	(void)req;
}
