// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg list: the segments of this machine.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

#define SHM_DIR		"/dev/shm"
#define SHM_PREFIX	"xseg."

/**
 * struct entry - a file that has the name of a segment
 * @name:   of the segment
 * @st:	    of the file
 * @peers:  live ones
 * @reason: why it cannot be joined, "" if it can
 */
struct entry {
	char name[256];
	struct stat st;
	unsigned int peers;
	char reason[256];
};

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"List the segments in /dev/shm: size, mode, owner, live peers. Those "
	"that cannot be joined are shown with the reason.\v"
	"Example:\n"
	"  xseg list\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct tool_args *args = state->input;

	if (key == ARGP_KEY_INIT)
		return tool_parse_init(state, 0);
	if (key == ARGP_KEY_ARG)
		usage_error("'%s' is one argument too many", arg);
	return tool_option(args, key, arg);
}

static struct text owner_name(uid_t uid)
{
	struct passwd *pw = getpwuid(uid);
	struct text text;

	if (pw)
		snprintf(text.s, sizeof(text.s), "%s", pw->pw_name);
	else
		snprintf(text.s, sizeof(text.s), "%u", uid);
	return text;
}

static void entry_examine(struct entry *entry)
{
	struct xseg *xseg = xseg_join(entry->name, 0);
	const char *words;

	if (xseg) {
		entry->peers = segment_live_peers(xseg);
		xseg_leave(xseg);
		return;
	}
	words = xseg_last_error();
	snprintf(entry->reason, sizeof(entry->reason), "%s",
		 *words ? words : strerror(errno));
}

static void print_text(const struct entry *entry, bool first)
{
	if (first)
		printf("%-24s %10s %5s %-10s %5s\n", "NAME", "SIZE", "MODE",
		       "OWNER", "PEERS");
	printf("%-24s %10s  %04o %-10s ", entry->name,
	       text_size(entry->st.st_size).s, entry->st.st_mode & 0777,
	       owner_name(entry->st.st_uid).s);
	if (*entry->reason)
		printf("    - (%s)\n", entry->reason);
	else
		printf("%5u\n", entry->peers);
}

static struct json_object *entry_json(const struct entry *entry)
{
	struct json_object *obj = json_object_new_object();

	json_add_str(obj, "name", entry->name);
	json_add_num(obj, "size", entry->st.st_size);
	json_add_num(obj, "mode", entry->st.st_mode & 0777);
	json_add_num(obj, "uid", entry->st.st_uid);
	json_add_str(obj, "owner", owner_name(entry->st.st_uid).s);
	json_add_bool(obj, "joinable", !*entry->reason);
	if (*entry->reason)
		json_add_str(obj, "reason", entry->reason);
	else
		json_add_num(obj, "live_peers", entry->peers);
	return obj;
}

/* False if it went away meanwhile. */
static bool entry_read(struct entry *entry, const char *file)
{
	char path[sizeof(SHM_DIR) + 256];

	memset(entry, 0, sizeof(*entry));
	snprintf(entry->name, sizeof(entry->name), "%s",
		 file + strlen(SHM_PREFIX));
	snprintf(path, sizeof(path), SHM_DIR "/%s", file);
	if (lstat(path, &entry->st))
		return false;
	entry_examine(entry);
	return true;
}

static int is_segment(const struct dirent *dirent)
{
	return !strncmp(dirent->d_name, SHM_PREFIX, strlen(SHM_PREFIX));
}

int list_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;
	struct json_object *all = NULL;
	struct dirent **files;
	struct entry entry;
	bool first = true;
	int nr;

	tool_parse(&argp, argc, argv, &args);
	nr = scandir(SHM_DIR, &files, is_segment, alphasort);
	if (nr < 0)
		return fail(SHM_DIR ": %s", strerror(errno));
	if (args.json)
		all = json_object_new_array();
	for (int i = 0; i < nr; i++) {
		if (entry_read(&entry, files[i]->d_name)) {
			if (all)
				json_object_array_add(all, entry_json(&entry));
			else
				print_text(&entry, first);
			first = false;
		}
		free(files[i]);
	}
	free(files);
	if (all)
		return json_print(stdout, all);
	if (first)
		printf("no segments; make one with 'xseg create NAME'\n");
	return EXIT_OK;
}
