// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The device: its commands with good and with bad input, attaching and
 * detaching, the page that tells of a process's death.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/ioctl.h>
#include <xseg/xseg.h>

#include "kselftest_harness.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define SMALL { .size = sizeof(struct xseg_params), .nr_ports = 16,	\
		.nr_requests = 64, .nr_descs = 32, .queue_len = 16,	\
		.heap_size = 1 << 18, .max_data = 4096 }

static int attach(int dev, int fd, unsigned int flags, const char *name)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg), .fd = fd,
				       .flags = flags };

	if (name)
		snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ioctl(dev, XSEG_IOC_ATTACH, &arg) ? -errno : 0;
}

static int detach(int dev, const char *name)
{
	struct xseg_ioc_detach arg = { .size = sizeof(arg) };

	if (name) {
		arg.flags = XSEG_DETACH_NAME;
		snprintf(arg.name, sizeof(arg.name), "%s", name);
	}
	return ioctl(dev, XSEG_IOC_DETACH, &arg) ? -errno : 0;
}

static __u64 attached_bytes(int dev)
{
	struct xseg_ioc_info arg = { .size = sizeof(arg) };

	return ioctl(dev, XSEG_IOC_INFO, &arg) ? ~0ULL : arg.segment_size;
}

/* Lines of debugfs that say PATTERN. */
static int segments_grep(const char *pattern)
{
	FILE *f = fopen("/sys/kernel/debug/xseg/segments", "r");
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, pattern);
	if (f)
		fclose(f);
	return n;
}

static int reopen(int fd, int mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_CLOEXEC);
}

FIXTURE(device) {
	int dev;
	int seg;
};

FIXTURE_SETUP(device)
{
	struct xseg_params params = SMALL;

	self->dev = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->dev, 0);
	self->seg = xseg_create_fd(&params);
	ASSERT_GE(self->seg, 0);
}

FIXTURE_TEARDOWN(device)
{
	close(self->dev);
	close(self->seg);
	EXPECT_EQ(0, segments_grep("inode"));
}

TEST_F(device, commands)
{
	struct { struct xseg_ioc_info info; char tail[64]; } arg = { 0 };
	static char page[8192] __attribute__((aligned(4096)));

	EXPECT_EQ(-1, ioctl(self->dev, _IO(XSEG_IOC, 0), &arg));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, &arg));	/* size 0 */
	EXPECT_EQ(EINVAL, errno);
	arg.info.size = sizeof(arg.info) - 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.info.size = sizeof(arg);
	EXPECT_EQ(0, ioctl(self->dev, XSEG_IOC_INFO, &arg));
	EXPECT_EQ(XSEG_ABI_MAJOR, arg.info.abi_major);
	EXPECT_EQ(0, arg.info.segment_size);
	arg.info.size = sizeof(arg);
	arg.tail[63] = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, &arg));
	EXPECT_EQ(E2BIG, errno);
	arg.tail[63] = 0;
	arg.info.flags = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, &arg));
	EXPECT_EQ(EINVAL, errno);
	*(__u32 *)page = 8192;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, page));
	EXPECT_EQ(E2BIG, errno);
	*(__u32 *)(page + 4092) = sizeof(struct xseg_ioc_info);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_INFO, page + 4092));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(device, attach_and_detach)
{
	int dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-ENXIO, detach(self->dev, NULL));
	EXPECT_EQ(-ENOENT, attach(self->dev, self->seg, XSEG_ATTACH_ONLY,
				  NULL));
	EXPECT_EQ(0, attach(self->dev, self->seg, 0, NULL));
	EXPECT_LT(1 << 18, attached_bytes(self->dev));
	EXPECT_EQ(-EBUSY, attach(self->dev, self->seg, 0, NULL));
	EXPECT_EQ(0, attach(dev2, self->seg, XSEG_ATTACH_ONLY, NULL));
	EXPECT_EQ(1, segments_grep("refs 2"));
	EXPECT_EQ(0, detach(self->dev, NULL));
	EXPECT_EQ(0, attached_bytes(self->dev));
	EXPECT_EQ(1, segments_grep("refs 1"));
	EXPECT_EQ(0, attach(self->dev, self->seg, 0, NULL));
	close(dev2);
	EXPECT_EQ(1, segments_grep("refs 1"));
}

