// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal types: names, registration, and the numbers that a segment gives.
 */
#include "selftests/lib/countertype.h"
#include "selftests/lib/unit.h"

#define MANY	(XSEG_NR_SIGNAL_TYPES + 8)

static struct xseg_signal_type type[MANY];
static int fd;
static struct xseg *a, *b;

static int setup(void **state)
{
	char name[16];
	u32 i;

	a = small_segment(&fd);
	b = peer_join(fd);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "type-%u", i);
		type[i] = counter_type(name);
	}
	memset(counts, 0, sizeof(*counts));
	return 0;
}

static int teardown(void **state)
{
	u32 i;

	xseg_leave(a);
	xseg_leave(b);
	for (i = 0; i < MANY; i++)
		xseg_unregister_signal_type(&type[i]);
	return close(fd);
}

static void test_name_check(void **state)
{
	static const char * const bad[] = {
		"", "A", "a b", "a_b", "a.b", "../a", "a/b", "a\n", "\xc3\xa4",
	};
	char name[33];
	size_t i;

	assert_int_equal(signal_name_check(NULL), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(signal_name_check(bad[i]), -EINVAL);
		assert_int_equal(xseg_local_signal_init(a, bad[i]), -EINVAL);
	}
	assert_int_equal(signal_name_check("abc-xyz-0123456789-"), 0);
	memset(name, 'x', sizeof(name));
	name[31] = 0;
	assert_int_equal(signal_name_check(name), 0);
	assert_int_equal(xseg_local_signal_init(a, name), -ENOENT);
	name[31] = 'x';
	name[32] = 0;
	assert_int_equal(signal_name_check(name), -ENAMETOOLONG);
	assert_int_equal(xseg_local_signal_init(a, name), -ENAMETOOLONG);
	assert_int_equal(xseg_get_type_info(a, 0,
					    &(struct xseg_type_info){ 0 }),
			 -ENOENT);
}

static void test_register(void **state)
{
	struct xseg_signal_type t = type[0];

	assert_int_equal(xseg_register_signal_type(NULL), -EINVAL);
	t.name[0] = 0;
	assert_int_equal(xseg_register_signal_type(&t), -EINVAL);
	memset(t.name, 'x', sizeof(t.name));
	assert_int_equal(xseg_register_signal_type(&t), -ENAMETOOLONG);
	t = type[0];
	t.data_size = XSEG_SIGNAL_DATA_SIZE + 1;
	assert_int_equal(xseg_register_signal_type(&t), -E2BIG);
	t = type[0];
	t.api++;
	assert_int_equal(xseg_register_signal_type(&t), -EINVAL);
	t = type[0];
	t.domain = 3;
	assert_int_equal(xseg_register_signal_type(&t), -EINVAL);
	t = type[0];
	snprintf(t.name, sizeof(t.name), "futex");
	assert_int_equal(xseg_register_signal_type(&t), -EEXIST);
	assert_int_equal(xseg_unregister_signal_type(&t), -ENOENT);
}

/* A type lacks nothing that its own domain needs. */
static void test_register_ops(void **state)
{
	struct xseg_signal_type t;
	u32 i;

	for (i = 0; i < 6; i++) {
		t = type[0];
		switch (i) {
		case 0: t.ops.init_signal_desc = NULL; break;
		case 1: t.ops.quit_signal_desc = NULL; break;
		case 2: t.ops.prepare_wait = NULL; break;
		case 3: t.ops.cancel_wait = NULL; break;
		case 4: t.ops.wait_signal = NULL; break;
		case 5: t.ops.signal = NULL; break;
		}
		assert_int_equal(xseg_register_signal_type(&t), -EINVAL);
		/* Of the other's it sends only. */
		t.domain = XSEG_DOMAIN_KERNEL;
		assert_int_equal(xseg_register_signal_type(&t),
				 i == 5 ? -EINVAL : 0);
		xseg_unregister_signal_type(&t);
	}
}

/* Registers as many as there is room for beside the built-in ones. */
static u32 register_all(void)
{
	u32 n = 0;

	while (!xseg_register_signal_type(&type[n]))
		n++;
	/* futex and eventfd are there, and a few of the kernel's */
	assert_true(n <= XSEG_NR_SIGNAL_TYPES - 2 &&
		    n >= XSEG_NR_SIGNAL_TYPES - 6);
	return n;
}

