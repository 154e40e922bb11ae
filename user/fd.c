// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal types that wake by write(2) to a file: common to eventfd and to
 * plug-ins such as fifo.
 *
 * Waiting. The file stays readable from a signal until it is emptied, and may
 * be in anybody's epoll. With several threads it must not be emptied while
 * one of them is between its look at the sequence and its sleep. So the
 * process counts, for each descriptor, who is inside a wait, and how many of
 * them have noted the present sequence; and empties the file only when nobody
 * is inside, or all have noted the present one. In the latter case the
 * sequence is looked at once more after: if it moved, what was taken may have
 * been that signal's, and is written back.
 *
 * A waiter counts as asleep from the start where somebody asked for the
 * descriptor's file, and may sleep in a poll of his own; else only when it
 * does go to sleep, so that one that yields or spins costs no system call.
 *
 * Signalling. The files that this process signals by are in a table, by the
 * number of their descriptor, guarded by liburcu: the signal path takes no
 * lock. A file of an earlier generation is replaced by whoever meets it.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>
#include <urcu-bp.h>

#include <xseg/ioctl.h>

#include "user/user.h"

/**
 * struct fd_own - a file that this process waits on
 * @lock:   guards all but @file and @gen, which are constant, and @users
 * @users:  the table and each thread inside a wait; guarded by the table's lock
 * @file:   the file
 * @gen:    of the descriptor
 * @inside: threads between prepare and the end of their wait
 * @seq:    the latest sequence that one of them noted
 * @latest: how many of them noted that one
 * @polled: somebody asked for the file
 * @filled: there may be something to be emptied; set without the lock
 * @next:   in the table's list; guarded by the table's lock
 * @device: device_wanted() when the module was told of it
 */
struct fd_own {
	struct mutex lock;	/* see above */
	u32 users;
	struct fd_id file;
	u32 gen;
	u32 inside;
	u32 seq;
	u32 latest;
	bool polled;
	bool filled;
	struct fd_own *next;
	u64 device;
};

/**
 * struct fd_remote - a file that this process signals by; constant
 * @file: the file
 * @gen:  of the descriptor
 */
struct fd_remote {
	struct fd_id file;
	u32 gen;
};

/**
 * struct fd_table - files by the number of their descriptor
 * @lock:   guards changes of the table and all use of @own
 * @nr:	    descriptors
 * @owns:   all files that this process waits on, also those of which the
 *	    descriptor was put while a thread was inside a wait
 * @slot:   for each; @remote is used under RCU
 */
struct fd_table {
	struct mutex lock;	/* see above */
	u32 nr;
	struct fd_own *owns;
	struct {
		struct fd_own *own;
		struct fd_remote *remote;
	} slot[];
};

int fd_table_new(struct xseg *xseg)
{
	u32 nr = xseg->geo.params.nr_descs;
	struct fd_table *table;

	table = calloc(1, sizeof(*table) + nr * sizeof(table->slot[0]));
	if (!table)
		return -ENOMEM;
	mutex_init(&table->lock);
	table->nr = nr;
	user_of(xseg)->fds = table;
	return 0;
}

static void remote_free(struct fd_remote *remote)
{
	if (remote)
		fd_close(&remote->file);
	free(remote);
}

static void own_free_locked(struct fd_table *table, struct fd_own *own)
{
	struct fd_own **link = &table->owns;

	while (*link != own)
		link = &(*link)->next;
	*link = own->next;
	fd_close(&own->file);
	mutex_destroy(&own->lock);
	free(own);
}

/* Gives up one use. The table's lock is held. */
static void own_put_locked(struct fd_table *table, struct fd_own *own)
{
	if (own && !--own->users)
		own_free_locked(table, own);
}

static void own_put(struct xseg *xseg, struct fd_own *own)
{
	struct fd_table *table = user_of(xseg)->fds;

	mutex_lock(&table->lock);
	own_put_locked(table, own);
	mutex_unlock(&table->lock);
}

