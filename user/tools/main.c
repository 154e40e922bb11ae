// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The xseg command: finds the sub-command and runs it.
 */
#include <errno.h>
#include <string.h>

#include "tool.h"

static const struct command {
	const char *name;
	const char *brief;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "create",  "make a segment",				create_main },
	{ "destroy", "remove a segment",			destroy_main },
	{ "list",    "list the segments of this machine",	list_main },
	{ "info",    "show a segment's capacities and state",	info_main },
	{ "peers",   "show who has joined a segment",		peers_main },
	{ "ports",   "show a segment's ports and their traffic", ports_main },
	{ "types",   "show a segment's signal types",		types_main },
	{ "reap",    "clean up after dead peers",		reap_main },
	{ "fsck",    "look through a segment for what cannot be", fsck_main },
	{ "attach",  "let kernel drivers join a segment",	attach_main },
	{ "detach",  "let no more kernel drivers join",		detach_main },
	{ "bridge",  "run a command that can wake a kernel driver",
							bridge_main },
	{ "disk",    "make and remove disks that processes serve", disk_main },
	{ "wait",    "bind a port and wait for a signal",	wait_main },
	{ "signal",  "wake whoever waits on a port",		signal_main },
	{ "ping",    "time round trips between two processes",	ping_main },
	{ "send",    "move standard input to a port",		send_main },
	{ "recv",    "move what comes to a port to standard output",
							recv_main },
	{ "pipe",    "pass a stream on through a command",	pipe_main },
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static void print_usage(FILE *file)
{
	fprintf(file, "Usage: xseg COMMAND [OPTION...] [ARGUMENT...]\n"
		"Shared-memory segments and signals between processes.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, "  %-8s %s\n", commands[i].name,
			commands[i].brief);
	fprintf(file, "\nExample, in two terminals:\n"
		"  xseg create demo\n"
		"  xseg recv demo 1 > copy.tar      "
		"tar c /usr/include | xseg send demo 1\n"
		"\n'xseg COMMAND --help' tells more about a command, "
		"'man xseg' everything.\n");
}

static int run(const struct command *cmd, int argc, char **argv)
{
	int ret;

	tool_command = cmd->name;
	ret = cmd->main(argc, argv);
	if (fflush(stdout) || ferror(stdout))
		return fail("writing: %s", strerror(errno));
	return ret;
}

static int help_main(int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? command_find(argv[1]) : NULL;
	char *help_argv[3] = { NULL, (char *)"--help" };

	if (cmd)
		return run(cmd, 2, help_argv);
	if (argc > 1)
		usage_error("there is no command '%s'", argv[1]);
	print_usage(stdout);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	fill_standard_fds();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?"))
		return help_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("xseg %d.%d (segment layout %d.%d)\n",
		       XSEG_VERSION_MAJOR, XSEG_VERSION_MINOR, XSEG_ABI_MAJOR,
		       XSEG_ABI_MINOR);
		return EXIT_OK;
	}
	cmd = command_find(argv[1]);
	if (!cmd)
		usage_error("there is no command '%s'", argv[1]);
	return run(cmd, argc - 1, argv + 1);
}
