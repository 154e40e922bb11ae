// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How an eventfd comes to other processes: its owner hands it out over a unix
 * socket, to whoever could open the segment.
 *
 * The socket has an abstract name made of the segment's random number, the
 * owner's slot and its incarnation: it goes away with the owner, leaves
 * nothing in any file system, and is never a later owner's. Both sides look
 * at the other's credentials and hold them against owner and mode of the
 * segment's file, as the kernel would on open(2): no stranger gets a file, and
 * no stranger who took the name first can give one. (Access lists beyond the
 * mode are not looked at; the peers must share a network name space.)
 *
 * One thread for each handle that uses such types. It serves one asker at a
 * time, and none for longer than HAND_OVER_MS. Strangers are refused unheard,
 * and are told so however late they ask.
 *
 * They can send files, and who lets go of the last reference to one may wait for
 * as long as its sender likes (SO_LINGER). So what a stranger sent with files is
 * not taken from the queue, and the socket is never closed. With MAX_STUCK of
 * these nothing is handed out or asked for any more.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/user.h"

#define HAND_OVER_MS	1000
#define REAPER_MS	50	/* the same, for who reaps: he has locks */
#define STOP_MS		1000	/* until a thread without its socket ends */
#define NO_FILES_MS	100	/* until one without descriptors tries again */
#define MAX_GROUPS	256
#define MAX_STUCK	64

/**
 * struct fd_server - the thread that hands files out
 * @xseg:   the handle
 * @thread: it
 * @listen: its socket
 * @stop:   it is to end
 * @next:   in the list of this process, guarded by servers_lock
 */
struct fd_server {
	struct xseg *xseg;
	pthread_t thread;
	struct fd_id listen;
	bool stop;
	struct fd_server *next;
};

/* What is asked for. The answer is an s32, and a file if that is 0. */
struct fd_question {
	u32 index;
	u32 gen;
};

/* All of this process. */
static struct fd_server *servers;
static DEFINE_MUTEX(servers_lock);	/* guards the list */
static atomic_t stuck;	/* sockets that are never closed */

static socklen_t server_address(struct xseg *xseg, u32 slot, u32 incarnation,
				struct sockaddr_un *address)
{
	struct xseg_header __xseg_shared *header = xseg_header(xseg);
	u64 uuid[2];
	int n;

	shm_copy_out(uuid, &header->uuid, sizeof(uuid));
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	n = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
		     "xseg-fd.%016llx%016llx.%u.%u",
		     (unsigned long long)uuid[0], (unsigned long long)uuid[1],
		     slot, incarnation);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

static bool has_group(int sock, const struct ucred *cred, gid_t gid)
{
	gid_t groups[MAX_GROUPS];
	socklen_t len = sizeof(groups);
	size_t i;

	if (cred->gid == gid)
		return true;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Could the other side of a socket open the segment? */
static bool peer_allowed(struct xseg *xseg, int sock)
{
	const struct user_domain *user = user_of(xseg);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	mode_t need;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	if (!cred.uid || cred.uid == geteuid())
		return true;
	if (cred.uid == user->uid)
		need = 0600;
	else if (has_group(sock, &cred, user->gid))
		need = 0060;
	else
		need = 0006;
	return (user->mode & need) == need;
}

/*
 * Looks at the next message, which stays there: 0 if there is none, 1, or 2 if it
 * has files. An empty one is told from none by the credentials with it.
 */
static int message_look(int sock)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_control = control.bytes,
		.msg_controllen = CMSG_LEN(sizeof(struct ucred)),
	};
	int on = 1;
	ssize_t n;

	if (setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return 0;		/* cannot be */
	do {	/* said once; the queue is as it was */
		n = recvmsg(sock, &msg, MSG_PEEK | MSG_DONTWAIT);
	} while (n < 0 && errno == ECONNRESET);
	if (n < 0)
		return 0;
	if (msg.msg_flags & MSG_CTRUNC)
		return 2;
	return CMSG_FIRSTHDR(&msg) ? 1 : 0;
}

/*
 * Empties and closes a stranger's socket; false if it is kept, for files are in its
 * queue. Closed with anything unread he would not see his answer.
 */
