// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blkclient: plays the disk, to test and to time a server.
 *
 *	blkclient [OPTION...] MODE SEGMENT PORT
 *
 * MODE is verify: random I/O of all kinds, each byte that is read is compared;
 * ops: each operation once, right and wrong; bench: round trips. The server's
 * death and its absence are waited through, as a disk does. SIGTERM ends verify,
 * with all that was asked for answered and compared.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blkclient.h"

static int stop;

static void on_term(int sig)
{
	(void)sig;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
}

bool stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "blkclient: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	_exit(1);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

uint64_t mix(uint64_t n)
{
	n = (n ^ (n >> 31)) * 0x7fb5d329728ea185ULL;
	n = (n ^ (n >> 27)) * 0x81dadef4bc2dd44dULL;
	return n ^ (n >> 33);
}

uint64_t next_random(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15ULL);
}

struct xseg_request *client_get(struct client *c, uint32_t op, uint32_t flags,
				uint64_t offset, uint64_t size,
				uint64_t datalen)
{
	struct xseg_request *req = xseg_get_request(c->x, c->src, c->dst, 0);
	int ret;

	if (!req)
		die("queue %u: no request: %s", c->nr, strerror(errno));
	ret = datalen ? xseg_prep_request(c->x, req, 0, datalen) : 0;
	if (ret)
		die("queue %u: no buffer: %s", c->nr, strerror(-ret));
	req->op = op;
	req->flags = flags;
	req->offset = offset;
	req->size = size;
	req->serviced = 0;
	req->error = 0;
	req->state = 0;
	return req;
}

void client_submit(struct client *c, struct xseg_request *req)
{
	int ret;

	while ((ret = xseg_submit(c->x, req, c->src, 0)) == -EBUSY)
		sched_yield();
	if (ret < 0)
		die("queue %u: submitting: %s", c->nr, strerror(-ret));
}

/* A server that is not there looks when it comes. */
void client_signal(struct client *c)
{
	int ret = xseg_signal(c->x, c->dst);

	if (ret < 0 && ret != -ENOTCONN && ret != -EOWNERDEAD &&
	    ret != -EHOSTUNREACH)
		die("queue %u: signalling: %s", c->nr, strerror(-ret));
}

static struct xseg_request *receive_now(struct client *c)
{
	struct xseg_request *req;

	while (!(req = xseg_receive(c->x, c->src, 0)) && errno == EBUSY)
		sched_yield();
	if (!req && errno != EAGAIN)
		die("queue %u: receiving: %s", c->nr, strerror(errno));
	return req;
}

/* NULL only if not to wait. */
struct xseg_request *client_receive(struct client *c, bool wait)
{
	uint64_t end = now_ns() + (uint64_t)(c->args->stall * 1e9);
	struct xseg_request *req = receive_now(c);

	while (!req && wait) {
		xseg_prepare_wait(c->x, c->sd);
		req = receive_now(c);
		if (req)
			xseg_cancel_wait(c->x, c->sd);
		else if (now_ns() > end)
			die("queue %u: no answer for %g s", c->nr,
			    c->args->stall);
		else
			xseg_wait_signal(c->x, c->sd, 1000000);
	}
	return req;
}

void *client_data(struct client *c, struct xseg_request *req, uint64_t *len)
{
	__u64 n = 0;
	void *data = xseg_get_data_len(c->x, req, &n);

	*len = n;
	return data;
}

/* Wait until somebody serves, or kept the port for who will. */
static void await_server(struct client *c)
{
	uint64_t end = now_ns() + (uint64_t)(c->args->stall * 1e9);
	struct xseg_port_info info;

	for (;;) {
		if (xseg_get_port_info(c->x, c->dst, &info))
			die("no port %u", c->dst);
		if (info.flags & XSEG_PORT_KEEP)
			return;
		if (now_ns() > end)
			die("nobody serves port %u", c->dst);
		usleep(1000);
	}
}

