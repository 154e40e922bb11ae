// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Kernel peers for tests: loaded by tests only.
 *
 * A line written to /sys/kernel/debug/xseg_test/start starts one:
 *
 *	KIND[:TYPE] SEGMENT PORT [DST [COUNT [DEPTH]]]
 *
 * KIND is echo (a thread), work or direct (callbacks): they answer each
 * request with its data inverted. source sends COUNT requests to DST, DEPTH at
 * a time, and checks the answers. count counts how often it is woken, idle
 * never waits. They are woken by signal type TYPE, or waitqueue. "stop" stops
 * all; stat shows what they did.
 */
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <xseg/kernel.h>

#define DATA_SIZE	512
#define BATCH		64

/**
 * struct peer - a test peer
 * @link:   in peers
 * @kind:   which, as above
 * @type:   of its descriptor
 * @xseg:   its handle
 * @sd:	    its descriptor
 * @port:   where it is bound
 * @dst:    where it sends
 * @count:  how many requests
 * @depth:  at a time
 * @task:   its thread, or NULL
 * @done:   requests answered, answers checked, or times woken
 * @bad:    answers with wrong data
 * @failed: failed requests and calls
 * @ended:  the source has all answers
 */
struct peer {
	struct list_head link;
	char kind[16];
	char type[XSEG_SIGNAL_NAME_SIZE];
	struct xseg *xseg;
	struct signal_desc __xseg_shared *sd;
	u32 port;
	u32 dst;
	u64 count;
	u32 depth;
	struct task_struct *task;
	atomic64_t done;
	atomic64_t bad;
	atomic64_t failed;
	bool ended;
};

static DEFINE_MUTEX(peers_lock);
static LIST_HEAD(peers);
static struct dentry *dir;

/* The data of a request that this peer holds; NULL if it says nonsense. */
static u64 *data_of(struct peer *peer, struct xseg_request __xseg_shared *req,
		    u64 *words)
{
	u64 __xseg_shared *data = xseg_get_data(peer->xseg, req);
	u64 len = READ_ONCE(((struct xseg_request __force *)req)->datalen);

	*words = min_t(u64, len, DATA_SIZE) / sizeof(u64);
	return (u64 __force *)data;
}

/* Answers what there is, at most BATCH at once: true if there may be more. */
static bool echo_some(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;
	u64 words, i, *data;
	int n;

	for (n = 0; n < BATCH; n++) {
		req = xseg_accept(peer->xseg, peer->port, 0);
		if (IS_ERR((void __force *)req))
			return PTR_ERR((void __force *)req) != -EAGAIN;
		data = data_of(peer, req, &words);
		for (i = 0; data && i < words; i++)
			WRITE_ONCE(data[i], ~READ_ONCE(data[i]));
		WRITE_ONCE(((struct xseg_request __force *)req)->state,
			   XSEG_REQ_SERVED);
		if (xseg_respond(peer->xseg, req, peer->port, XSEG_SIGNAL) < 0)
			atomic64_inc(&peer->failed);
		atomic64_inc(&peer->done);
	}
	return true;
}

static int echo_thread(void *arg)
{
	struct peer *peer = arg;

	while (!kthread_should_stop()) {
		if (echo_some(peer)) {
			cond_resched();
			continue;
		}
		if (xseg_prepare_wait(peer->xseg, peer->sd)) {
			atomic64_inc(&peer->failed);
			schedule_timeout_uninterruptible(1);
			continue;
		}
		if (echo_some(peer))
			xseg_cancel_wait(peer->xseg, peer->sd);
		else
			xseg_wait_signal(peer->xseg, peer->sd,
					 XSEG_WAIT_FOREVER);
	}
	return 0;
}

static void echo_callback(void *arg)
{
	struct peer *peer = arg;
	int turns = 16;

	do {
		while (echo_some(peer) && turns--)
			;
		xseg_prepare_wait(peer->xseg, peer->sd);
		if (!echo_some(peer))
			return;
		xseg_cancel_wait(peer->xseg, peer->sd);
	} while (turns-- > 0);
	/* Enough for one call: be called again. */
	xseg_prepare_wait(peer->xseg, peer->sd);
	xseg_signal(peer->xseg, peer->port);
}

static int count_thread(void *arg)
{
	struct peer *peer = arg;

	while (!kthread_should_stop()) {
		if (!xseg_wait_signal(peer->xseg, peer->sd, XSEG_WAIT_FOREVER))
			atomic64_inc(&peer->done);
		cond_resched();
	}
	return 0;
}

static void pattern(u64 *data, u64 words, u64 seed, bool invert)
{
	u64 i;

	for (i = 0; i < words; i++)
		WRITE_ONCE(data[i], invert ? ~(seed * 0x9e3779b97f4a7c15ULL + i) :
			   seed * 0x9e3779b97f4a7c15ULL + i);
}

static bool source_send(struct peer *peer, u64 seed)
{
	struct xseg_request __xseg_shared *req;
	u64 words, *data = NULL;

	req = xseg_get_request(peer->xseg, peer->port, peer->dst, 0);
	if (IS_ERR((void __force *)req))
		return false;
	if (!xseg_prep_request(peer->xseg, req, 0, DATA_SIZE))
		data = data_of(peer, req, &words);
	if (data) {
		pattern(data, words, seed, false);
		xseg_set_req_data(peer->xseg, req, (void *)(uintptr_t)seed);
		if (xseg_submit(peer->xseg, req, peer->port, XSEG_SIGNAL) >= 0)
			return true;
	}
	xseg_put_request(peer->xseg, req);
	return false;
}

