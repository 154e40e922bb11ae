// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The back end file: what the ring does for each order, step by step.
 *
 *	read	READ, as often as it takes
 *	write	WRITE, as often as it takes; FUA: RWF_DSYNC
 *	flush	SYNC. Answered writes are in the file, so that it need not wait
 *		for others
 *	discard	PUNCH; a device that cannot: BLKDISCARD, which the ring does
 *		not know and which holds the queue up
 *	zero	PUNCH, or else ZERO_RANGE (with NOUNMAP at once), or else
 *		ZERO_WRITE as often as it takes; then SYNC for FUA
 *
 * All by private memory if I/O is direct, see file.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "blkd.h"

static bool flag(const bool *what)
{
	return __atomic_load_n(what, __ATOMIC_RELAXED);
}

static void set_flag(bool *what)
{
	__atomic_store_n(what, true, __ATOMIC_RELAXED);
}

static char *io_memory(struct io *io)
{
	return (io->bounce ? io->bounce : io->order.data) + io->done;
}

static int discard_device(struct backend *backend, const struct order *order)
{
	__u64 range[2] = { order->offset, order->size };

	return ioctl(backend->fd, BLKDISCARD, range) ? -errno : 0;
}

/* The next way to free or to zero a range, of those that are not known to
 * fail.
 */
static int next_way(struct queue *q, struct io *io)
{
	struct backend *backend = q->backend;
	bool unmap = !(io->order.flags & XSEG_BLK_NOUNMAP);

	if (unmap && !flag(&backend->no_punch)) {
		io->step = STEP_PUNCH;
		return IO_AGAIN;
	}
	if (io->order.op == XSEG_BLK_DISCARD)
		return backend->is_device ?
		       discard_device(backend, &io->order) : -EOPNOTSUPP;
	io->step = flag(&backend->no_zero_range) ? STEP_ZERO_WRITE :
						   STEP_ZERO_RANGE;
	return IO_AGAIN;
}

/**
 * io_begin() - choose the first step of an order
 * @q:	the queue
 * @io:	its order is filled
 *
 * Return: IO_AGAIN: to be given to the ring; or 0, or a negative errno
 */
int io_begin(struct queue *q, struct io *io)
{
	io->done = 0;
	switch (io->order.op) {
	case XSEG_BLK_READ:
		io->step = STEP_READ;
		return IO_AGAIN;
	case XSEG_BLK_WRITE:
		if (io->bounce)
			memcpy(io->bounce, io->order.data, io->order.size);
		io->step = STEP_WRITE;
		return IO_AGAIN;
	case XSEG_BLK_FLUSH:
		io->step = STEP_SYNC;
		return q->args->read_only ? 0 : IO_AGAIN;
	default:
		return next_way(q, io);
	}
}

static void prepare_write(struct io *io, int fd, struct io_uring_sqe *sqe,
			  const char *from, __u64 size)
{
	io_uring_prep_write(sqe, fd, from, size, io->order.offset + io->done);
	if (io->order.flags & XSEG_BLK_FUA)
		sqe->rw_flags = RWF_DSYNC;
}

/* Fill the ring's entry for the step that an I/O is at. */
void io_prepare(struct queue *q, struct io *io, struct io_uring_sqe *sqe)
{
	const struct order *order = &io->order;
	struct backend *backend = q->backend;
	__u64 left = order->size - io->done;
	int fd = backend->fd;

	switch (io->step) {
	case STEP_READ:
		io_uring_prep_read(sqe, fd, io_memory(io), left,
				   order->offset + io->done);
		break;
	case STEP_WRITE:
		prepare_write(io, fd, sqe, io_memory(io), left);
		break;
	case STEP_PUNCH:
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, order->offset,
					order->size);
		break;
	case STEP_ZERO_RANGE:
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_ZERO_RANGE |
					FALLOC_FL_KEEP_SIZE, order->offset,
					order->size);
		break;
	case STEP_ZERO_WRITE:
		prepare_write(io, fd, sqe, backend->memory,
			      left < MAX_IO ? left : MAX_IO);
		break;
	case STEP_SYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	}
	io_uring_sqe_set_data(sqe, io);
}

/* So many bytes more were read or written. */
static int transferred(struct queue *q, struct io *io, int res)
{
	if (q->args->direct)	/* goes on at a block only */
		res -= res % q->args->block_size;
	if (!res)
		return -EIO;	/* the file has become shorter, or is odd */
	io->done += res;
	if (io->done < io->order.size)
		return IO_AGAIN;
	if (io->step == STEP_READ && io->bounce)
		memcpy(io->order.data, io->bounce, io->order.size);
	return 0;
}

/* A range was freed or zeroed without being written. */
static int range_done(struct queue *q, struct io *io)
{
	bool stable = io->order.flags & XSEG_BLK_FUA || q->args->sync;

	io->done = io->order.size;
	if (io->order.op == XSEG_BLK_DISCARD || !stable)
		return 0;
	io->step = STEP_SYNC;
	return IO_AGAIN;
}

/**
 * io_done() - a step is done
 * @q:	 the queue
 * @io:	 whose step
 * @res: what the ring says of it
 *
 * Return: as io_begin()
 */
int io_done(struct queue *q, struct io *io, int res)
{
	if (res == -EINTR || res == -EAGAIN)
		return IO_AGAIN;
	switch (io->step) {
	case STEP_READ:
	case STEP_WRITE:
	case STEP_ZERO_WRITE:
		return res < 0 ? res : transferred(q, io, res);
	case STEP_PUNCH:
		if (res != -EOPNOTSUPP)
			return res < 0 ? res : range_done(q, io);
		set_flag(&q->backend->no_punch);
		return next_way(q, io);
	case STEP_ZERO_RANGE:
		if (res != -EOPNOTSUPP)
			return res < 0 ? res : range_done(q, io);
		set_flag(&q->backend->no_zero_range);
		return next_way(q, io);
	case STEP_SYNC:
		return res;
	}
	return -EIO;
}
