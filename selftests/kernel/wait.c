// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * XSEG_IOC_WAIT itself, with good and with bad input, and what may happen to
 * who sleeps there: signals, stops, the end of the attachment.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/ioctl.h>
#include <xseg/signal_type.h>

#include "kernel/test/step.h"
#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define MS	1000000ULL
#define SLACK	(3000 * MS)	/* for a busy machine */

FIXTURE(wait)
{
	struct ks_segment segment;
	struct ks_peer peer;
	int dev;
	struct xseg_ioc_wait arg;	/* one that would sleep */
};

static int attach(int dev, const char *path)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg) };
	int ret;

	arg.fd = open(path, O_RDWR | O_CLOEXEC);
	ret = ioctl(dev, XSEG_IOC_ATTACH, &arg) ? -errno : 0;
	close(arg.fd);
	return ret;
}

static int detach(int dev)
{
	struct xseg_ioc_detach arg = { .size = sizeof(arg) };

	return ioctl(dev, XSEG_IOC_DETACH, &arg) ? -errno : 0;
}

static int do_wait(int dev, void *arg)
{
	return ioctl(dev, XSEG_IOC_WAIT, arg) ? -errno : 0;
}

/* Of a descriptor by its port: what names it, and its event count. */
static struct xseg_ioc_desc desc_of_port(struct xseg *x,
					 struct xseg_ec **ec, xport port)
{
	struct signal_desc *sd = xseg_get_port_signal_desc(x, port);
	struct xseg_ioc_desc d = { 0 };
	struct xseg_desc_id id;

	KS_CHECK(sd);
	*ec = &((struct xseg_desc *)((char *)sd - offsetof(struct xseg_desc,
							  desc)))->ec;
	KS_CHECK(!xseg_get_desc_id(x, *ec, &id));
	d.desc = id.index;
	d.gen = id.gen;
	KS_CHECK(!xseg_put_signal_desc(x, sd));
	return d;
}

FIXTURE_SETUP(wait)
{
	struct xseg_ioc_desc d;
	struct xseg_ec *ec;

	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	self->dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->dev, 0);
	ASSERT_EQ(0, attach(self->dev, self->segment.path));
	ks_peer_join(&self->peer, self->segment.name, "device", 0);
	d = desc_of_port(self->peer.x, &ec, 0);
	memset(&self->arg, 0, sizeof(self->arg));
	self->arg.size = sizeof(self->arg);
	self->arg.desc = d.desc;
	self->arg.gen = d.gen;
	self->arg.seq = ec->word >> 32;
}

FIXTURE_TEARDOWN(wait)
{
	EXPECT_EQ(0, xseg_leave(self->peer.x));
	close(self->dev);
	ks_destroy(&self->segment);
}

static void deadline(struct xseg_ioc_wait *arg, long long ms)
{
	arg->flags = XSEG_WAIT_DEADLINE;
	arg->deadline_ns = (__u64)((long long)ks_now_ns() + ms * (long long)MS);
}

TEST_F(wait, sizes_and_tails)
{
	struct { struct xseg_ioc_wait w; char tail[16]; } big = {
		.w = self->arg
	};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_EQ(-EFAULT, do_wait(self->dev, NULL));
	big.w.size = 0;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &big));
	big.w.size = 4;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &big));
	big.w.size = sizeof(big.w) - 1;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &big));
	deadline(&big.w, 0);
	big.w.size = sizeof(big);
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &big));
	big.tail[15] = 1;
	EXPECT_EQ(-E2BIG, do_wait(self->dev, &big));
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	memcpy(page + 4096 - 16, &self->arg, 16);
	EXPECT_EQ(-EFAULT, do_wait(self->dev, page + 4096 - 16));
}

TEST_F(wait, flags_and_lists)
{
	struct xseg_ioc_wait arg = self->arg;

	arg.flags = 8;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.flags = XSEG_WAIT_POLL | XSEG_WAIT_DEADLINE | XSEG_WAIT_TICK;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.flags = XSEG_WAIT_DEADLINE | XSEG_WAIT_TICK;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.flags = 0;
	arg.deadline_ns = 1;		/* without its flag */
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.flags = XSEG_WAIT_TICK;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.flags = XSEG_WAIT_POLL;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	deadline(&arg, 0);
	arg.flags |= XSEG_WAIT_POLL;
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	arg.nr_signals = XSEG_MAX_SIGNALS + 1;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.nr_signals = ~0U;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.signal[XSEG_MAX_SIGNALS - 1].desc = ~0U;	/* not used */
	arg.nr_signals = XSEG_MAX_SIGNALS - 1;
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	arg.nr_signals = XSEG_MAX_SIGNALS;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.signal[XSEG_MAX_SIGNALS - 1].desc = 0;
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	arg.signal[0].desc = ks_small.nr_descs;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.signal[0].desc = ~0U;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
}

