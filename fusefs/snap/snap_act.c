// SPDX-License-Identifier: MIT
/*
 * The folder .snap: takes, drops, renames and brings back snapshots of a mounted image, on behalf
 * of mkdir, rmdir, mv, and of the verbs (ioctl on .canister/stable).
 *
 * What has been written belongs to the snapshot, also where it is still in the kernel's cache: so
 * the kernel is made to write back first. It waits for the workers to take what it writes;
 * therefore all this is done by a thread of its own, which holds no lock meanwhile. The instant
 * itself is when the image's layout lock is held exclusively.
 */
#include <stdio.h>

#include "fusefs/change/change.h"
#include "fusefs/snap/snap.h"

/* ---- bringing back ---- */

/* The kernel looks these names up again. No lock is held. */
static void forget_names(struct fs *fs, struct name_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		fuse_lowlevel_notify_inval_entry(fs->session, FUSE_ROOT_ID, names->name[i],
						 strlen(names->name[i]));
		free(names->name[i]);
	}
	free(names->name);
}

/* All files locked. */
static int bring_one_back(struct fs *fs, const char *name, unsigned id, struct err *err)
{
	struct fs_snap *snap;
	int rc;

	snap = snapdir_get(fs, name, &rc, err);
	return snap ? snap_live_rollback_memory(fs->cfg->live, name, id, fs->mm, snap->mm, err)
		    : rc;
}

/* What the files show is what came back. tree_lock held. */
static int show_one_anew(struct fs *fs, unsigned id, bool *changed, struct name_list *names,
			 struct err *err)
{
	int rc = fs_update_file(fs, id, &changed[id]);

	changed[id] = true;
	return rc ? rc : scratch_show_pair_anew(fs, id, names, err);
}

static int show_all_anew(struct fs *fs, bool *changed, struct name_list *names, struct err *err)
{
	int rc = 0;

	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = fs_update_file(fs, id, &changed[id]);
	if (!rc)
		rc = scratch_show_anew(fs, names, err);
	/* A length that is kept beside the image may differ where the pages do not. */
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		if (n->kind == NODE_MEMORY)
			changed[n->mm_id] = true;
	return rc;
}

static int bring_back(struct fs *fs, const char *name, int id, struct err *err)
{
	int rc;

	fs_lock_files(fs);
	rc = id == FS_SNAP_ALL ? snap_live_rollback(fs->cfg->live, name, err)
			       : bring_one_back(fs, name, (unsigned)id, err);
	fs_unlock_files(fs);
	return rc;
}

static int roll_back(struct fs *fs, const char *name, int id, struct err *err)
{
	bool changed[MM_MAX_MEMORIES] = {false};
	struct name_list names = {NULL, 0};
	int rc;

	if (id != FS_SNAP_ALL && (id < 0 || id >= MM_MAX_MEMORIES))
		return err_set(err, -EINVAL, "there is no memory %d", id);
	fs_flush(fs, true);
	rc = bring_back(fs, name, id, err);
	pthread_mutex_lock(&fs->tree_lock);
	if (!rc)
		rc = id == FS_SNAP_ALL ? show_all_anew(fs, changed, &names, err)
				       : show_one_anew(fs, (unsigned)id, changed, &names, err);
	pthread_mutex_unlock(&fs->tree_lock);
	forget_names(fs, &names);
	fs_flush(fs, true);
	fs_tell_sizes(fs, changed);
	return rc;
}

/* ---- facts ---- */

static int diff(struct fs *fs, struct fs_request *r, struct err *err)
{
	struct fs_snap *a, *b = NULL;
	int rc;

	if (!r->other[0])
		fs_flush(fs, false);
	{
		auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);

		a = snapdir_get(fs, r->name, &rc, err);
		if (a && r->other[0])
			b = snapdir_get(fs, r->other, &rc, err);
		if (!a || (r->other[0] && !b))
			return rc;
		pthread_rwlock_rdlock(&a->lock);
		if (b && b != a)
			pthread_rwlock_rdlock(&b->lock);
	}
	rc = snap_live_diff(fs->cfg->live, r->name, a->mm, b ? r->other : NULL, b ? b->mm : fs->mm,
			    r->number & FS_SNAP_WHETHER, r->pages, err);
	if (b && b != a)
		pthread_rwlock_unlock(&b->lock);
	pthread_rwlock_unlock(&a->lock);
	return rc;
}

static int info(struct fs *fs, struct fs_request *r, struct err *err)
{
	snprintf(r->other, sizeof(r->other), "%s",
		 fs->cfg->opts->snap_dir ? fs->cfg->opts->snap_dir : ".snap");
	return snap_live_nth(fs->cfg->live, r->number, &r->info, err);
}

