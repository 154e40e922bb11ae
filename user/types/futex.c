// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type futex: sleeps on the sequence of the event count with futex(2).
 *
 * The futex is a shared one: it is found by its page of the file, whichever
 * process maps it wherever. A wake before the sleep is not lost, because
 * FUTEX_WAIT compares the sequence itself.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xseg/futex.h>
#include <xseg/ioctl.h>

#include "user/user.h"

#define REGISTERED	8	/* descriptors that a thread remembers */
#define BUSY_YIELDS	10000

/**
 * struct registered - where the module knows the calling thread
 * @handle: number of the handle, 0 if unused
 * @wanted: device_wanted() as it was then
 * @index:  the descriptor
 * @gen:    its generation
 * @slot:   the number of its word, -1 if the module would not take it
 */
struct registered {
	u64 handle;
	u64 wanted;
	u32 index;
	u32 gen;
	int slot;
};

static _Thread_local struct registered registered[REGISTERED]
	__attribute__((tls_model("initial-exec")));
static _Thread_local unsigned int registered_next
	__attribute__((tls_model("initial-exec")));

/* The call that takes this time_t. */
#if defined(SYS_futex_time64) && defined(__USE_TIME_BITS64)
#define FUTEX_CALL	SYS_futex_time64
#else
#define FUTEX_CALL	SYS_futex
#endif

static u32 *futex_word(struct xseg_ec __xseg_shared *ec)
{
	return (u32 *)&ec->word + XEC_SEQ_HALF;
}

static int futex_call(struct xseg_ec __xseg_shared *ec, int op, u32 value,
		      const struct timespec *ts)
{
	long ret = syscall(FUTEX_CALL, futex_word(ec), op, value, ts, NULL, 0);

	return ret < 0 ? -errno : (int)ret;
}

static int futex_init(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	(void)sd;
	return 0;
}

/* Wakes all, waiting or not: at the end of a descriptor. */
static void futex_quit(struct xseg *xseg, void __xseg_shared *sd)
{
	(void)xseg;
	xseg_ec_force(sd);
	futex_call(sd, FUTEX_WAKE, INT_MAX, NULL);
}

/* The calling thread's word, for the kernel to look at; -1 if it has none. */
static int futex_registered(struct xseg *xseg, struct xseg_ec __xseg_shared *ec)
{
	struct xseg_ioc_register arg = {
		.size = sizeof(arg),
		.flags = XSEG_REGISTER_THREAD,
	};
	u64 wanted = device_wanted(xseg);
	struct xseg_desc_id id;
	struct registered *r;

	if (!wanted || xseg_get_desc_id(xseg, ec, &id))
		return -1;
	for (r = registered; r < registered + REGISTERED; r++)
		if (r->handle == xseg->id && r->index == id.index &&
		    r->gen == id.gen && r->wanted == wanted)
			return r->slot;
	arg.desc = id.index;
	arg.gen = id.gen;
	r = &registered[registered_next++ % REGISTERED];
	r->handle = xseg->id;
	r->wanted = wanted;
	r->index = id.index;
	r->gen = id.gen;
	r->slot = -1;
	if (!device_register(xseg, &arg) && arg.slot < XSEG_FUTEX_WAITERS)
		r->slot = (int)arg.slot;
	return r->slot;
}

/*
 * The kernel is notifying somebody, or has: waits until it is done, and takes
 * the notice, if it was for us, with a call that it cannot disturb.
 */
static void futex_settle(struct xseg_futex __xseg_shared *futex, u32 before)
{
	u32 busy = shm_load_acquire(&futex->busy);
	u32 turns = BUSY_YIELDS;

	if (busy == before && !(busy & 1))
		return;
	while (busy & 1 && shm_load_acquire(&futex->busy) == busy && turns--)
		sched_yield();
	syscall(SYS_getppid);
}

/* FUTEX_WAIT, so that the kernel can wake it: kernel/types/futex_remote.c. */
static int futex_wait_once(struct xseg_ec __xseg_shared *ec, u32 seq,
			   const struct timespec *ts, int slot)
{
	struct xseg_futex __xseg_shared *futex = (void *)ec;
	u32 before;
	int ret;

	if (slot < 0)
		return futex_call(ec, FUTEX_WAIT, seq, ts);
	before = shm_load_acquire(&futex->busy);		/* (T1) */
	shm_write(&futex->in_wait[slot], 1);			/* (T2) */
	smp_mb();						/* (T3) */
	ret = futex_call(ec, FUTEX_WAIT, seq, ts);		/* (T4) */
	shm_write(&futex->in_wait[slot], 0);			/* (T5) */
	smp_mb();						/* (T6) */
	futex_settle(futex, before);				/* (T7) */
	return ret;
}

/* Sleeps until seq moves: 0, -ETIMEDOUT or -EINTR. */
static int futex_sleep(struct xseg *xseg, struct xseg_ec __xseg_shared *ec,
		       u32 seq, u64 deadline)
{
	int slot = futex_registered(xseg, ec);
	struct timespec ts;
	int left, ret;

	atomic64_inc(&xseg->sleeps);
	while (!xseg_ec_signalled(ec, seq)) {
		left = wait_left(xseg, deadline, &ts);
		if (left < 0)
			return left;
		atomic64_inc(&xseg->calls);
		ret = futex_wait_once(ec, seq, left ? &ts : NULL, slot);
		if (ret == -EINTR && !xseg_ec_signalled(ec, seq))
			return ret;
		if (ret == -ETIMEDOUT && !xseg_ec_signalled(ec, seq))
			liveness_scan(xseg);
	}
	return 0;
}

static int futex_wait(struct xseg *xseg, void __xseg_shared *sd,
		      u32 usec_timeout)
{
	return seq_wait(xseg, sd, usec_timeout, futex_sleep);
}

static int futex_signal(struct xseg *xseg, void __xseg_shared *sd)
{
	__u64 token;
	int woken;

	if (xseg_ec_bump(sd, &token) < 2)
		return 0;
	atomic64_inc(&xseg->calls);
	woken = futex_call(sd, FUTEX_WAKE, INT_MAX, NULL);
	xseg_ec_woken(sd, token);
	return woken ? 0 : -ESRCH;
}

/* A local thread may still sleep on what its peer has put. */
static void futex_release(struct xseg *xseg, void __xseg_shared *sd)
{
	futex_quit(xseg, sd);
}

const struct xseg_signal_type xseg_futex_type = {
	.ops = {
		.init_signal_desc = futex_init,
		.quit_signal_desc = futex_quit,
		.prepare_wait = seq_prepare,
		.cancel_wait = seq_cancel,
		.wait_signal = futex_wait,
		.signal = futex_signal,
		.release = futex_release,
	},
	.name = "futex",
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_futex),
};