/* Checks one answer; false if there is none. */
static bool source_check(struct peer *peer)
{
	struct xseg_request __xseg_shared *req;
	u64 words, i, *data, seed;
	void *private;

	req = xseg_receive(peer->xseg, peer->port, 0);
	if (IS_ERR((void __force *)req))
		return false;
	xseg_get_req_data(peer->xseg, req, &private);
	seed = (uintptr_t)private * 0x9e3779b97f4a7c15ULL;
	data = data_of(peer, req, &words);
	if (READ_ONCE(((struct xseg_request __force *)req)->state) !=
	    XSEG_REQ_SERVED || !data || words != DATA_SIZE / sizeof(u64)) {
		atomic64_inc(&peer->failed);
		data = NULL;
	}
	for (i = 0; data && i < words; i++) {
		if (READ_ONCE(data[i]) != ~(seed + i)) {
			atomic64_inc(&peer->bad);
			break;
		}
	}
	xseg_put_request(peer->xseg, req);
	atomic64_inc(&peer->done);
	return true;
}

static int source_thread(void *arg)
{
	struct peer *peer = arg;
	u64 sent = 0, got = 0;

	while (got < peer->count && !kthread_should_stop()) {
		while (sent < peer->count && sent - got < peer->depth &&
		       source_send(peer, sent))
			sent++;
		if (source_check(peer)) {
			got++;
			continue;
		}
		if (sent == got) {	/* nobody is there yet */
			schedule_timeout_uninterruptible(1);
			continue;
		}
		xseg_prepare_wait(peer->xseg, peer->sd);
		if (source_check(peer)) {
			xseg_cancel_wait(peer->xseg, peer->sd);
			got++;
		} else {
			xseg_wait_signal(peer->xseg, peer->sd,
					 XSEG_WAIT_FOREVER);
		}
	}
	WRITE_ONCE(peer->ended, true);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static void peer_free(struct peer *peer)
{
	if (peer->task)
		kthread_stop(peer->task);
	if (!IS_ERR_OR_NULL(peer->xseg))
		xseg_leave(peer->xseg);
	kfree(peer);
}

static int peer_run(struct peer *peer)
{
	int (*fn)(void *arg) = echo_thread;
	int ret;

	if (!strcmp(peer->kind, "work") || !strcmp(peer->kind, "direct")) {
		ret = xseg_set_callback(peer->xseg, peer->sd, echo_callback,
					peer, peer->kind[0] == 'd' ?
					XSEG_CALLBACK_DIRECT : 0);
		if (!ret)
			echo_callback(peer);
		return ret;
	}
	if (!strcmp(peer->kind, "idle"))
		return 0;
	if (!strcmp(peer->kind, "source"))
		fn = source_thread;
	else if (!strcmp(peer->kind, "count"))
		fn = count_thread;
	else if (strcmp(peer->kind, "echo"))
		return -EINVAL;
	peer->task = kthread_run(fn, peer, "xseg-%s", peer->kind);
	if (!IS_ERR(peer->task))
		return 0;
	ret = PTR_ERR(peer->task);
	peer->task = NULL;
	return ret;
}

static int peer_join(struct peer *peer, const char *segment)
{
	int ret;

	peer->xseg = xseg_join(segment, 0);
	if (IS_ERR(peer->xseg))
		return PTR_ERR(peer->xseg);
	xseg_set_sleep_cap(peer->xseg, XSEG_WAIT_FOREVER);
	ret = xseg_local_signal_init(peer->xseg, peer->type);
	if (ret)
		return ret;
	peer->sd = xseg_get_signal_desc(peer->xseg, peer->type);
	if (IS_ERR((void __force *)peer->sd))
		return PTR_ERR((void __force *)peer->sd);
	ret = xseg_bind_port(peer->xseg, peer->port, peer->sd);
	return ret < 0 ? ret : peer_run(peer);
}

static int peer_start(const char *line)
{
	struct peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	char kind[48], segment[64];
	int n, ret;

	if (!peer)
		return -ENOMEM;
	peer->depth = 1;
	strscpy(peer->type, "waitqueue", sizeof(peer->type));
	n = sscanf(line, "%47s %63s %u %u %llu %u", kind, segment,
		   &peer->port, &peer->dst, &peer->count, &peer->depth);
	if (n < 3 || sscanf(kind, "%15[^:]:%31s", peer->kind, peer->type) < 1)
		ret = -EINVAL;
	else
		ret = peer_join(peer, segment);
	if (ret) {
		peer_free(peer);
		return ret;
	}
	mutex_lock(&peers_lock);
	list_add_tail(&peer->link, &peers);
	mutex_unlock(&peers_lock);
	return 0;
}

static void peers_stop(void)
{
	struct peer *peer, *next;

	mutex_lock(&peers_lock);
	list_for_each_entry_safe(peer, next, &peers, link) {
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
	if (!strncmp(line, "stop", 4))
		peers_stop();
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

static int stat_show(struct seq_file *m, void *unused)
{
	struct peer *peer;

	mutex_lock(&peers_lock);
	list_for_each_entry(peer, &peers, link)
		seq_printf(m, "%s port %u done %lld bad %lld failed %lld %s\n",
			   peer->kind, peer->port, atomic64_read(&peer->done),
			   atomic64_read(&peer->bad),
			   atomic64_read(&peer->failed),
			   READ_ONCE(peer->ended) ? "ended" : "runs");
	mutex_unlock(&peers_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

static int __init test_init(void)
{
	dir = debugfs_create_dir("xseg_test", NULL);
	debugfs_create_file("start", 0200, dir, NULL, &start_fops);
	debugfs_create_file("stat", 0400, dir, NULL, &stat_fops);
	return 0;
}

static void __exit test_exit(void)
{
	debugfs_remove_recursive(dir);
	peers_stop();
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("Kernel peers for tests of xseg_signal");
MODULE_LICENSE("Dual BSD/GPL");
XSEG_IMPORT_NS();
