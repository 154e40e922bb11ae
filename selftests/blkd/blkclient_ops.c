// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blkclient ops: each operation, right and wrong, one after the other. TAP.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "blkclient.h"

static unsigned int tests, failed;

static void ok(bool good, const char *what)
{
	failed += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", ++tests, what);
}

struct ask {
	uint32_t op;
	uint32_t flags;
	uint64_t offset;
	uint64_t size;
	uint64_t datalen;
};

/* The errno of the answer, 0 if served; the data are filled with @fill before,
 * and compared with @want after unless that is negative.
 */
static int ask(struct client *c, const struct ask *a, int fill, int want)
{
	struct xseg_request *req = client_get(c, a->op, a->flags, a->offset,
					      a->size, a->datalen);
	uint64_t len, i;
	uint8_t *data = client_data(c, req, &len);
	int err;

	if (data)
		memset(data, fill, len);
	client_submit(c, req);
	client_signal(c);
	req = client_receive(c, true);
	data = client_data(c, req, &len);
	err = req->error;
	if (req->state != (err ? XSEG_REQ_FAILED : XSEG_REQ_SERVED))
		err = -1;
	if (req->serviced != (err ? 0 : a->size))
		err = -2;
	for (i = 0; !err && want >= 0 && i < a->size; i++) {
		if (data[i] != want)
			err = -3;
	}
	xseg_put_request(c->x, req);
	return err;
}

static void fails(struct client *c, const char *what, int err, uint32_t op,
		  uint32_t flags, uint64_t offset, uint64_t size,
		  uint64_t datalen)
{
	struct ask a = { op, flags, offset, size, datalen };
	int got = ask(c, &a, 0, -1);

	if (got != err)
		printf("# %d, not %d\n", got, err);
	ok(got == err, what);
}

static void wrong(struct client *c)
{
	uint64_t n = c->info.block_size, end = c->info.size;
	uint32_t rd = XSEG_BLK_READ, wr = XSEG_BLK_WRITE;

	fails(c, "unknown operation", EOPNOTSUPP, 7, 0, 0, n, n);
	fails(c, "largest unknown operation", EOPNOTSUPP, ~0U, 0, 0, n, n);
	fails(c, "odd offset", EINVAL, rd, 0, 1, n, n);
	fails(c, "odd size", EINVAL, rd, 0, 0, n - 1, n);
	fails(c, "size 0", EINVAL, wr, 0, 0, 0, n);
	fails(c, "behind the end", EINVAL, rd, 0, end, n, n);
	fails(c, "across the end", EINVAL, wr, 0, end - n, 2 * n, 2 * n);
	fails(c, "offset that wraps", EINVAL, wr, 0, -n, 2 * n, 2 * n);
	fails(c, "size that wraps", EINVAL, rd, 0, n, -n, n);
	fails(c, "more than the data", EINVAL, rd, 0, 0, 4 * n, n);
	fails(c, "no data", EINVAL, wr, 0, 0, n, 0);
	fails(c, "more than max_io", EINVAL, rd, 0, 0, c->info.max_io + n, n);
	fails(c, "unknown flag of a read", EINVAL, rd, 1, 0, n, n);
	fails(c, "unknown flag of a write", EINVAL, wr, 2, 0, n, n);
	fails(c, "unknown flag of a flush", EINVAL, XSEG_BLK_FLUSH, 1, 0, 0, 0);
	fails(c, "flush of a range", EINVAL, XSEG_BLK_FLUSH, 0, n, n, 0);
	fails(c, "discard behind the end", EINVAL, XSEG_BLK_DISCARD, 0, end, n,
	      0);
	fails(c, "unknown flag of zeroes", EINVAL, XSEG_BLK_ZERO, 4, 0, n, 0);
	fails(c, "info without room", EINVAL, XSEG_BLK_INFO, 0, 0, 0, 8);
}

static void read_only(struct client *c)
{
	uint64_t n = c->info.block_size;

	fails(c, "read", 0, XSEG_BLK_READ, 0, 0, n, n);
	fails(c, "write", EROFS, XSEG_BLK_WRITE, 0, 0, n, n);
	fails(c, "zero", EROFS, XSEG_BLK_ZERO, 0, 0, n, 0);
	fails(c, "flush", 0, XSEG_BLK_FLUSH, 0, 0, 0, 0);
	fails(c, "nop", 0, XSEG_BLK_NOP, 0, 0, 0, 0);
}

static void zeroes(struct client *c, uint32_t flags, const char *what)
{
	uint64_t n = c->info.block_size, all = 16 * n;
	struct ask a = { XSEG_BLK_WRITE, 0, 0, all, all };

	ok(!ask(c, &a, 0x77, -1), "write before");
	a = (struct ask){ XSEG_BLK_ZERO, flags, n, 8 * n, 0 };
	ok(!ask(c, &a, 0, -1), what);
	a = (struct ask){ XSEG_BLK_READ, 0, 0, n, n };
	ok(!ask(c, &a, 0, 0x77), "the block before is as it was");
	a.offset = 9 * n;
	ok(!ask(c, &a, 0, 0x77), "the block behind as well");
	a = (struct ask){ XSEG_BLK_READ, 0, n, 8 * n, 8 * n };
	ok(!ask(c, &a, 0x11, 0), "all between is zero");
}

static void right(struct client *c)
{
	uint64_t n = c->info.block_size, end = c->info.size;
	struct ask a = { XSEG_BLK_WRITE, 0, end - n, n, n };

	ok(!ask(c, &a, 0x5a, -1), "write the last block");
	a.op = XSEG_BLK_READ;
	ok(!ask(c, &a, 0, 0x5a), "read it");
	a = (struct ask){ XSEG_BLK_WRITE, XSEG_BLK_FUA, 0, n, n };
	ok(!ask(c, &a, 0x42, -1), "write with FUA");
	a = (struct ask){ XSEG_BLK_READ, 0, 0, n, n };
	ok(!ask(c, &a, 0, 0x42), "read it");
	a = (struct ask){ XSEG_BLK_WRITE, 0, 0, c->info.max_io,
			  c->info.max_io };
	ok(!ask(c, &a, 0x33, -1), "write of max_io");
	a.op = XSEG_BLK_READ;
	ok(!ask(c, &a, 0, 0x33), "read of max_io");
	a = (struct ask){ XSEG_BLK_FLUSH, 0, 0, 0, 0 };
	ok(!ask(c, &a, 0, -1), "flush");
	a = (struct ask){ XSEG_BLK_NOP, 0, 0, 0, 0 };
	ok(!ask(c, &a, 0, -1), "nop");
	zeroes(c, 0, "zero");
	zeroes(c, XSEG_BLK_NOUNMAP, "zero, allocated");
	zeroes(c, XSEG_BLK_FUA, "zero, stable");
	zeroes(c, XSEG_BLK_FUA | XSEG_BLK_NOUNMAP, "zero, allocated, stable");
	a = (struct ask){ XSEG_BLK_DISCARD, 0, 0, 16 * n, 0 };
	ok(ask(c, &a, 0, -1) == (c->info.flags & XSEG_BLK_HAS_DISCARD ? 0 :
				 EOPNOTSUPP), "discard");
}

void ops_run(struct client *c)
{
	if (c->info.flags & XSEG_BLK_READ_ONLY) {
		read_only(c);
	} else {
		right(c);
		wrong(c);
	}
	printf("1..%u\n", tests);
	if (failed)
		die("%u of %u failed", failed, tests);
}
