// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The back ends that have no file: null, for measuring, and mem.
 *
 * Both serve an order at once. The memory of mem is private and dies with the
 * server: a disk on it does not outlive it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "blkd.h"

static void parse_what(struct backend *backend, const char *what)
{
	backend->size = parse_size(backend->name, what, 0, INT64_MAX);
}

static int null_open(struct backend *backend)
{
	backend->flags |= XSEG_BLK_HAS_ZERO;
	if (!backend->args->no_discard)
		backend->flags |= XSEG_BLK_HAS_DISCARD;
	return backend_check_size(backend, backend->size);
}

static int null_serve(struct backend *backend, const struct order *order)
{
	return 0;
}

static void null_close(struct backend *backend)
{
}

const struct backend_kind null_backend = {
	.name = "null", .parse = parse_what, .open = null_open,
	.serve = null_serve, .close = null_close,
};

static int mem_open(struct backend *backend)
{
	int ret = null_open(backend);

	if (ret)
		return ret;
	backend->memory = mmap(NULL, backend->size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);
	if (backend->memory == MAP_FAILED) {
		backend->memory = NULL;
		return fail("%s: %s", backend->name, strerror(errno));
	}
	/* an order may take long */
	backend->max_discard = 64U << 20;
	return EXIT_OK;
}

/* Give whole pages back, and clear what is left of the first and the last. */
static void mem_zero(char *at, __u64 size)
{
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)at + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)at + size) & ~(page - 1);

	if (from >= to || madvise((void *)from, to - from, MADV_DONTNEED)) {
		memset(at, 0, size);
		return;
	}
	memset(at, 0, from - (uintptr_t)at);
	memset((void *)to, 0, (uintptr_t)at + size - to);
}

static int mem_serve(struct backend *backend, const struct order *order)
{
	char *at = backend->memory + order->offset;

	switch (order->op) {
	case XSEG_BLK_READ:
		memcpy(order->data, at, order->size);
		break;
	case XSEG_BLK_WRITE:
		memcpy(at, order->data, order->size);
		break;
	case XSEG_BLK_DISCARD:
		mem_zero(at, order->size);
		break;
	case XSEG_BLK_ZERO:
		if (order->flags & XSEG_BLK_NOUNMAP)
			memset(at, 0, order->size);
		else
			mem_zero(at, order->size);
		break;
	}
	return 0;
}

static void mem_close(struct backend *backend)
{
	if (backend->memory)
		munmap(backend->memory, backend->size);
}

const struct backend_kind mem_backend = {
	.name = "mem", .parse = parse_what, .open = mem_open,
	.serve = mem_serve, .close = mem_close,
};
