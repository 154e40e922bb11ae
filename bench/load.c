// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * load-X [-c CLIENTS] [-d DEPTH] [-b BATCH] [-s SIZE] [-n REQUESTS] [-p PLACE]
 *	[-t TYPE] [-w STRATEGY]
 *
 * Each client is a process; says how long a request took, over all of them,
 * and how many there were in a second.
 */
#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load.h"

struct load load = {
	.clients = 1,
	.depth = 1,
	.batch = 1,
	.size = 64,
	.requests = 20000,
	.type = "futex",
};

/**
 * struct gate - where all processes meet
 * @ready: how many are there
 * @go:	   they may start
 */
struct gate {
	u32 ready;
	u32 go;
};

static struct gate *gate;

void load_fill(void *data, u32 size)
{
	static u8 value;

	memset(data, ++value, size);
}

void load_use(const void *data, u32 size)
{
	const u64 *p = data;
	static u64 sum;
	u32 i;

	for (i = 0; i < size / sizeof(*p); i++)
		sum += p[i];
	__asm__ __volatile__("" :: "r"(sum));
}

static void ready(void)
{
	__atomic_add_fetch(&gate->ready, 1, __ATOMIC_SEQ_CST);
}

static void ask_batch(u32 id, u32 nr)
{
	while (nr--)
		load_ask(id, !nr);
}

/* Keeps as many under way as it may, and asks anew a batch at a time. */
static void client(u32 id, u32 requests)
{
	u32 asked = 0, answered = 0, nr;

	while (answered < requests) {
		while (asked < requests &&
		       asked + load.batch - answered <= load.depth) {
			nr = min(load.batch, requests - asked);
			ask_batch(id, nr);
			asked += nr;
		}
		load_answer(id);
		answered++;
	}
}

static void start_client(u32 id, enum bench_place place)
{
	u32 requests = load.requests / load.clients;

	if (bench_fork())
		return;
	bench_pin(place, id + 1);
	load_client(id);
	ready();
	while (!smp_load_acquire(&gate->go))	/* pairs with run() */
		usleep(50);
	client(id, min(requests / 10, 1000U));	/* warm */
	client(id, requests);
	_exit(0);
}

static pid_t start_server(enum bench_place place)
{
	pid_t pid = bench_fork();

	if (pid)
		return pid;
	bench_pin(place, 0);
	load_server();
	ready();
	load_serve();
}

static void await_ready(u32 nr)
{
	u32 patience = 200000;

	/* each process adds itself when it is there */
	while (smp_load_acquire(&gate->ready) < nr) {
		usleep(50);
		errno = ETIMEDOUT;
		if (!--patience || waitpid(-1, NULL, WNOHANG) > 0)
			bench_die("a process did not start");
	}
}

static void run(enum bench_place place)
{
	pid_t server = start_server(place);
	u32 id, requests;
	int status;
	u64 ns;

	await_ready(1);
	for (id = 0; id < load.clients; id++)
		start_client(id, place);
	await_ready(1 + load.clients);
	ns = env_now_ns();
	smp_store_release(&gate->go, 1);	/* pairs with start_client() */
	for (id = 0; id < load.clients; id++) {
		errno = ECHILD;
		if (wait(&status) < 0 || status)
			bench_die("a process failed");
	}
	ns = env_now_ns() - ns;
	kill(server, SIGKILL);
	wait(NULL);
	requests = load.requests / load.clients;
	requests += min(requests / 10, 1000U);
	requests *= load.clients;
	bench_result("request", (double)ns / requests, "ns");
	bench_result("rate", requests * 1e9 / (double)ns, "per_s");
}

static u32 positive(const char *s, u32 most)
{
	long v = strtol(s, NULL, 10);

	if (v >= 1 && v <= (long)most)
		return (u32)v;
	fprintf(stderr, "load: %s: 1 to %u\n", s, most);
	exit(2);
}

/* An option's place in load, NULL if it is another kind of option. */
static u32 *number_of(int opt, u32 *most)
{
	*most = opt == 's' ? 1 << 20 : opt == 'n' ? 1 << 30 :
		opt == 'c' ? LOAD_CLIENTS : LOAD_DEPTH;
	switch (opt) {
	case 'c':
		return &load.clients;
	case 'd':
		return &load.depth;
	case 'b':
		return &load.batch;
	case 's':
		return &load.size;
	case 'n':
		return &load.requests;
	default:
		return NULL;
	}
}

static void usage(void)
{
	fprintf(stderr, "load-X takes [-c CLIENTS] [-d DEPTH] [-b BATCH] [-s SIZE] [-n REQUESTS] [-p PLACE] [-t TYPE] [-w STRATEGY]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	enum bench_place place = BENCH_DIFFERENT;
	u32 *number, most;
	int opt;

	while ((opt = getopt(argc, argv, "c:d:b:s:n:p:t:w:")) != -1) {
		number = number_of(opt, &most);
		if (number)
			*number = positive(optarg, most);
		else if (opt == 'p')
			place = bench_place(optarg);
		else if (opt == 't')
			load.type = optarg;
		else if (opt == 'w')
			load.strategy = optarg;
		else
			usage();
	}
	load.batch = min(load.batch, load.depth);
	gate = bench_shared(4096);
	load_open();
	run(place);
	return 0;
}
