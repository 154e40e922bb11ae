// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg disk: block devices that processes serve, by the module xsegbd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

#define CONTROL		"/sys/class/xsegbd/"
#define NODE_TRIES	500	/* of 10 ms, for /dev/xsegbdN */

struct disk_args {
	struct tool_args tool;
	const char *type;
	bool hold;
	bool timeout;
	uint64_t hold_ms;
	uint64_t timeout_ms;
	uint64_t queues;
	uint64_t depth;
	int id;
	bool read_only;
	bool force;
	const char *disk;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* The number of a disk that is named 3, xsegbd3 or /dev/xsegbd3. */
static int parse_disk(const char *arg)
{
	static const char *const prefix[] = { "/dev/", DISK_PREFIX };

	for (size_t i = 0; i < ARRAY_SIZE(prefix); i++)
		if (!strncmp(arg, prefix[i], strlen(prefix[i])))
			arg += strlen(prefix[i]);
	return (int)parse_number("DISK", arg, 0, INT32_MAX);
}

/* add */

static const struct argp_option add_options[] = {
	{ "queues", 'q', "N", 0, "At most so many queues; default as many as "
	  "the server has, up to one for each CPU", 0 },
	{ "depth", 'd', "N", 0, "Requests of each queue; default 128", 0 },
	{ "type", OPT_TYPE, "TYPE", 0, "Have the driver woken by signal type "
	  "TYPE; default waitqueue", 0 },
	{ "hold", 'h', "SECONDS", 0, "Keep I/O so long while there is no "
	  "server, then fail it; 0 fails it at once; default 30", 0 },
	{ "timeout", 'T', "SECONDS", 0, "Fail I/O that a server has not "
	  "answered for so long; default 0, never", 0 },
	{ "read-only", 'r', NULL, 0, "Refuse writes, whatever the server "
	  "says", 0 },
	{ "id", 'i', "N", 0, "Make /dev/xsegbdN; default the first that is "
	  "free", 0 },
	{ }
};

static const char add_doc[] =
	"Make a disk of what a server serves at port PORT of segment NAME, and "
	"print its name.\v"
	"The segment must be attached, the server there. The first request "
	"asks it for the size. Needs root.\n\n"
	"Example:\n"
	"  xseg create demo && xseg attach demo\n"
	"  xseg-blkd demo file:disk.img --create --size 1G &\n"
	"  xseg disk add demo 0\n";

static error_t add_parse(int key, char *arg, struct argp_state *state)
{
	struct disk_args *args = state->input;

	switch (key) {
	case 'q':
		args->queues = parse_number("--queues", arg, 1, 65536);
		return 0;
	case 'd':
		args->depth = parse_number("--depth", arg, 1, 65536);
		return 0;
	case OPT_TYPE:
		args->type = arg;
		return 0;
	case 'h':
		args->hold = true;
		args->hold_ms = parse_seconds("--hold", arg) / 1000000;
		return 0;
	case 'T':
		args->timeout = true;
		args->timeout_ms = parse_seconds("--timeout", arg) / 1000000;
		return 0;
	case 'r':
		args->read_only = true;
		return 0;
	case 'i':
		args->id = (int)parse_number("--id", arg, 0, 1 << 19);
		return 0;
	default:
		return parse_name_port(key, arg, state);
	}
}

static const struct reason add_reasons[] = {
	{ ENOENT, "there is no " CONTROL "; load the module with 'modprobe "
		  "xsegbd'" },
	{ EACCES, "disks are made by root only" },
	{ ENODEV, "segment '@' is not attached; 'xseg attach @' lets kernel "
		  "drivers in" },
	{ ENOTCONN, "no server is bound to that port of segment '@'; start "
		    "one first" },
	{ ETIMEDOUT, "the server has not answered; does it serve disks?" },
	{ EOWNERDEAD, "the server died before it answered; start it again" },
	{ EOPNOTSUPP, "the server does not know the question, or the signal "
		      "type is not for drivers" },
	{ EPROTO, "the server's answer makes no sense" },
	{ EPROTONOSUPPORT, "the server speaks another version of the block "
			   "protocol" },
	{ EEXIST, "a disk of that number, or of that port of segment '@', is "
		  "there already; see 'xseg disk list'" },
	{ EINVAL, "segment '@' has no such port, or there is no such signal "
		  "type" },
	{ EUSERS, "too many kernel drivers are peers of segment '@'" },
	{ ENOSPC, "segment '@' is too small for a disk: it has no free port, "
		  "its queues are shorter than 8, its max-data is less than 4K, "
		  "or its heap has no room left for the largest request (make "
		  "it with a larger --heap)" },
	{ 0, NULL },
};

static int await_node(int id)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/dev/" DISK_PREFIX "%d", id);
	for (int i = 0; i < NODE_TRIES; i++) {
		if (!stat(path, &st) && S_ISBLK(st.st_mode)) {
			puts(path);
			return EXIT_OK;
		}
		usleep(10000);
	}
	if (!lstat(path, &st) && !S_ISBLK(st.st_mode))
		return fail("%s is in the way; remove it and the disk, and add "
			    "the disk again", path);
	return fail("%s does not appear; the disk is there, see /sys/block",
		    path);
}

