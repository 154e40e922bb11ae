// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random numbers that can be had again (XSEG_TEST_SEED), and delays of random
 * kind and length.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

/* Each thread's own; delays are off while rate is 0. */
static __thread struct {
	uint64_t state;
	unsigned int rate;
	bool inside;
} delay;

/* A number from the environment. */
unsigned long ks_number(const char *variable, unsigned long otherwise)
{
	const char *s = getenv(variable);

	return s && s[0] ? strtoul(s, NULL, 0) : otherwise;
}

/* The seed of this run, printed so that it can be given again. */
uint64_t ks_seed(void)
{
	uint64_t seed = ks_number("XSEG_TEST_SEED", ks_now_ns() | 1);

	printf("# XSEG_TEST_SEED=%#llx\n", (unsigned long long)seed);
	return seed;
}

/* A number of rounds, less where a sanitizer makes each of them slow. */
unsigned long ks_scaled(unsigned long number)
{
	const char *variant = getenv("XSEG_VARIANT");

	if (variant && !strcmp(variant, "tsan"))
		number /= 10;
	else if (variant && !strcmp(variant, "asan"))
		number /= 5;
	return number ? number : 1;
}

/* Marsaglia's xorshift with a multiplication at its end. */
uint32_t ks_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 0x9e3779b97f4a7c15ULL;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dULL) >> 32);
}

void ks_shuffle(unsigned int *v, unsigned int nr, uint64_t *state)
{
	unsigned int i;

	for (i = nr; i > 1; i--) {
		unsigned int k = ks_random(state) % i;
		unsigned int swap = v[i - 1];

		v[i - 1] = v[k];
		v[k] = swap;
	}
}

/* From here on this thread delays one step in rate, 0 none. */
void ks_delay_start(uint64_t seed, unsigned int rate)
{
	delay.state = seed * 0x9e3779b97f4a7c15ULL + 1;
	delay.rate = rate;
}

static void delay_now(uint32_t r)
{
	volatile unsigned int spin;

	switch (r & 15) {
	case 0:
		usleep((r >> 8) % 100);
		break;
	case 1 ... 6:
		sched_yield();
		break;
	default:
		for (spin = (r >> 8) % 2000; spin; spin--)
			;
	}
}

/* A place between two steps of a protocol. Leaves errno alone. */
void ks_delay(void)
{
	int err;

	if (!delay.rate || delay.inside ||
	    ks_random(&delay.state) % delay.rate)
		return;
	err = errno;
	delay.inside = true;	/* what sleeps may itself be such a place */
	delay_now(ks_random(&delay.state));
	delay.inside = false;
	errno = err;
}
