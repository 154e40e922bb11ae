// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The device of the kernel module: how kernel peers are signalled, and how
 * they come into a segment.
 *
 * A handle opens the device when it first needs it: to signal a descriptor of
 * a type of the kernel, or to sleep where kernel peers may signal. It maps the
 * device's page, so that the module notices when the process is gone.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xseg/ioctl.h>

#include "user/user.h"

/* Attaches an open device to the handle's segment, and maps its page. */
static int device_attach(struct xseg *xseg, int dev)
{
	struct xseg_ioc_attach arg = {
		.size = sizeof(arg),
		.flags = XSEG_ATTACH_ONLY,
		.fd = segment_fd(xseg),
	};
	struct user_domain *user = user_of(xseg);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;

	if (ioctl(dev, XSEG_IOC_ATTACH, &arg))
		return -errno;
	page = mmap(NULL, size, PROT_READ, MAP_SHARED, dev, 0);
	if (page == MAP_FAILED)
		return -errno;
	/* Threads may sleep that are registered with the older one. */
	if (user->device_old)
		munmap(user->device_old, size);
	user->device_old = user->device_page;
	user->device_page = page;
	return 0;
}

/*
 * Opens the device anew. What the program closed behind our back is not closed
 * again: the number may be another file's by now.
 */
static int device_open_locked(struct xseg *xseg)
{
	int dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	int ret;

	if (dev < 0)	/* -ENOENT: the segment is not attached */
		return errno == ENOENT ? -ENODEV : -errno;
	ret = device_attach(xseg, dev);
	if (ret) {
		close(dev);
		return ret;
	}
	device_forget_locked(dev);
	WRITE_ONCE(user_of(xseg)->device_opens,
		   user_of(xseg)->device_opens + 1);
	WRITE_ONCE(user_of(xseg)->device, dev);
	return 0;
}

static int device_open(struct xseg *xseg, int stale)
{
	int ret = 0;

	if (!thread_reaps())
		process_lock();
	if (READ_ONCE(user_of(xseg)->device) == stale)
		ret = device_open_locked(xseg);
	if (!thread_reaps())
		process_unlock();
	return ret;
}

/* Does this errno say that the device is not open, or not any more? */
static bool device_closed(int ret)
{
	return ret == -EBADF || ret == -ENOTTY || ret == -ENXIO;
}

static inline int device_try(struct xseg *xseg, int dev, unsigned long cmd,
			     void *arg)
{
	if (unlikely(dev < 0))
		return -EBADF;
	atomic64_inc(&xseg->calls);
	return unlikely(ioctl(dev, cmd, arg)) ? -errno : 0;
}

/* A command to a device that has to be opened first. */
static env_apart int device_call_anew(struct xseg *xseg, int dev,
				      unsigned long cmd, void *arg)
{
	int turns = 2;
	int ret;

	do {
		ret = device_open(xseg, dev);
		if (ret)
			return ret;
		dev = READ_ONCE(user_of(xseg)->device);
		ret = device_try(xseg, dev, cmd, arg);
	} while (device_closed(ret) && turns--);
	return device_closed(ret) ? -EBADF : ret;
}

/**
 * device_call() - a command to the module, about the handle's segment
 * @xseg: the handle; process_lock is held by nobody but who reaps
 * @cmd:  XSEG_IOC_*
 * @arg:  its struct
 *
 * Opens the device if need be, also if the program has closed it.
 *
 * Return: 0 or a negative errno; -ENODEV if there is no device, -ENOENT also
 * if the segment is not attached.
 */
int device_call(struct xseg *xseg, unsigned long cmd, void *arg)
{
	int dev = READ_ONCE(user_of(xseg)->device);
	int ret = device_try(xseg, dev, cmd, arg);

	return likely(!device_closed(ret)) ? ret :
	       device_call_anew(xseg, dev, cmd, arg);
}

/**
 * device_register() - tell the module how to wake a waiter
 * @xseg: the handle
 * @arg:  the command
 *
 * If that fails though kernel peers may be there, all waiters of the handle
 * look by themselves from then on, see wait_cap().
 *
 * Return: 0 or a negative errno.
 */
int device_register(struct xseg *xseg, struct xseg_ioc_register *arg)
{
	int ret = device_call(xseg, XSEG_IOC_REGISTER, arg);

	if (ret && ret != -ENOENT && ret != -ESTALE)
		WRITE_ONCE(user_of(xseg)->unwakeable, true);
	return ret;
}

/**
 * device_drop() - close what device_call() opened, at the end of a handle
 * @xseg: the handle
 */
void device_drop(struct xseg *xseg)
{
	struct user_domain *user = user_of(xseg);
	struct xseg_ioc_info arg = { .size = sizeof(arg) };
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	if (user->device_page)
		munmap(user->device_page, size);
	if (user->device_old)
		munmap(user->device_old, size);
	if (user->device >= 0 && !ioctl(user->device, XSEG_IOC_INFO, &arg))
		close(user->device);
	user->device = -1;
}

