/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What /dev/xseg_signal takes.
 *
 * Every command is given a struct that begins with its size and flags, so
 * that it can grow: a struct that is too short is -EINVAL, bytes beyond what
 * the module knows must be zero (-E2BIG), flags that it does not know are
 * -EINVAL, and so is what is reserved and not zero. A command that fails has
 * changed nothing.
 *
 * These mean the same for every command:
 *	-EFAULT		the struct cannot be read or written
 *	-ENOTTY		there is no such command
 *	-EINTR		a fatal signal came while it waited
 *	-ENXIO		no segment is attached to this open file
 *	-EUCLEAN	the segment is damaged or truncated; make a new one
 */
#ifndef XSEG_IOCTL_H
#define XSEG_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <xseg/abi.h>

#define XSEG_DEVICE		"/dev/xseg_signal"

/**
 * struct xseg_ioc_info - XSEG_IOC_INFO: what the module is
 * @size:	  sizeof(struct xseg_ioc_info)
 * @flags:	  0
 * @abi_major:	  filled: XSEG_ABI_MAJOR
 * @abi_minor:	  filled: XSEG_ABI_MINOR
 * @features:	  filled: XSEG_DEVICE_*
 * @max_size:	  filled: bytes of the largest segment that may be attached
 * @segment_size: filled: bytes of the attached segment, 0 if there is none
 *
 * Needs no segment.
 */
struct xseg_ioc_info {
	__u32 size;
	__u32 flags;
	__u32 abi_major;
	__u32 abi_minor;
	__aligned_u64 features;
	__aligned_u64 max_size;
	__aligned_u64 segment_size;
};

/* Features of the module */
#define XSEG_DEVICE_SIGNAL	1ULL	/* XSEG_IOC_SIGNAL */
#define XSEG_DEVICE_REGISTER	2ULL	/* XSEG_IOC_REGISTER, _UNREGISTER */
#define XSEG_DEVICE_WAIT	4ULL	/* XSEG_IOC_WAIT */
#define XSEG_DEVICE_BRIDGE	8ULL	/* XSEG_IOC_BRIDGE */

/**
 * struct xseg_ioc_attach - XSEG_IOC_ATTACH: attach a segment to this open file
 * @size:  sizeof(struct xseg_ioc_attach)
 * @flags: any of XSEG_ATTACH_*
 * @fd:	   the segment's file, open for reading and writing; may be closed after
 * @rsvd:  0
 * @name:  with XSEG_ATTACH_KERNEL the name that kernel drivers find it by,
 *	   [A-Za-z0-9._-]{1,63}; else ""
 *
 * An open file has one segment at most; a segment may be attached to many.
 * The first one takes all its memory, which is charged to the caller's
 * RLIMIT_MEMLOCK (CAP_IPC_LOCK: without limit), and may take seconds for a
 * large sparse file; a fatal signal ends it.
 *
 * Return: 0; -EBUSY (this open file has one), -EBADF, -EACCES (@fd is not open
 * for both), -EBADMSG (no shmem file, or no segment in it), -EILSEQ,
 * -EPROTONOSUPPORT, -ENODATA (as xseg_join()), -EPERM (sealed against writing;
 * or a flag needs CAP_SYS_ADMIN), -EFBIG (larger than the module allows),
 * -ENOBUFS (over RLIMIT_MEMLOCK), -ENOMEM, -EEXIST (another segment has that
 * name, or this one another name), -ENOENT (XSEG_ATTACH_ONLY).
 */
struct xseg_ioc_attach {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 rsvd;
	char name[XSEG_NAME_SIZE];
};

/* Kernel drivers may join it, by @name; takes CAP_SYS_ADMIN. */
#define XSEG_ATTACH_KERNEL	1U
/* With that: it stays attached until XSEG_DETACH_NAME. */
#define XSEG_ATTACH_KEEP	2U
/* Only if it is attached already, so that nothing is charged. */
#define XSEG_ATTACH_ONLY	4U
#define XSEG_ATTACH_FLAGS	7U

