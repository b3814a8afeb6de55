// SPDX-License-Identifier: MIT
/*
 * .canister/records in the mount: its nodes and operations. Nothing of it is cached by the kernel,
 * since every byte can change with the image. Listing makes no nodes; what was looked up has one of
 * some dozen bytes until the kernel forgets it.
 */
#include <fcntl.h>
#include <search.h>

#include "fusefs/records/record_task.h"

/*
 * A record that the kernel knows; its nodeid is the address and 1. The kernel keeps the size and
 * the time that it was told first, for it takes itself for the only writer: so another size, or
 * time, is another node.
 */
struct record {
	uint64_t lookups; /* nodes_lock */
	uint64_t len;
	struct timespec mtime;
	uint8_t mm_id, style;
	char name[];
};

struct node *records_root(struct fs *fs)
{
	return &fs->records->root;
}

struct node *record_node(struct fs *fs)
{
	return &fs->records->file;
}

int records_init(struct fs *fs, struct err *err)
{
	enum { CACHE_LEN = 16 << 20 }; /* the host's cache has the image, too */
	struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, -ENOMEM, "no memory for records");
	ss_limit_cache(CACHE_LEN);
	fs->records = r;
	node_init(fs, &r->root, NODE_RECORDS, INO_ROOT, S_IFDIR | 0555);
	node_init(fs, &r->file, NODE_RECORD, 0, S_IFREG | 0444);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		node_init(fs, &r->dir[id], NODE_RECORD_DIR, INO_DIR + id, S_IFDIR | 0555);
		r->dir[id].mm_id = id;
	}
	pthread_mutex_init(&r->nodes_lock, NULL);
	pthread_mutex_init(&r->view_lock, NULL);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->come, NULL);
	r->last = &r->first;
	r->view = (struct record_view){
		.mm = fs->mm, .names = fs->cfg->names, .ending = &r->ending, .partner = -1};
	return 0;
}

/* ---- nodes of records ---- */

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

static struct record *record_of(fuse_ino_t ino)
{
	return (struct record *)(ino & ~(fuse_ino_t)1);
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

/* ---- the operations ---- */

void records_lookup(fuse_req_t req, struct node *dir, const char *name)
{
	struct record_task t = {.act = ACT_LOOKUP, .req = req, .dir = dir, .mm_id = dir->mm_id};

	if (strlen(name) > RECORD_NAME_MAX) {
		fs_reply(req, -ENAMETOOLONG, NULL);
		return;
	}
	strcpy(t.name, name);
	record_take(&t);
}

void records_opendir(fuse_req_t req, struct node *dir, struct fuse_file_info *fi)
{
	struct record_listing *listing = calloc(1, sizeof(*listing));

	if (!listing) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	fi->fh = (uintptr_t)listing;
	if (fuse_reply_open(req, fi) == -ENOENT)
		free(listing);
}

void records_readdir(fuse_req_t req, struct node *dir, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct record_task t = {.act = ACT_LIST,
				.req = req,
				.dir = dir,
				.listing = (struct record_listing *)(uintptr_t)fi->fh,
				.mm_id = dir->mm_id,
				.size = size,
				.off = off};

	record_take(&t);
}

void records_releasedir(fuse_req_t req, struct fuse_file_info *fi)
{
	free((struct record_listing *)(uintptr_t)fi->fh);
	fs_reply(req, 0, NULL);
}

/* A copy: once the request is answered the kernel may forget the record. */
static struct record_task task_on(fuse_req_t req, enum record_act act, fuse_ino_t ino)
{
	const struct record *rec = record_of(ino);
	struct record_task t = {.act = act, .req = req, .mm_id = rec->mm_id, .style = rec->style};

	strcpy(t.name, rec->name);
	return t;
}

void records_getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct record_task t = task_on(req, ACT_STAT, ino);

	record_take(&t);
}

void records_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct record_task t = task_on(req, ACT_OPEN, ino);

	/* The modes say so too, but root passes them. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
		fs_reply(req, -EACCES, NULL);
		return;
	}
	t.fi = *fi;
	record_take(&t);
}

void records_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off)
{
	struct record_task t = task_on(req, ACT_READ, ino);

	t.size = size;
	t.off = off;
	record_take(&t);
}
