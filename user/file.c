// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The file that a segment is: made, opened, removed.
 *
 * A new segment is filled before it gets its name, so that there is never
 * half a segment to be seen, whenever its maker dies.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "user/user.h"

#define SHM_DIR		"/dev/shm"
#define PATH_SIZE	(sizeof(SHM_DIR "/xseg.") + XSEG_NAME_SIZE)

/**
 * name_check() - may a segment be called so?
 * @name: the name
 *
 * Return: 0 or -EINVAL.
 */
int name_check(const char *name)
{
	size_t i;

	for (i = 0; name && name[i] && i < XSEG_NAME_SIZE; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      (c == '.' && i)))
			break;
	}
	if (!name || !i || name[i] || i >= XSEG_NAME_SIZE)
		return fail(-EINVAL, "'%.80s' is no name for a segment: 1 to 63 of letters, digits, '_', '-' and '.', no '.' in front",
			    name ? name : "");
	return 0;
}

static void name_path(char path[PATH_SIZE], const char *name)
{
	snprintf(path, PATH_SIZE, SHM_DIR "/xseg.%s", name);
}

/**
 * segment_open() - open a segment's file by its name
 * @name:     a checked name
 * @for_lock: says why, for the error message's sake
 *
 * Return: a close-on-exec descriptor or a negative errno.
 */
int segment_open(const char *name, bool for_lock)
{
	char path[PATH_SIZE];
	int fd;

	name_path(path, name);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 || !for_lock)
		return fd < 0 ? -errno : fd;
	if (errno == ENOENT)
		return fail(-ENOENT, "there is no segment '%s'; 'xseg create %s' makes one",
			    name, name);
	if (errno == EACCES)
		return fail(-EACCES, "you may not join segment '%s': see the owner and mode of %s",
			    name, path);
	return fail(-errno, "%s cannot be opened: %s", path, strerror(errno));
}

/**
 * fd_reopen() - another open file of what a descriptor refers to
 * @fd: the descriptor
 *
 * Return: a new close-on-exec descriptor, or a negative errno.
 */
int fd_reopen(int fd)
{
	char path[64];
	int new;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new = open(path, O_RDWR | O_CLOEXEC);
	return new < 0 ? -errno : new;
}

static int params_valid(const struct xseg_params *params)
{
	if (!params)
		return 0;
	if (params->size != sizeof(*params))
		return fail(-EINVAL, "the size in struct xseg_params is %u, not %zu",
			    params->size, sizeof(*params));
	if (params->flags & ~XSEG_CREATE_SPARSE || params->rsvd)
		return fail(-EINVAL, "unknown flags for a new segment");
	if (params->mode & ~0777U)
		return fail(-EINVAL, "mode %o is not made of permission bits",
			    params->mode);
	return 0;
}

static int geometry_for(const struct xseg_params *params, struct geometry *geo)
{
	struct xseg_params_shm complete;
	int ret;

	ret = params_valid(params);
	if (ret)
		return ret;
	ret = params_complete(params, &complete);
	if (!ret)
		ret = geometry_compute(&complete, geo);
	if (ret == -EOVERFLOW)
		return fail(ret, "these capacities together need more than 1 TiB");
	if (ret)
		return fail(ret, "a capacity is out of range: ports 1..65536, requests 1..16777214, descriptors 1..65536, queue 1..1048576, data up to 1 GiB, heap up to 1 TiB");
	return 0;
}

/* Bytes of memory that can be had without killing others; a guess. */
static u64 memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "MemAvailable: %llu", &kib) == 1;
	if (f)
		fclose(f);
	return found ? (u64)kib << 10 : UINT64_MAX;
}

/*
 * Is there room at all? A tmpfs may be as large as all memory: asked for too
 * much it would not say so, but have processes killed.
 */
static bool has_room(int fd, u64 size)
{
	struct statfs st;

	if (!fstatfs(fd, &st) && st.f_blocks &&
	    size > (u64)st.f_bavail * (u64)st.f_bsize)
		return false;
	return size <= memory_available();
}

static int no_room(u64 size, int err)
{
	return fail(err, "there is no room for %llu bytes in " SHM_DIR ": %s; ask for less, remove a segment, or enlarge it",
		    (unsigned long long)size, strerror(-err));
}

static int take_memory(int fd, u64 size, bool sparse)
{
	u64 done, step;
	int ret;

	if (!sparse && !has_room(fd, size))
		return no_room(size, -ENOSPC);
	if (ftruncate(fd, (off_t)size))
		return fail(-errno, "a file of %llu bytes cannot be made: %s",
			    (unsigned long long)size, strerror(errno));
	/* In steps: a signal makes fallocate() give back all it has done. */
	for (done = 0; !sparse && done < size; done += step) {
		step = min(size - done, 1ULL << 26);
		do {
			ret = fallocate(fd, 0, (off_t)done, (off_t)step);
		} while (ret && errno == EINTR);
		if (ret)
			return no_room(size, -errno);
	}
	return 0;
}

