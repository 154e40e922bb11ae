// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Peers that die between two steps of a request's journey: the others get
 * back what is theirs, and nothing is lost.
 */
#include <sys/wait.h>

#include "selftests/lib/countertype.h"
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
	assert_int_equal(xseg_reap(client.x), 0);
	assert_in_order(client.x);
	assert_in_order(server.x);
}

static struct xseg_request *ask(xport dst)
{
	struct xseg_request *req = xseg_get_request(client.x, 0, dst, 0);

	assert_non_null(req);
	assert_int_equal(xseg_prep_request(client.x, req, 10, 1000), 0);
	assert_int_equal(xseg_submit(client.x, req, 0, 0), dst);
	return req;
}

/* What the dying do; port 5 is theirs. */
static void be_bound(struct xseg *xseg)
{
	xseg_local_signal_init(xseg, "futex");
	xseg_bind_port(xseg, 5, xseg_get_signal_desc(xseg, "futex"));
}

static void dies_keeping(struct xseg *xseg, void *arg)
{
	be_bound(xseg);
	xseg_set_port_flags(xseg, 5, XSEG_PORT_KEEP);
}

static void dies_accepting(struct xseg *xseg, void *arg)
{
	struct ring ring;
	u32 index, i;

	be_bound(xseg);
	switch (*(int *)arg) {
	case 0:		/* nothing yet */
		break;
	case 1:		/* (T1) without (T2) */
		ring = port_ring(xseg, 5, XSEG_RING_REQUEST);
		half_pop(xseg, &ring, &index);
		break;
	default:
		for (i = 0; i < 3; i++)
			xseg_accept(xseg, 5, 0);
	}
}

/* A port keeps its requests, and also those that a dead server accepted. */
static void test_kept(void **state)
{
	struct xseg_request *req;
	int how;
	u32 i;

	for (how = 0; how < 3; how++) {
		peer_dies(fd, dies_keeping, NULL);
		assert_int_equal(xseg_reap(client.x), 1);
		for (i = 0; i < 3; i++)
			ask(5);
		peer_dies(fd, dies_accepting, &how);
		assert_int_equal(xseg_reap(server.x), 1);
		in_order();
		assert_errno(xseg_receive(client.x, 0, 0), EAGAIN);
		assert_int_equal(xseg_bind_port(server.x, 5, server.sd), 5);
		for (i = 0; i < 3; i++) {
			req = xseg_accept(server.x, 5, 0);
			assert_non_null(req);
			assert_int_equal(req->datalen, 1000);
			assert_int_equal(xseg_respond(server.x, req, 5, 0), 0);
		}
		for (i = 0; i < 3; i++) {
			req = xseg_receive(client.x, 0, 0);
			assert_int_equal(req->state, 0);
			xseg_put_request(client.x, req);
		}
		xseg_release_port(server.x, 5);
		in_order();
	}
}

static __u64 *buffer_own(struct xseg *xseg, u64 b)
{
	return pool_own(xseg, &xseg->geo.pool[POOL_BUFFERS + XBUF_CLASS(b)],
			XBUF_INDEX(b));
}

/* (D1) of the old buffer, and also (A1) and (A2) of a new one. */
static void half_resize(struct xseg *xseg, struct xseg_request *req, bool more)
{
	__u64 *own = buffer_own(xseg, req->buffer);
	struct xseg_buffer *buf;
	u32 index = 0;
	u64 b;

	request_of(xseg, req, &index);
	shm_write(own, own_next(shm_read(own), XOWN_OWNED, xseg->me));
	if (!more || buffer_alloc(xseg, 5000, &b))
		return;
	buf = (struct xseg_buffer *)buffer_own(xseg, b);
	shm_write(&buf->request, index);
	shm_write(&req->buffer, b);
}

/* Takes part in a journey, as far as told. */
static void dies_serving(struct xseg *xseg, void *arg)
{
	int *step = arg;
	struct xseg_request *req = NULL;

	be_bound(xseg);
	*step = 1;			/* ready */
	wait_until(step, 2);		/* until there is something */
	if (*step > 2)
		req = xseg_accept(xseg, 5, 0);
	if (*step == 4)
		xseg_respond(xseg, req, 5, 0);
	if (*step == 5)
		xseg_put_request(xseg, req);
	if (*step == 6)
		xseg_forward_request(xseg, req, 1, 5, 0);
	if (*step == 7)
		shm_write(&req->path_top, 0);	/* a reply half gone out */
	if (*step == 8)
		xseg_release_port(xseg, 5);
	if (*step == 9 || *step == 10)
		half_resize(xseg, req, *step == 10);
}

