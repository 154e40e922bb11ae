// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which writes are with which server, in a file that outlives each of them: a
 * write that is given to a server while a living one still has it was
 * submitted twice. A write is known by its first sector: who tests does not
 * write a sector twice at the same time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server.h"

#define SECTOR	512

static pid_t *holders;	/* of each sector's write: a server, or 0 */
static uint64_t nr_sectors;

/**
 * journal_open() - open or make the journal
 * @path: its name
 * @size: bytes of the disk
 *
 * Return: true if it worked.
 */
bool journal_open(const char *path, uint64_t size)
{
	uint64_t bytes = size / SECTOR * sizeof(*holders);
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return false;
	nr_sectors = size / SECTOR;
	holders = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return holders != MAP_FAILED;
}

static pid_t *holder_of(const struct xseg_request *req)
{
	uint64_t sector = req->offset / SECTOR;

	if (!holders || req->op != XSEG_BLK_WRITE || sector >= nr_sectors)
		return NULL;
	return &holders[sector];
}

/* Accepted: ends this server if a living one has it already. */
void journal_begin(const struct xseg_request *req)
{
	pid_t *holder = holder_of(req), old;

	if (!holder)
		return;
	old = __atomic_exchange_n(holder, getpid(), __ATOMIC_SEQ_CST);
	if (!old || (kill(old, 0) && errno == ESRCH))
		return;
	fprintf(stderr, "server %d: the write at %llu is with server %d\n",
		getpid(), (unsigned long long)req->offset, old);
	exit(1);
}

/* About to be answered: nothing will be written for it any more. */
void journal_end(const struct xseg_request *req)
{
	pid_t *holder = holder_of(req);

	if (holder)
		__atomic_store_n(holder, 0, __ATOMIC_SEQ_CST);
}
