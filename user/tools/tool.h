/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the sub-commands of the xseg command share, and peer programs with it.
 *
 * A sub-command is one file with one NAME_main(), listed in main.c. It parses
 * its options with tool_parse(), says what went wrong with fail() or
 * fail_because(), and returns an exit status.
 */
#ifndef XSEG_TOOL_H
#define XSEG_TOOL_H

#include <argp.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <xseg/xseg.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_USEC	1000ULL
#define USEC_PER_SEC	1000000U

/* Exit statuses; 128 + N when signal N ended the command. */
#define EXIT_OK		0
#define EXIT_FAIL	1
#define EXIT_USAGE	2
#define EXIT_TIMEOUT	3
#define EXIT_SIGNAL	128

/*
 * How long a command sleeps at most before it looks around: whether the other
 * side lives, whether to redraw the progress line, whether it is to stop.
 */
#define TICK_USEC	USEC_PER_SEC

/* common.c: errors */

extern const char *tool_program;	/* who is speaking: xseg */
extern const char *tool_command;	/* the sub-command that runs, or NULL */

/**
 * struct reason - what an errno of one call means to the user
 * @err:  the errno; 0, the last one, for all others
 * @text: what was wrong and what to do about it; '@' in it stands for the name
 *	  of what the call was about, '%' for what the library or the C library
 *	  says
 */
struct reason {
	int err;
	const char *text;
};

int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fail_because(const struct reason *reasons, int err, const char *name);
int fail_as_told(const struct reason *reasons, int err, const char *name);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fill_standard_fds(void);
_Noreturn void usage_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* common.c: options */

#define OPT_JSON	'j'
#define OPT_TYPE	't'

#define OPTION_JSON \
	{ "json", OPT_JSON, NULL, 0, "Print JSON, for programs", 0 }
#define OPTION_TYPE \
	{ "type", OPT_TYPE, "TYPE", 0, "Be woken by signal type TYPE " \
	  "(futex, eventfd, or a plug-in such as fifo); default futex", 0 }

/**
 * struct tool_args - what most sub-commands are told
 * @name:   the segment
 * @port:   a port
 * @type:   signal type to be woken by
 * @json:   print JSON
 */
struct tool_args {
	const char *name;
	xport port;
	const char *type;
	bool json;
};

#define TOOL_ARGS_INIT	{ .port = NoPort, .type = "futex" }

void tool_parse(const struct argp *argp, int argc, char **argv, void *input);
error_t tool_parse_init(struct argp_state *state, unsigned int nr_children);
error_t tool_option(struct tool_args *args, int key, char *arg);
error_t parse_name(int key, char *arg, struct argp_state *state);
error_t parse_name_port(int key, char *arg, struct argp_state *state);
uint64_t parse_number(const char *what, const char *arg, uint64_t min,
		      uint64_t max);
uint64_t parse_size(const char *what, const char *arg, uint64_t min,
		    uint64_t max);
uint64_t parse_seconds(const char *what, const char *arg);
xport parse_port(const char *arg);
unsigned int parse_strategy(const char *what, const char *arg);
const char *strategy_name(unsigned int strategy);

/* common.c: text and time */

struct text {
	char s[32];
};

struct text text_size(uint64_t bytes);
struct text text_time(uint64_t realtime_ns);
uint64_t now_ns(void);
uint64_t realtime_ns(void);

/* common.c: JSON */

void json_add_str(struct json_object *obj, const char *key, const char *value);
void json_add_num(struct json_object *obj, const char *key, uint64_t value);
void json_add_real(struct json_object *obj, const char *key, double value);
void json_add_bool(struct json_object *obj, const char *key, bool value);
int json_print(FILE *file, struct json_object *obj);

/* common.c: signals to the command itself */

int tool_stop(void);			/* the signal that says stop, or 0 */
extern volatile sig_atomic_t tool_child; /* process to be told so as well */

void catch_signals(void);

/* peer.c: being a peer */

/**
 * struct tool_port - a bound port and what it waits on
 * @xseg:   the handle
 * @sd:	    the descriptor
 * @portno: the number of the port
 */
struct tool_port {
	struct xseg *xseg;
	struct signal_desc *sd;
	xport portno;
};

/**
 * struct tool_link - the peer behind a port, so that its end is noticed
 * @xseg:	 the handle
 * @portno:	 the port
 * @epoch:	 which bind of the port it was
 * @owner:	 slot of the peer
 * @incarnation: which peer of that slot
 */
struct tool_link {
	struct xseg *xseg;
	xport portno;
	__u32 epoch;
	__u32 owner;
	__u32 incarnation;
};

typedef struct xseg_request *take_fn(struct xseg *xseg, xport portno,
				     unsigned int flags);
typedef bool look_fn(void *arg);
typedef int run_fn(struct xseg *xseg, struct tool_args *args);

struct xseg *segment_join(const char *name);
int segment_run(struct tool_args *args, run_fn *run);
unsigned int segment_live_peers(struct xseg *xseg);
const char *domain_name(__u32 domain);
int port_open(struct tool_port *port, struct xseg *xseg, const char *type,
	      xport portno);
void port_close(struct tool_port *port);
int port_await(struct tool_port *port, look_fn *look, void *arg, __u32 usec);
struct xseg_request *port_take(struct tool_port *port, take_fn *take);
int port_answer(struct tool_port *port, struct xseg_request *req, int err,
		unsigned int flags);
int port_wait_bound(struct xseg *xseg, xport portno, uint64_t timeout_ns,
		    bool waiting);
int link_open(struct tool_link *link, struct xseg *xseg, xport portno);
bool link_alive(const struct tool_link *link);

/* table.c */

typedef int rows_fn(struct xseg *xseg, struct tool_args *args,
		    struct json_object *all);

int table_show(struct xseg *xseg, struct tool_args *args, rows_fn *rows,
	       const char *empty);

/* one for each sub-command */

int attach_main(int argc, char **argv);
int bridge_main(int argc, char **argv);
int create_main(int argc, char **argv);
int destroy_main(int argc, char **argv);
int detach_main(int argc, char **argv);
int disk_main(int argc, char **argv);
int fsck_main(int argc, char **argv);
int info_main(int argc, char **argv);
int list_main(int argc, char **argv);
int peers_main(int argc, char **argv);
int ping_main(int argc, char **argv);
int pipe_main(int argc, char **argv);
int ports_main(int argc, char **argv);
int reap_main(int argc, char **argv);
int recv_main(int argc, char **argv);
int send_main(int argc, char **argv);
int signal_main(int argc, char **argv);
int types_main(int argc, char **argv);
int wait_main(int argc, char **argv);

#endif /* XSEG_TOOL_H */
