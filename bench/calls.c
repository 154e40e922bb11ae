// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes each call of the hot paths many times, under callgrind, for
 * bench/check-instructions: it finds what each function below has called, and
 * divides.
 *
 * Nothing here takes a path that depends on the machine: no clock, no lock
 * that somebody else has, no system call, no function that the C library chooses by
 * the kind of CPU.
 */
#include <valgrind/callgrind.h>

#include "bench/bench.h"

#ifdef __x86_64__
#define MACHINE	"x86_64"
#else
#define MACHINE	"another machine"
#endif

#define NR	256
/* each by itself, also where two are the same */
#define COUNTED	static __attribute__((noipa)) void

static struct bench_peer a, b;		/* who asks, who answers */
static struct xseg_request *req[NR];
static u32 object[NR];
static struct signal_desc *desc[NR];
static struct ring ring;
static u32 data_len;
static int failed;

static void expect(bool ok)
{
	if (!ok)
		failed++;
}

/* The same request in the other peer's mapping. */
static struct xseg_request *of_b(int i)
{
	return (void *)((char *)req[i] - (char *)a.x->base + (char *)b.x->base);
}

COUNTED signal_nobody_waits(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_signal(a.x, b.port));
}

COUNTED prepare_wait(void)
{
	expect(!xseg_prepare_wait(b.x, b.sd));
}

COUNTED signal_waiter(void)
{
	expect(!xseg_signal(a.x, b.port));
}

COUNTED wait_signalled(void)
{
	expect(!xseg_wait_signal(b.x, b.sd, XSEG_WAIT_FOREVER));
}

COUNTED cancel_wait(void)
{
	expect(!xseg_cancel_wait(b.x, b.sd));
}

COUNTED get_request(void)
{
	int i;

	for (i = 0; i < NR; i++) {
		req[i] = xseg_get_request(a.x, a.port, b.port, 0);
		expect(req[i]);
	}
}

COUNTED prep_request(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_prep_request(a.x, req[i], 0, data_len));
}

/* The room that the request kept is too small: freed, and another allocated. */
COUNTED prep_request_alloc(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_prep_request(a.x, req[i], 0, data_len));
}

COUNTED submit(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_submit(a.x, req[i], a.port, 0) == (int)b.port);
}

COUNTED submit_signal(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_submit(a.x, req[i], a.port, XSEG_SIGNAL) ==
		       (int)b.port);
}

COUNTED accept_request(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_accept(b.x, b.port, 0) == of_b(i));
}

COUNTED accept_nothing(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_accept(b.x, b.port, 0));
}

COUNTED respond(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_respond(b.x, of_b(i), b.port, 0) == (int)a.port);
}

COUNTED respond_signal(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_respond(b.x, of_b(i), b.port, XSEG_SIGNAL) ==
		       (int)a.port);
}

COUNTED receive(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(xseg_receive(a.x, a.port, 0) == req[i]);
}

COUNTED put_request(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_put_request(a.x, req[i]));
}

/* The buffer is too large to be kept: it is freed. */
COUNTED put_request_free(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_put_request(a.x, req[i]));
}

COUNTED pool_allocate(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!pool_alloc(a.x, POOL_REQUESTS, &object[i]));
}

/* Both are in line where they are used. */
static __attribute__((noipa)) int push_one(int i)
{
	return ring_push(a.x, &ring, object[i]);
}

static __attribute__((noipa)) int pop_one(int i)
{
	return ring_pop(a.x, &ring, &object[i]);
}

COUNTED push(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!push_one(i));
}

COUNTED pop(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!pop_one(i));
}

COUNTED pool_release(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!pool_free(a.x, POOL_REQUESTS, object[i]));
}

/* From a port to its owner's descriptor, and a reference to it. */
COUNTED port_lookup(void)
{
	int i;

	for (i = 0; i < NR; i++)
		desc[i] = xseg_get_port_signal_desc(a.x, b.port);
}

COUNTED put_signal_desc(void)
{
	int i;

	for (i = 0; i < NR; i++)
		expect(!xseg_put_signal_desc(a.x, desc[i]));
}

static void signals(void)
{
	int i;

	signal_nobody_waits();
	for (i = 0; i < NR; i++) {
		prepare_wait();
		signal_waiter();
		wait_signalled();
		prepare_wait();
		cancel_wait();
	}
}

static void requests(void)
{
	data_len = 64;
	get_request();
	prep_request();
	submit();
	accept_request();
	accept_nothing();
	respond();
	receive();
	submit_signal();
	accept_request();
	respond_signal();
	receive();
	put_request();
}

static void large_requests(void)
{
	data_len = 65536;
	get_request();
	prep_request_alloc();
	put_request_free();
}

static void queues(void)
{
	pool_allocate();
	push();
	pop();
	pool_release();
}

COUNTED measured(void)
{
	signals();
	requests();
	large_requests();
	queues();
	port_lookup();
	put_signal_desc();
}

int main(void)
{
	struct xseg_params params = {
		.size = sizeof(params),
		.flags = XSEG_CREATE_SPARSE,
		.nr_ports = 8,
		.nr_requests = 4 * NR,
		.nr_descs = 16,
		.queue_len = NR,
		.heap_size = 64 << 20,
		.max_data = 1 << 20,
	};
	int fd = bench_segment(&params);

	a = bench_peer(fd, 0, "futex", "sleep");
	b = bench_peer(fd, 1, "futex", "sleep");
	ring = port_ring(a.x, 2, XSEG_RING_REQUEST);
	/* The first time reserves; what is counted is the second. */
	large_requests();
	requests();
	signals();
	queues();
	CALLGRIND_START_INSTRUMENTATION;
	measured();
	CALLGRIND_STOP_INSTRUMENTATION;
	if (failed) {
		fprintf(stderr, "calls: %d calls failed\n", failed);
		return 1;
	}
	printf("gcc %d %s %s\n", __GNUC__, MACHINE, BENCH_CFLAGS);
	return 0;
}
