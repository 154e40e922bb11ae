// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ports: binding, releasing, and the requests that are reserved for one.
 */
#include "selftests/lib/unit.h"

static int fd;
static struct peer a, b;

static int setup(void **state)
{
	fd = segment_new(&small_params);
	a = peer_new(fd, 0);
	b = peer_new(fd, 1);
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(a.x);
	xseg_leave(b.x);
	return close(fd);
}

static struct xseg_port_info port_info(xport portno)
{
	struct xseg_port_info info;

	assert_int_equal(xseg_get_port_info(b.x, portno, &info), 0);
	return info;
}

static void test_bind(void **state)
{
	struct xseg_port_info info = port_info(0);

	assert_int_equal(info.bound, 1);
	assert_int_equal(info.owner, a.x->me);
	assert_int_equal(info.epoch, 1);
	assert_string_equal(info.type, "futex");
	assert_int_equal(info.max_requests, 8);
	assert_int_equal(xseg_bind_port(b.x, 0, b.sd), -EBUSY);
	assert_int_equal(xseg_bind_port(a.x, 0, a.sd), -EBUSY);
	assert_int_equal(port_info(0).epoch, 1);
	assert_int_equal(xseg_bind_port(a.x, 8, a.sd), -EINVAL);
	assert_int_equal(xseg_bind_port(a.x, NoPort - 1, a.sd), -EINVAL);
	/* another peer's descriptor, and no descriptor */
	assert_int_equal(xseg_bind_port(b.x, 2, NULL), -EINVAL);
	assert_int_equal(xseg_bind_port(b.x, 2, a.sd), -EINVAL);
	assert_int_equal(port_info(2).bound, 0);
	assert_int_equal(port_info(2).epoch, 0);
	assert_in_order(a.x);
}

static void test_noport(void **state)
{
	int i;

	for (i = 2; i < 8; i++)
		assert_int_equal(xseg_bind_port(a.x, NoPort, a.sd), i);
	assert_int_equal(xseg_bind_port(a.x, NoPort, a.sd), -ENOSPC);
	assert_int_equal(xseg_release_port(a.x, 4), 0);
	assert_int_equal(xseg_bind_port(b.x, NoPort, b.sd), 4);
	assert_in_order(a.x);
}

static void test_release(void **state)
{
	assert_int_equal(xseg_release_port(b.x, 0), -EINVAL);
	assert_int_equal(xseg_release_port(b.x, 8), -EINVAL);
	assert_int_equal(xseg_release_port(b.x, NoPort), -EINVAL);
	assert_int_equal(xseg_release_port(a.x, 0), 0);
	assert_int_equal(xseg_release_port(a.x, 0), -EINVAL);
	assert_int_equal(port_info(0).bound, 0);
	assert_string_equal(port_info(0).type, "");
	assert_int_equal(xseg_signal(b.x, 0), -ENOTCONN);
	assert_int_equal(xseg_signal(b.x, 8), -EINVAL);
	assert_int_equal(xseg_bind_port(b.x, 0, b.sd), 0);
	assert_int_equal(port_info(0).epoch, 2);
	assert_int_equal(port_info(0).owner, b.x->me);
	assert_in_order(a.x);
}

/* The port holds its descriptor. */
static void test_holds_desc(void **state)
{
	assert_int_equal(xseg_put_signal_desc(a.x, a.sd), 0);
	assert_int_equal(xseg_prepare_wait(a.x, a.sd), 0);
	assert_int_equal(xseg_signal(b.x, 0), 0);
	assert_int_equal(xseg_wait_signal(a.x, a.sd, 0), 0);
	assert_int_equal(xseg_local_signal_quit(a.x, "futex"), -EBUSY);
	assert_int_equal(xseg_release_port(a.x, 0), 0);
	assert_int_equal(xseg_put_signal_desc(a.x, a.sd), -EINVAL);
	assert_int_equal(xseg_local_signal_quit(a.x, "futex"), 0);
	assert_in_order(a.x);
}

static void dies_bound(struct xseg *xseg, void *arg)
{
	struct signal_desc *sd;

	xseg_local_signal_init(xseg, "futex");
	sd = xseg_get_signal_desc(xseg, "futex");
	xseg_bind_port(xseg, 5, sd);
	xseg_bind_port(xseg, 6, sd);
	xseg_alloc_requests(xseg, 5, 8);
}

