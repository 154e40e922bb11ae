// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg-blkd: a block disk for whoever submits to the ports of a segment.
 *
 * Starts everything in order, waits for signals, stops everything in the
 * opposite order.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blkd.h"

static int open_queues(struct blkd *d)
{
	const struct blkd_args *args = &d->args;
	int ret = EXIT_OK;

	d->queue = calloc(args->nr_queues, sizeof(*d->queue));
	if (!d->queue)
		return fail("no memory");
	for (unsigned int i = 0; !ret && i < args->nr_queues; i++) {
		d->queue[i] = (struct queue){
			.backend = &d->backend, .args = args, .index = i,
			.cpu = args->nr_cpus ?
			       (int)args->cpu[i % args->nr_cpus] : -1,
		};
		ret = queue_open(&d->queue[i], d->xseg);
		d->nr_open += !ret;
	}
	return ret;
}

static int start_queues(struct blkd *d)
{
	int ret = EXIT_OK;

	for (unsigned int i = 0; !ret && i < d->nr_open; i++)
		ret = queue_start(&d->queue[i]);
	return ret;
}

static void close_queues(struct blkd *d)
{
	for (unsigned int i = 0; i < d->nr_open; i++)
		queue_close(&d->queue[i]);
	d->nr_open = 0;
	free(d->queue);
}

/* What is answered is to stay, also without a flush. */
static int sync_backend(struct blkd *d)
{
	if (d->backend.fd < 0 || d->args.read_only || !fsync(d->backend.fd))
		return EXIT_OK;
	return fail("%s: what was written may be lost: %s", d->backend.name,
		    strerror(errno));
}

/* Serve until told to stop, by a signal that came before or comes now. */
static void attend(struct blkd *d, const sigset_t *signals)
{
	int sig;

	stats_ready(d);
	notify("READY=1\nSTATUS=serving");
	while (!tool_stop()) {
		if (sigwait(signals, &sig))
			continue;
		if (sig != SIGUSR1)
			break;
		stats_print(d, "stats");
	}
	notify("STOPPING=1\nSTATUS=answering what was accepted");
}

/* All of it with the signals blocked, in this thread and those it starts. */
static int serve(struct blkd *d)
{
	sigset_t signals;
	int ret;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	ret = open_queues(d);
	if (!ret)
		ret = start_queues(d);
	if (!ret)
		attend(d, &signals);
	for (unsigned int i = 0; i < d->nr_open; i++)
		queue_stop(&d->queue[i]);
	if (!ret) {
		ret = sync_backend(d);
		stats_print(d, "exit");
	}
	close_queues(d);
	return ret;
}

/*
 * The file is locked before a port is bound, and unlocked after the ports are
 * released: see file.c.
 */
static int run(struct blkd *d)
{
	int ret = backend_open(&d->backend);

	if (!ret)
		ret = backend_fit(&d->backend, d->xseg);
	if (!ret)
		ret = serve(d);
	return ret;
}

int main(int argc, char **argv)
{
	static struct blkd d;
	int ret;

	tool_program = "xseg-blkd";
	fill_standard_fds();
	options_parse(&d.args, argc, argv);
	backend_parse(&d.backend, &d.args);
	catch_signals();
	d.xseg = segment_join(d.args.tool.name);
	if (!d.xseg)
		return EXIT_FAIL;
	xseg_set_wait_strategy(d.xseg, d.args.strategy);
	ret = run(&d);
	xseg_leave(d.xseg);
	backend_close(&d.backend);
	return ret;
}
