// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: the calls.
 *
 * When a scenario begins the victim is bound to port 0, with requests waiting
 * to be accepted there, and to port 4, with a reply waiting there; another of
 * its requests is at work at A, if there is an A.
 */
#include <errno.h>
#include <stddef.h>

#include "selftests/crash/crash.h"

static xport elsewhere(const struct victim *v)
{
	return v->company == ALONE ? PORT_VICTIM_CLIENT : PORT_A;
}

static bool take_own(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM_CLIENT, elsewhere(v), 0);
	return v->req;
}

static bool take_prepared(struct victim *v)
{
	return take_own(v) && !xseg_prep_request(v->x, v->req, 7, 200);
}

static bool take_accepted(struct victim *v)
{
	v->req = xseg_accept(v->x, PORT_VICTIM, 0);
	return v->req;
}

static bool take_received(struct victim *v)
{
	v->req = xseg_receive(v->x, PORT_VICTIM_CLIENT, 0);
	return v->req;
}

static bool do_join(struct victim *v)
{
	v->x = xseg_join_fd(v->fd, 0);
	return v->x;
}

static bool do_leave(struct victim *v)
{
	return !xseg_leave(v->x);
}

/* With all kinds of things in its hands. */
static bool many_things(struct victim *v)
{
	if (v->company != ALONE && !xseg_get_port_signal_desc(v->x, PORT_A))
		return false;
	v->other = xseg_get_signal_desc(v->x, v->type);
	return v->other && take_accepted(v) && take_received(v) &&
	       take_prepared(v) && xseg_alloc_requests(v->x, PORT_VICTIM, 2) == 2;
}

static bool do_init(struct victim *v)
{
	return xseg_local_signal_init(v->x, "none") == -ENOENT;
}

static const char *other_type(const struct victim *v)
{
	return v->type[0] == 'f' ? "eventfd" : "futex";
}

static bool do_init_other(struct victim *v)
{
	return !xseg_local_signal_init(v->x, other_type(v));
}

static bool do_quit(struct victim *v)
{
	return !xseg_local_signal_quit(v->x, other_type(v));
}

static bool do_get_desc(struct victim *v)
{
	v->other = xseg_get_signal_desc(v->x, v->type);
	return v->other;
}

static bool do_put_desc(struct victim *v)
{
	return !xseg_put_signal_desc(v->x, v->other);
}

static bool do_get_port_desc(struct victim *v)
{
	v->other = xseg_get_port_signal_desc(v->x, v->company == ALONE ?
					     PORT_VICTIM : PORT_A);
	return v->other;
}

static bool do_hold_desc(struct victim *v)
{
	return !xseg_hold_signal_desc(v->x, v->sd);
}

static bool do_bind(struct victim *v)
{
	return xseg_bind_port(v->x, PORT_F, v->sd) >= 0;
}

static bool do_bind_any(struct victim *v)
{
	return xseg_bind_port(v->x, NoPort, v->sd) >= 0;
}

static bool bound(struct victim *v)
{
	return do_get_desc(v) && xseg_bind_port(v->x, PORT_F, v->other) >= 0 &&
	       !xseg_put_signal_desc(v->x, v->other) &&
	       xseg_alloc_requests(v->x, PORT_F, 2) == 2;
}

static bool do_release(struct victim *v)
{
	return !xseg_release_port(v->x, PORT_F);
}

static bool do_release_server(struct victim *v)
{
	return !xseg_release_port(v->x, PORT_VICTIM);
}

static bool do_release_client(struct victim *v)
{
	return !xseg_release_port(v->x, PORT_VICTIM_CLIENT);
}

static bool do_alloc(struct victim *v)
{
	return xseg_alloc_requests(v->x, PORT_VICTIM, 3) == 3;
}

static bool do_free(struct victim *v)
{
	return xseg_free_requests(v->x, PORT_VICTIM, 3) == 3;
}

