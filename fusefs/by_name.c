// SPDX-License-Identifier: MIT
/*
 * by-name: a symbolic link to each memory that has a name. Only where names are
 * given; all of it stays as it is for the whole mount.
 */
#include <stdio.h>

#include "fusefs/by_name.h"
#include "fusefs/ops.h"

struct by_name {
	struct node dir;
	struct node link[MM_MAX_MEMORIES];
};

/* Behind the snapshots' and before the records'. */
#define INO_BY_NAME (UINT64_C(1) << 60)

static int target(const struct node *link, char *path, size_t len)
{
	return snprintf(path, len, "../%u", link->mm_id);
}

struct node *by_name_folder(const struct fs *fs, const char *name)
{
	return name_is_by_name(fs, name) ? &fs->by_name->dir : NULL;
}

/* NULL: there is no link to this memory. */
static const char *link_name(const struct fs *fs, unsigned id)
{
	const struct fs_name *n = &fs->cfg->names[id];

	return n->life == FS_REMOVED ? NULL : n->name;
}

static struct node *find(struct fs *fs, struct node *dir, const char *name)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (link_name(fs, id) && strcmp(link_name(fs, id), name) == 0)
			return &fs->by_name->link[id];
	return NULL;
}

static int list(struct fs *fs, struct node *dir, list_add_fn *add, void *to)
{
	int rc = 0;

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		if (link_name(fs, id))
			rc = add(to, link_name(fs, id), fs->by_name->link[id].ino, S_IFLNK);
	return rc;
}

static const struct node_ops dir_ops = {
	.find = find,
	.list = list,
	.refuses = -EPERM,
};

static const struct node_ops link_ops = {
	.refuses = -EPERM,
};

int by_name_init(struct fs *fs, struct err *err)
{
	struct by_name *b;
	char path[16];

	if (!fs->cfg->names)
		return 0;
	b = fs->by_name = calloc(1, sizeof(*b));
	if (!b)
		return err_set(err, -ENOMEM, "no memory for names");
	node_init(fs, &b->dir, &dir_ops, INO_BY_NAME + MM_MAX_MEMORIES, S_IFDIR | 0555);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		node_init(fs, &b->link[id], &link_ops, INO_BY_NAME + id, S_IFLNK | 0777);
		b->link[id].mm_id = id;
		b->link[id].size_len = (uint64_t)target(&b->link[id], path, sizeof(path));
	}
	return 0;
}

void by_name_clear(struct fs *fs)
{
	free(fs->by_name);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct node *node = node_of(fs_of(req), ino);
	char path[16];

	target(node, path, sizeof(path));
	fuse_reply_readlink(req, path);
}
