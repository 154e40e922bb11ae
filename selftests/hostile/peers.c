// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's peers: xseg_test.ko.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "selftests/hostile/hostile.h"

#define DIR	"/sys/kernel/debug/xseg_test/"

/* Writes a line to start; 0 or a negative errno. */
int peers_tell(const char *fmt, ...)
{
	int fd = open(DIR "start", O_WRONLY | O_CLOEXEC);
	char line[256];
	va_list args;
	int n, ret;

	KS_CHECK(fd >= 0);
	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	ret = write(fd, line, (size_t)n) == n ? 0 : -errno;
	close(fd);
	return ret;
}

/* All kinds of peers on a segment; how many started, or a negative errno. */
int peers_start(const char *segment)
{
	static const char * const peers[] = {
		"echo %s 2", "work %s 3", "direct %s 4", "direct %s 5",
		"source %s 6 2 1000000000 4", "work:eventfd-bridge %s 7",
	};
	char line[128];
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		snprintf(line, sizeof(line), peers[i], segment);
		ret = peers_tell("%s", line);
		if (ret)
			return ret;
	}
	return (int)i;
}

/* How many peers a segment has, what they did, and what was wrong with it. */
int peers_stat(const char *segment, uint64_t *done, uint64_t *wrong)
{
	FILE *f = fopen(DIR "stat", "re");
	char line[512], *name;
	long long d, b, failed;
	int nr = 0;

	KS_CHECK(f);
	*done = *wrong = 0;
	while (fgets(line, sizeof(line), f)) {
		name = strstr(line, " of ");
		if (sscanf(line, "%*s port %*u done %lld bad %lld failed %lld",
			   &d, &b, &failed) != 3 || !name ||
		    strcspn(name + 4, "\n") != strlen(segment) ||
		    strncmp(name + 4, segment, strlen(segment)))
			continue;
		*done += (uint64_t)d;
		*wrong += (uint64_t)(b + failed);
		nr++;
	}
	fclose(f);
	return nr;
}
