// SPDX-License-Identifier: MIT
/*
 * Owns the opening of qcow2 files by name, with all that backs them: relative names, a bound for
 * the chain's length, no circles, and a delta's base that is the right one. Reads no cluster. No
 * locks: nobody else has the stores yet.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/backing.h"
#include "snapshot/live.h"
#include "snapshot/qcow2/qcow2.h"
#include "snapshot/qcow2/qcow2_write.h"
#include "snapshot/snapshot.h"

/* The files above, to tell a circle; the caller's stack holds them. */
struct above {
	const struct above *next;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

static int open_chain(struct store *file, const char *path, unsigned flags,
		      const struct above *above, struct store **out, struct err *err);

/* qemu takes what stands before a colon, with no slash in front of it, for a protocol. */
static bool has_protocol(const char *name)
{
	size_t n = strcspn(name, ":/");

	return name[n] == ':';
}

static int check_above(struct store *file, const struct above *above, struct above *here,
		       struct err *err)
{
	struct store_host host = store_host_at(file, 0);
	struct stat st;

	if (fstat(host.fd, &st) < 0)
		return err_sys(err, -errno, "cannot examine");
	*here = (struct above){above, st.st_dev, st.st_ino, above ? above->depth + 1 : 0};
	if (here->depth >= SNAP_MAX_CHAIN)
		return err_set(err, -ELOOP, "the chain of backing files is longer than %d",
			       SNAP_MAX_CHAIN);
	for (; above; above = above->next)
		if (above->dev == here->dev && above->ino == here->ino)
			return err_set(err, -ELOOP, "the chain of backing files runs in a circle");
	return 0;
}

static int probe(struct store *file, bool *is_qcow2, struct err *err)
{
	uint8_t magic[4];
	int rc = 0;

	*is_qcow2 = false;
	if (file->len < sizeof(magic))
		return 0;
	rc = store_read(file, magic, sizeof(magic), 0, err);
	if (rc == 0)
		*is_qcow2 = qcow2_is_magic(magic, sizeof(magic));
	return rc;
}

/* `format` "": whatever it is. Owns the file from now on. */
static int open_format(const char *format, struct store *file, const char *path, unsigned flags,
		       const struct above *above, struct store **out, struct err *err)
{
	bool is_qcow2 = strcmp(format, "qcow2") == 0;
	int rc = format[0] ? 0 : probe(file, &is_qcow2, err);

	if (!rc && is_qcow2)
		return open_chain(file, path, flags, above, out, err);
	if (rc)
		store_close(file);
	else
		*out = file;
	return rc;
}

/* A delta is nothing without the very base it was made on. */
static int check_base(const struct qcow2 *q, const struct store *backing, const char *name,
		      struct err *err)
{
	const struct qcow2 *base = backing ? qcow2_of((struct store *)backing) : NULL;
	char want[SHA_TEXT_LEN], is[SHA_TEXT_LEN];

