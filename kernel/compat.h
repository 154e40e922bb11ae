/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's interfaces as of 6.13, for older ones. Each shim has the name
 * of the new interface with xseg_ in front and says what it papers over.
 * Nothing else in kernel/ asks for a version.
 */
#ifndef XSEG_KERNEL_COMPAT_H
#define XSEG_KERNEL_COMPAT_H

#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/version.h>

/* 6.13 takes the name space as a string. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define XSEG_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, "XSEG")
#define XSEG_IMPORT_NS()	MODULE_IMPORT_NS("XSEG")
#else
#define XSEG_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, XSEG)
#define XSEG_IMPORT_NS()	MODULE_IMPORT_NS(XSEG)
#endif

/* 6.3 made vm_flags read-only and brought a call for setting them. */
static inline void xseg_vm_flags_set(struct vm_area_struct *vma,
				     unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

/* 6.8 dropped the count, which was 1 for all. */
static inline void xseg_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

#endif /* XSEG_KERNEL_COMPAT_H */
