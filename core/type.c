// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal types: those that this process or kernel knows, and the numbers that
 * a segment gives to their names.
 *
 * The first peer that needs a type in a segment writes a complete record of
 * its name and puts it into the table of ids by one CAS, at the first place
 * that is empty. Everybody looks through the table from its beginning, so
 * that a name never gets two ids. A peer looks an id up once, checks the
 * record, which anybody could have written, and remembers the operations in
 * its own memory.
 */
#include "core/core.h"

/* Guards the registry. Taken after xseg->lock. */
static DEFINE_MUTEX(registry_lock);
static const struct xseg_signal_type *__signal_types[XSEG_NR_SIGNAL_TYPES];
static unsigned int __users[XSEG_NR_SIGNAL_TYPES];
static unsigned int __nr_signals;

/**
 * signal_name_check() - may this be the name of a signal type?
 * @name: the name
 *
 * Return: 0, -EINVAL, or -ENAMETOOLONG.
 */
int signal_name_check(const char *name)
{
	size_t i;

	if (!name || !name[0])
		return -EINVAL;
	for (i = 0; name[i]; i++) {
		char c = name[i];

		if (i == XSEG_SIGNAL_NAME_SIZE - 1)
			return -ENAMETOOLONG;
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '-'))
			return -EINVAL;
	}
	return 0;
}

static int type_check(const struct xseg_signal_type *type)
{
	const struct xseg_signal_operations *ops = &type->ops;
	int ret;

	if (!memchr(type->name, 0, sizeof(type->name)))
		return -ENAMETOOLONG;
	ret = signal_name_check(type->name);
	if (ret)
		return ret;
	if (type->data_size > XSEG_SIGNAL_DATA_SIZE)
		return -E2BIG;
	if (type->api != XSEG_SIGNAL_API || !ops->signal ||
	    (type->domain != XSEG_DOMAIN_USER &&
	     type->domain != XSEG_DOMAIN_KERNEL))
		return -EINVAL;
	if (type->domain == domain_id() &&
	    (!ops->init_signal_desc || !ops->quit_signal_desc ||
	     !ops->prepare_wait || !ops->cancel_wait || !ops->wait_signal))
		return -EINVAL;
	return 0;
}

/* The place of a name in the registry, or __nr_signals. */
static unsigned int registry_index_locked(const char *name)
{
	unsigned int i;

	for (i = 0; i < __nr_signals; i++)
		if (!strcmp(__signal_types[i]->name, name))
			break;
	return i;
}

int xseg_register_signal_type(const struct xseg_signal_type *type)
{
	int ret = type ? type_check(type) : -EINVAL;

	if (ret)
		return ret;
	mutex_lock(&registry_lock);
	if (registry_index_locked(type->name) < __nr_signals)
		ret = -EEXIST;
	else if (__nr_signals == XSEG_NR_SIGNAL_TYPES)
		ret = -ENOSPC;
	else
		__signal_types[__nr_signals++] = type;
	mutex_unlock(&registry_lock);
	return ret;
}

int xseg_unregister_signal_type(const struct xseg_signal_type *type)
{
	unsigned int i;
	int ret = 0;

	mutex_lock(&registry_lock);
	for (i = 0; i < __nr_signals && __signal_types[i] != type; i++)
		;
	if (i == __nr_signals) {
		ret = -ENOENT;
	} else if (__users[i]) {
		ret = -EBUSY;
	} else {
		__nr_signals--;
		__signal_types[i] = __signal_types[__nr_signals];
		__users[i] = __users[__nr_signals];
		__users[__nr_signals] = 0;
	}
	mutex_unlock(&registry_lock);
	return ret;
}

/* Counts a use of a registered type; NULL if its module is going. */
static const struct xseg_signal_type *registry_use_locked(unsigned int i)
{
	if (!env_module_get(__signal_types[i]->owner))
		return NULL;
	__users[i]++;
	return __signal_types[i];
}

/**
 * registry_get() - a registered type by its name
 * @name: its name
 *
 * Return: the type, for registry_put(), or NULL.
 */
const struct xseg_signal_type *registry_get(const char *name)
{
	const struct xseg_signal_type *type = NULL;
	unsigned int i;

	mutex_lock(&registry_lock);
	i = registry_index_locked(name);
	if (i < __nr_signals)
		type = registry_use_locked(i);
	mutex_unlock(&registry_lock);
	return type;
}

