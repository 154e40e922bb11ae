/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the core needs of the domain that it is compiled for: types, atomic
 * operations, barriers, memory, a mutex and a clock, by their kernel names.
 * The only file that knows the domain.
 *
 * Words in the segment are touched through shm_*() only. Each access is a
 * single one; what was read is used from the local copy.
 *
 *	shm_read, shm_write		one relaxed access
 *	shm_load_acquire, shm_store_release
 *	shm_cas				compare and swap: a full barrier in the
 *					kernel, whether it succeeds or not;
 *					acquire and release in a process
 *	shm_add, shm_or, shm_and	full barriers, return the old value
 */
#ifndef XSEG_CORE_ENV_H
#define XSEG_CORE_ENV_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint-defs.h>
#include <linux/types.h>

#define shm_cast(p)		((__force typeof(*(p)) *)(p))
#define shm_read(p)		READ_ONCE(*shm_cast(p))
#define shm_write(p, v)		WRITE_ONCE(*shm_cast(p), v)
#define shm_load_acquire(p)	smp_load_acquire(shm_cast(p))
#define shm_store_release(p, v)	smp_store_release(shm_cast(p), v)

static inline bool shm_cas(__u64 __xseg_shared *p, u64 old, u64 new)
{
	if (likely(cmpxchg((u64 __force *)p, old, new) == old))
		return true;
	smp_mb();	/* a failed cmpxchg() orders nothing */
	return false;
}

static inline bool shm_cas32(__u32 __xseg_shared *p, u32 old, u32 new)
{
	return cmpxchg((u32 __force *)p, old, new) == old;
}

static inline u64 shm_add(__u64 __xseg_shared *p, u64 v)
{
	return atomic64_fetch_add(v, (atomic64_t __force *)p);
}

static inline u64 shm_or(__u64 __xseg_shared *p, u64 v)
{
	return atomic64_fetch_or(v, (atomic64_t __force *)p);
}

static inline u64 shm_and(__u64 __xseg_shared *p, u64 v)
{
	return atomic64_fetch_and(v, (atomic64_t __force *)p);
}

/* Bytes that others, kernel peers too, may write at the same time. */
static inline void shm_copy_out(void *to, const void __xseg_shared *from,
				size_t n)
{
	/* others may write there meanwhile */
	data_race(memcpy(to, (const void __force *)from, n));
	barrier();	/* the copy is what is looked at from here on */
}

static inline void shm_copy_in(void __xseg_shared *to, const void *from,
			       size_t n)
{
	/* others may write there, too */
	data_race(memcpy((void __force *)to, from, n));
}

static inline void shm_move(void __xseg_shared *to,
			    const void __xseg_shared *from, size_t n)
{
	/* others may write there, too */
	data_race(memmove((void __force *)to, (const void __force *)from, n));
}

static inline void shm_zero(void __xseg_shared *p, size_t n)
{
	/* others may write there, too */
	data_race(memset((void __force *)p, 0, n));
}

/* Claims a private flag; another CPU may be led to the same one by a lie. */
static inline bool env_claim(u8 *flag)
{
	return !xchg(flag, 1);
}

static inline void *env_alloc(size_t n, size_t size)
{
	return kvcalloc(n, size, GFP_KERNEL | __GFP_NOWARN);
}

static inline void env_free(void *p)
{
	kvfree(p);
}

static inline u64 env_now_ns(void)
{
	return ktime_get_ns();
}

static inline void __xseg_shared *env_err_ptr(int err)
{
	return (void __force __xseg_shared *)ERR_PTR(err);
}

/*
 * Turns of a loop that goes round again only because another peer got further.
 */
#define ENV_RETRIES	1024U

/* How often one allocation may look through all chunks. */
#define ENV_CLAIMS	16U

/* See struct effort. */
#define ENV_STEPS	256U
#define ENV_STEPS_LONG	(1U << 20)

/* Binding a port goes round so often while its dead owner is reaped. */
#define ENV_BIND_TURNS	16

