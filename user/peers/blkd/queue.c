// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A queue: accept all there is, serve, answer, signal once.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blkd.h"

#define BATCH	64	/* most requests between two signals */
#define BATCH_BYTES	(256 << 10)	/* and most bytes */
#define TRIES	1000	/* for a queue that is contended or full */

bool queue_stopping(struct queue *q)
{
	return __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
}

/*
 * What cannot be gone on with: end as if killed. What was accepted and not
 * answered is the next server's.
 */
void queue_die(struct queue *q, const char *what, int err)
{
	fail("port %u: %s: %s", q->port.portno, what, strerror(err));
	_exit(EXIT_FAIL);
}

/* Answers */

static void signal_replies(struct queue *q)
{
	for (unsigned int i = 0; i < q->nr_to_signal; i++)
		xseg_signal(q->port.xseg, q->to_signal[i]);
	q->nr_to_signal = 0;
	q->unsaid = 0;
	q->unsaid_bytes = 0;
}

static void note_to_signal(struct queue *q, xport portno)
{
	for (unsigned int i = 0; i < q->nr_to_signal; i++) {
		if (q->to_signal[i] == portno)
			return;
	}
	if (q->nr_to_signal == MAX_REPLY_PORTS)
		signal_replies(q);
	q->to_signal[q->nr_to_signal++] = portno;
}

/* The reply was not taken: the port's queue is contended or full. */
static __attribute__((noinline)) int respond_again(struct queue *q,
						   struct xseg_request *req,
						   int ret)
{
	int tries = TRIES;

	while ((ret == -EAGAIN || ret == -EBUSY) && tries--) {
		signal_replies(q);
		sched_yield();
		ret = xseg_respond(q->port.xseg, req, q->port.portno, 0);
	}
	if (ret >= 0)
		return ret;
	/* a sender that lets its replies pile up, or spoiled the request */
	count_add(&q->count.lost, 1);
	xseg_put_request(q->port.xseg, req);
	return XSEG_NOBODY;
}

static void respond(struct queue *q, struct xseg_request *req)
{
	int ret = xseg_respond(q->port.xseg, req, q->port.portno, 0);

	if (ret < 0)
		ret = respond_again(q, req, ret);
	if (ret != XSEG_NOBODY)
		note_to_signal(q, ret);
}

static void count_answer(struct queue *q, __u32 op, __u64 size, int err)
{
	struct counters *c = &q->count;

	count_add(&c->op[op < NR_OPS ? op : NR_OPS], 1);
	if (err)
		count_add(&c->failed, 1);
	else if (op == XSEG_BLK_READ)
		count_add(&c->read, size);
	else if (op == XSEG_BLK_WRITE)
		count_add(&c->written, size);
}

/* Answer with 0 or a negative errno; the request is gone then. */
void queue_answer(struct queue *q, struct xseg_request *req,
		  const struct order *order, int err)
{
	__u64 size = order->size;

	count_answer(q, order->op, size, err);
	q->unsaid++;
	q->unsaid_bytes += size;
	req->serviced = err ? 0 : size;
	req->error = -err;
	req->state = err ? XSEG_REQ_FAILED : XSEG_REQ_SERVED;
	respond(q, req);
}

/* Requests */

static void serve(struct queue *q, struct xseg_request *req)
{
	struct backend *backend = q->backend;
	struct order order;
	int err;

	err = request_read(q, req, &order);
	if (!err && order.op == XSEG_BLK_INFO) {
		err = request_info(q, &order);
	} else if (!err && order.op != XSEG_BLK_NOP) {
		if (!backend->kind->serve) {
			ring_begin(q, req, &order);
			return;
		}
		err = backend->kind->serve(backend, &order);
	}
	queue_answer(q, req, &order, err);
}

/* The port's queue is contended. */
static __attribute__((noinline)) struct xseg_request *
accept_again(struct queue *q)
{
	struct xseg_request *req = NULL;
	int tries = TRIES;

	while (!req && errno == EBUSY && tries--) {
		sched_yield();
		req = xseg_accept(q->port.xseg, q->port.portno, 0);
	}
	if (!req && errno != EAGAIN && errno != EBUSY)
		queue_die(q, "accepting", errno);
	return req;
}

