// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: the calls.
 *
 * When a scenario begins the victim is bound to port 0, with requests waiting
 * to be accepted there, and to port 4, with a reply waiting there; another of
 * its requests is at work at A, if there is an A.
 */
#include <stddef.h>

#include "selftests/crash/crash.h"

static xport elsewhere(const struct victim *v)
{
	return v->company == ALONE ? PORT_VICTIM_CLIENT : PORT_A;
}

static void take_own(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM_CLIENT, elsewhere(v), 0);
}

static void take_prepared(struct victim *v)
{
	take_own(v);
	xseg_prep_request(v->x, v->req, 7, 200);
}

static void take_accepted(struct victim *v)
{
	v->req = xseg_accept(v->x, PORT_VICTIM, 0);
}

static void take_received(struct victim *v)
{
	v->req = xseg_receive(v->x, PORT_VICTIM_CLIENT, 0);
}

static void do_join(struct victim *v)
{
	v->x = xseg_join_fd(v->fd, 0);
}

static void do_leave(struct victim *v)
{
	xseg_leave(v->x);
}

/* With all kinds of things in its hands. */
static void many_things(struct victim *v)
{
	take_accepted(v);
	take_received(v);
	take_prepared(v);
	v->other = xseg_get_signal_desc(v->x, v->type);
	xseg_get_port_signal_desc(v->x, PORT_A);
	xseg_alloc_requests(v->x, PORT_VICTIM, 2);
}

static void do_init(struct victim *v)
{
	xseg_local_signal_init(v->x, "fifo");
}

static void do_init_other(struct victim *v)
{
	xseg_local_signal_init(v->x, v->type[0] == 'f' ? "eventfd" : "futex");
}

static void do_quit(struct victim *v)
{
	xseg_local_signal_quit(v->x, v->type[0] == 'f' ? "eventfd" : "futex");
}

static void do_get_desc(struct victim *v)
{
	v->other = xseg_get_signal_desc(v->x, v->type);
}

static void do_put_desc(struct victim *v)
{
	xseg_put_signal_desc(v->x, v->other);
}

static void do_get_port_desc(struct victim *v)
{
	v->other = xseg_get_port_signal_desc(v->x, v->company == ALONE ?
					     PORT_VICTIM : PORT_A);
}

static void do_hold_desc(struct victim *v)
{
	xseg_hold_signal_desc(v->x, v->sd);
}

static void do_bind(struct victim *v)
{
	xseg_bind_port(v->x, PORT_F, v->sd);
}

static void do_bind_any(struct victim *v)
{
	xseg_bind_port(v->x, NoPort, v->sd);
}

static void bound(struct victim *v)
{
	do_get_desc(v);
	xseg_bind_port(v->x, PORT_F, v->other);
	xseg_put_signal_desc(v->x, v->other);
	xseg_alloc_requests(v->x, PORT_F, 2);
}

static void do_release(struct victim *v)
{
	xseg_release_port(v->x, PORT_F);
}

static void do_release_server(struct victim *v)
{
	xseg_release_port(v->x, PORT_VICTIM);
}

static void do_release_client(struct victim *v)
{
	xseg_release_port(v->x, PORT_VICTIM_CLIENT);
}

static void do_alloc(struct victim *v)
{
	xseg_alloc_requests(v->x, PORT_VICTIM, 3);
}

static void do_free(struct victim *v)
{
	xseg_free_requests(v->x, PORT_VICTIM, 3);
}

static void do_set_max(struct victim *v)
{
	xseg_set_max_requests(v->x, PORT_VICTIM_CLIENT, 1);
}

static void do_set_flags(struct victim *v)
{
	xseg_set_port_flags(v->x, PORT_VICTIM_CLIENT, XSEG_PORT_KEEP);
}

static void do_prepare(struct victim *v)
{
	xseg_prepare_wait(v->x, v->sd);
}

static void do_cancel(struct victim *v)
{
	xseg_cancel_wait(v->x, v->sd);
}

static void do_wait(struct victim *v)
{
	xseg_wait_signal(v->x, v->sd, 2000);
}

static void do_wait_forever(struct victim *v)
{
	xseg_wait_signal(v->x, v->sd, XSEG_WAIT_FOREVER);
}

static void signalled(struct victim *v)
{
	xseg_prepare_wait(v->x, v->sd);
	xseg_signal(v->x, PORT_VICTIM);
}

static void do_signal(struct victim *v)
{
	xseg_signal(v->x, v->company >= TWO ? PORT_B : elsewhere(v));
}

