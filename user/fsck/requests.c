// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker: requests, and the buffers that belong to them.
 */
#include "user/fsck/internal.h"

static struct fsck_at request_at(const struct fsck *f, __u32 i,
				 const char *part)
{
	return (struct fsck_at){ "request", i, part,
		f->l.requests + (__u64)i * sizeof(struct xseg_request),
		fsck_request(f, i)->own };
}

static bool port_is(const struct fsck *f, __u32 port)
{
	return port < f->l.params.nr_ports;
}

/* Is a hop, or a home, that of the present owner of its port? */
static bool hop_current(const struct fsck *f, __u64 hop)
{
	__u64 own;

	if (!port_is(f, XHOP_PORT(hop)))
		return false;
	own = fsck_port(f, XHOP_PORT(hop))->own;
	return XPORT_BOUND(own) && XPORT_EPOCH(own) == XHOP_EPOCH(hop);
}

/* May it ever have been one? */
static bool hop_possible(const struct fsck *f, __u64 hop)
{
	return XHOP_EPOCH(hop) && port_is(f, XHOP_PORT(hop)) &&
	       (__s32)(XPORT_EPOCH(fsck_port(f, XHOP_PORT(hop))->own) -
		       XHOP_EPOCH(hop)) >= 0;
}

static void path_check(struct fsck *f, __u32 i)
{
	const struct xseg_request *r = fsck_request(f, i);
	__u32 k;

	if (r->path_top > XSEG_PATH_LEN) {
		fsck_bad(f, request_at(f, i, "path_top"), "at most 16", "%u",
			 r->path_top);
		return;
	}
	for (k = 0; k < r->path_top; k++)
		if (!hop_possible(f, r->path[k]))
			fsck_bad(f, request_at(f, i, "path"),
				 "ports with epochs that they had",
				 "hop %u is %#llx", k,
				 (unsigned long long)r->path[k]);
}

/* The hop behind the path: that which a reply is on its way to. */
static __u64 hop_behind(const struct xseg_request *r)
{
	return r->path_top < XSEG_PATH_LEN ? r->path[r->path_top] : 0;
}

static void free_check(struct fsck *f, __u32 i)
{
	const struct xseg_request *r = fsck_request(f, i);

	f->counts.requests_free++;
	if (r->buffer)
		fsck_bad(f, request_at(f, i, "buffer"), "0: it is free",
			 "%#llx", (unsigned long long)r->buffer);
	if (r->home)
		fsck_bad(f, request_at(f, i, "home"), "0: it is free", "%#llx",
			 (unsigned long long)r->home);
	if (r->path_top)
		fsck_bad(f, request_at(f, i, "path_top"), "0: it is free",
			 "%u", r->path_top);
}

/* In the ring of idle requests of a port. */
static void idle_check(struct fsck *f, __u32 i, __u32 port)
{
	const struct xseg_request *r = fsck_request(f, i);

	f->counts.requests_idle++;
	if (XHOP_PORT(r->home) != port)
		fsck_bad(f, request_at(f, i, "home"),
			 "the port that it is reserved for",
			 "port %u, and it lies at port %u", XHOP_PORT(r->home),
			 port);
	if (r->path_top)
		fsck_bad(f, request_at(f, i, "path_top"), "0: it is idle",
			 "%u", r->path_top);
	if (!f->busy && !XPORT_BOUND(fsck_port(f, port)->own))
		fsck_bad(f, request_at(f, i, NULL),
			 "free: nobody is bound to its port",
			 "reserved for port %u", port);
}

/* In the queue of requests to a port. */
static void queued_check(struct fsck *f, __u32 i, __u32 port)
{
	const struct xseg_request *r = fsck_request(f, i);
	const struct xseg_port *p = fsck_port(f, port);

	f->counts.requests_queued++;
	if (r->effective_dst_portno != port)
		fsck_bad(f, request_at(f, i, "effective_dst_portno"),
			 "the port that it waits at", "%u, waits at %u",
			 r->effective_dst_portno, port);
	if (!r->path_top)
		fsck_bad(f, request_at(f, i, "path_top"),
			 "1 or more: it is under way", "0");
	if (hop_behind(r))
		fsck_bad(f, request_at(f, i, "path"),
			 "0 behind the last hop: it is no reply", "%#llx",
			 (unsigned long long)hop_behind(r));
	if (!f->busy && !XPORT_BOUND(p->own) && !(p->flags & XSEG_PORT_KEEP))
		fsck_bad(f, request_at(f, i, NULL),
			 "back at its sender: its port keeps none",
			 "at port %u, to which nobody is bound", port);
}

