// SPDX-License-Identifier: MIT
/*
 * How an overlay ends: merged into its base, or thrown away. See overlay.h. Nothing is written
 * before it is certain which file is the base, and that it is one the caller means.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "snapshot/backing.h"
#include "snapshot/beside/side_dir.h"
#include "snapshot/live.h"
#include "snapshot/overlay.h"

static bool is_any(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcmp(name, SIDE_RECORD_NAME) != 0;
}

/* Snapshots of the overlay itself have nothing to stand on any more. Where something else lies in
 * their directory, it stays. The overlay's scratch files go after the overlay: a commit that is
 * made again would take their absence for what is to be. */
static int remove_all(const char *path, struct err *err)
{
	struct stat st;
	int rc = snap_live_remove_all(path, err);

	if (rc)
		return rc;
	if (stat(path, &st) < 0 || unlink(path) < 0)
		return err_sys(err, -errno, "cannot be removed");
	rc = sync_dir_of(path);
	return rc ? err_sys(err, rc, "cannot sync its directory")
		  : side_remove_files(path, st.st_uid, SIDE_SCRATCH, is_any, err);
}

static int open_base(const char *base, snap_open_fn *open, struct store **out, struct err *err)
{
	int rc = open(base, out, err);

	if (rc == -EROFS)
		return err_set(err, rc,
			       "the base %s is a checkpoint, which is never written: commit to "
			       "another file with --out",
			       base);
	return rc ? err_prefix(err, rc, "the base %s", base) : 0;
}

static int merge_range(struct store *from, struct store *to, uint64_t off, uint64_t end,
		       uint8_t *buf, struct err *err)
{
	int rc = 0;

	for (size_t n; !rc && off < end; off += n) {
		n = MIN((uint64_t)SNAP_CLUSTER_LEN, end - off);
		rc = store_read(from, buf, n, off, err);
		if (!rc)
			rc = is_zero(buf, n) ? store_zero(to, off, n, err)
					     : store_write(to, buf, n, off, 0, err);
	}
	return rc;
}

/* `overlay` is the file's own store, and `from` what shows its bytes without the image id. */
static int merge(struct store *overlay, struct store *from, struct store *to, struct err *err)
{
	auto_free uint8_t *buf = malloc(SNAP_CLUSTER_LEN);
	uint64_t off = 0;
	int rc = buf ? store_resize(to, from->len, err) : -ENOMEM;

	while (!rc && off < from->len) {
		uint64_t start, end;

		rc = snap_next_held(overlay, off, &start, &end, err);
		if (rc || start == end)
			break;
		rc = merge_range(from, to, start, end, buf, err);
		off = end;
	}
	return rc ? rc : store_sync(to, err);
}

