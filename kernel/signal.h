/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to the module: attached segments, open files, kernel peers.
 *
 * Locks, in the order in which they are taken:
 *
 *	client->lock	the segment of an open file
 *	segment->regs_lock	which registrations are whose
 *	segment->lock	attaching, and the table of kernel peers
 *	segments_lock	the list of segments and their last reference
 *	segment->reap_lock	cleaning up after dead processes
 *	xseg->lock	of the core; then that of the registry of types
 *	bridges_lock	which eventfds are hooked
 *
 * All are mutexes. None is taken by the close of a mapping, which runs
 * under mmap_lock, and user memory is copied with none of them held. What
 * signals look up is under RCU, see types/.
 */
#ifndef XSEG_KERNEL_SIGNAL_H
#define XSEG_KERNEL_SIGNAL_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/seq_file.h>
#include <linux/nospec.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <xseg/ioctl.h>
#include "core/core.h"

#define KERNEL_PEERS	(XSEG_MAX_PEERS - XSEG_MAX_USER_PEERS)

/**
 * struct segment - an attached segment
 * @link:	in the list of segments; under segments_lock
 * @ref:	open files, kernel peers, and one for @kept; drops to 0 under
 *		segments_lock
 * @inode:	what it is known by; held by who attaches, then by @file
 * @name:	that kernel peers join by, "" if they may not; under
 *		segments_lock, so are @kept, @nr_named and @nr_peers
 * @kept:	stays attached without an open file
 * @nr_named:	open files that let kernel peers in, and one for @kept
 * @nr_peers:	kernel peers
 * @lock:	guards @attached and @peers
 * @attached:	the memory is there; constant from then on, as are the next
 * @file:	the module's own open file
 * @pages:	of the file
 * @nr_pages:	of those
 * @user:	who is charged for them
 * @view:	where they are mapped, and the layout from a checked copy of the
 *		header; no other of its fields is set: it is not a peer
 * @dead:	found truncated; set once
 * @peers:	handle of each kernel peer
 * @reap_lock:	keeps kernel peers from reaping at the same time, since the
 *		locks that they take are all @file's; guards @reap_next
 * @reap_next:	the slot that is looked at next, modulo their number
 * @wakers:	by index of descriptor, see waker.c; entries under RCU
 * @sleepers:	by index of descriptor, see register.c; entries are set once
 * @tick:	wakes once a second those who asked for that, see wait.c
 * @ticks:	how often it ran; written by it
 * @regs_lock:	guards the lists of registrations of all open files
 * @bridges_lock: guards @bridges and what is in there
 * @bridges:	by index of descriptor, see types/eventfd_bridge.c
 */
struct segment {
	struct list_head link;
	struct kref ref;
	struct inode *inode;
	char name[XSEG_NAME_SIZE];
	bool kept;
	u32 nr_named;
	u32 nr_peers;
	struct mutex lock;	/* see above */
	bool attached;
	struct file *file;
	struct page **pages;
	unsigned long nr_pages;
	struct user_struct *user;
	struct xseg view;
	bool dead;
	struct xseg *peers[KERNEL_PEERS];
	struct mutex reap_lock;	/* see above */
	u32 reap_next;
	struct waker __rcu **wakers;
	struct sleepers **sleepers;
	struct delayed_work tick;
	u32 ticks;
	struct mutex regs_lock;	/* see above */
	struct mutex bridges_lock;	/* see above */
	struct xarray bridges;
};

/**
 * struct client - an open file of the device
 * @lock:    guards changes of @segment, and @named
 * @segment: what it has attached, with a reference, or NULL; used under RCU
 * @named:   it lets kernel peers in
 * @mapped:  mappings of its page, 0 or 1 but for a moment
 * @ref:     the open file, and @gone while it is queued
 * @gone:    runs after the last close of the mapping
 * @regs:    what it has registered; under segment->regs_lock
 */
struct client {
	struct mutex lock;	/* see above */
	struct segment __rcu *segment;
	bool named;
	atomic_t mapped;
	struct kref ref;
	struct work_struct gone;
	struct list_head regs;
};

