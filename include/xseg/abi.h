/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What lies in a segment.
 *
 * A segment is one shmem file that processes and the kernel map. Everything
 * in it is described here, in fixed-size types, in the byte order of the
 * machine, identical for 32-bit and 64-bit programs and for the kernel.
 * No address, no file descriptor and no function pointer lies in it: places
 * are 64-bit offsets from its start (xptr) or an index with a generation.
 *
 * Where each table begins is not stored: it follows from the capacities in
 * the header by one function (core/segment.c: geometry_compute), so that
 * there is nothing that a peer could bend.
 *
 * A file of zeroes after the header is an empty segment: each word below is
 * chosen so that 0 means free, empty or never used. Memory that was never
 * needed is never touched.
 */
#ifndef XSEG_ABI_H
#define XSEG_ABI_H

#include <linux/types.h>

/* Marks pointers into a segment: anybody may change what they point to. */
#if defined(__CHECKER__)
#define __xseg_shared __attribute__((noderef, address_space(__xseg_shared)))
#else
#define __xseg_shared
#endif

/**
 * typedef xptr - a place in the segment, as an offset from its start
 *
 * 0 is no place. Where a descriptor is meant, bits 63..40 carry the
 * generation of the object (XPTR_GEN), bits 39..0 the offset (XPTR_OFF).
 */
typedef __aligned_u64 xptr;

/**
 * typedef xport - the number of a port, from 0 to the port count minus one
 */
typedef __u32 xport;

#define NoPort		((xport)-1)

#define XPTR_OFF_BITS	40
#define XPTR_OFF(p)	((__u64)(p) & ((1ULL << XPTR_OFF_BITS) - 1))
#define XPTR_GEN(p)	((__u32)((__u64)(p) >> XPTR_OFF_BITS))

/* "XSEGsig" and a 1, read as a number: in the other byte order it differs. */
#define XSEG_MAGIC		0x5853454773696701ULL
#define XSEG_MAGIC_SWAPPED	0x0167697347455358ULL
#define XSEG_ABI_MAJOR		1
#define XSEG_ABI_MINOR		0

#define XSEG_LINE		64
#define XSEG_NAME_SIZE		64	/* of a segment, with the final zero */
#define XSEG_SIGNAL_NAME_SIZE	32	/* of a signal type, with the final zero */
#define XSEG_MAX_PEERS		256
#define XSEG_MAX_USER_PEERS	240	/* slots 240..255 belong to the kernel */
#define XSEG_MAX_PORTS		65536
#define XSEG_NR_SIGNAL_TYPES	64
#define XSEG_NR_SIGNAL_NAMES	320	/* records that names are prepared in */
#define XSEG_SIGNAL_DATA_SIZE	64	/* type-specific part of a descriptor */
#define XSEG_PATH_LEN		16	/* hops of one request */
#define XSEG_MAX_INDEX		0xfffffeU /* objects of one pool */
#define XSEG_MAX_QUEUE_ORDER	20
#define XSEG_MIN_DATA_ORDER	8	/* smallest class of buffers: 256 bytes */
#define XSEG_MAX_DATA_ORDER	30
#define XSEG_NR_CLASSES		(XSEG_MAX_DATA_ORDER - XSEG_MIN_DATA_ORDER + 1)
#define XSEG_MIN_CHUNK_ORDER	18	/* the heap is given out in these steps */

/*
 * Byte ranges of the file that are locked (F_OFD_SETLK), far from any data:
 * the byte of a peer's slot is locked for as long as that peer lives.
 */
#define XSEG_LOCK_PEER(slot)	((1ULL << 40) + (slot))

/*
 * The ownership word of an object: generation, version, state, owner. It is
 * the one truth about who holds the object. Changed only by compare and swap,
 * each change with another version.
 */
#define XOWN_WHO_SHIFT		0
#define XOWN_ST_SHIFT		16
#define XOWN_VER_SHIFT		20
#define XOWN_GEN_SHIFT		40
#define XOWN_WHO(w)		((__u32)((w) >> XOWN_WHO_SHIFT) & 0xffffU)
#define XOWN_ST(w)		((__u32)((w) >> XOWN_ST_SHIFT) & 0xfU)
#define XOWN_VER(w)		((__u32)((w) >> XOWN_VER_SHIFT) & 0xfffffU)
#define XOWN_GEN(w)		((__u32)((w) >> XOWN_GEN_SHIFT) & 0xffffffU)

