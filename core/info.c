// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What can be seen of a segment.
 */
#include "core/core.h"

int xseg_get_info(struct xseg *xseg, struct xseg_info *info)
{
	const struct xseg_params_shm *p;
	struct xseg_header __xseg_shared *header;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!info)
		return -EINVAL;
	p = &xseg->geo.params;
	header = xseg_header(xseg);
	memset(info, 0, sizeof(*info));
	info->segment_size = xseg->geo.size;
	info->params.size = sizeof(info->params);
	info->params.nr_ports = p->nr_ports;
	info->params.nr_requests = p->nr_requests;
	info->params.nr_descs = p->nr_descs;
	info->params.queue_len = 1U << p->queue_order;
	info->params.heap_size = p->heap_size;
	info->params.max_data = 1ULL << p->data_order;
	info->created_ns = shm_read(&header->created_ns);
	info->reap_epoch = shm_read(&header->reap_epoch);
	info->creator_uid = shm_read(&header->creator_uid);
	info->broken = shm_read(&header->broken);
	info->self = xseg->me;
	info->ports_used = min(shm_read(&header->ports_used), p->nr_ports);
	info->requests_used = pool_used(xseg, POOL_REQUESTS);
	info->descs_used = pool_used(xseg, POOL_DESCS);
	info->chunks = xseg->geo.nr_chunks;
	info->chunks_used = chunks_used(xseg);
	shm_copy_out(info->name, &header->name, sizeof(info->name));
	info->name[sizeof(info->name) - 1] = 0;
	shm_copy_out(info->uuid, &header->uuid, sizeof(info->uuid));
	return 0;
}

/* What is known of a port's descriptor. */
static void port_desc_info(struct xseg *xseg, u64 tagged,
			   struct xseg_port_info *info)
{
	struct xseg_desc __xseg_shared *d;
	struct xseg_type_info type;
	u32 index;
	u64 w, id;

	if (!tagged || desc_index(xseg, XPTR_OFF(tagged), &index))
		return;
	d = xseg_desc(xseg, index);
	w = shm_read(&d->ec.word);
	info->waiters = XEC_WAITERS(w);
	info->asleep = XEC_ASLEEP(w);
	id = shm_read(&d->desc.type);
	if (id < XSEG_NR_SIGNAL_TYPES &&
	    !xseg_get_type_info(xseg, (unsigned int)id, &type))
		memcpy(info->type, type.name, sizeof(info->type));
}

int xseg_get_port_info(struct xseg *xseg, xport portno,
		       struct xseg_port_info *info)
{
	struct xseg_port __xseg_shared *port;
	struct ring requests, replies;
	u64 w;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!info || !port_valid(xseg, portno))
		return -EINVAL;
	portno = array_index_nospec(portno, xseg->geo.params.nr_ports);
	port = xseg_port(xseg, portno);
	memset(info, 0, sizeof(*info));
	w = shm_load_acquire(&port->own);
	info->bound = XPORT_BOUND(w);
	info->owner = XPORT_WHO(w);
	info->epoch = XPORT_EPOCH(w);
	info->flags = shm_read(&port->flags);
	info->nr_requests = shm_read(&port->nr_requests);
	info->max_requests = shm_read(&port->max_requests);
	if (info->epoch) {	/* else its rings were never touched */
		requests = port_ring(xseg, portno, XSEG_RING_REQUEST);
		replies = port_ring(xseg, portno, XSEG_RING_REPLY);
		ring_counts(&requests, &info->submitted, &info->accepted);
		ring_counts(&replies, &info->responded, &info->received);
	}
	port_desc_info(xseg, shm_load_acquire(&port->signal_desc), info);
	return 0;
}

int xseg_get_peer_info(struct xseg *xseg, unsigned int slot,
		       struct xseg_peer_info *info)
{
	struct xseg_peer __xseg_shared *peer;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!info || slot >= XSEG_MAX_PEERS)
		return -EINVAL;
	peer = xseg_peer(xseg, slot);
	memset(info, 0, sizeof(*info));
	info->state = shm_read(&peer->state);
	info->domain = shm_read(&peer->domain);
	info->pid = shm_read(&peer->pid);
	info->uid = shm_read(&peer->uid);
	info->incarnation = shm_read(&peer->incarnation);
	info->join_ns = shm_read(&peer->join_ns);
	shm_copy_out(info->comm, &peer->comm, sizeof(info->comm));
	info->comm[sizeof(info->comm) - 1] = 0;
	if (info->state != XSEG_PEER_FREE)
		info->alive = domain_peer_alive(xseg, slot);
	return 0;
}
