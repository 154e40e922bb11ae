/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The layout of abi.h, pinned: size of each struct and offset of each field.
 * Compiled by both domains, as 64-bit and as 32-bit, as C and as C++. If one
 * of these fails, the change needs another XSEG_ABI_MAJOR.
 */
#ifndef XSEG_ABI_CHECK_H
#define XSEG_ABI_CHECK_H

#include <xseg/abi.h>

#ifdef __cplusplus
#define XSEG_ASSERT(cond) static_assert(cond, #cond)
#else
#define XSEG_ASSERT(cond) _Static_assert(cond, #cond)
#endif
#define XSEG_SIZE(type, size) XSEG_ASSERT(sizeof(type) == (size))
#define XSEG_AT(type, field, at) \
	XSEG_ASSERT(__builtin_offsetof(type, field) == (at))

XSEG_SIZE(xptr, 8);
XSEG_SIZE(xport, 4);

XSEG_SIZE(struct xseg_ring, 128);
XSEG_AT(struct xseg_ring, head, 0);
XSEG_AT(struct xseg_ring, tail, 64);
XSEG_AT(struct xseg_ring, slot, 128);

XSEG_SIZE(struct xseg_params_shm, 32);
XSEG_AT(struct xseg_params_shm, nr_ports, 0);
XSEG_AT(struct xseg_params_shm, nr_requests, 4);
XSEG_AT(struct xseg_params_shm, nr_descs, 8);
XSEG_AT(struct xseg_params_shm, queue_order, 12);
XSEG_AT(struct xseg_params_shm, data_order, 16);
XSEG_AT(struct xseg_params_shm, rsvd, 20);
XSEG_AT(struct xseg_params_shm, heap_size, 24);

XSEG_SIZE(struct xseg_header, 320);
XSEG_AT(struct xseg_header, magic, 0);
XSEG_AT(struct xseg_header, abi_major, 8);
XSEG_AT(struct xseg_header, abi_minor, 10);
XSEG_AT(struct xseg_header, header_size, 12);
XSEG_AT(struct xseg_header, segment_size, 16);
XSEG_AT(struct xseg_header, features_required, 24);
XSEG_AT(struct xseg_header, features, 32);
XSEG_AT(struct xseg_header, created_ns, 40);
XSEG_AT(struct xseg_header, creator_uid, 48);
XSEG_AT(struct xseg_header, params, 64);
XSEG_AT(struct xseg_header, uuid, 96);
XSEG_AT(struct xseg_header, name, 128);
XSEG_AT(struct xseg_header, reap_epoch, 256);
XSEG_AT(struct xseg_header, last_scan_ns, 264);
XSEG_AT(struct xseg_header, ports_used, 272);
XSEG_AT(struct xseg_header, broken, 276);

XSEG_SIZE(struct xseg_peer, 64);
XSEG_AT(struct xseg_peer, state, 0);
XSEG_AT(struct xseg_peer, incarnation, 4);
XSEG_AT(struct xseg_peer, domain, 8);
XSEG_AT(struct xseg_peer, pid, 12);
XSEG_AT(struct xseg_peer, uid, 16);
XSEG_AT(struct xseg_peer, join_ns, 24);
XSEG_AT(struct xseg_peer, pidns, 32);
XSEG_AT(struct xseg_peer, comm, 40);

XSEG_SIZE(struct xseg_signal_name, 64);
XSEG_AT(struct xseg_signal_name, own, 0);
XSEG_AT(struct xseg_signal_name, domain, 8);
XSEG_AT(struct xseg_signal_name, version, 12);
XSEG_AT(struct xseg_signal_name, data_size, 16);
XSEG_AT(struct xseg_signal_name, name, 24);

XSEG_SIZE(struct xseg_signal_table, 512);
XSEG_SIZE(struct xseg_ec, 8);

XSEG_SIZE(struct signal_desc, 16);
XSEG_AT(struct signal_desc, type, 0);
XSEG_AT(struct signal_desc, sd, 8);

XSEG_SIZE(struct xseg_desc, 128);
XSEG_AT(struct xseg_desc, own, 0);
XSEG_AT(struct xseg_desc, owner, 8);
XSEG_AT(struct xseg_desc, incarnation, 12);
XSEG_AT(struct xseg_desc, desc, 16);
XSEG_AT(struct xseg_desc, holders, 32);
XSEG_AT(struct xseg_desc, ec, 64);
XSEG_AT(struct xseg_desc, data, 72);

XSEG_SIZE(struct xseg_port, 64);
XSEG_AT(struct xseg_port, own, 0);
XSEG_AT(struct xseg_port, signal_desc, 8);
XSEG_AT(struct xseg_port, flags, 16);
XSEG_AT(struct xseg_port, max_requests, 20);
XSEG_AT(struct xseg_port, nr_requests, 24);

XSEG_SIZE(struct xseg_request, 320);
XSEG_AT(struct xseg_request, own, 0);
XSEG_AT(struct xseg_request, serial, 8);
XSEG_AT(struct xseg_request, offset, 16);
XSEG_AT(struct xseg_request, size, 24);
XSEG_AT(struct xseg_request, serviced, 32);
XSEG_AT(struct xseg_request, data, 40);
XSEG_AT(struct xseg_request, datalen, 48);
XSEG_AT(struct xseg_request, target, 56);
XSEG_AT(struct xseg_request, targetlen, 64);
XSEG_AT(struct xseg_request, op, 68);
XSEG_AT(struct xseg_request, state, 72);
XSEG_AT(struct xseg_request, flags, 76);
XSEG_AT(struct xseg_request, error, 80);
XSEG_AT(struct xseg_request, src_portno, 84);
XSEG_AT(struct xseg_request, dst_portno, 88);
XSEG_AT(struct xseg_request, path_top, 92);
XSEG_AT(struct xseg_request, home, 96);
XSEG_AT(struct xseg_request, buffer, 104);
XSEG_AT(struct xseg_request, bufferlen, 112);
XSEG_AT(struct xseg_request, priv, 120);
XSEG_AT(struct xseg_request, transit_portno, 128);
XSEG_AT(struct xseg_request, effective_dst_portno, 132);
XSEG_AT(struct xseg_request, timestamp_ns, 136);
XSEG_AT(struct xseg_request, elapsed_ns, 144);
XSEG_AT(struct xseg_request, cookie, 152);
XSEG_AT(struct xseg_request, sending, 160);
XSEG_AT(struct xseg_request, path, 192);

XSEG_SIZE(struct xseg_buffer, 16);
XSEG_AT(struct xseg_buffer, own, 0);
XSEG_AT(struct xseg_buffer, request, 8);

XSEG_SIZE(struct xseg_chunk, 16);
XSEG_AT(struct xseg_chunk, own, 0);
XSEG_AT(struct xseg_chunk, class_, 8);
XSEG_AT(struct xseg_chunk, seq, 12);

XSEG_SIZE(struct xseg_pool, 64);
XSEG_AT(struct xseg_pool, fresh, 0);

#undef XSEG_ASSERT
#undef XSEG_SIZE
#undef XSEG_AT

#endif /* XSEG_ABI_CHECK_H */
