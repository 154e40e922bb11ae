/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What xseg disk consists of.
 */
#ifndef XSEG_TOOL_DISK_H
#define XSEG_TOOL_DISK_H

#include "tool.h"

#define DISK_PREFIX	"xsegbd"

/* disk_list.c */
int disk_find(const char *segment, xport portno);
int disk_list(int argc, char **argv);

#endif /* XSEG_TOOL_DISK_H */
