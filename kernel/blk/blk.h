/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Private to xsegbd.ko: disks that a process serves over a segment.
 *
 * The driver believes its own memory only. What is under way stands in the
 * slots of a queue, one for each tag and one for questions about the disk. A
 * slot's word @req says which request of the segment carries it; who changes
 * that word to NULL, by compare and swap, ends the I/O:
 *
 *	a reply		queue.c, in the context of whoever signals
 *	the timeout	queue.c, a work of the block layer
 *	giving up	watch.c: server away for too long, disk removed
 *
 * so that each ends once. Nobody takes a lock for a reply. An I/O that was
 * given up leaves its request out in the segment: it is noted as lost until it
 * comes back, and nothing may touch the blocks that it may still write.
 *
 * Locks: disks_lock, then disk->ask_lock; disk->lost_lock inside all, taken in
 * any context.
 */
#ifndef XSEG_BLK_PRIVATE_H
#define XSEG_BLK_PRIVATE_H

#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include <xseg/blk.h>
#include <xseg/kernel.h>

#define MAX_IO		SZ_1M	/* bytes of one request */
#define MAX_DEPTH	1024U
#define DEFAULT_DEPTH	128U
#define MAX_QUEUES	64U
#define KEEP_DATA	4096U	/* of a request that is kept */
#define DEFAULT_HOLD_MS	30000U

/**
 * struct member - the driver's membership in a segment, shared by its disks
 * @link: in the list of members
 * @refs: disks; both under members_lock
 * @xseg: the handle
 * @info: capacities of the segment
 * @name: of the segment
 */
struct member {
	struct list_head link;
	unsigned int refs;
	struct xseg *xseg;
	struct xseg_info info;
	char name[XSEG_NAME_SIZE];
};

/**
 * struct slot - an I/O that is under way
 * @req:  the request that carries it, NULL if it is not under way; set by
 *	  io_send() and disk_ask(), cleared by who ends it, see above
 * @rq:	  the I/O; NULL: the question of disk_ask()
 * @data: its data in the segment; both constant while @req is set
 * @len:  bytes of those, also of the data that @kept has; 0: none
 * @kept: the request of the last I/O, for the next one with this tag; by
 *	  xchg(): whoever lacks a request gives back those of all tags
 * @call: has @rq sent by a thread of the server, see queue_rq()
 */
struct slot {
	struct xseg_request __xseg_shared *req;
	struct request *rq;
	void *data;
	u32 len;
	struct xseg_request *kept;
	struct xseg_call call;
};

/**
 * struct queue - a hardware queue and its port
 * @xseg:    handle of the segment
 * @disk:    its disk
 * @slots:   one for each tag, and a last one for questions
 * @depth:   number of tags
 * @port:    the queue's own port, NoPort before it is bound
 * @dst:     the server's
 * @starved: the segment had no room for an I/O; any context
 * @signals: signals for the server; written by submitters without a lock, so
 *	     that it may be too low
 * @handed:  I/O that threads of the server sent while they polled; may be too
 *	     low, too
 * @hctx:    the block layer's
 * @sd:	     the descriptor that its server signals
 */
struct queue {
	struct xseg *xseg;
	struct disk *disk;
	struct slot *slots;
	u32 depth;
	xport port;
	xport dst;
	bool starved;
	u64 signals;
	u64 handed;
	struct blk_mq_hw_ctx *hctx;
	struct signal_desc __xseg_shared *sd;
} ____cacheline_aligned_in_smp;

/**
 * struct lost - a request that was given up and has not come back
 * @req:   the request
 * @queue: where it will come
 * @start: first byte that it may write
 * @end:   the byte behind the last; @start if it writes nothing
 */
struct lost {
	struct xseg_request __xseg_shared *req;
	struct queue *queue;
	u64 start;
	u64 end;
};

/**
 * enum disk_state - what a disk does with I/O
 * @DISK_LIVE:	  sends it to the server
 * @DISK_AWAY:	  the same, but there is no server for the moment
 * @DISK_FAILED:  fails it, until there is a server
 * @DISK_REMOVED: fails it for good
 */
enum disk_state {
	DISK_LIVE,
	DISK_AWAY,
	DISK_FAILED,
	DISK_REMOVED,
};

/**
 * struct disk_options - what a disk is added with
 * @segment:   name of the segment
 * @type:      name of the signal type that it is woken by
 * @port:      the server's first port, NoPort if it was not said
 * @queues:    most hardware queues
 * @depth:     requests of each of them
 * @hold_ms:   how long I/O waits for a new server
 * @timeout_ms: how long for a living one, 0: for ever
 * @id:	       number of the disk, -1: any
 * @read_only: whatever the server says
 */