/* In the queue of replies to a port. */
static void reply_check(struct fsck *f, __u32 i, __u32 port)
{
	__u64 hop = hop_behind(fsck_request(f, i));

	f->counts.requests_queued++;
	if (!hop || XHOP_PORT(hop) != port)
		fsck_bad(f, request_at(f, i, "path"),
			 "the port that the reply waits at",
			 "%#llx behind the last hop, waits at %u",
			 (unsigned long long)hop, port);
	else if (!f->busy && !hop_current(f, hop))
		fsck_bad(f, request_at(f, i, NULL),
			 "further back: its port has another owner, or none",
			 "a reply to port %u of epoch %u", port,
			 XHOP_EPOCH(hop));
}

/* In no ring: somebody must have it. */
static void owned_check(struct fsck *f, __u32 i)
{
	__u64 own = fsck_request(f, i)->own;

	f->counts.requests_owned++;
	if (XOWN_ST(own) != XOWN_OWNED)
		fsck_bad(f, request_at(f, i, "own"), "state 1, owned", "%u",
			 XOWN_ST(own));
	else if (peer_gone(f, XOWN_WHO(own)))
		fsck_bad(f, request_at(f, i, NULL),
			 "in one ring, or owned by a peer",
			 "in no ring, and slot %u, its owner, is free",
			 XOWN_WHO(own));
}

/* Data and target lie in its buffer. */
static void room_check(struct fsck *f, __u32 i)
{
	const struct xseg_request *r = fsck_request(f, i);
	__u32 class = XBUF_CLASS(r->buffer);
	__u64 size = 1ULL << (class + XSEG_MIN_DATA_ORDER);
	__u64 chunk, off;
	struct fsck_pool *p;

	if (!r->data && !r->target)
		return;
	if (!r->buffer || class >= f->l.nr_classes ||
	    XBUF_INDEX(r->buffer) >= f->l.pool[FSCK_BUFFERS + class].nr) {
		fsck_bad(f, request_at(f, i, "data"),
			 "0: it has no buffer", "data %#llx, target %#llx",
			 (unsigned long long)r->data,
			 (unsigned long long)r->target);
		return;
	}
	p = &f->l.pool[FSCK_BUFFERS + class];
	chunk = fsck_dir(f, FSCK_BUFFERS + class,
			 XBUF_INDEX(r->buffer) >> p->per_chunk) - 1;
	off = f->l.heap + (chunk << f->l.chunk_order) +
	      (XBUF_INDEX(r->buffer) & ((1U << p->per_chunk) - 1)) * size;
	if ((r->data && (r->data != off || r->datalen > size)) ||
	    (r->target && (r->target < off || r->target - off > size ||
			   r->targetlen > size - (r->target - off))))
		fsck_bad(f, request_at(f, i, "data"),
			 "inside its buffer",
			 "data %#llx + %llu, target %#llx + %u; buffer %#llx + %llu",
			 (unsigned long long)r->data,
			 (unsigned long long)r->datalen,
			 (unsigned long long)r->target, r->targetlen,
			 (unsigned long long)off, (unsigned long long)size);
}

/* What holds for each request that somebody uses, and that is not in a call. */
static void common_check(struct fsck *f, __u32 i, bool ring)
{
	const struct xseg_request *r = fsck_request(f, i);

	if (!ring && (peer_busy(f, XOWN_WHO(r->own)) ||
		      peer_gone(f, XOWN_WHO(r->own))))
		return;
	path_check(f, i);
	if (!hop_possible(f, r->home))
		fsck_bad(f, request_at(f, i, "home"),
			 "a port with an epoch that it had", "%#llx",
			 (unsigned long long)r->home);
	if (r->serial && (r->serial & 0xffffff) != i)
		fsck_bad(f, request_at(f, i, "serial"),
			 "the request's number in the low 24 bits", "%#llx",
			 (unsigned long long)r->serial);
}

