// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A disk in each segment (xsegbd.ko), served by xseg-blkd from memory, and a
 * process that writes to it and reads again.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/hostile/hostile.h"

#define CONTROL	"/sys/class/xsegbd/"
#define BLOCK	4096
#define BLOCKS	256

static int control(const char *what, const char *line)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), CONTROL "%s", what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	KS_CHECK(fd >= 0);
	ret = write(fd, line, strlen(line)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Is the driver there? */
bool disk_driver(void)
{
	return !access(CONTROL "add", W_OK);
}

static void server(void *arg)
{
	const char *build = getenv("XSEG_BUILD");
	char path[512], port[16];

	KS_CHECK(build);
	snprintf(path, sizeof(path), "%s/xseg-blkd", build);
	snprintf(port, sizeof(port), "--port=%d", PORT_DISK);
	KS_CHECK(freopen("/dev/null", "w", stdout));
	KS_CHECK(freopen("/dev/null", "w", stderr));
	execl(path, path, port, (char *)arg, "mem:1M", NULL);
	_exit(127);
}

/* Starts server and disk, when the server answers. */
void disk_start(struct disk *d, const char *segment, int id)
{
	char line[256];
	int tries, ret = -1;

	d->id = id;
	d->server = ks_fork(server, (void *)segment);
	snprintf(line, sizeof(line),
		 "segment=%s port=%d id=%d queues=1 depth=8 hold_ms=2000",
		 segment, PORT_DISK, id);
	for (tries = 0; ret && tries < 500; tries++) {
		usleep(20000);
		ret = control("add", line);
	}
	KS_CHECK(!ret);
}

static int one_block(int fd, uint64_t *buf, uint64_t n, uint64_t seed)
{
	off_t at = (off_t)(n % BLOCKS) * BLOCK;
	unsigned int i;

	for (i = 0; i < BLOCK / 8; i++)
		buf[i] = seed + i;
	if (pwrite(fd, buf, BLOCK, at) != BLOCK)
		return -EIO;
	memset(buf, 0, BLOCK);
	if (pread(fd, buf, BLOCK, at) != BLOCK)
		return -EIO;
	for (i = 0; i < BLOCK / 8; i++)
		if (buf[i] != seed + i)
			return -EBADMSG;
	return 0;
}

/*
 * disk_client() - use a disk
 * @arg: it; with @strict all must be right, else nothing
 */
void disk_client(void *arg)
{
	struct disk *d = arg;
	char path[64];
	uint64_t n, t, *buf;
	int fd, ret;

	snprintf(path, sizeof(path), "/dev/xsegbd%d", d->id);
	KS_CHECK(!posix_memalign((void **)&buf, BLOCK, BLOCK));
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	KS_CHECK(fd >= 0 || !d->strict);
	for (n = 0; !d->strict || !__atomic_load_n(&tally->stop, __ATOMIC_RELAXED);
	     n++) {
		t = ks_now_ns();
		ret = one_block(fd, buf, n, n * 0x9e3779b97f4a7c15ULL);
		if (!d->strict) {
			if (ret)
				usleep(1000);
			continue;
		}
		t = ks_now_ns() - t;
		if (t > tally->longest)
			tally->longest = t;
		if (ret)
			count(&tally->wrong, 1);
		count(&tally->blocks, 1);
	}
}

/* Ends server and disk, whatever state they are in. */
int disk_end(struct disk *d)
{
	char line[32];
	int ret;

	snprintf(line, sizeof(line), "%d force", d->id);
	ret = control("remove", line);
	kill(d->server, SIGKILL);
	ks_wait(d->server);
	return ret;
}