TEST_F(device, attach_flags)
{
	struct xseg_ioc_attach arg = { .size = sizeof(arg), .fd = self->seg };

	EXPECT_EQ(-EINVAL, attach(self->dev, self->seg, 8, NULL));
	EXPECT_EQ(-EINVAL, attach(self->dev, self->seg, 0, "name"));
	EXPECT_EQ(-EINVAL, attach(self->dev, self->seg, XSEG_ATTACH_KEEP,
				  NULL));
	EXPECT_EQ(-EINVAL, attach(self->dev, self->seg, XSEG_ATTACH_KERNEL,
				  NULL));
	EXPECT_EQ(-EINVAL, attach(self->dev, self->seg, XSEG_ATTACH_KERNEL,
				  "a/b"));
	arg.rsvd = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_ATTACH, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.rsvd = 0;
	arg.flags = XSEG_ATTACH_KERNEL;
	memset(arg.name, 'x', sizeof(arg.name));	/* no final zero */
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_ATTACH, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, attached_bytes(self->dev));
}

TEST_F(device, names_and_keep)
{
	struct xseg_params params = SMALL;
	int other = xseg_create_fd(&params);
	int dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-ENOENT, detach(dev2, "kept"));
	EXPECT_EQ(0, attach(self->dev, self->seg,
			    XSEG_ATTACH_KERNEL | XSEG_ATTACH_KEEP, "kept"));
	EXPECT_EQ(-EEXIST, attach(dev2, other, XSEG_ATTACH_KERNEL, "kept"));
	EXPECT_EQ(-EEXIST, attach(dev2, self->seg, XSEG_ATTACH_KERNEL,
				  "other"));
	EXPECT_EQ(0, attach(dev2, other, XSEG_ATTACH_KERNEL, "other"));
	EXPECT_EQ(0, detach(self->dev, NULL));
	EXPECT_EQ(1, segments_grep("kept inode"));
	EXPECT_EQ(-ENOENT, detach(dev2, "other"));	/* not kept */
	EXPECT_EQ(0, detach(dev2, "kept"));
	EXPECT_EQ(-ENOENT, detach(dev2, "kept"));
	EXPECT_EQ(0, segments_grep("kept inode"));
	close(dev2);
	close(other);
}

TEST_F(device, foreign_files)
{
	int p[2], fd;

	EXPECT_EQ(-EBADF, attach(self->dev, -1, 0, NULL));
	EXPECT_EQ(-EBADF, attach(self->dev, 999, 0, NULL));
	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-EACCES, attach(self->dev, p[0], 0, NULL));
	EXPECT_EQ(-EACCES, attach(self->dev, p[1], 0, NULL));
	fd = open("/", O_RDONLY | O_DIRECTORY);
	EXPECT_EQ(-EACCES, attach(self->dev, fd, 0, NULL));
	fd = reopen(self->seg, O_RDONLY);
	EXPECT_EQ(-EACCES, attach(self->dev, fd, 0, NULL));
	fd = reopen(self->seg, O_WRONLY);
	EXPECT_EQ(-EACCES, attach(self->dev, fd, 0, NULL));
	fd = open("/dev/null", O_PATH);
	EXPECT_EQ(-EBADF, attach(self->dev, fd, 0, NULL));
	fd = open("/dev/zero", O_RDWR);
	EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	fd = eventfd(0, 0);
	EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	EXPECT_EQ(-EBADMSG, attach(self->dev, self->dev, 0, NULL));
	fd = memfd_create("huge", MFD_HUGETLB);
	if (fd >= 0)
		EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	fd = open("/tmp-not-shmem", O_RDWR | O_CREAT, 0600);	/* ramfs */
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, attached_bytes(self->dev));
}

TEST_F(device, damaged_segments)
{
	struct xseg_header h;
	int fd;

	fd = memfd_create("empty", MFD_CLOEXEC);
	EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	ASSERT_EQ(0, ftruncate(fd, 100));
	EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	ASSERT_EQ(0, ftruncate(fd, 1 << 20));
	EXPECT_EQ(-EBADMSG, attach(self->dev, fd, 0, NULL));
	ASSERT_EQ(sizeof(h), pread(self->seg, &h, sizeof(h), 0));
	h.magic = XSEG_MAGIC_SWAPPED;
	pwrite(fd, &h, sizeof(h), 0);
	EXPECT_EQ(-EILSEQ, attach(self->dev, fd, 0, NULL));
	h.magic = XSEG_MAGIC;
	h.abi_major++;
	pwrite(fd, &h, sizeof(h), 0);
	EXPECT_EQ(-EPROTONOSUPPORT, attach(self->dev, fd, 0, NULL));
	h.abi_major--;
	h.params.nr_ports = 0;
	pwrite(fd, &h, sizeof(h), 0);
	EXPECT_EQ(-EUCLEAN, attach(self->dev, fd, 0, NULL));
	h.params.nr_ports = 17;
	pwrite(fd, &h, sizeof(h), 0);
	EXPECT_EQ(-EUCLEAN, attach(self->dev, fd, 0, NULL));
	h.params.nr_ports = 16;
	pwrite(fd, &h, sizeof(h), 0);
	ASSERT_EQ(0, ftruncate(fd, h.segment_size - 1));
	EXPECT_EQ(-ENODATA, attach(self->dev, fd, 0, NULL));
	ASSERT_EQ(0, ftruncate(fd, h.segment_size));
	EXPECT_EQ(0, attach(self->dev, fd, 0, NULL));
}

