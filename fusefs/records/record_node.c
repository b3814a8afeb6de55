// SPDX-License-Identifier: MIT
/*
 * The nodes of records: what was looked up has one of some dozen bytes until the kernel forgets it.
 */
#include <search.h>

#include "fusefs/records/record_task.h"

struct node *records_root(struct fs *fs)
{
	return &fs->records->root;
}

static int compare_records(const void *x, const void *y)
{
	const struct record *a = x, *b = y;

	if (a->mm_id != b->mm_id || a->style != b->style)
		return a->mm_id != b->mm_id ? a->mm_id - b->mm_id : a->style - b->style;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->mtime.tv_sec != b->mtime.tv_sec)
		return a->mtime.tv_sec < b->mtime.tv_sec ? -1 : 1;
	if (a->mtime.tv_nsec != b->mtime.tv_nsec)
		return a->mtime.tv_nsec < b->mtime.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

fuse_ino_t record_remember(struct records *r, const struct record_task *t, const struct stat *st)
{
	struct record *rec = calloc(1, sizeof(*rec) + strlen(t->name) + 1);
	auto_unlock pthread_mutex_t *held = lock(&r->nodes_lock);
	struct record **slot;

	if (!rec)
		return 0;
	rec->len = (uint64_t)st->st_size;
	rec->mtime = st->st_mtim;
	rec->mm_id = (uint8_t)t->mm_id;
	rec->style = (uint8_t)t->style;
	strcpy(rec->name, t->name);
	slot = tsearch(rec, &r->nodes, compare_records);
	if (!slot || *slot != rec)
		free(rec);
	if (!slot)
		return 0;
	(*slot)->lookups++;
	return (fuse_ino_t)*slot | 1;
}

void record_forget(struct fs *fs, fuse_ino_t ino, uint64_t lookups)
{
	struct records *r = fs->records;
	auto_unlock pthread_mutex_t *held = lock(&r->nodes_lock);
	struct record *rec = record_of(ino);

	rec->lookups -= lookups;
	if (rec->lookups > 0)
		return;
	tdelete(rec, &r->nodes, compare_records);
	free(rec);
}

void records_clear(struct fs *fs)
{
	if (!fs->records)
		return;
	tdestroy(fs->records->nodes, free);
	free(fs->records);
}
