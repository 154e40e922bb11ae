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

/* Sleeps until it is signalled, if there is nothing to be done. */
static void sleep_or_serve(struct client *b)
{
	AT("prepares");
	xseg_prepare_wait(b->x, b->sd);
	if (GET(stage->phase) == PHASE_SERVE) {
		if (client_receive(b) || client_serve(b, PORT_B)) {
			xseg_cancel_wait(b->x, b->sd);
			SET(stage->b_outstanding, (int)client_outstanding(b));
			return;
		}
	} else if (GET(stage->phase) != PHASE_RUN) {
		xseg_cancel_wait(b->x, b->sd);
		return;
	}
	AT("sleeps");
	xseg_wait_signal(b->x, b->sd, XSEG_WAIT_FOREVER);
	AT("woke up");
}

void partner_body(struct trial *t)
{
	struct client b = { .who = "B", .may = t->a.may };
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
	while (GET(stage->phase) != PHASE_STOP) {
		if (GET(stage->phase) == PHASE_PARK)
			park(&b);
		else if (GET(stage->phase) == PHASE_RUN &&
			 t->company == RUNNING)
			work(&b, turn++);
		else
			sleep_or_serve(&b);
	}
	AT("leaves");
	if (b.bad)
		SET(stage->bad, b.bad);
	_exit(xseg_leave(b.x) ? 3 : 0);
}
