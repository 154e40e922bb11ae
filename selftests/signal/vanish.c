// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Peers that vanish, each in its own way: who is taken for dead, who is not,
 * and that nothing is left behind. With a segment that has a name and with
 * one that has none.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

/**
 * struct shared - what the processes of a test share
 * @name:    of the segment, "" if it has none
 * @fd:	     of the segment, if it has no name
 * @ready:   where the test and its child meet
 * @pid:     of a process that the child made
 * @slot:    the child's
 * @closed:  the child closes all descriptors
 * @type:    of the child's descriptor
 */
struct shared {
	char name[XSEG_NAME_SIZE];
	int fd;
	struct ks_barrier ready;
	pid_t pid;
	unsigned int slot;
	bool closed;
	const char *type;
};

static struct shared *shared;

static struct xseg *join(void)
{
	return shared->name[0] ? xseg_join(shared->name, XSEG_JOIN_PLUGINS) :
				 xseg_join_fd(shared->fd, XSEG_JOIN_PLUGINS);
}

static void close_all(void)
{
	KS_CHECK(!syscall(SYS_close_range, 3, ~0U, 0));
}

/* A peer with port 1, a request of its own and one under way to port 0. */
static struct xseg_request *settle(struct ks_peer *peer)
{
	struct xseg_request *req;
	struct xseg_info info;

	ks_peer_init(peer, join(), shared->type, 1);
	if (shared->closed)
		close_all();
	KS_CHECK(!xseg_get_info(peer->x, &info));
	shared->slot = info.self;
	req = xseg_get_request(peer->x, 1, 0, 0);
	KS_CHECK(req && !xseg_prep_request(peer->x, req, 96, 4000));
	ks_ask(peer, 0, 77);
	return req;
}

static void wait_for_ever(void *arg)
{
	struct ks_peer peer;

	settle(&peer);
	ks_meet(&shared->ready, 2);
	for (;;)
		pause();
}

static void exec_process(void *arg)
{
	struct ks_peer peer;

	settle(&peer);
	ks_meet(&shared->ready, 2);
	execl("/bin/sleep", "sleep", "1000", NULL);
	KS_CHECK(!"exec");
}

static void exit_process(void *arg)
{
	struct ks_peer peer;

	settle(&peer);
	ks_meet(&shared->ready, 2);
	_exit(0);
}

/* What a child of a peer finds: no segment, a stale handle, its own way in. */
static void child_of_peer(void *arg)
{
	struct ks_peer *old = arg, peer;

	KS_CHECK(!ks_all_stale(old->x, old->sd, (void *)old->sd));
	if (shared->closed && !shared->name[0])
		return;		/* there is no way in */
	KS_CHECK(peer.x = join());
	ks_peer_init(&peer, peer.x, "futex", NoPort);
	KS_CHECK(!xseg_leave(peer.x));
}

static void pause_child(void *arg)
{
	for (;;)
		pause();
}

static void forking_process(void *arg)
{
	pid_t (*fork_call)(void (*run)(void *arg), void *arg) = arg;
	struct ks_peer peer;

	settle(&peer);
	shared->pid = fork_call(pause_child, NULL);
	ks_meet(&shared->ready, 2);
	for (;;)
		pause();
}

/* Each test has the segment's other peer here, with port 0. */
FIXTURE(vanish)
{
	struct ks_segment segment;
	struct ks_peer peer;
};

FIXTURE_VARIANT(vanish)
{
	bool named;
};

FIXTURE_VARIANT_ADD(vanish, named) { .named = true };
FIXTURE_VARIANT_ADD(vanish, memfd) { .named = false };

FIXTURE_SETUP(vanish)
{
	shared = ks_shared(sizeof(*shared));
	shared->type = "futex";
	shared->fd = -1;
	ks_plugins();
	if (variant->named) {
		ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
		strcpy(shared->name, self->segment.name);
	} else {
		shared->fd = xseg_create_fd(&ks_small);
		ASSERT_LE(0, shared->fd);
	}
	ks_peer_init(&self->peer, join(), "futex", 0);
}

FIXTURE_TEARDOWN(vanish)
{
	if (variant->named)
		ks_destroy(&self->segment);
}

/* The child's slot says so. */
static bool alive(struct ks_peer *peer)
{
	struct xseg_peer_info info;

	KS_CHECK(!xseg_get_peer_info(peer->x, shared->slot, &info));
	KS_CHECK(info.state == XSEG_PEER_USED);
	return info.alive;
}

