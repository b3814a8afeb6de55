// SPDX-License-Identifier: MIT
/*
 * Shows the live snapshots: .snap, in it a directory for each, in that the memories' files and the
 * whole image as "stable", which is not listed. All read-only. What is shown never changes, so the
 * kernel may cache it; but a snapshot can end, and then reading it answers ESTALE.
 */
#include <fcntl.h>
#include <stdio.h>

#include "fusefs/snap/snap.h"

/* Of a snapshot's inode numbers: 0 its directory, 1 the first memory, then the scratch files. */
enum {
	SNAP_INO_SHIFT = 13,
	SNAP_INO_SCRATCH = 1 + MM_MAX_MEMORIES,
	SNAP_INO_STABLE = (1 << SNAP_INO_SHIFT) - 1,
};
_Static_assert(SNAP_INO_SCRATCH + SIDE_MAX_FILES <= SNAP_INO_STABLE, "one number for each file");

static size_t scratch_count(const struct fs_snap *snap)
{
	return snap->side && snap->scratch ? snap_live_side_files(snap->side)->count : 0;
}

static void free_snap(struct fs_snap *snap)
{
	for (size_t i = 0; i < ARRAY_LEN(snap->file); i++)
		free(snap->file[i]);
	for (size_t i = 0; i < scratch_count(snap); i++)
		free(snap->scratch[i]);
	free(snap->scratch);
	snap_live_side_close(snap->side);
	mm_drop(snap->mm);
	store_close(snap->view);
	pthread_rwlock_destroy(&snap->lock);
	free(snap);
}

void snapdir_clear(struct fs *fs)
{
	while (fs->snaps) {
		struct fs_snap *snap = fs->snaps;

		fs->snaps = snap->next;
		free_snap(snap);
	}
}

/* ---- nodes: their modes let everybody come as far as EROFS ---- */

static const struct node_ops dir_ops, shown_ops;

static void snap_node_init(const struct fs *fs, struct fs_snap *snap, struct node *node,
			   const struct node_ops *ops, uint64_t nth, mode_t mode,
			   const struct snap_live_info *info)
{
	node_init(fs, node, ops, SNAP_INO_FIRST + (snap->seq << SNAP_INO_SHIFT) + nth, mode);
	node->snap = snap;
	node->atime = node->mtime = node->ctime = (struct timespec){info->sec, info->nsec};
}

static int open_snap(struct fs *fs, const struct snap_live_info *info, struct fs_snap **out,
		     struct err *err)
{
	struct fs_snap *snap = calloc(1, sizeof(*snap));
	int rc = snap ? snap_live_view(fs->cfg->live, info->name, &snap->view, err) : -ENOMEM;

	if (!rc)
		rc = snap_live_side(fs->cfg->live, info->name, &snap->side, err);
	if (!rc && snap->side) {
		snap->scratch =
			calloc(snap_live_side_files(snap->side)->count + 1, sizeof(*snap->scratch));
		rc = snap->scratch ? 0 : -ENOMEM;
	}
	if (!rc)
		rc = mm_open(snap->view, &snap->mm, err);
	if (rc) {
		if (snap) {
			snap_live_side_close(snap->side);
			free(snap->scratch);
			store_close(snap->view);
		}
		free(snap);
		return rc;
	}
	snap->seq = info->seq;
	pthread_rwlock_init(&snap->lock, NULL);
	snap_node_init(fs, snap, &snap->dir, &dir_ops, 0, S_IFDIR | 0755, info);
	snap_node_init(fs, snap, &snap->stable, &shown_ops, SNAP_INO_STABLE, S_IFREG | 0644, info);
	snap->stable.size_len = window_whole(snap->view, NULL)->len;
	snap->next = fs->snaps;
	fs->snaps = snap;
	*out = snap;
	return 0;
}

/* What the chain says of a name. */
static int find_info(struct fs *fs, const char *name, struct snap_live_info *out, struct err *err)
{
	auto_free struct snap_live_info *list = NULL;
	size_t count;
	int rc = snap_live_list(fs->cfg->live, &list, &count, err);

	for (size_t i = 0; !rc && i < count; i++) {
		if (list[i].stale || strcmp(list[i].name, name) != 0)
			continue;
		*out = list[i];
		return 0;
	}
	return rc ? rc : err_set(err, -ENOENT, "there is no snapshot '%s'", name);
}

struct fs_snap *snapdir_get(struct fs *fs, const char *name, int *rc, struct err *err)
{
	struct snap_live_info info;
	struct fs_snap *snap;

