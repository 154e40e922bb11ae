/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The calls about requests; part of <xseg/xseg.h>, where the common rules are.
 */
#ifndef XSEG_REQUEST_H
#define XSEG_REQUEST_H

#include <xseg/abi.h>

/* What a library exports; without effect in the kernel. */
#pragma GCC visibility push(default)

#ifdef __cplusplus
extern "C" {
#endif

struct xseg;

/* Flags of the request calls; each call names those that it takes. */
#define XSEG_NOALLOC	1U	/* get: only from those reserved already */
#define XSEG_SIGNAL	2U	/* submit, respond, forward: signal as well */
#define XSEG_PASS	4U	/* forward: the reply does not come back here */
#define XSEG_STAMP	8U	/* get: note when it is submitted and answered */

/**
 * xseg_get_request() - take a request
 * @xseg:  the handle
 * @src:   a port that this handle bound: where the reply will come
 * @dst:   the port that it is meant for
 * @flags: any of XSEG_NOALLOC and XSEG_STAMP
 *
 * Any context.
 *
 * Return: the request, owned by the caller; or NULL with errno EINVAL (not
 * bound, no such port, flags), EAGAIN (all of the port's requests are under
 * way; or, with XSEG_NOALLOC, none is idle), ENOMEM (none left in the
 * segment), EBUSY, ESTALE.
 */
struct xseg_request __xseg_shared *
xseg_get_request(struct xseg *xseg, xport src, xport dst, unsigned int flags);

/**
 * xseg_renew_request() - take a request that came back once more
 * @xseg: the handle
 * @req:  a request that this peer took for @src and owns; no reply is due
 * @src:  as for xseg_get_request()
 * @dst:  likewise
 *
 * Like putting it and getting another one, but the room for target and data
 * stays as it is, and so does what xseg_set_req_data() noted. Any context.
 *
 * Return: 0, -EINVAL (not such a request, no such port), -ESTALE.
 */
int xseg_renew_request(struct xseg *xseg,
		       struct xseg_request __xseg_shared *req, xport src,
		       xport dst);

/**
 * xseg_put_request() - give a request back
 * @xseg: the handle
 * @req:  a request that this peer owns
 *
 * It returns to the reserve of the port that it was taken for. One that was
 * accepted, and is put instead of answered, goes back as failed with
 * ECANCELED. Any context.
 *
 * Return: 0; -EINVAL (not owned by this peer: a second put), -ESTALE; or, the
 * request still being the caller's, as it was, -EAGAIN (the queue of replies is
 * full) or -EBUSY.
 */
int xseg_put_request(struct xseg *xseg, struct xseg_request __xseg_shared *req);

/**
 * xseg_prep_request() - give a request room for target and data
 * @xseg:      the handle
 * @req:       a request that this peer owns
 * @targetlen: bytes of the target
 * @datalen:   bytes of data
 *
 * What the request carried before is lost. Data begin at the start of the
 * buffer (at a page from 4 KiB on); their content is undefined. Any context.
 *
 * Return: 0, -EMSGSIZE (more than the segment's max_data), -ENOMEM (the heap
 * is full), -EINVAL, -EBUSY, -ESTALE; the request may then have no buffer.
 */
int xseg_prep_request(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		      __u32 targetlen, __u64 datalen);

/**
 * xseg_resize_request() - change the room and keep what is there
 * @xseg:      the handle
 * @req:       a request that this peer owns
 * @targetlen: new bytes of the target
 * @datalen:   new bytes of data
 *
 * Target and data are kept as far as they fit. Any context; copies.
 *
 * Return: as xseg_prep_request(); on failure the request is unchanged.
 */
int xseg_resize_request(struct xseg *xseg,
			struct xseg_request __xseg_shared *req,
			__u32 targetlen, __u64 datalen);

/**
 * xseg_get_data() - where a request's data lie
 * @xseg: the handle
 * @req:  a request that this peer owns
 *
 * Return: the data, NULL if there are none or the request says nonsense.
 */
void __xseg_shared *xseg_get_data(struct xseg *xseg,
				  const struct xseg_request __xseg_shared *req);

/**
 * xseg_get_data_len() - where a request's data lie, and how many they are
 * @xseg: the handle
 * @req:  a request that this peer owns
 * @len:  filled with the bytes that may be used
 *
 * For who does not trust the other peers: place and length are read once, and
 * all of the data lie in the segment. Kernel drivers use this one.
 *
 * Return: as xseg_get_data().
 */
void __xseg_shared *
xseg_get_data_len(struct xseg *xseg,
		  const struct xseg_request __xseg_shared *req, __u64 *len);

/**
 * xseg_get_target() - where a request's target lies
 * @xseg: the handle
 * @req:  a request that this peer owns
 *
 * Return: the target (not terminated), NULL if there is none or the request
 * says nonsense.
 */
void __xseg_shared *
xseg_get_target(struct xseg *xseg,
		const struct xseg_request __xseg_shared *req);

/**
 * xseg_set_req_data() - keep private data with a request
 * @xseg: the handle
 * @req:  a request that this peer owns
 * @data: anything
 *
 * The data stay in this peer's own memory while the request travels, and can
 * be asked for when it is back. They are forgotten by xseg_put_request() and by
 * xseg_respond().
 *
 * Return: 0, -EINVAL, -ESTALE.
 */
int xseg_set_req_data(struct xseg *xseg,
		      struct xseg_request __xseg_shared *req, void *data);

/**
 * xseg_get_req_data() - the private data kept with a request
 * @xseg: the handle
 * @req:  a request that this peer owns
 * @data: filled; NULL if none were set
 *
 * Return: 0, -EINVAL, -ESTALE.
 */
int xseg_get_req_data(struct xseg *xseg,
		      struct xseg_request __xseg_shared *req, void **data);

/**
 * xseg_submit() - submit a request to its destination
 * @xseg:   the handle
 * @req:    a request that this peer owns, after: whoever accepts it
 * @portno: a port that this handle bound: where its reply comes; the first
 *	    time that which the request was taken for, bound as it was then
 * @flags:  0 or XSEG_SIGNAL
 *
 * Any context without XSEG_SIGNAL; with it, that of the descriptor's type.
 *
 * Return: the number of the port to be signalled; or, the request still being
 * the caller's, -EAGAIN (its queue is full), -ENOTCONN (nobody is bound to it,
 * and it does not keep requests), -ELOOP (XSEG_PATH_LEN hops), -EINVAL,
 * -EBUSY, -ESTALE. Once submitted it comes back in any case: if its server
 * dies or goes away as failed with EOWNERDEAD or ECONNRESET, unless the port
 * keeps requests for the next server. What a signal might say is not told.
 */
int xseg_submit(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		xport portno, unsigned int flags);

/**
 * xseg_accept() - take a request that was submitted to a port
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @flags:  0
 *
 * Any context; does not block.
 *
 * Return: the request, owned by the caller; or NULL with errno EAGAIN (there
 * is none), EINVAL, EBUSY, ESTALE.
 */
struct xseg_request __xseg_shared *
xseg_accept(struct xseg *xseg, xport portno, unsigned int flags);

/**
 * xseg_respond() - answer a request
 * @xseg:   the handle
 * @req:    a request that this peer owns, after: whoever receives it
 * @portno: the port that it was accepted from, which may be released already
 * @flags:  0 or XSEG_SIGNAL
 *
 * It goes back to the port that submitted it last. Set state, error and
 * serviced before. If that port is gone it goes further back, failed with
 * EOWNERDEAD; if nobody waits for it any more it is freed. Context as
 * xseg_submit().
 *
 * Return: the number of the port to be signalled, or NoPort cut to 31 bits
 * (XSEG_NOBODY) if it was freed; or, the request still being the caller's,
 * -EAGAIN (the queue of replies is full), -EINVAL, -EBUSY, -ESTALE.
 */
int xseg_respond(struct xseg *xseg, struct xseg_request __xseg_shared *req,
		 xport portno, unsigned int flags);

/* xseg_respond(): there is nobody to be signalled */
#define XSEG_NOBODY	0x7fffffff

/**
 * xseg_receive() - take a request that was answered to a port
 * @xseg:   the handle
 * @portno: a port that this handle bound
 * @flags:  0
 *
 * Any context; does not block.
 *
 * Return: the request, owned by the caller, to be looked at and put or
 * submitted again; or NULL with errno EAGAIN (there is none), EINVAL, EBUSY,
 * ESTALE.
 */
struct xseg_request __xseg_shared *
xseg_receive(struct xseg *xseg, xport portno, unsigned int flags);

/**
 * xseg_forward_request() - pass an accepted request on to another port
 * @xseg:    the handle
 * @req:     a request that this peer owns
 * @new_dst: the port that it goes to
 * @portno:  the port that it was accepted from
 * @flags:   any of XSEG_SIGNAL and XSEG_PASS; without XSEG_PASS the reply
 *	     comes back to @portno first, to be received and responded
 *
 * Context as xseg_submit().
 *
 * Return: as xseg_submit().
 */
int xseg_forward_request(struct xseg *xseg,
			 struct xseg_request __xseg_shared *req, xport new_dst,
			 xport portno, unsigned int flags);

#ifdef __cplusplus
}
#endif

#pragma GCC visibility pop

#endif /* XSEG_REQUEST_H */
