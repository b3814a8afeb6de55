// SPDX-License-Identifier: MIT
/*
 * The requests that each kind of node answers in its own way: hands each to the operation in the
 * node's table (struct node_ops), or to that of the open handle, and refuses what is in neither.
 */
#include "fusefs/ops.h"

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);
	auto_unlock pthread_mutex_t *held = NULL;

	if (dir->ops->lookup) {
		dir->ops->lookup(req, dir, name);
		return;
	}
	held = lock(&fs->tree_lock);
	fs_reply_node(req, dir->ops->find(fs, dir, name));
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *dir = node_of(fs_of(req), ino);

	if (dir->ops->opendir)
		dir->ops->opendir(req, dir, fi);
	else
		listing_open(req, dir, fi);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);

	h->ops->readdir(req, node_of(fs_of(req), ino), h, size, off);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);

	h->ops->release(req, h);
}

static int why_refused(const struct node *node)
{
	return node->ops->refuses ? node->ops->refuses : -EPERM;
}

/* The place for names is flat, and holds files alone; but a directory in .snap is a snapshot. */
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);

	if (fs->cfg->opts->read_only)
		fs_reply(req, -EROFS, NULL);
	else if (dir->ops->mkdir)
		dir->ops->mkdir(req, dir, name);
	else
		fs_reply(req, why_refused(dir), NULL);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct node *dir = node_of(fs, parent);

	if (fs->cfg->opts->read_only)
		fs_reply(req, -EROFS, NULL);
	else if (dir->ops->rmdir)
		dir->ops->rmdir(req, dir, name);
	else
		fs_reply(req, why_refused(dir), NULL);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_of(fs_of(req), ino);

	fi->fh = 0;
	node->ops->open(req, ino, node, fi);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct node *node = node_of(fs_of(req), ino);
	struct handle *h = handle_of(fi);

	if (h)
		h->ops->read(req, h, size, off);
	else
		node->ops->read(req, ino, node, size, off);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_of(fs_of(req), ino);
	struct handle *h = handle_of(fi);

	if (h)
		h->ops->release(req, h);
	else if (node->ops->release)
		node->ops->release(req, ino, node, fi);
	else
		fs_reply(req, 0, NULL);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct node *node = node_of(fs_of(req), ino);

	if (node->ops->lseek)
		node->ops->lseek(req, node, off, whence);
	else
		fs_reply(req, -EINVAL, NULL);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_len, size_t out_len)
{
	struct handle *h = handle_of(fi);

	if (h && h->ops->ioctl)
		h->ops->ioctl(req, h, cmd, in, in_len, out_len);
	else
		fs_reply(req, -ENOTTY, NULL);
}
