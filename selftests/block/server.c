// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * server [options] SEGMENT PORT: serves a disk until it is killed.
 *
 *	-f FILE	 what it serves (needed)
 *	-s MIB	 of that size (64)
 *	-b BYTES logical block size (512)
 *	-q N	 queues: ports PORT to PORT + N - 1 (1)
 *	-i BYTES most bytes of a read or write
 *	-c	 with a volatile cache: what was not flushed dies with it
 *	-r	 read-only
 *	-n	 without XSEG_PORT_KEEP
 *	-j FILE	 a journal of the writes that servers have, see journal.c
 *	-m NAME	 a misdeed, see server.h
 *	-t TYPE	 signal type (device)
 *
 * Says "ready" when all ports are bound.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

static struct xseg_blk_info info = {
	.version = XSEG_BLK_VERSION,
	.flags = XSEG_BLK_HAS_DISCARD | XSEG_BLK_HAS_ZERO,
	.size = 64 << 20,
	.block_size = 512,
	.nr_queues = 1,
};

static struct queue queues[MAX_QUEUES];
static volatile sig_atomic_t released;

static void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int sig)
{
	(void)sig;
	released = 1;
}

static uint32_t serve(struct queue *q, struct xseg_request *req)
{
	uint32_t op = req->op;
	__u64 len = 0;
	void *data = xseg_get_data_len(q->x, req, &len);

	if (op != XSEG_BLK_INFO)
		return store_serve(op, req->flags, req->offset, req->size, data,
				   len);
	if (!data || len < sizeof(info))
		return EINVAL;
	memcpy(data, &info, sizeof(info));
	return 0;
}

static void answer(struct queue *q, struct xseg_request *req)
{
	uint32_t error = serve(q, req);
	xport back;

	journal_end(req);
	req->serviced = error ? 0 : req->size;
	req->error = error;
	req->state = error ? XSEG_REQ_FAILED : XSEG_REQ_SERVED;
	misdeed_before(q, req);
	back = (xport)xseg_respond(q->x, req, q->port, 0);
	if (misdeed)
		misdeed_after(q, req);
	if (back >= XSEG_MAX_PORTS)
		return;
	if (q->due != NoPort && q->due != back)
		xseg_signal(q->x, q->due);
	q->due = back;
}

/* Answers what is kept, in random order. */
static void answer_kept(struct queue *q)
{
	while (q->nr_kept) {
		unsigned int i = queue_random(q) % q->nr_kept;
		struct xseg_request *req = q->kept[i];

		q->kept[i] = q->kept[--q->nr_kept];
		answer(q, req);
	}
}

static bool keeps(const struct xseg_request *req)
{
	return (misdeed == MISDEED_ORDER ||
		(misdeed == MISDEED_KEEP && !released)) &&
	       req->op != XSEG_BLK_INFO;
}

/* Accepts all there is: true if there was something. */
static bool serve_all(struct queue *q)
{
	struct xseg_request *req;
	bool some = false;

	while ((req = xseg_accept(q->x, q->port, 0))) {
		some = true;
		journal_begin(req);
		if (keeps(req) && q->nr_kept < MAX_KEPT)
			q->kept[q->nr_kept++] = req;
		else
			answer(q, req);
	}
	return some;
}

/* Who keeps some looks now and then whether he is to let them go. */
static void *run(void *arg)
{
	struct queue *q = arg;
	uint32_t usec = misdeed ? 100000 : XSEG_WAIT_FOREVER;

	for (;;) {
		if (serve_all(q))
			continue;
		if (misdeed == MISDEED_ORDER || released)
			answer_kept(q);
		if (xseg_prepare_wait(q->x, q->sd))
			die("prepare");
		if (serve_all(q)) {
			xseg_cancel_wait(q->x, q->sd);
			continue;
		}
		xseg_signal_and_wait(q->x, q->sd, &q->due, q->due != NoPort,
				     usec);
		q->due = NoPort;
	}
	return NULL;
}

static void queue_start(struct queue *q, struct xseg *x, const char *type,
			xport port, unsigned int flags)
{
	q->x = x;
	q->port = port;
	q->due = NoPort;
	q->random = 0x9e3779b97f4a7c15ULL * (port + 1) + (uint64_t)getpid();
	q->sd = xseg_get_signal_desc(x, type);
	if (!q->sd)
		die("descriptor");
	errno = -xseg_bind_port(x, port, q->sd);
	if (errno > 0)
		die("bind");
	xseg_set_port_flags(x, port, flags);
}

static void queues_run(const char *segment, xport port, const char *type,
		       unsigned int flags)
{
	struct xseg *x = xseg_join(segment, 0);
	pthread_t thread;

	if (!x)
		die("join");
	errno = -xseg_local_signal_init(x, type);
	if (errno)
		die("type");
	for (unsigned int i = 0; i < info.nr_queues; i++)
		queue_start(&queues[i], x, type, port + i, flags);
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 1; i < info.nr_queues; i++)
		if (pthread_create(&thread, NULL, run, &queues[i]))
			die("thread");
	run(&queues[0]);
}

int main(int argc, char **argv)
{
	unsigned int flags = XSEG_PORT_KEEP;
	const char *file = NULL, *journal = NULL, *type = "device";
	bool cache = false;
	int opt;

	while ((opt = getopt(argc, argv, "f:s:b:q:i:crnj:m:t:")) != -1) {
		switch (opt) {
		case 'f': file = optarg; break;
		case 's': info.size = strtoull(optarg, NULL, 0) << 20; break;
		case 'b': info.block_size = (uint32_t)atoi(optarg); break;
		case 'q': info.nr_queues = (uint32_t)atoi(optarg); break;
		case 'i': info.max_io = (uint32_t)atoi(optarg); break;
		case 'c': cache = true; break;
		case 'r': info.flags |= XSEG_BLK_READ_ONLY; break;
		case 'n': flags = 0; break;
		case 'j': journal = optarg; break;
		case 't': type = optarg; break;
		case 'm':
			if (!misdeed_parse(optarg))
				return 2;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2 || !file || !info.nr_queues ||
	    info.nr_queues > MAX_QUEUES)
		return 2;
	if (cache)
		info.flags |= XSEG_BLK_HAS_FLUSH | XSEG_BLK_HAS_FUA;
	if (!store_open(file, info.size, cache))
		die(file);
	if (journal && !journal_open(journal, info.size))
		die(journal);
	signal(SIGUSR1, on_signal);
	queues_run(argv[optind], (xport)atoi(argv[optind + 1]), type, flags);
	return 0;
}
