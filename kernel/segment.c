// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which segments are attached. A segment is known by its inode, so that
 * several open files of the device have the same one.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pagemap.h>

#include "kernel/trace.h"

/* Guards the list, and what struct segment says. */
static DEFINE_MUTEX(segments_lock);
static LIST_HEAD(segments);

/*
 * Tells processes that kernel peers may be there, or cannot be: odd, and each
 * time another number; or even. Pairs with device_wanted() in libxseg-user.
 */
static void epoch_move(struct segment *seg, bool in)
{
	__u64 __xseg_shared *epoch = &xseg_header(&seg->view)->attach_epoch;
	u64 e = shm_read(epoch);

	shm_store_release(epoch, in ? (e | 1) + 2 : e & ~1ULL);
	smp_mb();	/* whoever sleeps is woken after */
}

static void segment_free(struct kref *ref)
{
	struct segment *seg = container_of(ref, struct segment, ref);

	list_del(&seg->link);
	mutex_unlock(&segments_lock);
	if (seg->attached) {
		epoch_move(seg, false);
		cancel_delayed_work_sync(&seg->tick);
		sleepers_free(seg);
		segment_give(seg);
	}
	xa_destroy(&seg->bridges);
	mutex_destroy(&seg->regs_lock);
	mutex_destroy(&seg->reap_lock);
	mutex_destroy(&seg->bridges_lock);
	mutex_destroy(&seg->lock);
	kfree(seg);
}

/**
 * segment_put() - drop a reference
 * @seg: the segment; gone with the last one
 *
 * May sleep.
 */
void segment_put(struct segment *seg)
{
	kref_put_mutex(&seg->ref, segment_free, &segments_lock);
}

/* The segment of an inode, a new one if need be; with a reference. */
static struct segment *segment_get(struct inode *inode, bool only)
{
	struct segment *seg, *new = NULL;

	if (!only)
		new = kzalloc(sizeof(*new), GFP_KERNEL);
	mutex_lock(&segments_lock);
	list_for_each_entry(seg, &segments, link) {
		if (seg->inode == inode) {
			kref_get(&seg->ref);
			goto unlock;
		}
	}
	seg = new;
	if (!seg) {
		seg = ERR_PTR(only ? -ENOENT : -ENOMEM);
		goto unlock;
	}
	new = NULL;
	seg->inode = inode;
	kref_init(&seg->ref);
	mutex_init(&seg->lock);
	mutex_init(&seg->reap_lock);
	mutex_init(&seg->regs_lock);
	INIT_DELAYED_WORK(&seg->tick, segment_tick);
	mutex_init(&seg->bridges_lock);
	xa_init(&seg->bridges);
	list_add_tail(&seg->link, &segments);
unlock:
	mutex_unlock(&segments_lock);
	kfree(new);
	return seg;
}

/* Waits for who is attaching it; attaches it if nobody has. */
static int segment_ready(struct segment *seg, struct file *file, bool only)
{
	int ret = 0;

	if (mutex_lock_killable(&seg->lock))
		return -EINTR;
	if (!seg->attached) {
		ret = only ? -ENOENT : segment_take(seg, file);
		seg->attached = !ret;
	}
	mutex_unlock(&seg->lock);
	if (!ret && !segment_intact(seg))
		ret = -EUCLEAN;
	return ret;
}

static struct segment *segment_find_locked(const char *name)
{
	struct segment *seg;

	list_for_each_entry(seg, &segments, link)
		if (!strcmp(seg->name, name))
			return seg;
	return NULL;
}

/* Lets kernel peers in under a name. */
static int segment_open_up(struct segment *seg, const char *name, bool keep)
{
	struct segment *other;
	int ret = 0;

	mutex_lock(&segments_lock);
	other = segment_find_locked(name);
	if ((other && other != seg) ||
	    (seg->name[0] && strcmp(seg->name, name))) {
		ret = -EEXIST;
		goto unlock;
	}
	strscpy(seg->name, name, sizeof(seg->name));
	seg->nr_named++;
	if (keep && !seg->kept) {
		seg->kept = true;
		seg->nr_named++;
		kref_get(&seg->ref);
		__module_get(THIS_MODULE);
	}
	epoch_move(seg, true);
unlock:
	mutex_unlock(&segments_lock);
	return ret;
}

static void close_name_locked(struct segment *seg)
{
	if (!--seg->nr_named)
		seg->name[0] = 0;
}

/**
 * segment_close_name() - an open file that let kernel peers in does so no more
 * @seg: the segment
 *
 * With the last one, kernel peers that are in stay, but no more come.
 */
void segment_close_name(struct segment *seg)
{
	mutex_lock(&segments_lock);
	close_name_locked(seg);
	mutex_unlock(&segments_lock);
}

static bool name_valid(const char *name)
{
	size_t i;

	for (i = 0; i < XSEG_NAME_SIZE && name[i]; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      (c == '.' && i)))
			return false;
	}
	return i && i < XSEG_NAME_SIZE;
}

