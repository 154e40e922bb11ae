/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For authors of signal types.
 *
 * A signal type is one struct xseg_signal_type: a name and the operations
 * that say how to be woken and how to wake. A type of the caller's own domain
 * has all of them; of a type of the other domain only those that send.
 *
 * Every descriptor begins with an event count (struct xseg_ec), which the
 * core looks at before it calls ->signal(): where nobody has announced
 * himself there is nothing to call. A type announces and withdraws waiters
 * with xseg_ec_prepare() and its relatives, and adds only how a thread sleeps
 * and how it is woken from there.
 *
 * A plug-in of the user library is a shared object xseg-signal-NAME.so that
 * exports one symbol, ``const struct xseg_signal_type xseg_signal_plugin``.
 */
#ifndef XSEG_SIGNAL_TYPE_H
#define XSEG_SIGNAL_TYPE_H

#include <xseg/xseg.h>

struct module;

/* What a library exports; without effect in the kernel. */
#pragma GCC visibility push(default)

#ifdef __cplusplus
extern "C" {
#endif

#define XSEG_SIGNAL_API	1

/**
 * struct xseg_signal_operations - what a signal type can do
 * @init_signal_desc:	make a new descriptor's data ready to be waited upon;
 *			may sleep
 * @quit_signal_desc:	clean the data up when the last holder has put it. May
 *			be run by any peer, also for one that died, and then
 *			more than once: it may use only the segment, and what
 *			can be named from there; may sleep
 * @local_signal_check:	can this peer receive at all? Without any lock, before
 *			the next; may be NULL
 * @local_signal_init:	make this peer ready to receive; once for all
 *			xseg_local_signal_init() of a handle; may be NULL
 * @local_signal_quit:	undo that; may be NULL
 * @remote_signal_init:	make this process or module ready to send, before the
 *			first signal of this type; may be NULL
 * @remote_signal_quit:	undo that; may be NULL
 * @prepare_wait:	announce the calling thread; a full memory barrier
 * @cancel_wait:	take that back
 * @wait_signal:	sleep until signalled; usec_timeout as for
 *			xseg_wait_signal(); returns 0, -ETIMEDOUT or -EINTR
 * @signal:		wake all waiters; called where at least one is announced.
 *			Bumps the event count first (xseg_ec_bump()), wakes, and
 *			only then calls xseg_ec_woken(). Returns 0; -ESRCH if
 *			it found nobody to wake, -EHOSTUNREACH if it could not
 *			get at him (in both cases the owner may be dead); or
 *			another negative errno
 * @signal_fd:		a descriptor to poll for; NULL if the type has none
 * @signal_and_wait:	signal ports, then wait, for less than one after the
 *			other; NULL if the type has no such way
 * @release:		the local peer has put its last reference to this
 *			descriptor: wake local waiters, free what is private;
 *			may sleep; may be NULL
 *
 * init_signal_desc, release, quit_signal_desc and both local ones are called
 * with a lock of the handle: they must not take or put references, bind or
 * release ports. remote_signal_init is called for each handle that meets the
 * type.
 *
 * All but remote_signal_init and remote_signal_quit are given the handle; sd
 * is the type-specific part of the descriptor, the event count first.
 */
struct xseg_signal_operations {
	int (*init_signal_desc)(struct xseg *xseg, void __xseg_shared *sd);
	void (*quit_signal_desc)(struct xseg *xseg, void __xseg_shared *sd);
	int (*local_signal_check)(struct xseg *xseg);
	int (*local_signal_init)(struct xseg *xseg);
	void (*local_signal_quit)(struct xseg *xseg);
	int (*remote_signal_init)(void);
	void (*remote_signal_quit)(void);
	int (*prepare_wait)(struct xseg *xseg, void __xseg_shared *sd);
	int (*cancel_wait)(struct xseg *xseg, void __xseg_shared *sd);
	int (*wait_signal)(struct xseg *xseg, void __xseg_shared *sd,
			   __u32 usec_timeout);
	int (*signal)(struct xseg *xseg, void __xseg_shared *sd);
	int (*signal_fd)(struct xseg *xseg, void __xseg_shared *sd);
	int (*signal_and_wait)(struct xseg *xseg, void __xseg_shared *sd,
			       const xport *ports, unsigned int nr,
			       __u32 usec_timeout);
	void (*release)(struct xseg *xseg, void __xseg_shared *sd);
};

/**
 * struct xseg_signal_type - a signal type
 * @ops:	what it can do
 * @name:	unique name, [a-z0-9-]{1,31}
 * @api:	XSEG_SIGNAL_API
 * @domain:	enum xseg_domain in which it is waited upon
 * @version:	of the layout of its data; peers of another version refuse it
 * @data_size:	bytes of its data in a descriptor, event count included, at
 *		most XSEG_SIGNAL_DATA_SIZE
 * @flags:	0 or XSEG_SIGNAL_BY_DEVICE
 * @owner:	in the kernel the module that the type lies in, if it may go before
 *		xseg_signal; it stays while the type is in use
 */
struct xseg_signal_type {
	struct xseg_signal_operations ops;
	char name[XSEG_SIGNAL_NAME_SIZE];
	__u32 api;
	__u32 domain;
	__u32 version;
	__u32 data_size;
	__u32 flags;
	struct module *owner;
};

/* Who waits does so in the kernel, and XSEG_IOC_SIGNAL wakes him. */
#define XSEG_SIGNAL_BY_DEVICE	1U

/**
 * xseg_ec_init() - make an event count ready for a new descriptor
 * @ec: the event count
 *
 * Its sequence goes on from where it was, so that a waiter of an earlier
 * descriptor in the same place sees a change.
 */
void xseg_ec_init(struct xseg_ec __xseg_shared *ec);

/**
 * xseg_ec_rearm() - end all waits, and announce a sleeper at once
 * @ec: the event count
 *
 * For who is the only one that waits there, and is called when a signal comes.
 * A full memory barrier; pairs with that in xseg_signal().
 */
void xseg_ec_rearm(struct xseg_ec __xseg_shared *ec);

/**
 * xseg_ec_prepare() - announce a waiter
 * @ec:	    the event count
 * @asleep: not 0: it may sleep from here on without xseg_ec_sleep(); for types
 *	    whose waiters sleep in somebody else's poll
 *
 * A full memory barrier; pairs with that in xseg_signal().
 *
 * Return: the sequence, to be given to the other calls.
 */
__u32 xseg_ec_prepare(struct xseg_ec __xseg_shared *ec, int asleep);

/**
 * xseg_ec_cancel() - take an announcement back
 * @ec:	    the event count
 * @seq:    what xseg_ec_prepare() returned
 * @asleep: not 0: it was announced as asleep, or xseg_ec_sleep() came after
 */
void xseg_ec_cancel(struct xseg_ec __xseg_shared *ec, __u32 seq, int asleep);

/**
 * xseg_ec_signalled() - was there a signal since?
 * @ec:	 the event count
 * @seq: what xseg_ec_prepare() returned
 *
 * An acquire; pairs with the bump in xseg_ec_bump().
 *
 * Return: not 0 if so; the announcement is then gone.
 */
int xseg_ec_signalled(const struct xseg_ec __xseg_shared *ec, __u32 seq);

/**
 * xseg_ec_sleep() - announce that this waiter goes to sleep
 * @ec:	 the event count
 * @seq: what xseg_ec_prepare() returned
 *
 * From here on a signaller must wake it.
 *
 * Return: 0, or -EAGAIN if it was signalled.
 */
int xseg_ec_sleep(struct xseg_ec __xseg_shared *ec, __u32 seq);

/**
 * xseg_ec_bump() - signal, first half: move the sequence
 * @ec:	   the event count
 * @token: filled, for xseg_ec_woken()
 *
 * Return: 0 if nobody is announced, 1 if somebody is but nobody is asleep
 * (done: there is no second half), 2 if the sleepers are to be woken.
 */
int xseg_ec_bump(struct xseg_ec __xseg_shared *ec, __u64 *token);

/**
 * xseg_ec_woken() - signal, second half: the sleepers have been woken
 * @ec:	   the event count
 * @token: from xseg_ec_bump()
 */
void xseg_ec_woken(struct xseg_ec __xseg_shared *ec, __u64 token);

/**
 * xseg_ec_force() - move the sequence, whoever waits
 * @ec: the event count
 *
 * For the end of a descriptor, and where waiters are to look once more; wake
 * everybody after.
 */
void xseg_ec_force(struct xseg_ec __xseg_shared *ec);

/**
 * struct xseg_desc_id - what a descriptor is, for a type to name things by
 * @index:	 its index in the segment
 * @gen:	 generation; together with the index unique in the segment's life
 * @owner:	 slot of the peer that waits on it
 * @incarnation: of that peer
 * @self:	 not 0: that peer is the caller
 */
struct xseg_desc_id {
	__u32 index;
	__u32 gen;
	__u32 owner;
	__u32 incarnation;
	__u32 self;
};

/**
 * xseg_get_desc_id() - what a descriptor is
 * @xseg: the handle
 * @sd:	  type-specific part of a descriptor
 * @id:	  filled
 *
 * Return: 0, -EINVAL or -ESTALE.
 */
int xseg_get_desc_id(struct xseg *xseg, const void __xseg_shared *sd,
		     struct xseg_desc_id *id);

/**
 * struct xseg_fd_source - how other processes come by a descriptor's file
 * @open: gives a new file descriptor that can be written to, in the process
 *	  that waits or in another; negative errno on failure
 *
 * User domain. For types that wake by write(2) to a file: they need nothing
 * but this and the calls below, which count waiters, sleep in poll(2), empty
 * the file when it is safe, and keep the files that this process signals by
 * in a table under liburcu.
 */
struct xseg_fd_source {
	int (*open)(struct xseg *xseg, void __xseg_shared *sd,
		    const struct xseg_desc_id *id);
};

/**
 * xseg_fd_attach() - a new descriptor's file, in the process that waits
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 * @fd:	  non-blocking, becomes readable by a write; the library's from here
 *
 * Return: 0 or a negative errno (@fd is then still the caller's).
 */
int xseg_fd_attach(struct xseg *xseg, void __xseg_shared *sd, int fd);

/**
 * xseg_fd_prepare() - ->prepare_wait() of a type with a file
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Return: 0 or a negative errno.
 */
int xseg_fd_prepare(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_fd_cancel() - ->cancel_wait() of a type with a file
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Return: 0 or a negative errno.
 */
int xseg_fd_cancel(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_fd_wait() - ->wait_signal() of a type with a file
 * @xseg:	  the handle
 * @sd:		  type-specific part of the descriptor
 * @usec_timeout: as for xseg_wait_signal()
 *
 * Return: 0, -ETIMEDOUT, -EINTR or another negative errno.
 */
int xseg_fd_wait(struct xseg *xseg, void __xseg_shared *sd, __u32 usec_timeout);

/**
 * xseg_fd_signal() - ->signal() of a type with a file
 * @xseg:   the handle
 * @sd:	    type-specific part of the descriptor
 * @source: how to come by the file
 *
 * Return: 0, -ESRCH, or what @source says.
 */
int xseg_fd_signal(struct xseg *xseg, void __xseg_shared *sd,
		   const struct xseg_fd_source *source);

/**
 * xseg_fd_get() - ->signal_fd() of a type with a file
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 *
 * Return: the file descriptor, or -EOPNOTSUPP (somebody else's).
 */
int xseg_fd_get(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_fd_release() - ->release() of a type with a file
 * @xseg: the handle
 * @sd:	  type-specific part of the descriptor
 */
void xseg_fd_release(struct xseg *xseg, void __xseg_shared *sd);

#ifdef __cplusplus
}
#endif

#pragma GCC visibility pop

#endif /* XSEG_SIGNAL_TYPE_H */
