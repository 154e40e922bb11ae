// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each command of the device, and each call of a kernel driver, with each
 * allocation in it failing in turn (/proc/thread-self/fail-nth): it returns
 * -ENOMEM or does without, leaves nothing behind, and works the next time.
 * Then allocations of the module fail at random while there is traffic, which
 * reaches the works that it does later.
 *
 * Needs a kernel with CONFIG_FAULT_INJECTION: KERNEL=kasan.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/ioctl.h>
#include <xseg/signal_type.h>

#include "kselftest.h"
#include "selftests/lib/ks.h"

#define DEBUGFS	"/sys/kernel/debug/"
#define START	DEBUGFS "xseg_test/start"
#define DISKS	"/sys/class/xsegbd/"
#define NAME	"fault"
#define MOST	2000
#define SECONDS	20

/*
 * struct stage - what the commands are called with
 * @nth:  the file that makes an allocation fail
 * @dev:  an open device, with the segment attached
 * @dev2: one without
 * @file: the segment's
 * @other: another segment's
 * @event: an eventfd
 * @start: where test peers are started
 * @desc:  a descriptor of ours
 * @bridge: one of a kernel peer that waits by type eventfd-bridge
 * @program: that serves disks
 * @server: its process
 * @said:  what it says
 */
static struct {
	int nth;
	int dev;
	int dev2;
	int file;
	int other;
	int event;
	int start;
	struct xseg *x;
	struct xseg_desc_id desc;
	struct xseg_desc_id bridge;
	char program[4096];
	pid_t server;
	int said[2];
} stage;

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* From now on the nth thing that may fail does; 0: no more. */
static void fail_nth(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	/* This call, too, copies from user memory, and may be what fails. */
	if (pwrite(stage.nth, text, (size_t)n, 0) != n)
		KS_CHECK(pwrite(stage.nth, text, (size_t)n, 0) == n);
}

/* No more; did one fail before this? */
static bool failed_nth(void)
{
	char text[16] = "";
	bool failed = pread(stage.nth, text, sizeof(text) - 1, 0) > 0 &&
		      !atoi(text);

	fail_nth(0);
	return failed;
}

static int attach_to(int dev, int fd, unsigned int flags, const char *name)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg), .fd = fd,
				       .flags = flags };

	strcpy(arg.name, name);
	return ioctl(dev, XSEG_IOC_ATTACH, &arg) ? -errno : 0;
}

static int detach_from(int dev, const char *name)
{
	struct xseg_ioc_detach arg = { .size = sizeof(arg),
				.flags = name[0] ? XSEG_DETACH_NAME : 0 };

	strcpy(arg.name, name);
	return ioctl(dev, XSEG_IOC_DETACH, &arg) ? -errno : 0;
}

/* The commands: 0 or a negative errno. What they did is undone after. */

static int c_open(void)
{
	int fd = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int c_mmap(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		       stage.dev2, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, 4096);
	return 0;
}

static int c_info(void)
{
	struct xseg_ioc_info arg = { .size = sizeof(arg) };

	return ioctl(stage.dev, XSEG_IOC_INFO, &arg) ? -errno : 0;
}

static int c_attach(void)
{
	return attach_to(stage.dev2, stage.other, 0, "");
}

static int c_attach_more(void)
{
	return attach_to(stage.dev2, stage.file, XSEG_ATTACH_ONLY, "");
}

static int c_attach_keep(void)
{
	return attach_to(stage.dev2, stage.other,
			 XSEG_ATTACH_KERNEL | XSEG_ATTACH_KEEP, "fault-kept");
}

static int c_detach(void)
{
	int ret = detach_from(stage.dev, "");

	return ret == -ENXIO ? 0 : ret;
}

static int c_signal(void)
{
	struct xseg_ioc_signal arg = { .size = sizeof(arg),
		.flags = XSEG_SIGNAL_DESC, .desc = stage.desc.index,
		.gen = stage.desc.gen };

	return ioctl(stage.dev, XSEG_IOC_SIGNAL, &arg) &&
	       errno != ENOTCONN ? -errno : 0;
}

