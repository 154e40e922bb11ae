// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The memory of an attached segment: checked, charged, taken and mapped.
 *
 * The module opens a file of its own on the same inode. It does not keep the
 * caller's: that would keep the lock alive by which others see that the
 * caller lives. It holds the mapping writable, so that it cannot be sealed
 * against writing while the kernel writes. Truncation takes nothing away from
 * the kernel, which holds the pages, but makes it see other pages than the
 * users: segment_intact() finds that.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/shmem_fs.h>
#include <linux/vmalloc.h>

#include "kernel/signal.h"

/* Is this a file that a segment can lie in? */
static int file_check(const struct file *file)
{
	const struct inode *inode = file_inode(file);
	struct address_space *mapping = file->f_mapping;

	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EACCES;
	if (!S_ISREG(inode->i_mode) || mapping->host != inode ||
	    inode->i_mapping != mapping || !shmem_mapping(mapping))
		return -EBADMSG;
	return 0;
}

/*
 * Holds the mapping writable. Fails by itself on F_SEAL_WRITE; the other seal
 * would let kernel stores pass.
 */
static int writable_hold(struct file *file)
{
	int ret = mapping_map_writable(file->f_mapping);

	if (ret)
		return ret;
	if (!(READ_ONCE(SHMEM_I(file_inode(file))->seals) &
	      F_SEAL_FUTURE_WRITE))
		return 0;
	mapping_unmap_writable(file->f_mapping);
	return -EPERM;
}

/* Charges the caller, as other makers of pinned memory do. */
static int pages_charge(struct segment *seg)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = get_uid(current_user());
	bool free = capable(CAP_IPC_LOCK);
	long old, new;

	old = atomic_long_read(&user->locked_vm);
	do {
		new = old + (long)seg->nr_pages;
		if ((unsigned long)new > limit && !free) {
			free_uid(user);
			return -ENOBUFS;
		}
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, new));
	seg->user = user;
	return 0;
}

static void pages_uncharge(struct segment *seg)
{
	atomic_long_sub((long)seg->nr_pages, &seg->user->locked_vm);
	free_uid(seg->user);
	seg->user = NULL;
}

/*
 * Lets go of the first nr pages. They must be marked dirty: those that only
 * the kernel wrote would be lost under memory pressure.
 */
static void pages_put(struct segment *seg, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		folio_mark_dirty(page_folio(seg->pages[i]));
		put_page(seg->pages[i]);
		cond_resched();
	}
	kvfree(seg->pages);
	seg->pages = NULL;
}

static int pages_get(struct segment *seg)
{
	struct address_space *mapping = seg->file->f_mapping;
	/* New ones at least do not block the removal of memory. */
	gfp_t gfp = mapping_gfp_constraint(mapping, ~__GFP_MOVABLE);
	struct page *page;
	unsigned long i;
	int ret = 0;

	seg->pages = kvmalloc_array(seg->nr_pages, sizeof(*seg->pages),
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!seg->pages)
		return -ENOMEM;
	for (i = 0; i < seg->nr_pages; i++) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		page = shmem_read_mapping_page_gfp(mapping, i, gfp);
		if (IS_ERR(page)) {
			ret = PTR_ERR(page) == -EINVAL ? -ENODATA :
							 PTR_ERR(page);
			break;
		}
		seg->pages[i] = page;
		cond_resched();
	}
	/* Cut while we took them. */
	if (!ret && i_size_read(seg->inode) < (loff_t)seg->view.geo.size)
		ret = -ENODATA;
	if (ret)
		pages_put(seg, i);
	return ret;
}

/* Reads the header into a copy of our own and checks it. */
static int layout_read(struct segment *seg)
{
	loff_t size = i_size_read(seg->inode);
	struct xseg_header *header;
	loff_t pos = 0;
	ssize_t n;
	int ret;

	header = kzalloc(sizeof(*header), GFP_KERNEL);
	if (!header)
		return -ENOMEM;
	n = kernel_read(seg->file, header, sizeof(*header), &pos);
	if (n < 0)
		ret = (int)n;
	else if (n < (ssize_t)sizeof(*header))
		ret = -EBADMSG;
	else
		ret = header_check(header, size, &seg->view.geo);
	kfree(header);
	if (ret)
		return ret;
	if ((seg->view.geo.size - 1) >> 20 >= max_mib)
		return -EFBIG;
	seg->nr_pages = PAGE_ALIGN(seg->view.geo.size) >> PAGE_SHIFT;
	return 0;
}

/* The pages of an opened file, charged and mapped. */
static int memory_take(struct segment *seg)
{
	void *base;
	int ret;

	ret = pages_charge(seg);
	if (ret)
		return ret;
	ret = pages_get(seg);
	if (ret)
		goto err_uncharge;
	base = vmap(seg->pages, (unsigned int)seg->nr_pages, VM_MAP,
		    PAGE_KERNEL);
	if (base) {
		seg->view.base = (u8 __force __xseg_shared *)base;
		return 0;
	}
	ret = -ENOMEM;
	pages_put(seg, seg->nr_pages);
err_uncharge:
	pages_uncharge(seg);
	return ret;
}

static void tables_free(struct segment *seg)
{
	kvfree(seg->wakers);
	kvfree(seg->sleepers);
	seg->wakers = NULL;
	seg->sleepers = NULL;
}

/* The tables of who waits, and the memory. */
static int file_take(struct segment *seg)
{
	gfp_t flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	u32 nr;
	int ret;

	ret = layout_read(seg);
	if (ret)
		return ret;
	nr = seg->view.geo.params.nr_descs;
	seg->wakers = kvcalloc(nr, sizeof(*seg->wakers), flags);
	seg->sleepers = kvcalloc(nr, sizeof(*seg->sleepers), flags);
	ret = seg->wakers && seg->sleepers ? memory_take(seg) : -ENOMEM;
	if (ret)
		tables_free(seg);
	return ret;
}

/**
 * segment_take() - take the memory of a segment
 * @seg:  a segment that is not attached; its lock is held
 * @file: the caller's, which stays his
 *
 * May sleep, for seconds if the file is sparse.
 *
 * Return: 0, or a negative errno as XSEG_IOC_ATTACH.
 */
int segment_take(struct segment *seg, struct file *file)
{
	struct file *own;
	int ret;

	lockdep_assert_held(&seg->lock);
	ret = file_check(file);
	if (!ret)
		ret = writable_hold(file);
	if (ret)
		return ret;
	own = dentry_open(&file->f_path, O_RDWR | O_LARGEFILE, current_cred());
	if (IS_ERR(own)) {
		ret = PTR_ERR(own);
		goto err_unhold;
	}
	seg->file = own;
	ret = own->f_mapping == file->f_mapping ? file_take(seg) : -EBADMSG;
	if (!ret)
		return 0;
	seg->file = NULL;
	fput(own);
err_unhold:
	mapping_unmap_writable(file->f_mapping);
	return ret;
}

/**
 * segment_file_check() - may the caller attach the segment in this file?
 * @file: the file
 *
 * Return: 0, -EACCES or -EBADMSG.
 */
int segment_file_check(const struct file *file)
{
	return file_check(file);
}

/**
 * segment_give() - undo segment_take()
 * @seg: a segment that nobody uses any more
 *
 * May sleep.
 */
void segment_give(struct segment *seg)
{
	vunmap((void __force *)seg->view.base);
	pages_put(seg, seg->nr_pages);
	mapping_unmap_writable(seg->file->f_mapping);
	pages_uncharge(seg);
	fput(seg->file);
	tables_free(seg);
}
