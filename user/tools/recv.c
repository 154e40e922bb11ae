// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg recv: move what comes to a port to standard output.
 */
#include <unistd.h>

#include "stream.h"

static const struct argp_child children[] = {
	{ &stream_argp, 0, NULL, 0 },
	{ }
};

static const struct argp_option options[] = {
	{ "wait", OPT_WAIT, "SECONDS", 0, "Give up if no stream begins within "
	  "SECONDS, with exit status 3; default never", 0 },
	{ }
};

static const char doc[] =
	"Bind a port and write the stream that comes there to standard output. "
	"Ends with the stream; an exit status of 0 means that all of it was "
	"written.\v"
	"Examples:\n"
	"  xseg recv demo 1 > copy.tar\n"
	"  xseg recv demo 1 --type eventfd --stats recv.json | tar x\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stream_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 1);
	case OPT_WAIT:
		args->wait_ns = parse_seconds("--wait", arg);
		return 0;
	default:
		return parse_name_port(key, arg, state);
	}
}

static int recv_run(struct xseg *xseg, struct tool_args *tool)
{
	struct stream_args *args = (struct stream_args *)tool;
	struct flow flow = { 0 };
	struct progress progress;
	struct tool_port port;
	struct stream_rx rx = {
		.port = &port, .fd = STDOUT_FILENO, .wait_ns = args->wait_ns,
		.flow = &flow, .progress = &progress,
	};
	int ret;

	ret = port_open(&port, xseg, args->tool.type, args->tool.port);
	if (ret)
		return ret;
	progress_init(&progress, args, &flow, NULL);
	ret = stream_rx_run(&rx);
	progress_clear(&progress);
	if (!ret)
		ret = stream_summary(args, &progress, xseg);
	port_close(&port);
	return ret;
}

int recv_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "NAME PORT",
		.doc = doc, .children = children,
	};
	struct stream_args args = STREAM_ARGS_INIT;

	args.wait_ns = 0;
	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.tool, recv_run);
}
