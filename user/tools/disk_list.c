// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg disk list: the disks of this machine, as sysfs shows them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define BLOCK_DIR	"/sys/block"
#define SECTOR		512

/* An attribute of a disk. */
struct attr {
	char s[XSEG_NAME_SIZE + 1];
};

/* "" if it is not there. */
static struct attr attr_read(const char *disk, const char *name)
{
	struct attr attr = { "" };
	char path[320];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), BLOCK_DIR "/%.100s/%.100s", disk, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return attr;
	n = read(fd, attr.s, sizeof(attr.s) - 1);
	close(fd);
	if (n > 0)
		attr.s[strcspn(attr.s, "\n")] = '\0';
	return attr;
}

static int is_disk(const struct dirent *dirent)
{
	return !strncmp(dirent->d_name, DISK_PREFIX, strlen(DISK_PREFIX));
}

/* The number of the disk of a port, -1 if there is none. */
int disk_find(const char *segment, xport portno)
{
	struct dirent **disks;
	int nr = scandir(BLOCK_DIR, &disks, is_disk, versionsort);
	int id = -1;

	for (int i = 0; i < nr; i++) {
		const char *name = disks[i]->d_name;

		if (!strcmp(attr_read(name, "xseg/segment").s, segment) &&
		    (xport)atoi(attr_read(name, "xseg/port").s) == portno)
			id = atoi(name + strlen(DISK_PREFIX));
		free(disks[i]);
	}
	if (nr >= 0)
		free(disks);
	return id;
}

/* What JSON has, in this order; all but the first two are numbers. */
static const char *const attrs[] = {
	"state", "type", "port", "queues", "depth", "hold_ms", "timeout_ms",
	"in_flight", "lost", "failed", "given_up", "bad", "signals", "handed",
};

#define ATTRS_TEXT	2

static struct json_object *disk_json(const char *disk, const char *segment)
{
	struct json_object *obj = json_object_new_object();
	char path[64];

	json_add_str(obj, "name", disk);
	json_add_str(obj, "segment", segment);
	json_add_num(obj, "size", SECTOR *
		     strtoull(attr_read(disk, "size").s, NULL, 10));
	json_add_bool(obj, "read_only", atoi(attr_read(disk, "ro").s));
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct attr value;

		snprintf(path, sizeof(path), "xseg/%s", attrs[i]);
		value = attr_read(disk, path);
		if (i < ATTRS_TEXT)
			json_add_str(obj, attrs[i], value.s);
		else
			json_add_num(obj, attrs[i],
				     strtoull(value.s, NULL, 10));
	}
	return obj;
}

static void disk_print(const char *disk, const char *segment, bool first)
{
	uint64_t sectors = strtoull(attr_read(disk, "size").s, NULL, 10);

	if (first)
		printf("%-10s %10s %-16s %5s %6s %-7s %9s %8s\n", "DISK",
		       "SIZE", "SEGMENT", "PORT", "QUEUES", "STATE",
		       "IN FLIGHT", "FAILED");
	printf("%-10s %10s %-16s %5s %6s %-7s %9s %8s\n", disk,
	       text_size(sectors * SECTOR).s, segment,
	       attr_read(disk, "xseg/port").s,
	       attr_read(disk, "xseg/queues").s,
	       attr_read(disk, "xseg/state").s,
	       attr_read(disk, "xseg/in_flight").s,
	       attr_read(disk, "xseg/failed").s);
}

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"List the disks that processes serve.\v"
	"STATE is live, away (there is no server for the moment, I/O waits for "
	"the next one) or failed (none came, I/O fails).\n\n"
	"Example:\n"
	"  xseg disk list\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct tool_args *args = state->input;

	if (key == ARGP_KEY_INIT)
		return tool_parse_init(state, 0);
	if (key == ARGP_KEY_ARG)
		usage_error("'%s' is one argument too many", arg);
	return tool_option(args, key, arg);
}

int disk_list(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;
	struct json_object *all = NULL;
	struct dirent **disks;
	int nr;

	tool_parse(&argp, argc, argv, &args);
	nr = scandir(BLOCK_DIR, &disks, is_disk, versionsort);
	if (nr < 0)
		return fail(BLOCK_DIR ": %s", strerror(errno));
	if (args.json)
		all = json_object_new_array();
	for (int i = 0; i < nr; i++) {
		const char *name = disks[i]->d_name;
		struct attr segment = attr_read(name, "xseg/segment");

		if (all)
			json_object_array_add(all, disk_json(name, segment.s));
		else
			disk_print(name, segment.s, !i);
		free(disks[i]);
	}
	free(disks);
	if (all)
		return json_print(stdout, all);
	if (!nr)
		printf("no disks; make one with 'xseg disk add NAME PORT'\n");
	return EXIT_OK;
}
