// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal type device, with a module that this program plays: whatever comes of
 * the sleep, those who were to be signalled before it are.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <xseg/ioctl.h>

#include "selftests/lib/unit.h"

enum { SERVER, CLIENT };	/* ports */

static int fd;
static struct xseg *a, *b;
static struct signal_desc *server, *client;
static int wait_error;	/* of XSEG_IOC_WAIT */
static int waits;
static time_t step;	/* seconds that pass between two looks at the clock */
static time_t passed;

int open(const char *path, int flags, ...)
{
	if (!strcmp(path, XSEG_DEVICE))
		return memfd_create("device", MFD_CLOEXEC);
	return openat(AT_FDCWD, path, flags);
}

int ioctl(int dev, unsigned long cmd, ...)
{
	struct xseg_ioc_info *info;
	va_list args;

	va_start(args, cmd);
	info = va_arg(args, void *);
	va_end(args);
	switch (cmd) {
	case XSEG_IOC_INFO:
		info->features = XSEG_DEVICE_SIGNAL | XSEG_DEVICE_WAIT;
		return 0;
	case XSEG_IOC_ATTACH:
	case XSEG_IOC_SIGNAL:
		return 0;
	case XSEG_IOC_WAIT:
		waits++;
		errno = wait_error;
		return -1;
	default:
		return (int)syscall(SYS_ioctl, dev, cmd, info);
	}
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, ts);

	passed += step;
	ts->tv_sec += passed;
	return ret;
}

static struct signal_desc *bound(struct xseg *xseg, xport portno)
{
	struct signal_desc *sd;

	assert_int_equal(xseg_local_signal_init(xseg, "device"), 0);
	sd = xseg_get_signal_desc(xseg, "device");
	assert_non_null(sd);
	assert_int_equal(xseg_bind_port(xseg, portno, sd), (int)portno);
	return sd;
}

static int setup(void **state)
{
	a = small_segment(&fd);
	b = peer_join(fd);
	server = bound(a, SERVER);
	client = bound(b, CLIENT);
	waits = 0;
	step = 0;
	return 0;
}

static int teardown(void **state)
{
	step = 0;
	xseg_leave(a);
	xseg_leave(b);
	return close(fd);
}

static struct xseg_ec *ec_of(struct xseg *xseg, struct signal_desc *sd)
{
	u32 index = 0;

	assert_int_equal(desc_of(xseg, sd, &index), 0);
	return &xseg_desc(xseg, index)->ec;
}

/* The server's sleep ends so, and the client, who sleeps, was signalled. */
static void signals(u32 usec, int err)
{
	struct xseg_ec *ec = ec_of(b, client);
	static const xport port = CLIENT;
	u32 seq = xseg_ec_prepare(ec, 1);

	assert_int_equal(xseg_prepare_wait(a, server), 0);
	assert_int_equal(xseg_signal_and_wait(a, server, &port, 1, usec), err);
	assert_true(xseg_ec_signalled(ec, seq));
}

static void test_refused(void **state)
{
	static const int errors[] = { ENODEV, EMFILE, ENXIO, EUCLEAN };
	unsigned int i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		wait_error = errors[i];
		signals(XSEG_WAIT_FOREVER,
			errors[i] == ENXIO ? -EBADF : -errors[i]);
		assert_true(waits);
	}
	/* the descriptor is another's: the core says so */
	wait_error = ESTALE;
	signals(XSEG_WAIT_FOREVER, 0);
}

/* The deadline comes before the sleep. */
static void test_too_late(void **state)
{
	step = 1;
	signals(1000, -ETIMEDOUT);
	assert_int_equal(waits, 0);
}

/* Another thread put the descriptor before the call. */
static void test_put_before(void **state)
{
	static const xport port = CLIENT;
	struct xseg_ec *ec = ec_of(b, client);
	u32 seq = xseg_ec_prepare(ec, 1);

	assert_int_equal(xseg_prepare_wait(a, server), 0);
	assert_int_equal(xseg_put_signal_desc(a, server), 0);
	assert_int_equal(xseg_release_port(a, SERVER), 0);
	assert_int_equal(xseg_signal_and_wait(a, server, &port, 1, 0), -EINVAL);
	assert_true(xseg_ec_signalled(ec, seq));
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(test_refused),
		DEVICE_TEST(test_too_late),
		DEVICE_TEST(test_put_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