/* Of a kernel peer: see echo_before() */
static int c_signal_port(void)
{
	struct xseg_ioc_signal arg = { .size = sizeof(arg), .portno = 2 };

	return ioctl(stage.dev, XSEG_IOC_SIGNAL, &arg) ? -errno : 0;
}

static int c_register(unsigned int flags, int fd)
{
	struct xseg_ioc_register arg = { .size = sizeof(arg), .flags = flags,
		.desc = stage.desc.index, .gen = stage.desc.gen, .fd = fd };

	return ioctl(stage.dev, XSEG_IOC_REGISTER, &arg) ? -errno : 0;
}

static int c_register_thread(void)
{
	return c_register(XSEG_REGISTER_THREAD, 0);
}

static int c_register_event(void)
{
	return c_register(XSEG_REGISTER_EVENTFD, stage.event);
}

static void register_before(void)
{
	KS_CHECK(!c_register_event());
}

static int c_unregister(void)
{
	struct xseg_ioc_unregister arg = { .size = sizeof(arg),
		.desc = stage.desc.index, .gen = stage.desc.gen };

	return ioctl(stage.dev, XSEG_IOC_UNREGISTER, &arg) &&
	       errno != ENOENT ? -errno : 0;
}

static int c_wait(void)
{
	struct xseg_ioc_wait arg = { .size = sizeof(arg),
		.flags = XSEG_WAIT_DEADLINE, .desc = stage.desc.index,
		.gen = stage.desc.gen, .deadline_ns = 1, .nr_signals = 1,
		.signal = { { stage.desc.index, stage.desc.gen } } };

	return ioctl(stage.dev, XSEG_IOC_WAIT, &arg) &&
	       errno != ETIMEDOUT ? -errno : 0;
}

static int start(const char *line)
{
	return pwrite(stage.start, line, strlen(line), 0) < 0 ? -errno : 0;
}

static int c_echo(void) { return start("echo " NAME " 2"); }
static int c_work(void) { return start("work " NAME " 3"); }
static int c_direct(void) { return start("direct " NAME " 4"); }
static int c_source(void) { return start("source " NAME " 5 6 10 2"); }
static int c_bridge(void) { return start("echo:eventfd-bridge " NAME " 7"); }

static int c_bridge_put(void)
{
	struct xseg_ioc_bridge arg = { .size = sizeof(arg),
		.flags = XSEG_BRIDGE_PUT, .desc = stage.bridge.index,
		.gen = stage.bridge.gen, .fd = stage.event };

	return ioctl(stage.dev, XSEG_IOC_BRIDGE, &arg) ? -errno : 0;
}

static int c_bridge_get(void)
{
	struct xseg_ioc_bridge arg = { .size = sizeof(arg),
		.desc = stage.bridge.index, .gen = stage.bridge.gen };

	if (ioctl(stage.dev, XSEG_IOC_BRIDGE, &arg))
		return -errno;
	close(arg.fd);
	return 0;
}

static void put_before(void)
{
	struct signal_desc *sd;

	KS_CHECK(!c_bridge());
	sd = xseg_get_port_signal_desc(stage.x, 7);
	KS_CHECK(sd && !xseg_get_desc_id(stage.x, sd, &stage.bridge));
	KS_CHECK(!xseg_put_signal_desc(stage.x, sd));
}

static void get_before(void)
{
	put_before();
	KS_CHECK(!c_bridge_put());
}

/* A kernel peer leaves while allocations fail. */
static int c_leave(void)
{
	return start("stop");
}

static void echo_before(void)
{
	KS_CHECK(!start("echo " NAME " 2"));
}

static int c_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n < 0 ? -errno : 0;
}

static int c_segments(void) { return c_read(DEBUGFS "xseg/segments"); }

static int c_fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", stage.dev);
	return c_read(path);
}

