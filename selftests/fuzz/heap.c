// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The input is a sequence of allocations, attachments and frees of buffers
 * and requests by two peers. No two buffers share a byte, each is as large as
 * was asked for, and what was given back can be had again.
 */
#include "selftests/lib/fuzz.h"

#define REQUESTS	12
#define LOOSE		8	/* buffers that belong to no request */
#define UNIT		256
#define HEAP		(1 << 20)

static struct xseg *peer[2];
static u64 loose[LOOSE];
static u8 loose_owner[LOOSE];
static u8 used[HEAP / UNIT];

static void reset(void)
{
	struct xseg_params p = small_params;
	struct xseg *x;
	u32 i;
	int fd;

	p.nr_requests = REQUESTS;
	p.heap_size = HEAP;
	if (!peer[0]) {
		fd = segment_new(&p);
		peer[0] = peer_join(fd);
		peer[1] = peer_join(fd);
	}
	x = peer[0];
	memset(x->base + x->geo.pools, 0, x->geo.heap - x->geo.pools);
	for (i = 0; i < 2; i++)
		memset(peer[i]->requests, 0,
		       REQUESTS * sizeof(*peer[i]->requests));
	memset(loose, 0, sizeof(loose));
	memset(used, 0, sizeof(used));
}

/* Marks a buffer's bytes as used, or not; never one twice. */
static void mark(u64 b, bool use)
{
	u64 off, len, i;

	must(!buffer_place(peer[0], b, &off, &len));
	must(off >= peer[0]->geo.heap && off + len <= peer[0]->geo.size);
	for (i = 0; i < len / UNIT; i++) {
		u8 *u = &used[(off - peer[0]->geo.heap) / UNIT + i];

		must(*u != use);
		*u = use;
	}
}

static u64 alloc(struct xseg *x, u64 len)
{
	u64 b = 0, off, got;
	int ret = buffer_alloc(x, len, &b);

	if (len > 65536) {
		must(ret == -EMSGSIZE);
		return 0;
	}
	must(!ret || ret == -ENOMEM);
	if (ret)
		return 0;
	must(!buffer_place(x, b, &off, &got) && got >= len);
	mark(b, true);
	return b;
}

static void op_loose(u32 p, u32 i, u64 len)
{
	if (!loose[i]) {
		loose[i] = alloc(peer[p], len);
		loose_owner[i] = (u8)p;
		return;
	}
	mark(loose[i], false);
	must(!pool_free(peer[loose_owner[i]],
			POOL_BUFFERS + XBUF_CLASS(loose[i]),
			XBUF_INDEX(loose[i])));
	loose[i] = 0;
}

static void op_request(u32 p)
{
	u32 index;
	int ret = pool_alloc(peer[p], POOL_REQUESTS, &index);

	must(!ret || ret == -ENOMEM);
	if (!ret)
		peer[p]->requests[index].held = 1;
}

static void op_attach(u32 p, u32 index, u64 len)
{
	u64 old, b;

	if (!peer[p]->requests[index].held)
		return;
	old = shm_read(&xseg_request(peer[p], index)->buffer);
	b = alloc(peer[p], len);
	if (!b)
		return;
	buffer_attach(peer[p], index, b);
	must(shm_read(&xseg_request(peer[p], index)->buffer) == b);
	if (old)
		mark(old, false);
}

static void op_put(u32 p, u32 index, bool all)
{
	u64 old = shm_read(&xseg_request(peer[p], index)->buffer);

	if (!peer[p]->requests[index].held)
		return;
	if (old)
		mark(old, false);
	if (all)
		must(!request_free(peer[p], index));
	else
		buffer_put(peer[p], index);
}

static void give_all_back(void)
{
	u32 i, p;

	for (i = 0; i < LOOSE; i++)
		if (loose[i])
			op_loose(0, i, 0);
	must(!audit_segment(peer[0]) && !audit_segment(peer[1]));
	for (p = 0; p < 2; p++)
		for (i = 0; i < REQUESTS; i++)
			op_put(p, i, true);
	for (i = 0; i < HEAP / UNIT; i++)
		must(!used[i]);
	must(audit_free(peer[0], POOL_REQUESTS) == REQUESTS);
	must(!audit_segment(peer[0]));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + min(size, (size_t)768) };
	u32 what, arg, p;

	reset();
	while (input_left(&in)) {
		what = input_u8(&in);
		p = what >> 7;
		arg = input_u16(&in);
		switch (what & 3) {
		case 0:
			op_loose(p, what >> 2 & 7, arg + (what >> 5 & 1));
			break;
		case 1:
			op_request(p);
			break;
		case 2:
			op_attach(p, (what >> 2) % REQUESTS, arg);
			break;
		default:
			op_put(p, (what >> 2) % REQUESTS, arg & 1);
		}
	}
	give_all_back();
	return 0;
}
