// SPDX-License-Identifier: MIT
/*
 * Owns what lies around the stable memory in a canister snapshot's directory: the lock, the
 * metadata.json, and whether all is there. See canister_dir.h; the store is in canister_store.c.
 */
#include "tools/image/canister_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memmgr/memmgr.h"
#include "tools/image/canister_meta.h"

enum { METADATA_MAX_LEN = 64 << 20 };

static char *path_in(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool exists_in(const char *dir, const char *name)
{
	auto_free char *path = path_in(dir, name);

	return path && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool canister_dir_is(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && exists_in(path, CANISTER_METADATA);
}

/* ---- the lock: icp-cli takes the same one ---- */

int canister_dir_lock(const char *dir, bool writable, int *fd, struct err *err)
{
	struct err why = {""};

	*fd = open_file_beneath(dir, ".lock", writable ? O_RDWR | O_CREAT : O_RDONLY, &why);
	if (!writable && (*fd == -ENOENT || *fd == -EACCES)) {
		*fd = -1;
		return 0;
	}
	if (*fd < 0)
		return err_set(err, *fd, "cannot lock the directory: %s", why.text);
	if (flock(*fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, -EWOULDBLOCK,
			       "locked by an upload or a download, or in use by canisterfs");
	return err_sys(err, -errno, "cannot lock the directory");
}

/* ---- metadata.json ---- */

struct metadata {
	char *text;
	size_t len;
	struct canister_meta meta;
};

static int metadata_read(const char *dir, struct metadata *out, struct err *err)
{
	auto_close int fd = open_file_beneath(dir, CANISTER_METADATA, O_RDONLY, err);
	struct stat st;
	int rc;

	out->text = NULL;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "cannot examine " CANISTER_METADATA);
	if (st.st_size > METADATA_MAX_LEN)
		return err_set(err, -EINVAL, CANISTER_METADATA " has more than %d MiB",
			       METADATA_MAX_LEN >> 20);
	out->len = (size_t)st.st_size;
	out->text = malloc(out->len + 1);
	if (!out->text)
		return err_set(err, -ENOMEM, "out of memory");
	rc = pread_all(fd, out->text, out->len, 0);
	if (rc)
		return err_sys(err, rc, "cannot read " CANISTER_METADATA);
	return canister_meta_parse(out->text, out->len, &out->meta, err);
}

static void metadata_free(struct metadata *m)
{
	free(m->text);
}
#define auto_metadata __attribute__((cleanup(metadata_free)))

int canister_dir_set_len(const char *dir, uint64_t stable_len, struct err *err)
{
	auto_metadata struct metadata old = {NULL};
	auto_new_file struct new_file file = NEW_FILE_NONE;
	auto_free char *path = path_in(dir, CANISTER_METADATA);
	auto_free char *text = NULL;
	size_t len;
	int rc = path ? metadata_read(dir, &old, err) : err_set(err, -ENOMEM, "out of memory");

	if (rc || old.meta.stable_len == stable_len)
		return rc;
	rc = canister_meta_with(old.text, old.len, &old.meta, stable_len, &text, &len, err);
	if (!rc)
		rc = new_file_open(&file, path, true, err);
	if (!rc) {
		rc = pwrite_all(file.fd, text, len, 0);
		if (rc)
			err_sys(err, rc, "cannot write");
	}
	if (!rc)
		rc = new_file_commit(&file, err);
	return rc ? err_prefix(err, rc, CANISTER_METADATA) : 0;
}

/* ---- what is there ---- */

static int check_download(const char *dir, struct err *err)
{
	if (exists_in(dir, ".download_progress.json"))
		return err_set(err, -EINVAL,
			       "the download is not complete (.download_progress.json is there); "
			       "resume it first");
	return 0;
}

static int check_lengths(const struct canister_meta *meta, uint64_t file_len, struct err *err)
{
	if (meta->stable_len % MM_PAGE_LEN != 0 || meta->stable_len > CANISTER_STABLE_MAX_LEN)
		return err_set(err, -EINVAL,
			       CANISTER_METADATA " says %" PRIu64 " bytes of stable memory: no "
						 "number of pages that a canister can have",
			       meta->stable_len);
	if (file_len < meta->stable_len)
		return err_set(err, -EINVAL,
			       CANISTER_STABLE " has %" PRIu64 " of %" PRIu64
					       " bytes: the download is not complete",
			       file_len, meta->stable_len);
	if (file_len % MM_PAGE_LEN != 0)
		return err_set(err, -EINVAL,
			       CANISTER_STABLE " has %" PRIu64 " bytes, which are no whole pages, "
					       "and " CANISTER_METADATA " says %" PRIu64,
			       file_len, meta->stable_len);
	return 0;
}

/* A canister without stable memory may have no file for it. */
static int open_nothing(bool writable, struct store **out, struct err *err)
{
	int fd;

	if (writable)
		return err_set(err, -EINVAL, "the canister has no stable memory");
	fd = memfd_create("canisterfs", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	return file_store_from_fd(fd, false, out, err);
}

int canister_dir_stable(const char *dir, bool writable, struct store **out, struct err *err)
{
	auto_metadata struct metadata m = {NULL};
	auto_store struct store *s = NULL;
	int fd = -1;
	int rc = metadata_read(dir, &m, err);

	if (!rc)
		rc = check_download(dir, err);
	if (!rc && m.meta.stable_len == 0 && !exists_in(dir, CANISTER_STABLE))
		return open_nothing(writable, out, err);
	if (!rc) {
		fd = open_file_beneath(dir, CANISTER_STABLE, writable ? O_RDWR : O_RDONLY, err);
		rc = MIN(fd, 0);
	}
	if (!rc) {
		rc = file_store_from_fd(fd, writable, &s, err);
		if (rc)
			err_prefix(err, rc, CANISTER_STABLE);
	}
	if (!rc)
		rc = check_lengths(&m.meta, s->len, err);
	if (rc)
		return rc;
	*out = s;
	s = NULL;
	return 0;
}

/* dfx names its progress file by the snapshot it uploads to; icp-cli has one name. */
static bool upload_was_begun(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		size_t digits = strspn(e->d_name, "0123456789abcdef");

		found = strcmp(e->d_name, ".upload_progress.json") == 0 ||
			(digits >= 16 && strcmp(e->d_name + digits, ".json") == 0);
	}
	if (d)
		closedir(d);
	return found;
}

char *canister_dir_note(const char *path, bool writable)
{
	auto_metadata struct metadata m = {NULL};
	auto_close int stable = -1;
	struct stat st;
	char *note = NULL;

	if (writable && upload_was_begun(path))
		return strdup("an upload was begun before this change; do not resume it, for it "
			      "would leave out what it has sent already");
	stable = open_file_beneath(path, CANISTER_STABLE, O_RDONLY, NULL);
	if (stable < 0 || fstat(stable, &st) < 0 || metadata_read(path, &m, NULL) != 0 ||
	    (uint64_t)st.st_size <= m.meta.stable_len)
		return NULL;
	if (asprintf(&note,
		     CANISTER_STABLE " has %" PRIu64 " bytes and " CANISTER_METADATA
				     " says %" PRIu64 ": a change was interrupted; %s",
		     (uint64_t)st.st_size, m.meta.stable_len,
		     writable ? "this sets the number right"
			      : "the next verb that writes sets the number right") < 0)
		return NULL;
	return note;
}

/* ---- another stable memory ---- */

/* What is replaced must lie in the directory: a link is followed to what it names. */
static int check_old_stable(const char *dir, struct err *err)
{
	auto_close int fd = open_file_beneath(dir, CANISTER_STABLE, O_RDONLY, err);

	return fd == -ENOENT ? 0 : MIN(fd, 0);
}

int canister_swap_begin(const char *path, bool held, struct canister_swap *out, struct err *err)
{
	auto_metadata struct metadata m = {NULL};
	int rc = 0;

	out->dir = realpath(path, NULL);
	if (!out->dir)
		return err_sys(err, -errno, "cannot open");
	out->stable_path = path_in(out->dir, CANISTER_STABLE);
	if (!out->stable_path)
		return err_set(err, -ENOMEM, "out of memory");
	if (!held)
		rc = canister_dir_lock(out->dir, true, &out->lock_fd, err);
	if (!rc)
		rc = metadata_read(out->dir, &m, err);
	if (!rc)
		rc = check_old_stable(out->dir, err);
	return rc ? rc : check_download(out->dir, err);
}

int canister_swap_commit(struct canister_swap *swap, struct new_file *file, uint64_t len,
			 struct err *err)
{
	auto_metadata struct metadata m = {NULL};
	int rc = metadata_read(swap->dir, &m, err);

	if (!rc && len > CANISTER_STABLE_MAX_LEN)
		return err_set(err, -EFBIG,
			       "%" PRIu64 " bytes; a canister has at most %" PRIu64
			       " of stable memory",
			       len, CANISTER_STABLE_MAX_LEN);
	if (!rc && len < m.meta.stable_len)
		rc = canister_dir_set_len(swap->dir, len, err);
	if (!rc)
		rc = new_file_commit(file, err);
	return rc ? rc : canister_dir_set_len(swap->dir, len, err);
}

void canister_swap_drop(struct canister_swap *swap)
{
	cleanup_close(&swap->lock_fd);
	free(swap->dir);
	free(swap->stable_path);
	*swap = CANISTER_SWAP_NONE;
}
