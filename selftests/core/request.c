// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests between a client and a server: their life, and their room for data.
 */
#include "selftests/lib/unit.h"

static int fd;
static struct peer client, server;

static int setup(void **state)
{
	fd = segment_new(&small_params);
	client = peer_new(fd, 0);
	server = peer_new(fd, 1);
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(client.x);
	xseg_leave(server.x);
	return close(fd);
}

static struct xseg_request *get(unsigned int flags)
{
	struct xseg_request *req = xseg_get_request(client.x, 0, 1, flags);

	assert_non_null(req);
	return req;
}

/* Submitted and accepted, as the server sees it. */
static struct xseg_request *deliver(struct xseg_request *req)
{
	assert_int_equal(xseg_submit(client.x, req, 0, 0), 1);
	req = xseg_accept(server.x, 1, 0);
	assert_non_null(req);
	return req;
}

/* Answered and received, as the client sees it. */
static struct xseg_request *answer(struct xseg_request *req)
{
	assert_int_equal(xseg_respond(server.x, req, 1, 0), 0);
	req = xseg_receive(client.x, 0, 0);
	assert_non_null(req);
	return req;
}

static void test_life(void **state)
{
	struct xseg_request *req = get(0), *there;

	assert_int_equal(req->src_portno, 0);
	assert_int_equal(req->dst_portno, 1);
	assert_int_equal(req->state, 0);
	req->op = 4711;
	req->offset = 1ULL << 40;
	req->size = 12345;
	there = deliver(req);
	assert_int_equal(there->op, 4711);
	assert_int_equal(there->offset, 1ULL << 40);
	assert_int_equal(there->size, 12345);
	assert_int_equal(there->transit_portno, 0);
	assert_int_equal(there->effective_dst_portno, 1);
	assert_in_order(client.x);
	assert_in_order(server.x);
	there->serviced = 12345;
	there->state = XSEG_REQ_SERVED;
	assert_ptr_equal(answer(there), req);
	assert_int_equal(req->state, XSEG_REQ_SERVED);
	assert_int_equal(req->serviced, 12345);
	assert_int_equal(xseg_put_request(client.x, req), 0);
	assert_in_order(client.x);
}

/* Taken once more: as new, with the room and the note that it had. */
static void test_renewed(void **state)
{
	struct xseg_request *req = get(0), *there;
	void *data, *note = NULL;
	u64 serial, place;

	xseg_prep_request(client.x, req, 0, 100);
	xseg_set_req_data(client.x, req, &serial);
	data = xseg_get_data(client.x, req);
	memcpy(data, "there", 6);
	place = req->data;
	there = deliver(req);
	there->state = XSEG_REQ_FAILED;
	there->error = there->op = there->cookie = there->size = 9;
	assert_ptr_equal(answer(there), req);
	serial = req->serial;
	/* of a port of this peer, for one that may be */
	assert_int_equal(xseg_renew_request(client.x, req, 1, 1), -EINVAL);
	assert_int_equal(xseg_renew_request(client.x, req, 0, 4000), -EINVAL);
	assert_int_equal(xseg_renew_request(client.x, req, 0, 1), 0);
	assert_int_equal(req->state | req->error | req->op | req->cookie |
			 req->size, 0);
	assert_int_not_equal(req->serial, serial);
	assert_int_equal(req->data, place);
	assert_int_equal(req->datalen, 100);
	assert_ptr_equal(xseg_get_data(client.x, req), data);
	assert_int_equal(xseg_get_req_data(client.x, req, &note), 0);
	assert_ptr_equal(note, &serial);
	there = deliver(req);
	assert_string_equal(xseg_get_data(server.x, there), "there");
	/* not while an answer is due */
	assert_int_equal(xseg_renew_request(client.x, req, 0, 1), -EINVAL);
	assert_int_equal(xseg_renew_request(server.x, there, 1, 0), -EINVAL);
	assert_int_equal(xseg_put_request(client.x, answer(there)), 0);
	assert_in_order(client.x);
}