/* Makes a segment of an empty file. */
static int segment_fill(int fd, const struct geometry *geo, const char *name,
			const struct xseg_params *params)
{
	struct xseg_header header = { 0 };
	struct timespec now;
	int ret;

	ret = take_memory(fd, geo->size,
			  params && params->flags & XSEG_CREATE_SPARSE);
	if (ret)
		return ret;
	header_fill(&header, geo);
	clock_gettime(CLOCK_REALTIME, &now);
	header.created_ns = (u64)now.tv_sec * 1000000000U + (u64)now.tv_nsec;
	header.creator_uid = geteuid();
	snprintf(header.name, sizeof(header.name), "%s", name);
	if (getrandom(header.uuid, sizeof(header.uuid), 0) !=
	    sizeof(header.uuid))
		return fail(-EIO, "no random numbers to be had");
	if (pwrite(fd, &header, sizeof(header), 0) != sizeof(header))
		return fail(-ENOSPC, "the header cannot be written: no room in shared memory");
	return 0;
}

static int exists_already(const char *name)
{
	return fail(-EEXIST, "there is a segment '%s' already; choose another name, or remove it with 'xseg destroy %s'",
		    name, name);
}

static int give_name(int fd, const char *name, const struct xseg_params *params)
{
	u32 mode = params && params->mode ? params->mode : 0600;
	char path[PATH_SIZE], proc[64];

	name_path(path, name);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fchmod(fd, mode))
		return fail(-errno, "mode %o cannot be set: %s", mode,
			    strerror(errno));
	if (!linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno == EEXIST)
		return exists_already(name);
	return fail(-errno, "%s cannot be made: %s (is /proc mounted?)", path,
		    strerror(errno));
}

int xseg_create(const char *name, const struct xseg_params *params)
{
	struct geometry geo;
	char path[PATH_SIZE];
	int fd, ret;

	fail_clear();
	ret = name_check(name);
	if (!ret)
		ret = geometry_for(params, &geo);
	if (ret)
		return ret;
	name_path(path, name);
	if (!faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW))
		return exists_already(name);
	fd = open(SHM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "no file can be made in " SHM_DIR ": %s",
			    strerror(errno));
	ret = segment_fill(fd, &geo, name, params);
	if (!ret)
		ret = give_name(fd, name, params);
	close(fd);
	return ret;
}

int xseg_create_fd(const struct xseg_params *params)
{
	struct geometry geo;
	int fd, ret;

	fail_clear();
	ret = geometry_for(params, &geo);
	if (ret)
		return ret;
	fd = memfd_create("xseg", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fail(-errno, "no memfd can be made: %s",
			    strerror(errno));
	ret = segment_fill(fd, &geo, "", params);
	if (!ret && fcntl(fd, F_ADD_SEALS,
			  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		ret = fail(-errno, "the memfd cannot be sealed: %s",
			   strerror(errno));
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Is any user peer's byte locked? */
static bool has_peers(int fd)
{
	struct flock l = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)XSEG_LOCK_PEER(0),
		.l_len = XSEG_MAX_PEERS,
	};

	return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

static int destroy_check(const char *name)
{
	struct xseg_header header;
	struct geometry geo;
	struct stat st;
	int fd, ret = 0;
	ssize_t n;

	fd = segment_open(name, true);
	if (fd < 0)
		return fd;
	n = pread(fd, &header, sizeof(header), 0);
	if (n < 0)
		ret = fail(-errno, SHM_DIR "/xseg.%s cannot be read: %s", name,
			   strerror(errno));
	else if (n != sizeof(header) || fstat(fd, &st) ||
		 header_check(&header, (u64)st.st_size, &geo))
		ret = fail(-EBADMSG, SHM_DIR "/xseg.%s is no usable segment; --force removes it all the same",
			   name);
	else if (has_peers(fd))
		ret = fail(-EBUSY, "peers live in segment '%s' ('xseg peers %s' lists them); --force removes its name all the same",
			   name, name);
	close(fd);
	return ret;
}

int xseg_destroy(const char *name, unsigned int flags)
{
	char path[PATH_SIZE];
	int ret;

	fail_clear();
	ret = name_check(name);
	if (ret)
		return ret;
	if (flags & ~XSEG_DESTROY_FORCE)
		return fail(-EINVAL, "unknown flags");
	if (!(flags & XSEG_DESTROY_FORCE)) {
		ret = destroy_check(name);
		if (ret)
			return ret;
	}
	name_path(path, name);
	if (!unlink(path))
		return 0;
	if (errno == ENOENT)
		return fail(-ENOENT, "there is no segment '%s'", name);
	return fail(-errno, "%s cannot be removed: %s", path, strerror(errno));
}
