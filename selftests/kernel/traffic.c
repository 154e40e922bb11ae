// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests between processes and kernel peers, in both directions, on each
 * type that a process can wait on: data verified, waits without limit, the
 * cap on sleeps off, so that a lost wake-up hangs and is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xseg/xseg.h>

#include "kselftest_harness.h"

#define DATA	512
#define WORDS	(DATA / 8)
#define MIX	0x9e3779b97f4a7c15ULL

static unsigned long rounds(unsigned long dflt)
{
	const char *s = getenv("XSEG_ROUNDS");

	return s ? strtoul(s, NULL, 0) : dflt;
}

static int test_start(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
static int test_start(const char *fmt, ...)
{
	int fd = open("/sys/kernel/debug/xseg_test/start", O_WRONLY);
	char line[256];
	va_list args;
	int n, ret;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	ret = write(fd, line, n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

/* Fields of the first line of stat for a kind and port. */
static int test_stat(const char *kind, unsigned int port, long long *done,
		     long long *bad, long long *failed)
{
	FILE *f = fopen("/sys/kernel/debug/xseg_test/stat", "r");
	char line[256], k[32], end[32] = "";
	unsigned int p;
	int ret = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s port %u done %lld bad %lld failed %lld %31s",
			   k, &p, done, bad, failed, end) == 6 &&
		    !strcmp(k, kind) && p == port)
			ret = !strcmp(end, "ended");
	}
	if (f)
		fclose(f);
	return ret;
}

FIXTURE(traffic) {
	char name[32];
	struct xseg *xseg;
	struct signal_desc *sd;
};

FIXTURE_VARIANT(traffic) {
	const char *type;
};

FIXTURE_VARIANT_ADD(traffic, futex) { .type = "futex" };
FIXTURE_VARIANT_ADD(traffic, eventfd) { .type = "eventfd" };
FIXTURE_VARIANT_ADD(traffic, device) { .type = "device" };

FIXTURE_SETUP(traffic)
{
	struct xseg_params params = { .size = sizeof(params),
				      .heap_size = 4 << 20 };

	snprintf(self->name, sizeof(self->name), "traffic-%d", getpid());
	ASSERT_EQ(0, xseg_create(self->name, &params));
	self->xseg = xseg_join(self->name, 0);
	ASSERT_NE(NULL, self->xseg);
	xseg_set_sleep_cap(self->xseg, XSEG_WAIT_FOREVER);
	ASSERT_EQ(0, xseg_attach(self->name));
	ASSERT_EQ(0, xseg_local_signal_init(self->xseg, variant->type));
	self->sd = xseg_get_signal_desc(self->xseg, variant->type);
	ASSERT_NE(NULL, self->sd);
	ASSERT_EQ(1, xseg_bind_port(self->xseg, 1, self->sd));
}

FIXTURE_TEARDOWN(traffic)
{
	EXPECT_EQ(0, test_start("stop"));
	EXPECT_EQ(0, xseg_leave(self->xseg));
	EXPECT_EQ(0, xseg_detach(self->name));
	EXPECT_EQ(0, xseg_destroy(self->name, 0));
}

static int send_one(struct xseg *xseg, xport dst, __u64 seed)
{
	struct xseg_request *req = xseg_get_request(xseg, 1, dst, 0);
	__u64 *data;
	int i;

	if (!req)
		return -errno;
	if (xseg_prep_request(xseg, req, 0, DATA))
		return -ENOMEM;
	data = xseg_get_data(xseg, req);
	for (i = 0; i < WORDS; i++)
		data[i] = seed * MIX + i;
	xseg_set_req_data(xseg, req, (void *)(uintptr_t)seed);
	i = xseg_submit(xseg, req, 1, XSEG_SIGNAL);
	return i < 0 ? i : 0;
}

/* Waits for an answer and checks it: 0, or what was wrong. */
static int check_one(struct xseg *xseg, struct signal_desc *sd)
{
	struct xseg_request *req;
	void *seed;
	__u64 *data;
	int i, ret;

	for (;;) {
		req = xseg_receive(xseg, 1, 0);
		if (req)
			break;
		if (xseg_prepare_wait(xseg, sd))
			return -1;
		req = xseg_receive(xseg, 1, 0);
		if (req) {
			xseg_cancel_wait(xseg, sd);
			break;
		}
		ret = xseg_wait_signal(xseg, sd, XSEG_WAIT_FOREVER);
		if (ret)
			return ret;
	}
	ret = req->state == XSEG_REQ_SERVED ? 0 : -2;
	xseg_get_req_data(xseg, req, &seed);
	data = xseg_get_data(xseg, req);
	for (i = 0; i < WORDS && !ret; i++)
		if (data[i] != ~((uintptr_t)seed * MIX + i))
			ret = -3;
	xseg_put_request(xseg, req);
	return ret;
}

