// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type eventfd-bridge: a kernel peer that is woken by write(2) on an
 * eventfd, also by processes that know nothing of segments.
 *
 * Modules cannot make eventfds. The first process that has to signal makes one
 * and gives it (XSEG_BRIDGE_PUT), the others ask for it. The module hangs an
 * entry of its own into the eventfd's wait queue: a write runs bridge_wake(),
 * which empties the counter, so that no writer ever finds it full, and wakes
 * the peer. While it hangs there the module holds the file, so that the entry
 * leaves the queue before the queue goes.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "kernel/compat.h"
#include "kernel/trace.h"
#include "kernel/waker.h"

/**
 * struct bridge - what is private of a descriptor of this type
 * @xseg:  handle of the peer that waits
 * @waker: how it is woken; a reference
 * @index: of the descriptor
 * @gen:   of the descriptor
 * @file:  the eventfd, NULL if none was given yet
 * @ctx:   of it; a reference
 * @head:  its wait queue
 * @entry: in there
 *
 * Those of the eventfd change under segment->bridges_lock. The entry is used
 * under the lock of @head, and all others are constant while it is in there.
 */
struct bridge {
	struct xseg *xseg;
	struct waker *waker;
	u32 index;
	u32 gen;
	struct file *file;
	struct eventfd_ctx *ctx;
	wait_queue_head_t *head;
	wait_queue_entry_t entry;
};

/* Somebody wrote. The eventfd's lock is held, interrupts are off. */
static int bridge_wake(wait_queue_entry_t *entry, unsigned int mode, int sync,
		       void *key)
{
	struct bridge *bridge = container_of(entry, struct bridge, entry);
	u64 count;

	if (!(key_to_poll(key) & EPOLLIN))
		return 0;
	eventfd_ctx_do_read(bridge->ctx, &count);
	if (trace_xseg_signal_enabled())
		trace_signalled(bridge->xseg, bridge->index);
	rcu_read_lock();
	waker_wake(bridge->waker, false);
	rcu_read_unlock();
	return 0;
}

/**
 * struct finder - a poll that only wants to know the wait queue
 * @table: for vfs_poll()
 * @head:  filled
 */
struct finder {
	poll_table table;
	wait_queue_head_t *head;
};

static void head_found(struct file *file, wait_queue_head_t *head,
		       poll_table *table)
{
	container_of(table, struct finder, table)->head = head;
}

/*
 * Does one read take but one? Such a counter, with EFD_SEMAPHORE, would be full
 * one day. Only one that stands at two tells; where others take away what is
 * counted at once it stays a guess: one that is hooked already is not such.
 * Empties all others; says in counted whether there was anything.
 */
static bool counts_down(struct eventfd_ctx *ctx, wait_queue_head_t *head,
			bool *counted)
{
	u64 first, second;
	int tries = 8;

	do {
		xseg_eventfd_signal(ctx);
		xseg_eventfd_signal(ctx);
		spin_lock_irq(&head->lock);
		eventfd_ctx_do_read(ctx, &first);
		eventfd_ctx_do_read(ctx, &second);
		spin_unlock_irq(&head->lock);
	} while (first < 2 && !second && --tries);
	*counted = first > 2;	/* those two are ours */
	return second;
}

/*
 * Hangs the entry into an eventfd, whose references become the bridge's. What
 * was counted until then was a signal, too; who found it full may go on.
 */
static int bridge_hook(struct bridge *bridge, struct file *file,
		       struct eventfd_ctx *ctx)
{
	struct finder finder = { .head = NULL };
	bool counted;
	u64 count;

	init_poll_funcptr(&finder.table, head_found);
	vfs_poll(file, &finder.table);
	if (!finder.head || counts_down(ctx, finder.head, &counted))
		return -EINVAL;
	bridge->file = file;
	bridge->ctx = ctx;
	bridge->head = finder.head;
	init_waitqueue_func_entry(&bridge->entry, bridge_wake);
	spin_lock_irq(&finder.head->lock);
	__add_wait_queue(finder.head, &bridge->entry);
	eventfd_ctx_do_read(ctx, &count);
	current->in_eventfd = 1;	/* as all who wake with this lock */
	wake_up_locked_poll(finder.head, EPOLLOUT);
	current->in_eventfd = 0;
	spin_unlock_irq(&finder.head->lock);
	rcu_read_lock();
	if (counted || count)
		waker_wake(bridge->waker, false);
	rcu_read_unlock();
	return 0;
}

static void bridge_unhook(struct bridge *bridge)
{
	if (!bridge->file)
		return;
	/* Takes the queue's lock: bridge_wake() has returned, or never runs. */
	remove_wait_queue(bridge->head, &bridge->entry);
	eventfd_ctx_put(bridge->ctx);
	fput(bridge->file);
	bridge->file = NULL;
}

