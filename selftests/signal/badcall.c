// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Calls with arguments that are wrong, or made twice, or too late: each gives
 * its error and changes not one byte of the segment.
 */
#include <stdio.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

/* The call returns that, and the segment is as it was. */
#define REFUSED(err, call) do { \
	uint64_t _hash = ks_hash(self->segment.path); \
	EXPECT_EQ(err, call); \
	EXPECT_EQ(_hash, ks_hash(self->segment.path)); \
} while (0)

/* The same for a call that returns a pointer. */
#define REFUSED_POINTER(err, call) do { \
	uint64_t _hash = ks_hash(self->segment.path); \
	EXPECT_EQ(NULL, call); \
	EXPECT_EQ(err, errno); \
	EXPECT_EQ(_hash, ks_hash(self->segment.path)); \
} while (0)

enum { MINE, HIS, FREE };	/* ports */

/**
 * struct badcall - two peers, in one process for simplicity
 * @segment: where
 * @me:	     the peer that makes the calls
 * @he:	     the other
 * @x:	     handle of @me
 */
FIXTURE(badcall)
{
	struct ks_segment segment;
	struct ks_peer me;
	struct ks_peer he;
	struct xseg *x;
};

FIXTURE_SETUP(badcall)
{
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	ks_peer_join(&self->me, self->segment.name, "futex", MINE);
	ks_peer_join(&self->he, self->segment.name, "futex", HIS);
	self->x = self->me.x;
}

FIXTURE_TEARDOWN(badcall)
{
	EXPECT_EQ(0, xseg_leave(self->he.x));
	EXPECT_EQ(0, xseg_leave(self->x));
	EXPECT_EQ(0, ks_audit(self->segment.name, 0, 0));
	ks_destroy(&self->segment);
}

TEST_F(badcall, ports_out_of_range)
{
	static const xport bad[] = { 16, 17, 65536, 1U << 31, NoPort - 1 };
	struct xseg_port_info info;
	struct xseg *x = self->x;
	void *sd = self->me.sd;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		xport p = bad[i];

		REFUSED(-EINVAL, xseg_bind_port(x, p, sd));
		REFUSED(-EINVAL, xseg_release_port(x, p));
		REFUSED(-EINVAL, xseg_set_port_flags(x, p, 0));
		REFUSED(-EINVAL, xseg_alloc_requests(x, p, 1));
		REFUSED(-EINVAL, xseg_free_requests(x, p, 1));
		REFUSED(-EINVAL, xseg_set_max_requests(x, p, 1));
		REFUSED(-EINVAL, xseg_get_max_requests(x, p));
		REFUSED(-EINVAL, xseg_signal(x, p));
		REFUSED(-EINVAL, xseg_get_port_info(x, p, &info));
		REFUSED_POINTER(EINVAL, xseg_get_port_signal_desc(x, p));
		REFUSED_POINTER(EINVAL, xseg_get_request(x, p, MINE, 0));
		REFUSED_POINTER(EINVAL, xseg_get_request(x, MINE, p, 0));
		REFUSED_POINTER(EINVAL, xseg_accept(x, p, 0));
		REFUSED_POINTER(EINVAL, xseg_receive(x, p, 0));
	}
	REFUSED(-EINVAL, xseg_signal(x, NoPort));
	REFUSED(-EINVAL, xseg_release_port(x, NoPort));
	REFUSED_POINTER(EINVAL, xseg_get_request(x, MINE, NoPort, 0));
}

/* What only the owner of a port may do; nobody's or another's. */
TEST_F(badcall, ports_of_others)
{
	struct xseg *x = self->x;
	xport p;

	for (p = HIS; p <= FREE; p++) {
		REFUSED(-EINVAL, xseg_release_port(x, p));
		REFUSED(-EINVAL, xseg_set_port_flags(x, p, 0));
		REFUSED(-EINVAL, xseg_alloc_requests(x, p, 1));
		REFUSED(-EINVAL, xseg_free_requests(x, p, 1));
		REFUSED(-EINVAL, xseg_set_max_requests(x, p, 1));
		REFUSED_POINTER(EINVAL, xseg_get_request(x, p, MINE, 0));
		REFUSED_POINTER(EINVAL, xseg_accept(x, p, 0));
		REFUSED_POINTER(EINVAL, xseg_receive(x, p, 0));
	}
	REFUSED(-ENOTCONN, xseg_signal(x, FREE));
	REFUSED_POINTER(ENOTCONN, xseg_get_port_signal_desc(x, FREE));
}

