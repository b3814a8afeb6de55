// SPDX-License-Identifier: MIT
/*
 * Makes staged contents those of memories: all of them at one instant, and none where a memory has
 * changed since it was read. Whoever has a file open reads the new content from then on.
 */
#include "fusefs/change/change.h"
#include "fusefs/core/account.h"

struct installation {
	const struct fs_request *r;
	struct mm_content content[MM_MAX_CONTENTS];
	struct node *node[MM_MAX_CONTENTS]; /* whose lock is held; NULL: there is none */
};

static int source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	struct store *stage = ctx;

	*got = (size_t)MIN((uint64_t)len, stage->len - MIN(off, stage->len));
	return *got ? store_read(stage, buf, *got, off, err) : 0;
}

static int check(const struct fs *fs, const struct fs_request *r, struct err *err)
{
	if (r->contents < 1 || r->contents > MM_MAX_CONTENTS)
		return err_set(err, -EINVAL, "%u contents; 1 to %u are possible", r->contents,
			       MM_MAX_CONTENTS);
	for (unsigned i = 0; i < r->contents; i++) {
		unsigned mm_id = r->content[i].mm_id;
		int rc = mm_id < MM_MAX_MEMORIES ? memory_refuses(fs, (int)mm_id) : -EINVAL;

		for (unsigned k = 0; k < i; k++)
			if (r->content[k].mm_id == mm_id)
				rc = -EINVAL;
		if (rc)
			return err_sys(err, rc, "memory %u", mm_id);
	}
	return 0;
}

/* What each memory is to hold, as far as it came. */
static int gather(struct fs *fs, struct installation *in, struct change_staged *st, struct err *err)
{
	for (unsigned i = 0; i < in->r->contents; i++) {
		const struct fs_content *c = &in->r->content[i];
		struct store *stage;
		int rc = change_memory(fs, st, c->mm_id, c->over, &stage, err);

		if (!rc && stage->len < c->len)
			rc = store_resize(stage, c->len, err);
		if (rc)
			return rc;
		in->content[i] = (struct mm_content){c->mm_id, c->len, source, stage};
	}
	return 0;
}

/* Nobody reads or writes these memories. tree_lock held. */
static void lock_memories(struct fs *fs, struct installation *in)
{
	for (unsigned i = 0; i < in->r->contents; i++) {
		in->node[i] = node_find_memory(fs, in->r->content[i].mm_id);
		if (in->node[i])
			pthread_rwlock_wrlock(&in->node[i]->lock);
	}
}

static void unlock_memories(const struct installation *in)
{
	for (unsigned i = 0; i < in->r->contents; i++)
		if (in->node[i])
			pthread_rwlock_unlock(&in->node[i]->lock);
}

static int check_unchanged(struct fs *fs, const struct fs_request *r, struct err *err)
{
	for (unsigned i = 0; i < r->contents; i++)
		if (r->content[i].over &&
		    mm_change_count(fs->mm, r->content[i].mm_id) != r->content[i].changes)
			return err_set(err, -EAGAIN, "memory %u was written to meanwhile",
				       r->content[i].mm_id);
	return 0;
}

/* The file has the exact length of what was installed. */
static int show(struct fs *fs, const struct fs_content *c, bool *changed)
{
	int rc = fs_update_file(fs, c->mm_id, changed);
	struct node *node = rc ? NULL : node_find_memory(fs, c->mm_id);

	*changed = true;
	if (!node)
		return rc;
	node->size_len = c->len;
	if (fs->cfg->bond)
		bond_note_len(fs->cfg->bond, c->mm_id, c->len);
	return 0;
}

static int install(struct fs *fs, struct installation *in, bool *changed, struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct mm_content *c = in->content;
	int rc;

	lock_memories(fs, in);
	rc = check_unchanged(fs, in->r, err);
	for (unsigned i = 0; !rc && i < in->r->contents; i++)
		rc = account_replace(fs, &c[i], err);
	if (!rc && in->r->contents == 1)
		rc = mm_replace(fs->mm, c->mm_id, c->len, c->source, c->ctx, err);
	else if (!rc)
		rc = mm_replace_all(fs->mm, c, in->r->contents, err);
	for (unsigned i = 0; !rc && i < in->r->contents; i++)
		rc = show(fs, &in->r->content[i], &changed[in->r->content[i].mm_id]);
	unlock_memories(in);
	return rc;
}

int change_install(struct fs *fs, const struct fs_request *r, struct change_staged *st,
		   struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&st->lock);
	bool changed[MM_MAX_MEMORIES] = {false};
	struct installation in = {.r = r};
	int rc = check(fs, r, err);

	if (!rc)
		rc = gather(fs, &in, st, err);
	if (rc)
		return rc;
	fs_flush(fs, true);
	rc = install(fs, &in, changed, err);
	fs_flush(fs, true);
	fs_tell_sizes(fs, changed);
	return rc;
}
