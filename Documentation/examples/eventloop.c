// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests in an event loop: xseg_signal_fd() in epoll, beside a timer. The
 * parent serves; a child sends it requests at its leisure.
 *
 *	eventloop [TYPE]	one that has a file to poll; default: eventfd
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/xseg.h>

enum { CLIENT = 0, SERVER = 1 };	/* ports */
enum { ADD = 1, STOP = 2 };		/* operations */

#define REQUESTS	20

static struct xseg *seg;
static struct signal_desc *sd;

static void join(int fd, const char *type, xport portno)
{
	seg = xseg_join_fd(fd, XSEG_JOIN_PLUGINS);
	if (!seg || xseg_local_signal_init(seg, type))
		errx(1, "%s", xseg_last_error());
	sd = xseg_get_signal_desc(seg, type);
	if (!sd || xseg_bind_port(seg, portno, sd) < 0)
		errx(1, "port %u cannot be bound", portno);
}

static void send_request(uint32_t op, uint64_t number)
{
	struct xseg_request *req = xseg_get_request(seg, CLIENT, SERVER, 0);

	if (!req)
		err(1, "xseg_get_request");
	req->op = op;
	req->offset = number;
	if (xseg_submit(seg, req, CLIENT, XSEG_SIGNAL) < 0)
		errx(1, "the server is gone");
	while (xseg_prepare_wait(seg, sd),
	       !(req = xseg_receive(seg, CLIENT, 0)))
		xseg_wait_signal(seg, sd, XSEG_WAIT_FOREVER);
	xseg_cancel_wait(seg, sd);
	if (req->state != XSEG_REQ_SERVED)
		errx(1, "request failed: %s", strerror(req->error));
	xseg_put_request(seg, req);
}

static int client(int fd)
{
	int i;

	join(fd, "futex", CLIENT);	/* any type does, on either side */
	for (i = 1; i <= REQUESTS; i++) {
		send_request(ADD, i);
		if (i % 5 == 0)
			usleep(20000);
	}
	send_request(STOP, 0);
	return -xseg_leave(seg);
}

/* Serves what is there; false when told to stop. */
static bool serve(uint64_t *sum)
{
	struct xseg_request *req;
	bool more = true;

	while ((req = xseg_accept(seg, SERVER, 0))) {
		if (req->op == ADD)
			*sum += req->offset;
		else
			more = false;
		req->state = XSEG_REQ_SERVED;
		xseg_respond(seg, req, SERVER, XSEG_SIGNAL);
	}
	return more;
}

static int timer_new(void)
{
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL))
		err(1, "timerfd");
	return fd;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0)
		errx(1, "nothing to poll: %s", strerror(-fd));
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		err(1, "epoll_ctl");
}

static void loop(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), timer = timer_new();
	uint64_t sum = 0, ticks = 0, n;
	struct epoll_event ev;

	watch(ep, xseg_signal_fd(seg, sd));
	watch(ep, timer);
	for (;;) {
		xseg_prepare_wait(seg, sd);
		if (!serve(&sum))
			break;
		/* Nothing left to do: now it is safe to sleep. */
		if (epoll_wait(ep, &ev, 1, -1) == 1 && ev.data.fd == timer &&
		    read(timer, &n, sizeof(n)) == sizeof(n))
			ticks += n;
		xseg_cancel_wait(seg, sd);	/* unreadable again */
	}
	xseg_cancel_wait(seg, sd);
	printf("%d requests, sum %llu; the timer ticked meanwhile: %s\n",
	       REQUESTS, (unsigned long long)sum, ticks ? "yes" : "no");
	close(timer);
	close(ep);
}

int main(int argc, char **argv)
{
	int fd = xseg_create_fd(NULL);
	int status;

	if (fd < 0)
		errx(1, "%s", xseg_last_error());
	join(fd, argc > 1 ? argv[1] : "eventfd", SERVER);
	if (!fork())
		_exit(client(fd));
	loop();
	xseg_leave(seg);
	return wait(&status) < 0 || status;
}
