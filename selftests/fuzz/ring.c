// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The input is a sequence of operations on rings that share a pool, done
 * whole or, by who then dies, in half; a reference that cannot be wrong does
 * them as well. What a dead taker has is of no use to anybody before a reaper
 * has been through the ring, see op_mark().
 */
#include "selftests/lib/fuzz.h"

#define OBJECTS	10
#define RINGS	3
#define PEERS	2
#define ROOM	4
#define IN_RING	99
#define HALF	100	/* and the ring: its taker died there, at (T1) */

static struct xseg *peer[PEERS];
static u32 queue[RINGS + 1][OBJECTS];	/* the last is the pool's own */
static u32 len[RINGS + 1];
static u32 owner[OBJECTS];
static u32 known;

/* One segment for all inputs: zeroed, it is as new. */
static void reset(void)
{
	struct xseg_params p = small_params;
	struct xseg *x;
	u32 i;
	int fd;

	p.nr_requests = OBJECTS;
	p.queue_len = ROOM;
	if (!peer[0]) {
		fd = segment_new(&p);
		for (i = 0; i < PEERS; i++)
			peer[i] = peer_join(fd);
	}
	x = peer[0];
	memset(x->base + x->geo.pools, 0, x->geo.heap - x->geo.pools);
	memset(len, 0, sizeof(len));
	known = 0;
}

static struct ring ring_of(u32 r)
{
	return r == RINGS ? pool_ring(peer[0], POOL_REQUESTS) :
			    port_ring(peer[0], r, XSEG_RING_REQUEST);
}

static void put(u32 r, u32 index)
{
	queue[r][len[r]++] = index;
	owner[index] = IN_RING;
}

static u32 oldest(u32 r, u32 p)
{
	u32 index = queue[r][0];

	memmove(queue[r], queue[r] + 1, --len[r] * sizeof(u32));
	owner[index] = p;
	return index;
}

static void op_push(u32 r, u32 p, u32 index, bool half)
{
	struct ring ring = ring_of(r);
	int ret;

	if (index >= known || owner[index] != p)
		return;
	ret = half ? half_push(peer[p], &ring, index) :
		     ring_push(peer[p], &ring, index);
	if (!half)
		must(ret == (len[r] < ROOM ? 0 : -EAGAIN));
	if (!ret)
		put(r, index);
}

static void op_pop(u32 r, u32 p, bool half)
{
	struct ring ring = ring_of(r);
	u32 index;
	int ret;

	ret = half ? half_pop(peer[p], &ring, &index) :
		     ring_pop(peer[p], &ring, &index);
	must(ret == 0 || ret == -EAGAIN);
	if (!half)
		must(ret == (len[r] ? 0 : -EAGAIN));
	if (!ret) {
		must(len[r]);
		must(index == oldest(r, p));
		if (half)
			owner[index] = HALF + r;
	}
}

static void op_alloc(u32 p)
{
	u32 index;
	int ret = pool_alloc(peer[p], POOL_REQUESTS, &index);

	if (len[RINGS]) {
		must(!ret && index == oldest(RINGS, p));
	} else if (known < OBJECTS) {
		must(!ret && index == known++);
		owner[index] = p;
	} else {
		must(ret == -ENOMEM);
	}
}

static void op_free(u32 p, u32 index)
{
	if (index >= known || owner[index] != p)
		return;
	must(!pool_free(peer[p], POOL_REQUESTS, index));
	put(RINGS, index);
}

/* Peer 0 reaps it, see object_reap(). */
static void adopt(u32 index)
{
	u64 *own = pool_own(peer[0], &peer[0]->geo.pool[POOL_REQUESTS], index);
	u64 w = shm_read(own);

	must(shm_cas(own, w, own_next(w, XOWN_OWNED, peer[0]->me)));
	owner[index] = 0;
}

/* A reaper looks for what is in a ring, and has what was taken in half. */
static void op_mark(u32 r)
{
	struct ring ring = ring_of(r);
	u64 words[OBJECTS];
	const struct owned_list list = { 0, OBJECTS, words };
	u32 i, n = 0;

	for (i = 0; i < OBJECTS; i++)
		words[i] = 1;
	ring_mark(peer[0], &ring, &list);
	for (i = 0; i < OBJECTS; i++)
		n += !words[i];
	must(n == len[r]);
	for (i = 0; i < len[r]; i++)
		must(!words[queue[r][i]]);
	for (i = 0; i < known; i++) {
		if (owner[i] == HALF + r)
			adopt(i);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + min(size, (size_t)4096) };
	u32 what, r, p, index;

	reset();
	while (input_left(&in)) {
		what = input_u8(&in);
		p = what >> 3 & 1;
		r = (what >> 4) % RINGS;
		switch (what & 7) {
		case 0:
		case 1:
			index = input_u8(&in) % OBJECTS;
			op_push(r, p, index, what & 1);
			break;
		case 2:
		case 3:
			op_pop(r, p, what & 1);
			break;
		case 4:
		case 5:
			op_alloc(p);
			break;
		case 6:
			op_free(p, input_u8(&in) % OBJECTS);
			break;
		default:
			op_mark((what >> 4) % (RINGS + 1));
		}
	}
	return 0;
}
