// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel's way to wake a futex must leave alone, see
 * kernel/types/futex_remote.c: it makes a thread start its system call again,
 * and not every call of a program may be started again. A kernel peer signals
 * all the time, one thread always sleeps on the descriptor, so that the kernel
 * always has somebody to notify; and the others are looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define EXEC	"XSEG_TEST_GUARDS_EXEC"
#define POLLS	50

/* How many of so many short epoll_waits another's notice ended. */
static int interrupted(int polls, int ms)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), n = 0;
	struct epoll_event ev;

	while (polls--)
		n += epoll_wait(ep, &ev, 1, ms) < 0 && errno == EINTR;
	close(ep);
	return n;
}

/* What the program is after the exec of a test: its status tells. */
static void __attribute__((constructor)) after_exec(void)
{
	if (getenv(EXEC))
		_exit(interrupted(POLLS, 20));
}

/**
 * struct waiter - a thread that waits again and again
 * @x:	   handle
 * @sd:	   descriptor
 * @wakes: waits that ended
 * @stop:  it is to end
 */
struct waiter {
	struct xseg *x;
	struct signal_desc *sd;
	unsigned long wakes;
	int stop;
	pthread_t thread;
};

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		KS_CHECK(!xseg_prepare_wait(w->x, w->sd));
		KS_CHECK(!xseg_wait_signal(w->x, w->sd, XSEG_WAIT_FOREVER));
		__atomic_add_fetch(&w->wakes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static unsigned long wakes(const struct waiter *w)
{
	return __atomic_load_n(&w->wakes, __ATOMIC_RELAXED);
}

/* The same for a thread that is woken all the time. */
static void until_woken(const struct waiter *w, unsigned long more)
{
	unsigned long until = wakes(w) + more;

	while (wakes(w) < until)
		usleep(1000);
}

static void waiter_start(struct waiter *w, struct xseg *x,
			 struct signal_desc *sd)
{
	memset(w, 0, sizeof(*w));
	w->x = x;
	w->sd = sd;
	KS_CHECK(!pthread_create(&w->thread, NULL, waiter_main, w));
}

static void waiter_stop(struct waiter *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
}

FIXTURE(guards)
{
	struct ks_segment segment;
	struct ks_peer peer;
	struct waiter always;
};

FIXTURE_SETUP(guards)
{
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	ASSERT_EQ(0, xseg_attach(self->segment.name));
	ks_peer_join(&self->peer, self->segment.name, "futex", 0);
	xseg_set_sleep_cap(self->peer.x, XSEG_WAIT_FOREVER);
	xseg_set_wait_strategy(self->peer.x, XSEG_WAIT_SLEEP);
	waiter_start(&self->always, self->peer.x, self->peer.sd);
	ASSERT_EQ(0, peer_command("chatty:waitqueue:hardirq %s 1 0 1000000000",
				  self->segment.name));
	until_woken(&self->always, 10);
}

FIXTURE_TEARDOWN(guards)
{
	waiter_stop(&self->always);
	EXPECT_EQ(0, peer_command("stop"));
	EXPECT_EQ(0, xseg_leave(self->peer.x));
	EXPECT_EQ(0, xseg_detach(self->segment.name));
	EXPECT_EQ(0, xseg_destroy(self->segment.name, XSEG_DESTROY_FORCE));
}

/* A process that waits on the same descriptor as a peer of its own. */
static struct waiter other;

static void other_start(const char *segment)
{
	struct xseg *x = xseg_join(segment, 0);
	struct signal_desc *sd;

	KS_CHECK(x);
	xseg_set_sleep_cap(x, XSEG_WAIT_FOREVER);
	xseg_set_wait_strategy(x, XSEG_WAIT_SLEEP);
	KS_CHECK(!xseg_local_signal_init(x, "futex"));
	sd = xseg_get_port_signal_desc(x, 0);
	KS_CHECK(sd);
	waiter_start(&other, x, sd);
	until_woken(&other, 5);
}

/* Registered, and gone: the place is given on, and nobody else disturbed. */
TEST_F_TIMEOUT(guards, thread_exits, 120)
{
	unsigned long before;
	struct waiter w;
	int i;

	for (i = 0; i < 20; i++) {
		before = wakes(&self->always);
		waiter_start(&w, self->peer.x, self->peer.sd);
		until_woken(&w, 2);
		waiter_stop(&w);
		until_woken(&self->always, 2);
		EXPECT_LT(before, wakes(&self->always));
	}
	EXPECT_EQ(0, interrupted(10, 10));
}

/* Keeps the device open over exec, so that the registration stays. */
static void keep_device(void)
{
	char path[64], link[64];
	int fd, kept = 0;

	for (fd = 3; fd < 64; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = 0;
		if (!strcmp(link, "/dev/xseg_signal")) {
			KS_CHECK(!fcntl(fd, F_SETFD, 0));
			kept++;
		}
	}
	KS_CHECK(kept);
}

static void *exec_main(void *unused)
{
	(void)unused;
	setenv(EXEC, "1", 1);
	execl("/proc/self/exe", "guards", NULL);
	_exit(200);
}

/* The waiting thread leads its process; another one calls exec. */
TEST_F_TIMEOUT(guards, exec, 120)
{
	unsigned long before;
	pthread_t thread;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		other_start(self->segment.name);
		other.stop = 1;
		pthread_join(other.thread, NULL);
		other.stop = 0;
		keep_device();
		pthread_create(&thread, NULL, exec_main, NULL);
		waiter_main(&other);
		_exit(201);
	}
	before = wakes(&self->always);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LT(before + 10, wakes(&self->always));
}

