// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: what must hold when the victim is dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/crash/crash.h"
#include "user/fsck/fsck.h"

static const char *const phases[] = { "begin", "run", "park", "serve",
				      "stop" };

static void proc_line(pid_t pid, const char *what)
{
	char path[64], text[200];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	printf("#   %s: %.*s\n", what, (int)strcspn(text, "\n"), text);
}

static void ports_print(struct xseg *x)
{
	struct xseg_port_info info;
	xport p;

	for (p = 0; x && p < NR_PORTS; p++) {
		if (xseg_get_port_info(x, p, &info))
			continue;
		printf("#   port %u: %s by slot %u, epoch %u, %llu queued, %llu replies, %u waiting, %u asleep\n",
		       p, info.bound ? "bound" : "not bound", info.owner,
		       info.epoch,
		       (unsigned long long)(info.submitted - info.accepted),
		       (unsigned long long)(info.responded - info.received),
		       info.waiters, info.asleep);
	}
}

static int findings_print(struct trial *t, bool idle)
{
	struct fsck *fsck;
	int i, nr;

	if (fsck_open(&fsck, t->fd))
		return 1;
	nr = fsck_check(fsck, idle ? FSCK_IDLE : 0);
	for (i = 0; i < nr; i++) {
		const struct fsck_finding *f = fsck_finding(fsck, (unsigned)i);

		printf("#   %s: %s; should be %s\n", f->object, f->is,
		       f->should);
	}
	fsck_close(fsck);
	return nr;
}

/**
 * hung() - somebody does not get on: where everybody stands
 * @t:	  the trial
 * @what: what was waited for
 */
void hung(struct trial *t, const char *what)
{
	verdict.hangs++;
	say("%s", what);
	printf("#   phase %s; A: %u outstanding; F: %u outstanding\n",
	       phases[GET(stage->phase)], client_outstanding(&t->a),
	       client_outstanding(&t->f));
	if (t->b > 0) {
		printf("#   B: %s, %d outstanding, parked %d\n",
		       GET(stage->b_at) ? GET(stage->b_at) : "-",
		       GET(stage->b_outstanding), GET(stage->b_parked));
		proc_line(t->b, "wchan");
		proc_line(t->b, "syscall");
	}
	if (t->victim > 0) {
		printf("#   the victim\n");
		proc_line(t->victim, "wchan");
		proc_line(t->victim, "syscall");
	}
	ports_print(t->f.x ? t->f.x : t->a.x);
	if (t->kernel)
		kernel_print();
	if (t->fd >= 0)
		findings_print(t, false);
}

static bool check(struct trial *t, bool good, const char *what)
{
	if (!good) {
		say("%s", what);
		verdict.other++;
	}
	(void)t;
	return good;
}

/* Kernel peers may be at work for a moment: what is wrong stays wrong. */
static int settled_check(struct trial *t, struct fsck *fsck)
{
	uint64_t end = now_usec() + PATIENCE_USEC;
	int nr;

	do {
		nr = fsck_check(fsck, FSCK_IDLE);
		if (!t->kernel || (!nr && !fsck_counts(fsck)->peers_dead))
			break;
		usleep(1000);
	} while (now_usec() < end);
	return nr;
}

static void in_order(struct trial *t, const char *when)
{
	struct fsck *fsck;
	int nr;

	if (!check(t, !fsck_open(&fsck, t->fd), "the header is damaged"))
		return;
	nr = settled_check(t, fsck);
	if (nr || fsck_counts(fsck)->peers_dead) {
		say("the checker, %s: %d findings, %u dead peers", when, nr,
		    fsck_counts(fsck)->peers_dead);
		findings_print(t, true);
		verdict.leaks++;
	}
	fsck_close(fsck);
}

/**
 * files_remove() - remove the pipes of type fifo, which have names of their own
 * @t: the trial
 *
 * Return: how many there were.
 */
unsigned int files_remove(struct trial *t)
{
	struct xseg_header header;
	char pattern[96];
	unsigned int i;
	int n;
	glob_t g;

	if (pread(t->fd, &header, sizeof(header), 0) != sizeof(header))
		return 0;
	n = snprintf(pattern, sizeof(pattern), "/dev/shm/xseg-fifo.");
	for (i = 0; i < sizeof(header.uuid); i++)
		n += snprintf(pattern + n, sizeof(pattern) - (size_t)n, "%02x",
			      header.uuid[i]);
	snprintf(pattern + n, sizeof(pattern) - (size_t)n, "*");
	if (glob(pattern, 0, NULL, &g))
		return 0;
	for (i = 0; i < g.gl_pathc; i++)
		unlink(g.gl_pathv[i]);
	globfree(&g);
	return i;
}

