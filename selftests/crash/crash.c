// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction of every call that touches a segment.
 *
 * CRASH_STRIDE	  beside the instructions after which something is different,
 *		  each of so many is tried as well (1: each one)
 * CRASH_SCENARIO only those whose name begins so
 * CRASH_TYPE	  only that signal type
 * CRASH_POINT	  only that point
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "selftests/crash/crash.h"

#define STRIDE		509
#define SLEEPS		8	/* kills of a sleeper */
#define MAX_WORDS	40	/* complaints that are printed for a test */

static const char *const types[] = { "futex", "eventfd" };
static const char *const companies[] = { "alone", "one other",
					 "two others, one asleep",
					 "two others, one at work" };

struct stage *stage;
struct verdict verdict;

static struct trial *on;	/* the trial that is on */
static unsigned int on_point, words;

uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/*
 * Tracer and victim take turns, which is fastest on one CPU; B gets another,
 * if there is one.
 */
void cpu_take(unsigned int nr)
{
	static cpu_set_t may;
	cpu_set_t one;
	int i, last = -1;

	if (!CPU_COUNT(&may))
		sched_getaffinity(0, sizeof(may), &may);
	for (i = 0; i < CPU_SETSIZE && (last < 0 || nr); i++) {
		if (!CPU_ISSET(i, &may))
			continue;
		nr -= last >= 0;
		last = i;
	}
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void say(const char *format, ...)
{
	va_list ap;

	if (words++ >= MAX_WORDS)
		return;
	printf("# %s, %s, %s%s, reaper %d, point %u: ", on->s->name, on->type,
	       companies[on->company], on->keep ? ", keep" : "", on->reaper,
	       on_point);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
}

static unsigned long number(const char *variable, unsigned long otherwise)
{
	const char *s = getenv(variable);

	return s && *s ? strtoul(s, NULL, 0) : otherwise;
}

static unsigned int complaints(void)
{
	return verdict.hangs + verdict.leaks + verdict.lost + verdict.doubled +
	       verdict.other;
}

static struct trial trial_of(const struct trial *like)
{
	struct trial t = { .s = like->s, .type = like->type,
			   .company = like->company, .keep = like->keep };

	snprintf(t.name, sizeof(t.name), "crash-%d", getpid());
	return t;
}

/* One victim that is killed at one point. */
static void kill_at(const struct trial *like, const struct path *path,
		    unsigned int k)
{
	struct trial t = trial_of(like);

	on = &t;
	on_point = k;
	t.reaper = k & 1;
	if (trial_begin(&t) && victim_reach(&t, path, k)) {
		victim_kill(&t);
		trial_after(&t);
	}
	trial_end(&t);
	fflush(stdout);
}

/* One that is not, to see its way. */
static bool see_path(const struct trial *like, struct path *path)
{
	struct trial t = trial_of(like);
	bool good;

	on = &t;
	on_point = 0;
	/* B stays asleep: what it does is not part of the way. */
	if (t.company == RUNNING)
		t.company = TWO;
	good = trial_begin(&t) && victim_path(&t, path);
	if (good && !victim_finish(&t)) {
		say("the call fails by itself");
		good = false;
	}
	trial_end(&t);
	if (t.s->flags & S_FILE)
		xseg_destroy(t.name, 0);
	return good;
}

/* All points of a call in one company; how many were tried. */
static unsigned int kill_all(const struct trial *like)
{
	unsigned long stride = number("CRASH_STRIDE", STRIDE);
	unsigned long only = number("CRASH_POINT", ~0UL);
	struct path path = { 0 };
	unsigned int k, tried = 0, before = complaints();

	if (like->s->flags & S_SLEEP) {
		for (k = 0; k < SLEEPS; k++)
			kill_at(like, &path, 0);
		return k;
	}
	if (!see_path(like, &path)) {
		verdict.other++;
		return 0;
	}
	for (k = 0; k < path.nr && complaints() < before + 20; k++) {
		if (only != ~0UL ? k != only :
		    !path.mark[k] && (!stride || k % stride))
			continue;
		kill_at(like, &path, k);
		tried++;
	}
	path_free(&path);
	return tried;
}

static bool fits(const struct scenario *s, enum company c)
{
	if (s->flags & S_FILE)
		return c == ALONE;
	if (s->flags & S_NOPEER)
		return c <= ONE;
	return true;
}

/* One scenario with one type, in all companies: one test. */
static bool scenario_run(const struct scenario *s, const char *type,
			 unsigned int *tried)
{
	struct trial like = { .s = s, .type = type };
	unsigned int before = complaints();
	int c, keep;

	words = 0;
	*tried = 0;
	for (c = ALONE; c < COMPANIES; c++) {
		if (!fits(s, (enum company)c))
			continue;
		for (keep = 0; keep <= !!(s->flags & S_KEEP); keep++) {
			like.company = (enum company)c;
			like.keep = keep;
			*tried += kill_all(&like);
		}
	}
	return complaints() == before;
}

static bool wanted(const char *variable, const char *name)
{
	const char *s = getenv(variable);

	return !s || !strncmp(s, name, strlen(s));
}

int main(void)
{
	unsigned int i, k, tried, all = 0, nr = 0;
	uint64_t start, begin = now_usec();

	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED)
		return 1;
	cpu_take(0);
	printf("TAP version 13\n");
	for (i = 0; i < nr_scenarios; i++) {
		if (!wanted("CRASH_SCENARIO", scenarios[i].name))
			continue;
		for (k = 0; k < NR(types); k++) {
			if (!wanted("CRASH_TYPE", types[k]))
				continue;
			start = now_usec();
			printf("%s", scenario_run(&scenarios[i], types[k],
						  &tried) ? "ok" : "not ok");
			printf(" %u - %s, %s: %u kills, %.1f s\n", ++nr,
			       scenarios[i].name, types[k], tried,
			       (double)(now_usec() - start) / 1e6);
			fflush(stdout);
			all += tried;
		}
	}
	printf("1..%u\n", nr);
	printf("# %u kill points in %.0f s: %u hangs, %u leaks, %u lost, %u duplicated or wrong, %u others\n",
	       all, (double)(now_usec() - begin) / 1e6, verdict.hangs,
	       verdict.leaks, verdict.lost, verdict.doubled, verdict.other);
	return complaints() != 0;
}
