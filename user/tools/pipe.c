// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg pipe: pass a stream on through a command.
 *
 * Two streams meet in the command: a thread writes what comes to port FROM to
 * its standard input, the main thread sends its standard output to port TO.
 * The stream to TO is ended only when both the stream from FROM and the
 * command ended well; else it is aborted, and who receives it knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream.h"

extern char **environ;

struct pipe_args {
	struct stream_args stream;
	xport to;
	char **command;
};

/**
 * struct pipe_run - a pipe at work
 * @args:    what it was told
 * @from:    the port that the data come to
 * @reply:   the port that sends them on
 * @rx:	     the stream to the command
 * @tx:	     the stream from the command
 * @in:	     counts of @rx
 * @out:     counts of @tx
 * @to_cmd:  the command's standard input
 * @from_cmd: its standard output
 * @rx_status: how @rx ended
 * @killed:  the command was told to end
 */
struct pipe_run {
	const struct pipe_args *args;
	struct tool_port from;
	struct tool_port reply;
	struct stream_rx rx;
	struct stream_tx tx;
	struct flow in;
	struct flow out;
	int to_cmd;
	int from_cmd;
	int rx_status;
	bool killed;
};

static const struct argp_child children[] = {
	{ &stream_argp, 0, NULL, 0 },
	{ &stream_send_argp, 0, NULL, 0 },
	{ }
};

static const char doc[] =
	"Bind port FROM, give the stream that comes there to COMMAND as its "
	"standard input, and send its standard output to port TO. The end of "
	"the stream is passed on if COMMAND ended with status 0.\v"
	"The exit status is COMMAND's if that is not 0; 127 if it was not "
	"found, 126 if it cannot be run, 128 + N if signal N killed it.\n\n"
	"Example, in three terminals:\n"
	"  xseg recv demo 2 > usr.tar.zst\n"
	"  xseg pipe demo 1 2 -- zstd -1\n"
	"  tar c /usr/include | xseg send demo 1\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct pipe_args *args = state->input;
	struct tool_args *tool = &args->stream.tool;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			tool->name = arg;
		else if (state->arg_num == 1)
			tool->port = parse_port(arg);
		else if (state->arg_num == 2)
			args->to = parse_port(arg);
		else
			return ARGP_ERR_UNKNOWN;
		return 0;
	case ARGP_KEY_ARGS:	/* all the rest is the command */
		args->command = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (!args->command)
			usage_error("NAME FROM TO -- COMMAND are needed, not "
				    "all are there");
		if (tool->port == args->to)
			usage_error("FROM and TO are the same port");
		return 0;
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 2);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Nobody needs the command any more. */
static void command_kill(struct pipe_run *run)
{
	run->killed = true;
	kill(tool_child, SIGTERM);
}

