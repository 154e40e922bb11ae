// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Waiting and signalling: from a descriptor or a port to its signal type.
 */
#include "core/core.h"

/* The type of a descriptor that this peer holds, and its part of it. */
static __always_inline int wait_target(struct xseg *xseg,
				       void __xseg_shared *sd, u32 *index,
				       const struct xseg_signal_type **type)
{
	int ret;

	ret = handle_check(xseg);
	if (!ret)
		ret = desc_held(xseg, sd, index);
	if (unlikely(ret))
		return ret;
	*type = type_met(xseg, READ_ONCE(xseg->descs[*index].type_id));
	if (unlikely(!*type))
		return -EINVAL;
	return (*type)->domain == domain_id() ? 0 : -EOPNOTSUPP;
}

int xseg_prepare_wait(struct xseg *xseg, void __xseg_shared *sd)
{
	const struct xseg_signal_type *type;
	u32 index;
	int ret;

	ret = wait_target(xseg, sd, &index, &type);
	if (ret)
		return ret;
	return type->ops.prepare_wait(xseg, &xseg_desc(xseg, index)->ec);
}

/* The descriptor was put since the wait was prepared, perhaps. */
static env_apart int wait_lost(struct xseg *xseg, void __xseg_shared *sd,
			       int ret)
{
	u32 index;

	if (ret == -EINVAL && !desc_of(xseg, sd, &index))
		domain_forget_wait(xseg, index);
	return ret;
}

int xseg_cancel_wait(struct xseg *xseg, void __xseg_shared *sd)
{
	const struct xseg_signal_type *type;
	u32 index;
	int ret;

	ret = wait_target(xseg, sd, &index, &type);
	if (unlikely(ret))
		return wait_lost(xseg, sd, ret);
	return type->ops.cancel_wait(xseg, &xseg_desc(xseg, index)->ec);
}

/**
 * ports_signal() - xseg_signal() for each of some ports
 * @xseg:  the handle
 * @ports: the ports
 * @nr:	   how many
 */
void ports_signal(struct xseg *xseg, const xport *ports, unsigned int nr)
{
	while (nr--)
		xseg_signal(xseg, *ports++);
}

int xseg_signal_and_wait(struct xseg *xseg, void __xseg_shared *sd,
			 const xport *ports, unsigned int nr,
			 __u32 usec_timeout)
{
	const struct xseg_signal_type *type;
	struct xseg_ec __xseg_shared *ec;
	const struct desc_ref *ref;
	u32 index, gen;
	int ret;

	ret = wait_target(xseg, sd, &index, &type);
	if (unlikely(ret)) {
		ports_signal(xseg, ports, nr);
		return wait_lost(xseg, sd, ret);
	}
	ref = &xseg->descs[index];
	gen = READ_ONCE(ref->gen);
	ec = &xseg_desc(xseg, index)->ec;
	if (nr && type->ops.signal_and_wait) {
		ret = type->ops.signal_and_wait(xseg, ec, ports, nr,
						usec_timeout);
	} else {
		if (nr)
			ports_signal(xseg, ports, nr);
		ret = type->ops.wait_signal(xseg, ec, usec_timeout);
	}
	if (unlikely(!READ_ONCE(ref->count) || READ_ONCE(ref->gen) != gen))
		return -ESTALE;
	return ret;
}

int xseg_wait_signal(struct xseg *xseg, void __xseg_shared *sd,
		     __u32 usec_timeout)
{
	return xseg_signal_and_wait(xseg, sd, NULL, 0, usec_timeout);
}

int xseg_signal_fd(struct xseg *xseg, void __xseg_shared *sd)
{
	const struct xseg_signal_type *type;
	u32 index;
	int ret;

	ret = wait_target(xseg, sd, &index, &type);
	if (ret)
		return ret;
	if (!type->ops.signal_fd)
		return -EOPNOTSUPP;
	return type->ops.signal_fd(xseg, &xseg_desc(xseg, index)->ec);
}

/* Nobody waits on a descriptor; if so, that is counted. Most signals end here. */
static inline bool desc_idle(struct xseg *xseg, u32 index)
{
	if (XEC_WAITERS(shm_read(&xseg_desc(xseg, index)->ec.word)))
		return false;
	WRITE_ONCE(xseg->elided, READ_ONCE(xseg->elided) + 1);
	env_trace(signal, xseg, index, false);
	return true;
}

/* Somebody waits: it is for the type. */
static int desc_wake(struct xseg *xseg, u32 index)
{
	struct xseg_desc __xseg_shared *d = xseg_desc(xseg, index);
	const struct xseg_signal_type *type;
	u64 id = shm_read(&d->desc.type);

	type = type_met(xseg, id);
	if (unlikely(!type))
		type = domain_meet_type(xseg, id);
	if (unlikely(!type))
		return -ENOENT;
	atomic64_inc(&xseg->sent);
	env_trace(signal, xseg, index, true);
	return type->ops.signal(xseg, &d->ec);
}

