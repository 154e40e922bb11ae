// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A port is released exactly between the look whether it is bound, and (B1),
 * the put into its ring: (B3) finds what (U3) could not find yet.
 */
#include "selftests/lib/stops.h"
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

static void in_order(void)
{
	assert_in_order(client.x);
	assert_in_order(server.x);
}

static void client_releases(void)
{
	if (xseg_release_port(client.x, 0))
		abort();
}

static void server_releases(void)
{
	if (xseg_release_port(server.x, 1))
		abort();
}

/* Another owner has come by the time of (B3). */
static void server_rebinds(void)
{
	server_releases();
	if (xseg_bind_port(server.x, 1, server.sd) != 1)
		abort();
}

static struct xseg_request *get(void)
{
	struct xseg_request *req = xseg_get_request(client.x, 0, 1, 0);

	assert_non_null(req);
	return req;
}

/* Submits, and does that when the ring is touched first. */
static void submit_while(void (*act)(void))
{
	const struct stop stop = {
		port_ring(client.x, 1, XSEG_RING_REQUEST).shm, act
	};
	struct xseg_request *req = get();

	stops_set(&stop, 1);
	assert_int_equal(xseg_submit(client.x, req, 0, XSEG_SIGNAL), 1);
	assert_int_equal(stops_end(), 1);
}

static void test_submit(void **state)
{
	struct xseg_request *req;

	submit_while(server_releases);
	req = xseg_receive(client.x, 0, 0);
	assert_non_null(req);
	assert_int_equal(req->state, XSEG_REQ_FAILED);
	assert_int_equal(req->error, ECONNRESET);
	in_order();
}

static void test_submit_rebound(void **state)
{
	submit_while(server_rebinds);
	assert_non_null(xseg_accept(server.x, 1, 0));
	in_order();
}

static void test_respond(void **state)
{
	const struct stop stop = {
		port_ring(server.x, 0, XSEG_RING_REPLY).shm, client_releases
	};
	struct xseg_request *req = get();

	assert_int_equal(xseg_submit(client.x, req, 0, 0), 1);
	req = xseg_accept(server.x, 1, 0);
	stops_set(&stop, 1);
	xseg_respond(server.x, req, 1, 0);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(audit_free(server.x, POOL_REQUESTS), 32);
	in_order();
}

/* By another thread of the same peer: its idle request has no home then. */
static void test_put(void **state)
{
	const struct stop stop = {
		port_ring(client.x, 0, XSEG_RING_FREE).shm, client_releases
	};
	struct xseg_request *req = get();

	stops_set(&stop, 1);
	assert_int_equal(xseg_put_request(client.x, req), 0);
	assert_int_equal(stops_end(), 1);
	assert_int_equal(audit_free(server.x, POOL_REQUESTS), 32);
	in_order();
}

#define BETWEEN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BETWEEN_TEST(test_submit),
		BETWEEN_TEST(test_submit_rebound),
		BETWEEN_TEST(test_respond),
		BETWEEN_TEST(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
