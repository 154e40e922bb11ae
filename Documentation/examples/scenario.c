// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The typical usage scenario of the design document, step by step. The parent
 * is the peer of the document; a child asks it two things: one before it looks
 * for work, one when it sleeps.
 *
 *	scenario [TYPE]		of its signal descriptor; default: futex
 */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/xseg.h>

enum { CLIENT = 0, SERVER = 1 };	/* ports */

static struct xseg *seg;

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(1, format, args);
	va_end(args);
}

/* Ends the program if a call returned an error. */
static int must(int ret, const char *call)
{
	if (ret < 0)
		errx(1, "%s: %s", call, *xseg_last_error() ? xseg_last_error() :
		     strerror(-ret));
	return ret;
}

static void join(int fd)
{
	seg = xseg_join_fd(fd, XSEG_JOIN_PLUGINS);
	if (!seg)
		errx(1, "xseg_join_fd: %s", xseg_last_error());
}

/* The child: asks, tells so through a pipe, and waits for the answer. */
static void ask(struct signal_desc *sd, const char *text, int submitted)
{
	struct xseg_request *req = xseg_get_request(seg, CLIENT, SERVER, 0);

	if (!req)
		err(1, "xseg_get_request");
	must(xseg_prep_request(seg, req, 0, strlen(text) + 1),
	     "xseg_prep_request");
	memcpy(xseg_get_data(seg, req), text, strlen(text) + 1);
	say("\t\t\t\t\tclient: submits \"%s\"\n", text);
	must(xseg_submit(seg, req, CLIENT, XSEG_SIGNAL), "xseg_submit");
	if (write(submitted, "", 1) != 1)
		err(1, "write");
	while (must(xseg_prepare_wait(seg, sd), "xseg_prepare_wait"),
	       !(req = xseg_receive(seg, CLIENT, 0)))
		must(xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER),
		     "xseg_wait_signal");
	must(xseg_cancel_wait(seg, sd), "xseg_cancel_wait");
	must(xseg_put_request(seg, req), "xseg_put_request");
}

static int client(int fd, int submitted)
{
	struct xseg_port_info info = { .asleep = 0 };
	struct signal_desc *sd;

	join(fd);	/* the parent's handle is not the child's */
	must(xseg_local_signal_init(seg, "futex"), "xseg_local_signal_init");
	sd = xseg_get_signal_desc(seg, "futex");
	if (!sd)
		err(1, "xseg_get_signal_desc");
	must(xseg_bind_port(seg, CLIENT, sd), "xseg_bind_port");
	ask(sd, "first", submitted);
	while (!info.asleep)	/* so that the second one has to wake it */
		must(xseg_get_port_info(seg, SERVER, &info),
		     "xseg_get_port_info");
	ask(sd, "second", submitted);
	return -xseg_leave(seg);
}

/* 6. */
static void serve(struct xseg_request *req)
{
	say("6. process request: \"%s\"\n", (char *)xseg_get_data(seg, req));
	req->serviced = req->datalen;
	req->state = XSEG_REQ_SERVED;
	must(xseg_respond(seg, req, SERVER, XSEG_SIGNAL), "xseg_respond");
}

static void server(const char *type, int fd)
{
	struct xseg_request *req;
	struct signal_desc *sd;
	int submitted[2];
	char c;

	/* 1. Initialize signal receiving for a signal type. */
	must(xseg_local_signal_init(seg, type), "xseg_local_signal_init");
	say("1. ready to receive signals of type %s\n", type);

	/* 2. Get a new signal descriptor for the signal type (sd). */
	sd = xseg_get_signal_desc(seg, type);
	if (!sd)
		err(1, "xseg_get_signal_desc");
	say("2. got a signal descriptor\n");

	/* "It must provide each port it binds to with a signal descriptor." */
	must(xseg_bind_port(seg, SERVER, sd), "xseg_bind_port");
	say("   bound port %d with it\n", SERVER);
	if (pipe(submitted))
		err(1, "pipe");
	if (!fork())
		_exit(client(fd, submitted[1]));
	close(submitted[1]);
	if (read(submitted[0], &c, 1) != 1)
		errx(1, "the client failed");

	/* 3. Prepare waiting on the signal descriptor. */
	must(xseg_prepare_wait(seg, sd), "xseg_prepare_wait");
	say("3. prepared waiting\n");

	/* 4. Accept new request. */
	req = xseg_accept(seg, SERVER, 0);
	if (!req)
		err(1, "xseg_accept");
	say("4. accepted a request\n");

	/* 5. Cancel waiting on the signal descriptor. */
	must(xseg_cancel_wait(seg, sd), "xseg_cancel_wait");
	say("5. cancelled waiting\n");

	/* 6. Process request. */
	serve(req);

	/* 7. Prepare waiting on the signal descriptor. */
	must(xseg_prepare_wait(seg, sd), "xseg_prepare_wait");
	say("7. prepared waiting\n");

	/* Step 4 again, and there is none: only now it is safe to sleep. */
	req = xseg_accept(seg, SERVER, 0);

	/* 8. Wait on the signal descriptor. */
	say("8. waiting\n");
	while (!req) {
		must(xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER),
		     "xseg_wait_signal");
		must(xseg_prepare_wait(seg, sd), "xseg_prepare_wait");
		req = xseg_accept(seg, SERVER, 0);
	}
	must(xseg_cancel_wait(seg, sd), "xseg_cancel_wait");
	say("   woken; and so on from 4.\n");

	/* ... */
	serve(req);
	must(xseg_release_port(seg, SERVER), "xseg_release_port");
	say("...\n   released the port\n");

	/* 9. Put the signal descriptor. */
	must(xseg_put_signal_desc(seg, sd), "xseg_put_signal_desc");
	say("9. put the signal descriptor\n");

	/* 10. Quit the signal type. */
	must(xseg_local_signal_quit(seg, type), "xseg_local_signal_quit");
	say("10. quit the signal type\n");
}

int main(int argc, char **argv)
{
	int fd = xseg_create_fd(NULL);
	int status;

	must(fd, "xseg_create_fd");
	join(fd);
	server(argc > 1 ? argv[1] : "futex", fd);
	must(xseg_leave(seg), "xseg_leave");
	return wait(&status) < 0 || status;
}
