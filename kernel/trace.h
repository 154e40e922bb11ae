/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tracepoints: /sys/kernel/tracing/events/xseg. Each names the segment by the
 * inode of its file, a peer by its slot, a descriptor by its index.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xseg

#if !defined(XSEG_KERNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XSEG_KERNEL_TRACE_H

#include <linux/tracepoint.h>

#include "kernel/signal.h"

#define show_domain(domain)				\
	__print_symbolic(domain,			\
			 { XSEG_DOMAIN_KERNEL, "kernel" },	\
			 { XSEG_DOMAIN_USER, "user" })

/* A kernel peer has bound a port. */
TRACE_EVENT(xseg_bind,
	TP_PROTO(const struct segment *seg, u32 peer, u32 port, u32 desc,
		 u32 gen),
	TP_ARGS(seg, peer, port, desc, gen),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(u32, peer)
			 __field(u32, port)
			 __field(u32, desc)
			 __field(u32, gen)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       __entry->port = port;
		       __entry->desc = desc;
		       __entry->gen = gen;),
	TP_printk("ino=%llu peer=%u port=%u desc=%u gen=%u", __entry->ino,
		  __entry->peer, __entry->port, __entry->desc, __entry->gen)
);

/* A kernel peer has given a port back, its own or that of a dead peer. */
TRACE_EVENT(xseg_release,
	TP_PROTO(const struct segment *seg, u32 peer, u32 port),
	TP_ARGS(seg, peer, port),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(u32, peer)
			 __field(u32, port)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       __entry->port = port;),
	TP_printk("ino=%llu peer=%u port=%u", __entry->ino, __entry->peer,
		  __entry->port)
);

/* A kernel peer has submitted or forwarded a request, from port to dst. */
TRACE_EVENT(xseg_submit,
	TP_PROTO(const struct segment *seg, u32 peer, u32 request, u32 port,
		 u32 dst),
	TP_ARGS(seg, peer, request, port, dst),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(u32, peer)
			 __field(u32, request)
			 __field(u32, port)
			 __field(u32, dst)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       __entry->request = request;
		       __entry->port = port;
		       __entry->dst = dst;),
	TP_printk("ino=%llu peer=%u request=%u port=%u dst=%u", __entry->ino,
		  __entry->peer, __entry->request, __entry->port, __entry->dst)
);

/*
 * Somebody signals a descriptor. peer is -1 for a process; those that it elides
 * are not seen here.
 */
TRACE_EVENT(xseg_signal,
	TP_PROTO(const struct segment *seg, int peer, u32 desc, u32 to,
		 const char *type, bool sent),
	TP_ARGS(seg, peer, desc, to, type, sent),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(int, peer)
			 __field(u32, desc)
			 __field(u32, from)
			 __field(u32, to)
			 __array(char, type, XSEG_SIGNAL_NAME_SIZE)
			 __field(bool, sent)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       __entry->desc = desc;
		       __entry->from = peer < 0 ? XSEG_DOMAIN_USER :
						  XSEG_DOMAIN_KERNEL;
		       __entry->to = to;
		       strscpy(__entry->type, type, XSEG_SIGNAL_NAME_SIZE);
		       __entry->sent = sent;),
	TP_printk("ino=%llu peer=%d desc=%u from=%s to=%s type=%s %s",
		  __entry->ino, __entry->peer, __entry->desc,
		  show_domain(__entry->from), show_domain(__entry->to),
		  __entry->type, __entry->sent ? "sent" : "elided")
);

/* A kernel peer that waits is woken, for the wakes-th time. */
TRACE_EVENT(xseg_wake,
	TP_PROTO(const struct segment *seg, u32 peer, u32 gen, int wakes,
		 bool direct),
	TP_ARGS(seg, peer, gen, wakes, direct),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(u32, peer)
			 __field(u32, gen)
			 __field(int, wakes)
			 __field(bool, direct)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       __entry->gen = gen;
		       __entry->wakes = wakes;
		       __entry->direct = direct;),
	TP_printk("ino=%llu peer=%u gen=%u wakes=%d direct=%d", __entry->ino,
		  __entry->peer, __entry->gen, __entry->wakes, __entry->direct)
);

/* What the segment says cannot be, or its file is not what it was. */
TRACE_EVENT(xseg_broken,
	TP_PROTO(const struct segment *seg, int peer, const char *what),
	TP_ARGS(seg, peer, what),
	TP_STRUCT__entry(__field(u64, ino)
			 __field(int, peer)
			 __array(char, what, 16)),
	TP_fast_assign(__entry->ino = seg->inode->i_ino;
		       __entry->peer = peer;
		       strscpy(__entry->what, what, 16);),
	TP_printk("ino=%llu peer=%d what=%s", __entry->ino, __entry->peer,
		  __entry->what)
);

/* trace.c */
void trace_signalled(const struct xseg *waiter, u32 index);

#endif /* XSEG_KERNEL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kernel
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