static void do_signal_and_wait(struct victim *v)
{
	const xport ports[] = { PORT_B, PORT_VICTIM_CLIENT };

	xseg_signal_and_wait(v->x, v->sd, ports, 2, 2000);
}

static void do_get(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM, PORT_A, XSEG_STAMP);
}

static void do_prep(struct victim *v)
{
	xseg_prep_request(v->x, v->req, 7, 200);
}

static void do_prep_larger(struct victim *v)
{
	xseg_prep_request(v->x, v->req, 20, 4000);
}

static void do_resize(struct victim *v)
{
	xseg_resize_request(v->x, v->req, 9, 2000);
}

static void do_put(struct victim *v)
{
	xseg_put_request(v->x, v->req);
}

static void took_large(struct victim *v)
{
	take_own(v);
	xseg_prep_request(v->x, v->req, 0, 8000);
}

static void do_submit(struct victim *v)
{
	xseg_submit(v->x, v->req, PORT_VICTIM_CLIENT, XSEG_SIGNAL);
}

/* To B, which sleeps. */
static void take_for_b(struct victim *v)
{
	v->req = xseg_get_request(v->x, PORT_VICTIM_CLIENT,
				  v->company >= TWO ? PORT_B : elsewhere(v), 0);
	xseg_prep_request(v->x, v->req, 7, 200);
}

static void do_accept(struct victim *v)
{
	v->req = xseg_accept(v->x, PORT_VICTIM, 0);
}

static void do_respond(struct victim *v)
{
	v->req->state = XSEG_REQ_SERVED;
	xseg_respond(v->x, v->req, PORT_VICTIM, XSEG_SIGNAL);
}

/* The last that came: B's, where there is a B. */
static void take_last_accepted(struct victim *v)
{
	struct xseg_request *req;

	while ((req = xseg_accept(v->x, PORT_VICTIM, 0)))
		v->req = req;
}

static void do_receive(struct victim *v)
{
	v->req = xseg_receive(v->x, PORT_VICTIM_CLIENT, 0);
}

static void do_forward(struct victim *v)
{
	xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM,
			     XSEG_SIGNAL);
}

static void do_pass(struct victim *v)
{
	xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM,
			     XSEG_SIGNAL | XSEG_PASS);
}

/* Accepted at one port, sent on by the other. */
static void do_forward_other(struct victim *v)
{
	xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM_CLIENT,
			     XSEG_SIGNAL);
}

static void do_pass_other(struct victim *v)
{
	xseg_forward_request(v->x, v->req, elsewhere(v), PORT_VICTIM_CLIENT,
			     XSEG_SIGNAL | XSEG_PASS);
}

static void do_reap(struct victim *v)
{
	xseg_reap(v->x);
}

/* A port of the dead peer's: reaps it. */
static void do_bind_dead(struct victim *v)
{
	xseg_bind_port(v->x, PORT_F, v->sd);
}

static void do_create(struct victim *v)
{
	xseg_create(v->name, NULL);
}

static void do_destroy(struct victim *v)
{
	xseg_destroy(v->name, 0);
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
	{ "wait_signal, timeout", 0, do_prepare, do_wait },
	{ "wait_signal, signalled", 0, signalled, do_wait },
	{ "wait_signal, asleep", S_SLEEP, do_prepare, do_wait_forever },
	{ "signal", 0, NULL, do_signal },
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
	{ "submit", 0, take_prepared, do_submit },
	{ "submit to a sleeper", 0, take_for_b, do_submit },
	{ "accept", S_KEEP, NULL, do_accept },
	{ "respond", S_KEEP, take_accepted, do_respond },
	{ "respond to a sleeper", S_KEEP, take_last_accepted, do_respond },
	{ "receive", 0, NULL, do_receive },
	{ "forward", S_KEEP, take_accepted, do_forward },
	{ "forward, pass", S_KEEP, take_accepted, do_pass },
	{ "forward by another port", S_KEEP, take_accepted, do_forward_other },
	{ "forward by another port, pass", S_KEEP, take_accepted,
	  do_pass_other },
	{ "reap", S_KEEP | S_CORPSE, many_things, do_reap },
	{ "bind_port of a dead peer", S_KEEP | S_CORPSE, NULL, do_bind_dead },
	{ "create", S_NOPEER | S_FILE, NULL, do_create },
	{ "destroy", S_NOPEER | S_FILE, do_create, do_destroy },
};

const unsigned int nr_scenarios = NR(scenarios);
