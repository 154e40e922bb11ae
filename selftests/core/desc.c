// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal descriptors: who holds them, and that the last one cleans up, once.
 */
#include "selftests/lib/countertype.h"
#include "selftests/lib/unit.h"

static struct xseg_signal_type type;
static int fd;
static struct xseg *a, *b;

static int setup(void **state)
{
	a = small_segment(&fd);
	b = peer_join(fd);
	type = counter_type("counter");
	memset(counts, 0, sizeof(*counts));
	if (xseg_register_signal_type(&type))
		return -1;
	return xseg_local_signal_init(a, "counter");
}

static int teardown(void **state)
{
	xseg_leave(a);
	xseg_leave(b);
	close(fd);
	return xseg_unregister_signal_type(&type);
}

static struct signal_desc *get(void)
{
	struct signal_desc *sd = xseg_get_signal_desc(a, "counter");

	assert_non_null(sd);
	return sd;
}

static u32 index_of(struct signal_desc *sd)
{
	u32 index = 0;

	assert_int_equal(desc_of(a, sd, &index), 0);
	return index;
}

static u64 own(u32 index)
{
	return shm_read(&xseg_desc(a, index)->own);
}

static void test_life(void **state)
{
	struct signal_desc *sd = get();
	u32 index = index_of(sd);

	assert_int_equal(counts->init, 1);
	assert_int_equal(XOWN_ST(own(index)), XOWN_LIVE);
	assert_int_equal(xseg_desc(a, index)->owner, a->me);
	assert_int_equal(sd->sd, (u8 *)&xseg_desc(a, index)->ec - a->base);
	assert_int_equal(xseg_hold_signal_desc(a, sd), 0);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(counts->quit, 0);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(counts->quit, 1);
	assert_int_equal(counts->release, 1);
	assert_int_equal(XOWN_ST(own(index)), XOWN_OWNED);
	/* a second put, and all else that needs a reference */
	assert_int_equal(xseg_put_signal_desc(a, sd), -EINVAL);
	assert_int_equal(xseg_hold_signal_desc(a, sd), -EINVAL);
	assert_int_equal(xseg_prepare_wait(a, sd), -EINVAL);
	assert_int_equal(xseg_cancel_wait(a, sd), -EINVAL);
	assert_int_equal(xseg_wait_signal(a, sd, 0), -EINVAL);
	assert_int_equal(xseg_signal_fd(a, sd), -EINVAL);
	assert_int_equal(xseg_bind_port(a, 0, sd), -EINVAL);
	assert_int_equal(counts->quit, 1);
	assert_in_order(a);
}

/* Pointers that are no descriptors. */
static void test_not_a_desc(void **state)
{
	struct signal_desc *sd = get();
	struct signal_desc local;

	assert_int_equal(xseg_put_signal_desc(a, &local), -EINVAL);
	assert_int_equal(xseg_put_signal_desc(a, NULL), -EINVAL);
	assert_int_equal(xseg_put_signal_desc(a, (u8 *)sd + 1), -EINVAL);
	assert_int_equal(xseg_put_signal_desc(a, (u8 *)sd - 8), -EINVAL);
	assert_int_equal(xseg_put_signal_desc(a, a->base), -EINVAL);
	assert_int_equal(xseg_put_signal_desc(b, sd), -EINVAL);
	assert_int_equal(counts->quit, 0);
	assert_errno(xseg_get_signal_desc(a, "other"), EINVAL);
	assert_errno(xseg_get_signal_desc(a, NULL), EINVAL);
	assert_errno(xseg_get_signal_desc(b, "counter"), EINVAL);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
}

static void test_generation(void **state)
{
	struct signal_desc *sd;
	struct xseg_desc_id id;
	u32 i;

	for (i = 1; i < 300; i++) {
		sd = get();
		assert_int_equal(xseg_get_desc_id(a, sd, &id), 0);
		assert_int_equal(id.gen, i);
		assert_int_equal(id.index, 0);
		assert_int_equal(id.self, 1);
		assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	}
	assert_int_equal(counts->quit, counts->init);
}

