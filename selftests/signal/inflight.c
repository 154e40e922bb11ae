// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is under way when a peer dies: requests at a dead server, replies for
 * a dead client, sleepers whose signaller died before it signalled, reapers
 * that die themselves. In the end nothing may be missing from the segment.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

enum { CLIENT, SERVER, NEXT };	/* ports */

/**
 * struct shared - what the processes of a test share
 * @segment: where
 * @ready:   where the test and its child meet
 * @keep:    the server's port keeps its requests
 * @accept:  how many of its requests the server accepts
 * @go:	     the reaper may begin
 * @uncapped: the sleeper's cap is off
 */
struct shared {
	struct ks_segment segment;
	struct ks_barrier ready;
	bool keep;
	bool go;
	unsigned int accept;
	bool uncapped;
};

static struct shared *shared;

FIXTURE(inflight)
{
	struct ks_peer peer;
};

FIXTURE_SETUP(inflight)
{
	shared = ks_shared(sizeof(*shared));
	ASSERT_EQ(0, ks_create(&shared->segment, &ks_small));
}

FIXTURE_TEARDOWN(inflight)
{
	ks_destroy(&shared->segment);
}

static void bind_process(struct ks_peer *peer, xport port)
{
	ks_peer_join(peer, shared->segment.name, "futex", port);
}

/* Is bound; then has so many requests accepted; then waits to be killed. */
static void server_process(void *arg)
{
	struct ks_peer peer;
	unsigned int i;

	bind_process(&peer, SERVER);
	if (shared->keep)
		KS_CHECK(!xseg_set_port_flags(peer.x, SERVER, XSEG_PORT_KEEP));
	ks_meet(&shared->ready, 2);
	for (i = 0; i < shared->accept; i++)
		KS_CHECK(ks_wait_request(&peer)->cookie == i);
	ks_meet(&shared->ready, 2);
	for (;;)
		pause();
}

/* Four requests at a server, of which it accepted some; then it is killed. */
static void server_dies(struct ks_peer *client)
{
	pid_t pid = ks_fork(server_process, NULL);
	unsigned int i;

	bind_process(client, CLIENT);
	ks_meet(&shared->ready, 2);
	for (i = 0; i < 4; i++)
		ks_ask(client, SERVER, i);
	ks_meet(&shared->ready, 2);
	ks_kill(pid);
}

/* All four are back as failed. */
static void check_failed(struct __test_metadata *_metadata,
			 struct ks_peer *client)
{
	unsigned int seen = 0, i;

	for (i = 0; i < 4; i++) {
		struct xseg_request *req = ks_wait_reply(client);

		EXPECT_EQ(XSEG_REQ_FAILED, req->state);
		EXPECT_EQ(EOWNERDEAD, req->error);
		seen |= 1U << req->cookie;
		EXPECT_EQ(0, xseg_put_request(client->x, req));
	}
	EXPECT_EQ(15, seen);
	EXPECT_EQ(NULL, xseg_receive(client->x, CLIENT, 0));
}

TEST_F_TIMEOUT(inflight, dead_server, 0)
{
	for (shared->accept = 0; shared->accept <= 4; shared->accept++) {
		server_dies(&self->peer);
		EXPECT_EQ(1, xseg_reap(self->peer.x));
		check_failed(_metadata, &self->peer);
		EXPECT_EQ(0, xseg_leave(self->peer.x));
		EXPECT_EQ(0, ks_audit(shared->segment.name, 0, 0));
	}
}

/* Nobody reaps on purpose: the sleeping client's own look round does. */
TEST_F_TIMEOUT(inflight, dead_server_found_by_sleeper, 0)
{
	uint64_t start;

	shared->accept = 2;
	server_dies(&self->peer);
	start = ks_now_ns();
	check_failed(_metadata, &self->peer);
	printf("# the death was noticed after %.2f s\n",
	       (double)(ks_now_ns() - start) / 1e9);
	EXPECT_EQ(0, xseg_leave(self->peer.x));
}

