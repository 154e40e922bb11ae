// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker: signal descriptors and ports.
 */
#include "user/fsck/internal.h"

/* More waiters than that are cut off by those who come. */
#define MOST_WAITERS	0x9000U

static struct fsck_at desc_at(const struct fsck *f, __u32 i, const char *part)
{
	return (struct fsck_at){ "descriptor", i, part,
		f->l.descs + (__u64)i * sizeof(struct xseg_desc),
		fsck_desc(f, i)->own };
}

/* Its holders; those in slots that are free are none. */
static __u32 holders_check(struct fsck *f, __u32 i)
{
	const struct xseg_desc *d = fsck_desc(f, i);
	__u32 slot, nr = 0;

	for (slot = 0; slot < XSEG_MAX_PEERS; slot++) {
		if (!(d->holders[slot / 64] >> slot % 64 & 1))
			continue;
		nr++;
		if (peer_gone(f, slot))
			fsck_bad(f, desc_at(f, i, "holders"),
				 "only peers", "slot %u, which is free", slot);
	}
	return nr;
}

static void event_count_check(struct fsck *f, __u32 i)
{
	__u64 w = fsck_desc(f, i)->ec.word;
	struct fsck_at at = desc_at(f, i, "event count");

	at.off += offsetof(struct xseg_desc, ec);
	if (XEC_ASLEEP(w) > XEC_WAITERS(w) || XEC_WAITERS(w) > MOST_WAITERS)
		fsck_bad(f, at, "no more asleep than waiting, few of both",
			 "%u asleep, %u waiting", XEC_ASLEEP(w),
			 XEC_WAITERS(w));
}

/* A published descriptor. */
static void live_check(struct fsck *f, __u32 i)
{
	const struct xseg_desc *d = fsck_desc(f, i);
	const __u64 *table = fsck_at(f, f->l.table);
	__u64 sd = f->l.descs + (__u64)i * sizeof(*d) +
		   offsetof(struct xseg_desc, ec);

	if (d->desc.type >= XSEG_NR_SIGNAL_TYPES || !table[d->desc.type])
		fsck_bad(f, desc_at(f, i, "type"), "an id that is given",
			 "%llu", (unsigned long long)d->desc.type);
	if (d->desc.sd != sd)
		fsck_bad(f, desc_at(f, i, "sd"), "the place of its own data",
			 "%#llx", (unsigned long long)d->desc.sd);
	if (d->owner >= XSEG_MAX_PEERS ||
	    (__s32)(fsck_peer(f, d->owner)->incarnation - d->incarnation) < 0)
		fsck_bad(f, desc_at(f, i, "owner"), "a peer that there was",
			 "slot %u, its peer number %u", d->owner,
			 d->incarnation);
	event_count_check(f, i);
}

static void desc_check(struct fsck *f, __u32 i)
{
	const struct xseg_desc *d = fsck_desc(f, i);
	__u32 holders = holders_check(f, i);
	bool busy = peer_busy(f, XOWN_WHO(d->own)) || f->busy;

	if (f->where[FSCK_DESCS][i] || !d->own) {
		f->counts.descs_free++;
		if (holders && !f->busy)
			fsck_bad(f, desc_at(f, i, "holders"),
				 "none: it is free", "%u", holders);
		return;
	}
	switch (XOWN_ST(d->own)) {
	case XOWN_LIVE:
		live_check(f, i);
		if (!holders && !busy)
			fsck_bad(f, desc_at(f, i, NULL),
				 "free: nobody holds it", "live");
		break;
	case XOWN_DYING:
	case XOWN_OWNED:
		if (!peer_busy(f, XOWN_WHO(d->own)))
			fsck_bad(f, desc_at(f, i, "own"), "free, or live",
				 "state %u, slot %u, in no ring",
				 XOWN_ST(d->own), XOWN_WHO(d->own));
		break;
	default:
		fsck_bad(f, desc_at(f, i, "own"), "owned, live or dying",
			 "state %u", XOWN_ST(d->own));
	}
}

/**
 * fsck_descs() - each descriptor is free, or somebody holds it
 * @f: the segment, its rings looked through
 */
void fsck_descs(struct fsck *f)
{
	__u32 i, nr = fsck_used(f, FSCK_DESCS);

	f->counts.descs = f->l.params.nr_descs;
	f->counts.descs_free = f->l.params.nr_descs - nr;
	for (i = 0; i < nr; i++)
		desc_check(f, i);
}

