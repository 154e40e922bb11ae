// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Nonsense in a segment: random bytes, single fields with chosen values, what
 * stood there some time ago, words that change at full speed.
 */
#include <pthread.h>
#include <unistd.h>

#include "selftests/hostile/hostile.h"

/**
 * struct field - a word of a table in the segment
 * @table: what it is in
 * @at:	   where in an entry
 * @size:  bytes of it
 * @nr:	   how often there, one after the other
 */
struct field {
	enum table { HEADER, PEER, PORT, DESC, REQUEST, BUFFER, NAME, TYPE_ID,
		     POOL, CHUNK, DIRECTORY, RING } table;
	uint32_t at;
	uint32_t size;
	uint32_t nr;
};

#define FIELD(table, type, name) \
	{ table, offsetof(struct type, name), sizeof(((struct type *)0)->name), 1 }
#define ARRAY(table, type, name) \
	{ table, offsetof(struct type, name), \
	  sizeof(((struct type *)0)->name[0]), \
	  ARRAY_SIZE(((struct type *)0)->name) }

/* Every field of abi.h that somebody may ever look at. */
static const struct field fields[] = {
	FIELD(HEADER, xseg_header, magic),
	FIELD(HEADER, xseg_header, abi_major),
	FIELD(HEADER, xseg_header, abi_minor),
	FIELD(HEADER, xseg_header, header_size),
	FIELD(HEADER, xseg_header, segment_size),
	FIELD(HEADER, xseg_header, features_required),
	FIELD(HEADER, xseg_header, features),
	FIELD(HEADER, xseg_header, created_ns),
	FIELD(HEADER, xseg_header, creator_uid),
	ARRAY(HEADER, xseg_header, uuid),
	FIELD(HEADER, xseg_header, params.nr_ports),
	FIELD(HEADER, xseg_header, params.nr_requests),
	FIELD(HEADER, xseg_header, params.nr_descs),
	FIELD(HEADER, xseg_header, params.queue_order),
	FIELD(HEADER, xseg_header, params.data_order),
	FIELD(HEADER, xseg_header, params.heap_size),
	ARRAY(HEADER, xseg_header, name),
	FIELD(HEADER, xseg_header, reap_epoch),
	FIELD(HEADER, xseg_header, last_scan_ns),
	FIELD(HEADER, xseg_header, ports_used),
	FIELD(HEADER, xseg_header, broken),
	FIELD(HEADER, xseg_header, attach_epoch),
	FIELD(PEER, xseg_peer, state),
	FIELD(PEER, xseg_peer, state),
	FIELD(PEER, xseg_peer, incarnation),
	FIELD(PEER, xseg_peer, domain),
	FIELD(PEER, xseg_peer, pid),
	FIELD(PEER, xseg_peer, uid),
	FIELD(PEER, xseg_peer, join_ns),
	FIELD(PEER, xseg_peer, pidns),
	ARRAY(PEER, xseg_peer, comm),
	FIELD(PORT, xseg_port, own),
	FIELD(PORT, xseg_port, own),
	FIELD(PORT, xseg_port, signal_desc),
	FIELD(PORT, xseg_port, signal_desc),
	FIELD(PORT, xseg_port, flags),
	FIELD(PORT, xseg_port, max_requests),
	FIELD(PORT, xseg_port, nr_requests),
	FIELD(DESC, xseg_desc, own),
	FIELD(DESC, xseg_desc, own),
	FIELD(DESC, xseg_desc, owner),
	FIELD(DESC, xseg_desc, incarnation),
	FIELD(DESC, xseg_desc, desc.type),
	FIELD(DESC, xseg_desc, desc.sd),
	ARRAY(DESC, xseg_desc, holders),
	FIELD(DESC, xseg_desc, ec.word),
	FIELD(DESC, xseg_desc, ec.word),
	ARRAY(DESC, xseg_desc, data),
	FIELD(REQUEST, xseg_request, own),
	FIELD(REQUEST, xseg_request, own),
	FIELD(REQUEST, xseg_request, serial),
	FIELD(REQUEST, xseg_request, offset),
	FIELD(REQUEST, xseg_request, size),
	FIELD(REQUEST, xseg_request, serviced),
	FIELD(REQUEST, xseg_request, data),
	FIELD(REQUEST, xseg_request, datalen),
	FIELD(REQUEST, xseg_request, target),
	FIELD(REQUEST, xseg_request, targetlen),
	FIELD(REQUEST, xseg_request, op),
	FIELD(REQUEST, xseg_request, state),
	FIELD(REQUEST, xseg_request, flags),
	FIELD(REQUEST, xseg_request, error),
	FIELD(REQUEST, xseg_request, src_portno),
	FIELD(REQUEST, xseg_request, dst_portno),
	FIELD(REQUEST, xseg_request, path_top),
	FIELD(REQUEST, xseg_request, home),
	FIELD(REQUEST, xseg_request, buffer),
	FIELD(REQUEST, xseg_request, bufferlen),
	FIELD(REQUEST, xseg_request, priv),
	FIELD(REQUEST, xseg_request, transit_portno),
	FIELD(REQUEST, xseg_request, effective_dst_portno),
	FIELD(REQUEST, xseg_request, timestamp_ns),
	FIELD(REQUEST, xseg_request, elapsed_ns),
	FIELD(REQUEST, xseg_request, cookie),
	FIELD(REQUEST, xseg_request, sending),
	FIELD(REQUEST, xseg_request, sending),
	ARRAY(REQUEST, xseg_request, path),
	FIELD(BUFFER, xseg_buffer, own),
	FIELD(BUFFER, xseg_buffer, request),
	FIELD(NAME, xseg_signal_name, own),
	FIELD(NAME, xseg_signal_name, domain),
	FIELD(NAME, xseg_signal_name, version),
	FIELD(NAME, xseg_signal_name, data_size),
	ARRAY(NAME, xseg_signal_name, name),
	{ TYPE_ID, 0, 8, 1 },
	FIELD(POOL, xseg_pool, fresh),
	FIELD(CHUNK, xseg_chunk, own),
	FIELD(CHUNK, xseg_chunk, class_),
	FIELD(CHUNK, xseg_chunk, seq),
	{ DIRECTORY, 0, 8, 1 },
	{ RING, 0, 8, 1 },
	{ RING, 0, 8, 1 },
	{ RING, 0, 8, 1 },
	{ RING, 0, 8, 1 },
};