/* A request comes as new, whatever it was used for before. */
static void test_fresh(void **state)
{
	struct xseg_request *req = get(XSEG_STAMP), *again;
	u64 serial = req->serial;

	xseg_prep_request(client.x, req, 10, 100);
	req->op = req->flags = req->error = req->state = 9;
	req->offset = req->size = req->serviced = req->priv = 9;
	req->cookie = 9;
	xseg_set_req_data(client.x, req, req);
	req = answer(deliver(req));
	assert_int_equal(xseg_put_request(client.x, req), 0);
	again = get(XSEG_NOALLOC);
	assert_ptr_equal(again, req);
	assert_int_not_equal(req->serial & ~XSERIAL_TIMED,
			     serial & ~XSERIAL_TIMED);
	assert_int_equal(serial >> 63, 1);
	assert_int_equal(req->serial >> 63, 0);
	assert_int_equal(req->op | req->flags | req->error | req->state, 0);
	assert_int_equal(req->offset | req->size | req->serviced, 0);
	assert_int_equal(req->priv | req->cookie | req->elapsed_ns, 0);
	assert_int_equal(req->timestamp_ns | req->data | req->datalen, 0);
	assert_int_equal(req->target | req->targetlen | req->path_top, 0);
	assert_null(xseg_get_data(client.x, req));
	assert_null(xseg_get_target(client.x, req));
}

static void test_get_errors(void **state)
{
	u32 i;

	assert_errno(xseg_get_request(client.x, 1, 0, 0), EINVAL);
	assert_errno(xseg_get_request(client.x, 0, 8, 0), EINVAL);
	assert_errno(xseg_get_request(client.x, 0, NoPort, 0), EINVAL);
	assert_errno(xseg_get_request(client.x, NoPort, 0, 0), EINVAL);
	assert_errno(xseg_get_request(client.x, 0, 1, XSEG_SIGNAL), EINVAL);
	assert_errno(xseg_get_request(client.x, 0, 1, XSEG_NOALLOC), EAGAIN);
	for (i = 0; i < 8; i++)
		get(0);
	assert_errno(xseg_get_request(client.x, 0, 1, 0), EAGAIN);
	assert_in_order(client.x);
}

/* Serial numbers differ over all requests of the segment. */
static void test_serials(void **state)
{
	u64 seen[200];
	struct xseg_request *req[8];
	u32 i, j, n = 0;

	while (n < 200) {
		for (i = 0; i < 8; i++) {
			req[i] = get(0);
			for (j = 0; j < n; j++)
				assert_int_not_equal(seen[j], req[i]->serial);
			seen[n++] = req[i]->serial;
		}
		for (i = 0; i < 8; i++)
			xseg_put_request(client.x, req[i]);
	}
}

static void test_twice(void **state)
{
	struct xseg_request *req = get(0), *there;

	assert_int_equal(xseg_put_request(client.x, req), 0);
	assert_int_equal(xseg_put_request(client.x, req), -EINVAL);
	assert_int_equal(xseg_submit(client.x, req, 0, 0), -EINVAL);
	req = get(0);
	there = deliver(req);
	assert_int_equal(xseg_submit(client.x, req, 0, 0), -EINVAL);
	assert_int_equal(xseg_put_request(client.x, req), -EINVAL);
	assert_int_equal(xseg_prep_request(client.x, req, 0, 1), -EINVAL);
	assert_int_equal(xseg_resize_request(client.x, req, 0, 1), -EINVAL);
	assert_int_equal(xseg_set_req_data(client.x, req, NULL), -EINVAL);
	assert_int_equal(xseg_respond(client.x, req, 0, 0), -EINVAL);
	answer(there);
	assert_int_equal(xseg_respond(server.x, there, 1, 0), -EINVAL);
	assert_int_equal(xseg_forward_request(server.x, there, 0, 1, 0),
			 -EINVAL);
	assert_int_equal(xseg_put_request(server.x, there), -EINVAL);
	assert_in_order(client.x);
}

/* Pointers that are no requests, flags and ports that are not theirs. */
static void test_arguments(void **state)
{
	struct xseg_request *req = get(0), local, *there;

	assert_int_equal(xseg_put_request(client.x, NULL), -EINVAL);
	assert_int_equal(xseg_put_request(client.x, &local), -EINVAL);
	assert_int_equal(xseg_put_request(client.x, (void *)&req->serial),
			 -EINVAL);
	assert_int_equal(xseg_put_request(client.x, req + 32), -EINVAL);
	assert_int_equal(xseg_put_request(server.x, req), -EINVAL);
	assert_int_equal(xseg_submit(client.x, req, 0, XSEG_PASS), -EINVAL);
	assert_int_equal(xseg_submit(client.x, req, 1, 0), -EINVAL);
	assert_int_equal(xseg_submit(client.x, req, NoPort, 0), -EINVAL);
	assert_int_equal(xseg_respond(client.x, req, 0, 0), -EINVAL);
	assert_int_equal(xseg_forward_request(client.x, req, 1, 0, 0),
			 -EINVAL);
	req->dst_portno = 8;
	assert_int_equal(xseg_submit(client.x, req, 0, 0), -EINVAL);
	req->dst_portno = 1;
	there = deliver(req);
	assert_int_equal(xseg_respond(server.x, there, 8, 0), -EINVAL);
	assert_int_equal(xseg_respond(server.x, there, 1, 4), -EINVAL);
	assert_errno(xseg_accept(server.x, 0, 0), EINVAL);
	assert_errno(xseg_accept(server.x, 1, 1), EINVAL);
	assert_errno(xseg_accept(server.x, 1, 0), EAGAIN);
	assert_errno(xseg_receive(client.x, 1, 0), EINVAL);
	assert_errno(xseg_receive(client.x, 0, 1), EINVAL);
	assert_errno(xseg_receive(client.x, 0, 0), EAGAIN);
	answer(there);
	assert_in_order(client.x);
}

