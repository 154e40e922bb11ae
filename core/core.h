/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to the core and to the two domains: a peer's own view of a segment.
 * Everything by which the peer decides lies here, in its own memory.
 */
#ifndef XSEG_CORE_CORE_H
#define XSEG_CORE_CORE_H

#include <xseg/signal_type.h>
#include "core/env.h"

/* Pools: requests, descriptors, then a pool for each class of buffers. */
enum {
	POOL_REQUESTS	= 0,
	POOL_DESCS	= 1,
	POOL_BUFFERS	= 2,
	POOLS_MAX	= POOL_BUFFERS + XSEG_NR_CLASSES,
	POOLS_SHM	= 32,	/* slots in the segment */
};

/**
 * struct pool - where the objects of a pool lie; constant
 * @own:	 offset of the ownership word of object 0
 * @ring:	 offset of its ring of free objects
 * @dir:	 offset of its directory of chunks (buffers)
 * @stride:	 bytes from one ownership word to the next
 * @nr:		 most objects
 * @ring_order:	 log2 of the slots of its free ring
 * @per_chunk:	 log2 of the objects in a chunk (buffers)
 * @id:		 POOL_*
 */
struct pool {
	u64 own;
	u64 ring;
	u64 dir;
	u32 stride;
	u32 nr;
	u32 ring_order;
	u32 per_chunk;
	u32 id;
};

/**
 * struct geometry - where everything lies in a segment; constant
 * @params:	the capacities that it follows from
 * @peers:	offset of the table of peers; so for the others
 * @names:	records of signal type names
 * @table:	signal type ids
 * @pools:	changing parts of the pools
 * @chunks:	table of chunks
 * @ports:	table of ports
 * @rings:	rings of the ports
 * @ring_size:	bytes of one such ring
 * @descs:	descriptors
 * @requests:	requests
 * @heap:	data
 * @size:	bytes of the segment
 * @chunk_order: log2 of the bytes of a chunk
 * @nr_chunks:	chunks in the heap
 * @nr_classes:	classes of buffers
 * @pool:	pools
 */
struct geometry {
	struct xseg_params_shm params;
	u64 peers;
	u64 names;
	u64 table;
	u64 pools;
	u64 chunks;
	u64 ports;
	u64 rings;
	u64 ring_size;
	u64 descs;
	u64 requests;
	u64 heap;
	u64 size;
	u32 chunk_order;
	u32 nr_chunks;
	u32 nr_classes;
	struct pool pool[POOLS_MAX];
};

/**
 * struct ring - a ring together with the pool whose objects it holds
 * @shm:   the ring
 * @pool:  the pool
 * @order: log2 of its slots
 */
struct ring {
	struct xseg_ring __xseg_shared *shm;
	const struct pool *pool;
	u32 order;
};

/**
 * struct desc_ref - what this peer knows of a descriptor
 * @gen:     generation of what it holds
 * @count:   its references; 0 if it does not hold it
 * @ports:   those among them that belong to ports
 * @type_id: id of its type
 *
 * Changed under xseg->lock; read without.
 */
struct desc_ref {
	u32 gen;
	u32 count;
	u32 ports;
	u32 type_id;
};

/**
 * struct request_ref - what this peer knows of a request
 * @data:   see xseg_set_req_data()
 * @serial: of the request that @data was set for
 * @held:   it owns it and it is in no ring
 */
struct request_ref {
	void *data;
	u64 serial;
	u8 held;
};

/**
 * struct port_ref - what this peer knows of a port
 * @epoch:    of the bind, 0 if not bound by this handle
 * @desc:     index of its descriptor
 * @max:      most requests that may be
 * @reserved: requests reserved for it
 * @forwarded: requests of others that have yet to come back here
 *
 * @epoch and @desc change under xseg->lock; @epoch is read without.
 */
struct port_ref {
	u32 epoch;
	u32 desc;
	u32 max;
	atomic_t reserved;
	atomic_t forwarded;
};

/**
 * struct type_ref - a signal type in a segment
 * @type:   set once, when the peer first needs it; read without a lock
 * @inits:  calls of xseg_local_signal_init() not yet undone
 * @active: descriptors of this type that this peer holds
 *
 * The counts change under xseg->lock.
 */
struct type_ref {
	const struct xseg_signal_type *type;
	u32 inits;
	u32 active;
};

enum {
	HANDLE_LIVE	= 0x786c6976,	/* plus env_process() */
	HANDLE_LEFT	= 0x786c6674,
};

