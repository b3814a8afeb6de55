// SPDX-License-Identifier: MIT
/*
 * .canister/records in the mount: its operations. The kernel caches nothing of it, since every byte
 * can change with the image. Listing makes no nodes.
 */
#include <fcntl.h>

#include "fusefs/records/record_task.h"

/* ---- nodes of records ---- */

/* ---- the operations ---- */

static void lookup(fuse_req_t req, struct node *dir, const char *name)
{
	struct record_task t = {.act = ACT_LOOKUP, .req = req, .dir = dir, .mm_id = dir->mm_id};

	if (strlen(name) > RECORD_NAME_MAX) {
		fs_reply(req, -ENAMETOOLONG, NULL);
		return;
	}
	strcpy(t.name, name);
	record_take(&t);
}

static void readdir_op(fuse_req_t req, struct node *dir, struct handle *h, size_t size, off_t off)
{
	struct record_task t = {.act = ACT_LIST,
				.req = req,
				.dir = dir,
				.listing = (struct record_listing *)h,
				.mm_id = dir->mm_id,
				.size = size,
				.off = off};

	record_take(&t);
}

static void releasedir_op(fuse_req_t req, struct handle *h)
{
	free(h);
	fs_reply(req, 0, NULL);
}

static const struct handle_ops listing_ops = {
	.readdir = readdir_op,
	.release = releasedir_op,
};

static void opendir_op(fuse_req_t req, struct node *dir, struct fuse_file_info *fi)
{
	struct record_listing *listing = calloc(1, sizeof(*listing));

	if (!listing) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	listing->h.ops = &listing_ops;
	if (!reply_handle(req, &listing->h, fi))
		free(listing);
}

/* A copy: once the request is answered the kernel may forget the record. */
static struct record_task task_on(fuse_req_t req, enum record_act act, fuse_ino_t ino)
{
	const struct record *rec = record_of(ino);
	struct record_task t = {.act = act, .req = req, .mm_id = rec->mm_id, .style = rec->style};

	strcpy(t.name, rec->name);
	return t;
}

static void getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct record_task t = task_on(req, ACT_STAT, ino);

	record_take(&t);
}

static void open_op(fuse_req_t req, fuse_ino_t ino, struct node *node, struct fuse_file_info *fi)
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

static void read_op(fuse_req_t req, fuse_ino_t ino, struct node *node, size_t size, off_t off)
{
	struct record_task t = task_on(req, ACT_READ, ino);

	t.size = size;
	t.off = off;
	record_take(&t);
}

static const struct node_ops records_dir_ops = {
	.lookup = lookup,
	.opendir = opendir_op,
	.refuses = -EPERM,
};

static const struct node_ops record_file_ops = {
	.open = open_op,
	.read = read_op,
	.getattr = getattr,
	.refuses = -EPERM,
};

int records_init(struct fs *fs, struct err *err)
{
	enum { CACHE_LEN = 16 << 20 }; /* the host's cache has the image, too */
	struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, -ENOMEM, "no memory for records");
	ss_limit_cache(CACHE_LEN);
	fs->records = r;
	fs->record = &r->file;
	node_init(fs, &r->root, &records_dir_ops, INO_ROOT, S_IFDIR | 0555);
	node_init(fs, &r->file, &record_file_ops, 0, S_IFREG | 0444);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		node_init(fs, &r->dir[id], &records_dir_ops, INO_DIR + id, S_IFDIR | 0555);
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