struct disk_options {
	char segment[XSEG_NAME_SIZE];
	char type[XSEG_SIGNAL_NAME_SIZE];
	u32 port;
	u32 queues;
	u32 depth;
	u32 hold_ms;
	u32 timeout_ms;
	int id;
	bool read_only;
};

/**
 * struct disk - a disk
 * @state:	enum disk_state; changed under @state_lock, read without
 * @nr_lost:	entries of @lost; under @lost_lock, read without
 * @set:	the block layer's tags
 * @gd:		the disk
 * @member:	of its segment
 * @opt:	as it was added; @hold_ms and @timeout_ms may be written later
 * @info:	what the server said
 * @nr_queues:	in use
 * @link:	in the list of disks; under disks_lock, as are the next
 * @live:	it has appeared
 * @removing:	somebody removes it; also under open_mutex, read without
 * @added:	completed once it is not being added any more
 * @watched:	@watch may be queued; set once
 * @state_lock:	guards changes of @state
 * @lost_lock:	guards @lost and @nr_lost; any context
 * @lost:	@max_lost entries
 * @max_lost:	all tags
 * @failed:	I/O that ended with an error
 * @given_up:	of these without an answer
 * @bad:	answers that were nonsense
 * @away_since:	jiffies, in DISK_AWAY
 * @watch:	looks whether the server is there
 * @ask_lock:	one question at a time; guards the next
 * @asked:	its answer is there
 * @answer:	0 and @info is filled, or a negative errno
 * @told:	the answer, not checked yet
 * @queues:	the queues
 */
struct disk {
	enum disk_state state;
	u32 nr_lost;
	struct blk_mq_tag_set set;
	struct gendisk *gd;
	struct member *member;
	struct disk_options opt;
	struct xseg_blk_info info;
	u32 nr_queues;
	struct list_head link;
	bool live;
	bool removing;
	bool watched;
	struct completion added;
	struct mutex state_lock;	/* see above */
	spinlock_t lost_lock;		/* see above */
	struct lost *lost;
	u32 max_lost;
	atomic64_t failed;
	atomic64_t given_up;
	atomic64_t bad;
	unsigned long away_since;
	struct delayed_work watch;
	struct mutex ask_lock;		/* see above */
	struct completion asked;
	int answer;
	struct xseg_blk_info told;
	struct queue queues[];
};

/* The segment's memory, as the compiler sees it from here on. */
static inline struct xseg_request *
req_plain(struct xseg_request __xseg_shared *req)
{
	return (struct xseg_request __force *)req;
}

static inline struct xseg_request __xseg_shared *
req_shared(struct xseg_request *req)
{
	return (struct xseg_request __force __xseg_shared *)req;
}

/* segment.c */
struct member *member_get(const char *segment);
void member_put(struct member *member);
int member_bind(struct member *member, struct signal_desc __xseg_shared *sd);

/* queue.c */
extern const struct blk_mq_ops queue_ops;
int queue_open(struct queue *queue, struct disk *disk, u32 nr);
void queue_quiet(struct queue *queue);
void kept_put(struct queue *queue);
void queue_close(struct queue *queue);
void queue_poll(struct queue *queue);
bool slot_take(struct slot *slot, struct xseg_request __xseg_shared *req);

/* lost.c */
bool slot_give_up(struct queue *queue, struct slot *slot);
void lost_back(struct queue *queue, struct xseg_request __xseg_shared *req);
bool lost_blocks(struct disk *disk, struct request *rq);

/* watch.c */
void disk_watch(struct work_struct *work);
void disk_look(struct disk *disk);
void disk_fail_all(struct disk *disk, enum disk_state state);

/* ask.c */
int disk_ask(struct disk *disk, struct xseg_blk_info *info);
void ask_answered(struct queue *queue, struct slot *slot,
		  struct xseg_request __xseg_shared *req);
int disk_resize(struct disk *disk);

/* disk.c */
int disk_add(const struct disk_options *opt);
int disk_remove(int id, bool force);
void disk_kick(struct disk *disk);
void disk_kick_soon(struct disk *disk);
void disk_set_timeout(struct disk *disk, u32 ms);

/* sysfs.c */
extern const struct attribute_group *disk_groups[];
int control_register(void);
void control_unregister(void);

/* main.c */
extern struct workqueue_struct *blk_wq;

#endif /* XSEG_BLK_PRIVATE_H */
