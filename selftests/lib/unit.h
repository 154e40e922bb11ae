/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For unit tests: cmocka with what it wants included before, and checks that
 * all of them make.
 */
#ifndef XSEG_SELFTESTS_LIB_UNIT_H
#define XSEG_SELFTESTS_LIB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

#include "selftests/lib/segment.h"

/* A call that returns NULL with errno. */
#define assert_errno(call, err) do { \
	errno = 0; \
	assert_null(call); \
	assert_int_equal(errno, err); \
} while (0)

/* Whatever the test did, the segment is in order. */
#define assert_in_order(xseg) assert_int_equal(audit_segment(xseg), 0)

/* A new segment with the small capacities and one peer. */
static inline struct xseg *small_segment(int *fd)
{
	*fd = segment_new(&small_params);
	return peer_join(*fd);
}

#endif /* XSEG_SELFTESTS_LIB_UNIT_H */
