// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who lives: a byte of the file, locked for as long as a peer's mapping is
 * there.
 *
 * A peer takes the lock (F_OFD_SETLK) on a descriptor that it opened for this
 * alone, maps the segment through it with MADV_DONTFORK and closes it. The
 * open file, and with it the lock, then lives exactly as long as the mapping:
 * it ends with death, exec and xseg_leave(), is not inherited by fork, and
 * does not care which descriptors the program closes. A process id, which is
 * used again and means nothing in another name space, is never looked at.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/user.h"

#define SCAN_NS			1000000000U
#define REAPING_NAP_USEC	100

/* The thread is cleaning up, and has process_lock. */
static _Thread_local bool reaping
	__attribute__((tls_model("initial-exec")));

/**
 * thread_reaps() - is the calling thread cleaning up?
 *
 * Return: true if so: it then has process_lock.
 */
bool thread_reaps(void)
{
	return reaping;
}

static struct flock slot_flock(u32 slot)
{
	struct flock l = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)XSEG_LOCK_PEER(slot),
		.l_len = 1,
	};

	return l;
}

/**
 * slot_lock() - take the byte lock of a peer's slot
 * @fd:   a descriptor of the segment's file, opened for this lock
 * @slot: the slot
 *
 * Return: 0, -EAGAIN if a live peer has it, or another negative errno.
 */
int slot_lock(int fd, u32 slot)
{
	struct flock l = slot_flock(slot);

	if (!fcntl(fd, F_OFD_SETLK, &l))
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/**
 * segment_fd() - a descriptor of the segment's file that carries no lock
 * @xseg: the handle; process_lock is held
 *
 * The one that was kept, if the program did not close it, else a new one by
 * the segment's name. Never trusts a number without looking what is behind it.
 *
 * Return: the descriptor, which stays the handle's, or -EBADF.
 */
int segment_fd(struct xseg *xseg)
{
	struct user_domain *user = user_of(xseg);
	struct stat st;

	if (user->control >= 0 && !fstat(user->control, &st) &&
	    st.st_dev == user->dev && st.st_ino == user->ino)
		return user->control;
	user->control = user->name[0] ? segment_open(user->name, false) : -1;
	if (user->control < 0)
		return -EBADF;
	if (!fstat(user->control, &st) && st.st_dev == user->dev &&
	    st.st_ino == user->ino)
		return user->control;
	close(user->control);	/* another segment of the same name */
	user->control = -1;
	return -EBADF;
}

/* Has somebody the byte lock of a slot? process_lock is held. */
static bool slot_locked(struct xseg *xseg, u32 slot)
{
	struct flock l = slot_flock(slot);
	int fd, ret;

	fd = segment_fd(xseg);
	ret = fd < 0 ? fd : fcntl(fd, F_OFD_GETLK, &l);
	return ret < 0 || l.l_type != F_UNLCK;	/* unknown: taken for alive */
}

static bool slot_reaping(const struct xseg *xseg, u32 slot)
{
	return shm_load_acquire(&xseg_peer(xseg, slot)->state) ==
	       XSEG_PEER_REAPING;
}

bool domain_peer_alive(struct xseg *xseg, u32 slot)
{
	bool alive;

	if (slot == xseg->me || slot >= XSEG_MAX_USER_PEERS)
		return true;
	if (slot_reaping(xseg, slot))
		return false;
	if (!reaping)
		process_lock();
	alive = slot_locked(xseg, slot);
	if (!reaping)
		process_unlock();
	return alive && !slot_reaping(xseg, slot);
}

/* Nobody runs inside a signal here. */
void domain_aside(bool on)
{
	(void)on;
}

/* What is left for want of depth is found at the next bind or reap. */
void domain_sweep_later(struct xseg *xseg)
{
	(void)xseg;
}

/* Makes a lock last as long as a mapping, and closes its descriptor. */
static void *lock_hold(int fd)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);

	if (page != MAP_FAILED && madvise(page, size, MADV_DONTFORK)) {
		munmap(page, size);
		page = MAP_FAILED;
	}
	close(fd);
	return page;
}