TEST_F_TIMEOUT(inflight, dead_server_found_by_signaller, 0)
{
	struct ks_peer *p = &self->peer;
	struct xseg_request *req;

	server_dies(p);
	req = xseg_get_request(p->x, CLIENT, SERVER, 0);
	ASSERT_NE(NULL, req);
	/* nobody sleeps there: it is not noticed, nor need it be */
	EXPECT_EQ(SERVER, xseg_submit(p->x, req, CLIENT, XSEG_SIGNAL));
	EXPECT_EQ(1, xseg_reap(p->x));
	EXPECT_EQ(-ENOTCONN, xseg_signal(p->x, SERVER));
	req = xseg_get_request(p->x, CLIENT, SERVER, 0);
	ASSERT_NE(NULL, req);
	EXPECT_EQ(-ENOTCONN, xseg_submit(p->x, req, CLIENT, 0));
	EXPECT_EQ(0, xseg_put_request(p->x, req));
	EXPECT_EQ(0, xseg_leave(p->x));
	EXPECT_EQ(0, ks_audit(shared->segment.name, 0, 0));
}

/* With XSEG_PORT_KEEP the next server gets all that was not answered. */
TEST_F_TIMEOUT(inflight, next_server, 0)
{
	struct ks_peer *client = &self->peer, next;
	struct xseg_request *req;
	unsigned int i, seen;

	shared->keep = true;
	for (shared->accept = 0; shared->accept <= 4; shared->accept++) {
		server_dies(client);
		EXPECT_EQ(1, xseg_reap(client->x));
		EXPECT_EQ(NULL, xseg_receive(client->x, CLIENT, 0));
		ks_ask(client, SERVER, 4);	/* it keeps requests meanwhile */
		bind_process(&next, SERVER);
		for (i = 0, seen = 0; i < 5; i++) {
			req = xseg_accept(next.x, SERVER, 0);
			ASSERT_NE(NULL, req);
			seen |= 1U << req->cookie;
			EXPECT_EQ(CLIENT, xseg_respond(next.x, req, SERVER, 0));
			req = xseg_receive(client->x, CLIENT, 0);
			ASSERT_NE(NULL, req);
			EXPECT_EQ(0, req->error);
			EXPECT_EQ(0, xseg_put_request(client->x, req));
		}
		EXPECT_EQ(31, seen);
		EXPECT_EQ(NULL, xseg_accept(next.x, SERVER, 0));
		EXPECT_EQ(0, xseg_set_port_flags(next.x, SERVER, 0));
		EXPECT_EQ(0, xseg_leave(next.x));
		EXPECT_EQ(0, xseg_leave(client->x));
		EXPECT_EQ(0, ks_audit(shared->segment.name, 0, 0));
	}
}

