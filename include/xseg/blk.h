/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The block protocol: what a disk (xsegbd.ko) asks of its server.
 *
 * A disk has one or more queues. Queue i submits to port P + i, where P is the
 * server's first one, and is answered at a port of its own. A server binds
 * these ports with XSEG_PORT_KEEP, so that requests wait while it is being
 * replaced: those that a dead server had accepted go to the next one, in the
 * order in which they were submitted, before newer ones.
 *
 * All numbers are in the byte order of the machine, offsets and sizes in
 * bytes. The disk sets @op, @flags, @offset and @size of the request; reads
 * and writes have @size bytes of data. The server sets @serviced, @error and
 * @state: XSEG_REQ_SERVED if all of it is done, else XSEG_REQ_FAILED and a
 * positive errno in @error.
 *
 * A server answers in any order, but not twice. It does not touch a request
 * or its data after the answer, and reads each field once: the disk may make
 * XSEG_BLK_NOP of a request that it has given up. The disk never submits a
 * request a second time itself: so what a server that died or is stopped was
 * doing must have ended before another one accepts, see xseg-blkd(1).
 */
#ifndef XSEG_BLK_H
#define XSEG_BLK_H

#include <xseg/abi.h>

#define XSEG_BLK_VERSION	1U

/**
 * enum xseg_blk_op - what is asked for
 * @XSEG_BLK_NOP:	nothing: the disk has given the request up; answered as
 *			served
 * @XSEG_BLK_INFO:	data is a struct xseg_blk_info, to be filled
 * @XSEG_BLK_READ:	read @size bytes at @offset into the data
 * @XSEG_BLK_WRITE:	write them from the data; flags: XSEG_BLK_FUA
 * @XSEG_BLK_FLUSH:	all that was answered before this was submitted is to be
 *			on stable storage before the answer; @offset, @size 0
 * @XSEG_BLK_DISCARD:	@size bytes at @offset are not needed any more and may
 *			read as anything
 * @XSEG_BLK_ZERO:	@size bytes at @offset read as zero from now on; flags:
 *			XSEG_BLK_FUA, XSEG_BLK_NOUNMAP
 */
enum xseg_blk_op {
	XSEG_BLK_NOP		= 0,
	XSEG_BLK_INFO		= 1,
	XSEG_BLK_READ		= 2,
	XSEG_BLK_WRITE		= 3,
	XSEG_BLK_FLUSH		= 4,
	XSEG_BLK_DISCARD	= 5,
	XSEG_BLK_ZERO		= 6,
};

/* Flags of a request */
#define XSEG_BLK_FUA		1U	/* on stable storage before the answer */
#define XSEG_BLK_NOUNMAP	2U	/* zeroes are to be allocated */

/**
 * struct xseg_blk_info - what a server says of what it serves
 * @version:	  XSEG_BLK_VERSION
 * @flags:	  XSEG_BLK_HAS_*, XSEG_BLK_READ_ONLY
 * @size:	  bytes, a multiple of @block_size
 * @block_size:	  logical block size, a power of two of 512 to 4096
 * @max_io:	  most bytes of a read or write, a multiple of @block_size; 0: no
 *		  limit of the server's
 * @nr_queues:	  ports that it has bound from its first one on
 * @max_discard:  most bytes of a discard or of zeroes, 0: no limit
 * @rsvd:	  0
 *
 * The disk takes nothing of it on trust, and rounds down what is too large.
 */
struct xseg_blk_info {
	__u32 version;
	__u32 flags;
	__aligned_u64 size;
	__u32 block_size;
	__u32 max_io;
	__u32 nr_queues;
	__u32 max_discard;
	__aligned_u64 rsvd[4];
};

#define XSEG_BLK_READ_ONLY	1U	/* writes will fail with EROFS */
#define XSEG_BLK_HAS_FLUSH	2U	/* there is a volatile cache: flushes needed */
#define XSEG_BLK_HAS_FUA	4U
#define XSEG_BLK_HAS_DISCARD	8U
#define XSEG_BLK_HAS_ZERO	16U

#endif /* XSEG_BLK_H */