static int vm_child(void *unused)
{
	(void)unused;
	_exit(interrupted(POLLS, 20));
}

/* A child in the same memory is not the thread that waits there. */
TEST_F_TIMEOUT(guards, child_in_same_memory, 120)
{
	char *stack = aligned_alloc(16, 65536);
	int status;
	pid_t pid;

	pid = clone(vm_child, stack + 65536, CLONE_VM | SIGCHLD, NULL);
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	free(stack);
}

/* Who is registered and waits for something else is never notified. */
TEST_F_TIMEOUT(guards, not_in_a_wait, 120)
{
	unsigned long before;

	ASSERT_EQ(0, xseg_prepare_wait(self->peer.x, self->peer.sd));
	ASSERT_EQ(0, xseg_wait_signal(self->peer.x, self->peer.sd,
				      XSEG_WAIT_FOREVER));
	before = wakes(&self->always);
	EXPECT_EQ(0, interrupted(1, 1000));
	EXPECT_EQ(0, interrupted(POLLS, 20));
	EXPECT_LT(before + 10, wakes(&self->always));
}

/* The busy word: also right after a wait no other call is interrupted. */
TEST_F_TIMEOUT(guards, between_waits, 240)
{
	unsigned long rounds = ks_number("XSEG_ROUNDS", 2000), i;
	int n = 0;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, xseg_prepare_wait(self->peer.x, self->peer.sd));
		ASSERT_EQ(0, xseg_wait_signal(self->peer.x, self->peer.sd,
					      XSEG_WAIT_FOREVER));
		n += interrupted(1, 1);
	}
	printf("# %d of %lu epoll_waits after a wait saw EINTR\n", n, rounds);
	EXPECT_EQ(0, n);
}

TEST_F_TIMEOUT(guards, stopped, 120)
{
	unsigned long *seen = ks_shared(sizeof(*seen)), before;
	int i, status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		other_start(self->segment.name);
		for (;;) {
			__atomic_store_n(seen, wakes(&other),
					 __ATOMIC_RELAXED);
			usleep(1000);
		}
	}
	while (!__atomic_load_n(seen, __ATOMIC_RELAXED))
		usleep(1000);
	for (i = 0; i < 5; i++) {
		kill(pid, SIGSTOP);
		while (ks_state(pid) != 'T')
			usleep(1000);
		before = __atomic_load_n(seen, __ATOMIC_RELAXED);
		until_woken(&self->always, 20);
		EXPECT_EQ('T', ks_state(pid));
		EXPECT_EQ(before, __atomic_load_n(seen, __ATOMIC_RELAXED));
		kill(pid, SIGCONT);
		while (__atomic_load_n(seen, __ATOMIC_RELAXED) < before + 5)
			usleep(1000);
	}
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

/* Sets where cores go; the old pattern is not needed: the machine ends. */
static int core_pattern(const char *pattern)
{
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "w");

	return f && fputs(pattern, f) > 0 && !fclose(f) ? 0 : -errno;
}

/*
 * Killed with a core by somebody else, in a wait. The guard narrows the time
 * in which a notice cuts the core short, and cannot close it: the sizes are
 * printed. What must hold: the process dies of its signal, with a core.
 */
TEST_F_TIMEOUT(guards, core_dump, 240)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	char path[64];
	struct stat st;
	int i, status;
	pid_t pid;

	ASSERT_EQ(0, core_pattern("/run/tmp/core.%p"));
	for (i = 0; i < 3; i++) {
		int *ready = ks_shared(sizeof(*ready));

		pid = fork();
		if (!pid) {
			KS_CHECK(!setrlimit(RLIMIT_CORE, &lim));
			other_start(self->segment.name);
			__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
			pthread_join(other.thread, NULL);
		}
		while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE))
			usleep(1000);
		kill(pid, SIGABRT);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(SIGABRT, WTERMSIG(status));
		EXPECT_NE(0, WCOREDUMP(status));
		snprintf(path, sizeof(path), "/run/tmp/core.%d", pid);
		ASSERT_EQ(0, stat(path, &st));
		printf("# core of %lld bytes\n", (long long)st.st_size);
		EXPECT_LT(4096, st.st_size);
		unlink(path);
	}
}

TEST_HARNESS_MAIN