/* Disks, and who serves them */

static int c_disk_add(void)
{
	int ret = write_to(DISKS "add", "segment=" NAME " port=8 id=0");

	/* What device_add() says if there was no memory for the name. */
	return ret == -EINVAL ? -ENOMEM : ret;
}

static int c_disk_remove(void)
{
	return write_to(DISKS "remove", "0");
}

static void serve(void *arg)
{
	dup2(stage.said[1], STDOUT_FILENO);
	execl(stage.program, stage.program, "--port", "8", NAME, "null:1M",
	      NULL);
}

static void server_start(void)
{
	char c;

	KS_CHECK(!pipe2(stage.said, O_CLOEXEC));
	stage.server = ks_fork(serve, NULL);
	close(stage.said[1]);
	KS_CHECK(read(stage.said[0], &c, 1) == 1);	/* it is ready */
}

static void server_stop(void)
{
	KS_CHECK(!kill(stage.server, SIGTERM) && !ks_wait(stage.server));
	close(stage.said[0]);
}

static void remove_before(void)
{
	KS_CHECK(!c_disk_add());
}

static bool disks_are(void)
{
	const char *build = getenv("XSEG_BUILD");

	snprintf(stage.program, sizeof(stage.program), "%s/xseg-blkd",
		 build ? build : "build/release");
	return !access(DISKS "add", W_OK) && !access(stage.program, X_OK);
}

static const struct call {
	const char *name;
	int (*run)(void);
	void (*before)(void);
} calls[] = {
	{ "open", c_open, NULL },
	{ "mmap", c_mmap, NULL },
	{ "fdinfo", c_fdinfo, NULL },
	{ "segments", c_segments, NULL },
	{ "info", c_info, NULL },
	{ "attach", c_attach, NULL },
	{ "attach, attached", c_attach_more, NULL },
	{ "attach, keep", c_attach_keep, NULL },
	{ "signal", c_signal, NULL },
	{ "signal, port", c_signal_port, echo_before },
	{ "register, thread", c_register_thread, NULL },
	{ "register, eventfd", c_register_event, NULL },
	{ "unregister", c_unregister, register_before },
	{ "wait", c_wait, NULL },
	{ "bridge, put", c_bridge_put, put_before },
	{ "bridge, get", c_bridge_get, get_before },
	{ "detach", c_detach, NULL },
	{ "driver: thread", c_echo, NULL },
	{ "driver: work", c_work, NULL },
	{ "driver: direct", c_direct, NULL },
	{ "driver: source", c_source, NULL },
	{ "driver: bridge", c_bridge, NULL },
	{ "driver: leave", c_leave, echo_before },
}, disk_calls[] = {
	{ "disk: add", c_disk_add, NULL },
	{ "disk: remove", c_disk_remove, remove_before },
};

static void stage_set(void)
{
	stage.dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	stage.dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	KS_CHECK(stage.dev >= 0 && stage.dev2 >= 0);
	KS_CHECK(!attach_to(stage.dev, stage.file, XSEG_ATTACH_KERNEL, NAME));
}

/* Nothing may be left but what stage_set() made. */
static void stage_clear(void)
{
	KS_CHECK(!start("stop"));
	detach_from(stage.dev2, "fault-kept");
	close(stage.dev2);
	close(stage.dev);
}

static bool attached(void)
{
	FILE *f = fopen(DEBUGFS "xseg/segments", "re");
	bool some;

	KS_CHECK(f);
	some = fgetc(f) != EOF;
	fclose(f);
	return some;
}

/* A work of the module looks after mappings that are gone: what stays stays. */
static bool stays_attached(void)
{
	int i;

	for (i = 0; attached() && i < 1000; i++)
		usleep(10000);
	return attached();
}

/* The number that the next file gets. */
static int next_file(void)
{
	int fd = dup(stage.nth);

	KS_CHECK(fd >= 0);
	close(fd);
	return fd;
}

