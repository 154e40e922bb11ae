// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests along a path, and what becomes of them when a hop goes away.
 */
#include "selftests/lib/unit.h"

static int fd;
static struct peer hop[4];	/* 0 asks, the others serve */

static int setup(void **state)
{
	u32 i;

	fd = segment_new(&small_params);
	for (i = 0; i < ARRAY_SIZE(hop); i++)
		hop[i] = peer_new(fd, i);
	return 0;
}

static int teardown(void **state)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hop); i++)
		xseg_leave(hop[i].x);
	return close(fd);
}

static void in_order(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hop); i++)
		assert_in_order(hop[i].x);
}

/* A request from port 0, submitted to a port. */
static struct xseg_request *ask(xport dst)
{
	struct xseg_request *req = xseg_get_request(hop[0].x, 0, dst, 0);

	assert_non_null(req);
	assert_int_equal(xseg_submit(hop[0].x, req, 0, 0), dst);
	return req;
}

static struct xseg_request *accepted(u32 i)
{
	struct xseg_request *req = xseg_accept(hop[i].x, i, 0);

	assert_non_null(req);
	return req;
}

static void forward(u32 from, struct xseg_request *req, u32 to,
		    unsigned int flags)
{
	assert_int_equal(xseg_forward_request(hop[from].x, req, to, from,
					      flags), to);
}

static struct xseg_request *received(u32 i)
{
	struct xseg_request *req = xseg_receive(hop[i].x, i, 0);

	assert_non_null(req);
	return req;
}

static void failed_with(const struct xseg_request *req, u32 error)
{
	assert_int_equal(req->state, XSEG_REQ_FAILED);
	assert_int_equal(req->error, error);
}

/* 0 -> 1 -> 2 -> 3, and back over each. */
static void test_forward(void **state)
{
	struct xseg_request *req = ask(1);

	forward(1, accepted(1), 2, 0);
	forward(2, accepted(2), 3, 0);
	in_order();
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 2);
	assert_errno(xseg_receive(hop[0].x, 0, 0), EAGAIN);
	assert_errno(xseg_receive(hop[1].x, 1, 0), EAGAIN);
	assert_int_equal(xseg_respond(hop[2].x, received(2), 2, 0), 1);
	assert_int_equal(xseg_respond(hop[1].x, received(1), 1, 0), 0);
	assert_ptr_equal(received(0), req);
	assert_int_equal(req->src_portno, 0);
	assert_int_equal(req->state, 0);
	assert_int_equal(xseg_put_request(hop[0].x, req), 0);
	in_order();
}

/* With XSEG_PASS the reply goes past who forwarded. */
static void test_pass(void **state)
{
	struct xseg_request *req = ask(1);

	forward(1, accepted(1), 2, XSEG_PASS);
	forward(2, accepted(2), 3, XSEG_PASS);
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 0);
	assert_errno(xseg_receive(hop[1].x, 1, 0), EAGAIN);
	assert_errno(xseg_receive(hop[2].x, 2, 0), EAGAIN);
	assert_ptr_equal(received(0), req);
	in_order();
}

static void test_mixed(void **state)
{
	ask(1);
	forward(1, accepted(1), 2, 0);
	forward(2, accepted(2), 3, XSEG_PASS);
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 1);
	assert_int_equal(xseg_respond(hop[1].x, received(1), 1, 0), 0);
	received(0);
	in_order();
}

/* A hop that received may send it out again. */
static void test_again(void **state)
{
	struct xseg_request *req;

	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 1);
	req = received(1);
	forward(1, req, 3, 0);
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 1);
	assert_int_equal(xseg_respond(hop[1].x, received(1), 1, 0), 0);
	req = received(0);
	/* so may the origin */
	req->dst_portno = 2;
	assert_int_equal(xseg_submit(hop[0].x, req, 0, 0), 2);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 0);
	assert_ptr_equal(received(0), req);
	in_order();
}

static void test_forward_errors(void **state)
{
	struct xseg_request *req;

	ask(1);
	req = accepted(1);
	assert_int_equal(xseg_forward_request(hop[1].x, req, 8, 1, 0),
			 -EINVAL);
	assert_int_equal(xseg_forward_request(hop[1].x, req, 2, 2, 0),
			 -EINVAL);
	assert_int_equal(xseg_forward_request(hop[1].x, req, 2, 1, 16),
			 -EINVAL);
	assert_int_equal(xseg_forward_request(hop[1].x, req, 7, 1, 0),
			 -ENOTCONN);
	/* It can still be answered. */
	assert_int_equal(xseg_respond(hop[1].x, req, 1, 0), 0);
	received(0);
	in_order();
}