/* Asks four times, one of them without a signal, and waits to be killed. */
static void client_process(void *arg)
{
	struct ks_peer peer;
	unsigned int i;

	bind_process(&peer, CLIENT);
	for (i = 0; i < 4; i++)
		ks_ask(&peer, SERVER, i);
	ks_meet(&shared->ready, 2);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(inflight, dead_client, 0)
{
	struct ks_peer *server = &self->peer;
	struct xseg_request *req[4];
	unsigned int i;
	pid_t pid;

	bind_process(server, SERVER);
	pid = ks_fork(client_process, NULL);
	ks_meet(&shared->ready, 2);
	req[0] = xseg_accept(server->x, SERVER, 0);
	req[1] = xseg_accept(server->x, SERVER, 0);
	/* answered, but not received before it dies */
	EXPECT_EQ(CLIENT, xseg_respond(server->x, req[0], SERVER, 0));
	ks_kill(pid);
	EXPECT_EQ(1, xseg_reap(server->x));
	EXPECT_EQ(XSEG_NOBODY, xseg_respond(server->x, req[1], SERVER,
					    XSEG_SIGNAL));
	for (i = 2; i < 4; i++) {
		req[i] = xseg_accept(server->x, SERVER, 0);
		ASSERT_NE(NULL, req[i]);
		EXPECT_EQ(XSEG_NOBODY, xseg_respond(server->x, req[i], SERVER,
						    XSEG_SIGNAL));
		EXPECT_EQ(-EINVAL, xseg_put_request(server->x, req[i]));
	}
	EXPECT_EQ(NULL, xseg_accept(server->x, SERVER, 0));
	EXPECT_EQ(0, ks_audit(shared->segment.name, 1, 0));
	EXPECT_EQ(0, xseg_leave(server->x));
}

/* Submits to the sleeper and dies before it signals. */
static void silent_process(void *arg)
{
	struct xseg_request *req;
	struct ks_peer peer;

	bind_process(&peer, CLIENT);
	req = xseg_get_request(peer.x, CLIENT, SERVER, 0);
	KS_CHECK(req);
	req->cookie = 8;
	KS_CHECK(xseg_submit(peer.x, req, CLIENT, 0) == SERVER);
	_exit(0);
}

static void sleeper_process(void *arg)
{
	struct ks_peer peer;

	bind_process(&peer, SERVER);
	if (shared->uncapped)
		KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	KS_CHECK(ks_wait_request(&peer)->cookie == 8);
	KS_CHECK(!xseg_leave(peer.x));
}

/* Alone with the dead one, it is its own cap that wakes it. */
TEST_F_TIMEOUT(inflight, sleeper_finds_dead_signaller, 0)
{
	pid_t pid = ks_fork(sleeper_process, NULL);
	uint64_t start;

	ks_sleeping(pid);
	EXPECT_EQ(0, ks_wait(ks_fork(silent_process, NULL)));
	start = ks_now_ns();
	EXPECT_EQ(0, ks_wait(pid));
	printf("# the sleeper noticed after %.2f s\n",
	       (double)(ks_now_ns() - start) / 1e9);
	EXPECT_GT(4000000000U, ks_now_ns() - start);
}

/* Without a cap it is whoever reaps that wakes it. */
TEST_F_TIMEOUT(inflight, reaper_wakes_sleepers, 0)
{
	pid_t pid;

	shared->uncapped = true;
	pid = ks_fork(sleeper_process, NULL);
	ks_sleeping(pid);
	EXPECT_EQ(0, ks_wait(ks_fork(silent_process, NULL)));
	usleep(100000);
	EXPECT_EQ('S', ks_state(pid));		/* or this tests nothing */
	bind_process(&self->peer, NEXT);
	EXPECT_EQ(1, xseg_reap(self->peer.x));
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(self->peer.x));
}

/* A peer with some of everything, in the middle of its work. */
static void busy_process(void *arg)
{
	struct xseg_request *req;
	struct ks_peer peer;
	unsigned int i;

	bind_process(&peer, CLIENT);
	KS_CHECK(xseg_get_port_signal_desc(peer.x, SERVER));
	KS_CHECK(xseg_get_signal_desc(peer.x, "futex"));
	for (i = 0; i < 4; i++)
		ks_ask(&peer, SERVER, i);
	ks_meet(&shared->ready, 2);
	for (i = 0;; i++) {
		req = xseg_get_request(peer.x, CLIENT, i & 1, 0);
		if (req) {
			KS_CHECK(!xseg_prep_request(peer.x, req, 0, 4096));
			xseg_submit(peer.x, req, CLIENT, XSEG_SIGNAL);
		}
		req = xseg_accept(peer.x, CLIENT, 0);
		if (req)
			xseg_respond(peer.x, req, CLIENT, XSEG_SIGNAL);
		req = xseg_receive(peer.x, CLIENT, 0);
		if (req)
			xseg_put_request(peer.x, req);
	}
}

static void reaper_process(void *arg)
{
	struct xseg *x = xseg_join(shared->segment.name, 0);

	KS_CHECK(x);
	ks_meet(&shared->ready, 2);
	while (!__atomic_load_n(&shared->go, __ATOMIC_SEQ_CST))
		;
	KS_CHECK(xseg_reap(x) >= 0);
	KS_CHECK(!xseg_leave(x));
}

/*
 * What it took to reap, without the time that others had the CPU. A process
 * that has yet to get its pages takes more.
 */
static uint32_t reap_ns = 50000;

static uint64_t cpu_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Reaps, after so many who did not come to the end. */
static int reap_after(struct xseg *x, unsigned int reapers)
{
	uint64_t start = cpu_now_ns();
	int ret = xseg_reap(x);

	if (!reapers)		/* all of it */
		reap_ns = (uint32_t)(cpu_now_ns() - start);
	return ret;
}