/**
 * enum xseg_own_state - the state in an ownership word
 * @XOWN_RAW:		never allocated since the segment was made
 * @XOWN_OWNED:		owned by peer @who; or, when a ring slot with the same
 *			version names it, in that ring
 * @XOWN_LIVE:		a published descriptor, type name or chunk
 * @XOWN_DYING:		a descriptor that @who examines for remaining holders
 * @XOWN_ATTACHED:	a buffer that belongs to a request and shares its fate
 * @XOWN_FREE:		a type name record or chunk that was given back
 */
enum xseg_own_state {
	XOWN_RAW	= 0,
	XOWN_OWNED	= 1,
	XOWN_LIVE	= 2,
	XOWN_DYING	= 3,
	XOWN_ATTACHED	= 4,
	XOWN_FREE	= 5,
};

/*
 * A slot of a ring: the lap it is in, the low bits of the version of the
 * object's ownership word when it was put there, and the object's index plus
 * one. Index part 0: empty.
 */
#define XSLOT_CYCLE_SHIFT	32
#define XSLOT_VER_SHIFT		24
#define XSLOT_CYCLE(s)		((__u32)((s) >> XSLOT_CYCLE_SHIFT))
#define XSLOT_VER(s)		((__u32)((s) >> XSLOT_VER_SHIFT) & 0xffU)
#define XSLOT_OBJ(s)		((__u32)(s) & 0xffffffU)

/**
 * struct xseg_ring - a bounded queue of objects of one pool
 * @head: ticket of the next take; written by takers and by whoever helps them
 * @tail: ticket of the next put; written by putters and by whoever helps them
 * @slot: a power of two of slots; written by both and by whoever helps them
 */
struct xseg_ring {
	__aligned_u64 head __attribute__((aligned(64)));
	__aligned_u64 tail __attribute__((aligned(64)));
	__aligned_u64 slot[] __attribute__((aligned(64)));
};

/**
 * struct xseg_params_shm - the capacities that a segment was made with
 * @nr_ports:		ports
 * @nr_requests:	requests
 * @nr_descs:		signal descriptors
 * @queue_order:	log2 of the slots of each ring of each port
 * @data_order:		log2 of the largest buffer
 * @rsvd:		0
 * @heap_size:		bytes for buffers, a multiple of the chunk size
 *
 * Constant once the segment is there.
 */
struct xseg_params_shm {
	__u32 nr_ports;
	__u32 nr_requests;
	__u32 nr_descs;
	__u32 queue_order;
	__u32 data_order;
	__u32 rsvd;
	__aligned_u64 heap_size;
};

/**
 * struct xseg_header - the first bytes of a segment
 * @magic:		XSEG_MAGIC
 * @abi_major:		another number is another, incompatible layout
 * @abi_minor:		raised by additions that older peers may ignore
 * @header_size:	sizeof(struct xseg_header)
 * @segment_size:	bytes of the whole segment
 * @features_required:	what a peer must know to join
 * @features:		what it may ignore
 * @params:		capacities
 * @created_ns:		CLOCK_REALTIME of its making
 * @creator_uid:	who made it
 * @uuid:		random; tells this segment from others of its name
 * @name:		the name that it was made under, "" for a nameless one
 * @reap_epoch:		+1 after each finished reap; written by reapers
 * @last_scan_ns:	CLOCK_MONOTONIC of the last search for dead peers;
 *			whoever moves it by compare and swap does the search
 * @ports_used:		1 + the highest port ever bound; only grows
 * @broken:		not 0: given up; set by nobody yet
 * @attach_epoch:	odd and another one each time that kernel peers are let in,
 *			even when none can be there any more; by the module
 * @rsvd0:		0; so are the others
 * @rsvd1:		0
 * @rsvd2:		0
 * @rsvd3:		0
 * @rsvd4:		0
 *
 * Lines 0 to 3 are constant once the segment is there; a joiner checks and
 * copies them once. The last line is written by all.
 */
struct xseg_header {
	__aligned_u64 magic __attribute__((aligned(64)));
	__u16 abi_major;
	__u16 abi_minor;
	__u32 header_size;
	__aligned_u64 segment_size;
	__aligned_u64 features_required;
	__aligned_u64 features;
	__aligned_u64 created_ns;
	__u32 creator_uid;
	__u32 rsvd0;
	__aligned_u64 rsvd1;

	struct xseg_params_shm params __attribute__((aligned(64)));
	__u8 uuid[16];
	__aligned_u64 rsvd2[2];

	char name[XSEG_NAME_SIZE] __attribute__((aligned(64)));
	__aligned_u64 rsvd3[8] __attribute__((aligned(64)));