/**
 * struct kernel_domain - a kernel peer's handle's private part
 * @xseg:    the handle
 * @segment: a reference
 * @meet:    makes the handle meet types that are new in the segment
 * @met:     when it last did, jiffies
 * @look:    cleans up after dead processes
 * @looks:   how often it did since it last heard of one
 * @looked:  when it last did, jiffies; written by the work
 * @sweep:   it is to empty the rings of ports that nobody is bound to, as well
 * @leaving: neither is queued any more; set under segment->lock
 * @may_load: modules are loaded for types that the segment names
 * @wakers:  wakers of this handle that are not freed yet
 */
struct kernel_domain {
	struct xseg *xseg;
	struct segment *segment;
	struct delayed_work meet;
	unsigned long met;
	struct delayed_work look;
	atomic_t looks;
	unsigned long looked;
	bool sweep;
	bool leaving;
	bool may_load;
	atomic_t wakers;
};

/* Where the waker of a descriptor is kept, NULL for a number that is none. */
static inline struct waker __rcu **waker_place(struct segment *seg, u32 index)
{
	u32 nr = seg->view.geo.params.nr_descs;

	if (unlikely(index >= nr))
		return NULL;
	return &seg->wakers[array_index_nospec(index, nr)];
}

/* Who sleeps on a descriptor, any number; NULL if nobody ever did. */
static inline struct sleepers *sleepers_of(struct segment *seg, u32 index)
{
	u32 nr = seg->view.geo.params.nr_descs;

	if (unlikely(index >= nr))
		return NULL;
	/* Pairs with cmpxchg() in sleepers_get(). */
	return smp_load_acquire(&seg->sleepers[array_index_nospec(index, nr)]);
}

static inline struct kernel_domain *domain_of(const struct xseg *xseg)
{
	return xseg->domain;
}

/* main.c */
extern struct workqueue_struct *xseg_wq;
extern struct workqueue_struct *xseg_look_wq;
extern unsigned long max_mib;
extern unsigned int poll_usec;

/* file.c */
int signal_device_register(void);
void signal_device_unregister(void);
void client_get(struct client *client);
void client_put(struct client *client);
struct segment *client_segment(struct client *client);

/* mapping.c */
int client_mmap(struct file *file, struct vm_area_struct *vma);

/* attach.c */
int segment_file_check(const struct file *file);
int segment_take(struct segment *seg, struct file *file);
void segment_give(struct segment *seg);

/* segment.c */
struct segment *segment_attach(const struct xseg_ioc_attach *arg);
int segment_unkeep(const char *name);
struct segment *segment_enter(const char *name);
void segment_exit(struct segment *seg);
void segment_put(struct segment *seg);
void segment_close_name(struct segment *seg);
bool segment_intact(struct segment *seg);
void segments_show(struct seq_file *m);

/* debugfs.c */
void debug_init(void);
void debug_exit(void);

/* domain.c */
int domain_signal_later(struct xseg *xseg);

/* reap.c */
void domain_look_init(struct kernel_domain *domain);
void domain_look_idle(struct xseg *xseg);
void peers_reap_later(struct segment *seg);

/* wait.c */
int sleepers_signal(struct segment *seg, u32 index);
int segment_wake(struct segment *seg, u32 index, u32 gen);
int client_wait(struct client *client, const struct xseg_ioc_wait __user *user);
void sleepers_wake_all(struct segment *seg);
void segment_tick(struct work_struct *work);

/* register.c */
int segment_register(struct segment *seg, struct list_head *regs,
		     struct xseg_ioc_register *arg);
int segment_unregister(struct segment *seg, struct list_head *regs, u32 desc,
		       u32 gen);
void registrations_drop(struct segment *seg, struct list_head *regs);
void sleepers_free(struct segment *seg);

/* waker.c */
int waker_signal(struct segment *seg, u32 index, u32 gen);
void wakers_wake_all(struct segment *seg);
void wakers_flush(struct kernel_domain *domain);

/* types/ */
int segment_bridge(struct segment *seg, struct xseg_ioc_bridge *arg);
extern const struct xseg_signal_type xseg_waitqueue_type;
extern const struct xseg_signal_type xseg_eventfd_bridge_type;
extern const struct xseg_signal_type xseg_eventfd_type;
extern const struct xseg_signal_type xseg_futex_type;
extern const struct xseg_signal_type xseg_device_type;

#endif /* XSEG_KERNEL_SIGNAL_H */