static struct bridge *bridge_find_locked(struct segment *seg, u32 index,
					 u32 gen)
{
	struct bridge *bridge = xa_load(&seg->bridges, index);

	return bridge && bridge->gen == gen ? bridge : NULL;
}

static int bridge_put(struct segment *seg, u32 index,
		      const struct xseg_ioc_bridge *arg)
{
	struct eventfd_ctx *ctx;
	struct bridge *bridge;
	struct file *file;
	int ret = -ENOTCONN;

	file = fget(arg->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		fput(file);
		return -EINVAL;
	}
	mutex_lock(&seg->bridges_lock);
	bridge = bridge_find_locked(seg, index, arg->gen);
	if (bridge)
		ret = bridge->file ? -EEXIST : bridge_hook(bridge, file, ctx);
	mutex_unlock(&seg->bridges_lock);
	if (ret) {
		eventfd_ctx_put(ctx);
		fput(file);
	}
	return ret;
}

static int bridge_get(struct segment *seg, u32 index,
		      struct xseg_ioc_bridge *arg)
{
	struct file *file = ERR_PTR(-ENOTCONN);
	struct bridge *bridge;
	int fd;

	mutex_lock(&seg->bridges_lock);
	bridge = bridge_find_locked(seg, index, arg->gen);
	if (bridge)
		file = bridge->file ? get_file(bridge->file) : ERR_PTR(-ENOENT);
	mutex_unlock(&seg->bridges_lock);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = xseg_receive_fd(file, O_CLOEXEC);
	fput(file);
	if (fd < 0)
		return fd;
	arg->fd = fd;
	return 0;
}

/**
 * segment_bridge() - XSEG_IOC_BRIDGE
 * @seg: the segment; client->lock of the open file is held
 * @arg: the command; @fd may be filled
 *
 * Context: process; may sleep.
 *
 * Return: 0, or a negative errno as the command.
 */
int segment_bridge(struct segment *seg, struct xseg_ioc_bridge *arg)
{
	u32 nr = seg->view.geo.params.nr_descs;
	bool put = arg->flags == XSEG_BRIDGE_PUT;
	u32 index;

	if (arg->flags & ~XSEG_BRIDGE_PUT || arg->rsvd || (!put && arg->fd) ||
	    arg->desc >= nr)
		return -EINVAL;
	index = array_index_nospec(arg->desc, nr);
	if (!segment_intact(seg))
		return -EUCLEAN;
	return put ? bridge_put(seg, index, arg) : bridge_get(seg, index, arg);
}

/* A bridge without an eventfd, in the table. */
static int bridge_new(struct xseg *xseg, void __xseg_shared *sd, u32 index)
{
	struct segment *seg = domain_of(xseg)->segment;
	struct bridge *bridge;
	int ret;

	bridge = kzalloc(sizeof(*bridge), GFP_KERNEL);
	if (!bridge)
		return -ENOMEM;
	bridge->xseg = xseg;
	bridge->index = index;
	bridge->gen = xseg->descs[index].gen;
	bridge->waker = waker_get(xseg, sd);
	mutex_lock(&seg->bridges_lock);
	ret = xa_insert(&seg->bridges, index, bridge, GFP_KERNEL);
	mutex_unlock(&seg->bridges_lock);
	if (ret) {
		waker_put(bridge->waker);
		kfree(bridge);
	}
	return ret;
}

static int bridge_init(struct xseg *xseg, void __xseg_shared *sd)
{
	u32 index;
	int ret;

	if (desc_of(xseg, sd, &index))
		return -EINVAL;
	ret = waker_init(xseg, sd);
	if (ret)
		return ret;
	ret = bridge_new(xseg, sd, index);
	if (ret)
		waker_release(xseg, sd);
	return ret;
}

static void bridge_release(struct xseg *xseg, void __xseg_shared *sd)
{
	struct segment *seg = domain_of(xseg)->segment;
	struct bridge *bridge;
	u32 index;

	if (desc_of(xseg, sd, &index))
		return;
	mutex_lock(&seg->bridges_lock);
	bridge = xa_load(&seg->bridges, index);
	if (bridge && bridge->xseg != xseg)
		bridge = NULL;
	if (bridge) {
		xa_erase(&seg->bridges, index);
		bridge_unhook(bridge);
	}
	mutex_unlock(&seg->bridges_lock);
	if (bridge)
		waker_put(bridge->waker);
	kfree(bridge);
	waker_release(xseg, sd);
}

const struct xseg_signal_type xseg_eventfd_bridge_type = {
	.ops = {
		.init_signal_desc = bridge_init,
		.quit_signal_desc = waker_quit,
		.prepare_wait = waker_prepare,
		.cancel_wait = waker_cancel,
		.wait_signal = waker_wait,
		.signal = waker_signal_peer,
		.release = bridge_release,
	},
	.name = "eventfd-bridge",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_KERNEL,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
