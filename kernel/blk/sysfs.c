// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What people and the xseg command see: /sys/class/xsegbd/ and, for each disk,
 * /sys/block/xsegbdN/xseg/.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "kernel/blk/blk.h"
#include "kernel/compat.h"

/* Adding and removing */

static int word_string(char *to, size_t size, const char *value)
{
	ssize_t n = strscpy(to, value, size);

	return n > 0 ? 0 : n ? -ENAMETOOLONG : -EINVAL;
}

static int option_parse(struct disk_options *opt, const char *key,
			const char *value)
{
	if (!strcmp(key, "segment"))
		return word_string(opt->segment, sizeof(opt->segment), value);
	if (!strcmp(key, "type"))
		return word_string(opt->type, sizeof(opt->type), value);
	if (!strcmp(key, "port"))
		return kstrtou32(value, 0, &opt->port);
	if (!strcmp(key, "queues"))
		return kstrtou32(value, 0, &opt->queues);
	if (!strcmp(key, "depth"))
		return kstrtou32(value, 0, &opt->depth);
	if (!strcmp(key, "hold_ms"))
		return kstrtou32(value, 0, &opt->hold_ms);
	if (!strcmp(key, "timeout_ms"))
		return kstrtou32(value, 0, &opt->timeout_ms);
	if (!strcmp(key, "read_only"))
		return kstrtobool(value, &opt->read_only);
	if (!strcmp(key, "id"))
		return kstrtoint(value, 0, &opt->id) || opt->id < 0 ?
		       -EINVAL : 0;
	return -EINVAL;
}

static int options_parse(struct disk_options *opt, char *line)
{
	char *word, *value;
	int ret = 0;

	*opt = (struct disk_options){
		.type = "waitqueue", .port = NoPort, .queues = MAX_QUEUES,
		.depth = DEFAULT_DEPTH, .hold_ms = DEFAULT_HOLD_MS, .id = -1,
	};
	while (!ret && (word = strsep(&line, "\n "))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (!value)
			return -EINVAL;
		*value++ = 0;
		ret = option_parse(opt, word, value);
	}
	if (!ret && (!opt->segment[0] || opt->port == NoPort ||
		     !opt->queues || !opt->depth))
		ret = -EINVAL;
	return ret;
}

static int line_add(char *line)
{
	struct disk_options opt;
	int ret = options_parse(&opt, line);

	return ret ? ret : disk_add(&opt);
}

static int line_remove(char *line)
{
	char *word, *rest = strim(line);
	bool force = false;
	int id;

	word = strsep(&rest, " ");
	if (rest) {
		force = !strcmp(skip_spaces(rest), "force");
		if (!force)
			return -EINVAL;
	}
	if (kstrtoint(word, 0, &id) || id < 0)
		return -EINVAL;
	return disk_remove(id, force);
}

static ssize_t line_run(const char *buf, size_t size, int (*fn)(char *line))
{
	char *line = kstrndup(buf, size, GFP_KERNEL);
	int ret;

	if (!line)
		return -ENOMEM;
	ret = fn(line);
	kfree(line);
	return ret ? ret : (ssize_t)size;
}

static ssize_t add_store(XSEG_CLASS_ARGS, const char *buf, size_t size)
{
	return line_run(buf, size, line_add);
}
static CLASS_ATTR_WO(add);

static ssize_t remove_store(XSEG_CLASS_ARGS, const char *buf, size_t size)
{
	return line_run(buf, size, line_remove);
}
static CLASS_ATTR_WO(remove);

static struct attribute *control_attrs[] = {
	&class_attr_add.attr,
	&class_attr_remove.attr,
	NULL,
};
ATTRIBUTE_GROUPS(control);

static struct class control_class = {
	.name = "xsegbd",
	.class_groups = control_groups,
};

/**
 * control_register() - make /sys/class/xsegbd
 *
 * Return: 0 or a negative errno.
 */
int control_register(void)
{
	return class_register(&control_class);
}

/**
 * control_unregister() - undo control_register()
 */
void control_unregister(void)
{
	class_unregister(&control_class);
}

/* A disk */

static struct disk *disk_of(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

#define DISK_SHOW(_name, _format, _value)				\
static ssize_t _name##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct disk *disk = disk_of(dev);				\
									\
	return sysfs_emit(buf, _format "\n", _value);			\
}

