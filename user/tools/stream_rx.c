// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Streams: from a port to a file descriptor.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* What rx_request() says beside an exit status: the stream goes on. */
#define RX_MORE		-1

static int rx_fail(struct stream_rx *rx, const char *what)
{
	if (rx->progress)
		progress_clear(rx->progress);
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	return fail("%s", what);
}

static int rx_fail_write(struct stream_rx *rx, int err)
{
	char what[128];

	if (err == EPIPE && rx->may_close) {
		rx->closed = true;
		return EXIT_OK;
	}
	snprintf(what, sizeof(what), "writing: %s", err == EPIPE ?
		 "the reader of the output has closed it" : strerror(err));
	return rx_fail(rx, what);
}

/* Write it all; 0 or -errno. */
static int rx_write(struct stream_rx *rx, const char *data, uint64_t size)
{
	ssize_t len;
	int ret;

	while (size) {
		if (tool_stop())
			return -EINTR;
		len = write(rx->fd, data, size);
		if (len >= 0) {
			data += len;
			size -= len;
		} else if (errno == EAGAIN) {
			ret = fd_wait(rx->fd, POLLOUT);
			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Answer a request that is none of this stream, or no stream's. */
static int rx_refuse(struct stream_rx *rx, struct xseg_request *req, int err)
{
	port_answer(rx->port, req, err, XSEG_SIGNAL);
	return RX_MORE;
}

/* The first request of a stream says whose it is. */
static void rx_begin(struct stream_rx *rx, const struct xseg_request *req)
{
	struct xseg *xseg = rx->port->xseg;

	rx->begun = true;
	rx->cookie = req->cookie;
	rx->looked = now_ns();
	if (link_open(&rx->link, xseg, req->src_portno))
		rx->link = (struct tool_link){ .xseg = xseg };
	progress_tick(rx->progress);
}

static int rx_data(struct stream_rx *rx, struct xseg_request *req)
{
	unsigned int flags = req->flags & STREAM_ACK ? XSEG_SIGNAL : 0;
	const char *data = xseg_get_data(rx->port->xseg, req);
	uint64_t size = req->size;
	int ret;

	if (!data || !size || size > req->datalen)
		return rx_refuse(rx, req, -EINVAL);
	ret = rx_write(rx, data, size);
	if (ret) {
		port_answer(rx->port, req, tool_stop() ? -ECONNRESET : ret,
			    XSEG_SIGNAL);
		return rx_fail_write(rx, -ret);
	}
	rx->offset += size;
	req->serviced = size;
	flow_add(rx->flow, size);
	progress_tick(rx->progress);
	ret = port_answer(rx->port, req, 0, flags);
	return ret ? rx_fail(rx, strerror(-ret)) : RX_MORE;
}

/* Do what a request says; an exit status, or RX_MORE. */
static int rx_request(struct stream_rx *rx, struct xseg_request *req)
{
	__u32 op = req->op;

	if (op != STREAM_DATA && op != STREAM_END && op != STREAM_ABORT)
		return rx_refuse(rx, req, -EOPNOTSUPP);
	if (!rx->begun && req->offset) /* its receiver was another one */
		return rx_refuse(rx, req, -ECONNRESET);
	if (!rx->begun)
		rx_begin(rx, req);
	if (req->cookie != rx->cookie)
		return rx_refuse(rx, req, -EBUSY);
	if (req->offset != rx->offset) {
		port_answer(rx->port, req, -EPROTO, XSEG_SIGNAL);
		return rx_fail(rx, "a part of the stream is missing");
	}
	if (op == STREAM_DATA)
		return rx_data(rx, req);
	req->serviced = req->size;
	port_answer(rx->port, req, 0, XSEG_SIGNAL);
	if (op == STREAM_END)
		return EXIT_OK;
	return rx_fail(rx, "the sender gave up; what came is not complete");
}

/* Whether the sender is gone; looks once a second. */
static bool rx_sender_gone(struct stream_rx *rx)
{
	uint64_t now = now_ns();

	if (!rx->begun || now - rx->looked < NSEC_PER_SEC)
		return false;
	rx->looked = now;
	return !link_alive(&rx->link);
}

/*
 * The next request, or NULL and *status says how it ends. What the sender
 * submitted before it went is there when it is seen to be gone: look for
 * requests after that, and only then believe that there are no more.
 */
static struct xseg_request *rx_next(struct stream_rx *rx, int *status)
{
	uint64_t start = now_ns();
	struct xseg_request *req;
	bool stop, gone;

	for (;;) {
		req = port_take(rx->port, xseg_accept);
		if (req)
			return req;
		if (errno != EAGAIN && errno != ETIMEDOUT && errno != EINTR) {
			*status = rx_fail(rx, strerror(errno));
			return NULL;
		}
		if (tool_stop()) {
			*status = rx_fail(rx, "");
			return NULL;
		}
		progress_tick(rx->begun ? rx->progress : NULL);
		stop = __atomic_load_n(&rx->stop, __ATOMIC_ACQUIRE);
		gone = rx_sender_gone(rx);
		if (stop || gone) {
			req = xseg_accept(rx->port->xseg, rx->port->portno, 0);
			if (req)
				return req;
			rx->closed = stop;
			*status = stop ? EXIT_OK : rx_fail(rx, "the sender "
				"died; what came is not complete");
			return NULL;
		}
		if (!rx->begun && rx->wait_ns &&
		    now_ns() - start >= rx->wait_ns) {
			fail("no stream came in time");
			*status = EXIT_TIMEOUT;
			return NULL;
		}
	}
}

/**
 * stream_rx_run() - write what comes to the port, to the end of the stream
 * @rx: the stream
 *
 * Return: EXIT_OK, or another status and it was said why
 */
int stream_rx_run(struct stream_rx *rx)
{
	struct xseg_request *req;
	int status = EXIT_OK;

	fd_speed_up(rx->fd);
	for (;;) {
		req = rx_next(rx, &status);
		if (!req)
			return status;
		status = rx_request(rx, req);
		if (status != RX_MORE)
			return status;
	}
}
