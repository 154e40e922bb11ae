// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Data of requests: words that follow from a number, and their inverse, by
 * which a server answers. Other peers may write there at any time: each word
 * is read or written once. A lie may have put them at any byte, and what is not
 * aligned the race detector does not take for marked: it looks elsewhere.
 */
#include <linux/minmax.h>

#include "kernel/test/test.h"

#define MIX	0x9e3779b97f4a7c15ULL

/**
 * data_fill() - what a client sends
 * @data: of a request
 * @len:  bytes
 * @seed: any number
 */
void __no_kcsan data_fill(void *data, u64 len, u64 seed)
{
	u64 i, *word = data;
	u8 *byte = data;

	for (i = 0; i < len / 8; i++)
		WRITE_ONCE(word[i], seed * MIX + i);
	for (i = len & ~7ULL; i < len; i++)
		WRITE_ONCE(byte[i], seed + i);
}

/**
 * data_invert() - what a server answers
 * @data: of a request
 * @len:  bytes
 */
void __no_kcsan data_invert(void *data, u64 len)
{
	u64 i, *word = data;
	u8 *byte = data;

	for (i = 0; i < len / 8; i++)
		WRITE_ONCE(word[i], ~READ_ONCE(word[i]));
	for (i = len & ~7ULL; i < len; i++)
		WRITE_ONCE(byte[i], ~READ_ONCE(byte[i]));
}

/**
 * data_check() - is that the answer to what data_fill() sent?
 * @data: of a request
 * @len:  bytes
 * @seed: as then
 *
 * Return: true if so.
 */
bool __no_kcsan data_check(const void *data, u64 len, u64 seed)
{
	const u64 *word = data;
	const u8 *byte = data;
	u64 i;

	for (i = 0; i < len / 8; i++)
		if (READ_ONCE(word[i]) != ~(seed * MIX + i))
			return false;
	for (i = len & ~7ULL; i < len; i++)
		if (READ_ONCE(byte[i]) != (u8)~(seed + i))
			return false;
	return true;
}
