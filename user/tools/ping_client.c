// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Round trips: the client.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ping.h"

#define WARM_UP		1000

static const struct reason client_reasons[] = {
	{ EOWNERDEAD, "the echo side at port @ died" },
	{ ECONNRESET, "the echo side at port @ left" },
	{ ENOTCONN, "nobody is bound to port @; start the echo side with "
	  "'xseg ping NAME --serve --port @'" },
	{ EOPNOTSUPP, "who is bound to port @ is no echo side; start one with "
	  "'xseg ping NAME --serve'" },
	{ EMSGSIZE, "--size is more than one request of this segment may "
	  "carry; use less, or make the segment with more --max-data" },
	{ ENOMEM, "the segment has no room for the payload; use a smaller "
	  "--size, or make the segment with more --heap" },
	{ 0, "the echo side at port @: %" }
};

/**
 * struct client - a client at work
 * @port: where the answers come
 * @dst:  port of the echo side
 * @req:  the request that goes back and forth
 * @words: of @req, by signals
 * @round: which round trip, from 1
 */
struct client {
	struct tool_port port;
	xport dst;
	struct xseg_request *req;
	struct ping_words *words;
	uint64_t round;
};

/* Submit the request and wait for its answer; 0 or -errno. */
static int client_submit(struct client *client, enum ping_op op)
{
	struct xseg_request *req = client->req;
	int ret;

	req->op = op;
	req->serviced = 0;
	ret = xseg_submit(client->port.xseg, req, client->port.portno,
			  XSEG_SIGNAL);
	if (ret < 0)
		return ret;
	client->req = NULL;
	return 0;
}

static int client_receive(struct client *client)
{
	struct xseg_request *req;

	for (;;) {
		req = port_take(&client->port, xseg_receive);
		if (req)
			break;
		if (errno != EAGAIN && errno != ETIMEDOUT && errno != EINTR)
			return -errno;
		if (tool_stop())
			return -EINTR;
	}
	client->req = req;
	if (req->state & XSEG_REQ_FAILED)
		return req->error ? -(int)req->error : -EIO;
	return 0;
}

static int round_by_request(struct client *client)
{
	int ret = client_submit(client, PING_ECHO);

	return ret ? ret : client_receive(client);
}

static bool client_look(void *arg)
{
	struct client *client = arg;

	return ping_load(&client->words->pong) == client->round;
}

/* The request comes back if the echo side goes away. */
static int round_by_signal(struct client *client)
{
	struct tool_port *port = &client->port;
	int ret;

	ping_store(&client->words->ping, client->round);
	ret = xseg_signal(port->xseg, client->dst);
	if (ret < 0)
		return ret;
	while ((ret = port_await(port, client_look, client, TICK_USEC))) {
		if (ret != -EAGAIN && ret != -ETIMEDOUT && ret != -EINTR)
			return ret;
		if (tool_stop())
			return -EINTR;
		if (ret != -ETIMEDOUT)
			continue;
		xseg_reap(port->xseg);
		client->req = xseg_receive(port->xseg, port->portno, 0);
		if (client->req)
			return client->req->error ?
			       -(int)client->req->error : -EIO;
	}
	return 0;
}

static int client_rounds(struct client *client, const struct ping_args *args,
			 uint64_t count, uint64_t *ns)
{
	uint64_t before = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		uint64_t after;
		int ret;

		client->round++;
		ret = args->mode == PING_BY_SIGNAL ? round_by_signal(client) :
						     round_by_request(client);
		if (ret)
			return ret;
		after = now_ns();
		if (ns)
			ns[i] = after - before;
		before = after;
	}
	return 0;
}

/* Get a request with room for @size bytes; 0 or -errno. */
static int client_prepare(struct client *client, uint64_t size)
{
	struct xseg *xseg = client->port.xseg;

	if (!client->req)
		client->req = xseg_get_request(xseg, client->port.portno,
					       client->dst, 0);
	if (!client->req)
		return -errno;
	client->req->size = size;
	return size ? xseg_prep_request(xseg, client->req, 0, size) : 0;
}

/* Give the echo side the words; the request stays there. */
static int client_begin_signals(struct client *client)
{
	int ret = client_prepare(client, sizeof(*client->words));

	if (ret)
		return ret;
	client->words = xseg_get_data(client->port.xseg, client->req);
	if (!client->words)
		return -EUCLEAN;
	memset(client->words, 0, sizeof(*client->words));
	return client_submit(client, PING_SIGNAL);
}

static int client_end_signals(struct client *client)
{
	int ret;

	ping_store(&client->words->ping, PING_QUIT);
	ret = xseg_signal(client->port.xseg, client->dst);
	return ret < 0 ? ret : client_receive(client);
}

static int client_server_stats(struct client *client, struct xseg_stats *stats)
{
	void *data;
	int ret = client_prepare(client, sizeof(*stats));

	if (!ret)
		ret = client_submit(client, PING_STATS);
	if (!ret)
		ret = client_receive(client);
	if (ret)
		return ret;
	data = xseg_get_data(client->port.xseg, client->req);
	if (!data)
		return -EUCLEAN;
	memcpy(stats, data, sizeof(*stats));
	return 0;
}

/* Make the round trips; 0 or -errno. */
static int client_run(struct client *client, const struct ping_args *args,
		      struct ping_result *result)
{
	uint64_t start;
	int ret;

	if (args->mode == PING_BY_SIGNAL) {
		ret = client_begin_signals(client);
	} else {
		ret = client_prepare(client, args->size);
		if (!ret && args->size)
			memset(xseg_get_data(client->port.xseg, client->req),
			       0x55, args->size);
	}
	if (!ret)
		ret = client_rounds(client, args, WARM_UP, NULL);
	start = now_ns();
	if (!ret)
		ret = client_rounds(client, args, args->count, result->ns);
	result->total_ns = now_ns() - start;
	if (!ret && args->mode == PING_BY_SIGNAL)
		ret = client_end_signals(client);
	if (!ret)
		ret = xseg_get_stats(client->port.xseg, &result->client);
	return ret ? ret : client_server_stats(client, &result->server);
}

static int client_bound(struct client *client, const struct ping_args *args)
{
	struct ping_result result = { .count = args->count };
	char number[16];
	int ret;

	result.ns = calloc(args->count, sizeof(*result.ns));
	if (!result.ns)
		return fail("no memory for %llu results; use a smaller --count",
			    (unsigned long long)args->count);
	ret = client_run(client, args, &result);
	if (client->req)
		xseg_put_request(client->port.xseg, client->req);
	snprintf(number, sizeof(number), "%u", client->dst);
	if (tool_stop())
		ret = EXIT_SIGNAL + tool_stop();
	else if (ret)
		ret = fail_because(client_reasons, ret, number);
	else
		ret = ping_report(args, &result);
	free(result.ns);
	return ret;
}

int ping_client(struct xseg *xseg, struct tool_args *tool)
{
	struct ping_args *args = (struct ping_args *)tool;
	struct client client = { .dst = tool->port };
	int ret;

	xseg_set_wait_strategy(xseg, args->strategy);
	ret = port_wait_bound(xseg, tool->port, 10 * NSEC_PER_SEC, false);
	if (ret == EXIT_TIMEOUT)
		fail("nobody is bound to port %u; start the echo side with "
		     "'xseg ping %s --serve --port %u'", tool->port,
		     tool->name, tool->port);
	if (ret)
		return ret;
	ret = port_open(&client.port, xseg, tool->type, NoPort);
	if (ret)
		return ret;
	ret = client_bound(&client, args);
	port_close(&client.port);
	return ret;
}
