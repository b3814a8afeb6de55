/* SPDX-License-Identifier: MIT */
/*
 * Who owns which bucket, kept ready for use: per memory the ascending list of its buckets. The
 * table in struct layout is the truth; the lists follow it. Decides which bucket a memory gets
 * next. Knows nothing of bytes, stores or locks: the caller holds the layout lock.
 */
#ifndef CANISTERFS_BUCKET_H
#define CANISTERFS_BUCKET_H

#include "memmgr/layout.h"

struct bucket_list {
	uint16_t *index; /* ascending */
	uint32_t count;
	uint32_t room;
};

struct buckets {
	struct bucket_list of[MM_MAX_MEMORIES];
	uint8_t reserved[MM_MAX_BUCKETS]; /* 1: promised to a change that is under way */
};

/* Fills the lists from the table. On -ENOMEM they are as before. */
int MUST_CHECK buckets_load(struct buckets *b, const uint8_t *owner, struct err *err);
void buckets_clear(struct buckets *b);

/* Makes room for `more` entries, so that bucket_append cannot fail. */
int MUST_CHECK bucket_list_reserve(struct bucket_list *list, uint32_t more, struct err *err);

/*
 * Chooses `count` buckets for memory mm_id, ascending, into `out`: such that all lie behind the
 * memory's last one, so that its order holds; the lowest free ones first. Neither table nor lists
 * change. -ENOSPC: there are not so many.
 */
int MUST_CHECK bucket_choose(const struct buckets *b, const struct layout *lay, unsigned mm_id,
			     uint32_t count, uint16_t *out, struct err *err);

/* As above for content that replaces all the memory has: any free buckets, ascending. */
int MUST_CHECK bucket_choose_any(const struct buckets *b, const struct layout *lay, uint32_t count,
				 uint16_t *out, struct err *err);

/* One more bucket at the end of a list that has room for it. */
void bucket_append(struct buckets *b, unsigned mm_id, uint16_t index);

/* How many buckets a memory owns behind its last page. */
uint32_t bucket_surplus(const struct buckets *b, const struct layout *lay, unsigned mm_id);

/* How many buckets nobody owns and no change is promised. */
uint32_t bucket_free(const struct buckets *b, const struct layout *lay);

/* Highest owned index + 1. */
uint32_t bucket_end(const struct layout *lay);

/* Some bucket at or behind `from` is promised to a change that is under way. */
bool bucket_any_reserved(const struct buckets *b, uint32_t from);

#endif