/* Kills a reaper somewhere in its work; true if it was not done yet. */
static bool kill_reaper(uint64_t *dice)
{
	uint64_t until;
	pid_t pid;

	shared->go = false;
	pid = ks_fork(reaper_process, NULL);
	ks_meet(&shared->ready, 2);
	usleep(1000);			/* so that it stands by */
	until = ks_now_ns() + ks_random(dice) % (4 * reap_ns + 1);
	__atomic_store_n(&shared->go, true, __ATOMIC_SEQ_CST);
	while (ks_now_ns() < until)
		;
	KS_CHECK(!kill(pid, SIGKILL));
	return ks_wait(pid) == KS_KILLED;
}

/* Kills a busy peer, then its reapers, then lets one come to the end. */
static void reap_round(struct __test_metadata *_metadata,
		       struct ks_peer *server, uint64_t *dice,
		       unsigned int *unfinished)
{
	pid_t busy = ks_fork(busy_process, NULL);
	struct xseg_request *req;
	unsigned int reapers = ks_random(dice) % 3, i;

	ks_meet(&shared->ready, 2);
	for (i = 0; i < 2; i++) {
		req = ks_wait_request(server);
		ASSERT_LE(0, xseg_respond(server->x, req, SERVER, XSEG_SIGNAL));
	}
	usleep(ks_random(dice) % 300);
	ks_kill(busy);
	for (i = 0; i < reapers; i++)
		*unfinished += kill_reaper(dice);
	ASSERT_LE(0, reap_after(server->x, reapers));
	ASSERT_EQ(1, ks_peers_used(server->x));
	while ((req = xseg_accept(server->x, SERVER, 0)))
		ASSERT_LE(0, xseg_respond(server->x, req, SERVER, XSEG_SIGNAL));
	ASSERT_EQ(0, ks_audit(shared->segment.name, 1, 0));
}

TEST_F_TIMEOUT(inflight, reapers_are_killed, 0)
{
	unsigned long i, rounds = ks_number("XSEG_TEST_REAPS", ks_scaled(800));
	unsigned int unfinished = 0;
	uint64_t dice = ks_seed();

	bind_process(&self->peer, SERVER);
	for (i = 0; i < rounds; i++)
		reap_round(_metadata, &self->peer, &dice, &unfinished);
	printf("# %lu rounds, %u reapers killed\n", rounds, unfinished);
	EXPECT_LT(rounds / 20, unfinished);
	EXPECT_EQ(0, xseg_leave(self->peer.x));
}

/* Takes so many slots; the first that it does not get says why. */
static unsigned int join_many(unsigned int nr, struct xseg *x[])
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		x[i] = xseg_join(shared->segment.name, 0);
		if (!x[i])
			break;
	}
	return i;
}

static void crowd_process(void *arg)
{
	static struct xseg *x[100];

	KS_CHECK(join_many(100, x) == 100);
	_exit(0);
}

TEST_F_TIMEOUT(inflight, all_slots_taken, 0)
{
	static struct xseg *x[XSEG_MAX_USER_PEERS + 1];
	unsigned int i;

	EXPECT_EQ(0, ks_wait(ks_fork(crowd_process, NULL)));
	EXPECT_EQ(XSEG_MAX_USER_PEERS, join_many(XSEG_MAX_USER_PEERS + 1, x));
	EXPECT_EQ(EUSERS, errno);
	EXPECT_NE(NULL, strstr(xseg_last_error(), "240"));
	EXPECT_EQ(XSEG_MAX_USER_PEERS, ks_peers_used(x[0]));
	EXPECT_EQ(0, xseg_leave(x[77]));
	x[77] = xseg_join(shared->segment.name, 0);
	EXPECT_NE(NULL, x[77]);
	for (i = 0; i < XSEG_MAX_USER_PEERS; i++)
		EXPECT_EQ(0, xseg_leave(x[i]));
	EXPECT_EQ(0, ks_audit(shared->segment.name, 0, 0));
}

TEST_HARNESS_MAIN
