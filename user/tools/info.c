// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg info: a segment's capacities and state.
 */
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"Show a segment's capacities and how much of them is in use.\v"
	"Example:\n"
	"  xseg info demo\n";

static void print_text(const struct xseg_info *info, unsigned int peers)
{
	const struct xseg_params *params = &info->params;

	printf("name:      %s%s\n", info->name,
	       info->broken ? " (damaged: leave it and make a new one)" : "");
	printf("size:      %s\n", text_size(info->segment_size).s);
	printf("created:   %s by uid %u, mode %04o\n",
	       text_time(info->created_ns).s, info->creator_uid, params->mode);
	printf("peers:     %u live of %u\n", peers, XSEG_MAX_USER_PEERS);
	printf("ports:     %u, highest ever bound: ", params->nr_ports);
	if (info->ports_used)
		printf("%u\n", info->ports_used - 1);
	else
		printf("none\n");
	printf("queues:    %u requests each\n", params->queue_len);
	printf("requests:  %u, ever needed at once: %u\n", params->nr_requests,
	       info->requests_used);
	printf("descs:     %u, ever needed at once: %u\n", params->nr_descs,
	       info->descs_used);
	printf("heap:      %s, %u of %u chunks given out\n",
	       text_size(params->heap_size).s, info->chunks_used, info->chunks);
	printf("max data:  %s in one request\n",
	       text_size(params->max_data).s);
	printf("reaps:     %llu\n", (unsigned long long)info->reap_epoch);
}

static void uuid_text(char *out, const __u8 *uuid)
{
	for (int i = 0; i < 16; i++)
		out += sprintf(out, "%02x", uuid[i]);
}

static void print_json(const struct xseg_info *info, unsigned int peers)
{
	const struct xseg_params *params = &info->params;
	struct json_object *obj = json_object_new_object();
	char uuid[33];

	uuid_text(uuid, info->uuid);
	json_add_str(obj, "name", info->name);
	json_add_str(obj, "uuid", uuid);
	json_add_num(obj, "segment_size", info->segment_size);
	json_add_num(obj, "created_ns", info->created_ns);
	json_add_num(obj, "creator_uid", info->creator_uid);
	json_add_num(obj, "mode", params->mode);
	json_add_bool(obj, "broken", info->broken);
	json_add_num(obj, "live_peers", peers);
	json_add_num(obj, "ports", params->nr_ports);
	json_add_num(obj, "ports_used", info->ports_used);
	json_add_num(obj, "queue", params->queue_len);
	json_add_num(obj, "requests", params->nr_requests);
	json_add_num(obj, "requests_used", info->requests_used);
	json_add_num(obj, "descs", params->nr_descs);
	json_add_num(obj, "descs_used", info->descs_used);
	json_add_num(obj, "heap", params->heap_size);
	json_add_num(obj, "chunks", info->chunks);
	json_add_num(obj, "chunks_used", info->chunks_used);
	json_add_num(obj, "max_data", params->max_data);
	json_add_num(obj, "reap_epoch", info->reap_epoch);
	json_print(stdout, obj);
}

static int info_run(struct xseg *xseg, struct tool_args *args)
{
	unsigned int peers = segment_live_peers(xseg);
	struct xseg_info info;
	char path[64 + XSEG_NAME_SIZE];
	struct stat st;
	int ret = xseg_get_info(xseg, &info);

	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", args->name);
	if (!stat(path, &st))
		info.params.mode = st.st_mode & 0777;
	if (ret < 0)
		return fail("segment '%s': %s", args->name, strerror(-ret));
	if (args->json)
		print_json(&info, peers);
	else
		print_text(&info, peers);
	return EXIT_OK;
}

int info_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options,
					  .parser = parse_name,
					  .args_doc = "NAME", .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args, info_run);
}
