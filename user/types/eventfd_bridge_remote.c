// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type eventfd-bridge, from a process: write(2) on an eventfd that wakes
 * the kernel peer. The first process that signals makes the eventfd and gives
 * it to the module, the others get it from there.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include <xseg/ioctl.h>

#include "user/user.h"

static int bridge_get(struct xseg *xseg, u32 desc, u32 gen)
{
	struct xseg_ioc_bridge arg = {
		.size = sizeof(arg),
		.desc = desc,
		.gen = gen,
	};
	int ret = device_call(xseg, XSEG_IOC_BRIDGE, &arg);

	return ret ? ret : arg.fd;
}

static int bridge_make(struct xseg *xseg, u32 desc, u32 gen)
{
	struct xseg_ioc_bridge arg = {
		.size = sizeof(arg),
		.flags = XSEG_BRIDGE_PUT,
		.desc = desc,
		.gen = gen,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	int ret;

	if (arg.fd < 0)
		return -errno;
	ret = device_call(xseg, XSEG_IOC_BRIDGE, &arg);
	if (!ret)
		return arg.fd;
	close(arg.fd);
	return ret;
}

/* A new file descriptor of the eventfd, or a negative errno. */
static int bridge_open_desc(struct xseg *xseg, u32 desc, u32 gen)
{
	int ret = bridge_get(xseg, desc, gen);

	if (ret == -ENOENT)
		ret = bridge_make(xseg, desc, gen);
	if (ret == -EEXIST)	/* another was faster */
		ret = bridge_get(xseg, desc, gen);
	return ret;
}

static int bridge_open(struct xseg *xseg, void __xseg_shared *sd,
		       const struct xseg_desc_id *id)
{
	(void)sd;
	return bridge_open_desc(xseg, id->index, id->gen);
}

static int bridge_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	static const struct xseg_fd_source source = { .open = bridge_open };
	int ret = xseg_fd_signal(xseg, sd, &source);

	return ret == -ENOTCONN ? -ESRCH : ret;
}

/* The kernel peer is gone, or its module wakes it. */
static void bridge_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
}

const struct xseg_signal_type xseg_eventfd_bridge_type = {
	.ops = {
		.quit_signal_desc = bridge_quit,
		.signal = bridge_signal,
	},
	.name = "eventfd-bridge",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_KERNEL,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};

int xseg_get_bridge_fd(struct xseg *xseg, xport portno)
{
	u64 tagged;
	u32 index;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!port_valid(xseg, portno))
		return -EINVAL;
	tagged = shm_load_acquire(&xseg_port(xseg, portno)->signal_desc);
	if (!tagged)
		return -ENOTCONN;
	if (desc_index(xseg, XPTR_OFF(tagged), &index))
		return -EUCLEAN;
	if (type_by_id(xseg, shm_read(&xseg_desc(xseg, index)->desc.type)) !=
	    &xseg_eventfd_bridge_type)
		return -EOPNOTSUPP;
	return bridge_open_desc(xseg, index, XPTR_GEN(tagged));
}
