// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes that do everything a peer can do are killed at random instants,
 * and reaped. Whenever all are gone, each object is in exactly one place and
 * all counts are right; at the end all of them can be had again.
 *
 * XSEG_TEST_SECONDS says how long it goes on.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "selftests/lib/unit.h"

#define WORKERS	3
#define PORTS	6

static int fd;
static struct peer self;	/* stays, and must not lose anything either */
static struct rng rng;

/* A worker's view. */
struct worker {
	struct xseg *x;
	struct rng rng;
	struct signal_desc *sd;
	xport port;
	struct xseg_request *mine[4];
	u32 nr;
};

static void keep(struct worker *w, struct xseg_request *req)
{
	if (req && w->nr < ARRAY_SIZE(w->mine))
		w->mine[w->nr++] = req;
	else if (req)
		xseg_put_request(w->x, req);
}

/* Does something with a request that it has, after which it has it no more. */
static void pass_on(struct worker *w)
{
	struct xseg_request *req;
	xport to = rng_below(&w->rng, PORTS);
	int ret;

	if (!w->nr)
		return;
	req = w->mine[--w->nr];
	switch (rng_below(&w->rng, 5)) {
	case 0:
		ret = xseg_submit(w->x, req, w->port, XSEG_SIGNAL);
		break;
	case 1:
		ret = xseg_forward_request(w->x, req, to, w->port,
					   rng_below(&w->rng, 2) * XSEG_PASS);
		break;
	case 2:
	case 3:
		ret = xseg_respond(w->x, req, w->port, XSEG_SIGNAL);
		break;
	default:
		ret = -EAGAIN;
	}
	if (ret < 0)
		xseg_put_request(w->x, req);
}

static void change_room(struct worker *w)
{
	u64 len = rng_next(&w->rng) >> (48 + rng_below(&w->rng, 16));

	if (!w->nr)
		return;
	if (rng_below(&w->rng, 2))
		xseg_prep_request(w->x, w->mine[0], 20, len);
	else
		xseg_resize_request(w->x, w->mine[0], 30, len);
}

static void change_port(struct worker *w)
{
	int ret;

	switch (rng_below(&w->rng, 8)) {
	case 0:
		xseg_release_port(w->x, w->port);
		ret = xseg_bind_port(w->x, rng_below(&w->rng, PORTS), w->sd);
		if (ret < 0)
			ret = xseg_bind_port(w->x, NoPort, w->sd);
		w->port = (xport)ret;
		break;
	case 1:
		xseg_set_port_flags(w->x, w->port, rng_below(&w->rng, 2));
		break;
	case 2:
		xseg_reap(w->x);
		break;
	case 3:
		xseg_set_max_requests(w->x, w->port,
				      1 + rng_below(&w->rng, 8));
		break;
	case 4 ... 5:
		xseg_alloc_requests(w->x, w->port, 3);
		break;
	default:
		xseg_free_requests(w->x, w->port, 2);
	}
}

static void change_descs(struct worker *w)
{
	struct signal_desc *sd;

	sd = rng_below(&w->rng, 2) ?
	     xseg_get_port_signal_desc(w->x, rng_below(&w->rng, PORTS)) :
	     xseg_get_signal_desc(w->x, "futex");
	xseg_signal(w->x, rng_below(&w->rng, PORTS));
	if (sd)
		xseg_put_signal_desc(w->x, sd);
}

static void work_once(struct worker *w)
{
	switch (rng_below(&w->rng, 16)) {
	case 0 ... 3:
		keep(w, xseg_get_request(w->x, w->port,
					 rng_below(&w->rng, PORTS), 0));
		break;
	case 4 ... 5:
		keep(w, xseg_accept(w->x, w->port, 0));
		break;
	case 6 ... 7:
		keep(w, xseg_receive(w->x, w->port, 0));
		break;
	case 8 ... 11:
		pass_on(w);
		break;
	case 12:
		change_room(w);
		break;
	case 13:
		change_descs(w);
		break;
	case 14:
		xseg_prepare_wait(w->x, w->sd);
		xseg_wait_signal(w->x, w->sd, rng_below(&w->rng, 50));
		break;
	default:
		change_port(w);
	}
}

/* Until it is killed. */
static void work(struct xseg *xseg, void *arg)
{
	struct worker w = { .x = xseg, .rng = *(struct rng *)arg };

	xseg_local_signal_init(xseg, "futex");
	w.sd = xseg_get_signal_desc(xseg, "futex");
	w.port = (xport)xseg_bind_port(xseg, NoPort, w.sd);
	for (;;)
		work_once(&w);
}