/* ---- acts ---- */

static int drop(struct fs *fs, const char *name, struct err *err)
{
	auto_free struct snap_live_info *list = NULL;
	size_t count;
	int rc = snap_live_list(fs->cfg->live, &list, &count, err);

	if (!rc)
		rc = snap_live_drop(fs->cfg->live, name, err);
	for (size_t i = 0; !rc && i < count; i++)
		if (!list[i].stale && strcmp(list[i].name, name) == 0)
			snapdir_end(fs, list[i].seq);
	if (!rc)
		node_touch(&fs->snap_root);
	return rc;
}

static int create(struct fs *fs, const char *name, uint64_t *changes, struct err *err)
{
	int rc;

	fs_flush(fs, false);
	/* What was written belongs to the snapshot. */
	rc = unwritten_retry_all(fs, err);
	if (!rc) {
		/* Scratch files change under no lock but their own. */
		fs_lock_files(fs);
		for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
			changes[id] = mm_change_count(fs->mm, id);
		rc = snap_live_create(fs->cfg->live, name, err);
		fs_unlock_files(fs);
	}
	if (!rc)
		node_touch(&fs->snap_root);
	return rc;
}

static int create_for(struct fs *fs, struct fs_request *r, struct snap_bound *bound,
		      struct err *err)
{
	bool ends = r->number & FS_SNAP_WHILE_OPEN;
	int rc;

	if (ends && (!bound || bound->name[0]))
		return err_set(err, -EINVAL,
			       "one snapshot ends with each opening of .canister/stable");
	/* Who loads an export into a canister may have a library that does not bear holes. */
	if (r->number & FS_SNAP_WITHOUT_HOLES)
		(void)!mm_fill_holes(fs->mm, NULL);
	rc = create(fs, r->name, r->pages, err);
	if (!rc && ends)
		strcpy(bound->name, r->name);
	return rc;
}

static int drop_for(struct fs *fs, const char *name, struct snap_bound *bound, struct err *err)
{
	int rc = drop(fs, name, err);

	if (!rc && bound && strcmp(bound->name, name) == 0)
		bound->name[0] = 0;
	return rc;
}

static int act(struct fs *fs, struct fs_request *r, struct snap_bound *bound, struct err *err)
{
	auto_unlock pthread_mutex_t *held = NULL;
	bool changes = r->verb != FS_SNAP_INFO && r->verb != FS_SNAP_DIFF && r->verb != FS_ACCOUNT;

	if (r->verb == FS_SYNC) {
		r->number = (uint32_t)getpid();
		r->mm_id = fs->cfg->opts->ephemeral ? FS_SYNC_EPHEMERAL : 0;
		return fs->cfg->opts->read_only ? 0 : fs_sync(fs, err);
	}
	if (r->verb == FS_BASE) {
		r->number = (uint32_t)(fs->base_len / MM_PAGE_LEN);
		return 0;
	}
	if (changes && fs->cfg->opts->read_only)
		return err_set(err, -EROFS, "the image is mounted read-only");
	/* One change at a time: each waits for the image while it keeps others from the chain. */
	if (changes)
		held = lock(&fs->acts_lock);
	if (r->verb == FS_INSTALL || r->verb == FS_COMPACT || r->verb == FS_REPAIR ||
	    r->verb == FS_ACCOUNT)
		return change_act(fs, r, bound ? &bound->staged : NULL, err);
	if (!fs->cfg->live)
		return err_set(
			err, -EOPNOTSUPP,
			"this image cannot have snapshots: only a plain file, or the directory of a "
			"canister snapshot, can");
	if (memchr(r->name, 0, sizeof(r->name)) == NULL ||
	    memchr(r->other, 0, sizeof(r->other)) == NULL)
		return err_set(err, -ENAMETOOLONG, "the name is too long");
	switch (r->verb) {
	case FS_SNAP_CREATE:
		return create_for(fs, r, bound, err);
	case FS_SNAP_DROP:
		return drop_for(fs, r->name, bound, err);
	case FS_SNAP_RENAME:
		return snap_live_rename(fs->cfg->live, r->name, r->other, err);
	case FS_SNAP_ROLLBACK:
		return roll_back(fs, r->name, r->mm_id, err);
	case FS_SNAP_INFO:
		return info(fs, r, err);
	case FS_SNAP_DIFF:
		return diff(fs, r, err);
	default:
		return err_set(err, -ENOTTY, "an unknown request");
	}
}

/* ---- threads ---- */

struct task {
	fuse_req_t req;
	struct fs_request r;
	struct snap_bound *bound; /* NULL: not an ioctl but mkdir, rmdir or the end of a handle */
};

