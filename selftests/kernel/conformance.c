// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Conformance of signal types: the same test for every type, whoever waits and
 * whoever signals, in a process or in the kernel.
 *
 * types[] says where a type is waited upon; from[] from where signals come.
 * Each pair of them is a variant of the fixture, made by PAIRS(); all other
 * combinations are refused, and refusals{} sees to that. no_type_forgotten{}
 * looks into the sources for types that are not in types[].
 *
 * Waits have no limit and no cap, so that a lost wake-up hangs and is seen.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define SLEEPERS	12	/* more than the module takes registrations */
#define SIGNALLERS	4
#define SLACK_NS	2000000000ULL	/* for a busy machine */

enum { WAITER, SECOND, SENDER };	/* ports */

/**
 * struct type - a signal type
 * @name:   its name
 * @kernel: kernel peers wait on it, not processes
 * @only:   the other domain does not know it, and why; else NULL
 */
struct type {
	const char *name;
	int kernel;
	const char *only;
};

/* Each type, and from where its waiters are signalled. */
#define TYPES(from_all, from_processes)			\
	from_all(futex, "futex", 0)			\
	from_all(eventfd, "eventfd", 0)			\
	from_all(device, "device", 0)			\
	from_all(waitqueue, "waitqueue", 1)		\
	from_all(bridge, "eventfd-bridge", 1)		\
	from_processes(fifo, "fifo", 0,			\
		       "a plug-in of libxseg-user: the kernel has no such type")

#define TYPE(id, _name, _kernel)	{ _name, _kernel, NULL },
#define TYPE_ONLY(id, _name, _kernel, why) { _name, _kernel, why },

static const struct type types[] = { TYPES(TYPE, TYPE_ONLY) };

#define NR_TYPES	(sizeof(types) / sizeof(types[0]))

static const struct type *type_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_TYPES; i++)
		if (!strcmp(name, types[i].name))
			return &types[i];
	return NULL;
}

FIXTURE(signals)
{
	struct ks_segment segment;
	struct xseg *watch;	/* looks on */
	struct end waiter;
	struct end sender;
	int sender_left;
};

FIXTURE_VARIANT(signals)
{
	const char *type;
	const struct end_kind *from;
};

#define PAIR(from_id, id, _name)					\
	FIXTURE_VARIANT_ADD(signals, id##_from_##from_id) {		\
		.type = _name, .from = &end_##from_id			\
	};
#define PAIRS(id, name, domain)	PAIR(user, id, name) PAIR(kernel, id, name)
#define PAIR_USER(id, name, domain, why) PAIR(user, id, name)

TYPES(PAIRS, PAIR_USER)

FIXTURE_SETUP(signals)
{
	const struct type *type = type_of(variant->type);

	ks_plugins();
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(self->segment.name));
	self->watch = xseg_join(self->segment.name, XSEG_JOIN_PLUGINS);
	ASSERT_NE(NULL, self->watch);
	ASSERT_EQ(0, end_join(&self->waiter,
			      type->kernel ? &end_kernel : &end_user,
			      self->segment.name));
	ASSERT_EQ(0, end_open(&self->waiter, variant->type, WAITER));
	ASSERT_EQ(0, end_join(&self->sender, variant->from,
			      self->segment.name));
}

FIXTURE_TEARDOWN(signals)
{
	EXPECT_EQ(0, end_leave(&self->waiter));
	if (!self->sender_left)
		EXPECT_EQ(0, end_leave(&self->sender));
	EXPECT_EQ(0, xseg_leave(self->watch));
	EXPECT_EQ(0, xseg_detach(self->segment.name));
	EXPECT_EQ(0, xseg_destroy(self->segment.name, 0));
}

/* The steps by their names. */
#define SIGNAL(end, port)	((end)->kind->ops->signal(end, port))
#define PREPARE(end)		((end)->kind->ops->prepare(end))
#define CANCEL(end)		((end)->kind->ops->cancel(end))
#define WAIT(end, usec)		((end)->kind->ops->wait(end, usec))

static unsigned int announced(struct xseg *watch)
{
	struct xseg_port_info info;

	KS_CHECK(!xseg_get_port_info(watch, WAITER, &info));
	return info.waiters;
}

static struct xseg_stats stats(struct end *e)
{
	struct xseg_stats s;

	KS_CHECK(!e->kind->ops->stats(e, &s));
	return s;
}

