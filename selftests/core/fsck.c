// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker of segments: finds nothing where all is well, and each of many
 * lies, told one at a time, where it was told.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "selftests/lib/unit.h"
#include "user/fsck/fsck.h"

static int fd;
static struct peer server, client;
static u8 *map;		/* the file, to lie in */
static struct geometry geo;
static struct fsck *fsck;

/* A request in each place where one can be. */
static struct xseg_request *owned;	/* the client's own */
static struct xseg_request *accepted;	/* the server's */
static struct xseg_request *queued;	/* at the server's port */
static struct xseg_request *reply;	/* at the client's port */
static u32 idle;			/* reserved for the client */

static struct xseg_request *request_sent(void)
{
	struct xseg_request *req = xseg_get_request(client.x, 2, 1, 0);

	assert_non_null(req);
	assert_int_equal(xseg_prep_request(client.x, req, 10, 1000), 0);
	assert_int_equal(xseg_submit(client.x, req, 2, 0), 1);
	return req;
}

static u32 index_of(const struct xseg_request *req)
{
	return (u32)(req - xseg_request(client.x, 0));
}

static int setup(void **state)
{
	struct xseg_request *req;

	fd = segment_new(&small_params);
	server = peer_new(fd, 1);
	client = peer_new(fd, 2);
	geo = client.x->geo;
	reply = request_sent();
	request_sent();
	queued = request_sent();
	req = xseg_accept(server.x, 1, 0);
	/* in the client's mapping, as the others */
	accepted = xseg_request(client.x, 0) +
		   (xseg_accept(server.x, 1, 0) - xseg_request(server.x, 0));
	assert_int_equal(xseg_respond(server.x, req, 1, 0), 2);
	owned = xseg_get_request(client.x, 2, 1, 0);
	xseg_prep_request(client.x, owned, 0, 300);
	assert_int_equal(xseg_alloc_requests(client.x, 2, 1), 1);
	idle = index_of(owned) + 1;
	/* one that was used and is free again */
	assert_int_equal(xseg_alloc_requests(server.x, 1, 1), 1);
	assert_int_equal(xseg_free_requests(server.x, 1, 1), 1);
	map = mmap(NULL, geo.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	return fsck_open(&fsck, fd);
}

static int teardown(void **state)
{
	fsck_close(fsck);
	munmap(map, geo.size);
	xseg_leave(server.x);
	xseg_leave(client.x);
	return close(fd);
}

static void test_clean(void **state)
{
	const struct fsck_counts *c = fsck_counts(fsck);

	assert_int_equal(fsck_check(fsck, 0), 0);
	assert_int_equal(fsck_check(fsck, FSCK_IDLE), 0);
	assert_int_equal(c->requests, 32);
	assert_int_equal(c->requests_queued, 2);
	assert_int_equal(c->requests_owned, 2);
	assert_int_equal(c->requests_idle, 1);
	assert_int_equal(c->requests_free, 27);
	assert_int_equal(c->buffers_used, 4);
	assert_int_equal(c->descs_free, 14);
	assert_int_equal(c->ports_bound, 2);
	assert_int_equal(c->peers_live, 2);
}

/* The checker has the layout by its own reckoning. */
static void test_layout(void **state)
{
	static const struct xseg_params odd = {
		.size = sizeof(odd), .flags = XSEG_CREATE_SPARSE,
		.nr_ports = 7, .nr_requests = 999, .nr_descs = 3,
		.queue_len = 1, .heap_size = 5 << 22, .max_data = 1 << 22,
	};
	struct fsck *f;
	int other = segment_new(&odd);

	assert_int_equal(fsck_open(&f, other), 0);
	assert_int_equal(fsck_check(f, 0), 0);
	fsck_close(f);
	close(other);
	other = segment_new(NULL);
	assert_int_equal(fsck_open(&f, other), 0);
	assert_int_equal(fsck_check(f, FSCK_IDLE), 0);
	fsck_close(f);
	close(other);
}

/* Is there a finding about an object? */
static bool about(const char *object, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strncmp(fsck_finding(fsck, i)->object, object,
			     strlen(object)))
			return true;
	print_message("# nothing about '%s', but:\n", object);
	for (i = 0; i < nr; i++)
		print_message("#   %s: %s\n", fsck_finding(fsck, i)->object,
			      fsck_finding(fsck, i)->is);
	return false;
}

