// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker: header, peers, names of signal types, chunks.
 */
#include <fcntl.h>
#include <string.h>

#include "user/fsck/internal.h"

/* Has somebody the byte lock of a slot? Where it cannot be told: yes. */
static bool slot_locked(const struct fsck *f, __u32 slot)
{
	struct flock l = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)XSEG_LOCK_PEER(slot),
		.l_len = 1,
	};

	return fcntl(f->fd, F_OFD_GETLK, &l) || l.l_type != F_UNLCK;
}

static struct fsck_at peer_at(const struct fsck *f, __u32 i, const char *part)
{
	return (struct fsck_at){ "peer", i, part,
		f->l.peers + i * sizeof(struct xseg_peer),
		fsck_peer(f, i)->incarnation };
}

static void peer_check(struct fsck *f, __u32 i)
{
	const struct xseg_peer *peer = fsck_peer(f, i);
	bool kernel = i >= XSEG_MAX_USER_PEERS;
	__u32 domain = kernel ? XSEG_DOMAIN_KERNEL : XSEG_DOMAIN_USER;

	f->peer[i] = PEER_GONE;
	if (peer->state == XSEG_PEER_FREE)
		return;
	f->peer[i] = kernel || slot_locked(f, i) ? PEER_LIVE : PEER_DEAD;
	if (peer->state > XSEG_PEER_REAPING) {
		fsck_bad(f, peer_at(f, i, "state"), "0 to 2", "%u",
			 peer->state);
		return;
	}
	/* Where there is a reaper, the peer is dead, and its lock the reaper's. */
	if (peer->state == XSEG_PEER_REAPING)
		f->peer[i] = PEER_DEAD;
	if (f->peer[i] == PEER_LIVE)
		f->counts.peers_live++;
	else
		f->counts.peers_dead++;
	if (peer->domain != domain)
		fsck_bad(f, peer_at(f, i, "domain"),
			 kernel ? "the kernel's, 1" : "that of processes, 2",
			 "%u", peer->domain);
	if (!peer->incarnation)
		fsck_bad(f, peer_at(f, i, "incarnation"),
			 "1 or more in a slot that is used", "0");
	if (!memchr(peer->comm, 0, sizeof(peer->comm)))
		fsck_bad(f, peer_at(f, i, "comm"), "a terminated string",
			 "without end");
}

/**
 * fsck_peers() - who lives; comes first
 * @f: the segment
 */
void fsck_peers(struct fsck *f)
{
	__u32 i;

	for (i = 0; i < XSEG_MAX_PEERS; i++)
		peer_check(f, i);
	f->busy = f->counts.peers_dead || (f->counts.peers_live && !f->idle);
}

static struct fsck_at header_at(const char *part, size_t off)
{
	return (struct fsck_at){ "header", 0, part, off, 0 };
}

static void header_check(struct fsck *f)
{
	const struct xseg_header *h = fsck_header(f);

	if (memcmp(h, &f->header, offsetof(struct xseg_header, reap_epoch)))
		fsck_bad(f, header_at("lines 0 to 3", 0), "constant",
			 "changed during the check");
	if (!memchr(h->name, 0, sizeof(h->name)))
		fsck_bad(f, header_at("name",
				      offsetof(struct xseg_header, name)),
			 "a terminated string", "without end");
	if (h->rsvd0 || h->rsvd1 || h->rsvd2[0] || h->rsvd2[1])
		fsck_bad(f, header_at("rsvd", 0), "0", "not 0");
	if (h->broken)
		fsck_bad(f, header_at("broken",
				      offsetof(struct xseg_header, broken)),
			 "0", "%u", h->broken);
	if (h->ports_used > f->l.params.nr_ports)
		fsck_bad(f, header_at("ports_used",
				      offsetof(struct xseg_header, ports_used)),
			 "at most the number of ports", "%u of %u",
			 h->ports_used, f->l.params.nr_ports);
}

