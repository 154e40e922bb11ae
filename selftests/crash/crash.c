// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction of every call that touches a segment.
 *
 * CRASH_STRIDE	  beside the instructions after which something is different,
 *		  each of so many is tried as well (1: each one)
 * CRASH_KERNEL	  with kernel peers, in a virtual machine (kernel.sh); there is
 *		  CRASH_STRIDE how few of the former are tried (1: all)
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
#define KERNEL_STRIDE	64	/* with kernel peers */
#define MARKS		8
#define MAX_WORDS	40	/* complaints that are printed for a test */

/* How the victim and processes wait, and how kernel peers do. */
static const struct {
	const char *type;
	const char *kernel;
} types[] = {
	{ "futex", NULL }, { "eventfd", NULL }, { "fifo", NULL },
	{ "futex", "waitqueue" }, { "eventfd", "eventfd-bridge" },
	{ "device", "waitqueue" }, { "device", "eventfd-bridge" },
};

static const char *const companies[] = { "alone", "one other",
					 "two others, one asleep",
					 "two others, one at work" };

extern const struct xseg_signal_type xseg_signal_plugin;	/* fifo */

struct stage *stage;
struct verdict verdict;

static struct trial *on;	/* the trial that is on */
static unsigned int on_point, words;
static unsigned int tests, kills;

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
	printf("# %s, %s%s%s, %s%s, reaper %d, point %u: ", on->s->name,
	       on->type, on->kernel ? " and " : "", on->kernel ? on->kernel : "",
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
			   .kernel = like->kernel, .company = like->company, .keep = like->keep };

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
		if (t.kernel)
			kernel_look(&t);
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

/**
 * struct sample - which points of a way are tried
 * @only:    if it is one, only that
 * @stride:  each of so many, beside the marks
 * @marks:   of these, each of so many
 * @at:	     the next mark in so many
 */
struct sample {
	unsigned long only;
	unsigned long stride;
	unsigned int marks;
	unsigned int at;
};

static bool sampled(struct sample *sample, const struct path *path,
		    unsigned int k)
{
	if (sample->only != ~0UL)
		return k == sample->only;
	if (!path->mark[k])
		return sample->stride && !(k % sample->stride);
	if (sample->at--)
		return false;
	sample->at = sample->marks - 1;
	return true;
}

/*
 * A machine that is emulated is too slow for all: of one in so many ways one
 * in MARKS marks. Which ones is the same each time.
 */
static bool way_chosen(unsigned long stride)
{
	static unsigned int way;
	unsigned int dice = way++ * 2654435761U >> 16;

	return stride < 2 * MARKS || !(dice % (stride / MARKS));
}

/* And of a long one as many as of others. */
static void marks_choose(struct sample *sample, const struct path *path)
{
	unsigned int k, nr = 0, marks = MARKS;

	for (k = 0; k < path->nr; k++)
		nr += path->mark[k];
	if (sample->stride < MARKS)
		marks = (unsigned int)sample->stride;
	else if (sample->stride >= 2 * MARKS && nr / MARKS >= MARKS)
		marks = nr / MARKS + 1;
	sample->stride = 0;
	sample->marks = marks ? marks : 1;
	sample->at = path->nr % sample->marks;
}

/* All points of a call in one company; how many were tried. */
static unsigned int kill_all(const struct trial *like)
{
	struct sample sample = {
		.only = number("CRASH_POINT", ~0UL),
		.stride = number("CRASH_STRIDE",
				 like->kernel ? KERNEL_STRIDE : STRIDE),
		.marks = 1,
	};
	struct path path = { 0 };
	unsigned int k, tried = 0, before = complaints();

	if (like->kernel && !way_chosen(sample.stride))
		return 0;
	if (like->s->flags & S_SLEEP) {
		for (k = 0; k < (like->kernel ? 2 : SLEEPS); k++)
			kill_at(like, &path, 0);
		return k;
	}
	if (!see_path(like, &path)) {
		verdict.other++;
		return 0;
	}
	if (like->kernel)
		marks_choose(&sample, &path);
	for (k = 0; k < path.nr && complaints() < before + 20; k++) {
		if (!sampled(&sample, &path, k))
			continue;
		kill_at(like, &path, k);
		tried++;
	}
	path_free(&path);
	return tried;
}

/* Does a company of kernel peers and others? */
static bool fits_kernel(const struct trial *like, enum company c)
{
	unsigned int flags = like->s->flags;

	if (flags & (S_FILE | S_NAMED) || (c != ONE && c != TWO))
		return false;
	if (flags & S_BRIDGE && strcmp(like->kernel, "eventfd-bridge"))
		return false;
	if (flags & S_ATTACH)	/* type device needs what it is about */
		return c == TWO && strcmp(like->type, "device");
	return !(flags & S_NOPEER) || c == ONE;
}

static bool fits(const struct trial *like, enum company c)
{
	const struct scenario *s = like->s;

	if (like->kernel)
		return fits_kernel(like, c);
	if (s->flags & S_KERNEL)
		return false;
	return !(s->flags & S_FILE) || c == ALONE;
}

/* One scenario with one type, in all companies: one test. */
static bool scenario_run(const struct scenario *s, unsigned int type,
			 unsigned int *tried)
{
	struct trial like = { .s = s, .type = types[type].type,
			      .kernel = types[type].kernel };
	unsigned int before = complaints();
	int c, keep;

	words = 0;
	*tried = 0;
	for (c = ALONE; c < COMPANIES; c++) {
		if (!fits(&like, (enum company)c))
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

/* One test: a scenario with one type, if it is in the sample. */
static void test(unsigned int scenario, unsigned int type)
{
	static unsigned int nr;
	uint64_t start = now_usec();
	unsigned int tried;
	bool good;

	good = scenario_run(&scenarios[scenario], type, &tried);
	if (good && !tried)
		return;
	printf("%s %u - %s, %s%s%s: %u kills, %.1f s\n", good ? "ok" : "not ok",
	       ++nr, scenarios[scenario].name, types[type].type,
	       types[type].kernel ? " and " : "",
	       types[type].kernel ? types[type].kernel : "", tried,
	       (double)(now_usec() - start) / 1e6);
	fflush(stdout);
	tests = nr;
	kills += tried;
}

int main(void)
{
	bool kernel = getenv("CRASH_KERNEL");
	uint64_t begin = now_usec();
	unsigned int i, k;

	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED || xseg_register_signal_type(&xseg_signal_plugin))
		return 1;
	cpu_take(0);
	printf("TAP version 13\n");
	if (kernel && !kernel_there()) {
		printf("1..0 # SKIP needs root, the modules xseg_signal and xseg_test\n");
		return 0;
	}
	for (i = 0; i < nr_scenarios; i++) {
		if (!wanted("CRASH_SCENARIO", scenarios[i].name))
			continue;
		for (k = 0; k < NR(types); k++)
			if (!!types[k].kernel == kernel &&
			    wanted("CRASH_TYPE", types[k].type))
				test(i, k);
	}
	printf("1..%u\n", tests);
	printf("# %u kill points in %.0f s: %u hangs, %u leaks, %u lost, %u duplicated or wrong, %u others\n",
	       kills, (double)(now_usec() - begin) / 1e6, verdict.hangs,
	       verdict.leaks, verdict.lost, verdict.doubled, verdict.other);
	return complaints() != 0;
}
