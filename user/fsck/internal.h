/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to the checker: what it knows of a segment while it looks.
 */
#ifndef XSEG_FSCK_INTERNAL_H
#define XSEG_FSCK_INTERNAL_H

#include "user/fsck/fsck.h"

#define NR(a)		(sizeof(a) / sizeof((a)[0]))

/* Pools, by their number in the segment. */
enum {
	FSCK_REQUESTS	= 0,
	FSCK_DESCS	= 1,
	FSCK_BUFFERS	= 2,
	FSCK_POOLS	= 32,
};

/**
 * struct fsck_pool - where the objects of a pool lie
 * @own:       of ownership word 0; offsets from the start, so the others
 * @ring:      of its free ring
 * @dir:       of its directory of chunks (buffers)
 * @stride:    from one object to the next
 * @nr:	       objects
 * @order:     log2 of the slots of its free ring
 * @per_chunk: log2 of the objects in a chunk (buffers)
 */
struct fsck_pool {
	__u64 own;
	__u64 ring;
	__u64 dir;
	__u32 stride;
	__u32 nr;
	__u32 order;
	__u32 per_chunk;
};

/**
 * struct fsck_layout - where everything lies, by the capacities
 */
struct fsck_layout {
	struct xseg_params_shm params;
	__u64 peers;
	__u64 names;
	__u64 table;
	__u64 pools;
	__u64 chunks;
	__u64 ports;
	__u64 rings;
	__u64 ring_size;
	__u64 descs;
	__u64 requests;
	__u64 heap;
	__u64 size;
	__u32 chunk_order;
	__u32 nr_chunks;
	__u32 nr_classes;
	struct fsck_pool pool[FSCK_POOLS];
};

/* What a slot of the table of peers means for what its number stands on. */
enum fsck_peer {
	PEER_GONE,	/* free: it has nothing */
	PEER_LIVE,
	PEER_DEAD,	/* to be reaped: what it has is about to be seen to */
};

/**
 * struct fsck - a segment that is being checked
 * @fd:	     its file
 * @l:	     its layout
 * @m:	     a copy of all but the heap
 * @map_size: bytes of @m
 * @header:  as it was on fsck_open()
 * @idle:    see FSCK_IDLE
 * @busy:    something is under way: a call, or a reap that is still to come
 * @peer:    enum fsck_peer of each slot
 * @where:   for each object of each pool: 0, or 1 + the ring that it is in
 * @named:   for each buffer of each class: 1 + the request that names it
 * @reserved: for each port the requests reserved for its present owner
 * @counts:  see there
 * @list:    findings of the last look
 * @nr:	     how many
 * @room:    for how many there is memory
 * @failed:  memory ran out
 */
struct fsck {
	int fd;
	struct fsck_layout l;
	unsigned char *m;
	size_t map_size;
	struct xseg_header header;
	bool idle;
	bool busy;
	unsigned char peer[XSEG_MAX_PEERS];
	__u32 *where[FSCK_POOLS];
	__u32 *named[FSCK_POOLS];
	__u32 *reserved;
	struct fsck_counts counts;
	struct fsck_finding *list;
	unsigned int nr;
	unsigned int room;
	bool failed;
};

/* Rings by number: the pool's own, then those of the ports (requests). */
#define RING_POOL		0U
#define RING_OF(port, which)	(1U + (port) * XSEG_PORT_RINGS + (which))
#define RING_PORT(nr)		(((nr) - 1U) / XSEG_PORT_RINGS)
#define RING_WHICH(nr)		(((nr) - 1U) % XSEG_PORT_RINGS)

/**
 * struct fsck_at - what a finding is about
 * @kind:  "request"
 * @index: its number
 * @part:  "path_top", or NULL
 * @off:   where it lies
 * @word:  what its state was, to tell this finding from a later one
 */
struct fsck_at {
	const char *kind;
	__u64 index;
	const char *part;
	__u64 off;
	__u64 word;
};

void fsck_bad(struct fsck *f, struct fsck_at at, const char *should,
	      const char *is, ...) __attribute__((format(printf, 4, 5)));

/* A word of the copy; offsets come from the layout alone. */
static inline __u64 fsck_u64(const struct fsck *f, __u64 off)
{
	return *(const __u64 *)(f->m + off);
}

static inline const void *fsck_at(const struct fsck *f, __u64 off)
{
	return f->m + off;
}

static inline const struct xseg_peer *fsck_peer(const struct fsck *f, __u32 i)
{
	return (const struct xseg_peer *)fsck_at(f, f->l.peers) + i;
}

static inline const struct xseg_port *fsck_port(const struct fsck *f, __u32 i)
{
	return (const struct xseg_port *)fsck_at(f, f->l.ports) + i;
}

static inline const struct xseg_desc *fsck_desc(const struct fsck *f, __u32 i)
{
	return (const struct xseg_desc *)fsck_at(f, f->l.descs) + i;
}

static inline const struct xseg_request *fsck_request(const struct fsck *f,
						      __u32 i)
{
	return (const struct xseg_request *)fsck_at(f, f->l.requests) + i;
}

static inline const struct xseg_header *fsck_header(const struct fsck *f)
{
	return (const struct xseg_header *)fsck_at(f, 0);
}

static inline __u64 fsck_own(const struct fsck *f, __u32 pool, __u32 i)
{
	return fsck_u64(f, f->l.pool[pool].own +
			(__u64)i * f->l.pool[pool].stride);
}

static inline const struct xseg_buffer *fsck_buffer(const struct fsck *f,
						    __u32 pool, __u32 i)
{
	return fsck_at(f, f->l.pool[pool].own +
		       (__u64)i * f->l.pool[pool].stride);
}

static inline bool peer_gone(const struct fsck *f, __u32 slot)
{
	return slot >= XSEG_MAX_PEERS || f->peer[slot] == PEER_GONE;
}

/* May something half done stay like this? By who is in a call, or dead. */
static inline bool peer_busy(const struct fsck *f, __u32 slot)
{
	return slot < XSEG_MAX_PEERS &&
	       (f->peer[slot] == PEER_DEAD ||
		(f->peer[slot] == PEER_LIVE && !f->idle));
}

/* Chunk of a buffer plus one, 0 if it has none that could be. */
static inline __u64 fsck_dir(const struct fsck *f, __u32 pool, __u32 seq)
{
	return fsck_u64(f, f->l.pool[pool].dir + (__u64)seq * 8);
}

static inline __u32 fsck_pools(const struct fsck *f)
{
	return FSCK_BUFFERS + f->l.nr_classes;
}

__u32 fsck_used(const struct fsck *f, __u32 pool);

int fsck_layout(const struct xseg_params_shm *params, struct fsck_layout *l);
void fsck_peers(struct fsck *f);
void fsck_tables(struct fsck *f);
void fsck_rings(struct fsck *f);
void fsck_requests(struct fsck *f);
void fsck_buffers(struct fsck *f);
void fsck_descs(struct fsck *f);
void fsck_ports(struct fsck *f);

#endif /* XSEG_FSCK_INTERNAL_H */
