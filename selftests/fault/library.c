// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each call of the library, with each call of the C library in it failing in
 * turn: it returns an error that says so, or does without; nothing leaks; and
 * the next call works.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/xseg.h>

#include "kselftest.h"
#include "selftests/fault/shim.h"
#include "selftests/lib/ks.h"

#define PORT	3
#define PEER	4
#define HANDLES	64	/* the library keeps what is left of some */
#define MOST	200	/* more calls than any of these makes */

static const struct xseg_params roomy = {
	.size = sizeof(struct xseg_params),
	.nr_ports = 16,
	.nr_requests = 64,
	.nr_descs = 32,
	.queue_len = 16,
	.heap_size = 4 << 20,
	.max_data = 4096,
};

/* What is no error is success. */
static int error_of(int ret)
{
	return ret < 0 ? ret : 0;
}

/*
 * struct stage - what a call finds
 * @name: of a segment that is there
 * @type: signal type
 * @x:	  a handle
 * @sd:	  a descriptor, held
 * @req:  a request
 * @fd:	  the segment's file
 * @made: another segment's name, which the call may make
 */
static struct {
	char name[XSEG_NAME_SIZE];
	char made[XSEG_NAME_SIZE];
	const char *type;
	struct xseg *x;
	struct signal_desc *sd;
	struct xseg_request *req;
	int fd;
} stage;

enum { WITH_SEGMENT = 1, WITH_HANDLE = 2, WITH_TYPE = 4, WITH_DESC = 8,
       WITH_PORT = 16, WITH_REQUEST = 32, WITH_MADE = 64 };

static void stage_set(unsigned int with)
{
	memset(&stage.x, 0, sizeof(stage) - offsetof(typeof(stage), x));
	stage.fd = -1;
	KS_CHECK(!xseg_create(stage.name, &roomy));
	if (with & WITH_MADE)
		KS_CHECK(!xseg_create(stage.made, &roomy));
	if (with & WITH_HANDLE)
		KS_CHECK((stage.x = xseg_join(stage.name, XSEG_JOIN_PLUGINS)));
	if (with & WITH_TYPE)
		KS_CHECK(!xseg_local_signal_init(stage.x, stage.type));
	if (with & WITH_DESC)
		KS_CHECK((stage.sd = xseg_get_signal_desc(stage.x,
							  stage.type)));
	if (with & WITH_PORT)
		KS_CHECK(xseg_bind_port(stage.x, PORT, stage.sd) == PORT);
	if (with & WITH_REQUEST)
		KS_CHECK((stage.req = xseg_get_request(stage.x, PORT, PORT, 0)));
}

static void stage_clear(void)
{
	if (stage.x)
		KS_CHECK(!xseg_leave(stage.x));
	if (stage.fd >= 0)
		close(stage.fd);
	xseg_detach(stage.name);
	xseg_destroy(stage.made, 0);
	KS_CHECK(!xseg_destroy(stage.name, 0));
}

/* The calls: 0, or a negative errno */

static int c_create(void) { return xseg_create(stage.made, &roomy); }
static int c_destroy(void) { return xseg_destroy(stage.made, 0); }
static int c_info(void)
{
	struct xseg_peer_info info;

	return xseg_get_peer_info(stage.x, 0, &info);
}

static int c_create_fd(void)
{
	stage.fd = xseg_create_fd(&roomy);
	return error_of(stage.fd);
}

static int c_join(void)
{
	errno = 0;
	stage.x = xseg_join(stage.name, XSEG_JOIN_PLUGINS);
	return stage.x ? 0 : -errno;
}

static int c_join_fd(void)
{
	if (stage.fd < 0)
		stage.fd = xseg_create_fd(&roomy);
	if (stage.fd < 0)
		return stage.fd;
	errno = 0;
	stage.x = xseg_join_fd(stage.fd, 0);
	return stage.x ? 0 : -errno;
}

static int c_leave(void)
{
	int ret = xseg_leave(stage.x);

	if (!ret)
		stage.x = NULL;
	return ret;
}

/* Without the module it says so; with it, it may do as it is told. */
static int no_device(int ret)
{
	return ret == -ENODEV || ret == -EACCES || ret == -EPERM ? 0 : ret;
}

static int c_attach(void) { return no_device(xseg_attach(stage.name)); }

