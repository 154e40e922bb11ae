/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The calls of xseg, the same for processes and for kernel drivers.
 *
 * Errors: a call that returns int returns 0 or more, or a negative errno, in
 * both domains. A call that returns a pointer returns NULL with errno set in
 * a process, an ERR_PTR() in the kernel.
 *
 * These mean the same for every call that takes a handle:
 *	-ESTALE		the handle is no longer valid: xseg_leave() was called,
 *			or this is a forked child and the handle its parent's
 *	-EUCLEAN	the segment is damaged; leave it and make a new one
 *	-EBUSY		(of the request calls) contention or damage made the
 *			call give up; nothing was changed; it may be repeated
 *
 * Every call may be made by several threads at once, with these exceptions:
 * one request is used by one thread at a time, and xseg_leave() is called when
 * no other thread uses the handle. No call may be made from a signal handler,
 * and no thread be cancelled (pthread_cancel) inside one.
 *
 * The user library forks safely: it has pthread_atfork() handlers, which call
 * urcu_bp_before_fork() and its companions. A program that uses liburcu-bp
 * itself must not register these once more.
 *
 * The pointers to requests and descriptors that the calls return point into
 * the segment. Who shares the segment can write there: see trust.rst.
 */
#ifndef XSEG_XSEG_H
#define XSEG_XSEG_H

#include <xseg/abi.h>

/* What a library exports; without effect in the kernel. */
#pragma GCC visibility push(default)

