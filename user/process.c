// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is one for the whole process: knowing that it is still the one that
 * joined, and its list of handles.
 *
 * A forked child is not the peer. The segment is not in its memory
 * (MADV_DONTFORK), and a page that the kernel empties at fork, however it was
 * called, makes all handles of the parent answer -ESTALE. A handle that was
 * left stays readable for a while, so that a late call with it is an error
 * and not a crash.
 */
#include <sys/mman.h>
#include <unistd.h>
#include <urcu-bp.h>

#include "user/user.h"

#define QUARANTINE	64

static u32 no_process;
u32 *xseg_fork_page = &no_process;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_error;
static DEFINE_MUTEX(process_mutex);

/* All guarded by process_mutex. */
static struct xseg *handles;
static struct xseg *left[QUARANTINE];
static unsigned int left_next;
static u64 last_id;
static u32 last_cookie;

void process_lock(void)
{
	mutex_lock(&process_mutex);
}

void process_unlock(void)
{
	mutex_unlock(&process_mutex);
}

bool process_trylock(void)
{
	return !pthread_mutex_trylock(&process_mutex.m);
}

static void before_fork(void)
{
	process_lock();
	plugins_freeze();
	fd_servers_freeze();
	registry_freeze();
	urcu_bp_before_fork();
}

static void after_fork_parent(void)
{
	urcu_bp_after_fork_parent();
	registry_thaw();
	fd_servers_thaw(false);
	plugins_thaw();
	process_unlock();
}

static void after_fork_child(void)
{
	urcu_bp_after_fork_child();
	registry_thaw();
	fd_servers_thaw(true);
	plugins_thaw();
	process_unlock();
}

static void init_once(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || madvise(page, size, MADV_WIPEONFORK)) {
		init_error = -errno;
		return;
	}
	xseg_fork_page = page;
	init_error = -pthread_atfork(before_fork, after_fork_parent,
				     after_fork_child);
	xseg_register_signal_type(&xseg_futex_type);
	xseg_register_signal_type(&xseg_eventfd_type);
	xseg_register_signal_type(&xseg_waitqueue_type);
	xseg_register_signal_type(&xseg_device_type);
	xseg_register_signal_type(&xseg_eventfd_bridge_type);
}

/**
 * process_init() - to be called before anything else, any number of times
 *
 * Return: 0 or a negative errno.
 */
int process_init(void)
{
	pthread_once(&once, init_once);
	if (init_error)
		return fail(init_error, "the library could not be set up: %s",
			    strerror(-init_error));
	process_lock();
	if (!*xseg_fork_page)	/* the first time, or in a forked child */
		WRITE_ONCE(*xseg_fork_page, ++last_cookie);
	process_unlock();
	return 0;
}

/**
 * handle_new() - memory for a handle
 *
 * Return: a zeroed handle with its process-private part, or NULL.
 */
struct xseg *handle_new(void)
{
	struct xseg *xseg = calloc(1, sizeof(*xseg));
	struct user_domain *user = calloc(1, sizeof(*user));

	if (!xseg || !user) {
		free(xseg);
		free(user);
		return NULL;
	}
	user->control = -1;
	user->device = -1;
	xseg->state = HANDLE_LEFT;
	xseg->domain = user;
	return xseg;
}

/**
 * handle_drop() - free a handle that nobody was given
 * @xseg: the handle
 */
void handle_drop(struct xseg *xseg)
{
	free(xseg->domain);
	free(xseg);
}

/**
 * handle_add_locked() - make a handle live
 * @xseg: the handle
 */
void handle_add_locked(struct xseg *xseg)
{
	xseg->id = ++last_id;
	user_of(xseg)->next = handles;
	handles = xseg;
	WRITE_ONCE(xseg->state, HANDLE_LIVE + env_process());
}

/**
 * handle_remove_locked() - put a handle that was left into quarantine
 * @xseg: the handle
 */
void handle_remove_locked(struct xseg *xseg)
{
	struct xseg **link = &handles;

	while (*link && *link != xseg)
		link = &user_of(*link)->next;
	if (*link)
		*link = user_of(xseg)->next;
	free(xseg->domain);
	xseg->domain = NULL;
	free(left[left_next]);
	left[left_next] = xseg;
	left_next = (left_next + 1) % QUARANTINE;
}

/**
 * device_forget_locked() - a descriptor is new: no handle's device is open as it
 * @dev: its number
 */
void device_forget_locked(int dev)
{
	struct xseg *x;

	for (x = handles; x; x = user_of(x)->next)
		if (user_of(x)->device == dev)
			WRITE_ONCE(user_of(x)->device, -1);
}

/**
 * handle_id_live_locked() - is this the number of a handle in use?
 * @id: the number
 *
 * Return: true if so.
 */
bool handle_id_live_locked(u64 id)
{
	const struct xseg *x;

	for (x = handles; x && x->id != id; x = user_of(x)->next)
		;
	return !handle_check(x);
}

/**
 * handle_id_live() - the same, without process_lock held
 * @id: the number
 *
 * Return: true if so.
 */
bool handle_id_live(u64 id)
{
	bool live;

	process_lock();
	live = handle_id_live_locked(id);
	process_unlock();
	return live;
}

const struct xseg_signal_type *domain_find_type(struct xseg *xseg,
						const char *name, bool asked)
{
	const struct xseg_signal_type *type = registry_get(name);

	(void)asked;
	if (!type && xseg->flags & XSEG_JOIN_PLUGINS)
		type = plugin_load(name);
	else if (!type)
		fail(-ENOENT, "there is no signal type '%s'; join with XSEG_JOIN_PLUGINS to look for a plug-in",
		     name);
	return type;
}

const struct xseg_signal_type *domain_meet_type(struct xseg *xseg, u64 id)
{
	return type_by_id(xseg, id);
}
