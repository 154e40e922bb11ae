// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The command line.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "blkd.h"

enum {
	OPT_PORT = 'p',
	OPT_QUEUES = 'q',
	OPT_CPUS = 'C',
	OPT_WAIT = 'w',
	OPT_DEPTH = 'd',
	OPT_BLOCK_SIZE = 'b',
	OPT_READ_ONLY = 'r',
	OPT_DIRECT = 0x100,
	OPT_SYNC,
	OPT_CREATE,
	OPT_SIZE,
	OPT_NO_DISCARD,
	OPT_NO_WAIT,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Queues:", 1 },
	{ "port", OPT_PORT, "PORT", 0, "Bind PORT, and those that follow, one "
	  "for each queue; default 0", 1 },
	{ "queues", OPT_QUEUES, "N", 0, "Serve N queues, each by a thread of "
	  "its own; default 1", 1 },
	{ "depth", OPT_DEPTH, "N", 0, "Have at most N requests of a queue in "
	  "flight; default 128", 1 },
	{ "type", OPT_TYPE, "TYPE", 0, "Be woken by signal type TYPE (futex, "
	  "eventfd, or a plug-in such as fifo); default futex", 1 },
	{ "wait", OPT_WAIT, "STRATEGY", 0, "What a queue does before it "
	  "sleeps: adaptive (default), sleep, yield or spin", 1 },
	{ "cpus", OPT_CPUS, "LIST", 0, "Pin queues to these CPUs in turn, "
	  "such as 0,2-5", 1 },
	{ NULL, 0, NULL, 0, "Back end:", 2 },
	{ "block-size", OPT_BLOCK_SIZE, "N", 0, "Logical block size of the "
	  "disk, 512 (default), 1024, 2048 or 4096", 2 },
	{ "read-only", OPT_READ_ONLY, NULL, 0, "Refuse to write", 2 },
	{ "direct", OPT_DIRECT, NULL, 0, "file: go past the page cache "
	  "(O_DIRECT)", 2 },
	{ "sync", OPT_SYNC, NULL, 0, "file: have each write on stable storage "
	  "before its answer (O_DSYNC)", 2 },
	{ "create", OPT_CREATE, NULL, 0, "file: make it if it is missing; "
	  "takes --size", 2 },
	{ "size", OPT_SIZE, "SIZE", 0, "file: size of the file to be made", 2 },
	{ "no-discard", OPT_NO_DISCARD, NULL, 0, "Offer no discard", 2 },
	{ "no-wait", OPT_NO_WAIT, NULL, 0, "file: fail if another one still "
	  "serves it, do not wait", 2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON, one object on a line", 3 },
	{ NULL, 0, NULL, 0, "Help:", -1 },
	{ "version", 'V', NULL, 0, "Print the version", -1 },
	{ }
};

static const char doc[] =
	"Serve a block disk to whoever submits to the ports of a segment.\v"
	"BACKEND is one of\n"
	"  file:PATH  a file or a block device\n"
	"  null:SIZE  nothing: writes are dropped, reads bring nothing\n"
	"  mem:SIZE   memory of the server, lost when it ends\n"
	"SIZE is in bytes, or a number with K, M, G or T.\n\n"
	"SIGTERM and SIGINT end it when what it accepted is answered, SIGUSR1 "
	"prints statistics.\n\n"
	"Examples:\n"
	"  xseg create demo\n"
	"  xseg-blkd demo file:disk.img --create --size 1G --direct\n"
	"  xseg-blkd demo null:1T --queues 2 --cpus 0,1 --json\n";

static __u32 parse_block_size(const char *arg)
{
	__u64 n = parse_size("--block-size", arg, 0, UINT64_MAX);

	if (n != 512 && n != 1024 && n != 2048 && n != 4096)
		usage_error("--block-size: '%s' is none of 512, 1024, 2048, "
			    "4096", arg);
	return n;
}

static void add_cpus(struct blkd_args *args, const char *arg, __u64 first,
		     __u64 last)
{
	if (last < first)
		usage_error("--cpus: '%s' counts down", arg);
	for (; first <= last; first++) {
		if (args->nr_cpus == MAX_CPUS)
			usage_error("--cpus: more than %u CPUs", MAX_CPUS);
		args->cpu[args->nr_cpus++] = first;
	}
}

/* Numbers and ranges with commas between them. */
static void parse_cpus(struct blkd_args *args, char *arg)
{
	char *word, *rest = arg;

	args->nr_cpus = 0;
	while ((word = strsep(&rest, ","))) {
		char *last = strchr(word, '-');
		__u64 first;

		if (last)
			*last++ = '\0';
		first = parse_number("--cpus", word, 0, CPU_SETSIZE - 1);
		add_cpus(args, word, first, !last ? first :
			 parse_number("--cpus", last, 0, CPU_SETSIZE - 1));
	}
}

static void print_version(void)
{
	printf("xseg-blkd %d.%d (block protocol %u)\n", XSEG_VERSION_MAJOR,
	       XSEG_VERSION_MINOR, XSEG_BLK_VERSION);
	exit(EXIT_OK);
}

static void take_word(struct blkd_args *args, unsigned int nr, char *arg)
{
	if (nr == 0)
		args->tool.name = arg;
	else if (nr == 1)
		args->backend = arg;
	else
		usage_error("'%s' is one argument too many", arg);
}

static void check_all(const struct blkd_args *args)
{
	bool file = args->backend && !strncmp(args->backend, "file:", 5);

	if (!args->tool.name)
		usage_error("the name of a segment is missing");
	if (!args->backend)
		usage_error("the back end is missing: file:PATH, null:SIZE or "
			    "mem:SIZE");
	if (!file && (args->direct || args->sync || args->create ||
		      args->size || args->no_wait))
		usage_error("--direct, --sync, --create, --size and --no-wait "
			    "are for file: only");
	if (args->create != !!args->size)
		usage_error(args->create ? "--create takes --size as well" :
			    "--size is for --create: a file that is there has "
			    "a size");
	if (args->size % args->block_size)
		usage_error("--size: %llu bytes are not a multiple of the "
			    "block size, %u", (unsigned long long)args->size,
			    args->block_size);
	if (args->create && args->read_only)
		usage_error("--create and --read-only exclude each other");
	if (args->tool.port + args->nr_queues > XSEG_MAX_PORTS)
		usage_error("--queues: there is no port %u",
			    args->tool.port + args->nr_queues - 1);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct blkd_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 0);
	case ARGP_KEY_ARG:
		take_word(args, state->arg_num, arg);
		return 0;
	case ARGP_KEY_END:
		check_all(args);
		return 0;
	case OPT_PORT:
		args->tool.port = parse_port(arg);
		return 0;
	case OPT_QUEUES:
		args->nr_queues = parse_number("--queues", arg, 1, MAX_QUEUES);
		return 0;
	case OPT_DEPTH:
		args->depth = parse_number("--depth", arg, 1, MAX_DEPTH);
		return 0;
	case OPT_WAIT:
		args->strategy = parse_strategy("--wait", arg);
		return 0;
	case OPT_CPUS:
		parse_cpus(args, arg);
		return 0;
	case OPT_BLOCK_SIZE:
		args->block_size = parse_block_size(arg);
		return 0;
	case OPT_SIZE:
		args->size = parse_size("--size", arg, 1, INT64_MAX);
		return 0;
	case OPT_CREATE:
		args->create = true;
		return 0;
	case OPT_DIRECT:
		args->direct = true;
		return 0;
	case OPT_SYNC:
		args->sync = true;
		return 0;
	case OPT_READ_ONLY:
		args->read_only = true;
		return 0;
	case OPT_NO_DISCARD:
		args->no_discard = true;
		return 0;
	case OPT_NO_WAIT:
		args->no_wait = true;
		return 0;
	case 'V':
		print_version();
		return 0;
	default:
		return tool_option(&args->tool, key, arg);
	}
}

/* Parse the command line, or say what is wrong with it and exit. */
void options_parse(struct blkd_args *args, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse,
		.args_doc = "SEGMENT BACKEND", .doc = doc,
	};

	*args = (struct blkd_args){
		.tool = TOOL_ARGS_INIT, .nr_queues = 1, .depth = 128,
		.block_size = 512,
	};
	args->tool.port = 0;
	tool_parse(&argp, argc, argv, args);
}
