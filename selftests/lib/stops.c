// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Doing something between two steps of an operation.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "selftests/lib/stops.h"

#define PAGE	4096UL

static const struct stop *stops;
static unsigned int nr_stops, at_stop;
static struct sigaction before;

void *page_of(const void *p)
{
	return (void *)((uintptr_t)p & ~(PAGE - 1));
}

static void stop_close(void)
{
	if (at_stop < nr_stops)
		mprotect(page_of(stops[at_stop].at), PAGE, PROT_NONE);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (at_stop >= nr_stops ||
	    page_of(info->si_addr) != page_of(stops[at_stop].at))
		abort();
	mprotect(page_of(info->si_addr), PAGE, PROT_READ | PROT_WRITE);
	if (stops[at_stop].act)
		stops[at_stop].act();
	at_stop++;
	stop_close();
}

/**
 * stops_set() - from here on the calling thread stops there, one by one
 * @list: the places; must stay until stops_end()
 * @nr:	  how many
 */
void stops_set(const struct stop *list, unsigned int nr)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	stops = list;
	nr_stops = nr;
	at_stop = 0;
	sigaction(SIGSEGV, &sa, &before);
	stop_close();
}

/**
 * stops_end() - no more stops
 *
 * Return: at how many the thread has stopped.
 */
unsigned int stops_end(void)
{
	if (at_stop < nr_stops)
		mprotect(page_of(stops[at_stop].at), PAGE,
			 PROT_READ | PROT_WRITE);
	nr_stops = 0;
	sigaction(SIGSEGV, &before, NULL);
	return at_stop;
}
