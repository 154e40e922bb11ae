// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel peers for tests: loaded by tests only.
 *
 * A line written to /sys/kernel/debug/xseg_test/start starts one:
 *
 *	KIND[:TYPE[:CONTEXT]] SEGMENT PORT [DST [COUNT [DEPTH [SIZE [JITTER]]]]]
 *
 *	KIND	 echo, sink, slow, source, chatty, count, player: see the files;
 *		 the name of a context is short for echo there
 *	TYPE	 waitqueue if left out or empty
 *	CONTEXT	 thread (if left out), work, direct, softirq, hardirq or idle
 *	SIZE	 most bytes of data, 0 for always 512
 *	JITTER	 one step in so many is delayed, 0 none
 *
 * "stop" stops all, "stop SEGMENT" those of one segment; stat shows what they
 * did. A peer that is led step by step is behind the file step, see step.h.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kernel/test/test.h"

static const struct behaviour *const behaviours[] = {
	&behaviour_echo, &behaviour_sink, &behaviour_slow, &behaviour_source,
	&behaviour_chatty, &behaviour_count, &behaviour_player,
};

static DEFINE_MUTEX(peers_lock);	/* guards the next */
static LIST_HEAD(peers);
static struct dentry *dir;

static void peer_free(struct peer *peer)
{
	peer_stop(peer);
	kfree(peer);
}

static int peer_join(struct peer *peer)
{
	int ret;

	peer->xseg = xseg_join(peer->segment, 0);
	if (IS_ERR(peer->xseg))
		return PTR_ERR(peer->xseg);
	xseg_set_sleep_cap(peer->xseg, XSEG_WAIT_FOREVER);
	ret = xseg_local_signal_init(peer->xseg, peer->type);
	if (ret)
		return ret;
	peer->sd = xseg_get_signal_desc(peer->xseg, peer->type);
	if (is_err(peer->sd))
		return ptr_err(peer->sd);
	ret = xseg_bind_port(peer->xseg, peer->port, peer->sd);
	return ret < 0 ? ret : peer->in->start(peer);
}

static const struct context *context_find(const char *name)
{
	const struct context *in;

	for (in = contexts; in->name; in++)
		if (!strcmp(name, in->name))
			return in;
	return NULL;
}

/* Finds KIND, TYPE and CONTEXT. */
static int peer_kind(struct peer *peer, char *kind)
{
	const char *name = strsep(&kind, ":");
	const char *type = strsep(&kind, ":");
	const struct context *short_for = context_find(name);
	unsigned int i;

	if (short_for)
		peer->what = &behaviour_echo;
	for (i = 0; i < ARRAY_SIZE(behaviours); i++)
		if (!strcmp(name, behaviours[i]->name))
			peer->what = behaviours[i];
	peer->in = kind ? context_find(kind) : short_for ? : contexts;
	if (!peer->what || !peer->in)
		return -EINVAL;
	strscpy(peer->kind, name, sizeof(peer->kind));
	strscpy(peer->type, type && *type ? type : "waitqueue",
		sizeof(peer->type));
	return 0;
}

static int peer_start(const char *line)
{
	struct peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	char kind[64];
	int n, ret;

	if (!peer)
		return -ENOMEM;
	peer->depth = 1;
	peer->dice = ktime_get_ns();
	peer->at = "start";
	n = sscanf(line, "%63s %63s %u %u %llu %u %u %u", kind,
		   peer->segment, &peer->port, &peer->dst, &peer->count, &peer->depth,
		   &peer->size, &peer->jitter);
	ret = n < 3 ? -EINVAL : peer_kind(peer, kind);
	if (!ret)
		ret = peer_join(peer);
	if (ret) {
		peer_free(peer);
		return ret;
	}
	mutex_lock(&peers_lock);
	list_add_tail(&peer->link, &peers);
	mutex_unlock(&peers_lock);
	return 0;
}

static void peers_stop(const char *segment)
{
	struct peer *peer, *next;

	mutex_lock(&peers_lock);
	list_for_each_entry_safe(peer, next, &peers, link) {
		if (segment && strcmp(peer->segment, segment))
			continue;
		list_del(&peer->link);
		peer_free(peer);
	}
	mutex_unlock(&peers_lock);
}

static ssize_t start_write(struct file *file, const char __user *user,
			   size_t size, loff_t *pos)
{
	char *line = memdup_user_nul(user, min_t(size_t, size, 256));
	int ret = 0;

	if (IS_ERR(line))
		return PTR_ERR(line);
	if (!strncmp(line, "stop ", 5))
		peers_stop(strim(line + 5));
	else if (!strncmp(line, "stop", 4))
		peers_stop(NULL);
	else
		ret = peer_start(line);
	kfree(line);
	return ret ? ret : (ssize_t)size;
}

static const struct file_operations start_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = start_write,
};

static void peer_show(struct seq_file *m, struct peer *peer)
{
	struct xseg_stats stats = {};

	xseg_get_stats(peer->xseg, &stats);
	seq_printf(m, "%s port %u done %lld bad %lld failed %lld %s",
		   peer->kind, peer->port, atomic64_read(&peer->done),
		   atomic64_read(&peer->bad), atomic64_read(&peer->failed),
		   READ_ONCE(peer->ended) ? "ended" : "runs");
	seq_printf(m, " waits %lld sleeps %llu sent %llu elided %llu",
		   atomic64_read(&peer->waits), stats.sleeps,
		   stats.signals_sent, stats.signals_elided);
	seq_printf(m, " type %s in %s pid %d at %s of %s\n", peer->type,
		   peer->in->name, peer->task ? peer->task->pid : 0,
		   READ_ONCE(peer->at), peer->segment);
}

static int stat_show(struct seq_file *m, void *unused)
{
	struct peer *peer;

	mutex_lock(&peers_lock);
	list_for_each_entry(peer, &peers, link)
		peer_show(m, peer);
	mutex_unlock(&peers_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

static int __init test_init(void)
{
	dir = debugfs_create_dir("xseg_test", NULL);
	debugfs_create_file("start", 0200, dir, NULL, &start_fops);
	debugfs_create_file("stat", 0400, dir, NULL, &stat_fops);
	/* by its data step_share() knows the file again */
	debugfs_create_file("step", 0600, dir, (void *)&step_fops, &step_fops);
	return 0;
}

static void __exit test_exit(void)
{
	debugfs_remove_recursive(dir);
	peers_stop(NULL);
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("Kernel peers for tests of xseg_signal");
MODULE_LICENSE("Dual BSD/GPL");
XSEG_IMPORT_NS();
