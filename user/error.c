// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sentence that goes with an error, for each thread its own.
 */
#include <stdio.h>

#include "user/user.h"

static _Thread_local char last_error[256];

int fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_error, sizeof(last_error), format, args);
	va_end(args);
	return err;
}

void fail_clear(void)
{
	last_error[0] = 0;
}

const char *xseg_last_error(void)
{
	return last_error;
}