/* What the values of fields are numbers of. */
#define LIMITS	8

/**
 * lies_swept() - how often each field had each value at an edge
 *
 * One element of an array at a time, whichever it is.
 *
 * Return: how often at the least.
 */
uint64_t lies_swept(void)
{
	return tally->swept / (ARRAY_SIZE(fields) * LIMITS * EDGES);
}

/* An entry of a table that matters to somebody, mostly. */
static void *table_entry(const struct victim *v, enum table table, uint64_t *rnd)
{
	const struct geometry *g = &v->view.geo;
	uint32_t pool = POOL_BUFFERS + below(rnd, g->nr_classes);

	switch (table) {
	case PEER:
		return xseg_peer(&v->view, below(rnd, 2) ? below(rnd, 3) :
				 below(rnd, XSEG_MAX_PEERS));
	case PORT:
		return xseg_port(&v->view, hot_port(v, rnd));
	case DESC:
		return xseg_desc(&v->view, hot_object(v, POOL_DESCS, rnd));
	case REQUEST:
		return xseg_request(&v->view,
				    hot_object(v, POOL_REQUESTS, rnd));
	case BUFFER:
		return pool_own(&v->view, &g->pool[pool],
				hot_object(v, pool, rnd));
	case NAME:
		return (struct xseg_signal_name *)xseg_at(&v->view, g->names) +
		       (below(rnd, 2) ? below(rnd, 4) :
					below(rnd, XSEG_NR_SIGNAL_NAMES));
	case TYPE_ID:
		return (__u64 *)xseg_at(&v->view, g->table) +
		       (below(rnd, 2) ? below(rnd, 4) :
					below(rnd, XSEG_NR_SIGNAL_TYPES));
	case POOL:
		return (struct xseg_pool *)xseg_at(&v->view, g->pools) +
		       below(rnd, POOL_BUFFERS + g->nr_classes);
	case CHUNK:
		return (struct xseg_chunk *)xseg_at(&v->view, g->chunks) +
		       below(rnd, g->nr_chunks);
	case DIRECTORY:
		return (__u64 *)xseg_at(&v->view, g->pool[pool].dir) +
		       below(rnd, below(rnd, 2) ? 1 : g->nr_chunks);
	case RING:
		return rings_word(v, rnd);
	default:
		return xseg_header(&v->view);
	}
}

