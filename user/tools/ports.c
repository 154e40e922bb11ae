// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg ports: a segment's ports and their traffic.
 */
#include <string.h>

#include "tool.h"

struct ports_args {
	struct tool_args tool;
	bool all;
};

static const struct argp_option options[] = {
	OPTION_JSON,
	{ "all", 'a', NULL, 0, "Also those that were never used", 0 },
	{ }
};

static const char doc[] =
	"Show the ports that are bound or had traffic.\v"
	"TO and DONE count the requests ever submitted to a port and the "
	"replies ever given to it, QUEUED those of both that nobody took yet; "
	"WAIT the waiters that announced themselves, ASLEEP those of them that "
	"sleep.\n\n"
	"Examples:\n"
	"  xseg ports demo\n"
	"  xseg ports demo --all --json\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ports_args *args = state->input;

	if (key != 'a')
		return parse_name(key, arg, state);
	args->all = true;
	return 0;
}

static void print_text(xport portno, const struct xseg_port_info *info,
		       const char *comm, bool first)
{
	struct text owner = { "-" };

	if (info->bound)
		snprintf(owner.s, sizeof(owner.s), "%u %s", info->owner, comm);
	if (first)
		printf("%5s %-20s %-12s %10s %10s %6s %5s %6s %s\n", "PORT",
		       "PEER", "TYPE", "TO", "DONE", "QUEUED", "WAIT",
		       "ASLEEP", "FLAGS");
	printf("%5u %-20s %-12s %10llu %10llu %6llu %5u %6u %s\n", portno,
	       owner.s, *info->type ? info->type : "-",
	       (unsigned long long)info->submitted,
	       (unsigned long long)info->responded,
	       (unsigned long long)(info->submitted - info->accepted +
				    info->responded - info->received),
	       info->waiters, info->asleep,
	       info->flags & XSEG_PORT_KEEP ? "keep" : "-");
}

static struct json_object *port_json(xport portno,
				     const struct xseg_port_info *info,
				     const char *comm)
{
	struct json_object *obj = json_object_new_object();

	json_add_num(obj, "port", portno);
	json_add_bool(obj, "bound", info->bound);
	if (info->bound) {
		json_add_num(obj, "peer", info->owner);
		json_add_str(obj, "comm", comm);
	}
	json_add_num(obj, "epoch", info->epoch);
	json_add_str(obj, "type", info->type);
	json_add_bool(obj, "keep", info->flags & XSEG_PORT_KEEP);
	json_add_num(obj, "requests", info->nr_requests);
	json_add_num(obj, "max_requests", info->max_requests);
	json_add_num(obj, "submitted", info->submitted);
	json_add_num(obj, "accepted", info->accepted);
	json_add_num(obj, "responded", info->responded);
	json_add_num(obj, "received", info->received);
	json_add_num(obj, "waiters", info->waiters);
	json_add_num(obj, "asleep", info->asleep);
	return obj;
}

static int print_ports(struct xseg *xseg, struct tool_args *tool,
		       struct json_object *all)
{
	bool unused = ((struct ports_args *)tool)->all;
	struct xseg_port_info info;
	struct xseg_peer_info peer;
	struct xseg_info segment;
	int printed = 0;
	int ret;

	ret = xseg_get_info(xseg, &segment);
	if (ret < 0)
		return ret;
	for (xport portno = 0; portno < segment.params.nr_ports; portno++) {
		if (xseg_get_port_info(xseg, portno, &info))
			continue;
		if (!unused && !info.bound && !info.submitted &&
		    !info.responded)
			continue;
		if (xseg_get_peer_info(xseg, info.owner, &peer))
			memset(&peer, 0, sizeof(peer));
		peer.comm[sizeof(peer.comm) - 1] = '\0';
		if (all)
			json_object_array_add(all, port_json(portno, &info,
							     peer.comm));
		else
			print_text(portno, &info, peer.comm, !printed);
		printed++;
	}
	return printed;
}

static int ports_run(struct xseg *xseg, struct tool_args *args)
{
	return table_show(xseg, args, print_ports,
			  "no port is bound or had traffic");
}

int ports_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct ports_args args = { .tool = TOOL_ARGS_INIT };

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.tool, ports_run);
}
