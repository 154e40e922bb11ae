// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Telling the service manager, if there is one, see sd_notify(3): a datagram
 * to the socket that NOTIFY_SOCKET names, in the file system or (with an '@'
 * in the place of the first byte, a zero) in the abstract name space.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "blkd.h"

static int notify_send(const char *path, const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, ret = 0;

	if ((*path != '/' && *path != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		   (struct sockaddr *)&addr,
		   offsetof(struct sockaddr_un, sun_path) + len) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* Tell the service manager, such as "READY=1". */
void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int err;

	if (!path || !*path)
		return;
	err = notify_send(path, text);
	if (err)
		note("NOTIFY_SOCKET '%s' was not told %s: %s", path, text,
		     strerror(-err));
}
