// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Room for the data of requests: buffers in classes, each twice as large as
 * the one before, from a heap that is given to the classes chunk by chunk.
 *
 * A buffer belongs to a request and shares its fate. The owner of the request
 * attaches and detaches it:
 *
 *	attach:	(A1) buffer: request index	(buffer and request are mine)
 *		(A2) request: names the buffer
 *		(A3) buffer: OWNED -> ATTACHED
 *	detach:	(D1) buffer: ATTACHED -> OWNED
 *		(D2) request: names no buffer
 *		(D3) free the buffer
 *
 * So a buffer that its dead owner left OWNED belongs to the request that
 * names it, and is free if there is none; one that is ATTACHED is always
 * named.
 *
 * A chunk, once given to a class, stays there: memory is type-stable, nothing
 * is ever moved or joined, and there is nothing to journal.
 */
#include "core/core.h"

static struct xseg_buffer __xseg_shared *
buffer_at(const struct xseg *xseg, const struct pool *pool, u32 index)
{
	return (struct xseg_buffer __xseg_shared *)pool_own(xseg, pool, index);
}

static struct xseg_chunk __xseg_shared *chunk_at(const struct xseg *xseg,
						 u32 chunk)
{
	return (struct xseg_chunk __xseg_shared *)
		xseg_at(xseg, xseg->geo.chunks) + chunk;
}

static __u64 __xseg_shared *dir_at(const struct xseg *xseg,
				   const struct pool *pool, u32 seq)
{
	return (__u64 __xseg_shared *)xseg_at(xseg, pool->dir) + seq;
}

static u32 class_order(const struct pool *pool)
{
	return pool->id - POOL_BUFFERS + XSEG_MIN_DATA_ORDER;
}

static bool chunk_try(struct xseg *xseg, u32 chunk)
{
	__u64 __xseg_shared *own = &chunk_at(xseg, chunk)->own;
	u64 w = shm_load_acquire(own);

	if (XOWN_ST(w) != XOWN_RAW && XOWN_ST(w) != XOWN_FREE)
		return false;
	return shm_cas(own, w, own_next(w, XOWN_OWNED, xseg->me));
}

static void chunk_settle(struct xseg *xseg, u32 chunk, u32 st)
{
	__u64 __xseg_shared *own = &chunk_at(xseg, chunk)->own;
	u64 w = shm_read(own);

	shm_cas(own, w, own_next(w, st, xseg->me));
}

/*
 * Gives the next chunk of the heap to a class, as its seq-th.
 *
 * Return: 0 (also if somebody else did), -ENOMEM if the heap is used up.
 */
static int chunk_claim(struct xseg *xseg, const struct pool *pool, u32 seq)
{
	__u64 __xseg_shared *dir = dir_at(xseg, pool, seq);
	u32 i;

	for (i = 0; i < xseg->geo.nr_chunks; i++) {
		bool won;

		if (shm_load_acquire(dir))
			return 0;
		if (!chunk_try(xseg, i))
			continue;
		shm_write(&chunk_at(xseg, i)->class_, pool->id);
		shm_write(&chunk_at(xseg, i)->seq, seq);
		won = shm_cas(dir, 0, i + 1);
		chunk_settle(xseg, i, won ? XOWN_LIVE : XOWN_FREE);
		return 0;
	}
	return shm_load_acquire(dir) ? 0 : -ENOMEM;
}

/**
 * chunk_reap() - settle the chunks that a dead peer was claiming
 * @xseg: the handle
 * @peer: its slot
 */
void chunk_reap(struct xseg *xseg, u32 peer)
{
	u32 i;

	for (i = 0; i < xseg->geo.nr_chunks; i++) {
		struct xseg_chunk __xseg_shared *chunk = chunk_at(xseg, i);
		u64 w = shm_load_acquire(&chunk->own);
		u32 id = shm_read(&chunk->class_);
		u32 seq = shm_read(&chunk->seq);
		bool live = false;

		if (XOWN_ST(w) == XOWN_RAW)
			break;
		if (XOWN_ST(w) != XOWN_OWNED || XOWN_WHO(w) != peer)
			continue;
		if (id >= POOL_BUFFERS &&
		    id < POOL_BUFFERS + xseg->geo.nr_classes &&
		    seq < xseg->geo.nr_chunks)
			live = shm_load_acquire(dir_at(xseg,
						       &xseg->geo.pool[id],
						       seq)) == i + 1;
		shm_cas(&chunk->own, w,
			own_next(w, live ? XOWN_LIVE : XOWN_FREE, xseg->me));
	}
}

