// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Becoming a peer of a segment, and ceasing to be one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/user.h"

#define SLEEP_CAP_USEC	1000000

static int header_error(int ret, const struct xseg_header *header, u64 size)
{
	switch (ret) {
	case -EBADMSG:
		return fail(ret, "this file is no segment");
	case -EILSEQ:
		return fail(ret, "this segment was made on a machine of the other byte order");
	case -EPROTONOSUPPORT:
		return fail(ret, "this segment has layout %u with required features %#llx, this library knows layout %u; use the same xseg on both sides",
			    header->abi_major,
			    (unsigned long long)header->features_required,
			    XSEG_ABI_MAJOR);
	case -ENODATA:
		return fail(ret, "this segment is truncated: %llu of %llu bytes are left; make a new one",
			    (unsigned long long)size,
			    (unsigned long long)header->segment_size);
	default:
		return fail(ret, "the header of this segment is damaged; make a new one");
	}
}

/* Checks the file that an open descriptor refers to. */
static int file_check(struct xseg *xseg, int fd)
{
	struct user_domain *user = user_of(xseg);
	struct xseg_header header;
	struct stat st;
	ssize_t n;
	int ret;

	if (fstat(fd, &st))
		return fail(-errno, "fstat: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-EBADMSG, "this is no segment, not even a file");
	n = pread(fd, &header, sizeof(header), 0);
	if (n < 0)
		return fail(-errno, "the header cannot be read: %s",
			    strerror(errno));
	if ((size_t)n < sizeof(header))
		return fail(-EBADMSG, "this file is no segment: it is too short");
	ret = header_check(&header, (u64)st.st_size, &xseg->geo);
	if (ret)
		return header_error(ret, &header, (u64)st.st_size);
	user->dev = st.st_dev;
	user->ino = st.st_ino;
	user->uid = st.st_uid;
	user->gid = st.st_gid;
	user->mode = st.st_mode;
	return 0;
}

static int map_segment(struct xseg *xseg, int fd)
{
	size_t size = (size_t)xseg->geo.size;
	void *base;

	if (size != xseg->geo.size)
		return fail(-ENOMEM, "the segment is too large for this process");
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return fail(-errno, "the segment cannot be mapped: %s",
			    strerror(errno));
	if (madvise(base, size, MADV_DONTFORK)) {
		munmap(base, size);
		return fail(-EINVAL, "MADV_DONTFORK is refused");
	}
	xseg->base = base;
	return 0;
}

/* Makes a slot, whose byte lock is held, the handle's own. */
static void slot_enter(struct xseg *xseg)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, xseg->me);
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	xseg->incarnation = shm_read(&peer->incarnation) + 1;
	shm_write(&peer->incarnation, xseg->incarnation);
	shm_write(&peer->domain, XSEG_DOMAIN_USER);
	shm_write(&peer->pid, (u32)getpid());
	shm_write(&peer->uid, (u32)geteuid());
	shm_write(&peer->join_ns,
		  (u64)now.tv_sec * 1000000000U + (u64)now.tv_nsec);
	shm_write(&peer->pidns, stat("/proc/self/ns/pid", &st) ? 0 :
		  (u64)st.st_ino);
	prctl(PR_GET_NAME, peer->comm);
	shm_store_release(&peer->state, XSEG_PEER_USED);
}

/* Tries one slot: 0 if it is ours now, -EAGAIN if not, or another error. */
static int slot_try(struct xseg *xseg, int fd, u32 slot, bool dead)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, slot);
	bool used = shm_load_acquire(&peer->state) != XSEG_PEER_FREE;
	int ret;

	if (used != dead)
		return -EAGAIN;
	ret = slot_lock(fd, slot);
	if (ret)
		return ret;
	xseg->me = slot;
	slot_clean_locked(xseg, slot, true);
	slot_enter(xseg);
	return 0;
}

/* Takes a slot that nobody has, or else one that a dead peer left. */
static int slot_take(struct xseg *xseg, int fd)
{
	int dead, ret;
	u32 slot;

	for (dead = 0; dead < 2; dead++) {
		for (slot = 0; slot < XSEG_MAX_USER_PEERS; slot++) {
			ret = slot_try(xseg, fd, slot, dead);
			if (!ret)
				return 0;
			if (ret != -EAGAIN)
				return fail(ret, "a peer slot cannot be locked or cleaned up: %s",
					    strerror(-ret));
		}
	}
	return fail(-EUSERS, "%d peers live in this segment; no more can join",
		    XSEG_MAX_USER_PEERS);
}

/* Undoes what join_mapped() did before it took a slot. */
static void join_undo(struct xseg *xseg)
{
	WRITE_ONCE(xseg->state, HANDLE_LEFT);
	fd_table_drop(xseg);
	handle_close(xseg);
	handle_remove_locked(xseg);
}

