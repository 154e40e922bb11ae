// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The checker: opening, looking, comparing what several looks found.
 *
 * Live peers go on while they are looked at, and each look may find something
 * half done. So where somebody lives, what was found is looked for again, and
 * only what stays the same, versions included, is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/fsck/internal.h"

#define LOOKS		8
#define NAP_USEC	2000	/* before the second look; longer each time */

const char *fsck_error(int err)
{
	switch (-err) {
	case EBADMSG:
		return "this file is no segment";
	case EILSEQ:
		return "this segment was made on a machine of the other byte order";
	case EPROTONOSUPPORT:
		return "this segment was made by an incompatible xseg";
	case EUCLEAN:
		return "the header is damaged: nothing in this segment can be found by it";
	case ENODATA:
		return "this segment is truncated";
	default:
		return strerror(-err);
	}
}

/* Where the segment cannot be looked through: a negative errno. */
static int header_look(struct fsck *f)
{
	const struct xseg_header *h = &f->header;
	struct stat st;
	ssize_t n;

	if (fstat(f->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	n = pread(f->fd, &f->header, sizeof(f->header), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(f->header))
		return -EBADMSG;
	if (h->magic == XSEG_MAGIC_SWAPPED)
		return -EILSEQ;
	if (h->magic != XSEG_MAGIC)
		return -EBADMSG;
	if (h->abi_major != XSEG_ABI_MAJOR || h->features_required)
		return -EPROTONOSUPPORT;
	if (h->header_size != sizeof(*h) || fsck_layout(&h->params, &f->l) ||
	    f->l.size != h->segment_size)
		return -EUCLEAN;
	return (__u64)st.st_size < f->l.size ? -ENODATA : 0;
}

static int tables_alloc(struct fsck *f)
{
	__u32 i;

	f->map_size = (size_t)f->l.heap;
	f->reserved = calloc(f->l.params.nr_ports, sizeof(__u32));
	if (!f->reserved || f->map_size != f->l.heap)
		return -ENOMEM;
	for (i = 0; i < fsck_pools(f); i++) {
		f->where[i] = calloc(f->l.pool[i].nr, sizeof(__u32));
		f->named[i] = calloc(f->l.pool[i].nr, sizeof(__u32));
		if (!f->where[i] || !f->named[i])
			return -ENOMEM;
	}
	f->m = mmap(NULL, f->map_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->m == MAP_FAILED) {
		f->m = NULL;
		return -ENOMEM;
	}
	return 0;
}

/**
 * fsck_open() - prepare to check a segment
 * @fsck: filled
 * @fd:	  its file, open for reading; stays the caller's, and open until
 *	  fsck_close()
 *
 * Return: 0, or a negative errno that fsck_error() explains.
 */
int fsck_open(struct fsck **fsck, int fd)
{
	struct fsck *f = calloc(1, sizeof(*f));
	int ret;

	if (!f)
		return -ENOMEM;
	f->fd = fd;
	ret = header_look(f);
	if (!ret)
		ret = tables_alloc(f);
	if (ret) {
		fsck_close(f);
		return ret;
	}
	*fsck = f;
	return 0;
}

/**
 * fsck_close() - undo fsck_open()
 * @f: what it filled in
 */
void fsck_close(struct fsck *f)
{
	__u32 i;

	for (i = 0; i < FSCK_POOLS; i++) {
		free(f->where[i]);
		free(f->named[i]);
	}
	if (f->m)
		munmap(f->m, f->map_size);
	free(f->reserved);
	free(f->list);
	free(f);
}

static int copy_range(struct fsck *f, __u64 from, __u64 to)
{
	while (from < to) {
		ssize_t n = pread(f->fd, f->m + from, to - from, (off_t)from);

		if (n < 0)
			return -errno;
		if (!n)
			return -ENODATA;
		from += (__u64)n;
	}
	return 0;
}

/* Copies all but the heap, and nothing of holes. */
static int segment_copy(struct fsck *f)
{
	off_t at = 0, data, hole, end = (off_t)f->map_size;
	int ret;

	if (madvise(f->m, f->map_size, MADV_DONTNEED))
		return -errno;
	while (at < end) {
		data = lseek(f->fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;	/* all holes from here on */
		hole = data < 0 ? end : lseek(f->fd, data, SEEK_HOLE);
		if (data < 0)
			data = at;
		if (hole < 0 || hole > end)
			hole = end;
		ret = data < end ? copy_range(f, (__u64)data, (__u64)hole) : 0;
		if (ret)
			return ret;
		at = hole > at ? hole : end;
	}
	return 0;
}

static __u64 hash(__u64 h, const char *s)
{
	while (*s)
		h = (h ^ (unsigned char)*s++) * 0x100000001b3ULL;
	return h;
}

/**
 * fsck_bad() - note a finding
 * @f:	    the segment
 * @at:	    what it is about
 * @should: what it should be
 * @is:	    what it is, as for printf
 */
void fsck_bad(struct fsck *f, struct fsck_at at, const char *should,
	      const char *is, ...)
{
	struct fsck_finding *finding;
	unsigned int room = f->room ? 2 * f->room : 64;
	va_list ap;

	if (f->nr == f->room) {
		finding = realloc(f->list, room * sizeof(*finding));
		if (!finding) {
			f->failed = true;
			return;
		}
		f->list = finding;
		f->room = room;
	}
	finding = &f->list[f->nr++];
	snprintf(finding->object, sizeof(finding->object), "%s %llu%s%s",
		 at.kind, (unsigned long long)at.index, at.part ? ": " : "",
		 at.part ? at.part : "");
	va_start(ap, is);
	vsnprintf(finding->is, sizeof(finding->is), is, ap);
	va_end(ap);
	snprintf(finding->should, sizeof(finding->should), "%s", should);
	finding->offset = at.off;
	finding->key = hash(hash(hash(at.off ^ at.word * 0x9e3779b97f4a7c15ULL,
				      finding->object), finding->is),
			    finding->should);
}

/* One look at everything. */
static int look(struct fsck *f)
{
	__u32 i;
	int ret;

	f->nr = 0;
	memset(&f->counts, 0, sizeof(f->counts));
	memset(f->reserved, 0, f->l.params.nr_ports * sizeof(__u32));
	for (i = 0; i < fsck_pools(f); i++) {
		memset(f->where[i], 0, f->l.pool[i].nr * sizeof(__u32));
		memset(f->named[i], 0, f->l.pool[i].nr * sizeof(__u32));
	}
	ret = segment_copy(f);
	if (ret)
		return ret;
	fsck_peers(f);
	fsck_tables(f);
	fsck_rings(f);
	fsck_requests(f);
	fsck_buffers(f);
	fsck_descs(f);
	fsck_ports(f);
	return f->failed ? -ENOMEM : 0;
}

static bool found(const struct fsck *f, __u64 key)
{
	unsigned int i;

	for (i = 0; i < f->nr && f->list[i].key != key; i++)
		;
	return i < f->nr;
}

/* Of an earlier look's findings those that the last one has, too. */
static unsigned int keep_common(struct fsck *f, struct fsck_finding *old,
				unsigned int nr)
{
	unsigned int i, kept = 0;

	for (i = 0; i < nr; i++)
		if (found(f, old[i].key))
			old[kept++] = old[i];
	return kept;
}

/* Looks again until nothing is left, or what is left seems to stay. */
static int look_again(struct fsck *f)
{
	struct fsck_finding *old = f->list;
	unsigned int i, nr = f->nr;
	int ret = 0;

	for (i = 1; i < LOOKS && nr && !ret; i++) {
		f->list = NULL;
		f->room = 0;
		usleep(NAP_USEC * i);
		ret = look(f);
		nr = keep_common(f, old, nr);
		free(f->list);
	}
	f->list = old;
	f->nr = nr;
	f->room = nr;
	return ret;
}

/**
 * fsck_check() - look through the segment
 * @f:	   from fsck_open()
 * @flags: 0 or FSCK_IDLE
 *
 * Return: the number of findings, or a negative errno.
 */
int fsck_check(struct fsck *f, unsigned int flags)
{
	int ret;

	f->idle = flags & FSCK_IDLE;
	ret = look(f);
	if (!ret && f->nr && f->counts.peers_live && !f->idle)
		ret = look_again(f);
	return ret ? ret : (int)f->nr;
}

const struct fsck_finding *fsck_finding(const struct fsck *f, unsigned int nr)
{
	return &f->list[nr];
}

const struct fsck_counts *fsck_counts(const struct fsck *f)
{
	return &f->counts;
}

/**
 * fsck_name() - the name that the segment was made under
 * @f: from fsck_open()
 *
 * Return: the name, cut off if its end is missing.
 */
const char *fsck_name(const struct fsck *f)
{
	static char name[XSEG_NAME_SIZE];

	memcpy(name, f->header.name, sizeof(name) - 1);
	return name;
}

/**
 * fsck_used() - objects of a pool that may ever have been in use
 * @f:	  the segment
 * @pool: the pool
 *
 * That at the mark may be, by who has not moved the mark yet.
 *
 * Return: the number.
 */
__u32 fsck_used(const struct fsck *f, __u32 pool)
{
	__u64 fresh = fsck_u64(f, f->l.pools + pool * sizeof(struct xseg_pool));

	return fresh >= f->l.pool[pool].nr ? f->l.pool[pool].nr :
	       (__u32)fresh + 1;
}