/* May sleep. */
static inline void env_resched(void)
{
	cond_resched();
}

/* The module that a signal type lies in; NULL for one that stays. */
static inline bool env_module_get(struct module *module)
{
	return try_module_get(module);
}

static inline void env_module_put(struct module *module)
{
	module_put(module);
}

/* See the other domain. */
#define env_process()	0

/* For who traces, see kernel/trace.h; a jump that is patched in else. */
struct xseg;

DECLARE_TRACEPOINT(xseg_bind);
DECLARE_TRACEPOINT(xseg_release);
DECLARE_TRACEPOINT(xseg_submit);
DECLARE_TRACEPOINT(xseg_signal);
DECLARE_TRACEPOINT(xseg_broken);

void core_trace_bind(const struct xseg *xseg, u32 port);
void core_trace_release(const struct xseg *xseg, u32 port);
void core_trace_submit(const struct xseg *xseg, u32 request, u32 port, u32 dst);
void core_trace_signal(const struct xseg *xseg, u32 index, bool sent);
void core_trace_broken(const struct xseg *xseg, const char *what);

#define env_trace(event, ...)					\
do {								\
	if (tracepoint_enabled(xseg_##event))			\
		core_trace_##event(__VA_ARGS__);		\
} while (0)

/* See the other domain. */
#define env_handed_over(where)	((void)(where))
#define env_taken_over(where)	((void)(where))

#else /* a process */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)	(1ULL << (n))
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define U32_MAX		UINT32_MAX
#define array_index_nospec(index, size)	((void)(size), (index))
#ifndef offsetof
#define offsetof(type, field) __builtin_offsetof(type, field)
#endif

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define barrier()		__asm__ __volatile__("" ::: "memory")

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax()		__builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax()		__asm__ __volatile__("yield" ::: "memory")
#else
#define cpu_relax()		barrier()
#endif

#if defined(__SANITIZE_THREAD__)
#define ENV_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ENV_TSAN 1
#endif
#endif

#ifdef ENV_TSAN
/* The sanitizer does not know fences: a full atomic operation stands in. */
static inline void smp_mb(void)
{
	static u32 word;

	__atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}
#else
static inline void smp_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

/*
 * An object goes from one thread to another by way of other processes, which
 * the sanitizer does not see.
 */
#ifdef ENV_TSAN
void __tsan_release(void *where);
void __tsan_acquire(void *where);
#define env_handed_over(where)	__tsan_release((void *)(where))
#define env_taken_over(where)	__tsan_acquire((void *)(where))
#else
#define env_handed_over(where)	((void)(where))
#define env_taken_over(where)	((void)(where))
#endif

/* After shm_cas(), shm_add(), shm_or() or shm_and(), where it may be less. */
static inline void smp_mb__after_atomic(void)
{
#if defined(__x86_64__) || defined(__i386__)
	barrier();	/* each locked instruction is a full barrier */
#else
	smp_mb();
#endif
}

#define shm_read(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define shm_write(p, v)		__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define shm_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define shm_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

static inline bool shm_cas(__u64 __xseg_shared *p, u64 old, u64 new)
{
	return __atomic_compare_exchange_n(p, &old, new, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline bool shm_cas32(__u32 __xseg_shared *p, u32 old, u32 new)
{
	return __atomic_compare_exchange_n(p, &old, new, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline u64 shm_add(__u64 __xseg_shared *p, u64 v)
{
	u64 old = __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);

	smp_mb__after_atomic();
	return old;
}

static inline u64 shm_or(__u64 __xseg_shared *p, u64 v)
{
	u64 old = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);

	smp_mb__after_atomic();
	return old;
}

static inline u64 shm_and(__u64 __xseg_shared *p, u64 v)
{
	u64 old = __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);

	smp_mb__after_atomic();
	return old;
}

static inline void shm_copy_out(void *to, const void __xseg_shared *from,
				size_t n)
{
	memcpy(to, from, n);
	barrier();	/* the copy is what is looked at from here on */
}

static inline void shm_copy_in(void __xseg_shared *to, const void *from,
			       size_t n)
{
	memcpy(to, from, n);
}

static inline void shm_move(void __xseg_shared *to,
			    const void __xseg_shared *from, size_t n)
{
	memmove(to, from, n);
}

static inline void shm_zero(void __xseg_shared *p, size_t n)
{
	memset(p, 0, n);
}

/* See the other domain: kernel peers alone are traced. */
#define env_trace(event, xseg, ...)	((void)(xseg))

/* Claims a private flag. One process does not lie to itself: no atomic. */
static inline bool env_claim(u8 *flag)
{
	if (READ_ONCE(*flag))
		return false;
	WRITE_ONCE(*flag, 1);
	return true;
}

/* The words in the segment are shared with other processes: no locks. */
_Static_assert(__atomic_always_lock_free(sizeof(u64), 0),
	       "64-bit atomic operations must be lock-free");

typedef struct {
	int counter;
} atomic_t;

static inline int atomic_read(const atomic_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic_set(atomic_t *v, int i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline int atomic_inc_return(atomic_t *v)
{
	return __atomic_add_fetch(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline void atomic_inc(atomic_t *v)
{
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline void atomic_dec(atomic_t *v)
{
	__atomic_fetch_sub(&v->counter, 1, __ATOMIC_RELAXED);
}

typedef struct {
	u64 counter;
} atomic64_t;

static inline u64 atomic64_read(const atomic64_t *v)
{
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic64_inc(atomic64_t *v)
{
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_RELAXED);
}

struct mutex {
	pthread_mutex_t m;
};

#define DEFINE_MUTEX(name) struct mutex name = { PTHREAD_MUTEX_INITIALIZER }

static inline void mutex_init(struct mutex *lock)
{
	pthread_mutex_init(&lock->m, NULL);
}

static inline void mutex_destroy(struct mutex *lock)
{
	pthread_mutex_destroy(&lock->m);
}

static inline void mutex_lock(struct mutex *lock)
{
	pthread_mutex_lock(&lock->m);
}

static inline void mutex_unlock(struct mutex *lock)
{
	pthread_mutex_unlock(&lock->m);
}

static inline void *env_alloc(size_t n, size_t size)
{
	return calloc(n, size);
}

static inline void env_free(void *p)
{
	free(p);
}

static inline u64 env_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000U + (u64)ts.tv_nsec;
}

static inline void *env_err_ptr(int err)
{
	errno = -err;
	return NULL;
}

static inline unsigned int ilog2(u64 v)
{
	return 63 - (unsigned int)__builtin_clzll(v);
}

/* So many are met in a damaged segment only. */
#define ENV_RETRIES	(1U << 20)

#define ENV_CLAIMS	ENV_RETRIES
#define ENV_STEPS	0xffffffffU
#define ENV_STEPS_LONG	0xffffffffU

#define ENV_BIND_TURNS	10000

static inline void env_resched(void)
{
}

#define domain_id()	XSEG_DOMAIN_USER

struct module;

/* A plug-in is never unloaded. */
static inline bool env_module_get(struct module *module)
{
	(void)module;
	return true;
}

static inline void env_module_put(struct module *module)
{
	(void)module;
}

/*
 * A page that fork() empties in the child (MADV_WIPEONFORK), with the number
 * of this process in the line of its forks, from 1 on. Set up before the first
 * handle.
 */
extern u32 *xseg_fork_page __attribute__((__visibility__("hidden")));

/* The number; 0 in a forked child that has not joined anything yet. */
static inline u32 env_process(void)
{
	return READ_ONCE(*xseg_fork_page);
}

#endif /* __KERNEL__ */

/* Kept out of its callers: what is seldom needed must not cost the rest. */
#define env_apart	__attribute__((__noinline__))

/* The smallest k with 2^k >= v; v is not 0. */
static inline unsigned int order_of(u64 v)
{
	return v == 1 ? 0 : ilog2(v - 1) + 1;
}

#endif /* XSEG_CORE_ENV_H */
