// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Round trips: the echo side.
 */
#include <errno.h>
#include <string.h>

#include "ping.h"

struct pong {
	struct ping_words *words;
	uint64_t seen;
};

static bool pong_look(void *arg)
{
	struct pong *pong = arg;

	return ping_load(&pong->words->ping) != pong->seen;
}

/* Answer signals by signals until the client wants no more or is gone. */
static int serve_signals(struct tool_port *port, struct xseg_request *req)
{
	struct pong pong = { .words = xseg_get_data(port->xseg, req) };
	xport client = req->src_portno;
	struct tool_link link;
	int ret;

	if (!pong.words || req->datalen < sizeof(*pong.words))
		return -EINVAL;
	if (link_open(&link, port->xseg, client))
		return -ENOTCONN;
	while (!tool_stop()) {
		ret = port_await(port, pong_look, &pong, TICK_USEC);
		if (ret == -ETIMEDOUT && !link_alive(&link))
			return -EOWNERDEAD;
		if (ret && ret != -EAGAIN && ret != -ETIMEDOUT &&
		    ret != -EINTR)
			return ret;
		if (ret)
			continue;
		pong.seen = ping_load(&pong.words->ping);
		if (pong.seen == PING_QUIT)
			return 0;
		ping_store(&pong.words->pong, pong.seen);
		xseg_signal(port->xseg, client);
	}
	return -ECANCELED;
}

static int serve_stats(struct tool_port *port, struct xseg_request *req)
{
	struct xseg_stats *stats = xseg_get_data(port->xseg, req);

	if (!stats || req->datalen < sizeof(*stats))
		return -EINVAL;
	req->serviced = sizeof(*stats);
	return xseg_get_stats(port->xseg, stats);
}

static void serve_request(struct tool_port *port, struct xseg_request *req)
{
	int err = 0;

	switch (req->op) {
	case PING_ECHO:
		req->serviced = req->size;
		break;
	case PING_SIGNAL:
		err = serve_signals(port, req);
		break;
	case PING_STATS:
		err = serve_stats(port, req);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	port_answer(port, req, err, XSEG_SIGNAL);
}

/* Say which port it is, for the client, then serve until told to stop. */
int ping_serve(struct xseg *xseg, struct tool_args *tool)
{
	struct ping_args *args = (struct ping_args *)tool;
	struct xseg_request *req;
	struct tool_port port;
	int ret;

	xseg_set_wait_strategy(xseg, args->strategy);
	ret = port_open(&port, xseg, tool->type, tool->port);
	if (ret)
		return ret;
	printf("port %u\n", port.portno);
	fflush(stdout);
	while (!tool_stop()) {
		req = port_take(&port, xseg_accept);
		if (req)
			serve_request(&port, req);
		else if (errno != EAGAIN && errno != ETIMEDOUT &&
			 errno != EINTR)
			return fail("accepting: %s", strerror(errno));
	}
	port_close(&port);
	return EXIT_OK;
}
