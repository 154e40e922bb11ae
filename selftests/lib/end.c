// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One end of a conversation, in a process or in the kernel: see end.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/test/step.h"
#include "selftests/lib/end.h"
#include "selftests/lib/ks.h"

/* In a process */

static int user_join(struct end *e, const char *segment)
{
	e->x = xseg_join(segment, XSEG_JOIN_PLUGINS);
	if (!e->x)
		return -errno;
	xseg_set_wait_strategy(e->x, XSEG_WAIT_SLEEP);
	return xseg_set_sleep_cap(e->x, XSEG_WAIT_FOREVER);
}

static int user_share(struct end *e, const struct end *of)
{
	*e = *of;
	return 0;
}

static int user_leave(struct end *e)
{
	return xseg_leave(e->x);
}

static int user_init(struct end *e, const char *type)
{
	return xseg_local_signal_init(e->x, type);
}

static int user_get(struct end *e, const char *type)
{
	e->sd = xseg_get_signal_desc(e->x, type);
	return e->sd ? 0 : -errno;
}

static int user_put(struct end *e)
{
	return xseg_put_signal_desc(e->x, e->sd);
}

static int user_bind(struct end *e, xport port)
{
	return xseg_bind_port(e->x, port, e->sd);
}

static int user_release(struct end *e, xport port)
{
	return xseg_release_port(e->x, port);
}

static int user_prepare(struct end *e)
{
	return xseg_prepare_wait(e->x, e->sd);
}

static int user_cancel(struct end *e)
{
	return xseg_cancel_wait(e->x, e->sd);
}

static int user_wait(struct end *e, unsigned int usec)
{
	return xseg_wait_signal(e->x, e->sd, usec);
}

static int user_signal(struct end *e, xport port)
{
	return xseg_signal(e->x, port);
}

static int user_stats(struct end *e, struct xseg_stats *stats)
{
	return xseg_get_stats(e->x, stats);
}

static int user_cap(struct end *e, unsigned int usec)
{
	return xseg_set_sleep_cap(e->x, usec);
}

static const struct end_ops user_ops = {
	.join = user_join,
	.share = user_share,
	.leave = user_leave,
	.init = user_init,
	.get = user_get,
	.put = user_put,
	.bind = user_bind,
	.release = user_release,
	.prepare = user_prepare,
	.cancel = user_cancel,
	.wait = user_wait,
	.signal = user_signal,
	.stats = user_stats,
	.cap = user_cap,
};

/* In the kernel */

static int step(struct end *e, struct xseg_test_step *s)
{
	int ret = ioctl(e->fd, XSEG_TEST_STEP, s);

	return ret < 0 ? -errno : ret;
}

static int step_name(struct end *e, unsigned int what, const char *name)
{
	struct xseg_test_step s = { .what = what };

	snprintf(s.name, sizeof(s.name), "%s", name);
	return step(e, &s);
}

static int step_number(struct end *e, unsigned int what, unsigned int number)
{
	struct xseg_test_step s = { .what = what, .number = number };

	return step(e, &s);
}

static int kernel_open(struct end *e)
{
	e->fd = open("/sys/kernel/debug/xseg_test/step", O_RDWR | O_CLOEXEC);
	return e->fd < 0 ? -errno : 0;
}

static int kernel_join(struct end *e, const char *segment)
{
	int ret = kernel_open(e);

	return ret ? ret : step_name(e, STEP_JOIN, segment);
}

static int kernel_share(struct end *e, const struct end *of)
{
	int ret;

	e->kind = of->kind;
	ret = kernel_open(e);
	return ret ? ret : step_number(e, STEP_SHARE, (unsigned int)of->fd);
}

static int kernel_leave(struct end *e)
{
	return close(e->fd) ? -errno : 0;
}

static int kernel_init(struct end *e, const char *type)
{
	return step_name(e, STEP_INIT, type);
}

static int kernel_get(struct end *e, const char *type)
{
	return step_name(e, STEP_GET, type);
}

static int kernel_put(struct end *e)
{
	return step_number(e, STEP_PUT, 0);
}

static int kernel_bind(struct end *e, xport port)
{
	return step_number(e, STEP_BIND, port);
}

static int kernel_release(struct end *e, xport port)
{
	return step_number(e, STEP_RELEASE, port);
}

static int kernel_prepare(struct end *e)
{
	return step_number(e, STEP_PREPARE, 0);
}

static int kernel_cancel(struct end *e)
{
	return step_number(e, STEP_CANCEL, 0);
}

static int kernel_wait(struct end *e, unsigned int usec)
{
	return step_number(e, STEP_WAIT, usec);
}

