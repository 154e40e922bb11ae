// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: peers of the kernel (xseg_test.ko) that have
 * requests under way with the victim, and the module, which cleans up after a
 * victim that it knows.
 *
 * One of them serves, one sends six requests to the victim's port, two at a
 * time, whoever serves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xseg/ioctl.h>

#include "core/core.h"
#include "selftests/crash/crash.h"
#include "user/fsck/fsck.h"

#define DIR		"/sys/kernel/debug/xseg_test/"
#define COUNT		6
#define DEPTH		2

static struct xseg view;	/* the segment of the trial, to look at */

/*
 * Each first and each last hardware breakpoint has the kernel patch its own
 * text in the scheduler, a second later, which an emulated CPU may stumble over
 * that runs there just now. While there is an event of another kind it is not.
 */
static void text_leave_alone(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};

	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1,
		    PERF_FLAG_FD_CLOEXEC) < 0)
		printf("# perf_event_open: %s\n", strerror(errno));
}

/* Is there a module, with kernel peers to be had? */
bool kernel_there(void)
{
	text_leave_alone();
	return !access(XSEG_DEVICE, R_OK | W_OK) && !access(DIR "start", W_OK);
}

/* Where the kernel peer is that serves. */
xport kernel_port(const struct trial *t)
{
	if (!t->kernel)
		return NoPort;
	return t->company == ONE ? PORT_A : PORT_B;
}