static int wrong(const struct call *call, unsigned int nth, const char *what,
		 int ret)
{
	ksft_print_msg("%s: the %u. failed, %s (%d)\n", call->name, nth, what,
		       ret);
	return 1;
}

/* The call, and the next one if it failed; false if nothing did. */
static bool two(const struct call *call, unsigned int nth, int *bad)
{
	bool failed;
	int ret;

	fail_nth(nth);
	ret = call->run();
	failed = failed_nth();
	if (!ret)
		return failed;
	if (ret != -ENOMEM && ret != -EFAULT)
		*bad += wrong(call, nth, "it returned another error", ret);
	if (!failed)
		*bad += wrong(call, nth, "without a failure", ret);
	ret = call->run();
	if (ret)
		*bad += wrong(call, nth, "then it returns an error", ret);
	return failed;
}

/* One call with its nth failing; false if it had not so many. */
static bool one(const struct call *call, unsigned int nth, int *bad)
{
	int fd = next_file();
	bool failed;

	stage_set();
	if (call->before)
		call->before();
	failed = two(call, nth, bad);
	stage_clear();
	if (stays_attached())
		*bad += wrong(call, nth, "a segment stays attached", 0);
	if (next_file() != fd)
		*bad += wrong(call, nth, "a file stays open", next_file());
	return failed;
}

/* The same with a server, which stays. */
static bool one_of_disk(const struct call *call, unsigned int nth, int *bad)
{
	int fd = next_file(), left = call->before ? -ENODEV : 0, ret;
	bool failed;

	if (call->before)
		call->before();
	failed = two(call, nth, bad);
	ret = write_to(DISKS "remove", "0 force");
	if (ret != left)
		*bad += wrong(call, nth, "to remove the disk returns", ret);
	if (next_file() != fd)
		*bad += wrong(call, nth, "a file stays open", next_file());
	return failed;
}

static void call_test(const struct call *call,
		      bool (*test)(const struct call *call, unsigned int nth,
				   int *bad))
{
	unsigned int nth = 1;
	int bad = 0;

	while (nth < MOST && bad < 5 && test(call, nth, &bad))
		nth++;
	ksft_test_result(!bad && nth < MOST, "%s: %u failures\n", call->name,
			 nth - 1);
}

static void disks_test(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(disk_calls); i++) {
		if (!disks_are()) {
			ksft_test_result_skip("%s: needs xsegbd and xseg-blkd\n",
					      disk_calls[i].name);
			continue;
		}
		stage_set();
		server_start();
		call_test(&disk_calls[i], one_of_disk);
		server_stop();
		stage_clear();
		KS_CHECK(!stays_attached());
	}
}

/* Start and end of a module's code, for the stack trace filter. */
static bool code_of(const char *module, char *from, char *to)
{
	unsigned long long size = 0, at = 0;
	char line[256], name[64];
	FILE *f = fopen("/proc/modules", "re");

	KS_CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %llu %*s %*s %*s %llx", name, &size,
			   &at) == 3 && !strcmp(name, module))
			break;
	fclose(f);
	snprintf(from, 32, "%#llx", at);
	snprintf(to, 32, "%#llx", at + size);
	return at;
}

static void knob(const char *kind, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, name);
	KS_CHECK(!write_to(path, value));
}

/* One allocation in three that is made by code between two addresses fails. */
static void random_set(const char *kind, const char *from, const char *to)
{
	knob(kind, "require-start", from);
	knob(kind, "require-end", to);
	knob(kind, "stacktrace-depth", "32");
	knob(kind, "times", "-1");
	knob(kind, "interval", "1");
	knob(kind, "probability", "33");
}