static int attach_check(const struct xseg_ioc_attach *arg)
{
	if (arg->rsvd || arg->flags & ~XSEG_ATTACH_FLAGS)
		return -EINVAL;
	if (!(arg->flags & XSEG_ATTACH_KERNEL))
		return arg->flags & XSEG_ATTACH_KEEP ||
		       memchr_inv(arg->name, 0, sizeof(arg->name)) ?
		       -EINVAL : 0;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return name_valid(arg->name) ? 0 : -EINVAL;
}

static int segment_set_up(struct segment *seg, struct file *file,
			  const struct xseg_ioc_attach *arg)
{
	int ret;

	ret = segment_ready(seg, file, arg->flags & XSEG_ATTACH_ONLY);
	if (!ret && arg->flags & XSEG_ATTACH_KERNEL)
		ret = segment_open_up(seg, arg->name,
				      arg->flags & XSEG_ATTACH_KEEP);
	return ret;
}

/**
 * segment_attach() - XSEG_IOC_ATTACH
 * @arg: the command
 *
 * Context: process, no lock but client->lock. May sleep.
 *
 * Return: the segment with a reference, or an ERR_PTR().
 */
struct segment *segment_attach(const struct xseg_ioc_attach *arg)
{
	struct segment *seg;
	struct file *file;
	int ret;

	ret = attach_check(arg);
	if (ret)
		return ERR_PTR(ret);
	file = fget(arg->fd);
	if (!file)
		return ERR_PTR(-EBADF);
	ret = segment_file_check(file);
	if (ret) {
		fput(file);
		return ERR_PTR(ret);
	}
	seg = segment_get(file_inode(file), arg->flags & XSEG_ATTACH_ONLY);
	if (!IS_ERR(seg)) {
		ret = segment_set_up(seg, file, arg);
		if (ret) {
			segment_put(seg);
			seg = ERR_PTR(ret);
		}
	}
	fput(file);
	return seg;
}

/**
 * segment_unkeep() - undo XSEG_ATTACH_KEEP
 * @name: what it is attached as
 *
 * Context: process; may sleep.
 *
 * Return: 0, -EINVAL, -EPERM, -ENOENT or -EBUSY (kernel peers).
 */
int segment_unkeep(const char *name)
{
	struct segment *seg;
	int ret = 0;

	if (!name_valid(name))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&segments_lock);
	seg = segment_find_locked(name);
	if (!seg || !seg->kept)
		ret = -ENOENT;
	else if (seg->nr_peers)
		ret = -EBUSY;
	if (!ret) {
		seg->kept = false;
		close_name_locked(seg);
	}
	mutex_unlock(&segments_lock);
	if (!ret) {
		segment_put(seg);
		module_put(THIS_MODULE);
	}
	return ret;
}

/**
 * segment_enter() - a segment that a kernel peer joins
 * @name: what it is attached as
 *
 * Context: process; may sleep.
 *
 * Return: the segment with a reference, for segment_exit(), or an ERR_PTR().
 */
struct segment *segment_enter(const char *name)
{
	struct segment *seg;

	if (!name || !name[0])
		return ERR_PTR(-EINVAL);
	mutex_lock(&segments_lock);
	seg = segment_find_locked(name);
	if (seg) {
		kref_get(&seg->ref);
		seg->nr_peers++;
	}
	mutex_unlock(&segments_lock);
	if (!seg)
		return ERR_PTR(-ENOENT);
	if (segment_intact(seg))
		return seg;
	segment_exit(seg);
	return ERR_PTR(-EUCLEAN);
}

/**
 * segment_exit() - undo segment_enter()
 * @seg: the segment
 */
void segment_exit(struct segment *seg)
{
	mutex_lock(&segments_lock);
	seg->nr_peers--;
	mutex_unlock(&segments_lock);
	segment_put(seg);
}

/**
 * segment_intact() - does the kernel still see what the users see?
 * @seg: an attached segment
 *
 * Finds a file that was truncated, and one whose header was punched out: the
 * users then have other pages. Any context. Once false it stays so.
 *
 * Return: true if so.
 */
bool segment_intact(struct segment *seg)
{
	if (unlikely(READ_ONCE(seg->dead)))
		return false;
	if (likely(i_size_read(seg->inode) >= (loff_t)seg->view.geo.size &&
		   READ_ONCE(page_folio(seg->pages[0])->mapping) ==
		   seg->file->f_mapping))
		return true;
	WRITE_ONCE(seg->dead, true);
	trace_xseg_broken(seg, -1, "file");
	return false;
}

/**
 * segments_show() - all segments, for people
 * @m: where to
 */
void segments_show(struct seq_file *m)
{
	struct segment *seg;

	mutex_lock(&segments_lock);
	list_for_each_entry(seg, &segments, link) {
		seq_printf(m, "%s inode %lu bytes %llu refs %u kept %d peers %u dead %d\n",
			   seg->name[0] ? seg->name : "-", seg->inode->i_ino,
			   seg->view.geo.size, kref_read(&seg->ref), seg->kept,
			   seg->nr_peers, READ_ONCE(seg->dead));
	}
	mutex_unlock(&segments_lock);
}
