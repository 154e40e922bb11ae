// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A kernel driver that is a peer: answers each request with its data in upper
 * case. ask.c asks it.
 *
 *	xseg attach demo && modprobe upper segment=demo port=1
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sched.h>

#include <xseg/kernel.h>

#define BATCH	64	/* most requests in one call of the callback */

static char *segment = "demo";
module_param(segment, charp, 0444);
MODULE_PARM_DESC(segment, "name of the segment to join");

static unsigned int port = 1;
module_param(port, uint, 0444);
MODULE_PARM_DESC(port, "port to bind");

static struct xseg *xseg;
static struct signal_desc __xseg_shared *sd;

/* Processes can write to the data at any time: each byte is read once. */
static u64 to_upper(u8 *data, u64 len)
{
	u64 i;
	u8 c;

	for (i = 0; i < len; i++) {
		c = READ_ONCE(data[i]);
		if (c >= 'a' && c <= 'z')
			WRITE_ONCE(data[i], c - 'a' + 'A');
		if (i % PAGE_SIZE == 0)
			cond_resched();
	}
	return len;
}

/* Answers one request; false if there is none. */
static bool answer_one(void)
{
	struct xseg_request __xseg_shared *shared;
	struct xseg_request *req;
	u64 len = 0;
	void *data;

	shared = xseg_accept(xseg, port, 0);
	req = (struct xseg_request __force *)shared;
	if (IS_ERR(req))	/* -EAGAIN; else the next call may do better */
		return false;
	data = (void __force *)xseg_get_data_len(xseg, shared, &len);
	WRITE_ONCE(req->serviced, data ? to_upper(data, len) : 0);
	WRITE_ONCE(req->state, XSEG_REQ_SERVED);
	if (xseg_respond(xseg, shared, port, XSEG_SIGNAL) < 0)
		xseg_put_request(xseg, shared);
	return true;
}

/* The callback: in a workqueue, never twice at a time. */
static void answer(void *unused)
{
	int left = BATCH;

	do {
		while (left > 0 && answer_one())
			left--;
		xseg_prepare_wait(xseg, sd);	/* call me, then look again */
		if (left <= 0) {
			xseg_signal(xseg, port);	/* call me now */
			return;
		}
		left--;
	} while (answer_one() && !xseg_cancel_wait(xseg, sd));
}

static int peer_start(void)
{
	int ret;

	ret = xseg_local_signal_init(xseg, "waitqueue");
	if (ret)
		return ret;
	sd = xseg_get_signal_desc(xseg, "waitqueue");
	if (IS_ERR((void __force *)sd))
		return PTR_ERR((void __force *)sd);
	ret = xseg_set_callback(xseg, sd, answer, NULL, 0);
	if (ret)
		return ret;
	ret = xseg_bind_port(xseg, port, sd);
	if (ret < 0)
		return ret;
	ret = xseg_prepare_wait(xseg, sd);
	return ret ? ret : xseg_signal(xseg, port);	/* what came already */
}

static int __init upper_init(void)
{
	int ret;

	xseg = xseg_join(segment, 0);
	if (IS_ERR(xseg))
		return PTR_ERR(xseg);
	ret = peer_start();
	if (ret)
		xseg_leave(xseg);
	return ret;
}

/* Puts, releases and fails all that is left; the callback has returned. */
static void __exit upper_exit(void)
{
	xseg_leave(xseg);
}

module_init(upper_init);
module_exit(upper_exit);
MODULE_DESCRIPTION("Example of a kernel peer of xseg");
MODULE_LICENSE("Dual BSD/GPL");
XSEG_IMPORT_NS();