/**
 * desc_signal() - wake whoever waits on a descriptor
 * @xseg:  the handle
 * @index: the descriptor
 *
 * The caller has a full barrier between its work and this. Pairs with (W2) in
 * xseg_ec_prepare().
 *
 * Return: 0, -ESRCH or -EHOSTUNREACH (nobody seems to be there), -ENOENT
 * (unknown type), or what the type says.
 */
int desc_signal(struct xseg *xseg, u32 index)
{
	return desc_idle(xseg, index) ? 0 : desc_wake(xseg, index);
}

/* A port without a descriptor. */
static env_apart int port_signal_none(struct xseg *xseg, xport portno)
{
	u64 w = shm_load_acquire(&xseg_port(xseg, portno)->own);

	/* Bound just now: its owner looks before it first waits. */
	return XPORT_BOUND(w) ? 0 : -ENOTCONN;
}

/* Wakes whoever waits on a port's descriptor; looks at an owner that is gone. */
static env_apart int port_wake(struct xseg *xseg, xport portno, u32 index)
{
	int ret = desc_wake(xseg, index);
	u64 w;

	if (likely(ret != -ESRCH && ret != -EHOSTUNREACH))
		return ret;
	w = shm_load_acquire(&xseg_port(xseg, portno)->own);
	if (!XPORT_BOUND(w))
		return -ENOTCONN;
	if (domain_reap_if_dead(xseg, XPORT_WHO(w), false))
		return -EOWNERDEAD;
	/* -ESRCH: who lives was about to sleep, and sees that seq moved. */
	return ret == -ESRCH ? 0 : ret;
}

/**
 * port_signal() - wake whoever waits on a port's descriptor
 * @xseg:   the handle
 * @portno: a valid port
 *
 * As desc_signal(); a port whose owner seems to be gone is looked at, and
 * reaped if it is.
 *
 * Return: as xseg_signal().
 */
int port_signal(struct xseg *xseg, xport portno)
{
	struct xseg_port __xseg_shared *port = xseg_port(xseg, portno);
	u64 tagged = shm_load_acquire(&port->signal_desc);
	u32 index;

	if (unlikely(!tagged))
		return port_signal_none(xseg, portno);
	if (unlikely(desc_index(xseg, XPTR_OFF(tagged), &index)))
		return broken(xseg, "port");
	return desc_idle(xseg, index) ? 0 : port_wake(xseg, portno, index);
}

/**
 * port_signal_aside() - wake whoever waits on a port's descriptor, to tidy up
 * @xseg:   the handle
 * @portno: a valid port
 *
 * As port_signal(), but who is woken does not run inside: what a lying segment
 * has to be tidied up would otherwise have kernel peers call each other.
 */
void port_signal_aside(struct xseg *xseg, xport portno)
{
	domain_aside(true);
	port_signal(xseg, portno);
	domain_aside(false);
}

/**
 * port_waiter() - the descriptor of a port, if its type has a flag
 * @xseg:   the handle
 * @portno: any number
 * @flags:  XSEG_SIGNAL_*
 * @desc:   filled with its index
 * @gen:    and generation
 *
 * For who signals in another way than xseg_signal(); needs its barrier, too.
 *
 * Return: 1 if so, and somebody waits; 0 if nobody waits; -EOPNOTSUPP.
 */
int port_waiter(struct xseg *xseg, xport portno, u32 flags, u32 *desc, u32 *gen)
{
	const struct xseg_signal_type *type;
	struct xseg_desc __xseg_shared *d;
	u64 tagged;

	if (!port_valid(xseg, portno))
		return -EOPNOTSUPP;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	tagged = shm_load_acquire(&xseg_port(xseg, portno)->signal_desc);
	if (!tagged || desc_index(xseg, XPTR_OFF(tagged), desc))
		return -EOPNOTSUPP;
	d = xseg_desc(xseg, *desc);
	*gen = XPTR_GEN(tagged);
	type = type_met(xseg, shm_read(&d->desc.type));
	if (!type || !(type->flags & flags))
		return -EOPNOTSUPP;
	if (!XEC_WAITERS(shm_read(&d->ec.word))) {
		WRITE_ONCE(xseg->elided, READ_ONCE(xseg->elided) + 1);
		return 0;
	}
	atomic64_inc(&xseg->sent);
	return 1;
}

int xseg_signal(struct xseg *xseg, xport portno)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!port_valid(xseg, portno))
		return -EINVAL;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	smp_mb();	/* (S2), pairs with (W2) in xseg_ec_prepare() */
	return port_signal(xseg, portno);
}

int xseg_get_stats(struct xseg *xseg, struct xseg_stats *stats)
{
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!stats)
		return -EINVAL;
	stats->signals_sent = atomic64_read(&xseg->sent);
	stats->signals_elided = READ_ONCE(xseg->elided);
	stats->sleeps = atomic64_read(&xseg->sleeps);
	stats->waits = atomic64_read(&xseg->waits);
	stats->reaped = atomic64_read(&xseg->reaped);
	stats->yields = atomic64_read(&xseg->yielded);
	stats->calls = atomic64_read(&xseg->calls);
	return 0;
}
