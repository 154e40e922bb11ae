/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xseg-blkd: what its files share.
 *
 * One thread per queue accepts the requests of a port and has them served by
 * the back end: at once (null, mem), or by the queue's own io_uring (file).
 * How a queue sleeps while I/O is in flight is told in wait.c, what makes it
 * safe to be killed in file.c.
 */
#ifndef XSEG_BLKD_H
#define XSEG_BLKD_H

#include <liburing.h>
#include <pthread.h>

#include <xseg/blk.h>

#include "user/tools/tool.h"

#define MAX_QUEUES	256
#define MAX_DEPTH	4096
#define MAX_IO		(1U << 20)	/* bytes of one read or write */
#define MAX_CPUS	256

/**
 * struct blkd_args - the command line
 * @tool:	segment, first port, signal type, JSON
 * @backend:	KIND:WHAT
 * @nr_queues:	how many
 * @depth:	most requests that a queue has in flight
 * @strategy:	enum xseg_wait_strategy
 * @block_size:	logical block size
 * @size:	bytes of a file to be made, 0 if not told
 * @cpu:	CPUs to pin queues to, in turn
 * @nr_cpus:	how many there are in @cpu; 0: no pinning
 * @create:	make the file if it is missing
 * @direct:	past the page cache
 * @sync:	each write is stable before its answer
 * @read_only:	no writes
 * @no_discard:	offer no discard
 * @no_wait:	fail if the file is locked
 */
struct blkd_args {
	struct tool_args tool;
	const char *backend;
	unsigned int nr_queues;
	unsigned int depth;
	unsigned int strategy;
	__u32 block_size;
	__u64 size;
	unsigned int cpu[MAX_CPUS];
	unsigned int nr_cpus;
	bool create;
	bool direct;
	bool sync;
	bool read_only;
	bool no_discard;
	bool no_wait;
};

/**
 * struct order - what a request asks for, read once: it lies in shared memory
 * @op:		enum xseg_blk_op
 * @flags:	XSEG_BLK_FUA, XSEG_BLK_NOUNMAP
 * @offset:	bytes
 * @size:	bytes
 * @data:	where its data lie
 * @datalen:	how many may be used there
 */
struct order {
	__u32 op;
	__u32 flags;
	__u64 offset;
	__u64 size;
	char *data;
	__u64 datalen;
};

/* What the ring does for an order at the moment, see fileio.c. */
enum step {
	STEP_READ,
	STEP_WRITE,
	STEP_PUNCH,
	STEP_ZERO_RANGE,
	STEP_ZERO_WRITE,
	STEP_SYNC,
};

/**
 * struct io - a request in the ring
 * @req:    it
 * @order:  what it asks for
 * @bounce: private memory for direct I/O, or NULL
 * @done:   bytes done
 * @step:   what is being done
 * @next:   the next free one
 */
struct io {
	struct xseg_request *req;
	struct order order;
	char *bounce;
	__u64 done;
	enum step step;
	struct io *next;
};

struct backend;

/**
 * struct backend_kind - a kind of back end
 * @name:  it, before the colon
 * @parse: take what is behind the colon, or say what is wrong with it and exit
 * @open:  make @backend ready to serve; an exit status
 * @serve: serve an order at once, 0 or a negative errno; NULL: by ring
 * @close: undo @open
 */
struct backend_kind {
	const char *name;
	void (*parse)(struct backend *backend, const char *what);
	int (*open)(struct backend *backend);
	int (*serve)(struct backend *backend, const struct order *order);
	void (*close)(struct backend *backend);
};

/**
 * struct backend - what is served; constant while queues run but for @size
 * @kind:	 which
 * @args:	 the command line
 * @name:	 for people
 * @path:	 file: where it is
 * @size:	 bytes; atomic: a file may have grown when a disk asks
 * @flags:	 XSEG_BLK_READ_ONLY, XSEG_BLK_HAS_*
 * @max_io:	 most bytes of a read or write
 * @max_discard: most bytes of a discard or of zeroes, 0: no limit
 * @memory:	 mem: the data; file: zeroes to be written
 * @fd:		 file: the file, which is locked
 * @is_device:	 file: it is a block device
 * @waited:	 file: the lock was somebody else's before
 * @no_punch:	 atomic: file: holes cannot be punched
 * @no_zero_range: atomic: file: ranges cannot be zeroed
 */
struct backend {
	const struct backend_kind *kind;
	const struct blkd_args *args;
	const char *name;
	const char *path;
	__u64 size;
	__u32 flags;
	__u32 max_io;
	__u32 max_discard;
	char *memory;
	int fd;
	bool is_device;
	bool waited;
	bool no_punch;
	bool no_zero_range;
};

static inline __u64 backend_size(const struct backend *backend)
{
	return __atomic_load_n(&backend->size, __ATOMIC_RELAXED);
}

extern const struct backend_kind null_backend, mem_backend, file_backend;

#define NR_OPS	(XSEG_BLK_ZERO + 1)

/**
 * struct counters - what a queue has done, all of the same type
 * @op:		requests by enum xseg_blk_op, the last: unknown ones
 * @failed:	requests answered with an errno
 * @lost:	requests that could not be answered
 * @read:	bytes
 * @written:	bytes
 * @batches:	turns in which requests were accepted
 * @largest:	most requests accepted in one turn
 * @enters:	calls of io_uring_enter(2)
 * @switches:	of the scheduling policy, see gather()
 *
 * Written by one thread at a time, read by any: by count_add(), count_read().
 */
