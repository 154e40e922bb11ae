// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg peers: who has joined a segment.
 */
#include "tool.h"

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"Show the peers of a segment, this command left out.\v"
	"A dead peer is one that nobody cleaned up after yet; 'xseg reap' "
	"does.\n\n"
	"Example:\n"
	"  xseg peers demo\n";

static struct json_object *peer_json(unsigned int slot,
				     const struct xseg_peer_info *info)
{
	struct json_object *obj = json_object_new_object();

	json_add_num(obj, "slot", slot);
	json_add_bool(obj, "alive", info->alive);
	json_add_str(obj, "domain", domain_name(info->domain));
	json_add_num(obj, "pid", info->pid);
	json_add_num(obj, "uid", info->uid);
	json_add_num(obj, "incarnation", info->incarnation);
	json_add_num(obj, "join_ns", info->join_ns);
	json_add_str(obj, "comm", info->comm);
	return obj;
}

static void print_text(unsigned int slot, const struct xseg_peer_info *info,
		       bool first)
{
	uint64_t now = realtime_ns();
	uint64_t age = now > info->join_ns ? now - info->join_ns : 0;

	if (first)
		printf("%4s %-5s %-6s %8s %6s %10s %s\n", "SLOT", "STATE",
		       "DOMAIN", "PID", "UID", "SECONDS", "PROGRAM");
	printf("%4u %-5s %-6s %8u %6u %10.1f %s\n", slot,
	       info->alive ? "live" : "dead", domain_name(info->domain),
	       info->pid, info->uid, (double)age / NSEC_PER_SEC, info->comm);
}

static int print_peers(struct xseg *xseg, struct tool_args *args,
		       struct json_object *all)
{
	struct xseg_peer_info info;
	struct xseg_info self;
	int printed = 0;
	int ret;

	ret = xseg_get_info(xseg, &self);
	if (ret < 0)
		return ret;
	for (unsigned int slot = 0; slot < XSEG_MAX_PEERS; slot++) {
		if (slot == self.self ||
		    xseg_get_peer_info(xseg, slot, &info) ||
		    info.state != XSEG_PEER_USED)
			continue;
		info.comm[sizeof(info.comm) - 1] = '\0';
		if (all)
			json_object_array_add(all, peer_json(slot, &info));
		else
			print_text(slot, &info, !printed);
		printed++;
	}
	return printed;
}

static int peers_run(struct xseg *xseg, struct tool_args *args)
{
	return table_show(xseg, args, print_peers, "nobody has joined");
}

int peers_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options,
					  .parser = parse_name,
					  .args_doc = "NAME", .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args, peers_run);
}