/* All have left: all can be had again. */
static void nothing_lost(struct trial *t)
{
	const struct fsck_counts *c;
	unsigned int files;
	struct fsck *fsck;

	in_order(t, "when all have left");
	files = files_remove(t);
	if (files) {
		say("%u pipes are left", files);
		verdict.leaks++;
	}
	if (fsck_open(&fsck, t->fd))
		return;
	fsck_check(fsck, FSCK_IDLE);
	c = fsck_counts(fsck);
	if (c->requests_free != c->requests || c->descs_free != c->descs ||
	    c->buffers_used || c->ports_bound || c->peers_live) {
		say("%u of %u requests are free, %u of %u descriptors; %u buffers in use, %u ports bound, %u peers",
		    c->requests_free, c->requests, c->descs_free, c->descs,
		    c->buffers_used, c->ports_bound, c->peers_live);
		verdict.leaks++;
	}
	fsck_close(fsck);
}

/* B stops its work between two calls; asleep it may stay. */
static bool partner_park(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	SET(stage->phase, PHASE_PARK);
	while (t->company == RUNNING && t->b && !GET(stage->b_parked)) {
		if (now_usec() > end) {
			hung(t, "B is stuck in a call");
			return false;
		}
		usleep(20);
	}
	return true;
}

static bool reap(struct trial *t)
{
	struct client *who = t->reaper && t->a.x ? &t->a : &t->f;
	int ret;

	t->f.x = xseg_join_fd(t->fd, 0);
	if (!check(t, t->f.x, "F cannot join"))
		return false;
	if (t->mapped)
		return kernel_reaps(t);
	ret = xseg_reap(who->x);
	return check(t, ret >= 0, "reaping fails");
}

static bool take_over(struct trial *t)
{
	struct client *f = &t->f;

	xseg_set_sleep_cap(f->x, XSEG_WAIT_FOREVER);
	f->port = PORT_F;
	return check(t, !xseg_local_signal_init(f->x, t->type),
		     "F: local_signal_init fails") &&
	       check(t, (f->sd = xseg_get_signal_desc(f->x, t->type)),
		     "F: no descriptor to be had") &&
	       check(t, xseg_bind_port(f->x, PORT_VICTIM, f->sd) >= 0,
		     "F cannot bind the victim's first port") &&
	       check(t, xseg_bind_port(f->x, PORT_VICTIM_CLIENT, f->sd) >= 0,
		     "F cannot bind the victim's other port") &&
	       check(t, xseg_bind_port(f->x, PORT_F, f->sd) >= 0,
		     "F cannot bind its port");
}

static void round_trips(struct trial *t)
{
	check(t, client_send(&t->f, PORT_VICTIM) &&
		 client_send(&t->f, PORT_VICTIM_CLIENT),
	      "F cannot send to what were the victim's ports");
	if (t->a.x)
		check(t, client_send(&t->f, PORT_A), "F cannot send to A");
	if (t->b)
		check(t, client_send(&t->f, PORT_B), "F cannot send to B");
	if (t->kernel)
		check(t, client_send(&t->f, kernel_port(t)),
		      "F cannot send to the kernel peer");
}

static bool pump(struct trial *t)
{
	bool did = client_receive(&t->f);

	did |= client_serve(&t->f, PORT_VICTIM);
	did |= client_serve(&t->f, PORT_VICTIM_CLIENT);
	did |= client_serve(&t->f, PORT_F);
	if (t->a.x) {
		did |= client_receive(&t->a);
		did |= client_serve(&t->a, PORT_A);
	}
	return did;
}

static bool all_back(struct trial *t)
{
	return !client_outstanding(&t->a) && !client_outstanding(&t->f) &&
	       (!t->b || !GET(stage->b_outstanding)) && kernel_content(t);
}

/*
 * B takes what lies in its queues, without a signal from now on: the victim's
 * or the reaper's must have come, though it sleeps without limit.
 */
