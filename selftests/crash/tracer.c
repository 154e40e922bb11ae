// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: stepping through a call, and stopping in it.
 *
 * The way of a victim through its call is found once by single steps. Later
 * victims are brought to the k-th instruction of that way by a hardware
 * breakpoint, hit as often as the way comes by there, and killed before it.
 *
 * What a victim has done is visible to others in the segment and through the
 * kernel alone. So two places with nothing changed in the segment and no call
 * of a library between (the program itself makes no system calls) are the same
 * place to be killed at, as far as anybody can tell. Instructions inside of
 * libraries are not stepped through: what they do to the segment is to copy
 * bytes that nobody looks at yet, or one system call.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"
#include "selftests/crash/crash.h"

#define MAX_STEPS	200000
#define ASLEEP_USEC	3000
#define ALARM_USEC	20000
#define SYSCALL_STOP	0x80	/* see PTRACE_O_TRACESYSGOOD */

extern const char __executable_start, etext;
extern const char victim_int3;

/* The tracer is told that the victim has come so far. */
__attribute__((noinline, noclone)) void victim_mark(void)
{
	__asm__ volatile(".globl victim_int3\nvictim_int3: int3" ::: "memory");
}

static bool alarmed;		/* it goes off now and then anyway */

static void on_alarm(int sig)
{
	(void)sig;
}

/* What makes waitpid() return now and then. */
static void alarm_set(bool on)
{
	struct itimerval timer = { 0 };

	timer.it_interval.tv_usec = on ? ALARM_USEC : 0;
	timer.it_value = timer.it_interval;
	setitimer(ITIMER_REAL, &timer, NULL);
}

/**
 * child_wait() - waitpid() with an end
 * @pid:    the child
 * @status: filled
 * @usec:   how long
 *
 * Return: 0, or -ETIMEDOUT.
 */
int child_wait(pid_t pid, int *status, unsigned int usec)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	static bool handled;
	uint64_t end = 0;
	pid_t got;

	if (!handled) {
		sigaction(SIGALRM, &sa, NULL);
		handled = true;
	}
	if (!alarmed)
		alarm_set(true);
	while ((got = waitpid(pid, status, __WALL)) < 0 && errno == EINTR) {
		if (!end)
			end = now_usec() + usec;
		if (now_usec() > end)
			break;
	}
	if (!alarmed)
		alarm_set(false);
	return got == pid ? 0 : -ETIMEDOUT;
}

static unsigned long rip_of(pid_t pid)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid,
				     offsetof(struct user_regs_struct, rip),
				     NULL);
}

static void breakpoint(pid_t pid, unsigned long at)
{
	long ret;

	ret = ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]),
		     0);
	if (at)
		ret |= ptrace(PTRACE_POKEUSER, pid,
			      offsetof(struct user, u_debugreg[0]), at) |
		       ptrace(PTRACE_POKEUSER, pid,
			      offsetof(struct user, u_debugreg[7]), 1);
	if (ret) {
		say("no hardware breakpoint to be had");
		exit(1);
	}
}

/* Until it stops with SIGTRAP. */
bool victim_await(struct trial *t)
{
	int status;

	if (child_wait(t->victim, &status, PATIENCE_USEC)) {
		hung(t, "the victim does not get on");
		return false;
	}
	if (WIFSTOPPED(status) && (WSTOPSIG(status) & ~SYSCALL_STOP) == SIGTRAP) {
		t->in_syscall = WSTOPSIG(status) & SYSCALL_STOP;
		return true;
	}
	say("the victim did not stop where it should: status %#x, at %#lx",
	    status, WIFSTOPPED(status) ? rip_of(t->victim) : 0);
	verdict.other++;
	return false;
}

static bool resume(struct trial *t, enum __ptrace_request how)
{
	ptrace(how, t->victim, NULL, NULL);
	return victim_await(t);
}

/* To the next mark. */
bool victim_go(struct trial *t)
{
	return resume(t, PTRACE_CONT);
}

static bool in_program(unsigned long rip)
{
	return rip >= (unsigned long)&__executable_start &&
	       rip < (unsigned long)&etext;
}

/* It has called a library: to where that returns to. */
static bool library_leave(struct trial *t, bool *called)
{
	unsigned long sp = (unsigned long)ptrace(PTRACE_PEEKUSER, t->victim,
			offsetof(struct user_regs_struct, rsp), NULL);
	unsigned long back = (unsigned long)ptrace(PTRACE_PEEKDATA, t->victim,
						   sp, NULL);
	bool good;

	if (!in_program(back))
		return resume(t, PTRACE_SINGLESTEP);
	breakpoint(t->victim, back);
	do {
		good = resume(t, PTRACE_SYSCALL);
		*called |= good && t->in_syscall;
	} while (good && t->in_syscall);
	breakpoint(t->victim, 0);
	return good;
}

/**
 * struct shadow - the segment but for its heap, now and a step ago
 */
struct shadow {
	unsigned char *now;
	unsigned char *before;
	size_t size;
	size_t mapped;
};