/**
 * struct xseg - a peer's handle
 * @state:	HANDLE_LIVE plus env_process(), or not to be used
 * @base:	the mapping
 * @geo:	where everything lies
 * @me:		this peer's slot
 * @incarnation: this peer's
 * @flags:	XSEG_JOIN_*
 * @id:		differs for each handle of this process
 * @lock:	guards @descs, @types and @ports as said there; taken before
 *		the lock of the registry of types
 * @descs:	by index
 * @requests:	by index
 * @ports:	by number
 * @types:	by id
 * @sent:	see struct xseg_stats; so are the others
 * @elided:	written without a lock by any thread
 * @sleeps:	likewise
 * @waits:	likewise
 * @reaped:	likewise
 * @yielded:	likewise
 * @calls:	likewise
 * @strategy:	enum xseg_wait_strategy
 * @yields:	how often XSEG_WAIT_ADAPTIVE yields; any waiter may write
 * @sleep_cap:	see xseg_set_sleep_cap()
 * @domain:	the domain's own
 */
struct xseg {
	u32 state;
	u8 __xseg_shared *base;
	struct geometry geo;
	u32 me;
	u32 incarnation;
	u32 flags;
	u64 id;
	struct mutex lock;	/* see above */
	struct desc_ref *descs;
	struct request_ref *requests;
	struct port_ref *ports;
	struct type_ref types[XSEG_NR_SIGNAL_TYPES];
	atomic64_t sent;
	u64 elided;
	atomic64_t sleeps;
	atomic64_t waits;
	atomic64_t reaped;
	atomic64_t yielded;
	atomic64_t calls;
	u32 strategy;
	u32 yields;
	u32 sleep_cap;
	void *domain;
};

static inline int handle_check(const struct xseg *xseg)
{
	if (unlikely(!xseg || READ_ONCE(xseg->state) !=
			      HANDLE_LIVE + env_process()))
		return -ESTALE;
	return 0;
}

/* What the segment says cannot be; tells who traces, in a word or two. */
static inline int broken(const struct xseg *xseg, const char *what)
{
	(void)what;	/* of no use to a process */
	env_trace(broken, xseg, what);
	return -EUCLEAN;
}

/* segment.c */
int geometry_compute(const struct xseg_params_shm *params,
		     struct geometry *geo);
int params_complete(const struct xseg_params *params,
		    struct xseg_params_shm *out);
int header_check(const struct xseg_header *header, u64 file_size,
		 struct geometry *geo);
void header_fill(struct xseg_header *header, const struct geometry *geo);
int handle_open(struct xseg *xseg);
void handle_close(struct xseg *xseg);

static inline void __xseg_shared *xseg_at(const struct xseg *xseg, u64 off)
{
	return xseg->base + off;
}

/* A place that was read from the segment: NULL unless all of it is inside. */
static inline void __xseg_shared *xseg_ptr(const struct xseg *xseg, u64 off,
					   u64 size, u64 align)
{
	if (!off || off > xseg->geo.size || size > xseg->geo.size - off ||
	    (off & (align - 1)))
		return NULL;
	return xseg_at(xseg, array_index_nospec(off, xseg->geo.size));
}

static inline struct xseg_header __xseg_shared *
xseg_header(const struct xseg *xseg)
{
	return xseg_at(xseg, 0);
}

static inline struct xseg_peer __xseg_shared *
xseg_peer(const struct xseg *xseg, u32 slot)
{
	return (struct xseg_peer __xseg_shared *)
		xseg_at(xseg, xseg->geo.peers) + slot;
}

static inline struct xseg_port __xseg_shared *
xseg_port(const struct xseg *xseg, xport portno)
{
	return (struct xseg_port __xseg_shared *)
		xseg_at(xseg, xseg->geo.ports) + portno;
}

static inline struct xseg_desc __xseg_shared *
xseg_desc(const struct xseg *xseg, u32 index)
{
	return (struct xseg_desc __xseg_shared *)
		xseg_at(xseg, xseg->geo.descs) + index;
}

static inline struct xseg_request __xseg_shared *
xseg_request(const struct xseg *xseg, u32 index)
{
	return (struct xseg_request __xseg_shared *)
		xseg_at(xseg, xseg->geo.requests) + index;
}

static inline bool port_valid(const struct xseg *xseg, xport portno)
{
	return portno < xseg->geo.params.nr_ports;
}

/* pool.c */
static inline u64 own_word(u32 gen, u32 ver, u32 st, u32 who)
{
	return ((u64)(gen & 0xffffff) << XOWN_GEN_SHIFT) |
	       ((u64)(ver & 0xfffff) << XOWN_VER_SHIFT) |
	       ((u64)st << XOWN_ST_SHIFT) | who;
}

