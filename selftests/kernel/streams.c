// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests with data of all sizes, 0 to 64 KiB, on several ports at once, in
 * both directions, verified. Waits have no limit and no cap. XSEG_ROUNDS are
 * the requests in each direction, all ports together.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define STREAMS	3
#define DEPTH	8
#define SIZE	65536U
#define ROUNDS	3000
#define MIX	0x9e3779b97f4a7c15ULL

static const struct xseg_params params = {
	.size = sizeof(params),
	.nr_ports = 16,
	.nr_requests = 256,
	.nr_descs = 32,
	.queue_len = 32,
	.heap_size = 16 << 20,
	.max_data = SIZE,
};

/**
 * struct stream - a thread with a port of its own
 * @peer:  it
 * @dst:   where it sends
 * @count: requests
 * @bad:   what was wrong, NULL if nothing
 * @bytes: of data
 * @dice:  random numbers
 */
struct stream {
	struct ks_peer peer;
	xport dst;
	unsigned long count;
	const char *bad;
	unsigned long long bytes;
	uint64_t dice;
	pthread_t thread;
};

static __u64 size_of(struct stream *s)
{
	uint32_t r = ks_random(&s->dice);

	return (r >> 6) % ((r & 63 ? 4096 : SIZE) + 1);
}

/* The same data as kernel/test/data.c. */
static void fill(void *data, __u64 len, __u64 seed)
{
	__u64 i, *word = data;
	__u8 *byte = data;

	for (i = 0; i < len / 8; i++)
		word[i] = seed * MIX + i;
	for (i = len & ~7ULL; i < len; i++)
		byte[i] = (__u8)(seed + i);
}

static int is_answer(const void *data, __u64 len, __u64 seed)
{
	const __u64 *word = data;
	const __u8 *byte = data;
	__u64 i;

	for (i = 0; i < len / 8; i++)
		if (word[i] != ~(seed * MIX + i))
			return 0;
	for (i = len & ~7ULL; i < len; i++)
		if (byte[i] != (__u8)~(seed + i))
			return 0;
	return 1;
}

static void invert(void *data, __u64 len)
{
	__u64 i, *word = data;
	__u8 *byte = data;

	for (i = 0; i < len / 8; i++)
		word[i] = ~word[i];
	for (i = len & ~7ULL; i < len; i++)
		byte[i] = (__u8)~byte[i];
}

static int stream_send(struct stream *s, __u64 seed)
{
	struct ks_peer *p = &s->peer;
	struct xseg_request *req;
	__u64 size = size_of(s);

	req = xseg_get_request(p->x, p->port, s->dst, 0);
	if (!req)
		return -errno;
	KS_CHECK(!xseg_prep_request(p->x, req, 0, size));
	fill(xseg_get_data(p->x, req), size, seed);
	req->cookie = size;
	s->bytes += size;
	KS_CHECK(!xseg_set_req_data(p->x, req, (void *)(uintptr_t)seed));
	return xseg_submit(p->x, req, p->port, XSEG_SIGNAL);
}

static void *client(void *arg)
{
	struct stream *s = arg;
	struct ks_peer *p = &s->peer;
	unsigned long sent = 0, got;
	struct xseg_request *req;
	void *seed;

	for (got = 0; got < s->count && !s->bad; got++) {
		while (sent < s->count && sent - got < DEPTH) {
			if (stream_send(s, ++sent) < 0)
				s->bad = "send";
		}
		req = ks_wait_reply(p);
		xseg_get_req_data(p->x, req, &seed);
		if (req->state != XSEG_REQ_SERVED)
			s->bad = "state";
		else if (req->datalen != req->cookie ||
			 !is_answer(xseg_get_data(p->x, req), req->datalen,
				    (uintptr_t)seed))
			s->bad = "data";
		xseg_put_request(p->x, req);
	}
	return NULL;
}

static void *server(void *arg)
{
	struct stream *s = arg;
	struct ks_peer *p = &s->peer;
	struct xseg_request *req;
	unsigned long i;

	for (i = 0; i < s->count && !s->bad; i++) {
		req = ks_wait_request(p);
		s->bytes += req->datalen;
		invert(xseg_get_data(p->x, req), req->datalen);
		req->state = XSEG_REQ_SERVED;
		if (xseg_respond(p->x, req, p->port, XSEG_SIGNAL) < 0)
			s->bad = "respond";
	}
	return NULL;
}

FIXTURE(streams)
{
	struct ks_segment segment;
	struct stream s[STREAMS];
	unsigned long count;
};

FIXTURE_VARIANT(streams)
{
	const char *type;
	const char *kernel;
};

FIXTURE_VARIANT_ADD(streams, futex) { "futex", "waitqueue" };
FIXTURE_VARIANT_ADD(streams, eventfd) { "eventfd", "waitqueue" };
FIXTURE_VARIANT_ADD(streams, device) { "device", "waitqueue" };
FIXTURE_VARIANT_ADD(streams, bridge) { "futex", "eventfd-bridge" };

