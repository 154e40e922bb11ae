// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Streams: from a file descriptor to a port.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"

/* Why a request came back failed, or could not be submitted. */
static const struct reason tx_reasons[] = {
	{ EOWNERDEAD, "the receiver at port @ died before it took everything; "
	  "start it again and send again" },
	{ ECONNRESET, "the receiver at port @ left before it took everything; "
	  "start it again and send again" },
	{ ENOTCONN, "nobody is bound to port @ any more; start the receiver "
	  "again and send again" },
	{ EPIPE, "the receiver at port @ had its output closed" },
	{ EBUSY, "port @ is in the middle of another stream; send again when "
	  "it has ended, or use another port" },
	{ EOPNOTSUPP, "who is bound to port @ takes no streams; use a port of "
	  "'xseg recv' or 'xseg pipe'" },
	{ ENOSPC, "the receiver at port @ has no space left for its output; "
	  "make room and send again" },
	{ ENOMEM, "the segment has no room for a request to port @; use a "
	  "smaller --block, or make the segment with more --heap and "
	  "--requests" },
	{ 0, "sending to port @: %" }
};

static int tx_fail(struct stream_tx *tx, int err)
{
	char number[16];

	if (tx->progress)
		progress_clear(tx->progress);
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	snprintf(number, sizeof(number), "%u", tx->dst);
	return fail_because(tx_reasons, err, number);
}

int stream_tx_init(struct stream_tx *tx, const struct stream_args *args,
		   struct tool_port *port, xport dst, int fd)
{
	struct xseg_info info;
	int ret = xseg_get_info(port->xseg, &info);

	if (ret < 0)
		return fail("%s", strerror(-ret));
	*tx = (struct stream_tx){
		.port = port, .dst = dst, .fd = fd,
		.block = args->block, .depth = args->depth,
	};
	if (tx->block > info.params.max_data)
		tx->block = info.params.max_data;
	if (tx->depth > info.params.queue_len)
		tx->depth = info.params.queue_len;
	if (getrandom(&tx->cookie, sizeof(tx->cookie), 0) < 0)
		tx->cookie = now_ns();
	tx->idle = calloc(tx->depth, sizeof(*tx->idle));
	if (!tx->idle)
		return fail("%s", strerror(ENOMEM));
	fd_speed_up(fd);
	return EXIT_OK;
}

/* A new request with a buffer of @len bytes; NULL with errno set. */
static struct xseg_request *tx_make(struct stream_tx *tx, uint64_t len)
{
	struct xseg *xseg = tx->port->xseg;
	struct xseg_request *req;
	int ret;

	req = xseg_get_request(xseg, tx->port->portno, tx->dst, 0);
	if (!req)
		return NULL;
	ret = xseg_prep_request(xseg, req, 0, len);
	if (!ret)
		return req;
	xseg_put_request(xseg, req);
	errno = -ret;
	return NULL;
}

/* Look at an answer and keep its request; 0 or a negative errno. */
static int tx_reply(struct stream_tx *tx, struct xseg_request *req)
{
	bool failed = req->state & XSEG_REQ_FAILED ||
		      req->serviced != req->size;
	int err = req->state & XSEG_REQ_FAILED && req->error ?
		  (int)req->error : EIO;

	if (!failed && req->op == STREAM_DATA)
		flow_add(tx->flow, req->size);
	if (failed || req->op != STREAM_DATA) {
		xseg_put_request(tx->port->xseg, req);
		tx->made--;
		return failed ? -err : 0;
	}
	tx->idle[tx->nr_idle++] = req;
	return 0;
}

/* Take all answers that are there; 0 or -errno. */
static int tx_collect(struct stream_tx *tx)
{
	struct xseg_request *req;
	int ret = 0;

	while (!ret) {
		req = xseg_receive(tx->port->xseg, tx->port->portno, 0);
		if (!req)
			break;
		ret = tx_reply(tx, req);
	}
	return ret;
}

/* Take all answers that are there, after waiting for one; 0 or -errno. */
static int tx_wait(struct stream_tx *tx)
{
	struct xseg_request *req = NULL;
	int ret;

	while (!req) {
		req = port_take(tx->port, xseg_receive);
		if (!req && errno != EAGAIN && errno != ETIMEDOUT &&
		    errno != EINTR)
			return -errno;
		if (!req && tool_stop())
			return -EINTR;
		progress_tick(tx->progress);
	}
	ret = tx_reply(tx, req);
	return ret ? ret : tx_collect(tx);
}

