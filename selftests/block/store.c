// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the server of the tests keeps: a file that outlives it, and on request
 * a volatile cache, which does not: what was not flushed is gone with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

#define PAGE	4096ULL

static char *stable;	/* the file */
static char *newest;	/* what is read: the file, or the cache */
static uint64_t stable_size;
static bool *dirty;	/* pages of the cache */
static pthread_mutex_t dirty_lock = PTHREAD_MUTEX_INITIALIZER;

/**
 * store_open() - open or make the file
 * @path:  its name
 * @size:  bytes
 * @cache: with a volatile cache
 *
 * Return: true if it worked.
 */
bool store_open(const char *path, uint64_t size, bool cache)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	if ((uint64_t)st.st_size < size && ftruncate(fd, (off_t)size))
		return false;
	stable_size = size;
	stable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	newest = stable;
	if (stable != MAP_FAILED && cache) {
		newest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			      fd, 0);
		dirty = calloc((size_t)(size / PAGE + 1), sizeof(*dirty));
	}
	close(fd);
	return stable != MAP_FAILED && newest != MAP_FAILED &&
	       (!cache || dirty);
}

static void store_flush(void)
{
	pthread_mutex_lock(&dirty_lock);
	for (uint64_t i = 0; dirty && i <= stable_size / PAGE; i++) {
		uint64_t left = stable_size - i * PAGE;

		if (!dirty[i])
			continue;
		dirty[i] = false;
		memcpy(stable + i * PAGE, newest + i * PAGE,
		       (size_t)(left < PAGE ? left : PAGE));
	}
	pthread_mutex_unlock(&dirty_lock);
}

static void store_note(uint64_t offset, uint64_t size, bool fua)
{
	if (!dirty)
		return;
	pthread_mutex_lock(&dirty_lock);
	if (fua)
		memcpy(stable + offset, newest + offset, (size_t)size);
	else
		for (uint64_t i = offset / PAGE;
		     i <= (offset + size - 1) / PAGE; i++)
			dirty[i] = true;
	pthread_mutex_unlock(&dirty_lock);
}

/**
 * store_serve() - do what a disk asks for
 * @op:	     enum xseg_blk_op
 * @flags:   of the request
 * @offset:  where
 * @size:    how many bytes
 * @data:    of the request
 * @datalen: bytes of that
 *
 * Return: 0 or a positive errno.
 */
uint32_t store_serve(uint32_t op, uint32_t flags, uint64_t offset,
		     uint64_t size, void *data, uint64_t datalen)
{
	bool moves = op == XSEG_BLK_READ || op == XSEG_BLK_WRITE;

	if (op == XSEG_BLK_NOP)
		return 0;
	if (op == XSEG_BLK_FLUSH) {
		store_flush();
		return 0;
	}
	if (offset > stable_size || size > stable_size - offset || !size ||
	    (moves && (!data || datalen < size)))
		return EINVAL;
	if (op == XSEG_BLK_READ)
		memcpy(data, newest + offset, (size_t)size);
	else if (op == XSEG_BLK_WRITE)
		memcpy(newest + offset, data, (size_t)size);
	else if (op == XSEG_BLK_DISCARD || op == XSEG_BLK_ZERO)
		memset(newest + offset, 0, (size_t)size);
	else
		return EOPNOTSUPP;
	if (op != XSEG_BLK_READ)
		store_note(offset, size, flags & XSEG_BLK_FUA);
	return 0;
}
