/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls of the C library that fail when they are told to. The linker leads
 * the library's calls here (--wrap).
 */
#ifndef SELFTESTS_FAULT_SHIM_H
#define SELFTESTS_FAULT_SHIM_H

#include <stdbool.h>

void shim_arm(unsigned int nth);
bool shim_disarm(const char **what, int *error);
long shim_live(void);

#endif /* SELFTESTS_FAULT_SHIM_H */
