/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The checker of segments: looks through a whole one for what cannot be.
 *
 * It knows the layout from abi.h alone and shares no code with the library,
 * so that a fault there is not repeated here. It reads the file with pread():
 * it changes nothing, takes no lock, needs no slot, and leaves the holes of a
 * sparse segment holes. What it read may say anything.
 */
#ifndef XSEG_FSCK_H
#define XSEG_FSCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xseg/abi.h>

/**
 * struct fsck_finding - something that cannot be
 * @object: what it is about, "request 5"
 * @offset: where in the segment that lies
 * @is:	    what was found
 * @should: what it should be
 * @key:    differs for findings that differ, also in what @is leaves out
 */
struct fsck_finding {
	char object[48];
	__u64 offset;
	char is[128];
	char should[96];
	__u64 key;
};

/**
 * struct fsck_counts - what a segment holds, by the last look at it
 * @requests:	   capacity
 * @requests_free: in the segment's own ring, or never used
 * @requests_idle: reserved for ports
 * @requests_queued: in queues of ports
 * @requests_owned: in no ring: a peer works on them
 * @descs:	   capacity
 * @descs_free:	   those that could be allocated
 * @buffers_used:  buffers that belong to requests
 * @chunks:	   capacity
 * @chunks_used:   given to a class of buffers
 * @ports_bound:   ports with an owner
 * @peers_live:	   slots with a live peer
 * @peers_dead:	   slots that wait for a reap
 */
struct fsck_counts {
	__u32 requests;
	__u32 requests_free;
	__u32 requests_idle;
	__u32 requests_queued;
	__u32 requests_owned;
	__u32 descs;
	__u32 descs_free;
	__u32 buffers_used;
	__u32 chunks;
	__u32 chunks_used;
	__u32 ports_bound;
	__u32 peers_live;
	__u32 peers_dead;
};

struct fsck;

/* No live peer is inside a call: what lasts no longer than one is wrong, too. */
#define FSCK_IDLE	1U

int fsck_open(struct fsck **fsck, int fd);
int fsck_check(struct fsck *fsck, unsigned int flags);
const struct fsck_finding *fsck_finding(const struct fsck *fsck,
					unsigned int nr);
const struct fsck_counts *fsck_counts(const struct fsck *fsck);
const char *fsck_name(const struct fsck *fsck);
void fsck_close(struct fsck *fsck);

/* What is wrong with a file that fsck_open() refuses. */
const char *fsck_error(int err);

#endif /* XSEG_FSCK_H */
