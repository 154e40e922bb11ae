// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asks a peer, which may be a kernel driver, and prints its answers:
 *
 *	ask SEGMENT PORT TEXT...
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xseg/xseg.h>

/* Waits for the reply: announces, looks, and only then sleeps. */
static struct xseg_request *reply(struct xseg *seg, xport port,
				  struct signal_desc *sd)
{
	struct xseg_request *req;

	for (;;) {
		xseg_prepare_wait(seg, sd);
		req = xseg_receive(seg, port, 0);
		if (req)
			break;
		if (errno != EAGAIN && errno != EBUSY)
			err(1, "xseg_receive");
		xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER);
	}
	xseg_cancel_wait(seg, sd);
	return req;
}

static void ask(struct xseg *seg, xport from, xport to, struct signal_desc *sd,
		const char *text)
{
	struct xseg_request *req = xseg_get_request(seg, from, to, 0);
	int ret;

	if (!req || xseg_prep_request(seg, req, 0, strlen(text)))
		errx(1, "the segment has no room for another request");
	memcpy(xseg_get_data(seg, req), text, strlen(text));
	ret = xseg_submit(seg, req, from, XSEG_SIGNAL);
	if (ret == -ENOTCONN)
		errx(1, "nobody is bound to port %u; load the driver", to);
	if (ret < 0)
		errx(1, "xseg_submit: %s", strerror(-ret));
	req = reply(seg, from, sd);
	if (req->state != XSEG_REQ_SERVED)
		errx(1, "port %u did not answer: %s", to, strerror(req->error));
	printf("%.*s\n", (int)req->serviced, (char *)xseg_get_data(seg, req));
	xseg_put_request(seg, req);
}

int main(int argc, char **argv)
{
	struct signal_desc *sd;
	struct xseg *seg;
	int port, to, i;

	if (argc < 4)
		errx(2, "usage: ask SEGMENT PORT TEXT...");
	seg = xseg_join(argv[1], 0);
	if (!seg)
		errx(1, "%s", xseg_last_error());
	if (xseg_local_signal_init(seg, "futex"))
		errx(1, "%s", xseg_last_error());
	sd = xseg_get_signal_desc(seg, "futex");
	port = sd ? xseg_bind_port(seg, NoPort, sd) : -errno;
	if (port < 0)
		errx(1, "no port for the replies: %s", strerror(-port));
	to = atoi(argv[2]);
	if (port == to)		/* any free port: it was */
		errx(1, "nobody is bound to port %d; load the driver", to);
	for (i = 3; i < argc; i++)
		ask(seg, (xport)port, (xport)to, sd, argv[i]);
	return -xseg_leave(seg);
}