/* The first submit goes through the port that the request was taken for. */
static void test_source(void **state)
{
	struct xseg_request *req = get(0);

	assert_int_equal(xseg_bind_port(client.x, 2, client.sd), 2);
	assert_int_equal(xseg_submit(client.x, req, 2, 0), -EINVAL);
	assert_int_equal(xseg_submit(client.x, req, 0, 0), 1);
}

static void fill(u8 *p, u64 n, u8 seed)
{
	u64 i;

	for (i = 0; i < n; i++)
		p[i] = (u8)(seed + i * 7 + (i >> 8));
}

static void filled(const u8 *p, u64 n, u8 seed)
{
	u64 i;

	for (i = 0; i < n; i++)
		assert_int_equal(p[i], (u8)(seed + i * 7 + (i >> 8)));
}

static void test_prep(void **state)
{
	static const struct {
		u32 target;
		u64 data;
	} want[] = {
		{ 0, 1 }, { 1, 0 }, { 10, 200 }, { 256, 0 }, { 16, 4096 },
		{ 100, 65436 }, { 0, 65536 }, { 300, 300 }, { 0, 0 },
	};
	struct xseg_request *req = get(0);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		u32 t = want[i].target;
		u64 d = want[i].data;

		assert_int_equal(xseg_prep_request(client.x, req, t, d), 0);
		assert_int_equal(req->targetlen, t);
		assert_int_equal(req->datalen, d);
		assert_int_equal(!xseg_get_target(client.x, req), !t);
		assert_int_equal(!xseg_get_data(client.x, req), !d);
		if (d >= 4096)
			assert_int_equal(req->data % 4096, 0);
		fill(xseg_get_data(client.x, req), d, 1);
		fill(xseg_get_target(client.x, req), t, 99);
		filled(xseg_get_data(client.x, req), d, 1);
		assert_in_order(client.x);
	}
}

static void test_prep_errors(void **state)
{
	struct xseg_request *req = get(0);

	assert_int_equal(xseg_prep_request(client.x, req, 1, 65536),
			 -EMSGSIZE);
	assert_int_equal(xseg_prep_request(client.x, req, 65537, 0),
			 -EMSGSIZE);
	assert_int_equal(xseg_prep_request(client.x, req, 2, UINT64_MAX),
			 -EMSGSIZE);
	assert_int_equal(xseg_prep_request(client.x, req, U32_MAX, U32_MAX),
			 -EMSGSIZE);
	assert_null(xseg_get_data(client.x, req));
	assert_int_equal(xseg_put_request(client.x, req), 0);
	assert_in_order(client.x);
}

/* The room goes with the request, and the other side sees the bytes. */
static void test_data_travels(void **state)
{
	struct xseg_request *req = get(0);

	assert_int_equal(xseg_prep_request(client.x, req, 50, 5000), 0);
	fill(xseg_get_data(client.x, req), 5000, 3);
	fill(xseg_get_target(client.x, req), 50, 4);
	req = deliver(req);
	filled(xseg_get_data(server.x, req), 5000, 3);
	filled(xseg_get_target(server.x, req), 50, 4);
	/* A server may need more room for its answer. */
	assert_int_equal(xseg_resize_request(server.x, req, 50, 20000), 0);
	fill(xseg_get_data(server.x, req), 20000, 5);
	req = answer(req);
	assert_int_equal(req->datalen, 20000);
	filled(xseg_get_data(client.x, req), 20000, 5);
	filled(xseg_get_target(client.x, req), 50, 4);
	xseg_put_request(client.x, req);
	assert_in_order(client.x);
}