static bool do_set_max(struct victim *v)
{
	return !xseg_set_max_requests(v->x, PORT_VICTIM_CLIENT, 1);
}

static bool do_set_flags(struct victim *v)
{
	return !xseg_set_port_flags(v->x, PORT_VICTIM_CLIENT, XSEG_PORT_KEEP);
}

static bool do_prepare(struct victim *v)
{
	return !xseg_prepare_wait(v->x, v->sd);
}

/* Asleep from the beginning, in a poll that the library does not see. */
static bool polled(struct victim *v)
{
	int fd = xseg_signal_fd(v->x, v->sd);

	return fd >= 0 || fd == -EOPNOTSUPP;
}

static bool polled_prepare(struct victim *v)
{
	return polled(v) && do_prepare(v);
}

static bool do_cancel(struct victim *v)
{
	return !xseg_cancel_wait(v->x, v->sd);
}

static bool do_wait(struct victim *v)
{
	int ret = xseg_wait_signal(v->x, v->sd, 2000);

	return !ret || ret == -ETIMEDOUT;
}

static bool do_wait_forever(struct victim *v)
{
	return !xseg_wait_signal(v->x, v->sd, XSEG_WAIT_FOREVER);
}

static bool signalled(struct victim *v)
{
	return !xseg_prepare_wait(v->x, v->sd) &&
	       !xseg_signal(v->x, PORT_VICTIM);
}

static bool do_signal(struct victim *v)
{
	return !xseg_signal(v->x, v->company >= TWO ? PORT_B : elsewhere(v));
}

/* It died asleep: who signals it finds that. */
static bool do_signal_dead(struct victim *v)
{
	int ret = xseg_signal(v->x, PORT_F);

	return !ret || ret == -EOWNERDEAD || (v->kernel && ret == -ENOTCONN);
}

static bool do_signal_and_wait(struct victim *v)
{
	const xport ports[] = { PORT_B, PORT_VICTIM_CLIENT };
	int ret = xseg_signal_and_wait(v->x, v->sd, ports, 2, 2000);

	return !ret || ret == -ETIMEDOUT;
}

static bool do_get(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM, PORT_A, XSEG_STAMP);
	return v->req;
}

static bool do_prep(struct victim *v)
{
	return !xseg_prep_request(v->x, v->req, 7, 200);
}

static bool do_prep_larger(struct victim *v)
{
	return !xseg_prep_request(v->x, v->req, 20, 4000);
}

static bool do_resize(struct victim *v)
{
	return !xseg_resize_request(v->x, v->req, 9, 2000);
}

static bool do_put(struct victim *v)
{
	return !xseg_put_request(v->x, v->req);
}

static bool took_large(struct victim *v)
{
	return take_own(v) && !xseg_prep_request(v->x, v->req, 0, 8000);
}

static bool do_renew(struct victim *v)
{
	return !xseg_renew_request(v->x, v->req, PORT_VICTIM_CLIENT,
				   elsewhere(v));
}

static bool do_set_data(struct victim *v)
{
	return !xseg_set_req_data(v->x, v->req, v);
}

static bool do_submit(struct victim *v)
{
	return xseg_submit(v->x, v->req, PORT_VICTIM_CLIENT, XSEG_SIGNAL) >= 0;
}

/* To B, which sleeps. */
static bool take_for_b(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM_CLIENT,
				  v->company >= TWO ? PORT_B : elsewhere(v), 0);
	return v->req && !xseg_prep_request(v->x, v->req, 7, 200);
}

static bool do_accept(struct victim *v)
{
	v->req = xseg_accept(v->x, PORT_VICTIM, 0);
	return v->req;
}

static bool do_respond(struct victim *v)
{
	v->req->state = XSEG_REQ_SERVED;
	return xseg_respond(v->x, v->req, PORT_VICTIM, XSEG_SIGNAL) >= 0;
}