/* Start the command; 0 or a positive errno. */
static int command_start(char **command, pid_t *pid, int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t pipe_set;
	int err;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &pipe_set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	err = posix_spawnp(pid, command[0], &files, &attr, command, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return err;
}

/* Start the command with both its ends in our hands; an exit status. */
static int command_open(struct pipe_run *run)
{
	char **command = run->args->command;
	int in[2], out[2];
	pid_t pid = 0;
	int err;

	if (pipe2(in, O_CLOEXEC))
		return fail("pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		err = errno;
		close(in[0]);
		close(in[1]);
		return fail("pipe: %s", strerror(err));
	}
	err = command_start(command, &pid, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	run->to_cmd = in[1];
	run->from_cmd = out[0];
	tool_child = pid;
	if (!err)
		return EXIT_OK;
	close(in[1]);
	close(out[0]);
	fail("command '%s': %s", command[0], strerror(err));
	return err == ENOENT ? 127 : 126;
}

/* Wait for the command; its exit status as a shell would tell it. */
static int command_close(struct pipe_run *run)
{
	const char *name = run->args->command[0];
	pid_t pid = tool_child;
	siginfo_t info;
	int status;

	close(run->from_cmd);
	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	tool_child = 0;		/* from here the number may be another's */
	if (waitpid(pid, &status, 0) != pid)
		return fail("waiting for '%s': %s", name, strerror(errno));
	if (WIFSIGNALED(status)) {
		status = EXIT_SIGNAL + WTERMSIG(status);
		if (!tool_stop() && !run->killed)
			fail("command '%s' was killed by signal %d", name,
			     status - EXIT_SIGNAL);
		return status;
	}
	status = WEXITSTATUS(status);
	if (status)
		fail("command '%s' ended with status %d", name, status);
	return status;
}

static void *rx_thread(void *arg)
{
	struct pipe_run *run = arg;

	run->rx_status = stream_rx_run(&run->rx);
	close(run->to_cmd);
	port_close(&run->from);
	return NULL;
}

/* The thread is to be interrupted by nothing: signals come to this one. */
static int rx_start(struct pipe_run *run, pthread_t *thread)
{
	sigset_t all, old;
	int err;

	run->rx = (struct stream_rx){
		.port = &run->from, .fd = run->to_cmd, .flow = &run->in,
		.may_close = true,
	};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, NULL, rx_thread, run);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

/* When the command has ended nobody reads what the thread writes. */
static void rx_stop(struct pipe_run *run, pthread_t thread)
{
	__atomic_store_n(&run->rx.stop, 1, __ATOMIC_RELEASE);
	xseg_signal(run->from.xseg, run->from.portno);
	pthread_join(thread, NULL);
}

/* Move it all; an exit status. */
static int pipe_streams(struct pipe_run *run)
{
	int tx_status, cmd_status;
	pthread_t thread;

	if (rx_start(run, &thread)) {
		command_kill(run);
		close(run->to_cmd);
		command_close(run);
		return fail("no thread could be started");
	}
	tx_status = stream_tx_data(&run->tx);
	if (tx_status)
		command_kill(run);
	cmd_status = command_close(run);
	rx_stop(run, thread);
	if (tool_stop())
		tx_status = EXIT_SIGNAL + tool_stop();
	if (!tx_status && !cmd_status && !run->rx_status)
		return stream_tx_end(&run->tx);
	stream_tx_abort(&run->tx);
	return tx_status ? : cmd_status ? : run->rx_status;
}

static int pipe_command(struct pipe_run *run)
{
	const struct stream_args *args = &run->args->stream;
	struct progress progress;
	int ret;

	ret = command_open(run);
	if (ret)
		return ret;
	ret = stream_tx_init(&run->tx, args, &run->reply, run->args->to,
			     run->from_cmd);
	if (ret) {
		command_kill(run);
		close(run->to_cmd);
		command_close(run);
		return ret;
	}
	progress_init(&progress, args, &run->in, &run->out);
	run->tx.flow = &run->out;
	run->tx.progress = &progress;
	ret = pipe_streams(run);
	progress_clear(&progress);
	if (!ret && run->rx.closed)
		note("command '%s' did not read all of its input",
		     run->args->command[0]);
	if (!ret)
		ret = stream_summary(args, &progress, run->from.xseg);
	stream_tx_free(&run->tx);
	return ret;
}

static int pipe_run(struct xseg *xseg, struct tool_args *tool)
{
	const struct pipe_args *args = (struct pipe_args *)tool;
	struct pipe_run run = { .args = args };
	int ret;

	ret = port_open(&run.from, xseg, tool->type, tool->port);
	if (ret)
		return ret;
	ret = port_open(&run.reply, xseg, tool->type, NoPort);
	if (ret)
		return ret;
	ret = stream_wait_receiver(&args->stream, xseg, args->to);
	return ret ? ret : pipe_command(&run);
}

int pipe_main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse, .doc = doc, .children = children,
		.args_doc = "NAME FROM TO -- COMMAND [ARGUMENT...]",
	};
	struct pipe_args args = { .stream = STREAM_ARGS_INIT };

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args.stream.tool, pipe_run);
}