TEST_F(wait, descriptors)
{
	struct xseg_ioc_wait arg = self->arg;
	int dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	deadline(&arg, 0);
	arg.desc = ks_small.nr_descs;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.desc = ~0U;
	EXPECT_EQ(-EINVAL, do_wait(self->dev, &arg));
	arg.desc = self->arg.desc;
	arg.gen++;
	EXPECT_EQ(-ESTALE, do_wait(self->dev, &arg));
	arg.gen = self->arg.gen;
	EXPECT_EQ(-ENXIO, do_wait(dev2, &arg));		/* no segment */
	arg.seq++;					/* was signalled */
	EXPECT_EQ(0, do_wait(self->dev, &arg));
	ASSERT_EQ(0, xseg_release_port(self->peer.x, 0));
	ASSERT_EQ(0, xseg_put_signal_desc(self->peer.x, self->peer.sd));
	arg.seq--;
	EXPECT_NE(-ETIMEDOUT, do_wait(self->dev, &arg));
	ks_peer_init(&self->peer, self->peer.x, "device", 0);
	EXPECT_EQ(-ESTALE, do_wait(self->dev, &arg));
	close(dev2);
}

TEST_F(wait, deadlines)
{
	struct xseg_ioc_wait arg = self->arg;
	uint64_t start = ks_now_ns();

	arg.flags = XSEG_WAIT_DEADLINE;
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));	/* at boot */
	deadline(&arg, -1000);
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_GT(SLACK, ks_now_ns() - start);
	deadline(&arg, 50);
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_LE(arg.deadline_ns, ks_now_ns());	/* never too soon */
	EXPECT_GT(arg.deadline_ns + SLACK, ks_now_ns());
}

struct sleeper {
	int dev;
	struct xseg_ioc_wait arg;
	int ret;
	uint64_t begin;
	uint64_t end;
	pthread_t thread;
	int tid;
};

static void *sleeper_main(void *data)
{
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->begin = ks_now_ns();
	s->ret = do_wait(s->dev, &s->arg);
	s->end = ks_now_ns();
	return NULL;
}

/* It may sleep soon, or have slept. */
static void sleeper_begin(struct sleeper *s, int dev,
			  const struct xseg_ioc_wait *arg)
{
	memset(s, 0, sizeof(*s));
	s->dev = dev;
	s->arg = *arg;
	KS_CHECK(!pthread_create(&s->thread, NULL, sleeper_main, s));
}

/* It sleeps, and for long. */
static void sleeper_start(struct sleeper *s, int dev,
			  const struct xseg_ioc_wait *arg)
{
	sleeper_begin(s, dev, arg);
	while (!__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE))
		usleep(100);
	ks_sleeping(s->tid);
}

/* The latest deadline there is, and none at all; and a signal that wakes. */
TEST_F_TIMEOUT(wait, far_and_no_deadline, 60)
{
	struct xseg_ioc_signal sig = {
		.size = sizeof(sig), .flags = XSEG_SIGNAL_DESC,
		.desc = self->arg.desc, .gen = self->arg.gen,
	};
	struct xseg_ioc_wait arg = self->arg;
	struct sleeper s;
	int i;

	for (i = 0; i < 2; i++) {
		arg.flags = i ? 0 : XSEG_WAIT_DEADLINE;
		arg.deadline_ns = i ? 0 : ~0ULL;
		sleeper_start(&s, self->dev, &arg);
		EXPECT_EQ(0, ioctl(self->dev, XSEG_IOC_SIGNAL, &sig));
		pthread_join(s.thread, NULL);
		EXPECT_EQ(0, s.ret);
	}
}

static int handled;