/**
 * device_wanted() - may kernel peers be in the segment?
 * @xseg: the handle
 *
 * To be asked after a waiter is announced: pairs with the module, which counts
 * before everybody is woken once, see everybody_wake().
 *
 * Return: 0; or a number that changes each time that they are let in, and each
 * time that the device is opened: what was registered before may be gone.
 */
u64 device_wanted(const struct xseg *xseg)
{
	u64 epoch = shm_load_acquire(&xseg_header(xseg)->attach_epoch);

	if (!(epoch & 1))
		return 0;
	return epoch << 16 | (u16)READ_ONCE(user_of(xseg)->device_opens);
}

/**
 * device_wake() - have the module wake who sleeps there
 * @xseg:     the handle
 * @sd:	      type-specific part of a descriptor
 * @may_open: open the device if need be; not under a lock of the handle
 *
 * Return: 0 or a negative errno.
 */
int device_wake(struct xseg *xseg, void __xseg_shared *sd, bool may_open)
{
	struct xseg_ioc_signal arg = {
		.size = sizeof(arg),
		.flags = XSEG_SIGNAL_DESC,
	};
	struct xseg_desc_id id;
	int dev, ret;

	ret = xseg_get_desc_id(xseg, sd, &id);
	if (ret)
		return ret;
	arg.desc = id.index;
	arg.gen = id.gen;
	if (may_open)
		return device_call(xseg, XSEG_IOC_SIGNAL, &arg);
	dev = READ_ONCE(user_of(xseg)->device);
	return dev >= 0 && !ioctl(dev, XSEG_IOC_SIGNAL, &arg) ? 0 : -EBADF;
}

/**
 * device_signal() - ->signal() of types with XSEG_SIGNAL_BY_DEVICE
 * @xseg: the handle
 * @sd:	  type-specific part of a descriptor
 *
 * Return: 0, -ESRCH, or as device_call().
 */
int device_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	__u64 token;
	int ret;

	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	ret = device_wake(xseg, sd, true);
	if (!ret)
		xseg_ec_woken(sd, token);
	return ret == -ENOTCONN ? -ESRCH : ret;
}

static int device_error(int err, const char *name)
{
	switch (err) {
	case -ENXIO:
	case -ENODEV:
		return fail(err, "there is no " XSEG_DEVICE "; load the module with 'modprobe xseg_signal'");
	case -EACCES:
		return fail(err, "you may not use " XSEG_DEVICE "; see its owner and mode");
	case -EPERM:
		return fail(err, "kernel drivers are let into a segment by root only (CAP_SYS_ADMIN)");
	case -EEXIST:
		return fail(err, "another segment is attached as '%s' already",
			    name);
	case -EFBIG:
		return fail(err, "segment '%s' is larger than the module's parameter max_mib allows",
			    name);
	case -ENOBUFS:
		return fail(err, "segment '%s' is larger than you may lock in memory; raise the limit (ulimit -l) or run with CAP_IPC_LOCK",
			    name);
	case -EBUSY:
		return fail(err, "kernel drivers are peers of segment '%s'; stop them first",
			    name);
	case -ENOENT:
		return fail(err, "segment '%s' is not attached", name);
	default:
		return fail(err, "segment '%s' cannot be attached or detached: %s",
			    name, strerror(-err));
	}
}

static int device_command(const char *name, unsigned long cmd, void *arg)
{
	int dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	int ret = 0;

	if (dev < 0)
		return device_error(errno == ENOENT ? -ENODEV : -errno, name);
	if (ioctl(dev, cmd, arg))
		ret = device_error(-errno, name);
	close(dev);
	return ret;
}

/*
 * Wakes everybody once, so that who sleeps already registers: see
 * device_wanted().
 */
static int everybody_wake(const char *name)
{
	struct xseg *xseg = xseg_join(name, 0);
	struct xseg_info info;
	xport p;

	if (!xseg)
		return -errno;
	if (!xseg_get_info(xseg, &info))
		for (p = 0; p < info.ports_used; p++)
			xseg_signal(xseg, p);
	return xseg_leave(xseg);
}

int xseg_attach(const char *name)
{
	struct xseg_ioc_attach arg = {
		.size = sizeof(arg),
		.flags = XSEG_ATTACH_KERNEL | XSEG_ATTACH_KEEP,
	};
	int ret;

	fail_clear();
	ret = name_check(name);
	if (ret)
		return ret;
	arg.fd = segment_open(name, true);
	if (arg.fd < 0)
		return arg.fd;
	memcpy(arg.name, name, strlen(name));
	ret = device_command(name, XSEG_IOC_ATTACH, &arg);
	close(arg.fd);
	return ret ? ret : everybody_wake(name);
}

int xseg_detach(const char *name)
{
	struct xseg_ioc_detach arg = {
		.size = sizeof(arg),
		.flags = XSEG_DETACH_NAME,
	};
	int ret;

	fail_clear();
	ret = name_check(name);
	if (ret)
		return ret;
	memcpy(arg.name, name, strlen(name));
	return device_command(name, XSEG_IOC_DETACH, &arg);
}
