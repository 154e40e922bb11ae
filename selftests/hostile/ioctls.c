// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every ioctl with arguments that are random, or nearly right.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <xseg/ioctl.h>

#include "selftests/hostile/hostile.h"

#define DEVICES		8
#define FDS		20
#define FILE_BYTES	(1 << 20)

/* Shared by the threads of a process, which close and open them again. */
static int device[DEVICES];
static int fds[FDS];
static char *edge;		/* a page, and behind it none */
static char *readonly;

static const struct {
	unsigned int cmd;
	const char *name;
} commands[COMMANDS] = {
	{ XSEG_IOC_INFO, "INFO" }, { XSEG_IOC_ATTACH, "ATTACH" },
	{ XSEG_IOC_DETACH, "DETACH" }, { XSEG_IOC_SIGNAL, "SIGNAL" },
	{ XSEG_IOC_REGISTER, "REGISTER" }, { XSEG_IOC_UNREGISTER, "UNREGISTER" },
	{ XSEG_IOC_WAIT, "WAIT" }, { XSEG_IOC_BRIDGE, "BRIDGE" },
};

/* Takes down one call. */
static void called(unsigned int cmd, bool good, uint64_t ns)
{
	struct called *c = tally->called;
	unsigned int i;

	for (i = 0; i < COMMANDS && commands[i].cmd != cmd; i++)
		;
	count(&c[i].calls, 1);
	count(&c[i].accepted, good);
	count(&c[i].ns, ns);
}

/* All calls together; with @say a line for each command. */
struct called ioctls_sum(bool say)
{
	struct called sum = { 0 };
	unsigned int i;

	for (i = 0; i <= COMMANDS; i++) {
		const struct called *c = &tally->called[i];

		sum.calls += c->calls;
		sum.accepted += c->accepted;
		sum.ns += c->ns;
		if (say)
			printf("# ioctl %-10s %9llu, %9llu accepted, %llu us each\n",
			       i < COMMANDS ? commands[i].name : "(others)",
			       (unsigned long long)c->calls,
			       (unsigned long long)c->accepted,
			       (unsigned long long)(c->ns / 1000 /
						    (c->calls ? c->calls : 1)));
	}
	return sum;
}

/* Was each command of the device accepted at least once? */
bool ioctls_all(void)
{
	unsigned int i;

	for (i = 0; i < COMMANDS && tally->called[i].accepted; i++)
		;
	return i == COMMANDS;
}

/* A file that is nearly a segment. */
static int segment_like(const struct victim *v, unsigned int seals)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	KS_CHECK(fd >= 0 && !ftruncate(fd, FILE_BYTES));
	KS_CHECK(pwrite(fd, v->view.base, 4096, 0) == 4096);
	KS_CHECK(!seals || !fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

/* Something is charged to each user who is hostile: see charge_none(). */
static void segment_take(void)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg), .fd = fds[4] };

	KS_CHECK(!ioctl(device[DEVICES - 1], XSEG_IOC_ATTACH, &arg));
}

/**
 * ioctls_open() - ready what the threads of this process use
 * @v: the victim
 */