TEST_F(badcall, bind_and_release_twice)
{
	struct xseg *x = self->x;
	struct signal_desc *sd = self->me.sd;

	REFUSED(-EBUSY, xseg_bind_port(x, MINE, sd));
	REFUSED(-EBUSY, xseg_bind_port(x, HIS, sd));
	REFUSED(-EINVAL, xseg_bind_port(x, FREE, self->he.sd));
	REFUSED(-EINVAL, xseg_bind_port(x, FREE, NULL));
	REFUSED(-EINVAL, xseg_bind_port(x, NoPort, NULL));
	ASSERT_EQ(FREE, xseg_bind_port(x, FREE, sd));
	ASSERT_EQ(0, xseg_release_port(x, FREE));
	REFUSED(-EINVAL, xseg_release_port(x, FREE));
	while (xseg_bind_port(x, NoPort, sd) >= 0)
		;
	REFUSED(-ENOSPC, xseg_bind_port(x, NoPort, sd));
}

/* Pointers that are no descriptor of this peer. */
TEST_F(badcall, descriptors)
{
	char *sd = (char *)self->me.sd;
	void *bad[] = {
		NULL, (void *)8, (void *)~7UL, self, self->x, self->he.sd,
		sd - 1, sd + 1, sd + 8, sd - sizeof(struct xseg_desc),
		sd + sizeof(struct xseg_desc), sd - (1 << 20), sd + (1 << 30),
	};
	struct xseg *x = self->x;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSED(-EINVAL, xseg_put_signal_desc(x, bad[i]));
		REFUSED(-EINVAL, xseg_hold_signal_desc(x, bad[i]));
		REFUSED(-EINVAL, xseg_prepare_wait(x, bad[i]));
		REFUSED(-EINVAL, xseg_cancel_wait(x, bad[i]));
		REFUSED(-EINVAL, xseg_wait_signal(x, bad[i], 0));
		REFUSED(-EINVAL, xseg_signal_fd(x, bad[i]));
		REFUSED(-EINVAL, xseg_bind_port(x, FREE, bad[i]));
	}
}

TEST_F(badcall, put_twice)
{
	struct xseg *x = self->x;
	struct signal_desc *sd = xseg_get_signal_desc(x, "futex");
	struct signal_desc *his;

	ASSERT_NE(NULL, sd);
	ASSERT_EQ(0, xseg_put_signal_desc(x, sd));
	REFUSED(-EINVAL, xseg_put_signal_desc(x, sd));
	REFUSED(-EINVAL, xseg_prepare_wait(x, sd));
	REFUSED(-EINVAL, xseg_bind_port(x, FREE, sd));
	/* one's own of another's: got once, put once */
	his = xseg_get_port_signal_desc(x, HIS);
	ASSERT_NE(NULL, his);
	ASSERT_EQ(0, xseg_put_signal_desc(x, his));
	REFUSED(-EINVAL, xseg_put_signal_desc(x, his));
	/* a port's reference is the port's */
	ASSERT_EQ(0, xseg_put_signal_desc(x, self->me.sd));
	REFUSED(-EINVAL, xseg_put_signal_desc(x, self->me.sd));
	REFUSED(-EINVAL, xseg_put_signal_desc(x, self->me.sd));
	ks_ask(&self->he, MINE, 3);
	EXPECT_EQ(3, ks_wait_request(&self->me)->cookie);
}

/* The calls that end a wait, or begin the next one. */
static int next_call(struct xseg *x, void *sd, unsigned int call)
{
	switch (call) {
	case 0:
		return xseg_prepare_wait(x, sd);
	case 1:
		return xseg_cancel_wait(x, sd);
	default:
		return xseg_wait_signal(x, sd, 1) == -ETIMEDOUT ? 0 : -EPROTO;
	}
}