/* A lie in one place is found there, and nothing once it is taken back. */
static void lie_sized(void *at, size_t size, u64 value, const char *object)
{
	u8 old[8];

	memcpy(old, at, size);
	memcpy(at, &value, size);
	assert_true(memcmp(old, at, size));
	assert_true(about(object, fsck_check(fsck, FSCK_IDLE)));
	memcpy(at, old, size);
	assert_int_equal(fsck_check(fsck, FSCK_IDLE), 0);
}

#define LIE(field, value, object) \
	lie_sized(&(field), sizeof(field), (u64)(value), object)

static const char *named(const char *kind, u32 index, const char *part)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s %u%s%s", kind, index,
		 part[0] ? ": " : "", part);
	return text;
}

static struct xseg_request *in_map(const struct xseg_request *req)
{
	return (struct xseg_request *)(map + geo.requests) + index_of(req);
}

#define LIE_REQ(req, field, value, part) \
	LIE(in_map(req)->field, value, \
	    named("request", index_of(req), part))

static void test_requests(void **state)
{
	struct xseg_request *ring[] = { queued, reply };
	u32 i;

	LIE_REQ(owned, own, (in_map(owned)->own & ~0xffffULL) | 77, "");
	LIE_REQ(owned, own, in_map(owned)->own ^ (7ULL << XOWN_ST_SHIFT),
		"own");
	LIE_REQ(accepted, path_top, 17, "path_top");
	LIE_REQ(accepted, path[0], XHOP(99, 2), "path");
	LIE_REQ(accepted, path[0], XHOP(1, 99), "path");
	LIE_REQ(queued, path_top, 0, "path_top");
	LIE_REQ(queued, effective_dst_portno, 2, "effective_dst_portno");
	LIE_REQ(queued, path[1], XHOP(1, 1), "path");
	LIE_REQ(reply, path[0], XHOP(1, 1), "path");
	LIE_REQ(reply, path[0], XHOP(0, 2), "");
	for (i = 0; i < ARRAY_SIZE(ring); i++) {
		LIE_REQ(ring[i], serial, 1, "serial");
		LIE_REQ(ring[i], home, 0, "home");
		LIE_REQ(ring[i], data, geo.heap - 8, "data");
		LIE_REQ(ring[i], datalen, 1 << 17, "data");
		LIE_REQ(ring[i], targetlen, 11, "data");
		LIE_REQ(ring[i], buffer, XBUF(30, 0), "buffer");
		LIE_REQ(ring[i], buffer, in_map(owned)->buffer, "buffer");
	}
	LIE(xseg_request(client.x, idle)->path_top, 1,
	    named("request", idle, "path_top"));
	LIE(xseg_request(client.x, idle)->home, XHOP(1, 1),
	    named("request", idle, "home"));
	LIE(xseg_request(client.x, idle + 1)->buffer, XBUF(0, 0),
	    named("request", idle + 1, "buffer"));
	LIE(xseg_request(client.x, idle + 1)->home, XHOP(1, 2),
	    named("request", idle + 1, "home"));
}

static struct xseg_ring *ring_in_map(xport portno, u32 which)
{
	return (struct xseg_ring *)(map + geo.rings +
		(portno * XSEG_PORT_RINGS + which) * geo.ring_size);
}

static void test_rings(void **state)
{
	struct xseg_ring *q = ring_in_map(1, XSEG_RING_REQUEST);
	struct xseg_ring *r = ring_in_map(2, XSEG_RING_REPLY);
	u64 slot = q->slot[2];

	/* the same request in two queues, or in none */
	assert_int_equal(XSLOT_OBJ(slot) - 1, index_of(queued));
	LIE(r->slot[1], slot & 0xffffffff, "port 2: reply ring");
	LIE(q->slot[2], 0, "port 1: request ring");
	LIE(q->slot[2], slot + (1 << XSLOT_VER_SHIFT), "port 1: request ring");
	LIE(q->slot[2], (slot & ~0xffffffULL) | 999, "port 1: request ring");
	LIE(q->slot[5], 1ULL << XSLOT_CYCLE_SHIFT, "port 1: request ring");
	LIE(q->slot[0], 0, "port 1: request ring");
	LIE(q->head, 0, "port 1: request ring");
	LIE(q->tail, 7, "port 1: request ring");
	LIE(q->tail, 1, "port 1: request ring");
	LIE(ring_in_map(5, XSEG_RING_FREE)->head, 1, "port 5");
}

