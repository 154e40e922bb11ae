// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * xseg types: the signal types that a segment knows.
 */
#include "tool.h"

static const struct argp_option options[] = { OPTION_JSON, { } };

static const char doc[] =
	"Show the signal types in use in a segment, with the numbers that they "
	"have there. A type appears when the first peer uses it.\v"
	"KNOWN says whether this command can use it itself.\n\n"
	"Example:\n"
	"  xseg types demo\n";

static struct json_object *type_json(unsigned int id,
				     const struct xseg_type_info *info)
{
	struct json_object *obj = json_object_new_object();

	json_add_num(obj, "id", id);
	json_add_str(obj, "name", info->name);
	json_add_str(obj, "domain", domain_name(info->domain));
	json_add_num(obj, "version", info->version);
	json_add_num(obj, "data_size", info->data_size);
	json_add_bool(obj, "known", info->known);
	return obj;
}

static void print_text(unsigned int id, const struct xseg_type_info *info,
		       bool first)
{
	if (first)
		printf("%3s %-31s %-7s %7s %5s %s\n", "ID", "NAME", "DOMAIN",
		       "VERSION", "DATA", "KNOWN");
	printf("%3u %-31s %-7s %7u %5u %s\n", id, info->name,
	       domain_name(info->domain), info->version, info->data_size,
	       info->known ? "yes" : "no");
}

/* Known, or to be had as a plug-in. */
static bool type_usable(struct xseg *xseg, const struct xseg_type_info *info)
{
	if (info->known || info->domain != XSEG_DOMAIN_USER)
		return info->known;
	if (xseg_local_signal_init(xseg, info->name) < 0)
		return false;
	xseg_local_signal_quit(xseg, info->name);
	return true;
}

static int print_types(struct xseg *xseg, struct tool_args *args,
		       struct json_object *all)
{
	struct xseg_type_info info;
	int printed = 0;

	for (unsigned int id = 0; id < XSEG_NR_SIGNAL_TYPES; id++) {
		if (xseg_get_type_info(xseg, id, &info))
			continue;
		info.known = type_usable(xseg, &info);
		if (all)
			json_object_array_add(all, type_json(id, &info));
		else
			print_text(id, &info, !printed);
		printed++;
	}
	return printed;
}

static int types_run(struct xseg *xseg, struct tool_args *args)
{
	return table_show(xseg, args, print_types,
			  "no signal type was used yet");
}

int types_main(int argc, char **argv)
{
	static const struct argp argp = { .options = options,
					  .parser = parse_name,
					  .args_doc = "NAME", .doc = doc };
	struct tool_args args = TOOL_ARGS_INIT;

	tool_parse(&argp, argc, argv, &args);
	return segment_run(&args, types_run);
}