static struct fsck_at port_at(const struct fsck *f, __u32 i, const char *part)
{
	return (struct fsck_at){ "port", i, part,
		f->l.ports + i * sizeof(struct xseg_port),
		fsck_port(f, i)->own };
}

/* The descriptor of a bound port is live, and its owner holds it. */
static void port_desc_check(struct fsck *f, __u32 i)
{
	const struct xseg_port *p = fsck_port(f, i);
	__u32 who = XPORT_WHO(p->own);
	__u64 rel = XPTR_OFF(p->signal_desc) - f->l.descs;
	__u64 index = rel / sizeof(struct xseg_desc);
	const struct xseg_desc *d;

	if (!p->signal_desc) {
		if (!peer_busy(f, who))
			fsck_bad(f, port_at(f, i, "signal_desc"),
				 "a descriptor: it is bound", "none");
		return;
	}
	if (XPTR_OFF(p->signal_desc) < f->l.descs ||
	    index >= f->l.params.nr_descs ||
	    rel % sizeof(*d) != offsetof(struct xseg_desc, desc)) {
		fsck_bad(f, port_at(f, i, "signal_desc"),
			 "the place of a descriptor", "%#llx",
			 (unsigned long long)p->signal_desc);
		return;
	}
	d = fsck_desc(f, (__u32)index);
	if (peer_busy(f, who))
		return;
	if ((XOWN_ST(d->own) != XOWN_LIVE && XOWN_ST(d->own) != XOWN_DYING) ||
	    XOWN_GEN(d->own) != XPTR_GEN(p->signal_desc))
		fsck_bad(f, port_at(f, i, "signal_desc"),
			 "a live descriptor of the same generation",
			 "descriptor %llu: state %u, generation %u, not %u",
			 (unsigned long long)index, XOWN_ST(d->own),
			 XOWN_GEN(d->own), XPTR_GEN(p->signal_desc));
	else if (!(d->holders[who / 64] >> who % 64 & 1))
		fsck_bad(f, port_at(f, i, "signal_desc"),
			 "a descriptor that its owner holds",
			 "descriptor %llu, not held by slot %u",
			 (unsigned long long)index, who);
}

static void bound_check(struct fsck *f, __u32 i)
{
	const struct xseg_port *p = fsck_port(f, i);
	__u32 who = XPORT_WHO(p->own);

	f->counts.ports_bound++;
	if (!XPORT_EPOCH(p->own))
		fsck_bad(f, port_at(f, i, "own"), "1 bind or more", "0");
	if (peer_gone(f, who)) {
		fsck_bad(f, port_at(f, i, "own"), "bound by a peer, or not",
			 "bound by slot %u, which is free", who);
		return;
	}
	port_desc_check(f, i);
	if (peer_busy(f, who))
		return;
	if (p->max_requests < 1 ||
	    p->max_requests > 1U << f->l.params.queue_order)
		fsck_bad(f, port_at(f, i, "max_requests"),
			 "1 to the length of its queues", "%u",
			 p->max_requests);
	if (!f->busy && p->nr_requests != f->reserved[i])
		fsck_bad(f, port_at(f, i, "nr_requests"),
			 "the number of requests that are reserved for it",
			 "%u; there are %u", p->nr_requests, f->reserved[i]);
}

/**
 * fsck_ports() - each port is bound by a peer, or nobody's
 * @f: the segment, all else looked through
 */
void fsck_ports(struct fsck *f)
{
	__u32 i;

	for (i = 0; i < f->l.params.nr_ports; i++) {
		const struct xseg_port *p = fsck_port(f, i);

		if (p->own & 0xfffe0000U)
			fsck_bad(f, port_at(f, i, "own"),
				 "0 in bits 31 to 17", "%#llx",
				 (unsigned long long)p->own);
		if (p->flags & ~XSEG_PORT_FLAGS)
			fsck_bad(f, port_at(f, i, "flags"), "known flags",
				 "%#x", p->flags);
		if (XPORT_BOUND(p->own))
			bound_check(f, i);
		else if (p->signal_desc && !f->busy)
			fsck_bad(f, port_at(f, i, "signal_desc"),
				 "0: nobody is bound to it", "%#llx",
				 (unsigned long long)p->signal_desc);
	}
}