	if (!q->has_ckpt || !ckpt_has_base(&q->ckpt))
		return 0;
	sha_text(q->ckpt.base, want);
	if (!base || !base->has_ckpt)
		return err_set(err, -EBADMSG,
			       "is a delta on a base with content %s, and '%s' is no checkpoint",
			       want, name);
	if (memcmp(base->ckpt.content, q->ckpt.base, SHA_LEN) != 0)
		return err_set(err, -EBADMSG,
			       "is a delta on a base with content %s, and '%s' has content %s",
			       want, name, sha_text(base->ckpt.content, is));
	return 0;
}

static int say_missing(const struct qcow2 *q, int rc, struct err *err)
{
	char want[SHA_TEXT_LEN];

	if (!q->has_ckpt || !ckpt_has_base(&q->ckpt))
		return err_prefix(err, rc, "the backing file '%s'", q->h.backing);
	return err_prefix(err, rc, "the base '%s' with content %s", q->h.backing,
			  sha_text(q->ckpt.base, want));
}

static int check_name(const struct qcow2 *q, const char *name, struct err *err)
{
	const char *format = q->h.backing_format;

	if (has_protocol(name))
		return err_set(err, -ENOTSUP, "the backing file '%s' is not a plain file's name",
			       name);
	if (format[0] && strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0)
		return err_set(err, -ENOTSUP,
			       "the backing file '%s' is of format '%s', where raw and qcow2 are "
			       "known",
			       name, format);
	return 0;
}

static int open_backing(struct qcow2 *q, const char *path, unsigned flags,
			const struct above *above, struct err *err)
{
	const char *name = q->h.backing;
	auto_free char *full = NULL;
	struct backing_of of = {
		.file = q->file,
		.path = path,
		.trusted = flags & SNAP_TRUST_BACKING,
		.proven = q->has_ckpt && ckpt_has_base(&q->ckpt),
	};
	struct store *file;
	int rc;

	if (name[0] == 0)
		return check_base(q, NULL, "", err);
	if (strncmp(name, "file:", 5) == 0)
		name += 5;
	rc = check_name(q, name, err);
	if (rc < 0)
		return rc;
	full = backing_path(path, name);
	rc = full ? backing_open(&of, name, &file, err) : err_sys(err, -ENOMEM, "cannot open");
	if (rc == 0)
		rc = open_format(q->h.backing_format, file, full, flags, above, &q->backing, err);
	if (rc < 0)
		return say_missing(q, rc, err);
	q->owns_backing = true;
	return check_base(q, q->backing, name, err);
}

/* `file` is open as `flags` say, and the result's from now on, also when this fails. */
static int open_chain(struct store *file, const char *path, unsigned flags,
		      const struct above *above, struct store **out, struct err *err)
{
	struct above here;
	struct qcow2 *q;
	int rc = check_above(file, above, &here, err);

	if (rc < 0) {
		store_close(file);
		return rc;
	}
	rc = qcow2_open(file, &q, err);
	if (rc < 0)
		return rc;
	rc = open_backing(q, path, flags & SNAP_TRUST_BACKING, &here, err);
	if (rc == 0 && flags & SNAP_WRITABLE)
		rc = qcow2_writer_open(q, err);
	if (rc < 0)
		qcow2_close(q);
	else
		*out = &q->s;
	return rc;
}

int snap_open(const char *path, unsigned flags, struct store **out, struct err *err)
{
	struct store *file;
	int rc = file_store_open(path, flags & SNAP_WRITABLE, &file, err);

	return rc < 0 ? rc : open_chain(file, path, flags, NULL, out, err);
}

int snap_open_image(const char *path, unsigned flags, struct store **out, struct err *err)
{
	auto_store struct store *file = NULL;
	bool is_qcow2 = false, writable = flags & SNAP_WRITABLE;
	int rc = file_store_open(path, writable, &file, err);

	if (rc == 0)
		rc = probe(file, &is_qcow2, err);
	if (rc == 0 && is_qcow2 && writable)
		return err_set(err, -EROFS,
			       "is a qcow2 file, such as a checkpoint, and can only be read");
	if (rc == 0 && !is_qcow2 && !writable)
		rc = bond_check_whole(file, path, err);
	if (rc < 0)
		return rc;
	if (is_qcow2)
		rc = open_chain(file, path, flags, NULL, out, err);
	else
		*out = file;
	file = NULL;
	return rc;
}

int snap_open_on(struct store *file, struct store *backing, unsigned flags, struct store **out,
		 struct err *err)
{
	struct qcow2 *q;
	int rc = qcow2_open(file, &q, err);

	if (rc < 0)
		return rc;
	q->backing = backing;
	q->live_backing = flags & SNAP_LIVE_BACKING;
	if ((q->h.backing[0] != 0) != (backing != NULL))
		rc = err_set(err, -EINVAL, "the header names %s backing file",
			     q->h.backing[0] ? "a" : "no");
	if (rc == 0 && flags & SNAP_WRITABLE)
		rc = qcow2_writer_open(q, err);
	if (rc < 0)
		qcow2_close(q);
	else
		*out = &q->s;
	return rc;
}
