// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Being a peer: joining, binding a port, waiting on it, and noticing that the
 * peer on the other side is gone.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "tool.h"

static const struct reason join_reasons[] = {
	{ EUSERS, "segment '@': %; see who is there with 'xseg peers @'" },
	{ EBADMSG, "segment '@': %; 'xseg destroy --force @' removes it" },
	{ ENODATA, "segment '@': %; 'xseg destroy --force @' removes it" },
	{ EUCLEAN, "segment '@': %; 'xseg destroy --force @' removes it" },
	{ EILSEQ, "segment '@': %; it cannot be used here" },
	{ EPROTONOSUPPORT, "segment '@': %" },
	{ 0, "%" }
};

static const struct reason type_reasons[] = {
	{ ENOENT, "%; 'futex' and 'eventfd' are always there" },
	{ EINVAL, "'@' is not a name of a signal type; use 1 to 31 of a-z "
	  "0-9 -" },
	{ ENAMETOOLONG, "signal type '@' has too long a name; use 1 to 31 of "
	  "a-z 0-9 -" },
	{ EOPNOTSUPP, "processes cannot wait with signal type '@'; choose one "
	  "of the user domain" },
	{ EPROTO, "the segment has signal type '@' in another version; use "
	  "the same xseg on all sides" },
	{ ENOSPC, "the segment has no room for one more signal type; use one "
	  "of those that 'xseg types' shows" },
	{ 0, "%" }
};

static const struct reason desc_reasons[] = {
	{ ENOMEM, "the segment has no signal descriptor left for type '@'; "
	  "stop some peers, or make it with more --descs" },
	{ 0, "signal type '@': %" }
};

static const struct reason bind_reasons[] = {
	{ EBUSY, "port @ is taken by a live peer; choose another, 'xseg ports' "
	  "shows which are taken" },
	{ EINVAL, "the segment has no port @; choose another, 'xseg info' "
	  "shows how many there are" },
	{ ENOSPC, "no port is free; stop some peers, or make the segment with "
	  "more --ports" },
	{ 0, "port @: %" }
};

/* Join, or say why not and return NULL. */
struct xseg *segment_join(const char *name)
{
	struct xseg *xseg = xseg_join(name, XSEG_JOIN_PLUGINS);

	if (!xseg)
		fail_as_told(join_reasons, errno, name);
	return xseg;
}

/* Run what needs a segment; its exit status, or why the join failed. */
int segment_run(struct tool_args *args, run_fn *run)
{
	struct xseg *xseg;
	int ret;

	catch_signals();
	xseg = segment_join(args->name);
	if (!xseg)
		return EXIT_FAIL;
	ret = run(xseg, args);
	xseg_leave(xseg);
	return ret;
}

/* Live peers other than this one. */
unsigned int segment_live_peers(struct xseg *xseg)
{
	struct xseg_peer_info peer;
	struct xseg_info info;
	unsigned int nr = 0;

	if (xseg_get_info(xseg, &info))
		return 0;
	for (unsigned int slot = 0; slot < XSEG_MAX_PEERS; slot++) {
		if (slot != info.self &&
		    !xseg_get_peer_info(xseg, slot, &peer) &&
		    peer.state == XSEG_PEER_USED && peer.alive)
			nr++;
	}
	return nr;
}

const char *domain_name(__u32 domain)
{
	switch (domain) {
	case XSEG_DOMAIN_KERNEL:
		return "kernel";
	case XSEG_DOMAIN_USER:
		return "user";
	default:
		return "?";
	}
}

/*
 * Bind any free port, from FIRST_ANY on if there are so many: low numbers are
 * those that people choose, and may be about to bind.
 */
#define FIRST_ANY	128U

static int bind_any(struct xseg *xseg, struct signal_desc *sd)
{
	struct xseg_port_info port;
	struct xseg_info info;
	__u32 first, nr;
	int ret;

	ret = xseg_get_info(xseg, &info);
	if (ret < 0)
		return ret;
	nr = info.params.nr_ports;
	first = nr / 2 < FIRST_ANY ? nr / 2 : FIRST_ANY;
	for (__u32 i = 0; i < nr; i++) {
		xport portno = (first + i) % nr;

		if (xseg_get_port_info(xseg, portno, &port) || port.bound)
			continue;
		ret = xseg_bind_port(xseg, portno, sd);
		if (ret != -EBUSY)
			return ret;
	}
	return -ENOSPC;
}

/**
 * port_open() - bind a port that is waited on by a signal type
 * @port:   filled
 * @xseg:   the handle
 * @type:   name of the type
 * @portno: the port, or NoPort
 *
 * Return: EXIT_OK, or EXIT_FAIL and it was said why
 */
int port_open(struct tool_port *port, struct xseg *xseg, const char *type,
	      xport portno)
{
	char number[16];
	int ret;

	*port = (struct tool_port){ .xseg = xseg, .portno = portno };
	ret = xseg_local_signal_init(xseg, type);
	if (ret < 0)
		return fail_as_told(type_reasons, ret, type);
	port->sd = xseg_get_signal_desc(xseg, type);
	if (!port->sd)
		return fail_because(desc_reasons, errno, type);
	ret = portno == NoPort ? bind_any(xseg, port->sd) :
				 xseg_bind_port(xseg, portno, port->sd);
	if (ret >= 0) {
		port->portno = ret;
		return EXIT_OK;
	}
	snprintf(number, sizeof(number), "%u", portno);
	fail_because(bind_reasons, ret, number);
	xseg_put_signal_desc(xseg, port->sd);
	return EXIT_FAIL;
}

