// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A signal type that only counts what is asked of it.
 */
#include <stdio.h>

#include "selftests/lib/countertype.h"
#include "selftests/lib/segment.h"

struct counts *counts;

static int one_more(int *count)
{
	return __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

static int counter_init(struct xseg *xseg, void *sd)
{
	one_more(&counts->init);
	if (counts->init_fails)
		return counts->init_fails;
	one_more(&counts->live);
	return 0;
}

static void counter_quit(struct xseg *xseg, void *sd)
{
	one_more(&counts->quit);
	__atomic_sub_fetch(&counts->live, 1, __ATOMIC_RELAXED);
}

static int counter_local_init(struct xseg *xseg)
{
	one_more(&counts->local_init);
	return 0;
}

static void counter_local_quit(struct xseg *xseg)
{
	one_more(&counts->local_quit);
}

static int counter_remote_init(void)
{
	one_more(&counts->remote_init);
	return 0;
}

static void counter_remote_quit(void)
{
	one_more(&counts->remote_quit);
}

static int counter_prepare(struct xseg *xseg, void *sd)
{
	xseg_ec_prepare(sd, 1);
	return 0;
}

static int counter_cancel(struct xseg *xseg, void *sd)
{
	struct xseg_ec *ec = sd;

	xseg_ec_cancel(ec, XEC_SEQ(shm_read(&ec->word)), 1);
	return 0;
}

static int counter_wait(struct xseg *xseg, void *sd, __u32 usec_timeout)
{
	return usec_timeout ? 0 : -ETIMEDOUT;
}

static int counter_signal(struct xseg *xseg, void *sd)
{
	__u64 token;

	one_more(&counts->signal);
	if (xseg_ec_bump(sd, &token) == 2)
		xseg_ec_woken(sd, token);
	return 0;
}

static void counter_release(struct xseg *xseg, void *sd)
{
	one_more(&counts->release);
}

/**
 * counter_type() - such a type
 * @name: its name
 *
 * Return: the type, to be registered; all count into the same @counts.
 */
struct xseg_signal_type counter_type(const char *name)
{
	struct xseg_signal_type type = {
		.ops = {
			.init_signal_desc = counter_init,
			.quit_signal_desc = counter_quit,
			.local_signal_init = counter_local_init,
			.local_signal_quit = counter_local_quit,
			.remote_signal_init = counter_remote_init,
			.remote_signal_quit = counter_remote_quit,
			.prepare_wait = counter_prepare,
			.cancel_wait = counter_cancel,
			.wait_signal = counter_wait,
			.signal = counter_signal,
			.release = counter_release,
		},
		.api = XSEG_SIGNAL_API,
		.domain = XSEG_DOMAIN_USER,
		.version = 1,
		.data_size = sizeof(struct xseg_ec),
	};

	if (!counts)
		counts = shared_alloc(sizeof(*counts));
	snprintf(type.name, sizeof(type.name), "%s", name);
	return type;
}
