// SPDX-License-Identifier: MIT
/*
 * The operations on names: look up, list, create, remove. One flat directory, and .canister, which
 * is never listed so that no tool copies it by accident.
 */
#include "fusefs/by_name.h"
#include "fusefs/ops.h"
#include "fusefs/records/records.h"
#include "fusefs/snap/snap.h"

static struct node *find_in_root(struct fs *fs, const char *name)
{
	if (strcmp(name, ".canister") == 0)
		return &fs->control;
	if (snapdir_is_folder(fs, name))
		return &fs->snap_root;
	return by_name_folder(fs, name) ? by_name_folder(fs, name) : node_find(fs, name);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);
	auto_unlock pthread_mutex_t *held = NULL;
	struct node *node;

	if (node_is_record_dir(dir)) {
		records_lookup(req, dir, name);
		return;
	}
	held = lock(&fs->tree_lock);
	if (node_is_snap(dir)) {
		snapdir_lookup(req, dir, name);
		return;
	}
	node = dir->kind == NODE_ROOT      ? find_in_root(fs, name)
	       : dir->kind == NODE_CONTROL ? control_find(fs, name)
					   : by_name_find(fs, name);
	fs_reply_node(req, node);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	struct fuse_forget_data one = {.ino = ino, .nlookup = lookups};

	op_forget_multi(req, 1, &one);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

	for (size_t i = 0; i < count; i++) {
		if (record_has_id(forgets[i].ino))
			record_forget(fs, forgets[i].ino, forgets[i].nlookup);
		else
			node_forget(node_of(fs, forgets[i].ino), forgets[i].nlookup);
	}
	fuse_reply_none(req);
}

/* A directory as it was when it was opened. An entry's offset is its number. */
struct listing {
	size_t count;
	size_t room;
	struct entry {
		ino_t ino;
		mode_t mode;
		char name[NAME_MAX + 1];
	} * entry;
};

static int list_add(void *to, const char *name, ino_t ino, mode_t mode)
{
	struct listing *list = to;
	struct entry *entry = list->entry;

	if (list->count == list->room) {
		size_t room = 2 * list->room + 16;

		entry = realloc(list->entry, room * sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		list->entry = entry;
		list->room = room;
	}
	entry += list->count++;
	*entry = (struct entry){.ino = ino, .mode = mode};
	strcpy(entry->name, name);
	return 0;
}

static int list_root(struct fs *fs, struct listing *list)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct node *by_name = by_name_folder(fs, "by-name");
	int rc = by_name ? list_add(list, "by-name", by_name->ino, S_IFDIR) : 0;

	for (struct node *node = fs->root.next; !rc && node != &fs->root; node = node->next)
		rc = list_add(list, node->name, node->ino, S_IFREG);
	return rc;
}

static int list_control(struct fs *fs, struct listing *list)
{
	const char *name;
	int rc = 0;

	for (unsigned i = 0; !rc && (name = control_name(fs, i)); i++) {
		const struct node *node = control_find(fs, name);

		rc = list_add(list, name, node->ino, node->mode & S_IFMT);
	}
	return rc;
}

