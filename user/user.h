/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to libxseg-user: what a process keeps beside the core's handle.
 */
#ifndef XSEG_USER_USER_H
#define XSEG_USER_USER_H

#include <stdarg.h>
#include <sys/types.h>

#include "core/core.h"

struct fd_table;
struct fd_server;

/**
 * struct user_domain - a handle's process-private part
 * @control:	descriptor of the segment's file, without a lock of its own;
 *		the program may close it behind our back, see segment_fd()
 * @dev:	of the file; so the next four, as they were at the join
 * @ino:	likewise
 * @uid:	likewise
 * @gid:	likewise
 * @mode:	likewise
 * @name:	that it was joined by, "" if by descriptor
 * @fds:	see fd.c
 * @server:	see fd_server.c; guarded by xseg->lock
 * @device:	see device.c; -1 if it is not open
 * @device_opens: how often it was opened
 * @device_page: its page, mapped; and @device_old that of one that the program
 *		closed behind our back
 * @device_old:	likewise
 * @unwakeable:	kernel peers cannot wake all threads: they look by themselves
 * @next:	in the list of handles
 *
 * @control, @next and those of the device change under process_lock.
 */
struct user_domain {
	int control;
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	char name[XSEG_NAME_SIZE];
	struct fd_table *fds;
	struct fd_server *server;
	int device;
	u32 device_opens;
	void *device_page;
	void *device_old;
	bool unwakeable;
	struct xseg *next;
};

static inline struct user_domain *user_of(const struct xseg *xseg)
{
	return xseg->domain;
}

