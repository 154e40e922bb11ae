// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a request asks for, and whether it may.
 *
 * A request lies in shared memory: each field is read once into an order, and
 * only the order is believed after.
 */
#include <errno.h>
#include <string.h>

#include "blkd.h"

#define read_once(field)	(*(const volatile __typeof__(field) *)&(field))

void request_read(struct queue *q, struct xseg_request *req,
		  struct order *order)
{
	order->op = read_once(req->op);
	order->flags = read_once(req->flags);
	order->offset = read_once(req->offset);
	order->size = read_once(req->size);
	order->datalen = 0;
	order->data = xseg_get_data_len(q->port.xseg, req, &order->datalen);
	if (!order->data)
		order->datalen = 0;
}

/* The range is made of blocks, and on the disk. */
static int check_range(struct backend *backend, const struct order *order,
		       __u64 max)
{
	__u64 mask = backend->args->block_size - 1;
	__u64 size = backend_size(backend);

	if (!order->size || ((order->offset | order->size) & mask))
		return -EINVAL;
	if (max && order->size > max)
		return -EINVAL;
	if (order->offset > size || order->size > size - order->offset)
		return -EINVAL;
	return 0;
}

static int check_flags(const struct order *order, __u32 known)
{
	return order->flags & ~known ? -EINVAL : 0;
}

static int check_change(struct backend *backend, const struct order *order,
			__u32 known, __u64 max)
{
	int err = check_flags(order, known);

	if (!err)
		err = check_range(backend, order, max);
	if (!err && (backend->flags & XSEG_BLK_READ_ONLY))
		err = -EROFS;
	return err;
}

/* 0 or the negative errno that it is to be answered with. */
int request_check(struct backend *backend, const struct order *order)
{
	int err;

	switch (order->op) {
	case XSEG_BLK_NOP:
	case XSEG_BLK_INFO:
		return 0;
	case XSEG_BLK_READ:
		err = check_flags(order, 0);
		if (!err)
			err = check_range(backend, order, backend->max_io);
		break;
	case XSEG_BLK_WRITE:
		err = check_change(backend, order, XSEG_BLK_FUA,
				   backend->max_io);
		break;
	case XSEG_BLK_FLUSH:
		return order->flags || order->offset || order->size ? -EINVAL :
								      0;
	case XSEG_BLK_DISCARD:
		if (!(backend->flags & XSEG_BLK_HAS_DISCARD))
			return -EOPNOTSUPP;
		return check_change(backend, order, 0, backend->max_discard);
	case XSEG_BLK_ZERO:
		return check_change(backend, order, XSEG_BLK_FUA |
				    XSEG_BLK_NOUNMAP, backend->max_discard);
	default:
		return -EOPNOTSUPP;
	}
	return !err && order->datalen < order->size ? -EINVAL : err;
}

/* Fill the struct xseg_blk_info; 0 or a negative errno. */
int request_info(struct queue *q, const struct order *order)
{
	struct backend *backend = q->backend;
	struct xseg_blk_info info = {
		.version = XSEG_BLK_VERSION,
		.flags = backend->flags,
		.block_size = backend->args->block_size,
		.max_io = backend->max_io,
		.nr_queues = backend->args->nr_queues,
		.max_discard = backend->max_discard,
	};

	if (order->flags || order->datalen < sizeof(info))
		return -EINVAL;
	if (backend->fd >= 0)
		file_look_size(backend);
	info.size = backend_size(backend);
	memcpy(order->data, &info, sizeof(info));
	return 0;
}
