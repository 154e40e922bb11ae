// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The module cleans up after processes that died, where no other process
 * would: their ports are nobody's, and what they were asked comes back or is
 * kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/kernel.h>

#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define SERVER	1
#define SOURCE	3
#define LONG	30000	/* milliseconds, for a busy machine */

static int test_start(const char *line)
{
	int fd = open("/sys/kernel/debug/xseg_test/start", O_WRONLY);
	int ret = write(fd, line, strlen(line)) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

/* What the source on SOURCE has so far. */
static int source_stat(long long *done, long long *failed)
{
	FILE *f = fopen("/sys/kernel/debug/xseg_test/stat", "r");
	char line[256];
	unsigned int p;
	long long bad;
	int ret = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "source port %u done %lld bad %lld failed %lld",
			   &p, done, &bad, failed) == 4 && p == SOURCE)
			ret = bad != 0;
	if (f)
		fclose(f);
	return ret;
}

FIXTURE(reap) {
	char name[32];
	char line[128];
	struct xseg *xseg;
};

FIXTURE_SETUP(reap)
{
	struct xseg_params params = { .size = sizeof(params),
				      .heap_size = 4 << 20 };

	snprintf(self->name, sizeof(self->name), "reap-%d", getpid());
	ASSERT_EQ(0, xseg_create(self->name, &params));
	ASSERT_EQ(0, xseg_attach(self->name));
	/* Only looks: it never sleeps, signals or binds, so it never reaps. */
	self->xseg = xseg_join(self->name, 0);
	ASSERT_NE(NULL, self->xseg);
}

FIXTURE_TEARDOWN(reap)
{
	EXPECT_EQ(0, test_start("stop"));
	EXPECT_EQ(0, xseg_leave(self->xseg));
	EXPECT_EQ(0, xseg_detach(self->name));
	EXPECT_EQ(0, xseg_destroy(self->name, XSEG_DESTROY_FORCE));
}

/* Accepts and never answers, until it has so many. */
static void hoard(const char *name, const char *type, unsigned int flags,
		  int nr)
{
	struct xseg *xseg = xseg_join(name, 0);
	struct signal_desc *sd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!xseg || xseg_local_signal_init(xseg, type))
		_exit(1);
	sd = xseg_get_signal_desc(xseg, type);
	if (xseg_bind_port(xseg, SERVER, sd) != SERVER ||
	    xseg_set_port_flags(xseg, SERVER, flags))
		_exit(2);
	for (;;) {
		xseg_prepare_wait(xseg, sd);
		if (nr && xseg_accept(xseg, SERVER, 0))
			nr--;
		else
			xseg_wait_signal(xseg, sd, XSEG_WAIT_FOREVER);
		xseg_cancel_wait(xseg, sd);
	}
}

static bool bound(struct xseg *xseg, struct xseg_port_info *info)
{
	return !xseg_get_port_info(xseg, SERVER, info) && info->bound;
}

/* How many of its requests wait to be accepted. */
static int queued(const struct xseg_port_info *info)
{
	return (int)(info->submitted - info->accepted);
}

/* Waits until the port is bound or not; how many milliseconds, -1 if never. */
static int bound_wait(struct xseg *xseg, bool wanted)
{
	struct xseg_port_info info;
	int i;

	for (i = 0; i < LONG; i++) {
		if (bound(xseg, &info) == wanted)
			return i;
		usleep(1000);
	}
	return -1;
}

/*
 * Waits until the source has sent all 8, and the server has accepted its 4 and
 * sleeps: of who never did the module does not know.
 */
static bool sent_wait(struct xseg *xseg, pid_t server,
		      const struct xseg_port_info *before)
{
	struct xseg_port_info info;
	int i;

	for (i = 0; i < LONG; i++) {
		if (bound(xseg, &info) &&
		    info.submitted == before->submitted + 8 &&
		    info.accepted == before->accepted + 4) {
			ks_sleeping(server);
			return true;
		}
		usleep(1000);
	}
	return false;
}

