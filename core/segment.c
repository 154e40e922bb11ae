// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The layout of a segment: where everything lies follows from the capacities,
 * here and nowhere else.
 */
#include <xseg/abi_check.h>
#include "core/core.h"

#define DEFAULT_PORTS		256
#define DEFAULT_REQUESTS	4096
#define DEFAULT_DESCS		1024
#define DEFAULT_QUEUE		256
#define DEFAULT_HEAP		(32 * DEFAULT_DATA)
#define DEFAULT_DATA		BIT_ULL(20)

#define PAGE_BYTES		4096ULL
#define MAX_SEGMENT		BIT_ULL(XPTR_OFF_BITS)
#define MAX_PORTS		XSEG_MAX_PORTS
#define MAX_DESCS		65536U

/* Takes the next size bytes of the segment, from a multiple of align on. */
static u64 take(u64 *end, u64 size, u64 align)
{
	u64 at = (*end + align - 1) & ~(align - 1);

	*end = at + size;
	return at;
}

static u64 ring_bytes(u32 order)
{
	return sizeof(struct xseg_ring) + (sizeof(u64) << order);
}

static int params_check(const struct xseg_params_shm *p)
{
	u32 chunk_order = max_t(u32, p->data_order, XSEG_MIN_CHUNK_ORDER);

	if (!p->nr_ports || p->nr_ports > MAX_PORTS ||
	    !p->nr_requests || p->nr_requests > XSEG_MAX_INDEX ||
	    !p->nr_descs || p->nr_descs > MAX_DESCS ||
	    p->queue_order > XSEG_MAX_QUEUE_ORDER ||
	    p->data_order < XSEG_MIN_DATA_ORDER ||
	    p->data_order > XSEG_MAX_DATA_ORDER || p->rsvd)
		return -EINVAL;
	if (!p->heap_size || p->heap_size & ((1ULL << chunk_order) - 1))
		return -EINVAL;
	if (p->heap_size > MAX_SEGMENT)
		return -EOVERFLOW;
	return 0;
}

static void pool_place(struct pool *pool, u64 *end, u32 id, u32 nr)
{
	pool->id = id;
	pool->nr = nr;
	pool->ring_order = order_of(nr);
	pool->ring = take(end, ring_bytes(pool->ring_order), XSEG_LINE);
}

/*
 * A class never has more buffers than the heap has room for, nor more than
 * two for each request: one that it has, one that it is about to get.
 */
static void class_place(struct geometry *geo, u32 class, u64 *end)
{
	struct pool *pool = &geo->pool[POOL_BUFFERS + class];
	u64 nr, most = 2ULL * geo->params.nr_requests;

	pool->per_chunk = geo->chunk_order - (class + XSEG_MIN_DATA_ORDER);
	nr = min((u64)geo->nr_chunks << pool->per_chunk, most);
	nr = min_t(u64, nr, XSEG_MAX_INDEX);
	pool_place(pool, end, POOL_BUFFERS + class, (u32)nr);
	pool->stride = sizeof(struct xseg_buffer);
	pool->own = take(end, nr * pool->stride, XSEG_LINE);
	pool->dir = take(end, geo->nr_chunks * sizeof(u64), XSEG_LINE);
}

/**
 * geometry_compute() - where everything lies
 * @params: capacities, not trusted
 * @geo:    filled
 *
 * Return: 0, -EINVAL (a capacity is out of range), -EOVERFLOW (together they
 * exceed 1 TiB).
 */
int geometry_compute(const struct xseg_params_shm *params,
		     struct geometry *geo)
{
	u64 end = 0;
	u32 i;
	int ret;

	ret = params_check(params);
	if (ret)
		return ret;
	memset(geo, 0, sizeof(*geo));
	geo->params = *params;
	geo->chunk_order = max_t(u32, params->data_order, XSEG_MIN_CHUNK_ORDER);
	geo->nr_chunks = (u32)(params->heap_size >> geo->chunk_order);
	geo->nr_classes = params->data_order - XSEG_MIN_DATA_ORDER + 1;
	geo->ring_size = ring_bytes(params->queue_order);
	geo->ring_size = (geo->ring_size + XSEG_LINE - 1) & ~(XSEG_LINE - 1ULL);

