// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finding the back end that the command line names, and what it tells a disk.
 */
#include <string.h>

#include "blkd.h"

static const struct backend_kind *const kinds[] = {
	&file_backend, &null_backend, &mem_backend,
};

/* Whether a disk may have that many bytes; an exit status. */
int backend_check_size(struct backend *backend, __u64 size)
{
	__u32 block = backend->args->block_size;

	if (!size)
		return fail("%s: it is empty; a disk has at least one block",
			    backend->name);
	if (size % block)
		return fail("%s: its size, %llu bytes, is not a multiple of "
			    "the block size, %u; use another --block-size or "
			    "another size", backend->name,
			    (unsigned long long)size, block);
	return EXIT_OK;
}

/* Find what KIND:WHAT says, or say that there is no such thing and exit. */
void backend_parse(struct backend *backend, const struct blkd_args *args)
{
	const char *colon = strchr(args->backend, ':');
	size_t len = colon ? (size_t)(colon - args->backend) : 0;

	*backend = (struct backend){ .args = args, .name = args->backend,
				     .fd = -1, .max_io = MAX_IO };
	for (size_t i = 0; colon && i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i]->name) != len ||
		    strncmp(kinds[i]->name, args->backend, len))
			continue;
		backend->kind = kinds[i];
		if (args->read_only)
			backend->flags |= XSEG_BLK_READ_ONLY;
		kinds[i]->parse(backend, colon + 1);
		return;
	}
	usage_error("'%s' is no back end; use file:PATH, null:SIZE or mem:SIZE",
		    args->backend);
}

int backend_open(struct backend *backend)
{
	return backend->kind->open(backend);
}

/* Cut the size of an I/O to what requests of the segment can carry. */
int backend_fit(struct backend *backend, struct xseg *xseg)
{
	__u32 block = backend->args->block_size;
	struct xseg_info info;
	int ret = xseg_get_info(xseg, &info);

	if (ret)
		return fail("segment '%s': %s", backend->args->tool.name,
			    strerror(-ret));
	if (info.params.max_data < block)
		return fail("a request of segment '%s' carries %llu bytes, "
			    "less than a block; make it with --max-data 1M",
			    backend->args->tool.name,
			    (unsigned long long)info.params.max_data);
	if (info.params.max_data < backend->max_io)
		backend->max_io = info.params.max_data;
	backend->max_io -= backend->max_io % block;
	return EXIT_OK;
}

void backend_close(struct backend *backend)
{
	backend->kind->close(backend);
}
