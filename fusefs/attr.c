// SPDX-License-Identifier: MIT
/*
 * The operations on attributes: stat and its changes, file system totals, extended attributes.
 */
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "fusefs/by_name.h"
#include "fusefs/ops.h"

static void reply_attr(fuse_req_t req, struct node *node)
{
	struct stat st;

	node_stat(fs_of(req), node, &st);
	fuse_reply_attr(req, &st, attr_timeout(node));
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_of(fs_of(req), ino);

	if (node->ops->getattr)
		node->ops->getattr(req, ino);
	else
		reply_attr(req, node);
}

static void set_attributes(struct node *node, const struct stat *attr, int to_set)
{
	auto_unlock pthread_mutex_t *held = lock(&node->attr_lock);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (to_set & FUSE_SET_ATTR_MODE)
		node->mode = (node->mode & S_IFMT) | (attr->st_mode & MODE_BITS);
	if (to_set & FUSE_SET_ATTR_UID)
		node->uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		node->gid = attr->st_gid;
	if (to_set & FUSE_SET_ATTR_ATIME)
		node->atime = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : attr->st_atim;
	if (to_set & FUSE_SET_ATTR_MTIME)
		node->mtime = to_set & FUSE_SET_ATTR_MTIME_NOW ? now : attr->st_mtim;
	else if (to_set & FUSE_SET_ATTR_SIZE)
		node->mtime = now;
	node->ctime = to_set & FUSE_SET_ATTR_CTIME ? attr->st_ctim : now;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *node = node_of(fs, ino);
	struct err err = {""};
	int rc = 0;

	if (fs->cfg->opts->read_only)
		rc = -EROFS;
	else if (node->ops->refuses)
		rc = node->ops->refuses;
	else if (node->kind == NODE_MEMORY && !fs_is_errand(req))
		rc = memory_refuses(fs, (int)node->mm_id);
	if (!rc && (to_set & FUSE_SET_ATTR_SIZE)) {
		auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&node->lock);

		rc = node_is_file(node) ? content_truncate(fs, node, (uint64_t)attr->st_size, &err)
					: -EISDIR;
	}
	if (rc) {
		fs_reply(req, rc, &err);
		return;
	}
	set_attributes(node, attr, to_set);
	reply_attr(req, node);
}

static struct store_host image_host(struct fs *fs)
{
	auto_mm_pin struct mm *mm = fs->mm;

	mm_pin(mm);
	return store_host_at(fs->store, 0);
}

/* Pages, as far as the bucket table and the disk under the image both have them. */
void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	struct store_host host = image_host(fs);
	struct mm_stat ms;
	struct statvfs out = {0};
	struct statvfs disk;
	uint64_t free_pages;

	mm_stat(fs->mm, &ms);
	free_pages = fs->cfg->opts->read_only ? 0 : ms.spare_pages;
	if (free_pages > 0 && host.fd >= 0 && fstatvfs(host.fd, &disk) == 0) {
		uint64_t disk_len = (uint64_t)disk.f_bavail * disk.f_frsize;

		free_pages = MIN(free_pages, disk_len / MM_PAGE_LEN);
	}
	out.f_bsize = out.f_frsize = MM_PAGE_LEN;
	out.f_blocks = ms.cap_pages;
	out.f_bfree = out.f_bavail = free_pages;
	out.f_files = MM_MAX_MEMORIES;
	out.f_ffree = out.f_favail = MM_MAX_MEMORIES - ms.memories;
	out.f_namemax = NAME_MAX;
	fuse_reply_statfs(req, &out);
}

static const char *const xattr_names[] = {
	"user.canisterfs.id",
	"user.canisterfs.pages",
	"user.canisterfs.buckets",
};

static bool xattr_is_ours(const char *name)
{
	return strncmp(name, "user.canisterfs.", 16) == 0;
}

/* The value's length, or -ENODATA. */
static int xattr_value(struct fs *fs, struct node *node, const char *name, char *buf, size_t len)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_shared(&node->lock);
	struct mm_memory m;

	if (node->kind != NODE_MEMORY)
		return -ENODATA;
	mm_memory(fs->mm, node->mm_id, &m);
	if (strcmp(name, xattr_names[0]) == 0)
		return snprintf(buf, len, "%u", node->mm_id);
	if (strcmp(name, xattr_names[1]) == 0)
		return snprintf(buf, len, "%llu", (unsigned long long)m.pages);
	if (strcmp(name, xattr_names[2]) == 0)
		return snprintf(buf, len, "%u", m.buckets);
	return -ENODATA;
}

/* size 0 asks for the length alone. */
static void reply_xattr(fuse_req_t req, const char *value, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (size < len)
		fs_reply(req, -ERANGE, NULL);
	else
		fuse_reply_buf(req, value, len);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fs_of(req);
	char value[32];
	int len = xattr_is_ours(name)
			  ? xattr_value(fs, node_of(fs, ino), name, value, sizeof(value))
			  : -ENODATA;

	if (len < 0)
		fs_reply(req, len, NULL);
	else
		reply_xattr(req, value, (size_t)len, size);
}

/* Ours are for those who ask for them by name: they would only travel along with copies. */
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	reply_xattr(req, "", 0, size);
}

static bool is_fact(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(xattr_names); i++)
		if (strcmp(name, xattr_names[i]) == 0)
			return true;
	return false;
}

/* Facts of the file itself cannot be set. But a copy may carry those of where it was: the tool that
 * brings it back is to succeed, and the facts stay what they are. */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct fs *fs = fs_of(req);
	bool ignored = node_is_file(node_of(fs, ino)) && is_fact(name);

	fs_reply(req, ignored && !fs->cfg->opts->read_only ? 0 : -EOPNOTSUPP, NULL);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	fs_reply(req, xattr_is_ours(name) ? -EPERM : -ENODATA, NULL);
}
