// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How a queue sleeps: until there is a request, or until I/O ends.
 *
 * A queue without a ring (null, mem) waits for requests only, and sleeps in
 * xseg_wait_signal(). So would all, but I/O ends in the ring. There are two
 * ways to wait for both, and none of them looks at a clock:
 *
 * A signal type with a file (eventfd, fifo): the ring polls the file, and the
 * queue's thread sleeps in the ring.
 *
 * A type without one (futex, device): two threads, each of which sleeps in one
 * place. The queue's thread sleeps in xseg_wait_signal(), its companion in the
 * ring. Whichever wakes does all that there is to do, under the queue's lock:
 * it accepts, submits, reaps and answers. Neither ever has to wake the other
 * for work: what comes as a request wakes the first, what comes from the ring
 * the second. The one exception saves wake-ups: I/O that ends while it is
 * submitted (data in the page cache) would wake the companion for nothing, so
 * that it stays parked until the queue's thread goes to sleep with I/O in
 * flight.
 *
 * No wake-up is lost. Requests: the queue's thread announces its wait, takes a
 * turn, and only then sleeps; a request that the companion leaves, because
 * all I/Os are in use, is taken by the companion once one is not: it never
 * sleeps before a turn that did nothing. I/O: an end is an entry in the ring,
 * and the companion does not sleep in a ring that has entries.
 */
#include <errno.h>
#include <string.h>

#include "blkd.h"

/* Waiting in the ring for one thread of two: it enters only to wait. */
static void ring_await(struct queue *q)
{
	int ret;

	count_add(&q->count.enters, 1);
	pthread_mutex_unlock(&q->lock);
	ret = io_uring_enter(q->ring.ring_fd, 0, 1, IORING_ENTER_GETEVENTS,
			     NULL);
	pthread_mutex_lock(&q->lock);
	if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY)
		queue_die(q, "waiting in io_uring", -ret);
}

static void *companion_run(void *arg)
{
	struct queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (!q->quit) {
		if (!q->in_flight) {
			q->parked = true;
			pthread_cond_wait(&q->busy, &q->lock);
			q->parked = false;
			continue;
		}
		ring_await(q);
		while (queue_turn(q))
			;
		if (!q->in_flight)
			pthread_cond_signal(&q->idle);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static int companion_start(struct queue *q)
{
	int ret = queue_spawn(q, &q->companion, companion_run);

	q->has_companion = !ret;
	return ret;
}

/* It may be parked, or sleep in the ring: give it something to reap. */
static void companion_stop(struct queue *q)
{
	if (!q->has_companion)
		return;
	pthread_mutex_lock(&q->lock);
	q->quit = true;
	pthread_cond_signal(&q->busy);
	if (!q->parked) {
		io_uring_prep_nop(ring_sqe(q));
		io_uring_submit(&q->ring);
	}
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->companion, NULL);
}

/* Be ready to wait for I/O too; an exit status. */
int wait_open(struct queue *q)
{
	int fd = xseg_signal_fd(q->port.xseg, q->port.sd);
	int ret;

	if (fd < 0 && fd != -EOPNOTSUPP)
		return fail("the file of signal type '%s': %s",
			    q->args->tool.type, strerror(-fd));
	q->signal_fd = fd < 0 ? -1 : fd;
	ret = ring_open(q);
	if (!ret && q->signal_fd < 0)
		ret = companion_start(q);
	return ret;
}

void wait_close(struct queue *q)
{
	companion_stop(q);
	ring_close(q);
}

static void prepare(struct queue *q)
{
	int ret = xseg_prepare_wait(q->port.xseg, q->port.sd);

	if (ret)
		queue_die(q, "preparing to wait", -ret);
}

/* Announce the wait and look again; whether there is nothing to do. */
static bool may_sleep(struct queue *q)
{
	prepare(q);
	if (!queue_turn(q) && !queue_stopping(q))
		return true;
	xseg_cancel_wait(q->port.xseg, q->port.sd);
	return false;
}

/* All I/Os in use: a request could not be accepted, so none is waited for. */
static void sleep_in_ring(struct queue *q)
{
	if (!q->free) {
		ring_sleep(q, false);
	} else if (may_sleep(q)) {
		ring_sleep(q, true);
		xseg_cancel_wait(q->port.xseg, q->port.sd);
	}
}

static void sleep_for_signal(struct queue *q)
{
	int ret;

	if (!may_sleep(q))
		return;
	if (q->in_flight && q->parked)
		pthread_cond_signal(&q->busy);
	pthread_mutex_unlock(&q->lock);
	ret = xseg_wait_signal(q->port.xseg, q->port.sd, XSEG_WAIT_FOREVER);
	pthread_mutex_lock(&q->lock);
	if (ret && ret != -EINTR)
		queue_die(q, "waiting for a signal", -ret);
}

/* There is nothing to do at the moment: sleep until there is. */
void queue_sleep(struct queue *q)
{
	if (q->signal_fd >= 0)
		sleep_in_ring(q);
	else
		sleep_for_signal(q);
}

/* Wait until all that was accepted is answered. */
void queue_drain(struct queue *q)
{
	while (queue_turn(q) || q->in_flight) {
		if (!q->in_flight)
			continue;
		if (q->signal_fd >= 0) {
			ring_sleep(q, false);
			continue;
		}
		pthread_cond_signal(&q->busy);
		pthread_cond_wait(&q->idle, &q->lock);
	}
}
