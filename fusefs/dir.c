// SPDX-License-Identifier: MIT
/*
 * The root directory: one flat place for names. The folder .canister is never listed, so that no
 * tool copies it by accident.
 */
#include "fusefs/by_name.h"
#include "fusefs/ops.h"
#include "fusefs/records/records.h"

static struct node *find_in_root(struct fs *fs, struct node *dir, const char *name)
{
	if (strcmp(name, ".canister") == 0)
		return &fs->control;
	if (name_is_snap_dir(fs, name))
		return &fs->snap_root;
	return by_name_folder(fs, name) ? by_name_folder(fs, name) : node_find(fs, name);
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

static int list_root(struct fs *fs, struct node *dir, list_add_fn *add, void *list)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct node *by_name = by_name_folder(fs, "by-name");
	int rc = by_name ? add(list, "by-name", by_name->ino, S_IFDIR) : 0;

	for (struct node *node = dir->next; !rc && node != dir; node = node->next)
		rc = add(list, node->name, node->ino, S_IFREG);
	return rc;
}

/* There are no directories in it but those that always are. */
static void refuse_rmdir(fuse_req_t req, struct node *dir, const char *name)
{
	fs_reply(req, name_is_reserved(fs_of(req), name) ? -EPERM : -ENOTDIR, NULL);
}

const struct node_ops root_ops = {
	.find = find_in_root,
	.list = list_root,
	.rmdir = refuse_rmdir,
};

/* Why no file of this name can be made in this directory, or 0. */
static int refuse_name(struct fs *fs, fuse_ino_t parent, const char *name)
{
	if (fs->cfg->opts->read_only)
		return -EROFS;
	if (node_of(fs, parent)->ops->refuses)
		return node_of(fs, parent)->ops->refuses;
	if (name_is_reserved(fs, name))
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
	file_opened(fs, node, fi);
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