/* Sixteen hops, and not one more; a hop that passes is none. */
static void test_path_limit(void **state)
{
	struct xseg_request *req = ask(1);
	u32 i, at = 1;

	for (i = 1; i < XSEG_PATH_LEN; i++) {
		req = accepted(at);
		forward(at, req, 3 - at, 0);
		at = 3 - at;
	}
	req = accepted(at);
	assert_int_equal(req->path_top, XSEG_PATH_LEN);
	assert_int_equal(xseg_forward_request(hop[at].x, req, 3, at, 0),
			 -ELOOP);
	assert_int_equal(req->path_top, XSEG_PATH_LEN);
	forward(at, req, 3, XSEG_PASS);
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 3 - at);
	for (i = 1; i < XSEG_PATH_LEN; i++) {
		at = 3 - at;
		assert_true(xseg_respond(hop[at].x, received(at), at, 0) >= 0);
	}
	received(0);
	in_order();
}

/* Released with requests queued: they come back as failed. */
static void test_release_queued(void **state)
{
	u32 i;

	for (i = 0; i < 5; i++)
		ask(1);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	for (i = 0; i < 5; i++)
		failed_with(received(0), ECONNRESET);
	assert_errno(xseg_receive(hop[0].x, 0, 0), EAGAIN);
	in_order();
}

static void test_leave_queued(void **state)
{
	ask(1);
	ask(1);
	accepted(1);
	assert_int_equal(xseg_leave(hop[1].x), 0);
	assert_int_equal(received(0)->state, XSEG_REQ_FAILED);
	assert_int_equal(received(0)->state, XSEG_REQ_FAILED);
	hop[1] = peer_new(fd, 1);
	in_order();
}

/* Accepted from a port that was released, it can be answered. */
static void test_release_accepted(void **state)
{
	struct xseg_request *req;

	ask(1);
	req = accepted(1);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	assert_int_equal(xseg_respond(hop[1].x, req, 1, 0), 0);
	assert_int_equal(received(0)->state, 0);
	in_order();
}

static void test_keep(void **state)
{
	struct xseg_request *req;

	assert_int_equal(xseg_set_port_flags(hop[1].x, 1, XSEG_PORT_KEEP), 0);
	ask(1);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	ask(1);		/* while nobody is there */
	assert_errno(xseg_receive(hop[0].x, 0, 0), EAGAIN);
	in_order();
	assert_int_equal(xseg_bind_port(hop[2].x, 1, hop[2].sd), 1);
	req = xseg_accept(hop[2].x, 1, 0);
	assert_non_null(req);
	assert_int_equal(xseg_respond(hop[2].x, req, 1, 0), 0);
	req = xseg_accept(hop[2].x, 1, 0);
	assert_non_null(req);
	assert_int_equal(xseg_respond(hop[2].x, req, 1, 0), 0);
	assert_int_equal(received(0)->state, 0);
	assert_int_equal(received(0)->state, 0);
	/* No longer kept: the port is as any other. */
	assert_int_equal(xseg_set_port_flags(hop[2].x, 1, 0), 0);
	ask(1);
	assert_int_equal(xseg_release_port(hop[2].x, 1), 0);
	failed_with(received(0), ECONNRESET);
	in_order();
}

/* The hop in the middle is gone: the reply goes past it, as failed. */
static void test_hop_gone(void **state)
{
	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 0);
	failed_with(received(0), EOWNERDEAD);
	in_order();
}

/* Also if somebody else has bound its port since. */
static void test_hop_rebound(void **state)
{
	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	assert_int_equal(xseg_bind_port(hop[3].x, 1, hop[3].sd), 1);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 0);
	assert_errno(xseg_receive(hop[3].x, 1, 0), EAGAIN);
	failed_with(received(0), EOWNERDEAD);
	in_order();
}

/* Released with a reply queued: the same. */
static void test_hop_gone_queued(void **state)
{
	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 1);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	failed_with(received(0), EOWNERDEAD);
	in_order();
}

