// SPDX-License-Identifier: MIT
/*
 * The nodes of a mount: what stands under which name, and how long it must be kept. Nothing here
 * touches content. tree_lock guards everything but the attributes.
 */
#include <stdio.h>
#include <time.h>

#include "fusefs/core/fs.h"

/* No address has this bit, and no record's number is even. */
#define STABLE_ID (UINT64_C(1) << 62)

struct node *node_of(struct fs *fs, fuse_ino_t ino)
{
	if (record_has_id(ino))
		return fs->record;
	if (ino & STABLE_ID)
		return &fs->stable;
	return ino == FUSE_ROOT_ID ? &fs->root : (struct node *)ino;
}

fuse_ino_t node_id(struct fs *fs, const struct node *node)
{
	return node == &fs->root ? FUSE_ROOT_ID : (fuse_ino_t)node;
}

fuse_ino_t node_stable_id(uint64_t len)
{
	return STABLE_ID | len << 1;
}

int name_to_id(const char *name)
{
	unsigned id = 0;

	if (name[0] == '0' && name[1] != '\0')
		return -1;
	for (const char *p = name; *p; p++) {
		if (*p < '0' || *p > '9' || p - name >= 3)
			return -1;
		id = id * 10 + (unsigned)(*p - '0');
	}
	return name[0] && id < MM_MAX_MEMORIES ? (int)id : -1;
}

bool name_is_no_id(const char *name)
{
	return name[strspn(name, "0123456789")] == 0 && name_to_id(name) < 0;
}

bool name_is_snap_dir(const struct fs *fs, const char *name)
{
	const char *folder = fs->cfg->opts->snap_dir;

	return strcmp(name, folder ? folder : ".snap") == 0;
}

bool name_is_by_name(const struct fs *fs, const char *name)
{
	return fs->cfg->names && strcmp(name, "by-name") == 0;
}

bool name_is_reserved(const struct fs *fs, const char *name)
{
	return strcmp(name, ".canister") == 0 || scratch_name_is_ours(name) ||
	       name_is_snap_dir(fs, name) || name_is_by_name(fs, name);
}

int memory_refuses(const struct fs *fs, int mm_id)
{
	enum fs_life life = fs->cfg->names && mm_id >= 0 ? fs->cfg->names[mm_id].life : FS_IN_USE;

	return life == FS_IN_USE ? 0 : life == FS_READ_ONLY ? -EROFS : -EPERM;
}

bool node_is_file(const struct node *node)
{
	return node->kind != NODE_OTHER;
}

void node_init(const struct fs *fs, struct node *node, const struct node_ops *ops, ino_t ino,
	       mode_t mode)
{
	mode_t open = fs->cfg->mode;

	if (S_ISDIR(mode))
		open |= (open & 0444) >> 2;
	if (!S_ISLNK(mode))
		mode &= S_IFMT | open;
	node->ops = ops;
	node->kind = NODE_OTHER;
	node->fd = -1;
	node->ino = ino;
	node->mode = mode;
	node->links = S_ISDIR(mode) ? 2 : 1;
	node->uid = fs->cfg->uid;
	node->gid = fs->cfg->gid;
	node->next = node->prev = node;
	pthread_rwlock_init(&node->lock, NULL);
	pthread_mutex_init(&node->attr_lock, NULL);
	unwritten_init(&node->unwritten);
	node_touch(node);
	node->atime = node->mtime;
}

void node_touch(struct node *node)
{
	auto_unlock pthread_mutex_t *held = lock(&node->attr_lock);

	clock_gettime(CLOCK_REALTIME, &node->mtime);
	node->ctime = node->mtime;
}

struct node *node_new(struct fs *fs, enum node_kind kind, const char *name, mode_t mode)
{
	struct node *node = calloc(1, sizeof(*node));
	char *copy = strdup(name);

	if (!node || !copy) {
		free(node);
		free(copy);
		return NULL;
	}
	node_init(fs, node, fs->file_ops, fs->next_ino++, mode);
	node->kind = kind;
	node_set_name(fs, node, copy);
	return node;
}

void node_free(struct node *node)
{
	if (node->fd >= 0)
		close(node->fd);
	unwritten_free(&node->unwritten);
	pthread_rwlock_destroy(&node->lock);
	pthread_mutex_destroy(&node->attr_lock);
	free(node->name);
	free(node);
}

void node_set_name(struct fs *fs, struct node *node, char *name)
{
	bool was_named = node->name != NULL;

	free(node->name);
	node->name = name;
	node->links = name ? 1 : 0;
	if (was_named && !name) {
		node->prev->next = node->next;
		node->next->prev = node->prev;
		node->next = node->prev = node;
	} else if (!was_named && name) {
		node->next = fs->root.next;
		node->prev = &fs->root;
		node->next->prev = node;
		fs->root.next = node;
	}
}

struct node *node_find(struct fs *fs, const char *name)
{
	for (struct node *node = fs->root.next; node != &fs->root; node = node->next)
		if (strcmp(node->name, name) == 0)
			return node;
	return NULL;
}

void node_forget(struct node *node, uint64_t lookups)
{
	node->lookups -= lookups;
	if (node_is_file(node) && !node->name && node->lookups == 0 && node->open_count == 0)
		node_free(node);
}

struct node *node_find_memory(struct fs *fs, unsigned mm_id)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", mm_id);
	return node_find(fs, name);
}

struct node *node_new_memory(struct fs *fs, unsigned mm_id)
{
	bool fixed = fs->cfg->opts->read_only || memory_refuses(fs, (int)mm_id);
	struct node *node;
	char name[8];

	snprintf(name, sizeof(name), "%u", mm_id);
	node = node_new(fs, NODE_MEMORY, name, S_IFREG | (fixed ? 0444 : 0666));
	if (node)
		node->mm_id = mm_id;
	return node;
}

void node_stat(struct fs *fs, struct node *node, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	{
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

		if (node->ops->blocks)
			st->st_blocks = (blkcnt_t)node->ops->blocks(fs, node);
		st->st_size = (off_t)(node->ops->len ? node->ops->len(fs, node) : node->size_len);
	}
	auto_unlock pthread_mutex_t *held = lock(&node->attr_lock);

	st->st_ino = node->ino;
	st->st_mode = node->mode;
	st->st_nlink = node->links;
	st->st_uid = node->uid;
	st->st_gid = node->gid;
	st->st_atim = node->atime;
	st->st_mtim = node->mtime;
	st->st_ctim = node->ctime;
	st->st_blksize = MM_PAGE_LEN;
	if (node->ops->stat)
		node->ops->stat(fs, node, st);
}

void node_stat_times(struct fs *fs, unsigned mm_id, struct stat *st)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	auto_unlock pthread_mutex_t *attr_held = NULL;
	struct node *node = node_find_memory(fs, mm_id);

	if (!node)
		return;
	attr_held = lock(&node->attr_lock);
	st->st_atim = node->atime;
	st->st_mtim = node->mtime;
	st->st_ctim = node->ctime;
}

bool node_is_written(struct fs *fs, unsigned mm_id)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct node *node = node_find_memory(fs, mm_id);

	return node && node->writers > 0;
}