static const struct xseg_signal_name *name_of(const struct fsck *f, __u32 i)
{
	return (const struct xseg_signal_name *)fsck_at(f, f->l.names) + i;
}

static struct fsck_at name_at(const struct fsck *f, __u32 i, const char *part)
{
	return (struct fsck_at){ "type name", i, part,
		f->l.names + i * sizeof(struct xseg_signal_name),
		name_of(f, i)->own };
}

static bool name_good(const struct xseg_signal_name *name)
{
	size_t i, len = strnlen(name->name, sizeof(name->name));

	if (!len || len == sizeof(name->name))
		return false;
	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-",
			    name->name[i]))
			return false;
	for (; i < sizeof(name->name); i++)
		if (name->name[i])
			return false;
	return true;
}

/* The content of a record that an id stands for. */
static void record_check(struct fsck *f, __u32 record, __u32 id)
{
	const struct xseg_signal_name *name = name_of(f, record);
	const __u64 *table = fsck_at(f, f->l.table);
	__u32 i;

	if (!name_good(name))
		fsck_bad(f, name_at(f, record, "name"),
			 "1 to 31 of a-z, 0-9 and -, the rest zeroes",
			 "something else");
	if (name->domain != XSEG_DOMAIN_KERNEL &&
	    name->domain != XSEG_DOMAIN_USER)
		fsck_bad(f, name_at(f, record, "domain"), "1 or 2", "%u",
			 name->domain);
	if (name->data_size > XSEG_SIGNAL_DATA_SIZE)
		fsck_bad(f, name_at(f, record, "data_size"), "at most 64",
			 "%u", name->data_size);
	for (i = 0; i < id; i++)
		if (table[i] && table[i] <= XSEG_NR_SIGNAL_NAMES &&
		    !memcmp(name_of(f, (__u32)table[i] - 1)->name, name->name,
			    sizeof(name->name)))
			fsck_bad(f, name_at(f, record, "name"),
				 "one id for a name", "ids %u and %u", i, id);
}

/* Ids are given from 0 on, each to another record. */
static void ids_check(struct fsck *f, unsigned char *ids)
{
	const __u64 *table = fsck_at(f, f->l.table);
	bool gap = false;
	__u32 i;

	for (i = 0; i < XSEG_NR_SIGNAL_TYPES; i++) {
		struct fsck_at at = { "type id", i, NULL, f->l.table + i * 8,
				      table[i] };

		if (!table[i]) {
			gap = true;
			continue;
		}
		if (table[i] > XSEG_NR_SIGNAL_NAMES) {
			fsck_bad(f, at, "the number of a record", "%llu",
				 (unsigned long long)table[i]);
			continue;
		}
		if (gap)
			fsck_bad(f, at, "0, for an earlier id is not given",
				 "given");
		if (ids[table[i] - 1]++)
			fsck_bad(f, at, "a record of its own",
				 "record %llu, which another id has",
				 (unsigned long long)table[i] - 1);
		record_check(f, (__u32)table[i] - 1, i);
	}
}

static void names_check(struct fsck *f)
{
	unsigned char ids[XSEG_NR_SIGNAL_NAMES] = { 0 };
	__u32 i;

	ids_check(f, ids);
	for (i = 0; i < XSEG_NR_SIGNAL_NAMES; i++) {
		__u64 own = name_of(f, i)->own;
		__u32 st = XOWN_ST(own);
		__u32 who = XOWN_WHO(own);

		if (st == XOWN_OWNED && !peer_busy(f, who))
			fsck_bad(f, name_at(f, i, "own"),
				 "settled: nobody is filling it",
				 "owned by slot %u", who);
		else if (ids[i] && st != XOWN_LIVE && st != XOWN_OWNED)
			fsck_bad(f, name_at(f, i, "own"),
				 "live: it has an id", "state %u", st);
		else if (!ids[i] && st != XOWN_RAW && st != XOWN_FREE &&
			 st != XOWN_OWNED)
			fsck_bad(f, name_at(f, i, "own"),
				 "free: it has no id", "state %u", st);
	}
}

