// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The calls that fail. The linker knows them as __wrap_NAME, the true ones as
 * __real_NAME. Only the thread that armed them is affected.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "selftests/fault/shim.h"

static __thread struct {
	unsigned int left;	/* the one that takes it to 0 fails */
	const char *failed;
	int error;
} shim;

static long live;		/* allocations that were not freed, of all threads */

/* From now on the nth call fails, and those before and after do not. */
void shim_arm(unsigned int nth)
{
	shim.failed = NULL;
	shim.error = 0;
	shim.left = nth;
}

/* No more; did one fail, which, and with what? */
bool shim_disarm(const char **what, int *error)
{
	shim.left = 0;
	*what = shim.failed;
	*error = shim.error;
	return shim.failed;
}

/* How many allocations have not been freed. */
long shim_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static bool fails(const char *name, int error)
{
	if (!shim.left || --shim.left)
		return false;
	shim.failed = name;
	shim.error = error;
	errno = error;
	return true;
}

static void *counted(void *p)
{
	if (p)
		__atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
	return p;
}

/* TYPE NAME(PARAMETERS), called with ARGUMENTS, returns BAD with ERROR */
#define WRAP(type, name, parameters, arguments, bad, error)	\
	type __real_##name parameters;				\
	type __wrap_##name parameters;				\
	type __wrap_##name parameters				\
	{							\
		if (fails(#name, error))			\
			return bad;				\
		return __real_##name arguments;			\
	}

#define WRAP_ALLOC(name, parameters, arguments)			\
	void *__real_##name parameters;				\
	void *__wrap_##name parameters;				\
	void *__wrap_##name parameters				\
	{							\
		if (fails(#name, ENOMEM))			\
			return NULL;				\
		return counted(__real_##name arguments);	\
	}

WRAP_ALLOC(malloc, (size_t n), (n))
WRAP_ALLOC(calloc, (size_t n, size_t size), (n, size))

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	if (p)
		__atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
	__real_free(p);
}

WRAP(void *, mmap64, (void *at, size_t n, int prot, int flags, int fd, off_t off),
     (at, n, prot, flags, fd, off), MAP_FAILED, ENOMEM)
WRAP(int, ftruncate64, (int fd, off_t n), (fd, n), -1, ENOSPC)
WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n),
     -1, ENOSPC)
WRAP(int, memfd_create, (const char *name, unsigned int flags), (name, flags),
     -1, EMFILE)
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), -1, ENOSPC)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EPERM)
WRAP(ssize_t, pread64, (int fd, void *p, size_t n, off_t at), (fd, p, n, at),
     -1, EIO)
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off_t at),
     (fd, p, n, at), -1, ENOSPC)
WRAP(int, eventfd, (unsigned int n, int flags), (n, flags), -1, EMFILE)
WRAP(int, socket, (int family, int type, int protocol),
     (family, type, protocol), -1, EMFILE)
WRAP(int, bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),
     -1, EADDRINUSE)
WRAP(int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t n),
     (fd, to, n), -1, ECONNREFUSED)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags),
     (fd, m, flags), -1, ENOBUFS)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags),
     -1, ECONNRESET)
WRAP(ssize_t, send, (int fd, const void *p, size_t n, int flags),
     (fd, p, n, flags), -1, ENOBUFS)
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags),
     -1, ECONNRESET)
WRAP(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n),
     (fd, level, name, p, n), -1, ENOMEM)
WRAP(int, getsockopt, (int fd, int level, int name, void *p, socklen_t *n),
     (fd, level, name, p, n), -1, ENOBUFS)
WRAP(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL,
     EMFILE)
WRAP(ssize_t, getrandom, (void *p, size_t n, unsigned int flags), (p, n, flags),
     -1, ENOSYS)
WRAP(void *, dlopen, (const char *path, int mode), (path, mode), NULL, ENOENT)

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return fails("open64", EMFILE) ? -1 : __real_open64(path, flags, mode);
}

/* Of these only what takes memory or a number can fail. */
int __real_fcntl64(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if ((cmd == F_OFD_SETLK || cmd == F_OFD_GETLK) &&
	    fails("lock", ENOLCK))
		return -1;
	if ((cmd == F_DUPFD_CLOEXEC || cmd == F_DUPFD) &&
	    fails("dup", EMFILE))
		return -1;
	return __real_fcntl64(fd, cmd, arg);
}

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg)
{
	return fails("pthread_create", EAGAIN) ? EAGAIN :
	       __real_pthread_create(id, attr, run, arg);
}

int __real_pthread_key_create(pthread_key_t *key, void (*gone)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*gone)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*gone)(void *))
{
	return fails("pthread_key_create", EAGAIN) ? EAGAIN :
	       __real_pthread_key_create(key, gone);
}

int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	return fails("pthread_setspecific", ENOMEM) ? ENOMEM :
	       __real_pthread_setspecific(key, value);
}