static void client_open(struct client *c, struct xseg *x,
			const struct client_args *args, unsigned int nr)
{
	struct xseg_request *req;
	uint64_t len;
	int ret;

	*c = (struct client){ .args = args, .x = x, .nr = nr,
			      .dst = args->port + nr };
	if (xseg_local_signal_init(x, args->type))
		die("%s", xseg_last_error());
	c->sd = xseg_get_signal_desc(x, args->type);
	/* high numbers: servers have the low ones */
	for (ret = 255; ret >= 0; ret--) {
		if (c->sd && xseg_bind_port(x, ret, c->sd) >= 0)
			break;
	}
	if (ret < 0)
		die("no port to be had");
	c->src = ret;
	await_server(c);
	req = client_get(c, XSEG_BLK_INFO, 0, 0, 0, sizeof(c->info));
	client_submit(c, req);
	client_signal(c);
	req = client_receive(c, true);
	if (req->state != XSEG_REQ_SERVED)
		die("info failed: %s", strerror(req->error));
	memcpy(&c->info, client_data(c, req, &len), sizeof(c->info));
	if (c->info.version != XSEG_BLK_VERSION || !c->info.size ||
	    c->info.size % c->info.block_size)
		die("the server says nonsense of itself");
	xseg_put_request(x, req);
}

static void run_threads(struct client *c, const struct client_args *args,
			void *(*run)(void *arg))
{
	pthread_t thread[256];
	unsigned int i;

	for (i = 0; i < args->queues; i++) {
		if (pthread_create(&thread[i], NULL, run, &c[i]))
			die("no thread");
	}
	for (i = 0; i < args->queues; i++)
		pthread_join(thread[i], NULL);
}

static const struct option options[] = {
	{ "queues", required_argument, NULL, 'q' },
	{ "depth", required_argument, NULL, 'd' },
	{ "type", required_argument, NULL, 't' },
	{ "seconds", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'c' },
	{ "seed", required_argument, NULL, 'S' },
	{ "max-io", required_argument, NULL, 'm' },
	{ "area", required_argument, NULL, 'a' },
	{ "stall", required_argument, NULL, 'w' },
	{ "write", no_argument, NULL, 'W' },
	{ }
};

static void parse(struct client_args *args, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q': args->queues = atoi(optarg); break;
		case 'd': args->depth = atoi(optarg); break;
		case 't': args->type = optarg; break;
		case 's': args->seconds = atof(optarg); break;
		case 'c': args->count = strtoull(optarg, NULL, 0); break;
		case 'S': args->seed = strtoull(optarg, NULL, 0); break;
		case 'm': args->max_io = strtoul(optarg, NULL, 0); break;
		case 'a': args->area = strtoull(optarg, NULL, 0); break;
		case 'w': args->stall = atof(optarg); break;
		case 'W': args->write = true; break;
		default: exit(2);
		}
	}
	if (argc - optind != 3 || !args->queues || args->queues > 256 ||
	    !args->depth)
		die("usage: blkclient [OPTION...] MODE SEGMENT PORT");
	args->segment = argv[optind + 1];
	args->port = atoi(argv[optind + 2]);
}

int main(int argc, char **argv)
{
	struct client_args args = {
		.queues = 1, .depth = 32, .type = "futex", .seconds = 2,
		.seed = 1, .area = 16 << 20, .stall = 30, .max_io = 65536,
	};
	struct client *c;
	struct xseg *x;
	const char *mode;
	uint64_t start;
	unsigned int i;

	signal(SIGTERM, on_term);
	parse(&args, argc, argv);
	mode = argv[optind];
	x = xseg_join(args.segment, XSEG_JOIN_PLUGINS);
	if (!x)
		die("%s", xseg_last_error());
	c = calloc(args.queues, sizeof(*c));
	for (i = 0; i < args.queues; i++)
		client_open(&c[i], x, &args, i);
	start = now_ns();
	if (!strcmp(mode, "verify"))
		run_threads(c, &args, verify_run);
	else if (!strcmp(mode, "bench"))
		run_threads(c, &args, bench_run);
	else if (!strcmp(mode, "ops"))
		ops_run(c);
	else
		die("there is no mode '%s'", mode);
	if (!strcmp(mode, "bench"))
		bench_report(&args, x, bench_done,
			     (double)(now_ns() - start) / 1e9);
	xseg_leave(x);
	free(c);
	return 0;
}