	take(&end, sizeof(struct xseg_header), XSEG_LINE);
	geo->peers = take(&end, XSEG_MAX_PEERS * sizeof(struct xseg_peer),
			  PAGE_BYTES);
	geo->names = take(&end, XSEG_NR_SIGNAL_NAMES *
			  sizeof(struct xseg_signal_name), XSEG_LINE);
	geo->table = take(&end, sizeof(struct xseg_signal_table), XSEG_LINE);
	geo->pools = take(&end, POOLS_SHM * sizeof(struct xseg_pool),
			  XSEG_LINE);
	geo->chunks = take(&end, geo->nr_chunks * sizeof(struct xseg_chunk),
			   XSEG_LINE);
	geo->ports = take(&end, params->nr_ports * sizeof(struct xseg_port),
			  PAGE_BYTES);
	geo->rings = take(&end, (u64)params->nr_ports * XSEG_PORT_RINGS *
			  geo->ring_size, PAGE_BYTES);
	geo->descs = take(&end, params->nr_descs * sizeof(struct xseg_desc),
			  PAGE_BYTES);
	geo->requests = take(&end, (u64)params->nr_requests *
			     sizeof(struct xseg_request), PAGE_BYTES);
	pool_place(&geo->pool[POOL_REQUESTS], &end, POOL_REQUESTS,
		   params->nr_requests);
	geo->pool[POOL_REQUESTS].own = geo->requests;
	geo->pool[POOL_REQUESTS].stride = sizeof(struct xseg_request);
	pool_place(&geo->pool[POOL_DESCS], &end, POOL_DESCS, params->nr_descs);
	geo->pool[POOL_DESCS].own = geo->descs;
	geo->pool[POOL_DESCS].stride = sizeof(struct xseg_desc);
	for (i = 0; i < geo->nr_classes; i++)
		class_place(geo, i, &end);
	geo->heap = take(&end, params->heap_size, PAGE_BYTES);
	geo->size = end;
	return end > MAX_SEGMENT ? -EOVERFLOW : 0;
}

/**
 * params_complete() - capacities as asked for, with defaults and rounded up
 * @params: what was asked for; NULL for all defaults
 * @out:    filled
 *
 * Return: 0 or -EINVAL.
 */
int params_complete(const struct xseg_params *params,
		    struct xseg_params_shm *out)
{
	static const struct xseg_params none;
	const struct xseg_params *p = params ? params : &none;
	u64 data = p->max_data ? p->max_data : DEFAULT_DATA;
	u64 heap = p->heap_size ? p->heap_size : DEFAULT_HEAP;
	u32 queue = p->queue_len ? p->queue_len : DEFAULT_QUEUE;
	u64 chunk;

	if (data > 1ULL << XSEG_MAX_DATA_ORDER ||
	    queue > 1U << XSEG_MAX_QUEUE_ORDER || heap > MAX_SEGMENT)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->nr_ports = p->nr_ports ? p->nr_ports : DEFAULT_PORTS;
	out->nr_requests = p->nr_requests ? p->nr_requests : DEFAULT_REQUESTS;
	out->nr_descs = p->nr_descs ? p->nr_descs : DEFAULT_DESCS;
	out->queue_order = order_of(queue);
	out->data_order = order_of(max(data, 1ULL << XSEG_MIN_DATA_ORDER));
	chunk = 1ULL << max_t(u32, out->data_order, XSEG_MIN_CHUNK_ORDER);
	out->heap_size = (heap + chunk - 1) & ~(chunk - 1);
	return params_check(out);
}

/**
 * header_fill() - the header of a new segment, but its name, uuid and times
 * @header: zeroed
 * @geo:    its layout
 */
void header_fill(struct xseg_header *header, const struct geometry *geo)
{
	header->abi_major = XSEG_ABI_MAJOR;
	header->abi_minor = XSEG_ABI_MINOR;
	header->header_size = sizeof(*header);
	header->segment_size = geo->size;
	header->params = geo->params;
	header->magic = XSEG_MAGIC;
}

/**
 * header_check() - is this the header of a segment that this code can use?
 * @header:    a private copy
 * @file_size: bytes of the file
 * @geo:       filled with the layout
 *
 * Return: 0, -EBADMSG (no segment), -EILSEQ (other byte order),
 * -EPROTONOSUPPORT (incompatible version or features), -EUCLEAN (damaged),
 * -ENODATA (truncated).
 */
int header_check(const struct xseg_header *header, u64 file_size,
		 struct geometry *geo)
{
	if (header->magic == XSEG_MAGIC_SWAPPED)
		return -EILSEQ;
	if (header->magic != XSEG_MAGIC)
		return -EBADMSG;
	if (header->abi_major != XSEG_ABI_MAJOR || header->features_required)
		return -EPROTONOSUPPORT;
	if (header->header_size != sizeof(*header) ||
	    geometry_compute(&header->params, geo) ||
	    header->segment_size != geo->size)
		return -EUCLEAN;
	if (file_size < geo->size)
		return -ENODATA;
	return 0;
}

/**
 * handle_open() - allocate the private tables of a handle
 * @xseg: with @geo filled
 *
 * May sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int handle_open(struct xseg *xseg)
{
	const struct xseg_params_shm *p = &xseg->geo.params;

	mutex_init(&xseg->lock);
	xseg->descs = env_alloc(p->nr_descs, sizeof(*xseg->descs));
	xseg->requests = env_alloc(p->nr_requests, sizeof(*xseg->requests));
	xseg->ports = env_alloc(p->nr_ports, sizeof(*xseg->ports));
	if (xseg->descs && xseg->requests && xseg->ports)
		return 0;
	handle_close(xseg);
	return -ENOMEM;
}

/**
 * handle_close() - undo handle_open()
 * @xseg: no longer in use
 */
void handle_close(struct xseg *xseg)
{
	env_free(xseg->descs);
	env_free(xseg->requests);
	env_free(xseg->ports);
	xseg->descs = NULL;
	xseg->requests = NULL;
	xseg->ports = NULL;
	mutex_destroy(&xseg->lock);
}