#ifdef __cplusplus
extern "C" {
#endif

#define XSEG_VERSION_MAJOR	0
#define XSEG_VERSION_MINOR	1

/* A peer's handle of a segment that it joined. */
struct xseg;

struct xseg_signal_type;

/**
 * struct xseg_params - capacities of a new segment
 * @size:	 sizeof(struct xseg_params), so that it can grow
 * @flags:	 XSEG_CREATE_*
 * @mode:	 permission bits of the file: who may join; 0 means 0600
 * @nr_ports:	 ports, 1 to 65,536; 0 means 256
 * @nr_requests: requests, 1 to 16,777,214; 0 means 4,096
 * @nr_descs:	 signal descriptors, 1 to 65,536; 0 means 1,024
 * @queue_len:	 slots of each queue of each port, rounded up to a power of
 *		 two, 1 to 1,048,576; also the most requests that one port can
 *		 have under way; 0 means 256
 * @rsvd:	 0
 * @heap_size:	 bytes for the data of requests, rounded up to whole chunks
 *		 (256 KiB, or @max_data if that is more); 0 means 32 MiB
 * @max_data:	 bytes of the largest data and target that one request can
 *		 carry together, rounded up to a power of two, up to 1 GiB;
 *		 0 means 1 MiB
 */
struct xseg_params {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 nr_ports;
	__u32 nr_requests;
	__u32 nr_descs;
	__u32 queue_len;
	__u32 rsvd;
	__aligned_u64 heap_size;
	__aligned_u64 max_data;
};

/* Take memory when it is first used, not now: a full /dev/shm then kills. */
#define XSEG_CREATE_SPARSE	1U

/* Let names found in the segment load plug-ins, see xseg_join(). */
#define XSEG_JOIN_PLUGINS	1U

/* Remove the segment even if peers live in it; they go on without its name. */
#define XSEG_DESTROY_FORCE	1U

/**
 * xseg_create() - make a segment
 * @name:   its name, [A-Za-z0-9._-]{1,63}, not beginning with a dot
 * @params: its capacities; NULL for all defaults
 *
 * The segment appears under its name whole or not at all, whenever the caller
 * dies. Its memory is taken from /dev/shm at once unless XSEG_CREATE_SPARSE
 * says otherwise. User domain; blocks while memory is taken.
 *
 * Return: 0, or -EEXIST (there is one of that name), -EINVAL (name, flags,
 * mode or a capacity out of range), -EOVERFLOW (the capacities together
 * exceed 1 TiB), -ENOSPC or -ENOMEM (no room in /dev/shm), or an error of
 * open(2). xseg_last_error() tells more.
 */
int xseg_create(const char *name, const struct xseg_params *params);

/**
 * xseg_create_fd() - make a segment without a name
 * @params: its capacities; NULL for all defaults; @mode is not used
 *
 * It lives in a memfd, sealed against growing and shrinking; whoever is given
 * the descriptor may join with xseg_join_fd(). User domain; blocks while
 * memory is taken.
 *
 * Return: a file descriptor (close-on-exec), or an error as xseg_create().
 */
int xseg_create_fd(const struct xseg_params *params);

/**
 * xseg_destroy() - remove a segment's name
 * @name:  the segment
 * @flags: 0 or XSEG_DESTROY_FORCE
 *
 * The memory goes when the last peer has left. User domain.
 *
 * Return: 0, or -ENOENT, -EBUSY (peers live in it), -EACCES, -EINVAL, or
 * -EBADMSG (the file of that name is no segment; with XSEG_DESTROY_FORCE it
 * is removed all the same).
 */
int xseg_destroy(const char *name, unsigned int flags);

/**
 * xseg_join() - become a peer of a segment
 * @name:  the segment
 * @flags: 0 or XSEG_JOIN_PLUGINS (user domain): signal types that the process
 *	   does not know are loaded from the library's own plug-in folder
 *
 * The peer lives until xseg_leave(), exec or death. It is not inherited by
 * fork: in the child the handle answers -ESTALE. The caller may close any
 * descriptor at any time, and stays a peer; but a type that wakes through
 * files (eventfd, fifo) needs those that it has opened. May reap dead peers
 * when all slots are taken.
 * Blocks in the file system only.
 *
 * Return: a handle; or NULL with errno ENOENT, EACCES, EINVAL (name, flags),
 * EBADMSG (no segment), EILSEQ (made on a machine of the other byte order),
 * EPROTONOSUPPORT (made by an incompatible xseg), ENODATA (truncated),
 * EUCLEAN (damaged header), EUSERS (no free peer slot), ENOMEM, or one of
 * open(2) or mmap(2). xseg_last_error() tells more.
 */
struct xseg *xseg_join(const char *name, unsigned int flags);

/**
 * xseg_join_fd() - become a peer of the segment that a descriptor refers to
 * @fd:	   a descriptor open for reading and writing; it stays the caller's
 *	   and may be closed after
 * @flags: as for xseg_join()
 *
 * User domain. Needs /proc.
 *
 * Return: as xseg_join(); EBADF or EACCES if @fd is not open for both.
 */
struct xseg *xseg_join_fd(int fd, unsigned int flags);

/**
 * xseg_leave() - stop being a peer
 * @xseg: the handle, invalid after
 *
 * Releases the ports still bound, puts the descriptors still held and gives
 * back or fails the requests still owned, as if the peer had died, but at
 * once.
 *
 * Return: 0, or -ESTALE.
 */
int xseg_leave(struct xseg *xseg);

/**
 * xseg_reap() - clean up after dead peers
 * @xseg: the handle
 *
 * Looks for peers that died, drops what they held, returns their requests,
 * and wakes everybody. May be called at any time, by several at once. It also
 * happens by itself: on a join when all slots are taken, on binding a dead peer's
 * port, on signal failure, by any peer that sleeps, once a second, and by the
 * kernel when a process that used its module is gone. May sleep.
 *
 * Return: the number of peers that were reaped; -EBADF (all descriptors were
 * closed behind the library's back and the segment has no name to open it by),
 * or an error of open(2) or mmap(2).
 */
int xseg_reap(struct xseg *xseg);

/**
 * struct xseg_info - a segment's capacities and state, see xseg_get_info()
 * @segment_size:  bytes
 * @params:	   capacities, as struct xseg_params; flags and mode are 0: the
 *		   mode is that of the file
 * @created_ns:	   CLOCK_REALTIME
 * @reap_epoch:	   dead peers reaped so far
 * @creator_uid:   who made it
 * @broken:	   not 0: damaged
 * @self:	   the caller's peer slot
 * @ports_used:	   1 + the highest port ever bound
 * @requests_used: requests ever allocated, a high-water mark
 * @descs_used:	   descriptors ever allocated, a high-water mark
 * @chunks:	   chunks of the heap
 * @chunks_used:   chunks given to a class of buffers
 * @name:	   name it was created under
 * @uuid:	   random number of this segment
 */
struct xseg_info {
	__aligned_u64 segment_size;
	struct xseg_params params;
	__aligned_u64 created_ns;
	__aligned_u64 reap_epoch;
	__u32 creator_uid;
	__u32 broken;
	__u32 self;
	__u32 ports_used;
	__u32 requests_used;
	__u32 descs_used;
	__u32 chunks;
	__u32 chunks_used;
	char name[XSEG_NAME_SIZE];
	__u8 uuid[16];
};

/**
 * struct xseg_port_info - a port at one moment, see xseg_get_port_info()
 * @bound:	  not 0: a peer is bound to it
 * @owner:	  slot of that peer, or of the last one
 * @epoch:	  binds so far
 * @flags:	  XSEG_PORT_*
 * @nr_requests:  requests reserved for it
 * @max_requests: most requests that may be
 * @submitted:	  requests ever submitted to it
 * @accepted:	  of those accepted
 * @responded:	  replies ever given to it
 * @received:	  of those received
 * @waiters:	  waiters announced on its descriptor
 * @asleep:	  of those asleep
 * @type:	  name of its descriptor's signal type, "" if none
 */
struct xseg_port_info {
	__u32 bound;
	__u32 owner;
	__u32 epoch;
	__u32 flags;
	__u32 nr_requests;
	__u32 max_requests;
	__aligned_u64 submitted;
	__aligned_u64 accepted;
	__aligned_u64 responded;
	__aligned_u64 received;
	__u32 waiters;
	__u32 asleep;
	char type[XSEG_SIGNAL_NAME_SIZE];
};

/**
 * struct xseg_peer_info - a peer's slot at one moment, see xseg_get_peer_info()
 * @state:	 enum xseg_peer_state
 * @alive:	 not 0: a USED slot's peer lives
 * @domain:	 enum xseg_domain
 * @pid:	 for people
 * @uid:	 for people
 * @incarnation: peers that had the slot so far
 * @join_ns:	 CLOCK_REALTIME
 * @comm:	 name of the program
 */
struct xseg_peer_info {
	__u32 state;
	__u32 alive;
	__u32 domain;
	__u32 pid;
	__u32 uid;
	__u32 incarnation;
	__aligned_u64 join_ns;
	char comm[16];
};

/**
 * struct xseg_type_info - a signal type in a segment, see xseg_get_type_info()
 * @domain:	enum xseg_domain in which it is waited upon
 * @version:	of its data's layout
 * @data_size:	bytes of its data in a descriptor
 * @known:	not 0: this process can use it
 * @name:	its name
 */
struct xseg_type_info {
	__u32 domain;
	__u32 version;
	__u32 data_size;
	__u32 known;
	char name[XSEG_SIGNAL_NAME_SIZE];
};

/**
 * struct xseg_stats - what the calls of one handle have done so far
 * @signals_sent:    signals that found somebody waiting; a system call only if
 *		     he had gone to sleep
 * @signals_elided:  signals that found nobody waiting; exact when one thread
 *		     signals at a time, else a lower bound
 * @sleeps:	     waits that went to sleep in the kernel
 * @waits:	     calls of xseg_wait_signal() that had to wait
 * @reaped:	     peers that were reaped
 * @yields:	     times that a waiter yielded the CPU before it went to sleep,
 *		     each a system call; 0 in the kernel
 * @calls:	     system calls made to signal and to wait, yields among them;
 *		     0 in the kernel
 */
struct xseg_stats {
	__aligned_u64 signals_sent;
	__aligned_u64 signals_elided;
	__aligned_u64 sleeps;
	__aligned_u64 waits;
	__aligned_u64 reaped;
	__aligned_u64 yields;
	__aligned_u64 calls;
};

/**
 * xseg_get_info() - capacities and state of the segment
 * @xseg: the handle
 * @info: filled
 *
 * Return: 0, -EINVAL (NULL) or -ESTALE.
 */
int xseg_get_info(struct xseg *xseg, struct xseg_info *info);

/**
 * xseg_get_port_info() - state of a port
 * @xseg:   the handle
 * @portno: the port
 * @info:   filled
 *
 * Return: 0, -EINVAL (no such port) or -ESTALE.
 */
int xseg_get_port_info(struct xseg *xseg, xport portno,
		       struct xseg_port_info *info);

/**
 * xseg_get_peer_info() - state of a peer's slot
 * @xseg: the handle
 * @slot: 0 to XSEG_MAX_PEERS - 1
 * @info: filled
 *
 * Return: 0, -EINVAL (no such slot) or -ESTALE.
 */
int xseg_get_peer_info(struct xseg *xseg, unsigned int slot,
		       struct xseg_peer_info *info);

/**
 * xseg_get_type_info() - a signal type by its id in the segment
 * @xseg: the handle
 * @id:	  0 to XSEG_NR_SIGNAL_TYPES - 1
 * @info: filled
 *
 * Return: 0, -ENOENT (the id is not given), -EINVAL or -ESTALE.
 */
int xseg_get_type_info(struct xseg *xseg, unsigned int id,
		       struct xseg_type_info *info);

/**
 * xseg_get_stats() - counters of this handle
 * @xseg:  the handle
 * @stats: filled
 *
 * Return: 0, -EINVAL (NULL) or -ESTALE.
 */
int xseg_get_stats(struct xseg *xseg, struct xseg_stats *stats);

/**
 * xseg_last_error() - what was wrong with the calling thread's last failure
 *
 * Set by the calls that say so: create, destroy, join, reap and those about
 * signal types. User domain.
 *
 * Return: one sentence for people, "" if there was no failure; valid until
 * the thread's next call.
 */
const char *xseg_last_error(void);

/**
 * xseg_attach() - let kernel drivers into a segment
 * @name: the segment
 *
 * From then on drivers may join it by that name, and processes that joined it
 * before are told. Its memory is taken at once and stays taken until
 * xseg_detach() and until the processes that signalled kernel drivers, or
 * could be signalled by them, have left. Takes the module xseg_signal and
 * CAP_SYS_ADMIN. User domain; blocks while memory is taken.
 *
 * Return: 0 (also if it was attached so before), -ENODEV (no module), -EACCES,
 * -EPERM, -ENOENT, -EEXIST (another segment is attached by that name), -EFBIG
 * (see the module's parameter max_mib), -ENOMEM, -EBADMSG and others as for
 * xseg_join(). xseg_last_error() tells more.
 */
int xseg_attach(const char *name);

/**
 * xseg_detach() - let no more kernel drivers in
 * @name: the segment, which need not exist any more
 *
 * User domain.
 *
 * Return: 0, -EBUSY (drivers are peers of it), -ENOENT (not attached),
 * -ENODEV, -EACCES, -EPERM, -EINVAL. xseg_last_error() tells more.
 */
int xseg_detach(const char *name);

/* Signal types */

/**
 * xseg_register_signal_type() - make a signal type known to this process
 * @type: the type; must stay until it is unregistered
 *
 * The built-in types are known already. In the kernel: to all kernel peers.
 *
 * Return: 0, -EEXIST (one of that name is known), -EINVAL (bad name, domain
 * or operations missing), -ENAMETOOLONG, -E2BIG (its data do not fit into a
 * descriptor), -ENOSPC (XSEG_NR_SIGNAL_TYPES are known).
 */
int xseg_register_signal_type(const struct xseg_signal_type *type);

/**
 * xseg_unregister_signal_type() - take back a registration
 * @type: the type
 *
 * Return: 0, -ENOENT, or -EBUSY (a handle uses it; in the user domain a type
 * is in use from its first use until the handle is left).
 */
int xseg_unregister_signal_type(const struct xseg_signal_type *type);

/**
 * xseg_local_signal_init() - be ready to receive signals of a type
 * @xseg:	 the handle
 * @signal_type: its name
 *
 * To be called before xseg_get_signal_desc(). Calls are counted. Gives the
 * type its number in this segment if it is the first to use it there. Plug-ins
 * are loaded if xseg_join() allowed it.
 *
 * Return: 0, -ENOENT (no such type, no such plug-in), -EINVAL (not a name),
 * -ENAMETOOLONG, -EOPNOTSUPP (a type of the other domain), -ENOSPC (the
 * segment's table of types is full), -EPROTO (the segment has a type of that
 * name with another version or size), or what the type says.
 */
int xseg_local_signal_init(struct xseg *xseg, const char *signal_type);

/**
 * xseg_local_signal_quit() - stop being ready for signals of a type
 * @xseg:	 the handle
 * @signal_type: its name
 *
 * Return: 0, -EBUSY (active descriptors of that type remain), -EINVAL (not
 * initialised), -ESTALE.
 */
int xseg_local_signal_quit(struct xseg *xseg, const char *signal_type);

/* Signal descriptors */

/**
 * xseg_get_signal_desc() - allocate and initialise a signal descriptor
 * @xseg: the handle
 * @type: name of a type that xseg_local_signal_init() was called for
 *
 * The caller holds the new descriptor and must put it. May sleep.
 *
 * Return: the descriptor; or NULL with errno EINVAL (the type is not
 * initialised), ENOMEM (the segment has no more descriptors), ESTALE, or what
 * the type says.
 */
struct signal_desc __xseg_shared *
xseg_get_signal_desc(struct xseg *xseg, const char *type);

/**
 * xseg_hold_signal_desc() - take one more reference
 * @xseg: the handle
 * @sd:	  a descriptor that this peer holds
 *
 * May sleep.
 *
 * Return: 0, -EINVAL (not a descriptor that this peer holds), -ESTALE.
 */
int xseg_hold_signal_desc(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_get_port_signal_desc() - take a reference to a port's descriptor
 * @xseg:   the handle
 * @portno: the port
 *
 * May sleep.
 *
 * Return: the descriptor, to be put; or NULL with errno EINVAL (no such
 * port), ENOTCONN (nobody is bound to it), ENOENT (of a type that is not known
 * here), EUCLEAN, ESTALE.
 */
struct signal_desc __xseg_shared *
xseg_get_port_signal_desc(struct xseg *xseg, xport portno);

/**
 * xseg_put_signal_desc() - drop a reference
 * @xseg: the handle
 * @sd:	  a descriptor that this peer holds; not to be used after
 *
 * The last put in the whole segment cleans up and frees the descriptor. Who
 * still waits on it returns with -ESTALE. Other peers may keep it longer. May
 * sleep.
 *
 * Return: 0, -EINVAL (not held: a second put), -ESTALE.
 */
int xseg_put_signal_desc(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_prepare_wait() - announce the calling thread as a waiter
 * @xseg: the handle
 * @sd:	  a descriptor that this peer holds
 *
 * Then look for work once more; then xseg_wait_signal() or, if there was
 * work, xseg_cancel_wait(). A full memory barrier lies between the
 * announcement and whatever the caller reads after. A second call by the same
 * thread replaces the first.
 *
 * Return: 0, -EINVAL (not held), -EOPNOTSUPP (a type of the other domain, or
 * another peer's descriptor of a type with a file), -ENOSPC (the thread has
 * announced itself on 16 descriptors), -ESTALE.
 */
int xseg_prepare_wait(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_cancel_wait() - take the announcement back
 * @xseg: the handle
 * @sd:	  the descriptor
 *
 * Return: 0 (also if there was none), -EINVAL, -EOPNOTSUPP, -ESTALE.
 */
int xseg_cancel_wait(struct xseg *xseg, void __xseg_shared *sd);

/* xseg_wait_signal(): wait for ever */
#define XSEG_WAIT_FOREVER	0xffffffffU

/**
 * xseg_wait_signal() - wait for a signal
 * @xseg:	  the handle
 * @sd:		  a descriptor on which the calling thread prepared a wait
 * @usec_timeout: at most so many microseconds; 0 looks only;
 *		  XSEG_WAIT_FOREVER has no limit
 *
 * Ends the announcement, whatever it returns. May return 0 without a signal;
 * look for work and wait again. Without a prepared wait it prepares one
 * itself: then only signals that come after the call count.
 *
 * Return: 0, -ETIMEDOUT, -EINTR (a signal handler ran), -EINVAL, -EOPNOTSUPP,
 * -ENOSPC (as xseg_prepare_wait()), -EBADF (the program closed the descriptor's
 * file), -ESTALE (also: the descriptor was put meanwhile).
 */
int xseg_wait_signal(struct xseg *xseg, void __xseg_shared *sd,
		     __u32 usec_timeout);

/**
 * xseg_signal() - wake whoever waits on a port's descriptor
 * @xseg:   the handle
 * @portno: the port
 *
 * A full memory barrier lies between whatever the caller wrote before and the
 * look whether somebody waits. Nobody waiting: no system call. The flag
 * XSEG_SIGNAL of the request calls does the same for less.
 *
 * Return: 0, also where nobody had to be woken; -EINVAL (no such port),
 * -ENOTCONN (nobody is bound to it), -EOWNERDEAD (its owner was found dead
 * and reaped), -ENOENT (unknown signal type), -ETIMEDOUT (eventfd: the owner
 * did not hand over its descriptor in time, it may be stopped; it is woken when
 * it goes on), -EHOSTUNREACH (eventfd: its socket is not there), -EACCES (it
 * refuses this program, by the segment's owner and mode), -EMFILE,
 * -ESTALE. Not to be called inside a read-side section of liburcu-bp.
 */
int xseg_signal(struct xseg *xseg, xport portno);

/**
 * xseg_signal_and_wait() - wake who waits on some ports, then wait
 * @xseg:	  the handle
 * @sd:		  a descriptor on which the calling thread prepared a wait
 * @ports:	  ports to be signalled
 * @nr:		  how many
 * @usec_timeout: as for xseg_wait_signal()
 *
 * For a server that has answered without XSEG_SIGNAL what there was, and goes
 * to sleep. The same as xseg_signal() for each port and xseg_wait_signal(), but
 * that a type may do both in one system call, and then lets the kernel wait, see
 * enum xseg_wait_strategy. What a signal might say is not told.
 *
 * Return: as xseg_wait_signal().
 */
int xseg_signal_and_wait(struct xseg *xseg, void __xseg_shared *sd,
			 const xport *ports, unsigned int nr,
			 __u32 usec_timeout);

/**
 * xseg_signal_fd() - a descriptor that becomes readable on a signal
 * @xseg: the handle
 * @sd:	  a signal descriptor that this peer got
 *
 * For poll, epoll, io_uring or any event loop: prepare the wait, look for
 * work, wait for the descriptor to be readable, cancel the wait. Only cancel
 * and prepare make it unreadable again: do not read from it. Owned by the
 * library; closed with the signal descriptor. User domain.
 *
 * Return: a file descriptor, -EOPNOTSUPP (the type has none), -EINVAL,
 * -ESTALE.
 */
int xseg_signal_fd(struct xseg *xseg, void __xseg_shared *sd);

/**
 * xseg_get_bridge_fd() - a descriptor that wakes a kernel peer by write(2)
 * @xseg:   the handle
 * @portno: a port whose owner waits by signal type eventfd-bridge
 *
 * For whoever is to wake that peer and knows nothing of segments: 8 bytes with
 * a number other than 0, in the machine's byte order, are a signal. Never
 * blocks the writer; there is nothing to be read. It is of no use once the
 * owner has put its descriptor. The caller's, close-on-exec. User domain.
 *
 * Return: a new file descriptor; -EINVAL (no such port), -ENOTCONN (nobody is
 * bound to it), -EOPNOTSUPP (its owner does not wait by that type), -ENXIO or
 * -ENOENT (no module, or the segment is not attached), -EACCES (this program
 * may not use the device), -EMFILE, -ENOMEM, -EUCLEAN, -ESTALE.
 */
int xseg_get_bridge_fd(struct xseg *xseg, xport portno);

/**
 * enum xseg_wait_strategy - what a waiter does before it sleeps
 * @XSEG_WAIT_ADAPTIVE:	yields the CPU a few times, and more often the more
 *			often that helped lately; good on one CPU and on many
 * @XSEG_WAIT_SLEEP:	sleeps at once
 * @XSEG_WAIT_YIELD:	yields the CPU a fixed number of times first
 * @XSEG_WAIT_SPIN:	spins for 20 microseconds first; fast where the other
 *			side runs on another CPU, ruinous where it does not
 *
 * xseg_signal_and_wait() with type device: the module polls instead, while that
 * helps and no other thread wants the CPU, whatever the strategy but
 * XSEG_WAIT_SLEEP.
 */
enum xseg_wait_strategy {
	XSEG_WAIT_ADAPTIVE	= 0,
	XSEG_WAIT_SLEEP		= 1,
	XSEG_WAIT_YIELD		= 2,
	XSEG_WAIT_SPIN		= 3,
};

/**
 * xseg_set_wait_strategy() - choose what this handle's waiters do first
 * @xseg:     the handle
 * @strategy: enum xseg_wait_strategy; XSEG_WAIT_ADAPTIVE is the default
 *
 * User domain. Not for descriptors whose file was asked for by
 * xseg_signal_fd().
 *
 * Return: 0, -EINVAL or -ESTALE.
 */
int xseg_set_wait_strategy(struct xseg *xseg, unsigned int strategy);

/**
 * xseg_set_sleep_cap() - limit a single sleep
 * @xseg: the handle
 * @usec: microseconds after which a sleeper looks for dead peers before it
 *	  sleeps on; 1,000,000 is the default; XSEG_WAIT_FOREVER for never
 *
 * A wait lasts as long as it was asked to; this only bounds how long the
 * death of a signaller, between its submit and its signal, goes unnoticed
 * where nobody else reaps, and in the kernel how often a callback without a signal
 * is called. Tests of lost wake-ups switch it off.
 *
 * Return: 0, -EINVAL (0) or -ESTALE.
 */
int xseg_set_sleep_cap(struct xseg *xseg, __u32 usec);

/* Ports */

/**
 * xseg_bind_port() - bind a port and attach a signal descriptor to it
 * @xseg:   the handle
 * @portno: the port, or NoPort for any free one
 * @sd:	    a descriptor that this peer holds, of a type of its own domain
 *
 * The port holds the descriptor until it is released. Free requests left from
 * an earlier owner are given back; requests that a port with XSEG_PORT_KEEP
 * kept are there to be accepted: look before the first wait.
 *
 * Return: the number of the port; or -EBUSY (a live peer holds it), -EINVAL
 * (no such port, not a descriptor of this peer's domain), -ENOSPC (NoPort:
 * none is free), -ESTALE.
 */
int xseg_bind_port(struct xseg *xseg, xport portno, void __xseg_shared *sd);

/**
 * xseg_release_port() - give a port back
 * @xseg:   the handle
 * @portno: a port that this handle bound
 *
 * Requests submitted to it and not accepted go back to their senders as
 * failed with ECONNRESET, or stay if XSEG_PORT_KEEP is set. Replies not received
 * are freed with the requests reserved for it; those to requests of others that
 * were forwarded go on to them, failed with EOWNERDEAD. Requests that this peer
 * accepted stay its own to answer.
 *
 * Return: 0, -EINVAL (not bound by this handle), -ESTALE.
 */
int xseg_release_port(struct xseg *xseg, xport portno);

/**
 * xseg_set_port_flags() - what happens to a port's requests without an owner
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @flags:  0: they go back to their senders as failed; XSEG_PORT_KEEP: they
 *	    wait for the next owner, and others may be submitted meanwhile
 *
 * Outlives the owner, so that it holds while the next one starts.
 *
 * Return: 0, -EINVAL or -ESTALE.
 */
int xseg_set_port_flags(struct xseg *xseg, xport portno, unsigned int flags);

/**
 * xseg_alloc_requests() - reserve requests for a port
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @nr:	    how many more
 *
 * Return: how many were reserved, less than @nr if the segment or the port's
 * limit has no more; -EINVAL or -ESTALE.
 */
int xseg_alloc_requests(struct xseg *xseg, xport portno, __u32 nr);

/**
 * xseg_free_requests() - give reserved requests back
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @nr:	    how many
 *
 * Return: how many were given back, less than @nr if fewer are idle; -EINVAL
 * or -ESTALE.
 */
int xseg_free_requests(struct xseg *xseg, xport portno, __u32 nr);

/**
 * xseg_set_max_requests() - limit the requests of a port
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @nr:	    most requests that may be reserved for it, 1 to the length of the
 *	    port's queues, which is the default
 *
 * Requests already reserved beyond that stay until they are given back.
 *
 * Return: 0, -EINVAL or -ESTALE.
 */
int xseg_set_max_requests(struct xseg *xseg, xport portno, __u32 nr);

/**
 * xseg_get_max_requests() - the limit that xseg_set_max_requests() sets
 * @xseg:   the handle
 * @portno: the port
 *
 * Return: the limit, -EINVAL or -ESTALE.
 */
int xseg_get_max_requests(struct xseg *xseg, xport portno);

#ifdef __cplusplus
}
#endif

#pragma GCC visibility pop

#include <xseg/request.h>

#endif /* XSEG_XSEG_H */
