// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg reap: clean up after dead peers.
 */
#include "tool.h"

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"Clean up after peers that died: free what they held, send their "
	"requests back, wake everybody. Live peers do so themselves, once a "
	"second while they sleep.\v"
	"Example:\n"
	"  xseg reap demo\n";

static int reap_run(struct xseg *xseg, struct tool_args *args)
{
	struct json_object *obj;
	int ret = xseg_reap(xseg);

	if (ret < 0)
		return fail_as_told(NULL, ret, args->name);
	if (args->json) {
		obj = json_object_new_object();
		json_add_num(obj, "reaped", ret);
		return json_print(stdout, obj);
	}
	printf("cleaned up after %d dead peer%s\n", ret, ret == 1 ? "" : "s");
	return EXIT_OK;
}

int reap_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options,
					  .parser = parse_name,
					  .args_doc = "NAME", .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args, reap_run);
}