/* Undo port_open(); xseg_leave() does the rest. */
void port_close(struct tool_port *port)
{
	xseg_release_port(port->xseg, port->portno);
	xseg_put_signal_desc(port->xseg, port->sd);
}

/**
 * port_await() - one turn of the wait loop
 * @port: the port
 * @look: true if there is work
 * @arg:  given to @look
 * @usec: how long to sleep
 *
 * Announce, look again, and only then sleep: work that comes after the second
 * look finds the waiter announced.
 *
 * Return: 0 if there is work, -EAGAIN after a wake-up (there may be work), or
 * an error of the wait: -ETIMEDOUT, -EINTR
 */
int port_await(struct tool_port *port, look_fn *look, void *arg, __u32 usec)
{
	int ret;

	if (look(arg))
		return 0;
	ret = xseg_prepare_wait(port->xseg, port->sd);
	if (ret < 0)
		return ret;
	if (look(arg)) {
		xseg_cancel_wait(port->xseg, port->sd);
		return 0;
	}
	ret = xseg_wait_signal(port->xseg, port->sd, usec);
	return ret < 0 ? ret : -EAGAIN;
}

struct take {
	struct tool_port *port;
	take_fn *fn;
	struct xseg_request *req;
	int err;
};

/* -EBUSY is contention: the other one needs the CPU to get on. */
static bool take_look(void *arg)
{
	struct take *take = arg;
	struct tool_port *port = take->port;

	for (int tries = 0; tries < 1000; tries++) {
		take->req = take->fn(port->xseg, port->portno, 0);
		take->err = take->req ? 0 : errno;
		if (take->err != EBUSY)
			break;
		sched_yield();
	}
	return take->req || take->err != EAGAIN;
}

/**
 * port_take() - take a request, waiting for one for a tick
 * @port: the port
 * @take: xseg_accept or xseg_receive
 *
 * A tick in which nothing came ends with a search for dead peers, so that the
 * requests that they held come back.
 *
 * Return: a request; or NULL with errno EAGAIN (woken, look again), ETIMEDOUT
 * (nothing came), EINTR, or what @take says
 */
struct xseg_request *port_take(struct tool_port *port, take_fn *take)
{
	struct take state = { .port = port, .fn = take };
	int ret = port_await(port, take_look, &state, TICK_USEC);

	if (ret == -ETIMEDOUT)
		xseg_reap(port->xseg);
	errno = ret ? -ret : state.err;
	return ret ? NULL : state.req;
}

/**
 * port_answer() - respond to a request
 * @port:  the port that it was accepted from
 * @req:   the request
 * @err:   0 or the negative errno that it failed with
 * @flags: 0 or XSEG_SIGNAL
 *
 * Return: 0, or a negative errno and the request was put
 */
int port_answer(struct tool_port *port, struct xseg_request *req, int err,
		unsigned int flags)
{
	int ret;

	req->state = err ? XSEG_REQ_FAILED : XSEG_REQ_SERVED;
	req->error = -err;
	do {
		ret = xseg_respond(port->xseg, req, port->portno, flags);
		if (ret == -EAGAIN || ret == -EBUSY)
			sched_yield();
	} while ((ret == -EAGAIN || ret == -EBUSY) && !tool_stop());
	if (ret < 0)
		xseg_put_request(port->xseg, req);
	return ret < 0 ? ret : 0;
}

/**
 * port_wait_bound() - wait until a port is bound
 * @xseg:	the handle
 * @portno:	the port
 * @timeout_ns: for so long
 * @waiting:	also until somebody waits there
 *
 * A bind signals nobody, so this looks, ever less often.
 *
 * Return: EXIT_OK, EXIT_TIMEOUT (nothing was said), or another status and it
 * was said why
 */
int port_wait_bound(struct xseg *xseg, xport portno, uint64_t timeout_ns,
		    bool waiting)
{
	uint64_t deadline = now_ns() + timeout_ns;
	struct timespec pause = { .tv_nsec = 1000000 };
	struct xseg_port_info info;

	for (;;) {
		int ret = xseg_get_port_info(xseg, portno, &info);

		if (ret < 0) {
			char number[16];

			snprintf(number, sizeof(number), "%u", portno);
			return fail_because(bind_reasons, ret, number);
		}
		if (info.bound && (!waiting || info.waiters))
			return EXIT_OK;
		if (tool_stop())
			return EXIT_SIGNAL + tool_stop();
		if (now_ns() >= deadline)
			return EXIT_TIMEOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 32000000)
			pause.tv_nsec *= 2;
	}
}

/* Remember who is behind a port; -ENOTCONN if nobody is. */
int link_open(struct tool_link *link, struct xseg *xseg, xport portno)
{
	struct xseg_port_info port;
	struct xseg_peer_info peer;
	int ret = xseg_get_port_info(xseg, portno, &port);

	if (ret < 0)
		return ret;
	if (!port.bound)
		return -ENOTCONN;
	ret = xseg_get_peer_info(xseg, port.owner, &peer);
	if (ret < 0)
		return ret;
	*link = (struct tool_link){
		.xseg = xseg, .portno = portno, .epoch = port.epoch,
		.owner = port.owner, .incarnation = peer.incarnation,
	};
	return 0;
}

/* Whether the peer remembered lives and still has its port. */
bool link_alive(const struct tool_link *link)
{
	struct xseg_port_info port;
	struct xseg_peer_info peer;

	if (xseg_get_port_info(link->xseg, link->portno, &port) ||
	    xseg_get_peer_info(link->xseg, link->owner, &peer))
		return false;
	return port.bound && port.epoch == link->epoch &&
	       peer.state == XSEG_PEER_USED && peer.alive &&
	       peer.incarnation == link->incarnation;
}
