// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg bridge: run a command that can wake a kernel driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct bridge_args {
	struct tool_args tool;
	int fd;
	int got;
	char **command;
};

#define OPT_FD	'f'

#define FD_MIN		3
#define FD_MAX		1023

/* as the shell has it */
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

static const struct argp_option options[] = {
	{ "fd", OPT_FD, "N", 0, "The number of the file descriptor; default 3",
	  0 },
	{ }
};

static const char doc[] =
	"Run COMMAND with a file descriptor that wakes the kernel driver bound "
	"to PORT by signal type eventfd-bridge: 8 bytes written to it, a "
	"number other than 0 in the machine's byte order, are a signal.\v"
	"COMMAND needs to know nothing of segments; this process becomes it. "
	"The exit status is 127 if it was not found, 126 if it cannot be "
	"run.\n\n"
	"Examples:\n"
	"  xseg bridge demo 3 -- bash -c "
	"'printf \"\\1\\0\\0\\0\\0\\0\\0\\0\" >&3'\n"
	"  xseg bridge demo 3 --fd 5 -- python3 -c "
	"'import os; os.eventfd_write(5, 1)'\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bridge_args *args = state->input;

	switch (key) {
	case OPT_FD:
		args->fd = (int)parse_number("--fd", arg, FD_MIN, FD_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			args->tool.name = arg;
		else if (state->arg_num == 1)
			args->tool.port = parse_port(arg);
		else
			return ARGP_ERR_UNKNOWN;
		return 0;
	case ARGP_KEY_ARGS:	/* all the rest is the command */
		args->command = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!args->command)
			usage_error("NAME PORT -- COMMAND are needed, not all "
				    "are there");
		return 0;
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 0);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct reason reasons[] = {
	{ ENOTCONN, "nobody is bound to port @; load the driver that is to be "
	  "woken there" },
	{ EOPNOTSUPP, "the owner of port @ is not woken by eventfd-bridge; "
	  "'xseg ports' shows the type; use 'xseg signal'" },
	{ EINVAL, "the segment has no port @; choose another; 'xseg info' "
	  "shows how many there are" },
	{ ENXIO, "there is no /dev/xseg_signal; load the module with "
	  "'modprobe xseg_signal'" },
	{ ENOENT, "the segment is not attached, or there is no "
	  "/dev/xseg_signal; see 'xseg attach'" },
	{ EACCES, "you may not use /dev/xseg_signal; see its owner and mode" },
	{ 0, "port @: %" }
};

/* The descriptor as number N, for the command to inherit. */
static int fd_place(int fd, int wanted)
{
	if (fd == wanted)
		return fcntl(fd, F_SETFD, 0) ? -errno : 0;
	if (dup2(fd, wanted) < 0)
		return -errno;
	close(fd);
	return 0;
}

static int bridge_run(struct xseg *xseg, struct tool_args *tool)
{
	struct bridge_args *args = (struct bridge_args *)tool;
	char number[16];

	snprintf(number, sizeof(number), "%u", tool->port);
	args->got = xseg_get_bridge_fd(xseg, tool->port);
	return args->got < 0 ? fail_because(reasons, args->got, number) :
			       EXIT_OK;
}

static int command_run(char **command)
{
	int err;

	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	signal(SIGPIPE, SIG_DFL);	/* what is ignored would be inherited */
	execvp(command[0], command);
	err = errno;
	fail("cannot run '%s': %s", command[0], strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

int bridge_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME PORT -- COMMAND "
						      "[ARGUMENT...]",
					  .doc = doc };
	struct bridge_args args = { .tool = TOOL_ARGS_INIT, .fd = FD_MIN };
	int ret;

	tool_parse(&argp, argc, argv, &args);
	ret = segment_run(&args.tool, bridge_run);
	if (ret)
		return ret;
	/* The segment was left: no number is the library's any more. */
	ret = fd_place(args.got, args.fd);
	if (ret)
		return fail("file descriptor %d: %s", args.fd, strerror(-ret));
	return command_run(args.command);
}