/**
 * chunks_used() - how many chunks have been given to a class
 * @xseg: the handle
 *
 * Return: the number.
 */
u32 chunks_used(const struct xseg *xseg)
{
	u32 i, used = 0;

	for (i = 0; i < xseg->geo.nr_chunks; i++) {
		u64 w = shm_read(&chunk_at(xseg, i)->own);

		if (XOWN_ST(w) == XOWN_RAW)
			break;
		if (XOWN_ST(w) != XOWN_FREE)
			used++;
	}
	return used;
}

/**
 * chunk_need() - see to it that a new buffer has a place to be
 * @xseg:  the handle
 * @pool:  its class
 * @index: a buffer that was never used
 * @looks: how often all chunks may still be looked through
 *
 * Return: 0, -ENOMEM if the heap is used up, -EBUSY if @looks is.
 */
int chunk_need(struct xseg *xseg, const struct pool *pool, u32 index,
	       u32 *looks)
{
	u32 seq = index >> pool->per_chunk;

	if (shm_load_acquire(dir_at(xseg, pool, seq)))
		return 0;
	if (!*looks)
		return -EBUSY;
	--*looks;
	return chunk_claim(xseg, pool, seq);
}

/* Which pool and object an XBUF() means, not trusted. */
static int buffer_parse(const struct xseg *xseg, u64 buffer, u32 *pool_id,
			u32 *index)
{
	u32 class = XBUF_CLASS(buffer);
	u32 nr;

	if (class >= xseg->geo.nr_classes)
		return -EUCLEAN;
	*pool_id = POOL_BUFFERS +
		   array_index_nospec(class, xseg->geo.nr_classes);
	nr = xseg->geo.pool[*pool_id].nr;
	*index = XBUF_INDEX(buffer);
	if (*index >= nr)
		return -EUCLEAN;
	*index = array_index_nospec(*index, nr);
	return 0;
}

/**
 * buffer_place() - where a buffer's bytes lie
 * @xseg:   the handle
 * @buffer: XBUF(), not trusted
 * @off:    filled with their offset
 * @len:    filled with their number
 *
 * Return: 0, or -EUCLEAN if there is no such buffer.
 */
int buffer_place(const struct xseg *xseg, u64 buffer, u64 *off, u64 *len)
{
	const struct pool *pool;
	u32 pool_id, index;
	u64 chunk;

	if (buffer_parse(xseg, buffer, &pool_id, &index))
		return buffer ? broken(xseg, "buffer") : -EUCLEAN;
	pool = &xseg->geo.pool[pool_id];
	chunk = shm_load_acquire(dir_at(xseg, pool, index >> pool->per_chunk));
	if (!chunk || chunk > xseg->geo.nr_chunks)
		return broken(xseg, "buffer");
	chunk = array_index_nospec(chunk - 1, xseg->geo.nr_chunks);
	*len = 1ULL << class_order(pool);
	*off = xseg->geo.heap + (chunk << xseg->geo.chunk_order) +
	       ((u64)(index & ((1U << pool->per_chunk) - 1)) <<
		class_order(pool));
	return 0;
}

/**
 * buffer_alloc() - allocate a buffer
 * @xseg:   the handle
 * @len:    bytes
 * @buffer: filled with XBUF(), owned by the caller
 *
 * Takes from a larger class where the right one cannot grow. Any context.
 *
 * Return: 0, -EMSGSIZE, -ENOMEM, -EBUSY or -EUCLEAN.
 */