/**
 * slot_clean_locked() - clean up after the peer of a slot, if there was one
 * @xseg: the handle; process_lock is held
 * @slot: a slot whose byte lock the caller holds
 * @died: false if it is the caller's own, which leaves
 *
 * Return: 1 if there was one, 0 if not.
 */
int slot_clean_locked(struct xseg *xseg, u32 slot, bool died)
{
	struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, slot);

	if (shm_load_acquire(&peer->state) == XSEG_PEER_FREE)
		return 0;
	if (died)
		shm_store_release(&peer->state, XSEG_PEER_REAPING);
	reaping = true;
	reap_peer(xseg, slot, died);
	reaping = false;
	shm_store_release(&peer->state, XSEG_PEER_FREE);
	if (died)
		atomic64_inc(&xseg->reaped);
	return 1;
}

/**
 * reap_slot_locked() - clean up a slot, if its peer is dead
 * @xseg: the handle; process_lock is held
 * @slot: not the handle's own
 *
 * Return: 1 if it was, 0 if there was nothing to do, or a negative errno.
 */
int reap_slot_locked(struct xseg *xseg, u32 slot)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;
	int fd, ret;

	fd = segment_fd(xseg);
	if (fd >= 0)
		fd = fd_reopen(fd);
	if (fd < 0)
		return fd;
	ret = slot_lock(fd, slot);
	if (ret) {
		close(fd);
		return ret == -EAGAIN ? 0 : ret;
	}
	page = lock_hold(fd);
	if (page == MAP_FAILED)
		return -ENOMEM;
	ret = slot_clean_locked(xseg, slot, true);
	munmap(page, size);	/* gives the lock back */
	return ret;
}

/* Somebody cleans up after it just now, or has: not alive, in any case. */
static bool slot_given_up(struct xseg *xseg, u32 slot)
{
	u32 state = shm_load_acquire(&xseg_peer(xseg, slot)->state);

	if (state == XSEG_PEER_REAPING)
		usleep(REAPING_NAP_USEC);
	return state != XSEG_PEER_USED;
}

bool domain_reap_if_dead(struct xseg *xseg, u32 slot, bool may_wait)
{
	int ret = 0;

	if (reaping || slot == xseg->me || slot >= XSEG_MAX_USER_PEERS)
		return false;
	if (may_wait)
		process_lock();
	else if (!process_trylock())
		return false;
	if (!slot_locked(xseg, slot))
		ret = reap_slot_locked(xseg, slot);
	process_unlock();
	return ret > 0 || slot_given_up(xseg, slot);
}

/**
 * reap_all() - clean up after all dead peers
 * @xseg: the handle
 *
 * Return: as xseg_reap().
 */
int reap_all(struct xseg *xseg)
{
	int ret, reaped = 0;
	u32 slot;

	process_lock();
	ret = segment_fd(xseg) < 0 ? -EBADF : 0;
	for (slot = 0; ret >= 0 && slot < XSEG_MAX_USER_PEERS; slot++) {
		struct xseg_peer __xseg_shared *peer = xseg_peer(xseg, slot);

		if (slot == xseg->me ||
		    shm_load_acquire(&peer->state) == XSEG_PEER_FREE)
			continue;
		ret = reap_slot_locked(xseg, slot);
		reaped += ret > 0;
	}
	process_unlock();
	return ret < 0 ? ret : reaped;
}

int xseg_reap(struct xseg *xseg)
{
	int ret = handle_check(xseg);

	if (ret)
		return ret;
	ret = reap_all(xseg);
	if (ret == -EBADF)
		fail(ret, "the segment's file cannot be opened again: it has no name any more, and its descriptor was closed");
	else if (ret < 0)
		fail(ret, "dead peers could not be reaped: %s", strerror(-ret));
	return ret;
}

/**
 * liveness_scan() - look for dead peers, if nobody did for a second
 * @xseg: the handle
 */
void liveness_scan(struct xseg *xseg)
{
	__u64 __xseg_shared *last = &xseg_header(xseg)->last_scan_ns;
	u64 then = shm_read(last);
	u64 now = env_now_ns();

	/* A time of the future is from before the machine last started. */
	if (then <= now && now - then < SCAN_NS)
		return;
	if (shm_cas(last, then, now))
		reap_all(xseg);
}
