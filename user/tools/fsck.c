// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg fsck: look through a whole segment for what cannot be.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "user/fsck/fsck.h"

/* Exit statuses beside EXIT_OK. */
#define EXIT_FINDINGS	1
#define EXIT_UNCHECKED	2

struct fsck_args {
	struct tool_args tool;
	bool quiet;
	bool idle;
};

static const struct argp_option options[] = {
	OPTION_JSON,
	{ "quiet", 'q', NULL, 0, "Print nothing, only exit so", 0 },
	{ "idle", 'i', NULL, 0, "No peer is inside a call: also complain of "
	  "what is right only for as long as a call lasts", 0 },
	{ }
};

static const char doc[] =
	"Look through a whole segment: is each object in one place, do "
	"whatever refer to each other say the same, are the counts right? Reads "
	"the segment's file only, of live segments and damaged ones, too. What "
	"is being changed is looked at again, until it stays as it is.\v"
	"Exit status: 0 in order, 1 something is wrong, 2 cannot be checked.\n\n"
	"Examples:\n"
	"  xseg fsck demo\n"
	"  xseg fsck demo --quiet || xseg fsck demo --json >findings\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct fsck_args *args = state->input;

	switch (key) {
	case 'q':
		args->quiet = true;
		return 0;
	case 'i':
		args->idle = true;
		return 0;
	default:
		return parse_name(key, arg, state);
	}
}

static void print_text(const struct fsck *fsck, const char *name, int nr)
{
	const struct fsck_counts *c = fsck_counts(fsck);

	for (int i = 0; i < nr; i++) {
		const struct fsck_finding *f = fsck_finding(fsck, i);

		printf("%s, at %#llx: %s; should be %s\n", f->object,
		       (unsigned long long)f->offset, f->is, f->should);
	}
	printf("peers:     %u live, %u to be reaped\n", c->peers_live,
	       c->peers_dead);
	printf("ports:     %u bound\n", c->ports_bound);
	printf("requests:  %u: %u free, %u idle, %u queued, %u owned\n",
	       c->requests, c->requests_free, c->requests_idle,
	       c->requests_queued, c->requests_owned);
	printf("descs:     %u: %u free\n", c->descs, c->descs_free);
	printf("heap:      %u of %u chunks given out, %u buffers in use\n",
	       c->chunks_used, c->chunks, c->buffers_used);
	if (nr)
		printf("segment '%s': %d thing%s wrong\n", name, nr,
		       nr == 1 ? " is" : "s are");
	else
		printf("segment '%s' is in order\n", name);
}

static struct json_object *finding_json(const struct fsck_finding *f)
{
	struct json_object *obj = json_object_new_object();

	json_add_str(obj, "object", f->object);
	json_add_num(obj, "offset", f->offset);
	json_add_str(obj, "is", f->is);
	json_add_str(obj, "should", f->should);
	return obj;
}

static void print_json(const struct fsck *fsck, const char *name, int nr)
{
	const struct fsck_counts *c = fsck_counts(fsck);
	struct json_object *obj = json_object_new_object();
	struct json_object *all = json_object_new_array();

	for (int i = 0; i < nr; i++)
		json_object_array_add(all, finding_json(fsck_finding(fsck, i)));
	json_add_str(obj, "name", name);
	json_add_bool(obj, "clean", !nr);
	json_object_object_add(obj, "findings", all);
	json_add_num(obj, "peers_live", c->peers_live);
	json_add_num(obj, "peers_dead", c->peers_dead);
	json_add_num(obj, "ports_bound", c->ports_bound);
	json_add_num(obj, "requests", c->requests);
	json_add_num(obj, "requests_free", c->requests_free);
	json_add_num(obj, "requests_idle", c->requests_idle);
	json_add_num(obj, "requests_queued", c->requests_queued);
	json_add_num(obj, "requests_owned", c->requests_owned);
	json_add_num(obj, "descs", c->descs);
	json_add_num(obj, "descs_free", c->descs_free);
	json_add_num(obj, "chunks", c->chunks);
	json_add_num(obj, "chunks_used", c->chunks_used);
	json_add_num(obj, "buffers_used", c->buffers_used);
	json_print(stdout, obj);
}

/* The segment's file, for reading; -1 after saying why not. */
static int segment_file(const char *name)
{
	char path[32 + XSEG_NAME_SIZE];
	int fd;

	if (!*name || *name == '.' || strchr(name, '/') ||
	    strlen(name) >= XSEG_NAME_SIZE) {
		fail("'%s' is no name for a segment", name);
		return -1;
	}
	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		fail("there is no segment '%s'; 'xseg list' shows all", name);
	else if (fd < 0)
		fail("%s cannot be opened: %s", path, strerror(errno));
	return fd;
}

static int fsck_fd(const struct fsck_args *args, int fd)
{
	const char *name = args->tool.name;
	struct fsck *fsck;
	int ret = fsck_open(&fsck, fd);

	if (ret) {
		fail("segment '%s': %s", name, fsck_error(ret));
		return EXIT_UNCHECKED;
	}
	ret = fsck_check(fsck, args->idle ? FSCK_IDLE : 0);
	if (ret < 0)
		fail("segment '%s': %s", name, fsck_error(ret));
	else if (args->tool.json && !args->quiet)
		print_json(fsck, name, ret);
	else if (!args->quiet)
		print_text(fsck, name, ret);
	fsck_close(fsck);
	if (ret < 0)
		return EXIT_UNCHECKED;
	return ret ? EXIT_FINDINGS : EXIT_OK;
}

int fsck_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options, .parser = parse,
					  .args_doc = "NAME", .doc = doc };
	struct fsck_args args = { .tool = TOOL_ARGS_INIT };
	int fd, ret;

	tool_parse(&argp, argc, argv, &args);
	fd = segment_file(args.tool.name);
	if (fd < 0)
		return EXIT_UNCHECKED;
	ret = fsck_fd(&args, fd);
	close(fd);
	return ret;
}
