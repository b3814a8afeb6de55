// SPDX-License-Identifier: MIT
/*
 * Makes new images for the verbs. See image_open.h. What an output replaces is held until the
 * commit.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "snapshot/snapshot.h"
#include "tools/image/base.h"
#include "tools/image/image_open.h"
#include "tools/image/safe_load.h"

/* The pages before the base page; zeros stay holes. */
static int copy_front(struct store *from, uint64_t len, struct store *to, struct err *err)
{
	auto_free uint8_t *page = malloc(MM_PAGE_LEN);
	int rc = page ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (uint64_t off = 0; !rc && off < len; off += MM_PAGE_LEN) {
		rc = store_read(from, page, MM_PAGE_LEN, off, err);
		if (!rc && !is_zero(page, MM_PAGE_LEN))
			rc = store_write(to, page, MM_PAGE_LEN, off, 0, err);
	}
	return rc ? err_prefix(err, rc, "the pages before the base page") : 0;
}

/* What `path` names is not in use, and nobody begins to use it meanwhile. `held`: but by the
 * caller. */
static int open_dir(const char *path, bool force, bool held, struct image_new *out, struct err *err)
{
	int rc = force ? image_check_dir(path, err) : err_set(err, -EEXIST, "exists already");

	if (!rc)
		rc = canister_swap_begin(path, held, &out->swap, err);
	if (rc)
		return rc;
	return held ? new_file_open_held(&out->file, out->swap.stable_path, err)
		    : new_file_open(&out->file, out->swap.stable_path, true, err);
}

static int open_file(const char *path, bool force, bool held, struct image_new *out,
		     struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return open_dir(path, force, held, out, err);
	return held && force ? snap_replace_held(&out->file, path, err)
			     : snap_replace(&out->file, path, force, err);
}

int image_new_open(const char *path, bool force, struct store *like, struct image_new *out,
		   struct err *err)
{
	uint64_t base_len = image_base_pages == CMD_UNSET ? 0 : image_base_pages * MM_PAGE_LEN;
	struct store *from = like ? window_whole(like, &base_len) : NULL;
	struct store *whole;
	/* It is open for writing only where it is what is replaced. */
	int rc = open_file(path, force, like && like->writable, out, err);
	int fd;

	out->name = path;
	if (rc)
		return rc;
	fd = fcntl(out->file.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	rc = file_store_from_fd(fd, true, &whole, err);
	if (rc || base_len == 0) {
		out->store = rc ? NULL : whole;
		return rc;
	}
	rc = store_resize(whole, base_len, err);
	if (!rc && from)
		rc = copy_front(from, base_len, whole, err);
	if (rc)
		store_close(whole);
	return rc ? rc : window_store_open(whole, base_len, &out->store, err);
}

/* What lay beside the old image is set aside; what belongs to the new one takes its place. */
static int settle_sides(struct image_new *new, struct err *err)
{
	auto_store struct store *store = NULL;
	int rc;

	if (!image_has_scratch(new->name))
		return 0;
	canister_swap_drop(&new->swap);
	rc = image_open_store(new->name, true, &store, err);
	/* The caller has the directory locked: the next opening does the rest. */
	if (rc == -EWOULDBLOCK)
		return 0;
	return rc ? err_prefix(err, rc, "made, but not what lies beside it") : 0;
}

static int give_name(struct image_new *new, uint64_t len, struct err *err)
{
	int rc;

	if (!new->swap.dir)
		return new_file_commit(&new->file, err);
	rc = canister_swap_commit(&new->swap, &new->file, len, err);
	if (!rc)
		safe_load_print(stderr, new->swap.dir);
	return rc;
}

/* Before the image has its name: what belongs to it, and the image's id, which lies in page 0. */
static int plant_sides(struct image_new *new, struct err *err)
{
	uint64_t base_len;
	struct store *whole = window_whole(new->store, &base_len);
	int rc = whole == new->store ? base_of(NULL, whole, false, &base_len, err) : 0;

	return rc ? rc
		  : side_plant(whole, base_len, new->swap.dir ? new->swap.dir : new->file.path,
			       new->side, err);
}

int image_new_commit(struct image_new *new, struct err *err)
{
	uint64_t len = window_whole(new->store, NULL)->len;
	int rc = side_files_any(new->side) ? plant_sides(new, err) : 0;

	store_close(new->store);
	new->store = NULL;
	if (!rc)
		rc = give_name(new, len, err);
	return rc ? rc : settle_sides(new, err);
}

void image_new_drop(struct image_new *new)
{
	store_close(new->store);
	new_file_drop(&new->file);
	canister_swap_drop(&new->swap);
	*new = IMAGE_NEW_NONE;
}
