// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * No wake-up is lost between processes and the kernel: a request goes to and
 * fro, each side waits without limit and without a cap, so that one lost
 * wake-up stops the game. Between all steps there are short delays at random.
 *
 * A round is a wait that was begun after a look that found nothing; XSEG_ROUNDS
 * of them are made on each side; on that of the kernel only, where its answer
 * comes while the process still is in its signal (contexts work and direct). If
 * nothing moves for STUCK seconds the test fails and says where each side
 * stands.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"
#include "selftests/lib/ks_inject.h"

#include "kselftest_harness.h"

#define ROUNDS	300
#define JITTER	16
#define STUCK	30
#define REPORT	60	/* seconds between two lines of a long game */
#define LOPSIDED 1000	/* waits there for each here: here are none to be had */
#define STOP	(~0ULL)

enum { MINE, OTHERS, THIRD };	/* ports */

/**
 * struct game - what the players have in common; each writes its own
 * @segment: where
 * @peer:    of this process
 * @rounds:  of this process, that were waits
 * @target:  how many there are to be
 * @mine:    of this process
 * @at:	     where this process stands
 * @bad:     something was wrong
 * @over:    it has ended
 */
struct game {
	struct ks_segment segment;
	struct ks_peer peer;
	uint64_t rounds;
	uint64_t target;
	uint64_t mine;
	const char *at;
	const char *bad;
	int over;
};

#define GOES(game, cond)						\
	((cond) ? 1 : (__atomic_store_n(&(game)->bad, #cond,		\
					__ATOMIC_RELAXED), 0))

/* Takes the request, as often as it takes; NULL if something was wrong. */
static struct xseg_request *take(struct game *g)
{
	struct ks_peer *p = &g->peer;
	struct xseg_request *req;

	for (;;) {
		g->at = "prepare";
		ks_delay();
		if (!GOES(g, !xseg_prepare_wait(p->x, p->sd)))
			return NULL;
		g->at = "look";
		ks_delay();
		req = xseg_accept(p->x, MINE, 0);
		ks_delay();
		if (req) {
			xseg_cancel_wait(p->x, p->sd);
			return req;
		}
		g->at = "wait";
		if (!GOES(g, !xseg_wait_signal(p->x, p->sd,
					       XSEG_WAIT_FOREVER)))
			return NULL;
		__atomic_store_n(&g->rounds, g->rounds + 1, __ATOMIC_RELAXED);
	}
}

static int enough(const struct game *g)
{
	struct peer_stat other;

	if (peer_stat(OTHERS, &other) || (uint64_t)other.waits < g->target)
		return 0;
	return g->rounds >= g->mine ||
	       (uint64_t)other.waits / LOPSIDED >= g->target;
}

static int pass(struct game *g, struct xseg_request *req, uint64_t dice)
{
	struct ks_peer *p = &g->peer;
	unsigned int flags = ks_random(&dice) & 1 ? XSEG_SIGNAL : 0;

	g->at = "forward";
	ks_delay();
	if (!GOES(g, xseg_forward_request(p->x, req, OTHERS, MINE, flags |
					  XSEG_PASS) == OTHERS))
		return 0;
	g->at = "signal";
	ks_delay();
	return flags || GOES(g, !xseg_signal(p->x, OTHERS));
}

/* The process's part of the game; it begins, and ends it. */
static void *play(void *arg)
{
	struct game *g = arg;
	struct xseg_request *req;
	uint64_t expected = 0;

	ks_delay_start(ks_now_ns(), JITTER);
	req = xseg_get_request(g->peer.x, MINE, OTHERS, 0);
	if (!GOES(g, req))
		return NULL;
	req->cookie = 1;
	if (!GOES(g, xseg_submit(g->peer.x, req, MINE, XSEG_SIGNAL) == OTHERS))
		return NULL;
	do {
		req = take(g);
		/* the other has made it one more, once */
		expected += 2;
		if (!req || !GOES(g, req->cookie == expected))
			return NULL;
		req->cookie = expected + 1;
		if (expected % 256 == 0 && enough(g))
			req->cookie = STOP;
	} while (req->cookie != STOP && pass(g, req, expected));
	ks_delay_start(0, 0);
	if (GOES(g, !xseg_put_request(g->peer.x, req)))
		__atomic_store_n(&g->over, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void print_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];

	printf("# %s:\n", path);
	while (f && fgets(line, sizeof(line), f))
		printf("#\t%s", line);
	if (f)
		fclose(f);
	fflush(stdout);
}

static void print_port(struct xseg *x, xport port)
{
	struct xseg_port_info info;

	if (xseg_get_port_info(x, port, &info))
		return;
	printf("# port %u: type %s, %u waiters, %u asleep, submitted %llu, accepted %llu\n",
	       port, info.type, info.waiters, info.asleep,
	       (unsigned long long)info.submitted,
	       (unsigned long long)info.accepted);
}

