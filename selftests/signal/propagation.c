// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the names of signal types become numbers of a segment, and what is said
 * where that fails.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xseg/signal_type.h>

#include "selftests/lib/ks.h"

#include "kselftest_harness.h"

#define PROCESSES	16
#define TYPES		40
#define NOBODY		65534

static int nothing(struct xseg *xseg, void *sd)
{
	return 0;
}

static void nothing_left(struct xseg *xseg, void *sd)
{
}

static int no_wait(struct xseg *xseg, void *sd, __u32 usec)
{
	return -ETIMEDOUT;
}

static const struct xseg_signal_type pattern = {
	.ops = {
		.init_signal_desc = nothing,
		.quit_signal_desc = nothing_left,
		.prepare_wait = nothing,
		.cancel_wait = nothing,
		.wait_signal = no_wait,
		.signal = nothing,
	},
	.api = XSEG_SIGNAL_API,
	.domain = XSEG_DOMAIN_USER,
	.version = 1,
	.data_size = sizeof(struct xseg_ec),
};

static struct xseg_signal_type types[XSEG_NR_SIGNAL_TYPES];

static void type_name(char *name, unsigned int i)
{
	snprintf(name, XSEG_SIGNAL_NAME_SIZE, "type-%u", i);
}

/* Registers types first to first + nr - 1 in this process. */
static void register_types(unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		types[i] = pattern;
		type_name(types[i].name, first + i);
		KS_CHECK(!xseg_register_signal_type(&types[i]));
	}
}

/* The number of a name in a segment, -1 if it has none. */
static int id_of(struct xseg *x, const char *name)
{
	struct xseg_type_info info;
	unsigned int id;

	for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++)
		if (!xseg_get_type_info(x, id, &info) &&
		    !strcmp(info.name, name))
			return (int)id;
	return -1;
}

static unsigned int ids_given(struct xseg *x)
{
	struct xseg_type_info info;
	unsigned int id, given = 0;

	for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++)
		given += !xseg_get_type_info(x, id, &info);
	return given;
}

/**
 * struct race - many processes, one moment
 * @segment: where
 * @seed:    of the orders
 * @ready:   where they meet
 * @id:	     what each thinks are the numbers
 */
struct race {
	struct ks_segment segment;
	uint64_t seed;
	struct ks_barrier ready;
	int id[PROCESSES][TYPES];
};

struct racer {
	struct race *race;
	unsigned int i;
};

static void race_process(void *arg)
{
	const struct racer *r = arg;
	uint64_t dice = r->race->seed + r->i * 0x1000193U;
	char name[XSEG_SIGNAL_NAME_SIZE];
	unsigned int order[TYPES], k;
	struct xseg *x;

	for (k = 0; k < TYPES; k++)
		order[k] = k;
	ks_shuffle(order, TYPES, &dice);
	register_types(0, TYPES);
	x = xseg_join(r->race->segment.name, 0);
	KS_CHECK(x);
	ks_meet(&r->race->ready, PROCESSES);
	for (k = 0; k < TYPES; k++) {
		type_name(name, order[k]);
		KS_CHECK(!xseg_local_signal_init(x, name));
		KS_CHECK(!xseg_local_signal_init(x, name));
	}
	ks_meet(&r->race->ready, PROCESSES);
	for (k = 0; k < TYPES; k++) {
		type_name(name, k);
		r->race->id[r->i][k] = id_of(x, name);
	}
	KS_CHECK(!xseg_leave(x));
}

FIXTURE(types)
{
	struct ks_segment segment;
	struct xseg *x;
};

FIXTURE_SETUP(types)
{
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	self->x = xseg_join(self->segment.name, 0);
	ASSERT_NE(NULL, self->x);
}

FIXTURE_TEARDOWN(types)
{
	ks_destroy(&self->segment);
}

/* One segment: 40 names, each with one number, the same for all. */
static void race_once(struct __test_metadata *_metadata, struct race *race)
{
	struct racer racer[PROCESSES];
	bool seen[XSEG_NR_SIGNAL_TYPES] = { false };
	pid_t pid[PROCESSES];
	unsigned int i, k;

	for (i = 0; i < PROCESSES; i++) {
		racer[i] = (struct racer){ race, i };
		pid[i] = ks_fork(race_process, &racer[i]);
	}
	ASSERT_EQ(0, ks_wait_all(pid, PROCESSES));
	for (k = 0; k < TYPES; k++) {
		int id = race->id[0][k];

		ASSERT_LE(0, id);
		ASSERT_GT(TYPES, id);	/* none was given in vain */
		ASSERT_FALSE(seen[id]);
		seen[id] = true;
		for (i = 1; i < PROCESSES; i++)
			ASSERT_EQ(id, race->id[i][k]);
	}
}

