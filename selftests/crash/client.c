// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: peers that send requests and serve those of
 * others, and keep account of what they get back.
 */
#include <errno.h>
#include <string.h>

#include "selftests/crash/crash.h"

#define DATALEN	300

/**
 * client_join() - become a peer with a descriptor and a port
 * @c:	  @who is set
 * @fd:	  the segment
 * @type: signal type
 * @port: port
 *
 * Sleeps end by a signal only: nobody looks for dead peers once a second.
 *
 * Return: 0 or a negative errno.
 */
int client_join(struct client *c, int fd, const char *type, xport port)
{
	int ret;

	c->port = port;
	c->kernel = NoPort;
	c->x = xseg_join_fd(fd, 0);
	if (!c->x)
		return -errno;
	xseg_set_sleep_cap(c->x, XSEG_WAIT_FOREVER);
	xseg_set_wait_strategy(c->x, XSEG_WAIT_SLEEP);
	ret = xseg_local_signal_init(c->x, type);
	if (ret)
		return ret;
	c->sd = xseg_get_signal_desc(c->x, type);
	if (!c->sd)
		return -errno;
	ret = xseg_bind_port(c->x, port, c->sd);
	return ret < 0 ? ret : 0;
}

static unsigned int client_slot(const struct client *c, __u64 serial)
{
	unsigned int i;

	for (i = 0; i < CLIENT_MAX && c->serial[i] != serial; i++)
		;
	return i;
}

/**
 * client_send() - send one more request
 * @c:	 the client
 * @dst: to that port
 *
 * Return: true if it is under way.
 */
bool client_send(struct client *c, xport dst)
{
	unsigned int i = client_slot(c, 0);
	struct xseg_request *req;
	__u64 serial;

	if (i == CLIENT_MAX)
		return false;
	req = xseg_get_request(c->x, c->port, dst, 0);
	if (!req)
		return false;
	if (xseg_prep_request(c->x, req, 5, DATALEN)) {
		xseg_put_request(c->x, req);
		return false;
	}
	memset(xseg_get_data(c->x, req), (int)c->port, DATALEN);
	serial = req->serial;
	req->cookie = serial;
	c->out[i] = req;
	c->serial[i] = serial;
	c->out_may[i] = c->may;
	if (xseg_submit(c->x, req, c->port, XSEG_SIGNAL) >= 0)
		return true;
	c->serial[i] = 0;
	xseg_put_request(c->x, req);
	return false;
}

/* Has a kernel peer inverted the data, once? */
static bool data_inverted(struct client *c, struct xseg_request *req)
{
	const unsigned char *data = xseg_get_data(c->x, req);
	unsigned int i;

	for (i = 0; data && i < DATALEN; i++)
		if (data[i] != (unsigned char)~c->port)
			return false;
	return data && req->datalen == DATALEN;
}

/* Is that what may become of a request? */
static bool answer_good(unsigned int may, const struct xseg_request *req)
{
	if (req->state == XSEG_REQ_SERVED)
		return true;
	if (req->state != XSEG_REQ_FAILED)
		return false;
	if (req->error == EOWNERDEAD || req->error == ECONNRESET)
		return may & MAY_FAIL;
	return req->error == ECANCELED && may & MAY_CANCEL;
}

/**
 * client_receive() - take a reply, if there is one
 * @c: the client
 *
 * Return: true if there was.
 */
bool client_receive(struct client *c)
{
	struct xseg_request *req = xseg_receive(c->x, c->port, 0);
	unsigned int i;

	if (!req)
		return false;
	i = client_slot(c, req->serial);
	if (i == CLIENT_MAX || c->out[i] != req || req->cookie != req->serial) {
		say("%s got a request back that it did not send, or twice: serial %#llx",
		    c->who, (unsigned long long)req->serial);
		c->bad++;
	} else {
		c->serial[i] = 0;
		if (!answer_good(c->out_may[i], req)) {
			say("%s got a request back in state %u, error %u",
			    c->who, req->state, req->error);
			c->bad++;
		} else if (req->dst_portno == c->kernel &&
			   req->state == XSEG_REQ_SERVED &&
			   !data_inverted(c, req)) {
			say("%s got wrong data from the kernel", c->who);
			c->bad++;
		}
	}
	if (xseg_put_request(c->x, req)) {
		say("%s cannot put what it got back", c->who);
		c->bad++;
	}
	return true;
}

/**
 * client_serve() - answer a request that came, if there is one
 * @c:	  the peer
 * @port: one of its ports
 *
 * Return: true if there was.
 */
bool client_serve(struct client *c, xport port)
{
	struct xseg_request *req = xseg_accept(c->x, port, 0);

	if (!req)
		return false;
	if (!xseg_get_data(c->x, req) ||
	    (req->src_portno != PORT_SOURCE && !xseg_get_target(c->x, req))) {
		say("%s: what it accepted has no data", c->who);
		c->bad++;
	}
	req->state = XSEG_REQ_SERVED;
	if (xseg_respond(c->x, req, port, XSEG_SIGNAL) < 0) {
		say("%s cannot respond", c->who);
		c->bad++;
	}
	return true;
}

unsigned int client_outstanding(const struct client *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < CLIENT_MAX; i++)
		n += c->serial[i] != 0;
	return n;
}