/* Each resize keeps what fits of both. */
static void test_resize(void **state)
{
	struct xseg_request *req = get(0);
	struct rng rng = rng_new();
	u32 target = 0, nt, i, done = 0;
	u64 data = 0, nd;
	int ret;

	for (i = 0; i < 3000; i++) {
		nt = rng_below(&rng, 1U << rng_below(&rng, 13));
		nd = rng_below(&rng, 1U << rng_below(&rng, 16));
		ret = xseg_resize_request(client.x, req, nt, nd);
		if (ret) {	/* others have the chunks; nothing changed */
			assert_int_equal(ret, -ENOMEM);
			nt = target;
			nd = data;
		}
		done += !ret;
		assert_int_equal(req->targetlen, nt);
		assert_int_equal(req->datalen, nd);
		filled(xseg_get_data(client.x, req), min(data, nd), 7);
		filled(xseg_get_target(client.x, req), min(target, nt), 8);
		fill(xseg_get_data(client.x, req), nd, 7);
		fill(xseg_get_target(client.x, req), nt, 8);
		filled(xseg_get_data(client.x, req), nd, 7);
		data = nd;
		target = nt;
	}
	assert_true(done > 500);
	assert_in_order(client.x);
}

/* It fails, and nothing has changed. */
static void test_resize_errors(void **state)
{
	struct xseg_request *req = get(0), *hog[8];
	struct xseg_request before;
	int i;

	assert_int_equal(xseg_prep_request(client.x, req, 100, 300), 0);
	fill(xseg_get_data(client.x, req), 300, 1);
	fill(xseg_get_target(client.x, req), 100, 2);
	for (i = 0; i < 8; i++) {
		hog[i] = xseg_get_request(server.x, 1, 0, 0);
		assert_non_null(hog[i]);
		if (xseg_prep_request(server.x, hog[i], 0, 65536))
			break;
	}
	before = *req;
	assert_int_equal(xseg_resize_request(client.x, req, 65000, 65000),
			 -EMSGSIZE);
	assert_int_equal(xseg_resize_request(client.x, req, 9, UINT64_MAX),
			 -EMSGSIZE);
	assert_memory_equal(req, &before, sizeof(before));
	filled(xseg_get_data(client.x, req), 300, 1);
	filled(xseg_get_target(client.x, req), 100, 2);
	assert_in_order(client.x);
}

static void test_enomem(void **state)
{
	struct xseg_request *req = get(0), *hog, before;
	int n = 0;
	xport p;

	assert_int_equal(xseg_prep_request(client.x, req, 10, 100), 0);
	for (p = 2; p < 6; p++)
		assert_int_equal(xseg_bind_port(server.x, p, server.sd), p);
	/* 1 MiB is four chunks, of which the client has one */
	for (p = 1; n < 12; n++) {
		p = (xport)(1 + n / 8);
		hog = xseg_get_request(server.x, p, 0, 0);
		assert_non_null(hog);
		assert_int_equal(xseg_prep_request(server.x, hog, 0, 65536),
				 0);
	}
	before = *req;
	assert_int_equal(xseg_resize_request(client.x, req, 10, 60000),
			 -ENOMEM);
	assert_memory_equal(req, &before, sizeof(before));
	/* A prep drops what was there before it looks for room. */
	assert_int_equal(xseg_prep_request(client.x, req, 10, 60000), -ENOMEM);
	assert_null(xseg_get_data(client.x, req));
	assert_int_equal(req->datalen, 0);
	assert_int_equal(xseg_prep_request(client.x, req, 10, 100), 0);
	assert_in_order(client.x);
	/* The same request can be used once there is room. */
	assert_int_equal(xseg_put_request(server.x, hog), 0);
	assert_int_equal(xseg_prep_request(client.x, req, 10, 60000), 0);
	assert_in_order(client.x);
}

/* A request that says nonsense about where its data lie. */
static void test_data_nonsense(void **state)
{
	struct xseg_request *req = get(0);

	assert_int_equal(xseg_prep_request(client.x, req, 10, 100), 0);
	req->data = client.x->geo.size - 50;
	assert_null(xseg_get_data(client.x, req));
	req->data = UINT64_MAX;
	assert_null(xseg_get_data(client.x, req));
	req->data = 4096;
	req->datalen = UINT64_MAX - 100;
	assert_null(xseg_get_data(client.x, req));
	req->target = client.x->geo.size;
	assert_null(xseg_get_target(client.x, req));
	/* Moving such parts about stays within the segment. */
	assert_int_equal(xseg_resize_request(client.x, req, 20, 65000), 0);
	req->buffer = UINT64_MAX;
	assert_int_equal(xseg_resize_request(client.x, req, 20, 200), 0);
	assert_non_null(xseg_get_data(client.x, req));
}

