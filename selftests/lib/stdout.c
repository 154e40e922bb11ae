// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Line by line to the runner's pipe, so that a test that dies or hangs has
 * said how far it came, and a fork does not say it twice.
 */
#include <stdio.h>

static void __attribute__((constructor)) stdout_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}