void ioctls_open(struct victim *v)
{
	struct xseg_params small = ks_small;
	int i, p[2];

	for (i = 0; i < DEVICES; i++)
		KS_CHECK((device[i] = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC)) >= 0);
	KS_CHECK(!pipe2(p, O_CLOEXEC | O_NONBLOCK));
	i = 0;
	fds[i++] = p[0];
	fds[i++] = p[1];
	fds[i++] = v->fd;
	fds[i++] = v->fd;
	fds[i++] = xseg_create_fd(&small);
	fds[i++] = xseg_create_fd(&small);
	fds[i++] = segment_like(v, 0);
	fds[i++] = segment_like(v, F_SEAL_FUTURE_WRITE);
	fds[i++] = segment_like(v, F_SEAL_SHRINK | F_SEAL_GROW);
	fds[i++] = segment_like(v, F_SEAL_WRITE);
	fds[i++] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[i++] = eventfd(~0U, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK);
	fds[i++] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	fds[i++] = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[i++] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	fds[i++] = open("/dev/shm", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	fds[i++] = open("/tmp", O_PATH | O_CLOEXEC);
	fds[i++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[i++] = device[0];
	fds[i++] = memfd_create("empty", MFD_CLOEXEC);
	KS_CHECK(i == FDS);
	segment_take();
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	KS_CHECK(edge != MAP_FAILED && !munmap(edge + 4096, 4096));
	readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	KS_CHECK(readonly != MAP_FAILED);
}

union argument {
	__u32 size;
	struct {
		__u32 size;
		__u32 flags;
		__u32 word[4];
	} any;
	struct xseg_ioc_info info;
	struct xseg_ioc_attach attach;
	struct xseg_ioc_detach detach;
	struct xseg_ioc_signal signal;
	struct xseg_ioc_register reg;
	struct xseg_ioc_unregister unreg;
	struct xseg_ioc_wait wait;
	struct xseg_ioc_bridge bridge;
	__u64 words[512];
};

static int some_fd(uint64_t *rnd)
{
	uint32_t i = below(rnd, FDS + 6);

	if (i >= FDS + 4 || below(rnd, 2))
		return fds[2];		/* the victim itself */
	return i < FDS ? fds[i] : (int)boundary(rnd, 1024);
}

/* A descriptor, and its generation or that of some other time. */
static void some_desc(const struct victim *v, __u32 *desc, __u32 *gen,
		      uint64_t *rnd)
{
	uint32_t i = hot_object(v, POOL_DESCS, rnd);

	*desc = below(rnd, 8) ? i : (__u32)boundary(rnd,
					v->view.geo.params.nr_descs);
	*gen = XOWN_GEN(shm_read(&xseg_desc(&v->view, i)->own));
	if (!below(rnd, 8))
		*gen = (__u32)boundary(rnd, *gen);
}

static void some_name(char *name, uint64_t *rnd)
{
	static const char * const names[] = {
		VICTIM, HONEST, "", ".", "..", "a/b", "kept-0", "kept-1", "-",
	};
	uint32_t i = below(rnd, ARRAY_SIZE(names) + 2);

	if (i < ARRAY_SIZE(names)) {
		strcpy(name, names[i]);
		return;
	}
	for (i = 0; i < XSEG_NAME_SIZE; i++)
		name[i] = (char)(below(rnd, 4) ? 'a' + (int)below(rnd, 26) :
						 (int)ks_random(rnd));
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * A wait that is quick is over soon, whoever signals, and mostly before it
 * sleeps: to be scheduled again takes milliseconds where so many are at work.
 */
static void wait_fill(const struct victim *v, struct xseg_ioc_wait *arg,
		      bool quick, uint64_t *rnd)
{
	uint32_t i;

	some_desc(v, &arg->desc, &arg->gen, rnd);
	arg->seq = XEC_SEQ(shm_read(&xseg_desc(&v->view, arg->desc %
				v->view.geo.params.nr_descs)->ec.word));
	if (quick) {
		arg->flags = XSEG_WAIT_DEADLINE;
		arg->deadline_ns = now() + (below(rnd, 16) ? -1000 : 20000);
	} else if (below(rnd, 8)) {
		arg->flags = XSEG_WAIT_DEADLINE;
		arg->deadline_ns = below(rnd, 8) ? now() + below(rnd, 300000) :
						   boundary(rnd, now());
	}
	if (below(rnd, 2))
		arg->flags |= XSEG_WAIT_POLL;
	arg->nr_signals = below(rnd, 16) ? below(rnd, XSEG_MAX_SIGNALS + 1) :
					   (__u32)boundary(rnd, 8);
	for (i = 0; i < arg->nr_signals && i < XSEG_MAX_SIGNALS; i++)
		some_desc(v, &arg->signal[i].desc, &arg->signal[i].gen, rnd);
}

/* An argument that is nearly right; its size. */
static uint32_t fill(const struct victim *v, unsigned int cmd,
		     union argument *a, bool quick, uint64_t *rnd)
{
	memset(a, 0, sizeof(*a));
	switch (cmd) {
	case XSEG_IOC_ATTACH:
		a->attach.flags = below(rnd, 2) ? 0 : below(rnd, 8);
		a->attach.fd = some_fd(rnd);
		if (a->attach.flags & XSEG_ATTACH_KERNEL)
			some_name(a->attach.name, rnd);
		return sizeof(a->attach);
	case XSEG_IOC_DETACH:
		a->detach.flags = below(rnd, 2);
		if (a->detach.flags)
			some_name(a->detach.name, rnd);
		return sizeof(a->detach);
	case XSEG_IOC_SIGNAL:
		if (below(rnd, 2)) {
			a->signal.portno = below(rnd, 8) ? hot_port(v, rnd) :
				(__u32)boundary(rnd, v->view.geo.params.nr_ports);
		} else {
			a->signal.flags = XSEG_SIGNAL_DESC;
			some_desc(v, &a->signal.desc, &a->signal.gen, rnd);
		}
		return sizeof(a->signal);
	case XSEG_IOC_REGISTER:
		some_desc(v, &a->reg.desc, &a->reg.gen, rnd);
		a->reg.flags = XSEG_REGISTER_THREAD;
		if (below(rnd, 2)) {
			a->reg.flags = XSEG_REGISTER_EVENTFD;
			a->reg.fd = some_fd(rnd);
		}
		return sizeof(a->reg);
	case XSEG_IOC_UNREGISTER:
		some_desc(v, &a->unreg.desc, &a->unreg.gen, rnd);
		return sizeof(a->unreg);
	case XSEG_IOC_BRIDGE:
		some_desc(v, &a->bridge.desc, &a->bridge.gen, rnd);
		if (below(rnd, 2)) {
			a->bridge.flags = XSEG_BRIDGE_PUT;
			a->bridge.fd = some_fd(rnd);
		}
		return sizeof(a->bridge);
	case XSEG_IOC_WAIT:
		wait_fill(v, &a->wait, quick, rnd);
		return sizeof(a->wait);
	default:
		return sizeof(a->info);
	}
}

/* What is not nearly right. */
static void spoil(union argument *a, uint32_t size, uint64_t *rnd)
{
	uint32_t i;

	switch (below(rnd, 4)) {
	case 0:
		a->size = below(rnd, 2) ? (uint32_t)boundary(rnd, size) :
					  size + 8 * below(rnd, 16);
		break;
	case 1:
		a->any.flags = (uint32_t)boundary(rnd, 8);
		break;
	case 2:
		a->any.word[below(rnd, 4)] = (uint32_t)boundary(rnd, 64);
		break;
	default:
		for (i = 0; i < sizeof(*a) / 8; i++)
			a->words[i] = random64(rnd);
		if (below(rnd, 2))
			a->size = size;
	}
}

/* Where the argument lies: in memory, at its edge, beyond, or in the segment. */
static void *place(const struct victim *v, union argument *a, uint32_t size,
		   uint64_t *rnd)
{
	char *at;

	switch (below(rnd, 32)) {
	case 0:
		return NULL;
	case 1:
		return (void *)random64(rnd);
	case 2:
		return readonly;
	case 3:		/* the last bytes are not there */
		at = edge + 4096 - below(rnd, size + 1);
		memcpy(at, a, (size_t)(edge + 4096 - at));
		return at;
	case 4 ... 7:	/* others may write to it */
		at = xseg_at(&v->view, random64(rnd) %
			     (v->view.geo.size - sizeof(*a)));
		memcpy(at, a, size);
		return at;
	case 8:
		return (void *)(0xffff800000000000 | random64(rnd));
	default:
		return a;
	}
}

static void device_again(uint64_t *rnd)
{
	int *d = &device[below(rnd, DEVICES)];
	int fd = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	size_t len = below(rnd, 4) ? 4096 : 8192;
	void *p;

	if (fd < 0)
		return;
	/* whoever still uses the old one has the new one at its next call */
	dup3(fd, *d, O_CLOEXEC);
	close(fd);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 below(rnd, 4) ? MAP_SHARED : MAP_PRIVATE, *d,
		 below(rnd, 8) ? 0 : 4096);
	if (p == MAP_FAILED)
		return;
	if (below(rnd, 2))
		shm_write((__u32 *)p, 1);
	munmap(p, len);
}

/* Files that change while they are attached. */
static void file_change(uint64_t *rnd)
{
	int fd = fds[4 + below(rnd, 6)];
	off_t size = FILE_BYTES;

	switch (below(rnd, 3)) {
	case 0:
		size = (off_t)(random64(rnd) % (2 * FILE_BYTES));
		if (!ftruncate(fd, size) && below(rnd, 4))
			KS_CHECK(!ftruncate(fd, FILE_BYTES) || errno == EPERM);
		break;
	case 1:
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  4096 * below(rnd, 64), 4096 * (1 + below(rnd, 64)));
		break;
	default:
		if (pwrite(fd, readonly, 64, below(rnd, 4096)) < 0)
			return;
	}
}

