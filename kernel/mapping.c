// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The page that a process maps of the device, so that its death is noticed.
 *
 * The mapping goes with the memory of the process: by exit, exec or a signal,
 * but not with a fork, and whoever else was given the file. Its last close is
 * the notice. It runs under mmap_lock: only queue_work() there.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "kernel/compat.h"
#include "kernel/signal.h"

static void page_open(struct vm_area_struct *vma)
{
	struct client *client = vma->vm_private_data;

	atomic_inc(&client->mapped);
}

static void page_close(struct vm_area_struct *vma)
{
	struct client *client = vma->vm_private_data;

	if (!atomic_dec_and_test(&client->mapped))
		return;
	client_get(client);
	if (!queue_work(xseg_look_wq, &client->gone))
		client_put(client);
}

static vm_fault_t page_fault(struct vm_fault *vmf)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return VM_FAULT_OOM;
	vmf->page = page;
	return 0;
}

static int page_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static int page_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static const struct vm_operations_struct page_ops = {
	.open = page_open,
	.close = page_close,
	.fault = page_fault,
	.may_split = page_split,
	.mremap = page_mremap,
};

/**
 * client_mmap() - mmap() of the device
 * @file: the open file
 * @vma:  one shared page at offset 0
 *
 * Return: 0, -EINVAL, or -EBUSY (it is mapped already).
 */
int client_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct client *client = file->private_data;

	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (atomic_cmpxchg(&client->mapped, 0, 1))
		return -EBUSY;
	xseg_vm_flags_set(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_private_data = client;
	vma->vm_ops = &page_ops;
	return 0;
}
