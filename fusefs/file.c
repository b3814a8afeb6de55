// SPDX-License-Identifier: MIT
/*
 * The operations on open files' bytes: open, write, sync, release; read.c reads.
 */
#include <fcntl.h>

#include "fusefs/by_name.h"
#include "fusefs/core/account.h"
#include "fusefs/ops.h"
#include "fusefs/view/passthrough.h"

static bool for_writing(const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) != O_RDONLY;
}

void file_opened(struct fs *fs, struct node *node, struct fuse_file_info *fi)
{
	node->open_count++;
	if (for_writing(fi))
		node->writers++;
	fi->direct_io = node->backing_id && !passthrough_takes(node, fi);
	if (fs->account && node->kind == NODE_MEMORY)
		fi->direct_io = !fs->account->cached;
	fi->keep_cache = !fi->direct_io && !fs->account;
}

void file_closed(struct node *node, const struct fuse_file_info *fi)
{
	node->open_count--;
	if (for_writing(fi))
		node->writers--;
	node_forget(node, 0);
}

/* The kernel leaves O_TRUNC to us, and takes the file for empty from then on. */
static int open_file(struct fs *fs, struct node *node, const struct fuse_file_info *fi,
		     struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = NULL;

	if (fs->cfg->opts->read_only && for_writing(fi))
		return -EROFS;
	if (node->kind == NODE_MEMORY && (for_writing(fi) || (fi->flags & O_TRUNC))) {
		int rc = memory_refuses(fs, (int)node->mm_id);

		if (rc)
			return rc;
	}
	if (!(fi->flags & O_TRUNC))
		return 0;
	held = lock_exclusive(&node->lock);
	return content_truncate(fs, node, 0, err);
}

static void open_op(fuse_req_t req, fuse_ino_t ino, struct node *node, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	struct err err = {""};
	int rc = open_file(fs, node, fi, &err);

	if (rc) {
		fs_reply(req, rc, &err);
		return;
	}
	file_opened(fs, node, fi);
	if (fs_is_errand(req))
		fi->keep_cache = !fs->errand_drops;
	rc = passthrough_takes(node, fi) ? passthrough_reply_open(req, node, fi)
					 : fuse_reply_open(req, fi);
	/* -ENOENT: a signal has ended the caller's wait, and no release will follow. */
	if (rc == -ENOENT)
		file_closed(node, fi);
}

static void release_op(fuse_req_t req, fuse_ino_t ino, struct node *node,
		       const struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	bool written = for_writing(fi) && node->writers == 1;

	file_closed(node, fi);
	/* What the host holds of it is known only now: the kernel is to ask. */
	if (written)
		fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
	fs_reply(req, 0, NULL);
}

/* In units of 512 bytes. */
static uint64_t blocks(struct fs *fs, struct node *node)
{
	struct stat st;

	if (node->kind == NODE_MEMORY)
		return node_count_blocks(fs, node, content_next_data);
	return fstat(node->fd, &st) == 0 ? (uint64_t)st.st_blocks : 0;
}

const struct node_ops file_ops = {
	.open = open_op,
	.read = file_read,
	.lseek = file_lseek,
	.release = release_op,
	.blocks = blocks,
};

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	struct err err = {""};
	int rc;

	{
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

		rc = content_write(fs, node, buf, size, (uint64_t)off, &err);
		/* Else it is write(2) itself that returns the error, and nothing was written. */
		if (rc && fi->writepage)
			unwritten_add(fs, node, buf, size, (uint64_t)off, rc);
	}
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_write(req, size);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	struct err err = {""};
	int rc = fs_is_errand(req) || !node_is_file(node) ? 0
							  : fs_sync_file(fs, node, datasync, &err);

	fs_reply(req, rc, &err);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct err err = {""};
	int rc;

	{
		auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

		rc = scratch_sync_names(fs);
	}
	fs_reply(req, rc ? rc : mm_sync_data(fs->mm, &err), &err);
}