/* A command; none that takes long if it is to be @quick. */
static unsigned int command(bool quick, uint64_t *rnd)
{
	static const unsigned int cmds[] = {
		XSEG_IOC_INFO, XSEG_IOC_SIGNAL, XSEG_IOC_SIGNAL,
		XSEG_IOC_SIGNAL, XSEG_IOC_REGISTER, XSEG_IOC_UNREGISTER,
		XSEG_IOC_BRIDGE, XSEG_IOC_WAIT, XSEG_IOC_ATTACH,
	};
	uint32_t nr = ARRAY_SIZE(cmds);

	if (!below(rnd, 64))
		return (unsigned int)boundary(rnd, XSEG_IOC_WAIT);
	if (!quick && !below(rnd, 128))		/* waits for RCU */
		return XSEG_IOC_DETACH;
	/* one sleeps, the other may take a segment's memory */
	if (quick && below(rnd, 8))
		nr -= 2;
	return cmds[below(rnd, nr)];
}

static void one(const struct victim *v, uint64_t *rnd, union argument *a,
		bool quick)
{
	unsigned int cmd = command(quick, rnd);
	uint64_t t, took, was;
	uint32_t size;
	bool good;
	void *at;

	size = fill(v, cmd, a, quick, rnd);
	a->size = size;
	if (!below(rnd, 4))
		spoil(a, size, rnd);
	at = place(v, a, size, rnd);
	t = now();
	good = !ioctl(device[below(rnd, DEVICES)], cmd, at);
	took = now() - t;
	if (good && cmd == XSEG_IOC_BRIDGE && at == a && !a->bridge.flags)
		close(a->bridge.fd);
	called(cmd, good, took);
	was = __atomic_load_n(&tally->slowest, __ATOMIC_RELAXED);
	if (cmd != XSEG_IOC_WAIT && took > was) {
		__atomic_store_n(&tally->slowest, took, __ATOMIC_RELAXED);
		tally->slowest_cmd = cmd;
	}
}