/* Waits until so many are counted as asleep on the port's descriptor. */
static void counted(struct xseg *watch, unsigned int nr)
{
	struct xseg_port_info info;

	do {
		usleep(500);
		KS_CHECK(!xseg_get_port_info(watch, WAITER, &info));
	} while (info.asleep != nr);
}

/* Waits until all of them sleep: in a process that comes after the count. */
static void asleep(struct xseg *watch, const struct sleeper *s,
		   unsigned int nr)
{
	counted(watch, nr);
	for (; nr--; s++)
		if (!s->end.kind->kernel)
			ks_sleeping(__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE));
}

/* How long a wait took that nobody ended. */
static uint64_t wait_ns(struct end *e, unsigned int usec, int *ret)
{
	uint64_t start = ks_now_ns();

	*ret = WAIT(e, usec);
	return ks_now_ns() - start;
}

TEST_F_TIMEOUT(signals, wake, 60)
{
	struct xseg_stats before, after;
	struct sleeper s;
	int i;

	for (i = 0; i < 8; i++) {
		before = stats(&self->sender);
		ASSERT_EQ(0, sleeper_start(&s, &self->waiter,
					   XSEG_WAIT_FOREVER));
		asleep(self->watch, &s, 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
		EXPECT_EQ(0, sleeper_end(&s));
		EXPECT_EQ(0, announced(self->watch));
		after = stats(&self->sender);
		EXPECT_EQ(before.signals_sent + 1, after.signals_sent);
		EXPECT_EQ(before.signals_elided, after.signals_elided);
	}
	EXPECT_EQ(8, stats(&self->waiter).sleeps);
}

/* A signal after the announcement and before the wait: no sleep. */
TEST_F_TIMEOUT(signals, between_prepare_and_wait, 60)
{
	ASSERT_EQ(0, PREPARE(&self->waiter));
	EXPECT_EQ(1, announced(self->watch));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, WAIT(&self->waiter, XSEG_WAIT_FOREVER));
	EXPECT_EQ(0, stats(&self->waiter).sleeps);
	EXPECT_EQ(0, announced(self->watch));
	ASSERT_EQ(0, PREPARE(&self->waiter));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, WAIT(&self->waiter, 0));
}

TEST_F_TIMEOUT(signals, elided_when_nobody_waits, 60)
{
	struct xseg_stats s;
	struct sleeper w;
	int i, ret;

	for (i = 1; i <= 40; i++)
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	s = stats(&self->sender);
	EXPECT_EQ(0, s.signals_sent);
	EXPECT_EQ(40, s.signals_elided);
	/* after a cancel, after a timeout, after a wake */
	ASSERT_EQ(0, PREPARE(&self->waiter));
	ASSERT_EQ(0, CANCEL(&self->waiter));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	wait_ns(&self->waiter, 2000, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, stats(&self->sender).signals_sent);
	ASSERT_EQ(0, sleeper_start(&w, &self->waiter, XSEG_WAIT_FOREVER));
	asleep(self->watch, &w, 1);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, sleeper_end(&w));
	s = stats(&self->sender);
	EXPECT_EQ(1, s.signals_sent);
	EXPECT_EQ(46, s.signals_elided);
}

TEST_F_TIMEOUT(signals, timeouts, 60)
{
	struct sleeper s;
	uint64_t ns;
	int ret;

	ASSERT_EQ(0, PREPARE(&self->waiter));
	ns = wait_ns(&self->waiter, 0, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_GT(SLACK_NS, ns);
	EXPECT_EQ(0, stats(&self->waiter).sleeps);
	EXPECT_EQ(0, announced(self->watch));
	ASSERT_EQ(0, PREPARE(&self->waiter));
	ns = wait_ns(&self->waiter, 30000, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_LE(30000000, ns);
	EXPECT_GT(30000000 + SLACK_NS, ns);
	EXPECT_EQ(0, announced(self->watch));
	ns = wait_ns(&self->waiter, 30000, &ret);	/* not prepared */
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_LE(30000000, ns);
	EXPECT_EQ(2, stats(&self->waiter).sleeps);
	/* a signal ends one of an hour, and one that has no end */
	ASSERT_EQ(0, sleeper_start(&s, &self->waiter, 3600U * 1000000));
	asleep(self->watch, &s, 1);
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, sleeper_end(&s));
	ASSERT_EQ(0, sleeper_start(&s, &self->waiter, XSEG_WAIT_FOREVER));
	asleep(self->watch, &s, 1);
	usleep(300000);
	asleep(self->watch, &s, 1);
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, sleeper_end(&s));
	EXPECT_LE(300000000, s.ns);
}