/* error.c: each returns err, and notes a sentence for xseg_last_error(). */
int fail(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fail_clear(void);

/*
 * process.c: process_lock is held while a descriptor that carries a lock is
 * open, so that no fork takes it along, and over each reap. It is taken before
 * every other lock; a thread that has it must not take it again. The order is
 * process_lock, the lock of plug-ins, xseg->lock, the lock of the servers, that
 * of a table of files, that of a file, the registry's.
 */
int process_init(void);
void process_lock(void);
void process_unlock(void);
bool process_trylock(void);
struct xseg *handle_new(void);
void handle_drop(struct xseg *xseg);
void handle_add_locked(struct xseg *xseg);
void handle_remove_locked(struct xseg *xseg);
bool handle_id_live_locked(u64 id);
bool handle_id_live(u64 id);
void device_forget_locked(int dev);

/* file.c */
int name_check(const char *name);
int segment_open(const char *name, bool for_lock);
int fd_reopen(int fd);

/* fd_id.c */

/**
 * struct fd_id - a descriptor and what was behind it; constant
 * @fd:	     its number
 * @dev:     of the file
 * @ino:     of the file
 * @eventfd: the kernel's number of an eventfd plus one, else 0
 */
struct fd_id {
	int fd;
	dev_t dev;
	ino_t ino;
	u64 eventfd;
};

void fd_identify(int fd, struct fd_id *id);
bool fd_is_ours(const struct fd_id *id);
void fd_close(const struct fd_id *id);

/* liveness.c */
int slot_lock(int fd, u32 slot);
int segment_fd(struct xseg *xseg);
int slot_clean_locked(struct xseg *xseg, u32 slot, bool died);
int reap_slot_locked(struct xseg *xseg, u32 slot);
int reap_all(struct xseg *xseg);
void liveness_scan(struct xseg *xseg);
bool thread_reaps(void);

/* wait.c */
#define WAIT_SLOTS	16
#define UNWAKEABLE_USEC	10000

/**
 * struct wait_slot - what a thread has prepared on a descriptor
 * @handle: number of the handle
 * @index:  the descriptor
 * @seq:    the sequence that it noted
 * @end:    ends the wait: from outside of a call, when the thread exits
 * @xseg:   the handle, valid while @handle is that of a live one
 * @priv:   the type's
 * @asleep: it is counted as asleep
 * @used:   it is prepared
 * @known:  @end will be called when the thread exits
 *
 * Each thread's own.
 */
struct wait_slot {
	u64 handle;
	u32 index;
	u32 seq;
	void (*end)(struct wait_slot *slot);
	struct xseg *xseg;
	void *priv;
	bool asleep;
	bool used;
	bool known;
};

extern _Thread_local struct wait_slot wait_slots[WAIT_SLOTS]
	__attribute__((tls_model("initial-exec")));
struct wait_slot *wait_slot_find(struct xseg *xseg, u32 index, bool create);

/**
 * wait_slot_get() - what the calling thread has prepared on a descriptor
 * @xseg:   the handle
 * @index:  the descriptor
 * @create: make a new one if there is none
 *
 * Most threads wait on one descriptor: its slot is the first, and stays.
 *
 * Return: the slot, or NULL if there is none, or no room.
 */
static inline struct wait_slot *wait_slot_get(struct xseg *xseg, u32 index,
					      bool create)
{
	struct wait_slot *slot = wait_slots;

	if (likely(slot->handle == xseg->id && slot->index == index &&
		   (create ? slot->known : slot->used)))
		return slot;
	return wait_slot_find(xseg, index, create);
}

/**
 * wait_deadline() - when a wait ends
 * @usec: as for xseg_wait_signal()
 *
 * Return: on the clock of env_now_ns(); UINT64_MAX for never.
 */
static inline u64 wait_deadline(u32 usec)
{
	if (likely(usec == XSEG_WAIT_FOREVER))
		return UINT64_MAX;
	return env_now_ns() + (u64)usec * 1000;
}

/* For how long a thread may sleep without looking by itself. */
static inline u32 wait_cap(const struct xseg *xseg)
{
	u32 cap = READ_ONCE(xseg->sleep_cap);

	if (unlikely(READ_ONCE(user_of(xseg)->unwakeable)))
		cap = min(cap, (u32)UNWAKEABLE_USEC);
	return cap;
}

int wait_left(const struct xseg *xseg, u64 deadline, struct timespec *ts);
bool wait_briefly(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
		  u32 seq);

/* seq.c */
int seq_prepare(struct xseg *xseg, void __xseg_shared *sd);
int seq_cancel(struct xseg *xseg, void __xseg_shared *sd);

/**
 * seq_take() - end what the calling thread prepared, for it waits now
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 * @seq:  filled with the sequence that it noted
 *
 * Without a prepared wait one is prepared; so where the index was that of a
 * descriptor of another type when it was, which was put since.
 *
 * Return: 0 or -ENOSPC.
 */
static inline int seq_take(struct xseg *xseg, void __xseg_shared *sd, u32 *seq)
{
	u32 index = desc_of_ec(xseg, sd);
	struct wait_slot *slot = wait_slot_get(xseg, index, false);
	int ret;

	/* A file's type keeps something else there. */
	if (unlikely(!slot || slot->priv != sd)) {
		ret = seq_prepare(xseg, sd);
		if (ret)
			return ret;
		slot = wait_slot_get(xseg, index, false);
	}
	slot->used = false;
	*seq = slot->seq;
	return 0;
}

int seq_wait(struct xseg *xseg, void __xseg_shared *sd, u32 usec_timeout,
	     int (*sleep)(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
			  u32 seq, u64 deadline));

/* fd.c */
int fd_table_new(struct xseg *xseg);
void fd_table_drop(struct xseg *xseg);
int fd_table_dup(struct xseg *xseg, u32 index, u32 gen);

/* fd_server.c */
int fd_server_start(struct xseg *xseg);
void fd_server_stop(struct xseg *xseg);
int fd_server_ask(struct xseg *xseg, const struct xseg_desc_id *id);
void fd_servers_freeze(void);
void fd_servers_thaw(bool child);

int fd_table_device(struct xseg *xseg, void __xseg_shared *sd);

/* device.c */
struct xseg_ioc_register;
int device_call(struct xseg *xseg, unsigned long cmd, void *arg);
int device_register(struct xseg *xseg, struct xseg_ioc_register *arg);
void device_drop(struct xseg *xseg);
u64 device_wanted(const struct xseg *xseg);
int device_wake(struct xseg *xseg, void __xseg_shared *sd, bool may_open);
int device_signal(struct xseg *xseg, void __xseg_shared *sd);

/* plugin.c */
const struct xseg_signal_type *plugin_load(const char *name);
void plugins_freeze(void);
void plugins_thaw(void);

/* types/ */
extern const struct xseg_signal_type xseg_futex_type;
extern const struct xseg_signal_type xseg_eventfd_type;
extern const struct xseg_signal_type xseg_waitqueue_type;
extern const struct xseg_signal_type xseg_device_type;
extern const struct xseg_signal_type xseg_eventfd_bridge_type;

#endif /* XSEG_USER_USER_H */