TEST_F(device, seals)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct xseg_header h;

	ASSERT_EQ(sizeof(h), pread(self->seg, &h, sizeof(h), 0));
	ASSERT_EQ(0, ftruncate(fd, h.segment_size));
	ASSERT_EQ(sizeof(h), pwrite(fd, &h, sizeof(h), 0));
	ASSERT_EQ(0, attach(self->dev, fd, 0, NULL));
	EXPECT_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, detach(self->dev, NULL));
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	EXPECT_EQ(-EPERM, attach(self->dev, fd, 0, NULL));
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(-EPERM, attach(self->dev, fd, 0, NULL));
}

TEST_F(device, truncated_while_attached)
{
	struct xseg_ioc_signal arg = { .size = sizeof(arg) };
	struct xseg_header h;
	int fd = memfd_create("cut", MFD_CLOEXEC);
	int dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);

	ASSERT_EQ(sizeof(h), pread(self->seg, &h, sizeof(h), 0));
	ASSERT_EQ(0, ftruncate(fd, h.segment_size));
	ASSERT_EQ(sizeof(h), pwrite(fd, &h, sizeof(h), 0));
	ASSERT_EQ(0, attach(self->dev, fd, 0, NULL));
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, ftruncate(fd, h.segment_size));
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(EUCLEAN, errno);
	EXPECT_EQ(-EUCLEAN, attach(dev2, fd, 0, NULL));
	EXPECT_EQ(0, detach(self->dev, NULL));
	close(dev2);
}

TEST_F(device, signal_input)
{
	struct xseg_ioc_signal arg = { .size = sizeof(arg) };

	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(ENXIO, errno);
	ASSERT_EQ(0, attach(self->dev, self->seg, 0, NULL));
	arg.portno = 16;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.portno = 15;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(ENOTCONN, errno);
	arg.desc = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.flags = XSEG_SIGNAL_DESC;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(EINVAL, errno);	/* port with a descriptor */
	arg.portno = 0;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(ENOTCONN, errno);
	arg.desc = 32;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_SIGNAL, &arg));
	EXPECT_EQ(EINVAL, errno);
}

static int reg(int dev, struct xseg_ioc_register *arg)
{
	arg->size = sizeof(*arg);
	return ioctl(dev, XSEG_IOC_REGISTER, arg) ? -errno : 0;
}

TEST_F(device, register_input)
{
	struct xseg_ioc_unregister un = { .size = sizeof(un) };
	struct xseg_ioc_register arg = { .flags = XSEG_REGISTER_THREAD };
	int i, fd = eventfd(0, 0);

	EXPECT_EQ(-ENXIO, reg(self->dev, &arg));
	ASSERT_EQ(0, attach(self->dev, self->seg, 0, NULL));
	EXPECT_EQ(0, reg(self->dev, &arg));	/* nobody's, generation 0 */
	EXPECT_EQ(0, arg.slot);
	EXPECT_EQ(0, reg(self->dev, &arg));	/* the same thread */
	EXPECT_EQ(0, arg.slot);
	arg.gen = 1;
	EXPECT_EQ(-ESTALE, reg(self->dev, &arg));
	arg.gen = 0;
	arg.desc = 32;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	arg.desc = 0;
	arg.fd = 1;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	arg.flags = 0;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	arg.flags = XSEG_REGISTER_EVENTFD | XSEG_REGISTER_THREAD;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	arg.flags = XSEG_REGISTER_EVENTFD;
	arg.fd = self->seg;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	arg.fd = -1;
	EXPECT_EQ(-EBADF, reg(self->dev, &arg));
	arg.fd = fd;
	arg.slot = 7;
	EXPECT_EQ(-EINVAL, reg(self->dev, &arg));
	for (i = 1; i < XSEG_MAX_REGISTERED; i++) {
		arg.slot = 0;
		EXPECT_EQ(0, reg(self->dev, &arg));
		EXPECT_EQ(i, arg.slot);
		arg.slot = 0;
		EXPECT_EQ(0, reg(self->dev, &arg));	/* the same file */
		EXPECT_EQ(i, arg.slot);
		close(fd);
		fd = eventfd(0, 0);
		ASSERT_EQ(arg.fd, fd);
	}
	arg.slot = 0;
	EXPECT_EQ(-ENOSPC, reg(self->dev, &arg));
	un.gen = 1;
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_UNREGISTER, &un));
	EXPECT_EQ(ENOENT, errno);
	un.gen = 0;
	EXPECT_EQ(0, ioctl(self->dev, XSEG_IOC_UNREGISTER, &un));
	EXPECT_EQ(-1, ioctl(self->dev, XSEG_IOC_UNREGISTER, &un));
	arg.slot = 0;
	EXPECT_EQ(0, reg(self->dev, &arg));
	close(fd);
}

