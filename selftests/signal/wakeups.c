// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * No wake-up is lost between processes: rounds of prepare, wait for ever,
 * signal, with the cap on sleeps switched off, so that one lost wake-up hangs
 * the test. Nothing here has a time limit but the runner.
 *
 *	pair	two processes, one request goes to and fro
 *	ring	eight processes, one request goes round
 *	to_one	seven processes ask one, each its own question at a time
 *
 * Between all steps, of the callers and inside the library (ks_inject.h),
 * there are random delays: in one step of RARELY, so that the fast paths of
 * the two CPUs meet, and in one step of OFTEN.
 *
 * A round counts if its waiter prepared, found nothing and called
 * xseg_wait_signal(). XSEG_TEST_ROUNDS says how many there are in all; if it
 * does not, there are twelve million, fewer where that would take minutes.
 */
#include <stdio.h>
#include <unistd.h>

#include "selftests/lib/ks.h"
#include "selftests/lib/ks_inject.h"

#include "kselftest_harness.h"

#define MAX_PEERS	8
#define RARELY		1024
#define OFTEN		4
#define STOP		(~0ULL)
#define MOST_NS		12000000000ULL	/* for one strategy and pattern */

/* Each process writes its own line. */
struct counts {
	uint64_t rounds __attribute__((aligned(64)));
	uint64_t sleeps;
};

/**
 * struct run - one pattern with one strategy; all processes see the same
 * @segment:  where
 * @type:     of signal
 * @strategy: of all waiters
 * @nr:	      processes
 * @rate:     one step in so many is delayed
 * @target:   rounds to be done by all together
 * @until:    or until then, if not 0
 * @seed:     of the delays
 * @ready:    where the processes meet before they begin and before they leave
 * @counts:   of each process
 */
struct run {
	struct ks_segment segment;
	const char *type;
	unsigned int strategy;
	unsigned int nr;
	unsigned int rate;
	uint64_t target;
	uint64_t until;
	uint64_t seed;
	struct ks_barrier ready;
	struct counts counts[MAX_PEERS];
};

struct child {
	struct run *run;
	unsigned int i;
};

static struct ks_peer self;
static uint64_t dice;

static void begin(const struct child *c)
{
	struct run *run = c->run;

	ks_plugins();
	ks_peer_join(&self, run->segment.name, run->type, c->i);
	KS_CHECK(!xseg_set_sleep_cap(self.x, XSEG_WAIT_FOREVER));
	KS_CHECK(!xseg_set_wait_strategy(self.x, run->strategy));
	dice = run->seed + c->i;
	if (run->rate == RARELY)
		ks_pin(c->i);	/* so that it is not for one CPU alone */
	ks_meet(&run->ready, run->nr);
	ks_delay_start(run->seed + c->i, run->rate);
}

static void end(const struct child *c)
{
	struct xseg_stats stats;

	ks_delay_start(0, 0);
	KS_CHECK(!xseg_get_stats(self.x, &stats));
	c->run->counts[c->i].sleeps = stats.sleeps;
	/* Nobody is woken by somebody else's leave. */
	ks_meet(&c->run->ready, c->run->nr);
	KS_CHECK(!xseg_leave(self.x));
}

static uint64_t rounds_done(struct run *run)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < run->nr; i++)
		sum += __atomic_load_n(&run->counts[i].rounds,
				       __ATOMIC_RELAXED);
	return sum;
}

static bool done(struct run *run)
{
	return rounds_done(run) >= run->target ||
	       (run->until && ks_now_ns() >= run->until);
}

/* Takes a request by accept or receive; each wait for it is a round. */
static struct xseg_request *
take(const struct child *c, struct xseg_request *(*look)(struct xseg *xseg,
							 xport portno,
							 unsigned int flags))
{
	uint64_t *rounds = &c->run->counts[c->i].rounds;
	struct xseg_request *req;

	for (;;) {
		ks_delay();
		KS_CHECK(!xseg_prepare_wait(self.x, self.sd));
		ks_delay();
		req = look(self.x, self.port, 0);
		ks_delay();
		if (req) {
			KS_CHECK(!xseg_cancel_wait(self.x, self.sd));
			return req;
		}
		KS_CHECK(errno == EAGAIN);
		KS_CHECK(!xseg_wait_signal(self.x, self.sd,
					   XSEG_WAIT_FOREVER));
		__atomic_store_n(rounds, *rounds + 1, __ATOMIC_RELAXED);
	}
}

