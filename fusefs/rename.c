// SPDX-License-Identifier: MIT
/*
 * Rename is what editors, sed -i, sort -o and rsync end with: a scratch file takes a memory's
 * place, or a memory leaves the image. A node keeps its identity, as the kernel expects; what
 * changes is which memory or scratch file it holds. What a handle was opened on stays readable.
 */
#include <stdio.h>

#include "fusefs/by_name.h"
#include "fusefs/ops.h"

/* Takes back what content_let_go did, as long as the memory is still as it was. */
static void take_back(struct node *node, bool was_memory, uint64_t size_len)
{
	if (!was_memory || node->kind == NODE_MEMORY)
		return;
	close(node->fd);
	node->fd = -1;
	node->kind = NODE_MEMORY;
	node->size_len = size_len;
}

int node_empty(struct fs *fs, struct node *node, struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&node->lock);
	bool was_memory = node->kind == NODE_MEMORY;
	uint64_t size_len = node->size_len;
	int rc = content_let_go(fs, node, err);

	if (!rc && was_memory)
		rc = mm_resize(fs->mm, node->mm_id, 0, err);
	if (rc)
		take_back(node, was_memory, size_len);
	return rc;
}

/* Memory `id` takes over what `from` holds; `from` holds the memory then. */
static int move_into_memory(struct fs *fs, struct node *from, unsigned id, struct err *err)
{
	int rc;

	if (from->kind == NODE_SCRATCH)
		return content_adopt(fs, from, id, err);
	rc = mm_renumber(fs->mm, from->mm_id, id, err);
	if (!rc)
		from->mm_id = id;
	return rc;
}

/* A memory becomes a scratch file. The copy and its name are on disk before the memory is freed. */
static int move_out(struct fs *fs, struct node *from, const char *new_name, struct err *err)
{
	uint64_t size_len = from->size_len;
	int rc = content_detach(fs, from, err);

	if (!rc)
		rc = scratch_name_durably(fs, from->fd, new_name, err);
	if (!rc) {
		rc = mm_resize(fs->mm, from->mm_id, 0, err);
		scratch_end_naming(fs, new_name, rc == 0);
	}
	if (rc)
		take_back(from, true, size_len);
	return rc;
}

/* What the new name stands for afterwards is what `from` holds; `over`, the file that had the name,
 * may be NULL. Nothing has changed on failure. */
static int move_content(struct fs *fs, struct node *from, struct node *over, const char *new_name,
			struct err *err)
{
	auto_rw_unlock pthread_rwlock_t *held = lock_exclusive(&from->lock);
	int id = name_to_id(new_name);
	bool over_memory = over && over->kind == NODE_MEMORY;
	uint64_t over_len = over ? over->size_len : 0;
	int rc = 0;

	if (over)
		pthread_rwlock_wrlock(&over->lock);
	if (over && id >= 0)
		rc = content_let_go(fs, over, err);
	if (!rc && id >= 0)
		rc = move_into_memory(fs, from, (unsigned)id, err);
	else if (!rc && from->kind == NODE_MEMORY)
		rc = move_out(fs, from, new_name, err);
	else if (!rc)
		rc = scratch_rename(fs, from->name, new_name, 0, err);
	if (over && rc)
		take_back(over, over_memory, over_len);
	if (over)
		pthread_rwlock_unlock(&over->lock);
	return rc;
}

static int move(struct fs *fs, struct node *from, struct node *over, const char *new_name,
		struct err *err)
{
	char *copy = strdup(new_name);
	bool was_scratch = from->kind == NODE_SCRATCH;
	int rc = copy ? move_content(fs, from, over, new_name, err) : -ENOMEM;

	if (rc) {
		free(copy);
		return rc;
	}
	if (was_scratch && from->kind == NODE_MEMORY)
		scratch_unname(fs, from->name);
	if (over) {
		node_set_name(fs, over, NULL);
		node_forget(over, 0);
	}
	node_set_name(fs, from, copy);
	scratch_note_lengths(fs);
	return 0;
}

/* Two files change names: both memories, or both scratch files. */
static int exchange(struct fs *fs, struct node *a, struct node *b, struct err *err)
{
	unsigned id = a->mm_id;
	char *name = a->name;
	int rc;

	if (a->kind != b->kind)
		return -EINVAL;
	pthread_rwlock_wrlock(&a->lock);
	pthread_rwlock_wrlock(&b->lock);
	rc = a->kind == NODE_MEMORY ? mm_exchange(fs->mm, a->mm_id, b->mm_id, err) : 0;
	if (!rc && a->kind == NODE_SCRATCH)
		rc = scratch_rename(fs, a->name, b->name, RENAME_EXCHANGE, err);
	if (!rc) {
		a->name = b->name;
		b->name = name;
		a->mm_id = b->mm_id;
		b->mm_id = id;
	}
	pthread_rwlock_unlock(&b->lock);
	pthread_rwlock_unlock(&a->lock);
	scratch_note_lengths(fs);
	return rc;
}

static int rename_file(struct fs *fs, const char *name, const char *new_name, unsigned flags,
		       struct err *err)
{
	struct node *from = node_find(fs, name);
	struct node *over = node_find(fs, new_name);
	int rc;

	if (fs->cfg->opts->read_only)
		return -EROFS;
	if (name_is_reserved(fs, name) || name_is_reserved(fs, new_name))
		return -EPERM;
	if (name_is_no_id(new_name))
		return -EINVAL;
	if (!from || (!over && (flags & RENAME_EXCHANGE)))
		return -ENOENT;
	rc = memory_refuses(fs, name_to_id(name));
	if (!rc)
		rc = memory_refuses(fs, name_to_id(new_name));
	if (rc)
		return rc;
	if (over && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (flags & ~(unsigned)(RENAME_EXCHANGE | RENAME_NOREPLACE))
		return -EINVAL;
	if (from == over)
		return 0;
	return flags & RENAME_EXCHANGE ? exchange(fs, from, over, err)
				       : move(fs, from, over, new_name, err);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	struct fs *fs = fs_of(req);
	struct err err = {""};
	struct node *dir = node_of(fs, parent), *new_dir = node_of(fs, new_parent);
	int rc = dir->ops->refuses == -EROFS || new_dir->ops->refuses == -EROFS ? -EROFS : -EPERM;

	if (dir->ops->rename && dir == new_dir && !(flags & RENAME_EXCHANGE)) {
		dir->ops->rename(req, name, new_name);
		return;
	}
	if (parent == FUSE_ROOT_ID && new_parent == FUSE_ROOT_ID) {
		auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

		rc = rename_file(fs, name, new_name, flags, &err);
		if (!rc)
			node_touch(&fs->root);
	}
	fs_reply(req, rc, &err);
}
