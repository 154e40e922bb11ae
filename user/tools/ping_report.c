// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Round trips: what was found, as text and as JSON.
 */
#include <stdlib.h>

#include "ping.h"

static const struct percentile {
	const char *name;
	double share;
} percentiles[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 },
	{ "max", 1 },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double percentile_us(const struct ping_result *result, double share)
{
	uint64_t rank = (uint64_t)(share * (double)result->count + 0.5);

	if (rank < 1)
		rank = 1;
	if (rank > result->count)
		rank = result->count;
	return (double)result->ns[rank - 1] / NSEC_PER_USEC;
}

static double rate(const struct ping_result *result)
{
	return (double)result->count * NSEC_PER_SEC / (double)result->total_ns;
}

static const char *mode_name(const struct ping_args *args)
{
	return args->mode == PING_BY_SIGNAL ? "signal" : "request";
}

static void report_stats(struct json_object *obj, const char *key,
			 const struct xseg_stats *stats)
{
	struct json_object *side = json_object_new_object();

	json_add_num(side, "signals_sent", stats->signals_sent);
	json_add_num(side, "signals_elided", stats->signals_elided);
	json_add_num(side, "waits", stats->waits);
	json_add_num(side, "sleeps", stats->sleeps);
	json_object_object_add(obj, key, side);
}

static int report_json(const struct ping_args *args,
		       const struct ping_result *result)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *us = json_object_new_object();

	json_add_str(obj, "type", args->tool.type);
	json_add_str(obj, "mode", mode_name(args));
	json_add_str(obj, "strategy", strategy_name(args->strategy));
	json_add_num(obj, "count", result->count);
	json_add_num(obj, "size", args->size);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		json_add_real(us, percentiles[i].name,
			      percentile_us(result, percentiles[i].share));
	json_object_object_add(obj, "latency_us", us);
	json_add_real(obj, "round_trips_per_second", rate(result));
	report_stats(obj, "client", &result->client);
	report_stats(obj, "echo", &result->server);
	return json_print(stdout, obj);
}

static void print_stats(const char *who, const struct xseg_stats *stats)
{
	printf("  %-7s signals: %llu sent, %llu elided; waits: %llu, of which "
	       "slept: %llu\n", who,
	       (unsigned long long)stats->signals_sent,
	       (unsigned long long)stats->signals_elided,
	       (unsigned long long)stats->waits,
	       (unsigned long long)stats->sleeps);
}

/* Sort the results and print them. */
int ping_report(const struct ping_args *args, const struct ping_result *result)
{
	qsort(result->ns, result->count, sizeof(*result->ns), compare);
	if (args->tool.json)
		return report_json(args, result);
	printf("%llu round trips by %s, %llu bytes, type %s, strategy %s\n",
	       (unsigned long long)result->count, mode_name(args),
	       (unsigned long long)args->size, args->tool.type,
	       strategy_name(args->strategy));
	printf("  latency");
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		printf("%s %s %.2f us", i ? "," : "", percentiles[i].name,
		       percentile_us(result, percentiles[i].share));
	printf("\n  rate    %.0f round trips/s\n", rate(result));
	print_stats("client", &result->client);
	print_stats("echo", &result->server);
	return EXIT_OK;
}