static int user_source(struct xseg *xseg, struct signal_desc *sd, xport dst,
		       unsigned long count, unsigned long depth)
{
	unsigned long sent = 0, got;
	int ret;

	for (got = 0; got < count; got++) {
		while (sent < count && sent - got < depth) {
			ret = send_one(xseg, dst, sent + 1);
			if (ret)
				return ret;
			sent++;
		}
		ret = check_one(xseg, sd);
		if (ret)
			return ret;
	}
	return 0;
}

static void user_to_kernel(struct __test_metadata *_metadata,
			   struct _test_data_traffic *self, const char *kind)
{
	struct xseg_stats stats;
	long long done, bad, failed;

	ASSERT_EQ(0, test_start("%s %s 2", kind, self->name));
	EXPECT_EQ(0, user_source(self->xseg, self->sd, 2, rounds(2000), 1));
	EXPECT_EQ(0, user_source(self->xseg, self->sd, 2, rounds(2000), 16));
	EXPECT_EQ(0, test_stat(kind, 2, &done, &bad, &failed));
	EXPECT_EQ(2 * rounds(2000), done);
	EXPECT_EQ(0, failed);
	EXPECT_EQ(0, xseg_get_stats(self->xseg, &stats));
	TH_LOG("%s: sent %llu elided %llu sleeps %llu", kind,
	       (unsigned long long)stats.signals_sent,
	       (unsigned long long)stats.signals_elided,
	       (unsigned long long)stats.sleeps);
}

TEST_F_TIMEOUT(traffic, to_kernel_thread, 600)
{
	user_to_kernel(_metadata, self, "echo");
}

TEST_F_TIMEOUT(traffic, to_kernel_work, 600)
{
	user_to_kernel(_metadata, self, "work");
}

TEST_F_TIMEOUT(traffic, to_kernel_direct, 600)
{
	user_to_kernel(_metadata, self, "direct");
}

/* Answers until it has answered so many. */
static int user_echo(struct xseg *xseg, struct signal_desc *sd,
		     unsigned long count)
{
	struct xseg_request *req;
	__u64 *data;
	int i, ret;

	while (count) {
		req = xseg_accept(xseg, 1, 0);
		if (!req) {
			xseg_prepare_wait(xseg, sd);
			req = xseg_accept(xseg, 1, 0);
			if (req)
				xseg_cancel_wait(xseg, sd);
		}
		if (!req) {
			ret = xseg_wait_signal(xseg, sd, XSEG_WAIT_FOREVER);
			if (ret)
				return ret;
			continue;
		}
		data = xseg_get_data(xseg, req);
		for (i = 0; i < WORDS; i++)
			data[i] = ~data[i];
		req->state = XSEG_REQ_SERVED;
		ret = xseg_respond(xseg, req, 1, XSEG_SIGNAL);
		if (ret < 0)
			return ret;
		count--;
	}
	return 0;
}

static void kernel_to_user(struct __test_metadata *_metadata,
			   struct _test_data_traffic *self, int depth)
{
	long long done = 0, bad, failed;
	int i;

	ASSERT_EQ(0, test_start("source %s 3 1 %lu %d", self->name,
				rounds(2000), depth));
	EXPECT_EQ(0, user_echo(self->xseg, self->sd, rounds(2000)));
	for (i = 0; i < 1000; i++) {
		if (test_stat("source", 3, &done, &bad, &failed) == 1)
			break;
		usleep(10000);
	}
	EXPECT_EQ(rounds(2000), done);
	EXPECT_EQ(0, bad);
	EXPECT_EQ(0, failed);
}

TEST_F_TIMEOUT(traffic, from_kernel, 600)
{
	kernel_to_user(_metadata, self, 1);
}

TEST_F_TIMEOUT(traffic, from_kernel_deep, 600)
{
	kernel_to_user(_metadata, self, 16);
}