static void nothing(int sig)
{
}

/* Random numbers of a thread's own. */
static uint64_t thread_seed(const struct victim *v)
{
	static uint32_t threads;

	return v->seed ^ ((uint64_t)__atomic_add_fetch(&threads, 1,
						__ATOMIC_RELAXED) << 32);
}

/**
 * ioctls() - call all ioctls at random; in the main thread, which is woken
 * @arg: the victim
 */
void *ioctls(void *arg)
{
	struct sigaction act = { .sa_handler = nothing };
	const struct victim *v = arg;
	uint64_t rnd = thread_seed(v);
	union argument *a = calloc(1, sizeof(*a));

	KS_CHECK(a && !sigaction(SIGUSR1, &act, NULL));
	for (;;) {
		one(v, &rnd, a, false);
		if (!below(&rnd, 1024))
			device_again(&rnd);
		if (!below(&rnd, 512))
			file_change(&rnd);
	}
	return NULL;
}

/**
 * quick_ioctls() - call those at random that return soon, and do not tire
 * @arg: the victim
 */
void *quick_ioctls(void *arg)
{
	const struct victim *v = arg;
	uint64_t rnd = thread_seed(v);
	union argument *a = calloc(1, sizeof(*a));

	KS_CHECK(a);
	for (;;)
		one(v, &rnd, a, true);
	return NULL;
}

static void poke(int fd, struct xseg_ioc_signal *sig)
{
	uint64_t t = now();
	bool good = !ioctl(fd, XSEG_IOC_SIGNAL, sig);

	called(XSEG_IOC_SIGNAL, good, now() - t);
}

/**
 * poker() - make kernel peers look, and those who wait return
 * @arg: the victim
 */
void *poker(void *arg)
{
	const struct victim *v = arg;
	struct xseg_ioc_attach attach = { .size = sizeof(attach), .fd = v->fd,
					  .flags = XSEG_ATTACH_ONLY };
	struct xseg_ioc_signal sig = { .size = sizeof(sig) };
	int fd = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	uint64_t rnd = v->seed ^ 0x706f6b65;
	uint32_t i;

	KS_CHECK(fd >= 0 && !ioctl(fd, XSEG_IOC_ATTACH, &attach));
	for (;;) {
		memset(&sig, 0, sizeof(sig));
		sig.size = sizeof(sig);
		sig.portno = below(&rnd, PORT_FREE);
		poke(fd, &sig);
		sig.portno = 0;
		sig.flags = XSEG_SIGNAL_DESC;
		for (i = 0; i < 4; i++) {
			some_desc(v, &sig.desc, &sig.gen, &rnd);
			poke(fd, &sig);
		}
		usleep(below(&rnd, 500));
		kill(getpid(), SIGUSR1);
	}
	return NULL;
}