static void handler(int sig)
{
	(void)sig;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

/*
 * The first who sleeps on a descriptor, and two who find him there: all are
 * woken, and so are those who come when the first has gone.
 */
TEST_F_TIMEOUT(wait, some_on_one, 60)
{
	struct xseg_ioc_signal sig = {
		.size = sizeof(sig), .flags = XSEG_SIGNAL_DESC,
		.desc = self->arg.desc, .gen = self->arg.gen,
	};
	struct sigaction sa = { .sa_handler = handler };
	struct sleeper s[3], early;
	int i, turn;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	for (turn = 0; turn < 4; turn++) {
		if (turn & 1)	/* leaves before the signal */
			sleeper_start(&early, self->dev, &self->arg);
		for (i = 0; i < 3; i++)
			sleeper_start(&s[i], self->dev, &self->arg);
		if (turn & 1) {
			EXPECT_EQ(0, pthread_kill(early.thread, SIGUSR1));
			pthread_join(early.thread, NULL);
			EXPECT_EQ(-EINTR, early.ret);
		}
		EXPECT_EQ(0, ioctl(self->dev, XSEG_IOC_SIGNAL, &sig));
		for (i = 0; i < 3; i++) {
			pthread_join(s[i].thread, NULL);
			EXPECT_EQ(0, s[i].ret);
		}
	}
}

/* How often a thread of this process gave its CPU away by itself. */
static long switches(int tid)
{
	char path[64], line[128];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (f)
		fclose(f);
	return n;
}

/* Within a second, also where the segment had no sleeper for a while. */
TEST_F_TIMEOUT(wait, ticks, 60)
{
	struct xseg_ioc_wait arg = self->arg;
	struct sleeper s[3], forever;
	struct xseg_ioc_desc other;
	struct ks_peer more;
	struct xseg_ec *ec;
	int i, turn;
	long before;

	ks_peer_init(&more, self->peer.x, "device", 1);
	other = desc_of_port(self->peer.x, &ec, 1);
	arg.flags = XSEG_WAIT_TICK;
	for (turn = 0; turn < 3; turn++) {
		for (i = 0; i < 3; i++)
			sleeper_begin(&s[i], self->dev, &arg);
		for (i = 0; i < 3; i++) {
			pthread_join(s[i].thread, NULL);
			EXPECT_EQ(-ETIMEDOUT, s[i].ret);
			EXPECT_GT(s[i].begin + 1000 * MS + SLACK, s[i].end);
		}
		usleep(turn == 1 ? 2500000 : 0);	/* it stops */
	}
	/* Who did not ask for it sleeps on. */
	sleeper_start(&forever, self->dev, &self->arg);
	for (i = 0; i < 2; i++)		/* behind that one */
		EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_EQ(0, forever.end);
	do {				/* woken by their last tick, too */
		before = switches(forever.tid);
		usleep(300000);
	} while (before != switches(forever.tid));
	ASSERT_LT(0, before);
	arg.desc = other.desc;
	arg.gen = other.gen;
	arg.seq = ec->word >> 32;
	for (i = 0; i < 2; i++)		/* elsewhere: that one is let alone */
		EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_EQ(before, switches(forever.tid));
	ASSERT_EQ(0, detach(self->dev));
	pthread_join(forever.thread, NULL);
	EXPECT_EQ(-ENXIO, forever.ret);
}

#define POLL_USEC	"/sys/module/xseg_signal/parameters/poll_usec"
#define POLLS		300

static void poll_usec_set(const char *usec)
{
	int fd = open(POLL_USEC, O_WRONLY | O_CLOEXEC);

	KS_CHECK(write(fd, usec, strlen(usec)) == (ssize_t)strlen(usec));
	close(fd);
}

struct poller {
	int dev;
	struct xseg_ioc_wait arg;
	int good;	/* how many waits a signal ended */
	long sleeps;
	int done;
	int go;
};

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	KS_CHECK(!sched_setaffinity(0, sizeof(set), &set));
}

