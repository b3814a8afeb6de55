// SPDX-License-Identifier: MIT
/*
 * What is on disk when a call returns: fsync of one file, and the sync of the whole mount that
 * 'canisterfs umount' asks for. The kernel tells of a failed write once, and lets syncfs return
 * before it has written back; so neither is left to the kernel alone.
 */
#include "fusefs/core/fs.h"

/* An fsync that has failed fails again until all is written: the kernel has forgotten by then. */
static int write_rest(struct fs *fs, struct node *node, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = NULL;
	int rc;

	if (!node->unwritten.any)
		return 0;
	held = lock_exclusive(&node->lock);
	rc = unwritten_retry(fs, node, NULL, err);
	if (rc)
		fs_log(fs, "%s: fsync: %s", fs->cfg->image_path, err->text);
	return rc;
}

int fs_sync_file(struct fs *fs, struct node *node, bool data_only, struct err *err)
{
	int rc = write_rest(fs, node, err);
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);

	return rc ? rc : content_sync(fs, node, data_only, err);
}

/* What scratch files hold, and their names. tree_lock held. */
static int sync_scratch(struct fs *fs, struct err *err)
{
	int rc = 0;

	for (struct node *n = fs->root.next; !rc && n != &fs->root; n = n->next)
		if (n->kind == NODE_SCRATCH)
			rc = content_sync(fs, n, false, err);
	if (!rc)
		rc = scratch_sync_names(fs);
	return rc;
}

int fs_sync(struct fs *fs, struct err *err)
{
	int rc;

	fs_flush(fs, false);
	rc = unwritten_retry_all(fs, err);
	if (!rc) {
		auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

		rc = sync_scratch(fs, err);
	}
	return rc ? rc : mm_sync(fs->mm, err);
}
