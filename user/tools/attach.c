// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg attach, xseg detach: let kernel drivers into a segment.
 */
#include "tool.h"

static const char attach_doc[] =
	"Let kernel drivers join a segment, by its name.\v"
	"The segment's memory is taken at once, and stays taken until 'xseg "
	"detach' and until the processes that signal kernel drivers are "
	"gone. Needs root.\n\n"
	"Example:\n"
	"  xseg attach demo\n";

static const char detach_doc[] =
	"Let no more kernel drivers join a segment.\v"
	"Fails while some are peers of it. Needs root.\n\n"
	"Example:\n"
	"  xseg detach demo\n";

static int run(int argc, char **argv, const char *doc,
	       int (*call)(const char *name))
{
	const struct argp argp = { .parser = parse_name,
				   .args_doc = "NAME", .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return call(args.name) ? fail("%s", xseg_last_error()) : EXIT_OK;
}

int attach_main(int argc, char **argv)
{
	return run(argc, argv, attach_doc, xseg_attach);
}

int detach_main(int argc, char **argv)
{
	return run(argc, argv, detach_doc, xseg_detach);
}