/* Which file it is, whatever is written to it. */
static int know(struct store *base, struct overlay_record *out, struct err *err)
{
	struct statx st;

	if (statx(store_host_at(base, 0).fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
		return err_sys(err, -errno, "cannot examine the base");
	out->ino = st.stx_ino;
	out->born_nsec = 0;
	if (st.stx_mask & STATX_BTIME)
		out->born_nsec = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	return 0;
}

/* What the overlay names is the caller's to write to, and the file that its commit began on. */
static int check_target(const char *path, struct qcow2 *q, const char *base,
			const struct overlay_record *r, unsigned flags, struct overlay_record *now,
			struct err *err)
{
	struct backing_of of = {
		.file = q->file,
		.path = path,
		.trusted = flags & SNAP_TRUST_BACKING,
	};
	auto_store struct store *s = NULL;
	int rc = backing_open(&of, q->h.backing, &s, err);

	if (rc)
		return err_prefix(err, rc, "the base '%s'", q->h.backing);
	rc = know(s, now, err);
	if (rc || !r->committing || of.trusted)
		return rc;
	if (now->ino != r->ino || now->born_nsec != r->born_nsec)
		return err_set(err, -EPERM,
			       "its commit has begun, and not on %.300s, which is another file; "
			       "--trust-backing commits to that",
			       base);
	return 0;
}

/* Before anything is written: the names of overlay and base, and what they lead to. */
static int check_commit(const char *path, unsigned flags, char **base, struct overlay_record *r,
			struct err *err)
{
	struct overlay_record now = {0};
	struct qcow2 *q;
	int rc = overlay_peek(path, &q, base, r, err);

	if (rc)
		return rc;
	if (!r->committing)
		rc = overlay_check_base(*base, r, err);
	if (!rc)
		rc = check_target(path, q, *base, r, flags, &now, err);
	r->ino = now.ino;
	r->born_nsec = now.born_nsec;
	qcow2_close(q);
	return rc;
}

/* What `open` has opened is what was checked. */
static int check_opened(struct store *to, const char *base, const struct overlay_record *r,
			struct err *err)
{
	struct overlay_record now = {0};
	int rc = know(to, &now, err);

	if (!rc && (now.ino != r->ino || now.born_nsec != r->born_nsec))
		rc = err_set(err, -EBUSY, "the base %s was replaced meanwhile", base);
	return rc;
}

static int begin(struct store *s, struct overlay_record *r, struct err *err)
{
	uint8_t record[OVERLAY_RECORD_LEN];
	int rc;

	r->committing = true;
	overlay_record_encode(r, record);
	rc = snap_set_record(s, record, sizeof(record), err);
	return rc ? rc : store_sync(s, err);
}

static struct bond *bond_under(struct store *base)
{
	struct snap_live *live = snap_live_of(base);

	return live ? live->bond : bond_of(base);
}

/* What is bound to an overlay is known by the id alone once a commit has begun: the commit itself
 * has changed the file since. */
static int open_overlay(const char *path, const struct overlay_record *r, struct store *base,
			struct store **out, struct err *err)
{
	const struct bond *below = bond_under(base);
	const struct bond_place place = {
		.file = path,
		.beside = path,
		.base_off =
			below ? bond_base_off(below) : 0, /* the manager begins as in the base */
		.id_suffices = r->committing,
	};
	struct store *file;
	int rc = file_store_open(path, true, &file, err);

	if (!rc)
		rc = snap_open_on(file, base, SNAP_WRITABLE, out, err);
	if (!rc)
		rc = bond_open(*out, &place, out, err);
	if (rc)
		*out = NULL;
	else
		bond_leave_open(bond_of(*out));
	return rc;
}

/* The base's scratch files and exact lengths become those of the overlay. */
static int merge_sides(struct store *overlay, struct store *base, char **aside, struct err *err)
{
	auto_scratch_files struct scratch_files *scratch = NULL;
	int rc = scratch_files_open(bond_of(overlay), &scratch, err);

	if (!rc && bond_under(base))
		rc = bond_install(bond_under(base), scratch_files_list(scratch), aside, err);
	return rc ? err_prefix(err, rc, "the scratch files") : 0;
}

int snap_overlay_commit(const char *path, unsigned flags, snap_open_fn *open, char **aside,
			struct err *err)
{
	auto_free char *base = NULL;
	auto_store struct store *to = NULL;
	auto_store struct store *from = NULL;
	struct overlay_record r;
	int rc = check_commit(path, flags, &base, &r, err);

	*aside = NULL;
	if (!rc)
		rc = open_base(base, open, &to, err);
	if (!rc)
		rc = check_opened(to, base, &r, err);
	if (!rc)
		rc = open_overlay(path, &r, to, &from, err);
	if (!rc)
		rc = bond_expect_change(bond_of(from), err);
	if (!rc)
		rc = begin(bond_image(bond_of(from)), &r, err);
	if (!rc)
		rc = merge(bond_image(bond_of(from)), from, to, err);
	if (!rc && !r.lacks_sides)
		rc = merge_sides(from, to, aside, err);
	if (!rc) {
		rc = remove_all(path, err);
		if (rc)
			err_prefix(err, rc, "merged, but");
	}
	return rc;
}

int snap_overlay_discard(const char *path, struct err *err)
{
	auto_store struct store *file = NULL;
	auto_free char *base = NULL;
	struct overlay_record r;
	int rc = overlay_look(path, &base, &r, err);

	if (!rc && r.committing)
		rc = err_set(err, -EBUSY,
			     "its commit has begun, and without it the base %s is half-way", base);
	if (!rc)
		rc = file_store_open(path, true, &file, err);
	return rc ? rc : remove_all(path, err);
}