/*
 * The cap on a single sleep: a wait in a process lasts as long as it was asked
 * to; in the kernel it may look like a signal.
 */
TEST_F_TIMEOUT(signals, sleep_cap, 60)
{
	uint64_t ns;
	int ret;

	ASSERT_EQ(0, self->waiter.kind->ops->cap(&self->waiter, 20000));
	ns = wait_ns(&self->waiter, 100000, &ret);
	if (self->waiter.kind->kernel) {
		EXPECT_EQ(0, ret);
		EXPECT_LE(20000000, ns);
	} else {
		EXPECT_EQ(-ETIMEDOUT, ret);
		EXPECT_LE(100000000, ns);
	}
	EXPECT_EQ(0, announced(self->watch));
	EXPECT_EQ(-EINVAL, self->waiter.kind->ops->cap(&self->waiter, 0));
}

TEST_F_TIMEOUT(signals, cancel, 60)
{
	int ret;

	EXPECT_EQ(0, CANCEL(&self->waiter));	/* nothing prepared */
	ASSERT_EQ(0, PREPARE(&self->waiter));
	ASSERT_EQ(0, PREPARE(&self->waiter));	/* replaces the first */
	EXPECT_EQ(1, announced(self->watch));
	EXPECT_EQ(0, CANCEL(&self->waiter));
	EXPECT_EQ(0, announced(self->watch));
	EXPECT_EQ(0, CANCEL(&self->waiter));
	EXPECT_EQ(0, announced(self->watch));
	/* cancelled after it was signalled; the next wait does not see that */
	ASSERT_EQ(0, PREPARE(&self->waiter));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, CANCEL(&self->waiter));
	ASSERT_EQ(0, PREPARE(&self->waiter));
	wait_ns(&self->waiter, 5000, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_EQ(1, stats(&self->sender).signals_sent);
}

/* One signal wakes all who sleep on the descriptor. */
TEST_F_TIMEOUT(signals, many_waiters, 120)
{
	struct sleeper s[SLEEPERS];
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < SLEEPERS; i++)
			ASSERT_EQ(0, sleeper_start(&s[i], &self->waiter,
						   XSEG_WAIT_FOREVER));
		asleep(self->watch, s, SLEEPERS);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
		for (i = 0; i < SLEEPERS; i++)
			EXPECT_EQ(0, sleeper_end(&s[i]));
		EXPECT_EQ(0, announced(self->watch));
	}
	EXPECT_EQ(2, stats(&self->sender).signals_sent);
}

struct signaller {
	struct end end;
	unsigned int *work;
	int bad;
	pthread_t thread;
};

static void *signaller_main(void *arg)
{
	struct signaller *s = arg;
	int i;

	for (i = 0; i < 50; i++) {
		__atomic_fetch_add(s->work, 1, __ATOMIC_SEQ_CST);
		s->bad |= SIGNAL(&s->end, WAITER);
	}
	return NULL;
}

/* Each adds work, then signals: the waiter sees it all. */
TEST_F_TIMEOUT(signals, many_signallers, 120)
{
	struct signaller s[SIGNALLERS];
	unsigned int work = 0, seen = 0;
	struct sleeper first;
	int i;

	/* The module knows of waiters there from the first sleep on. */
	ASSERT_EQ(0, sleeper_start(&first, &self->waiter, XSEG_WAIT_FOREVER));
	asleep(self->watch, &first, 1);
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, sleeper_end(&first));
	for (i = 0; i < SIGNALLERS; i++) {
		s[i].work = &work;
		s[i].bad = 0;
		ASSERT_EQ(0, end_share(&s[i].end, &self->sender));
		pthread_create(&s[i].thread, NULL, signaller_main, &s[i]);
	}
	while (seen < 50 * SIGNALLERS) {
		ASSERT_EQ(0, PREPARE(&self->waiter));
		if (__atomic_load_n(&work, __ATOMIC_SEQ_CST) != seen) {
			ASSERT_EQ(0, CANCEL(&self->waiter));
		} else {
			ASSERT_EQ(0, WAIT(&self->waiter, XSEG_WAIT_FOREVER));
		}
		seen = __atomic_load_n(&work, __ATOMIC_SEQ_CST);
	}
	for (i = 0; i < SIGNALLERS; i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(0, s[i].bad);
		if (s[i].end.kind->kernel)
			end_leave(&s[i].end);
	}
	/*
	 * The module leaves the count where it finds no thread to wake, for it
	 * does not know all: so after two signals for one sleep. A process does
	 * know, and takes it back.
	 */
	if (variant->from->kernel && !strcmp(variant->type, "futex"))
		xseg_signal(self->watch, WAITER);
	EXPECT_EQ(0, announced(self->watch));
}

