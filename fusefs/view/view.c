// SPDX-License-Identifier: MIT
/*
 * Makes the view of an image: an EROFS file system in a file without a name, mounted without a
 * place, so that nothing of it is left when the daemon ends, however that happens.
 */
#include "fusefs/view/view.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fusefs/view/erofs.h"

/* What the chunks of all memories may take up; an image of 4 TiB in buckets of 8 MiB needs 4 MiB.
 */
#define CHUNKS_MAX ((16u << 20) / 8)

struct view {
	struct mm *mm;
	struct store *store;
	int fd; /* the one host file that has all the bytes; -1: not seen yet */
	uint64_t fd_len;
	unsigned chunk_bits;
	uint64_t chunks;
	struct erofs_file file[MM_MAX_MEMORIES];
	unsigned count;
};

static void free_view(struct view **view)
{
	for (unsigned i = 0; *view && i < (*view)->count; i++)
		free((*view)->file[i].block);
	free(*view);
}

/* The largest chunk of which every bucket has a whole number. */
static unsigned chunk_bits_of(struct mm *mm)
{
	struct mm_stat st;

	mm_stat(mm, &st);
	return (unsigned)__builtin_ctzll((uint64_t)st.bucket_pages * MM_PAGE_LEN) -
	       EROFS_BLOCK_BITS;
}

static int see_host_file(struct view *v, int fd, struct err *err)
{
	struct stat st;

	if (v->fd == fd && fd >= 0)
		return 0;
	if (fd < 0 || v->fd >= 0)
		return err_set(err, -EOPNOTSUPP, "the image does not lie in one plain file");
	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "the image");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EOPNOTSUPP, "the image is not a plain file");
	v->fd = fd;
	v->fd_len = (uint64_t)st.st_size;
	return 0;
}

/* The longest piece that begins at `off` and lies at one stretch in the host file. */
static int next_piece(struct view *v, unsigned mm_id, uint64_t off, uint64_t len,
		      uint64_t *host_off, uint64_t *piece_len, struct err *err)
{
	struct mm_extent x;
	struct store_host host;
	int rc = mm_extent_at(v->mm, mm_id, off, len, &x);

	if (rc)
		return err_set(err, rc, "memory %u is short of buckets", mm_id);
	host = store_host_at(v->store, x.image_off);
	rc = see_host_file(v, host.fd, err);
	if (rc)
		return rc;
	*host_off = host.off;
	*piece_len = MIN(x.len, host.len);
	if (host.off % EROFS_BLOCK_LEN)
		return err_set(err, -EOPNOTSUPP,
			       "memory %u lies in the host file at %llu, "
			       "which is no multiple of 4096",
			       mm_id, (unsigned long long)host.off);
	if (host.off > v->fd_len || *piece_len > v->fd_len - host.off)
		return err_set(err, -EUCLEAN, "memory %u is short of image", mm_id);
	if ((host.off + *piece_len) >> EROFS_BLOCK_BITS >= UINT32_MAX)
		return err_set(err, -EFBIG, "the image is larger than 16 TiB");
	return 0;
}

static int map_file(struct view *v, struct erofs_file *file, struct err *err)
{
	const uint64_t chunk_len = (uint64_t)EROFS_BLOCK_LEN << v->chunk_bits;

	for (uint64_t off = 0, len = 0; off < file->len; off += len) {
		uint64_t host_off = 0;
		int rc = next_piece(v, file->number, off, file->len - off, &host_off, &len, err);

		if (rc)
			return rc;
		if (len % chunk_len && off + len < file->len)
			return err_set(err, -EOPNOTSUPP,
				       "a bucket of memory %u lies in the host file in pieces",
				       file->number);
		for (uint64_t done = 0; done < len; done += chunk_len)
			file->block[(off + done) / chunk_len] =
				(uint32_t)((host_off + done) >> EROFS_BLOCK_BITS);
	}
	return 0;
}

static int add_memory(struct view *v, unsigned mm_id, struct err *err)
{
	struct erofs_file *file = &v->file[v->count];
	struct mm_memory m;
	uint64_t chunks;

	mm_memory(v->mm, mm_id, &m);
	if (m.pages == 0)
		return 0;
	chunks = div_up(m.pages * MM_PAGE_LEN, (uint64_t)EROFS_BLOCK_LEN << v->chunk_bits);
	v->chunks += chunks;
	if (v->chunks > CHUNKS_MAX)
		return err_set(err, -EFBIG,
			       "the image has more pieces than the %u that a view "
			       "can have",
			       CHUNKS_MAX);
	*file = (struct erofs_file){.number = mm_id, .chunk_bits = v->chunk_bits};
	file->len = m.pages * MM_PAGE_LEN;
	file->block = calloc(chunks, sizeof(*file->block));
	if (!file->block)
		return err_set(err, -ENOMEM, "no memory for a view of the image");
	v->count++;
	return map_file(v, file, err);
}

static int set_path(int context, const char *key, int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig(context, FSCONFIG_SET_STRING, key, path, 0);
}

static int mount_nowhere(int fd, int device_fd, int *root_fd, struct err *err)
{
	auto_close int context = fsopen("erofs", FSOPEN_CLOEXEC);

	if (context < 0 && errno == EPERM)
		return err_set(err, -EPERM, "it needs root");
	if (context < 0)
		return err_sys(err, -errno, "this kernel has no EROFS");
	if (set_path(context, "source", fd) < 0 || set_path(context, "device", device_fd) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(err, -errno, "this kernel cannot mount EROFS from a file");
	*root_fd = fsmount(context, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				   MOUNT_ATTR_NOEXEC);
	return *root_fd < 0 ? err_sys(err, -errno, "EROFS cannot be mounted") : 0;
}

/* EROFS cannot stand on tmpfs, nor on an overlayfs: not every directory will do. */
static int mount_in(struct view *v, const char *dir, int *root_fd, struct err *err)
{
	auto_close int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "%s: no file without a name can be made there", dir);
	rc = erofs_write(fd, v->file, v->count, v->fd_len, err);
	return rc ? rc : mount_nowhere(fd, v->fd, root_fd, err);
}

static int mount_anywhere(struct view *v, const char *image_path, int *root_fd, struct err *err)
{
	auto_free char *copy = strdup(image_path);
	int rc = copy ? mount_in(v, dirname(copy), root_fd, err) : -ENOMEM;

	return rc ? mount_in(v, "/var/tmp", root_fd, err) : 0;
}

int view_open(struct mm *mm, struct store *store, const char *image_path, int *root_fd,
	      struct err *err)
{
	__attribute__((cleanup(free_view))) struct view *v = calloc(1, sizeof(*v));
	int rc = 0;

	if (!v)
		return err_set(err, -ENOMEM, "no memory for a view of the image");
	v->mm = mm;
	v->store = store;
	v->fd = -1;
	v->chunk_bits = chunk_bits_of(mm);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = add_memory(v, id, err);
	if (!rc && v->count == 0)
		rc = err_set(err, -ENOENT, "the image has no memory with pages");
	return rc ? rc : mount_anywhere(v, image_path, root_fd, err);
}