static void *poller_run(void *arg)
{
	struct poller *p = arg;
	long before;
	int i;

	stay_on(1);
	before = switches(gettid());
	for (i = 0; i < POLLS; i++)
		p->good += !do_wait(p->dev, &p->arg);
	p->sleeps = switches(gettid()) - before;
	__atomic_store_n(&p->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* A wait that ends soon has not slept, unless the module is not to poll. */
TEST_F_TIMEOUT(wait, polls, 120)
{
	struct xseg_ioc_signal sig = {
		.size = sizeof(sig), .flags = XSEG_SIGNAL_DESC,
		.desc = self->arg.desc, .gen = self->arg.gen,
	};
	static const char * const usec[] = { "0", "1000000", "1000000", "0" };
	struct poller p;
	pthread_t thread;
	unsigned int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "takes two CPUs");
	stay_on(0);
	for (i = 0; i < 4; i++) {
		p = (struct poller){ .dev = self->dev, .arg = self->arg };
		/* The third is who did not ask for it. */
		p.arg.flags = i == 2 ? 0 : XSEG_WAIT_POLL;
		poll_usec_set(usec[i]);
		ASSERT_EQ(0, pthread_create(&thread, NULL, poller_run, &p));
		while (!__atomic_load_n(&p.done, __ATOMIC_ACQUIRE)) {
			usleep(100);
			/* -ENOTCONN: nobody has slept here yet */
			ioctl(self->dev, XSEG_IOC_SIGNAL, &sig);
		}
		pthread_join(thread, NULL);
		TH_LOG("%u: %ld sleeps in %d waits", i, p.sleeps, POLLS);
		EXPECT_EQ(POLLS, p.good);
		if (i == 1) {
			EXPECT_GT(POLLS / 2, p.sleeps);
		} else {
			EXPECT_LT(POLLS / 2, p.sleeps);
		}
	}
	poll_usec_set("200");
}

/* The step, in a context; then how many calls were made, and by whom. */
static int call_step(int fd, unsigned int what, unsigned int in, xport port,
		     struct xseg_test_step *s)
{
	*s = (struct xseg_test_step){ .what = what, .in = in, .number = port };
	return ioctl(fd, XSEG_TEST_STEP, s) ? -errno : 0;
}

static void calls_made(int fd, uint64_t n, struct xseg_test_step *s)
{
	uint64_t end = ks_now_ns() + SLACK;

	do {
		KS_CHECK(!call_step(fd, STEP_CALLED, STEP_IN_CALLER, 0, s));
	} while (s->stats[0] != n && ks_now_ns() < end);
}

struct called {
	struct poller p;
	struct ks_peer *peer;
	struct xseg_ec *ec;
	int fd;
	int tid;
	uint64_t taken;
};

/* One wait after the other, each when the caller has looked at the last. */
static void *called_run(void *arg)
{
	struct called *c = arg;
	int i;

	c->tid = gettid();
	stay_on(1);
	for (i = 1; i <= POLLS; i++) {
		KS_CHECK(!xseg_prepare_wait(c->peer->x, c->peer->sd));
		c->p.arg.seq = __atomic_load_n(&c->ec->word,
					       __ATOMIC_SEQ_CST) >> 32;
		__atomic_store_n(&c->p.go, i, __ATOMIC_RELEASE);
		c->p.good += !do_wait(c->p.dev, &c->p.arg);
		KS_CHECK(!xseg_cancel_wait(c->peer->x, c->peer->sd));
		__atomic_store_n(&c->p.done, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&c->p.go, __ATOMIC_ACQUIRE) == i)
			;
	}
	return NULL;
}

/* Asks in a context, and at once again and again while who waits there leaves. */
static void calls_at_once(struct called *c, unsigned int in)
{
	struct xseg_ioc_signal sig = {
		.size = sizeof(sig), .flags = XSEG_SIGNAL_DESC,
		.desc = c->p.arg.desc, .gen = c->p.arg.gen,
	};
	struct xseg_test_step s;
	int ret;

	do {	/* who is not there yet polls first, or sleeps at once */
		ret = call_step(c->fd, STEP_CALL, in, 0, &s);
	} while (ret == -EAGAIN && ks_state(c->tid) != 'S');
	while (!ret) {
		c->taken++;
		ret = call_step(c->fd, STEP_CALL, STEP_IN_CALLER, 0, &s);
	}
	KS_CHECK(ret == -EAGAIN);
	/* who sleeps, or comes back for each call that was left behind */
	__atomic_fetch_add(&c->ec->word, 1ULL << 32, __ATOMIC_SEQ_CST);
	ioctl(c->p.dev, XSEG_IOC_SIGNAL, &sig);
}