static int lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* One thread prepares, puts, and has a descriptor of another type there next. */
TEST_F(badcall, prepared_and_put)
{
	static const char *const type[] = { "futex", "eventfd" };
	struct xseg *x = self->x;
	struct xseg_desc near, *next;
	void *sd, *other;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, xseg_local_signal_init(x, "eventfd"));
	fd = lowest_fd();
	for (i = 0; i < 6; i++) {
		sd = xseg_get_signal_desc(x, type[i % 2]);
		ASSERT_NE(NULL, sd);
		next = (struct xseg_desc *)((char *)sd -
					    offsetof(struct xseg_desc, desc)) + 1;
		memcpy(&near, next, sizeof(near));
		ASSERT_EQ(0, xseg_prepare_wait(x, sd));
		ASSERT_EQ(0, xseg_put_signal_desc(x, sd));
		other = xseg_get_signal_desc(x, type[1 - i % 2]);
		ASSERT_EQ(sd, other);
		EXPECT_EQ(0, next_call(x, other, i / 2));
		EXPECT_EQ(0, xseg_cancel_wait(x, other));
		ASSERT_EQ(0, xseg_put_signal_desc(x, other));
		/* nothing was written behind it, no file kept */
		EXPECT_EQ(0, memcmp(&near, next, sizeof(near)));
		EXPECT_EQ(fd, lowest_fd());
	}
	ASSERT_EQ(0, xseg_local_signal_quit(x, "eventfd"));
}

TEST_F(badcall, types_and_settings)
{
	struct xseg *x = self->x;

	REFUSED(-EINVAL, xseg_set_wait_strategy(x, 4));
	REFUSED(-EINVAL, xseg_set_wait_strategy(x, ~0U));
	REFUSED(-EINVAL, xseg_set_sleep_cap(x, 0));
	REFUSED(-EINVAL, xseg_set_port_flags(x, MINE, 2));
	REFUSED(-EINVAL, xseg_set_max_requests(x, MINE, 0));
	REFUSED(-EINVAL, xseg_set_max_requests(x, MINE, 17));
	REFUSED(-EOPNOTSUPP, xseg_signal_fd(x, self->me.sd));
	REFUSED(-EINVAL, xseg_local_signal_quit(x, "eventfd"));
	REFUSED(-EBUSY, xseg_local_signal_quit(x, "futex"));
	REFUSED_POINTER(EINVAL, xseg_get_signal_desc(x, "eventfd"));
	REFUSED_POINTER(EINVAL, xseg_get_signal_desc(x, NULL));
	REFUSED_POINTER(EINVAL, xseg_get_signal_desc(x, "no such thing"));
}

TEST_F(badcall, info)
{
	struct xseg_peer_info peer;
	struct xseg_type_info type;
	struct xseg *x = self->x;

	REFUSED(-EINVAL, xseg_get_info(x, NULL));
	REFUSED(-EINVAL, xseg_get_port_info(x, MINE, NULL));
	REFUSED(-EINVAL, xseg_get_peer_info(x, 0, NULL));
	REFUSED(-EINVAL, xseg_get_type_info(x, 0, NULL));
	REFUSED(-EINVAL, xseg_get_peer_info(x, XSEG_MAX_PEERS, &peer));
	REFUSED(-EINVAL, xseg_get_type_info(x, XSEG_NR_SIGNAL_TYPES, &type));
	REFUSED(-ENOENT, xseg_get_type_info(x, 1, &type));
}

