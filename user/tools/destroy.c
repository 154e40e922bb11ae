// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg destroy: remove a segment.
 */
#include <errno.h>

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

static const struct reason reasons[] = {
	{ ENOENT, "there is no segment '@'", "'xseg list' shows which are" },
	{ EBUSY, "peers live in segment '@'",
	  "stop them ('xseg peers @' shows them), or add --force" },
	{ EACCES, "you may not remove segment '@'", "ask its owner" },
	{ EPERM, "you may not remove segment '@'", "ask its owner" },
	{ EINVAL, "'@' is not a name of a segment",
	  "'xseg list' shows which there are" },
	{ EBADMSG, "'/dev/shm/xseg.@' is no segment",
	  "add --force to remove it all the same" },
	{ }
};

int destroy_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct destroy_args args = { .tool = TOOL_ARGS_INIT };
	int ret;

	tool_parse(&argp, argc, argv, &args);
	ret = xseg_destroy(args.tool.name, args.flags);
	if (ret < 0)
		return fail_because(reasons, ret, args.tool.name);
	return EXIT_OK;
}
