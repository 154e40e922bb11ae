// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blkclient verify: random I/O of all kinds, every byte read is compared.
 *
 * Each queue has an area of the disk for itself, and knows the version of each
 * block there: what a block holds follows from its number and version. While
 * an I/O on a block is in flight, no other one is begun on it, unless all only
 * read: so what is to be read is known at any time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkclient.h"

/* Versions: content that may be anything, zeroes, and from 2 on written */
#define ANYTHING	0
#define ZEROES		1

/* A block in @users: so many read it, or one changes it */
#define CHANGED		0xffff

/**
 * struct slot - a request in flight
 * @req:     it, NULL if the slot is free
 * @op:	     what it does
 * @first:   first block
 * @nr:	     blocks
 * @version: of all of them when it is done
 */
struct slot {
	struct xseg_request *req;
	uint32_t op;
	uint64_t first;
	uint32_t nr;
	uint32_t version;
};

/**
 * struct area - a queue's part of the disk
 * @c:	     the queue
 * @first:   its first block on the disk
 * @nr:	     blocks
 * @version: of each block
 * @users:   of each block
 * @slot:    as many as the depth
 * @busy:    of them in flight
 * @random:  state
 * @last:    version given last
 * @done:    requests answered
 */
struct area {
	struct client *c;
	uint64_t first;
	uint64_t nr;
	uint32_t *version;
	uint16_t *users;
	struct slot *slot;
	unsigned int busy;
	uint64_t random;
	uint32_t last;
	uint64_t done;
};

static void area_open(struct area *a, struct client *c)
{
	uint32_t block = c->info.block_size;
	uint64_t nr = c->info.size / block / c->args->queues;

	if (nr > c->args->area / block)
		nr = c->args->area / block;
	*a = (struct area){
		.c = c, .nr = nr, .first = nr * c->nr, .last = ZEROES,
		.random = mix(c->args->seed * 1000 + c->nr),
		.version = calloc(nr, sizeof(*a->version)),
		.users = calloc(nr, sizeof(*a->users)),
		.slot = calloc(c->args->depth, sizeof(*a->slot)),
	};
	if (!nr || !a->version || !a->users || !a->slot)
		die("no room for queue %u", c->nr);
}

static void area_close(struct area *a)
{
	free(a->version);
	free(a->users);
	free(a->slot);
}

static uint64_t word(const struct area *a, uint64_t block, uint32_t version,
		     unsigned int i)
{
	if (version == ZEROES)
		return 0;
	return mix((a->first + block) << 32 ^ version) + i * 0x100000001ULL;
}

static void fill(struct area *a, const struct slot *s, uint64_t *data)
{
	unsigned int words = a->c->info.block_size / 8, i;
	uint64_t b;

	for (b = s->first; b < s->first + s->nr; b++) {
		for (i = 0; i < words; i++)
			*data++ = word(a, b, s->version, i);
	}
}

static void compare(struct area *a, const struct slot *s, const uint64_t *data)
{
	unsigned int words = a->c->info.block_size / 8, i;
	uint64_t b;

	for (b = s->first; b < s->first + s->nr; b++) {
		uint32_t version = a->version[b];

		for (i = 0; i < words && version != ANYTHING; i++) {
			if (data[i] != word(a, b, version, i))
				die("queue %u: block %llu, version %u: word %u "
				    "is %016llx, not %016llx", a->c->nr,
				    (unsigned long long)(a->first + b),
				    version, i, (unsigned long long)data[i],
				    (unsigned long long)word(a, b, version, i));
		}
		data += words;
	}
}

static bool changes(uint32_t op)
{
	return op == XSEG_BLK_WRITE || op == XSEG_BLK_DISCARD ||
	       op == XSEG_BLK_ZERO;
}

static bool range_free(const struct area *a, const struct slot *s)
{
	uint64_t b;

	for (b = s->first; b < s->first + s->nr; b++) {
		if (changes(s->op) ? a->users[b] : a->users[b] == CHANGED)
			return false;
	}
	return true;
}

static void range_take(struct area *a, const struct slot *s)
{
	uint64_t b;

	for (b = s->first; b < s->first + s->nr; b++) {
		if (changes(s->op))
			a->users[b] = CHANGED;
		else
			a->users[b]++;
	}
}

static void range_give(struct area *a, const struct slot *s)
{
	uint64_t b;

	for (b = s->first; b < s->first + s->nr; b++) {
		if (!changes(s->op)) {
			a->users[b]--;
			continue;
		}
		a->users[b] = 0;
		a->version[b] = s->version;
	}
}

static uint32_t choose_op(struct area *a)
{
	uint32_t flags = a->c->info.flags;
	unsigned int n = next_random(&a->random) % 100;

	if (n < 42)
		return XSEG_BLK_READ;
	if (n < 84 && !(flags & XSEG_BLK_READ_ONLY))
		return XSEG_BLK_WRITE;
	if (n < 88)
		return XSEG_BLK_FLUSH;
	if (n < 90)
		return XSEG_BLK_NOP;
	if (n < 95 && flags & XSEG_BLK_HAS_DISCARD)
		return XSEG_BLK_DISCARD;
	if (n < 100 && flags & XSEG_BLK_HAS_ZERO)
		return XSEG_BLK_ZERO;
	return XSEG_BLK_READ;
}