static void answer_mkdir(struct task *t, int rc, const struct err *err)
{
	struct fs *fs = fs_of(t->req);

	if (rc)
		fs_reply(t->req, rc, err);
	else
		snapdir_lookup(t->req, &fs->snap_root, t->r.name);
}

static void *run_task(void *arg)
{
	struct task *t = arg;
	struct fs *fs = fs_of(t->req);
	struct err err = {""};
	int rc = act(fs, &t->r, t->bound, &err);

	if (t->bound) {
		t->r.status = rc;
		snprintf(t->r.text, sizeof(t->r.text), "%s", err.text);
		fuse_reply_ioctl(t->req, 0, &t->r, sizeof(t->r));
	} else if (t->r.verb == FS_SNAP_CREATE) {
		answer_mkdir(t, rc, &err);
	} else {
		fs_reply(t->req, rc, &err);
	}
	free(t);
	pthread_mutex_lock(&fs->tasks_lock);
	if (--fs->tasks == 0)
		pthread_cond_broadcast(&fs->tasks_done);
	pthread_mutex_unlock(&fs->tasks_lock);
	return NULL;
}

static void start(struct task *t)
{
	struct fs *fs = fs_of(t->req);
	pthread_t thread;

	pthread_mutex_lock(&fs->tasks_lock);
	fs->tasks++;
	pthread_mutex_unlock(&fs->tasks_lock);
	if (pthread_create(&thread, NULL, run_task, t) == 0) {
		pthread_detach(thread);
		return;
	}
	pthread_mutex_lock(&fs->tasks_lock);
	fs->tasks--;
	pthread_mutex_unlock(&fs->tasks_lock);
	fs_reply(t->req, -ENOMEM, NULL);
	free(t);
}

void snapdir_tasks_wait(struct fs *fs)
{
	pthread_mutex_lock(&fs->tasks_lock);
	while (fs->tasks > 0)
		pthread_cond_wait(&fs->tasks_done, &fs->tasks_lock);
	pthread_mutex_unlock(&fs->tasks_lock);
}

static void start_named(fuse_req_t req, uint32_t verb, const char *name, const char *other)
{
	bool fits = strlen(name) < sizeof(((struct fs_request *)0)->name) &&
		    strlen(other) < sizeof(((struct fs_request *)0)->other);
	struct task *t = fits ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		fs_reply(req, fits ? -ENOMEM : -ENAMETOOLONG, NULL);
		return;
	}
	t->req = req;
	t->r.verb = verb;
	strcpy(t->r.name, name);
	strcpy(t->r.other, other);
	start(t);
}

static void mkdir_op(fuse_req_t req, struct node *dir, const char *name)
{
	start_named(req, FS_SNAP_CREATE, name, "");
}

static void rmdir_op(fuse_req_t req, struct node *dir, const char *name)
{
	start_named(req, FS_SNAP_DROP, name, "");
}

void snap_unbind(fuse_req_t req, const struct snap_bound *bound)
{
	if (bound->name[0])
		start_named(req, FS_SNAP_DROP, bound->name, "");
	else
		fs_reply(req, 0, NULL);
}

static void rename_op(fuse_req_t req, const char *name, const char *new_name)
{
	start_named(req, FS_SNAP_RENAME, name, new_name);
}

/* Whoever may see the mount may not yet change it: its owner may, and root. */
void snap_ask(fuse_req_t req, struct snap_bound *bound, unsigned cmd, const void *in, size_t in_len,
	      size_t out_len)
{
	uid_t uid = fuse_req_ctx(req)->uid;
	bool piece = cmd == FS_PIECE_IOCTL && in_len == sizeof(struct fs_piece);
	struct task *t;

	if (!piece && (cmd != FS_IOCTL || in_len != sizeof(t->r) || out_len != sizeof(t->r))) {
		fs_reply(req, -ENOTTY, NULL);
		return;
	}
	if (uid != 0 && uid != getuid()) {
		fs_reply(req, -EPERM, NULL);
		return;
	}
	if (piece) {
		change_take(req, &bound->staged, in);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	t->req = req;
	t->bound = bound;
	memcpy(&t->r, in, sizeof(t->r));
	start(t);
}

static const struct node_ops ops = {
	.lookup = snapdir_lookup,
	.list = snapdir_list,
	.mkdir = mkdir_op,
	.rmdir = rmdir_op,
	.rename = rename_op,
	.refuses = -EROFS,
};

void snapdir_init(struct fs *fs)
{
	node_init(fs, &fs->snap_root, &ops, SNAP_INO_FIRST, S_IFDIR | 0755);
}
