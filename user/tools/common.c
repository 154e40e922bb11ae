// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Errors, options, text, JSON and signals, for all sub-commands.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

const char *tool_program = "xseg";
const char *tool_command;
static int stop_signal;	/* atomic: other threads look at it */
volatile sig_atomic_t tool_child;

/* Errors */

static void complain(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (tool_command)
		fprintf(stderr, "%s: %s: %s\n", tool_program, tool_command,
			text);
	else
		fprintf(stderr, "%s: %s\n", tool_program, text);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return EXIT_FAIL;
}

/* As fail(), for what is no failure. */
void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
}

_Noreturn static void usage_hint(void)
{
	if (tool_command)
		fprintf(stderr, "Try '%s %s --help'.\n", tool_program,
			tool_command);
	else
		fprintf(stderr, "Try '%s --help'.\n", tool_program);
	exit(EXIT_USAGE);
}

void usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	usage_hint();
}

/* Put @name in the place of each '@' of @in, and @words in that of '%'. */
static void insert(char *out, size_t size, const char *in, const char *name,
		   const char *words)
{
	size_t len = 0;

	for (; *in && len + 1 < size; in++) {
		if (*in == '@')
			len += snprintf(out + len, size - len, "%s", name);
		else if (*in == '%')
			len += snprintf(out + len, size - len, "%s", words);
		else
			out[len++] = *in;
	}
	out[len < size ? len : size - 1] = '\0';
}

static int explain(const struct reason *reasons, int err, const char *name,
		   const char *words)
{
	char text[1024];

	while (reasons && reasons->err && reasons->err != err)
		reasons++;
	insert(text, sizeof(text), reasons && reasons->text ? reasons->text :
	       "%", name, words);
	return fail("%s", text);
}

/**
 * fail_because() - say what an errno means and what to do
 * @reasons: the table of the call that failed
 * @err:     the errno, positive or negative
 * @name:    what the call was about
 *
 * Return: EXIT_FAIL
 */
int fail_because(const struct reason *reasons, int err, const char *name)
{
	return explain(reasons, abs(err), name, strerror(abs(err)));
}

/**
 * fail_as_told() - say what the library says of the call that failed
 * @reasons: what there is to add, NULL for nothing
 * @err:     the errno, positive or negative
 * @name:    what the call was about
 *
 * For the calls that set xseg_last_error().
 *
 * Return: EXIT_FAIL
 */
int fail_as_told(const struct reason *reasons, int err, const char *name)
{
	const char *words = xseg_last_error();

	return explain(reasons, abs(err), name,
		       *words ? words : strerror(abs(err)));
}

/*
 * A standard descriptor that is closed would be given to the next file that is
 * opened. Put something there that fails in the same way.
 */
void fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY :
							       O_RDONLY);
	}
}

/* Options */

/* Whether help is asked for, which goes by another name than errors do. */
static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--he", 4) || !strcmp(argv[i], "-?") ||
		    !strncmp(argv[i], "--us", 4))
			return true;
	}
	return false;
}

/* Parse the command line, or say what is wrong with it and exit. */
void tool_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s%s", tool_program,
		 !tool_command ? "" : wants_help(argc, argv) ? " " : ": ",
		 tool_command ? tool_command : "");
	argv[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, input))
		usage_hint();
}

/*
 * For ARGP_KEY_INIT: all parsers have the same input, and argp's own hint,
 * which has another form than ours, is not wanted.
 */
error_t tool_parse_init(struct argp_state *state, unsigned int nr_children)
{
	state->err_stream = NULL;
	for (unsigned int i = 0; i < nr_children; i++)
		state->child_inputs[i] = state->input;
	return 0;
}

/* The options that commands have in common. */
error_t tool_option(struct tool_args *args, int key, char *arg)
{
	switch (key) {
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_TYPE:
		args->type = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* NAME [PORT] and the common options, for a parser of its own or for all. */
static error_t parse_words(int key, char *arg, struct argp_state *state,
			   unsigned int nr)
{
	struct tool_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 0);
	case ARGP_KEY_ARG:
		if (state->arg_num >= nr)
			usage_error("'%s' is one argument too many", arg);
		if (state->arg_num == 0)
			args->name = arg;
		else
			args->port = parse_port(arg);
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num == 0)
			usage_error("the name of a segment is missing");
		if (state->arg_num < nr)
			usage_error("the number of a port is missing");
		return 0;
	default:
		return tool_option(args, key, arg);
	}
}

/* A parser for NAME; the input begins with a struct tool_args. */
error_t parse_name(int key, char *arg, struct argp_state *state)
{
	return parse_words(key, arg, state, 1);
}

/* A parser for NAME PORT; the input begins with a struct tool_args. */
error_t parse_name_port(int key, char *arg, struct argp_state *state)
{
	return parse_words(key, arg, state, 2);
}

