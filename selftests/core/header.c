// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * header_check(): what may call itself a segment; and what join makes of it.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "selftests/lib/unit.h"

static struct xseg_header good_header(struct geometry *geo)
{
	struct xseg_header header = { 0 };
	struct xseg_params_shm shm;

	assert_int_equal(params_complete(&small_params, &shm), 0);
	assert_int_equal(geometry_compute(&shm, geo), 0);
	header_fill(&header, geo);
	return header;
}

static void test_good(void **state)
{
	struct geometry made, read;
	struct xseg_header header = good_header(&made);

	assert_int_equal(header_check(&header, made.size, &read), 0);
	assert_memory_equal(&made, &read, sizeof(made));
	/* A file that is longer does no harm. */
	assert_int_equal(header_check(&header, made.size + 1, &read), 0);
	/* What older peers may ignore. */
	header.abi_minor++;
	header.features = UINT64_MAX;
	header.rsvd1 = UINT64_MAX;
	assert_int_equal(header_check(&header, made.size, &read), 0);
}

static void test_bent(void **state)
{
	struct geometry geo;
	const struct xseg_header good = good_header(&geo);
	struct xseg_header h[14];
	static const int expected[ARRAY_SIZE(h)] = {
		-EBADMSG, -EBADMSG, -EILSEQ, -EPROTONOSUPPORT,
		-EPROTONOSUPPORT, -EPROTONOSUPPORT, -EPROTONOSUPPORT,
		-EUCLEAN, -EUCLEAN, -EUCLEAN, -EUCLEAN, -EUCLEAN, -EUCLEAN,
		-EUCLEAN,
	};
	struct geometry out;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(h); i++)
		h[i] = good;
	h[0].magic = 0;
	h[1].magic++;
	h[2].magic = __builtin_bswap64(XSEG_MAGIC);
	h[3].abi_major = XSEG_ABI_MAJOR + 1;
	h[4].abi_major = 0;
	h[5].features_required = 1;
	h[6].features_required = 1ULL << 63;
	h[7].header_size += 64;
	h[8].header_size = 0;
	h[9].segment_size += 4096;
	h[10].segment_size = 0;
	h[11].params.nr_ports = 0;
	h[12].params.nr_requests++;
	h[13].params.heap_size = UINT64_MAX;
	for (i = 0; i < ARRAY_SIZE(h); i++)
		assert_int_equal(header_check(&h[i], geo.size, &out),
				 expected[i]);
}

static void test_truncated(void **state)
{
	struct geometry geo, out;
	struct xseg_header header = good_header(&geo);

	assert_int_equal(header_check(&header, geo.size - 1, &out), -ENODATA);
	assert_int_equal(header_check(&header, 4096, &out), -ENODATA);
	assert_int_equal(header_check(&header, 0, &out), -ENODATA);
}

/* With a single bit bent, nothing is accepted that does not fit the size. */
static void test_each_bit(void **state)
{
	struct geometry geo, out;
	const struct xseg_header good = good_header(&geo);
	struct xseg_header header;
	u32 bit, accepted = 0;

	for (bit = 0; bit < 96 * 8; bit++) {
		header = good;
		((u8 *)&header)[bit / 8] ^= (u8)(1U << bit % 8);
		if (header_check(&header, UINT64_MAX, &out))
			continue;
		assert_int_equal(out.size, geo.size);
		if (bit < 64 * 8)
			accepted++;
	}
	/* minor, features, created, creator, two reserved words */
	assert_int_equal(accepted, 16 + 64 + 64 + 32 + 32 + 64);
}

static void test_random(void **state)
{
	struct rng rng = rng_new();
	struct xseg_header header;
	struct geometry geo;
	u64 *words = (u64 *)&header;
	size_t i;
	int turn, ret;

	for (turn = 0; turn < 200000; turn++) {
		for (i = 0; i < sizeof(header) / 8; i++)
			words[i] = rng_next(&rng) >> rng_below(&rng, 64);
		if (turn & 1)
			header.magic = XSEG_MAGIC;
		if (turn & 2) {
			header.abi_major = XSEG_ABI_MAJOR;
			header.features_required = 0;
			header.header_size = sizeof(header);
		}
		ret = header_check(&header, UINT64_MAX, &geo);
		assert_true(ret < 0);
		if (!(turn & 1))
			assert_int_equal(ret, -EBADMSG);
		else if (turn & 2)
			assert_int_equal(ret, -EUCLEAN);
	}
}

/* A file with that header and length, not sealed. */
static int file_with(const struct xseg_header *header, u64 size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (size >= sizeof(*header))
		assert_int_equal(pwrite(fd, header, sizeof(*header), 0),
				 sizeof(*header));
	return fd;
}

static void join_fails(const struct xseg_header *header, u64 size, int err)
{
	int fd = file_with(header, size);
	struct xseg_header after;

	assert_errno(xseg_join_fd(fd, 0), err);
	assert_true(*xseg_last_error());
	if (size >= sizeof(after)) {
		assert_int_equal(pread(fd, &after, sizeof(after), 0),
				 sizeof(after));
		assert_memory_equal(&after, header, sizeof(after));
	}
	close(fd);
}

static void test_join(void **state)
{
	struct geometry geo;
	struct xseg_header good = good_header(&geo);
	struct xseg_header bad = good;
	struct xseg *x;
	int fd;

	join_fails(&good, geo.size - 1, ENODATA);
	join_fails(&good, sizeof(good) - 1, EBADMSG);
	join_fails(&good, 0, EBADMSG);
	bad.magic = XSEG_MAGIC_SWAPPED;
	join_fails(&bad, geo.size, EILSEQ);
	bad = good;
	bad.abi_major++;
	join_fails(&bad, geo.size, EPROTONOSUPPORT);
	bad = good;
	bad.params.nr_descs++;
	join_fails(&bad, geo.size, EUCLEAN);
	fd = file_with(&good, geo.size);
	x = peer_join(fd);
	assert_int_equal(xseg_leave(x), 0);
	assert_int_equal(xseg_leave(x), -ESTALE);
	close(fd);
}

static void test_join_fd(void **state)
{
	int fd, ro;
	char path[64];

	assert_errno(xseg_join_fd(-1, 0), EBADF);
	fd = segment_new(&small_params);
	assert_errno(xseg_join_fd(fd, 2), EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ro >= 0);
	assert_errno(xseg_join_fd(ro, 0), EACCES);
	close(ro);
	close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_errno(xseg_join_fd(fd, 0), EBADMSG);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_join_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
