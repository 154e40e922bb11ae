// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * idle WHAT: what it costs to wake nobody, nanoseconds of CPU of one thread.
 *
 * WHAT is load (of a flag: what cannot be avoided), fence (store, full fence,
 * load), futex, eventfd, pipe, socket, signal (xseg_signal), or all with and
 * without XSEG_SIGNAL: plain, signalled.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"

#define NR	400000
#define NR_CALLS 40000

static u32 *word;
static int fd;
static struct bench_peer a, b;

static void do_load(void)
{
	if (READ_ONCE(word[0]))
		abort();
	barrier();
}

static void do_fence(void)
{
	WRITE_ONCE(word[16], 1);
	smp_mb();	/* what is measured */
	do_load();
}

static void do_futex(void)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void do_write(void)
{
	u64 one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		bench_die("write");
}

static void do_signal(void)
{
	xseg_signal(a.x, b.port);
}

static void trip(unsigned int flags)
{
	struct xseg_request *req = xseg_get_request(a.x, a.port, b.port, 0);

	xseg_prep_request(a.x, req, 0, 64);
	xseg_submit(a.x, req, a.port, flags);
	req = xseg_accept(b.x, b.port, 0);
	if (!req)
		bench_die("xseg_accept");
	xseg_respond(b.x, req, b.port, flags);
	req = xseg_receive(a.x, a.port, 0);
	if (!req)
		bench_die("xseg_receive");
	xseg_put_request(a.x, req);
}

static void do_plain(void)
{
	trip(0);
}

static void do_signalled(void)
{
	trip(XSEG_SIGNAL);
}

/* A pipe and a socket fill up: what is written is read by a child. */
static void drained(int from)
{
	char buf[65536];

	if (bench_fork())
		return;
	while (read(from, buf, sizeof(buf)) > 0)
		;
	_exit(0);
}

static void open_pipe(void)
{
	int p[2];

	if (pipe(p))
		bench_die("pipe");
	fd = p[1];
	drained(p[0]);
}

static void open_socket(void)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p))
		bench_die("socketpair");
	fd = p[1];
	drained(p[0]);
}

static void open_eventfd(void)
{
	fd = eventfd(0, 0);
	if (fd < 0)
		bench_die("eventfd");
}

static void open_segment(void)
{
	int segment = bench_segment(NULL);

	a = bench_peer(segment, 0, "futex", NULL);
	b = bench_peer(segment, 1, "futex", NULL);
}

static const struct {
	const char *name;
	void (*open)(void);
	void (*call)(void);
	u32 nr;
} kinds[] = {
	{ "load", NULL, do_load, 100 * NR },
	{ "fence", NULL, do_fence, 10 * NR },
	{ "futex", NULL, do_futex, NR_CALLS },
	{ "eventfd", open_eventfd, do_write, NR_CALLS },
	{ "pipe", open_pipe, do_write, NR_CALLS },
	{ "socket", open_socket, do_write, NR_CALLS },
	{ "signal", open_segment, do_signal, 10 * NR },
	{ "plain", open_segment, do_plain, NR },
	{ "signalled", open_segment, do_signalled, NR },
};

int main(int argc, char **argv)
{
	unsigned int i;

	word = bench_shared(4096);
	for (i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name))
			continue;
		if (kinds[i].open)
			kinds[i].open();
		bench_loop(kinds[i].call, kinds[i].nr, 1);
		return 0;
	}
	fprintf(stderr, "usage: idle load|fence|futex|eventfd|pipe|socket|signal|plain|signalled\n");
	return 2;
}
