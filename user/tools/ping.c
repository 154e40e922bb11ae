// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg ping: time round trips between two processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ping.h"

#define OPT_COUNT	'c'
#define OPT_SIZE	's'
#define OPT_MODE	'm'
#define OPT_STRATEGY	'S'
#define OPT_CPUS	'C'
#define OPT_PORT	'p'
#define OPT_SERVE	'e'
#define OPT_TO		'T'

static const struct argp_option options[] = {
	OPTION_TYPE,
	OPTION_JSON,
	{ "count", OPT_COUNT, "N", 0, "Round trips; default 20000", 0 },
	{ "size", OPT_SIZE, "SIZE", 0, "Payload of a request; default 64", 0 },
	{ "mode", OPT_MODE, "MODE", 0, "request (default), or signal: no "
	  "requests, only signals", 0 },
	{ "strategy", OPT_STRATEGY, "STRATEGY", 0, "What a waiter does before "
	  "it sleeps: adaptive (default), sleep, yield or spin; type futex "
	  "only", 0 },
	{ "cpus", OPT_CPUS, "A[,B]", 0, "Pin this process to CPU A, the other "
	  "one to CPU B", 0 },
	{ "port", OPT_PORT, "PORT", 0, "Port of the echo side; default any",
	  0 },
	{ "serve", OPT_SERVE, NULL, 0, "Be the echo side only, until "
	  "interrupted", 0 },
	{ "to", OPT_TO, "PORT", 0, "Be the client only, of the echo side at "
	  "PORT", 0 },
	{ }
};

static const char doc[] =
	"Time round trips between this process and a second one that it "
	"starts, or between two that were started apart with --serve and "
	"--to.\v"
	"Examples:\n"
	"  xseg ping demo\n"
	"  xseg ping demo --cpus 0,1 --strategy spin --mode signal\n"
	"  xseg ping demo --serve --port 7 &\n"
	"  xseg ping demo --to 7 --type eventfd --json\n";

/* Both --port and --to name the port of the echo side. */
struct ping_options {
	struct ping_args args;
	bool client;
};

static enum ping_mode parse_mode(const char *arg)
{
	if (!strcmp(arg, "request"))
		return PING_BY_REQUEST;
	if (!strcmp(arg, "signal"))
		return PING_BY_SIGNAL;
	usage_error("--mode: '%s' is neither request nor signal", arg);
}

static void parse_cpus(int *cpu, char *arg)
{
	char *comma = strchr(arg, ',');

	if (comma) {
		*comma = '\0';
		cpu[1] = parse_number("--cpus", comma + 1, 0, CPU_SETSIZE - 1);
	}
	cpu[0] = parse_number("--cpus", arg, 0, CPU_SETSIZE - 1);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ping_options *opt = state->input;
	struct ping_args *args = &opt->args;

	switch (key) {
	case OPT_COUNT:
		args->count = parse_number("--count", arg, 1, 10000000);
		return 0;
	case OPT_SIZE:
		args->size = parse_size("--size", arg, 0,
					1U << XSEG_MAX_DATA_ORDER);
		return 0;
	case OPT_MODE:
		args->mode = parse_mode(arg);
		return 0;
	case OPT_STRATEGY:
		args->strategy = parse_strategy("--strategy", arg);
		return 0;
	case OPT_CPUS:
		parse_cpus(args->cpu, arg);
		return 0;
	case OPT_SERVE:
		args->serve = true;
		return 0;
	case OPT_TO:
		opt->client = true;
		args->tool.port = parse_port(arg);
		return 0;
	case OPT_PORT:
		args->tool.port = parse_port(arg);
		return 0;
	default:
		return parse_name(key, arg, state);
	}
}

static int pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return EXIT_OK;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return fail("--cpus: CPU %d: %s; this machine has %ld", cpu,
			    strerror(errno), sysconf(_SC_NPROCESSORS_ONLN));
	return EXIT_OK;
}

/* In the new process: become the echo side, which ends with its parent. */
_Noreturn static void exec_echo(const struct ping_args *args, int out,
				 pid_t parent)
{
	char port[16], cpu[16];
	const char *argv[16] = {
		"xseg", "ping", args->tool.name, "--serve", "--type",
		args->tool.type, "--strategy", strategy_name(args->strategy),
	};
	int argc = 8;

	if (args->tool.port != NoPort) {
		snprintf(port, sizeof(port), "%u", args->tool.port);
		argv[argc++] = "--port";
		argv[argc++] = port;
	}
	if (args->cpu[1] >= 0) {
		snprintf(cpu, sizeof(cpu), "%d", args->cpu[1]);
		argv[argc++] = "--cpus";
		argv[argc++] = cpu;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAIL);
	dup2(out, STDOUT_FILENO);
	execv("/proc/self/exe", (char **)argv);
	fail("/proc/self/exe: %s", strerror(errno));
	_exit(EXIT_FAIL);
}

/* Read which port the echo side bound; an exit status. */
static int read_port(int fd, xport *portno)
{
	char line[32] = "";
	size_t len = 0;
	ssize_t ret;

	while (len + 1 < sizeof(line) && !strchr(line, '\n')) {
		ret = read(fd, line + len, sizeof(line) - 1 - len);
		if (ret < 0 && errno == EINTR && !tool_stop())
			continue;
		if (ret <= 0)
			break;
		len += ret;
	}
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	if (sscanf(line, "port %u", portno) != 1)
		return fail("the echo side did not start");
	return EXIT_OK;
}

/* Start the echo side, be its client, and stop it. */
static int ping_both(struct ping_args *args)
{
	pid_t parent = getpid(), pid;
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC))
		return fail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return fail("fork: %s", strerror(errno));
	if (!pid)
		exec_echo(args, fds[1], parent);
	close(fds[1]);
	tool_child = pid;
	catch_signals();
	ret = read_port(fds[0], &args->tool.port);
	if (!ret)
		ret = segment_run(&args->tool, ping_client);
	tool_child = 0;
	close(fds[0]);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return ret;
}

int ping_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct ping_options opt = {
		.args = {
			.tool = TOOL_ARGS_INIT, .count = 20000, .size = 64,
			.cpu = { -1, -1 },
		},
	};
	struct ping_args *args = &opt.args;

	tool_parse(&argp, argc, argv, &opt);
	if (args->serve && opt.client)
		usage_error("--serve and --to exclude each other");
	if (pin(args->cpu[0]))
		return EXIT_FAIL;
	if (args->serve)
		return segment_run(&args->tool, ping_serve);
	if (opt.client)
		return segment_run(&args->tool, ping_client);
	return ping_both(args);
}
