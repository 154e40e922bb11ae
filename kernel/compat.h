/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's interfaces as of 6.13, for older ones. Each shim has the name
 * of the new interface with xseg_ in front and says what it papers over.
 * Nothing else in kernel/ asks for a version.
 */
#ifndef XSEG_KERNEL_COMPAT_H
#define XSEG_KERNEL_COMPAT_H

#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/version.h>

/* 6.13 takes the name space as a string. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define XSEG_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, "XSEG")
#else
#define XSEG_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, XSEG)
#endif

/* 6.3 made vm_flags read-only and brought a call for setting them. */
static inline void xseg_vm_flags_set(struct vm_area_struct *vma,
				     unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

/* 6.3 gave file locks a header of their own; 6.9 moved their common part. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/filelock.h>
#endif

static inline struct file_lock *xseg_ofd_new(struct file *file, loff_t at,
					     unsigned char type)
{
	struct file_lock *fl = locks_alloc_lock();

	if (!fl)
		return NULL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	fl->c.flc_owner = file;
	fl->c.flc_pid = -1;
	fl->c.flc_file = file;
	fl->c.flc_flags = FL_POSIX | FL_OFDLCK;
	fl->c.flc_type = type;
#else
	fl->fl_owner = file;
	fl->fl_pid = -1;
	fl->fl_file = file;
	fl->fl_flags = FL_POSIX | FL_OFDLCK;
	fl->fl_type = type;
#endif
	fl->fl_start = at;
	fl->fl_end = at;
	return fl;
}

/*
 * As F_OFD_SETLK of one byte. May sleep.
 *
 * Return: for xseg_ofd_unlock(), or ERR_PTR() of -EAGAIN or -ENOMEM.
 */
static inline struct file_lock *xseg_ofd_lock(struct file *file, loff_t at)
{
	struct file_lock *fl = xseg_ofd_new(file, at, F_WRLCK);
	int ret;

	if (!fl)
		return ERR_PTR(-ENOMEM);
	ret = vfs_lock_file(file, F_SETLK, fl, NULL);
	if (!ret)
		return fl;
	locks_free_lock(fl);
	return ERR_PTR(ret);
}

static inline void xseg_ofd_unlock(struct file *file, struct file_lock *fl)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	fl->c.flc_type = F_UNLCK;
#else
	fl->fl_type = F_UNLCK;
#endif
	vfs_lock_file(file, F_SETLK, fl, NULL);
	locks_free_lock(fl);
}

/* As F_OFD_GETLK: has another open file the byte? Yes if it cannot be told. */
static inline bool xseg_ofd_locked(struct file *file, loff_t at)
{
	struct file_lock *fl = xseg_ofd_new(file, at, F_WRLCK);
	bool locked;

	if (!fl)
		return true;
	locked = vfs_test_lock(file, fl) ||
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
		 fl->c.flc_type != F_UNLCK;
#else
		 fl->fl_type != F_UNLCK;
#endif
	locks_free_lock(fl);
	return locked;
}

/* 6.8 dropped the count, which was 1 for all. */
static inline void xseg_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* 6.8 merged it with the variant that also writes the number to the user. */
static inline int xseg_receive_fd(struct file *file, unsigned int flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return receive_fd(file, NULL, flags);
#else
	return receive_fd(file, flags);
#endif
}

/* 6.13 sets a timer up in one call. */
static inline void
xseg_hrtimer_setup(struct hrtimer *timer,
		   enum hrtimer_restart (*function)(struct hrtimer *timer),
		   clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

#endif /* XSEG_KERNEL_COMPAT_H */