/* A peer that asks, is killed at some time, and is cleaned up after. */
static void mortal(void *arg)
{
	const char *type = arg;
	struct xseg_request *req;
	struct ks_peer peer;

	peer.x = xseg_join(NAME, 0);
	if (!peer.x || xseg_local_signal_init(peer.x, type))
		pause();
	peer.sd = xseg_get_signal_desc(peer.x, type);
	if (!peer.sd || xseg_bind_port(peer.x, 1, peer.sd) < 0)
		pause();
	for (;;) {
		req = xseg_get_request(peer.x, 1, 2, 0);
		if (req && xseg_submit(peer.x, req, 1, XSEG_SIGNAL) < 0)
			xseg_put_request(peer.x, req);
		xseg_wait_signal(peer.x, peer.sd, 10000);
		req = xseg_receive(peer.x, 1, 0);
		if (req)
			xseg_put_request(peer.x, req);
	}
}

/* The module's allocations fail one time in three, wherever they are made. */
static void random_test(void)
{
	static const char * const types[] = { "futex", "eventfd", "device" };
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	uint64_t end = ks_now_ns() + SECONDS * 1000000000ULL;
	unsigned int i, turns = 0, started = 0, k;
	char from[32], to[32];
	pid_t pid;

	KS_CHECK(code_of("xseg_signal", from, to));
	for (k = 0; k < ARRAY_SIZE(kinds); k++)
		random_set(kinds[k], from, to);
	for (; ks_now_ns() < end; turns++) {
		stage.dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
		for (i = 0; i < 20; i++)
			attach_to(stage.dev, stage.file, XSEG_ATTACH_KERNEL,
				  NAME);
		for (i = 0; i < 10 && start("echo " NAME " 2"); i++)
			;
		started += i < 10;
		pid = ks_fork(mortal, (void *)types[turns % 3]);
		usleep(100000);
		ks_kill(pid);
		start("stop");
		close(stage.dev);
	}
	for (k = 0; k < ARRAY_SIZE(kinds); k++)
		knob(kinds[k], "probability", "0");
	/* while it could not allocate it may have put off to clean up */
	stage_set();
	i = (unsigned int)start("echo " NAME " 2");
	usleep(200000);
	pid = ks_fork(mortal, (void *)types[0]);
	usleep(200000);
	ks_kill(pid);
	stage_clear();
	ksft_test_result(!i && started && !stays_attached(),
			 "random failures: %u turns, %u with a peer\n", turns,
			 started);
}

int main(void)
{
	static const char * const quiet[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	struct xseg_params params = { .size = sizeof(params), .mode = 0600,
				      .heap_size = 1 << 20,
				      .max_data = 1 << 16 };
	struct signal_desc *sd;
	unsigned int i;

	ksft_print_header();
	stage.nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (stage.nth < 0 || access(XSEG_DEVICE, R_OK))
		ksft_exit_skip("needs CONFIG_FAULT_INJECTION and xseg_signal\n");
	ksft_set_plan(ARRAY_SIZE(calls) + ARRAY_SIZE(disk_calls) + 1);
	for (i = 0; i < ARRAY_SIZE(quiet); i++)
		knob(quiet[i], "verbose", "0");
	knob("failslab", "ignore-gfp-wait", "N");
	knob("fail_page_alloc", "ignore-gfp-wait", "N");
	knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	knob("fail_page_alloc", "min-order", "0");
	KS_CHECK(!xseg_create(NAME, &params));
	stage.file = open("/dev/shm/xseg." NAME, O_RDWR | O_CLOEXEC);
	stage.other = xseg_create_fd(&params);
	stage.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	stage.start = open(START, O_WRONLY | O_CLOEXEC);
	stage.x = xseg_join(NAME, 0);
	KS_CHECK(stage.file >= 0 && stage.other >= 0 && stage.start >= 0);
	KS_CHECK(stage.x && !xseg_local_signal_init(stage.x, "futex"));
	sd = xseg_get_signal_desc(stage.x, "futex");
	KS_CHECK(sd && !xseg_get_desc_id(stage.x, sd, &stage.desc));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		call_test(&calls[i], one);
	disks_test();
	random_test();
	KS_CHECK(!xseg_leave(stage.x) && !xseg_destroy(NAME, 0));
	ksft_finished();
}
