// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by ZeroMQ over ipc: DEALER to ROUTER and back. The answer is empty.
 */
#include <unistd.h>
#include <zmq.h>

#include "bench/load.h"

static char address[64];
static void *sock;

void load_open(void)
{
	/* in the abstract name space: nothing to be removed */
	snprintf(address, sizeof(address), "ipc://@xseg-bench-%d",
		 (int)getpid());
}

/* Its threads do not survive a fork: in each process anew. */
static void sock_new(int kind)
{
	int none = 0;

	sock = zmq_socket(zmq_ctx_new(), kind);
	if (!sock)
		bench_die("zmq_socket");
	zmq_setsockopt(sock, ZMQ_SNDHWM, &none, sizeof(none));
	zmq_setsockopt(sock, ZMQ_RCVHWM, &none, sizeof(none));
}

void load_server(void)
{
	sock_new(ZMQ_ROUTER);
	if (zmq_bind(sock, address))
		bench_die("zmq_bind");
}

void load_client(u32 id)
{
	sock_new(ZMQ_DEALER);
	if (zmq_connect(sock, address))
		bench_die("zmq_connect");
}

void load_ask(u32 id, bool last)
{
	zmq_msg_t msg;

	if (zmq_msg_init_size(&msg, load.size))
		bench_die("zmq_msg_init_size");
	load_fill(zmq_msg_data(&msg), load.size);
	if (zmq_msg_send(&msg, sock, 0) < 0)
		bench_die("zmq_msg_send");
}

void load_answer(u32 id)
{
	char none;

	if (zmq_recv(sock, &none, 0, 0) < 0)
		bench_die("zmq_recv");
}

void load_serve(void)
{
	zmq_msg_t from, msg;

	for (;;) {
		zmq_msg_init(&from);
		zmq_msg_init(&msg);
		if (zmq_msg_recv(&from, sock, 0) < 0 ||
		    zmq_msg_recv(&msg, sock, 0) < 0)
			bench_die("zmq_msg_recv");
		load_use(zmq_msg_data(&msg), (u32)zmq_msg_size(&msg));
		zmq_msg_close(&msg);
		if (zmq_msg_send(&from, sock, ZMQ_SNDMORE) < 0 ||
		    zmq_send(sock, "", 0, 0) < 0)
			bench_die("zmq_send");
	}
}