TEST_F_TIMEOUT(signals, two_ports, 60)
{
	const struct end_ops *ops = self->waiter.kind->ops;
	struct sleeper s;
	xport port;

	ASSERT_EQ(SECOND, ops->bind(&self->waiter, SECOND));
	for (port = WAITER; port <= SECOND; port++) {
		ASSERT_EQ(0, sleeper_start(&s, &self->waiter,
					   XSEG_WAIT_FOREVER));
		asleep(self->watch, &s, 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, port));
		EXPECT_EQ(0, sleeper_end(&s));
	}
	ASSERT_EQ(0, sleeper_start(&s, &self->waiter, XSEG_WAIT_FOREVER));
	asleep(self->watch, &s, 1);
	EXPECT_EQ(0, ops->release(&self->waiter, SECOND));
	EXPECT_EQ(-ENOTCONN, SIGNAL(&self->sender, SECOND));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(0, sleeper_end(&s));
}

/* Everything is let go of while threads sleep: they return. */
TEST_F_TIMEOUT(signals, put_while_waited_upon, 60)
{
	const struct end_ops *ops = self->waiter.kind->ops;
	struct sleeper s[3];
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, sleeper_start(&s[i], &self->waiter,
						   XSEG_WAIT_FOREVER));
		asleep(self->watch, s, 3);
		ASSERT_EQ(0, ops->release(&self->waiter, WAITER));
		ASSERT_EQ(0, ops->put(&self->waiter));
		for (i = 0; i < 3; i++)
			EXPECT_EQ(-ESTALE, sleeper_end(&s[i]));
		EXPECT_EQ(-EINVAL, ops->put(&self->waiter));
		EXPECT_EQ(-ENOTCONN, SIGNAL(&self->sender, WAITER));
		ASSERT_EQ(0, end_open(&self->waiter, variant->type, WAITER));
		ASSERT_EQ(0, sleeper_start(&s[0], &self->waiter,
					   XSEG_WAIT_FOREVER));
		asleep(self->watch, &s[0], 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
		EXPECT_EQ(0, sleeper_end(&s[0]));
	}
}

/* Who was signalled by a peer that has left since is signalled by the next. */
TEST_F_TIMEOUT(signals, another_signaller, 60)
{
	struct sleeper s;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, sleeper_start(&s, &self->waiter,
					   XSEG_WAIT_FOREVER));
		asleep(self->watch, &s, 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
		EXPECT_EQ(0, sleeper_end(&s));
		EXPECT_EQ(0, end_leave(&self->sender));
		self->sender_left = 1;
		ASSERT_EQ(0, end_join(&self->sender, variant->from,
				      self->segment.name));
		self->sender_left = 0;
	}
}

/* Callbacks of kernel peers, in place of waits. */
FIXTURE(callbacks)
{
	struct ks_segment segment;
	struct xseg *watch;
	struct end waiter;
	struct end sender;
};

FIXTURE_VARIANT(callbacks)
{
	const char *type;
	const struct end_kind *from;
	unsigned int flags;
};

#define NO_CALLBACK(id, name, domain, why)
#define IF_0(x)
#define IF_1(x)	x
#define CALLBACK(id, _name, direct, from_id)				\
	FIXTURE_VARIANT_ADD(callbacks, id##_##direct##_from_##from_id) { \
		.type = _name, .from = &end_##from_id, .flags = direct	\
	};
#define CALLBACKS_OF(id, name)						\
	CALLBACK(id, name, 0, user) CALLBACK(id, name, 0, kernel)	\
	CALLBACK(id, name, 1, user) CALLBACK(id, name, 1, kernel)
#define CALLBACKS(id, name, domain)	IF_##domain(CALLBACKS_OF(id, name))

TYPES(CALLBACKS, NO_CALLBACK)

FIXTURE_SETUP(callbacks)
{
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(self->segment.name));
	self->watch = xseg_join(self->segment.name, 0);
	ASSERT_NE(NULL, self->watch);
	ASSERT_EQ(0, end_join(&self->waiter, &end_kernel,
			      self->segment.name));
	ASSERT_EQ(0, end_open(&self->waiter, variant->type, WAITER));
	ASSERT_EQ(0, end_callback(&self->waiter, variant->flags));
	ASSERT_EQ(0, end_join(&self->sender, variant->from,
			      self->segment.name));
}