static void test_pools(void **state)
{
	struct xseg_pool *pool = (struct xseg_pool *)(map + geo.pools);
	u32 class = XBUF_CLASS(owned->buffer);
	struct xseg_buffer *buf = (struct xseg_buffer *)
		(map + geo.pool[POOL_BUFFERS + class].own);
	char text[32];

	LIE(pool[POOL_REQUESTS].fresh, 2, "pool 0: fresh");
	LIE(pool[POOL_REQUESTS].fresh, 31, "pool 0: fresh");
	LIE(pool[POOL_REQUESTS].fresh, 33, "pool 0: fresh");
	LIE(pool[POOL_DESCS].fresh, 9, "pool 1: fresh");
	snprintf(text, sizeof(text), "buffer 0: class %02u", class);
	LIE(buf->own, own_word(1, 1, XOWN_OWNED, 0), text);
	LIE(buf->own, own_word(1, 1, XOWN_LIVE, 0), text);
	LIE(buf->request, 30, text);
	LIE(buf->request, 30, named("request", index_of(owned), "buffer"));
}

static void test_heap(void **state)
{
	u32 class = XBUF_CLASS(owned->buffer);
	u64 *dir = (u64 *)(map + geo.pool[POOL_BUFFERS + class].dir);
	struct xseg_chunk *chunk = (struct xseg_chunk *)(map + geo.chunks);
	u32 nr = (u32)dir[0] - 1;

	LIE(dir[0], 0, named("chunk", nr, ""));
	LIE(dir[0], 99, named("class", class, "directory"));
	LIE(dir[1], 4, named("class", class, "directory"));
	LIE(chunk[nr].class_, 7, named("chunk", nr, ""));
	LIE(chunk[nr].seq, 1, named("class", class, "directory"));
	LIE(chunk[nr].own, own_word(0, 9, XOWN_OWNED, 5),
	    named("chunk", nr, "own"));
	LIE(chunk[3].own, own_word(0, 1, XOWN_FREE, 1), "chunk 3: own");
}

static void test_descs(void **state)
{
	struct xseg_desc *d = (struct xseg_desc *)(map + geo.descs);
	u64 own = d[0].own;

	LIE(d[0].holders[0], 0, "descriptor 0");
	LIE(d[0].holders[1], 1, "descriptor 0: holders");
	LIE(d[2].holders[0], 1, "descriptor 2: holders");
	LIE(d[0].desc.type, 5, "descriptor 0: type");
	LIE(d[0].desc.sd, geo.heap, "descriptor 0: sd");
	LIE(d[0].incarnation, 9, "descriptor 0: owner");
	LIE(d[0].ec.word, XEC_ONE_ASLEEP, "descriptor 0: event count");
	LIE(d[0].own, own_word(XOWN_GEN(own) + 1, 3, XOWN_LIVE, 0),
	    "port 1: signal_desc");
	LIE(d[0].own, own_word(XOWN_GEN(own), 3, XOWN_DYING, 0),
	    "descriptor 0: own");
}

static void test_ports(void **state)
{
	struct xseg_port *p = (struct xseg_port *)(map + geo.ports);

	LIE(p[1].own, (u64)1 << 32 | 1 << 16 | 9, "port 1: own");
	LIE(p[1].own, (u64)1 << 32, "port 1: signal_desc");
	LIE(p[1].own, p[1].own | 1 << 20, "port 1: own");
	LIE(p[1].signal_desc, 0, "port 1: signal_desc");
	LIE(p[1].signal_desc, p[1].signal_desc + 8, "port 1: signal_desc");
	LIE(p[1].flags, 2, "port 1: flags");
	LIE(p[2].nr_requests, 4, "port 2: nr_requests");
	LIE(p[2].max_requests, 0, "port 2: max_requests");
	LIE(p[2].max_requests, 9, "port 2: max_requests");
	LIE(p[6].own, 1, "port 6");
}

static void test_tables(void **state)
{
	struct xseg_header *h = (struct xseg_header *)map;
	struct xseg_peer *peer = (struct xseg_peer *)(map + geo.peers);
	struct xseg_signal_name *name = (struct xseg_signal_name *)
		(map + geo.names);
	u64 *table = (u64 *)(map + geo.table);

	LIE(h->broken, 1, "header 0: broken");
	LIE(h->ports_used, 9, "header 0: ports_used");
	LIE(h->ports_used, 2, "port 2");
	LIE(h->rsvd0, 1, "header 0");
	LIE(peer[0].state, 3, "peer 0: state");
	LIE(peer[0].state, 0, "port 1: own");
	LIE(peer[0].domain, 1, "peer 0: domain");
	LIE(peer[0].incarnation, 0, "peer 0: incarnation");
	LIE(name[0].own, own_word(0, 9, XOWN_OWNED, 9), "type name 0: own");
	LIE(name[0].own, own_word(0, 9, XOWN_FREE, 1), "type name 0: own");
	LIE(name[1].own, own_word(0, 9, XOWN_LIVE, 1), "type name 1: own");
	LIE(name[0].name[0], 'F', "type name 0: name");
	LIE(name[0].domain, 3, "type name 0: domain");
	LIE(name[0].data_size, 65, "type name 0: data_size");
	LIE(table[1], 1, "type id 1");
	LIE(table[0], 321, "type id 0");
	LIE(table[0], 0, "type name 0: own");
}

