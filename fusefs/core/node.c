// SPDX-License-Identifier: MIT
/*
 * The nodes of a mount: what stands under which name, and how long it must be kept. Nothing here
 * touches content. tree_lock guards everything but the attributes.
 */
#include <stdio.h>
#include <time.h>

#include "fusefs/by_name.h"
#include "fusefs/records/records.h"
#include "fusefs/snap/snap.h"

enum {
	INO_CONTROL = 2,
	INO_STABLE = 3,
	INO_INFO = 4,
	INO_BESIDE = 5, /* and the next FS_BESIDE_MAX - 1; 9 is records.c's */
	INO_FIRST_FILE = 16,
};

/* No address has this bit, and no record's number is even. */
#define STABLE_ID (UINT64_C(1) << 62)

void cleanup_mutex(pthread_mutex_t **held)
{
	if (*held)
		pthread_mutex_unlock(*held);
}

void cleanup_rwlock(pthread_rwlock_t **held)
{
	if (*held)
		pthread_rwlock_unlock(*held);
}

struct node *node_of(struct fs *fs, fuse_ino_t ino)
{
	if (record_has_id(ino))
		return record_node(fs);
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

bool name_is_reserved(const struct fs *fs, const char *name)
{
	return strcmp(name, ".canister") == 0 || scratch_name_is_ours(name) ||
	       snapdir_is_folder(fs, name) || by_name_folder(fs, name);
}

bool node_is_file(const struct node *node)
{
	return node->kind == NODE_MEMORY || node->kind == NODE_SCRATCH;
}

void node_init(const struct fs *fs, struct node *node, enum node_kind kind, ino_t ino, mode_t mode)
{
	mode_t open = fs->cfg->mode;

	if (S_ISDIR(mode))
		open |= (open & 0444) >> 2;
	if (!S_ISLNK(mode))
		mode &= S_IFMT | open;
	node->kind = kind;
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
	node_init(fs, node, kind, fs->next_ino++, mode);
	node_set_name(fs, node, copy);
	return node;
}

static void free_node(struct node *node)
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
		free_node(node);
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

static int add_memories(struct fs *fs, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;
		struct node *node;

		mm_memory(fs->mm, id, &m);
		if (m.pages == 0 && m.buckets == 0)
			continue;
		node = node_new_memory(fs, id);
		if (!node)
			return err_set(err, -ENOMEM, "no memory for the file of memory %u", id);
		node->size_len = m.pages * MM_PAGE_LEN;
	}
	return 0;
}

/* The files are as old as the image. */
static void set_times(struct fs *fs, const struct stat *image)
{
	for (struct node *node = fs->root.next; node != &fs->root; node = node->next) {
		node->atime = image->st_atim;
		node->mtime = image->st_mtim;
		node->ctime = image->st_ctim;
	}
}

int nodes_init(struct fs *fs, struct err *err)
{
	struct stat image;
	int rc;

	pthread_mutex_init(&fs->tree_lock, NULL);
	node_init(fs, &fs->root, NODE_ROOT, FUSE_ROOT_ID, S_IFDIR | 0777);
	node_init(fs, &fs->control, NODE_CONTROL, INO_CONTROL, S_IFDIR | 0555);
	node_init(fs, &fs->stable, NODE_STABLE, INO_STABLE, S_IFREG | 0444);
	node_init(fs, &fs->info, NODE_INFO, INO_INFO, S_IFREG | 0444);
	while (fs->cfg->beside && fs->cfg->beside[fs->beside_count].name) {
		node_init(fs, &fs->beside[fs->beside_count], NODE_BESIDE,
			  INO_BESIDE + fs->beside_count, S_IFREG | 0444);
		fs->beside_count++;
	}
	snapdir_init(fs);
	fs->next_ino = INO_FIRST_FILE;
	rc = records_init(fs, err);
	if (!rc)
		rc = by_name_init(fs, err);
	if (!rc)
		rc = add_memories(fs, err);
	if (!rc && stat(fs->cfg->image_path, &image) == 0)
		set_times(fs, &image);
	return rc;
}

void nodes_clear(struct fs *fs)
{
	snapdir_clear(fs);
	records_clear(fs);
	by_name_clear(fs);
	while (fs->root.next != &fs->root) {
		struct node *node = fs->root.next;

		node_set_name(fs, node, NULL);
		free_node(node);
	}
}

static uint64_t image_len(struct fs *fs)
{
	auto_mm_pin struct mm *mm = fs->mm;

	mm_pin(mm);
	return fs->store->len;
}

static uint64_t len_of(struct fs *fs, struct node *node)
{
	return node->kind == NODE_STABLE ? image_len(fs) : node->size_len;
}

/* The host's file is another than the image: nobody gets to see more of it than on the host. */
static void stat_beside(struct fs *fs, const struct node *node, struct stat *st)
{
	auto_close int fd = control_open_beside(fs, node);
	struct stat host;

	if (fd < 0 || fstat(fd, &host) < 0) {
		st->st_mode = S_IFREG;
		return;
	}
	st->st_size = host.st_size;
	st->st_blocks = host.st_blocks;
	if (fs->cfg->opts->mode_set)
		return;
	st->st_mode &= S_IFMT | host.st_mode;
	st->st_uid = host.st_uid;
	st->st_gid = host.st_gid;
}

void node_stat(struct fs *fs, struct node *node, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	{
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

		st->st_blocks = (blkcnt_t)node_blocks(fs, node);
		st->st_size = (off_t)len_of(fs, node);
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
	if (node->kind == NODE_BESIDE)
		stat_beside(fs, node, st);
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