/* Where everybody stands: what a lost wake-up needs to be understood. */
static void print_stuck(const struct game *g, unsigned int kernel_port)
{
	struct dirent *d;
	struct peer_stat s;
	char path[300];
	DIR *dir = opendir("/proc/self/task");

	printf("# nothing moved for %d s; round %llu, at %s\n", STUCK,
	       (unsigned long long)g->rounds, g->at);
	print_port(g->peer.x, MINE);
	print_port(g->peer.x, OTHERS);
	print_port(g->peer.x, THIRD);
	print_file("/sys/kernel/debug/xseg_test/stat");
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/stack",
			 d->d_name);
		print_file(path);
	}
	if (!peer_stat(kernel_port, &s) && s.pid) {
		snprintf(path, sizeof(path), "/proc/%d/stack", s.pid);
		print_file(path);
	}
}

/* Waits for the end: 0, or -1 with words if it does not come. */
static int referee(const struct game *g, uint64_t (*moves)(const struct game *g))
{
	uint64_t last = 0, now, since = ks_now_ns();
	uint64_t report = since + REPORT * 1000000000ULL;

	while (!__atomic_load_n(&g->over, __ATOMIC_ACQUIRE)) {
		usleep(20000);
		if (__atomic_load_n(&g->bad, __ATOMIC_RELAXED)) {
			printf("# failed: %s, at %s\n", g->bad, g->at);
			return -1;
		}
		now = moves(g);
		if (now != last) {
			last = now;
			since = ks_now_ns();
		} else if (ks_now_ns() - since > STUCK * 1000000000ULL) {
			print_stuck(g, OTHERS);
			return -1;
		}
		if (since > report) {
			report = since + REPORT * 1000000000ULL;
			printf("# so far: %llu\n", (unsigned long long)now);
			fflush(stdout);
		}
	}
	return 0;
}

static uint64_t process_moves(const struct game *g)
{
	struct xseg_port_info info;

	if (xseg_get_port_info(g->peer.x, MINE, &info))
		return 0;
	return info.accepted;
}

FIXTURE(rounds)
{
	struct game game;
};

FIXTURE_VARIANT(rounds)
{
	const char *mine;	/* type by which the process waits */
	const char *others;	/* TYPE:CONTEXT of the kernel peer */
	unsigned int strategy;
	int soon;		/* the answer may be there at once */
};

#define GAME(id, _mine, _others, _strategy, _soon)			\
	FIXTURE_VARIANT_ADD(rounds, id) {				\
		.mine = _mine, .others = _others,			\
		.strategy = _strategy, .soon = _soon			\
	};
GAME(futex, "futex", "waitqueue:thread", XSEG_WAIT_SLEEP, 0)
GAME(futex_adaptive, "futex", "waitqueue:thread", XSEG_WAIT_ADAPTIVE, 0)
GAME(futex_work, "futex", "waitqueue:work", XSEG_WAIT_SLEEP, 1)
GAME(futex_direct, "futex", "waitqueue:direct", XSEG_WAIT_SLEEP, 1)
GAME(futex_softirq, "futex", "waitqueue:softirq", XSEG_WAIT_SLEEP, 0)
GAME(futex_hardirq, "futex", "waitqueue:hardirq", XSEG_WAIT_SLEEP, 0)
GAME(futex_bridge, "futex", "eventfd-bridge:thread", XSEG_WAIT_SLEEP, 0)
GAME(eventfd, "eventfd", "waitqueue:thread", XSEG_WAIT_SLEEP, 0)
GAME(eventfd_hardirq, "eventfd", "waitqueue:hardirq", XSEG_WAIT_SLEEP, 0)
GAME(eventfd_bridge, "eventfd", "eventfd-bridge:thread", XSEG_WAIT_SLEEP, 0)
GAME(device, "device", "waitqueue:thread", XSEG_WAIT_SLEEP, 0)
GAME(device_direct, "device", "waitqueue:direct", XSEG_WAIT_SLEEP, 1)
GAME(device_hardirq, "device", "waitqueue:hardirq", XSEG_WAIT_SLEEP, 0)
GAME(device_bridge, "device", "eventfd-bridge:thread", XSEG_WAIT_SLEEP, 0)