	*rc = fs->cfg->live ? find_info(fs, name, &info, err) : -ENOENT;
	if (*rc)
		return NULL;
	for (snap = fs->snaps; snap; snap = snap->next)
		if (snap->seq == info.seq && !snap->gone)
			return snap;
	*rc = open_snap(fs, &info, &snap, err);
	return *rc ? NULL : snap;
}

/* The exact length, where one was kept that fits. */
static uint64_t len_of(const struct fs_snap *snap, unsigned id, uint64_t pages)
{
	const struct side_files *files = snap_live_side_files(snap->side);
	uint64_t len = files ? files->exact_len[id] : SIDE_WHOLE_PAGES;

	return len != SIDE_WHOLE_PAGES && div_up(len, MM_PAGE_LEN) == pages ? len
									    : pages * MM_PAGE_LEN;
}

static struct node *file_node(const struct fs *fs, struct fs_snap *snap, unsigned id)
{
	struct snap_live_info info = {.sec = snap->dir.mtime.tv_sec,
				      .nsec = snap->dir.mtime.tv_nsec};
	struct mm_memory m;

	mm_memory(snap->mm, id, &m);
	if (m.pages == 0 && m.buckets == 0)
		return NULL;
	if (!snap->file[id])
		snap->file[id] = calloc(1, sizeof(struct node));
	if (snap->file[id] && !snap->file[id]->snap) {
		snap_node_init(fs, snap, snap->file[id], &shown_ops, id + 1u, S_IFREG | 0644,
			       &info);
		snap->file[id]->mm_id = id;
		snap->file[id]->size_len = len_of(snap, id, m.pages);
	}
	return snap->file[id];
}

static struct node *scratch_node(const struct fs *fs, struct fs_snap *snap, size_t n)
{
	struct snap_live_info info = {.sec = snap->dir.mtime.tv_sec,
				      .nsec = snap->dir.mtime.tv_nsec};
	struct node *node = snap->scratch[n];

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	snap_node_init(fs, snap, node, &shown_ops, SNAP_INO_SCRATCH + n, S_IFREG | 0644, &info);
	node->mm_id = MM_MAX_MEMORIES + (unsigned)n;
	node->size_len = snap_live_side_files(snap->side)->file[n].len;
	snap->scratch[n] = node;
	return node;
}

static struct node *find_scratch(const struct fs *fs, struct fs_snap *snap, const char *name)
{
	const struct side_files *files = snap_live_side_files(snap->side);
	const struct side_file *file = files ? side_files_find(files, name) : NULL;

	return file ? scratch_node(fs, snap, (size_t)(file - files->file)) : NULL;
}

static struct node *find_file(const struct fs *fs, struct fs_snap *snap, const char *name)
{
	int id = name_to_id(name);

	if (snap->gone)
		return NULL;
	if (strcmp(name, "stable") == 0)
		return &snap->stable;
	return id >= 0 ? file_node(fs, snap, (unsigned)id) : find_scratch(fs, snap, name);
}

void snapdir_lookup(fuse_req_t req, struct node *dir, const char *name)
{
	auto_unlock pthread_mutex_t *held = lock(&fs_of(req)->tree_lock);
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry = {0};
	struct fs_snap *snap;
	struct node *node = NULL;
	struct err err = {""};
	int rc = 0;

	if (dir == &fs->snap_root) {
		snap = snapdir_get(fs, name, &rc, &err);
		node = snap ? &snap->dir : NULL;
	} else {
		node = find_file(fs, dir->snap, name);
	}
	if (!node) {
		fs_reply(req, rc ? rc : -ENOENT, &err);
		return;
	}
	/* Others than the kernel can rename and drop: names are asked for each time. */
	entry.ino = node_id(fs, node);
	entry.attr_timeout = FS_TIMEOUT;
	node_stat(fs, node, &entry.attr);
	node->lookups++;
	if (fuse_reply_entry(req, &entry) == -ENOENT)
		node->lookups--;
}

static int list_root(struct fs *fs, list_add_fn *add, void *to)
{
	auto_free struct snap_live_info *list = NULL;
	size_t count = 0;
	int rc = fs->cfg->live ? snap_live_list(fs->cfg->live, &list, &count, NULL) : 0;

	for (size_t i = 0; !rc && i < count; i++)
		if (!list[i].stale)
			rc = add(to, list[i].name, SNAP_INO_FIRST + (list[i].seq << SNAP_INO_SHIFT),
				 S_IFDIR);
	return rc;
}

