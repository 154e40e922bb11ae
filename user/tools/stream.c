// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Streams: options, progress and summary.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

#define REDRAW_NS	(NSEC_PER_SEC / 5)
#define MIB		(1024.0 * 1024.0)

static const struct argp_option options[] = {
	OPTION_TYPE,
	{ "json", OPT_JSON, NULL, 0,
	  "Give the summary as JSON, on standard error", 0 },
	{ "stats", OPT_STATS, "FILE", 0,
	  "Write the summary as JSON to FILE instead of saying it", 0 },
	{ "progress", OPT_PROGRESS, NULL, 0,
	  "Show progress, also where standard error is no terminal", 0 },
	{ "quiet", OPT_QUIET, NULL, 0,
	  "Show neither progress nor summary", 0 },
	{ }
};

static const struct argp_option send_options[] = {
	{ "block", OPT_BLOCK, "SIZE", 0,
	  "Most data of one request; default 128K", 0 },
	{ "depth", OPT_DEPTH, "N", 0,
	  "Requests under way at once; default 16", 0 },
	{ "wait", OPT_WAIT, "SECONDS", 0,
	  "Wait so long until the receiving port is bound; default 10", 0 },
	{ }
};

static error_t stream_option(int key, char *arg, struct argp_state *state)
{
	struct stream_args *args = state->input;

	switch (key) {
	case OPT_BLOCK:
		args->block = parse_size("--block", arg, 1,
					 1U << XSEG_MAX_DATA_ORDER);
		return 0;
	case OPT_DEPTH:
		args->depth = parse_number("--depth", arg, 1, 65536);
		return 0;
	case OPT_PROGRESS:
		args->progress = true;
		return 0;
	case OPT_QUIET:
		args->quiet = true;
		return 0;
	case OPT_STATS:
		args->stats = arg;
		return 0;
	case OPT_WAIT:
		args->wait_ns = parse_seconds("--wait", arg);
		return 0;
	default:
		return tool_option(&args->tool, key, arg);
	}
}

const struct argp stream_argp = {
	.options = options, .parser = stream_option,
};

const struct argp stream_send_argp = {
	.options = send_options, .parser = stream_option,
};

/* pipe has a thread for each direction, and one of them draws. */
void flow_add(struct flow *flow, uint64_t bytes)
{
	__atomic_store_n(&flow->bytes, flow->bytes + bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&flow->requests, flow->requests + 1,
			 __ATOMIC_RELAXED);
}

static uint64_t flow_bytes(const struct flow *flow)
{
	return __atomic_load_n(&flow->bytes, __ATOMIC_RELAXED);
}

void progress_init(struct progress *progress, const struct stream_args *args,
		   struct flow *in, struct flow *out)
{
	*progress = (struct progress){ .in = in, .out = out };
	progress->tty = isatty(STDERR_FILENO);
	progress->on = (progress->tty || args->progress) && !args->quiet &&
		       (!args->tool.json || args->progress);
}

static double per_second(uint64_t bytes, double seconds)
{
	return seconds > 0 ? bytes / MIB / seconds : 0;
}

static double elapsed(const struct progress *progress)
{
	uint64_t end = progress->end ? progress->end : now_ns();

	return progress->start ?
	       (double)(end - progress->start) / NSEC_PER_SEC : 0;
}

static void progress_draw(struct progress *progress)
{
	uint64_t bytes = flow_bytes(progress->in);
	double seconds = elapsed(progress);

	fprintf(stderr, "%sxseg: %s: %s", progress->tty ? "\r" : "",
		tool_command, text_size(bytes).s);
	if (progress->out)
		fprintf(stderr, " in, %s out",
			text_size(flow_bytes(progress->out)).s);
	fprintf(stderr, ", %.0f s, %.1f MiB/s%s", seconds,
		per_second(bytes, seconds), progress->tty ? "\033[K" : "\n");
}

