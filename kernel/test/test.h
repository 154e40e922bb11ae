/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to xseg_test.ko: peers that behave in one way or another, in one
 * context or another.
 */
#ifndef XSEG_KERNEL_TEST_H
#define XSEG_KERNEL_TEST_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/sched.h>

#include <xseg/kernel.h>

#define BATCH		64
#define HELD		16

/* What a turn says: there may be more to do; nothing until a signal comes; */
#define TURN_AGAIN	0
#define TURN_IDLE	(-1)
/* nothing until a signal comes or so many nanoseconds are over. */

struct peer;

/**
 * struct behaviour - what a peer does
 * @name: of it
 * @turn: does a bit; any context, one call at a time; returns as above
 */
struct behaviour {
	const char *name;
	s64 (*turn)(struct peer *peer);
};

/**
 * struct held - a request that is answered later
 * @req: it
 * @due: not before
 */
struct held {
	struct xseg_request __xseg_shared *req;
	ktime_t due;
};

/**
 * struct peer - a test peer
 * @link:     in the list of peers
 * @kind:     as it was asked for
 * @what:     its behaviour
 * @in:	      its context
 * @type:     of its descriptor
 * @segment:  name of its segment
 * @xseg:     its handle
 * @sd:	      its descriptor
 * @port:     where it is bound
 * @dst:      where it sends
 * @count:    how many requests, signals or rounds
 * @depth:    at a time
 * @size:     most bytes of data, 0 for always 512
 * @jitter:   one step in so many is delayed, 0 none
 * @task:     its thread, or NULL
 * @timer:    runs it in soft or hard interrupt context, or after a while
 * @mode:     of the timer, 0 if there is none
 * @calls:    who asked for a run since the one that runs began
 * @stopping: it is not to be run any more
 * @dice:     random numbers
 * @at:	      where it stands, for people
 * @waits:    waits begun
 * @woken:    waits that ended with a signal, or calls of the callback
 * @done:     requests answered, answers checked, signals sent, rounds or wakes
 * @bad:      wrong data
 * @failed:   failed requests and calls
 * @ended:    it has done all that it should
 * @sent:     requests sent
 * @held:     requests to be answered later
 * @nr_held:  how many
 */
struct peer {
	struct list_head link;
	char kind[16];
	const struct behaviour *what;
	const struct context *in;
	char type[XSEG_SIGNAL_NAME_SIZE];
	char segment[XSEG_NAME_SIZE];
	struct xseg *xseg;
	struct signal_desc __xseg_shared *sd;
	u32 port;
	u32 dst;
	u64 count;
	u32 depth;
	u32 size;
	u32 jitter;
	struct task_struct *task;
	struct hrtimer timer;
	enum hrtimer_mode mode;
	atomic_t calls;
	bool stopping;
	u64 dice;
	const char *at;
	atomic64_t waits;
	atomic64_t woken;
	atomic64_t done;
	atomic64_t bad;
	atomic64_t failed;
	bool ended;
	u64 sent;
	struct held held[HELD];
	unsigned int nr_held;
};

/* Where a peer stands: said in any context, several at a time. */
static inline void peer_at(struct peer *peer, const char *at)
{
	WRITE_ONCE(peer->at, at);
}

/**
 * struct context - where a peer runs
 * @name:  of it
 * @start: begins to run a peer that is bound
 */
struct context {
	const char *name;
	int (*start)(struct peer *peer);
};

static inline bool is_err(const void __xseg_shared *p)
{
	return IS_ERR((const void __force *)p);
}

static inline long ptr_err(const void __xseg_shared *p)
{
	return PTR_ERR((const void __force *)p);
}

static inline struct xseg_request *plain(struct xseg_request __xseg_shared *req)
{
	return (struct xseg_request __force *)req;
}

/* context.c */
extern const struct context contexts[];
void peer_stop(struct peer *peer);
void peer_delay(struct peer *peer);
u32 peer_random(struct peer *peer);

/* data.c */
void data_fill(void *data, u64 len, u64 seed);
void data_invert(void *data, u64 len);
bool data_check(const void *data, u64 len, u64 seed);

/* echo.c, source.c, chatty.c, player.c */
extern const struct behaviour behaviour_echo;
extern const struct behaviour behaviour_count;
extern const struct behaviour behaviour_sink;
extern const struct behaviour behaviour_slow;
extern const struct behaviour behaviour_source;
extern const struct behaviour behaviour_chatty;
extern const struct behaviour behaviour_player;

/* step.c */
extern const struct file_operations step_fops;

#endif /* XSEG_KERNEL_TEST_H */