/* The last that came: B's, where there is a B. */
static bool take_last_accepted(struct victim *v)
{
	struct xseg_request *req;

	while ((req = xseg_accept(v->x, PORT_VICTIM, 0)))
		v->req = req;
	return v->req;
}

/* Sent on to its own other port, and answered there. */
static bool sent_round(struct victim *v)
{
	if (!take_accepted(v) ||
	    xseg_forward_request(v->x, v->req, PORT_VICTIM_CLIENT, PORT_VICTIM,
				 XSEG_SIGNAL) < 0)
		return false;
	v->req = xseg_accept(v->x, PORT_VICTIM_CLIENT, 0);
	if (!v->req)
		return false;
	v->req->state = XSEG_REQ_SERVED;
	return xseg_respond(v->x, v->req, PORT_VICTIM_CLIENT, XSEG_SIGNAL) >= 0;
}

static bool do_receive_round(struct victim *v)
{
	v->req = xseg_receive(v->x, PORT_VICTIM, 0);
	return v->req;
}

static bool took_round(struct victim *v)
{
	return sent_round(v) && do_receive_round(v);
}

static bool do_receive(struct victim *v)
{
	v->req = xseg_receive(v->x, PORT_VICTIM_CLIENT, 0);
	return v->req;
}

static bool do_forward(struct victim *v)
{
	return xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM,
				    XSEG_SIGNAL) >= 0;
}

static bool do_pass(struct victim *v)
{
	return xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM,
				    XSEG_SIGNAL | XSEG_PASS) >= 0;
}

/* Accepted at one port, sent on by the other. */
static bool do_forward_other(struct victim *v)
{
	return xseg_forward_request(v->x, v->req, elsewhere(v),
				    PORT_VICTIM_CLIENT, XSEG_SIGNAL) >= 0;
}

static bool do_pass_other(struct victim *v)
{
	return xseg_forward_request(v->x, v->req, elsewhere(v),
				    PORT_VICTIM_CLIENT, XSEG_SIGNAL | XSEG_PASS) >= 0;
}

static bool do_reap(struct victim *v)
{
	int ret = xseg_reap(v->x);

	return v->kernel ? ret >= 0 : ret == 1;
}

/* A port of the dead peer's: reaps it. */
static bool do_bind_dead(struct victim *v)
{
	return xseg_bind_port(v->x, PORT_F, v->sd) >= 0;
}

static bool do_create(struct victim *v)
{
	return !xseg_create(v->name, NULL);
}

static bool do_destroy(struct victim *v)
{
	return !xseg_destroy(v->name, 0);
}

static bool do_destroy_forced(struct victim *v)
{
	return !xseg_destroy(v->name, XSEG_DESTROY_FORCE);
}

static bool do_attach(struct victim *v)
{
	return !xseg_attach(v->name);
}

static bool do_detach(struct victim *v)
{
	return !xseg_detach(v->name);
}

static bool do_get_bridge(struct victim *v)
{
	return xseg_get_bridge_fd(v->x, v->company == ONE ? PORT_A :
							    PORT_B) >= 0;
}

