// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg send: move standard input to a port.
 */
#include <unistd.h>

#include "stream.h"

static const struct argp_child children[] = {
	{ &stream_argp, 0, NULL, 0 },
	{ &stream_send_argp, 0, NULL, 0 },
	{ }
};

static const char doc[] =
	"Move standard input to a port, where 'xseg recv' or 'xseg pipe' takes "
	"it. Ends when the other side has written all of it.\v"
	"Examples:\n"
	"  tar c /usr/include | xseg send demo 1\n"
	"  xseg send demo 1 --type eventfd --block 256K < file\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT)
		return tool_parse_init(state, 2);
	return parse_name_port(key, arg, state);
}

static int send_stream(struct stream_args *args, struct tool_port *port)
{
	struct progress progress;
	struct stream_tx tx;
	struct flow flow = { 0 };
	int ret;

	ret = stream_tx_init(&tx, args, port, args->tool.port, STDIN_FILENO);
	if (ret)
		return ret;
	progress_init(&progress, args, &flow, NULL);
	tx.flow = &flow;
	tx.progress = &progress;
	ret = stream_tx_data(&tx);
	if (!ret)
		ret = stream_tx_end(&tx);
	else
		stream_tx_abort(&tx);
	progress_clear(&progress);
	if (!ret)
		ret = stream_summary(args, &progress, port->xseg);
	stream_tx_free(&tx);
	return ret;
}

static int send_run(struct xseg *xseg, struct tool_args *tool)
{
	struct stream_args *args = (struct stream_args *)tool;
	struct tool_port port;
	int ret;

	ret = stream_wait_receiver(args, xseg, args->tool.port);
	if (ret)
		return ret;
	ret = port_open(&port, xseg, args->tool.type, NoPort);
	if (ret)
		return ret;
	ret = send_stream(args, &port);
	port_close(&port);
	return ret;
}

int send_main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse, .args_doc = "NAME PORT", .doc = doc,
		.children = children,
	};
	struct stream_args args = STREAM_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.tool, send_run);
}