FIXTURE_TEARDOWN(callbacks)
{
	EXPECT_EQ(0, end_leave(&self->waiter));
	EXPECT_EQ(0, end_leave(&self->sender));
	EXPECT_EQ(0, xseg_leave(self->watch));
	EXPECT_EQ(0, xseg_detach(self->segment.name));
	EXPECT_EQ(0, xseg_destroy(self->segment.name, 0));
}

TEST_F_TIMEOUT(callbacks, called_once_for_each_prepare, 60)
{
	struct sleeper s;
	int i, ret;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, sleeper_start(&s, &self->waiter,
					   XSEG_WAIT_FOREVER));
		asleep(self->watch, &s, 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
		EXPECT_EQ(0, sleeper_end(&s));
		EXPECT_EQ(0, announced(self->watch));
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));	/* elided */
	}
	EXPECT_EQ(8, stats(&self->sender).signals_sent);
	EXPECT_EQ(8, stats(&self->sender).signals_elided);
	ASSERT_EQ(0, PREPARE(&self->waiter));
	ASSERT_EQ(0, PREPARE(&self->waiter));	/* replaces the first */
	EXPECT_EQ(1, announced(self->watch));
	ASSERT_EQ(0, CANCEL(&self->waiter));
	EXPECT_EQ(0, announced(self->watch));
	EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	EXPECT_EQ(8, stats(&self->sender).signals_sent);
	ASSERT_EQ(0, PREPARE(&self->waiter));
	wait_ns(&self->waiter, 5000, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_EQ(0, announced(self->watch));
}

#define KEEP	2	/* XSEG_CALLBACK_KEEP */

/* One that stays armed is called for each signal, and none is spared. */
TEST_F_TIMEOUT(callbacks, kept_armed, 60)
{
	int i, ret;

	ASSERT_EQ(0, end_callback(&self->waiter, variant->flags | KEEP));
	for (i = 0; i < 8; i++) {
		counted(self->watch, 1);
		EXPECT_EQ(0, SIGNAL(&self->sender, WAITER));
	}
	/* the last call, by the work, is over, too */
	counted(self->watch, 1);
	wait_ns(&self->waiter, XSEG_WAIT_FOREVER, &ret);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(8, stats(&self->sender).signals_sent);
	EXPECT_EQ(0, stats(&self->sender).signals_elided);
	EXPECT_EQ(0, announced(self->watch));
}

/* One that signals its own port is called again, but not within itself. */
TEST_F_TIMEOUT(callbacks, kept_signals_itself, 60)
{
	int i, ret;

	/* the work calls it, or the signal */
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, self->waiter.kind->ops->cap(&self->waiter,
					i % 2 ? 1000 : XSEG_WAIT_FOREVER));
		ASSERT_EQ(0, PREPARE(&self->waiter));
		ASSERT_EQ(0, CANCEL(&self->waiter));
		ASSERT_EQ(0, end_again(&self->waiter, WAITER));
		ASSERT_EQ(0, end_callback(&self->waiter, variant->flags | KEEP));
		if (!(i % 2))
			ASSERT_EQ(0, SIGNAL(&self->sender, WAITER));
		wait_ns(&self->waiter, XSEG_WAIT_FOREVER, &ret);
		EXPECT_EQ(0, ret);
	}
}

/* No call comes after the put, and none is waited for in vain. */
TEST_F_TIMEOUT(callbacks, put_while_armed, 60)
{
	const struct end_ops *ops = self->waiter.kind->ops;
	int ret;

	ASSERT_EQ(0, PREPARE(&self->waiter));
	EXPECT_EQ(1, announced(self->watch));
	ASSERT_EQ(0, ops->release(&self->waiter, WAITER));
	ASSERT_EQ(0, ops->put(&self->waiter));
	EXPECT_EQ(-ENOTCONN, SIGNAL(&self->sender, WAITER));
	wait_ns(&self->waiter, 20000, &ret);
	EXPECT_EQ(-ETIMEDOUT, ret);
}

/* What is no pair is refused, by whom it is asked for. */
FIXTURE(combinations)
{
	struct ks_segment segment;
};

FIXTURE_SETUP(combinations)
{
	ks_plugins();
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(self->segment.name));
}

FIXTURE_TEARDOWN(combinations)
{
	EXPECT_EQ(0, xseg_detach(self->segment.name));
	EXPECT_EQ(0, xseg_destroy(self->segment.name, 0));
}

