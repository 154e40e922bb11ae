// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where everything lies, by the capacities: a second reading of what
 * Documentation/abi.rst says, independent of the library's.
 */
#include <errno.h>
#include <string.h>

#include "user/fsck/internal.h"

static __u64 align_up(__u64 at, __u64 to)
{
	return (at + to - 1) / to * to;
}

/* log2, rounded up. */
static __u32 log2_up(__u64 v)
{
	__u32 order = 0;

	while ((1ULL << order) < v)
		order++;
	return order;
}

static bool params_good(const struct xseg_params_shm *p, __u32 chunk_order)
{
	return p->nr_ports >= 1 && p->nr_ports <= XSEG_MAX_PORTS &&
	       p->nr_requests >= 1 && p->nr_requests <= XSEG_MAX_INDEX &&
	       p->nr_descs >= 1 && p->nr_descs <= 65536 &&
	       p->queue_order <= XSEG_MAX_QUEUE_ORDER &&
	       p->data_order >= XSEG_MIN_DATA_ORDER &&
	       p->data_order <= XSEG_MAX_DATA_ORDER && !p->rsvd &&
	       p->heap_size && !(p->heap_size % (1ULL << chunk_order)) &&
	       p->heap_size <= 1ULL << XPTR_OFF_BITS;
}

/* A free ring, from the next line on; the end of it. */
static __u64 pool_ring(struct fsck_pool *pool, __u64 at, __u32 nr)
{
	pool->nr = nr;
	pool->order = log2_up(nr);
	pool->ring = align_up(at, XSEG_LINE);
	return pool->ring + sizeof(struct xseg_ring) + (8ULL << pool->order);
}

/* A class of buffers: ring, words, directory. */
static __u64 class_layout(struct fsck_layout *l, __u32 class, __u64 at)
{
	struct fsck_pool *pool = &l->pool[FSCK_BUFFERS + class];
	__u64 most = 2ULL * l->params.nr_requests;
	__u64 nr;

	pool->per_chunk = l->chunk_order - XSEG_MIN_DATA_ORDER - class;
	nr = (__u64)l->nr_chunks << pool->per_chunk;
	if (nr > most)
		nr = most;
	if (nr > XSEG_MAX_INDEX)
		nr = XSEG_MAX_INDEX;
	at = pool_ring(pool, at, (__u32)nr);
	pool->stride = sizeof(struct xseg_buffer);
	pool->own = align_up(at, XSEG_LINE);
	pool->dir = align_up(pool->own + nr * pool->stride, XSEG_LINE);
	return pool->dir + l->nr_chunks * 8ULL;
}

/* The tables in front of the pools' rings; their end. */
static __u64 tables_layout(struct fsck_layout *l)
{
	const struct xseg_params_shm *p = &l->params;
	__u64 page = 4096;

	l->ring_size = align_up(sizeof(struct xseg_ring) +
				(8ULL << p->queue_order), XSEG_LINE);
	l->peers = align_up(sizeof(struct xseg_header), page);
	l->names = l->peers + XSEG_MAX_PEERS * sizeof(struct xseg_peer);
	l->table = l->names +
		   XSEG_NR_SIGNAL_NAMES * sizeof(struct xseg_signal_name);
	l->pools = l->table + sizeof(struct xseg_signal_table);
	l->chunks = l->pools + FSCK_POOLS * sizeof(struct xseg_pool);
	l->ports = align_up(l->chunks + (__u64)l->nr_chunks *
			    sizeof(struct xseg_chunk), page);
	l->rings = align_up(l->ports + (__u64)p->nr_ports *
			    sizeof(struct xseg_port), page);
	l->descs = align_up(l->rings + (__u64)p->nr_ports * XSEG_PORT_RINGS *
			    l->ring_size, page);
	l->requests = align_up(l->descs + (__u64)p->nr_descs *
			       sizeof(struct xseg_desc), page);
	return l->requests + (__u64)p->nr_requests *
	       sizeof(struct xseg_request);
}

/**
 * fsck_layout() - where everything lies
 * @params: capacities, not trusted
 * @l:	    filled
 *
 * Return: 0 or -EUCLEAN.
 */
int fsck_layout(const struct xseg_params_shm *params, struct fsck_layout *l)
{
	__u32 order = params->data_order > XSEG_MIN_CHUNK_ORDER ?
		      params->data_order : XSEG_MIN_CHUNK_ORDER;
	__u64 at;
	__u32 i;

	memset(l, 0, sizeof(*l));
	if (order > XSEG_MAX_DATA_ORDER || !params_good(params, order))
		return -EUCLEAN;
	l->params = *params;
	l->chunk_order = order;
	l->nr_chunks = (__u32)(params->heap_size >> order);
	l->nr_classes = params->data_order - XSEG_MIN_DATA_ORDER + 1;
	at = tables_layout(l);
	at = pool_ring(&l->pool[FSCK_REQUESTS], at, params->nr_requests);
	l->pool[FSCK_REQUESTS].own = l->requests;
	l->pool[FSCK_REQUESTS].stride = sizeof(struct xseg_request);
	at = pool_ring(&l->pool[FSCK_DESCS], at, params->nr_descs);
	l->pool[FSCK_DESCS].own = l->descs;
	l->pool[FSCK_DESCS].stride = sizeof(struct xseg_desc);
	for (i = 0; i < l->nr_classes; i++)
		at = class_layout(l, i, at);
	l->heap = align_up(at, 4096);
	l->size = l->heap + params->heap_size;
	return l->size > 1ULL << XPTR_OFF_BITS ? -EUCLEAN : 0;
}
