// SPDX-License-Identifier: MIT
/*
 * A trial on a mount, which is a process of its own, of this same program. Marks are live snapshots
 * of the overlay.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "tools/image/mount_scratch.h"
#include "tools/run/run.h"

static int begin(struct run_trial *t, struct err *err)
{
	auto_free char *overlay = NULL;
	int rc;

	if ((t->keep ? asprintf(&overlay, "overlay=%s", t->keep)
		     : asprintf(&overlay, "overlay=%s/overlay.qcow2", t->dir)) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (mkdir(t->mnt, 0700) < 0)
		return err_sys(err, -errno, "cannot make %s", t->mnt);
	rc = run_self((char *[]){"canisterfs", "mount", "-o", overlay, "-o",
				 image_trust_backing ? "trust_backing" : "rw", "-o",
				 (char *)t->options, "--", (char *)t->image, t->mnt, NULL},
		      err);
	if (rc)
		return rc;
	t->mounted = true;
	return snapper_open(t->mnt, true, &t->snapper, err);
}

static int ask(struct run_trial *t, uint32_t verb, const char *name, struct fs_request *r,
	       struct err *err)
{
	int rc = mounted_request(r, verb, name, NULL, err);

	return rc ? rc : snapper_ask(&t->snapper, r, err);
}

static int ask_alone(struct run_trial *t, uint32_t verb, const char *name, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));

	return r ? ask(t, verb, name, r, err) : err_set(err, -ENOMEM, "out of memory");
}

static int mark(struct run_trial *t, const char *name, struct err *err)
{
	int rc = ask_alone(t, FS_SNAP_CREATE, name, err);

	/* The request without an id is about all memories: counting begins anew. */
	return rc || !t->account.counted ? rc : ask_alone(t, FS_ACCOUNT, "", err);
}

static uint64_t share(const struct fs_pages *p)
{
	return p->all ? p->sequential * 100 / p->all : 0;
}

static void add_account(struct run_trial *t, const struct fs_request *r)
{
	const struct fs_account *a = &r->account;
	struct run_account *to = &t->account;

	to->cached = r->number;
	if (a->read.all == 0 && a->dirty.all == 0)
		return;
	to->row[to->count++] =
		(struct run_pages){r->mm_id,         names_of(t->names, (unsigned)r->mm_id),
				   a->read.distinct, a->read.all,
				   share(&a->read),  a->dirty.distinct,
				   a->dirty.all,     share(&a->dirty)};
	to->read_len += a->read.distinct * 4096;
	to->dirtied_len += a->dirty.distinct * 4096;
}

/* Once all that was written has come to the mount. */
static int tell_account(struct run_trial *t, struct fs_request *r, struct err *err)
{
	int rc = 0;

	if (!t->account.counted || t->account.count > 0)
		return 0;
	for (int id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		rc = mounted_request(r, FS_ACCOUNT, "", NULL, err);
		r->mm_id = id;
		if (!rc)
			rc = snapper_ask(&t->snapper, r, err);
		if (!rc)
			add_account(t, r);
	}
	return rc;
}

static int tell(struct run_trial *t, const char *name, struct run_changes *out, struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	auto_store struct store *was_store = NULL, *now_store = NULL;
	auto_mm struct mm *was = NULL, *now = NULL;
	int rc = r ? ask(t, FS_SNAP_DIFF, name, r, err) : err_set(err, -ENOMEM, "out of memory");

	if (!rc)
		rc = mounted_open(t->mnt, name, 0, &was_store, err);
	if (!rc)
		rc = mounted_open(t->mnt, NULL, 0, &now_store, err);
	if (!rc)
		rc = mm_open(was_store, &was, err);
	if (!rc)
		rc = mm_open(now_store, &now, err);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		if (r->pages[id] > 0)
			run_add(t, out, id, r->pages[id], was, now);
	return rc ? rc : tell_account(t, r, err);
}

static int keep_it(struct run_trial *t, bool again, struct err *err)
{
	int rc = ask_alone(t, FS_SNAP_DROP, "before", err);

	return rc || !again ? rc : ask_alone(t, FS_SNAP_DROP, "between", err);
}

/* Scratch files stay with an overlay that is kept, and are named in either case. */
static int end(struct run_trial *t, struct err *err)
{
	char *argv[] = {"canisterfs", "umount", t->mnt, t->keep ? NULL : "--discard-scratch", NULL};
	int status;

	snapper_drop(&t->snapper);
	if (!t->mounted)
		return 0;
	status = run_command("/proc/self/exe", argv);
	if (status < 0)
		return err_sys(err, status, "cannot run canisterfs itself");
	return status == 0 || status == UMOUNT_HALF ? 0 : -EIO;
}

const struct run_ops run_mount = {begin, mark, tell, keep_it, end};
