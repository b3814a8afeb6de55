// SPDX-License-Identifier: MIT
/*
 * Answers to the kernel.
 */
#include "fusefs/core/fs.h"

void fs_reply(fuse_req_t req, int rc, const struct err *err)
{
	bool is_ours =
		rc == -EIO || rc == -EUCLEAN || rc == -EBADMSG || rc == -ENOMEM || rc == -EDOM;

	if (is_ours && err && err->text[0])
		fs_log(fs_of(req), "%s: %s", fs_of(req)->cfg->image_path, err->text);
	fuse_reply_err(req, -rc);
}

void fs_reply_node(fuse_req_t req, struct node *node)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry = {.entry_timeout = FS_TIMEOUT};

	if (node) {
		node_stat(fs, node, &entry.attr);
		entry.ino = node == &fs->stable ? node_stable_id((uint64_t)entry.attr.st_size)
						: node_id(fs, node);
		entry.attr_timeout = attr_timeout(node);
		entry.entry_timeout = MIN(entry.entry_timeout, entry.attr_timeout);
		node->lookups++;
	}
	/* -ENOENT: a signal has ended the caller's wait, and no forget will follow. */
	if (fuse_reply_entry(req, &entry) == -ENOENT && node)
		node->lookups--;
}
