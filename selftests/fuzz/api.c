// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The input is a sequence of calls by two peers of one segment, who may also
 * vanish. Without lies in the segment nothing is lost and no call finds
 * damage; with bytes bent anywhere in it, no call crashes or goes on for ever.
 */
#include "selftests/lib/fuzz.h"

#define PORTS		4
#define REQUESTS	10
#define DESCS		6

/* One of the two: its handle and the pointers that it was ever given. */
struct side {
	struct xseg *x;
	bool dead;
	struct signal_desc *sd[4];
	struct xseg_request *req[4];
	u32 next_sd;
	u32 next_req;
};

static struct side side[2];
static u8 *fresh;	/* the segment as it was when both had joined */
static bool bent;

/* A handle that has nothing; leaving and joining would take far longer. */
static void side_reset(struct side *s)
{
	struct xseg *x = s->x;

	memset(s, 0, sizeof(*s));
	s->x = x;
	memset(x->descs, 0, DESCS * sizeof(*x->descs));
	memset(x->requests, 0, REQUESTS * sizeof(*x->requests));
	memset(x->ports, 0, PORTS * sizeof(*x->ports));
	x->types[0].active = 0;
}

/* One segment and two handles for all inputs. */
static void reset(void)
{
	struct xseg_params p = small_params;
	size_t size;
	u32 i;
	int fd;

	p.nr_ports = PORTS;
	p.nr_requests = REQUESTS;
	p.nr_descs = DESCS;
	p.queue_len = 4;
	p.heap_size = 1 << 19;
	p.max_data = 1 << 14;
	if (!fresh) {
		fd = segment_new(&p);
		for (i = 0; i < 2; i++) {
			side[i].x = peer_join(fd);
			must(!xseg_local_signal_init(side[i].x, "futex"));
		}
		size = side[0].x->geo.heap;
		fresh = malloc(size);
		memcpy(fresh, side[0].x->base, size);
	}
	memcpy(side[0].x->base, fresh, side[0].x->geo.heap);
	for (i = 0; i < 2; i++)
		side_reset(&side[i]);
	bent = false;
}

/* Does what the reaper of a dead side does; then it is as one that joined. */
static void side_reap(struct side *s, struct side *by, bool died)
{
	reap_peer(by->x, s->x->me, died);
	side_reset(s);
}

/* What no call says of a segment that is in order. */
static void check(int ret)
{
	must(bent || (ret != -EUCLEAN && ret != -EBUSY) || ret >= 0);
}

static void keep_sd(struct side *s, struct signal_desc *sd)
{
	if (sd)
		s->sd[s->next_sd++ % ARRAY_SIZE(s->sd)] = sd;
	else
		check(-errno);
}

static void keep_req(struct side *s, struct xseg_request *req)
{
	if (req)
		s->req[s->next_req++ % ARRAY_SIZE(s->req)] = req;
	else
		check(-errno);
}

/* Writes a little where the request says that its data and target are. */
static void scribble(struct side *s, struct xseg_request *req)
{
	u8 *data = req ? xseg_get_data(s->x, req) : NULL;
	u8 *target = req ? xseg_get_target(s->x, req) : NULL;
	u64 len = data ? shm_read(&req->datalen) : 0;
	u32 targetlen = target ? shm_read(&req->targetlen) : 0;

	if (bent)	/* what was checked before may have been bent since */
		return;
	if (len)
		data[0] = data[len - 1] = 1;
	if (targetlen)
		target[0] = target[targetlen - 1] = 2;
}

static void bend(struct side *s, struct input *in)
{
	u64 size = s->x->geo.heap, at;

	/* Often among the words that come first in each table. */
	switch (input_u8(in) & 7) {
	case 0:
		at = s->x->geo.rings + input_u16(in);
		break;
	case 1:
		at = s->x->geo.requests + input_u16(in);
		break;
	case 2:
		at = s->x->geo.descs + input_u16(in);
		break;
	case 3:
		at = s->x->geo.ports + input_u8(in);
		break;
	case 4:
		at = s->x->geo.pool[POOL_REQUESTS].ring + input_u16(in);
		break;
	case 5:
		at = s->x->geo.pools + input_u16(in) % 4096;
		break;
	default:
		at = (u64)input_u16(in) << 8 | input_u8(in);
	}
	bent = true;
	s->x->base[at % size] ^= (u8)(1 + input_u8(in));
}

static void call_desc(struct side *s, u32 what, u32 arg)
{
	struct signal_desc *sd = s->sd[arg % ARRAY_SIZE(s->sd)];

	switch (what) {
	case 0:
		keep_sd(s, xseg_get_signal_desc(s->x, "futex"));
		break;
	case 1:
		check(xseg_put_signal_desc(s->x, sd));
		break;
	case 2:
		check(xseg_hold_signal_desc(s->x, sd));
		break;
	case 3:
		keep_sd(s, xseg_get_port_signal_desc(s->x, arg % PORTS));
		break;
	case 4:
		xseg_prepare_wait(s->x, sd);
		break;
	case 5:
		xseg_cancel_wait(s->x, sd);
		break;
	case 6:
		xseg_wait_signal(s->x, sd, arg & 1);
		break;
	default:
		check(xseg_signal(s->x, arg % (PORTS + 1)));
	}
}