/* What follows on a word: the next version, another state and owner. */
static inline u64 own_next(u64 w, u32 st, u32 who)
{
	return own_word(XOWN_GEN(w), XOWN_VER(w) + 1, st, who);
}

static inline __u64 __xseg_shared *
pool_own(const struct xseg *xseg, const struct pool *pool, u32 index)
{
	return xseg_at(xseg, pool->own + (u64)index * pool->stride);
}

int pool_alloc(struct xseg *xseg, u32 pool_id, u32 *index);
int pool_free(struct xseg *xseg, u32 pool_id, u32 index);
u32 pool_used(const struct xseg *xseg, u32 pool_id);
u32 pool_touched(const struct xseg *xseg, u32 pool_id);

/* ring.c */
#include "core/ring.h"

/* buffer.c */
int buffer_alloc(struct xseg *xseg, u64 len, u64 *buffer);
void buffer_attach(struct xseg *xseg, u32 request, u64 buffer);
void buffer_put(struct xseg *xseg, u32 request);
int buffer_place(const struct xseg *xseg, u64 buffer, u64 *off, u64 *len);
void buffer_reap(struct xseg *xseg, u32 pool_id, u32 index, u64 w);
void chunk_reap(struct xseg *xseg, u32 peer);
int chunk_need(struct xseg *xseg, const struct pool *pool, u32 index,
	       u32 *looks);
u32 chunks_used(const struct xseg *xseg);

/* type.c */
int signal_name_check(const char *name);
int type_intern(struct xseg *xseg, const struct xseg_signal_type *type);
/**
 * type_met() - the signal type that an id means, if it was met before
 * @xseg: the handle
 * @id:	  the id, not trusted
 *
 * One load; any context.
 *
 * Return: the type or NULL.
 */
static inline const struct xseg_signal_type *
type_met(const struct xseg *xseg, u64 id)
{
	if (unlikely(id >= XSEG_NR_SIGNAL_TYPES))
		return NULL;
	id = array_index_nospec(id, XSEG_NR_SIGNAL_TYPES);
	/* pairs with type_adopt() */
	return smp_load_acquire(&xseg->types[id].type);
}

const struct xseg_signal_type *type_by_id(struct xseg *xseg, u64 id);
void types_meet(struct xseg *xseg);
const struct xseg_signal_type *registry_get(const char *name);
void registry_put(const struct xseg_signal_type *type);
bool type_named(const struct xseg *xseg, u64 id);
void types_quit(struct xseg *xseg);
void registry_freeze(void);
void registry_thaw(void);
void names_reap(struct xseg *xseg, u32 peer);
int type_find_inited(struct xseg *xseg, const char *name);

/* desc.c */
/**
 * desc_index() - which descriptor lies at a place
 * @xseg:  the handle
 * @off:   the place, not trusted: of a struct signal_desc, or of the
 *	   type-specific part
 * @index: filled
 *
 * Return: 0 or -EINVAL.
 */
static inline int desc_index(const struct xseg *xseg, u64 off, u32 *index)
{
	u64 rel = off - xseg->geo.descs;	/* huge if it lies before */
	u64 at = rel % sizeof(struct xseg_desc);
	u64 nr = rel / sizeof(struct xseg_desc);

	if (nr >= xseg->geo.params.nr_descs ||
	    (at != offsetof(struct xseg_desc, desc) &&
	     at != offsetof(struct xseg_desc, ec)))
		return -EINVAL;
	*index = (u32)array_index_nospec(nr, xseg->geo.params.nr_descs);
	return 0;
}

/**
 * desc_of() - which descriptor a pointer means
 * @xseg:  the handle
 * @sd:	   the pointer
 * @index: filled
 *
 * Return: 0 or -EINVAL.
 */
static inline int desc_of(const struct xseg *xseg,
			  const void __xseg_shared *sd, u32 *index)
{
	u64 off = (u64)((uintptr_t)sd - (uintptr_t)xseg->base);

	return desc_index(xseg, off, index);
}

/* Whose type-specific part it is that the core handed to the type. */
static inline u32 desc_of_ec(const struct xseg *xseg,
			     const void __xseg_shared *ec)
{
	return (u32)(((uintptr_t)ec - (uintptr_t)xseg->base -
		      xseg->geo.descs) / sizeof(struct xseg_desc));
}

/**
 * desc_held() - which descriptor a pointer means, if this peer holds it
 * @xseg:  the handle
 * @sd:	   the pointer
 * @index: filled
 *
 * Return: 0 or -EINVAL.
 */