static void store(void *at, uint32_t size, uint64_t value)
{
	switch (size) {
	case 1:
		shm_write((__u8 *)at, (__u8)value);
		break;
	case 2:
		shm_write((__u16 *)at, (__u16)value);
		break;
	case 4:
		shm_write((__u32 *)at, (__u32)value);
		break;
	default:
		shm_write((__u64 *)at, value);
	}
}

/* A value of a word of ownership, which more than one may believe. */
static uint64_t own_lie(uint64_t was, uint64_t *rnd)
{
	uint32_t who = below(rnd, 4) ? XSEG_MAX_USER_PEERS + below(rnd, 16) :
				       (uint32_t)boundary(rnd, 256) & 0xffff;

	switch (below(rnd, 4)) {
	case 0:
		return own_next(was, below(rnd, 8), who);
	case 1:
		return was ^ 1ULL << below(rnd, 64);
	case 2:
		return 0;
	default:
		return own_word(XOWN_GEN(was), XOWN_VER(was) + below(rnd, 3) - 1,
				below(rnd, 16), who);
	}
}

static uint64_t limit_of(const struct victim *v, uint32_t i)
{
	const struct geometry *g = &v->view.geo;
	const uint64_t limit[LIMITS] = {
		g->params.nr_ports, g->params.nr_requests, g->params.nr_descs,
		1ULL << g->params.queue_order, g->size, XSEG_PATH_LEN,
		g->nr_chunks, XSEG_NR_SIGNAL_NAMES,
	};

	return limit[i];
}

/* A note that a reaper believes, of a request that is in no queue. */
static uint64_t sending_lie(const char *at, uint64_t *rnd)
{
	const char *own = at - offsetof(struct xseg_request, sending);

	return XSENDING(XOWN_VER(shm_read((const __u64 *)own)),
			below(rnd, PORT_FREE + 1), below(rnd, 32));
}

static uint64_t value_for(const struct victim *v, const struct field *f,
			  const char *at, uint64_t was, uint64_t *rnd)
{
	if (f->table == REQUEST && f->at == offsetof(struct xseg_request, sending) &&
	    below(rnd, 2))
		return sending_lie(at, rnd);
	if (f->table == DESC && f->at == offsetof(struct xseg_desc, own) &&
	    below(rnd, 2))
		return own_lie(was, rnd);
	if (f->table != PORT && f->table < DIRECTORY && f->at == 0 &&
	    f->size == 8 && below(rnd, 2))
		return own_lie(was, rnd);
	if (f->table == PORT && !f->at && below(rnd, 2))
		return (uint64_t)(XPORT_EPOCH(was) + below(rnd, 3) - 1) << 32 |
		       below(rnd, 2) << 16 |
		       (below(rnd, 2) ? below(rnd, 3) :
					(uint32_t)boundary(rnd, 256) & 0xffff);
	if (!below(rnd, 8))
		return was + below(rnd, 5) - 2;
	return boundary(rnd, limit_of(v, below(rnd, LIMITS)));
}

/* A field in an entry of its table; of an array any of its elements. */
static char *field_at(const struct victim *v, const struct field *f,
		      uint64_t *rnd)
{
	char *entry = table_entry(v, f->table, rnd);

	return entry + f->at + f->size * below(rnd, f->nr);
}

static void field_lie(const struct victim *v, uint64_t *rnd)
{
	const struct field *f = &fields[below(rnd, ARRAY_SIZE(fields))];
	char *at = field_at(v, f, rnd);
	uint64_t was = 0;

	memcpy(&was, at, f->size);
	store(at, f->size, value_for(v, f, at, was, rnd));
	count(&tally->lies, 1);
}

