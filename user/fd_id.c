// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is a descriptor still the one that the library opened?
 *
 * A program may close all that it does not know, closefrom(2) for one, and
 * open files of its own in their place. Before the library closes a number,
 * or accepts connections by it, it looks what is behind it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/user.h"

/* All eventfds share one inode; the kernel tells them apart in fdinfo. */
static u64 eventfd_number(int fd)
{
	char path[64], line[128];
	u64 number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "eventfd-id:", 11))
			number = strtoull(line + 11, NULL, 10) + 1;
	fclose(f);
	return number;
}

/**
 * fd_identify() - note what is behind a descriptor
 * @fd: an open descriptor
 * @id: filled
 */
void fd_identify(int fd, struct fd_id *id)
{
	struct stat st;

	memset(id, 0, sizeof(*id));
	id->fd = fd;
	if (fstat(fd, &st))
		return;
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	if (!(st.st_mode & S_IFMT))	/* an anonymous inode */
		id->eventfd = eventfd_number(fd);
}

/**
 * fd_is_ours() - is the same thing still behind it?
 * @id: from fd_identify()
 *
 * Return: true if so.
 */
bool fd_is_ours(const struct fd_id *id)
{
	struct fd_id now;

	fd_identify(id->fd, &now);
	if (now.ino != id->ino || now.dev != id->dev || !now.ino)
		return false;
	/* 0: could not be found out, for want of a descriptor */
	return !now.eventfd || !id->eventfd || now.eventfd == id->eventfd;
}

/**
 * fd_close() - close a descriptor, if it is still ours
 * @id: from fd_identify()
 */
void fd_close(const struct fd_id *id)
{
	if (fd_is_ours(id))
		close(id->fd);
}
