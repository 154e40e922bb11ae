// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes that kernel peers wake, and what may become of them: more threads
 * than the module takes, threads that end, files closed behind the library's
 * back, kills, stops, exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/xseg.h>

#include "kselftest_harness.h"

#define THREADS	12

static int test_start(const char *line)
{
	int fd = open("/sys/kernel/debug/xseg_test/start", O_WRONLY);
	int ret = write(fd, line, strlen(line)) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

/*
 * How many answers the source on a port has, and how many of them are of dead
 * servers; *ended when it has all.
 */
static long long source_stat(unsigned int port, long long *failed, int *ended)
{
	FILE *f = fopen("/sys/kernel/debug/xseg_test/stat", "r");
	long long done, bad, ret = -1;
	char line[256], end[32];
	unsigned int p;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "source port %u done %lld bad %lld failed %lld %31s",
			   &p, &done, &bad, failed, end) == 5 && p == port) {
			ret = bad ? -2 : done;
			*ended = !strcmp(end, "ended");
		}
	}
	if (f)
		fclose(f);
	return ret;
}

static long long source_done(unsigned int port, int *ended)
{
	long long failed;

	return source_stat(port, &failed, ended);
}

static long long source_wait(unsigned int port, int seconds)
{
	long long done = -1;
	int i, ended = 0;

	for (i = 0; i < seconds * 100 && !ended; i++) {
		done = source_done(port, &ended);
		usleep(10000);
	}
	return ended ? done : -3;
}

FIXTURE(waiters) {
	char name[32];
	char line[128];
};

FIXTURE_SETUP(waiters)
{
	struct xseg_params params = { .size = sizeof(params),
				      .heap_size = 4 << 20 };

	snprintf(self->name, sizeof(self->name), "waiters-%d", getpid());
	ASSERT_EQ(0, xseg_create(self->name, &params));
	ASSERT_EQ(0, xseg_attach(self->name));
}

FIXTURE_TEARDOWN(waiters)
{
	EXPECT_EQ(0, test_start("stop"));
	EXPECT_EQ(0, xseg_detach(self->name));
	EXPECT_EQ(0, xseg_destroy(self->name, XSEG_DESTROY_FORCE));
}

struct server {
	struct xseg *xseg;
	struct signal_desc *sd;
	pthread_t thread;
	unsigned long served;
	unsigned long max;
	int close_all;
};

static int server_open(struct server *s, const char *name, const char *type,
		       unsigned int cap)
{
	s->xseg = xseg_join(name, 0);
	if (!s->xseg)
		return -errno;
	xseg_set_sleep_cap(s->xseg, cap);
	if (xseg_local_signal_init(s->xseg, type))
		return -1;
	s->sd = xseg_get_signal_desc(s->xseg, type);
	return xseg_bind_port(s->xseg, 1, s->sd);
}

static int serve_some(struct server *s)
{
	struct xseg_request *req;
	__u64 *data;
	int i, n = 0;

	while ((req = xseg_accept(s->xseg, 1, 0))) {
		data = xseg_get_data(s->xseg, req);
		for (i = 0; i < 64; i++)
			data[i] = ~data[i];
		req->state = XSEG_REQ_SERVED;
		xseg_respond(s->xseg, req, 1, XSEG_SIGNAL);
		n++;
	}
	s->served += n;
	return n;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int n = 0;

	while (!s->max || s->served < s->max) {
		if (s->close_all && n++ == 20)
			close_range(3, ~0U, 0);
		if (serve_some(s))
			continue;
		if (xseg_prepare_wait(s->xseg, s->sd))
			break;
		if (serve_some(s)) {
			xseg_cancel_wait(s->xseg, s->sd);
			continue;
		}
		if (xseg_wait_signal(s->xseg, s->sd, XSEG_WAIT_FOREVER) ==
		    -ESTALE)
			break;
	}
	return NULL;
}

/* All threads are woken by each signal; some look by themselves. */
TEST_F_TIMEOUT(waiters, many_threads, 120)
{
	struct server all = { 0 }, s[THREADS];
	int i;

	ASSERT_EQ(1, server_open(&all, self->name, "futex",
				 XSEG_WAIT_FOREVER));
	for (i = 0; i < THREADS; i++) {
		s[i] = all;
		pthread_create(&s[i].thread, NULL, serve, &s[i]);
	}
	snprintf(self->line, sizeof(self->line), "source %s 3 1 2000 8",
		 self->name);
	ASSERT_EQ(0, test_start(self->line));
	EXPECT_EQ(2000, source_wait(3, 100));
	xseg_release_port(all.xseg, 1);
	xseg_put_signal_desc(all.xseg, all.sd);
	for (i = 0; i < THREADS; i++)
		pthread_join(s[i].thread, NULL);
	EXPECT_EQ(0, xseg_leave(all.xseg));
}