FIXTURE_SETUP(streams)
{
	int i;

	ASSERT_EQ(0, ks_create(&self->segment, &params));
	ASSERT_EQ(0, xseg_attach(self->segment.name));
	self->count = ks_number("XSEG_ROUNDS", ROUNDS) / STREAMS + 1;
	for (i = 0; i < STREAMS; i++) {
		struct stream *s = &self->s[i];

		memset(s, 0, sizeof(*s));
		ks_peer_join(&s->peer, self->segment.name, variant->type,
			     (xport)i);
		ASSERT_EQ(0, xseg_set_sleep_cap(s->peer.x, XSEG_WAIT_FOREVER));
		s->dst = (xport)(STREAMS + i);
		s->count = self->count;
		s->dice = ks_seed();
	}
}

FIXTURE_TEARDOWN(streams)
{
	int i;

	EXPECT_EQ(0, peer_command("stop"));
	for (i = 0; i < STREAMS; i++)
		EXPECT_EQ(0, xseg_leave(self->s[i].peer.x));
	EXPECT_EQ(0, xseg_detach(self->segment.name));
	EXPECT_EQ(0, xseg_destroy(self->segment.name, 0));
}

static void run_all(struct __test_metadata *_metadata, struct stream *s,
		    void *(*run)(void *arg), const char *what)
{
	unsigned long long bytes = 0;
	uint64_t start = ks_now_ns();
	int i;

	for (i = 0; i < STREAMS; i++)
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, run, &s[i]));
	for (i = 0; i < STREAMS; i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(NULL, s[i].bad) TH_LOG("%s", s[i].bad);
		bytes += s[i].bytes;
	}
	printf("# %s: %d x %lu requests, %llu bytes, %.1f us each\n", what,
	       STREAMS, s[0].count, bytes, (double)(ks_now_ns() - start) /
	       1000 / STREAMS / (double)s[0].count);
}

/* One server answers at once, one in another order, one later. */
static void to_kernel(struct __test_metadata *_metadata,
		      struct _test_data_streams *self, const char *type,
		      const char *in)
{
	static const char *const kinds[STREAMS] = { "echo", "sink", "slow" };
	struct peer_stat stat;
	int i;

	for (i = 0; i < STREAMS; i++)
		ASSERT_EQ(0, peer_command("%s:%s:%s %s %d", kinds[i], type, in,
					  self->segment.name, STREAMS + i));
	run_all(_metadata, self->s, client, in);
	for (i = 0; i < STREAMS; i++) {
		ASSERT_EQ(0, peer_stat((unsigned int)(STREAMS + i), &stat));
		EXPECT_EQ(self->count, stat.done);
		EXPECT_EQ(0, stat.failed);
	}
}

TEST_F_TIMEOUT(streams, to_kernel_threads, 0)
{
	to_kernel(_metadata, self, variant->kernel, "thread");
}

TEST_F_TIMEOUT(streams, to_kernel_softirq, 0)
{
	to_kernel(_metadata, self, variant->kernel, "softirq");
}

TEST_F_TIMEOUT(streams, to_kernel_hardirq, 0)
{
	to_kernel(_metadata, self, variant->kernel, "hardirq");
}

static void from_kernel(struct __test_metadata *_metadata,
			struct _test_data_streams *self, const char *type,
			const char *in)
{
	struct peer_stat stat;
	int i;

	for (i = 0; i < STREAMS; i++)
		ASSERT_EQ(0, peer_command("source:%s:%s %s %d %d %lu %d %u",
					  type, in, self->segment.name,
					  STREAMS + i, i, self->count, DEPTH,
					  SIZE));
	run_all(_metadata, self->s, server, in);
	for (i = 0; i < STREAMS; i++) {
		ASSERT_EQ(0, peer_ended((unsigned int)(STREAMS + i), &stat,
					60));
		EXPECT_EQ(self->count, stat.done);
		EXPECT_EQ(0, stat.bad);
		EXPECT_EQ(0, stat.failed);
	}
}

TEST_F_TIMEOUT(streams, from_kernel_threads, 0)
{
	from_kernel(_metadata, self, variant->kernel, "thread");
}

TEST_F_TIMEOUT(streams, from_kernel_hardirq, 0)
{
	from_kernel(_metadata, self, variant->kernel, "hardirq");
}

/* While a peer signals both sides without need, again and again. */
TEST_F_TIMEOUT(streams, with_chatter, 0)
{
	struct peer_stat stat;

	ASSERT_EQ(0, peer_command("chatty:waitqueue:hardirq %s 10 0 1000000 4",
				  self->segment.name));
	ASSERT_EQ(0, peer_command("chatty %s 11 %d 1000000 4",
				  self->segment.name, STREAMS));
	to_kernel(_metadata, self, variant->kernel, "thread");
	ASSERT_EQ(0, peer_stat(10, &stat));
	EXPECT_LT(0, stat.done);
	EXPECT_EQ(0, stat.failed);
	ASSERT_EQ(0, peer_stat(11, &stat));
	EXPECT_LT(0, stat.done);
	EXPECT_EQ(0, stat.failed);
}

TEST_HARNESS_MAIN