static void add_line(char *line, size_t size, const struct disk_args *args)
{
	size_t n;

	n = snprintf(line, size, "segment=%s port=%u", args->tool.name,
		     args->tool.port);
	if (args->type)
		n += snprintf(line + n, size - n, " type=%.40s", args->type);
	if (args->queues)
		n += snprintf(line + n, size - n, " queues=%u",
			      (unsigned int)args->queues);
	if (args->depth)
		n += snprintf(line + n, size - n, " depth=%u",
			      (unsigned int)args->depth);
	if (args->hold)
		n += snprintf(line + n, size - n, " hold_ms=%u",
			      (unsigned int)args->hold_ms);
	if (args->timeout)
		n += snprintf(line + n, size - n, " timeout_ms=%u",
			      (unsigned int)args->timeout_ms);
	if (args->id >= 0)
		n += snprintf(line + n, size - n, " id=%d", args->id);
	if (args->read_only)
		snprintf(line + n, size - n, " read_only=1");
}

static int disk_add(int argc, char **argv)
{
	static const struct argp argp = { .options = add_options,
					  .parser = add_parse,
					  .args_doc = "NAME PORT",
					  .doc = add_doc };
	struct disk_args args = { .tool = TOOL_ARGS_INIT, .id = -1 };
	char line[512];
	int id, ret;

	tool_parse(&argp, argc, argv, &args);
	if (strlen(args.tool.name) >= XSEG_NAME_SIZE ||
	    strpbrk(args.tool.name, "\n "))
		usage_error("'%s' is not the name of a segment",
			    args.tool.name);
	add_line(line, sizeof(line), &args);
	ret = write_file(CONTROL "add", line);
	if (ret)
		return fail_because(add_reasons, ret, args.tool.name);
	id = disk_find(args.tool.name, args.tool.port);
	if (id < 0)
		return fail("the disk was removed at once by somebody else");
	return await_node(id);
}

/* remove, resize */

static const struct argp_option remove_options[] = {
	{ "force", 'f', NULL, 0, "Also if it is in use: whoever uses it gets "
	  "I/O errors", 0 },
	{ }
};

static const char remove_doc[] =
	"Remove a disk.\v"
	"DISK is its number or its name. Works with or without a server, and "
	"takes seconds at most. Needs root.\n\n"
	"Example:\n"
	"  xseg disk remove xsegbd0\n";

static const char resize_doc[] =
	"Ask the server for the size of a disk again.\v"
	"DISK is its number or its name. Needs root.\n\n"
	"Example:\n"
	"  xseg disk resize xsegbd0\n";

static error_t disk_parse(int key, char *arg, struct argp_state *state)
{
	struct disk_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		return tool_parse_init(state, 0);
	case 'f':
		args->force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->disk)
			usage_error("'%s' is one argument too many", arg);
		args->disk = arg;
		args->id = parse_disk(arg);
		return 0;
	case ARGP_KEY_END:
		if (!args->disk)
			usage_error("the name of a disk is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct reason disk_reasons[] = {
	{ ENOENT, "there is no disk '@'; see 'xseg disk list'" },
	{ ENODEV, "there is no disk '@'; see 'xseg disk list'" },
	{ EACCES, "disks are removed and resized by root only" },
	{ EBUSY, "disk '@' is in use; unmount it and close it first, or remove "
		 "it with --force" },
	{ ENOTCONN, "disk '@' has no server at the moment" },
	{ ETIMEDOUT, "the server of disk '@' has not answered" },
	{ EOWNERDEAD, "the server of disk '@' died before it answered" },
	{ EPROTO, "the server's answer makes no sense, or it has another block "
		  "size now" },
	{ 0, NULL },
};

static int disk_remove(int argc, char **argv)
{
	static const struct argp argp = { .options = remove_options,
					  .parser = disk_parse,
					  .args_doc = "DISK",
					  .doc = remove_doc };
	struct disk_args args = { .tool = TOOL_ARGS_INIT };
	char line[32];
	int ret;

	tool_parse(&argp, argc, argv, &args);
	snprintf(line, sizeof(line), "%d%s", args.id,
		 args.force ? " force" : "");
	ret = write_file(CONTROL "remove", line);
	return ret ? fail_because(disk_reasons, ret, args.disk) : EXIT_OK;
}

static int disk_resize(int argc, char **argv)
{
	static const struct argp argp = { .parser = disk_parse,
					  .args_doc = "DISK",
					  .doc = resize_doc };
	struct disk_args args = { .tool = TOOL_ARGS_INIT };
	char path[64];
	int ret;

	tool_parse(&argp, argc, argv, &args);
	snprintf(path, sizeof(path), "/sys/block/" DISK_PREFIX "%d/xseg/resize",
		 args.id);
	ret = write_file(path, "1");
	return ret ? fail_because(disk_reasons, ret, args.disk) : EXIT_OK;
}

/* The verbs */

static const struct verb {
	const char *name;
	const char *full;
	int (*main)(int argc, char **argv);
} verbs[] = {
	{ "add",    "disk add",	   disk_add },
	{ "remove", "disk remove", disk_remove },
	{ "list",   "disk list",   disk_list },
	{ "resize", "disk resize", disk_resize },
};

static void verbs_print(FILE *file)
{
	fprintf(file,
		"Usage: xseg disk add|remove|list|resize [OPTION...] [ARGUMENT...]\n"
		"Block devices that processes serve.\n\n"
		"  add NAME PORT  make a disk of what is served at a port\n"
		"  remove DISK    remove it\n"
		"  list           show all disks and their state\n"
		"  resize DISK    ask the server for its size again\n"
		"\n'xseg disk add --help' and so on tell more.\n");
}

int disk_main(int argc, char **argv)
{
	if (argc < 2)
		usage_error("add, remove, list or resize is missing");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		tool_command = verbs[i].full;
		return verbs[i].main(argc - 1, argv + 1);
	}
	if (strcmp(argv[1], "--help") && strcmp(argv[1], "-?"))
		usage_error("there is no '%s'; it is add, remove, list or "
			    "resize", argv[1]);
	verbs_print(stdout);
	return EXIT_OK;
}
