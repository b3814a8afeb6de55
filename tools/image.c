// SPDX-License-Identifier: MIT
/*
 * Opens images for the verbs. See image.h. Never looks into an image itself.
 */
#include "tools/image.h"

#include <fcntl.h>
#include <stdio.h>

int image_open_store(const char *path, bool writable, struct store **out, struct err *err)
{
	return file_store_open(path, writable, out, err);
}

/* Upstream's init would overwrite the first 34,848 bytes of a raw image: we never do. */
static int explain_unmanaged(struct store *s, int rc, struct err *err)
{
	enum mm_kind kind;
	struct err why = {""};
	int probe = mm_probe(s, &kind, &why);

	if (probe || kind == MM_MANAGED)
		return err_set(err, probe ? probe : rc, "%s", why.text);
	if (kind == MM_EMPTY)
		return err_set(
			err, rc,
			"no managed image: %s; 'canisterfs create --force' can make one of it",
			why.text);
	return err_set(
		err, rc,
		"a raw image, which has no memories and is never written to: %s; to work on "
		"it as a memory, 'canisterfs create' an image and 'canisterfs put' this file "
		"into it",
		why.text);
}

int image_open(const char *path, bool writable, struct image *out, struct err *err)
{
	struct err why = {""};
	int rc = image_open_store(path, writable, &out->store, err);

	if (rc)
		return rc;
	rc = mm_open(out->store, &out->mm, &why);
	if (rc == -EINVAL)
		rc = explain_unmanaged(out->store, rc, err);
	else if (rc == -EUCLEAN)
		rc = err_set(err, rc, "%s ('canisterfs check' tells more)", why.text);
	else if (rc)
		rc = err_set(err, rc, "%s", why.text);
	if (rc)
		image_drop(out);
	return rc;
}

int image_close(struct image *img, struct err *err)
{
	int rc = mm_close(img->mm, err);

	img->mm = NULL;
	image_drop(img);
	return rc;
}

void image_drop(struct image *img)
{
	mm_drop(img->mm);
	store_close(img->store);
	*img = (struct image){NULL, NULL};
}

int image_find(struct mm *mm, unsigned mm_id, struct mm_memory *out, struct err *err)
{
	char list[256] = "";
	size_t len = 0;

	mm_memory(mm, mm_id, out);
	if (out->pages > 0)
		return 0;
	for (unsigned id = 0; id < MM_MAX_MEMORIES && len < sizeof(list); id++) {
		struct mm_memory other;

		mm_memory(mm, id, &other);
		if (other.pages > 0)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u",
						len ? ", " : "", id);
	}
	if (len == 0)
		return err_set(err, -ENOENT, "there is no memory %u: the image holds none", mm_id);
	return err_set(err, -ENOENT, "there is no memory %u: the image holds %s%s", mm_id, list,
		       len < sizeof(list) ? "" : "...");
}

int image_new_open(const char *path, bool force, struct image_new *out, struct err *err)
{
	int rc, fd;

	if (force && image_open_store(path, true, &out->old, err) == -EWOULDBLOCK)
		return -EWOULDBLOCK;
	rc = new_file_open(&out->file, path, force, err);
	if (rc)
		return rc;
	fd = fcntl(out->file.fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	return file_store_from_fd(fd, true, &out->store, err);
}

int image_new_commit(struct image_new *new, struct err *err)
{
	store_close(new->store);
	new->store = NULL;
	return new_file_commit(&new->file, err);
}

void image_new_drop(struct image_new *new)
{
	store_close(new->store);
	store_close(new->old);
	new_file_drop(&new->file);
	*new = IMAGE_NEW_NONE;
}
