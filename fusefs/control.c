// SPDX-License-Identifier: MIT
/*
 * What stands in .canister: facts about the image, read-only, never from the kernel's cache.
 */
#include <fcntl.h>

#include "fusefs/ops.h"
#include "fusefs/records/records.h"
#include "fusefs/snap/snap.h"

static const char *const names[] = {"info.json", "records", "stable"};

const char *control_name(struct fs *fs, unsigned n)
{
	if (n < ARRAY_LEN(names))
		return names[n];
	n -= (unsigned)ARRAY_LEN(names);
	return n < fs->beside_count ? fs->cfg->beside[n].name : NULL;
}

int control_open_beside(struct fs *fs, const struct node *node)
{
	const struct fs_beside *beside = &fs->cfg->beside[node - fs->beside];

	return open_file_beneath(beside->dir, beside->file, O_RDONLY, NULL);
}

struct node *control_find(struct fs *fs, const char *name)
{
	if (strcmp(name, "info.json") == 0)
		return &fs->info;
	if (strcmp(name, "records") == 0)
		return records_root(fs);
	if (strcmp(name, "stable") == 0)
		return &fs->stable;
	for (unsigned i = 0; i < fs->beside_count; i++)
		if (strcmp(name, fs->cfg->beside[i].name) == 0)
			return &fs->beside[i];
	return NULL;
}

/* A text as it was when it was opened. */
struct text {
	char *buf;
	size_t len;
};

static void drop_text(struct text *text)
{
	free(text->buf);
	free(text);
}

/* No release follows an answer of -ENOENT: a signal has ended the caller's wait. Opened anew each
 * time: what stands under the path may have been replaced. */
static void open_beside(fuse_req_t req, struct node *node, struct fuse_file_info *fi)
{
	int fd = control_open_beside(fs_of(req), node);

	if (fd < 0) {
		fs_reply(req, fd, NULL);
		return;
	}
	fi->fh = (uint64_t)fd;
	if (fuse_reply_open(req, fi) == -ENOENT)
		close(fd);
}

static void read_beside(fuse_req_t req, int fd, size_t size, off_t off)
{
	auto_free char *buf = malloc(MAX(size, (size_t)1));
	ssize_t n = buf ? pread(fd, buf, size, off) : -1;

	if (n < 0)
		fs_reply(req, buf ? -errno : -ENOMEM, NULL);
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

void control_open(fuse_req_t req, struct node *node, struct fuse_file_info *fi)
{
	const struct fs_config *cfg = fs_of(req)->cfg;
	struct err err = {""};
	struct text *text;
	int rc;

	if (node_is_snap(node)) {
		snapdir_open(req, node, fi);
		return;
	}
	/* The modes say so too, but root passes them. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		fs_reply(req, -EACCES, NULL);
		return;
	}
	fi->direct_io = 1;
	if (node->kind == NODE_BESIDE) {
		open_beside(req, node, fi);
		return;
	}
	if (node->kind == NODE_STABLE) {
		snapdir_open_stable(req, fi);
		return;
	}
	text = calloc(1, sizeof(*text));
	rc = text ? cfg->info_json(cfg->info_ctx, &fs_of(req)->passthrough, &text->buf, &text->len,
				   &err)
		  : -ENOMEM;
	if (rc) {
		free(text);
		fs_reply(req, rc, &err);
		return;
	}
	fi->fh = (uintptr_t)text;
	if (fuse_reply_open(req, fi) == -ENOENT)
		drop_text(text);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_len, size_t out_len)
{
	if (node_of(fs_of(req), ino)->kind == NODE_STABLE)
		snapdir_ioctl(req, fi, cmd, in, in_len, out_len);
	else
		fs_reply(req, -ENOTTY, NULL);
}

void control_release(fuse_req_t req, struct node *node, struct fuse_file_info *fi)
{
	if (node->kind == NODE_STABLE) {
		snapdir_release_stable(req, fi);
		return;
	}
	if (node->kind == NODE_BESIDE)
		close((int)fi->fh);
	else if (node->kind == NODE_INFO)
		drop_text((struct text *)(uintptr_t)fi->fh);
	fs_reply(req, 0, NULL);
}

static void read_stable(fuse_req_t req, size_t size, uint64_t off)
{
	struct fs *fs = fs_of(req);
	auto_free char *buf = malloc(MAX(size, (size_t)1));
	auto_mm_pin struct mm *mm = fs->mm;
	struct err err = {""};
	int rc = buf ? 0 : -ENOMEM;

	mm_pin(mm);
	size = off < fs->store->len ? MIN((uint64_t)size, fs->store->len - off) : 0;
	if (!rc && size > 0)
		rc = store_read(fs->store, buf, size, off, &err);
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_buf(req, buf, size);
}

/* From a copy: the answer lets the reader close the file, which frees the text, before
 * fuse_reply_buf itself has returned. */
static void read_text(fuse_req_t req, const struct text *text, size_t size, size_t off)
{
	size_t len = off < text->len ? MIN(size, text->len - off) : 0;
	auto_free char *copy = malloc(len + 1);

	if (!copy) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	if (len > 0)
		memcpy(copy, text->buf + off, len);
	fuse_reply_buf(req, copy, len);
}

void control_read(fuse_req_t req, struct node *node, size_t size, off_t off,
		  struct fuse_file_info *fi)
{
	const struct text *text = (const struct text *)(uintptr_t)fi->fh;

	if (node_is_snap(node))
		snapdir_read(req, node, size, off);
	else if (node->kind == NODE_STABLE)
		read_stable(req, size, (uint64_t)off);
	else if (node->kind == NODE_BESIDE)
		read_beside(req, (int)fi->fh, size, off);
	else
		read_text(req, text, size, (size_t)off);
}