/* The buffer that it names says the same, and no other request names it. */
static void buffer_named(struct fsck *f, __u32 i, bool ring)
{
	const struct xseg_request *r = fsck_request(f, i);
	struct fsck_at at = request_at(f, i, "buffer");
	__u32 pool = FSCK_BUFFERS + XBUF_CLASS(r->buffer);
	__u32 index = XBUF_INDEX(r->buffer);
	const struct xseg_buffer *b;

	if (!r->buffer)
		return;
	if (XBUF_CLASS(r->buffer) >= f->l.nr_classes ||
	    index >= f->l.pool[pool].nr) {
		fsck_bad(f, at, "the number of a buffer, or 0", "%#llx",
			 (unsigned long long)r->buffer);
		return;
	}
	b = fsck_buffer(f, pool, index);
	at.word ^= b->own;
	if (f->named[pool][index])
		fsck_bad(f, at, "a buffer of its own",
			 "buffer %u of class %u, which request %u names, too",
			 index, pool - FSCK_BUFFERS, f->named[pool][index] - 1);
	f->named[pool][index] = 1 + i;
	if (XOWN_ST(b->own) == XOWN_ATTACHED && b->request == i)
		return;
	/* its owner is about to attach it, or has begun to detach it */
	if (!ring && peer_busy(f, XOWN_WHO(r->own)))
		return;
	fsck_bad(f, at, "a buffer that is attached to it",
		 "buffer %u of class %u: state %u, of request %u", index,
		 pool - FSCK_BUFFERS, XOWN_ST(b->own), b->request);
}

static void ring_check(struct fsck *f, __u32 i, __u32 nr)
{
	if (nr == RING_POOL)
		free_check(f, i);
	else if (RING_WHICH(nr) == XSEG_RING_FREE)
		idle_check(f, i, RING_PORT(nr));
	else if (RING_WHICH(nr) == XSEG_RING_REQUEST)
		queued_check(f, i, RING_PORT(nr));
	else
		reply_check(f, i, RING_PORT(nr));
	if (nr != RING_POOL && RING_WHICH(nr) != XSEG_RING_FREE)
		room_check(f, i);
}

/**
 * fsck_requests() - each request is in one place, and says so
 * @f: the segment, its rings looked through
 */
void fsck_requests(struct fsck *f)
{
	__u32 i, nr = fsck_used(f, FSCK_REQUESTS);

	f->counts.requests = f->l.params.nr_requests;
	f->counts.requests_free = f->l.params.nr_requests - nr;
	for (i = 0; i < nr; i++) {
		const struct xseg_request *r = fsck_request(f, i);
		__u32 place = f->where[FSCK_REQUESTS][i];

		if (!r->own) {
			f->counts.requests_free++;
			continue;
		}
		if (place)
			ring_check(f, i, place - 1);
		else
			owned_check(f, i);
		buffer_named(f, i, place);
		if (place == 1 + RING_POOL)
			continue;
		common_check(f, i, place);
		if (hop_current(f, r->home))
			f->reserved[XHOP_PORT(r->home)]++;
	}
}

static void buffer_check(struct fsck *f, __u32 pool, __u32 i)
{
	const struct xseg_buffer *b = fsck_buffer(f, pool, i);
	struct fsck_at at = { "buffer", i, NULL,
			      f->l.pool[pool].own + i * sizeof(*b), b->own };
	char part[] = "class 00";
	__u32 class = pool - FSCK_BUFFERS;

	part[6] = (char)('0' + class / 10);
	part[7] = (char)('0' + class % 10);
	at.part = part;
	if (!b->own)
		return;
	if (!fsck_dir(f, pool, i >> f->l.pool[pool].per_chunk))
		fsck_bad(f, at, "in a chunk: it was used", "in none");
	if (f->where[pool][i]) {
		if (f->named[pool][i])
			fsck_bad(f, at, "no request's: it is free",
				 "named by request %u", f->named[pool][i] - 1);
		return;
	}
	f->counts.buffers_used++;
	if (XOWN_ST(b->own) == XOWN_ATTACHED) {
		if (f->named[pool][i] != 1 + b->request)
			fsck_bad(f, at, "named by the request that it is of",
				 "of request %u, not named by it", b->request);
	} else if (XOWN_ST(b->own) != XOWN_OWNED) {
		fsck_bad(f, at, "owned or attached", "state %u",
			 XOWN_ST(b->own));
	} else if (!peer_busy(f, XOWN_WHO(b->own))) {
		fsck_bad(f, at, "free, or attached to a request",
			 "in no ring, owned by slot %u", XOWN_WHO(b->own));
	}
}

/**
 * fsck_buffers() - each buffer is free or belongs to one request
 * @f: the segment, its requests looked through
 */
void fsck_buffers(struct fsck *f)
{
	__u32 pool, i;

	for (pool = FSCK_BUFFERS; pool < fsck_pools(f); pool++)
		for (i = 0; i < fsck_used(f, pool); i++)
			buffer_check(f, pool, i);
}