/* A request, or NULL: none is there. */
static struct xseg_request *accept_one(struct queue *q)
{
	struct xseg_request *req;

	req = xseg_accept(q->port.xseg, q->port.portno, 0);
	return req || errno == EAGAIN ? req : accept_again(q);
}

/* Accepts and serves so many requests, or all there are. */
static unsigned int accept_some(struct queue *q, unsigned int most)
{
	struct xseg_request *req;
	unsigned int nr = 0;

	while (nr < most && (!q->has_ring || q->free) && !queue_stopping(q)) {
		req = accept_one(q);
		if (!req)
			break;
		serve(q, req);
		nr++;
	}
	if (nr)
		count_add(&q->count.batches, 1);
	if (nr > q->count.largest)
		count_add(&q->count.largest, nr - q->count.largest);
	return nr;
}

/**
 * queue_turn() - do all that can be done without waiting, once
 * @q: the queue, locked
 *
 * Return: whether anything was done
 */
bool queue_turn(struct queue *q)
{
	unsigned int nr = accept_some(q, BATCH);

	if (q->has_ring)
		nr += ring_turn(q);
	signal_replies(q);
	return nr;
}

/* Between two tries that did not help, at most so many wake-ups. */
#define GATHER_MAX	256

/*
 * Who submits one request of several wakes us, and where both share a CPU the
 * scheduler may let us run at once, for that one. Under SCHED_BATCH it lets the
 * other go on until it waits, so that we find all of them. With one request at
 * a time that costs a switch more. So: batch where it brought more than one
 * request lately, and now and then for one wake-up, to find out.
 */
static void gather(struct queue *q, bool on)
{
	const struct sched_param param = { 0 };

	if (on == q->gathering)
		return;
	q->gathering = on;
	count_add(&q->count.switches, 1);
	/* the calling thread's, whatever the C library thinks of it */
	sched_setscheduler(0, on ? SCHED_BATCH : SCHED_OTHER, &param);
}

/* Woken for so many requests: how to sleep next time. */
static void gathered(struct queue *q, unsigned int nr)
{
	if (!q->may_gather)
		return;
	if (!q->gathering) {
		if (++q->since_gather > q->gather_every)
			gather(q, true);
		return;
	}
	q->since_gather = 0;
	if (nr > 1) {
		q->gather_every = 0;
		return;
	}
	if (q->gather_every < GATHER_MAX)
		q->gather_every = q->gather_every * 2 + 1;
	gather(q, false);
}

/*
 * Says that answers are there, and sleeps, in one system call if it may be;
 * unless there is more to do. So many were accepted before.
 */
static void inline_sleep(struct queue *q, unsigned int nr)
{
	struct xseg *xseg = q->port.xseg;
	unsigned int more;
	int ret;

	ret = xseg_prepare_wait(xseg, q->port.sd);
	if (ret)
		queue_die(q, "preparing to wait", -ret);
	more = accept_some(q, BATCH);
	q->alone = nr + more <= 1;
	if (more || queue_stopping(q)) {
		xseg_cancel_wait(xseg, q->port.sd);
		return;
	}
	nr = q->nr_to_signal;
	q->nr_to_signal = 0;
	q->unsaid = 0;
	q->unsaid_bytes = 0;
	ret = xseg_signal_and_wait(xseg, q->port.sd, q->to_signal, nr,
				   XSEG_WAIT_FOREVER);
	if (ret && ret != -EINTR)
		queue_die(q, "waiting for a signal", -ret);
	q->woken = true;
}

/*
 * The queue's thread where the back end answers in line. Where requests come
 * one at a time it does not look for a second one before it prepares to sleep:
 * it has to look after that.
 */
