// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The device: what an open file is, and its commands.
 */
#include <linux/fdtable.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel/signal.h"

static void client_free(struct kref *ref)
{
	struct client *client = container_of(ref, struct client, ref);

	mutex_destroy(&client->lock);
	kfree(client);
}

/**
 * client_get() - take a reference
 * @client: an open file that is there; any context
 */
void client_get(struct client *client)
{
	kref_get(&client->ref);
}

/**
 * client_put() - drop a reference
 * @client: the open file; process context
 */
void client_put(struct client *client)
{
	kref_put(&client->ref, client_free);
}

static struct segment *client_segment_locked(struct client *client)
{
	return rcu_dereference_protected(client->segment,
					 lockdep_is_held(&client->lock));
}

/**
 * client_segment() - the segment of an open file
 * @client: the open file
 *
 * Any context.
 *
 * Return: the segment with a reference, or NULL.
 */
struct segment *client_segment(struct client *client)
{
	struct segment *seg;

	rcu_read_lock();
	seg = rcu_dereference(client->segment);
	if (seg)
		kref_get(&seg->ref);	/* client_detach() waits for us */
	rcu_read_unlock();
	return seg;
}

/* A process is gone, or will be: kernel peers look after it, and at it. */
static void segment_look(struct segment *seg)
{
	wakers_wake_all(seg);
	peers_reap_later(seg);
}

/* After the last close of the page; the file may live on elsewhere. */
static void client_gone(struct work_struct *work)
{
	struct client *client = container_of(work, struct client, gone);
	struct segment *seg = client_segment(client);

	if (seg) {
		segment_look(seg);
		segment_put(seg);
	}
	client_put(client);
}

static int do_info(struct client *client, void *data)
{
	struct xseg_ioc_info *arg = data;
	struct segment *seg;

	if (arg->flags)
		return -EINVAL;
	arg->abi_major = XSEG_ABI_MAJOR;
	arg->abi_minor = XSEG_ABI_MINOR;
	arg->features = XSEG_DEVICE_SIGNAL | XSEG_DEVICE_REGISTER |
			XSEG_DEVICE_WAIT | XSEG_DEVICE_BRIDGE;
	arg->max_size = min_t(u64, max_mib, U64_MAX >> 20) << 20;
	rcu_read_lock();
	seg = rcu_dereference(client->segment);
	arg->segment_size = seg ? seg->view.geo.size : 0;
	rcu_read_unlock();
	return 0;
}

static int do_attach(struct client *client, void *data)
{
	struct segment *seg;
	int ret = 0;

	if (mutex_lock_killable(&client->lock))
		return -EINTR;
	if (client_segment_locked(client)) {
		ret = -EBUSY;
		goto unlock;
	}
	seg = segment_attach(data);
	if (IS_ERR(seg)) {
		ret = PTR_ERR(seg);
		goto unlock;
	}
	client->named = ((struct xseg_ioc_attach *)data)->flags &
			XSEG_ATTACH_KERNEL;
	rcu_assign_pointer(client->segment, seg);
unlock:
	mutex_unlock(&client->lock);
	return ret;
}

/* What an open file had attached is not its any more. */
static int segment_leave(struct segment *seg)
{
	if (!seg)
		return -ENXIO;
	synchronize_rcu();	/* do_signal(), do_info(), client_segment() */
	sleepers_wake_all(seg);
	segment_look(seg);
	segment_put(seg);
	return 0;
}

/* Under client->lock, or when nobody else has the client any more. */
static struct segment *client_forget(struct client *client)
{
	struct segment *seg = rcu_dereference_protected(client->segment, true);

	if (!seg)
		return NULL;
	RCU_INIT_POINTER(client->segment, NULL);
	registrations_drop(seg, &client->regs);
	if (client->named)
		segment_close_name(seg);
	client->named = false;
	return seg;
}

static int client_detach(struct client *client)
{
	struct segment *seg;

	if (mutex_lock_killable(&client->lock))
		return -EINTR;
	seg = client_forget(client);
	mutex_unlock(&client->lock);
	return segment_leave(seg);
}

