// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wake WHAT PLACE ROUNDS: two processes wake each other in turns.
 *
 * WHAT is futex, eventfd, ppoll (an eventfd that does not block, and ppoll()
 * before each read), flag and flagppoll (the same two; who is awake is not
 * written to), pipe, socket, line (a cache line, polled), or
 * xseg-TYPE-STRATEGY. PLACE is same, different (CPUs) or free. Says how long a
 * round trip took and how long the waking itself.
 *
 * All pass the same word, turn: who is woken looks whether it is his.
 */
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define WARM	100

/**
 * struct kind - a way to wake
 * @name:  of it
 * @open:  before the fork; NULL if there is nothing to be done
 * @join:  in each of the two processes; or NULL
 * @wake:  wake the other one
 * @sleep: until woken, perhaps for nothing
 */
struct kind {
	const char *name;
	void (*open)(void);
	void (*join)(int self);
	void (*wake)(int self);
	void (*sleep)(int self, u32 seen);
};

static u32 *turn;		/* in shared memory; one side writes it in turn */
static int fds[2][2];		/* of each side: to be read, to be written */
static int segment;
static struct bench_peer me;
static const char *type, *strategy;

static void futex_wake(int self)
{
	syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_sleep(int self, u32 seen)
{
	syscall(SYS_futex, turn, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void eventfds(int flags)
{
	int i;

	for (i = 0; i < 2; i++) {
		fds[i][0] = eventfd(0, flags);
		fds[i][1] = fds[i][0];
		if (fds[i][0] < 0)
			bench_die("eventfd");
	}
}

static void eventfd_open(void)
{
	eventfds(0);
}

static void ppoll_open(void)
{
	eventfds(EFD_NONBLOCK);
}

static void pipe_open(void)
{
	if (pipe(fds[0]) || pipe(fds[1]))
		bench_die("pipe");
}

static void socket_open(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		bench_die("socketpair");
	fds[0][0] = pair[0];
	fds[1][1] = pair[0];
	fds[1][0] = pair[1];
	fds[0][1] = pair[1];
}

/* 8 bytes are what an eventfd takes; the others get as many. */
static void file_wake(int self)
{
	u64 one = 1;

	if (write(fds[!self][1], &one, sizeof(one)) != sizeof(one))
		bench_die("write");
}

static void file_sleep(int self, u32 seen)
{
	u64 one;

	if (read(fds[self][0], &one, sizeof(one)) != sizeof(one))
		bench_die("read");
}

static void ppoll_sleep(int self, u32 seen)
{
	struct pollfd p = { .fd = fds[self][0], .events = POLLIN };

	if (ppoll(&p, 1, NULL, NULL) != 1)
		bench_die("ppoll");
	file_sleep(self, seen);
}

/* Of its own line: this side is about to sleep. */
static u32 *flag(int self)
{
	return turn + 128 + 64 * self;
}

static void flag_wake(int self)
{
	smp_mb();	/* pairs with flag_up() */
	if (READ_ONCE(*flag(!self)))
		file_wake(self);
}

/* True if there is still nothing for this side. */
static bool flag_up(int self, u32 seen)
{
	WRITE_ONCE(*flag(self), 1);
	smp_mb();	/* pairs with flag_wake() */
	return READ_ONCE(*turn) == seen;
}

static void flag_sleep(int self, u32 seen)
{
	if (flag_up(self, seen))
		file_sleep(self, seen);
	WRITE_ONCE(*flag(self), 0);
}

static void flagppoll_sleep(int self, u32 seen)
{
	if (flag_up(self, seen))
		ppoll_sleep(self, seen);
	WRITE_ONCE(*flag(self), 0);
}

static void line_wake(int self)
{
}

static void line_sleep(int self, u32 seen)
{
	cpu_relax();
}

static void xseg_open(void)
{
	segment = bench_segment(NULL);
}

static void xseg_join_as(int self)
{
	me = bench_peer(segment, (xport)self, type, strategy);
	/* A lost wake-up is to hang, not to cost a second. */
	bench_check(xseg_set_sleep_cap(me.x, XSEG_WAIT_FOREVER), "cap");
}

static void xseg_wake(int self)
{
	xseg_signal(me.x, (xport)!self);
}

static void xseg_sleep(int self, u32 seen)
{
	xseg_prepare_wait(me.x, me.sd);
	if (READ_ONCE(*turn) != seen)
		xseg_cancel_wait(me.x, me.sd);
	else
		xseg_wait_signal(me.x, me.sd, XSEG_WAIT_FOREVER);
}

static const struct kind kinds[] = {
	{ "futex", NULL, NULL, futex_wake, futex_sleep },
	{ "eventfd", eventfd_open, NULL, file_wake, file_sleep },
	{ "ppoll", ppoll_open, NULL, file_wake, ppoll_sleep },
	{ "flag", eventfd_open, NULL, flag_wake, flag_sleep },
	{ "flagppoll", ppoll_open, NULL, flag_wake, flagppoll_sleep },
	{ "pipe", pipe_open, NULL, file_wake, file_sleep },
	{ "socket", socket_open, NULL, file_wake, file_sleep },
	{ "line", NULL, NULL, line_wake, line_sleep },
	{ "xseg", xseg_open, xseg_join_as, xseg_wake, xseg_sleep },
};

static const struct kind *kind_of(char *name)
{
	unsigned int i;
	char *word = strtok(name, "-");

	type = strtok(NULL, "-");
	strategy = strtok(NULL, "-");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(word, kinds[i].name) &&
		    !strcmp(word, "xseg") == !!strategy)
			return &kinds[i];
	errno = EINVAL;
	bench_die(word);
}

static void await(const struct kind *kind, int self, u32 want)
{
	u32 seen;

	/* pairs with the other side's release in ask() or answer() */
	while ((seen = smp_load_acquire(turn)) != want)
		kind->sleep(self, seen);
}

/* Answers; the number of the turn tells when it is over. */
static void answer(const struct kind *kind, u32 rounds)
{
	u32 i;

	for (i = 0; i < rounds; i++) {
		await(kind, 1, 2 * i + 1);
		smp_store_release(turn, 2 * i + 2);	/* see await() */
		kind->wake(1);
	}
}

static void ask(const struct kind *kind, u32 rounds, u64 *trip, u64 *wake)
{
	u64 start, woken;
	u32 i;

	for (i = 0; i < rounds; i++) {
		start = env_now_ns();
		smp_store_release(turn, 2 * i + 1);	/* see await() */
		kind->wake(0);
		woken = env_now_ns();
		await(kind, 0, 2 * i + 2);
		if (i < WARM)
			continue;
		wake[i - WARM] = woken - start;
		trip[i - WARM] = env_now_ns() - start;
	}
}

static void run(const struct kind *kind, enum bench_place place, u32 rounds)
{
	u64 *trip = calloc(rounds, sizeof(*trip));
	u64 *wake = calloc(rounds, sizeof(*wake));
	u32 *ready = turn + 64;
	int self = !bench_fork();

	if (!trip || !wake)
		bench_die("calloc");
	bench_pin(place, (unsigned int)self);
	if (kind->join)
		kind->join(self);
	__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
	while (smp_load_acquire(ready) != 2)	/* see above */
		usleep(100);
	if (self) {
		answer(kind, rounds + WARM);
		_exit(0);
	}
	ask(kind, rounds + WARM, trip, wake);
	wait(NULL);
	bench_percentiles(trip, rounds);
	bench_result("trip", (double)trip[rounds / 2], "ns");
	qsort(wake, rounds, sizeof(*wake), bench_by_value);
	bench_result("wake", (double)wake[rounds / 2], "ns");
}

int main(int argc, char **argv)
{
	const struct kind *kind;

	if (argc != 4) {
		fprintf(stderr, "usage: wake WHAT PLACE ROUNDS\n");
		return 2;
	}
	turn = bench_shared(4096);
	kind = kind_of(argv[1]);
	if (kind->open)
		kind->open();
	run(kind, bench_place(argv[2]), (u32)atoi(argv[3]));
	return 0;
}
