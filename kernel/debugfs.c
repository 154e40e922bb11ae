// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * /sys/kernel/debug/xseg: for people; not an interface.
 */
#include <linux/debugfs.h>

#include "kernel/signal.h"

static struct dentry *debug_dir;

static int segments_seq_show(struct seq_file *m, void *unused)
{
	segments_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(segments_seq);

/**
 * debug_init() - make the folder; nothing depends on its being there
 */
void debug_init(void)
{
	debug_dir = debugfs_create_dir("xseg", NULL);
	debugfs_create_file("segments", 0400, debug_dir, NULL,
			    &segments_seq_fops);
}

/**
 * debug_exit() - undo debug_init()
 */
void debug_exit(void)
{
	debugfs_remove_recursive(debug_dir);
}