static void test_registry_full(void **state)
{
	u32 n = register_all();

	assert_int_equal(xseg_register_signal_type(&type[n]), -ENOSPC);
	assert_int_equal(xseg_unregister_signal_type(&type[7]), 0);
	assert_int_equal(xseg_register_signal_type(&type[n]), 0);
	assert_int_equal(xseg_register_signal_type(&type[n]), -EEXIST);
	assert_int_equal(xseg_unregister_signal_type(&type[7]), -ENOENT);
}

/* The name that an id has for a handle, and back. */
static void name_is(struct xseg *x, u32 id, const char *name)
{
	struct xseg_type_info info;

	assert_int_equal(xseg_get_type_info(x, id, &info), 0);
	assert_string_equal(info.name, name);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.data_size, 8);
	assert_int_equal(info.domain, XSEG_DOMAIN_USER);
}

/* Two peers in different orders: one id for each name. */
static void test_ids_agree(void **state)
{
	struct xseg_type_info info;
	u32 i, n = 10;

	for (i = 0; i < n; i++)
		xseg_register_signal_type(&type[i]);
	for (i = 0; i < n; i++) {
		assert_int_equal(xseg_local_signal_init(a, type[i].name), 0);
		assert_int_equal(xseg_local_signal_init(b,
							type[n - 1 - i].name),
				 0);
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(xseg_get_type_info(a, i, &info), 0);
		name_is(b, i, info.name);
		assert_string_equal(a->types[i].type->name, info.name);
		assert_ptr_equal(a->types[i].type, b->types[i].type);
	}
	assert_int_equal(xseg_get_type_info(a, n, &info), -ENOENT);
	assert_int_equal(xseg_get_type_info(a, XSEG_NR_SIGNAL_TYPES, &info),
			 -EINVAL);
	assert_int_equal(counts->remote_init, 2 * n);
}

/* One type makes room in the process for another, none in the segment. */
static void replace(u32 old, u32 new)
{
	xseg_leave(a);
	a = peer_join(fd);
	assert_int_equal(xseg_unregister_signal_type(&type[old]), 0);
	assert_int_equal(xseg_register_signal_type(&type[new]), 0);
}

static void test_table_full(void **state)
{
	struct xseg_type_info info;
	u32 i, n = register_all(), used = n + 2;

	for (i = 0; i < n; i++)
		assert_int_equal(xseg_local_signal_init(a, type[i].name), 0);
	assert_int_equal(xseg_local_signal_init(a, "futex"), 0);
	assert_int_equal(xseg_local_signal_init(b, "eventfd"), 0);
	for (i = 0; used < XSEG_NR_SIGNAL_TYPES; i++, used++) {
		replace(i, n + i);
		assert_int_equal(xseg_local_signal_init(a, type[n + i].name),
				 0);
	}
	replace(i, n + i);
	for (used = 0; used < 400; used++)	/* there are fewer records */
		assert_int_equal(xseg_local_signal_init(a, type[n + i].name),
				 -ENOSPC);
	assert_int_equal(xseg_local_signal_init(a, type[9].name), 0);
	assert_int_equal(xseg_local_signal_init(a, type[0].name), -ENOENT);
	assert_int_equal(xseg_get_type_info(a, 0, &info), 0);
	assert_string_equal(info.name, "type-0");
	assert_int_equal(info.known, 0);
}

static void test_version(void **state)
{
	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), 0);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), -EBUSY);
	xseg_leave(a);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), 0);
	type[0].version = 2;
	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	a = peer_join(fd);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), -EPROTO);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), 0);
	type[0].version = 1;
	type[0].data_size = 16;
	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), -EPROTO);
	assert_int_equal(counts->local_init, 1);
	/* A refused type is in nobody's use. */
	assert_int_equal(xseg_unregister_signal_type(&type[0]), 0);
}

/* Types of the kernel are known but not waited upon here. */
static void test_other_domain(void **state)
{
	type[0].domain = XSEG_DOMAIN_KERNEL;
	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), -EOPNOTSUPP);
	assert_errno(xseg_get_signal_desc(a, "type-0"), EINVAL);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), 0);
}