/**
 * struct xseg_ioc_detach - XSEG_IOC_DETACH: undo XSEG_IOC_ATTACH
 * @size:  sizeof(struct xseg_ioc_detach)
 * @flags: 0: this open file's; or XSEG_DETACH_NAME
 * @name:  with XSEG_DETACH_NAME the segment that was attached by that name with
 *	   XSEG_ATTACH_KEEP; else ""
 *
 * Closing the file does the first. The memory is given back when nobody has
 * it attached any more and the last kernel driver has left.
 *
 * Return: 0; with XSEG_DETACH_NAME also -EBUSY (kernel drivers are peers of
 * it), -ENOENT (no such name), -EPERM (takes CAP_SYS_ADMIN).
 */
struct xseg_ioc_detach {
	__u32 size;
	__u32 flags;
	char name[XSEG_NAME_SIZE];
};

#define XSEG_DETACH_NAME	1U

/**
 * struct xseg_ioc_signal - XSEG_IOC_SIGNAL: wake who waits in the kernel
 * @size:   sizeof(struct xseg_ioc_signal)
 * @flags:  0: the descriptor of port @portno; XSEG_SIGNAL_DESC: descriptor
 *	    @desc of generation @gen
 * @portno: a port
 * @desc:   index of a descriptor
 * @gen:    its generation
 * @rsvd:   0
 *
 * Wakes the kernel peer whose descriptor it is, or the processes that sleep on
 * it by XSEG_IOC_WAIT, whatever the event count says; libxseg-user looks at
 * that first. The unused of @portno, @desc and @gen are 0.
 *
 * Return: 0, -EINVAL (no such port or descriptor), -ENOTCONN (neither is
 * there).
 */
struct xseg_ioc_signal {
	__u32 size;
	__u32 flags;
	__u32 portno;
	__u32 desc;
	__u32 gen;
	__u32 rsvd;
};

#define XSEG_SIGNAL_DESC	1U

/**
 * struct xseg_ioc_register - XSEG_IOC_REGISTER: how the kernel wakes a waiter
 * @size:  sizeof(struct xseg_ioc_register)
 * @flags: XSEG_REGISTER_EVENTFD or XSEG_REGISTER_THREAD
 * @desc:  index of a descriptor of a user peer
 * @gen:   its generation
 * @fd:	   XSEG_REGISTER_EVENTFD: an eventfd; may be closed after; else 0
 * @slot:  XSEG_REGISTER_THREAD: filled with the number of the word by which
 *	   the calling thread says that it waits
 *
 * It ends with XSEG_IOC_UNREGISTER, with the open file's attachment and, for a
 * thread, with the thread. A thread has one registration for a descriptor; a
 * second call returns the first one's @slot. So it is after -EFAULT, too: the
 * struct could not be filled, the registration is there.
 *
 * Return: 0, -EINVAL (no such descriptor, no eventfd), -EBADF, -ESTALE (the
 * descriptor is of another generation), -ENOSPC (XSEG_MAX_REGISTERED for this
 * descriptor), -ENOMEM.
 */
struct xseg_ioc_register {
	__u32 size;
	__u32 flags;
	__u32 desc;
	__u32 gen;
	__s32 fd;
	__u32 slot;
};

#define XSEG_REGISTER_EVENTFD	1U
#define XSEG_REGISTER_THREAD	2U
#define XSEG_MAX_REGISTERED	8

/**
 * struct xseg_ioc_unregister - XSEG_IOC_UNREGISTER: undo XSEG_IOC_REGISTER
 * @size:  sizeof(struct xseg_ioc_unregister)
 * @flags: 0
 * @desc:  index of a descriptor
 * @gen:   its generation
 *
 * Drops all that this open file registered for that descriptor.
 *
 * Return: 0, -ENOENT (nothing).
 */
struct xseg_ioc_unregister {
	__u32 size;
	__u32 flags;
	__u32 desc;
	__u32 gen;
};

/**
 * struct xseg_ioc_desc - a descriptor at one moment
 * @desc: its index
 * @gen:  its generation
 */
struct xseg_ioc_desc {
	__u32 desc;
	__u32 gen;
};

#define XSEG_MAX_SIGNALS	8

