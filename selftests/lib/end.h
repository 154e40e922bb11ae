/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One end of a conversation, in a process or in the kernel, led step by step
 * in the same way: what a test does to the one it can do to the other. Each
 * call returns what the call of xseg of that name did, 0 or a negative errno.
 */
#ifndef SELFTESTS_END_H
#define SELFTESTS_END_H

#include <pthread.h>

#include <xseg/xseg.h>

struct end;

/* All that differs between the two. */
struct end_ops {
	int (*join)(struct end *e, const char *segment);
	int (*share)(struct end *e, const struct end *of);
	int (*leave)(struct end *e);
	int (*init)(struct end *e, const char *type);
	int (*get)(struct end *e, const char *type);
	int (*put)(struct end *e);
	int (*bind)(struct end *e, xport port);
	int (*release)(struct end *e, xport port);
	int (*prepare)(struct end *e);
	int (*cancel)(struct end *e);
	int (*wait)(struct end *e, unsigned int usec);
	int (*signal)(struct end *e, xport port);
	int (*stats)(struct end *e, struct xseg_stats *stats);
	int (*cap)(struct end *e, unsigned int usec);
};

/**
 * struct end_kind - where an end is
 * @name:    for people
 * @kernel:  in the kernel: waits in a thread of its own, signals from there,
 *	     from a system call, from soft and from hard interrupts in turn
 * @ops:     how it is led
 */
struct end_kind {
	const char *name;
	int kernel;
	const struct end_ops *ops;
};

/**
 * struct end - an end; another thread of the same peer has one of its own
 * @kind: where
 * @x:	  handle, in a process
 * @sd:	  descriptor, there
 * @fd:	  file by which it is led, in the kernel
 * @sent: signals, there
 */
struct end {
	const struct end_kind *kind;
	struct xseg *x;
	struct signal_desc *sd;
	int fd;
	unsigned int sent;
};

extern const struct end_kind end_user;
extern const struct end_kind end_kernel;

int end_join(struct end *e, const struct end_kind *kind, const char *segment);
int end_share(struct end *e, const struct end *of);
int end_leave(struct end *e);
int end_open(struct end *e, const char *type, xport port);
int end_callback(struct end *e, unsigned int flags);
int end_again(struct end *e, xport port);

/**
 * struct sleeper - a thread that waits once
 * @end:    where
 * @usec:   how long
 * @ret:    what the wait returned
 * @ns:	    how long it took
 * @thread: it
 * @tid:    what the kernel calls it
 */
struct sleeper {
	struct end end;
	unsigned int usec;
	int ret;
	unsigned long long ns;
	pthread_t thread;
	pid_t tid;
};

int sleeper_start(struct sleeper *s, const struct end *e, unsigned int usec);
int sleeper_end(struct sleeper *s);

/* The module xseg_test */
int peer_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * struct peer_stat - what a peer of the module has done
 * @done:   requests answered, answers checked, signals sent, rounds
 * @bad:    wrong data
 * @failed: requests and calls that failed
 * @waits:  waits begun
 * @sleeps: waits that slept
 * @ended:  it has done all that it should
 * @pid:    of its thread
 */
struct peer_stat {
	long long done;
	long long bad;
	long long failed;
	long long waits;
	long long sleeps;
	int ended;
	int pid;
};

int peer_stat(unsigned int port, struct peer_stat *stat);
int peer_ended(unsigned int port, struct peer_stat *stat, int seconds);

#endif /* SELFTESTS_END_H */
