// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tracepoints, and from what the core knows to what they show. Called only
 * while somebody traces.
 */
#define CREATE_TRACE_POINTS
#include "kernel/trace.h"

static const struct segment *segment_of(const struct xseg *xseg)
{
	return domain_of(xseg)->segment;
}

void core_trace_bind(const struct xseg *xseg, u32 port)
{
	u32 desc = READ_ONCE(xseg->ports[port].desc);

	trace_xseg_bind(segment_of(xseg), xseg->me, port, desc,
			READ_ONCE(xseg->descs[desc].gen));
}

void core_trace_release(const struct xseg *xseg, u32 port)
{
	trace_xseg_release(segment_of(xseg), xseg->me, port);
}

void core_trace_submit(const struct xseg *xseg, u32 request, u32 port, u32 dst)
{
	trace_xseg_submit(segment_of(xseg), xseg->me, request, port, dst);
}

void core_trace_signal(const struct xseg *xseg, u32 index, bool sent)
{
	const struct xseg_signal_type *type =
		type_met(xseg, shm_read(&xseg_desc(xseg, index)->desc.type));

	trace_xseg_signal(segment_of(xseg), xseg->me, index,
			  type ? type->domain : ~0U, type ? type->name : "?",
			  sent);
}

void core_trace_broken(const struct xseg *xseg, const char *what)
{
	trace_xseg_broken(segment_of(xseg), xseg->me, what);
}

/**
 * trace_signalled() - a process has signalled a kernel peer
 * @waiter: handle of that peer
 * @index:  its descriptor
 *
 * Any context.
 */
void trace_signalled(const struct xseg *waiter, u32 index)
{
	u32 id = READ_ONCE(waiter->descs[index].type_id);
	const struct xseg_signal_type *type = type_met(waiter, id);

	trace_xseg_signal(segment_of(waiter), -1, index, XSEG_DOMAIN_KERNEL,
			  type ? type->name : "?", true);
}