static int do_detach(struct client *client, void *data)
{
	const struct xseg_ioc_detach *arg = data;

	if (arg->flags == XSEG_DETACH_NAME)
		return segment_unkeep(arg->name);
	if (arg->flags || memchr_inv(arg->name, 0, sizeof(arg->name)))
		return -EINVAL;
	return client_detach(client);
}

/* The descriptor of a port: index and generation, as the segment says. */
static int port_desc(struct segment *seg, u32 portno, u32 *index, u32 *gen)
{
	const struct xseg *view = &seg->view;
	u64 tagged;

	if (!port_valid(view, portno))
		return -EINVAL;
	portno = array_index_nospec(portno, view->geo.params.nr_ports);
	tagged = shm_load_acquire(&xseg_port(view, portno)->signal_desc);
	if (!tagged)
		return -ENOTCONN;
	*gen = XPTR_GEN(tagged);
	return desc_index(view, XPTR_OFF(tagged), index) ? -EUCLEAN : 0;
}

static int segment_signal(struct segment *seg,
			  const struct xseg_ioc_signal *arg)
{
	u32 index = arg->desc, gen = arg->gen;
	int ret = 0;

	/* What the caller wrote, then who sleeps: pairs with sleep_first() */
	smp_mb();
	if (unlikely(!segment_intact(seg)))
		return -EUCLEAN;
	if (!(arg->flags & XSEG_SIGNAL_DESC))
		ret = port_desc(seg, arg->portno, &index, &gen);
	else if (index >= seg->view.geo.params.nr_descs)
		ret = -EINVAL;
	return ret ? ret : segment_wake(seg, index, gen);
}

static int do_signal(struct client *client, void *data)
{
	const struct xseg_ioc_signal *arg = data;
	struct segment *seg;
	int ret = -ENXIO;

	if (arg->flags & ~XSEG_SIGNAL_DESC || arg->rsvd ||
	    (arg->flags ? arg->portno : arg->desc || arg->gen))
		return -EINVAL;
	rcu_read_lock();
	seg = rcu_dereference(client->segment);
	if (seg)
		ret = segment_signal(seg, arg);
	rcu_read_unlock();
	return ret;
}

static int do_register(struct client *client, void *data)
{
	struct segment *seg;
	int ret = -ENXIO;

	if (mutex_lock_killable(&client->lock))
		return -EINTR;
	seg = client_segment_locked(client);
	if (seg)
		ret = segment_register(seg, &client->regs, data);
	mutex_unlock(&client->lock);
	return ret;
}

static int do_unregister(struct client *client, void *data)
{
	const struct xseg_ioc_unregister *arg = data;
	struct segment *seg;
	int ret = -ENXIO;

	if (arg->flags)
		return -EINVAL;
	if (mutex_lock_killable(&client->lock))
		return -EINTR;
	seg = client_segment_locked(client);
	if (seg)
		ret = segment_unregister(seg, &client->regs, arg->desc,
					 arg->gen);
	mutex_unlock(&client->lock);
	return ret;
}

static int do_bridge(struct client *client, void *data)
{
	struct segment *seg;
	int ret = -ENXIO;

	if (mutex_lock_killable(&client->lock))
		return -EINTR;
	seg = client_segment_locked(client);
	if (seg)
		ret = segment_bridge(seg, data);
	mutex_unlock(&client->lock);
	return ret;
}

/* The caller could not be told of its new descriptor. */
static void undo_bridge(void *data)
{
	const struct xseg_ioc_bridge *arg = data;

	close_fd(arg->fd);
}

union arguments {
	struct xseg_ioc_info info;
	struct xseg_ioc_attach attach;
	struct xseg_ioc_detach detach;
	struct xseg_ioc_signal signal;
	struct xseg_ioc_register reg;
	struct xseg_ioc_unregister unreg;
	struct xseg_ioc_bridge bridge;
};

/**
 * struct command - a command of the device
 * @cmd:  its number
 * @min:  bytes of its struct at the least: those of its first version
 * @size: bytes of its struct as this module knows it
 * @out:  the struct goes back to the caller
 * @run:  does it; the struct is a copy
 * @undo: takes it back, for the struct could not go back to the caller; NULL if
 *	  there is nothing to be undone
 */
