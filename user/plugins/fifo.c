// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type fifo, a plug-in: sleeps in poll on a named pipe. Whoever can
 * find it signals, even a shell that knows nothing of xseg, if it writes to
 * the pipe; the library looks at the event count first and writes only if
 * somebody waits. The pipe of a peer that was killed is removed by a reaper
 * that knows this plug-in; where none does, its name stays in /dev/shm.
 *
 * It shows all that a plug-in needs: the public headers, and one symbol.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xseg/signal_type.h>

#define PATH_SIZE	96

/* Each descriptor's pipe has a name of its own, which follows from it. */
static int fifo_path(struct xseg *xseg, const struct xseg_desc_id *id,
		     char path[PATH_SIZE])
{
	struct xseg_info info;
	int ret, i, n;

	ret = xseg_get_info(xseg, &info);
	if (ret)
		return ret;
	n = snprintf(path, PATH_SIZE, "/dev/shm/xseg-fifo.");
	for (i = 0; i < (int)sizeof(info.uuid); i++)
		n += snprintf(path + n, PATH_SIZE - (size_t)n, "%02x",
			      info.uuid[i]);
	snprintf(path + n, PATH_SIZE - (size_t)n, ".%u.%u", id->index, id->gen);
	return 0;
}

/* Both sides open it for both: nobody blocks, and nobody gets SIGPIPE. */
static int fifo_open_path(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? -EHOSTUNREACH : -errno;
	if (fstat(fd, &st) || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* Who may join the segment may signal: the pipe gets its group and mode. */
static void fifo_share(struct xseg *xseg, int fd)
{
	struct xseg_info info;
	char path[PATH_SIZE];
	struct stat st;

	if (xseg_get_info(xseg, &info) || !info.name[0])
		return;
	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", info.name);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return;
	/* Who is not in that group cannot give it: then it stays private. */
	if (st.st_gid == getegid() || !fchown(fd, (uid_t)-1, st.st_gid))
		fchmod(fd, st.st_mode & 0666);
}

static int fifo_init(struct xseg *xseg, void *sd)
{
	struct xseg_desc_id id;
	char path[PATH_SIZE];
	int fd, ret;

	ret = xseg_get_desc_id(xseg, sd, &id);
	if (!ret)
		ret = fifo_path(xseg, &id, path);
	if (ret)
		return ret;
	if (mkfifo(path, 0600) && errno != EEXIST)
		return -errno;
	fd = fifo_open_path(path);
	if (fd >= 0) {
		fifo_share(xseg, fd);
		ret = xseg_fd_attach(xseg, sd, fd);
		if (!ret)
			return 0;
		close(fd);
	}
	unlink(path);
	return fd < 0 ? fd : ret;
}

static void fifo_quit(struct xseg *xseg, void *sd)
{
	struct xseg_desc_id id;
	char path[PATH_SIZE];

	if (!xseg_get_desc_id(xseg, sd, &id) && !fifo_path(xseg, &id, path))
		unlink(path);
	xseg_ec_force(sd);
}

static int fifo_open(struct xseg *xseg, void *sd, const struct xseg_desc_id *id)
{
	char path[PATH_SIZE];
	int ret = fifo_path(xseg, id, path);

	(void)sd;
	return ret ? ret : fifo_open_path(path);
}

static int fifo_signal(struct xseg *xseg, void *sd)
{
	static const struct xseg_fd_source source = { .open = fifo_open };

	return xseg_fd_signal(xseg, sd, &source);
}

extern const struct xseg_signal_type xseg_signal_plugin;

const struct xseg_signal_type xseg_signal_plugin = {
	.ops = {
		.init_signal_desc = fifo_init,
		.quit_signal_desc = fifo_quit,
		.prepare_wait = xseg_fd_prepare,
		.cancel_wait = xseg_fd_cancel,
		.wait_signal = xseg_fd_wait,
		.signal = fifo_signal,
		.signal_fd = xseg_fd_get,
		.release = xseg_fd_release,
	},
	.name = "fifo",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