/**
 * struct xseg_ioc_wait - XSEG_IOC_WAIT: signal, and sleep in the module
 * @size:	 sizeof(struct xseg_ioc_wait)
 * @flags:	 0, XSEG_WAIT_DEADLINE or XSEG_WAIT_TICK; XSEG_WAIT_POLL
 * @desc:	 index of the descriptor that is waited on
 * @gen:	 its generation
 * @seq:	 the sequence of its event count that the caller noted
 * @nr_signals:	 how many of @signal are used, at most XSEG_MAX_SIGNALS
 * @deadline_ns: with XSEG_WAIT_DEADLINE: on CLOCK_MONOTONIC; else 0
 * @signal:	 descriptors to be signalled before, of types that the module
 *		 wakes: each only if somebody has announced himself there; the
 *		 unused are not looked at
 *
 * Returns when the descriptor is signalled, by the kernel or by
 * XSEG_IOC_SIGNAL; at once if its sequence is not @seq. May return 0 without
 * a signal. With XSEG_WAIT_TICK it ends with -ETIMEDOUT within about a second,
 * maybe at once: for those who look after dead peers now and then, and need no
 * timer of their own for that. With XSEG_WAIT_POLL it looks for a signal for a
 * while before it sleeps, if there is no deadline, there are several CPUs, nobody
 * else wants this one, and the last sleeps were short: as long as would have
 * spared those, and at most the module's parameter poll_usec. It is not
 * preempted meanwhile, and may do work of kernel peers (xseg_call_waiter()).
 *
 * Return: 0, -ETIMEDOUT, -EINTR (a signal handler ran), -EINVAL, -ESTALE (the
 * descriptor is of another generation), -ENXIO (no segment, or it was detached
 * meanwhile), -ENOMEM.
 */
struct xseg_ioc_wait {
	__u32 size;
	__u32 flags;
	__u32 desc;
	__u32 gen;
	__u32 seq;
	__u32 nr_signals;
	__aligned_u64 deadline_ns;
	struct xseg_ioc_desc signal[XSEG_MAX_SIGNALS];
};

#define XSEG_WAIT_DEADLINE	1U
#define XSEG_WAIT_TICK		2U
#define XSEG_WAIT_POLL		4U

/**
 * struct xseg_ioc_bridge - XSEG_IOC_BRIDGE: the eventfd that wakes a kernel peer
 * @size:  sizeof(struct xseg_ioc_bridge)
 * @flags: 0: get it; XSEG_BRIDGE_PUT: make an eventfd be it
 * @desc:  index of a descriptor of type eventfd-bridge
 * @gen:   its generation
 * @fd:	   XSEG_BRIDGE_PUT: an eventfd, which may be closed after, nothing is
 *	   filled; else 0, and filled with a new close-on-exec descriptor of it
 * @rsvd:  0
 *
 * Whoever has the eventfd wakes the kernel peer with each write(2), whatever
 * the event count says; libxseg-user looks at that first. What was written
 * before it was put counts. The module empties the counter at each write, so
 * that it is never full and there is nothing to read. It is the bridge until
 * the kernel peer puts the descriptor, whoever closes it.
 *
 * Return: 0, -EINVAL (no such descriptor; not an eventfd, or one with
 * EFD_SEMAPHORE), -EBADF, -EEXIST (there is one), -ENOENT (there is none yet),
 * -ENOTCONN (no kernel peer waits by this type on that descriptor), -EMFILE,
 * -ENOMEM, or what a security module says.
 */
struct xseg_ioc_bridge {
	__u32 size;
	__u32 flags;
	__u32 desc;
	__u32 gen;
	__s32 fd;
	__u32 rsvd;
};

#define XSEG_BRIDGE_PUT		1U

/* The size is in the struct, so that a command keeps its number. */
#define XSEG_IOC		'x'
#define XSEG_IOC_INFO		_IO(XSEG_IOC, 0x60)
#define XSEG_IOC_ATTACH		_IO(XSEG_IOC, 0x61)
#define XSEG_IOC_DETACH		_IO(XSEG_IOC, 0x62)
#define XSEG_IOC_SIGNAL		_IO(XSEG_IOC, 0x63)
#define XSEG_IOC_REGISTER	_IO(XSEG_IOC, 0x64)
#define XSEG_IOC_UNREGISTER	_IO(XSEG_IOC, 0x65)
#define XSEG_IOC_WAIT		_IO(XSEG_IOC, 0x66)
#define XSEG_IOC_BRIDGE		_IO(XSEG_IOC, 0x68)

#endif /* XSEG_IOCTL_H */
