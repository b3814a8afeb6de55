// SPDX-License-Identifier: MIT
/*
 * Overlays: a qcow2 file in front of an image or a checkpoint that is never written. Makes them,
 * goes on with them, merges them into their base. An overlay remembers what its base was like, in
 * its record, and is of no use on any other:
 *
 *     off  0  8  "CFover"                16  8  its mtime, seconds
 *          8  8  length of the base      24  8  and nanoseconds
 *                                        32  8  1: its commit has begun        little-endian
 *
 * A commit says so, durably, before it writes to the base. From then on the base need not be what
 * it was, since only whole clusters of the overlay are copied: any number of times, with the same
 * outcome.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/qcow2/qcow2.h"
#include "snapshot/snapshot.h"

enum { RECORD_LEN = 40 };

static const char record_magic[8] = "CFover";

struct base_record {
	uint64_t len;
	int64_t sec, nsec;
	bool committing;
};

static void record_encode(const struct base_record *r, uint8_t *buf)
{
	memcpy(buf, record_magic, sizeof(record_magic));
	put_le64(buf + 8, r->len);
	put_le64(buf + 16, (uint64_t)r->sec);
	put_le64(buf + 24, (uint64_t)r->nsec);
	put_le64(buf + 32, r->committing);
}

static int record_read(struct store *s, struct base_record *out, struct err *err)
{
	uint8_t buf[SNAP_RECORD_MAX];
	size_t len = snap_record(s, buf);

	if (len < RECORD_LEN || memcmp(buf, record_magic, sizeof(record_magic)) != 0)
		return err_set(err, -EINVAL, "is not an overlay that canisterfs made");
	*out = (struct base_record){get_le64(buf + 8), (int64_t)get_le64(buf + 16),
				    (int64_t)get_le64(buf + 24), get_le64(buf + 32) != 0};
	return 0;
}

static int record_of(const char *base, struct base_record *out, struct err *err)
{
	struct stat st;

	if (stat(base, &st) < 0)
		return err_sys(err, -errno, "the base %s", base);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "the base %s is not a plain file", base);
	*out = (struct base_record){(uint64_t)st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
				    false};
	return 0;
}

static int check_base(const char *base, const struct base_record *r, struct err *err)
{
	struct base_record now = {0};
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

/* Where the base's name in the overlay leads. */
static char *base_path(const char *path, struct store *s)
{
	const char *name = qcow2_of(s)->h.backing;
	const char *slash = strrchr(path, '/');
	char *out;

	if (name[0] == '/' || !slash)
		return strdup(name);
	return asprintf(&out, "%.*s%s", (int)(slash + 1 - path), path, name) < 0 ? NULL : out;
}

/* The file alone, its base not opened. */
static int peek(const char *path, char **base, struct base_record *r, struct err *err)
{
	struct store *file;
	struct qcow2 *q;
	int rc = file_store_open(path, false, &file, err);

	if (!rc)
		rc = qcow2_open(file, &q, err);
	if (rc)
		return rc;
	rc = record_read(&q->s, r, err);
	*base = rc ? NULL : base_path(path, &q->s);
	qcow2_close(q);
	return rc || *base ? rc : err_set(err, -ENOMEM, "no memory for a path");
}

/* ---- making one ---- */

/* Beside the base its name alone, so that both can be moved; else its whole path. */
static int name_base(const char *path, const char *base, char *out, size_t len)
{
	auto_free char *dir = strdup(path);
	auto_free char *full_dir = NULL;
	auto_free char *full = realpath(base, NULL);
	char *slash;

	if (!dir || !full)
		return -errno;
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	full_dir = realpath(!slash ? "." : slash == dir ? "/" : dir, NULL);
	if (!full_dir)
		return -errno;
	slash = strrchr(full, '/');
	if (strncmp(full, full_dir, (size_t)(slash - full)) == 0 && full_dir[slash - full] == 0)
		return snprintf(out, len, "./%s", slash + 1) < (int)len ? 0 : -ENAMETOOLONG;
	return snprintf(out, len, "%s", full) < (int)len ? 0 : -ENAMETOOLONG;
}

