// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The back end file: opening a file or block device, and having it alone.
 *
 * A server may be killed at any moment, and the next one is then given the
 * requests that it had accepted. Direct I/O that it had begun may go on after
 * its memory, its descriptors and its lock in the segment are gone. If the
 * next server began before that I/O ended, an old write could land on top of
 * a newer one, and an old read on what the segment holds by then. Therefore:
 *
 * (1) Direct I/O goes through memory of the server, which the I/O itself keeps
 *     alive, never into the segment (fileio.c). Buffered I/O is copied by the
 *     process or by its io_uring workers, which the kernel ends before it lets
 *     go of the process's memory, and with that of its lock in the segment.
 *
 * (2) Before it binds a port, the server takes a write lock on the file (an
 *     open file description lock, fcntl(2)). The lock belongs to the open
 *     file, not to the process, and each I/O in flight holds a reference to
 *     that: the kernel drops the lock when the last of them has ended. So
 *     whoever has the lock knows that nobody else's I/O is under way.
 *
 * The lock also keeps two servers from serving one file. It is one of an
 * inode: a block device under a second name would escape it, and is claimed
 * (O_EXCL) as well, which also refuses one that is mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "blkd.h"

static const struct reason open_reasons[] = {
	{ ENOENT, "@: there is no such file; --create --size SIZE makes it, in "
	  "a folder that is there" },
	{ EACCES, "@: %; with --read-only it need not be writable" },
	{ EROFS, "@: %; use --read-only" },
	{ EINVAL, "@: it cannot be opened so; without --direct it may" },
	{ EBUSY, "@: it is in use: mounted, or part of another device" },
	{ 0, "@: %" }
};

/* What is there, or is to be made; an exit status. */
static int look_kind(struct backend *backend, const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT && backend->args->create)
			return EXIT_OK;
		return fail_because(open_reasons, errno, path);
	}
	backend->is_device = S_ISBLK(st.st_mode);
	if (backend->is_device && backend->args->create)
		return fail("%s: a block device cannot be made; leave --create "
			    "and --size away", path);
	if (!backend->is_device && !S_ISREG(st.st_mode))
		return fail("%s: it is neither a file nor a block device",
			    path);
	return EXIT_OK;
}

static int open_flags(const struct backend *backend)
{
	const struct blkd_args *args = backend->args;

	return O_CLOEXEC | (args->read_only ? O_RDONLY : O_RDWR) |
	       (args->direct ? O_DIRECT : 0) | (args->sync ? O_DSYNC : 0) |
	       (args->create ? O_CREAT : 0) |
	       (backend->is_device && !args->read_only ? O_EXCL : 0);
}

/*
 * Lock the open file, waiting for whoever has it. Readers share it. Returns 0
 * or a negative errno: -EAGAIN if it was not to be waited for.
 */
static int lock_file(struct backend *backend, int fd, const char *path)
{
	struct flock lock = {
		.l_type = backend->args->read_only ? F_RDLCK : F_WRLCK,
	};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if ((errno != EAGAIN && errno != EACCES) || backend->args->no_wait)
		return errno == EACCES ? -EAGAIN : -errno;
	backend->waited = true;
	note("%s: locked; another server has it, or I/O of one that died is "
	     "still under way; waiting", path);
	notify("STATUS=waiting for the lock of the file");
	while (fcntl(fd, F_OFD_SETLKW, &lock)) {
		if (errno != EINTR || tool_stop())
			return -errno;
	}
	note("%s: the lock is free now", path);
	return 0;
}

static int lock_or_say(struct backend *backend, int fd, const char *path)
{
	int err = lock_file(backend, fd, path);

	if (!err)
		return EXIT_OK;
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	if (err == -EAGAIN)
		return fail("%s: locked; another server has it, or I/O of one "
			    "that died is still under way", path);
	return fail("%s: it cannot be locked: %s", path, strerror(-err));
}

/* Wait until nobody has the lock, on a file that claims nothing. */
static int pass_lock(struct backend *backend, const char *path)
{
	int fd = open(path, O_CLOEXEC | O_RDWR);
	int ret;

	if (fd < 0)
		return fail_because(open_reasons, errno, path);
	ret = lock_or_say(backend, fd, path);
	close(fd);
	return ret;
}

/*
 * Open a device that is claimed. Where a server had it, its lock tells when
 * its I/O has ended; but the kernel drops the lock first and the claim after,
 * having written back what was cached, and offers no way to wait for that. No
 * lock is kept meanwhile: another one that waits may have the claim first, and
 * takes the lock then.
 */
static int open_claimed(struct backend *backend, const char *path)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	bool told = false;
	int ret;

	do {
		ret = pass_lock(backend, path);
		if (ret)
			return ret;
		if (backend->args->no_wait)
			return fail_because(open_reasons, EBUSY, path);
		if (tool_stop())
			return EXIT_SIGNAL + tool_stop();
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 100000000) {
			pause.tv_nsec *= 2;
		} else if (!told) {
			note("%s: it is in use: mounted, or part of another "
			     "device; waiting", path);
			told = true;
		}
		backend->waited = true;
		backend->fd = open(path, open_flags(backend));
	} while (backend->fd < 0 && errno == EBUSY);
	return backend->fd < 0 ? fail_because(open_reasons, errno, path) :
				 EXIT_OK;
}

