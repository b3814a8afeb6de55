// SPDX-License-Identifier: MIT
/*
 * The operations on open files' bytes: open, read, write, sync, release.
 */
#include <fcntl.h>

#include "fusefs/ops.h"

void file_opened(struct node *node, struct fuse_file_info *fi)
{
	node->open_count++;
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		node->writers++;
	fi->keep_cache = 1;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

	if (!node_is_file(node)) {
		control_open(req, node, fi);
		return;
	}
	if (fs->cfg->opts->read_only && (fi->flags & O_ACCMODE) != O_RDONLY) {
		fs_reply(req, -EROFS, NULL);
		return;
	}
	file_opened(node, fi);
	fuse_reply_open(req, fi);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

	if (node_is_file(node)) {
		node->open_count--;
		if ((fi->flags & O_ACCMODE) != O_RDONLY)
			node->writers--;
		node_forget(node, 0);
	} else {
		control_release(node, fi);
	}
	fs_reply(req, 0, NULL);
}

/* A buffer of each worker's own, as large as its largest request so far. */
static _Thread_local struct {
	char *buf;
	size_t len;
} worker;
static pthread_key_t worker_key; /* frees it when the thread ends */
static pthread_once_t worker_once = PTHREAD_ONCE_INIT;

static void make_worker_key(void)
{
	pthread_key_create(&worker_key, free);
}

static char *worker_buffer(size_t len)
{
	if (worker.len < len) {
		pthread_once(&worker_once, make_worker_key);
		free(worker.buf);
		worker.buf = malloc(len);
		worker.len = worker.buf ? len : 0;
		pthread_setspecific(worker_key, worker.buf);
	}
	return worker.buf;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	struct err err = {""};
	char *buf;
	size_t got = 0;
	int rc;

	if (!node_is_file(node)) {
		control_read(req, node, size, off, fi);
		return;
	}
	buf = worker_buffer(size);
	if (!buf) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	{
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

		rc = content_read(fs, node, buf, size, (uint64_t)off, &got, &err);
	}
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_buf(req, buf, got);
}

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
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

	fs_reply(req, content_sync(fs, node, &err), &err);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct err err = {""};

	fs_reply(req, mm_sync(fs_of(req)->mm, &err), &err);
}
