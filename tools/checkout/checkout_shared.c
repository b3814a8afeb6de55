// SPDX-License-Identifier: MIT
/*
 * Tells where two files of one file system share their blocks, so that they need not be compared:
 * a block that is marked as shared is never written in place, and both extents are at the same
 * place of the disk.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tools/checkout/checkout_shared.h"

/* What an extent must not be: any of these makes its place on the disk mean something else. */
#define NOT_PLAIN                                                                                  \
	(FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |                  \
	 FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE |    \
	 FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_UNWRITTEN)

/* Fetches the extents from `off` on. False: the host cannot tell, or there are none. */
static bool fetch(struct shared_side *side, uint64_t off)
{
	struct fiemap *map = &side->map.head;

	*map = (struct fiemap){.fm_start = off,
			       .fm_length = UINT64_MAX - off,
			       .fm_flags = FIEMAP_FLAG_SYNC,
			       .fm_extent_count = SHARED_EXTENTS};
	side->next = 0;
	if (ioctl(side->fd, FS_IOC_FIEMAP, map) == 0 && map->fm_mapped_extents > 0)
		return true;
	map->fm_mapped_extents = 0;
	return false;
}

static uint64_t end_of(const struct fiemap_extent *x)
{
	return x->fe_logical + x->fe_length;
}

/* The first extent that ends behind `off`, of those that were fetched; NULL: they do not tell. */
static const struct fiemap_extent *find(struct shared_side *side, uint64_t off)
{
	const struct fiemap_extent *x = side->map.head.fm_extents;
	uint32_t count = side->map.head.fm_mapped_extents;

	if (count == 0 || off < side->map.head.fm_start || off >= end_of(&x[count - 1]))
		return NULL;
	if (side->next > 0 && end_of(&x[side->next - 1]) > off)
		side->next = 0;
	while (end_of(&x[side->next]) <= off)
		side->next++;
	return &x[side->next];
}

/* The same, fetched where need be. */
static const struct fiemap_extent *extent_at(struct shared_side *side, uint64_t off)
{
	const struct fiemap_extent *x = find(side, off);

	return x || !fetch(side, off) ? x : find(side, off);
}

bool shared_begin(struct shared *s, int a, int b)
{
	struct stat x, y;

	s->a.fd = a;
	s->b.fd = b;
	s->a.map.head.fm_mapped_extents = s->b.map.head.fm_mapped_extents = 0;
	s->a.next = s->b.next = 0;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev;
}

/* How far the extent says something of `off`. */
static uint64_t reach(const struct fiemap_extent *x, uint64_t off, uint64_t len)
{
	return MIN(len, x->fe_logical <= off ? end_of(x) - off : x->fe_logical - off);
}

static bool same_place(const struct fiemap_extent *a, uint64_t a_off, const struct fiemap_extent *b,
		       uint64_t b_off)
{
	return a->fe_logical <= a_off && b->fe_logical <= b_off &&
	       (a->fe_flags & b->fe_flags & FIEMAP_EXTENT_SHARED) &&
	       !((a->fe_flags | b->fe_flags) & NOT_PLAIN) &&
	       a->fe_physical + (a_off - a->fe_logical) == b->fe_physical + (b_off - b->fe_logical);
}

bool shared_at(struct shared *s, uint64_t a_off, uint64_t b_off, uint64_t *len)
{
	const struct fiemap_extent *a = extent_at(&s->a, a_off);
	const struct fiemap_extent *b = a ? extent_at(&s->b, b_off) : NULL;

	if (!b)
		return false;
	*len = reach(b, b_off, reach(a, a_off, *len));
	return same_place(a, a_off, b, b_off);
}
