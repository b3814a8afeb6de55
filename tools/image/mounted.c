// SPDX-License-Identifier: MIT
/*
 * Asks a mount, and reads the image behind it. See mounted.h. Whatever is taken for one reading
 * goes with the descriptor that asked for it, also when this process is killed.
 */
#include "tools/image/mounted.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tools/image/mounts.h"

bool mounted_is(const char *path)
{
	auto_mount_info struct mount_info info = MOUNT_INFO_NONE;
	auto_free char *parent = NULL;
	struct stat st, above;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	/* Most directories are on the file system of their parent: then there is no list to read.
	 */
	if (asprintf(&parent, "%s/..", path) < 0 ||
	    (stat(parent, &above) == 0 && above.st_dev == st.st_dev))
		return false;
	return mounts_find(path, &info, NULL) == 0;
}

static int open_inside(const char *mountpoint, const char *name, int *fd, struct err *err)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s/%s", mountpoint, name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys(err, -errno, "cannot reach the mount's %s", name) : 0;
}

int mounted_reach(const char *path, char **mountpoint, int *fd, struct err *err)
{
	auto_mount_info struct mount_info info = MOUNT_INFO_NONE;
	int rc = mounts_find(path, &info, err);

	if (rc)
		return rc;
	*mountpoint = info.mountpoint;
	info.mountpoint = NULL;
	return open_inside(*mountpoint, ".canister/stable", fd, err);
}

int mounted_ask(int fd, struct fs_request *r, struct err *err)
{
	if (ioctl(fd, FS_IOCTL, r) < 0)
		return err_sys(err, -errno, "the mount does not answer");
	r->text[sizeof(r->text) - 1] = 0;
	return r->status == 0 ? 0
	       : r->text[0]   ? err_set(err, r->status, "%s", r->text)
			      : err_sys(err, r->status, "refused");
}

int mounted_request(struct fs_request *r, uint32_t verb, const char *name, const char *other,
		    struct err *err)
{
	*r = (struct fs_request){.verb = verb, .mm_id = FS_SNAP_ALL};
	if (strlen(name) >= sizeof(r->name) || (other && strlen(other) >= sizeof(r->other)))
		return err_set(err, -ENAMETOOLONG, "a snapshot's name is not so long");
	strcpy(r->name, name);
	if (other)
		strcpy(r->other, other);
	return 0;
}

/* ---- the image ---- */

struct mounted {
	struct store s;
	struct store *under;
	int fd; /* as long as it is open, so is the temporary snapshot */
	int dir_fd;
	char temporary[48];
	uint64_t changes[MM_MAX_MEMORIES]; /* the memories' change counts at the snapshot */
};

static int mounted_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	return store_read(((struct mounted *)s)->under, buf, len, off, err);
}

static int mounted_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			     struct err *err)
{
	return store_next_data(((struct mounted *)s)->under, off, start, end, err);
}

/* Closing the descriptor would do, a moment later. */
static void drop_temporary(struct mounted *m)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));

	if (r && !mounted_request(r, FS_SNAP_DROP, m->temporary, NULL, NULL))
		(void)!mounted_ask(m->fd, r, NULL);
}

