// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What can be seen of a segment, and what a handle counts.
 */
#include <fcntl.h>
#include <unistd.h>

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

static void test_info(void **state)
{
	struct xseg_info info;
	u8 none[16] = { 0 };

	assert_int_equal(xseg_get_info(b.x, NULL), -EINVAL);
	assert_int_equal(xseg_get_info(b.x, &info), 0);
	assert_int_equal(info.segment_size, lseek(fd, 0, SEEK_END));
	assert_int_equal(info.params.nr_ports, 8);
	assert_int_equal(info.params.nr_requests, 32);
	assert_int_equal(info.params.nr_descs, 16);
	assert_int_equal(info.params.queue_len, 8);
	assert_int_equal(info.params.heap_size, 1 << 20);
	assert_int_equal(info.params.max_data, 1 << 16);
	assert_int_equal(info.self, 1);
	assert_int_equal(info.ports_used, 2);
	assert_int_equal(info.requests_used, 0);
	assert_int_equal(info.descs_used, 2);
	assert_int_equal(info.chunks, 4);
	assert_int_equal(info.chunks_used, 0);
	assert_int_equal(info.broken, 0);
	assert_int_equal(info.creator_uid, geteuid());
	assert_string_equal(info.name, "");
	assert_memory_not_equal(info.uuid, none, sizeof(none));
	assert_true(info.created_ns > 1600000000ULL * 1000000000);
}

static void test_peer_info(void **state)
{
	struct xseg_peer_info info;

	assert_int_equal(xseg_get_peer_info(b.x, XSEG_MAX_PEERS, &info),
			 -EINVAL);
	assert_int_equal(xseg_get_peer_info(b.x, 0, NULL), -EINVAL);
	assert_int_equal(xseg_get_peer_info(b.x, 0, &info), 0);
	assert_int_equal(info.state, XSEG_PEER_USED);
	assert_int_equal(info.alive, 1);
	assert_int_equal(info.domain, XSEG_DOMAIN_USER);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.incarnation, 1);
	xseg_leave(a.x);
	assert_int_equal(xseg_get_peer_info(b.x, 0, &info), 0);
	assert_int_equal(info.state, XSEG_PEER_FREE);
	assert_int_equal(info.alive, 0);
	a = peer_new(fd, 0);
	assert_int_equal(xseg_get_peer_info(b.x, 0, &info), 0);
	assert_int_equal(info.incarnation, 2);
}

/* Tickets are counts. */
static void test_port_info(void **state)
{
	struct xseg_port_info info;
	struct xseg_request *req;
	u32 i;

	assert_int_equal(xseg_get_port_info(a.x, 8, &info), -EINVAL);
	assert_int_equal(xseg_get_port_info(a.x, 0, NULL), -EINVAL);
	for (i = 0; i < 5; i++) {
		req = xseg_get_request(a.x, 0, 1, 0);
		assert_int_equal(xseg_submit(a.x, req, 0, 0), 1);
	}
	for (i = 0; i < 4; i++)
		req = xseg_accept(b.x, 1, 0);
	assert_int_equal(xseg_respond(b.x, req, 1, 0), 0);
	assert_int_equal(xseg_get_port_info(a.x, 1, &info), 0);
	assert_int_equal(info.submitted, 5);
	assert_int_equal(info.accepted, 4);
	assert_int_equal(info.responded, 0);
	assert_int_equal(xseg_get_port_info(b.x, 0, &info), 0);
	assert_int_equal(info.responded, 1);
	assert_int_equal(info.received, 0);
	assert_int_equal(info.nr_requests, 5);
	xseg_receive(a.x, 0, 0);
	assert_int_equal(xseg_get_port_info(b.x, 0, &info), 0);
	assert_int_equal(info.received, 1);
	assert_int_equal(xseg_get_port_info(b.x, 7, &info), 0);
	assert_int_equal(info.bound | info.epoch, 0);
}

/* Also where somebody was killed who put a request there. */
static void test_port_info_half(void **state)
{
	struct ring ring = port_ring(a.x, 1, XSEG_RING_REQUEST);
	struct xseg_port_info info;
	u32 index;

	assert_int_equal(pool_alloc(a.x, POOL_REQUESTS, &index), 0);
	assert_int_equal(half_push(a.x, &ring, index), 0);
	assert_int_equal(xseg_get_port_info(a.x, 1, &info), 0);
	assert_int_equal(info.submitted, 1);
	assert_int_equal(info.accepted, 0);
	assert_int_equal(ring_pop(b.x, &ring, &index), 0);
	assert_int_equal(xseg_get_port_info(a.x, 1, &info), 0);
	assert_int_equal(info.submitted, 1);
	assert_int_equal(info.accepted, 1);
}

