// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A segment in which processes lie, and one in which nobody does: the kernel
 * serves both. Whatever happens in the first, the second must go on, and the
 * first must come apart in the end.
 *
 * HOSTILE_SECONDS (60), HOSTILE_SEED, HOSTILE_ROUND (3 seconds). In a virtual
 * machine: VM_APPEND="HOSTILE_SECONDS=600 HOSTILE_SEED=1".
 */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/ioctl.h>

#include "selftests/hostile/hostile.h"
#undef ARRAY_SIZE	/* kselftest.h has the same */
#include "kselftest.h"

#define TEARDOWN_SECONDS	20	/* most that any step of it may take */
#define SWEEP_SECONDS		60	/* a sixth of it is enough in emulation */
#define LATE_SECONDS		540	/* more for that, on a slow machine */
#define TOLERATED_KB		16384	/* caches of the kernel's own */
#define QUICK_THREADS		4	/* of each hostile process */
#define UID			1000	/* selftests/vm/init */
#define GID			2000

struct tally *tally;

/* How a victim may be made: small queues, usual ones, long ones. */
static const struct xseg_params shapes[] = {
	{ .nr_ports = 16, .nr_requests = 64, .nr_descs = 32, .queue_len = 16,
	  .heap_size = 1 << 20, .max_data = 4096 },
	{ .heap_size = 8 << 20 },
	{ .nr_ports = 32, .nr_requests = 32768, .nr_descs = 256,
	  .queue_len = 32768, .heap_size = 4 << 20 },
	{ .nr_ports = 4096, .nr_requests = 8192, .nr_descs = 8192,
	  .queue_len = 64, .heap_size = 16 << 20 },
};

/**
 * struct outcome - what went wrong, and how long things took at most
 * @stop:    ns to stop the victim's kernel peers
 * @detach:  ns to detach it
 * @disk:    ns to remove its disk
 * @crashed: its clients that died of something else than SIGKILL
 * @stuck:   what could not be taken apart
 * @still:   rounds in which the kernel's peers of the other segment did nothing
 * @busy:    requests that the victim's kernel peers saw
 */
struct outcome {
	uint64_t stop;
	uint64_t detach;
	uint64_t disk;
	unsigned int crashed;
	unsigned int stuck;
	unsigned int still;
	uint64_t busy;
};

static bool disks;		/* there is a driver of them */

static void thread(void *(*run)(void *), struct victim *v)
{
	pthread_t id;

	KS_CHECK(!pthread_create(&id, NULL, run, v));
}

static void hostile(struct victim *v)
{
	int i;

	signal(SIGUSR1, SIG_IGN);
	ioctls_open(v);
	thread(liar, v);
	thread(flipper, v);
	thread(poker, v);
	for (i = 0; i < QUICK_THREADS; i++)
		thread(quick_ioctls, v);
	ioctls(v);
}

/* A hostile process that may do everything. */
static void hostile_root(void *arg)
{
	hostile(arg);
}

/* One that has no rights but to open the device and to map the victim. */
static void hostile_user(void *arg)
{
	const gid_t group = GID;
	struct victim *v = arg;

	KS_CHECK(!setgroups(1, &group) && !setgid(UID) && !setuid(UID));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	v->seed = ~v->seed;
	hostile(v);
}

static void victim_make(struct victim *v, uint64_t seed)
{
	struct xseg_params params = shapes[seed % ARRAY_SIZE(shapes)];
	char path[128];
	void *p;

	params.size = sizeof(params);
	memset(v, 0, sizeof(*v));
	strcpy(v->name, VICTIM);
	v->seed = seed * 0x9e3779b97f4a7c15ULL | 1;
	KS_CHECK(!xseg_create(v->name, &params));
	snprintf(path, sizeof(path), "/dev/shm/xseg.%s", v->name);
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	KS_CHECK(v->fd >= 0);
	p = mmap(NULL, sizeof(struct xseg_header), PROT_READ, MAP_SHARED, v->fd,
		 0);
	KS_CHECK(p != MAP_FAILED);
	KS_CHECK(!geometry_compute(&((struct xseg_header *)p)->params,
				   &v->view.geo));
	munmap(p, sizeof(struct xseg_header));
	p = mmap(NULL, v->view.geo.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 v->fd, 0);
	KS_CHECK(p != MAP_FAILED);
	v->view.base = p;
	KS_CHECK(!xseg_attach(v->name));
	KS_CHECK(peers_start(v->name) == KERNEL_PEERS);
}

