/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For fuzz targets: taking numbers off the input, and stopping at a fault.
 */
#ifndef XSEG_SELFTESTS_LIB_FUZZ_H
#define XSEG_SELFTESTS_LIB_FUZZ_H

#include <stdio.h>
#include <unistd.h>

#include "selftests/lib/segment.h"

/* What must be; the fuzzer keeps the input that shows it is not. */
#define must(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
			#cond); \
		abort(); \
	} \
} while (0)

struct input {
	const u8 *at;
	const u8 *end;
};

static inline bool input_left(const struct input *in)
{
	return in->at < in->end;
}

/* The next byte, 0 at the end. */
static inline u32 input_u8(struct input *in)
{
	return input_left(in) ? *in->at++ : 0;
}

static inline u32 input_u16(struct input *in)
{
	u32 low = input_u8(in);

	return low | input_u8(in) << 8;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* XSEG_SELFTESTS_LIB_FUZZ_H */