/* A server with a request for it, that goes as far as told and dies. */
static void serve_and_die(int steps)
{
	int *step = shared_alloc(sizeof(*step));
	pid_t pid = peer_start(fd, dies_serving, step);
	int status;

	wait_until(step, 1);
	ask(5);
	WRITE_ONCE(*step, steps);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void comes_back(u32 state, u32 error)
{
	struct xseg_request *req = xseg_receive(client.x, 0, 0);

	assert_non_null(req);
	assert_int_equal(req->state, state);
	assert_int_equal(req->error, error);
	assert_int_equal(xseg_put_request(client.x, req), 0);
	in_order();
}

static void test_server_dies(void **state)
{
	static const int steps[] = { 2, 3, 9, 10 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		serve_and_die(steps[i]);
		assert_errno(xseg_receive(client.x, 0, 0), EAGAIN);
		assert_int_equal(xseg_reap(client.x), 1);
		comes_back(XSEG_REQ_FAILED, EOWNERDEAD);
	}
}

/* It answered before it died. */
static void test_server_answered(void **state)
{
	serve_and_die(4);
	assert_int_equal(xseg_reap(client.x), 1);
	comes_back(0, 0);
	serve_and_die(5);
	assert_int_equal(xseg_reap(client.x), 1);
	comes_back(XSEG_REQ_FAILED, ECANCELED);
	/* all but the last step: the answer goes on as it is */
	serve_and_die(7);
	assert_int_equal(xseg_reap(client.x), 1);
	comes_back(0, 0);
	/* released what it had accepted from, without an answer */
	serve_and_die(8);
	assert_int_equal(xseg_reap(client.x), 1);
	comes_back(XSEG_REQ_FAILED, EOWNERDEAD);
}

/* It forwarded before it died: the reply passes it. */
static void test_forwarder_dies(void **state)
{
	struct xseg_request *req;

	serve_and_die(6);
	assert_int_equal(xseg_reap(client.x), 1);
	req = xseg_accept(server.x, 1, 0);
	assert_non_null(req);
	assert_int_equal(xseg_respond(server.x, req, 1, 0), 0);
	comes_back(XSEG_REQ_FAILED, EOWNERDEAD);
}

/* All of a submit or forward but the step that puts it into the queue. */
static void half_send(struct xseg *xseg, struct xseg_request *req, xport dst,
		      xport portno, bool pass)
{
	xport from = req->effective_dst_portno;
	u32 top = req->path_top;

	req->sending = XSENDING(XOWN_VER(req->own), from, top);
	path_set(req, pass ? top : top + 1);
	if (!pass)
		req->path[top] = XHOP_VIA(port_epoch(xseg, portno), portno,
					  from);
	req->transit_portno = portno;
	req->effective_dst_portno = dst;
}

/* Accepts at port 5, which keeps requests, and sends on by port 6. */
static void dies_sending(struct xseg *xseg, void *arg)
{
	int how = *(int *)arg;
	struct signal_desc *sd;
	struct xseg_request *req;

	xseg_local_signal_init(xseg, "futex");
	sd = xseg_get_signal_desc(xseg, "futex");
	xseg_bind_port(xseg, 5, sd);
	xseg_bind_port(xseg, 6, sd);
	req = xseg_accept(xseg, 5, 0);
	if (how == 0)
		xseg_forward_request(xseg, req, 1, 6, 0);
	else
		half_send(xseg, req, 1, 6, how == 2);
}

/*
 * Killed in the middle of it, or after: the request goes to the next server of
 * the port that it was accepted from, not to where it was about to go.
 */
static void test_sender_dies(void **state)
{
	struct xseg_request *req;
	int how;

	for (how = 0; how < 3; how++) {
		peer_dies(fd, dies_keeping, NULL);
		assert_int_equal(xseg_reap(client.x), 1);
		ask(5);
		peer_dies(fd, dies_sending, &how);
		assert_int_equal(xseg_reap(client.x), 1);
		req = xseg_accept(server.x, 1, 0);
		assert_int_equal(!req, how != 0);
		if (req)
			xseg_respond(server.x, req, 1, 0);
		assert_errno(xseg_receive(client.x, 0, 0), EAGAIN);
		assert_int_equal(xseg_bind_port(server.x, 5, server.sd), 5);
		req = xseg_accept(server.x, 5, 0);
		assert_non_null(req);
		assert_int_equal(req->path_top, 1);
		assert_int_equal(xseg_respond(server.x, req, 5, 0), 0);
		assert_int_equal(xseg_set_port_flags(server.x, 5, 0), 0);
		assert_int_equal(xseg_release_port(server.x, 5), 0);
		comes_back(0, 0);
	}
}

/* Sent on and not taken since: it was in the queue, and is not undone. */
static void dies_taking(struct xseg *xseg, void *arg)
{
	xseg_local_signal_init(xseg, "futex");
	xseg_bind_port(xseg, 6, xseg_get_signal_desc(xseg, "futex"));
	xseg_accept(xseg, 6, 0);
}

static void test_taker_dies(void **state)
{
	struct xseg_request *req;

	assert_int_equal(xseg_bind_port(client.x, 6, client.sd), 6);
	xseg_set_port_flags(client.x, 6, XSEG_PORT_KEEP);
	xseg_release_port(client.x, 6);
	ask(1);
	req = xseg_accept(server.x, 1, 0);
	assert_int_equal(xseg_forward_request(server.x, req, 6, 1, 0), 6);
	peer_dies(fd, dies_taking, NULL);
	assert_int_equal(xseg_reap(client.x), 1);
	assert_errno(xseg_accept(server.x, 1, 0), EAGAIN);
	assert_int_equal(xseg_bind_port(client.x, 6, client.sd), 6);
	req = xseg_accept(client.x, 6, 0);
	assert_non_null(req);
	assert_int_equal(req->path_top, 2);
	assert_int_equal(xseg_respond(client.x, req, 6, 0), 1);
	req = xseg_receive(server.x, 1, 0);
	assert_int_equal(xseg_respond(server.x, req, 1, 0), 0);
	xseg_set_port_flags(client.x, 6, 0);
	xseg_release_port(client.x, 6);
	comes_back(0, 0);
}

/* Asks, as far as told, and dies. */
static void dies_asking(struct xseg *xseg, void *arg)
{
	int step = *(int *)arg;
	struct xseg_request *req;

	be_bound(xseg);
	if (step > 0)
		req = xseg_get_request(xseg, 5, 1, 0);
	if (step > 1)
		xseg_prep_request(xseg, req, 10, 5000);
	if (step > 2)
		xseg_set_req_data(xseg, req, &step);
	if (step > 3)
		xseg_submit(xseg, req, 5, 0);
	if (step > 4)
		xseg_alloc_requests(xseg, 5, 4);
}

/* What a dead client asked for is answered to nobody, and is free again. */
static void test_client_dies(void **state)
{
	struct xseg_request *req;
	int step;

	for (step = 0; step < 6; step++) {
		peer_dies(fd, dies_asking, &step);
		req = xseg_accept(server.x, 1, 0);
		assert_int_equal(!req, step < 4);
		assert_int_equal(xseg_reap(server.x), 1);
		if (req)
			assert_int_equal(xseg_respond(server.x, req, 1, 0),
					 XSEG_NOBODY);
		in_order();
		assert_int_equal(audit_free(server.x, POOL_REQUESTS), 32);
		assert_int_equal(audit_free(server.x, POOL_DESCS), 14);
	}
	/* not accepted when it died: served all the same */
	step = 4;
	peer_dies(fd, dies_asking, &step);
	assert_int_equal(xseg_reap(server.x), 1);
	req = xseg_accept(server.x, 1, 0);
	if (req)
		assert_int_equal(xseg_respond(server.x, req, 1, 0),
				 XSEG_NOBODY);
	assert_int_equal(audit_free(server.x, POOL_REQUESTS), 32);
	in_order();
}

static void dies_receiving(struct xseg *xseg, void *arg)
{
	int *step = arg;

	be_bound(xseg);
	xseg_submit(xseg, xseg_get_request(xseg, 5, 1, 0), 5, 0);
	*step = 1;
	wait_until(step, 2);
	if (*step > 2)
		xseg_receive(xseg, 5, 0);
}

static void test_receiver_dies(void **state)
{
	int *step = shared_alloc(sizeof(*step));
	struct xseg_request *req;
	int n, status;
	pid_t pid;

	for (n = 2; n < 4; n++) {
		WRITE_ONCE(*step, 0);
		pid = peer_start(fd, dies_receiving, step);
		wait_until(step, 1);
		req = xseg_accept(server.x, 1, 0);
		assert_non_null(req);
		assert_int_equal(xseg_respond(server.x, req, 1, 0), 5);
		WRITE_ONCE(*step, n);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(xseg_reap(client.x), 1);
		assert_int_equal(audit_free(client.x, POOL_REQUESTS), 32);
		in_order();
	}
}

/* What a dead peer held of descriptors is dropped, quit is run once. */
static void dies_holding(struct xseg *xseg, void *arg)
{
	struct signal_desc *sd;

	xseg_local_signal_init(xseg, "counter");
	sd = xseg_get_signal_desc(xseg, "counter");
	xseg_get_signal_desc(xseg, "counter");
	xseg_get_port_signal_desc(xseg, 0);
	xseg_hold_signal_desc(xseg, sd);
	if (*(int *)arg)
		xseg_bind_port(xseg, 5, sd);
}

static void test_descs(void **state)
{
	struct xseg_signal_type type = counter_type("counter");
	struct signal_desc *sd;
	int bound;

	assert_int_equal(xseg_register_signal_type(&type), 0);
	for (bound = 0; bound < 2; bound++) {
		memset(counts, 0, sizeof(*counts));
		peer_dies(fd, dies_holding, &bound);
		sd = xseg_get_port_signal_desc(client.x, 5);
		assert_int_equal(!sd, !bound);
		assert_int_equal(xseg_reap(client.x), 1);
		assert_int_equal(counts->quit, 2 - bound);
		in_order();
		/* Who still holds one goes on holding it. */
		if (sd)
			assert_int_equal(xseg_put_signal_desc(client.x, sd),
					 0);
		assert_int_equal(counts->quit, 2);
		assert_int_equal(counts->live, 0);
		in_order();
	}
	xseg_leave(client.x);
	xseg_leave(server.x);
	assert_int_equal(xseg_unregister_signal_type(&type), 0);
	client = peer_new(fd, 0);
	server = peer_new(fd, 1);
}

/* It made a descriptor and died before it was there, or after it was gone. */
static void dies_making(struct xseg *xseg, void *arg)
{
	struct xseg_desc *d;
	u32 index;

	pool_alloc(xseg, POOL_DESCS, &index);
	d = xseg_desc(xseg, index);
	if (*(int *)arg > 0)
		shm_or(&d->holders[xseg->me / 64], 1ULL << xseg->me % 64);
	if (*(int *)arg > 1)
		shm_write(&d->own, own_next(shm_read(&d->own), XOWN_LIVE,
					    xseg->me));
	if (*(int *)arg > 2)
		shm_write(&d->own, own_next(shm_read(&d->own), XOWN_DYING,
					    xseg->me));
	if (*(int *)arg > 3)
		shm_and(&d->holders[xseg->me / 64],
			~(1ULL << xseg->me % 64));
}

static void test_dies_making(void **state)
{
	int n;

	for (n = 0; n < 5; n++) {
		peer_dies(fd, dies_making, &n);
		assert_int_equal(xseg_reap(client.x), 1);
		assert_int_equal(audit_free(client.x, POOL_DESCS), 14);
		in_order();
	}
}

/* Reaping twice, or by several, is reaping. */
static void dies(struct xseg *xseg, void *arg)
{
	be_bound(xseg);
	xseg_submit(xseg, xseg_get_request(xseg, 5, 1, 0), 5, 0);
}

static void test_repeated(void **state)
{
	struct xseg_peer_info info;
	struct xseg_info before, after;

	xseg_get_info(client.x, &before);
	peer_dies(fd, dies, NULL);
	xseg_get_peer_info(client.x, 2, &info);
	assert_int_equal(info.state, XSEG_PEER_USED);
	assert_int_equal(info.alive, 0);
	/* A reaper that died at the end: all of it again. */
	reap_peer(client.x, 2, true);
	reap_peer(server.x, 2, true);
	assert_int_equal(xseg_reap(client.x), 1);
	assert_int_equal(xseg_reap(server.x), 0);
	xseg_get_peer_info(client.x, 2, &info);
	assert_int_equal(info.state, XSEG_PEER_FREE);
	xseg_get_info(client.x, &after);
	assert_true(after.reap_epoch > before.reap_epoch);
	in_order();
}

/* The slot of a dead peer is taken only after all others, and cleaned. */
static void test_join_reaps(void **state)
{
	struct xseg *x[XSEG_MAX_USER_PEERS];
	u32 i, n = 0;

	peer_dies(fd, dies, NULL);
	while (n < ARRAY_SIZE(x)) {
		x[n] = xseg_join_fd(fd, 0);
		if (!x[n])
			break;
		n++;
	}
	assert_int_equal(errno, EUSERS);
	assert_int_equal(n, XSEG_MAX_USER_PEERS - 2);
	assert_int_equal(x[n - 1]->me, 2);
	in_order();
	for (i = 0; i < n; i++)
		assert_int_equal(xseg_leave(x[i]), 0);
	in_order();
}

#define REAP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REAP_TEST(test_kept),
		REAP_TEST(test_server_dies),
		REAP_TEST(test_server_answered),
		REAP_TEST(test_forwarder_dies),
		REAP_TEST(test_sender_dies),
		REAP_TEST(test_taker_dies),
		REAP_TEST(test_client_dies),
		REAP_TEST(test_receiver_dies),
		REAP_TEST(test_descs),
		REAP_TEST(test_dies_making),
		REAP_TEST(test_repeated),
		REAP_TEST(test_join_reaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