/* Waits until so many wait to be accepted by nobody. */
static bool kept_wait(struct xseg *xseg, int wanted)
{
	struct xseg_port_info info;
	int i;

	for (i = 0; i < LONG; i++) {
		if (!bound(xseg, &info) && queued(&info) == wanted)
			return true;
		usleep(1000);
	}
	return false;
}

static pid_t server_start(struct xseg *xseg, const char *name, const char *type,
			  unsigned int flags, int nr)
{
	pid_t pid = fork();

	if (!pid) {
		hoard(name, type, flags, nr);
		_exit(3);
	}
	return bound_wait(xseg, true) < 0 ? -1 : pid;
}

static void server_kill(struct __test_metadata *_metadata, struct xseg *xseg,
			pid_t pid)
{
	int status, msec;

	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	msec = bound_wait(xseg, false);
	EXPECT_LE(0, msec);
	TH_LOG("after %d ms", msec);
}

static const char * const types[] = { "futex", "eventfd", "device" };

/* What a dead server had accepted comes back, each as failed. */
TEST_F_TIMEOUT(reap, requests_come_back, 300)
{
	struct xseg_port_info before;
	long long done, failed;
	unsigned int i;
	pid_t pid;
	int turns;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(false, bound(self->xseg, &before));
		pid = server_start(self->xseg, self->name, types[i], 0, 4);
		ASSERT_LT(0, pid);
		snprintf(self->line, sizeof(self->line), "source %s %d %d 8 8",
			 self->name, SOURCE, SERVER);
		ASSERT_EQ(0, test_start(self->line));
		ASSERT_EQ(true, sent_wait(self->xseg, pid, &before));
		EXPECT_EQ(0, source_stat(&done, &failed));
		EXPECT_EQ(0, done);
		server_kill(_metadata, self->xseg, pid);
		for (turns = 0; turns < LONG && done < 8; turns++) {
			usleep(1000);
			EXPECT_EQ(0, source_stat(&done, &failed));
		}
		EXPECT_EQ(8, done);
		EXPECT_EQ(8, failed);
		ASSERT_EQ(0, test_start("stop"));
	}
}

/* A port that keeps requests has all of them for the next server. */
TEST_F_TIMEOUT(reap, requests_are_kept, 300)
{
	struct xseg_port_info before, info;
	long long done, failed;
	unsigned int i;
	int waiting;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(false, bound(self->xseg, &before));
		pid = server_start(self->xseg, self->name, types[i],
				   XSEG_PORT_KEEP, 4);
		ASSERT_LT(0, pid);
		snprintf(self->line, sizeof(self->line), "source %s %d %d 8 8",
			 self->name, SOURCE, SERVER);
		ASSERT_EQ(0, test_start(self->line));
		ASSERT_EQ(true, sent_wait(self->xseg, pid, &before));
		EXPECT_EQ(true, bound(self->xseg, &info));
		waiting = queued(&info);	/* also of earlier sources */
		server_kill(_metadata, self->xseg, pid);
		EXPECT_EQ(true, kept_wait(self->xseg, waiting + 4));
		EXPECT_EQ(0, source_stat(&done, &failed));
		EXPECT_EQ(0, done);
		ASSERT_EQ(0, test_start("stop"));
	}
}

/* A process that lives is left alone, whatever others do. */
TEST_F_TIMEOUT(reap, the_living, 120)
{
	struct xseg_port_info info;
	pid_t pid, other;
	int i, status;

	pid = server_start(self->xseg, self->name, "device", 0, 0);
	ASSERT_LT(0, pid);
	snprintf(self->line, sizeof(self->line), "echo %s 2", self->name);
	ASSERT_EQ(0, test_start(self->line));
	for (i = 0; i < 20; i++) {
		other = fork();
		if (!other) {
			struct xseg *xseg = xseg_join(self->name, 0);

			_exit(!xseg || xseg_local_signal_init(xseg, "device"));
		}
		ASSERT_EQ(other, waitpid(other, &status, 0));
		EXPECT_EQ(0, status);
		usleep(20000);
		EXPECT_EQ(true, bound(self->xseg, &info));
	}
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	usleep(2500000);
	EXPECT_EQ(true, bound(self->xseg, &info));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_LE(0, bound_wait(self->xseg, false));
}

