// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What xseg-blkd's safety against its own death stands on: a process that is
 * killed with direct writes in its io_uring keeps its lock of the open file
 * until the last of them has ended, whether the ring knows the file as a
 * registered one or not. Whoever has the lock then writes the whole file anew,
 * and nothing of the dead one's may land on that. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	(256U << 10)
#define CHUNKS	64U
#define ROUNDS	25
#define OLD	0x0d
#define NEW	0x4e

#define check(cond) \
	((cond) ? (void)0 : give_up(__LINE__, #cond))

static char path[4096];
static char *memory;	/* of CHUNK bytes, aligned */

static void give_up(int line, const char *what)
{
	printf("Bail out! uringlock.c:%d: %s: %s\n", line, what,
	       strerror(errno));
	unlink(path);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int lock(int fd, int cmd)
{
	struct flock fl = { .l_type = F_WRLCK };

	return fcntl(fd, cmd, &fl) ? errno : 0;
}

static void put_write(struct io_uring *ring, int fd, bool registered,
		      unsigned int chunk)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_write(sqe, registered ? 0 : fd, memory, CHUNK,
			    (__u64)chunk * CHUNK);
	if (registered)
		sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = chunk;
}

/* Writes until it is killed, all chunks at once; says so when it began. */
static void writer(bool registered, int tell)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned int i;

	check(fd >= 0 && !lock(fd, F_OFD_SETLK));
	check(!io_uring_queue_init(CHUNKS, &ring, 0));
	check(!registered || !io_uring_register_files(&ring, &fd, 1));
	memset(memory, OLD, CHUNK);
	for (i = 0; i < CHUNKS; i++)
		put_write(&ring, fd, registered, i);
	check(io_uring_submit(&ring) == (int)CHUNKS);
	check(write(tell, "", 1) == 1);
	for (;;) {
		check(!io_uring_wait_cqe(&ring, &cqe));
		check(cqe->res == (int)CHUNK);
		i = cqe->user_data;
		io_uring_cqe_seen(&ring, cqe);
		put_write(&ring, fd, registered, i);
		check(io_uring_submit(&ring) == 1);
	}
}

static void kill_writer(bool registered)
{
	int tell[2], status;
	struct timespec ts = { .tv_nsec = (rand() % 20000) * 1000L };
	pid_t pid;
	char c;

	check(!pipe2(tell, O_CLOEXEC));
	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid)
		writer(registered, tell[1]);
	close(tell[1]);
	check(read(tell[0], &c, 1) == 1);
	nanosleep(&ts, NULL);
	check(!kill(pid, SIGKILL));
	check(waitpid(pid, &status, 0) == pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(tell[0]);
}

static void write_new(int fd)
{
	unsigned int i;

	memset(memory, NEW, CHUNK);
	for (i = 0; i < CHUNKS; i++)
		check(pwrite(fd, memory, CHUNK, (off_t)i * CHUNK) == CHUNK);
}

/* Bytes of the dead one's in what was written after it. */
static size_t count_old(int fd)
{
	size_t nr = 0, j;
	unsigned int i;

	for (i = 0; i < CHUNKS; i++) {
		check(pread(fd, memory, CHUNK, (off_t)i * CHUNK) == CHUNK);
		for (j = 0; j < CHUNK; j++)
			nr += memory[j] != NEW;
	}
	return nr;
}

static unsigned int rounds(bool registered, const char *name, unsigned int nr)
{
	unsigned int held = 0, round;
	double longest = 0;
	size_t old = 0;

	for (round = 0; round < ROUNDS; round++) {
		int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		double start;

		check(fd >= 0);
		kill_writer(registered);
		start = now();
		held += lock(fd, F_OFD_SETLK) != 0;
		check(!lock(fd, F_OFD_SETLKW));
		if (now() - start > longest)
			longest = now() - start;
		write_new(fd);
		usleep(20000);	/* for what should not come any more */
		old += count_old(fd);
		close(fd);
	}
	printf("# %s: the lock outlived the process %u times of %u, by %.1f ms "
	       "at most\n", name, held, ROUNDS, longest * 1e3);
	printf("%sok %u - %s: no write of the dead lands after its lock\n",
	       old ? "not " : "", nr, name);
	printf("%sok %u - %s: the lock outlives the process\n",
	       held ? "" : "not ", nr + 1, name);
	return !!old + !held;
}

int main(void)
{
	const char *dir = getenv("XSEG_BLOCK_DIR");
	unsigned int failed;
	int fd;

	snprintf(path, sizeof(path), "%s/xseg-uringlock.XXXXXX",
		 dir ? dir : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	fd = mkstemp(path);
	check(fd >= 0);
	check(!posix_fallocate(fd, 0, (off_t)CHUNK * CHUNKS));
	close(fd);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0 && errno == EINVAL) {
		printf("1..0 # SKIP no direct I/O in %s\n", path);
		unlink(path);
		return 4;
	}
	check(fd >= 0);
	close(fd);
	memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	printf("1..4\n");
	failed = rounds(false, "file as it is", 1);
	failed += rounds(true, "registered file", 3);
	unlink(path);
	return failed != 0;
}