static int c_detach(void)
{
	int ret = no_device(xseg_detach(stage.name));

	return ret == -ENOENT ? 0 : ret;
}

static int c_infos(void)
{
	struct xseg_port_info port;
	struct xseg_type_info type;
	struct xseg_stats stats;
	struct xseg_info info;
	int ret;

	ret = xseg_get_info(stage.x, &info);
	if (!ret)
		ret = xseg_get_port_info(stage.x, PORT, &port);
	if (!ret)
		ret = xseg_get_type_info(stage.x, 0, &type);
	return ret ? ret : xseg_get_stats(stage.x, &stats);
}

static int c_settings(void)
{
	int ret = xseg_set_port_flags(stage.x, PORT, XSEG_PORT_KEEP);

	if (!ret)
		ret = xseg_set_max_requests(stage.x, PORT, 8);
	if (!ret)
		ret = error_of(xseg_get_max_requests(stage.x, PORT));
	if (!ret)
		ret = xseg_set_wait_strategy(stage.x, XSEG_WAIT_SLEEP);
	return ret ? ret : xseg_set_sleep_cap(stage.x, XSEG_WAIT_FOREVER);
}

static int c_type(void) { return xseg_local_signal_init(stage.x, stage.type); }

static int c_type_quit(void)
{
	int ret = c_type();

	return ret ? ret : xseg_local_signal_quit(stage.x, stage.type);
}

static int c_desc(void)
{
	errno = 0;
	stage.sd = xseg_get_signal_desc(stage.x, stage.type);
	return stage.sd ? 0 : -errno;
}

static int c_hold_desc(void)
{
	int ret = xseg_hold_signal_desc(stage.x, stage.sd);

	return ret ? ret : xseg_put_signal_desc(stage.x, stage.sd);
}

static int c_port_desc(void)
{
	struct signal_desc *sd;

	errno = 0;
	sd = xseg_get_port_signal_desc(stage.x, PORT);
	return sd ? xseg_put_signal_desc(stage.x, sd) : -errno;
}

static int c_put_desc(void) { return xseg_put_signal_desc(stage.x, stage.sd); }
static int c_bind(void) { return error_of(xseg_bind_port(stage.x, PORT, stage.sd)); }
static int c_release(void) { return xseg_release_port(stage.x, PORT); }
static int c_reap(void) { return error_of(xseg_reap(stage.x)); }
static int c_prepare(void) { return xseg_prepare_wait(stage.x, stage.sd); }
static int c_signal(void) { return xseg_signal(stage.x, PORT); }

static int c_cancel(void)
{
	int ret = xseg_prepare_wait(stage.x, stage.sd);

	return ret ? ret : xseg_cancel_wait(stage.x, stage.sd);
}

static int c_signal_wait(void)
{
	const xport port = PORT;
	int ret = xseg_prepare_wait(stage.x, stage.sd);

	if (!ret)
		ret = xseg_signal_and_wait(stage.x, stage.sd, &port, 1, 1000);
	return ret == -ETIMEDOUT ? 0 : ret;
}

static int c_wait(void)
{
	int ret = xseg_wait_signal(stage.x, stage.sd, 1000);

	return ret == -ETIMEDOUT ? 0 : ret;
}

static int c_signal_fd(void)
{
	int ret = xseg_signal_fd(stage.x, stage.sd);

	return ret == -EOPNOTSUPP ? 0 : error_of(ret);
}

/* Nobody waits by that type: that needs the module. */
static int c_bridge_fd(void)
{
	int ret = xseg_get_bridge_fd(stage.x, PORT);

	return ret == -EOPNOTSUPP ? 0 : ret < 0 ? ret : -EBADF;
}

static int c_alloc(void)
{
	return xseg_alloc_requests(stage.x, PORT, 8) == 8 ? 0 : -EAGAIN;
}

static int c_free(void)
{
	int ret = c_alloc();

	if (!ret && xseg_free_requests(stage.x, PORT, 8) != 8)
		ret = -EAGAIN;
	return ret;
}

static int c_request(void)
{
	struct xseg_request *req;

	errno = 0;
	req = xseg_get_request(stage.x, PORT, PORT, 0);
	return req ? xseg_put_request(stage.x, req) : -errno;
}