int snapdir_list(struct fs *fs, struct node *dir, list_add_fn *add, void *list)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	int rc = 0;

	if (dir == &fs->snap_root)
		return list_root(fs, add, list);
	for (unsigned id = 0; !rc && !dir->snap->gone && id < MM_MAX_MEMORIES; id++) {
		struct node *node = file_node(fs, dir->snap, id);
		char name[8];

		snprintf(name, sizeof(name), "%u", id);
		if (node)
			rc = add(list, name, node->ino, S_IFREG);
	}
	for (size_t i = 0; !rc && !dir->snap->gone && i < scratch_count(dir->snap); i++)
		rc = add(list, snap_live_side_files(dir->snap->side)->file[i].name,
			 dir->snap->dir.ino + SNAP_INO_SCRATCH + i, S_IFREG);
	return rc;
}

/* ---- bytes ---- */

static void open_op(fuse_req_t req, fuse_ino_t ino, struct node *node, struct fuse_file_info *fi)
{
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fs_reply(req, -EROFS, NULL);
		return;
	}
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

/* NULL: the node is no scratch file's. */
static const struct side_file *scratch_of(const struct node *node)
{
	return node->mm_id >= MM_MAX_MEMORIES ? &snap_live_side_files(node->snap->side)
							 ->file[node->mm_id - MM_MAX_MEMORIES]
					      : NULL;
}

static int read_node(struct node *node, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct fs_snap *snap = node->snap;
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&snap->lock);

	if (snap->gone)
		return -ESTALE;
	if (scratch_of(node))
		return scratch_of(node)->read(scratch_of(node)->ctx, buf, len, off, err);
	return node == &snap->stable
		       ? store_read(window_whole(snap->view, NULL), buf, len, off, err)
		       : mm_read(snap->mm, node->mm_id, buf, len, off, err);
}

static void read_op(fuse_req_t req, fuse_ino_t ino, struct node *node, size_t size, off_t off)
{
	uint64_t size_len = node->size_len;
	size_t len = (uint64_t)off < size_len ? MIN((uint64_t)size, size_len - (uint64_t)off) : 0;
	auto_free char *buf = malloc(MAX(len, (size_t)1));
	struct err err = {""};
	int rc = buf ? read_node(node, buf, len, (uint64_t)off, &err) : -ENOMEM;

	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_buf(req, buf, len);
}

static int next_data(struct fs *fs, struct node *node, uint64_t off, uint64_t *start, uint64_t *end,
		     struct err *err)
{
	struct fs_snap *snap = node->snap;
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&snap->lock);
	int rc;

	if (snap->gone)
		return -ESTALE;
	if (node == &snap->stable)
		return store_next_data(window_whole(snap->view, NULL), off, start, end, err);
	if (scratch_of(node) && scratch_of(node)->next_data)
		return scratch_of(node)->next_data(scratch_of(node)->ctx, off, start, end, err);
	*start = off;
	*end = node->size_len;
	rc = scratch_of(node) ? 0 : mm_next_data(snap->mm, node->mm_id, off, start, end, err);
	*start = MIN(*start, node->size_len);
	*end = MIN(*end, node->size_len);
	return rc;
}

static void lseek_op(fuse_req_t req, struct node *node, off_t off, int whence)
{
	uint64_t at = (uint64_t)off, start = at, end = at;
	struct fs *fs = fs_of(req);
	struct err err = {""};
	int rc = at < node->size_len ? next_data(fs, node, at, &start, &end, &err) : -ENXIO;

	if (!rc && whence == SEEK_DATA && start == end)
		rc = -ENXIO;
	if (!rc && whence == SEEK_DATA)
		at = start;
	while (!rc && whence == SEEK_HOLE && start == at && start < end) {
		at = end;
		rc = next_data(fs, node, at, &start, &end, &err);
	}
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_lseek(req, (off_t)at);
}

static uint64_t blocks(struct fs *fs, struct node *node)
{
	return node_count_blocks(fs, node, next_data);
}

static const struct node_ops dir_ops = {
	.lookup = snapdir_lookup,
	.list = snapdir_list,
	.refuses = -EROFS,
};

/* A memory's file, and "stable". */
static const struct node_ops shown_ops = {
	.open = open_op,
	.read = read_op,
	.lseek = lseek_op,
	.blocks = blocks,
	.refuses = -EROFS,
};

void snapdir_end(struct fs *fs, uint64_t seq)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

	for (struct fs_snap *snap = fs->snaps; snap; snap = snap->next) {
		auto_rw_unlock pthread_rwlock_t *ending = NULL;

		if (snap->seq != seq || snap->gone)
			continue;
		ending = lock_exclusive(&snap->lock);
		snap->gone = true;
		mm_drop(snap->mm);
		store_close(snap->view);
		snap->mm = NULL;
		snap->view = NULL;
	}
}