/* A dead peer's port can be bound, which reaps it. */
static void test_bind_dead(void **state)
{
	struct xseg_stats stats;

	peer_dies(fd, dies_bound, NULL);
	assert_int_equal(port_info(5).bound, 1);
	assert_int_equal(port_info(5).nr_requests, 8);
	assert_int_equal(xseg_bind_port(a.x, 5, a.sd), 5);
	assert_int_equal(port_info(6).bound, 0);
	assert_int_equal(port_info(5).nr_requests, 0);
	xseg_get_stats(a.x, &stats);
	assert_int_equal(stats.reaped, 1);
	assert_int_equal(xseg_reap(a.x), 0);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 32);
	assert_in_order(a.x);
}

static void test_bind_noport_dead(void **state)
{
	int i;

	peer_dies(fd, dies_bound, NULL);
	for (i = 0; i < 4; i++)
		assert_true(xseg_bind_port(a.x, NoPort, a.sd) >= 2);
	/* 2, 3, 4 and 7 were free; now there are only the dead one's. */
	assert_int_equal(xseg_bind_port(a.x, NoPort, a.sd), 5);
	assert_int_equal(xseg_bind_port(a.x, NoPort, a.sd), 6);
	assert_int_equal(xseg_bind_port(a.x, NoPort, a.sd), -ENOSPC);
	assert_in_order(a.x);
}

static void test_flags(void **state)
{
	assert_int_equal(xseg_set_port_flags(b.x, 0, 0), -EINVAL);
	assert_int_equal(xseg_set_port_flags(a.x, 0, 2), -EINVAL);
	assert_int_equal(port_info(0).flags, 0);
	assert_int_equal(xseg_set_port_flags(a.x, 0, XSEG_PORT_KEEP), 0);
	assert_int_equal(port_info(0).flags, XSEG_PORT_KEEP);
	/* outlives the owner */
	assert_int_equal(xseg_release_port(a.x, 0), 0);
	assert_int_equal(port_info(0).flags, XSEG_PORT_KEEP);
}

static void test_alloc_free(void **state)
{
	assert_int_equal(xseg_alloc_requests(b.x, 0, 1), -EINVAL);
	assert_int_equal(xseg_free_requests(b.x, 0, 1), -EINVAL);
	assert_int_equal(xseg_alloc_requests(a.x, 0, 0), 0);
	assert_int_equal(xseg_alloc_requests(a.x, 0, 3), 3);
	assert_int_equal(port_info(0).nr_requests, 3);
	assert_int_equal(xseg_alloc_requests(a.x, 0, 100), 5);
	assert_int_equal(port_info(0).nr_requests, 8);
	assert_int_equal(xseg_alloc_requests(a.x, 0, 1), 0);
	assert_in_order(a.x);
	assert_int_equal(xseg_free_requests(a.x, 0, 6), 6);
	assert_int_equal(port_info(0).nr_requests, 2);
	assert_int_equal(xseg_free_requests(a.x, 0, 100), 2);
	assert_int_equal(port_info(0).nr_requests, 0);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 32);
	assert_in_order(a.x);
}

/* A segment with fewer requests than its ports may have. */
static void test_alloc_exhausted(void **state)
{
	int i;

	for (i = 2; i < 6; i++)
		assert_int_equal(xseg_bind_port(a.x, i, a.sd), i);
	for (i = 2; i < 6; i++)
		assert_int_equal(xseg_alloc_requests(a.x, i, 8), 8);
	assert_int_equal(xseg_alloc_requests(b.x, 1, 1), 0);
	assert_errno(xseg_get_request(b.x, 1, 0, 0), ENOMEM);
	assert_int_equal(port_info(1).nr_requests, 0);
	assert_int_equal(xseg_free_requests(a.x, 3, 1), 1);
	assert_non_null(xseg_get_request(b.x, 1, 0, 0));
	assert_int_equal(port_info(1).nr_requests, 1);
	assert_in_order(b.x);
	/* Released, all of them are there again. */
	for (i = 2; i < 6; i++)
		assert_int_equal(xseg_release_port(a.x, i), 0);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 31);
}

