/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kill at every instruction: what the parts of the program share.
 *
 * A victim, a traced process, makes one public call and is killed at one of
 * its instructions, in a segment of its own where other peers have requests
 * under way with it. Then the others go on. There are:
 *
 *	victim	slot of its own process; port 0 (a server's), port 4 (a client's)
 *	A	a peer in the tracer's process, port 1: does nothing meanwhile
 *	B	a process, port 2: asleep meanwhile, or running
 *	F	a peer that comes after the kill, port 3; takes over port 0 and 4
 *
 * In a virtual machine, with the module (kernel.c), two others are the kernel's:
 *
 *	server	in place of A if nobody else is there, else of B; never asleep
 *		for anybody, it answers at once
 *	source	port 5: sends to port 0 from the beginning, and wants each back
 */
#ifndef XSEG_SELFTESTS_CRASH_H
#define XSEG_SELFTESTS_CRASH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xseg/xseg.h>

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

/* Nobody takes that long who is not stuck, whatever else the machine does. */
#define PATIENCE_USEC	20000000

enum { PORT_VICTIM, PORT_A, PORT_B, PORT_F, PORT_VICTIM_CLIENT, PORT_SOURCE,
       NR_PORTS };

/* Who else is there. */
enum company {
	ALONE,		/* nobody */
	ONE,		/* A */
	TWO,		/* A, and B asleep */
	RUNNING,	/* A, and B running */
	COMPANIES,
};

/* What B is to do; the tracer alone moves it on. */
enum phase { PHASE_BEGIN, PHASE_RUN, PHASE_PARK, PHASE_SERVE, PHASE_STOP };

/**
 * struct stage - what processes tell each other, in shared memory
 * @phase:	   enum phase; the tracer's
 * @b_ready:	   B has sent its requests
 * @b_parked:	   B touches nothing until PHASE_SERVE
 * @b_outstanding: requests that B has yet to get back
 * @b_at:	   what B does: a string of the program
 * @bad:	   what B found wrong
 */
struct stage {
	int phase;
	int b_ready;
	int b_parked;
	int b_outstanding;
	const char *b_at;
	int bad;
};

extern struct stage *stage;

#define SET(x, v)	__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define GET(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)

/* What the requests of a client may come back as, beside served. */
#define MAY_FAIL	1U	/* EOWNERDEAD, ECONNRESET */
#define MAY_CANCEL	2U	/* ECANCELED */

#define CLIENT_MAX	16

/**
 * struct client - a peer that sends requests and wants each back once
 * @who:    its name
 * @x:	    handle
 * @sd:	    descriptor
 * @port:   port
 * @may:    MAY_* of those to be sent
 * @out:    those under way
 * @serial: of each, and 0 for an entry that is free
 * @out_may: @may as it was when each was sent
 * @kernel: a port of the kernel's, which inverts data; or NoPort
 * @bad:    lost its way, or came twice
 */
struct client {
	const char *who;
	struct xseg *x;
	struct signal_desc *sd;
	xport port;
	unsigned int may;
	xport kernel;
	struct xseg_request *out[CLIENT_MAX];
	__u64 serial[CLIENT_MAX];
	unsigned int out_may[CLIENT_MAX];
	int bad;
};

/* client.c */
int client_join(struct client *c, int fd, const char *type, xport port);
bool client_send(struct client *c, xport dst);
bool client_receive(struct client *c);
bool client_serve(struct client *c, xport port);
unsigned int client_outstanding(const struct client *c);

/**
 * struct victim - the peer that is killed
 * @x:	     handle
 * @fd:	     the segment
 * @type:    signal type
 * @company: who else is there
 * @kernel:  kernel peers are, too
 * @sd:	     descriptor of both ports
 * @other:   another descriptor, where a scenario wants one
 * @req:     a request that it owns
 * @name:    of a segment that it makes or removes
 */
struct victim {
	struct xseg *x;
	int fd;
	const char *type;
	enum company company;
	bool kernel;
	struct signal_desc *sd;
	struct signal_desc *other;
	struct xseg_request *req;
	const char *name;
};

