/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streams: how send, recv and pipe move bytes from a file descriptor to a
 * port and from a port to a file descriptor.
 *
 * A stream is a row of requests from one port to another, each carrying at
 * most a block of data. read(2) fills the buffer of a request in the segment,
 * write(2) empties it: the tools copy nothing. Of struct xseg_request it uses
 *	@op:	 enum stream_op
 *	@offset: position of the data in the stream
 *	@size:	 bytes of data, at most @datalen
 *	@flags:	 STREAM_ACK
 *	@cookie: number of the stream, so that two do not mix
 * and in the answer @state, @error and @serviced. The one that ends the stream
 * is answered when all of it was written.
 */
#ifndef XSEG_STREAM_H
#define XSEG_STREAM_H

#include "tool.h"

/**
 * enum stream_op - what a request of a stream says
 * @STREAM_DATA:  here are data
 * @STREAM_END:	  these were all
 * @STREAM_ABORT: there would be more, but the sender cannot go on
 */
enum stream_op {
	STREAM_DATA	= 0x78730001,
	STREAM_END	= 0x78730002,
	STREAM_ABORT	= 0x78730003,
};

/*
 * The sender wants to be signalled when this one is answered. It asks for
 * that a few times in each row that it can have under way, not each time: a
 * sender that waits for room is woken when there is room for several.
 */
#define STREAM_ACK	1U

/**
 * struct flow - what went through one direction so far
 * @bytes:    data
 * @requests: requests with data
 */
struct flow {
	uint64_t bytes;
	uint64_t requests;
};

/* Options that send, recv and pipe have in common */

/**
 * struct stream_args - what the commands are told
 * @tool:	the segment, the port
 * @progress:	show a progress line
 * @quiet:	neither progress nor summary
 * @stats:	file for the summary as JSON, or NULL
 * @wait_ns:	how long to wait for the other side
 * @block:	bytes of a request
 * @depth:	requests under way at once
 */
struct stream_args {
	struct tool_args tool;
	bool progress;
	bool quiet;
	const char *stats;
	uint64_t wait_ns;
	uint64_t block;
	unsigned int depth;
};

#define STREAM_ARGS_INIT { \
	.tool = TOOL_ARGS_INIT, .wait_ns = 10 * NSEC_PER_SEC, \
	.block = 128 << 10, .depth = 16 \
}

#define OPT_BLOCK	'b'
#define OPT_DEPTH	'n'
#define OPT_PROGRESS	'p'
#define OPT_QUIET	'q'
#define OPT_STATS	's'
#define OPT_WAIT	'w'

/* Children for the parsers of the commands. */
extern const struct argp stream_argp;
extern const struct argp stream_send_argp;

/* Progress and summary */

/**
 * struct progress - the progress line and the summary
 * @in:	     what came from a port or, for send, from standard input
 * @out:     for pipe: what went to the other port, else NULL
 * @start:   when the stream began
 * @end:     when it had ended
 * @on:	     draw the line
 * @tty:     over itself
 * @next:    when it is to be drawn next
 */
struct progress {
	struct flow *in;
	struct flow *out;
	uint64_t start;
	uint64_t end;
	bool on;
	bool tty;
	uint64_t next;
};

void progress_init(struct progress *progress, const struct stream_args *args,
		   struct flow *in, struct flow *out);
void progress_tick(struct progress *progress);
void progress_clear(struct progress *progress);
int stream_summary(const struct stream_args *args, struct progress *progress,
		   struct xseg *xseg);
int stream_wait_receiver(const struct stream_args *args, struct xseg *xseg,
			 xport portno);
void flow_add(struct flow *flow, uint64_t bytes);
int fd_wait(int fd, short events);
void fd_speed_up(int fd);

/* Sending */

/**
 * struct stream_tx - a stream from a file descriptor to a port
 * @port:     where the replies come
 * @dst:      where the requests go
 * @fd:	      where the data come from
 * @block:    bytes of a request
 * @depth:    requests under way at once
 * @flow:     counts what was answered
 * @progress: ticked, NULL for none
 * @cookie:   number of the stream
 * @offset:   bytes submitted
 * @idle:     requests with buffers, ready to be filled
 * @nr_idle:  how many
 * @made:     requests of the stream, idle or under way
 * @unacked:  requests since the last with STREAM_ACK
 */
struct stream_tx {
	struct tool_port *port;
	xport dst;
	int fd;
	uint64_t block;
	unsigned int depth;
	struct flow *flow;
	struct progress *progress;

	uint64_t cookie;
	uint64_t offset;
	struct xseg_request **idle;
	unsigned int nr_idle;
	unsigned int made;
	unsigned int unacked;
};

int stream_tx_init(struct stream_tx *tx, const struct stream_args *args,
		   struct tool_port *port, xport dst, int fd);
int stream_tx_data(struct stream_tx *tx);
int stream_tx_end(struct stream_tx *tx);
void stream_tx_abort(struct stream_tx *tx);
void stream_tx_free(struct stream_tx *tx);

/* Receiving */

/**
 * struct stream_rx - a stream from a port to a file descriptor
 * @port:     where the requests come
 * @fd:	      where the data go
 * @wait_ns:  how long to wait for the first request, 0 for ever
 * @flow:     counts what was written
 * @progress: ticked, NULL for none
 * @stop:     not 0: end when there are no more requests at the moment
 * @may_close: that @fd is closed by its reader is for the caller to judge
 * @closed:   it was, or @stop was heard
 * @begun:    the first request came
 * @cookie:   number of the stream
 * @offset:   bytes written
 * @link:     who sends it
 * @looked:   when the sender was last looked for
 */
struct stream_rx {
	struct tool_port *port;
	int fd;
	uint64_t wait_ns;
	struct flow *flow;
	struct progress *progress;
	int stop;
	bool may_close;
	bool closed;

	bool begun;
	uint64_t cookie;
	uint64_t offset;
	struct tool_link link;
	uint64_t looked;
};

int stream_rx_run(struct stream_rx *rx);

#endif /* XSEG_STREAM_H */