TEST_F_TIMEOUT(types, sixteen_processes_agree, 0)
{
	struct race *race = ks_shared(sizeof(*race));
	unsigned long rounds = ks_scaled(30);

	race->seed = ks_seed();
	while (rounds--) {
		ASSERT_EQ(0, ks_create(&race->segment, &ks_small));
		race_once(_metadata, race);
		ks_destroy(&race->segment);
		race->seed += 0x10001;
	}
}

static unsigned int filled;

/* Gives half of a segment's numbers to types that no other process knows. */
static void fill_process(void *arg)
{
	unsigned int i, nr = XSEG_NR_SIGNAL_TYPES / 2;
	struct xseg *x = xseg_join(arg, 0);
	char name[XSEG_SIGNAL_NAME_SIZE];

	KS_CHECK(x);
	register_types(100 + filled, nr);
	for (i = 0; i < nr; i++) {
		type_name(name, 100 + filled + i);
		KS_CHECK(!xseg_local_signal_init(x, name));
	}
	KS_CHECK(!xseg_leave(x));
}

TEST_F(types, table_is_full)
{
	uint64_t hash;

	ASSERT_EQ(0, xseg_local_signal_init(self->x, "futex"));
	ASSERT_EQ(0, ks_wait(ks_fork(fill_process, self->segment.name)));
	filled = XSEG_NR_SIGNAL_TYPES / 2;
	/* the last of the second half finds no room */
	ASSERT_EQ(1, ks_wait(ks_fork(fill_process, self->segment.name)));
	ASSERT_EQ(XSEG_NR_SIGNAL_TYPES, ids_given(self->x));
	ASSERT_EQ(1, xseg_reap(self->x));
	register_types(0, 1);
	hash = ks_hash(self->segment.path);
	EXPECT_EQ(-ENOSPC, xseg_local_signal_init(self->x, "type-0"));
	EXPECT_EQ(-ENOSPC, xseg_local_signal_init(self->x, "eventfd"));
	EXPECT_EQ(hash, ks_hash(self->segment.path));
	EXPECT_EQ(NULL, xseg_get_signal_desc(self->x, "type-0"));
	EXPECT_EQ(EINVAL, errno);
	/* what the table has can be used */
	EXPECT_NE(NULL, xseg_get_signal_desc(self->x, "futex"));
	EXPECT_EQ(0, xseg_leave(self->x));
}

TEST_F(types, process_knows_too_many)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < XSEG_NR_SIGNAL_TYPES; i++) {
		types[i] = pattern;
		type_name(types[i].name, i);
		ret = xseg_register_signal_type(&types[i]);
	}
	i--;			/* the one that is too many */
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_LT(XSEG_NR_SIGNAL_TYPES / 2, i);
	EXPECT_EQ(-ENOENT, xseg_unregister_signal_type(&types[i]));
	EXPECT_EQ(0, xseg_unregister_signal_type(&types[7]));
	EXPECT_EQ(0, xseg_register_signal_type(&types[i]));
	EXPECT_EQ(0, xseg_local_signal_init(self->x, types[i].name));
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "type-7"));
}

TEST_F(types, names)
{
	static const char *const bad[] = {
		"", "Futex", "fu tex", "futex/", "../futex", "f.so", "f_x",
		"\xc3\xbc", "futex\n",
	};
	uint64_t hash = ks_hash(self->segment.path);
	struct xseg_signal_type type = pattern;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, xseg_local_signal_init(self->x, bad[i]));
		EXPECT_EQ(-EINVAL, xseg_local_signal_quit(self->x, bad[i]));
		strcpy(type.name, bad[i]);
		EXPECT_EQ(-EINVAL, xseg_register_signal_type(&type));
	}
	EXPECT_EQ(-EINVAL, xseg_local_signal_init(self->x, NULL));
	EXPECT_EQ(-ENAMETOOLONG,
		  xseg_local_signal_init(self->x,
					 "x234567890123456789012345678901x"));
	memset(type.name, 'x', sizeof(type.name));
	EXPECT_EQ(-ENAMETOOLONG, xseg_register_signal_type(&type));
	EXPECT_EQ(hash, ks_hash(self->segment.path));
	type.name[sizeof(type.name) - 1] = 0;	/* the longest there can be */
	EXPECT_EQ(0, xseg_register_signal_type(&type));
	EXPECT_EQ(0, xseg_local_signal_init(self->x, type.name));
	EXPECT_EQ(0, id_of(self->x, type.name));
}