static uint64_t longest(uint64_t *most, uint64_t since)
{
	uint64_t took = ks_now_ns() - since;

	if (took > *most)
		*most = took;
	return took;
}

/* What a hostile process attached to stay, as root. */
static void kept_detach(const char *name)
{
	struct xseg_ioc_detach arg = { .size = sizeof(arg),
				       .flags = XSEG_DETACH_NAME };
	int fd = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	strcpy(arg.name, name);
	ioctl(fd, XSEG_IOC_DETACH, &arg);
	close(fd);
}

/* Names of the segments that are attached, but HONEST; how many. */
static unsigned int attached(bool say)
{
	FILE *f = fopen("/sys/kernel/debug/xseg/segments", "re");
	char line[256], kept[XSEG_NAME_SIZE];
	unsigned int nr = 0;

	KS_CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, HONEST " ", strlen(HONEST) + 1))
			continue;
		nr++;
		if (sscanf(line, "%63s", kept) == 1 && strstr(line, "kept 1"))
			kept_detach(kept);
		if (say)
			ksft_print_msg("still attached: %s", line);
	}
	fclose(f);
	return nr;
}

static void victim_end(struct victim *v, struct outcome *o)
{
	uint64_t t = ks_now_ns(), wrong, done = 0;
	int i;

	peers_stat(v->name, &done, &wrong);
	o->busy += done;
	KS_CHECK(!peers_tell("stop %s", v->name));
	longest(&o->stop, t);
	t = ks_now_ns();
	if (xseg_detach(v->name)) {
		ksft_print_msg("detach: %s\n", strerror(errno));
		o->stuck++;
	}
	munmap(v->view.base, v->view.geo.size);
	close(v->fd);
	if (xseg_destroy(v->name, XSEG_DESTROY_FORCE)) {
		ksft_print_msg("destroy: %s\n", strerror(errno));
		o->stuck++;
	}
	/* dead processes are looked after by a work of the module */
	for (i = 0; attached(false) && i < 50 * TEARDOWN_SECONDS; i++)
		usleep(20000);
	o->stuck += attached(true);
	longest(&o->detach, t);
}

/* Removes the disk; then what is stuck in it can end. */
static void disk_away(struct disk *disk, pid_t user, struct outcome *o)
{
	uint64_t t = ks_now_ns();

	kill(user, SIGKILL);
	if (disk_end(disk)) {
		ksft_print_msg("disk: %s\n", strerror(errno));
		o->stuck++;
	}
	o->crashed += ks_wait(user) != KS_KILLED;
	longest(&o->disk, t);
}

/* The time of a round begins when both can lie, or one has died. */
static void hostile_await(const pid_t *pid)
{
	while (__atomic_load_n(&tally->ready, __ATOMIC_RELAXED) < 2 &&
	       ks_state(pid[0]) != 'Z' && ks_state(pid[1]) != 'Z')
		usleep(10000);
}

static void round_run(uint64_t seed, unsigned int seconds, struct outcome *o)
{
	uint64_t before, after, wrong;
	struct disk disk = { 0 };
	struct victim v;
	pid_t pid[3], user = 0;
	int i, status;

	victim_make(&v, seed);
	if (disks) {
		disk_start(&disk, v.name, 1);
		user = ks_fork(disk_client, &disk);
	}
	peers_stat(HONEST, &before, &wrong);
	pid[0] = ks_fork(victim_client, &v);
	usleep(200000);		/* for some honest traffic */
	tally->ready = 0;
	pid[1] = ks_fork(hostile_root, &v);
	pid[2] = ks_fork(hostile_user, &v);
	hostile_await(pid + 1);
	sleep(seconds);
	for (i = 0; i < 3; i++)
		kill(pid[i], SIGKILL);
	for (i = 0; i < 3; i++) {
		status = ks_wait(pid[i]);
		if (status == KS_KILLED)
			continue;
		ksft_print_msg("process %d of the round ended with %d\n", i,
			       status);
		o->crashed++;
	}
	peers_stat(HONEST, &after, &wrong);
	o->still += after == before;
	if (disks)
		disk_away(&disk, user, o);
	victim_end(&v, o);
}

static void setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(value);

	KS_CHECK(fd >= 0 && write(fd, value, (size_t)len) == len);
	close(fd);
}

/* Kilobytes that a line of /proc/meminfo says. */
static long meminfo(const char *what)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = 0;

	KS_CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kb = strtol(line + strlen(what) + 1, NULL, 10);
	fclose(f);
	return kb;
}

