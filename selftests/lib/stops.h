/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Doing something between two steps of an operation, at exactly that point.
 *
 * A peer's view of a page is made inaccessible. When the operation gets as far
 * as to touch it, the fault's handler does what the test is about, through
 * another peer's mapping; then it opens the page again, and closes the one
 * where the operation is to stop next.
 */
#ifndef XSEG_SELFTESTS_LIB_STOPS_H
#define XSEG_SELFTESTS_LIB_STOPS_H

/**
 * struct stop - where to stop, and what is done there
 * @at:	 anywhere in the page
 * @act: NULL for nothing
 */
struct stop {
	void *at;
	void (*act)(void);
};

void stops_set(const struct stop *list, unsigned int nr);
unsigned int stops_end(void);
void *page_of(const void *p);

#endif /* XSEG_SELFTESTS_LIB_STOPS_H */
