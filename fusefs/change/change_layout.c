// SPDX-License-Identifier: MIT
/*
 * Compacts and repairs a mounted image. The bytes of the memories stay as they are, so that nobody
 * who reads or writes them notices.
 */
#include "fusefs/change/change.h"
#include "fusefs/core/account.h"

static int compact(struct fs *fs, struct fs_request *r, struct err *err)
{
	int rc = mm_compact(fs->mm, err);

	return !rc && r->number ? mm_zero_unowned(fs->mm, &r->stale_len, err) : rc;
}

/* No byte of a memory changes in a repair, but a memory can come to have another size. */
static int update_files(struct fs *fs, bool *changed)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	int rc = 0;

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		const struct node *node = node_find_memory(fs, id);
		struct mm_memory m;

		mm_memory(fs->mm, id, &m);
		if (m.pages != (node ? div_up(node->size_len, MM_PAGE_LEN) : 0))
			rc = fs_update_file(fs, id, &changed[id]);
	}
	return rc;
}

static int repair(struct fs *fs, struct err *err)
{
	bool changed[MM_MAX_MEMORIES] = {false};
	int rc, loaded;

	fs_flush(fs, false);
	fs_lock_files(fs);
	mm_freeze(fs->mm);
	rc = mm_repair(fs->store, err);
	loaded = mm_reload(fs->mm, rc ? NULL : err);
	mm_thaw(fs->mm);
	fs_unlock_files(fs);
	if (!rc && !loaded)
		rc = update_files(fs, changed);
	fs_tell_sizes(fs, changed);
	return rc ? rc : loaded;
}

static int tell_account(struct fs *fs, struct fs_request *r, struct err *err)
{
	if (!fs->account)
		return err_set(err, -EOPNOTSUPP, "this mount counts no pages: -o account");
	if (r->mm_id == FS_SNAP_ALL)
		account_reset(fs);
	else if (r->mm_id < 0 || r->mm_id >= MM_MAX_MEMORIES)
		return err_set(err, -EINVAL, "there is no memory %d", r->mm_id);
	else
		account_get(fs, (unsigned)r->mm_id, &r->account);
	r->number = fs->account->cached;
	return 0;
}

int change_act(struct fs *fs, struct fs_request *r, struct change_staged *st, struct err *err)
{
	switch (r->verb) {
	case FS_INSTALL:
		return st ? change_install(fs, r, st, err) : -EINVAL;
	case FS_COMPACT:
		return compact(fs, r, err);
	case FS_ACCOUNT:
		return tell_account(fs, r, err);
	default:
		return repair(fs, err);
	}
}