/**
 * registry_put() - end a use of a type
 * @type: the type, or NULL
 */
void registry_put(const struct xseg_signal_type *type)
{
	struct module *owner = type ? type->owner : NULL;
	unsigned int i;

	mutex_lock(&registry_lock);
	for (i = 0; i < __nr_signals; i++)
		if (__signal_types[i] == type)
			__users[i]--;
	mutex_unlock(&registry_lock);
	env_module_put(owner);
}

/**
 * registry_freeze() - nobody changes the registry until registry_thaw()
 *
 * For who forks: the child must find it unlocked.
 */
void registry_freeze(void)
{
	mutex_lock(&registry_lock);
}

/**
 * registry_thaw() - undo registry_freeze()
 */
void registry_thaw(void)
{
	mutex_unlock(&registry_lock);
}

static struct xseg_signal_name __xseg_shared *
name_at(const struct xseg *xseg, u32 record)
{
	return (struct xseg_signal_name __xseg_shared *)
		xseg_at(xseg, xseg->geo.names) + record;
}

static __u64 __xseg_shared *table_at(const struct xseg *xseg, u32 id)
{
	struct xseg_signal_table __xseg_shared *table =
		xseg_at(xseg, xseg->geo.table);

	return &table->name[id];
}

/**
 * struct name_copy - a record of a name, copied and checked
 * @domain:    see struct xseg_signal_name; so the others
 * @version:   likewise
 * @data_size: likewise
 * @name:      terminated
 */
struct name_copy {
	u32 domain;
	u32 version;
	u32 data_size;
	char name[XSEG_SIGNAL_NAME_SIZE];
};

/* The record of an id: 0, -ENOENT if there is none, -EUCLEAN. */
static int name_of_id(const struct xseg *xseg, u32 id, struct name_copy *copy)
{
	u64 t = shm_load_acquire(table_at(xseg, id));
	struct xseg_signal_name __xseg_shared *name;

	if (!t)
		return -ENOENT;
	if (t > XSEG_NR_SIGNAL_NAMES)
		return -EUCLEAN;
	name = name_at(xseg, (u32)array_index_nospec(t - 1,
						     XSEG_NR_SIGNAL_NAMES));
	copy->domain = shm_read(&name->domain);
	copy->version = shm_read(&name->version);
	copy->data_size = shm_read(&name->data_size);
	shm_copy_out(copy->name, &name->name, sizeof(copy->name));
	if (!memchr(copy->name, 0, sizeof(copy->name)) ||
	    signal_name_check(copy->name))
		return -EUCLEAN;
	return 0;
}

static int copy_check(const struct name_copy *copy,
		      const struct xseg_signal_type *type)
{
	if (copy->domain != type->domain || copy->version != type->version ||
	    copy->data_size != type->data_size)
		return -EPROTO;
	return 0;
}

/* Claims a record and fills it, so that one CAS can publish it. */
static int name_prepare(struct xseg *xseg, const struct xseg_signal_type *type,
			u32 *record)
{
	u32 i;

	for (i = 0; i < XSEG_NR_SIGNAL_NAMES; i++) {
		struct xseg_signal_name __xseg_shared *name = name_at(xseg, i);
		u64 w = shm_load_acquire(&name->own);

		if (XOWN_ST(w) != XOWN_RAW && XOWN_ST(w) != XOWN_FREE)
			continue;
		if (!shm_cas(&name->own, w,
			     own_next(w, XOWN_OWNED, xseg->me)))
			continue;
		shm_write(&name->domain, type->domain);
		shm_write(&name->version, type->version);
		shm_write(&name->data_size, type->data_size);
		shm_copy_in(&name->name, type->name, sizeof(type->name));
		*record = i;
		return 0;
	}
	return -ENOSPC;
}

static void name_settle(struct xseg *xseg, u32 record, u32 st)
{
	__u64 __xseg_shared *own = &name_at(xseg, record)->own;
	u64 w = shm_read(own);

	shm_cas(own, w, own_next(w, st, xseg->me));
}

/**
 * names_reap() - settle the records that a dead peer was filling
 * @xseg: the handle
 * @peer: its slot
 */
