// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes of a test: they die with the process that made them, and tell by
 * their exit status whether all was well.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

void ks_die(const char *file, int line, const char *what)
{
	int err = errno;

	printf("# %s:%d: %s (process %d, errno %d %s) %s\n", file, line, what,
	       getpid(), err, strerror(err), xseg_last_error());
	fflush(stdout);
	_exit(1);
}

/* Memory that forked processes share, all zero. */
void *ks_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	KS_CHECK(p != MAP_FAILED);
	return p;
}

/* Waits until all have come; may be used again by the same number. */
void ks_meet(struct ks_barrier *barrier, unsigned int all)
{
	uint32_t mine = __atomic_fetch_add(&barrier->arrived, 1,
					   __ATOMIC_SEQ_CST);
	uint32_t target = (mine / all + 1) * all;

	while (__atomic_load_n(&barrier->arrived, __ATOMIC_SEQ_CST) < target)
		usleep(50);
}

static void child_run(pid_t parent, void (*run)(void *arg), void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);	/* it died before that */
	run(arg);
	fflush(stdout);
	_exit(0);
}

/* Runs a function in a new process. */
pid_t ks_fork(void (*run)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	KS_CHECK(pid >= 0);
	if (!pid)
		child_run(parent, run, arg);
	return pid;
}

/* The same behind the C library's back: no handler of its forks runs. */
pid_t ks_raw_fork(void (*run)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	KS_CHECK(pid >= 0);
	if (!pid)
		child_run(parent, run, arg);
	return pid;
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* Waits for the end of a process: its exit status, or 128 + its signal. */
int ks_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		KS_CHECK(errno == EINTR);
	return status_of(status);
}

/* Waits for all; if one fails the others are killed. The first failure. */
int ks_wait_all(const pid_t *pid, unsigned int nr)
{
	unsigned int i, left = nr;
	int status, first = 0;

	while (left--) {
		pid_t who;

		do {
			who = waitpid(-1, &status, 0);
		} while (who < 0 && errno == EINTR);
		KS_CHECK(who > 0);
		if (first || !status_of(status))
			continue;
		first = status_of(status);
		for (i = 0; i < nr; i++)
			if (pid[i] != who)
				kill(pid[i], SIGKILL);
	}
	return first;
}

void ks_kill(pid_t pid)
{
	KS_CHECK(!kill(pid, SIGKILL));
	KS_CHECK(ks_wait(pid) == KS_KILLED);
}

/* The letter that ps shows for a process, 0 if there is none. */
char ks_state(pid_t pid)
{
	char path[64], line[512], *p;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	p = strrchr(line, ')');
	return p && p[1] ? p[2] : 0;
}

/* Waits until a process sleeps, and goes on sleeping for a while. */
void ks_sleeping(pid_t pid)
{
	int calm = 0;

	while (calm < 20) {
		char state = ks_state(pid);

		KS_CHECK(state && state != 'Z');
		calm = state == 'S' ? calm + 1 : 0;
		usleep(1000);
	}
}

uint64_t ks_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Keeps the process on one CPU: the i-th of those that it may use. */
void ks_pin(unsigned int i)
{
	cpu_set_t may, one;
	int cpu;

	KS_CHECK(!sched_getaffinity(0, sizeof(may), &may));
	i %= (unsigned int)CPU_COUNT(&may);
	for (cpu = 0; !CPU_ISSET(cpu, &may) || i--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	KS_CHECK(!sched_setaffinity(0, sizeof(one), &one));
}