/* Answers all there is without a signal, then signals and sleeps in one call. */
static int user_echo_batched(struct xseg *xseg, struct signal_desc *sd,
			     unsigned long count)
{
	struct xseg_request *req;
	unsigned int nr = 0;
	xport reply = 3;
	__u64 *data;
	int i, ret;

	while (count) {
		xseg_prepare_wait(xseg, sd);
		req = xseg_accept(xseg, 1, 0);
		if (!req) {
			ret = xseg_signal_and_wait(xseg, sd, &reply, nr,
						   XSEG_WAIT_FOREVER);
			if (ret)
				return ret;
			nr = 0;
			continue;
		}
		xseg_cancel_wait(xseg, sd);
		data = xseg_get_data(xseg, req);
		for (i = 0; i < WORDS; i++)
			data[i] = ~data[i];
		req->state = XSEG_REQ_SERVED;
		ret = xseg_respond(xseg, req, 1, 0);
		if (ret != (int)reply)
			return -1;
		nr = 1;
		count--;
	}
	return xseg_signal(xseg, reply);
}

TEST_F_TIMEOUT(traffic, from_kernel_batched, 600)
{
	long long done = 0, bad, failed;
	int i, depth;

	for (depth = 1; depth <= 16; depth += 15) {
		ASSERT_EQ(0, test_start("source %s 3 1 %lu %d", self->name,
					rounds(2000), depth));
		EXPECT_EQ(0, user_echo_batched(self->xseg, self->sd,
					       rounds(2000)));
		for (i = 0; i < 1000; i++) {
			if (test_stat("source", 3, &done, &bad, &failed) == 1)
				break;
			usleep(10000);
		}
		EXPECT_EQ(rounds(2000), done);
		EXPECT_EQ(0, bad + failed);
		ASSERT_EQ(0, test_start("stop"));
	}
}

TEST_F_TIMEOUT(traffic, kernel_to_kernel, 600)
{
	static const char * const kinds[] = { "echo", "work", "direct" };
	long long done, bad, failed;
	unsigned int k;
	int i;

	for (k = 0; k < 3; k++) {
		ASSERT_EQ(0, test_start("%s %s 2", kinds[k], self->name));
		ASSERT_EQ(0, test_start("source %s 3 2 %lu 4", self->name,
					rounds(2000)));
		for (i = 0; i < 6000; i++) {
			if (test_stat("source", 3, &done, &bad, &failed) == 1)
				break;
			usleep(10000);
		}
		EXPECT_EQ(rounds(2000), done);
		EXPECT_EQ(0, bad);
		EXPECT_EQ(0, failed);
		ASSERT_EQ(0, test_start("stop"));
	}
}

struct sleeper {
	struct xseg *xseg;
	struct signal_desc *sd;
	int ret;
};

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	s->ret = user_echo(s->xseg, s->sd, 10);
	return NULL;
}

/* Who sleeps already when kernel drivers are let in is woken by them, too. */
TEST_F_TIMEOUT(traffic, attach_while_asleep, 60)
{
	struct sleeper s = { self->xseg, self->sd, -1 };
	long long done, bad, failed;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, xseg_detach(self->name));
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleeper_main, &s));
	usleep(300000);
	ASSERT_EQ(0, xseg_attach(self->name));
	usleep(300000);
	ASSERT_EQ(0, test_start("source %s 3 1 10 1", self->name));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.ret);
	for (i = 0; i < 1000; i++) {
		if (test_stat("source", 3, &done, &bad, &failed) == 1)
			break;
		usleep(10000);
	}
	EXPECT_GT(1000, i);
	EXPECT_EQ(10, done);
}

/* Drivers are peers: it is not detached. */
TEST_F(traffic, busy)
{
	ASSERT_EQ(0, test_start("echo %s 2", self->name));
	EXPECT_EQ(-EBUSY, xseg_detach(self->name));
	EXPECT_EQ(-EBUSY, test_start("echo %s 2", self->name));	/* port */
	EXPECT_EQ(-EINVAL, test_start("nosuch %s 4", self->name));
	EXPECT_EQ(-ENOENT, test_start("echo no-such-segment 2"));
	EXPECT_EQ(0, user_source(self->xseg, self->sd, 2, 10, 1));
}

TEST_HARNESS_MAIN