/* Small ones more often than large ones. */
static void choose_range(struct area *a, struct slot *s)
{
	uint32_t max = a->c->args->max_io / a->c->info.block_size;
	uint32_t limit = 1 + next_random(&a->random) % max;

	s->nr = 0;
	s->first = 0;
	if (s->op == XSEG_BLK_FLUSH || s->op == XSEG_BLK_NOP)
		return;
	s->nr = 1 + next_random(&a->random) % limit;
	if (s->nr > a->nr)
		s->nr = a->nr;
	s->first = next_random(&a->random) % (a->nr - s->nr + 1);
}

static uint32_t choose_flags(struct area *a, uint32_t op)
{
	uint64_t n = next_random(&a->random);
	uint32_t flags = 0;

	if ((op == XSEG_BLK_WRITE || op == XSEG_BLK_ZERO) && n % 8 == 0 &&
	    a->c->info.flags & XSEG_BLK_HAS_FUA)
		flags |= XSEG_BLK_FUA;
	if (op == XSEG_BLK_ZERO && n % 3 == 0)
		flags |= XSEG_BLK_NOUNMAP;
	return flags;
}

static uint32_t new_version(struct area *a, uint32_t op)
{
	if (op == XSEG_BLK_ZERO)
		return ZEROES;
	return op == XSEG_BLK_WRITE ? ++a->last : ANYTHING;
}

static void begin(struct area *a, struct slot *s)
{
	struct client *c = a->c;
	uint32_t block = c->info.block_size;
	bool data = s->op == XSEG_BLK_READ || s->op == XSEG_BLK_WRITE;
	uint64_t size = (uint64_t)s->nr * block, len;

	s->version = new_version(a, s->op);
	range_take(a, s);
	s->req = client_get(c, s->op, choose_flags(a, s->op),
			    s->nr ? (a->first + s->first) * block : 0, size,
			    data ? size : 0);
	if (s->op == XSEG_BLK_WRITE)
		fill(a, s, client_data(c, s->req, &len));
	else if (data)	/* what was not read is not to look right */
		memset(client_data(c, s->req, &len), 0xa5, size);
	s->req->cookie = (uint64_t)(s - a->slot) + 1;
	client_submit(c, s->req);
	a->busy++;
}

/* What the answer says, and what it brought. */
static void end(struct area *a, struct xseg_request *req)
{
	uint64_t size, len, nr = req->cookie - 1;
	struct slot *s = &a->slot[nr];
	void *data;

	if (nr >= a->c->args->depth || s->req != req)
		die("queue %u: an answer to nothing in flight", a->c->nr);
	size = (uint64_t)s->nr * a->c->info.block_size;
	if (req->state != XSEG_REQ_SERVED)
		die("queue %u: operation %u at block %llu, %u blocks: %s",
		    a->c->nr, s->op, (unsigned long long)(a->first + s->first),
		    s->nr, strerror(req->error));
	if (req->serviced != size)
		die("queue %u: operation %u: %llu bytes done, not %llu",
		    a->c->nr, s->op, (unsigned long long)req->serviced,
		    (unsigned long long)size);
	if (s->op == XSEG_BLK_READ) {
		data = client_data(a->c, req, &len);
		if (!data || len < size)
			die("queue %u: the data are gone", a->c->nr);
		compare(a, s, data);
	}
	range_give(a, s);
	s->req = NULL;
	xseg_put_request(a->c->x, req);
	a->busy--;
	a->done++;
}

/* Receives what there is, at least one. */
static void reap(struct area *a)
{
	struct xseg_request *req = client_receive(a->c, true);

	for (; req; req = client_receive(a->c, false))
		end(a, req);
}

static void submit_some(struct area *a)
{
	unsigned int i, nr = 0;

	for (i = 0; i < a->c->args->depth; i++) {
		struct slot *s = &a->slot[i];

		if (s->req)
			continue;
		s->op = choose_op(a);
		choose_range(a, s);
		if (!range_free(a, s))
			continue;
		begin(a, s);
		nr++;
	}
	if (nr)
		client_signal(a->c);
}

/* Reads the whole area. */
static void read_back(struct area *a)
{
	uint32_t max = a->c->args->max_io / a->c->info.block_size;
	struct slot *s = &a->slot[0];
	uint64_t b;

	for (b = 0; b < a->nr; b += s->nr) {
		*s = (struct slot){ .op = XSEG_BLK_READ, .first = b,
				    .nr = a->nr - b < max ? a->nr - b : max };
		begin(a, s);
		client_signal(a->c);
		reap(a);
	}
}

void *verify_run(void *arg)
{
	struct client *c = arg;
	uint64_t until = now_ns() + (uint64_t)(c->args->seconds * 1e9);
	struct area a;

	area_open(&a, c);
	while (!stopping() && (c->args->count ? a.done < c->args->count :
						now_ns() < until)) {
		submit_some(&a);
		reap(&a);
	}
	while (a.busy)
		reap(&a);
	read_back(&a);
	printf("queue %u: %llu requests, all right\n", c->nr,
	       (unsigned long long)a.done);
	area_close(&a);
	return NULL;
}