/* A type in use cannot be unregistered, by whatever it is in use. */
static void test_busy(void **state)
{
	struct signal_desc *sd;

	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), 0);
	sd = xseg_get_signal_desc(a, "type-0");
	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	xseg_prepare_wait(a, sd);
	/* b meets it by signalling */
	assert_int_equal(xseg_signal(b, 0), 0);
	assert_int_equal(counts->signal, 1);
	xseg_leave(a);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), -EBUSY);
	xseg_leave(b);
	assert_int_equal(counts->remote_init, 2);
	assert_int_equal(counts->remote_quit, 2);
	assert_int_equal(xseg_unregister_signal_type(&type[0]), 0);
	a = peer_join(fd);
	b = peer_join(fd);
}

/* A port whose type this process does not know. */
static void test_unknown(void **state)
{
	struct signal_desc *sd;

	assert_int_equal(xseg_register_signal_type(&type[0]), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-0"), 0);
	sd = xseg_get_signal_desc(a, "type-0");
	assert_int_equal(xseg_bind_port(a, 0, sd), 0);
	/* for b as if it were of a number that nobody registered */
	shm_write(&sd->type, 33);
	xseg_prepare_wait(a, sd);
	assert_int_equal(xseg_signal(b, 0), -ENOENT);
	assert_errno(xseg_get_port_signal_desc(b, 0), ENOENT);
	shm_write(&sd->type, UINT64_MAX);
	assert_int_equal(xseg_signal(b, 0), -ENOENT);
	assert_errno(xseg_get_port_signal_desc(b, 0), ENOENT);
	shm_write(&sd->type, 0);
	assert_int_equal(xseg_signal(b, 0), 0);
}

/* A record claimed and filled, or also published: what a dead peer left. */
static void dies_interning(struct xseg *x, void *arg)
{
	struct xseg_signal_name *name = xseg_at(x, x->geo.names);
	struct xseg_signal_table *table = xseg_at(x, x->geo.table);
	int n = *(int *)arg;
	u64 w;

	name += n;
	w = shm_read(&name->own);
	shm_write(&name->own, own_next(w, XOWN_OWNED, x->me));
	name->domain = XSEG_DOMAIN_USER;
	name->version = 1;
	name->data_size = sizeof(struct xseg_ec);
	snprintf(name->name, sizeof(name->name), "type-%d", n);
	if (n)
		shm_write(&table->name[0], n + 1);
}

static void test_dies_interning(void **state)
{
	struct xseg_signal_name *name = xseg_at(a, a->geo.names);
	int n;

	for (n = 0; n < 2; n++) {
		xseg_register_signal_type(&type[n]);
		peer_dies(fd, dies_interning, &n);
		assert_int_equal(xseg_reap(a), 1);
		assert_int_equal(XOWN_ST(shm_read(&name[n].own)),
				 n ? XOWN_LIVE : XOWN_FREE);
	}
	/* The one that was published has its number, the other gets one. */
	assert_int_equal(xseg_local_signal_init(a, "type-0"), 0);
	assert_int_equal(xseg_local_signal_init(a, "type-1"), 0);
	name_is(a, 0, "type-1");
	name_is(b, 1, "type-0");
}

/* Names that only a liar writes. */
static void test_lies(void **state)
{
	struct xseg_signal_name *name = xseg_at(a, a->geo.names);
	struct xseg_signal_table *table = xseg_at(a, a->geo.table);
	struct xseg_type_info info;

	assert_int_equal(xseg_local_signal_init(a, "futex"), 0);
	memset(name->name, 'x', sizeof(name->name));
	assert_int_equal(xseg_get_type_info(b, 0, &info), -EUCLEAN);
	assert_int_equal(xseg_local_signal_init(b, "futex"), -EUCLEAN);
	snprintf(name->name, sizeof(name->name), "../../x");
	assert_int_equal(xseg_get_type_info(b, 0, &info), -EUCLEAN);
	shm_write(&table->name[0], XSEG_NR_SIGNAL_NAMES + 1);
	assert_int_equal(xseg_get_type_info(b, 0, &info), -EUCLEAN);
	/* What was met before stays as it was. */
	assert_non_null(xseg_get_signal_desc(a, "futex"));
}

#define TYPE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TYPE_TEST(test_name_check),
		TYPE_TEST(test_register),
		TYPE_TEST(test_register_ops),
		TYPE_TEST(test_registry_full),
		TYPE_TEST(test_ids_agree),
		TYPE_TEST(test_table_full),
		TYPE_TEST(test_version),
		TYPE_TEST(test_other_domain),
		TYPE_TEST(test_busy),
		TYPE_TEST(test_unknown),
		TYPE_TEST(test_dies_interning),
		TYPE_TEST(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
