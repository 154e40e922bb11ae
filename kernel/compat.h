/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's interfaces as of 6.13, for older ones. Each shim has the name
 * of the new interface with xseg_ in front and says what it papers over.
 * Nothing else in kernel/ asks for a version.
 */
#ifndef XSEG_KERNEL_COMPAT_H
#define XSEG_KERNEL_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/device.h>
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

/* 6.5 opens a disk, not a block device. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define XSEG_OPEN_ARGS		struct gendisk *gd, blk_mode_t mode
#define XSEG_OPEN_DISK		gd
#else
#define XSEG_OPEN_ARGS		struct block_device *bdev, fmode_t mode
#define XSEG_OPEN_DISK		(bdev->bd_disk)
#endif

/* 6.4 made the arguments of a class's attribute const. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define XSEG_CLASS_ARGS							\
	const struct class *class, const struct class_attribute *attr
#else
#define XSEG_CLASS_ARGS							\
	struct class *class, struct class_attribute *attr
#endif

/* 6.14 merges always. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define XSEG_MQ_SHOULD_MERGE	0
#else
#define XSEG_MQ_SHOULD_MERGE	BLK_MQ_F_SHOULD_MERGE
#endif

/**
 * struct xseg_disk_limits - what xseg_disk_alloc() sets
 * @block_size:	 bytes
 * @max_sectors: of a read or write
 * @discard:	 sectors of a discard, 0: there is none
 * @zeroes:	 sectors to be zeroed, 0: there is no such thing
 * @cache:	 there are flushes
 * @fua:	 and FUA
 */
struct xseg_disk_limits {
	u32 block_size;
	u32 max_sectors;
	u32 discard;
	u32 zeroes;
	bool cache;
	bool fua;
};

/*
 * 6.9 takes the limits when a disk is allocated, 6.11 the features with them.
 * Data are copied: any number of segments of any length will do.
 */
static inline struct gendisk *
xseg_disk_alloc(struct blk_mq_tag_set *set, const struct xseg_disk_limits *l,
		void *data)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct queue_limits lim = {
		.logical_block_size = l->block_size,
		.physical_block_size = l->block_size,
		.max_hw_sectors = l->max_sectors,
		.max_segments = USHRT_MAX,
		.max_segment_size = UINT_MAX,
		.max_hw_discard_sectors = l->discard,
		.max_discard_segments = 1,
		.discard_granularity = l->discard ? l->block_size : 0,
		.max_write_zeroes_sectors = l->zeroes,
		.features = (l->cache ? BLK_FEAT_WRITE_CACHE : 0) |
			    (l->cache && l->fua ? BLK_FEAT_FUA : 0),
	};

	return blk_mq_alloc_disk(set, &lim, data);
#else
	struct gendisk *gd;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	gd = blk_mq_alloc_disk(set, NULL, data);
#else
	gd = blk_mq_alloc_disk(set, data);
#endif
	if (IS_ERR(gd))
		return gd;
	blk_queue_logical_block_size(gd->queue, l->block_size);
	blk_queue_physical_block_size(gd->queue, l->block_size);
	blk_queue_max_hw_sectors(gd->queue, l->max_sectors);
	blk_queue_max_segments(gd->queue, USHRT_MAX);
	blk_queue_max_segment_size(gd->queue, UINT_MAX);
	blk_queue_max_discard_sectors(gd->queue, l->discard);
	blk_queue_max_write_zeroes_sectors(gd->queue, l->zeroes);
	gd->queue->limits.discard_granularity = l->discard ? l->block_size : 0;
	blk_queue_write_cache(gd->queue, l->cache, l->cache && l->fua);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, gd->queue);
	return gd;
#endif
}

#endif /* XSEG_KERNEL_COMPAT_H */