/* As an ordinary user with a limit: its status says what failed. */
static void limited(int dev, int big)
{
	struct rlimit lim = { 256 << 10, 256 << 10 };
	struct xseg_params params = SMALL;
	int small, i;

	params.heap_size = 1 << 18;
	if (setrlimit(RLIMIT_MEMLOCK, &lim) || setgroups(0, NULL) ||
	    setgid(1000) || setuid(1000))
		_exit(1);
	if (attach(dev, big, 0, NULL) != -ENOBUFS)
		_exit(2);
	if (attach(dev, big, XSEG_ATTACH_KERNEL, "x") != -EPERM)
		_exit(3);
	if (detach(dev, "x") != -EPERM)
		_exit(4);
	if (open(XSEG_DEVICE, O_RDWR) >= 0 || errno != EACCES)
		_exit(5);
	lim.rlim_cur = 0;
	lim.rlim_max = 1 << 20;
	small = xseg_create_fd(&params);
	for (i = 0; i < 3; i++)		/* what it was charged is given back */
		if (attach(dev, small, 0, NULL) != -ENOBUFS)
			_exit(6);
	_exit(0);
}

/* A user with room for one of these segments, and not for two. */
static void charged(int dev, int dev2, unsigned int bytes)
{
	struct rlimit lim = { bytes + bytes / 2, bytes + bytes / 2 };
	struct xseg_params params = SMALL;
	int a, b, i;

	if (setrlimit(RLIMIT_MEMLOCK, &lim) || setgid(1001) || setuid(1001))
		_exit(1);
	a = xseg_create_fd(&params);
	b = xseg_create_fd(&params);
	for (i = 0; i < 4; i++) {
		if (attach(dev, a, 0, NULL))
			_exit(2);
		if (attach(dev2, b, 0, NULL) != -ENOBUFS)
			_exit(3);
		if (attach(dev2, a, 0, NULL))	/* once for each segment */
			_exit(4);
		if (detach(dev, NULL) || detach(dev2, NULL))
			_exit(5);
	}
	_exit(0);
}

TEST_F(device, permissions_and_limits)
{
	struct xseg_params params = SMALL;
	int dev2 = open(XSEG_DEVICE, O_RDWR | O_CLOEXEC);
	int big, status;
	struct stat st;
	pid_t pid;

	params.heap_size = 8 << 20;
	big = xseg_create_fd(&params);
	fchmod(big, 0666);
	pid = fork();
	if (!pid)
		limited(self->dev, big);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	fstat(self->seg, &st);
	pid = fork();
	if (!pid)
		charged(self->dev, dev2, st.st_size);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, attach(self->dev, big, 0, NULL));	/* root: no limit */
	close(dev2);
}

TEST_F(device, page)
{
	char *p;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, 8192, PROT_READ, MAP_SHARED,
				   self->dev, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE,
				   self->dev, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   self->dev, 4096));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->dev, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, *p);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   self->dev, 0));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, madvise(p, 4096, MADV_DOFORK));
	EXPECT_EQ(0, madvise(p, 4096, MADV_DONTNEED));
	EXPECT_EQ(0, *p);
	EXPECT_EQ(MAP_FAILED, mremap(p, 4096, 8192, MREMAP_MAYMOVE));
	ASSERT_EQ(0, munmap(p, 4096));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->dev, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p, 4096));
}

/* Somebody else's kill in the middle of attaching a large sparse file. */
TEST_F_TIMEOUT(device, killed_while_attaching, 240)
{
	struct xseg_params params = SMALL;
	int fd, status, i;
	pid_t pid;

	params.flags = XSEG_CREATE_SPARSE;
	params.heap_size = 128 << 20;
	for (i = 0; i < 3; i++) {
		fd = xseg_create_fd(&params);
		ASSERT_GE(fd, 0);
		pid = fork();
		if (!pid) {
			attach(self->dev, fd, 0, NULL);
			_exit(0);
		}
		usleep(20000 * i + 1000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		detach(self->dev, NULL);
		EXPECT_EQ(0, attached_bytes(self->dev));
		close(fd);
	}
	EXPECT_EQ(0, segments_grep("inode"));
}

TEST_HARNESS_MAIN