static void list_free(struct listing *list)
{
	if (list)
		free(list->entry);
	free(list);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, ino);
	struct listing *list;
	int rc;

	if (node_is_record_dir(dir)) {
		records_opendir(req, dir, fi);
		return;
	}
	list = calloc(1, sizeof(*list));
	rc = list ? 0 : -ENOMEM;
	if (!rc)
		rc = list_add(list, ".", dir->ino, S_IFDIR);
	if (!rc)
		rc = list_add(list, "..", FUSE_ROOT_ID, S_IFDIR);
	if (!rc && node_is_snap(dir))
		rc = snapdir_list(fs, dir, list_add, list);
	else if (!rc)
		rc = dir->kind == NODE_ROOT      ? list_root(fs, list)
		     : dir->kind == NODE_CONTROL ? list_control(fs, list)
						 : by_name_list(fs, list_add, list);
	if (rc) {
		list_free(list);
		fs_reply(req, rc, NULL);
		return;
	}
	fi->fh = (uintptr_t)list;
	/* A signal has ended the caller's wait; no release will follow. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		list_free(list);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct listing *list = (const struct listing *)(uintptr_t)fi->fh;
	struct node *dir = node_of(fs_of(req), ino);
	auto_free char *buf = NULL;
	size_t len = 0;

	if (node_is_record_dir(dir)) {
		records_readdir(req, dir, size, off, fi);
		return;
	}
	buf = malloc(size);
	if (!buf) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	for (size_t i = (size_t)off; i < list->count; i++) {
		const struct entry *entry = &list->entry[i];
		struct stat st = {.st_ino = entry->ino, .st_mode = entry->mode};
		size_t need = fuse_add_direntry(req, buf + len, size - len, entry->name, &st,
						(off_t)i + 1);

		if (need > size - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, buf, len);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (node_is_record_dir(node_of(fs_of(req), ino))) {
		records_releasedir(req, fi);
		return;
	}
	list_free((struct listing *)(uintptr_t)fi->fh);
	fs_reply(req, 0, NULL);
}

/* Why no file of this name can be made in this directory, or 0. */
static int refuse_name(struct fs *fs, fuse_ino_t parent, const char *name)
{
	if (fs->cfg->opts->read_only || node_is_snap(node_of(fs, parent)))
		return -EROFS;
	if (node_of(fs, parent)->kind != NODE_ROOT || name_is_reserved(fs, name))
		return -EPERM;
	if (name_is_no_id(name))
		return -EINVAL;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* A new empty file, with tree_lock held. */
static int make_file(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		     struct node **out, struct err *err)
{
	struct fs *fs = fs_of(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	int id = name_to_id(name);
	auto_close int fd = -1;
	struct node *node;
	int rc = refuse_name(fs, parent, name);

	if (!rc && node_find(fs, name))
		rc = -EEXIST;
	if (!rc)
		rc = memory_refuses(fs, id);
	if (!rc && id < 0)
		rc = scratch_open(fs, &fd, err);
	if (!rc && id < 0)
		rc = scratch_name(fs, fd, name, err);
	if (rc)
		return rc;
	node = node_new(fs, id < 0 ? NODE_SCRATCH : NODE_MEMORY, name,
			S_IFREG | (mode & MODE_BITS));
	if (!node)
		return -ENOMEM;
	node->mm_id = id < 0 ? 0 : (unsigned)id;
	node->fd = steal_fd(&fd);
	node->uid = ctx->uid;
	node->gid = ctx->gid;
	node_touch(&fs->root);
	*out = node;
	return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	struct fuse_entry_param entry = {.attr_timeout = FS_TIMEOUT, .entry_timeout = FS_TIMEOUT};
	struct err err = {""};
	struct node *node = NULL;
	int rc = make_file(req, parent, name, mode, &node, &err);

	if (rc) {
		fs_reply(req, rc, &err);
		return;
	}
	entry.ino = node_id(fs, node);
	node_stat(fs, node, &entry.attr);
	node->lookups++;
	file_opened(node, fi);
	/* -ENOENT: a signal has ended the caller's wait; neither release nor forget will follow. */
	if (fuse_reply_create(req, &entry, fi) == -ENOENT) {
		node->lookups--;
		file_closed(node, fi);
	}
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	struct err err = {""};
	struct node *node = NULL;
	int rc = S_ISREG(mode) ? make_file(req, parent, name, mode, &node, &err) : -EPERM;

	if (rc)
		fs_reply(req, rc, &err);
	else
		fs_reply_node(req, node);
}

/* The place for names is flat, and holds files alone; but a directory in .snap is a snapshot. */
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);

	if (fs->cfg->opts->read_only)
		fs_reply(req, -EROFS, NULL);
	else if (node_is_snap(dir))
		snapdir_mkdir(req, dir, name);
	else
		fs_reply(req, -EPERM, NULL);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);

	if (fs->cfg->opts->read_only)
		fs_reply(req, -EROFS, NULL);
	else if (node_is_snap(dir))
		snapdir_rmdir(req, dir, name);
	else
		fs_reply(req,
			 dir->kind == NODE_ROOT && !name_is_reserved(fs, name) ? -ENOTDIR : -EPERM,
			 NULL);
}

void op_refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	fs_reply(req, fs_of(req)->cfg->opts->read_only ? -EROFS : -EPERM, NULL);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	struct node *node = node_find(fs, name);
	struct err err = {""};
	int rc = refuse_name(fs, parent, name);

	if (!rc && !node)
		rc = -ENOENT;
	/* What is left of a removed memory may go. */
	if (!rc && memory_refuses(fs, name_to_id(name)) == -EROFS)
		rc = -EROFS;
	if (!rc)
		rc = node_empty(fs, node, &err);
	if (!rc) {
		scratch_unname(fs, name);
		node_set_name(fs, node, NULL);
		node_forget(node, 0);
		node_touch(&fs->root);
		scratch_note_lengths(fs);
	}
	fs_reply(req, rc, &err);
}