static void test_max(void **state)
{
	struct xseg_request *req[4];
	u32 i;

	assert_int_equal(xseg_get_max_requests(b.x, 0), 8);
	assert_int_equal(xseg_get_max_requests(b.x, 8), -EINVAL);
	assert_int_equal(xseg_set_max_requests(a.x, 0, 0), -EINVAL);
	assert_int_equal(xseg_set_max_requests(a.x, 0, 9), -EINVAL);
	assert_int_equal(xseg_set_max_requests(b.x, 0, 1), -EINVAL);
	assert_int_equal(xseg_set_max_requests(a.x, 0, 4), 0);
	assert_int_equal(xseg_get_max_requests(b.x, 0), 4);
	for (i = 0; i < 4; i++)
		req[i] = xseg_get_request(a.x, 0, 1, 0);
	assert_non_null(req[3]);
	assert_errno(xseg_get_request(a.x, 0, 1, 0), EAGAIN);
	/* What is beyond a lower limit goes as it comes back. */
	assert_int_equal(xseg_set_max_requests(a.x, 0, 2), 0);
	assert_int_equal(port_info(0).nr_requests, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(xseg_put_request(a.x, req[i]), 0);
	assert_int_equal(port_info(0).nr_requests, 2);
	assert_in_order(a.x);
	/* A new owner has the whole limit again. */
	assert_int_equal(xseg_release_port(a.x, 0), 0);
	assert_int_equal(xseg_bind_port(b.x, 0, b.sd), 0);
	assert_int_equal(xseg_get_max_requests(b.x, 0), 8);
}

/* Idle requests of an earlier owner are not the next one's. */
static void test_rebind(void **state)
{
	struct xseg_request *mine = xseg_get_request(a.x, 0, 1, 0);

	assert_int_equal(xseg_alloc_requests(a.x, 0, 5), 5);
	assert_int_equal(xseg_release_port(a.x, 0), 0);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 31);
	assert_int_equal(xseg_bind_port(b.x, 0, b.sd), 0);
	assert_errno(xseg_get_request(b.x, 0, 1, XSEG_NOALLOC), EAGAIN);
	assert_non_null(xseg_get_request(b.x, 0, 1, 0));
	assert_int_equal(port_info(0).nr_requests, 1);
	/* One that was out is freed when it is put, not counted there. */
	assert_int_equal(xseg_put_request(a.x, mine), 0);
	assert_int_equal(port_info(0).nr_requests, 1);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 31);
	assert_in_order(b.x);
}

static struct xseg_request *round_trip(void)
{
	struct xseg_request *req = xseg_get_request(a.x, 0, 1, 0);

	assert_int_equal(xseg_submit(a.x, req, 0, 0), 1);
	req = xseg_accept(b.x, 1, 0);
	assert_non_null(req);
	assert_int_equal(xseg_respond(b.x, req, 1, 0), 0);
	req = xseg_receive(a.x, 0, 0);
	assert_non_null(req);
	return req;
}

/* Takes from the pool what others have used, and dies. */
static void dies_with_used(struct xseg *xseg, void *arg)
{
	u32 index;

	pool_alloc(xseg, POOL_REQUESTS, &index);
}

/* Given back to the segment means that nothing of it comes back again. */
static void test_no_ghosts(void **state)
{
	assert_int_equal(xseg_put_request(a.x, round_trip()), 0);
	assert_int_equal(xseg_free_requests(a.x, 0, 1), 1);
	peer_dies(fd, dies_with_used, NULL);
	assert_int_equal(xseg_reap(a.x), 1);
	assert_errno(xseg_receive(a.x, 0, 0), EAGAIN);
	assert_errno(xseg_get_request(a.x, 0, 1, XSEG_NOALLOC), EAGAIN);
	assert_int_equal(audit_free(a.x, POOL_REQUESTS), 32);
	assert_in_order(a.x);
}

#define PORT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_bind),
		PORT_TEST(test_noport),
		PORT_TEST(test_release),
		PORT_TEST(test_holds_desc),
		PORT_TEST(test_bind_dead),
		PORT_TEST(test_bind_noport_dead),
		PORT_TEST(test_flags),
		PORT_TEST(test_alloc_free),
		PORT_TEST(test_alloc_exhausted),
		PORT_TEST(test_max),
		PORT_TEST(test_rebind),
		PORT_TEST(test_no_ghosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
