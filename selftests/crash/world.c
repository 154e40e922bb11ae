// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kill at every instruction: what there is before the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"
#include "selftests/crash/crash.h"

/* Small, so that thousands can be made and looked through. */
static const struct xseg_params small = {
	.size = sizeof(small),
	.flags = XSEG_CREATE_SPARSE,
	.nr_ports = NR_PORTS,
	.nr_requests = 32,
	.nr_descs = 16,
	.queue_len = 8,
	.heap_size = 3 << XSEG_MIN_CHUNK_ORDER,
	.max_data = 8192,
};

/* Sends three requests from its port 4: to A, or else to itself. */
static void victim_sends(struct client *c, struct victim *v)
{
	xport to = v->company == ALONE ? PORT_VICTIM : PORT_A;
	unsigned int i;

	c->port = PORT_VICTIM_CLIENT;
	for (i = 0; i < 3; i++)
		client_send(c, to);
	if (v->company >= TWO)
		client_send(c, PORT_B);
	if (v->company == ALONE)
		client_serve(c, PORT_VICTIM);
}

static void victim_joins(struct victim *v, struct trial *t)
{
	struct client c = { .who = "the victim" };
	int ret;

	ret = client_join(&c, t->fd, t->type, PORT_VICTIM);
	v->x = c.x;
	v->sd = c.sd;
	if (ret || xseg_bind_port(v->x, PORT_VICTIM_CLIENT, v->sd) < 0)
		_exit(2);
	if (t->keep)
		xseg_set_port_flags(v->x, PORT_VICTIM, XSEG_PORT_KEEP);
	victim_mark();		/* others send to it */
	victim_sends(&c, v);
	victim_mark();		/* A takes and answers some */
}

/**
 * victim_body() - what the victim does
 * @t: the trial
 */
void victim_body(struct trial *t)
{
	struct victim v = { .fd = t->fd, .type = t->type,
			    .company = t->company, .name = t->name,
			    .kernel = t->kernel };
	bool good;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	victim_mark();		/* the tracer has it */
	if (!(t->s->flags & S_NOPEER))
		victim_joins(&v, t);
	if (t->s->setup && !t->s->setup(&v))
		_exit(4);
	victim_mark();
	good = t->s->call(&v);
	victim_mark();
	_exit(good ? 0 : 5);
}

/* Dies in its sleep. */
static void corpse_sleeps(struct client *c)
{
	struct itimerval timer = { .it_value.tv_usec = 5000 };

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &timer, NULL);
	xseg_prepare_wait(c->x, c->sd);
	xseg_wait_signal(c->x, c->sd, XSEG_WAIT_FOREVER);
}

/*
 * Bound to port 3, with requests to and from A and the victim. Of a type that
 * the module does not know of, so that it is not the module that reaps it.
 */
static void corpse_body(struct trial *t)
{
	struct client c = { .who = "the corpse" };
	struct xseg_request *req;

	if (client_join(&c, t->fd, t->kernel ? "futex" : t->type, PORT_F))
		_exit(2);
	client_send(&c, PORT_VICTIM);
	if (t->company != ALONE && !t->kernel) {
		client_send(&c, PORT_A);
		xseg_get_port_signal_desc(c.x, PORT_A);
	}
	xseg_get_port_signal_desc(c.x, PORT_VICTIM);
	req = xseg_get_request(c.x, PORT_F, PORT_F, 0);
	xseg_prep_request(c.x, req, 0, 3000);
	xseg_alloc_requests(c.x, PORT_F, 1);
	if (t->s->flags & S_ASLEEP)
		corpse_sleeps(&c);
	_exit(0);
}

static void corpse_make(struct trial *t)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		corpse_body(t);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		status = 0;
	if (status) {
		say("the corpse: status %#x", status);
		verdict.other++;
	}
}

/* Peers in all slots, none of which lives. */
static void slots_fill(int fd)
{
	struct xseg_header header;
	struct xseg_peer *peer;
	struct geometry geo;
	unsigned char *map;
	u32 i;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    geometry_compute(&header.params, &geo))
		return;
	map = mmap(NULL, geo.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	peer = (struct xseg_peer *)(map + geo.peers);
	for (i = 0; i < XSEG_MAX_USER_PEERS; i++) {
		if (peer[i].state)
			continue;
		peer[i].incarnation = 1;
		peer[i].domain = XSEG_DOMAIN_USER;
		peer[i].state = XSEG_PEER_USED;
	}
	munmap(map, geo.size);
}

/* B, when it has sent its requests. */
static bool partner_start(struct trial *t)
{
	uint64_t end = now_usec() + PATIENCE_USEC;

	t->b = fork();
	if (!t->b) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		partner_body(t);
	}
	while (!GET(stage->b_ready) && now_usec() < end)
		usleep(50);
	if (!GET(stage->b_ready))
		hung(t, "B does not get ready");
	return GET(stage->b_ready);
}