/* Every call by which one uses a request, refused with the same. */
static int all_invalid(struct xseg *x, struct xseg_request *req)
{
	void *data;

	return xseg_put_request(x, req) == -EINVAL &&
	       xseg_prep_request(x, req, 0, 10) == -EINVAL &&
	       xseg_resize_request(x, req, 0, 10) == -EINVAL &&
	       xseg_set_req_data(x, req, x) == -EINVAL &&
	       xseg_get_req_data(x, req, &data) == -EINVAL &&
	       xseg_submit(x, req, MINE, XSEG_SIGNAL) == -EINVAL &&
	       xseg_respond(x, req, MINE, XSEG_SIGNAL) == -EINVAL &&
	       xseg_forward_request(x, req, HIS, MINE, XSEG_SIGNAL) == -EINVAL;
}

TEST_F(badcall, requests_of_others)
{
	struct xseg *x = self->x;
	struct xseg_request *his, *mine;
	char *wild;

	his = xseg_get_request(self->he.x, HIS, MINE, 0);
	mine = xseg_get_request(x, MINE, HIS, 0);
	ASSERT_NE(NULL, his);
	ASSERT_NE(NULL, mine);
	wild = (char *)mine;
	/* his, in his mapping and in mine */
	REFUSED(1, all_invalid(x, his));
	REFUSED(1, all_invalid(x, mine + (mine->own ? -1 : 0)));
	REFUSED(1, all_invalid(x, NULL));
	REFUSED(1, all_invalid(x, (void *)(wild + 1)));
	REFUSED(1, all_invalid(x, (void *)(wild + 64)));
	REFUSED(1, all_invalid(x, (void *)(wild - (1 << 20))));
	REFUSED(1, all_invalid(x, (void *)(wild + (1 << 20))));
	REFUSED(1, all_invalid(x, (void *)self));
	/* under way, it is nobody's; accepted, his */
	ASSERT_EQ(HIS, xseg_submit(x, mine, MINE, 0));
	REFUSED(1, all_invalid(x, mine));
	ASSERT_NE(NULL, xseg_accept(self->he.x, HIS, 0));
	REFUSED(1, all_invalid(x, mine));
	ASSERT_EQ(0, xseg_put_request(self->he.x, his));
	REFUSED(-EINVAL, xseg_put_request(self->he.x, his));
}

TEST_F(badcall, request_flags_and_order)
{
	struct xseg *x = self->x;
	struct xseg_request *req;

	REFUSED_POINTER(EINVAL, xseg_get_request(x, MINE, HIS, XSEG_SIGNAL));
	REFUSED_POINTER(EINVAL, xseg_get_request(x, MINE, HIS, 16));
	REFUSED_POINTER(EINVAL, xseg_accept(x, MINE, 1));
	REFUSED_POINTER(EINVAL, xseg_receive(x, MINE, 1));
	req = xseg_get_request(x, MINE, HIS, 0);
	ASSERT_NE(NULL, req);
	REFUSED(-EINVAL, xseg_submit(x, req, MINE, XSEG_PASS));
	REFUSED(-EINVAL, xseg_submit(x, req, MINE, 16));
	REFUSED(-EINVAL, xseg_submit(x, req, HIS, 0));
	REFUSED(-EINVAL, xseg_submit(x, req, 99, 0));
	/* never submitted: nobody to answer to, nothing to pass on */
	REFUSED(-EINVAL, xseg_respond(x, req, MINE, 0));
	REFUSED(-EINVAL, xseg_forward_request(x, req, HIS, MINE, 0));
	ASSERT_EQ(HIS, xseg_submit(x, req, MINE, 0));
	req = xseg_accept(self->he.x, HIS, 0);
	ASSERT_NE(NULL, req);
	REFUSED(-EINVAL, xseg_respond(self->he.x, req, HIS, XSEG_PASS));
	REFUSED(-EINVAL, xseg_respond(self->he.x, req, 99, 0));
	REFUSED(-EINVAL, xseg_forward_request(self->he.x, req, 99, HIS, 0));
	REFUSED(-EINVAL, xseg_forward_request(self->he.x, req, MINE, MINE, 0));
	REFUSED(-EINVAL, xseg_forward_request(self->he.x, req, MINE, HIS, 16));
	REFUSED(-ENOTCONN,
		xseg_forward_request(self->he.x, req, FREE, HIS, XSEG_SIGNAL));
	EXPECT_EQ(MINE, xseg_respond(self->he.x, req, HIS, 0));
}