/* The child is dead: it is reaped once, and what it had is free. */
static void check_reaped(struct __test_metadata *_metadata,
			 struct ks_peer *peer)
{
	struct xseg_port_info port;
	struct xseg_request *req;

	EXPECT_FALSE(alive(peer));
	EXPECT_EQ(1, xseg_reap(peer->x));
	EXPECT_EQ(0, xseg_reap(peer->x));
	EXPECT_EQ(1, ks_peers_used(peer->x));
	ASSERT_EQ(0, xseg_get_port_info(peer->x, 1, &port));
	EXPECT_EQ(0, port.bound);
	/* what it asked was asked, and the answer is nobody's business */
	req = xseg_accept(peer->x, 0, 0);
	ASSERT_NE(NULL, req);
	EXPECT_EQ(77, req->cookie);
	EXPECT_EQ(XSEG_NOBODY, xseg_respond(peer->x, req, 0, XSEG_SIGNAL));
	EXPECT_EQ(1, xseg_bind_port(peer->x, 1, peer->sd));
	EXPECT_EQ(0, xseg_release_port(peer->x, 1));
	EXPECT_EQ(0, xseg_leave(peer->x));
	if (shared->name[0])
		EXPECT_EQ(0, ks_audit(shared->name, 0, 0));
}

static pid_t start(void (*run)(void *arg), void *arg)
{
	pid_t pid = ks_fork(run, arg);

	ks_meet(&shared->ready, 2);
	return pid;
}

TEST_F_TIMEOUT(vanish, killed, 0)
{
	pid_t pid = start(wait_for_ever, NULL);

	EXPECT_EQ(0, xseg_reap(self->peer.x));
	EXPECT_TRUE(alive(&self->peer));
	ks_kill(pid);
	check_reaped(_metadata, &self->peer);
}

TEST_F_TIMEOUT(vanish, killed_with_all_closed, 0)
{
	pid_t pid;

	shared->closed = true;
	pid = start(wait_for_ever, NULL);
	EXPECT_EQ(0, xseg_reap(self->peer.x));
	EXPECT_TRUE(alive(&self->peer));	/* no descriptor is its life */
	ks_kill(pid);
	check_reaped(_metadata, &self->peer);
}

TEST_F_TIMEOUT(vanish, exited, 0)
{
	EXPECT_EQ(0, ks_wait(start(exit_process, NULL)));
	check_reaped(_metadata, &self->peer);
}

TEST_F_TIMEOUT(vanish, replaced_by_exec, 0)
{
	pid_t pid = start(exec_process, NULL);

	while (alive(&self->peer))
		usleep(1000);
	EXPECT_EQ(0, kill(pid, 0));		/* the process goes on */
	check_reaped(_metadata, &self->peer);
	ks_kill(pid);
}

TEST_F_TIMEOUT(vanish, forked_and_killed, 0)
{
	pid_t pid = start(forking_process, ks_fork);

	/* with the child's child the segment is not mapped, nor locked */
	ks_kill(pid);
	check_reaped(_metadata, &self->peer);
}

TEST_F_TIMEOUT(vanish, raw_forked_and_killed, 0)
{
	pid_t pid;

	shared->closed = true;
	pid = start(forking_process, ks_raw_fork);
	ks_kill(pid);
	check_reaped(_metadata, &self->peer);
}

TEST_F_TIMEOUT(vanish, zombie, 0)
{
	pid_t pid = start(wait_for_ever, NULL);
	siginfo_t info;

	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* All its threads are gone, and it is still there to be waited for. */
	ASSERT_EQ(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ('Z', ks_state(pid));
	check_reaped(_metadata, &self->peer);
	EXPECT_EQ(KS_KILLED, ks_wait(pid));
}

/* Answers one question, whenever it is let. */
static void answer_once(void *arg)
{
	struct xseg_request *req;
	struct ks_peer peer;

	settle(&peer);
	ks_meet(&shared->ready, 2);
	req = ks_wait_request(&peer);
	req->cookie++;
	KS_CHECK(xseg_respond(peer.x, req, 1, XSEG_SIGNAL) == 0);
	KS_CHECK(!xseg_leave(peer.x));
}

TEST_F_TIMEOUT(vanish, stopped, 0)
{
	pid_t pid = start(answer_once, NULL);
	struct xseg_request *req;
	int i;

	ASSERT_EQ(0, kill(pid, SIGSTOP));
	while (ks_state(pid) != 'T')
		usleep(1000);
	ks_ask(&self->peer, 1, 4);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, xseg_reap(self->peer.x));
	EXPECT_TRUE(alive(&self->peer));
	EXPECT_EQ(NULL, xseg_receive(self->peer.x, 0, 0));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	req = ks_wait_reply(&self->peer);
	EXPECT_EQ(5, req->cookie);
	EXPECT_EQ(0, req->error);
	EXPECT_EQ(0, ks_wait(pid));
}