struct counters {
	__u64 op[NR_OPS + 1];
	__u64 failed;
	__u64 lost;
	__u64 read;
	__u64 written;
	__u64 batches;
	__u64 largest;
	__u64 enters;
	__u64 switches;
};

static inline __u64 count_read(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void count_add(__u64 *counter, __u64 n)
{
	__atomic_store_n(counter, count_read(counter) + n, __ATOMIC_RELAXED);
}

#define MAX_REPLY_PORTS	8

/**
 * struct queue - a port and who serves it
 * @port:	what it accepts from and waits on
 * @backend:	what it serves
 * @args:	the command line
 * @index:	which queue it is
 * @cpu:	where it runs, -1 for anywhere
 * @thread:	accepts, and answers
 * @companion:	answers while @thread sleeps, see wait.c
 * @has_thread: it was started
 * @has_companion: it was started
 * @stop:	atomic: accept no more; written by the main thread
 * @count:	counters
 * @lock:	guards all that follows, where there is a ring; else it is
 *		@thread's
 * @ring:	its io_uring
 * @has_ring:	there is one
 * @io:		all of its requests in the ring, @args->depth
 * @free:	those that are idle
 * @in_flight:	those that are not
 * @bounce:	their bounce buffers
 * @signal_fd:	becomes readable on a signal; -1 if the type has none
 * @polled:	the ring polls @signal_fd
 * @parked:	@companion waits for @busy
 * @quit:	@companion is to end
 * @busy:	there is I/O in flight while @companion is parked, or @quit
 * @idle:	there is none any more
 * @to_signal:	ports that got answers in this turn
 * @nr_to_signal: how many
 * @unsaid:	answers since they were last signalled
 * @unsaid_bytes: and their bytes
 * @may_gather:	its policy is ours to change
 * @gathering:	it runs under SCHED_BATCH to let more requests come
 * @woken:	it has slept, and not accepted since
 * @alone:	requests come one at a time, lately
 * @gather_every: wake-ups between two tries, see gather()
 * @since_gather: wake-ups since the last
 */
struct queue {
	struct tool_port port;
	struct backend *backend;
	const struct blkd_args *args;
	unsigned int index;
	int cpu;
	pthread_t thread;
	pthread_t companion;
	bool has_thread;
	bool has_companion;
	int stop;
	struct counters count;

	pthread_mutex_t lock;
	struct io_uring ring;
	bool has_ring;
	struct io *io;
	struct io *free;
	unsigned int in_flight;
	char *bounce;
	int signal_fd;
	bool polled;
	bool parked;
	bool quit;
	pthread_cond_t busy;
	pthread_cond_t idle;
	xport to_signal[MAX_REPLY_PORTS];
	unsigned int nr_to_signal;
	unsigned int unsaid;
	__u64 unsaid_bytes;
	bool may_gather;
	bool gathering;
	bool woken;
	bool alone;
	unsigned int gather_every;
	unsigned int since_gather;
};

/**
 * struct blkd - the server
 * @args:    the command line
 * @backend: what it serves
 * @xseg:    the segment
 * @queue:   its queues
 * @nr_open: queues whose port is bound
 * @started: when it was ready, now_ns()
 */
struct blkd {
	struct blkd_args args;
	struct backend backend;
	struct xseg *xseg;
	struct queue *queue;
	unsigned int nr_open;
	uint64_t started;
};

/* options.c */
void options_parse(struct blkd_args *args, int argc, char **argv);

/* backend.c */
void backend_parse(struct backend *backend, const struct blkd_args *args);
int backend_open(struct backend *backend);
int backend_fit(struct backend *backend, struct xseg *xseg);
void backend_close(struct backend *backend);
int backend_check_size(struct backend *backend, __u64 size);

/* file.c */
void file_look_size(struct backend *backend);

/* request.c */
int request_read(struct queue *q, struct xseg_request *req,
		 struct order *order);
int request_info(struct queue *q, const struct order *order);

/* queue.c */
int queue_open(struct queue *q, struct xseg *xseg);
int queue_spawn(struct queue *q, pthread_t *thread, void *(*run)(void *queue));
int queue_start(struct queue *q);
void queue_stop(struct queue *q);
void queue_close(struct queue *q);
bool queue_turn(struct queue *q);
bool queue_stopping(struct queue *q);
_Noreturn void queue_die(struct queue *q, const char *what, int err);
void queue_answer(struct queue *q, struct xseg_request *req,
		  const struct order *order, int err);

/* ring.c */
int ring_open(struct queue *q);
void ring_close(struct queue *q);
struct io_uring_sqe *ring_sqe(struct queue *q);
void ring_begin(struct queue *q, struct xseg_request *req,
		const struct order *order);
unsigned int ring_turn(struct queue *q);
void ring_sleep(struct queue *q, bool poll);

/* fileio.c */
int io_begin(struct queue *q, struct io *io);
void io_prepare(struct queue *q, struct io *io, struct io_uring_sqe *sqe);
int io_done(struct queue *q, struct io *io, int res);
#define IO_AGAIN	1	/* io_begin(), io_done(): the ring has to do more */

/* wait.c */
int wait_open(struct queue *q);
void wait_close(struct queue *q);
void queue_sleep(struct queue *q);
void queue_drain(struct queue *q);

/* stats.c */
void stats_ready(struct blkd *d);
void stats_print(struct blkd *d, const char *event);

/* notify.c */
void notify(const char *text);

#endif /* XSEG_BLKD_H */
