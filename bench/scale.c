// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * scale peers|ports|requests NUMBER: what becomes of join, bind and request
 * where there are many.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

#define TRIPS	200000U
#define JOINS	20

static struct bench_peer a, b;
static struct xseg_request **held;
static u32 nr_ports, next_port;

static double used_bytes(int segment)
{
	struct stat st;

	if (fstat(segment, &st))
		bench_die("fstat");
	return (double)st.st_blocks * 512;
}

static void trip(xport dst)
{
	struct xseg_request *req = xseg_get_request(a.x, a.port, dst, 0);

	if (!req)
		bench_die("xseg_get_request");
	xseg_prep_request(a.x, req, 0, 64);
	bench_check(xseg_submit(a.x, req, a.port, XSEG_SIGNAL), "submit");
	req = xseg_accept(b.x, dst, 0);
	if (!req)
		bench_die("xseg_accept");
	bench_check(xseg_respond(b.x, req, dst, XSEG_SIGNAL), "respond");
	req = xseg_receive(a.x, a.port, 0);
	if (!req)
		bench_die("xseg_receive");
	xseg_put_request(a.x, req);
}

/* To each of the ports in turn. */
static void trip_next(void)
{
	trip(b.port + next_port);
	next_port = (next_port + 1) % nr_ports;
}

/* Joins and leaves, with what a useful peer needs. */
static void time_joins(int segment)
{
	u64 ns[JOINS], start;
	struct xseg *x;
	int i;

	for (i = 0; i < JOINS; i++) {
		start = env_now_ns();
		x = xseg_join_fd(segment, 0);
		if (!x)
			bench_die("xseg_join_fd");
		ns[i] = env_now_ns() - start;
		xseg_leave(x);
	}
	qsort(ns, JOINS, sizeof(*ns), bench_by_value);
	bench_result("join", (double)ns[JOINS / 2] / 1000, "us");
}

/* Others that are there and do nothing. */
static void start_idlers(int segment, u32 nr)
{
	u32 *ready = bench_shared(4096);
	u32 i;

	for (i = 0; i < nr; i++) {
		if (bench_fork())
			continue;
		bench_peer(segment, 2 + i, "futex", NULL);
		__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
		pause();
		_exit(0);
	}
	while (smp_load_acquire(ready) < nr)	/* see above */
		usleep(100);
}

static void peers(u32 nr)
{
	int segment = bench_segment(NULL);

	if (nr > 2)
		start_idlers(segment, nr - 2);
	a = bench_peer(segment, 0, "futex", NULL);
	b = nr > 1 ? bench_peer(segment, 1, "futex", NULL) : a;
	nr_ports = 1;
	time_joins(segment);
	bench_loop(trip_next, TRIPS, 1);
}

static void ports(u32 nr)
{
	struct xseg_params params = {
		.size = sizeof(params),
		.flags = XSEG_CREATE_SPARSE,
		.nr_ports = nr + 1,
		.queue_len = 256,
	};
	int segment = bench_segment(&params);
	struct xseg_info info;
	u64 start;
	u32 i;

	a = bench_peer(segment, 0, "futex", NULL);
	b = bench_peer(segment, 1, "futex", NULL);
	time_joins(segment);
	start = bench_cpu_ns();
	for (i = 1; i < nr; i++)
		bench_check(xseg_bind_port(b.x, 1 + i, b.sd), "bind");
	bench_result("bind", (double)(bench_cpu_ns() - start) / nr, "ns");
	nr_ports = nr;
	bench_loop(trip_next, TRIPS, 1);
	xseg_get_info(a.x, &info);
	bench_result("room", (double)(a.x->geo.descs - a.x->geo.ports) /
		     info.params.nr_ports, "bytes");
}

static void hold_all(u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		held[i] = xseg_get_request(a.x, a.port, b.port, 0);
		if (!held[i])
			bench_die("xseg_get_request");
	}
}

static void put_all(u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		bench_check(xseg_put_request(a.x, held[i]), "put");
}

static void requests(u32 nr)
{
	struct xseg_params params = {
		.size = sizeof(params),
		.flags = XSEG_CREATE_SPARSE,
		.nr_ports = 2,
		.nr_requests = nr,
		.queue_len = nr,
	};
	int segment = bench_segment(&params);
	double before;
	u64 start;

	a = bench_peer(segment, 0, "futex", NULL);
	b = bench_peer(segment, 1, "futex", NULL);
	time_joins(segment);
	before = used_bytes(segment);
	held = calloc(nr, sizeof(*held));
	if (!held)
		bench_die("calloc");
	start = bench_cpu_ns();
	hold_all(nr);
	bench_result("first", (double)(bench_cpu_ns() - start) / nr, "ns");
	put_all(nr);
	start = bench_cpu_ns();
	hold_all(nr);
	put_all(nr);
	bench_result("again", (double)(bench_cpu_ns() - start) / nr, "ns");
	bench_result("room", (used_bytes(segment) - before) / nr, "bytes");
	nr_ports = 1;
	/* Each one trip: over all of the requests, not the same warm one. */
	bench_loop(trip_next, max(TRIPS, min(nr, 1000000U)), 1);
}

int main(int argc, char **argv)
{
	u32 nr = argc == 3 ? (u32)atoi(argv[2]) : 0;

	if (nr && !strcmp(argv[1], "peers"))
		peers(nr);
	else if (nr && !strcmp(argv[1], "ports"))
		ports(nr);
	else if (nr && !strcmp(argv[1], "requests"))
		requests(nr);
	else
		fprintf(stderr, "usage: scale peers|ports|requests NUMBER\n");
	return !nr;
}
