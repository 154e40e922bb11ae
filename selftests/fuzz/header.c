// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The input is a file that somebody is told to join: a header and the length
 * of what follows. Whatever is accepted has a layout that lies inside.
 */
#include "selftests/lib/fuzz.h"

/* All that the layout consists of ends before the segment does. */
static void layout_inside(const struct geometry *geo, u64 size)
{
	const struct xseg_params_shm *p = &geo->params;
	u32 i;

	must(geo->size <= size && geo->size <= 1ULL << XPTR_OFF_BITS);
	must(geo->heap + p->heap_size == geo->size);
	must(geo->peers >= sizeof(struct xseg_header));
	must(geo->rings + 3ULL * p->nr_ports * geo->ring_size <= geo->descs);
	must(geo->descs + 128ULL * p->nr_descs <= geo->requests);
	must(geo->nr_classes <= XSEG_NR_CLASSES);
	for (i = 0; i < POOL_BUFFERS + geo->nr_classes; i++) {
		const struct pool *pool = &geo->pool[i];

		must(pool->nr && pool->nr <= XSEG_MAX_INDEX);
		must(pool->nr <= 1ULL << pool->ring_order);
		must(pool->ring + 128 + (8ULL << pool->ring_order) <=
		     geo->heap);
		must(pool->own + (u64)pool->nr * pool->stride <= geo->heap);
		must(pool->dir + 8ULL * geo->nr_chunks <= geo->heap);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct xseg_header header = { 0 };
	struct geometry geo;
	u64 file_size = 0;
	int ret;

	if (size < sizeof(file_size))
		return 0;
	memcpy(&file_size, data, sizeof(file_size));
	size -= sizeof(file_size);
	memcpy(&header, data + sizeof(file_size), min(size, sizeof(header)));
	ret = header_check(&header, file_size, &geo);
	if (!ret)
		layout_inside(&geo, file_size);
	else
		must(ret == -EBADMSG || ret == -EILSEQ || ret == -EUCLEAN ||
		     ret == -EPROTONOSUPPORT || ret == -ENODATA);
	/* The same capacities with whatever size follows from them. */
	if (!geometry_compute(&header.params, &geo)) {
		layout_inside(&geo, geo.size);
		header_fill(&header, &geo);
		header.features_required = 0;
		must(!header_check(&header, geo.size, &geo));
		must(header_check(&header, geo.size - 1, &geo) == -ENODATA);
	}
	return 0;
}
