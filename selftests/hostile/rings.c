// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lies that fit together: rings with objects in them that are used, free,
 * elsewhere or there twice, paths that go round in circles.
 */
#include "selftests/hostile/hostile.h"

/* A port that somebody uses, mostly. */
uint32_t hot_port(const struct victim *v, uint64_t *rnd)
{
	uint32_t nr = v->view.geo.params.nr_ports;

	return below(rnd, 8) ? 1 + below(rnd, PORT_FREE) : below(rnd, nr);
}

/* An object of a pool that was in use once, mostly. */
uint32_t hot_object(const struct victim *v, uint32_t pool, uint64_t *rnd)
{
	uint32_t nr = below(rnd, 8) ? pool_touched(&v->view, pool) :
				      v->view.geo.pool[pool].nr;

	return below(rnd, nr);
}

static struct ring some_ring(const struct victim *v, uint64_t *rnd)
{
	if (below(rnd, 4))
		return port_ring(&v->view, hot_port(v, rnd),
				 below(rnd, XSEG_PORT_RINGS));
	return pool_ring(&v->view, below(rnd, POOL_BUFFERS +
					 v->view.geo.nr_classes));
}

/* A word that kernel and users fight for anyway. */
uint64_t *rings_word(const struct victim *v, uint64_t *rnd)
{
	struct ring ring = some_ring(v, rnd);
	uint64_t n = 1ULL << ring.order;
	uint64_t *word;

	switch (below(rnd, 4)) {
	case 0:
		return (uint64_t *)&ring.shm->head;
	case 1:
		return (uint64_t *)&ring.shm->tail;
	case 2:
		word = (uint64_t *)&ring.shm->slot[shm_read(&ring.shm->head) &
						   (n - 1)];
		return word;
	default:
		return (uint64_t *)pool_own(&v->view, ring.pool,
					    below(rnd, ring.pool->nr));
	}
}

/* What a slot would say if the object were put there on lap @cycle. */
static uint64_t slot_of(const struct victim *v, const struct ring *ring,
			uint32_t object, uint32_t cycle, uint64_t *rnd)
{
	uint64_t own = shm_read(pool_own(&v->view, ring->pool, object));
	uint32_t ver = XOWN_VER(own) & 0xff;

	if (!below(rnd, 16))
		ver ^= 1U << below(rnd, 8);
	return (uint64_t)cycle << XSLOT_CYCLE_SHIFT |
	       (uint64_t)ver << XSLOT_VER_SHIFT | (object + 1);
}

/* Fills a ring, wholly or in part, with objects that are not in it. */
static void ring_stuff(const struct victim *v, uint64_t *rnd)
{
	struct ring ring = some_ring(v, rnd);
	uint64_t n = 1ULL << ring.order;
	uint64_t from = shm_read(&ring.shm->head), i;
	uint64_t nr = below(rnd, 4) ? 1 + below(rnd, 8) : n;

	for (i = 0; i < nr; i++)
		shm_write(&ring.shm->slot[(from + i) & (n - 1)],
			  slot_of(v, &ring, hot_object(v, ring.pool->id, rnd),
				  (uint32_t)((from + i) >> ring.order), rnd));
	shm_write(&ring.shm->tail, from + nr);
	count(&tally->lies, nr + 1);
}

/* Sets a ring a number of laps on or back. */
static void ring_turn(const struct victim *v, uint64_t *rnd)
{
	struct ring ring = some_ring(v, rnd);
	uint64_t laps = below(rnd, 3) ? below(rnd, 4) : random64(rnd);
	uint64_t by = laps << ring.order;

	if (below(rnd, 2))
		by = -by;
	if (below(rnd, 2))
		shm_write(&ring.shm->head, shm_read(&ring.shm->head) + by);
	else
		shm_write(&ring.shm->tail, shm_read(&ring.shm->tail) + by);
	count(&tally->lies, 1);
}

/* Swaps two slots, of one ring or of two. */
static void slots_swap(const struct victim *v, uint64_t *rnd)
{
	struct ring a = some_ring(v, rnd);
	struct ring b = below(rnd, 2) ? a : some_ring(v, rnd);
	__u64 *x = &a.shm->slot[below(rnd, 1U << a.order)];
	__u64 *y = &b.shm->slot[below(rnd, 1U << b.order)];
	uint64_t was = shm_read(x);

	shm_write(x, shm_read(y));
	shm_write(y, was);
	count(&tally->lies, 2);
}

/* A path through ports that are bound, as if a request had come that way. */
static void path_forge(const struct victim *v, uint64_t *rnd)
{
	struct xseg_request *req = xseg_request(&v->view,
				hot_object(v, POOL_REQUESTS, rnd));
	uint32_t i, portno, top = below(rnd, XSEG_PATH_LEN + 2);

	for (i = 0; i < XSEG_PATH_LEN; i++) {
		portno = hot_port(v, rnd);
		shm_write(&req->path[i],
			  XHOP(XPORT_EPOCH(shm_read(&xseg_port(&v->view,
							       portno)->own)),
			       portno));
	}
	shm_write(&req->path_top, top);
	shm_write(&req->effective_dst_portno, hot_port(v, rnd));
	shm_write(&req->home, shm_read(&req->path[0]));
	count(&tally->lies, XSEG_PATH_LEN + 3);
}

/* Many requests in the queue of a kernel peer, whose answers go to another. */
static void flood(const struct victim *v, uint64_t *rnd)
{
	uint32_t portno = PORT_ECHO + below(rnd, PORT_SOURCE - PORT_ECHO + 1);
	uint32_t back = PORT_ECHO + below(rnd, PORT_SOURCE - PORT_ECHO + 1);
	struct ring ring = port_ring(&v->view, portno,
				     below(rnd, 8) ? XSEG_RING_REQUEST :
						     XSEG_RING_REPLY);
	uint64_t t = shm_read(&ring.shm->tail), n = 1ULL << ring.order, i;
	uint64_t hop = XHOP(XPORT_EPOCH(shm_read(&xseg_port(&v->view,
							     back)->own)),
			    back);
	uint32_t object = below(rnd, ring.pool->nr);

	shm_write(&ring.shm->head, t);
	for (i = 0; i < n && i < ring.pool->nr; i++) {
		uint32_t o = (object + (uint32_t)i) % ring.pool->nr;
		struct xseg_request *req = xseg_request(&v->view, o);

		shm_write(&req->own, own_word(1, ks_random(rnd), XOWN_OWNED,
					      below(rnd, 2) ? 0 :
					      XSEG_MAX_USER_PEERS));
		shm_write(&req->path_top, 1);
		shm_write(&req->path[0], hop);
		shm_write(&req->path[1], 0);
		shm_write(&req->home, hop);
		shm_write(&ring.shm->slot[(t + i) & (n - 1)],
			  slot_of(v, &ring, o, (uint32_t)((t + i) >> ring.order),
				  rnd));
	}
	shm_write(&ring.shm->tail, t + i);
	count(&tally->lies, 7 * i);
}

/**
 * rings_lie() - one lie
 * @v:	 the victim
 * @rnd: random state
 */
void rings_lie(const struct victim *v, uint64_t *rnd)
{
	switch (below(rnd, 16)) {
	case 0:
		flood(v, rnd);
		break;
	case 1 ... 4:
		ring_stuff(v, rnd);
		break;
	case 5 ... 6:
		ring_turn(v, rnd);
		break;
	case 7 ... 9:
		slots_swap(v, rnd);
		break;
	default:
		path_forge(v, rnd);
		break;
	}
}
