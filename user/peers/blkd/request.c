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

static int request_check(struct backend *backend, const struct order *order)
{
	__u64 max = backend->max_io;
	bool moves = true;	/* data */
	__u32 known = 0;
	int err;

	switch (order->op) {
	case XSEG_BLK_NOP:
	case XSEG_BLK_INFO:
		return 0;
	case XSEG_BLK_FLUSH:
		return order->flags || order->offset || order->size ? -EINVAL :
								      0;
	case XSEG_BLK_READ:
		break;
	case XSEG_BLK_WRITE:
		known = XSEG_BLK_FUA;
		break;
	case XSEG_BLK_DISCARD:
		if (!(backend->flags & XSEG_BLK_HAS_DISCARD))
			return -EOPNOTSUPP;
		max = backend->max_discard;
		moves = false;
		break;
	case XSEG_BLK_ZERO:
		known = XSEG_BLK_FUA | XSEG_BLK_NOUNMAP;
		max = backend->max_discard;
		moves = false;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (order->flags & ~known)
		return -EINVAL;
	err = check_range(backend, order, max);
	if (!err && order->op != XSEG_BLK_READ &&
	    (backend->flags & XSEG_BLK_READ_ONLY))
		err = -EROFS;
	return !err && moves && order->datalen < order->size ? -EINVAL : err;
}

/* Read a request; 0 or the negative errno that it is to be answered with. */
int request_read(struct queue *q, struct xseg_request *req,
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
	return request_check(q->backend, order);
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