	__aligned_u64 reap_epoch __attribute__((aligned(64)));
	__aligned_u64 last_scan_ns;
	__u32 ports_used;
	__u32 broken;
	__aligned_u64 attach_epoch;
	__aligned_u64 rsvd4[4];
};

/**
 * enum xseg_peer_state - the state of a peer's slot
 * @XSEG_PEER_FREE:	nobody's
 * @XSEG_PEER_USED:	a peer's; a dead one's, if the byte lock is free
 * @XSEG_PEER_REAPING:	a dead peer's, and somebody who has the byte lock cleans
 *			up; a dead one's, if it is free
 */
enum xseg_peer_state {
	XSEG_PEER_FREE	= 0,
	XSEG_PEER_USED	= 1,
	XSEG_PEER_REAPING = 2,
};

/**
 * struct xseg_peer - a slot of the table of peers
 * @state:		enum xseg_peer_state
 * @incarnation:	+1 with each peer that takes the slot
 * @domain:		enum xseg_domain
 * @pid:		for people only; never used as a fact
 * @uid:		for people only
 * @rsvd0:		0
 * @join_ns:		CLOCK_REALTIME of the join
 * @pidns:		inode of the pid name space that @pid is a number of
 * @comm:		name of the program, for people
 * @rsvd1:		0
 *
 * Written only by who holds the byte lock of the slot (by the module for its
 * own slots).
 */
struct xseg_peer {
	__u32 state __attribute__((aligned(64)));
	__u32 incarnation;
	__u32 domain;
	__u32 pid;
	__u32 uid;
	__u32 rsvd0;
	__aligned_u64 join_ns;
	__aligned_u64 pidns;
	char comm[16];
	__aligned_u64 rsvd1;
};

/**
 * enum xseg_domain - where a peer lives, and where a type is waited upon
 * @XSEG_DOMAIN_KERNEL:	the kernel
 * @XSEG_DOMAIN_USER:	processes
 */
enum xseg_domain {
	XSEG_DOMAIN_KERNEL	= 1,
	XSEG_DOMAIN_USER	= 2,
};

/**
 * struct xseg_signal_name - the name of a signal type, and what goes with it
 * @own:	OWNED while it is filled, LIVE once the table refers to it
 * @domain:	enum xseg_domain in which the type is waited upon
 * @version:	of the layout of the type's data
 * @data_size:	bytes of the type's data in a descriptor
 * @rsvd0:	0
 * @name:	[a-z0-9-]{1,31}, the rest 0
 * @rsvd1:	0
 *
 * Written by its owner until it is LIVE, then constant.
 */
struct xseg_signal_name {
	__aligned_u64 own __attribute__((aligned(64)));
	__u32 domain;
	__u32 version;
	__u32 data_size;
	__u32 rsvd0;
	char name[XSEG_SIGNAL_NAME_SIZE];
	__aligned_u64 rsvd1;
};

/**
 * struct xseg_signal_table - which name has which id
 * @name: for each id 1 + the index of its name's record, 0 if not yet given;
 *	  set once by compare and swap, never changed after
 */
struct xseg_signal_table {
	__aligned_u64 name[XSEG_NR_SIGNAL_TYPES] __attribute__((aligned(64)));
};

/**
 * struct xseg_ec - an event count: sequence, sleepers and waiters in one word
 * @word: bits 63..32 the sequence (a futex), 31..16 the waiters that went to
 *	  sleep, 15..0 those that announced themselves (the sleepers among
 *	  them); changed by atomic operations only, by waiters and signallers
 *
 * The protocol is told in core/ec.c.
 */
struct xseg_ec {
	__aligned_u64 word;
};

#define XEC_SEQ_SHIFT		32
#define XEC_ASLEEP_SHIFT	16
#define XEC_SEQ(w)		((__u32)((w) >> XEC_SEQ_SHIFT))
#define XEC_ASLEEP(w)		((__u32)((w) >> XEC_ASLEEP_SHIFT) & 0xffffU)
#define XEC_WAITERS(w)		((__u32)(w) & 0xffffU)
#define XEC_ONE_SEQ		(1ULL << XEC_SEQ_SHIFT)
#define XEC_ONE_ASLEEP		(1ULL << XEC_ASLEEP_SHIFT)

/* The half of the word that futex(2) looks at. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define XEC_SEQ_HALF	0
#else
#define XEC_SEQ_HALF	1
#endif

/**
 * struct signal_desc - generic signal descriptor
 * @type: id of its signal type in this segment
 * @sd:	  where the type-specific data lies
 *
 * Says to everybody how the peer that waits on it wants to be woken. Written
 * by who allocates it, constant while it is LIVE.
 */