static pid_t worker_start(void)
{
	struct rng seed = { rng_next(&rng) };

	return peer_start(fd, work, &seed);
}

static void worker_kill(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* A worker that crashed is no worker that was killed. */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void pause_for(u32 usec)
{
	usleep(1 + rng_below(&rng, usec));
}

/* This process takes part as well, and puts all that it gets. */
static void take_part(u32 turns)
{
	struct xseg_request *req;

	while (turns--) {
		req = xseg_get_request(self.x, self.port,
				       rng_below(&rng, PORTS), 0);
		if (req && xseg_submit(self.x, req, self.port,
				       XSEG_SIGNAL) < 0)
			xseg_put_request(self.x, req);
		req = xseg_receive(self.x, self.port, 0);
		if (req)
			xseg_put_request(self.x, req);
		req = xseg_accept(self.x, self.port, 0);
		if (req && xseg_respond(self.x, req, self.port, 0) < 0)
			xseg_put_request(self.x, req);
	}
}

static int setup(void **state)
{
	struct xseg_params p = small_params;

	p.nr_requests = 48;
	p.nr_descs = 12;
	fd = segment_new(&p);
	self = peer_new(fd, 7);
	return 0;
}

static int teardown(void **state)
{
	xseg_leave(self.x);
	return close(fd);
}

/* All that can be had is there again. */
static void nothing_lost(void)
{
	struct xseg_request *req;
	struct signal_desc *sd;
	xport p;

	/* Ports that keep requests give them to whoever comes. */
	for (p = 0; p < PORTS; p++) {
		assert_int_equal(xseg_bind_port(self.x, p, self.sd), p);
		xseg_set_port_flags(self.x, p, 0);
		xseg_release_port(self.x, p);
	}
	while ((req = xseg_receive(self.x, self.port, 0)))
		xseg_put_request(self.x, req);
	while ((req = xseg_accept(self.x, self.port, 0)))
		xseg_put_request(self.x, req);
	while ((req = xseg_receive(self.x, self.port, 0)))
		xseg_put_request(self.x, req);
	xseg_free_requests(self.x, self.port, 8);
	assert_int_equal(audit_free(self.x, POOL_REQUESTS), 48);
	assert_int_equal(audit_free(self.x, POOL_DESCS), 11);
	assert_in_order(self.x);
	sd = xseg_get_signal_desc(self.x, "futex");
	assert_int_equal(xseg_put_signal_desc(self.x, sd), 0);
}

/* All are killed, and then reaped. */
static void test_all(void **state)
{
	double end = now_seconds() + test_seconds(4);
	pid_t pid[WORKERS];
	u32 i, kills = 0;

	while (now_seconds() < end) {
		for (i = 0; i < WORKERS; i++)
			pid[i] = worker_start();
		pause_for(8000);
		take_part(rng_below(&rng, 20));
		for (i = 0; i < WORKERS; i++, kills++) {
			worker_kill(pid[i]);
			if (rng_below(&rng, 2))
				pause_for(500);
		}
		assert_true(xseg_reap(self.x) >= 0);
		assert_int_equal(xseg_reap(self.x), 0);
		assert_in_order(self.x);
	}
	printf("# %u kills\n", kills);
	nothing_lost();
}

/* One is killed while the others go on; they reap, or we do. */
static void test_one_by_one(void **state)
{
	double end = now_seconds() + test_seconds(4);
	pid_t pid[WORKERS];
	u32 i, kills = 0;

	for (i = 0; i < WORKERS; i++)
		pid[i] = worker_start();
	while (now_seconds() < end) {
		pause_for(6000);
		i = rng_below(&rng, WORKERS);
		worker_kill(pid[i]);
		kills++;
		if (rng_below(&rng, 2))
			assert_true(xseg_reap(self.x) >= 0);
		take_part(5);
		pid[i] = worker_start();
	}
	for (i = 0; i < WORKERS; i++)
		worker_kill(pid[i]);
	assert_true(xseg_reap(self.x) >= 0);
	assert_in_order(self.x);
	printf("# %u kills\n", kills + WORKERS);
	nothing_lost();
}

#define KILL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KILL_TEST(test_all),
		KILL_TEST(test_one_by_one),
	};

	rng = rng_new();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