/* Waiting in the domain where that type is not waited upon. */
TEST_F_TIMEOUT(combinations, refusals, 60)
{
	const struct type *t;
	struct end user, kernel;

	ASSERT_EQ(0, end_join(&user, &end_user, self->segment.name));
	ASSERT_EQ(0, end_join(&kernel, &end_kernel, self->segment.name));
	for (t = types; t < types + NR_TYPES; t++) {
		struct end *wrong = t->kernel ? &user : &kernel;
		int ret = wrong->kind->ops->init(wrong, t->name);

		printf("# %s waiting by %s: %s\n", wrong->kind->name, t->name,
		       t->only ? t->only : "a type of the other domain");
		EXPECT_EQ(t->only ? -ENOENT : -EOPNOTSUPP, ret);
		EXPECT_EQ(-EINVAL, wrong->kind->ops->get(wrong, t->name));
	}
	EXPECT_EQ(0, end_leave(&kernel));
	EXPECT_EQ(0, end_leave(&user));
}

/* Waits until a port's waiter has announced himself: how often. */
static unsigned int armed(struct xseg *watch)
{
	unsigned int n;

	while (!(n = announced(watch)))
		usleep(200);
	return n;
}

/* A callback that arms itself before its signaller is done counts once. */
TEST_F_TIMEOUT(combinations, armed_in_the_callback, 60)
{
	static const char *const in[] = {
		"work", "direct", "softirq", "hardirq"
	};
	struct peer_stat stat = { 0 };
	struct xseg *x = xseg_join(self->segment.name, 0);
	const struct type *t;
	unsigned int k, i;

	for (t = types; t < types + NR_TYPES; t++) {
		for (k = 0; t->kernel && k < 4; k++) {
			ASSERT_EQ(0, peer_command("count:%s:%s %s %d", t->name,
						  in[k], self->segment.name,
						  WAITER));
			for (i = 1; i <= 10; i++) {
				EXPECT_EQ(1, armed(x));
				EXPECT_EQ(0, xseg_signal(x, WAITER));
				do {
					ASSERT_EQ(0, peer_stat(WAITER, &stat));
				} while (stat.done < i);
			}
			EXPECT_EQ(1, armed(x));
			ASSERT_EQ(0, peer_command("stop"));
		}
	}
	EXPECT_EQ(0, xseg_leave(x));
}

/* Signals from the domain that does not know the type. */
TEST_F_TIMEOUT(combinations, unknown_to_the_signaller, 60)
{
	const struct type *t;
	struct end waiter, sender;

	for (t = types; t < types + NR_TYPES; t++) {
		if (!t->only)
			continue;
		printf("# kernel signals %s: %s\n", t->name, t->only);
		ASSERT_EQ(0, end_join(&waiter, &end_user, self->segment.name));
		ASSERT_EQ(0, end_open(&waiter, t->name, WAITER));
		ASSERT_EQ(0, end_join(&sender, &end_kernel,
				      self->segment.name));
		EXPECT_EQ(0, SIGNAL(&sender, WAITER));	/* nobody waits */
		ASSERT_EQ(0, PREPARE(&waiter));
		EXPECT_EQ(-ENOENT, SIGNAL(&sender, WAITER));
		EXPECT_EQ(-ETIMEDOUT, WAIT(&waiter, 50000));
		EXPECT_EQ(0, end_leave(&sender));
		EXPECT_EQ(0, end_leave(&waiter));
	}
}

/* Each `.name = "..."` of the sources of types is in the table. */
TEST(no_type_forgotten)
{
	static const char *const where[] = {
		"user/types/*.c", "user/plugins/*.c", "kernel/types/*.c"
	};
	const char *top = getenv("XSEG_SRC");
	char path[4096], line[512], name[64];
	unsigned int i, found = 0;
	glob_t g = { 0 };
	size_t k;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", top ? top : ".",
			 where[i]);
		glob(path, i ? GLOB_APPEND : 0, NULL, &g);
	}
	ASSERT_LT(0, g.gl_pathc);
	for (k = 0; k < g.gl_pathc; k++) {
		FILE *f = fopen(g.gl_pathv[k], "r");

		ASSERT_NE(NULL, f);
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, " .name = \"%63[^\"]\"", name) != 1)
				continue;
			found++;
			EXPECT_NE(NULL, type_of(name))
				TH_LOG("%s in %s", name, g.gl_pathv[k]);
		}
		fclose(f);
	}
	EXPECT_LE(2 * NR_TYPES - 1, found);
	globfree(&g);
}

TEST_HARNESS_MAIN