struct signal_desc {
	__aligned_u64 type;
	xptr sd;
};

/**
 * struct xseg_desc - a signal descriptor with what belongs to it
 * @own:	LIVE while usable; its generation tells incarnations apart
 * @owner:	slot of the peer that allocated it
 * @incarnation: that peer's incarnation
 * @desc:	the descriptor, which ports refer to
 * @holders:	a bit for each peer that holds it; each peer changes its own
 *		bit, a reaper that of a dead one
 * @ec:		the event count, common to all types
 * @data:	the rest of the type's data, see struct xseg_signal_type
 */
struct xseg_desc {
	__aligned_u64 own __attribute__((aligned(64)));
	__u32 owner;
	__u32 incarnation;
	struct signal_desc desc;
	__aligned_u64 holders[XSEG_MAX_PEERS / 64];
	struct xseg_ec ec __attribute__((aligned(64)));
	__u8 data[XSEG_SIGNAL_DATA_SIZE - sizeof(struct xseg_ec)];
};

/* A port's word: the number of its binds, and by whom it is bound. */
#define XPORT_EPOCH(w)		((__u32)((w) >> 32))
#define XPORT_BOUND(w)		((__u32)((w) >> 16) & 1U)
#define XPORT_WHO(w)		((__u32)(w) & 0xffffU)

/**
 * struct xseg_port - where a peer submits, accepts and is signalled
 * @own:	epoch, bound or not, by whom; changed by compare and swap
 * @signal_desc: descriptor of the peer that uses the port, with its
 *		generation; 0 if none; written by the owner, cleared by a reaper
 * @flags:	XSEG_PORT_*; written by the owner; outlives it
 * @max_requests: most requests that may be reserved for it; by the owner
 * @nr_requests: requests reserved for it in this epoch; by the owner
 * @rsvd0:	0
 * @rsvd1:	0
 *
 * Its three rings lie beside the table of ports: requests to it, replies to
 * it, and free requests reserved for it.
 */
struct xseg_port {
	__aligned_u64 own __attribute__((aligned(64)));
	xptr signal_desc;
	__u32 flags;
	__u32 max_requests;
	__u32 nr_requests;
	__u32 rsvd0;
	__aligned_u64 rsvd1[4];
};

/* What happens to the requests of a port when its owner dies or releases it */
#define XSEG_PORT_KEEP	1U	/* they wait for the next owner */
#define XSEG_PORT_FLAGS	XSEG_PORT_KEEP

/**
 * enum xseg_port_ring - the rings of a port
 * @XSEG_RING_REQUEST:	submitted to it, not yet accepted
 * @XSEG_RING_REPLY:	answered to it, not yet received
 * @XSEG_RING_FREE:	reserved for it, in nobody's use
 * @XSEG_PORT_RINGS:	how many there are
 */
enum xseg_port_ring {
	XSEG_RING_REQUEST	= 0,
	XSEG_RING_REPLY		= 1,
	XSEG_RING_FREE		= 2,
	XSEG_PORT_RINGS		= 3,
};

/*
 * A port at one moment: its number and its epoch. In a path also the port that
 * the request was accepted from, by who sent it on by this one.
 */
#define XHOP(epoch, portno)	(((__u64)(epoch) << 32) | (__u16)(portno))
#define XHOP_VIA(epoch, portno, from) \
	(XHOP(epoch, portno) | (__u64)(__u16)(from) << 16)
#define XHOP_EPOCH(h)		((__u32)((h) >> 32))
#define XHOP_FROM(h)		((xport)((h) >> 16) & 0xffffU)
#define XHOP_PORT(h)		((xport)(h) & 0xffffU)
#define XHOP_IS(h, epoch, portno) \
	((((h) ^ XHOP(epoch, portno)) & 0xffffffff0000ffffULL) == 0)

/* A buffer: its class plus one, and its index in the class; 0 is none. */
#define XBUF(class, index)	(((__u64)((class) + 1) << 32) | (__u32)(index))
#define XBUF_CLASS(b)		((__u32)((b) >> 32) - 1)
#define XBUF_INDEX(b)		((__u32)(b))

/*
 * A request that its owner is about to send on: the version of its ownership
 * word then, the port that it was accepted from, or received at, and the hops
 * in its path. Without the top bit, or with another version, it says nothing.
 */
#define XSENDING(ver, from, top) \
	(1ULL << 63 | ((__u64)(top) & 0x1fU) << 40 | \
	 ((__u64)(from) & 0xffffU) << 24 | ((ver) & 0xfffffU))