FIXTURE_SETUP(rounds)
{
	struct game *g = &self->game;

	ASSERT_EQ(0, ks_create(&g->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(g->segment.name));
	ks_peer_join(&g->peer, g->segment.name, variant->mine, MINE);
	ASSERT_EQ(0, xseg_set_sleep_cap(g->peer.x, XSEG_WAIT_FOREVER));
	ASSERT_EQ(0, xseg_set_wait_strategy(g->peer.x, variant->strategy));
	g->target = ks_number("XSEG_ROUNDS", ROUNDS);
	g->mine = variant->soon ? 0 : g->target;
}

FIXTURE_TEARDOWN(rounds)
{
	EXPECT_EQ(0, peer_command("stop"));
	EXPECT_EQ(0, xseg_leave(self->game.peer.x));
	EXPECT_EQ(0, xseg_detach(self->game.segment.name));
	EXPECT_EQ(0, xseg_destroy(self->game.segment.name, 0));
}

TEST_F_TIMEOUT(rounds, process_and_kernel, 0)
{
	struct game *g = &self->game;
	uint64_t start = ks_now_ns();
	struct xseg_stats stats;
	struct peer_stat other;
	pthread_t thread;

	ASSERT_EQ(0, peer_command("player:%s %s %d %d 0 1 0 %d",
				  variant->others, g->segment.name, OTHERS,
				  MINE, JITTER));
	ASSERT_EQ(0, pthread_create(&thread, NULL, play, g));
	ASSERT_EQ(0, referee(g, process_moves));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, peer_stat(OTHERS, &other));
	EXPECT_EQ(0, other.failed);
	EXPECT_LE(g->target, other.waits);
	EXPECT_LE(g->mine, g->rounds);
	EXPECT_EQ(0, xseg_get_stats(g->peer.x, &stats));
	printf("# %s and %s: %llu waits of the process, %llu slept; %lld of the kernel, %lld slept; %.1f us each\n",
	       variant->mine, variant->others, (unsigned long long)g->rounds,
	       (unsigned long long)stats.sleeps, other.waits, other.sleeps,
	       (double)(ks_now_ns() - start) / 1000 / (double)other.waits);
}

/* Two kernel peers; the process only begins and waits for the end. */
FIXTURE(kernels)
{
	struct game game;
};

FIXTURE_VARIANT(kernels)
{
	const char *one;
	const char *other;
};

#define MATCH(id, _one, _other)						\
	FIXTURE_VARIANT_ADD(kernels, id) { .one = _one, .other = _other };
MATCH(threads, "waitqueue:thread", "waitqueue:thread")
MATCH(thread_and_work, "waitqueue:thread", "waitqueue:work")
MATCH(thread_and_direct, "waitqueue:thread", "waitqueue:direct")
MATCH(thread_and_hardirq, "waitqueue:thread", "waitqueue:hardirq")
MATCH(softirq_and_hardirq, "waitqueue:softirq", "waitqueue:hardirq")
MATCH(work_and_softirq, "waitqueue:work", "waitqueue:softirq")

FIXTURE_SETUP(kernels)
{
	struct game *g = &self->game;

	ASSERT_EQ(0, ks_create(&g->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(g->segment.name));
	ks_peer_join(&g->peer, g->segment.name, "futex", MINE);
	ASSERT_EQ(0, xseg_set_sleep_cap(g->peer.x, XSEG_WAIT_FOREVER));
	g->target = ks_number("XSEG_ROUNDS", ROUNDS);
}

FIXTURE_TEARDOWN(kernels)
{
	EXPECT_EQ(0, peer_command("stop"));
	EXPECT_EQ(0, xseg_leave(self->game.peer.x));
	EXPECT_EQ(0, xseg_detach(self->game.segment.name));
	EXPECT_EQ(0, xseg_destroy(self->game.segment.name, 0));
}

static void *begin(void *arg)
{
	struct game *g = arg;
	struct xseg_request *req;

	req = xseg_get_request(g->peer.x, MINE, OTHERS, 0);
	if (!GOES(g, req))
		return NULL;
	req->cookie = 0;
	xseg_submit(g->peer.x, req, MINE, XSEG_SIGNAL);
	req = ks_wait_reply(&g->peer);
	g->rounds = req->cookie;
	if (GOES(g, !xseg_put_request(g->peer.x, req)))
		__atomic_store_n(&g->over, 1, __ATOMIC_RELEASE);
	return NULL;
}

static uint64_t kernel_moves(const struct game *g)
{
	struct peer_stat s = { 0 };

	(void)g;
	peer_stat(OTHERS, &s);
	return (uint64_t)s.done;
}

TEST_F_TIMEOUT(kernels, two, 0)
{
	unsigned long long count = 2 * self->game.target;
	struct game *g = &self->game;
	uint64_t start = ks_now_ns();
	struct peer_stat one, other;
	pthread_t thread;

	ASSERT_EQ(0, peer_command("player:%s %s %d %d %llu 1 0 %d",
				  variant->one, g->segment.name, OTHERS, THIRD,
				  count, JITTER));
	ASSERT_EQ(0, peer_command("player:%s %s %d %d %llu 1 0 %d",
				  variant->other, g->segment.name, THIRD,
				  OTHERS, count, JITTER));
	ASSERT_EQ(0, pthread_create(&thread, NULL, begin, g));
	ASSERT_EQ(0, referee(g, kernel_moves));
	pthread_join(thread, NULL);
	EXPECT_EQ(count, g->rounds);
	ASSERT_EQ(0, peer_stat(OTHERS, &one));
	ASSERT_EQ(0, peer_stat(THIRD, &other));
	EXPECT_EQ(0, one.failed + other.failed);
	EXPECT_EQ(g->target, one.done);
	EXPECT_EQ(g->target, other.done);
	printf("# %s and %s: %lld and %lld waits, %.1f us a round\n",
	       variant->one, variant->other, one.waits, other.waits,
	       (double)(ks_now_ns() - start) / 1000 / (double)one.done);
}

TEST_HARNESS_MAIN