static bool stranger_close(int sock)
{
	int next;

	shutdown(sock, SHUT_RD);	/* he can send no more */
	while ((next = message_look(sock)) == 1)
		recv(sock, NULL, 0, MSG_DONTWAIT);
	if (next)
		atomic_inc(&stuck);
	else
		close(sock);
	return !next;
}

static int send_answer(int sock, s32 status, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { &status, sizeof(status) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ?
	       -errno : 0;
}

/* Who asks has a signal: a waiter that was stopped is woken in any case. */
static void wake_self(int fd)
{
	u64 one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;	/* full is as good */
}

static void serve(struct xseg *xseg, int sock)
{
	struct fd_question question;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int fd;

	if (poll(&p, 1, HAND_OVER_MS) <= 0 ||
	    recv(sock, &question, sizeof(question), MSG_DONTWAIT) !=
	    sizeof(question))
		return;
	fd = fd_table_dup(xseg, question.index, question.gen);
	if (fd >= 0)	/* the asker may have lost patience meanwhile */
		wake_self(fd);
	send_answer(sock, fd < 0 ? fd : 0, fd);
	if (fd >= 0)
		close(fd);
}

/* The next asker, a negative errno if there is none yet, -EBADF to end. */
static int server_accept(const struct fd_server *server)
{
	struct pollfd p = { .fd = server->listen.fd, .events = POLLIN };
	int sock;

	poll(&p, 1, STOP_MS);
	if (READ_ONCE(server->stop) || !fd_is_ours(&server->listen))
		return -EBADF;	/* the end, or the program closed it */
	if (atomic_read(&stuck) >= MAX_STUCK) {
		shutdown(server->listen.fd, SHUT_RDWR);	/* no more come */
		return -EBADF;
	}
	sock = accept4(server->listen.fd, NULL, NULL, SOCK_CLOEXEC);
	if (sock < 0 && (errno == EMFILE || errno == ENFILE))
		poll(NULL, 0, NO_FILES_MS);
	return sock < 0 ? -EAGAIN : sock;
}

static void *server_thread(void *arg)
{
	struct fd_server *server = arg;
	int sock;

	do {
		sock = server_accept(server);
		if (sock >= 0 && peer_allowed(server->xseg, sock)) {
			serve(server->xseg, sock);
			close(sock);
		} else if (sock >= 0) {
			send_answer(sock, -EACCES, -1);
			stranger_close(sock);
		}
	} while (sock != -EBADF);
	return NULL;
}

/*
 * Closes its socket, which nobody can reach any more; first who waits there. If
 * too many of these cannot be closed, neither is it, with all who are left.
 */
static void server_close(struct fd_server *server)
{
	int sock;

	while (fd_is_ours(&server->listen)) {
		sock = accept4(server->listen.fd, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0)
			break;
		if (!stranger_close(sock) && atomic_read(&stuck) >= MAX_STUCK)
			return;
	}
	fd_close(&server->listen);
}

static int server_listen(struct fd_server *server)
{
	struct sockaddr_un address;
	socklen_t len = server_address(server->xseg, server->xseg->me,
				       server->xseg->incarnation, &address);
	int sock, ret;

	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return -errno;
	if (bind(sock, (struct sockaddr *)&address, len) ||
	    listen(sock, SOMAXCONN)) {
		ret = -errno;
		close(sock);
		return ret;
	}
	fd_identify(sock, &server->listen);
	return 0;
}

/* Starts the thread with all signals blocked: they are the program's. */
static int server_spawn(struct fd_server *server)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&server->thread, NULL, server_thread, server);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

/**
 * fd_server_start() - be ready to hand files out
 * @xseg: the handle; its lock is held
 *
 * Return: 0 or a negative errno.
 */
