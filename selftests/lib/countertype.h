/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A signal type that only counts what is asked of it.
 */
#ifndef XSEG_SELFTESTS_LIB_COUNTERTYPE_H
#define XSEG_SELFTESTS_LIB_COUNTERTYPE_H

#include <xseg/signal_type.h>

/**
 * struct counts - calls of each operation so far
 * @init: of init_signal_desc(); so the others
 * @quit: likewise
 * @local_init: likewise
 * @local_quit: likewise
 * @remote_init: likewise
 * @remote_quit: likewise
 * @signal: likewise
 * @release: likewise
 * @init_fails: what init_signal_desc() is to answer
 * @live: the type's view of how many descriptors there are
 */
struct counts {
	int init;
	int quit;
	int local_init;
	int local_quit;
	int remote_init;
	int remote_quit;
	int signal;
	int release;
	int init_fails;
	int live;
};

/* In memory that forked children share. */
extern struct counts *counts;

struct xseg_signal_type counter_type(const char *name);

#endif /* XSEG_SELFTESTS_LIB_COUNTERTYPE_H */
