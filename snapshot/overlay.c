// SPDX-License-Identifier: MIT
/*
 * Overlays: a qcow2 file in front of an image or a checkpoint that is never written. Makes them and
 * goes on with them. See overlay.h for what an overlay remembers of its base; an overlay is of no
 * use on any other. overlay_end.c merges an overlay into its base.
 */
#include "snapshot/overlay.h"

#include <sys/stat.h>

#include "snapshot/backing.h"
#include "snapshot/relative.h"
#include "snapshot/snapshot.h"

enum { OLD_RECORD_LEN = 40 };

static const char record_magic[8] = "CFover";

void overlay_record_encode(const struct overlay_record *r, uint8_t *buf)
{
	memcpy(buf, record_magic, sizeof(record_magic));
	put_le64(buf + 8, r->len);
	put_le64(buf + 16, (uint64_t)r->sec);
	put_le64(buf + 24, (uint64_t)r->nsec);
	put_le64(buf + 32, r->committing);
	put_le64(buf + 40, r->ino);
	put_le64(buf + 48, r->born_nsec);
	put_le64(buf + 56, r->lacks_sides);
}

int overlay_record_read(struct store *s, struct overlay_record *out, struct err *err)
{
	uint8_t buf[SNAP_RECORD_MAX] = {0};
	size_t len = snap_record(s, buf);

	if (len < OLD_RECORD_LEN || memcmp(buf, record_magic, sizeof(record_magic)) != 0)
		return err_set(err, -EINVAL, "is not an overlay that canisterfs made");
	*out = (struct overlay_record){
		.len = get_le64(buf + 8),
		.sec = (int64_t)get_le64(buf + 16),
		.nsec = (int64_t)get_le64(buf + 24),
		.committing = get_le64(buf + 32) != 0,
		.ino = get_le64(buf + 40),
		.born_nsec = get_le64(buf + 48),
		.lacks_sides = get_le64(buf + 56) != 0,
	};
	return 0;
}

static int record_of(const char *base, struct overlay_record *out, struct err *err)
{
	struct stat st;

	if (stat(base, &st) < 0)
		return err_sys(err, -errno, "the base %s", base);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "the base %s is not a plain file", base);
	*out = (struct overlay_record){
		.len = (uint64_t)st.st_size,
		.sec = st.st_mtim.tv_sec,
		.nsec = st.st_mtim.tv_nsec,
	};
	return 0;
}

int overlay_check_base(const char *base, const struct overlay_record *r, struct err *err)
{
	struct overlay_record now = {0};
	int rc = record_of(base, &now, err);

	if (rc)
		return rc;
	if (r->committing)
		return err_set(err, -EBUSY,
			       "its commit has begun: run 'canisterfs commit' again to end it");
	if (now.len != r->len || now.sec != r->sec || now.nsec != r->nsec)
		return err_set(err, -ESTALE, "the base %s was changed since the overlay was made",
			       base);
	return 0;
}

/* The file alone, its base not opened. */
int overlay_peek(const char *path, struct qcow2 **q, char **base, struct overlay_record *r,
		 struct err *err)
{
	struct store *file;
	int rc = file_store_open(path, false, &file, err);

	if (!rc)
		rc = qcow2_open(file, q, err);
	if (rc)
		return rc;
	rc = overlay_record_read(&(*q)->s, r, err);
	if (rc) {
		qcow2_close(*q);
		return rc;
	}
	*base = backing_path(path, (*q)->h.backing);
	if (*base)
		return 0;
	qcow2_close(*q);
	return err_set(err, -ENOMEM, "no memory for a path");
}

int overlay_look(const char *path, char **base, struct overlay_record *r, struct err *err)
{
	struct qcow2 *q;
	int rc = overlay_peek(path, &q, base, r, err);

	if (!rc)
		qcow2_close(q);
	return rc;
}

/* ---- making one ---- */

static int make(const char *path, const char *base, unsigned flags, struct err *err)
{
	auto_store struct store *below = NULL;
	auto_free char *name = NULL;
	uint8_t record[OVERLAY_RECORD_LEN];
	struct overlay_record r;
	struct snap_new what = {.record = record, .record_len = sizeof(record)};
	int rc = snap_open_image(base, flags & SNAP_TRUST_BACKING, &below, err);

	if (rc)
		return err_prefix(err, rc, "the base %s", base);
	rc = record_of(base, &r, err);
	if (rc)
		return rc;
	/* So that both can be moved. */
	rc = relative_path(path, base, &name);
	if (rc)
		return err_sys(err, rc, "cannot name the base %s", base);
	r.lacks_sides = true;
	overlay_record_encode(&r, record);
	what.backing = name;
	what.len = below->len;
	what.backing_format = qcow2_of(below) ? "qcow2" : "raw";
	return snap_create(path, false, &what, err);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int open_on_base(const char *path, const char *base, unsigned flags, struct store **out,
			struct err *err)
{
	auto_store struct store *below = NULL;
	struct store *file;
	int rc = snap_open_image(base, flags & SNAP_TRUST_BACKING, &below, err);

	if (rc)
		return err_prefix(err, rc, "the base %s", base);
	rc = file_store_open(path, flags & SNAP_WRITABLE, &file, err);
	if (!rc)
		rc = snap_open_on(file, below, flags & SNAP_WRITABLE, out, err);
	if (rc)
		return rc;
	qcow2_of(*out)->owns_backing = true;
	below = NULL;
	return 0;
}

int snap_overlay_open(const char *path, const char *base, unsigned flags, struct store **out,
		      struct err *err)
{
	auto_free char *old_base = NULL;
	struct overlay_record r;
	int rc = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		rc = make(path, base, flags, err);
	if (!rc)
		rc = overlay_look(path, &old_base, &r, err);
	if (!rc && !same_file(base, old_base))
		rc = err_set(err, -EINVAL, "is an overlay of %s, not of %s", old_base, base);
	if (!rc)
		rc = overlay_check_base(base, &r, err);
	return rc ? rc : open_on_base(path, base, flags, out, err);
}

bool snap_is_overlay(const char *path)
{
	auto_free char *base = NULL;
	struct overlay_record r;

	return overlay_look(path, &base, &r, NULL) == 0;
}

int snap_overlay_continue(const char *path, unsigned flags, struct store **out, struct err *err)
{
	auto_free char *base = NULL;
	struct overlay_record r;
	int rc = overlay_look(path, &base, &r, err);

	if (!rc)
		rc = overlay_check_base(base, &r, err);
	return rc ? rc : snap_open(path, flags, out, err);
}

bool snap_overlay_lacks_sides(struct store *overlay)
{
	struct overlay_record r;

	return overlay_record_read(overlay, &r, NULL) == 0 && r.lacks_sides;
}

int snap_overlay_set_has_sides(struct store *overlay, struct err *err)
{
	uint8_t record[OVERLAY_RECORD_LEN];
	struct overlay_record r;
	int rc = overlay_record_read(overlay, &r, err);

	if (rc)
		return rc;
	r.lacks_sides = false;
	overlay_record_encode(&r, record);
	rc = snap_set_record(overlay, record, sizeof(record), err);
	return rc ? rc : store_sync(overlay, err);
}