/* Flags of a scenario. */
#define S_NOPEER	1U	/* it has not joined yet */
#define S_KEEP		2U	/* once more with a port 0 that keeps requests */
#define S_CANCEL	4U	/* it may cancel requests */
#define S_FAIL		8U	/* it gives port 0 up itself: all may fail */
#define S_FILE		16U	/* about the file of a segment */
#define S_SLEEP		32U	/* sleeps for ever, to be killed while it does */
#define S_CORPSE	64U	/* another peer has died before */
#define S_FULL		128U	/* the dead have all slots */
#define S_KERNEL	256U	/* only where there are kernel peers */
#define S_BRIDGE	512U	/* only where these wait by eventfd-bridge */
#define S_ATTACH	1024U	/* it lets kernel peers in, or out: none is in */
#define S_ASLEEP	2048U	/* the other one died asleep */
#define S_NAMED		4096U	/* about that of one with others in it */

/**
 * struct scenario - a call to be killed in
 * @name:  what it is called
 * @flags: S_*
 * @setup: what the victim does before, may be NULL
 * @call:  the call; false, as of @setup, if it did not do what it is for
 */
struct scenario {
	const char *name;
	unsigned int flags;
	bool (*setup)(struct victim *v);
	bool (*call)(struct victim *v);
};

/* scenarios.c */
extern const struct scenario scenarios[];
extern const unsigned int nr_scenarios;

/**
 * struct trial - one victim and its company
 * @s:	     what it does
 * @type:    signal type
 * @company: who else is there
 * @kernel:  signal type of the kernel peers, NULL if there are none
 * @keep:    port 0 keeps requests
 * @reaper:  who reaps: 0 F, 1 A
 * @fd:	     the segment
 * @a:	     A
 * @f:	     F
 * @held:    a request of the victim's that A works on
 * @b:	     process id of B, or 0
 * @victim:  process id of the victim
 * @in_syscall: it stopped at a system call
 * @stuck:  it did not come back from its call
 * @mapped:  the module knows it: reaps it by itself
 * @source:  there is a source
 * @name:    of the segment of S_FILE and S_NAMED, or with kernel peers
 */
struct trial {
	const struct scenario *s;
	const char *type;
	const char *kernel;
	enum company company;
	bool keep;
	int reaper;
	int fd;
	struct client a;
	struct client f;
	struct xseg_request *held;
	pid_t b;
	pid_t victim;
	bool in_syscall;
	bool stuck;
	bool mapped;
	bool source;
	char name[XSEG_NAME_SIZE];
};

/* What went wrong so far. */
struct verdict {
	unsigned int hangs;
	unsigned int leaks;	/* and other findings of the checker */
	unsigned int lost;
	unsigned int doubled;
	unsigned int other;
};

extern struct verdict verdict;

/* world.c */
int file_open(const struct trial *t);
bool trial_begin(struct trial *t);
void trial_end(struct trial *t);
void victim_body(struct trial *t) __attribute__((noreturn));

/* partner.c */
void partner_body(struct trial *t) __attribute__((noreturn));

/* after.c */
void trial_after(struct trial *t);
unsigned int files_remove(struct trial *t);
void hung(struct trial *t, const char *what);

/* kernel.c */
bool kernel_there(void);
bool kernel_segment(struct trial *t, const struct xseg_params *params);
bool kernel_begin(struct trial *t);
bool kernel_source(struct trial *t);
bool kernel_answers(struct trial *t);
void kernel_look(struct trial *t);
bool kernel_reaps(struct trial *t);
bool kernel_woken(struct trial *t);
bool kernel_content(struct trial *t);
bool kernel_away(struct trial *t);
void kernel_end(struct trial *t);
void kernel_print(void);
xport kernel_port(const struct trial *t);

/* tracer.c */

/**
 * struct path - the way of a victim through its call, when nobody disturbs
 * @rip:  of each of its own instructions, in order
 * @mark: something changed by the one before: a place to be killed at
 * @next: where the same instruction comes next, @nr if never
 * @first: it had not come before
 * @nr:	  how many
 */
struct path {
	unsigned long *rip;
	unsigned char *mark;
	unsigned int *next;
	unsigned char *first;
	unsigned int nr;
};

int child_wait(pid_t pid, int *status, unsigned int usec);
bool victim_await(struct trial *t);
bool victim_go(struct trial *t);
bool victim_finish(struct trial *t);
bool victim_path(struct trial *t, struct path *path);
void path_free(struct path *path);
bool victim_reach(struct trial *t, const struct path *path, unsigned int k);
void victim_kill(struct trial *t);
void victim_mark(void);

/* A sentence about the trial that is on. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_usec(void);
void cpu_take(unsigned int nr);

#endif /* XSEG_SELFTESTS_CRASH_H */