static void test_waiters(void **state)
{
	struct xseg_port_info info;

	xseg_prepare_wait(a.x, a.sd);
	xseg_get_port_info(b.x, 0, &info);
	assert_int_equal(info.waiters, 1);
	assert_int_equal(info.asleep, 0);
	/* A second prepare by the same thread replaces the first. */
	xseg_prepare_wait(a.x, a.sd);
	xseg_get_port_info(b.x, 0, &info);
	assert_int_equal(info.waiters, 1);
	xseg_cancel_wait(a.x, a.sd);
	assert_int_equal(xseg_cancel_wait(a.x, a.sd), 0);
	xseg_get_port_info(b.x, 0, &info);
	assert_int_equal(info.waiters, 0);
}

static struct xseg_stats stats_of(struct xseg *x)
{
	struct xseg_stats stats;

	assert_int_equal(xseg_get_stats(x, &stats), 0);
	return stats;
}

static void test_stats(void **state)
{
	struct xseg_stats was = stats_of(b.x);

	assert_int_equal(was.signals_sent | was.waits | was.sleeps, 0);
	/* nobody waits */
	assert_int_equal(xseg_signal(b.x, 0), 0);
	assert_int_equal(stats_of(b.x).signals_elided, was.signals_elided + 1);
	assert_int_equal(stats_of(b.x).signals_sent, 0);
	/* somebody does, and need not sleep */
	xseg_prepare_wait(a.x, a.sd);
	assert_int_equal(xseg_signal(b.x, 0), 0);
	assert_int_equal(stats_of(b.x).signals_sent, 1);
	assert_int_equal(xseg_wait_signal(a.x, a.sd, XSEG_WAIT_FOREVER), 0);
	assert_int_equal(stats_of(a.x).waits, 0);
	assert_int_equal(stats_of(a.x).sleeps, 0);
	/* nothing comes */
	assert_int_equal(xseg_wait_signal(a.x, a.sd, 1000), -ETIMEDOUT);
	assert_int_equal(stats_of(a.x).waits, 1);
	assert_int_equal(stats_of(a.x).sleeps, 1);
	assert_int_equal(xseg_wait_signal(a.x, a.sd, 0), -ETIMEDOUT);
	assert_int_equal(stats_of(a.x).waits, 1);
	assert_int_equal(stats_of(b.x).signals_elided, was.signals_elided + 1);
}

/* Calls that make no sense, and those of a forked child. */
static void test_knobs(void **state)
{
	assert_int_equal(xseg_set_wait_strategy(a.x, 4), -EINVAL);
	assert_int_equal(xseg_set_wait_strategy(a.x, XSEG_WAIT_SPIN), 0);
	assert_int_equal(xseg_set_sleep_cap(a.x, 0), -EINVAL);
	assert_int_equal(xseg_set_sleep_cap(a.x, XSEG_WAIT_FOREVER), 0);
	assert_int_equal(xseg_signal_fd(a.x, a.sd), -EOPNOTSUPP);
}

static void in_child(struct xseg *mine, void *arg)
{
	struct xseg *parents = arg;
	struct xseg_info info;

	if (xseg_get_info(mine, &info) || info.self != 2)
		_exit(1);
	if (xseg_get_info(parents, &info) != -ESTALE ||
	    xseg_leave(parents) != -ESTALE ||
	    xseg_signal(parents, 0) != -ESTALE ||
	    xseg_accept(parents, 0, 0) || errno != ESTALE)
		_exit(2);
}

static void test_fork(void **state)
{
	struct xseg_info info;

	peer_dies(fd, in_child, a.x);
	assert_int_equal(xseg_get_info(a.x, &info), 0);
	assert_int_equal(xseg_reap(a.x), 1);
	assert_in_order(a.x);
}

#define INFO_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INFO_TEST(test_info),
		INFO_TEST(test_peer_info),
		INFO_TEST(test_port_info),
		INFO_TEST(test_port_info_half),
		INFO_TEST(test_waiters),
		INFO_TEST(test_stats),
		INFO_TEST(test_knobs),
		INFO_TEST(test_fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
