// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <err.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xseg/xseg.h>

static struct xseg *seg;
static struct signal_desc *sd;

static void join(int fd, xport port)	/* become a peer, with one port */
{
	seg = xseg_join_fd(fd, 0);
	xseg_local_signal_init(seg, "futex");
	sd = xseg_get_signal_desc(seg, "futex");
	if (xseg_bind_port(seg, port, sd) < 0)
		errx(1, "%s", xseg_last_error());
}

static struct xseg_request *next(xport port,	/* sleep until there is one */
	struct xseg_request *(*take)(struct xseg *, xport, unsigned int))
{
	struct xseg_request *req;

	while (xseg_prepare_wait(seg, sd), !(req = take(seg, port, 0)))
		xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER);
	xseg_cancel_wait(seg, sd);
	return req;
}

int main(void)
{
	int fd = xseg_create_fd(NULL);		/* a segment without a name */
	struct xseg_request *req;

	join(fd, 1);
	if (!fork()) {				/* the child asks port 1 */
		join(fd, 0);
		req = xseg_get_request(seg, 0, 1, 0);
		xseg_prep_request(seg, req, 0, 64);
		snprintf(xseg_get_data(seg, req), 64, "anybody there?");
		xseg_submit(seg, req, 0, XSEG_SIGNAL);
		req = next(0, xseg_receive);
		dprintf(1, "answer: %s\n", (char *)xseg_get_data(seg, req));
		return -xseg_leave(seg);
	}
	req = next(1, xseg_accept);		/* the parent answers */
	dprintf(1, "asked:  %s\n", (char *)xseg_get_data(seg, req));
	snprintf(xseg_get_data(seg, req), 64, "yes, port 1");
	req->state = XSEG_REQ_SERVED;
	xseg_respond(seg, req, 1, XSEG_SIGNAL);
	wait(NULL);
	return -xseg_leave(seg);
}
