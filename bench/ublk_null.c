// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ublk_null: a disk of ublk_drv that keeps nothing, to compare xsegbd with.
 *
 * What a good server of that driver does: each queue has a thread and an
 * io_uring of its own; the buffers are there before the first I/O; one system
 * call answers all requests that came with the last one, fetches the next ones
 * and sleeps. Data are copied by the driver, into and out of the buffers.
 *
 * Prints one JSON object on each line: "ready" when the disk is there, "stats"
 * on SIGUSR1, "exit" at the end, which SIGTERM and SIGINT bring.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <liburing.h>
#include <linux/ublk_cmd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_QUEUES	64
#define MAX_IO		(256U << 10)	/* bytes of one I/O */
#define SECTOR_SHIFT	9

/*
 * A queue. The counters are its thread's, read by others. Neither is exact for
 * somebody else than the thread, but what is counted of an I/O is counted
 * before that I/O is answered.
 */
struct queue {
	unsigned int index;
	pthread_t thread;
	struct io_uring ring;
	const struct ublksrv_io_desc *iod;	/* of each tag; the driver's */
	char *buffers;				/* MAX_IO for each tag */
	unsigned int fetching;			/* tags that the driver has */
	unsigned long long requests;
	unsigned long long enters;
};

static struct {
	unsigned int nr_queues;
	unsigned int depth;
	unsigned long long size;
	int control;
	int device;
	struct io_uring ring;			/* for commands to control */
	struct ublksrv_ctrl_dev_info info;
	struct queue queue[MAX_QUEUES];
} u = { .nr_queues = 1, .depth = 128, .size = 1ULL << 30 };

static void __attribute__((noreturn, format(printf, 2, 3)))
die(int err, const char *fmt, ...)
{
	va_list args;

	fputs("ublk_null: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, err ? ": %s\n" : "\n", strerror(err));
	exit(EXIT_FAILURE);
}

/* Commands to the driver */

/* What liburing 2.3 has no call for; cleared but for what is common to all. */
static struct io_uring_sqe *next_sqe(struct io_uring *ring, int fd, __u32 op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		die(0, "the io_uring is full");
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = op;
	return sqe;
}

static int control(__u32 op, __u64 data, void *buf, size_t len)
{
	const struct ublksrv_ctrl_cmd cmd = {
		.dev_id = u.info.dev_id, .queue_id = -1, .len = len,
		.addr = (uintptr_t)buf, .data = { data },
	};
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	int ret;

	sqe = next_sqe(&u.ring, u.control, op);
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
	ret = io_uring_submit(&u.ring);
	if (ret < 0)
		return ret;
	do {
		ret = io_uring_wait_cqe(&u.ring, &cqe);
	} while (ret == -EINTR);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&u.ring, cqe);
	return ret;
}

/* Queues */

static void count(unsigned long long *counter, unsigned long long nr)
{
	__atomic_store_n(counter, *counter + nr, __ATOMIC_RELAXED);
}

static void prepare(struct queue *q, __u32 op, unsigned int tag, int result)
{
	const struct ublksrv_io_cmd cmd = {
		.q_id = q->index, .tag = tag, .result = result,
		.addr = (uintptr_t)(q->buffers + (size_t)tag * MAX_IO),
	};
	struct io_uring_sqe *sqe = next_sqe(&q->ring, 0, op);

	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = tag;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
}