int buffer_alloc(struct xseg *xseg, u64 len, u64 *buffer)
{
	u32 class, index;
	int ret = -EMSGSIZE;

	if (len > 1ULL << xseg->geo.params.data_order)
		return -EMSGSIZE;
	class = order_of(max(len, 1ULL << XSEG_MIN_DATA_ORDER)) -
		XSEG_MIN_DATA_ORDER;
	for (; class < xseg->geo.nr_classes; class++) {
		ret = pool_alloc(xseg, POOL_BUFFERS + class, &index);
		if (ret != -ENOMEM)
			break;
	}
	if (!ret)
		*buffer = XBUF(class, index);
	return ret;
}

/* (D1): the buffer that a request names becomes the caller's, 0 if none. */
static u64 buffer_detach(struct xseg *xseg, u32 request)
{
	u64 buffer = shm_read(&xseg_request(xseg, request)->buffer);
	struct xseg_buffer __xseg_shared *buf;
	u32 pool_id, index;
	u64 w;

	if (buffer_parse(xseg, buffer, &pool_id, &index))
		return 0;
	buf = buffer_at(xseg, &xseg->geo.pool[pool_id], index);
	w = shm_load_acquire(&buf->own);
	if (XOWN_ST(w) != XOWN_ATTACHED || shm_read(&buf->request) != request)
		return 0;
	if (!shm_cas(&buf->own, w, own_next(w, XOWN_OWNED, xseg->me)))
		return 0;
	return buffer;
}

/* (D3) */
static void buffer_free(struct xseg *xseg, u64 buffer)
{
	u32 pool_id, index;

	if (!buffer_parse(xseg, buffer, &pool_id, &index))
		pool_free(xseg, pool_id, index);
}

/**
 * buffer_attach() - attach a buffer to a request, in place of the one it has
 * @xseg:    the handle
 * @request: a request that the caller owns
 * @buffer:  from buffer_alloc()
 *
 * (D2) and (A2) are one store.
 */
void buffer_attach(struct xseg *xseg, u32 request, u64 buffer)
{
	struct xseg_request __xseg_shared *req = xseg_request(xseg, request);
	struct xseg_buffer __xseg_shared *buf;
	u64 old = buffer_detach(xseg, request);
	u32 pool_id, index;
	u64 w;

	if (buffer_parse(xseg, buffer, &pool_id, &index))
		return;
	buf = buffer_at(xseg, &xseg->geo.pool[pool_id], index);
	/* (A1), (A2), (A3) */
	shm_write(&buf->request, request);
	shm_store_release(&req->buffer, buffer);
	w = shm_read(&buf->own);
	shm_cas(&buf->own, w, own_next(w, XOWN_ATTACHED, xseg->me));
	if (old)
		buffer_free(xseg, old);
}

/**
 * buffer_put() - detach a request's buffer and free it
 * @xseg:    the handle
 * @request: a request that the caller owns
 */
void buffer_put(struct xseg *xseg, u32 request)
{
	u64 old = buffer_detach(xseg, request);

	shm_store_release(&xseg_request(xseg, request)->buffer, 0); /* (D2) */
	if (old)
		buffer_free(xseg, old);
}

/**
 * buffer_reap() - settle a buffer that a dead peer owned
 * @xseg:    the handle
 * @pool_id: POOL_BUFFERS + class
 * @index:   the buffer
 * @w:	     its ownership word, which says so
 *
 * One CAS decides: the reaper does not take the buffer of a request first, or
 * it would leave it OWNED, and named, if it died as well.
 */
void buffer_reap(struct xseg *xseg, u32 pool_id, u32 index, u64 w)
{
	struct xseg_buffer __xseg_shared *buf =
		buffer_at(xseg, &xseg->geo.pool[pool_id], index);
	u32 request = shm_read(&buf->request);

	if (request < xseg->geo.params.nr_requests &&
	    shm_load_acquire(&xseg_request(xseg, request)->buffer) ==
	    XBUF(pool_id - POOL_BUFFERS, index))
		shm_cas(&buf->own, w, own_next(w, XOWN_ATTACHED, xseg->me));
	else if (shm_cas(&buf->own, w, own_next(w, XOWN_OWNED, xseg->me)))
		pool_free(xseg, pool_id, index);
}