/* Each time one thing is wrong. */
TEST_F(types, registration)
{
	struct xseg_signal_type type = pattern;

	type_name(type.name, 1);
	EXPECT_EQ(-EINVAL, xseg_register_signal_type(NULL));
	type.api++;
	EXPECT_EQ(-EINVAL, xseg_register_signal_type(&type));
	type.api--;
	type.domain = 3;
	EXPECT_EQ(-EINVAL, xseg_register_signal_type(&type));
	type.domain = XSEG_DOMAIN_USER;
	type.ops.signal = NULL;
	EXPECT_EQ(-EINVAL, xseg_register_signal_type(&type));
	type.ops.signal = nothing;
	type.ops.wait_signal = NULL;
	EXPECT_EQ(-EINVAL, xseg_register_signal_type(&type));
	type.ops.wait_signal = no_wait;
	type.data_size = XSEG_SIGNAL_DATA_SIZE + 1;
	EXPECT_EQ(-E2BIG, xseg_register_signal_type(&type));
	type.data_size = XSEG_SIGNAL_DATA_SIZE;
	strcpy(type.name, "futex");
	EXPECT_EQ(-EEXIST, xseg_register_signal_type(&type));
	type_name(type.name, 1);
	EXPECT_EQ(0, xseg_register_signal_type(&type));
	EXPECT_EQ(-EEXIST, xseg_register_signal_type(&type));
}

static struct xseg_signal_type mine;

/* Says to the segment what type-0 is like: as this process sees it. */
static void other_process(void *arg)
{
	struct xseg *x = xseg_join(arg, 0);

	KS_CHECK(x);
	KS_CHECK(!xseg_register_signal_type(&mine));
	KS_CHECK(!xseg_local_signal_init(x, mine.name));
	KS_CHECK(!xseg_leave(x));
}

TEST_F(types, versions_differ)
{
	uint64_t hash;

	mine = pattern;
	type_name(mine.name, 0);
	mine.version = 2;
	ASSERT_EQ(0, ks_wait(ks_fork(other_process, self->segment.name)));
	type_name(mine.name, 1);
	mine.version = 1;
	mine.data_size = 16;
	ASSERT_EQ(0, ks_wait(ks_fork(other_process, self->segment.name)));
	register_types(0, 3);
	hash = ks_hash(self->segment.path);
	EXPECT_EQ(-EPROTO, xseg_local_signal_init(self->x, "type-0"));
	EXPECT_EQ(-EPROTO, xseg_local_signal_init(self->x, "type-1"));
	EXPECT_EQ(hash, ks_hash(self->segment.path));
	EXPECT_EQ(0, xseg_local_signal_init(self->x, "type-2"));
	EXPECT_EQ(2, id_of(self->x, "type-2"));
}

TEST_F(types, of_the_kernel)
{
	struct xseg_signal_type type = pattern;

	type_name(type.name, 0);
	type.domain = XSEG_DOMAIN_KERNEL;
	ASSERT_EQ(0, xseg_register_signal_type(&type));
	EXPECT_EQ(-EOPNOTSUPP, xseg_local_signal_init(self->x, type.name));
	EXPECT_EQ(0, ids_given(self->x));
}

FIXTURE(plugins)
{
	struct ks_segment segment;
	struct xseg *x;
	char dir[32];
};

FIXTURE_SETUP(plugins)
{
	ks_plugins();
	ASSERT_EQ(0, ks_create(&self->segment, &ks_small));
	self->x = xseg_join(self->segment.name, XSEG_JOIN_PLUGINS);
	ASSERT_NE(NULL, self->x);
	strcpy(self->dir, "/tmp/xseg-plugins.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));	/* for others, too */
}

FIXTURE_TEARDOWN(plugins)
{
	char command[sizeof(self->dir) + 16];

	snprintf(command, sizeof(command), "rm -r '%s'", self->dir);
	EXPECT_EQ(0, system(command));
	ks_destroy(&self->segment);
}

/* The last error names both. */
static bool says(const char *one, const char *two)
{
	const char *error = xseg_last_error();

	printf("# it says: %s\n", error);
	return strstr(error, one) && strstr(error, two);
}

TEST_F(plugins, unknown)
{
	uint64_t hash = ks_hash(self->segment.path);

	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "telepathy"));
	EXPECT_TRUE(says("telepathy", getenv("XSEG_PLUGIN_DIR")));
	EXPECT_EQ(hash, ks_hash(self->segment.path));
	EXPECT_EQ(0, xseg_local_signal_init(self->x, "fifo"));
	EXPECT_EQ(0, id_of(self->x, "fifo"));
	EXPECT_EQ(0, xseg_leave(self->x));
}

