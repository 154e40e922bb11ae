// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type eventfd: sleeps in poll on an eventfd, which can as well sit in
 * epoll, io_uring or any event loop (xseg_signal_fd()).
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "user/user.h"

static int eventfd_local_init(struct xseg *xseg)
{
	return fd_server_start(xseg);
}

static void eventfd_local_quit(struct xseg *xseg)
{
	fd_server_stop(xseg);
}

static int eventfd_init(struct xseg *xseg, void __xseg_shared *sd)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	ret = xseg_fd_attach(xseg, sd, fd);
	if (ret)
		close(fd);
	return ret;
}

/* The file is its owner's, and goes with it. */
static void eventfd_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
}

/* The kernel is to know the file before it can be needed. */
static int eventfd_prepare(struct xseg *xseg, void __xseg_shared *sd)
{
	int ret = xseg_fd_prepare(xseg, sd);

	if (!ret && device_wanted(xseg))
		fd_table_device(xseg, sd);
	return ret;
}

static int eventfd_wait(struct xseg *xseg, void __xseg_shared *sd,
			u32 usec_timeout)
{
	if (device_wanted(xseg))
		fd_table_device(xseg, sd);
	return xseg_fd_wait(xseg, sd, usec_timeout);
}

static int eventfd_open(struct xseg *xseg, void __xseg_shared *sd,
			const struct xseg_desc_id *id)
{
	(void)sd;
	if (id->self)
		return fd_table_dup(xseg, id->index, id->gen);
	return fd_server_ask(xseg, id);
}

static int eventfd_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	static const struct xseg_fd_source source = { .open = eventfd_open };
	int ret = xseg_fd_signal(xseg, sd, &source);

	return ret == -ENOENT ? 0 : ret;	/* its owner has put it */
}

const struct xseg_signal_type xseg_eventfd_type = {
	.ops = {
		.init_signal_desc = eventfd_init,
		.quit_signal_desc = eventfd_quit,
		.local_signal_init = eventfd_local_init,
		.local_signal_quit = eventfd_local_quit,
		.prepare_wait = eventfd_prepare,
		.cancel_wait = xseg_fd_cancel,
		.wait_signal = eventfd_wait,
		.signal = eventfd_signal,
		.signal_fd = xseg_fd_get,
		.release = xseg_fd_release,
	},
	.name = "eventfd",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};