static bool partner_woken(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;
	struct xseg_port_info info;

	while (t->b && !xseg_get_port_info(t->f.x, PORT_B, &info) &&
	       (info.submitted != info.accepted ||
		info.responded != info.received)) {
		if (now_usec() > end) {
			hung(t, "B sleeps, and there is something in its queues");
			return false;
		}
		usleep(20);
	}
	return true;
}

/* Everybody works on until each has back what it sent. */
static bool traffic_flows(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	SET(stage->phase, PHASE_SERVE);
	if (!partner_woken(t) || (t->kernel && !kernel_woken(t)))
		return false;
	if (t->held) {
		t->held->state = XSEG_REQ_SERVED;
		check(t, xseg_respond(t->a.x, t->held, PORT_A,
				      XSEG_SIGNAL) >= 0,
		      "A cannot answer the victim's request");
	}
	round_trips(t);
	while (!all_back(t)) {
		if (pump(t))
			continue;
		if (now_usec() > end) {
			verdict.lost += client_outstanding(&t->a) +
					client_outstanding(&t->f);
			hung(t, "requests do not come back");
			return false;
		}
		usleep(20);
	}
	while (pump(t))
		;
	return true;
}

static bool partner_stop(struct trial *t)
{
	int status;

	if (!t->b)
		return true;
	SET(stage->phase, PHASE_STOP);
	xseg_signal(t->f.x, PORT_B);
	if (child_wait(t->b, &status, PATIENCE_USEC)) {
		hung(t, "B is not woken");
		return false;
	}
	t->b = 0;
	verdict.doubled += (unsigned int)GET(stage->bad);
	return check(t, !status, "B did not end as it should");
}

static void all_leave(struct trial *t)
{
	verdict.doubled += (unsigned int)(t->a.bad + t->f.bad);
	xseg_set_port_flags(t->f.x, PORT_VICTIM, 0);
	xseg_set_port_flags(t->f.x, PORT_VICTIM_CLIENT, 0);
	in_order(t, "when traffic has flowed");
	if (t->a.x)
		check(t, !xseg_leave(t->a.x), "A cannot leave");
	t->a.x = NULL;
	check(t, !xseg_leave(t->f.x), "F cannot leave");
	t->f.x = NULL;
	if (!t->kernel || kernel_away(t))
		nothing_lost(t);
}

/* A segment is there whole, or not at all. */
static void file_after(struct trial *t)
{
	struct xseg *x;

	t->fd = file_open(t);
	if (t->fd < 0)
		return;
	in_order(t, "of a segment that is there");
	x = xseg_join(t->name, 0);
	check(t, x, "the segment is there and cannot be joined");
	if (x)
		xseg_leave(x);
	check(t, !xseg_destroy(t->name, 0), "it cannot be destroyed");
}

/*
 * The segment has its name, or not any more, and F lives in it: either way the
 * others go on.
 */
static void name_after(struct trial *t)
{
	int ret = xseg_destroy(t->name, 0);
	struct xseg *x;

	check(t, ret == -EBUSY || ret == -ENOENT,
	      "its name is neither there nor gone");
	if (ret != -EBUSY)
		return;
	x = xseg_join(t->name, 0);
	check(t, x, "its name is there and it cannot be joined");
	if (x)
		xseg_leave(x);
}

/* All have left: what is there of the name can go. */
static void name_away(struct trial *t)
{
	int ret = xseg_destroy(t->name, 0), fd = file_open(t);

	check(t, !ret || ret == -ENOENT, "it cannot be destroyed");
	check(t, fd < 0, "its file is still there");
	if (fd >= 0)
		close(fd);
}

/* Who was to let kernel peers in is dead: they come. */
static bool attached(struct trial *t)
{
	if (!(t->s->flags & S_ATTACH))
		return true;
	return check(t, !xseg_attach(t->name), "it cannot be attached") &&
	       kernel_begin(t);
}

/**
 * trial_after() - the victim is dead; is everything as it should be?
 * @t: the trial
 */
void trial_after(struct trial *t)
{
	if (t->s->flags & S_FILE) {
		file_after(t);
		return;
	}
	if (!partner_park(t) || !reap(t) || !attached(t))
		return;
	in_order(t, "after the reap");
	if (t->s->flags & S_NAMED)
		name_after(t);
	if (!take_over(t) || !traffic_flows(t) || !partner_stop(t))
		return;
	all_leave(t);
	if (t->s->flags & S_NAMED)
		name_away(t);
}
