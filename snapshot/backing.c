// SPDX-License-Identifier: MIT
/*
 * See backing.h. Looks at no more of a backing file than tells whether it is an image. No locks but
 * the file's own.
 */
#include "snapshot/backing.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "memmgr/memmgr.h"
#include "snapshot/qcow2/qcow2_format.h"

char *backing_path(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *out;

	if (name[0] == '/' || !slash)
		return strdup(name);
	if (asprintf(&out, "%.*s%s", (int)(slash + 1 - path), path, name) < 0)
		return NULL;
	return out;
}

static int refuse(const struct backing_of *of, const char *name, const char *why, struct err *err)
{
	auto_free char *path = backing_path(of->path, name);
	auto_free char *whole = path ? realpath(path, NULL) : NULL;

	return err_set(err, -EPERM, "is not opened: %.300s %s; --trust-backing opens it",
		       whole ? whole : name, why);
}

/* The live snapshots of IMAGE lie in IMAGE.snap, and name it "../IMAGE". */
static bool is_snapshot_of(const char *dir, const char *name)
{
	const char *slash = strrchr(dir, '/');
	size_t len = strlen(name);

	return strncmp(name, "../", 3) == 0 && !strchr(name + 3, '/') &&
	       strncmp(slash + 1, name + 3, len - 3) == 0 &&
	       strcmp(slash + 1 + len - 3, ".snap") == 0;
}

static int open_near(const struct backing_of *of, const char *name)
{
	const char *slash = strrchr(of->path, '/');
	auto_free char *parent =
		slash ? strndup(of->path, (size_t)(slash + 1 - of->path)) : strdup(".");
	auto_free char *dir = parent ? realpath(parent, NULL) : NULL;

	if (!dir)
		return -errno;
	if (is_snapshot_of(dir, name)) {
		name += strlen("../");
		strrchr(dir, '/')[1] = 0;
	}
	return open_beneath(dir, name, O_RDONLY);
}

static int open_anywhere(const struct backing_of *of, const char *name)
{
	auto_free char *path = backing_path(of->path, name);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;

	return path && fd < 0 ? -errno : path ? fd : -ENOMEM;
}

static int open_name(const struct backing_of *of, const char *name, int *fd, struct err *err)
{
	if (of->trusted || (of->proven && name[0] != '/'))
		*fd = open_anywhere(of, name);
	else
		*fd = open_near(of, name);
	if (*fd == -EXDEV)
		return refuse(of, name, "lies outside of the directory of the file that names it",
			      err);
	return *fd < 0 ? err_sys(err, *fd, "cannot open") : 0;
}

static int check_owner(const struct backing_of *of, const char *name, int fd, struct err *err)
{
	struct stat st, namer;
	char why[128];

	if (fstat(fd, &st) < 0 || fstat(store_host_at(of->file, 0).fd, &namer) < 0)
		return err_sys(err, -errno, "cannot examine");
	if (!S_ISREG(st.st_mode))
		return refuse(of, name, "is no plain file", err);
	if (st.st_uid == namer.st_uid)
		return 0;
	snprintf(why, sizeof(why), "belongs to user %u, and the file that names it to user %u",
		 st.st_uid, namer.st_uid);
	return refuse(of, name, why, err);
}

/* A raw dump has no mark of its own; but it consists of whole pages. */
static int check_image(const struct backing_of *of, const char *name, struct store *s,
		       struct err *err)
{
	uint8_t magic[4] = {0};
	enum mm_kind kind = MM_RAW;
	int rc = 0;

	if (s->len % MM_PAGE_LEN == 0)
		return 0;
	if (s->len >= sizeof(magic))
		rc = store_read(s, magic, sizeof(magic), 0, err);
	if (!rc && qcow2_is_magic(magic, sizeof(magic)))
		return 0;
	if (!rc)
		rc = mm_probe(s, &kind, err);
	if (rc || kind == MM_MANAGED)
		return rc;
	return refuse(of, name, "is no image", err);
}

int backing_open(const struct backing_of *of, const char *name, struct store **out, struct err *err)
{
	auto_close int fd = -1;
	struct store *s;
	int rc = open_name(of, name, &fd, err);

	if (!rc && !of->trusted)
		rc = check_owner(of, name, fd, err);
	if (!rc)
		rc = file_store_from_fd(steal_fd(&fd), false, &s, err);
	if (!rc && !of->trusted) {
		rc = check_image(of, name, s, err);
		if (rc)
			store_close(s);
	}
	if (!rc)
		*out = s;
	return rc;
}