/* One whom the module does not know: it never slept, and signalled nobody. */
static void stranger_dies(struct __test_metadata *_metadata,
			  struct xseg *xseg, const char *name)
{
	struct xseg_port_info info;
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct end e;

		if (!end_join(&e, &end_user, name) &&
		    !end_open(&e, "futex", SERVER))
			raise(SIGKILL);
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(true, WIFSIGNALED(status));
	usleep(500000);
	EXPECT_EQ(true, bound(xseg, &info));
}

/* A kernel peer waits, up to @usec at a time, until the port is nobody's. */
static void wait_while_bound(struct __test_metadata *_metadata, struct end *e,
			     struct xseg *xseg, unsigned int usec)
{
	struct xseg_port_info info;
	long long left;
	int ret;

	for (left = LONG * 1000LL; left > 0; left -= usec) {
		ASSERT_EQ(0, e->kind->ops->prepare(e));
		if (!bound(xseg, &info))
			break;
		ret = e->kind->ops->wait(e, usec);
		EXPECT_EQ(true, !ret || ret == -ETIMEDOUT);
	}
}

/* Nobody tells the module: a kernel peer that waits in vain looks. */
TEST_F_TIMEOUT(reap, strangers, 300)
{
	static const unsigned int sleeps[] = { XSEG_WAIT_FOREVER, 50000 };
	static const unsigned int flags[] = { 0, XSEG_CALLBACK_DIRECT,
					      XSEG_CALLBACK_KEEP };
	struct end e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sleeps) + ARRAY_SIZE(flags); i++) {
		stranger_dies(_metadata, self->xseg, self->name);
		ASSERT_EQ(0, end_join(&e, &end_kernel, self->name));
		ASSERT_EQ(0, e.kind->ops->cap(&e, 1000000));
		ASSERT_EQ(0, end_open(&e, "waitqueue", SOURCE));
		if (i < ARRAY_SIZE(sleeps)) {
			wait_while_bound(_metadata, &e, self->xseg,
					 sleeps[i]);
		} else {
			ASSERT_EQ(0, end_callback(&e,
						  flags[i - ARRAY_SIZE(sleeps)]));
			ASSERT_EQ(0, e.kind->ops->prepare(&e));
		}
		EXPECT_LE(0, bound_wait(self->xseg, false));
		EXPECT_EQ(0, end_leave(&e));
	}
}

#define MANY	130

/* Peers that are there; kernel peers left out. */
static int processes(struct xseg *xseg)
{
	struct xseg_peer_info info;
	unsigned int i;
	int nr = 0;

	for (i = 0; i < XSEG_MAX_USER_PEERS; i++)
		nr += !xseg_get_peer_info(xseg, i, &info) && info.state;
	return nr;
}

/* As many die at once as a container that is stopped may have. */
TEST_F_TIMEOUT(reap, many_at_once, 120)
{
	pid_t pid[MANY];
	int i, status;

	snprintf(self->line, sizeof(self->line), "echo %s 2", self->name);
	ASSERT_EQ(0, test_start(self->line));
	for (i = 0; i < MANY; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			struct xseg *xseg = xseg_join(self->name, 0);

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (!xseg || xseg_local_signal_init(xseg, "device"))
				_exit(1);
			raise(SIGSTOP);
			_exit(2);
		}
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
	}
	EXPECT_EQ(MANY + 1, processes(self->xseg));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, kill(pid[i], SIGKILL));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
	for (i = 0; i < 300 && processes(self->xseg) > 1; i++)
		usleep(100000);
	EXPECT_EQ(1, processes(self->xseg));
}

TEST_HARNESS_MAIN