static uint64_t parse_digits(const char *what, const char *arg, char **end)
{
	unsigned long long value;

	errno = 0;
	value = strtoull(arg, end, 10);
	if (!isdigit((unsigned char)*arg) || errno)
		usage_error("%s: '%s' is not a number", what, arg);
	return value;
}

uint64_t parse_number(const char *what, const char *arg, uint64_t min,
		      uint64_t max)
{
	char *end;
	uint64_t value = parse_digits(what, arg, &end);

	if (*end)
		usage_error("%s: '%s' is not a number", what, arg);
	if (value < min || value > max)
		usage_error("%s: %s is not between %llu and %llu", what, arg,
			    (unsigned long long)min, (unsigned long long)max);
	return value;
}

uint64_t parse_size(const char *what, const char *arg, uint64_t min,
		    uint64_t max)
{
	static const char units[] = "KMGT";
	char *end;
	uint64_t value = parse_digits(what, arg, &end);
	const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) :
				  NULL;

	if (*end && (!unit || end[1]))
		usage_error("%s: '%s' is not a size; write bytes, or a number "
			    "with K, M, G or T", what, arg);
	for (long n = unit ? unit - units + 1 : 0; n > 0; n--) {
		if (value > UINT64_MAX >> 10)
			usage_error("%s: %s is too large", what, arg);
		value <<= 10;
	}
	if (value < min || value > max)
		usage_error("%s: %s is not between %s and %s", what, arg,
			    text_size(min).s, text_size(max).s);
	return value;
}

/* Seconds with decimals, as nanoseconds. */
uint64_t parse_seconds(const char *what, const char *arg)
{
	char *end;
	double value = strtod(arg, &end);

	if (end == arg || *end || !(value >= 0 && value <= 1e9))
		usage_error("%s: '%s' is not a time; write seconds, such as 10 "
			    "or 0.5", what, arg);
	return (uint64_t)(value * NSEC_PER_SEC);
}

xport parse_port(const char *arg)
{
	return (xport)parse_number("PORT", arg, 0, XSEG_MAX_PORTS - 1);
}

static const char *const strategies[] = {
	[XSEG_WAIT_ADAPTIVE] = "adaptive",
	[XSEG_WAIT_SLEEP] = "sleep",
	[XSEG_WAIT_YIELD] = "yield",
	[XSEG_WAIT_SPIN] = "spin",
};

const char *strategy_name(unsigned int strategy)
{
	return strategies[strategy];
}

/* The enum xseg_wait_strategy of that name. */
unsigned int parse_strategy(const char *what, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++) {
		if (!strcmp(strategies[i], arg))
			return i;
	}
	usage_error("%s: '%s' is none of adaptive, sleep, yield, spin", what,
		    arg);
}

/* Text and time */

struct text text_size(uint64_t bytes)
{
	static const char *const units[] = {
		"bytes", "KiB", "MiB", "GiB", "TiB"
	};
	struct text text;
	double value = bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text.s, sizeof(text.s),
		 value == (uint64_t)value ? "%.0f %s" : "%.1f %s", value,
		 units[unit]);
	return text;
}

struct text text_time(uint64_t realtime)
{
	time_t seconds = realtime / NSEC_PER_SEC;
	struct text text = { "" };
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text.s, sizeof(text.s), "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* JSON */

void json_add_str(struct json_object *obj, const char *key, const char *value)
{
	json_object_object_add(obj, key, json_object_new_string(value));
}

void json_add_num(struct json_object *obj, const char *key, uint64_t value)
{
	json_object_object_add(obj, key, json_object_new_uint64(value));
}

void json_add_real(struct json_object *obj, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6f", value);
	json_object_object_add(obj, key, json_object_new_double_s(value, text));
}

void json_add_bool(struct json_object *obj, const char *key, bool value)
{
	json_object_object_add(obj, key, json_object_new_boolean(value));
}

/* Print and free @obj. */
int json_print(FILE *file, struct json_object *obj)
{
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		    JSON_C_TO_STRING_NOSLASHESCAPE;

	fprintf(file, "%s\n", json_object_to_json_string_ext(obj, flags));
	json_object_put(obj);
	return EXIT_OK;
}

/* Signals */

int tool_stop(void)
{
	return __atomic_load_n(&stop_signal, __ATOMIC_RELAXED);
}

/*
 * Say stop, and again every 20 ms: the first time may have come just before a
 * call that blocks.
 */
static void on_signal(int sig)
{
	static const struct itimerval again = {
		.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000,
	};
	int saved = errno;

	if (sig != SIGALRM)
		__atomic_store_n(&stop_signal, sig, __ATOMIC_RELAXED);
	if (tool_child > 0 && sig != SIGALRM)
		kill(tool_child, SIGTERM);
	if (sig != SIGALRM)
		setitimer(ITIMER_REAL, &again, NULL);	/* a bare system call */
	errno = saved;
}

/* What the caller ignores, as nohup does, stays ignored. */
void catch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		sigaction(sigs[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}