/* The file of a descriptor, to be put; NULL if it is somebody else's. */
static struct fd_own *own_get(struct xseg *xseg, void __xseg_shared *sd,
			      u32 *index)
{
	struct fd_table *table = user_of(xseg)->fds;
	struct fd_own *own;

	if (desc_of(xseg, sd, index))
		return NULL;
	mutex_lock(&table->lock);
	own = table->slot[*index].own;
	if (own)
		own->users++;
	mutex_unlock(&table->lock);
	return own;
}

/* Puts a file, or none, in the place of the one that is there. */
static void own_replace(struct xseg *xseg, u32 index, struct fd_own *own)
{
	struct fd_table *table = user_of(xseg)->fds;

	mutex_lock(&table->lock);
	own_put_locked(table, table->slot[index].own);
	table->slot[index].own = own;
	if (own) {
		own->next = table->owns;
		table->owns = own;
	}
	mutex_unlock(&table->lock);
}

void fd_table_drop(struct xseg *xseg)
{
	struct fd_table *table = user_of(xseg)->fds;
	u32 i;

	while (table->owns)
		own_free_locked(table, table->owns);
	for (i = 0; i < table->nr; i++)
		remote_free(table->slot[i].remote);
	mutex_destroy(&table->lock);
	free(table);
	user_of(xseg)->fds = NULL;
}

int xseg_fd_attach(struct xseg *xseg, void __xseg_shared *sd, int fd)
{
	struct fd_own *own = calloc(1, sizeof(*own));
	struct xseg_desc_id id;

	if (!own)
		return -ENOMEM;
	if (xseg_get_desc_id(xseg, sd, &id)) {
		free(own);
		return -EINVAL;
	}
	mutex_init(&own->lock);
	own->users = 1;
	fd_identify(fd, &own->file);
	own->gen = id.gen;
	own_replace(xseg, id.index, own);
	return 0;
}

/**
 * fd_table_dup() - another descriptor of a file that this process waits on
 * @xseg:  the handle
 * @index: the signal descriptor
 * @gen:   its generation
 *
 * Return: a close-on-exec descriptor, or a negative errno.
 */