/* Kept in the peer, through the journey, until it is put. */
static void test_private(void **state)
{
	struct xseg_request *req = get(0), *there;
	void *data = &data;

	assert_int_equal(xseg_get_req_data(client.x, req, &data), 0);
	assert_null(data);
	assert_int_equal(xseg_set_req_data(client.x, req, &client), 0);
	there = deliver(req);
	assert_int_equal(xseg_get_req_data(server.x, there, &data), 0);
	assert_null(data);
	assert_int_equal(xseg_set_req_data(server.x, there, &server), 0);
	answer(there);
	assert_int_equal(xseg_get_req_data(client.x, req, &data), 0);
	assert_ptr_equal(data, &client);
	assert_int_equal(xseg_put_request(client.x, req), 0);
	req = get(0);
	assert_int_equal(xseg_get_req_data(client.x, req, &data), 0);
	assert_null(data);
}

static void test_stamp(void **state)
{
	u64 before = env_now_ns(), stamp;
	struct xseg_request *req = get(XSEG_STAMP);

	req = deliver(req);
	stamp = req->timestamp_ns;
	assert_true(stamp >= before && stamp <= env_now_ns());
	usleep(2000);
	req = answer(req);
	assert_int_equal(req->timestamp_ns, stamp);
	assert_true(req->elapsed_ns >= 2000000);
	assert_true(req->elapsed_ns <= env_now_ns() - before);
	xseg_put_request(client.x, req);
	req = answer(deliver(get(0)));
	assert_int_equal(req->timestamp_ns | req->elapsed_ns, 0);
}

/* The full queue of a server leaves a request its owner's, unchanged. */
static void test_queue_full(void **state)
{
	struct xseg_request *req, before;
	u32 i;

	assert_int_equal(xseg_bind_port(client.x, 2, client.sd), 2);
	for (i = 0; i < 8; i++)
		assert_int_equal(xseg_submit(client.x, get(0), 0, 0), 1);
	req = xseg_get_request(client.x, 2, 1, 0);
	before = *req;
	assert_int_equal(xseg_submit(client.x, req, 2, 0), -EAGAIN);
	assert_int_equal(req->path_top, 0);
	assert_int_equal(req->state, before.state);
	assert_in_order(client.x);
	answer(xseg_accept(server.x, 1, 0));
	assert_int_equal(xseg_submit(client.x, req, 2, 0), 1);
	assert_in_order(client.x);
}

static void test_notconn(void **state)
{
	struct xseg_request *req = xseg_get_request(client.x, 0, 5, 0);
	struct xseg_request before = *req;

	assert_int_equal(xseg_submit(client.x, req, 0, 0), -ENOTCONN);
	assert_memory_equal(req, &before, sizeof(before));
	assert_int_equal(xseg_put_request(client.x, req), 0);
	assert_in_order(client.x);
}

/* Handles that were left answer so. */
static void test_stale(void **state)
{
	struct xseg *x = peer_join(fd);
	struct xseg_info info;

	assert_int_equal(xseg_leave(x), 0);
	assert_int_equal(xseg_leave(x), -ESTALE);
	assert_errno(xseg_get_request(x, 0, 1, 0), ESTALE);
	assert_errno(xseg_accept(x, 0, 0), ESTALE);
	assert_errno(xseg_receive(x, 0, 0), ESTALE);
	assert_errno(xseg_get_signal_desc(x, "futex"), ESTALE);
	assert_errno(xseg_get_port_signal_desc(x, 0), ESTALE);
	assert_int_equal(xseg_signal(x, 0), -ESTALE);
	assert_int_equal(xseg_reap(x), -ESTALE);
	assert_int_equal(xseg_bind_port(x, 0, NULL), -ESTALE);
	assert_int_equal(xseg_put_request(x, NULL), -ESTALE);
	assert_int_equal(xseg_get_info(x, &info), -ESTALE);
	assert_int_equal(xseg_get_info(NULL, &info), -ESTALE);
}

#define REQUEST_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REQUEST_TEST(test_life),
		REQUEST_TEST(test_renewed),
		REQUEST_TEST(test_fresh),
		REQUEST_TEST(test_get_errors),
		REQUEST_TEST(test_serials),
		REQUEST_TEST(test_twice),
		REQUEST_TEST(test_arguments),
		REQUEST_TEST(test_source),
		REQUEST_TEST(test_prep),
		REQUEST_TEST(test_prep_errors),
		REQUEST_TEST(test_data_travels),
		REQUEST_TEST(test_resize),
		REQUEST_TEST(test_resize_errors),
		REQUEST_TEST(test_enomem),
		REQUEST_TEST(test_data_nonsense),
		REQUEST_TEST(test_private),
		REQUEST_TEST(test_stamp),
		REQUEST_TEST(test_queue_full),
		REQUEST_TEST(test_notconn),
		REQUEST_TEST(test_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