int fd_server_start(struct xseg *xseg)
{
	struct fd_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return -ENOMEM;
	server->xseg = xseg;
	mutex_lock(&servers_lock);	/* no fork takes the socket along */
	ret = server_listen(server);
	if (!ret) {
		ret = server_spawn(server);
		if (ret)
			close(server->listen.fd);
	}
	if (!ret) {
		server->next = servers;
		servers = server;
	}
	mutex_unlock(&servers_lock);
	if (ret) {
		free(server);
		return fail(ret, "the socket that hands eventfds out cannot be set up: %s",
			    strerror(-ret));
	}
	user_of(xseg)->server = server;
	return 0;
}

/**
 * fd_server_stop() - undo fd_server_start()
 * @xseg: the handle
 */
void fd_server_stop(struct xseg *xseg)
{
	struct fd_server *server = user_of(xseg)->server;
	struct fd_server **link = &servers;

	user_of(xseg)->server = NULL;
	mutex_lock(&servers_lock);
	while (*link != server)
		link = &(*link)->next;
	*link = server->next;
	WRITE_ONCE(server->stop, true);
	if (fd_is_ours(&server->listen))
		shutdown(server->listen.fd, SHUT_RDWR);	/* ends the poll */
	pthread_join(server->thread, NULL);
	server_close(server);
	mutex_unlock(&servers_lock);
	free(server);
}

/**
 * fd_servers_freeze() - no server starts or stops until fd_servers_thaw()
 *
 * For who forks.
 */
void fd_servers_freeze(void)
{
	mutex_lock(&servers_lock);
}

/**
 * fd_servers_thaw() - undo fd_servers_freeze()
 * @child: true in a forked child, which lets go of the parent's sockets: else
 *	   an asker would be connected to nobody after the parent's death
 */
void fd_servers_thaw(bool child)
{
	struct fd_server *server;

	if (child) {
		for (server = servers; server; server = server->next)
			fd_close(&server->listen);
		servers = NULL;
	}
	mutex_unlock(&servers_lock);
}

static int take_answer(int sock)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct cmsghdr *c;
	struct msghdr msg;
	struct iovec iov;
	s32 status;
	int fd;

	iov.iov_base = &status;
	iov.iov_len = sizeof(status);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) !=
	    sizeof(status))
		return -EHOSTUNREACH;	/* it went away */
	c = CMSG_FIRSTHDR(&msg);
	if (!status && msg.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	if (status || !c || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return status < 0 ? status : -EHOSTUNREACH;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static int ask(struct xseg *xseg, int sock, const struct xseg_desc_id *id)
{
	struct fd_question question = { id->index, id->gen };
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int patience = thread_reaps() ? REAPER_MS : HAND_OVER_MS;
	int n;

	do {
		n = (int)send(sock, &question, sizeof(question), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EPIPE)	/* refused unheard: there is an answer */
		return -EHOSTUNREACH;
	do {
		n = poll(&p, 1, patience);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? take_answer(sock) : -ETIMEDOUT;
}

/**
 * fd_server_ask() - come by the file of another process's descriptor
 * @xseg: the handle
 * @id:	  the descriptor
 *
 * Blocks for up to HAND_OVER_MS where the owner is stopped.
 *
 * Return: a close-on-exec descriptor; -EHOSTUNREACH (the owner is not there, or
 * in another network name space, or one of both has MAX_STUCK), -ETIMEDOUT,
 * -EACCES, -EMFILE, -ENOENT (it has no such descriptor any more), or an error of
 * socket(2).
 */
int fd_server_ask(struct xseg *xseg, const struct xseg_desc_id *id)
{
	struct timeval limit = { 0, REAPER_MS * 1000 };
	struct sockaddr_un address;
	socklen_t len = server_address(xseg, id->owner, id->incarnation,
				       &address);
	int sock, ret;

	if (atomic_read(&stuck) >= MAX_STUCK)
		return -EHOSTUNREACH;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	/* The queue of a stopped owner may be full. */
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	do {
		ret = connect(sock, (struct sockaddr *)&address, len);
	} while (ret && errno == EINTR);
	if (!ret && !peer_allowed(xseg, sock)) {
		stranger_close(sock);
		return -EACCES;
	}
	if (ret)
		ret = errno == EAGAIN ? -ETIMEDOUT : -EHOSTUNREACH;
	else
		ret = ask(xseg, sock, id);
	close(sock);
	return ret;
}