/* Threads come and go, each registers for itself. */
TEST_F_TIMEOUT(waiters, threads_that_end, 120)
{
	struct server s = { 0 };
	int i;

	ASSERT_EQ(1, server_open(&s, self->name, "futex", XSEG_WAIT_FOREVER));
	snprintf(self->line, sizeof(self->line), "source %s 3 1 400 1",
		 self->name);
	ASSERT_EQ(0, test_start(self->line));
	for (i = 1; i <= 40; i++) {
		s.max = 10 * i;
		pthread_create(&s.thread, NULL, serve, &s);
		pthread_join(s.thread, NULL);
	}
	EXPECT_EQ(400, source_wait(3, 60));
	EXPECT_EQ(0, xseg_leave(s.xseg));
}

/* The program closes all descriptors in the middle. */
TEST_F_TIMEOUT(waiters, closed_behind, 120)
{
	struct server s = { .max = 500, .close_all = 1 };
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (server_open(&s, self->name, "futex",
				XSEG_WAIT_FOREVER) != 1)
			_exit(1);
		serve(&s);
		_exit(xseg_leave(s.xseg) ? 2 : 0);
	}
	usleep(200000);
	snprintf(self->line, sizeof(self->line), "source %s 3 1 500 1",
		 self->name);
	ASSERT_EQ(0, test_start(self->line));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(500, source_wait(3, 60));
}

#define DEPTH	8

/*
 * A server is killed again and again, in the middle of requests of a kernel
 * peer, and stopped; the next one takes the port over.
 */
TEST_F_TIMEOUT(waiters, killed_and_stopped, 240)
{
	static const char * const types[] = { "futex", "eventfd" };
	struct server s = { 0 };
	long long done = 0, failed = 0, before;
	int i, tries, ended = 0, status;
	pid_t pid;

	/* Without an end: how much a server does before it dies, nobody knows. */
	snprintf(self->line, sizeof(self->line), "source %s 3 1 %lld %d",
		 self->name, LLONG_MAX, DEPTH);
	ASSERT_EQ(0, test_start(self->line));
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			if (server_open(&s, self->name, types[i & 1],
					1000000) != 1)
				_exit(1);
			serve(&s);
			_exit(2);
		}
		usleep(150000);
		if (i % 4 == 0) {
			kill(pid, SIGSTOP);
			usleep(20000);
			kill(pid, SIGCONT);
			usleep(50000);
		}
		/* Some kernels are slow: each server is to have done something. */
		for (tries = 0; source_done(3, &ended) <= done && tries < 2000;
		     tries++)
			usleep(10000);
		EXPECT_LT(done, source_done(3, &ended));
		before = failed;
		done = source_stat(3, &failed, &ended);
		/* A death fails what was under way, and what raced with it. */
		EXPECT_GE(before + 2 * DEPTH, failed);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(1, WIFSIGNALED(status));
	}
	TH_LOG("%lld answers, %lld of the dead", done, failed);
}

/* An eventfd descriptor in epoll, filled by the kernel. */
TEST_F_TIMEOUT(waiters, epoll, 60)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct server s = { 0 };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int timeouts = 0;

	ASSERT_EQ(1, server_open(&s, self->name, "eventfd",
				 XSEG_WAIT_FOREVER));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD,
			       xseg_signal_fd(s.xseg, s.sd), &ev));
	snprintf(self->line, sizeof(self->line), "source %s 3 1 1000 1",
		 self->name);
	ASSERT_EQ(0, test_start(self->line));
	while (s.served < 1000 && timeouts < 3) {
		ASSERT_EQ(0, xseg_prepare_wait(s.xseg, s.sd));
		if (!serve_some(&s) && !epoll_wait(ep, &ev, 1, 5000))
			timeouts++;
		xseg_cancel_wait(s.xseg, s.sd);
	}
	EXPECT_EQ(0, timeouts);
	EXPECT_EQ(1000, source_wait(3, 20));
	close(ep);
	EXPECT_EQ(0, xseg_leave(s.xseg));
}

TEST_HARNESS_MAIN