static u64 disk_signals(const struct disk *disk)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < disk->nr_queues; i++)
		n += READ_ONCE(disk->queues[i].signals);
	return n;
}

static u64 disk_handed(const struct disk *disk)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < disk->nr_queues; i++)
		n += READ_ONCE(disk->queues[i].handed);
	return n;
}

static u32 disk_in_flight(const struct disk *disk)
{
	u32 n = 0, i, j;

	for (i = 0; i < disk->nr_queues; i++)
		for (j = 0; j < disk->queues[i].depth; j++)
			n += !!READ_ONCE(disk->queues[i].slots[j].req);
	return n;
}

static const char *disk_state_name(const struct disk *disk)
{
	static const char * const names[] = {
		[DISK_LIVE] = "live",
		[DISK_AWAY] = "away",
		[DISK_FAILED] = "failed",
		[DISK_REMOVED] = "removed",
	};

	return names[READ_ONCE(disk->state)];
}

DISK_SHOW(segment, "%s", disk->opt.segment)
DISK_SHOW(type, "%s", disk->opt.type)
DISK_SHOW(port, "%u", disk->opt.port)
DISK_SHOW(queues, "%u", disk->nr_queues)
DISK_SHOW(depth, "%u", disk->opt.depth)
DISK_SHOW(state, "%s", disk_state_name(disk))
DISK_SHOW(hold_ms, "%u", READ_ONCE(disk->opt.hold_ms))
DISK_SHOW(timeout_ms, "%u", READ_ONCE(disk->opt.timeout_ms))
DISK_SHOW(in_flight, "%u", disk_in_flight(disk))
DISK_SHOW(lost, "%u", READ_ONCE(disk->nr_lost))
DISK_SHOW(failed, "%lld", atomic64_read(&disk->failed))
DISK_SHOW(given_up, "%lld", atomic64_read(&disk->given_up))
DISK_SHOW(bad, "%lld", atomic64_read(&disk->bad))
DISK_SHOW(signals, "%llu", disk_signals(disk))
DISK_SHOW(handed, "%llu", disk_handed(disk))

static ssize_t hold_ms_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t size)
{
	struct disk *disk = disk_of(dev);
	u32 ms;
	int ret = kstrtou32(buf, 0, &ms);

	if (ret)
		return ret;
	WRITE_ONCE(disk->opt.hold_ms, ms);
	disk_kick(disk);
	return size;
}

static ssize_t timeout_ms_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t size)
{
	u32 ms;
	int ret = kstrtou32(buf, 0, &ms);

	if (ret)
		return ret;
	disk_set_timeout(disk_of(dev), ms);
	return size;
}

static ssize_t resize_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t size)
{
	int ret = disk_resize(disk_of(dev));

	return ret ? ret : (ssize_t)size;
}

static DEVICE_ATTR_RO(segment);
static DEVICE_ATTR_RO(type);
static DEVICE_ATTR_RO(port);
static DEVICE_ATTR_RO(queues);
static DEVICE_ATTR_RO(depth);
static DEVICE_ATTR_RO(state);
static DEVICE_ATTR_RW(hold_ms);
static DEVICE_ATTR_RW(timeout_ms);
static DEVICE_ATTR_RO(in_flight);
static DEVICE_ATTR_RO(lost);
static DEVICE_ATTR_RO(failed);
static DEVICE_ATTR_RO(given_up);
static DEVICE_ATTR_RO(bad);
static DEVICE_ATTR_RO(signals);
static DEVICE_ATTR_RO(handed);
static DEVICE_ATTR_WO(resize);

static struct attribute *disk_attrs[] = {
	&dev_attr_segment.attr,
	&dev_attr_type.attr,
	&dev_attr_port.attr,
	&dev_attr_queues.attr,
	&dev_attr_depth.attr,
	&dev_attr_state.attr,
	&dev_attr_hold_ms.attr,
	&dev_attr_timeout_ms.attr,
	&dev_attr_in_flight.attr,
	&dev_attr_lost.attr,
	&dev_attr_failed.attr,
	&dev_attr_given_up.attr,
	&dev_attr_bad.attr,
	&dev_attr_signals.attr,
	&dev_attr_handed.attr,
	&dev_attr_resize.attr,
	NULL,
};

static const struct attribute_group disk_group = {
	.name = "xseg",
	.attrs = disk_attrs,
};

const struct attribute_group *disk_groups[] = {
	&disk_group,
	NULL,
};