static void test_no_more(void **state)
{
	struct signal_desc *sd[16];
	u32 i;

	for (i = 0; i < 16; i++)
		sd[i] = get();
	assert_errno(xseg_get_signal_desc(a, "counter"), ENOMEM);
	for (i = 0; i < 16; i++)
		assert_int_equal(xseg_put_signal_desc(a, sd[i]), 0);
	assert_in_order(a);
}

/* The type refuses: nothing is left behind. */
static void test_init_fails(void **state)
{
	u32 i;

	counts->init_fails = -ENOSPC;
	for (i = 0; i < 50; i++)
		assert_errno(xseg_get_signal_desc(a, "counter"), ENOSPC);
	counts->init_fails = 0;
	assert_int_equal(counts->live, 0);
	assert_in_order(a);
	assert_int_equal(xseg_put_signal_desc(a, get()), 0);
	assert_int_equal(xseg_local_signal_quit(a, "counter"), 0);
}

static void test_port_desc(void **state)
{
	struct signal_desc *sd = get(), *other;

	assert_errno(xseg_get_port_signal_desc(b, 3), ENOTCONN);
	assert_errno(xseg_get_port_signal_desc(b, 8), EINVAL);
	assert_errno(xseg_get_port_signal_desc(b, NoPort), EINVAL);
	assert_int_equal(xseg_bind_port(a, 3, sd), 3);
	other = xseg_get_port_signal_desc(b, 3);
	assert_non_null(other);
	assert_int_equal((u8 *)other - b->base, (u8 *)sd - a->base);
	assert_int_equal(xseg_hold_signal_desc(b, other), 0);
	/* The owner goes: the other still holds it. */
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	/* What is left is the port's. */
	assert_int_equal(xseg_put_signal_desc(a, sd), -EINVAL);
	assert_int_equal(xseg_release_port(a, 3), 0);
	assert_int_equal(counts->quit, 0);
	assert_int_equal(xseg_put_signal_desc(a, sd), -EINVAL);
	assert_in_order(a);
	assert_int_equal(xseg_put_signal_desc(b, other), 0);
	assert_int_equal(counts->quit, 0);
	assert_int_equal(xseg_put_signal_desc(b, other), 0);
	assert_int_equal(counts->quit, 1);
	assert_in_order(a);
}

/* The owner itself may ask for its port's; that is one more reference. */
static void test_port_desc_own(void **state)
{
	struct signal_desc *sd = get();

	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	assert_ptr_equal(xseg_get_port_signal_desc(a, 0), sd);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(counts->quit, 0);
	assert_int_equal(xseg_release_port(a, 0), 0);
	assert_int_equal(counts->quit, 1);
}

/* What a port says is outdated: another generation lives there. */
static void test_port_desc_stale(void **state)
{
	struct signal_desc *sd = get();
	u64 tagged;

	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	tagged = shm_read(&xseg_port(a, 0)->signal_desc);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(xseg_release_port(a, 0), 0);
	assert_int_equal(counts->quit, 1);
	sd = get();	/* the same place */
	shm_write(&xseg_port(a, 0)->signal_desc, tagged);
	assert_errno(xseg_get_port_signal_desc(b, 0), ENOTCONN);
	assert_errno(xseg_get_port_signal_desc(a, 0), ENOTCONN);
	shm_write(&xseg_port(a, 0)->signal_desc, 0);
	assert_int_equal(counts->quit, 1);
	assert_in_order(a);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(counts->quit, 2);
}