static int kernel_signal(struct end *e, xport port)
{
	struct xseg_test_step s = {
		.what = STEP_SIGNAL,
		.in = e->sent++ % STEP_NR_IN,
		.number = port,
	};

	return step(e, &s);
}

static int kernel_stats(struct end *e, struct xseg_stats *stats)
{
	struct xseg_test_step s = { .what = STEP_STATS };
	int ret = step(e, &s);

	memcpy(stats, s.stats, sizeof(*stats));
	return ret;
}

static int kernel_cap(struct end *e, unsigned int usec)
{
	return step_number(e, STEP_CAP, usec);
}

static const struct end_ops kernel_ops = {
	.join = kernel_join,
	.share = kernel_share,
	.leave = kernel_leave,
	.init = kernel_init,
	.get = kernel_get,
	.put = kernel_put,
	.bind = kernel_bind,
	.release = kernel_release,
	.prepare = kernel_prepare,
	.cancel = kernel_cancel,
	.wait = kernel_wait,
	.signal = kernel_signal,
	.stats = kernel_stats,
	.cap = kernel_cap,
};

const struct end_kind end_user = { "process", 0, &user_ops };
const struct end_kind end_kernel = { "kernel", 1, &kernel_ops };

int end_join(struct end *e, const struct end_kind *kind, const char *segment)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->fd = -1;
	return kind->ops->join(e, segment);
}

/* One more thread of a peer. */
int end_share(struct end *e, const struct end *of)
{
	return of->kind->ops->share(e, of);
}

int end_leave(struct end *e)
{
	return e->kind->ops->leave(e);
}

/* A descriptor of a type, bound to a port. */
int end_open(struct end *e, const char *type, xport port)
{
	int ret = e->kind->ops->init(e, type);

	if (!ret)
		ret = e->kind->ops->get(e, type);
	if (!ret)
		ret = e->kind->ops->bind(e, port);
	return ret < 0 ? ret : 0;
}

/* From here on its waits are for the callback. */
int end_callback(struct end *e, unsigned int flags)
{
	return step_number(e, STEP_CALLBACK, flags);
}

/* The next call of the callback signals a port, see STEP_AGAIN. */
int end_again(struct end *e, xport port)
{
	return step_number(e, STEP_AGAIN, port);
}

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;
	uint64_t start = ks_now_ns();

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = s->end.kind->ops->prepare(&s->end);
	if (!s->ret)
		s->ret = s->end.kind->ops->wait(&s->end, s->usec);
	s->ns = ks_now_ns() - start;
	return NULL;
}

/* Starts a thread of a peer that waits. */
int sleeper_start(struct sleeper *s, const struct end *e, unsigned int usec)
{
	int ret = end_share(&s->end, e);

	s->usec = usec;
	s->ret = 1;
	s->tid = 0;
	return ret ? ret : -pthread_create(&s->thread, NULL, sleeper_main, s);
}

/* Waits for its end; what its wait returned. */
int sleeper_end(struct sleeper *s)
{
	pthread_join(s->thread, NULL);
	if (s->end.kind->kernel)
		end_leave(&s->end);
	return s->ret;
}

/* The module xseg_test */

int peer_command(const char *fmt, ...)
{
	int fd = open("/sys/kernel/debug/xseg_test/start", O_WRONLY | O_CLOEXEC);
	char line[256];
	va_list args;
	int n, ret;

	if (fd < 0)
		return -errno;
	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	ret = write(fd, line, (size_t)n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

/* What the peer on a port has done; -ENOENT if there is none. */
int peer_stat(unsigned int port, struct peer_stat *stat)
{
	FILE *f = fopen("/sys/kernel/debug/xseg_test/stat", "r");
	char line[512], end[32];
	int ret = -ENOENT;
	unsigned int p;

	while (f && fgets(line, sizeof(line), f)) {
		struct peer_stat s;
		int n;

		n = sscanf(line, "%*s port %u done %lld bad %lld failed %lld %31s waits %lld sleeps %lld sent %*u elided %*u type %*s in %*s pid %d",
			   &p, &s.done, &s.bad, &s.failed, end, &s.waits,
			   &s.sleeps, &s.pid);
		if (n != 8 || p != port)
			continue;
		s.ended = !strcmp(end, "ended");
		*stat = s;
		ret = 0;
	}
	if (f)
		fclose(f);
	return ret;
}

/* Waits until it has done all that it should: 0, -ETIMEDOUT, -ENOENT. */
int peer_ended(unsigned int port, struct peer_stat *stat, int seconds)
{
	uint64_t until = ks_now_ns() + (uint64_t)seconds * 1000000000;
	int ret;

	do {
		ret = peer_stat(port, stat);
		if (ret || stat->ended)
			return ret;
		usleep(2000);
	} while (ks_now_ns() < until);
	return -ETIMEDOUT;
}