struct memory {
	long shmem;
	long slab;
	long available;
};

static void memory_look(struct memory *m)
{
	setting("/proc/sys/vm/drop_caches", "3");
	m->shmem = meminfo("Shmem:");
	m->slab = meminfo("SUnreclaim:");
	m->available = meminfo("MemAvailable:");
}

static bool memory_same(const struct memory *before)
{
	struct memory m;

	memory_look(&m);
	ksft_print_msg("kB before and after: shmem %ld %ld, slab %ld %ld, available %ld %ld\n",
		       before->shmem, m.shmem, before->slab, m.slab,
		       before->available, m.available);
	return m.shmem <= before->shmem + 256 &&
	       m.slab <= before->slab + TOLERATED_KB &&
	       m.available >= before->available - 8 * TOLERATED_KB;
}

/* As a user whose limit is just what the segment takes, or a page less. */
static void charge_try(void *arg)
{
	struct xseg_ioc_attach attach = { .size = sizeof(attach) };
	struct xseg_params params = ks_small;
	long page = sysconf(_SC_PAGESIZE);
	int dev, less = *(int *)arg;
	struct rlimit limit;
	off_t size;

	KS_CHECK(!setgid(GID) && !setuid(UID));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	attach.fd = xseg_create_fd(&params);
	KS_CHECK(dev >= 0 && attach.fd >= 0);
	size = lseek(attach.fd, 0, SEEK_END);
	limit.rlim_cur = (rlim_t)((size + page - 1) / page * page -
				  less * page);
	limit.rlim_max = limit.rlim_cur;
	KS_CHECK(!setrlimit(RLIMIT_MEMLOCK, &limit));
	_exit(ioctl(dev, XSEG_IOC_ATTACH, &attach) ? errno : 0);
}

/* Is nothing charged to that user any more? */
static bool charge_none(void)
{
	int less = 1, none = 0;

	return ks_wait(ks_fork(charge_try, &less)) == ENOBUFS &&
	       !ks_wait(ks_fork(charge_try, &none));
}

/* Unloads them, in that order, and loads them again. */
static bool modules_again(uint64_t *took)
{
	static const char *const modules[] = { "xseg_test", "xsegbd",
					       "xseg_signal" };
	char line[64];
	unsigned int i;
	bool ok = true;
	uint64_t t;

	*took = 0;
	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(line, sizeof(line), "modprobe -r %s", modules[i]);
		t = ks_now_ns();
		ok &= !system(line) || (i == 1 && !disks);
		ksft_print_msg("%s: %llu ms\n", line,
			       (unsigned long long)(ks_now_ns() - t) / 1000000);
		longest(took, t);
	}
	return ok && !system("modprobe xseg_test");
}

static void numbers(const struct outcome *o, unsigned long rounds)
{
	const struct called all = ioctls_sum(true);

	ksft_print_msg("each field had each value at an edge %llu times, and others\n",
		       (unsigned long long)lies_swept());
	ksft_print_msg("%lu rounds, %llu lies, %llu flips, %llu ioctls, %llu of them accepted\n",
		       rounds, (unsigned long long)tally->lies,
		       (unsigned long long)tally->flips,
		       (unsigned long long)all.calls,
		       (unsigned long long)all.accepted);
	ksft_print_msg("victim: %llu requests of its client answered, %llu seen by kernel peers\n",
		       (unsigned long long)tally->traded,
		       (unsigned long long)o->busy);
	ksft_print_msg("honest: %llu answers, %llu blocks, longest %llu ms; slowest ioctl %#llx %llu ms\n",
		       (unsigned long long)tally->honest,
		       (unsigned long long)tally->blocks,
		       (unsigned long long)tally->longest / 1000000,
		       (unsigned long long)tally->slowest_cmd,
		       (unsigned long long)tally->slowest / 1000000);
	ksft_print_msg("at most: stop %llu ms, remove the disk %llu ms, detach and destroy %llu ms\n",
		       (unsigned long long)o->stop / 1000000,
		       (unsigned long long)o->disk / 1000000,
		       (unsigned long long)o->detach / 1000000);
}

/* Had each field each value at an edge, if there was time for it? */
static bool swept(unsigned long seconds)
{
	return seconds < SWEEP_SECONDS ? tally->swept : lies_swept();
}