TEST_F(plugins, not_allowed)
{
	struct xseg *x = xseg_join(self->segment.name, 0);

	ASSERT_NE(NULL, x);
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(x, "fifo"));
	EXPECT_TRUE(says("fifo", "XSEG_JOIN_PLUGINS"));
	EXPECT_EQ(0, ids_given(x));
	EXPECT_EQ(0, xseg_local_signal_init(self->x, "fifo"));
	/* now the process knows it, and needs no plug-in */
	EXPECT_EQ(0, xseg_local_signal_init(x, "fifo"));
}

/* Files with the name of a plug-in that are none. */
TEST_F(plugins, not_a_plugin)
{
	char path[sizeof(self->dir) + 64], fifo[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/xseg-signal-junk.so", self->dir);
	f = fopen(path, "w");
	ASSERT_NE(NULL, f);
	fputs("not a shared object\n", f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/xseg-signal-math.so", self->dir);
	ASSERT_EQ(0, symlink("/lib/x86_64-linux-gnu/libm.so.6", path));
	snprintf(path, sizeof(path), "%s/xseg-signal-fyfo.so", self->dir);
	snprintf(fifo, sizeof(fifo), "%s/xseg-signal-fifo.so",
		 getenv("XSEG_PLUGIN_DIR"));
	ASSERT_EQ(0, symlink(fifo, path));
	ASSERT_EQ(0, setenv("XSEG_PLUGIN_DIR", self->dir, 1));

	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "junk"));
	EXPECT_TRUE(says("junk", self->dir));
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "math"));
	EXPECT_TRUE(says("math", "no plug-in"));
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "fyfo"));
	EXPECT_TRUE(says("fyfo", "no plug-in"));
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "fifo"));
	EXPECT_EQ(0, ids_given(self->x));
}

TEST_F(plugins, relative_folder)
{
	ASSERT_EQ(0, setenv("XSEG_PLUGIN_DIR", "plugins", 1));
	EXPECT_EQ(-ENOENT, xseg_local_signal_init(self->x, "fifo"));
	EXPECT_TRUE(says("XSEG_PLUGIN_DIR", "absolute"));
}

/* Runs a program as somebody else; "--say": see say_where(). */
static int run_as_nobody(const char *program, const char *segment)
{
	pid_t pid = fork();

	if (!pid) {
		if (!setgid(NOBODY) && !setuid(NOBODY))
			execl(program, program, "--say", segment, NULL);
		_exit(99);
	}
	return ks_wait(pid);
}

static int copy_self(const char *to)
{
	char command[128];

	snprintf(command, sizeof(command), "cp /proc/%d/exe '%s'", getpid(),
		 to);
	return system(command);
}

TEST_F(plugins, environment_of_a_set_id_program)
{
	char program[sizeof(self->dir) + 16];

	if (geteuid())
		SKIP(return, "needs root");
	snprintf(program, sizeof(program), "%s/program", self->dir);
	ASSERT_EQ(0, chmod(self->segment.path, 0666));
	ASSERT_EQ(0, copy_self(program));
	ASSERT_EQ(0, chmod(program, 0755));
	if (run_as_nobody(program, self->segment.name) != 0)
		SKIP(return, "nobody cannot run a program in /tmp");
	ASSERT_EQ(0, chmod(program, 04755));
	/* 2: the folder of XSEG_PLUGIN_DIR was not looked at; 3: not set-id */
	EXPECT_EQ(2, run_as_nobody(program, self->segment.name));
}

/* Which folder is looked at: 0 that of the environment, 2 another. */
static int say_where(const char *segment)
{
	struct xseg *x = xseg_join(segment, XSEG_JOIN_PLUGINS);

	if (!x || xseg_local_signal_init(x, "telepathy") != -ENOENT)
		return 1;
	return strstr(xseg_last_error(), getenv("XSEG_PLUGIN_DIR")) ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--say"))
		return say_where(argv[2]);
	return test_harness_run(argc, argv);
}