static void mounted_close(struct store *s)
{
	struct mounted *m = (struct mounted *)s;

	store_close(m->under);
	if (m->dir_fd >= 0)
		close(m->dir_fd);
	if (m->temporary[0])
		drop_temporary(m);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

static const struct store_ops mounted_ops = {
	.name = "mounted image",
	.read_at = mounted_read_at,
	.next_data = mounted_next_data,
	.close = mounted_close,
};

static int take(struct mounted *m, unsigned how, struct fs_request *r, struct err *err)
{
	int rc;

	snprintf(m->temporary, sizeof(m->temporary), "reader-%ld-%d", (long)getpid(), m->fd);
	rc = mounted_request(r, FS_SNAP_CREATE, m->temporary, NULL, err);
	r->number = how | FS_SNAP_WHILE_OPEN;
	if (!rc)
		rc = mounted_ask(m->fd, r, err);
	if (rc)
		m->temporary[0] = 0;
	else
		memcpy(m->changes, r->pages, sizeof(m->changes));
	return rc;
}

static int open_file(struct mounted *m, const char *mountpoint, const char *name, struct err *err)
{
	int fd = -1;
	int rc = open_inside(mountpoint, name, &fd, err);

	return rc ? rc : file_store_from_fd(fd, false, &m->under, err);
}

/* The mount tells what its folder of snapshots is called, also when there are none. */
static int open_snapshot(struct mounted *m, const char *mountpoint, const char *snapshot,
			 struct fs_request *r, struct err *err)
{
	auto_free char *dir = NULL;
	auto_free char *name = NULL;
	int rc = mounted_request(r, FS_SNAP_INFO, "", NULL, err);

	if (!rc)
		rc = mounted_ask(m->fd, r, err);
	if (rc)
		return rc;
	if (asprintf(&dir, "%s/%s", r->other, snapshot) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (asprintf(&name, "%s/stable", dir) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	rc = open_inside(mountpoint, dir, &m->dir_fd, err);
	return rc ? rc : open_file(m, mountpoint, name, err);
}

static int open_under(struct mounted *m, const char *mountpoint, const char *snapshot, unsigned how,
		      struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	int rc = r ? 0 : err_set(err, -ENOMEM, "out of memory");

	if (!rc && !snapshot)
		rc = take(m, how, r, err);
	if (rc == -EROFS) {
		rc = open_inside(mountpoint, "", &m->dir_fd, err);
		return rc ? rc : open_file(m, mountpoint, ".canister/stable", err);
	}
	return rc ? rc : open_snapshot(m, mountpoint, snapshot ? snapshot : m->temporary, r, err);
}

int mounted_dir_fd(const struct store *s)
{
	return s->ops == &mounted_ops ? ((const struct mounted *)s)->dir_fd : -1;
}

/* ---- changing it ---- */

/* One content on its way. */
struct sending {
	int fd;
	const struct mm_content *c;
	struct fs_piece *piece;
};

static int send_piece(const struct sending *s, uint64_t off, size_t len, struct err *err)
{
	size_t got = 0;
	int rc = s->c->source(s->c->ctx, s->piece->bytes, len, off, &got, err);

	if (!rc && got < len)
		rc = err_set(err, -EIO, "the new content of memory %u is too short", s->c->mm_id);
	if (rc || (!s->piece->over && is_zero(s->piece->bytes, len)))
		return rc;
	s->piece->off = off;
	s->piece->len = (uint32_t)len;
	if (ioctl(s->fd, FS_PIECE_IOCTL, s->piece) < 0)
		return err_sys(err, -errno, "the mount does not take the new content");
	return 0;
}

static int send_range(const struct sending *s, uint64_t off, uint64_t end, struct err *err)
{
	int rc = 0;

	for (size_t len; !rc && off < end; off += len) {
		len = (size_t)MIN((uint64_t)FS_PIECE_LEN, end - off);
		rc = send_piece(s, off, len, err);
	}
	return rc;
}

static int send_content(const struct sending *s, struct err *err)
{
	uint64_t off = 0, end;
	int rc = 0;

	if (!s->piece->over)
		return send_range(s, 0, s->c->len, err);
	while (!rc && ss_stage_next(s->c->ctx, off, &off, &end)) {
		rc = send_range(s, off, end, err);
		off = end;
	}
	return rc;
}

static int send_all(struct mounted *m, const struct mm_content *content, unsigned count,
		    bool staged, struct fs_request *r, struct err *err)
{
	auto_free struct fs_piece *piece = calloc(1, sizeof(*piece));
	int rc = piece ? 0 : err_set(err, -ENOMEM, "out of memory");

	for (unsigned i = 0; !rc && i < count; i++) {
		const struct sending s = {m->fd, &content[i], piece};
		unsigned mm_id = content[i].mm_id;

		piece->mm_id = mm_id;
		piece->over = staged;
		r->content[i] =
			(struct fs_content){mm_id, staged, content[i].len, m->changes[mm_id]};
		rc = send_content(&s, err);
	}
	return rc;
}

int mounted_install(struct store *s, const struct mm_content *content, unsigned count, bool staged,
		    struct err *err)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));
	struct mounted *m = (struct mounted *)s;
	int rc = r ? mounted_request(r, FS_INSTALL, "", NULL, err)
		   : err_set(err, -ENOMEM, "out of memory");

	if (!rc && !m->temporary[0])
		return err_set(err, -EROFS, "the image is mounted read-only");
	r->contents = count;
	if (!rc)
		rc = send_all(m, content, count, staged, r, err);
	return rc ? rc : mounted_ask(m->fd, r, err);
}

bool mounted_is_store(const struct store *s)
{
	return s->ops == &mounted_ops;
}

const char *mounted_snapshot(const struct store *s)
{
	const struct mounted *m = (const struct mounted *)s;

	return s->ops == &mounted_ops && m->temporary[0] ? m->temporary : NULL;
}

uint64_t mounted_base_pages(struct store *s)
{
	auto_free struct fs_request *r = malloc(sizeof(*r));

	if (s->ops != &mounted_ops || !r || mounted_request(r, FS_BASE, "", NULL, NULL) != 0 ||
	    mounted_ask(((struct mounted *)s)->fd, r, NULL) != 0)
		return 0;
	return r->number;
}

int mounted_open(const char *path, const char *snapshot, unsigned how, struct store **out,
		 struct err *err)
{
	struct mounted *m = calloc(1, sizeof(*m));
	auto_free char *mountpoint = NULL;
	int rc;

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	m->fd = m->dir_fd = -1;
	rc = mounted_reach(path, &mountpoint, &m->fd, err);
	if (!rc)
		rc = open_under(m, mountpoint, snapshot, how, err);
	if (rc) {
		mounted_close(&m->s);
		return rc;
	}
	m->s = (struct store){.ops = &mounted_ops, .len = m->under->len};
	*out = &m->s;
	return 0;
}