/* Submits, and signals with it or by a call of its own. */
static void ask(xport dst, uint64_t cookie)
{
	struct xseg_request *req = xseg_get_request(self.x, self.port, dst, 0);
	unsigned int flags = ks_random(&dice) & 1 ? XSEG_SIGNAL : 0;

	KS_CHECK(req);
	req->cookie = cookie;
	KS_CHECK(xseg_submit(self.x, req, self.port, flags) == (int)dst);
	ks_delay();
	if (!flags)
		KS_CHECK(!xseg_signal(self.x, dst));
}

static void answer(struct xseg_request *req, uint64_t cookie)
{
	unsigned int flags = ks_random(&dice) & 1 ? XSEG_SIGNAL : 0;
	int port;

	req->cookie = cookie;
	port = xseg_respond(self.x, req, self.port, flags);
	KS_CHECK(port >= 0 && port != XSEG_NOBODY);
	ks_delay();
	if (!flags)
		KS_CHECK(!xseg_signal(self.x, (xport)port));
}

/* Passes the one request on; its answer stays process 0's business. */
static void pass(struct xseg_request *req, xport next)
{
	unsigned int flags = ks_random(&dice) & 1 ? XSEG_SIGNAL : 0;

	KS_CHECK(xseg_forward_request(self.x, req, next, self.port,
				      flags | XSEG_PASS) == (int)next);
	ks_delay();
	if (!flags)
		KS_CHECK(!xseg_signal(self.x, next));
}

/* Process 0 sends the request on its way, and lets it stop in the end. */
static void ring_process(void *arg)
{
	const struct child *c = arg;
	struct run *run = c->run;
	xport next = (c->i + 1) % run->nr;
	struct xseg_request *req;
	uint64_t hops = c->i ? c->i : run->nr;
	bool stop = false;

	begin(c);
	if (!c->i)
		ask(next, 1);
	while (!stop) {
		req = take(c, xseg_accept);
		stop = req->cookie == STOP;
		if (stop && !c->i)
			break;
		/* no hop was left out, and none was made twice */
		KS_CHECK(stop || req->cookie == hops);
		hops += run->nr;
		if (!stop)
			req->cookie++;
		if (!c->i && !(hops & 63) && done(run))
			req->cookie = STOP;
		pass(req, next);
	}
	end(c);
}

static void serve(const struct child *c)
{
	unsigned int left = c->run->nr - 1;

	while (left) {
		struct xseg_request *req = take(c, xseg_accept);

		left -= req->cookie == STOP;
		answer(req, req->cookie + 1);
	}
}

static void to_one_process(void *arg)
{
	const struct child *c = arg;
	struct xseg_request *req;
	uint64_t cookie = 0;

	begin(c);
	if (!c->i)
		serve(c);
	while (c->i && cookie != STOP) {
		if (cookie % 64 == 63 && done(c->run))
			cookie = STOP;
		ask(0, cookie);
		req = take(c, xseg_receive);
		KS_CHECK(req->cookie == cookie + 1);
		KS_CHECK(!xseg_put_request(self.x, req));
		if (cookie != STOP)
			cookie++;
	}
	end(c);
}

FIXTURE(wakeups)
{
	struct run *run;
	unsigned long total;
};

FIXTURE_VARIANT(wakeups)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(wakeups, futex) { .type = "futex" };
FIXTURE_VARIANT_ADD(wakeups, eventfd) { .type = "eventfd" };
FIXTURE_VARIANT_ADD(wakeups, fifo) { .type = "fifo" };

FIXTURE_SETUP(wakeups)
{
	self->run = ks_shared(sizeof(*self->run));
	self->run->type = variant->type;
	self->run->seed = ks_seed();
	ASSERT_EQ(0, ks_create(&self->run->segment, &ks_small));
	self->total = ks_number("XSEG_TEST_ROUNDS", ks_scaled(12000000)) / 3;
}

