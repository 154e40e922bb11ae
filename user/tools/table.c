// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the sub-commands that show a table of a segment have in common.
 */
#include <string.h>

#include "tool.h"

/**
 * table_show() - show a table of a segment
 * @xseg:  the handle
 * @args:  JSON or text
 * @rows:  prints the rows, or adds them to the array if there is one
 * @empty: what to say if there are none
 *
 * Return: an exit status
 */
int table_show(struct xseg *xseg, struct tool_args *args, rows_fn *rows,
	       const char *empty)
{
	struct json_object *all = args->json ? json_object_new_array() : NULL;
	int nr = rows(xseg, args, all);

	if (nr < 0) {
		json_object_put(all);
		return fail("segment '%s': %s", args->name, strerror(-nr));
	}
	if (all)
		return json_print(stdout, all);
	if (!nr)
		printf("%s\n", empty);
	return EXIT_OK;
}
