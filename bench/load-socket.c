// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Carried by a stream socket (AF_UNIX), blocking, for one client. The answer
 * is 8 bytes.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"

static int pair[2];
static char *buffer;

void load_open(void)
{
	errno = EINVAL;
	if (load.clients != 1)
		bench_die("one client only");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		bench_die("socketpair");
	buffer = malloc(max(load.size, 8U));
}

void load_server(void)
{
}

void load_client(u32 id)
{
}

static void send_all(int fd, const char *p, size_t n)
{
	ssize_t ret;

	for (; n; p += ret, n -= (size_t)ret) {
		ret = write(fd, p, n);
		if (ret <= 0)
			bench_die("write");
	}
}

static void receive_all(int fd, char *p, size_t n)
{
	ssize_t ret;

	for (; n; p += ret, n -= (size_t)ret) {
		ret = read(fd, p, n);
		if (ret < 0)
			bench_die("read");
		if (!ret)
			_exit(0);	/* the client is done */
	}
}

void load_ask(u32 id, bool last)
{
	load_fill(buffer, load.size);
	send_all(pair[0], buffer, load.size);
}

void load_answer(u32 id)
{
	char answer[8];

	receive_all(pair[0], answer, sizeof(answer));
}

void load_serve(void)
{
	for (;;) {
		receive_all(pair[1], buffer, load.size);
		load_use(buffer, load.size);
		send_all(pair[1], buffer, 8);
	}
}
