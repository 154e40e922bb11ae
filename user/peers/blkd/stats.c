// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the server has done, as text and as JSON.
 */
#include "blkd.h"

static const char *const op_names[NR_OPS + 1] = {
	[XSEG_BLK_NOP] = "nop", [XSEG_BLK_INFO] = "info",
	[XSEG_BLK_READ] = "read", [XSEG_BLK_WRITE] = "write",
	[XSEG_BLK_FLUSH] = "flush", [XSEG_BLK_DISCARD] = "discard",
	[XSEG_BLK_ZERO] = "zero", [NR_OPS] = "unknown",
};

/* One object on one line. */
static void print_line(struct json_object *obj)
{
	const int flags = JSON_C_TO_STRING_SPACED |
			  JSON_C_TO_STRING_NOSLASHESCAPE;

	printf("%s\n", json_object_to_json_string_ext(obj, flags));
	fflush(stdout);
	json_object_put(obj);
}

static __u64 requests(const struct counters *c)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i <= NR_OPS; i++)
		sum += c->op[i];
	return sum;
}

static struct counters take(struct queue *q)
{
	const __u64 *from = (const __u64 *)&q->count;
	struct counters c;
	__u64 *to = (__u64 *)&c;

	for (size_t i = 0; i < sizeof(c) / sizeof(*to); i++)
		to[i] = count_read(&from[i]);
	return c;
}

static void add(struct counters *sum, const struct counters *c)
{
	for (unsigned int i = 0; i <= NR_OPS; i++)
		sum->op[i] += c->op[i];
	sum->failed += c->failed;
	sum->lost += c->lost;
	sum->read += c->read;
	sum->written += c->written;
	sum->batches += c->batches;
	if (c->largest > sum->largest)
		sum->largest = c->largest;
	sum->enters += c->enters;
	sum->switches += c->switches;
}

static void counters_json(struct json_object *obj, const struct counters *c)
{
	struct json_object *ops = json_object_new_object();

	for (unsigned int i = 0; i <= NR_OPS; i++)
		json_add_num(ops, op_names[i], c->op[i]);
	json_add_num(obj, "requests", requests(c));
	json_object_object_add(obj, "ops", ops);
	json_add_num(obj, "failed", c->failed);
	json_add_num(obj, "lost", c->lost);
	json_add_num(obj, "bytes_read", c->read);
	json_add_num(obj, "bytes_written", c->written);
	json_add_num(obj, "batches", c->batches);
	json_add_num(obj, "largest_batch", c->largest);
	json_add_num(obj, "io_uring_enters", c->enters);
}

static struct json_object *object_new(struct blkd *d, const char *event)
{
	struct json_object *obj = json_object_new_object();

	json_add_str(obj, "event", event);
	json_add_str(obj, "segment", d->args.tool.name);
	json_add_num(obj, "port", d->args.tool.port);
	json_add_str(obj, "type", d->args.tool.type);
	json_add_str(obj, "backend", d->backend.name);
	json_add_num(obj, "size", backend_size(&d->backend));
	json_add_num(obj, "block_size", d->args.block_size);
	return obj;
}

static __u64 syscalls(const struct xseg_stats *x, const struct counters *c)
{
	return x->calls + c->enters + c->switches;
}

static double per_request(const struct xseg_stats *x, const struct counters *c)
{
	__u64 nr = requests(c);

	return nr ? (double)syscalls(x, c) / (double)nr : 0;
}

static void print_json(struct blkd *d, const char *event,
		       const struct xseg_stats *x, const struct counters *sum)
{
	struct json_object *obj = object_new(d, event);
	struct json_object *queues = json_object_new_array();

	json_add_real(obj, "seconds", (double)(now_ns() - d->started) /
		      NSEC_PER_SEC);
	counters_json(obj, sum);
	json_add_num(obj, "signals_sent", x->signals_sent);
	json_add_num(obj, "signals_elided", x->signals_elided);
	json_add_num(obj, "waits", x->waits);
	json_add_num(obj, "yields", x->yields);
	json_add_num(obj, "policy_switches", sum->switches);
	json_add_num(obj, "sleeps", x->sleeps);
	json_add_num(obj, "syscalls", syscalls(x, sum));
	json_add_real(obj, "syscalls_per_request", per_request(x, sum));
	for (unsigned int i = 0; i < d->nr_open; i++) {
		struct counters c = take(&d->queue[i]);
		struct json_object *one = json_object_new_object();

		json_add_num(one, "port", d->queue[i].port.portno);
		counters_json(one, &c);
		json_object_array_add(queues, one);
	}
	json_object_object_add(obj, "queues", queues);
	print_line(obj);
}

#define ull(n)	((unsigned long long)(n))

static void print_text(struct blkd *d, const struct xseg_stats *x,
		       const struct counters *c)
{
	printf("%llu requests in %.1f s:", ull(requests(c)),
	       (double)(now_ns() - d->started) / NSEC_PER_SEC);
	for (unsigned int i = 0; i <= NR_OPS; i++) {
		if (c->op[i])
			printf(" %llu %s,", ull(c->op[i]), op_names[i]);
	}
	printf(" %llu failed\n", ull(c->failed));
	printf("  %s read, %s written; %llu batches, the largest of %llu\n",
	       text_size(c->read).s, text_size(c->written).s, ull(c->batches),
	       ull(c->largest));
	printf("  signals: %llu sent, %llu elided; waits: %llu, of which "
	       "slept: %llu; yields: %llu; io_uring_enter: %llu; system calls "
	       "per request: %.3f\n", ull(x->signals_sent),
	       ull(x->signals_elided), ull(x->waits), ull(x->sleeps),
	       ull(x->yields), ull(c->enters), per_request(x, c));
	if (c->lost)
		printf("  %llu requests could not be answered\n", ull(c->lost));
	fflush(stdout);
}

/* Print all counters, as the event "stats" or "exit". */
void stats_print(struct blkd *d, const char *event)
{
	struct xseg_stats x = { 0 };
	struct counters sum = { 0 };

	xseg_get_stats(d->xseg, &x);
	for (unsigned int i = 0; i < d->nr_open; i++) {
		struct counters c = take(&d->queue[i]);

		add(&sum, &c);
	}
	if (d->args.tool.json)
		print_json(d, event, &x, &sum);
	else
		print_text(d, &x, &sum);
}

/* Say that requests are served from now on. */
void stats_ready(struct blkd *d)
{
	xport last = d->args.tool.port + d->args.nr_queues - 1;
	struct json_object *obj;

	d->started = now_ns();
	if (!d->args.tool.json) {
		printf("serving %s, %s in blocks of %u, at segment %s, port",
		       d->backend.name, text_size(backend_size(&d->backend)).s,
		       d->args.block_size, d->args.tool.name);
		printf(last == d->args.tool.port ? " %u\n" : "s %u to %u\n",
		       d->args.tool.port, last);
		fflush(stdout);
		return;
	}
	obj = object_new(d, "ready");
	json_add_num(obj, "queues", d->args.nr_queues);
	json_add_num(obj, "max_io", d->backend.max_io);
	print_line(obj);
}