static void queue_open(struct queue *q)
{
	const size_t iods = UBLK_MAX_QUEUE_DEPTH * sizeof(*q->iod);
	/* 3 to 7 % fewer instructions than with IORING_SETUP_COOP_TASKRUN */
	unsigned int flags = IORING_SETUP_SINGLE_ISSUER |
			     IORING_SETUP_DEFER_TASKRUN;
	void *map;
	int ret;

	ret = io_uring_queue_init(u.depth, &q->ring, flags);
	if (ret)
		die(-ret, "an io_uring");
	ret = io_uring_register_files(&q->ring, &u.device, 1);
	if (ret)
		die(-ret, "registering the device");
	ret = io_uring_register_ring_fd(&q->ring);
	if (ret < 0)
		die(-ret, "registering the io_uring");
	map = mmap(NULL, u.depth * sizeof(*q->iod), PROT_READ,
		   MAP_SHARED | MAP_POPULATE, u.device,
		   UBLKSRV_CMD_BUF_OFFSET + (off_t)(q->index * iods));
	if (map == MAP_FAILED)
		die(errno, "mapping the requests");
	q->iod = map;
	map = mmap(NULL, (size_t)u.depth * MAX_IO, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (map == MAP_FAILED)
		die(errno, "buffers");
	q->buffers = map;
}

/* So that nothing refers to the device any more, which is to go. */
static void queue_close(struct queue *q)
{
	munmap((void *)q->iod, u.depth * sizeof(*q->iod));
	munmap(q->buffers, (size_t)u.depth * MAX_IO);
	io_uring_unregister_files(&q->ring);
	io_uring_queue_exit(&q->ring);
}

/* Serve what the driver has answered our fetches with. */
static void serve(struct queue *q)
{
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0, served = 0;

	io_uring_for_each_cqe(&q->ring, head, cqe) {
		unsigned int tag = cqe->user_data;

		seen++;
		if (cqe->res != UBLK_IO_RES_OK) {
			if (cqe->res != UBLK_IO_RES_ABORT)
				die(-cqe->res, "fetching a request");
			q->fetching--;
			continue;
		}
		prepare(q, UBLK_U_IO_COMMIT_AND_FETCH_REQ, tag,
			q->iod[tag].nr_sectors << SECTOR_SHIFT);
		served++;
	}
	io_uring_cq_advance(&q->ring, seen);
	count(&q->requests, served);
}

static void *queue_run(void *arg)
{
	struct queue *q = arg;
	int ret;

	queue_open(q);
	for (unsigned int tag = 0; tag < u.depth; tag++)
		prepare(q, UBLK_U_IO_FETCH_REQ, tag, -1);
	q->fetching = u.depth;
	while (q->fetching) {
		count(&q->enters, 1);
		ret = io_uring_submit_and_wait(&q->ring, 1);
		if (ret < 0 && ret != -EINTR)
			die(-ret, "waiting for requests");
		serve(q);
	}
	queue_close(q);
	return NULL;
}

/* The disk */

static void disk_add(void)
{
	struct ublk_params params = {
		.len = sizeof(params), .types = UBLK_PARAM_TYPE_BASIC,
		.basic = {
			.logical_bs_shift = 9, .physical_bs_shift = 12,
			.io_opt_shift = 12, .io_min_shift = 9,
			.max_sectors = MAX_IO >> SECTOR_SHIFT,
			.dev_sectors = u.size >> SECTOR_SHIFT,
		},
	};
	int ret;

	u.info = (struct ublksrv_ctrl_dev_info){
		.nr_hw_queues = u.nr_queues, .queue_depth = u.depth,
		.max_io_buf_bytes = MAX_IO, .dev_id = -1,
		.ublksrv_pid = getpid(), .flags = UBLK_F_CMD_IOCTL_ENCODE,
	};
	ret = control(UBLK_U_CMD_ADD_DEV, 0, &u.info, sizeof(u.info));
	if (ret)
		die(-ret, "adding a device");
	if (u.info.queue_depth != u.depth || u.info.nr_hw_queues != u.nr_queues)
		die(0, "the driver gives %u queues of %u",
		    u.info.nr_hw_queues, u.info.queue_depth);
	ret = control(UBLK_U_CMD_SET_PARAMS, 0, &params, sizeof(params));
	if (ret)
		die(-ret, "setting its parameters");
}

static void disk_start(void)
{
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "/dev/ublkc%u", u.info.dev_id);
	u.device = open(name, O_RDWR | O_CLOEXEC);
	if (u.device < 0)
		die(errno, "%s", name);
	for (unsigned int i = 0; i < u.nr_queues; i++) {
		u.queue[i].index = i;
		ret = pthread_create(&u.queue[i].thread, NULL, queue_run,
				     &u.queue[i]);
		if (ret)
			die(ret, "a thread");
	}
	/* answered when all queues fetch */
	ret = control(UBLK_U_CMD_START_DEV, getpid(), NULL, 0);
	if (ret)
		die(-ret, "starting the device");
}

static void disk_end(void)
{
	int ret = control(UBLK_U_CMD_STOP_DEV, 0, NULL, 0);

	if (ret)
		die(-ret, "stopping the device");
	for (unsigned int i = 0; i < u.nr_queues; i++)
		pthread_join(u.queue[i].thread, NULL);
	close(u.device);
	ret = control(UBLK_U_CMD_DEL_DEV, 0, NULL, 0);
	if (ret)
		die(-ret, "removing the device");
}

/* The program */

static void print(const char *event)
{
	unsigned long long requests = 0, enters = 0;

	for (unsigned int i = 0; i < u.nr_queues; i++) {
		requests += __atomic_load_n(&u.queue[i].requests,
					    __ATOMIC_RELAXED);
		enters += __atomic_load_n(&u.queue[i].enters, __ATOMIC_RELAXED);
	}
	printf("{ \"event\": \"%s\", \"device\": \"/dev/ublkb%u\", "
	       "\"requests\": %llu, \"syscalls\": %llu }\n",
	       event, u.info.dev_id, requests, enters);
	fflush(stdout);
}

static unsigned long long parse_number(const char *what, const char *text,
				       unsigned long long max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || !*text || *end || *text == '-' || !value || value > max)
		die(0, "%s: '%s' is not a number from 1 to %llu", what, text,
		    max);
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "queues", required_argument, NULL, 'q' },
		{ "depth", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			u.nr_queues = parse_number("--queues", optarg, MAX_QUEUES);
			break;
		case 'd':
			u.depth = parse_number("--depth", optarg,
					       UBLK_MAX_QUEUE_DEPTH);
			break;
		case 's':
			u.size = parse_number("--size", optarg, 1ULL << 20) << 20;
			break;
		default:
			die(0, "usage: ublk_null [--queues=N] [--depth=N] [--size=MIB]");
		}
	}
	if (optind < argc)
		die(0, "'%s': there are no arguments but options",
		    argv[optind]);
}

static void attend(const sigset_t *signals)
{
	int sig;

	for (;;) {
		if (sigwait(signals, &sig))
			continue;
		if (sig != SIGUSR1)
			return;
		print("stats");
	}
}

int main(int argc, char **argv)
{
	sigset_t signals;
	int ret;

	parse(argc, argv);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	u.control = open("/dev/ublk-control", O_RDWR | O_CLOEXEC);
	if (u.control < 0)
		die(errno, "/dev/ublk-control (module ublk_drv)");
	/* commands to control take 32 bytes, more than a short entry has */
	ret = io_uring_queue_init(4, &u.ring, IORING_SETUP_SQE128);
	if (ret)
		die(-ret, "an io_uring");
	disk_add();
	disk_start();
	print("ready");
	attend(&signals);
	disk_end();
	print("exit");
	return EXIT_SUCCESS;
}