static inline int desc_held(const struct xseg *xseg,
			    const void __xseg_shared *sd, u32 *index)
{
	if (desc_of(xseg, sd, index) ||
	    !READ_ONCE(xseg->descs[*index].count))
		return -EINVAL;
	return 0;
}

void desc_nudge(struct xseg *xseg, u32 index);
void desc_reap(struct xseg *xseg, u32 index, u32 peer);
void desc_reap_owned(struct xseg *xseg, u32 index);
int desc_put_locked(struct xseg *xseg, u32 index);
u64 desc_tagged(const struct xseg *xseg, u32 index);
int desc_signal(struct xseg *xseg, u32 index);

/* signal.c */
int port_signal(struct xseg *xseg, xport portno);
void port_signal_aside(struct xseg *xseg, xport portno);
void ports_signal(struct xseg *xseg, const xport *ports, unsigned int nr);
int port_waiter(struct xseg *xseg, xport portno, u32 flags, u32 *desc,
		u32 *gen);

/**
 * struct effort - how much tidying up one call may do for others
 * @depth:  how many more ports it may go on to from here
 * @steps:  requests that it may still move
 * @sleeps: it may give up the CPU meanwhile
 * @missed: something was left undone
 *
 * A segment full of lies could lead from each request to all of a ring, and
 * from there on. What is left undone is left to who looks next; the domain
 * sees to it that somebody does.
 */
struct effort {
	u32 depth;
	u32 steps;
	bool sleeps;
	bool missed;
};

#define DRAIN_DEPTH	4

/* For calls that may be made in any context */
#define EFFORT_ANY	{ .depth = DRAIN_DEPTH, .steps = ENV_STEPS }
/* For those that may sleep */
#define EFFORT_LONG	{ .depth = DRAIN_DEPTH, .steps = ENV_STEPS_LONG, \
			  .sleeps = true }

static inline bool effort_step(struct effort *e)
{
	if (unlikely(!e->steps)) {
		e->missed = true;
		return false;
	}
	e->steps--;
	if (e->sleeps && !(e->steps & 63))
		env_resched();
	return true;
}

static inline bool effort_enter(struct effort *e)
{
	if (unlikely(!e->depth || !e->steps)) {
		e->missed = true;
		return false;
	}
	e->depth--;
	return true;
}

static inline void effort_leave(struct effort *e)
{
	e->depth++;
}

/* Something was left undone: has ports_sweep() called soon. Any context. */
void domain_sweep_later(struct xseg *xseg);

/**
 * effort_end() - the call is done: was anything left undone?
 * @xseg: the handle
 * @e:	  what may be spent
 */
static inline void effort_end(struct xseg *xseg, const struct effort *e)
{
	if (unlikely(e->missed))
		domain_sweep_later(xseg);
}

/* port.c */
/**
 * port_epoch() - the epoch of this handle's bind
 * @xseg:   the handle
 * @portno: the port, any number
 *
 * Return: the epoch, 0 if this handle has not bound it.
 */
static inline u32 port_epoch(const struct xseg *xseg, xport portno)
{
	if (unlikely(!port_valid(xseg, portno)))
		return 0;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	return READ_ONCE(xseg->ports[portno].epoch);
}

/* Is a port bound, and is it that bind? */
static inline bool port_bound_as(const struct xseg_port __xseg_shared *port,
				 u32 epoch)
{
	u64 w = shm_load_acquire(&port->own);

	return XPORT_BOUND(w) && XPORT_EPOCH(w) == epoch;
}

/**
 * hop_current() - is a port still bound as it was then?
 * @xseg: the handle
 * @hop:  XHOP(), not trusted
 *
 * Return: true if so.
 */
static inline bool hop_current(const struct xseg *xseg, u64 hop)
{
	xport portno = XHOP_PORT(hop);

	if (unlikely(!port_valid(xseg, portno)))
		return false;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	return port_bound_as(xseg_port(xseg, portno), XHOP_EPOCH(hop));
}

void port_unbind(struct xseg *xseg, xport portno);
void port_drain(struct xseg *xseg, xport portno, u32 error, struct effort *e);
void port_resort(struct xseg *xseg, xport portno, struct effort *e);
void replies_sort(struct xseg *xseg, xport portno, struct effort *e);
void port_reap(struct xseg *xseg, xport portno, u32 peer);
bool port_keeps(const struct xseg *xseg, xport portno);

/* request.c */
/**
 * request_of() - which request a pointer means, if this peer holds it
 * @xseg:  the handle
 * @req:   the pointer
 * @index: filled
 *
 * Return: 0, -EINVAL or -ESTALE.
 */
