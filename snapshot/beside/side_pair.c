// SPDX-License-Identifier: MIT
/*
 * Brings back what SQLite pairs with a database in one memory. The scratch directory is in use
 * meanwhile: files of other memories are not touched. Takes no lock: the caller lets nobody use
 * these files.
 */
#include <fcntl.h>

#include "snapshot/beside/bond_parts.h"

enum { STEP_LEN = 65536 };

static bool holds(int fd, const struct side_file *want)
{
	uint8_t have[STEP_LEN], wanted[STEP_LEN];

	for (uint64_t off = 0; off < want->len; off += STEP_LEN) {
		size_t n = (size_t)MIN(want->len - off, (uint64_t)STEP_LEN);

		if (pread_all(fd, have, n, off) != 0 ||
		    want->read(want->ctx, wanted, n, off, NULL) != 0 ||
		    memcmp(have, wanted, n) != 0)
			return false;
	}
	return true;
}

/* Nothing has the name then. *done: what has the name is what is wanted. */
static int clear_name(struct bond *b, const char *name, const struct side_file *want, bool *done,
		      struct err *err)
{
	int dir = bond_dir_fd(b, SIDE_SCRATCH);
	auto_free char *aside = NULL;
	uint64_t len;
	auto_close int fd = side_open_file(dir, name, false, b->owner, &len);
	int rc;

	*done = false;
	if (fd == -ENOENT)
		return 0;
	*done = fd >= 0 && want && len == want->len && holds(fd, want);
	if (*done)
		return 0;
	if (fd >= 0 && len == 0)
		return unlinkat(dir, name, 0) < 0 ? err_sys(err, -errno, "cannot remove '%s'", name)
						  : 0;
	rc = side_rename_aside(dir, name, &aside);
	return rc ? err_sys(err, rc, "cannot set '%s' aside", name) : 0;
}

static int put(struct bond *b, const struct side_file *want, struct err *err)
{
	int dir = bond_dir_fd(b, SIDE_SCRATCH);
	auto_close int fd =
		openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, (b->mode & 0666) | 0600);
	int rc = fd < 0 ? err_sys(err, -errno, "'%s' cannot be made", want->name)
			: side_file_copy(want, fd, err);

	if (!rc && fsync(fd) < 0)
		rc = err_sys(err, -errno, "'%s' cannot be synced", want->name);
	if (rc)
		return rc;
	rc = link_fd(fd, dir, want->name);
	return rc ? err_sys(err, rc, "'%s' cannot get its name", want->name) : 0;
}

static int put_one(struct bond *b, const char *name, const struct side_file *want, struct err *err)
{
	bool done = false;
	int rc = 0;

	if (want && !bond_fits(b, SIDE_SCRATCH))
		rc = bond_attach(b, SIDE_SCRATCH, err);
	if (!rc && bond_fits(b, SIDE_SCRATCH))
		rc = clear_name(b, name, want, &done, err);
	return rc || done || !want ? rc : put(b, want, err);
}

int bond_install_pair(struct bond *b, unsigned mm_id, const struct side_files *files,
		      struct err *err)
{
	uint64_t len = files ? files->exact_len[mm_id] : SIDE_WHOLE_PAGES;
	int rc = len == SIDE_WHOLE_PAGES || bond_fits(b, SIDE_SCRATCH)
			 ? 0
			 : bond_attach(b, SIDE_SCRATCH, err);

	for (unsigned i = 0; !rc && i < SIDE_PAIR_COUNT; i++) {
		char name[SIDE_PAIR_ROOM];

		side_pair_name(mm_id, i, name);
		rc = put_one(b, name, files ? side_files_find(files, name) : NULL, err);
	}
	if (rc || !bond_fits(b, SIDE_SCRATCH))
		return rc;
	bond_note_len(b, mm_id, len);
	return fsync(bond_dir_fd(b, SIDE_SCRATCH)) < 0
		       ? err_sys(err, -errno, "cannot sync %s", b->path[SIDE_SCRATCH])
		       : 0;
}