/*
 * In TWO, B has taken the victim's request, if it is one that sent any, and is
 * announced as a sleeper.
 */
static bool partner_asleep(struct trial *t)
{
	unsigned int nr = !(t->s->flags & S_NOPEER);
	struct xseg_port_info info;
	uint64_t end = now_usec() + PATIENCE_USEC;

	do {
		usleep(20);
		if (xseg_get_port_info(t->a.x, PORT_B, &info))
			return false;
	} while (now_usec() < end && (!info.asleep || info.accepted < nr));
	if (!info.asleep)
		hung(t, "B does not fall asleep");
	return info.asleep;
}

/* The others send to the victim, which has bound its ports. */
static bool others_send(struct trial *t)
{
	if (t->a.x) {
		client_send(&t->a, PORT_VICTIM);
		client_send(&t->a, PORT_VICTIM);
	}
	if (t->kernel)
		return kernel_source(t);
	return t->company < TWO || partner_start(t);
}

/* A works on one of the victim's requests, and has answered another. */
static void others_take(struct trial *t)
{
	if (!t->a.x)
		return;
	client_serve(&t->a, PORT_A);
	t->held = xseg_accept(t->a.x, PORT_A, 0);
}

static bool victim_prepare(struct trial *t)
{
	bool peer = !(t->s->flags & S_NOPEER);

	t->victim = fork();
	if (!t->victim)
		victim_body(t);
	if (!victim_await(t))
		return false;
	ptrace(PTRACE_SETOPTIONS, t->victim, NULL,
	       PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	if (peer && !victim_go(t))
		return false;
	if (peer && !others_send(t))
		return false;
	if (peer && !victim_go(t))
		return false;
	if (peer && t->kernel && !kernel_answers(t))
		return false;
	if (peer)
		others_take(t);
	if (t->s->flags & S_CORPSE)
		corpse_make(t);
	return victim_go(t);
}

/**
 * file_open() - open the segment by its name
 * @t: the trial
 *
 * Return: a descriptor, or -1 if it is not there.
 */
int file_open(const struct trial *t)
{
	char path[XSEG_NAME_SIZE + 32];

	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", t->name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool segment_make(struct trial *t)
{
	if (t->kernel)
		return kernel_segment(t, &small);
	if (!(t->s->flags & S_NAMED))
		t->fd = xseg_create_fd(&small);
	else if (!xseg_create(t->name, &small))
		t->fd = file_open(t);
	return t->fd >= 0;
}

/* The segment, and who is there before the victim. */
static bool world_make(struct trial *t)
{
	t->a.who = "A";
	t->f.who = "F";
	t->f.kernel = kernel_port(t);
	t->a.may = t->keep && !(t->s->flags & S_FAIL) ? 0 : MAY_FAIL;
	if (t->s->flags & S_CANCEL)
		t->a.may |= MAY_CANCEL;
	if (!segment_make(t))
		return false;
	if (t->company != (t->kernel ? ONE : ALONE) &&
	    client_join(&t->a, t->fd, t->type, PORT_A)) {
		say("A cannot join");
		verdict.other++;
		return false;
	}
	if (t->kernel && !(t->s->flags & S_ATTACH) && !kernel_begin(t))
		return false;
	/* The victim has yet to join, B does so before the dead fill all. */
	if (t->s->flags & S_NOPEER && t->company >= TWO && !t->kernel &&
	    !partner_start(t))
		return false;
	if (t->s->flags & S_FULL)
		slots_fill(t->fd);
	return true;
}

/**
 * trial_begin() - a segment, its peers, and a victim about to make its call
 * @t: scenario, types, company and reaper are set
 *
 * Return: false if that went wrong.
 */
bool trial_begin(struct trial *t)
{
	memset(stage, 0, sizeof(*stage));
	t->fd = -1;
	if (!(t->s->flags & S_FILE) && !world_make(t))
		return false;
	if (!victim_prepare(t))
		return false;
	SET(stage->phase, PHASE_RUN);
	return !t->b || t->company != TWO || partner_asleep(t);
}

static void reap_child(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	*pid = 0;
}

/* Whatever is left of it goes. */
void trial_end(struct trial *t)
{
	reap_child(&t->victim);
	reap_child(&t->b);
	if (t->a.x)
		xseg_leave(t->a.x);
	if (t->f.x)
		xseg_leave(t->f.x);
	if (t->kernel && t->fd >= 0)
		kernel_end(t);
	if (t->fd >= 0) {
		files_remove(t);	/* of who was killed just now */
		close(t->fd);
	}
	if (t->s->flags & S_NAMED)
		xseg_destroy(t->name, XSEG_DESTROY_FORCE);
}