/* There, back and all that goes with it. */
static int c_trip(void)
{
	struct xseg_request *req;
	int ret;

	ret = xseg_prep_request(stage.x, stage.req, 8, 100);
	if (!ret)
		ret = xseg_resize_request(stage.x, stage.req, 8, 2000);
	if (!ret)
		ret = error_of(xseg_submit(stage.x, stage.req, PORT, XSEG_SIGNAL));
	if (ret)
		return ret;
	req = xseg_accept(stage.x, PORT, 0);
	KS_CHECK(req);
	KS_CHECK(xseg_respond(stage.x, req, PORT, XSEG_SIGNAL) >= 0);
	req = xseg_receive(stage.x, PORT, 0);
	KS_CHECK(req);
	return xseg_put_request(stage.x, req);
}

/*
 * A peer in another process, which sleeps. It counts up before it does, and
 * when it is woken: an odd number says that it sleeps.
 */
static struct {
	pid_t pid;
	unsigned int *turns;
} other;

static void sleeper(void *arg)
{
	struct ks_peer peer;

	ks_peer_join(&peer, stage.name, stage.type, PEER);
	for (;;) {
		KS_CHECK(!xseg_prepare_wait(peer.x, peer.sd));
		__atomic_fetch_add(other.turns, 1, __ATOMIC_SEQ_CST);
		KS_CHECK(!xseg_wait_signal(peer.x, peer.sd, XSEG_WAIT_FOREVER));
		__atomic_fetch_add(other.turns, 1, __ATOMIC_SEQ_CST);
	}
}

static void stranger_start(void)
{
	*other.turns = 0;
	other.pid = ks_fork(sleeper, NULL);
	while (!__atomic_load_n(other.turns, __ATOMIC_SEQ_CST))
		sched_yield();
	ks_sleeping(other.pid);
}

static const struct call {
	const char *name;
	int (*run)(void);
	unsigned int with;
} calls[] = {
	{ "create", c_create, 0 },
	{ "create_fd", c_create_fd, 0 },
	{ "destroy", c_destroy, WITH_MADE },
	{ "join", c_join, 0 },
	{ "join_fd", c_join_fd, 0 },
	{ "leave", c_leave, 63 },
	{ "attach", c_attach, 0 },
	{ "detach", c_detach, 0 },
	{ "peer_info", c_info, WITH_HANDLE },
	{ "the other infos", c_infos, 31 },
	{ "settings", c_settings, 31 },
	{ "local_signal_init", c_type, WITH_HANDLE },
	{ "local_signal_quit", c_type_quit, WITH_HANDLE },
	{ "get_signal_desc", c_desc, WITH_HANDLE | WITH_TYPE },
	{ "hold_signal_desc", c_hold_desc, 15 },
	{ "put_signal_desc", c_put_desc, 15 },
	{ "get_port_signal_desc", c_port_desc, 31 },
	{ "bind_port", c_bind, 15 },
	{ "release_port", c_release, 31 },
	{ "reap", c_reap, 31 },
	{ "prepare_wait", c_prepare, 31 },
	{ "cancel_wait", c_cancel, 31 },
	{ "wait_signal", c_wait, 31 },
	{ "signal_and_wait", c_signal_wait, 31 },
	{ "signal_fd", c_signal_fd, 31 },
	{ "get_bridge_fd", c_bridge_fd, 31 },
	{ "signal", c_signal, 31 },
	{ "alloc_requests", c_alloc, 31 },
	{ "free_requests", c_free, 31 },
	{ "get_request", c_request, 31 },
	{ "a request's way", c_trip, 63 },
};

static const char * const types[] = { "futex", "eventfd", "fifo" };

/* Open files and mappings of this process. */
static unsigned int entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned int n = 0;

	KS_CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

struct used {
	long live;
	unsigned int files;
	unsigned int threads;
	unsigned int maps;
};

static struct used used_now(void)
{
	struct used u = { shim_live(), entries("/proc/self/fd"),
			  entries("/proc/self/task"),
			  entries("/proc/self/map_files") };

	return u;
}

static bool used_same(const struct used *was, const char *call,
		      const char *what)
{
	struct used u = used_now();
	int i;

	/* a thread that ends takes its time, also where others run */
	for (i = 0; i < 10000 && u.threads > was->threads; i++) {
		usleep(1000);
		u = used_now();
	}
	if (u.live == was->live && u.files == was->files &&
	    u.threads == was->threads && u.maps <= was->maps)
		return true;
	ksft_print_msg("%s, %s failed: %ld allocations, %d files, %d threads, %d mappings more\n",
		       call, what, u.live - was->live,
		       (int)(u.files - was->files),
		       (int)(u.threads - was->threads),
		       (int)(u.maps - was->maps));
	return false;
}