TEST_F(badcall, request_sizes)
{
	static const uint64_t bad[] = { 4097, 1ULL << 32, 1ULL << 63, ~0ULL };
	struct xseg *x = self->x;
	struct xseg_request *req = xseg_get_request(x, MINE, HIS, 0);
	unsigned int i;

	ASSERT_NE(NULL, req);
	ASSERT_EQ(0, xseg_prep_request(x, req, 96, 4000));
	strcpy(xseg_get_data(x, req), "data");
	strcpy(xseg_get_target(x, req), "target");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		REFUSED(-EMSGSIZE, xseg_resize_request(x, req, 0, bad[i]));
		REFUSED(-EMSGSIZE, xseg_resize_request(x, req, 96, bad[i]));
		REFUSED(-EMSGSIZE, xseg_resize_request(x, req, ~0U, bad[i]));
	}
	REFUSED(-EMSGSIZE, xseg_resize_request(x, req, 97, 4000));
	EXPECT_STREQ("data", xseg_get_data(x, req));
	EXPECT_STREQ("target", xseg_get_target(x, req));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EMSGSIZE, xseg_prep_request(x, req, 1, bad[i]));
		EXPECT_EQ(NULL, xseg_get_data(x, req));
		EXPECT_EQ(NULL, xseg_get_target(x, req));
	}
}

/* No more than there is room for, and still the caller's. */
TEST_F(badcall, too_many_requests)
{
	struct xseg *x = self->x;
	struct xseg_request *req[17];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		req[i] = xseg_get_request(x, MINE, HIS, 0);
		ASSERT_NE(NULL, req[i]);
		ASSERT_EQ(HIS, xseg_submit(x, req[i], MINE, 0));
	}
	EXPECT_EQ(NULL, xseg_get_request(x, MINE, HIS, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(NULL, xseg_get_request(x, MINE, HIS, XSEG_NOALLOC));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, xseg_alloc_requests(x, MINE, 5));
	ASSERT_EQ(FREE, xseg_bind_port(x, FREE, self->me.sd));
	req[16] = xseg_get_request(x, FREE, HIS, 0);
	ASSERT_NE(NULL, req[16]);
	EXPECT_EQ(-EAGAIN, xseg_submit(x, req[16], FREE, XSEG_SIGNAL));
	EXPECT_EQ(0, xseg_put_request(x, req[16]));
}

TEST_F(badcall, too_many_hops)
{
	struct xseg *x = self->x;
	struct xseg_request *req;
	unsigned int i;

	req = xseg_get_request(x, MINE, MINE, 0);
	ASSERT_EQ(MINE, xseg_submit(x, req, MINE, 0));
	for (i = 1; i < XSEG_PATH_LEN; i++) {
		req = xseg_accept(x, MINE, 0);
		ASSERT_NE(NULL, req);
		ASSERT_EQ(MINE, xseg_forward_request(x, req, MINE, MINE, 0));
	}
	req = xseg_accept(x, MINE, 0);
	REFUSED(-ELOOP, xseg_forward_request(x, req, MINE, MINE, 0));
	EXPECT_EQ(MINE, xseg_forward_request(x, req, MINE, MINE, XSEG_PASS));
}

/* Without a handle, and with one that was left. */
TEST_F(badcall, after_leave)
{
	struct ks_peer late;
	struct xseg_request *req;

	ks_peer_join(&late, self->segment.name, "futex", FREE);
	req = xseg_get_request(late.x, FREE, MINE, 0);
	ASSERT_NE(NULL, req);
	ASSERT_EQ(0, xseg_leave(late.x));
	REFUSED(0, ks_all_stale(late.x, late.sd, req));
	REFUSED(0, ks_all_stale(NULL, self->me.sd, req));
	/* many handles later it still is */
	while (late.port++ < 50)
		ASSERT_EQ(0, xseg_leave(xseg_join(self->segment.name, 0)));
	REFUSED(0, ks_all_stale(late.x, late.sd, req));
}

TEST_HARNESS_MAIN
