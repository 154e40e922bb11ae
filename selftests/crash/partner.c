// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: B, which is asleep or at work meanwhile.
 */
#include <unistd.h>

#include "selftests/crash/crash.h"

#define AT(text)	SET(stage->b_at, text)

static void park(struct client *b)
{
	AT("parked");
	SET(stage->b_outstanding, (int)client_outstanding(b));
	SET(stage->b_parked, 1);
	while (GET(stage->phase) == PHASE_PARK)
		usleep(50);
}

/* Something of everything, with the victim's port among others. */
static void work(struct client *b, unsigned int turn)
{
	struct signal_desc *sd;

	AT("sends");
	if (client_outstanding(b) < 4)
		client_send(b, turn & 1 ? PORT_VICTIM : PORT_B);
	AT("serves");
	client_serve(b, PORT_B);
	AT("receives");
	while (client_receive(b))
		;
	AT("gets a descriptor");
	sd = xseg_get_port_signal_desc(b->x, PORT_VICTIM);
	AT("signals");
	xseg_signal(b->x, PORT_VICTIM);
	AT("puts a descriptor");
	if (sd)
		xseg_put_signal_desc(b->x, sd);
	AT("waits a little");
	xseg_prepare_wait(b->x, b->sd);
	xseg_wait_signal(b->x, b->sd, 20);
}

/* Does what there is to be done, and sleeps until it is signalled. */
static void serve(struct client *b)
{
	AT("prepares");
	xseg_prepare_wait(b->x, b->sd);
	if (client_receive(b) || client_serve(b, PORT_B)) {
		xseg_cancel_wait(b->x, b->sd);
		SET(stage->b_outstanding, (int)client_outstanding(b));
		return;
	}
	if (GET(stage->phase) != PHASE_SERVE) {
		xseg_cancel_wait(b->x, b->sd);
		return;
	}
	AT("sleeps");
	xseg_wait_signal(b->x, b->sd, XSEG_WAIT_FOREVER);
	AT("woke up");
}

/* Takes the request that the victim sent it. */
static struct xseg_request *take_one(struct client *b)
{
	struct xseg_request *req = NULL;

	while (!req) {
		xseg_prepare_wait(b->x, b->sd);
		req = xseg_accept(b->x, PORT_B, 0);
		if (!req) {
			AT("waits for the victim's request");
			xseg_wait_signal(b->x, b->sd, XSEG_WAIT_FOREVER);
		}
	}
	xseg_cancel_wait(b->x, b->sd);
	return req;
}

/*
 * Sleeps until somebody has something for it: then it does nothing until it is
 * told to serve.
 */
static void sleep_through(struct client *b)
{
	AT("sleeps while the victim is at work");
	xseg_prepare_wait(b->x, b->sd);
	xseg_wait_signal(b->x, b->sd, XSEG_WAIT_FOREVER);
	AT("woke up");
	while (GET(stage->phase) == PHASE_RUN)
		usleep(50);
}

static void answer(struct client *b, struct xseg_request *req)
{
	if (!req)
		return;
	req->state = XSEG_REQ_SERVED;
	if (xseg_respond(b->x, req, PORT_B, XSEG_SIGNAL) < 0)
		b->bad++;
}

void partner_body(struct trial *t)
{
	struct client b = { .who = "B", .may = t->a.may };
	struct xseg_request *held = NULL;
	unsigned int turn = 0;

	cpu_take(1);
	AT("joins");
	if (client_join(&b, t->fd, t->type, PORT_B))
		_exit(2);
	client_send(&b, PORT_VICTIM);
	client_send(&b, PORT_VICTIM);
	SET(stage->b_outstanding, (int)client_outstanding(&b));
	SET(stage->b_ready, 1);
	while (GET(stage->phase) == PHASE_BEGIN)
		usleep(50);
	if (t->company == TWO && !(t->s->flags & S_NOPEER))
		held = take_one(&b);
	if (t->company == TWO)
		sleep_through(&b);
	while (GET(stage->phase) == PHASE_RUN)
		work(&b, turn++);
	if (GET(stage->phase) == PHASE_PARK)
		park(&b);
	answer(&b, held);
	while (GET(stage->phase) == PHASE_SERVE)
		serve(&b);
	AT("leaves");
	if (b.bad)
		SET(stage->bad, b.bad);
	_exit(xseg_leave(b.x) ? 3 : 0);
}