void names_reap(struct xseg *xseg, u32 peer)
{
	u32 i, id;

	for (i = 0; i < XSEG_NR_SIGNAL_NAMES; i++) {
		__u64 __xseg_shared *own = &name_at(xseg, i)->own;
		u64 w = shm_load_acquire(own);
		u32 st = XOWN_FREE;

		if (XOWN_ST(w) != XOWN_OWNED || XOWN_WHO(w) != peer)
			continue;
		for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++)
			if (shm_load_acquire(table_at(xseg, id)) == i + 1)
				st = XOWN_LIVE;
		shm_cas(own, w, own_next(w, st, xseg->me));
	}
}

/**
 * type_intern() - the id of a type in a segment, a new one if need be
 * @xseg: the handle
 * @type: the type
 *
 * May sleep.
 *
 * Return: the id, -ENOSPC, -EPROTO or -EUCLEAN.
 */
int type_intern(struct xseg *xseg, const struct xseg_signal_type *type)
{
	struct name_copy copy;
	bool prepared = false;
	u32 record = 0, id = 0, turns = ENV_RETRIES;
	int ret = -ENOSPC;

	while (id < XSEG_NR_SIGNAL_TYPES && turns--) {
		ret = name_of_id(xseg, id, &copy);
		if (!ret && !strcmp(copy.name, type->name)) {
			ret = copy_check(&copy, type);
			break;
		}
		if (ret == -EUCLEAN)
			break;
		if (!ret) {
			id++;
			ret = -ENOSPC;
			continue;
		}
		if (!prepared) {
			ret = name_prepare(xseg, type, &record);
			if (ret)
				break;
			prepared = true;
		}
		/* Publishes the record; lost to another, look again. */
		if (shm_cas(table_at(xseg, id), 0, record + 1)) {
			name_settle(xseg, record, XOWN_LIVE);
			return (int)id;
		}
		ret = -ENOSPC;
	}
	if (prepared)
		name_settle(xseg, record, XOWN_FREE);
	return ret ? ret : (int)id;
}

/*
 * Remembers what an id means, for the life of the handle, which has a use of
 * its own from then on. xseg->lock held.
 */
static int type_adopt(struct xseg *xseg, u32 id,
		      const struct xseg_signal_type *type)
{
	struct type_ref *ref = &xseg->types[id];
	int ret = 0;

	if (ref->type)
		return ref->type == type ? 0 : -EPROTO;
	if (type->ops.remote_signal_init)
		ret = type->ops.remote_signal_init();
	if (ret)
		return ret;
	if (!registry_get(type->name)) {
		if (type->ops.remote_signal_quit)
			type->ops.remote_signal_quit();
		return -ENOENT;
	}
	smp_store_release(&ref->type, type);	/* pairs with type_met() */
	return 0;
}

/* An id that this handle has not met yet. */
static int type_resolve(struct xseg *xseg, u32 id)
{
	const struct xseg_signal_type *type;
	struct name_copy copy;
	int ret;

	ret = name_of_id(xseg, id, &copy);
	if (ret)
		return ret;
	type = domain_find_type(xseg, copy.name, false);
	if (!type)
		return -ENOENT;
	ret = copy_check(&copy, type);
	if (!ret) {
		mutex_lock(&xseg->lock);
		ret = type_adopt(xseg, id, type);
		mutex_unlock(&xseg->lock);
	}
	registry_put(type);
	return ret;
}

/**
 * type_by_id() - the signal type that an id means
 * @xseg: the handle; its lock is not held
 * @id:	  the id, not trusted
 *
 * One load if it was met before; else may sleep.
 *
 * Return: the type, NULL if it is not known here.
 */
const struct xseg_signal_type *type_by_id(struct xseg *xseg, u64 id)
{
	const struct xseg_signal_type *type = type_met(xseg, id);

	if (likely(type) || id >= XSEG_NR_SIGNAL_TYPES ||
	    type_resolve(xseg, (u32)id))
		return type;
	return type_met(xseg, id);
}

/**
 * type_named() - has the segment given this id to a name?
 * @xseg: the handle
 * @id:	  the id, not trusted
 *
 * Any context.
 *
 * Return: true if so.
 */
bool type_named(const struct xseg *xseg, u64 id)
{
	if (id >= XSEG_NR_SIGNAL_TYPES)
		return false;
	id = array_index_nospec(id, XSEG_NR_SIGNAL_TYPES);
	return shm_load_acquire(table_at(xseg, (u32)id));
}