/* Without FSCK_IDLE what a call may leave for a moment is let pass. */
static void test_in_call(void **state)
{
	struct xseg_desc *d = (struct xseg_desc *)(map + geo.descs);
	u64 own = d[0].own;

	d[0].own = own_word(XOWN_GEN(own), 3, XOWN_DYING, 1);
	assert_int_equal(fsck_check(fsck, 0), 0);
	assert_true(fsck_check(fsck, FSCK_IDLE) > 0);
	d[0].own = own_word(XOWN_GEN(own), 3, XOWN_DYING, 9);
	assert_true(fsck_check(fsck, 0) > 0);
	d[0].own = own;
}

/* Works on until it is killed. */
static void busy_body(struct xseg *xseg, void *arg)
{
	struct xseg_request *req;
	struct signal_desc *sd;
	u64 len = 0;

	xseg_local_signal_init(xseg, "futex");
	sd = xseg_get_signal_desc(xseg, "futex");
	xseg_bind_port(xseg, 4, sd);
	for (;;) {
		req = xseg_get_request(xseg, 4, 4, 0);
		xseg_prep_request(xseg, req, 1, 5000 + (len++ % 4) * 5000);
		xseg_submit(xseg, req, 4, 0);
		req = xseg_accept(xseg, 4, 0);
		xseg_respond(xseg, req, 4, 0);
		req = xseg_receive(xseg, 4, 0);
		xseg_put_request(xseg, req);
	}
}

/* A segment under load is in order; so is one with a dead peer in it. */
static void test_busy(void **state)
{
	pid_t pid = peer_start(fd, busy_body, NULL);
	int i;

	while (!xseg_port(client.x, 4)->nr_requests)
		usleep(100);
	for (i = 0; i < 20; i++)
		assert_int_equal(fsck_check(fsck, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(fsck_check(fsck, 0), 0);
	assert_int_equal(fsck_counts(fsck)->peers_dead, 1);
	assert_int_equal(xseg_reap(client.x), 1);
	assert_int_equal(fsck_check(fsck, FSCK_IDLE), 0);
	assert_int_equal(fsck_counts(fsck)->peers_dead, 0);
}

/* A file that is no segment, or none that can be read. */
static void test_refused(void **state)
{
	struct xseg_header *h = (struct xseg_header *)map;
	struct xseg_header good = *h;
	struct fsck *f;

	h->magic++;
	assert_int_equal(fsck_open(&f, fd), -EBADMSG);
	h->magic = XSEG_MAGIC_SWAPPED;
	assert_int_equal(fsck_open(&f, fd), -EILSEQ);
	*h = good;
	h->abi_major++;
	assert_int_equal(fsck_open(&f, fd), -EPROTONOSUPPORT);
	*h = good;
	h->params.nr_ports = 0;
	assert_int_equal(fsck_open(&f, fd), -EUCLEAN);
	h->params.nr_ports = 9000;
	assert_int_equal(fsck_open(&f, fd), -EUCLEAN);
	h->params = good.params;
	h->params.data_order = 200;
	assert_int_equal(fsck_open(&f, fd), -EUCLEAN);
	*h = good;
	assert_int_equal(fsck_open(&f, STDIN_FILENO), -EBADMSG);
	assert_int_equal(fsck_open(&f, -1), -EBADF);
}

#define FSCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FSCK_TEST(test_clean),
		FSCK_TEST(test_layout),
		FSCK_TEST(test_requests),
		FSCK_TEST(test_rings),
		FSCK_TEST(test_pools),
		FSCK_TEST(test_heap),
		FSCK_TEST(test_descs),
		FSCK_TEST(test_ports),
		FSCK_TEST(test_tables),
		FSCK_TEST(test_in_call),
		FSCK_TEST(test_busy),
		FSCK_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
