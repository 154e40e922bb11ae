// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg destroy: remove a segment.
 */
#include "tool.h"

struct destroy_args {
	struct tool_args tool;
	unsigned int flags;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "Also if peers live in it (they go on without "
	  "its name), or if the file is no segment", 0 },
	{ }
};

static const char doc[] =
	"Remove a segment; its memory goes when the last peer has left.\v"
	"Example:\n"
	"  xseg destroy demo\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct destroy_args *args = state->input;

	if (key != 'f')
		return parse_name(key, arg, state);
	args->flags |= XSEG_DESTROY_FORCE;
	return 0;
}

int destroy_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct destroy_args args = { .tool = TOOL_ARGS_INIT };
	int ret;

	tool_parse(&argp, argc, argv, &args);
	ret = xseg_destroy(args.tool.name, args.flags);
	if (ret < 0)
		return fail_as_told(NULL, ret, args.tool.name);
	return EXIT_OK;
}
