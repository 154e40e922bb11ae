// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by POSIX message queues: one to the server, one back to each client.
 * The answer is the number of the client, as small as it can be.
 */
#include <mqueue.h>
#include <unistd.h>

#include "bench/load.h"

#define MESSAGES	10	/* what a process may have without asking */

static mqd_t to_server, to_client[LOAD_CLIENTS];
static char *buffer;

static mqd_t queue_new(long size)
{
	struct mq_attr attr = { .mq_maxmsg = MESSAGES, .mq_msgsize = size };
	char name[64];
	static int nr;
	mqd_t q;

	snprintf(name, sizeof(name), "/xseg-bench-%d-%d", (int)getpid(), nr++);
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (q == (mqd_t)-1)
		bench_die("mq_open");
	mq_unlink(name);
	return q;
}

void load_open(void)
{
	u32 i;

	/* the clients' queue being full they wait for the server, and it never */
	errno = EINVAL;
	if (load.depth > MESSAGES)
		bench_die("at most 10 under way");
	buffer = calloc(1, load.size + sizeof(u64));
	to_server = queue_new((long)(load.size + sizeof(u64)));
	for (i = 0; i < load.clients; i++)
		to_client[i] = queue_new(sizeof(u64));
}

void load_server(void)
{
}

void load_client(u32 id)
{
	u64 from = id;

	memcpy(buffer, &from, sizeof(from));
}

void load_ask(u32 id, bool last)
{
	load_fill(buffer + sizeof(u64), load.size);
	if (mq_send(to_server, buffer, load.size + sizeof(u64), 0))
		bench_die("mq_send");
}

void load_answer(u32 id)
{
	u64 from;

	if (mq_receive(to_client[id], (char *)&from, sizeof(from), NULL) < 0)
		bench_die("mq_receive");
}

void load_serve(void)
{
	u64 from;

	for (;;) {
		if (mq_receive(to_server, buffer, load.size + sizeof(u64),
			       NULL) < 0)
			bench_die("mq_receive");
		load_use(buffer + sizeof(u64), load.size);
		memcpy(&from, buffer, sizeof(from));
		if (mq_send(to_client[from], (char *)&from, sizeof(from), 0))
			bench_die("mq_send");
	}
}
