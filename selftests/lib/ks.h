/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of selftests/signal have in common: segments, peers in
 * processes of their own, random delays.
 */
#ifndef SELFTESTS_KS_H
#define SELFTESTS_KS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <xseg/xseg.h>

/* For processes other than the test's own: says what failed, and exits. */
#define KS_CHECK(cond) \
	((cond) ? (void)0 : ks_die(__FILE__, __LINE__, #cond))

/* ks_wait() of a process that was killed */
#define KS_KILLED	(128 + 9)

void ks_die(const char *file, int line, const char *what)
	__attribute__((noreturn));

/**
 * struct ks_barrier - where processes meet; all zero in shared memory
 * @arrived: how many came, in all rounds
 */
struct ks_barrier {
	uint32_t arrived;
};

/* ks_proc.c */
void *ks_shared(size_t size);
void ks_meet(struct ks_barrier *barrier, unsigned int all);
pid_t ks_fork(void (*run)(void *arg), void *arg);
pid_t ks_raw_fork(void (*run)(void *arg), void *arg);
int ks_wait(pid_t pid);
int ks_wait_all(const pid_t *pid, unsigned int nr);
void ks_kill(pid_t pid);
char ks_state(pid_t pid);
void ks_sleeping(pid_t pid);
uint64_t ks_now_ns(void);
void ks_pin(unsigned int i);

/* ks_random.c */
uint64_t ks_seed(void);
unsigned long ks_number(const char *variable, unsigned long otherwise);
unsigned long ks_scaled(unsigned long number);
uint32_t ks_random(uint64_t *state);
void ks_shuffle(unsigned int *v, unsigned int nr, uint64_t *state);
void ks_delay_start(uint64_t seed, unsigned int rate);
void ks_delay(void);

/**
 * struct ks_segment - a small segment with a name of its own
 * @name: it
 * @path: of its file
 */
struct ks_segment {
	char name[XSEG_NAME_SIZE];
	char path[XSEG_NAME_SIZE + 32];
};

/**
 * struct ks_peer - a peer with one descriptor and one port
 * @x:	  handle
 * @sd:	  descriptor
 * @port: port
 */
struct ks_peer {
	struct xseg *x;
	struct signal_desc *sd;
	xport port;
};

/* ks_segment.c */
extern const struct xseg_params ks_small;
void ks_plugins(void);
void ks_name(struct ks_segment *seg);
int ks_create(struct ks_segment *seg, const struct xseg_params *params);
void ks_destroy(const struct ks_segment *seg);
uint64_t ks_hash(const char *path);
uint64_t ks_hash_fd(int fd);
void ks_peer_join(struct ks_peer *peer, const char *segment, const char *type,
		  xport port);
void ks_peer_init(struct ks_peer *peer, struct xseg *x, const char *type,
		  xport port);
unsigned int ks_peers_used(struct xseg *x);
struct xseg_request *ks_wait_request(struct ks_peer *peer);
struct xseg_request *ks_wait_reply(struct ks_peer *peer);
void ks_ask(struct ks_peer *peer, xport dst, uint64_t cookie);

/* ks_calls.c */
int ks_all_stale(struct xseg *x, void *sd, struct xseg_request *req);
int ks_audit(const char *segment, unsigned int descs_held,
	     unsigned int requests_held);

#endif /* SELFTESTS_KS_H */
