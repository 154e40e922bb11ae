// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Signal types in shared objects: xseg-signal-NAME.so, from one folder and
 * from nowhere else. A name may come from the segment, which anybody there can
 * write; it is checked before, and only looked up if the program that joined
 * said so. Plug-ins stay loaded.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "user/user.h"

static DEFINE_MUTEX(plugin_lock);	/* one load at a time */

static const struct xseg_signal_type *plugin_open(const char *path,
						  const char *name)
{
	const struct xseg_signal_type *type;
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int ret;

	if (!object) {
		fail(-ENOENT, "there is no signal type '%s', and no plug-in: %s",
		     name, dlerror());
		return NULL;
	}
	type = dlsym(object, "xseg_signal_plugin");
	if (!type || type->api != XSEG_SIGNAL_API || strcmp(type->name, name)) {
		fail(-ENOENT, "%s is no plug-in for the signal type '%s' of this library",
		     path, name);
		dlclose(object);
		return NULL;
	}
	ret = xseg_register_signal_type(type);
	if (!ret)
		return registry_get(name);
	fail(ret, "the plug-in %s cannot be registered: %s", path,
	     strerror(-ret));
	dlclose(object);
	return NULL;
}

/**
 * plugins_freeze() - nobody loads a plug-in until plugins_thaw()
 *
 * For who forks.
 */
void plugins_freeze(void)
{
	mutex_lock(&plugin_lock);
}

/**
 * plugins_thaw() - undo plugins_freeze()
 */
void plugins_thaw(void)
{
	mutex_unlock(&plugin_lock);
}

/**
 * plugin_load() - look for a plug-in
 * @name: a checked name of a signal type
 *
 * Return: the type, now registered; NULL if there is none.
 */
const struct xseg_signal_type *plugin_load(const char *name)
{
	/* The loader knows whether the environment is to be trusted. */
	const char *dir = secure_getenv("XSEG_PLUGIN_DIR");
	const struct xseg_signal_type *type;
	char path[512];
	int n;

	n = snprintf(path, sizeof(path), "%s/xseg-signal-%s.so",
		     dir ? dir : XSEG_PLUGIN_DIR, name);
	if (n < 0 || (size_t)n >= sizeof(path) || path[0] != '/') {
		fail(-ENOENT, "XSEG_PLUGIN_DIR is not a usable absolute path");
		return NULL;
	}
	mutex_lock(&plugin_lock);
	type = registry_get(name);
	if (!type)
		type = plugin_open(path, name);
	mutex_unlock(&plugin_lock);
	return type;
}
