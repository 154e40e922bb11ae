// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Segments and peers as tests want them.
 */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "selftests/lib/ks.h"

const struct xseg_params ks_small = {
	.size = sizeof(struct xseg_params),
	.nr_ports = 16,
	.nr_requests = 64,
	.nr_descs = 32,
	.queue_len = 16,
	.heap_size = 1 << 18,
	.max_data = 4096,
};

/* Lets the library find the plug-ins of this build. */
void ks_plugins(void)
{
	const char *build = getenv("XSEG_BUILD");
	char exe[4096], dir[sizeof(exe) + 32];
	ssize_t n;
	int i;

	if (!build) {	/* started by hand: BUILD/selftests/signal/program */
		n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
		KS_CHECK(n > 0);
		exe[n] = 0;
		for (i = 0; i < 3; i++)
			dirname(exe);
		build = exe;
	}
	snprintf(dir, sizeof(dir), "%s/plugins", build);
	KS_CHECK(!setenv("XSEG_PLUGIN_DIR", dir, 1));
}

/* A name that no other test uses. */
void ks_name(struct ks_segment *seg)
{
	/* a process of that number may have been killed, and left its own */
	snprintf(seg->name, sizeof(seg->name), "selftest-%d-%llu", getpid(),
		 (unsigned long long)ks_now_ns());
	snprintf(seg->path, sizeof(seg->path), "/dev/shm/xseg.%s", seg->name);
}

int ks_create(struct ks_segment *seg, const struct xseg_params *params)
{
	ks_name(seg);
	return xseg_create(seg->name, params);
}

void ks_destroy(const struct ks_segment *seg)
{
	xseg_destroy(seg->name, XSEG_DESTROY_FORCE);
}

/* A number that changes when any byte of a file does, or its size. */
uint64_t ks_hash_fd(int fd)
{
	uint64_t hash = 0xcbf29ce484222325ULL, v[512];
	off_t at = 0;
	ssize_t n, i;

	do {
		memset(v, 0, sizeof(v));
		n = pread(fd, v, sizeof(v), at);
		KS_CHECK(n >= 0);
		at += n;
		for (i = 0; i * 8 < n; i++) {
			hash = (hash ^ v[i]) * 0x100000001b3ULL;
			hash ^= hash >> 32;
		}
	} while (n > 0);
	return hash ^ (uint64_t)at;
}

uint64_t ks_hash(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t hash;

	KS_CHECK(fd >= 0);
	hash = ks_hash_fd(fd);
	close(fd);
	return hash;
}

/* Readies a handle: a descriptor of a type, bound to a port (or any). */
void ks_peer_init(struct ks_peer *peer, struct xseg *x, const char *type,
		  xport port)
{
	int ret;

	KS_CHECK(x);
	peer->x = x;
	KS_CHECK(!xseg_local_signal_init(x, type));
	peer->sd = xseg_get_signal_desc(x, type);
	KS_CHECK(peer->sd);
	ret = xseg_bind_port(x, port, peer->sd);
	KS_CHECK(ret >= 0 && (port == NoPort || (xport)ret == port));
	peer->port = (xport)ret;
}

void ks_peer_join(struct ks_peer *peer, const char *segment, const char *type,
		  xport port)
{
	ks_peer_init(peer, xseg_join(segment, XSEG_JOIN_PLUGINS), type, port);
}

/* How many slots are taken, by the living or the dead. */
unsigned int ks_peers_used(struct xseg *x)
{
	struct xseg_peer_info info;
	unsigned int slot, used = 0;

	for (slot = 0; slot < XSEG_MAX_PEERS; slot++) {
		KS_CHECK(!xseg_get_peer_info(x, slot, &info));
		used += info.state == XSEG_PEER_USED;
	}
	return used;
}

static struct xseg_request *
wait_for(struct ks_peer *peer,
	 struct xseg_request *(*look)(struct xseg *xseg, xport portno,
				      unsigned int flags))
{
	struct xseg_request *req;

	for (;;) {
		KS_CHECK(!xseg_prepare_wait(peer->x, peer->sd));
		req = look(peer->x, peer->port, 0);
		if (req)
			break;
		KS_CHECK(errno == EAGAIN);
		KS_CHECK(!xseg_wait_signal(peer->x, peer->sd,
					   XSEG_WAIT_FOREVER));
	}
	KS_CHECK(!xseg_cancel_wait(peer->x, peer->sd));
	return req;
}

/* Waits for a request, as long as it takes. */
struct xseg_request *ks_wait_request(struct ks_peer *peer)
{
	return wait_for(peer, xseg_accept);
}

/* Waits for a reply, as long as it takes. */
struct xseg_request *ks_wait_reply(struct ks_peer *peer)
{
	return wait_for(peer, xseg_receive);
}

/* Submits a request and signals. */
void ks_ask(struct ks_peer *peer, xport dst, uint64_t cookie)
{
	struct xseg_request *req = xseg_get_request(peer->x, peer->port, dst,
						    0);

	KS_CHECK(req);
	req->cookie = cookie;
	KS_CHECK(xseg_submit(peer->x, req, peer->port, XSEG_SIGNAL) ==
		 (int)dst);
}