/* Nobody waits for it any more. */
static void test_origin_gone(void **state)
{
	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_release_port(hop[0].x, 0), 0);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0),
			 XSEG_NOBODY);
	assert_int_equal(audit_free(hop[2].x, POOL_REQUESTS), 32);
	in_order();
}

static void test_origin_gone_queued(void **state)
{
	ask(1);
	assert_int_equal(xseg_respond(hop[1].x, accepted(1), 1, 0), 0);
	assert_int_equal(xseg_release_port(hop[0].x, 0), 0);
	assert_int_equal(audit_free(hop[2].x, POOL_REQUESTS), 32);
	in_order();
}

/* A new owner of the origin's port gets no reply that is not his. */
static void test_origin_rebound(void **state)
{
	ask(1);
	assert_int_equal(xseg_release_port(hop[0].x, 0), 0);
	assert_int_equal(xseg_bind_port(hop[0].x, 0, hop[0].sd), 0);
	assert_int_equal(xseg_respond(hop[1].x, accepted(1), 1, 0),
			 XSEG_NOBODY);
	assert_errno(xseg_receive(hop[0].x, 0, 0), EAGAIN);
	assert_int_equal(audit_free(hop[2].x, POOL_REQUESTS), 32);
	in_order();
}

/*
 * A port forwards no more than the replies that it has room for, so that none
 * ever finds its queue full.
 */
static void test_reply_room(void **state)
{
	struct xseg_request *req, before;
	u32 i;

	assert_int_equal(xseg_bind_port(hop[0].x, 5, hop[0].sd), 5);
	/* Port 1 has eight replies that it does not look at. */
	for (i = 0; i < 8; i++) {
		ask(1);
		forward(1, accepted(1), 2, 0);
		assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 1);
	}
	req = xseg_get_request(hop[0].x, 5, 1, 0);
	assert_int_equal(xseg_submit(hop[0].x, req, 5, 0), 1);
	req = accepted(1);
	before = *req;
	assert_int_equal(xseg_forward_request(hop[1].x, req, 2, 1, 0),
			 -EAGAIN);
	assert_int_equal(req->path_top, before.path_top);
	assert_memory_equal(req->path, before.path, sizeof(before.path));
	in_order();
	/* Without a reply to it there is no need of room. */
	forward(1, req, 3, XSEG_PASS);
	assert_int_equal(xseg_respond(hop[3].x, accepted(3), 3, 0), 5);
	/* One looked at makes room for one. */
	assert_int_equal(xseg_respond(hop[1].x, received(1), 1, 0), 0);
	xseg_put_request(hop[0].x, received(0));
	ask(1);
	forward(1, accepted(1), 2, 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, 0), 1);
	for (i = 0; i < 8; i++)
		assert_int_equal(xseg_respond(hop[1].x, received(1), 1, 0), 0);
	in_order();
}

/* A queue that is full leaves a forwarded request as it was. */
static void test_forward_full(void **state)
{
	struct xseg_request *req, before;
	u32 i;

	assert_int_equal(xseg_bind_port(hop[0].x, 5, hop[0].sd), 5);
	for (i = 0; i < 8; i++)
		ask(2);
	req = xseg_get_request(hop[0].x, 5, 1, 0);
	assert_int_equal(xseg_submit(hop[0].x, req, 5, 0), 1);
	req = accepted(1);
	before = *req;
	assert_int_equal(xseg_forward_request(hop[1].x, req, 2, 1, 0),
			 -EAGAIN);
	assert_int_equal(req->path_top, before.path_top);
	assert_memory_equal(req->path, before.path, sizeof(before.path));
	assert_int_equal(xseg_respond(hop[1].x, req, 1, 0), 5);
	in_order();
}

/* Put by who accepted it, instead of answered: that is an answer, too. */
static void test_server_puts(void **state)
{
	struct xseg_request *req = ask(1), *there = accepted(1);

	assert_int_equal(xseg_put_request(hop[1].x, there), 0);
	in_order();
	assert_int_equal(xseg_put_request(hop[1].x, there), -EINVAL);
	assert_ptr_equal(received(0), req);
	failed_with(req, ECANCELED);
	assert_int_equal(xseg_put_request(hop[0].x, req), 0);
	in_order();
}