static void shadow_begin(struct shadow *s, int fd)
{
	struct xseg_header header;
	struct geometry geo;

	memset(s, 0, sizeof(*s));
	if (fd < 0 || pread(fd, &header, sizeof(header), 0) < 0 ||
	    geometry_compute(&header.params, &geo))
		return;
	s->mapped = geo.size;
	s->now = mmap(NULL, geo.size, PROT_READ, MAP_SHARED, fd, 0);
	s->size = geo.heap;
	s->before = malloc(s->size);
	memcpy(s->before, s->now, s->size);
}

static bool shadow_changed(struct shadow *s)
{
	if (!s->size || !memcmp(s->before, s->now, s->size))
		return false;
	memcpy(s->before, s->now, s->size);
	return true;
}

static void shadow_end(struct shadow *s)
{
	if (s->now)
		munmap(s->now, s->mapped);
	free(s->before);
}

/* Where the way comes by again. */
static void path_index(struct path *path)
{
	size_t size = (size_t)(&etext - &__executable_start);
	unsigned int *last = calloc(size, sizeof(*last));
	unsigned int i;

	path->next = calloc(path->nr, sizeof(*path->next));
	path->first = calloc(path->nr, 1);
	for (i = 0; i < path->nr; i++) {
		unsigned int *l = &last[path->rip[i] -
					(unsigned long)&__executable_start];

		path->next[i] = path->nr;
		path->first[i] = !*l;
		if (*l)
			path->next[*l - 1] = i;
		*l = i + 1;
	}
	free(last);
}

void path_free(struct path *path)
{
	free(path->rip);
	free(path->mark);
	free(path->next);
	free(path->first);
}

/**
 * victim_path() - step through a call to its end
 * @t:	  the trial; the victim is at the mark before it
 * @path: filled, memory and all
 *
 * Return: false if that went wrong.
 */
bool victim_path(struct trial *t, struct path *path)
{
	unsigned long rip = rip_of(t->victim);
	struct shadow shadow;
	bool good = true, mark = true;

	path->rip = calloc(MAX_STEPS, sizeof(*path->rip));
	path->mark = calloc(MAX_STEPS, 1);
	path->nr = 0;
	shadow_begin(&shadow, t->fd);
	alarm_set(true);
	alarmed = true;
	while (good && path->nr < MAX_STEPS &&
	       rip != (unsigned long)&victim_int3) {
		path->rip[path->nr] = rip;
		path->mark[path->nr++] = mark;
		good = resume(t, PTRACE_SINGLESTEP);
		rip = rip_of(t->victim);
		mark = false;
		while (good && !in_program(rip)) {
			good = library_leave(t, &mark);
			rip = rip_of(t->victim);
		}
		mark |= shadow_changed(&shadow);
	}
	alarm_set(false);
	alarmed = false;
	/* and when the call has returned */
	path->rip[path->nr] = (unsigned long)&victim_int3;
	path->mark[path->nr++] = true;
	shadow_end(&shadow);
	path_index(path);
	return good;
}

/* To an instruction for the so manieth time; false if it is not reached. */
static bool run_to(struct trial *t, unsigned long rip, unsigned int times)
{
	breakpoint(t->victim, rip);
	while (times--) {
		t->stuck = !resume(t, PTRACE_CONT);
		if (t->stuck || rip_of(t->victim) != rip)
			return false;
	}
	return true;
}

/**
 * victim_reach() - bring a victim to a point of the way through its call
 * @t:	  the trial; the victim is at the mark before it
 * @path: the way
 * @k:	  the point
 *
 * One that goes another way, because others are at work, may come to the end.
 *
 * Return: false if it got stuck.
 */
bool victim_reach(struct trial *t, const struct path *path, unsigned int k)
{
	unsigned int i = k, times = 0;

	if (!k)
		return true;
	/* To a place before that it comes by only once, not round by round. */
	while (i && !(path->first[i] && path->next[i] > k))
		i--;
	if (i && !run_to(t, path->rip[i], 1))
		return !t->stuck;
	for (i += !!i; i <= k; i++)
		times += path->rip[i] == path->rip[k];
	return !times || run_to(t, path->rip[k], times) || !t->stuck;
}

/* To its end: did the call do what it is for? */
bool victim_finish(struct trial *t)
{
	int status;

	ptrace(PTRACE_CONT, t->victim, NULL, NULL);
	if (child_wait(t->victim, &status, PATIENCE_USEC))
		return false;
	if (WIFSTOPPED(status))		/* the mark behind the call */
		return victim_finish(t);
	t->victim = 0;
	return !status;
}

/* Lets it go on for a moment, to fall asleep in the call. */
static void victim_doze(struct trial *t)
{
	breakpoint(t->victim, 0);
	ptrace(PTRACE_CONT, t->victim, NULL, NULL);
	usleep(ASLEEP_USEC);
}

void victim_kill(struct trial *t)
{
	int status;

	if (t->s->flags & S_SLEEP)
		victim_doze(t);
	kill(t->victim, SIGKILL);
	while (waitpid(t->victim, &status, __WALL) == t->victim &&
	       !WIFSIGNALED(status) && !WIFEXITED(status))
		;
	t->victim = 0;
}
