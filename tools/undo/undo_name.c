// SPDX-License-Identifier: MIT
/*
 * Where undo files go by themselves. See undo.h.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "tools/undo/undo.h"

enum { MAX_UNDO_FILES = 1000 };

/* Beside a directory, not in it: "snap/" has its undo file in snap.undo. */
static int nth_name(const char *image, int n, char **name, struct err *err)
{
	int len = (int)strlen(image);
	char number[16] = "";

	while (len > 1 && image[len - 1] == '/')
		len--;
	if (n > 1)
		snprintf(number, sizeof(number), "-%d", n);
	free(*name);
	if (asprintf(name, "%.*s.undo%s", len, image, number) >= 0)
		return 0;
	*name = NULL;
	return err_set(err, -ENOMEM, "out of memory");
}

int undo_begin_beside(struct store *under, const uint8_t image_id[MM_ID_LEN], const char *image,
		      const char *save, struct store **out, char **name, struct err *err)
{
	struct stat st;
	int rc = -EEXIST;

	if (save) {
		*name = strdup(save);
		return *name ? undo_begin(under, image_id, save, out, err)
			     : err_set(err, -ENOMEM, "out of memory");
	}
	if (stat(image, &st) == 0 && S_ISBLK(st.st_mode))
		return err_set(err, -EINVAL,
			       "say with --save where what is overwritten on a device goes to");
	for (int n = 1; rc == -EEXIST && n <= MAX_UNDO_FILES; n++) {
		rc = nth_name(image, n, name, err);
		if (!rc)
			rc = undo_begin(under, image_id, *name, out, err);
	}
	return rc;
}
