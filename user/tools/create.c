// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg create: make a segment.
 */
#include <stdlib.h>

#include "tool.h"

struct create_args {
	struct tool_args tool;
	struct xseg_params params;
};

static const struct argp_option options[] = {
	{ "ports", 'p', "N", 0, "Ports, 1 to 65536; default 256", 0 },
	{ "requests", 'r', "N", 0, "Requests; default 4096", 0 },
	{ "descs", 'd', "N", 0, "Signal descriptors; default 1024", 0 },
	{ "queue", 'q', "N", 0, "Slots of each queue of each port, rounded up "
	  "to a power of two; default 256", 0 },
	{ "heap", 'H', "SIZE", 0, "Room for the data of requests; "
	  "default 32M", 0 },
	{ "max-data", 'D', "SIZE", 0, "Most data of one request, up to 1G; "
	  "default 1M", 0 },
	{ "mode", 'm', "OCTAL", 0, "Permission bits: who may join; "
	  "default 0600", 0 },
	{ "sparse", 's', NULL, 0, "Take memory when it is first used; a full "
	  "/dev/shm then kills its users", 0 },
	{ }
};

static const char doc[] =
	"Make a segment, /dev/shm/xseg.NAME.\v"
	"SIZE is in bytes, or a number with K, M, G or T.\n\n"
	"Examples:\n"
	"  xseg create demo\n"
	"  xseg create big --heap 1G --max-data 4M --mode 0660\n";

/* Four digits at most, so that decimal bits are not taken for octal ones. */
static __u32 parse_mode(const char *arg)
{
	char *end;
	unsigned long mode = strtoul(arg, &end, 8);

	if (*arg < '0' || *arg > '7' || *end || !mode || mode > 0777)
		usage_error("--mode: '%s' is not a mode; write octal "
			    "permission bits, such as 0660", arg);
	return mode;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct create_args *args = state->input;
	struct xseg_params *params = &args->params;

	switch (key) {
	case 'p':
		params->nr_ports = parse_number("--ports", arg, 1,
						XSEG_MAX_PORTS);
		return 0;
	case 'r':
		params->nr_requests = parse_number("--requests", arg, 1,
						   XSEG_MAX_INDEX);
		return 0;
	case 'd':
		params->nr_descs = parse_number("--descs", arg, 1, 65536);
		return 0;
	case 'q':
		params->queue_len = parse_number("--queue", arg, 1,
						 1U << XSEG_MAX_QUEUE_ORDER);
		return 0;
	case 'H':
		params->heap_size = parse_size("--heap", arg, 1, 1ULL << 40);
		return 0;
	case 'D':
		params->max_data = parse_size("--max-data", arg, 1,
					      1U << XSEG_MAX_DATA_ORDER);
		return 0;
	case 'm':
		params->mode = parse_mode(arg);
		return 0;
	case 's':
		params->flags |= XSEG_CREATE_SPARSE;
		return 0;
	default:
		return parse_name(key, arg, state);
	}
}

int create_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct create_args args = {
		.tool = TOOL_ARGS_INIT,
		.params.size = sizeof(struct xseg_params),
	};
	int ret;

	tool_parse(&argp, argc, argv, &args);
	ret = xseg_create(args.tool.name, &args.params);
	if (ret < 0)
		return fail_as_told(NULL, ret, args.tool.name);
	return EXIT_OK;
}
