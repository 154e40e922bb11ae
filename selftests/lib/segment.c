// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Segments, peers and processes for tests of the core.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/lib/segment.h"

const struct xseg_params small_params = {
	.size = sizeof(struct xseg_params),
	.flags = XSEG_CREATE_SPARSE,
	.nr_ports = 8,
	.nr_requests = 32,
	.nr_descs = 16,
	.queue_len = 8,
	.heap_size = 1 << 20,
	.max_data = 1 << 16,
};

static void setup_failed(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	_exit(1);
}

/**
 * segment_new() - a segment without a name
 * @params: its capacities
 *
 * Return: its descriptor.
 */
int segment_new(const struct xseg_params *params)
{
	int fd = xseg_create_fd(params);

	if (fd < 0) {
		errno = -fd;
		setup_failed("xseg_create_fd");
	}
	return fd;
}

/**
 * peer_join() - one more peer
 * @fd: the segment
 *
 * Return: the handle.
 */
struct xseg *peer_join(int fd)
{
	struct xseg *xseg = xseg_join_fd(fd, 0);

	if (!xseg)
		setup_failed("xseg_join_fd");
	return xseg;
}

/**
 * peer_new() - one more peer, bound to a port
 * @fd:	    the segment
 * @portno: the port
 *
 * Return: the peer.
 */
struct peer peer_new(int fd, xport portno)
{
	struct peer p = { .x = peer_join(fd), .port = portno };
	int ret;

	ret = xseg_local_signal_init(p.x, "futex");
	errno = -ret;
	if (ret)
		setup_failed("xseg_local_signal_init");
	p.sd = xseg_get_signal_desc(p.x, "futex");
	if (!p.sd)
		setup_failed("xseg_get_signal_desc");
	ret = xseg_bind_port(p.x, portno, p.sd);
	errno = -ret;
	if (ret < 0)
		setup_failed("xseg_bind_port");
	return p;
}

/**
 * peer_start() - a process that is a peer until it has run a function
 * @fd:	  the segment
 * @body: the function; it must not assert
 * @arg:  for it
 *
 * Return: its process id, to be waited for.
 */
pid_t peer_start(int fd, peer_body body, void *arg)
{
	pid_t pid = fork();

	if (pid < 0)
		setup_failed("fork");
	if (!pid) {
		body(peer_join(fd), arg);
		_exit(0);
	}
	return pid;
}

/**
 * peer_dies() - run a function as a peer that then vanishes
 * @fd:	  the segment
 * @body: the function
 * @arg:  for it
 *
 * The process is gone when this returns; nobody has reaped it.
 */
void peer_dies(int fd, peer_body body, void *arg)
{
	pid_t pid = peer_start(fd, body, arg);
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		setup_failed("a peer did not end as it should");
	}
}

/**
 * shared_alloc() - zeroed memory that forked children share
 * @size: bytes
 *
 * Return: the memory, never freed.
 */
void *shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		setup_failed("mmap");
	return p;
}

/**
 * wait_until() - wait for another process
 * @word:  in shared memory
 * @value: at least that; after half a minute the program ends
 */
void wait_until(const int *word, int value)
{
	double end = now_seconds() + 30;

	while (READ_ONCE(*word) < value) {
		usleep(100);
		errno = ETIMEDOUT;
		if (now_seconds() > end)
			setup_failed("another process does not get on");
	}
}

/**
 * rng_new() - random numbers from XSEG_TEST_SEED, or from the clock
 *
 * Says the seed.
 *
 * Return: their state.
 */
struct rng rng_new(void)
{
	const char *seed = getenv("XSEG_TEST_SEED");
	struct rng rng = { seed ? strtoull(seed, NULL, 0) : env_now_ns() };

	printf("# XSEG_TEST_SEED=%llu\n", (unsigned long long)rng.state);
	return rng;
}

/**
 * rng_next() - the next number (splitmix64)
 * @rng: the state
 *
 * Return: the number.
 */
u64 rng_next(struct rng *rng)
{
	u64 z = (rng->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/**
 * rng_below() - a number below another
 * @rng: the state
 * @n:	 not 0
 *
 * Return: 0 to n - 1.
 */
u32 rng_below(struct rng *rng, u32 n)
{
	return (u32)((rng_next(rng) >> 32) * n >> 32);
}

double now_seconds(void)
{
	return (double)env_now_ns() / 1e9;
}

/**
 * test_seconds() - how long a stress goes on
 * @usual: if XSEG_TEST_SECONDS does not say otherwise
 *
 * Return: seconds.
 */
unsigned int test_seconds(unsigned int usual)
{
	const char *s = getenv("XSEG_TEST_SECONDS");

	return s ? (unsigned int)atoi(s) : usual;
}

/**
 * ring_slot_at() - the slot that a ticket uses
 * @ring:   the ring
 * @ticket: the ticket
 *
 * Return: the slot.
 */
__u64 *ring_slot_at(const struct ring *ring, u64 ticket)
{
	return &ring->shm->slot[ticket % (1ULL << ring->order)];
}

/**
 * half_push() - (P1) without (P2): a putter that died in between
 * @xseg:  the handle
 * @ring:  the ring
 * @index: an object that the handle owns
 *
 * Return: 0; -EAGAIN if the ring is full or a slot is to be emptied first.
 */
int half_push(const struct xseg *xseg, const struct ring *ring, u32 index)
{
	u64 ver = XOWN_VER(shm_read(pool_own(xseg, ring->pool, index)));
	u64 t = shm_read(&ring->shm->tail);
	u64 e;

	/* Over what others left half done, helping them. */
	for (;; t++) {
		e = shm_read(ring_slot_at(ring, t));
		if ((s32)(XSLOT_CYCLE(e) - (u32)(t >> ring->order)) < 0)
			return -EAGAIN;
		if (XSLOT_CYCLE(e) == (u32)(t >> ring->order) && !XSLOT_OBJ(e))
			break;
		shm_cas(&ring->shm->tail, t, t + 1);
	}
	e |= (ver & 0xff) << XSLOT_VER_SHIFT | (index + 1);
	return shm_cas(ring_slot_at(ring, t), shm_read(ring_slot_at(ring, t)),
		       e) ? 0 : -EAGAIN;
}

/**
 * half_pop() - (T1) without (T2): a taker that died in between
 * @xseg:  the handle that takes
 * @ring:  the ring
 * @index: filled with what it took
 *
 * Return: 0; -EAGAIN if the ring is empty or a slot is to be emptied first.
 */
int half_pop(const struct xseg *xseg, const struct ring *ring, u32 *index)
{
	u64 h = shm_read(&ring->shm->head);
	u64 e, own;

	for (;; h++) {
		e = shm_read(ring_slot_at(ring, h));
		if (XSLOT_CYCLE(e) == (u32)(h >> ring->order))
			break;
		shm_cas(&ring->shm->head, h, h + 1);
	}
	if (!XSLOT_OBJ(e))
		return -EAGAIN;
	*index = XSLOT_OBJ(e) - 1;
	own = shm_read(pool_own(xseg, ring->pool, *index));
	if ((XOWN_VER(own) & 0xff) != XSLOT_VER(e))
		return -EAGAIN;
	return shm_cas(pool_own(xseg, ring->pool, *index), own,
		       own_next(own, XOWN_OWNED, xseg->me)) ? 0 : -EAGAIN;
}
