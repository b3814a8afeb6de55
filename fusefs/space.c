// SPDX-License-Identifier: MIT
/*
 * The operations on where data is: fallocate, lseek for data and holes, copies inside the mount.
 */
#include <fcntl.h>
#include <linux/falloc.h>

#include "fusefs/ops.h"

static int allocate(struct fs *fs, struct node *node, int mode, uint64_t off, uint64_t len,
		    struct err *err)
{
	uint64_t end;
	int rc = 0;

	if (add_overflows(off, len, &end))
		return -EFBIG;
	switch (mode) {
	case 0:
		return content_reserve(fs, node, off, len, err);
	case FALLOC_FL_KEEP_SIZE:
		/* A memory has no pages behind its end that could be kept for it. */
		return end <= node->size_len ? content_reserve(fs, node, off, len, err)
					     : -EOPNOTSUPP;
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
		return content_zero(fs, node, off, len, err);
	case FALLOC_FL_ZERO_RANGE:
		rc = content_zero(fs, node, off, len, err);
		return !rc && end > node->size_len ? content_truncate(fs, node, end, err) : rc;
	default:
		return -EOPNOTSUPP;
	}
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	struct err err = {""};
	int rc;

	{
		auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&node->lock);

		rc = allocate(fs, node, mode, (uint64_t)off, (uint64_t)len, &err);
	}
	fs_reply(req, rc, &err);
}

static int seek(struct fs *fs, struct node *node, uint64_t off, int whence, uint64_t *found,
		struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);
	uint64_t start, end;
	int rc;

	if (off >= node->size_len)
		return -ENXIO;
	rc = content_next_data(fs, node, off, &start, &end, err);
	if (rc)
		return rc;
	if (whence == SEEK_DATA) {
		*found = start;
		return start == end ? -ENXIO : 0;
	}
	*found = off;
	while (!rc && start == *found && start < end) {
		*found = end;
		rc = content_next_data(fs, node, end, &start, &end, err);
	}
	return rc;
}

static void reply_seek(fuse_req_t req, struct node *node, off_t off, int whence)
{
	struct err err = {""};
	uint64_t found = 0;
	int rc = seek(fs_of(req), node, (uint64_t)off, whence, &found, &err);

	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_lseek(req, (off_t)found);
}

struct late_seek {
	fuse_req_t req;
	struct node *node;
	off_t off;
	int whence;
};

static void *flush_and_seek(void *arg)
{
	struct late_seek seek = *(struct late_seek *)arg;
	int rc = fs_flush_file(fs_of(seek.req), seek.node);

	free(arg);
	/* -EINVAL: as on a file system that knows no holes; the caller reads all. */
	if (rc)
		fs_reply(seek.req, rc, NULL);
	else
		reply_seek(seek.req, seek.node, seek.off, seek.whence);
	return NULL;
}

/*
 * The kernel asks without writing back first, and would take data that is still in its cache for a
 * hole. While somebody may write, it is made to write back: by a thread of its own, since the
 * kernel waits for the workers to take what it writes.
 */
void file_lseek(fuse_req_t req, struct node *node, off_t off, int whence)
{
	struct late_seek *late;
	pthread_t thread;

	if (node->writers == 0) {
		reply_seek(req, node, off, whence);
		return;
	}
	late = malloc(sizeof(*late));
	if (late)
		*late = (struct late_seek){req, node, off, whence};
	if (!late || pthread_create(&thread, NULL, flush_and_seek, late)) {
		free(late);
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	pthread_detach(thread);
}

/* The kernel has written both ranges back. A short copy is an answer: the caller asks again. */
void op_copy_file_range(fuse_req_t req, fuse_ino_t in_ino, off_t in_off,
			struct fuse_file_info *in_fi, fuse_ino_t out_ino, off_t out_off,
			struct fuse_file_info *out_fi, size_t len, int flags)
{
	enum { STEP_LEN = 1 << 20 };
	struct fs *fs = fs_of(req);
	struct node *in = node_of(fs, in_ino);
	struct node *out = node_of(fs, out_ino);
	auto_free char *buf = malloc(STEP_LEN);
	struct err err = {""};
	size_t got = 0;
	int rc = buf ? 0 : -ENOMEM;

	/* Where pages are counted, the kernel copies by reading and writing. */
	if (!rc && (!node_is_file(in) || !node_is_file(out) || fs->account))
		rc = -EOPNOTSUPP;
	if (!rc) {
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&in->lock);

		rc = content_read(fs, in, buf, MIN(len, (size_t)STEP_LEN), (uint64_t)in_off, &got,
				  &err);
	}
	if (!rc && got > 0) {
		auto_rw_unlock pthread_rwlock_t *held = lock_shared(&out->lock);

		rc = content_write(fs, out, buf, got, (uint64_t)out_off, &err);
	}
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_write(req, got);
}
