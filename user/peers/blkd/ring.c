// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A queue's io_uring: requests go in by batches, come out by batches.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "blkd.h"

/* What is in the ring without a request: the poll of the signal's file */
static char poll_mark;

/*
 * A ring that one thread alone enters lets the kernel spare some work. Older
 * kernels refuse that.
 */
static int ring_setup(struct queue *q)
{
	unsigned int entries = q->args->depth + 2; /* the poll, the last NOP */
	int ret = -EINVAL;

	if (q->signal_fd >= 0)
		ret = io_uring_queue_init(entries, &q->ring,
					  IORING_SETUP_R_DISABLED |
					  IORING_SETUP_SINGLE_ISSUER |
					  IORING_SETUP_DEFER_TASKRUN |
					  IORING_SETUP_TASKRUN_FLAG);
	if (ret == -EINVAL)
		ret = io_uring_queue_init(entries, &q->ring,
					  IORING_SETUP_R_DISABLED);
	return ret;
}

static int ring_memory(struct queue *q)
{
	__u32 max_io = q->backend->max_io;

	q->io = calloc(q->args->depth, sizeof(*q->io));
	if (!q->io)
		return -ENOMEM;
	if (q->args->direct) {
		q->bounce = mmap(NULL, (size_t)q->args->depth * max_io,
				 PROT_READ | PROT_WRITE, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (q->bounce == MAP_FAILED) {
			q->bounce = NULL;
			return -errno;
		}
	}
	for (unsigned int i = q->args->depth; i--; ) {
		if (q->bounce)
			q->io[i].bounce = q->bounce + (size_t)i * max_io;
		q->io[i].next = q->free;
		q->free = &q->io[i];
	}
	return 0;
}

/* Make the ring; the queue's thread enables it. An exit status. */
int ring_open(struct queue *q)
{
	int ret = ring_setup(q);

	if (ret == -ENOMEM)
		return fail("no memory for an io_uring; raise the limit of "
			    "locked memory (ulimit -l), or use a smaller "
			    "--depth");
	if (ret)
		return fail("the kernel gives no io_uring: %s; see "
			    "/proc/sys/kernel/io_uring_disabled, or whether a "
			    "container blocks it", strerror(-ret));
	q->has_ring = true;
	ret = ring_memory(q);
	return ret ? fail("memory for I/O: %s", strerror(-ret)) : EXIT_OK;
}

void ring_close(struct queue *q)
{
	if (q->has_ring)
		io_uring_queue_exit(&q->ring);
	if (q->bounce)
		munmap(q->bounce, (size_t)q->args->depth * q->backend->max_io);
	free(q->io);
}

/* There is always room: an entry for each I/O, and two more. */
struct io_uring_sqe *ring_sqe(struct queue *q)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	if (!sqe)
		queue_die(q, "the ring is full", ENOSPC);
	return sqe;
}

static void ring_end(struct queue *q, struct io *io, int ret)
{
	if (ret == IO_AGAIN) {
		io_prepare(q, io, ring_sqe(q));
		return;
	}
	queue_answer(q, io->req, &io->order, ret);
	io->next = q->free;
	q->free = io;
	q->in_flight--;
}

/* Begin what a request asks for; there is a free I/O. */
void ring_begin(struct queue *q, struct xseg_request *req,
		const struct order *order)
{
	struct io *io = q->free;

	q->free = io->next;
	q->in_flight++;
	io->req = req;
	io->order = *order;
	ring_end(q, io, io_begin(q, io));
}

static void ring_submit(struct queue *q)
{
	while (io_uring_sq_ready(&q->ring)) {
		int ret = io_uring_submit(&q->ring);

		count_add(&q->count.enters, 1);
		if (ret >= 0 || ret == -EINTR)
			continue;
		if (ret != -EAGAIN && ret != -EBUSY)
			queue_die(q, "io_uring_enter", -ret);
		/* no memory just now: when other I/O ends, it is tried again */
		if (q->in_flight > io_uring_sq_ready(&q->ring))
			return;
		sched_yield();
	}
}

/* Let the kernel write down what it holds back, if it says so. */
static void ring_look(struct queue *q)
{
	unsigned int flags = __atomic_load_n(q->ring.sq.kflags,
					     __ATOMIC_RELAXED);

	if (!(flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
		return;
	io_uring_get_events(&q->ring);
	count_add(&q->count.enters, 1);
}

/* Submit and reap; returns how much was done. */
unsigned int ring_turn(struct queue *q)
{
	struct io_uring_cqe *cqe;
	unsigned int head, nr = 0;

	ring_submit(q);
	ring_look(q);
	io_uring_for_each_cqe(&q->ring, head, cqe) {
		struct io *io = io_uring_cqe_get_data(cqe);

		if ((void *)io == &poll_mark)
			q->polled = false;
		else if (io)
			ring_end(q, io, io_done(q, io, cqe->res));
		nr++;
	}
	io_uring_cq_advance(&q->ring, nr);
	return nr;
}

/**
 * ring_sleep() - sleep until some I/O ends
 * @q:	  the queue, of a type with a file
 * @poll: or until there is a signal
 *
 * A second without either ends with a search for dead peers, whose signals
 * may be missing.
 */
void ring_sleep(struct queue *q, bool poll)
{
	struct __kernel_timespec tick = { .tv_sec = 1 };
	struct io_uring_cqe *cqe;
	int ret;

	if (poll && !q->polled) {
		struct io_uring_sqe *sqe = ring_sqe(q);

		io_uring_prep_poll_add(sqe, q->signal_fd, POLLIN);
		io_uring_sqe_set_data(sqe, &poll_mark);
		q->polled = true;
	}
	count_add(&q->count.enters, 1);
	pthread_mutex_unlock(&q->lock);
	ret = io_uring_submit_and_wait_timeout(&q->ring, &cqe, 1, &tick, NULL);
	if (ret == -ETIME)
		xseg_reap(q->port.xseg);
	pthread_mutex_lock(&q->lock);
	if (ret < 0 && ret != -ETIME && ret != -EINTR && ret != -EAGAIN &&
	    ret != -EBUSY)
		queue_die(q, "waiting in io_uring", -ret);
}
