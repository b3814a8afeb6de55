// SPDX-License-Identifier: MIT
/*
 * What goes back: to the kernel as an answer, to people as a line of the log.
 */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "fusefs/core/fs.h"

void fs_log(const struct fs *fs, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (fs->in_background) {
		vsyslog(LOG_ERR, fmt, args);
	} else {
		flockfile(stderr);
		fprintf(stderr, "canisterfs: ");
		vfprintf(stderr, fmt, args);
		fprintf(stderr, "\n");
		funlockfile(stderr);
	}
	va_end(args);
}

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
		entry.ino = node->kind == NODE_STABLE ? node_stable_id((uint64_t)entry.attr.st_size)
						      : node_id(fs, node);
		entry.attr_timeout = attr_timeout(node);
		entry.entry_timeout = MIN(entry.entry_timeout, entry.attr_timeout);
		node->lookups++;
	}
	/* -ENOENT: a signal has ended the caller's wait, and no forget will follow. */
	if (fuse_reply_entry(req, &entry) == -ENOENT && node)
		node->lookups--;
}