struct command {
	unsigned int cmd;
	u32 min;
	u32 size;
	bool out;
	int (*run)(struct client *client, void *data);
	void (*undo)(void *data);
};

#define COMMAND(_cmd, _type, _last, _out, _run, ...) {	\
	.cmd = (_cmd),					\
	.min = offsetofend(_type, _last),		\
	.size = sizeof(_type),				\
	.out = (_out),					\
	.run = (_run),					\
	__VA_ARGS__					\
}

static const struct command commands[] = {
	COMMAND(XSEG_IOC_INFO, struct xseg_ioc_info, segment_size, true,
		do_info),
	COMMAND(XSEG_IOC_ATTACH, struct xseg_ioc_attach, name, false,
		do_attach),
	COMMAND(XSEG_IOC_DETACH, struct xseg_ioc_detach, name, false,
		do_detach),
	COMMAND(XSEG_IOC_SIGNAL, struct xseg_ioc_signal, rsvd, false,
		do_signal),
	COMMAND(XSEG_IOC_REGISTER, struct xseg_ioc_register, slot, true,
		do_register),
	COMMAND(XSEG_IOC_UNREGISTER, struct xseg_ioc_unregister, gen, false,
		do_unregister),
	COMMAND(XSEG_IOC_BRIDGE, struct xseg_ioc_bridge, rsvd, true,
		do_bridge, .undo = undo_bridge),
};

/* To put a bridge fills nothing, and cannot be taken back. */
static bool command_fills(const struct command *c, const union arguments *arg)
{
	return c->out && !(c->cmd == XSEG_IOC_BRIDGE &&
			   arg->bridge.flags & XSEG_BRIDGE_PUT);
}

static long device_ioctl(struct file *file, unsigned int cmd,
			 unsigned long addr)
{
	void __user *user = (void __user *)addr;
	const struct command *c;
	union arguments arg;
	u32 size;
	int ret;

	/* The one that is to be fast reads its struct by itself. */
	if (likely(cmd == XSEG_IOC_WAIT))
		return client_wait(file->private_data, user);
	for (c = commands; c < commands + ARRAY_SIZE(commands); c++)
		if (c->cmd == cmd)
			break;
	if (c == commands + ARRAY_SIZE(commands))
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < c->min || size > PAGE_SIZE)
		return size > PAGE_SIZE ? -E2BIG : -EINVAL;
	ret = copy_struct_from_user(&arg, c->size, user, size);
	if (ret)
		return ret;
	arg.info.size = min(size, c->size);	/* not what it may be by now */
	ret = c->run(file->private_data, &arg);
	if (!ret && command_fills(c, &arg) &&
	    copy_to_user(user, &arg, arg.info.size)) {
		ret = -EFAULT;
		if (c->undo)
			c->undo(&arg);
	}
	return ret;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return -ENOMEM;
	mutex_init(&client->lock);
	kref_init(&client->ref);
	INIT_WORK(&client->gone, client_gone);
	INIT_LIST_HEAD(&client->regs);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

/* The mapping, which holds the file, is gone. */
static int device_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;

	segment_leave(client_forget(client));
	client_put(client);
	return 0;
}

static void device_fdinfo(struct seq_file *m, struct file *file)
{
	struct client *client = file->private_data;
	struct segment *seg;

	rcu_read_lock();
	seg = rcu_dereference(client->segment);
	seq_printf(m, "xseg-mapped:\t%d\n", atomic_read(&client->mapped));
	if (seg)
		seq_printf(m, "xseg-inode:\t%lu\nxseg-bytes:\t%llu\nxseg-dead:\t%d\n",
			   seg->inode->i_ino, seg->view.geo.size,
			   READ_ONCE(seg->dead));
	rcu_read_unlock();
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.mmap = client_mmap,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = device_fdinfo,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xseg_signal",
	.fops = &device_fops,
	.mode = 0660,
};

/**
 * signal_device_register() - make /dev/xseg_signal
 *
 * Return: 0 or a negative errno.
 */
int signal_device_register(void)
{
	return misc_register(&device);
}

/**
 * signal_device_unregister() - undo signal_device_register()
 */
void signal_device_unregister(void)
{
	misc_deregister(&device);
}
