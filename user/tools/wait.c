// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg wait: bind a port and wait for one signal.
 */
#include <errno.h>
#include <string.h>

#include "tool.h"

struct wait_args {
	struct tool_args tool;
	uint64_t timeout_ns;
};

#define OPT_TIMEOUT	'w'

static const struct argp_option options[] = {
	OPTION_TYPE,
	OPTION_JSON,
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "Give up after SECONDS, with "
	  "exit status 3; default never", 0 },
	{ }
};

static const char doc[] =
	"Bind a port, wait for one signal, and give the port back.\v"
	"Only signals that come while it waits count; 'xseg signal --wait' "
	"waits for the waiter. Ends at once if a request lies in the port's "
	"queue. The clean-up after a dead peer wakes everybody, this command "
	"as well; the output then says so.\n\n"
	"Examples:\n"
	"  xseg wait demo 3 && echo go\n"
	"  xseg wait demo 3 --type eventfd --timeout 10\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wait_args *args = state->input;

	if (key != OPT_TIMEOUT)
		return parse_name_port(key, arg, state);
	args->timeout_ns = parse_seconds("--timeout", arg);
	return 0;
}

/* Work to be found: requests that nobody accepted. */
static bool look(void *arg)
{
	struct tool_port *port = arg;
	struct xseg_port_info info;

	return !xseg_get_port_info(port->xseg, port->portno, &info) &&
	       info.submitted != info.accepted;
}

/* Wait in ticks; -ETIMEDOUT, -EINTR, another error, or 0: woken. */
static int wait_signal(struct tool_port *port, uint64_t timeout_ns)
{
	uint64_t deadline = now_ns() + timeout_ns;

	while (!tool_stop()) {
		__u32 usec = TICK_USEC;
		uint64_t now = now_ns();
		int ret;

		if (timeout_ns && now >= deadline)
			return -ETIMEDOUT;
		if (timeout_ns && deadline - now < usec * NSEC_PER_USEC)
			usec = (deadline - now) / NSEC_PER_USEC + 1;
		ret = port_await(port, look, port, usec);
		if (!ret || ret == -EAGAIN)
			return 0;
		if (ret != -ETIMEDOUT && ret != -EINTR)
			return ret;
	}
	return -EINTR;
}

static uint64_t reap_epoch(struct xseg *xseg)
{
	struct xseg_info info;

	return xseg_get_info(xseg, &info) ? 0 : info.reap_epoch;
}

static int report(const struct wait_args *args, uint64_t elapsed_ns,
		  bool reaped)
{
	double seconds = (double)elapsed_ns / NSEC_PER_SEC;
	struct json_object *obj;

	if (!args->tool.json) {
		printf("port %u was %s after %.3f s\n", args->tool.port,
		       reaped ? "woken, perhaps by the clean-up after a dead "
		       "peer only," : "signalled", seconds);
		return EXIT_OK;
	}
	obj = json_object_new_object();
	json_add_num(obj, "port", args->tool.port);
	json_add_real(obj, "seconds", seconds);
	json_add_bool(obj, "reaped", reaped);
	return json_print(stdout, obj);
}

static int wait_run(struct xseg *xseg, struct tool_args *tool)
{
	const struct wait_args *args = (struct wait_args *)tool;
	uint64_t epoch, start = now_ns();
	struct tool_port port;
	int ret;

	ret = port_open(&port, xseg, args->tool.type, args->tool.port);
	if (ret)
		return ret;
	epoch = reap_epoch(xseg);
	ret = wait_signal(&port, args->timeout_ns);
	epoch -= reap_epoch(xseg);
	port_close(&port);
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	if (ret == -ETIMEDOUT) {
		fail("no signal came to port %u in %.3g s", port.portno,
		     (double)args->timeout_ns / NSEC_PER_SEC);
		return EXIT_TIMEOUT;
	}
	if (ret < 0)
		return fail("waiting on port %u: %s", port.portno,
			    strerror(-ret));
	return report(args, now_ns() - start, epoch);
}

int wait_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME PORT", .doc = doc };
	struct wait_args args = { .tool = TOOL_ARGS_INIT };

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.tool, wait_run);
}