/* The next field with the next value at an edge: by and by each with each. */
static void sweep_one(const struct victim *v, uint64_t *rnd)
{
	uint64_t n = __atomic_fetch_add(&tally->swept, 1, __ATOMIC_RELAXED);
	const struct field *f = &fields[n % ARRAY_SIZE(fields)];
	char *at = field_at(v, f, rnd);

	n /= ARRAY_SIZE(fields);
	store(at, f->size,
	      edge_value(n % EDGES, limit_of(v, (uint32_t)(n / EDGES % LIMITS))));
	count(&tally->lies, 1);
}

static void sweep_lie(const struct victim *v, uint64_t *rnd)
{
	int i;

	for (i = 0; i < 8; i++)
		sweep_one(v, rnd);
}

/* Random bytes, one to a page of them, anywhere below the heap mostly. */
static void bytes_lie(const struct victim *v, uint64_t *rnd)
{
	uint64_t end = below(rnd, 8) ? v->view.geo.heap : v->view.geo.size;
	uint64_t at = random64(rnd) % (end - 4096);
	uint32_t n = below(rnd, 4) ? 1 + below(rnd, 8) : below(rnd, 4096);
	uint32_t i;

	for (i = 0; i < n; i++)
		shm_write((__u8 *)xseg_at(&v->view, at + i),
			  (__u8)ks_random(rnd));
	count(&tally->lies, n);
}

/*
 * Puts back what stood in a part of the segment some time ago: used slots,
 * freed objects, old generations. That also mends what was broken, so that
 * the others have something to do again.
 */
static void replay(const struct victim *v, char *old, uint64_t *rnd)
{
	uint64_t size = v->view.geo.heap;
	uint64_t len = below(rnd, 4) ? 64ULL << below(rnd, 8) : size;
	uint64_t at = len < size ? random64(rnd) % (size - len) & ~63ULL : 0;
	char *here = xseg_at(&v->view, at);

	if (below(rnd, 2)) {
		memcpy(old + at, here, len);
	} else {
		memcpy(here, old + at, len);
		count(&tally->lies, len / 8);
	}
}

/**
 * liar() - write nonsense
 * @arg: the victim
 */
void *liar(void *arg)
{
	const struct victim *v = arg;
	uint64_t rnd = v->seed, turn;
	char *old = malloc(v->view.geo.heap);

	KS_CHECK(old);
	memcpy(old, v->view.base, v->view.geo.heap);
	count(&tally->ready, 1);
	for (turn = 1; ; turn++) {
		switch (below(&rnd, 256)) {
		case 0 ... 7:
			bytes_lie(v, &rnd);
			break;
		case 8 ... 9:
			replay(v, old, &rnd);
			break;
		case 10 ... 100:
			rings_lie(v, &rnd);
			break;
		case 101 ... 178:
			sweep_lie(v, &rnd);
			break;
		default:
			field_lie(v, &rnd);
		}
		if (!(turn % 256))	/* for the others to do something */
			usleep(below(&rnd, 5000));
		if (turn % 4096)
			continue;
		/* Now and then all as it was. */
		memcpy(v->view.base, old, v->view.geo.heap);
		usleep(10000 * (1 + below(&rnd, 4)));
	}
	return NULL;
}

/**
 * flipper() - change the same word to and fro
 * @arg: the victim
 */
void *flipper(void *arg)
{
	const struct victim *v = arg;
	uint64_t rnd = v->seed ^ 0x666c6970;

	for (;;) {
		uint32_t turns = 1U << below(&rnd, 18), i;
		const struct field *f = NULL;
		uint64_t a = 0, b;
		uint32_t size = 8;
		void *at;

		if (below(&rnd, 2)) {
			at = rings_word(v, &rnd);
			a = shm_read((__u64 *)at);
			b = below(&rnd, 2) ? a + 1 - below(&rnd, 3) :
					     boundary(&rnd, 256);
		} else {
			f = &fields[below(&rnd, ARRAY_SIZE(fields))];
			size = f->size;
			at = field_at(v, f, &rnd);
			memcpy(&a, at, size);
			b = value_for(v, f, at, a, &rnd);
		}
		for (i = 0; i < turns; i++) {
			store(at, size, b);
			store(at, size, a);
		}
		count(&tally->flips, 2 * turns);
		usleep(below(&rnd, 2000));
	}
	return NULL;
}