/* Who polls does what a kernel peer asks for, and leaves no call behind. */
TEST_F_TIMEOUT(wait, calls, 120)
{
	static const unsigned int in[] = {
		STEP_IN_CALLER, STEP_IN_SOFTIRQ, STEP_IN_HARDIRQ,
	};
	struct called c = { .p = { .dev = self->dev, .arg = self->arg },
			    .peer = &self->peer };
	struct xseg_test_step s = { .what = STEP_JOIN };
	pthread_t thread;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "takes two CPUs");
	desc_of_port(self->peer.x, &c.ec, 0);
	c.fd = open("/sys/kernel/debug/xseg_test/step", O_RDWR | O_CLOEXEC);
	ASSERT_GE(c.fd, 0);
	ASSERT_EQ(0, xseg_attach(self->segment.name));
	snprintf(s.name, sizeof(s.name), "%s", self->segment.name);
	ASSERT_EQ(0, ioctl(c.fd, XSEG_TEST_STEP, &s) ? -errno : 0);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EAGAIN, call_step(c.fd, STEP_CALL, in[i], 0, &s));
		EXPECT_EQ(-EAGAIN, call_step(c.fd, STEP_CALL, in[i], 1, &s));
		EXPECT_EQ(-EINVAL, call_step(c.fd, STEP_CALL, in[i], NoPort,
					     &s));
	}
	stay_on(0);
	c.p.arg.flags = XSEG_WAIT_POLL;
	poll_usec_set("1000000");
	ASSERT_EQ(0, pthread_create(&thread, NULL, called_run, &c));
	for (i = 1; i <= POLLS; i++) {
		while (__atomic_load_n(&c.p.go, __ATOMIC_ACQUIRE) != i)
			usleep(10);
		calls_at_once(&c, in[i % 3]);
		while (__atomic_load_n(&c.p.done, __ATOMIC_ACQUIRE) != i)
			usleep(10);
		calls_made(c.fd, c.taken, &s);
		EXPECT_EQ(c.taken, s.stats[0]) {
			c.taken = s.stats[0];
		}
		__atomic_store_n(&c.p.go, 0, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	poll_usec_set("200");
	TH_LOG("%llu calls taken in %d waits, %llu made there",
	       (unsigned long long)c.taken, POLLS,
	       (unsigned long long)s.stats[1]);
	EXPECT_EQ(POLLS, c.p.good);
	EXPECT_LT(POLLS / 2, s.stats[1]);
	EXPECT_EQ(-EAGAIN, call_step(c.fd, STEP_CALL, STEP_IN_CALLER, 0, &s));
	close(c.fd);
	EXPECT_EQ(0, xseg_detach(self->segment.name));
}

TEST_F_TIMEOUT(wait, detached_while_asleep, 60)
{
	struct xseg_ioc_wait arg = self->arg;
	struct sleeper s[2];
	int i;

	sleeper_start(&s[0], self->dev, &arg);
	deadline(&arg, 3600000);
	sleeper_start(&s[1], self->dev, &arg);
	ASSERT_EQ(0, detach(self->dev));
	for (i = 0; i < 2; i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(-ENXIO, s[i].ret);
	}
	EXPECT_EQ(-ENXIO, do_wait(self->dev, &arg));
	ASSERT_EQ(0, attach(self->dev, self->segment.path));
	deadline(&arg, 0);
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
}

/* -EINTR for a handler, whatever SA_RESTART says; the wait is not resumed. */
TEST_F_TIMEOUT(wait, handler, 60)
{
	struct sigaction sa = { .sa_handler = handler };
	struct sleeper s;
	int i;

	for (i = 0; i < 2; i++) {
		sa.sa_flags = i ? SA_RESTART : 0;
		ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
		sleeper_start(&s, self->dev, &self->arg);
		ASSERT_EQ(0, pthread_kill(s.thread, SIGUSR1));
		pthread_join(s.thread, NULL);
		EXPECT_EQ(-EINTR, s.ret);
	}
	EXPECT_EQ(2, __atomic_load_n(&handled, __ATOMIC_SEQ_CST));
}

/* Stopped and continued it goes on to sleep, with the same deadline. */
TEST_F_TIMEOUT(wait, stop_and_continue, 60)
{
	struct shared { struct xseg_ioc_wait arg; int ret; uint64_t end; };
	struct shared *sh = ks_shared(sizeof(*sh));
	pid_t pid;
	int i, status;

	sh->arg = self->arg;
	deadline(&sh->arg, 10000);
	pid = fork();
	if (!pid) {
		sh->ret = do_wait(self->dev, &sh->arg);
		sh->end = ks_now_ns();
		_exit(0);
	}
	for (i = 0; i < 3; i++) {
		ks_sleeping(pid);
		kill(pid, SIGSTOP);
		while (ks_state(pid) != 'T')
			usleep(1000);
		kill(pid, SIGCONT);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(-ETIMEDOUT, sh->ret);
	EXPECT_LE(sh->arg.deadline_ns, sh->end);
	EXPECT_GT(sh->arg.deadline_ns + SLACK, sh->end);
}

/* Killed while asleep, with the device open elsewhere, too. */
TEST_F_TIMEOUT(wait, killed, 60)
{
	struct xseg_ioc_wait arg = self->arg;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		do_wait(self->dev, &arg);
		_exit(1);
	}
	ks_sleeping(pid);
	ks_kill(pid);
	deadline(&arg, 0);
	EXPECT_EQ(-ETIMEDOUT, do_wait(self->dev, &arg));
	EXPECT_EQ(-1, waitpid(pid, &status, 0));
}

TEST_HARNESS_MAIN