static int make(const char *path, const char *base, struct err *err)
{
	auto_store struct store *below = NULL;
	char name[QCOW2_MAX_NAME_LEN + 1];
	uint8_t record[RECORD_LEN];
	struct base_record r;
	struct snap_new what = {.backing = name, .record = record, .record_len = sizeof(record)};
	int rc = snap_open_image(base, false, &below, err);

	if (rc)
		return err_prefix(err, rc, "the base %s", base);
	rc = record_of(base, &r, err);
	if (rc)
		return rc;
	rc = name_base(path, base, name, sizeof(name));
	if (rc)
		return err_sys(err, rc, "cannot name the base %s", base);
	record_encode(&r, record);
	what.len = below->len;
	what.backing_format = qcow2_of(below) ? "qcow2" : "raw";
	return snap_create(path, false, &what, err);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int snap_overlay_open(const char *path, const char *base, bool writable, struct store **out,
		      struct err *err)
{
	auto_free char *old_base = NULL;
	struct base_record r;
	int rc = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		rc = make(path, base, err);
	if (!rc)
		rc = peek(path, &old_base, &r, err);
	if (!rc && !same_file(base, old_base))
		rc = err_set(err, -EINVAL, "is an overlay of %s, not of %s", old_base, base);
	if (!rc)
		rc = check_base(old_base, &r, err);
	return rc ? rc : snap_open(path, writable ? SNAP_WRITABLE : 0, out, err);
}

int snap_overlay_read(const char *path, struct store **out, struct err *err)
{
	auto_free char *base = NULL;
	struct base_record r;
	int rc = peek(path, &base, &r, err);

	if (!rc)
		rc = check_base(base, &r, err);
	return rc ? rc : snap_open(path, 0, out, err);
}

/* ---- its end ---- */

/* Snapshots of the overlay itself have nothing to stand on any more. Where something else lies in
 * their directory, it stays. */
static int remove_both(const char *path, struct err *err)
{
	int rc = snap_live_remove_all(path, err);

	if (!rc && unlink(path) < 0)
		rc = err_sys(err, -errno, "cannot be removed");
	return rc;
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

static int merge(struct store *from, struct store *to, struct err *err)
{
	auto_free uint8_t *buf = malloc(SNAP_CLUSTER_LEN);
	uint64_t off = 0;
	int rc = buf ? store_resize(to, from->len, err) : -ENOMEM;

	while (!rc && off < from->len) {
		uint64_t start, end;

		rc = snap_next_held(from, off, &start, &end, err);
		if (rc || start == end)
			break;
		rc = merge_range(from, to, start, end, buf, err);
		off = end;
	}
	return rc ? rc : store_sync(to, err);
}

static int begin(struct store *s, struct base_record *r, struct err *err)
{
	uint8_t record[RECORD_LEN];
	int rc;

	r->committing = true;
	record_encode(r, record);
	rc = snap_set_record(s, record, sizeof(record), err);
	return rc ? rc : store_sync(s, err);
}

int snap_overlay_commit(const char *path, snap_open_fn *open, struct err *err)
{
	auto_free char *base = NULL;
	auto_store struct store *to = NULL;
	auto_store struct store *from = NULL;
	struct base_record r;
	struct store *file;
	int rc = peek(path, &base, &r, err);

	if (!rc && !r.committing)
		rc = check_base(base, &r, err);
	if (!rc)
		rc = open_base(base, open, &to, err);
	if (!rc)
		rc = file_store_open(path, true, &file, err);
	if (!rc)
		rc = snap_open_on(file, to, SNAP_WRITABLE, &from, err);
	if (!rc)
		rc = begin(from, &r, err);
	if (!rc)
		rc = merge(from, to, err);
	if (!rc) {
		rc = remove_both(path, err);
		if (rc)
			err_prefix(err, rc, "merged, but");
	}
	return rc;
}

int snap_overlay_discard(const char *path, struct err *err)
{
	auto_store struct store *file = NULL;
	auto_free char *base = NULL;
	struct base_record r;
	int rc = peek(path, &base, &r, err);

	if (!rc && r.committing)
		rc = err_set(err, -EBUSY,
			     "its commit has begun, and without it the base %s is half-way", base);
	if (!rc)
		rc = file_store_open(path, true, &file, err);
	return rc ? rc : remove_both(path, err);
}