/* The child of a living peer, by fork() and behind the C library's back. */
TEST_F_TIMEOUT(vanish, child_has_a_stale_handle, 0)
{
	struct xseg_port_info port;
	struct xseg_stats stats;

	EXPECT_EQ(0, ks_wait(ks_fork(child_of_peer, &self->peer)));
	EXPECT_EQ(0, ks_wait(ks_raw_fork(child_of_peer, &self->peer)));
	/* nothing of that has changed what the parent has */
	ASSERT_EQ(0, xseg_get_stats(self->peer.x, &stats));
	ASSERT_EQ(0, xseg_get_port_info(self->peer.x, 0, &port));
	EXPECT_EQ(1, port.bound);
	ks_ask(&self->peer, 0, 9);
	EXPECT_EQ(9, ks_wait_request(&self->peer)->cookie);
	EXPECT_EQ(0, xseg_leave(self->peer.x));
}

static void exec_child(void *arg)
{
	pid_t pid;
	char *const argv[] = { "true", NULL };

	KS_CHECK(!posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ));
	KS_CHECK(!ks_wait(pid));
}

/* vfork() and system() share or copy memory, and leave the peer alone. */
TEST_F_TIMEOUT(vanish, makes_other_programs, 0)
{
	exec_child(NULL);
	ASSERT_EQ(0, system("true"));
	EXPECT_EQ(0, ks_wait(start(exit_process, NULL)));
	check_reaped(_metadata, &self->peer);
}

/* Closes all descriptors behind the library's back, then does all the rest. */
TEST_F_TIMEOUT(vanish, living_with_all_closed, 0)
{
	pid_t pid = start(wait_for_ever, NULL);
	struct ks_peer other;

	close_all();
	EXPECT_TRUE(!variant->named || alive(&self->peer));
	ks_kill(pid);
	if (!variant->named) {
		EXPECT_EQ(-EBADF, xseg_reap(self->peer.x));
		EXPECT_NE(0, strlen(xseg_last_error()));
		EXPECT_EQ(2, ks_peers_used(self->peer.x));
		EXPECT_EQ(0, xseg_leave(self->peer.x));
		return;
	}
	ks_peer_init(&other, join(), "futex", 5);
	ks_ask(&other, 0, 3);
	EXPECT_EQ(0, xseg_leave(other.x));
	check_reaped(_metadata, &self->peer);
}

static void eventfd_owner(void *arg)
{
	struct ks_peer peer;

	settle(&peer);
	KS_CHECK(!xseg_set_sleep_cap(peer.x, XSEG_WAIT_FOREVER));
	ks_meet(&shared->ready, 2);
	KS_CHECK(ks_wait_request(&peer)->cookie == 1);
	KS_CHECK(!xseg_leave(peer.x));
}

TEST_F_TIMEOUT(vanish, signals_eventfd_with_all_closed, 0)
{
	pid_t pid;

	shared->type = "eventfd";
	pid = start(eventfd_owner, NULL);
	ks_sleeping(pid);
	close_all();
	ks_ask(&self->peer, 1, 1);	/* or the child sleeps for ever */
	EXPECT_EQ(0, ks_wait(pid));
	EXPECT_EQ(0, xseg_leave(self->peer.x));
}

/* Descriptors that the program opened in place of the library's are its own. */
TEST_F_TIMEOUT(vanish, leaves_other_files_alone, 0)
{
	struct ks_peer peer;
	int fd[32], i, pipes[2];

	ks_peer_init(&peer, join(), "eventfd", 3);
	ks_ask(&self->peer, 3, 1);
	close_all();
	for (i = 0; i < 32; i += 2) {
		ASSERT_EQ(0, pipe(pipes));
		fd[i] = pipes[0];
		fd[i + 1] = pipes[1];
	}
	EXPECT_EQ(0, xseg_leave(peer.x));
	EXPECT_EQ(0, xseg_leave(self->peer.x));
	for (i = 0; i < 32; i++)
		EXPECT_EQ(0, fcntl(fd[i], F_GETFD));
}

TEST_HARNESS_MAIN
