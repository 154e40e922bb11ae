// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What xseg-blkd's safety against its own death stands on: a process that is
 * killed with direct writes in its io_uring keeps its lock of the open file
 * until the last of them has ended, whether the ring knows the file as a
 * registered one or not. Whoever has the lock then writes the whole file anew,
 * and nothing of the dead one's may land on that. TAP.
 *
 * Where it may, it slows the writer's I/O down by a control group, so that
 * much of it is under way when the writer dies, and what comes later from
 * others overtakes it: then a lock that ended early would show as old data.
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	(256U << 10)
#define CHUNKS	64U
#define ROUNDS	10	/* more where no lock outlived its process yet, */
#define MOST	300	/* for the disk may be fast: so many of each kind */
#define GROUPS	"/sys/fs/cgroup/blkio"
#define OLD	0x0d
#define NEW	0x4e

#define check(cond) \
	((cond) ? (void)0 : give_up(__LINE__, #cond))

static char path[4096];
static char *memory;	/* of CHUNK bytes, aligned */
static char group[256];	/* of the writer, "" if it is not slowed down */

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

static bool group_set(const char *file, const char *text)
{
	char name[512];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", group, file);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : write(fd, text, strlen(text));
	close(fd);
	return n > 0;
}

/* A group that writes 64 MiB/s to the device that the file is on. */
static void group_make(int fd)
{
	char limit[64];
	struct stat st;

	check(!fstat(fd, &st));
	snprintf(group, sizeof(group), GROUPS "/xseg-uringlock-%d", getpid());
	snprintf(limit, sizeof(limit), "%u:%u %u", major(st.st_dev),
		 minor(st.st_dev), 64U << 20);
	if (mkdir(group, 0700)) {
		group[0] = 0;
	} else if (!group_set("blkio.throttle.write_bps_device", limit)) {
		rmdir(group);
		group[0] = 0;
	}
	printf("# the writer is %sslowed down\n", group[0] ? "" : "not ");
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
	check(!group[0] || group_set("cgroup.procs", "0"));
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

	for (round = 0; round < (held ? ROUNDS : MOST); round++) {
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
	       "at most\n", name, held, round, longest * 1e3);
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
	group_make(fd);
	close(fd);
	memory = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	printf("1..4\n");
	failed = rounds(false, "file as it is", 1);
	failed += rounds(true, "registered file", 3);
	unlink(path);
	if (group[0])
		rmdir(group);
	return failed != 0;
}