static void reap(struct side *s)
{
	struct side *other = &side[s == side];

	if (other->dead)
		side_reap(other, s, true);
	must(xseg_reap(s->x) >= 0 || bent);
}

static void call_port(struct side *s, u32 what, u32 arg)
{
	struct signal_desc *sd = s->sd[arg % ARRAY_SIZE(s->sd)];
	xport port = (arg >> 2) % PORTS;

	switch (what) {
	case 0:
	case 1:		/* -EBUSY means that it is taken */
		xseg_bind_port(s->x, what ? NoPort : port, sd);
		break;
	case 2:
		check(xseg_release_port(s->x, port));
		break;
	case 3:
		check(xseg_set_port_flags(s->x, port, arg & 1));
		break;
	case 4:
		check(xseg_alloc_requests(s->x, port, arg & 3));
		break;
	case 5:
		check(xseg_free_requests(s->x, port, arg & 3));
		break;
	case 6:
		check(xseg_set_max_requests(s->x, port, 1 + arg % 4));
		break;
	default:
		reap(s);
	}
}

static void call_request(struct side *s, u32 what, u32 arg, struct input *in)
{
	struct xseg_request *req = s->req[arg % ARRAY_SIZE(s->req)];
	xport port = (arg >> 2) % PORTS, other = (arg >> 4) % PORTS;
	unsigned int flags = arg >> 6;

	switch (what) {
	case 0:
		keep_req(s, xseg_get_request(s->x, port, other,
					     flags & 1 ? XSEG_STAMP : 0));
		break;
	case 1:
		check(xseg_put_request(s->x, req));
		break;
	case 2:
		check(xseg_submit(s->x, req, port,
				  flags & 1 ? XSEG_SIGNAL : 0));
		break;
	case 3:
		keep_req(s, xseg_accept(s->x, port, 0));
		break;
	case 4:
		check(xseg_respond(s->x, req, port, 0));
		break;
	case 5:
		keep_req(s, xseg_receive(s->x, port, 0));
		break;
	case 6:
		check(xseg_forward_request(s->x, req, other, port,
					   flags & 1 ? XSEG_PASS : 0));
		break;
	default:
		if (flags & 1)
			check(xseg_resize_request(s->x, req, arg & 63,
						  input_u16(in)));
		else
			check(xseg_prep_request(s->x, req, arg & 63,
						input_u16(in)));
		scribble(s, req);
	}
}

static void look_at_all(struct side *s)
{
	struct xseg_port_info port;
	struct xseg_peer_info peer;
	struct xseg_type_info type;
	struct xseg_stats stats;
	struct xseg_info info;
	u32 i;

	xseg_get_info(s->x, &info);
	xseg_get_stats(s->x, &stats);
	for (i = 0; i < PORTS; i++)
		xseg_get_port_info(s->x, i, &port);
	for (i = 0; i < 4; i++) {
		xseg_get_peer_info(s->x, i, &peer);
		xseg_get_type_info(s->x, i, &type);
	}
}

static void call(struct input *in)
{
	u32 what = input_u8(in);
	struct side *s = &side[what >> 7];
	u32 arg = input_u8(in);

	if (s->dead)
		return;
	switch (what >> 4 & 7) {
	case 0 ... 3:
		call_request(s, what & 7, arg, in);
		break;
	case 4:
		call_desc(s, what & 7, arg);
		break;
	case 5:
		call_port(s, what & 7, arg);
		break;
	case 6:
		look_at_all(s);
		s->dead = arg & 1 && !side[s == side].dead;
		break;
	default:
		bend(s, in);
	}
}

/* Both are gone, and nobody lied: everything can be had again. */
static void nothing_lost(struct side *s)
{
	xport p;

	s->sd[0] = xseg_get_signal_desc(s->x, "futex");
	must(s->sd[0]);
	for (p = 0; p < PORTS; p++) {
		must(xseg_bind_port(s->x, p, s->sd[0]) == (int)p);
		must(!xseg_set_port_flags(s->x, p, 0));
		must(!xseg_release_port(s->x, p));
	}
	must(!audit_segment(s->x));
	must(audit_free(s->x, POOL_REQUESTS) == REQUESTS);
	must(audit_free(s->x, POOL_DESCS) == DESCS - 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, data + min(size, (size_t)1024) };
	u32 i;

	reset();
	while (input_left(&in))
		call(&in);
	for (i = 0; i < 2; i++)
		if (side[i].dead)
			side_reap(&side[i], &side[!i], true);
	if (!bent)
		must(!audit_segment(side[0].x) && !audit_segment(side[1].x));
	for (i = 0; i < 2; i++)
		side_reap(&side[i], &side[i], false);
	if (!bent)
		nothing_lost(&side[0]);
	return 0;
}
