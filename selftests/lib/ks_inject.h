/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Random delays inside the library, between the steps of its protocols.
 *
 * To be included by one file of a program: it defines the calls of the C
 * library by which a waiter sleeps and a signaller wakes. The library is
 * linked into the test, so its calls come here: before and after each there
 * may be a delay (ks_delay()). So a signaller is held up between moving the
 * sequence and the wake, and between the wake and the clearing of the
 * sleepers; a waiter between its announcement that it sleeps and its sleep,
 * between the sleep and its next look, and before and after it empties its
 * file.
 *
 * ks_before_wake and ks_after_wake, if set, are called where a signaller is
 * about to wake the sleepers, and has woken them.
 */
#ifndef SELFTESTS_KS_INJECT_H
#define SELFTESTS_KS_INJECT_H

#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

static void (*ks_before_wake)(void);
static void (*ks_after_wake)(void);

static inline void wake_hook(bool wake, void (*hook)(void))
{
	if (wake && hook)
		hook();
	ks_delay();
}

/* The next definition of a call: the C library's or a sanitizer's. */
static void *real_call(void **known, const char *name)
{
	void *call = __atomic_load_n(known, __ATOMIC_RELAXED);

	if (!call) {
		call = dlsym(RTLD_NEXT, name);
		__atomic_store_n(known, call, __ATOMIC_RELAXED);
	}
	return call;
}

long syscall(long nr, ...)
{
	static void *known;
	long (*real)(long, ...) = real_call(&known, "syscall");
	va_list ap;
	long a[6], ret;
	bool wake;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	wake = nr == SYS_futex && (int)a[1] == FUTEX_WAKE;
	wake_hook(wake, ks_before_wake);
	ret = real(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	wake_hook(wake, ks_after_wake);
	return ret;
}

ssize_t write(int fd, const void *buf, size_t n)
{
	static void *known;
	ssize_t (*real)(int, const void *, size_t) =
		real_call(&known, "write");
	ssize_t ret;

	wake_hook(n == 8, ks_before_wake);
	ret = real(fd, buf, n);
	wake_hook(n == 8, ks_after_wake);
	return ret;
}

ssize_t read(int fd, void *buf, size_t n)
{
	static void *known;
	ssize_t (*real)(int, void *, size_t) = real_call(&known, "read");
	ssize_t ret;

	ks_delay();
	ret = real(fd, buf, n);
	ks_delay();
	return ret;
}

int ppoll(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout,
	  const sigset_t *sigmask)
{
	static void *known;
	int (*real)(struct pollfd *, nfds_t, const struct timespec *,
		    const sigset_t *) = real_call(&known, "ppoll");
	int ret;

	ks_delay();
	ret = real(fds, nfds, timeout, sigmask);
	ks_delay();
	return ret;
}

int sched_yield(void)
{
	static void *known;
	int (*real)(void) = real_call(&known, "sched_yield");

	ks_delay();
	return real();
}

#endif /* SELFTESTS_KS_INJECT_H */