static inline int
request_of(const struct xseg *xseg,
	   const struct xseg_request __xseg_shared *req, u32 *index)
{
	u64 rel, nr;
	int ret;

	ret = handle_check(xseg);
	if (unlikely(ret))
		return ret;
	rel = (u64)((uintptr_t)req - (uintptr_t)xseg->base) -
	      xseg->geo.requests;
	nr = rel / sizeof(struct xseg_request);
	if (unlikely(nr >= xseg->geo.params.nr_requests ||
		     nr * sizeof(struct xseg_request) != rel))
		return -EINVAL;
	*index = (u32)array_index_nospec(nr, xseg->geo.params.nr_requests);
	return READ_ONCE(xseg->requests[*index].held) ? 0 : -EINVAL;
}

/**
 * request_take() - take the oldest request of a ring
 * @xseg:  the handle
 * @ring:  the ring
 * @index: filled with the request, which is held now
 *
 * Return: 0, -EAGAIN (empty), -EBUSY or -EUCLEAN.
 */
static __always_inline int request_take(struct xseg *xseg,
					const struct ring *ring, u32 *index)
{
	int ret = ring_pop(xseg, ring, index);

	if (unlikely(ret == -EUCLEAN))
		return broken(xseg, "queue");
	if (unlikely(!ret && !env_claim(&xseg->requests[*index].held)))
		return broken(xseg, "request");	/* we hold it: a lie */
	return ret;
}

/**
 * request_give() - put a request into a ring
 * @xseg:  the handle
 * @ring:  the ring
 * @index: a request that is held
 *
 * Return: 0; -EAGAIN (full), -EBUSY or -EUCLEAN, it is then still held.
 */
static __always_inline int request_give(struct xseg *xseg,
					const struct ring *ring, u32 index)
{
	u8 *held = &xseg->requests[index].held;
	int ret;

	WRITE_ONCE(*held, 0);
	ret = ring_push(xseg, ring, index);
	if (unlikely(ret))
		WRITE_ONCE(*held, 1);
	return unlikely(ret == -EUCLEAN) ? broken(xseg, "queue") : ret;
}

bool port_room(const struct xseg *xseg, xport portno, u32 limit);
void request_mend(struct xseg *xseg, u32 index);
void request_fail(struct xseg *xseg, u32 index, u32 error);
int request_free(struct xseg *xseg, u32 index);
int request_drop(struct xseg *xseg, u32 index, struct effort *e);

/* route.c */
void path_set(struct xseg_request __xseg_shared *req, u32 top);
void reply_again(struct xseg *xseg, u32 index, struct effort *e);
int request_back(struct xseg *xseg, u32 index, bool must, struct effort *e);
bool request_requeue(struct xseg *xseg, u32 index, xport portno,
		     struct effort *e);
void request_unsend(struct xseg *xseg, u32 index, u64 w);
void request_reap(struct xseg *xseg, u32 index, u32 peer, struct effort *e);

/* reap.c: the caller holds the byte lock of that peer, or is that peer */
void reap_peer(struct xseg *xseg, u32 peer, bool died);
void ports_sweep(struct xseg *xseg);

/*
 * What each domain supplies.
 */

/*
 * Finds a type by its name, loading it where that is allowed; or NULL. To be
 * put by registry_put(). Asked for: the name is the caller's, not the segment's.
 */
const struct xseg_signal_type *domain_find_type(struct xseg *xseg,
						const char *name, bool asked);
/*
 * Meets a signal type that a signal needs, in the signaller's context. NULL if
 * it is unknown or this context does not allow it; the domain then sees to it
 * that whoever is to be woken is woken once the type is known.
 */
const struct xseg_signal_type *domain_meet_type(struct xseg *xseg, u64 id);
#ifndef domain_id
/* The domain that this is: enum xseg_domain. */
u32 domain_id(void);
#endif
/* Does the peer in that slot live, as far as this domain can tell? */
bool domain_peer_alive(struct xseg *xseg, u32 slot);
/*
 * Is the peer in that slot known to be dead? Reaps it if so, unless it would
 * have to wait and may not: who reaps wakes everybody in the end.
 */
bool domain_reap_if_dead(struct xseg *xseg, u32 slot, bool may_wait);
/* While on, whoever is signalled does not run inside the signal. */
void domain_aside(bool on);
/* Ends what the calling thread prepared on a descriptor that was put since. */
void domain_forget_wait(struct xseg *xseg, u32 index);

#endif /* XSEG_CORE_CORE_H */
