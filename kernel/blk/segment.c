// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Being a peer of a segment: once for all disks that are served over it.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "kernel/blk/blk.h"

/* Guards the list and the counts. */
static DEFINE_MUTEX(members_lock);
static LIST_HEAD(members);

static struct member *member_find_locked(const char *segment)
{
	struct member *member;

	list_for_each_entry(member, &members, link)
		if (!strcmp(member->name, segment))
			return member;
	return NULL;
}

static struct member *member_new_locked(const char *segment)
{
	struct member *member = kzalloc(sizeof(*member), GFP_KERNEL);
	int ret;

	if (!member)
		return ERR_PTR(-ENOMEM);
	member->xseg = xseg_join(segment, 0);
	if (IS_ERR(member->xseg)) {
		ret = PTR_ERR(member->xseg);
		goto err_free;
	}
	/* The disks look by themselves: no callback comes from a timer. */
	xseg_set_sleep_cap(member->xseg, XSEG_WAIT_FOREVER);
	ret = xseg_get_info(member->xseg, &member->info);
	if (ret)
		goto err_leave;
	strscpy(member->name, segment, sizeof(member->name));
	list_add(&member->link, &members);
	return member;
err_leave:
	xseg_leave(member->xseg);
err_free:
	kfree(member);
	return ERR_PTR(ret);
}

/**
 * member_get() - join a segment, or share what has joined it
 * @segment: its name
 *
 * May sleep.
 *
 * Return: the membership, for member_put(), or an ERR_PTR() as xseg_join().
 */
struct member *member_get(const char *segment)
{
	struct member *member;

	mutex_lock(&members_lock);
	member = member_find_locked(segment);
	if (!member)
		member = member_new_locked(segment);
	if (!IS_ERR(member))
		member->refs++;
	mutex_unlock(&members_lock);
	return member;
}

/**
 * member_put() - undo member_get()
 * @member: the membership
 *
 * May sleep.
 */
void member_put(struct member *member)
{
	mutex_lock(&members_lock);
	if (!--member->refs) {
		list_del(&member->link);
		xseg_leave(member->xseg);
		kfree(member);
	}
	mutex_unlock(&members_lock);
}

/**
 * member_bind() - bind a port of no special number
 * @member: the membership
 * @sd:	    what is to be signalled
 *
 * Servers have numbers that people chose, mostly small ones, and their ports
 * must stay theirs while they are being replaced: so from the highest number
 * down, past all that keep requests for a server.
 *
 * Return: the port; -ENOSPC if none is free, or as xseg_bind_port().
 */
int member_bind(struct member *member, struct signal_desc __xseg_shared *sd)
{
	struct xseg_port_info info;
	xport port = member->info.params.nr_ports;
	int ret;

	while (port--) {
		ret = xseg_get_port_info(member->xseg, port, &info);
		if (ret)
			return ret;
		if (info.bound || info.flags & XSEG_PORT_KEEP)
			continue;
		ret = xseg_bind_port(member->xseg, port, sd);
		if (ret != -EBUSY)
			return ret;
	}
	return -ENOSPC;
}
