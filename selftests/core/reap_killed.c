// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who moves a dead server's request is killed after each of its stores into
 * the request: it goes to the next server all the same.
 *
 * Port 5 keeps requests. Its server forwards them by its port 6; port 7 is of
 * one to whom it forwards, and does not keep.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "selftests/lib/unit.h"

#define STORES_MAX	100

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

static struct signal_desc *futex_desc(struct xseg *xseg)
{
	xseg_local_signal_init(xseg, "futex");
	return xseg_get_signal_desc(xseg, "futex");
}

/* Forwards what it accepts at 5 to a port, and says so. */
static void forward(struct xseg *xseg, xport dst, int *step)
{
	struct signal_desc *sd = futex_desc(xseg);
	struct xseg_request *req;

	xseg_bind_port(xseg, 5, sd);
	xseg_set_port_flags(xseg, 5, XSEG_PORT_KEEP);
	xseg_bind_port(xseg, 6, sd);
	WRITE_ONCE(*step, 1);
	do {
		req = xseg_accept(xseg, 5, 0);
	} while (!req);
	while (xseg_forward_request(xseg, req, dst, 6, 0) < 0)
		;
}

static void dies_forwarding(struct xseg *xseg, void *arg)
{
	forward(xseg, 7, arg);
}

static void dies_receiving(struct xseg *xseg, void *arg)
{
	forward(xseg, 1, arg);
	while (!xseg_receive(xseg, 6, 0))
		;
}

/* A request, and who is to forward it; ends when that one does. */
static struct xseg_request *forwarder(peer_body body, xport dst)
{
	int *step = shared_alloc(sizeof(*step));
	struct xseg_request *req, *at;
	pid_t pid = peer_start(fd, body, step);
	int status;

	wait_until(step, 1);
	req = xseg_get_request(client.x, 0, 5, 0);
	assert_non_null(req);
	assert_int_equal(xseg_submit(client.x, req, 0, 0), 5);
	if (dst == 1) {
		do {
			at = xseg_accept(server.x, 1, 0);
		} while (!at);
		assert_int_equal(xseg_respond(server.x, at, 1, 0), 6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return req;
}

static void traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP))
		_exit(1);
}

static void reaps(struct xseg *xseg, void *arg)
{
	traced();
	xseg_reap(xseg);
}

static void responds(struct xseg *xseg, void *arg)
{
	struct xseg_request *req;

	xseg_bind_port(xseg, 7, futex_desc(xseg));
	do {
		req = xseg_accept(xseg, 7, 0);
	} while (!req);
	while (xseg_reap(xseg) != 1)
		;			/* the forwarder */
	traced();
	xseg_respond(xseg, req, 7, 0);
}

/* Kills after so many stores; false if it came to its end before. */
static bool killed_after(pid_t pid, const struct xseg_request *req, int stores)
{
	struct xseg_request was = *req;
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	while (stores) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status)) {
			assert_int_equal(status, 0);
			return false;
		}
		if (memcmp(&was, req, sizeof(was))) {
			was = *req;
			stores--;
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return true;
}

/* Whoever was killed where: the next server of port 5 has it. */
static void next_server_has(const struct xseg_request *req)
{
	struct xseg_request *got;

	xseg_reap(client.x);
	assert_errno(xseg_receive(client.x, 0, 0), EAGAIN);
	assert_int_equal(xseg_bind_port(server.x, 5, server.sd), 5);
	got = xseg_accept(server.x, 5, 0);
	assert_non_null(got);
	assert_int_equal(got->path_top, 1);
	assert_int_equal(xseg_respond(server.x, got, 5, 0), 0);
	xseg_set_port_flags(server.x, 5, 0);
	xseg_release_port(server.x, 5);
	got = xseg_receive(client.x, 0, 0);
	assert_ptr_equal(got, req);
	assert_int_equal(got->state, 0);
	assert_int_equal(xseg_put_request(client.x, got), 0);
	assert_int_equal(xseg_reap(client.x), 0);
	assert_in_order(client.x);
}

static void killed_everywhere(peer_body before, xport dst, peer_body body)
{
	const struct xseg_request *req;
	bool killed = true;
	int stores;
	pid_t pid;

	for (stores = 0; killed && stores < STORES_MAX; stores++) {
		pid = peer_start(fd, body, NULL);
		req = forwarder(before, dst);
		killed = killed_after(pid, req, stores);
		next_server_has(req);
	}
	assert_false(killed);
	assert_true(stores > 3);
}

/* The forwarder had it back already. */
static void test_reaper(void **state)
{
	killed_everywhere(dies_receiving, 1, reaps);
}

/* The forwarder is gone when the one that it forwarded to answers. */
static void test_responder(void **state)
{
	killed_everywhere(dies_forwarding, 7, responds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reaper, setup, teardown),
		cmocka_unit_test_setup_teardown(test_responder, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