/* Did the victim's peers trade, and was there every kind of hostility? */
static bool all_at_work(const struct outcome *o, unsigned long seconds)
{
	return o->busy && tally->traded && tally->lies && swept(seconds) &&
	       tally->flips && ioctls_all();
}

/* Is there more to do? A slow machine gets longer for each field. */
static bool more(uint64_t end, unsigned long seconds)
{
	uint64_t now = ks_now_ns();

	return now < end ||
	       (!swept(seconds) && now < end + LATE_SECONDS * 1000000000ULL);
}

static bool in_time(uint64_t ns)
{
	return ns < TEARDOWN_SECONDS * 1000000000ULL;
}

/**
 * struct honest - who uses the other segment
 * @client: of its kernel peers
 * @user:   of its disk
 * @disk:   that
 */
struct honest {
	pid_t client;
	pid_t user;
	struct disk disk;
};

static void honest_start(struct honest *h)
{
	struct xseg_params params = { .size = sizeof(params),
				      .heap_size = 4 << 20 };

	KS_CHECK(!xseg_create(HONEST, &params));
	KS_CHECK(!xseg_attach(HONEST));
	KS_CHECK(peers_start(HONEST) == KERNEL_PEERS);
	h->client = ks_fork(honest_client, NULL);
	if (!disks)
		return;
	h->disk.strict = true;
	disk_start(&h->disk, HONEST, 0);
	h->user = ks_fork(disk_client, &h->disk);
}

static bool honest_end(struct honest *h, const struct outcome *o)
{
	uint64_t done, wrong;
	int nr, status;

	tally->stop = 1;
	status = ks_wait(h->client);
	if (disks) {
		status |= ks_wait(h->user);
		KS_CHECK(!disk_end(&h->disk));
	}
	nr = peers_stat(HONEST, &done, &wrong);
	ksft_print_msg("honest kernel peers: %d, %llu done, %llu wrong; client ended with %d, %llu wrong, %llu stalls\n",
		       nr, (unsigned long long)done, (unsigned long long)wrong,
		       status, (unsigned long long)tally->wrong,
		       (unsigned long long)tally->stalls);
	KS_CHECK(!peers_tell("stop"));
	return !status && nr == KERNEL_PEERS && !wrong && !tally->wrong &&
	       !tally->stalls && !o->still && tally->honest &&
	       (!disks || tally->blocks);
}

int main(void)
{
	uint64_t seed = ks_number("HOSTILE_SEED", ks_now_ns() >> 10 & 0xffffff);
	unsigned long seconds = ks_number("HOSTILE_SECONDS", 60);
	unsigned int turn = (unsigned int)ks_number("HOSTILE_ROUND", 3);
	struct outcome o = { 0 };
	struct memory before;
	unsigned long rounds = 0;
	uint64_t end, unload;
	struct honest honest;

	ksft_print_header();
	ksft_set_plan(7);
	if (access(XSEG_DEVICE, R_OK | W_OK) || geteuid())
		ksft_exit_skip("needs root and " XSEG_DEVICE "\n");
	ksft_print_msg("HOSTILE_SEED=%llu\n", (unsigned long long)seed);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	tally = ks_shared(sizeof(*tally));
	disks = disk_driver();
	setting("/sys/module/xseg_signal/parameters/max_mib", "256");
	/* there is no way on after that */
	setting("/proc/sys/kernel/softlockup_panic", "1");
	honest_start(&honest);
	round_run(seed, 1, &o);		/* caches fill */
	memory_look(&before);
	end = ks_now_ns() + seconds * 1000000000ULL;
	while (more(end, seconds))
		round_run(seed + ++rounds, turn, &o);
	ksft_test_result(memory_same(&before), "memory came back\n");
	ksft_test_result(honest_end(&honest, &o), "the other segment went on\n");
	numbers(&o, rounds);
	ksft_test_result(!o.crashed, "processes lived until they were killed\n");
	ksft_test_result(!o.stuck && in_time(o.stop) && in_time(o.disk) &&
			 in_time(o.detach),
			 "victims came apart\n");
	ksft_test_result(charge_none(), "nothing is charged any more\n");
	ksft_test_result(all_at_work(&o, seconds),
			 "everybody had something to do\n");
	KS_CHECK(!xseg_detach(HONEST) && !xseg_destroy(HONEST, 0));
	ksft_test_result(modules_again(&unload) && in_time(unload),
			 "modules unloaded, in %llu ms\n",
			 (unsigned long long)unload / 1000000);
	ksft_finished();
}
