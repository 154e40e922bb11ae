// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xseg/xseg.h>

int main(void)
{
	int fd = xseg_create_fd(NULL), asks = !fork();	/* the child asks */
	struct xseg *seg = xseg_join_fd(fd, 0);		/* two peers */
	struct xseg_request *req;
	struct signal_desc *sd;

	xseg_local_signal_init(seg, "futex");
	sd = xseg_get_signal_desc(seg, "futex");
	xseg_bind_port(seg, asks ? 0 : 1, sd);
	if (asks) {
		req = xseg_get_request(seg, 0, 1, 0);
		xseg_prep_request(seg, req, 0, 64);
		snprintf(xseg_get_data(seg, req), 64, "anybody there?");
		while (xseg_submit(seg, req, 0, XSEG_SIGNAL) < 0)
			usleep(1000);			/* not bound yet */
	}
	while (xseg_prepare_wait(seg, sd),		/* announce, look, */
	       !(req = asks ? xseg_receive(seg, 0, 0) : xseg_accept(seg, 1, 0)))
		xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER);	/* sleep */
	xseg_cancel_wait(seg, sd);
	dprintf(1, "%s\n", (char *)xseg_get_data(seg, req));
	if (!asks) {
		snprintf(xseg_get_data(seg, req), 64, "yes, port 1");
		req->state = XSEG_REQ_SERVED;
		xseg_respond(seg, req, 1, XSEG_SIGNAL);
		wait(NULL);
	}
	return -xseg_leave(seg);
}
