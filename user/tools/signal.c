// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg signal: wake whoever waits on a port.
 */
#include <errno.h>

#include "tool.h"

struct signal_args {
	struct tool_args tool;
	uint64_t wait_ns;
};

#define OPT_WAIT	'w'

static const struct argp_option options[] = {
	OPTION_JSON,
	{ "wait", OPT_WAIT, "SECONDS", 0, "Wait up to SECONDS until somebody "
	  "waits on the port; exit status 3 if nobody does", 0 },
	{ }
};

static const char doc[] =
	"Wake whoever waits on a port, in the way that its owner chose.\v"
	"Where nobody waits nothing happens: a signal is not kept for later. "
	"The exit status is 0 all the same, if the port is bound.\n\n"
	"Examples:\n"
	"  xseg signal demo 3\n"
	"  xseg signal demo 3 --wait 10\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct signal_args *args = state->input;

	if (key != OPT_WAIT)
		return parse_name_port(key, arg, state);
	args->wait_ns = parse_seconds("--wait", arg);
	return 0;
}

static const struct reason reasons[] = {
	{ ENOTCONN, "nobody is bound to port @; bind it, for example with "
	  "'xseg wait', or add --wait 10" },
	{ EOWNERDEAD, "the owner of port @ is dead and was cleaned up after; "
	  "start it again" },
	{ EINVAL, "the segment has no port @; choose another; 'xseg info' "
	  "shows how many there are" },
	{ ENOENT, "port @ is waited on by a signal type that is not known "
	  "here; install its plug-in; 'xseg types' shows the name" },
	{ ETIMEDOUT, "the owner of port @ did not answer in time; it may be "
	  "stopped; see 'xseg peers'" },
	{ 0, "port @: %" }
};

static int report(const struct signal_args *args, struct xseg *xseg)
{
	struct json_object *obj;
	struct xseg_stats stats;

	if (xseg_get_stats(xseg, &stats))
		stats.signals_sent = 0;
	if (!args->tool.json) {
		printf("port %u: %s\n", args->tool.port, stats.signals_sent ?
		       "signalled" : "nobody was waiting");
		return EXIT_OK;
	}
	obj = json_object_new_object();
	json_add_num(obj, "port", args->tool.port);
	json_add_bool(obj, "woken", stats.signals_sent);
	return json_print(stdout, obj);
}

static int signal_run(struct xseg *xseg, struct tool_args *tool)
{
	const struct signal_args *args = (struct signal_args *)tool;
	char number[16];
	int ret;

	snprintf(number, sizeof(number), "%u", args->tool.port);
	if (args->wait_ns) {
		ret = port_wait_bound(xseg, args->tool.port, args->wait_ns,
				      true);
		if (ret == EXIT_TIMEOUT)
			fail("nobody waited on port %s in time", number);
		if (ret)
			return ret;
	}
	ret = xseg_signal(xseg, args->tool.port);
	if (ret < 0)
		return fail_because(reasons, ret, number);
	return report(args, xseg);
}

int signal_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME PORT", .doc = doc };
	struct signal_args args = { .tool = TOOL_ARGS_INIT };

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.tool, signal_run);
}