static void inline_run(struct queue *q)
{
	unsigned int nr, most;

	q->may_gather = sched_getscheduler(0) == SCHED_OTHER;
	while (!queue_stopping(q)) {
		most = q->alone && !q->gathering ? 1 : BATCH;
		nr = accept_some(q, most);
		if (q->woken)
			gathered(q, nr);
		q->woken = false;
		if (q->unsaid >= BATCH || q->unsaid_bytes >= BATCH_BYTES)
			signal_replies(q);
		else if (nr < BATCH)
			inline_sleep(q, nr);	/* which looks again first */
	}
	signal_replies(q);
}

/* The queue's thread where the back end needs a ring. */
static void ring_run(struct queue *q)
{
	int ret;

	pthread_mutex_lock(&q->lock);
	/* liburing 2.3 lacks io_uring_enable_rings() */
	ret = io_uring_register(q->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS,
				NULL, 0);
	if (ret)
		queue_die(q, "enabling the io_uring", -ret);
	while (!queue_stopping(q)) {
		if (!queue_turn(q))
			queue_sleep(q);
	}
	queue_drain(q);
	pthread_mutex_unlock(&q->lock);
}

static void *queue_run(void *arg)
{
	struct queue *q = arg;

	if (q->has_ring)
		ring_run(q);
	else
		inline_run(q);
	return NULL;
}

/* Opening and closing */

/*
 * The kernel drops what a dead server had in no certain order: if the file's
 * lock came first, wait a moment for the port.
 */
static void await_port(struct queue *q, struct xseg *xseg, xport portno)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t end = now_ns() + 5 * NSEC_PER_SEC;
	struct xseg_port_info port;
	struct xseg_peer_info peer;

	while (!xseg_get_port_info(xseg, portno, &port) && port.bound &&
	       !xseg_get_peer_info(xseg, port.owner, &peer) && peer.alive &&
	       now_ns() < end && !tool_stop())
		nanosleep(&pause, NULL);
}

/* Bind the port so that it keeps requests, before any can be accepted. */
static int bind_port(struct queue *q, struct xseg *xseg)
{
	xport portno = q->args->tool.port + q->index;
	int ret;

	if (q->backend->waited)
		await_port(q, xseg, portno);
	if (port_open(&q->port, xseg, q->args->tool.type, portno))
		return EXIT_FAIL;
	ret = xseg_set_port_flags(xseg, portno, XSEG_PORT_KEEP);
	if (!ret)
		return EXIT_OK;
	port_close(&q->port);
	return fail("port %u: %s", portno, strerror(-ret));
}

/* Bind its port, make its ring; an exit status. */
int queue_open(struct queue *q, struct xseg *xseg)
{
	int ret = bind_port(q, xseg);

	if (ret)
		return ret;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->busy, NULL);
	pthread_cond_init(&q->idle, NULL);
	q->signal_fd = -1;
	if (!q->backend->kind->serve)
		ret = wait_open(q);
	if (ret)
		queue_close(q);
	return ret;
}

/* Start one of its threads, where the command line says; an exit status. */
int queue_spawn(struct queue *q, pthread_t *thread, void *(*run)(void *queue))
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	pthread_attr_init(&attr);
	if (q->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(q->cpu, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	err = pthread_create(thread, &attr, run, q);
	pthread_attr_destroy(&attr);
	if (err == EINVAL && q->cpu >= 0)
		return fail("--cpus: there is no CPU %d that may be used here",
			    q->cpu);
	return err ? fail("a thread: %s", strerror(err)) : EXIT_OK;
}

int queue_start(struct queue *q)
{
	int ret = queue_spawn(q, &q->thread, queue_run);

	q->has_thread = !ret;
	return ret;
}

/* Let it accept no more, and wait until it has answered. */
void queue_stop(struct queue *q)
{
	if (!q->has_thread)
		return;
	__atomic_store_n(&q->stop, 1, __ATOMIC_RELAXED);
	xseg_signal(q->port.xseg, q->port.portno);
	pthread_join(q->thread, NULL);
	q->has_thread = false;
}

/* Requests that were not accepted stay in the port for the next server. */
void queue_close(struct queue *q)
{
	wait_close(q);
	pthread_cond_destroy(&q->idle);
	pthread_cond_destroy(&q->busy);
	pthread_mutex_destroy(&q->lock);
	port_close(&q->port);
}
