// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the benchmark programs have in common.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/bench.h"

#define LOOP_ROWS	9U

/**
 * bench_die() - end the program
 * @what: what failed; errno says why
 */
void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	_exit(1);
}

/**
 * bench_check() - end the program unless a call went well
 * @ret:  what it returned: negative errno
 * @what: what was done
 */
void bench_check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	errno = -ret;
	bench_die(what);
}

/**
 * bench_place() - a word of the command line
 * @name: same, different or free
 *
 * Return: what it means.
 */
enum bench_place bench_place(const char *name)
{
	static const char *const names[] = { "same", "different", "free" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return i;
	errno = EINVAL;
	bench_die(name);
}

/* The who-th CPU of those that this program may use, or the last one. */
static int nth_cpu(const cpu_set_t *may, unsigned int who)
{
	int cpu, last = 0;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, may))
			continue;
		last = cpu;
		if (!who--)
			break;
	}
	return last;
}

/**
 * bench_pin() - bind the calling process to a CPU
 * @place: where
 * @who:   differs for processes that go to different CPUs
 *
 * To be called once in each process.
 */
void bench_pin(enum bench_place place, unsigned int who)
{
	cpu_set_t may, one;

	if (place == BENCH_FREE)
		return;
	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(may), &may))
		bench_die("sched_getaffinity");
	if (place == BENCH_SAME)
		who = 0;
	else
		who %= (unsigned int)CPU_COUNT(&may);
	CPU_SET(nth_cpu(&may, who), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		bench_die("sched_setaffinity");
}

/**
 * bench_shared() - zeroed memory that forked children share
 * @size: bytes
 *
 * Return: the memory, never freed.
 */
void *bench_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bench_die("mmap");
	return p;
}

/**
 * bench_fork() - a child that dies with its parent
 *
 * Return: as fork().
 */
pid_t bench_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/**
 * bench_result() - say one figure, for bench/run
 * @key:   what was measured
 * @value: how much
 * @unit:  of what
 */
void bench_result(const char *key, double value, const char *unit)
{
	printf("%s %.6g %s\n", key, value, unit);
}

/**
 * bench_cpu_ns() - CPU time of the calling thread
 *
 * What others take of the CPU does not count.
 *
 * Return: nanoseconds.
 */
u64 bench_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000U + (u64)ts.tv_nsec;
}

/**
 * bench_loop() - say how long a call takes, in CPU time of this thread
 * @call:   the call
 * @nr:	    how often, in a row
 * @factor: how many there are in it
 *
 * The median of several rows, the first of which does not count.
 */
void bench_loop(void (*call)(void), u32 nr, u32 factor)
{
	u64 row[LOOP_ROWS], start;
	u32 i, r;

	bench_pin(BENCH_SAME, 0);
	for (r = 0; r <= LOOP_ROWS; r++) {
		start = bench_cpu_ns();
		for (i = 0; i < nr / LOOP_ROWS; i++)
			call();
		row[r ? r - 1 : 0] = bench_cpu_ns() - start;
	}
	qsort(row, LOOP_ROWS, sizeof(*row), bench_by_value);
	bench_result("call", (double)row[LOOP_ROWS / 2] / (nr / LOOP_ROWS) /
		     factor, "ns");
}

/**
 * bench_by_value() - for qsort(3) of u64
 * @a: one
 * @b: another
 *
 * Return: which is less.
 */
int bench_by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/**
 * bench_percentiles() - say how long each of many took
 * @ns: the times; sorted in place
 * @nr: how many
 */
void bench_percentiles(u64 *ns, size_t nr)
{
	static const struct {
		const char *key;
		unsigned int per_mille;
	} which[] = {
		{ "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p99.9", 999 },
	};
	unsigned int i;

	qsort(ns, nr, sizeof(*ns), bench_by_value);
	for (i = 0; i < ARRAY_SIZE(which); i++)
		bench_result(which[i].key,
			     (double)ns[nr * which[i].per_mille / 1000], "ns");
}

/**
 * bench_segment() - a segment without a name
 * @params: its capacities
 *
 * Return: its descriptor.
 */
int bench_segment(const struct xseg_params *params)
{
	int fd = xseg_create_fd(params);

	bench_check(fd, "xseg_create_fd");
	return fd;
}

static void set_strategy(struct xseg *x, const char *name)
{
	static const char *const names[] = {
		[XSEG_WAIT_ADAPTIVE] = "adaptive", [XSEG_WAIT_SLEEP] = "sleep",
		[XSEG_WAIT_YIELD] = "yield", [XSEG_WAIT_SPIN] = "spin",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i])) {
			bench_check(xseg_set_wait_strategy(x, i), name);
			return;
		}
	errno = EINVAL;
	bench_die(name);
}

/**
 * bench_peer() - become a peer that is bound to a port
 * @fd:	      the segment
 * @port:     the port
 * @type:     signal type
 * @strategy: what to do before sleeping, by name; NULL for the default
 *
 * Return: the peer.
 */
struct bench_peer bench_peer(int fd, xport port, const char *type,
			     const char *strategy)
{
	struct bench_peer p = { .x = xseg_join_fd(fd, 0), .port = port };

	if (!p.x)
		bench_die("xseg_join_fd");
	if (strategy)
		set_strategy(p.x, strategy);
	bench_check(xseg_local_signal_init(p.x, type), type);
	p.sd = xseg_get_signal_desc(p.x, type);
	if (!p.sd)
		bench_die("xseg_get_signal_desc");
	bench_check(xseg_bind_port(p.x, port, p.sd), "xseg_bind_port");
	return p;
}