static bool tell(const char *line)
{
	int fd = open(DIR "start", O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(line);
	bool good = fd >= 0 && write(fd, line, (size_t)len) == len;

	if (!good)
		say("\"%s\": %s", line, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

static bool fail(const char *what, int err)
{
	say("%s: %s, %s", what, strerror(err), xseg_last_error());
	verdict.other++;
	return false;
}

/**
 * kernel_segment() - make a segment that kernel peers may join
 * @t:	    the trial; @fd is set
 * @params: its capacities
 *
 * Return: false if that went wrong.
 */
bool kernel_segment(struct trial *t, const struct xseg_params *params)
{
	void *base;
	int ret;

	ret = xseg_create(t->name, params);
	if (ret)
		return fail("create", -ret);
	t->fd = file_open(t);
	memset(&view, 0, sizeof(view));
	base = mmap(NULL, sizeof(struct xseg_header), PROT_READ, MAP_SHARED,
		    t->fd, 0);
	if (base == MAP_FAILED)
		return fail("mmap", errno);
	geometry_compute(&((struct xseg_header *)base)->params, &view.geo);
	munmap(base, sizeof(struct xseg_header));
	base = mmap(NULL, view.geo.size, PROT_READ, MAP_SHARED, t->fd, 0);
	if (base == MAP_FAILED)
		return fail("mmap", errno);
	view.base = base;
	ret = t->s->flags & S_ATTACH ? 0 : xseg_attach(t->name);
	return !ret || fail("attach", -ret);
}

/**
 * kernel_begin() - the kernel peer that serves
 * @t: the trial
 *
 * Return: false if there is none.
 */
bool kernel_begin(struct trial *t)
{
	char line[160];

	snprintf(line, sizeof(line), "echo:%s:%s %s %u", t->kernel,
		 t->company == ONE ? "thread" : "direct", t->name,
		 kernel_port(t));
	return tell(line) || fail("no server", EIO);
}

static __u64 queue_tail(xport port, unsigned int which)
{
	struct ring ring = port_ring(&view, port, which);

	return shm_load_acquire(&ring.shm->tail);
}

static bool queue_empty(xport port, unsigned int which)
{
	struct ring ring = port_ring(&view, port, which);

	/* Who is killed in ring_push() may leave the tail behind the head. */
	return (__s64)(shm_load_acquire(&ring.shm->tail) -
		     shm_load_acquire(&ring.shm->head)) <= 0;
}

/* Until so many were ever put there. */
static bool queue_await(struct trial *t, xport port, unsigned int which,
			__u64 nr, const char *what)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	while (queue_tail(port, which) < nr) {
		if (now_usec() > end) {
			hung(t, what);
			return false;
		}
		usleep(50);
	}
	return true;
}

/**
 * kernel_source() - the kernel peer that sends to the victim
 * @t: the trial; the victim has bound its ports, and others have sent
 *
 * Return: false if it does not.
 */
bool kernel_source(struct trial *t)
{
	__u64 before = queue_tail(PORT_VICTIM, XSEG_RING_REQUEST);
	char line[160];

	snprintf(line, sizeof(line), "source:%s %s %u %u %u %u", t->kernel,
		 t->name, PORT_SOURCE, PORT_VICTIM, COUNT, DEPTH);
	t->source = tell(line);
	return t->source ?
	       queue_await(t, PORT_VICTIM, XSEG_RING_REQUEST, before + DEPTH,
			   "the kernel peer does not send") :
	       fail("no source", EIO);
}

/**
 * kernel_answers() - the kernel peer answers what the victim has sent
 * @t: the trial; nobody else has answered yet
 *
 * Return: false if it does not.
 */
bool kernel_answers(struct trial *t)
{
	return queue_await(t, PORT_VICTIM_CLIENT, XSEG_RING_REPLY,
			   t->company == ONE ? 3 : 1,
			   "the kernel peer does not answer");
}

/* Does the victim have the device mapped? Before it is killed. */
void kernel_look(struct trial *t)
{
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", t->victim);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, XSEG_DEVICE))
			t->mapped = true;
	if (f)
		fclose(f);
}

static bool dead_left(struct trial *t)
{
	struct fsck *fsck;
	bool left;

	if (fsck_open(&fsck, t->fd))
		return true;
	fsck_check(fsck, 0);
	left = fsck_counts(fsck)->peers_dead;
	fsck_close(fsck);
	return left;
}

/**
 * kernel_reaps() - the module cleans up after the victim, with nobody's help
 * @t: the trial, of a victim that had mapped the device
 *
 * Return: false if it does not.
 */
bool kernel_reaps(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	while (dead_left(t)) {
		if (now_usec() > end) {
			hung(t, "the module does not reap the victim");
			return false;
		}
		usleep(500);
	}
	return true;
}

/**
 * kernel_woken() - kernel peers take what is for them, without a new signal
 * @t: the trial
 *
 * Return: false if they do not.
 */
bool kernel_woken(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	while (!queue_empty(kernel_port(t), XSEG_RING_REQUEST) ||
	       (t->source && !queue_empty(PORT_SOURCE, XSEG_RING_REPLY))) {
		if (now_usec() > end) {
			hung(t, "a kernel peer sleeps, and there is something in its queue");
			return false;
		}
		usleep(50);
	}
	return true;
}

/* What a kernel peer did; false if there is none at that port. */
static bool stat_of(const struct trial *t, xport port, long long *done,
		    long long *failed)
{
	FILE *f = fopen(DIR "stat", "re");
	char line[512], name[XSEG_NAME_SIZE + 8];
	unsigned int p;
	bool found = false;
	long long bad;

	snprintf(name, sizeof(name), " of %s\n", t->name);
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s port %u done %lld bad %lld failed %lld",
			       &p, done, &bad, failed) == 4 &&
			p == port && strstr(line, name);
	if (f)
		fclose(f);
	return found;
}

/**
 * kernel_content() - has the source all back that it sent?
 * @t: the trial
 *
 * Who serves here leaves data as they are, which a source calls bad.
 *
 * Return: true if so, or if there is none.
 */
bool kernel_content(struct trial *t)
{
	long long done = 0, failed;

	return !t->source ||
	       (stat_of(t, PORT_SOURCE, &done, &failed) && done >= COUNT);
}

/* Did they get what they should, and no more? */
static void account(struct trial *t)
{
	long long done, failed;

	if (!stat_of(t, kernel_port(t), &done, &failed) || failed) {
		say("the kernel peer could not answer %lld times", failed);
		verdict.other++;
	}
	if (!t->source)
		return;
	if (!stat_of(t, PORT_SOURCE, &done, &failed) || done != COUNT) {
		say("the kernel peer sent %d requests and got %lld back", COUNT,
		    done);
		verdict.doubled++;
	} else if (failed && !t->a.may) {
		say("%lld of the kernel peer's requests failed", failed);
		verdict.other++;
	}
}

/**
 * kernel_away() - the kernel peers leave, and nothing of the module is left
 * @t: the trial; processes have left
 *
 * Return: false if that went wrong.
 */
bool kernel_away(struct trial *t)
{
	char line[XSEG_NAME_SIZE + 8];
	int ret;

	account(t);
	snprintf(line, sizeof(line), "stop %s", t->name);
	if (!tell(line))
		return fail("kernel peers do not stop", EIO);
	ret = xseg_detach(t->name);
	return !ret || fail("detach", -ret);
}

/* Whatever is left of it goes. */
void kernel_end(struct trial *t)
{
	char line[XSEG_NAME_SIZE + 8];

	snprintf(line, sizeof(line), "stop %s", t->name);
	tell(line);
	xseg_detach(t->name);
	if (view.base)
		munmap((void *)view.base, view.geo.size);
	view.base = NULL;
	if (xseg_destroy(t->name, 0)) {
		say("destroy: %s", xseg_last_error());
		verdict.other++;
		xseg_destroy(t->name, XSEG_DESTROY_FORCE);
	}
}

/* What kernel peers do, for people. */
void kernel_print(void)
{
	FILE *f = fopen(DIR "stat", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		printf("#   %s", line);
	if (f)
		fclose(f);
}