/* A request to be filled; *reqp is it, 0 or -errno. */
static int tx_idle(struct stream_tx *tx, struct xseg_request **reqp)
{
	int ret;

	if (!tx->nr_idle && tx->made < tx->depth) {
		*reqp = tx_make(tx, tx->block);
		if (*reqp) {
			tx->made++;
			return 0;
		}
		if (!tx->made)
			return -errno;
		tx->depth = tx->made;	/* no room for more: go on with these */
	}
	while (!tx->nr_idle) {
		ret = tx_wait(tx);
		if (ret)
			return ret;
	}
	*reqp = tx->idle[--tx->nr_idle];
	return 0;
}

/* Submit; the queue is full only where several streams go to one port. */
static int tx_submit(struct stream_tx *tx, struct xseg_request *req,
		     enum stream_op op, uint64_t size)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	struct tool_port *port = tx->port;
	int ret, why;

	req->op = op;
	req->offset = tx->offset;
	req->size = size;
	req->serviced = 0;
	req->state = 0;
	req->error = 0;
	req->cookie = tx->cookie;
	req->flags = 0;
	if (op != STREAM_DATA || ++tx->unacked >= (tx->made + 3) / 4) {
		req->flags = STREAM_ACK;
		tx->unacked = 0;
	}
	for (;;) {
		ret = xseg_submit(port->xseg, req, port->portno, XSEG_SIGNAL);
		if ((ret != -EAGAIN && ret != -EBUSY) || tool_stop())
			break;
		nanosleep(&pause, NULL);
		xseg_reap(port->xseg);
	}
	if (ret < 0) {
		xseg_put_request(port->xseg, req);
		tx->made--;
		/* why nobody is there any more may stand in an answer */
		why = tx_collect(tx);
		return why ? why : ret;
	}
	tx->offset += size;
	return 0;
}

/* Bytes read into a request's buffer, 0 at the end; or -errno. */
static ssize_t tx_read(struct stream_tx *tx, void *data)
{
	ssize_t len;
	int ret;

	for (;;) {
		if (tool_stop())
			return -EINTR;
		len = read(tx->fd, data, tx->block);
		if (len >= 0)
			return len;
		if (errno == EAGAIN) {
			ret = fd_wait(tx->fd, POLLIN);
			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
}

static int tx_give_back(struct stream_tx *tx, struct xseg_request *req,
			int err)
{
	tx->idle[tx->nr_idle++] = req;
	if (!err)
		return EXIT_OK;
	if (tx->progress)
		progress_clear(tx->progress);
	if (tool_stop())
		return EXIT_SIGNAL + tool_stop();
	return fail("reading: %s", strerror(err));
}

/**
 * stream_tx_data() - send what comes from the file descriptor, to its end
 * @tx: the stream
 *
 * Return: EXIT_OK, or another status and it was said why
 */
int stream_tx_data(struct stream_tx *tx)
{
	struct xseg_request *req;
	ssize_t len;
	void *data;
	int ret;

	progress_tick(tx->progress);
	for (;;) {
		ret = tx_idle(tx, &req);
		if (ret)
			return tx_fail(tx, ret);
		data = xseg_get_data(tx->port->xseg, req);
		len = data ? tx_read(tx, data) : -EUCLEAN;
		if (len <= 0)
			return tx_give_back(tx, req, -len);
		ret = tx_submit(tx, req, STREAM_DATA, len);
		if (ret)
			return tx_fail(tx, ret);
		progress_tick(tx->progress);
	}
}

/**
 * stream_tx_end() - say that this was all, and wait until all was written
 * @tx: the stream
 *
 * Return: EXIT_OK, or another status and it was said why
 */
int stream_tx_end(struct stream_tx *tx)
{
	struct xseg_request *req;
	int ret;

	ret = tx_idle(tx, &req);
	if (!ret)
		ret = tx_submit(tx, req, STREAM_END, 0);
	while (!ret && tx->made > tx->nr_idle)
		ret = tx_wait(tx);
	return ret ? tx_fail(tx, ret) : EXIT_OK;
}

/**
 * stream_tx_abort() - say that the stream ends too early
 * @tx: the stream
 *
 * Waits for nothing. Where it cannot be said, the receiver notices that the
 * sender is gone.
 */
void stream_tx_abort(struct stream_tx *tx)
{
	struct xseg_request *req = tx->nr_idle ? tx->idle[--tx->nr_idle] :
						 NULL;

	if (!req) {
		req = xseg_get_request(tx->port->xseg, tx->port->portno,
				       tx->dst, 0);
		if (!req)
			return;
		tx->made++;
	}
	tx_submit(tx, req, STREAM_ABORT, 0);
}

/* Requests under way come back to xseg_leave(). */
void stream_tx_free(struct stream_tx *tx)
{
	while (tx->nr_idle)
		xseg_put_request(tx->port->xseg, tx->idle[--tx->nr_idle]);
	free(tx->idle);
}