static const struct xseg_chunk *chunk_of(const struct fsck *f, __u32 i)
{
	return (const struct xseg_chunk *)fsck_at(f, f->l.chunks) + i;
}

static struct fsck_at chunk_at(const struct fsck *f, __u32 i, const char *part)
{
	return (struct fsck_at){ "chunk", i, part,
		f->l.chunks + i * sizeof(struct xseg_chunk),
		chunk_of(f, i)->own };
}

/* Does the directory of its class name this chunk? */
static bool chunk_named(const struct fsck *f, __u32 i)
{
	const struct xseg_chunk *c = chunk_of(f, i);

	return c->class_ >= FSCK_BUFFERS && c->class_ < fsck_pools(f) &&
	       c->seq < f->l.nr_chunks &&
	       fsck_dir(f, c->class_, c->seq) == i + 1ULL;
}

static void chunk_check(struct fsck *f, __u32 i, bool *raw)
{
	__u64 own = chunk_of(f, i)->own;
	__u32 st = XOWN_ST(own);

	if (st == XOWN_RAW) {
		*raw = true;
		return;
	}
	if (*raw)
		fsck_bad(f, chunk_at(f, i, "own"),
			 "raw: an earlier one was never used", "state %u", st);
	f->counts.chunks_used += st != XOWN_FREE;
	if (st == XOWN_OWNED && !peer_busy(f, XOWN_WHO(own)))
		fsck_bad(f, chunk_at(f, i, "own"),
			 "settled: nobody is giving it to a class",
			 "owned by slot %u", XOWN_WHO(own));
	else if (st != XOWN_OWNED && st != XOWN_LIVE && st != XOWN_FREE)
		fsck_bad(f, chunk_at(f, i, "own"), "live or free", "state %u",
			 st);
	else if (st == XOWN_LIVE && !chunk_named(f, i))
		fsck_bad(f, chunk_at(f, i, NULL),
			 "in its class' directory: it is live",
			 "class %u, place %u, not there",
			 chunk_of(f, i)->class_, chunk_of(f, i)->seq);
}

/* Each entry of a directory names a chunk that says the same. */
static void directory_check(struct fsck *f, __u32 pool, __u32 seq)
{
	__u64 entry = fsck_dir(f, pool, seq);
	struct fsck_at at = { "class", pool - FSCK_BUFFERS, "directory",
			      f->l.pool[pool].dir + seq * 8ULL, entry };
	const struct xseg_chunk *c;

	if (!entry)
		return;
	if (entry > f->l.nr_chunks) {
		fsck_bad(f, at, "the number of a chunk", "%llu",
			 (unsigned long long)entry);
		return;
	}
	if (seq && !fsck_dir(f, pool, seq - 1))
		fsck_bad(f, at, "0, for the one before is", "given");
	c = chunk_of(f, (__u32)entry - 1);
	if (c->class_ != pool || c->seq != seq ||
	    (XOWN_ST(c->own) != XOWN_LIVE && XOWN_ST(c->own) != XOWN_OWNED))
		fsck_bad(f, at, "a live chunk of this class and place",
			 "chunk %llu: state %u, class %u, place %u",
			 (unsigned long long)entry - 1, XOWN_ST(c->own),
			 c->class_, c->seq);
}

/**
 * fsck_tables() - header, names, chunks
 * @f: the segment
 */
void fsck_tables(struct fsck *f)
{
	bool raw = false;
	__u32 i, pool;

	header_check(f);
	names_check(f);
	f->counts.chunks = f->l.nr_chunks;
	for (i = 0; i < f->l.nr_chunks; i++)
		chunk_check(f, i, &raw);
	for (pool = FSCK_BUFFERS; pool < fsck_pools(f); pool++)
		for (i = 0; i < f->l.nr_chunks; i++)
			directory_check(f, pool, i);
}
