// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every call that takes a handle, and what a segment has when all is free.
 */
#include <stdio.h>

#include "selftests/lib/ks.h"


static int report(const char *what, int ret, int expected)
{
	if (ret == expected)
		return 0;
	printf("# %s: %d, not %d\n", what, ret, expected);
	return 1;
}

/* A call that returns int, or a pointer with errno. */
#define TRY(call, expected)	(bad += report(#call, call, expected))
#define TRY_POINTER(call, expected) \
	(errno = 0, bad += report(#call, (call) ? 1 : -errno, expected))

static int look_calls(struct xseg *x, int err)
{
	struct xseg_port_info port;
	struct xseg_peer_info peer;
	struct xseg_type_info type;
	struct xseg_stats stats;
	struct xseg_info info;
	int bad = 0;

	TRY(xseg_get_info(x, &info), err);
	TRY(xseg_get_port_info(x, 0, &port), err);
	TRY(xseg_get_peer_info(x, 0, &peer), err);
	TRY(xseg_get_type_info(x, 0, &type), err);
	TRY(xseg_get_stats(x, &stats), err);
	TRY(xseg_reap(x), err);
	TRY(xseg_set_wait_strategy(x, XSEG_WAIT_SLEEP), err);
	TRY(xseg_set_sleep_cap(x, 1000000), err);
	return bad;
}

static int signal_calls(struct xseg *x, void *sd, int err)
{
	int bad = 0;

	TRY(xseg_local_signal_init(x, "futex"), err);
	TRY(xseg_local_signal_quit(x, "futex"), err);
	TRY_POINTER(xseg_get_signal_desc(x, "futex"), err);
	TRY(xseg_hold_signal_desc(x, sd), err);
	TRY_POINTER(xseg_get_port_signal_desc(x, 0), err);
	TRY(xseg_put_signal_desc(x, sd), err);
	TRY(xseg_prepare_wait(x, sd), err);
	TRY(xseg_cancel_wait(x, sd), err);
	TRY(xseg_wait_signal(x, sd, 0), err);
	TRY(xseg_signal(x, 0), err);
	TRY(xseg_signal_fd(x, sd), err);
	return bad;
}

static int port_calls(struct xseg *x, void *sd, int err)
{
	int bad = 0;

	TRY(xseg_bind_port(x, NoPort, sd), err);
	TRY(xseg_bind_port(x, 0, sd), err);
	TRY(xseg_release_port(x, 0), err);
	TRY(xseg_set_port_flags(x, 0, 0), err);
	TRY(xseg_alloc_requests(x, 0, 1), err);
	TRY(xseg_free_requests(x, 0, 1), err);
	TRY(xseg_set_max_requests(x, 0, 1), err);
	TRY(xseg_get_max_requests(x, 0), err);
	return bad;
}

static int request_calls(struct xseg *x, struct xseg_request *req, int err)
{
	void *data = NULL;
	int bad = 0;

	TRY_POINTER(xseg_get_request(x, 0, 0, 0), err);
	TRY(xseg_put_request(x, req), err);
	TRY(xseg_prep_request(x, req, 1, 1), err);
	TRY(xseg_resize_request(x, req, 1, 1), err);
	TRY(!!xseg_get_data(x, req), 0);
	TRY(!!xseg_get_target(x, req), 0);
	TRY(xseg_set_req_data(x, req, &data), err);
	TRY(xseg_get_req_data(x, req, &data), err);
	TRY(xseg_submit(x, req, 0, XSEG_SIGNAL), err);
	TRY_POINTER(xseg_accept(x, 0, 0), err);
	TRY(xseg_respond(x, req, 0, XSEG_SIGNAL), err);
	TRY_POINTER(xseg_receive(x, 0, 0), err);
	TRY(xseg_forward_request(x, req, 1, 0, XSEG_SIGNAL), err);
	return bad;
}

/*
 * Makes every call with a handle that is not to be used any more; sd and req
 * are what it had. Returns how many did not answer -ESTALE.
 */
int ks_all_stale(struct xseg *x, void *sd, struct xseg_request *req)
{
	return look_calls(x, -ESTALE) + signal_calls(x, sd, -ESTALE) +
	       port_calls(x, sd, -ESTALE) + request_calls(x, req, -ESTALE) +
	       report("xseg_leave(x)", xseg_leave(x), -ESTALE);
}

/* Takes all requests that there are, each with the largest buffer. */
static unsigned int take_requests(struct xseg *x, void *sd,
				  const struct xseg_params *params)
{
	struct xseg_request *req;
	unsigned int n = 0;
	xport port;

	for (port = 0; port < params->nr_ports; port++) {
		if (xseg_bind_port(x, port, sd) != (int)port)
			continue;
		while ((req = xseg_get_request(x, port, port, 0))) {
			if (xseg_prep_request(x, req, 0, params->max_data)) {
				printf("# no buffer for request %u\n", n);
				return 0;
			}
			n++;
		}
	}
	return n;
}

/*
 * Is all that a segment of struct ks_small has free, but for what the present
 * peers hold? Peers must be idle. Joins and leaves; 0 if all is well.
 */
int ks_audit(const char *segment, unsigned int descs_held,
	     unsigned int requests_held)
{
	struct xseg *x = xseg_join(segment, XSEG_JOIN_PLUGINS);
	unsigned int n = 1;
	void *sd;
	int bad;

	KS_CHECK(x);
	KS_CHECK(!xseg_local_signal_init(x, "futex"));
	sd = xseg_get_signal_desc(x, "futex");
	KS_CHECK(sd);
	bad = report("requests to be had", (int)take_requests(x, sd, &ks_small),
		     (int)(ks_small.nr_requests - requests_held));
	while (xseg_get_signal_desc(x, "futex"))
		n++;
	bad += report("descriptors to be had", (int)n,
		      (int)(ks_small.nr_descs - descs_held));
	KS_CHECK(!xseg_leave(x));
	return bad;
}