/* A descriptor that nobody holds is taken back from who examines it. */
static void test_dying(void **state)
{
	struct signal_desc *sd = get(), *other;
	__u64 *word = &xseg_desc(a, 0)->own;
	u64 w;

	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	w = shm_read(word);
	shm_write(word, own_next(w, XOWN_DYING, 77));
	other = xseg_get_port_signal_desc(b, 0);
	assert_non_null(other);
	assert_int_equal(XOWN_ST(own(0)), XOWN_LIVE);
	/* A dead examiner's claim is taken over by the next put. */
	w = shm_read(word);
	shm_write(word, own_next(w, XOWN_DYING, 77));
	assert_int_equal(xseg_put_signal_desc(b, other), 0);
	assert_int_equal(XOWN_ST(own(0)), XOWN_LIVE);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	w = shm_read(word);
	shm_write(word, own_next(w, XOWN_DYING, 77));
	assert_int_equal(xseg_release_port(a, 0), 0);
	assert_int_equal(counts->quit, 1);
	assert_in_order(a);
}

static void test_local_quit(void **state)
{
	struct signal_desc *sd = get();

	assert_int_equal(xseg_local_signal_init(a, "counter"), 0);
	assert_int_equal(counts->local_init, 1);
	assert_int_equal(xseg_local_signal_quit(a, "counter"), 0);
	assert_int_equal(xseg_local_signal_quit(a, "counter"), -EBUSY);
	assert_int_equal(counts->local_quit, 0);
	assert_int_equal(xseg_put_signal_desc(a, sd), 0);
	assert_int_equal(xseg_local_signal_quit(a, "counter"), 0);
	assert_int_equal(counts->local_quit, 1);
	assert_int_equal(xseg_local_signal_quit(a, "counter"), -EINVAL);
	assert_errno(xseg_get_signal_desc(a, "counter"), EINVAL);
}

/* Leaving puts what is held. */
static void test_leave(void **state)
{
	struct signal_desc *sd = get();

	get();
	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	assert_non_null(xseg_get_port_signal_desc(b, 0));
	assert_int_equal(xseg_leave(a), 0);
	assert_int_equal(counts->quit, 1);
	assert_int_equal(counts->local_quit, 1);
	assert_in_order(b);
	a = peer_join(fd);
	assert_int_equal(xseg_leave(b), 0);
	assert_int_equal(counts->quit, 2);
	assert_int_equal(counts->live, 0);
	assert_in_order(a);
	b = peer_join(fd);
}

#define THREADS	4

static void *getter(void *arg)
{
	struct xseg *x = arg;
	struct signal_desc *sd;
	long n, fails = 0;

	for (n = 0; n < 20000; n++) {
		sd = xseg_get_port_signal_desc(x, 0);
		if (!sd) {
			fails += errno != ENOTCONN;
			continue;
		}
		fails += xseg_hold_signal_desc(x, sd) != 0;
		fails += xseg_put_signal_desc(x, sd) != 0;
		fails += xseg_put_signal_desc(x, sd) != 0;
	}
	return (void *)fails;
}

/* Others get and put while the owner makes and frees; one quit for each. */
static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	struct signal_desc *sd;
	void *fails;
	u32 i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, getter, i & 1 ? a : b);
	for (i = 0; i < 2000; i++) {
		sd = xseg_get_signal_desc(a, "counter");
		if (!sd)
			break;
		if (xseg_bind_port(a, 0, sd) || xseg_put_signal_desc(a, sd) ||
		    xseg_release_port(a, 0))
			break;
	}
	assert_int_equal(i, 2000);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &fails);
		assert_int_equal((long)fails, 0);
	}
	assert_int_equal(counts->init, 2000);
	assert_int_equal(counts->quit, 2000);
	assert_int_equal(counts->live, 0);
	assert_in_order(a);
}

#define DESC_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESC_TEST(test_life),
		DESC_TEST(test_not_a_desc),
		DESC_TEST(test_generation),
		DESC_TEST(test_no_more),
		DESC_TEST(test_init_fails),
		DESC_TEST(test_port_desc),
		DESC_TEST(test_port_desc_own),
		DESC_TEST(test_port_desc_stale),
		DESC_TEST(test_dying),
		DESC_TEST(test_local_quit),
		DESC_TEST(test_leave),
		DESC_TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