const struct scenario scenarios[] = {
	{ "join", S_NOPEER, NULL, do_join },
	{ "join, all slots dead", S_NOPEER | S_FULL, NULL, do_join },
	{ "leave", S_KEEP | S_FAIL, many_things, do_leave },
	{ "local_signal_init of a type that is new", 0, NULL, do_init_other },
	{ "local_signal_init of no type", 0, NULL, do_init },
	{ "local_signal_quit", 0, do_init_other, do_quit },
	{ "get_signal_desc", 0, NULL, do_get_desc },
	{ "put_signal_desc", 0, do_get_desc, do_put_desc },
	{ "get_port_signal_desc", 0, NULL, do_get_port_desc },
	{ "put_signal_desc of another's", 0, do_get_port_desc, do_put_desc },
	{ "hold_signal_desc", 0, NULL, do_hold_desc },
	{ "bind_port", 0, NULL, do_bind },
	{ "bind_port, any", 0, NULL, do_bind_any },
	{ "release_port", 0, bound, do_release },
	{ "release_port with requests", S_KEEP | S_FAIL, take_accepted,
	  do_release_server },
	{ "release_port with replies", 0, take_prepared, do_release_client },
	{ "alloc_requests", 0, NULL, do_alloc },
	{ "free_requests", 0, do_alloc, do_free },
	{ "set_max_requests", 0, NULL, do_set_max },
	{ "set_port_flags", 0, NULL, do_set_flags },
	{ "prepare_wait", 0, NULL, do_prepare },
	{ "cancel_wait", 0, do_prepare, do_cancel },
	{ "signal_fd", 0, NULL, polled },
	{ "prepare_wait, in an event loop", 0, polled, do_prepare },
	{ "cancel_wait, in an event loop", 0, polled_prepare, do_cancel },
	{ "wait_signal, timeout", 0, do_prepare, do_wait },
	{ "wait_signal, signalled", 0, signalled, do_wait },
	{ "wait_signal, asleep", S_SLEEP, do_prepare, do_wait_forever },
	{ "signal", 0, NULL, do_signal },
	{ "signal to a dead sleeper", S_CORPSE | S_ASLEEP, NULL,
	  do_signal_dead },
	{ "signal_and_wait", 0, do_prepare, do_signal_and_wait },
	{ "get_request", 0, NULL, do_get },
	{ "get_request, idle", 0, do_alloc, do_get },
	{ "prep_request", 0, take_own, do_prep },
	{ "prep_request, larger", 0, take_prepared, do_prep_larger },
	{ "resize_request", 0, take_prepared, do_resize },
	{ "put_request", 0, take_prepared, do_put },
	{ "put_request, large", 0, took_large, do_put },
	{ "put_request, accepted", S_KEEP | S_CANCEL, take_accepted, do_put },
	{ "put_request, received", 0, take_received, do_put },
	{ "renew_request", 0, take_received, do_renew },
	{ "set_req_data", 0, take_own, do_set_data },
	{ "submit", 0, take_prepared, do_submit },
	{ "submit to a sleeper", S_KEEP, take_for_b, do_submit },
	{ "accept", S_KEEP, NULL, do_accept },
	{ "respond", S_KEEP, take_accepted, do_respond },
	{ "respond to a sleeper", S_KEEP, take_last_accepted, do_respond },
	{ "respond, back from elsewhere", 0, took_round, do_respond },
	{ "receive", 0, NULL, do_receive },
	{ "receive, back from elsewhere", 0, sent_round, do_receive_round },
	{ "forward", S_KEEP, take_accepted, do_forward },
	{ "forward, pass", S_KEEP, take_accepted, do_pass },
	{ "forward by another port", S_KEEP, take_accepted, do_forward_other },
	{ "forward by another port, pass", S_KEEP, take_accepted,
	  do_pass_other },
	{ "reap", S_KEEP | S_CORPSE, many_things, do_reap },
	{ "bind_port of a dead peer", S_KEEP | S_CORPSE, NULL, do_bind_dead },
	{ "create", S_NOPEER | S_FILE, NULL, do_create },
	{ "destroy", S_NOPEER | S_FILE, do_create, do_destroy },
	{ "destroy, forced", S_NOPEER | S_FILE, do_create, do_destroy_forced },
	{ "destroy, forced, with peers", S_NAMED, NULL, do_destroy_forced },
	{ "attach", S_NOPEER | S_KERNEL | S_ATTACH, NULL, do_attach },
	{ "detach", S_NOPEER | S_KERNEL | S_ATTACH, do_attach, do_detach },
	{ "get_bridge_fd", S_KERNEL | S_BRIDGE, NULL, do_get_bridge },
};

const unsigned int nr_scenarios = NR(scenarios);