/* The errno of the call that failed, or one that tells the same better. */
static bool error_right(int ret, int error)
{
	switch (-ret) {
	case 0:
	case ENOMEM:
	case EAGAIN:
	case EHOSTUNREACH:
		return true;
	case EIO:		/* no random numbers */
		return error == ENOSYS || error == EIO;
	default:
		return -ret == error;
	}
}

/* One call with its nth failing; false if it had not so many. */
static bool one(const struct call *call, unsigned int nth, int *bad)
{
	const char *what;
	int ret, again, error;
	bool failed;

	stage_set(call->with);
	shim_arm(nth);
	ret = call->run();
	failed = shim_disarm(&what, &error);
	if (failed && !error_right(ret, error)) {
		ksft_print_msg("%s: %s failed with %s, it returned %d (%s)\n",
			       call->name, what, strerror(error), ret,
			       xseg_last_error());
		++*bad;
	}
	if (!failed && ret) {
		ksft_print_msg("%s: nothing failed, it returned %d (%s)\n",
			       call->name, ret, xseg_last_error());
		++*bad;
	}
	if (ret) {		/* it is as if it had not been */
		again = call->run();
		if (again) {
			ksft_print_msg("%s: after %s failed (%d) it returns %d (%s)\n",
				       call->name, what, ret, again,
				       xseg_last_error());
			++*bad;
		}
	}
	stage_clear();
	return failed;
}

static void call_test(const struct call *call)
{
	unsigned int nth = 1, failures;
	struct used used;
	const char *what = "";
	int bad = 0, error;

	one(call, 0, &bad);		/* what is made once, and stays */
	do {
		used = used_now();
		if (!one(call, nth, &bad))
			break;
		shim_disarm(&what, &error);
		bad += !used_same(&used, call->name, "something");
	} while (++nth < MOST);
	failures = nth - 1;
	ksft_test_result(!bad && nth < MOST, "%s %s: %u failures\n", stage.type,
			 call->name, failures);
}

/*
 * The same for a signal to another process, whose file has to be asked for:
 * he is woken in the end.
 */
static void stranger_test(void)
{
	unsigned int nth = 1, bad = 0, tries;
	const char *what;
	struct used used;
	int ret, error;
	bool failed;

	do {
		used = used_now();
		stage_set(31);
		stranger_start();
		shim_arm(nth);
		ret = xseg_signal(stage.x, PEER);
		failed = shim_disarm(&what, &error);
		for (tries = 0; ret && tries < 100; tries++)
			ret = xseg_signal(stage.x, PEER);
		if (ret) {
			ksft_print_msg("stranger: after %s failed it returns %d (%s)\n",
				       what, ret, xseg_last_error());
			bad++;
		}
		for (tries = 0; *other.turns < 2 && tries < 5000; tries++)
			usleep(1000);
		if (*other.turns < 2) {
			ksft_print_msg("stranger: %s failed, not woken\n", what);
			bad++;
		}
		ks_kill(other.pid);
		KS_CHECK(xseg_reap(stage.x) == 1);
		stage_clear();
		bad += !used_same(&used, "stranger", what);
	} while (failed && ++nth < MOST);
	ksft_test_result(!bad && nth < MOST, "%s stranger: %u failures\n",
			 stage.type, nth - 1);
}

int main(void)
{
	unsigned int t, c;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(types) * (ARRAY_SIZE(calls) + 1));
	ks_plugins();
	other.turns = ks_shared(sizeof(*other.turns));
	snprintf(stage.name, sizeof(stage.name), "selftest-fault-%d", getpid());
	snprintf(stage.made, sizeof(stage.made), "selftest-made-%d", getpid());
	for (t = 0; t < HANDLES; t++) {
		stage_set(WITH_HANDLE);
		stage_clear();
	}
	for (t = 0; t < ARRAY_SIZE(types); t++) {
		stage.type = types[t];
		for (c = 0; c < ARRAY_SIZE(calls); c++)
			call_test(&calls[c]);
		stranger_test();
	}
	ksft_finished();
}
