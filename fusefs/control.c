// SPDX-License-Identifier: MIT
/*
 * What stands in .canister: facts about the image, read-only, never from the kernel's cache.
 */
#include <fcntl.h>

#include "fusefs/core/account.h"
#include "fusefs/ops.h"
#include "fusefs/records/records.h"
#include "fusefs/snap/snap.h"

enum {
	INO_CONTROL = 2,
	INO_STABLE = 3,
	INO_INFO = 4,
	INO_BESIDE = 5, /* and the next FS_BESIDE_MAX - 1; 9 is the records' */
	INO_ACCOUNT = 12,
	INO_FRONT = 11,
};

static struct node *control_find(struct fs *fs, struct node *dir, const char *name)
{
	if (strcmp(name, "info.json") == 0)
		return &fs->info;
	if (fs->account && strcmp(name, "account.json") == 0)
		return &fs->account_file;
	if (strcmp(name, "records") == 0)
		return records_root(fs);
	if (strcmp(name, "stable") == 0)
		return &fs->stable;
	if (strcmp(name, "front") == 0 && fs->base_len > 0)
		return &fs->front;
	for (unsigned i = 0; i < fs->beside_count; i++)
		if (strcmp(name, fs->cfg->beside[i].name) == 0)
			return &fs->beside[i];
	return NULL;
}

static int control_list(struct fs *fs, struct node *dir, list_add_fn *add, void *list)
{
	int rc = add(list, "info.json", fs->info.ino, S_IFREG);

	if (!rc)
		rc = add(list, "records", records_root(fs)->ino, S_IFDIR);
	if (!rc)
		rc = add(list, "stable", fs->stable.ino, S_IFREG);
	if (!rc && fs->account)
		rc = add(list, "account.json", fs->account_file.ino, S_IFREG);
	if (!rc && fs->base_len > 0)
		rc = add(list, "front", fs->front.ino, S_IFREG);
	for (unsigned i = 0; !rc && i < fs->beside_count; i++)
		rc = add(list, fs->cfg->beside[i].name, fs->beside[i].ino, S_IFREG);
	return rc;
}

/* The modes say so too, but root passes them. */
static bool refuse_writer(fuse_req_t req, const struct fuse_file_info *fi)
{
	bool writer = (fi->flags & O_ACCMODE) != O_RDONLY;

	if (writer)
		fs_reply(req, -EACCES, NULL);
	return writer;
}

/* ---- a file of the host ---- */

/* As it is now: open for reading, or -errno. What stands under its name may have been replaced. */
static int open_host_file(struct fs *fs, const struct node *node)
{
	const struct fs_beside *beside = &fs->cfg->beside[node - fs->beside];

	return open_file_beneath(beside->dir, beside->file, O_RDONLY, NULL);
}

struct beside {
	struct handle h;
	int fd;
};