static int open_alone(struct backend *backend, const char *path)
{
	int ret;

	backend->fd = open(path, open_flags(backend), 0600);
	if (backend->fd < 0) {
		if (errno != EBUSY || !backend->is_device)
			return fail_because(open_reasons, errno, path);
		ret = open_claimed(backend, path);
		if (ret)
			return ret;
	}
	return lock_or_say(backend, backend->fd, path);
}

static int get_size(struct backend *backend, __u64 *size)
{
	struct stat st;

	if (backend->is_device)
		return ioctl(backend->fd, BLKGETSIZE64, size) ? -errno : 0;
	if (fstat(backend->fd, &st))
		return -errno;
	*size = st.st_size;
	return 0;
}

/* Give a file that was just made its size; one that was there keeps its own. */
static int make_size(struct backend *backend, __u64 *size)
{
	__u64 wanted = backend->args->size;

	if (!backend->args->create || *size == wanted)
		return EXIT_OK;
	if (*size)
		return fail("%s: it is there and has %llu bytes, not the %llu "
			    "of --size; leave --create and --size away to "
			    "serve it", backend->name,
			    (unsigned long long)*size,
			    (unsigned long long)wanted);
	if (ftruncate(backend->fd, wanted))
		return fail("%s: %s", backend->name, strerror(errno));
	*size = wanted;
	return EXIT_OK;
}

/* Whether the file takes direct I/O of one block; an exit status. */
static int try_direct(struct backend *backend)
{
	__u32 block = backend->args->block_size;
	void *buf;
	ssize_t n;
	int err;

	if (!backend->args->direct)
		return EXIT_OK;
	if (posix_memalign(&buf, 4096, block))
		return fail("no memory");
	n = pread(backend->fd, buf, block, backend->size - block);
	err = errno;
	free(buf);
	if (n == (ssize_t)block)
		return EXIT_OK;
	if (n < 0 && err == EINVAL)
		return fail("%s: its file system or device takes no direct I/O "
			    "of %u bytes; use --block-size 4096, or leave "
			    "--direct away", backend->name, block);
	return fail("%s: the last block cannot be read: %s", backend->name,
		    n < 0 ? strerror(err) : "short read");
}

static int take_zeroes(struct backend *backend)
{
	backend->memory = mmap(NULL, MAX_IO, PROT_READ, MAP_PRIVATE |
			       MAP_ANONYMOUS, -1, 0);
	if (backend->memory != MAP_FAILED)
		return EXIT_OK;
	backend->memory = NULL;
	return fail("%s: %s", backend->name, strerror(errno));
}

static void offer(struct backend *backend)
{
	const struct blkd_args *args = backend->args;

	backend->flags |= XSEG_BLK_HAS_FUA;
	if (!args->sync)
		backend->flags |= XSEG_BLK_HAS_FLUSH;
	if (!args->read_only)
		backend->flags |= XSEG_BLK_HAS_ZERO;
	if (!args->read_only && !args->no_discard)
		backend->flags |= XSEG_BLK_HAS_DISCARD;
	/* a discard of a device may hold its queue up, see fileio.c */
	if (backend->is_device)
		backend->max_discard = 32U << 20;
}

static void file_parse(struct backend *backend, const char *what)
{
	if (!*what)
		usage_error("file: a path is missing behind it");
	backend->path = what;
}

static int file_open(struct backend *backend)
{
	__u64 size = 0;
	int ret, err;

	ret = look_kind(backend, backend->path);
	if (!ret)
		ret = open_alone(backend, backend->path);
	if (ret)
		return ret;
	err = get_size(backend, &size);
	if (err)
		return fail("%s: %s", backend->name, strerror(-err));
	ret = make_size(backend, &size);
	if (!ret)
		ret = backend_check_size(backend, size);
	backend->size = size;
	if (!ret)
		ret = try_direct(backend);
	if (!ret)
		ret = take_zeroes(backend);
	offer(backend);
	return ret;
}

/* A file that has grown is a larger disk; one of odd size stays as it was. */
void file_look_size(struct backend *backend)
{
	__u64 size;

	if (get_size(backend, &size) || !size ||
	    size % backend->args->block_size)
		return;
	__atomic_store_n(&backend->size, size, __ATOMIC_RELAXED);
}

/* Nothing is under way any more: let the next server have it at once. */
static void file_close(struct backend *backend)
{
	struct flock lock = { .l_type = F_UNLCK };

	if (backend->memory)
		munmap(backend->memory, MAX_IO);
	if (backend->fd < 0)
		return;
	fcntl(backend->fd, F_OFD_SETLK, &lock);
	close(backend->fd);
	backend->fd = -1;
}

const struct backend_kind file_backend = {
	.name = "file", .parse = file_parse, .open = file_open,
	.close = file_close,
};