/* A put that finds no room leaves the request as it was. */
static void test_server_puts_full(void **state)
{
	struct ring ring = port_ring(hop[3].x, 0, XSEG_RING_REPLY);
	struct xseg_request *req, *there;
	void *data;
	u32 i, index;

	req = ask(1);
	there = accepted(1);
	there->state = XSEG_REQ_SERVED;
	there->error = 7;
	assert_int_equal(xseg_set_req_data(hop[1].x, there, &fd), 0);
	/* more replies than the port can have asked for */
	for (i = 0; i < 8; i++) {
		assert_int_equal(pool_alloc(hop[3].x, POOL_REQUESTS, &index),
				 0);
		xseg_request(hop[3].x, index)->path[0] = XHOP(1, 0);
		assert_int_equal(ring_push(hop[3].x, &ring, index), 0);
	}
	assert_int_equal(xseg_put_request(hop[1].x, there), -EAGAIN);
	assert_int_equal(there->state, XSEG_REQ_SERVED);
	assert_int_equal(there->error, 7);
	assert_int_equal(xseg_get_req_data(hop[1].x, there, &data), 0);
	assert_ptr_equal(data, &fd);
	for (i = 0; i < 8; i++)
		assert_int_equal(xseg_put_request(hop[0].x, received(0)), 0);
	assert_int_equal(xseg_put_request(hop[1].x, there), 0);
	assert_ptr_equal(received(0), req);
	failed_with(req, ECANCELED);
	assert_int_equal(xseg_put_request(hop[0].x, req), 0);
	in_order();
}

/* Everything goes through xseg_signal() only if asked to. */
static void test_signal_flag(void **state)
{
	struct xseg_request *req = xseg_get_request(hop[0].x, 0, 1, 0);

	assert_int_equal(xseg_prepare_wait(hop[1].x, hop[1].sd), 0);
	assert_int_equal(xseg_submit(hop[0].x, req, 0, 0), 1);
	assert_int_equal(xseg_wait_signal(hop[1].x, hop[1].sd, 0),
			 -ETIMEDOUT);
	req = xseg_get_request(hop[0].x, 0, 1, 0);
	assert_int_equal(xseg_prepare_wait(hop[1].x, hop[1].sd), 0);
	assert_int_equal(xseg_submit(hop[0].x, req, 0, XSEG_SIGNAL), 1);
	assert_int_equal(xseg_wait_signal(hop[1].x, hop[1].sd, 0), 0);
	assert_int_equal(xseg_prepare_wait(hop[2].x, hop[2].sd), 0);
	forward(1, accepted(1), 2, XSEG_SIGNAL);
	assert_int_equal(xseg_wait_signal(hop[2].x, hop[2].sd, 0), 0);
	assert_int_equal(xseg_prepare_wait(hop[1].x, hop[1].sd), 0);
	assert_int_equal(xseg_respond(hop[2].x, accepted(2), 2, XSEG_SIGNAL),
			 1);
	assert_int_equal(xseg_wait_signal(hop[1].x, hop[1].sd, 0), 0);
}

/* Also without being asked to, if a request comes back by itself. */
static void test_signal_failed(void **state)
{
	ask(1);
	assert_int_equal(xseg_prepare_wait(hop[0].x, hop[0].sd), 0);
	assert_int_equal(xseg_release_port(hop[1].x, 1), 0);
	assert_int_equal(xseg_wait_signal(hop[0].x, hop[0].sd, 0), 0);
	failed_with(received(0), ECONNRESET);
}

#define ROUTE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(test_forward),
		ROUTE_TEST(test_pass),
		ROUTE_TEST(test_mixed),
		ROUTE_TEST(test_again),
		ROUTE_TEST(test_forward_errors),
		ROUTE_TEST(test_path_limit),
		ROUTE_TEST(test_release_queued),
		ROUTE_TEST(test_leave_queued),
		ROUTE_TEST(test_release_accepted),
		ROUTE_TEST(test_keep),
		ROUTE_TEST(test_hop_gone),
		ROUTE_TEST(test_hop_rebound),
		ROUTE_TEST(test_hop_gone_queued),
		ROUTE_TEST(test_origin_gone),
		ROUTE_TEST(test_origin_gone_queued),
		ROUTE_TEST(test_origin_rebound),
		ROUTE_TEST(test_reply_room),
		ROUTE_TEST(test_forward_full),
		ROUTE_TEST(test_server_puts),
		ROUTE_TEST(test_server_puts_full),
		ROUTE_TEST(test_signal_flag),
		ROUTE_TEST(test_signal_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