/* Called for each request and each tick; begins the clock. */
void progress_tick(struct progress *progress)
{
	uint64_t now;

	if (!progress || (!progress->on && progress->start))
		return;
	now = now_ns();
	if (!progress->start) {
		progress->start = now;
		progress->next = now + REDRAW_NS;
	}
	if (!progress->on || now < progress->next)
		return;
	progress_draw(progress);
	progress->next = now + (progress->tty ? REDRAW_NS : NSEC_PER_SEC);
}

/* Before other text is written. */
void progress_clear(struct progress *progress)
{
	progress->end = now_ns();
	if (progress->on && progress->tty)
		fprintf(stderr, "\r\033[K");
	progress->on = false;
}

static struct json_object *summary_json(const struct progress *progress,
					const struct xseg_stats *stats)
{
	struct json_object *obj = json_object_new_object();
	const struct flow *in = progress->in, *out = progress->out;
	double seconds = elapsed(progress);

	json_add_str(obj, "command", tool_command);
	json_add_num(obj, "bytes", in->bytes);
	json_add_num(obj, "requests", in->requests);
	if (out) {
		json_add_num(obj, "bytes_out", out->bytes);
		json_add_num(obj, "requests_out", out->requests);
	}
	json_add_real(obj, "seconds", seconds);
	json_add_real(obj, "mib_per_second", per_second(in->bytes, seconds));
	json_add_num(obj, "signals_sent", stats->signals_sent);
	json_add_num(obj, "signals_elided", stats->signals_elided);
	json_add_num(obj, "waits", stats->waits);
	json_add_num(obj, "sleeps", stats->sleeps);
	return obj;
}

static void summary_text(const struct progress *progress,
			 const struct xseg_stats *stats)
{
	const struct flow *in = progress->in, *out = progress->out;
	double seconds = elapsed(progress);
	char more[64] = "";

	if (out)
		snprintf(more, sizeof(more), " in, %s out",
			 text_size(out->bytes).s);
	note("%s%s in %.3f s, %.1f MiB/s; %llu requests; signals: %llu sent, "
	     "%llu elided; %llu sleeps", text_size(in->bytes).s, more, seconds,
	     per_second(in->bytes, seconds),
	     (unsigned long long)(in->requests + (out ? out->requests : 0)),
	     (unsigned long long)stats->signals_sent,
	     (unsigned long long)stats->signals_elided,
	     (unsigned long long)stats->sleeps);
}

/* Say what was moved, as the options want it. */
int stream_summary(const struct stream_args *args, struct progress *progress,
		   struct xseg *xseg)
{
	struct xseg_stats stats;
	FILE *file;

	if (xseg_get_stats(xseg, &stats))
		memset(&stats, 0, sizeof(stats));
	if (args->stats) {
		file = fopen(args->stats, "we");
		if (!file)
			return fail("--stats: %s: %s", args->stats,
				    strerror(errno));
		json_print(file, summary_json(progress, &stats));
		if (fclose(file))
			return fail("--stats: %s: %s", args->stats,
				    strerror(errno));
	}
	if (args->tool.json)
		json_print(stderr, summary_json(progress, &stats));
	else if (!args->quiet && !args->stats)
		summary_text(progress, &stats);
	return EXIT_OK;
}

/* Wait until somebody is bound to where the stream shall go. */
int stream_wait_receiver(const struct stream_args *args, struct xseg *xseg,
			 xport portno)
{
	int ret = port_wait_bound(xseg, portno, args->wait_ns, false);

	if (ret == EXIT_TIMEOUT)
		fail("nobody is bound to port %u after %.3g s; start 'xseg "
		     "recv %s %u', or wait longer with --wait", portno,
		     (double)args->wait_ns / NSEC_PER_SEC, args->tool.name,
		     portno);
	return ret;
}

/* For descriptors that somebody made non-blocking. */
int fd_wait(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	if (poll(&pollfd, 1, -1) < 0 && errno != EINTR)
		return -errno;
	return tool_stop() ? -EINTR : 0;
}

/* A larger pipe means fewer switches between its ends. */
void fd_speed_up(int fd)
{
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}