static void read_beside(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
	auto_free char *buf = malloc(MAX(size, (size_t)1));
	ssize_t n = buf ? pread(((struct beside *)h)->fd, buf, size, off) : -1;

	if (n < 0)
		fs_reply(req, buf ? -errno : -ENOMEM, NULL);
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

static void drop_beside(struct handle *h)
{
	close(((struct beside *)h)->fd);
	free(h);
}

static void release_beside(fuse_req_t req, struct handle *h)
{
	drop_beside(h);
	fs_reply(req, 0, NULL);
}

static const struct handle_ops beside_handle_ops = {
	.read = read_beside,
	.release = release_beside,
};

static void open_beside(fuse_req_t req, fuse_ino_t ino, struct node *node,
			struct fuse_file_info *fi)
{
	auto_close int fd = -1;
	struct beside *b;

	if (refuse_writer(req, fi))
		return;
	fi->direct_io = 1;
	fd = open_host_file(fs_of(req), node);
	b = fd < 0 ? NULL : malloc(sizeof(*b));
	if (!b) {
		fs_reply(req, fd < 0 ? fd : -ENOMEM, NULL);
		return;
	}
	*b = (struct beside){{&beside_handle_ops}, steal_fd(&fd)};
	if (!reply_handle(req, &b->h, fi))
		drop_beside(&b->h);
}

/* The host's file is another than the image: nobody gets to see more of it than on the host. */
static void stat_beside(struct fs *fs, const struct node *node, struct stat *st)
{
	auto_close int fd = open_host_file(fs, node);
	struct stat host;

	if (fd < 0 || fstat(fd, &host) < 0) {
		st->st_mode = S_IFREG;
		return;
	}
	st->st_size = host.st_size;
	st->st_blocks = host.st_blocks;
	if (fs->cfg->opts->mode_set)
		return;
	st->st_mode &= S_IFMT | host.st_mode;
	st->st_uid = host.st_uid;
	st->st_gid = host.st_gid;
}

/* ---- info.json and account.json ---- */

/* The text as it was when it was opened. */
struct text {
	struct handle h;
	char *buf;
	size_t len;
};

static void drop_text(struct text *text)
{
	free(text->buf);
	free(text);
}

/* From a copy: the answer lets the reader close the file, which frees the text, before
 * fuse_reply_buf itself has returned. */
static void read_text(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
	const struct text *text = (const struct text *)h;
	size_t len = (size_t)off < text->len ? MIN(size, text->len - (size_t)off) : 0;
	auto_free char *copy = malloc(len + 1);

	if (!copy) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	if (len > 0)
		memcpy(copy, text->buf + off, len);
	fuse_reply_buf(req, copy, len);
}

static void release_text(fuse_req_t req, struct handle *h)
{
	drop_text((struct text *)h);
	fs_reply(req, 0, NULL);
}

static const struct handle_ops text_ops = {
	.read = read_text,
	.release = release_text,
};

static int make_text(struct fs *fs, const struct node *node, struct text *text, struct err *err)
{
	const struct fs_config *cfg = fs->cfg;

	if (node == &fs->account_file)
		return account_text(fs, &text->buf, &text->len, err);
	return cfg->info_json(cfg->info_ctx, &fs->passthrough, &text->buf, &text->len, err);
}

static void open_info(fuse_req_t req, fuse_ino_t ino, struct node *node, struct fuse_file_info *fi)
{
	struct err err = {""};
	struct text *text;
	int rc;

	if (refuse_writer(req, fi))
		return;
	fi->direct_io = 1;
	text = calloc(1, sizeof(*text));
	rc = text ? make_text(fs_of(req), node, text, &err) : -ENOMEM;
	if (rc) {
		free(text);
		fs_reply(req, rc, &err);
		return;
	}
	text->h.ops = &text_ops;
	if (!reply_handle(req, &text->h, fi))
		drop_text(text);
}

/* ---- stable, and front: the part of it that lies before the manager ---- */

struct stable {
	struct handle h;
	const struct node *node;
	struct snap_bound bound;
};

/* Image pinned. */
static uint64_t shown_len(const struct fs *fs, const struct node *node)
{
	return node == &fs->front ? fs->base_len : fs->whole->len;
}

static void read_stable(fuse_req_t req, struct handle *h, size_t size, off_t off)
{
	struct fs *fs = fs_of(req);
	auto_free char *buf = malloc(MAX(size, (size_t)1));
	auto_mm_pin struct mm *mm = fs->mm;
	struct err err = {""};
	int rc = buf ? 0 : -ENOMEM;
	uint64_t len;

	mm_pin(mm);
	len = shown_len(fs, ((struct stable *)h)->node);
	size = (uint64_t)off < len ? MIN((uint64_t)size, len - (uint64_t)off) : 0;
	if (!rc && size > 0)
		rc = store_read(fs->whole, buf, size, (uint64_t)off, &err);
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_buf(req, buf, size);
}

static void ask_stable(fuse_req_t req, struct handle *h, unsigned cmd, const void *in,
		       size_t in_len, size_t out_len)
{
	snap_ask(req, &((struct stable *)h)->bound, cmd, in, in_len, out_len);
}

static void release_stable(fuse_req_t req, struct handle *h)
{
	struct stable *s = (struct stable *)h;

	snap_unbind(req, &s->bound);
	change_staged_end(&s->bound.staged);
	free(s);
}

static const struct handle_ops stable_handle_ops = {
	.read = read_stable,
	.ioctl = ask_stable,
	.release = release_stable,
};

static void open_stable(fuse_req_t req, fuse_ino_t ino, struct node *node,
			struct fuse_file_info *fi)
{
	struct stable *s;

	if (refuse_writer(req, fi))
		return;
	fi->direct_io = 1;
	s = calloc(1, sizeof(*s));
	if (!s) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	s->h.ops = &stable_handle_ops;
	s->node = node;
	change_staged_init(&s->bound.staged);
	if (reply_handle(req, &s->h, fi))
		return;
	change_staged_end(&s->bound.staged);
	free(s);
}

static uint64_t stable_len(struct fs *fs, struct node *node)
{
	auto_mm_pin struct mm *mm = fs->mm;

	mm_pin(mm);
	return shown_len(fs, node);
}

static uint64_t stable_blocks(struct fs *fs, struct node *node)
{
	auto_mm_pin struct mm *mm = fs->mm;
	struct store_host host;
	uint64_t len;
	struct stat st;

	mm_pin(mm);
	host = store_host_at(fs->whole, 0);
	len = shown_len(fs, node);
	if (host.fd >= 0 && host.len == len && fstat(host.fd, &st) == 0 && S_ISREG(st.st_mode))
		len = MIN((uint64_t)st.st_blocks * 512, len);
	return div_up(len, 512);
}

/* ---- all of them ---- */

static const struct node_ops control_ops = {
	.find = control_find,
	.list = control_list,
	.refuses = -EPERM,
};

static const struct node_ops stable_ops = {
	.open = open_stable,
	.len = stable_len,
	.blocks = stable_blocks,
	.changes = true,
	.refuses = -EPERM,
};

static const struct node_ops info_ops = {
	.open = open_info,
	.changes = true,
	.refuses = -EPERM,
};

static const struct node_ops beside_ops = {
	.open = open_beside,
	.stat = stat_beside,
	.changes = true,
	.refuses = -EPERM,
};

void control_init(struct fs *fs)
{
	node_init(fs, &fs->control, &control_ops, INO_CONTROL, S_IFDIR | 0555);
	node_init(fs, &fs->stable, &stable_ops, INO_STABLE, S_IFREG | 0444);
	node_init(fs, &fs->front, &stable_ops, INO_FRONT, S_IFREG | 0444);
	node_init(fs, &fs->info, &info_ops, INO_INFO, S_IFREG | 0444);
	node_init(fs, &fs->account_file, &info_ops, INO_ACCOUNT, S_IFREG | 0444);
	while (fs->cfg->beside && fs->cfg->beside[fs->beside_count].name) {
		node_init(fs, &fs->beside[fs->beside_count], &beside_ops,
			  INO_BESIDE + fs->beside_count, S_IFREG | 0444);
		fs->beside_count++;
	}
}