int fd_table_dup(struct xseg *xseg, u32 index, u32 gen)
{
	struct fd_table *table = user_of(xseg)->fds;
	struct fd_own *own;
	int fd = -ENOENT;

	if (index >= table->nr)
		return -EINVAL;
	mutex_lock(&table->lock);
	own = table->slot[index].own;
	if (own && own->gen == gen) {
		fd = fcntl(own->file.fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	}
	mutex_unlock(&table->lock);
	return fd;
}

static void own_empty_locked(struct fd_own *own)
{
	char buffer[4096];

	while (read(own->file.fd, buffer, sizeof(buffer)) == sizeof(buffer))
		;	/* an eventfd gives eight bytes, a pipe all it has */
	WRITE_ONCE(own->filled, false);
}

/* False if the file is not there any more; a full one is as good. */
static bool write_one(int fd)
{
	u64 one = 1;

	return write(fd, &one, sizeof(one)) > 0 || errno == EAGAIN;
}

static void own_fill(const struct fd_own *own)
{
	write_one(own->file.fd);
}

static void own_enter_locked(struct fd_own *own, u32 seq)
{
	if (!own->inside++ || own->seq != seq) {
		own->seq = seq;
		own->latest = 0;
	}
	own->latest++;
}

static void own_leave(struct fd_own *own, u32 seq)
{
	mutex_lock(&own->lock);
	own->inside--;
	if (own->seq == seq)
		own->latest--;
	if (!own->inside && (READ_ONCE(own->filled) || own->polled))
		own_empty_locked(own);
	mutex_unlock(&own->lock);
}

/* The file is readable and seq has not moved: false if others must go first */
static bool own_try_empty(struct fd_own *own, struct xseg_ec __xseg_shared *ec,
			  u32 seq)
{
	bool alone;

	mutex_lock(&own->lock);
	alone = own->seq == seq && own->latest == own->inside;
	if (alone) {
		own_empty_locked(own);
		/* pairs with xseg_ec_bump(), which comes before the write */
		smp_mb();
		if (xseg_ec_signalled(ec, seq)) {
			own_fill(own);
			WRITE_ONCE(own->filled, true);
		}
	}
	mutex_unlock(&own->lock);
	return alone;
}

/* Ends what xseg_fd_prepare() began. */
static void slot_forget(struct wait_slot *slot)
{
	struct fd_own *own = slot->priv;

	slot->used = false;
	xseg_ec_cancel(&xseg_desc(slot->xseg, slot->index)->ec, slot->seq,
		       slot->asleep);
	own_leave(own, slot->seq);
	own_put(slot->xseg, own);
}

/* What is prepared; not by another type, whose descriptor was put since. */
static struct wait_slot *slot_of(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return NULL;
	slot = wait_slot_get(xseg, index, false);
	if (likely(!slot || slot->end == slot_forget))
		return slot;
	slot->end(slot);
	return NULL;
}

int xseg_fd_prepare(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot = slot_of(xseg, sd);
	struct fd_own *own;
	u32 index;

	if (slot)
		slot_forget(slot);
	own = own_get(xseg, sd, &index);
	if (!own)
		return -EOPNOTSUPP;	/* somebody else's descriptor */
	slot = wait_slot_get(xseg, index, true);
	if (!slot) {
		own_put(xseg, own);
		return -ENOSPC;
	}
	mutex_lock(&own->lock);
	slot->asleep = own->polled;
	slot->seq = xseg_ec_prepare(sd, slot->asleep);
	own_enter_locked(own, slot->seq);
	mutex_unlock(&own->lock);
	slot->priv = own;
	slot->end = slot_forget;
	slot->used = true;
	return 0;
}

int xseg_fd_cancel(struct xseg *xseg, void __xseg_shared *sd)
{
	struct wait_slot *slot = slot_of(xseg, sd);

	if (slot)
		slot_forget(slot);
	return 0;
}

/* One sleep in poll: 0 to look again, -ETIMEDOUT or -EINTR. */
static int own_poll(struct xseg *xseg, struct fd_own *own,
		    struct xseg_ec __xseg_shared *ec, u32 seq, u64 deadline)
{
	struct pollfd p = { .fd = own->file.fd, .events = POLLIN };
	struct timespec ts;
	int left, n;

	left = wait_left(xseg, deadline, &ts);
	if (left < 0)
		return left;
	atomic64_inc(&xseg->calls);
	n = ppoll(&p, 1, left ? &ts : NULL, NULL);
	if (n < 0)
		return xseg_ec_signalled(ec, seq) ? 0 : -errno;
	if (n > 0) {
		WRITE_ONCE(own->filled, true);
		atomic64_inc(&xseg->calls);	/* to empty it */
	}
	if (xseg_ec_signalled(ec, seq))
		return 0;
	if (p.revents & POLLNVAL)
		return -EBADF;	/* the program closed it */
	if (!n)
		liveness_scan(xseg);
	else if (!own_try_empty(own, ec, seq))
		sched_yield();
	return 0;
}

static int slot_sleep(struct xseg *xseg, struct wait_slot *slot,
		      struct xseg_ec __xseg_shared *ec, u64 deadline)
{
	int ret = 0;

	if (!slot->asleep) {
		if (wait_briefly(xseg, ec, slot->seq) ||
		    xseg_ec_sleep(ec, slot->seq))
			return 0;
		slot->asleep = true;
	}
	atomic64_inc(&xseg->sleeps);
	while (!ret && !xseg_ec_signalled(ec, slot->seq))
		ret = own_poll(xseg, slot->priv, ec, slot->seq, deadline);
	return ret;
}

int xseg_fd_wait(struct xseg *xseg, void __xseg_shared *sd, __u32 usec_timeout)
{
	struct wait_slot *slot = slot_of(xseg, sd);
	int ret;

	if (!slot) {
		ret = xseg_fd_prepare(xseg, sd);
		if (ret)
			return ret;
		slot = slot_of(xseg, sd);
	}
	ret = xseg_ec_signalled(sd, slot->seq) ? 0 : -ETIMEDOUT;
	if (ret && usec_timeout) {
		atomic64_inc(&xseg->waits);
		ret = slot_sleep(xseg, slot, sd, wait_deadline(usec_timeout));
	}
	slot_forget(slot);
	return ret;
}

/* Writes to a known file of that generation; false if there is none. */
static bool remote_write(struct xseg *xseg, u32 index, u32 gen)
{
	struct fd_remote *remote;
	bool written = false;

	urcu_bp_read_lock();
	remote = rcu_dereference(user_of(xseg)->fds->slot[index].remote);
	if (remote && remote->gen == gen)
		written = write_one(remote->file.fd);
	urcu_bp_read_unlock();
	return written;
}

/* Comes by a file, writes to it and puts it into the table, in place of an older one. */
static int remote_open(struct xseg *xseg, void __xseg_shared *sd,
		       const struct xseg_fd_source *source,
		       const struct xseg_desc_id *id)
{
	struct fd_table *table = user_of(xseg)->fds;
	struct fd_remote *remote, *old;
	int fd;

	fd = source->open(xseg, sd, id);
	if (fd < 0)
		return fd;
	remote = malloc(sizeof(*remote));
	if (!remote) {
		close(fd);
		return -ENOMEM;
	}
	fd_identify(fd, &remote->file);
	remote->gen = id->gen;
	write_one(fd);	/* now: another may replace it in the table at once */
	mutex_lock(&table->lock);
	old = table->slot[id->index].remote;
	rcu_assign_pointer(table->slot[id->index].remote, remote);
	mutex_unlock(&table->lock);
	if (old) {
		urcu_bp_synchronize_rcu();
		remote_free(old);
	}
	return 0;
}

int xseg_fd_signal(struct xseg *xseg, void __xseg_shared *sd,
		   const struct xseg_fd_source *source)
{
	struct xseg_desc_id id;
	__u64 token;
	int ret;

	/* First of all: a waiter that is stopped now will see this. */
	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	atomic64_inc(&xseg->calls);
	ret = xseg_get_desc_id(xseg, sd, &id);
	if (ret)
		return ret;
	if (!remote_write(xseg, id.index, id.gen))
		ret = remote_open(xseg, sd, source, &id);
	if (!ret)
		xseg_ec_woken(sd, token);
	return ret;
}

int xseg_fd_get(struct xseg *xseg, void __xseg_shared *sd)
{
	struct fd_own *own;
	u32 index;
	int fd;

	own = own_get(xseg, sd, &index);
	if (!own)
		return -EOPNOTSUPP;
	mutex_lock(&own->lock);
	if (!own->polled) {
		/*
		 * Who prepared before is not counted as asleep, and may be
		 * about to sleep in a poll of the file: he sees a signal.
		 */
		own->polled = true;
		xseg_ec_force(sd);
		own_fill(own);
		WRITE_ONCE(own->filled, true);
	}
	mutex_unlock(&own->lock);
	fd = own->file.fd;
	own_put(xseg, own);
	return fd;
}

void xseg_fd_release(struct xseg *xseg, void __xseg_shared *sd)
{
	struct fd_own *own;
	u32 index;

	own = own_get(xseg, sd, &index);
	if (!own)
		return;
	xseg_ec_force(sd);
	own_fill(own);		/* who still waits returns, and puts it */
	own_replace(xseg, index, NULL);
	own_put(xseg, own);
}

/**
 * fd_table_device() - see that the module knows a file that is waited on
 * @xseg: the handle
 * @sd:	  type-specific part of its descriptor; a wait is prepared
 *
 * What the kernel may have missed until then is made up for by filling it.
 *
 * Return: 0 or a negative errno: kernel peers cannot wake this one.
 */
int fd_table_device(struct xseg *xseg, void __xseg_shared *sd)
{
	struct xseg_ioc_register arg = {
		.size = sizeof(arg),
		.flags = XSEG_REGISTER_EVENTFD,
	};
	u64 wanted = device_wanted(xseg);
	struct fd_own *own;
	bool known;
	int ret = 0;

	own = own_get(xseg, sd, &arg.desc);
	if (!own)
		return -EINVAL;
	arg.gen = own->gen;
	arg.fd = own->file.fd;
	mutex_lock(&own->lock);
	known = own->device == wanted;
	own->device = wanted;
	mutex_unlock(&own->lock);
	if (!known) {
		ret = device_register(xseg, &arg);
		own_fill(own);
		WRITE_ONCE(own->filled, true);
	}
	own_put(xseg, own);
	return ret;
}