#define XSENDING_SET(s)		((__u32)((s) >> 63))
#define XSENDING_VER(s)		((__u32)(s) & 0xfffffU)
#define XSENDING_FROM(s)	((xport)((s) >> 24) & 0xffffU)
#define XSENDING_TOP(s)		((__u32)((s) >> 40) & 0x1fU)

/*
 * To be timed: in the serial, so that who responds need not fetch the line that
 * @timestamp_ns is in.
 */
#define XSERIAL_TIMED	(1ULL << 63)

/**
 * struct xseg_request - a request
 * @own:	who holds it; see enum xseg_own_state
 * @serial:	differs for each xseg_get_request() in the segment; with
 *		XSERIAL_TIMED if that was told XSEG_STAMP
 * @offset:	for the peers: where in the target the operation begins, bytes
 * @size:	for the peers: bytes asked for
 * @serviced:	for the peers: bytes done
 * @data:	where its data lies, 0 if none
 * @datalen:	bytes of data
 * @target:	where the name of its target lies, 0 if none
 * @targetlen:	bytes of that name
 * @op:		for the peers: what is asked for
 * @state:	XSEG_REQ_*
 * @flags:	for the peers
 * @error:	positive errno that goes with XSEG_REQ_FAILED
 * @src_portno:	port that it was taken for, where the last reply goes
 * @dst_portno:	port that it is meant for
 * @path_top:	hops in @path
 * @home:	XHOP() of the port that it is reserved for
 * @buffer:	XBUF() that holds data and target
 * @bufferlen:	bytes of that, as far as they are in use
 * @priv:	for the peer that holds it
 * @transit_portno: port that submitted it last
 * @effective_dst_portno: port that it was last submitted to
 * @timestamp_ns: CLOCK_MONOTONIC of the first submit, if XSEG_STAMP asked for it
 * @elapsed_ns:	from there to the last respond
 * @cookie:	for the peers
 * @sending:	XSENDING() of the last time that it was sent; for reapers
 * @rsvd:	0
 * @path:	XHOP_VIA() of the ports that replies go back through; the entry
 *		behind the last is that which a reply is on its way to, else 0
 *
 * Written only by the peer that owns it.
 */
struct xseg_request {
	__aligned_u64 own __attribute__((aligned(64)));
	__aligned_u64 serial;
	__aligned_u64 offset;
	__aligned_u64 size;
	__aligned_u64 serviced;
	xptr data;
	__aligned_u64 datalen;
	xptr target;

	__u32 targetlen __attribute__((aligned(64)));
	__u32 op;
	__u32 state;
	__u32 flags;
	__u32 error;
	xport src_portno;
	xport dst_portno;
	__u32 path_top;
	__aligned_u64 home;
	__aligned_u64 buffer;
	__aligned_u64 bufferlen;
	__aligned_u64 priv;

	xport transit_portno __attribute__((aligned(64)));
	xport effective_dst_portno;
	__aligned_u64 timestamp_ns;
	__aligned_u64 elapsed_ns;
	__aligned_u64 cookie;
	__aligned_u64 sending;
	__aligned_u64 rsvd[3];

	__aligned_u64 path[XSEG_PATH_LEN] __attribute__((aligned(64)));
};

/* States of a request; none of them: not answered yet. */
#define XSEG_REQ_SERVED		1U	/* done as asked */
#define XSEG_REQ_FAILED		2U	/* not done, @error says why */

/**
 * struct xseg_buffer - what is known of a buffer; the bytes lie in a chunk
 * @own:	OWNED by a peer, ATTACHED to a request, or in the free ring
 * @request:	index of the request that it is or was attached to
 * @rsvd:	0
 */
struct xseg_buffer {
	__aligned_u64 own;
	__u32 request;
	__u32 rsvd;
};

/**
 * struct xseg_chunk - a step of the heap, given to one class for ever
 * @own:	OWNED while its claimer publishes it, then LIVE
 * @class_:	number of the pool that it was claimed for: 2 + the class
 * @seq:	which chunk of that class it is
 *
 * Behind the rings and words of each class lies its directory: for each chunk
 * of the class, in order, 1 + the number of the chunk in this table.
 */
struct xseg_chunk {
	__aligned_u64 own;
	__u32 class_;
	__u32 seq;
};

/**
 * struct xseg_pool - the changing part of a pool of objects
 * @fresh: objects from this index on were never allocated; only grows, moved
 *	   by allocators and by whoever helps them
 * @rsvd:  0
 */
struct xseg_pool {
	__aligned_u64 fresh __attribute__((aligned(64)));
	__aligned_u64 rsvd[7];
};

#endif /* XSEG_ABI_H */