/* Joins through a mapped file; frees the handle on failure. */
static int join_mapped(struct xseg *xseg, int fd)
{
	int ret;

	ret = handle_open(xseg);
	if (!ret) {
		ret = fd_table_new(xseg);
		if (ret)
			handle_close(xseg);
	}
	if (ret) {
		handle_drop(xseg);
		return fail(ret, "no memory for the tables of a handle");
	}
	handle_add_locked(xseg);
	ret = slot_take(xseg, fd);
	if (ret)
		join_undo(xseg);
	return ret;
}

/*
 * Joins through a descriptor that was opened for this alone: its lock is then
 * carried by the mapping. Frees the handle on failure. process_lock is held.
 */
static int join_locked(struct xseg *xseg, int fd)
{
	void *base;
	size_t size;
	int ret;

	ret = file_check(xseg, fd);
	if (!ret)
		ret = map_segment(xseg, fd);
	if (ret) {
		handle_drop(xseg);
		return ret;
	}
	base = (void *)xseg->base;
	size = (size_t)xseg->geo.size;
	ret = join_mapped(xseg, fd);
	if (ret)
		munmap(base, size);
	return ret;
}

/* Joins the file that @control refers to, which the handle takes over. */
static struct xseg *join_control(int control, const char *name,
				 unsigned int flags)
{
	struct xseg *xseg = handle_new();
	int fd, ret;

	if (!xseg) {
		close(control);
		return env_err_ptr(fail(-ENOMEM, "no memory for a handle"));
	}
	snprintf(user_of(xseg)->name, XSEG_NAME_SIZE, "%s", name);
	user_of(xseg)->control = control;
	xseg->flags = flags;
	xseg->sleep_cap = SLEEP_CAP_USEC;
	process_lock();	/* no fork while the descriptor of the lock is open */
	fd = fd_reopen(control);
	if (fd < 0) {
		handle_drop(xseg);
		ret = fail(fd, "the segment's file cannot be opened anew: %s (is /proc mounted?)",
			   strerror(-fd));
	} else {
		ret = join_locked(xseg, fd);
		close(fd);
	}
	process_unlock();
	if (!ret)
		return xseg;
	close(control);
	return env_err_ptr(ret);
}

static int join_prepare(unsigned int flags)
{
	fail_clear();
	if (flags & ~XSEG_JOIN_PLUGINS)
		return fail(-EINVAL, "unknown flags");
	return process_init();
}

struct xseg *xseg_join(const char *name, unsigned int flags)
{
	int control, ret;

	ret = join_prepare(flags);
	if (!ret)
		ret = name_check(name);
	if (ret)
		return env_err_ptr(ret);
	control = segment_open(name, true);
	if (control < 0)
		return env_err_ptr(control);
	return join_control(control, name, flags);
}

struct xseg *xseg_join_fd(int fd, unsigned int flags)
{
	int control, mode, ret;

	ret = join_prepare(flags);
	if (ret)
		return env_err_ptr(ret);
	mode = fcntl(fd, F_GETFL);
	if (mode < 0)
		return env_err_ptr(fail(-EBADF, "%d is no open descriptor",
					fd));
	if ((mode & O_ACCMODE) != O_RDWR || mode & O_PATH)
		return env_err_ptr(fail(-EACCES, "descriptor %d is not open for reading and writing",
					fd));
	control = fd_reopen(fd);
	if (control < 0)
		return env_err_ptr(fail(control, "descriptor %d cannot be opened anew: %s (is /proc mounted?)",
					fd, strerror(-control)));
	return join_control(control, "", flags);
}

/* Puts what the handle holds, so that types let go of what is private. */
static void descs_release(struct xseg *xseg)
{
	u32 i;

	mutex_lock(&xseg->lock);
	for (i = 0; i < xseg->geo.params.nr_descs; i++)
		while (xseg->descs[i].count)
			desc_put_locked(xseg, i);
	mutex_unlock(&xseg->lock);
}

int xseg_leave(struct xseg *xseg)
{
	size_t size;
	void *base;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	descs_release(xseg);
	process_lock();
	slot_clean_locked(xseg, xseg->me, false);
	WRITE_ONCE(xseg->state, HANDLE_LEFT);
	types_quit(xseg);
	fd_table_drop(xseg);
	device_drop(xseg);
	if (segment_fd(xseg) >= 0)
		close(user_of(xseg)->control);
	base = (void *)xseg->base;
	size = (size_t)xseg->geo.size;
	handle_close(xseg);
	handle_remove_locked(xseg);
	process_unlock();
	munmap(base, size);	/* gives the slot's lock back */
	return 0;
}