FIXTURE_TEARDOWN(wakeups)
{
	ks_destroy(&self->run->segment);
}

static const char *const strategies[] = {
	"adaptive", "sleep", "yield", "spin"
};

static void report(struct run *run, const char *what, uint64_t ns)
{
	uint64_t rounds = rounds_done(run), sleeps = 0;
	unsigned int i;

	for (i = 0; i < run->nr; i++)
		sleeps += run->counts[i].sleeps;
	printf("# %s %s %s, delay 1 in %u: %llu rounds, %llu sleeps, %.2f us each\n",
	       run->type, what, strategies[run->strategy], run->rate,
	       (unsigned long long)rounds, (unsigned long long)sleeps,
	       (double)ns / 1000 / (double)(rounds ? rounds : 1));
}

/* One pattern with one strategy: 0, or a process's failure. */
static int run_one(struct run *run, void (*process)(void *arg),
		   const char *what, unsigned int nr)
{
	struct child child[MAX_PEERS];
	pid_t pid[MAX_PEERS];
	uint64_t start = ks_now_ns();
	unsigned int i;
	int ret;

	run->nr = nr;
	run->ready.arrived = 0;
	if (!getenv("XSEG_TEST_ROUNDS"))
		run->until = start + MOST_NS;
	memset(run->counts, 0, sizeof(run->counts));
	for (i = 0; i < nr; i++) {
		child[i] = (struct child){ run, i };
		pid[i] = ks_fork(process, &child[i]);
	}
	ret = ks_wait_all(pid, nr);
	report(run, what, ks_now_ns() - start);
	if (!ret && rounds_done(run) < run->target)
		ret = !run->until;
	return ret;
}

/* Parts of all rounds of a type, in 1/1000; for each strategy. */
static int run_all(struct run *run, unsigned long total, unsigned int rate,
		   void (*process)(void *arg), const char *what,
		   unsigned int nr, const unsigned int part[4])
{
	int ret = 0;

	run->rate = rate;
	for (run->strategy = 0; !ret && run->strategy < 4; run->strategy++) {
		run->target = (uint64_t)total * part[run->strategy] / 1000 + 1;
		ret = run_one(run, process, what, nr);
	}
	return ret;
}

TEST_F_TIMEOUT(wakeups, pair, 0)
{
	static const unsigned int part[] = { 430, 15, 30, 330 };

	ASSERT_EQ(0, run_all(self->run, self->total, RARELY, ring_process,
			     "pair", 2, part));
}

TEST_F_TIMEOUT(wakeups, pair_delayed, 0)
{
	static const unsigned int part[] = { 2, 2, 2, 2 };

	ASSERT_EQ(0, run_all(self->run, self->total, OFTEN, ring_process,
			     "pair", 2, part));
}

TEST_F_TIMEOUT(wakeups, ring, 0)
{
	static const unsigned int part[] = { 30, 20, 30, 5 };

	ASSERT_EQ(0, run_all(self->run, self->total, RARELY, ring_process,
			     "ring of 8", 8, part));
}

TEST_F_TIMEOUT(wakeups, ring_delayed, 0)
{
	static const unsigned int part[] = { 1, 1, 1, 1 };

	ASSERT_EQ(0, run_all(self->run, self->total, OFTEN, ring_process,
			     "ring of 8", 8, part));
}

TEST_F_TIMEOUT(wakeups, to_one, 0)
{
	static const unsigned int part[] = { 60, 20, 20, 10 };

	ASSERT_EQ(0, run_all(self->run, self->total, RARELY, to_one_process,
			     "7 to 1", 8, part));
}

TEST_F_TIMEOUT(wakeups, to_one_delayed, 0)
{
	static const unsigned int part[] = { 1, 1, 1, 1 };

	ASSERT_EQ(0, run_all(self->run, self->total, OFTEN, to_one_process,
			     "7 to 1", 8, part));
}

TEST_HARNESS_MAIN