/**
 * types_meet() - meet all types that the segment has
 * @xseg: the handle; its lock is not held
 */
void types_meet(struct xseg *xseg)
{
	u32 id;

	for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++)
		type_by_id(xseg, id);
}

/**
 * type_find_inited() - a type that this peer is ready to receive
 * @xseg: the handle; its lock is held
 * @name: the type's name
 *
 * Return: its id, or -EINVAL.
 */
int type_find_inited(struct xseg *xseg, const char *name)
{
	int id;

	if (signal_name_check(name))
		return -EINVAL;
	for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++)
		if (xseg->types[id].inits &&
		    !strcmp(xseg->types[id].type->name, name))
			return id;
	return -EINVAL;
}

static int local_init_locked(struct xseg *xseg, u32 id,
			     const struct xseg_signal_type *type)
{
	struct type_ref *ref = &xseg->types[id];
	int ret;

	ret = type_adopt(xseg, id, type);
	if (!ret && !ref->inits && type->ops.local_signal_init)
		ret = type->ops.local_signal_init(xseg);
	if (!ret)
		ref->inits++;
	return ret;
}

static int local_init(struct xseg *xseg, const struct xseg_signal_type *type)
{
	int ret;

	if (type->domain != domain_id())
		return -EOPNOTSUPP;
	ret = type->ops.local_signal_check ?
	      type->ops.local_signal_check(xseg) : 0;
	if (!ret)
		ret = type_intern(xseg, type);
	if (ret < 0)
		return ret;
	mutex_lock(&xseg->lock);
	ret = local_init_locked(xseg, (u32)ret, type);
	mutex_unlock(&xseg->lock);
	return ret;
}

int xseg_local_signal_init(struct xseg *xseg, const char *signal_type)
{
	const struct xseg_signal_type *type;
	int ret;

	ret = handle_check(xseg);
	if (!ret)
		ret = signal_name_check(signal_type);
	if (ret)
		return ret;
	type = domain_find_type(xseg, signal_type, true);
	if (!type)
		return -ENOENT;
	ret = local_init(xseg, type);
	registry_put(type);
	return ret;
}

int xseg_local_signal_quit(struct xseg *xseg, const char *signal_type)
{
	struct type_ref *ref;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	mutex_lock(&xseg->lock);
	ret = type_find_inited(xseg, signal_type);
	if (ret >= 0) {
		ref = &xseg->types[ret];
		ret = 0;
		if (ref->inits == 1 && ref->active)
			ret = -EBUSY;
		else if (!--ref->inits && ref->type->ops.local_signal_quit)
			ref->type->ops.local_signal_quit(xseg);
	}
	mutex_unlock(&xseg->lock);
	return ret;
}

/**
 * types_quit() - forget all types, at the end of a handle
 * @xseg: the handle, without descriptors
 */
void types_quit(struct xseg *xseg)
{
	u32 id;

	for (id = 0; id < XSEG_NR_SIGNAL_TYPES; id++) {
		struct type_ref *ref = &xseg->types[id];

		if (!ref->type)
			continue;
		if (ref->inits && ref->type->ops.local_signal_quit)
			ref->type->ops.local_signal_quit(xseg);
		if (ref->type->ops.remote_signal_quit)
			ref->type->ops.remote_signal_quit();
		registry_put(ref->type);
		ref->type = NULL;
		ref->inits = 0;
	}
}

int xseg_get_type_info(struct xseg *xseg, unsigned int id,
		       struct xseg_type_info *info)
{
	const struct xseg_signal_type *type;
	struct name_copy copy;
	int ret;

	ret = handle_check(xseg);
	if (ret)
		return ret;
	if (!info || id >= XSEG_NR_SIGNAL_TYPES)
		return -EINVAL;
	ret = name_of_id(xseg, id, &copy);
	if (ret)
		return ret;
	memset(info, 0, sizeof(*info));
	info->domain = copy.domain;
	info->version = copy.version;
	info->data_size = copy.data_size;
	memcpy(info->name, copy.name, sizeof(info->name));
	type = registry_get(copy.name);
	info->known = type || type_met(xseg, id);
	registry_put(type);
	return 0;
}
