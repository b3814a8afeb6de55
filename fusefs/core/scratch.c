// SPDX-License-Identifier: MIT
/*
 * Scratch files on the host: they lie in the image's scratch directory, IMAGE.scratch, under their
 * own names (snapshot/beside/). They are part of the image's state: a journal there makes a
 * database in a memory whole. So they stay when the mount ends, in whatever way, and the next mount
 * shows them. Only empty ones go with the mount.
 *
 * Where there is no place for the directory (a block device, a directory that cannot be written to)
 * scratch files have no names and end with the daemon; the log says so.
 *
 * tree_lock guards the directory and its names.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fusefs/core/fs.h"

/* Where nameless ones lie. */
#define ELSEWHERE "/var/tmp"

static int dir_of(const struct fs *fs)
{
	return fs->cfg->bond && bond_fits(fs->cfg->bond, SIDE_SCRATCH)
		       ? bond_dir_fd(fs->cfg->bond, SIDE_SCRATCH)
		       : -1;
}

static mode_t file_mode(const struct fs *fs)
{
	return (fs->cfg->bond ? bond_mode(fs->cfg->bond) & 0666 : 0) | 0600;
}

void scratch_note_lengths(struct fs *fs)
{
	uint64_t len[MM_MAX_MEMORIES];

	if (dir_of(fs) < 0)
		return;
	memset(len, 0xff, sizeof(len));
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		if (n->kind == NODE_MEMORY)
			len[n->mm_id] = n->size_len;
	bond_note_lens(fs->cfg->bond, len);
}

/* The directory counts from now on. Returns 0 with fs->scratch_nameless where it has no place. */
static int attach(struct fs *fs, struct err *err)
{
	struct err why = {""};
	int rc = fs->cfg->bond ? bond_attach(fs->cfg->bond, SIDE_SCRATCH, &why) : -EOPNOTSUPP;

	if (!rc) {
		scratch_note_lengths(fs);
		return 0;
	}
	if (rc != -EOPNOTSUPP && rc != -EACCES && rc != -EPERM && rc != -EROFS)
		return err_set(err, rc, "%s", why.text);
	fs_log(fs,
	       "%s: scratch files have no place beside the image and end with the mount "
	       "(-o scratch=DIR gives them one): %s",
	       fs->cfg->image_path, why.text);
	fs->scratch_nameless = true;
	return 0;
}

int scratch_open_nameless(struct fs *fs)
{
	const char *elsewhere = fs->cfg->opts->scratch_dir ? fs->cfg->opts->scratch_dir : ELSEWHERE;
	int fd = open(elsewhere, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? memfd_create("removed", MFD_CLOEXEC) : fd;
}

int scratch_open(struct fs *fs, int *fd, struct err *err)
{
	const char *elsewhere = fs->cfg->opts->scratch_dir ? fs->cfg->opts->scratch_dir : ELSEWHERE;
	int rc = dir_of(fs) >= 0 || fs->scratch_nameless ? 0 : attach(fs, err);

	if (rc)
		return rc;
	*fd = fs->scratch_nameless
		      ? open(elsewhere, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
		      : openat(dir_of(fs), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, file_mode(fs));
	if (*fd < 0)
		return err_sys(err, -errno, "no scratch file can be made");
	return 0;
}

/* What has the name already is called SCRATCH_NEW_NAME then. */
static int take_name(int dir, int fd, const char *name)
{
	int rc = link_fd(fd, dir, name);

	if (rc != -EEXIST)
		return rc;
	unlinkat(dir, SCRATCH_NEW_NAME, 0);
	rc = link_fd(fd, dir, SCRATCH_NEW_NAME);
	return !rc && renameat2(dir, SCRATCH_NEW_NAME, dir, name, RENAME_EXCHANGE) < 0 ? -errno
										       : rc;
}

void scratch_end_naming(struct fs *fs, const char *name, bool done)
{
	int dir = dir_of(fs);

	if (dir < 0)
		return;
	if (!done && renameat(dir, SCRATCH_NEW_NAME, dir, name) < 0)
		unlinkat(dir, name, 0);
	unlinkat(dir, SCRATCH_NEW_NAME, 0);
}

int scratch_name(struct fs *fs, int fd, const char *name, struct err *err)
{
	int rc = dir_of(fs) < 0 ? 0 : take_name(dir_of(fs), fd, name);

	if (rc)
		return err_sys(err, rc, "the scratch file cannot get its name");
	scratch_end_naming(fs, name, true);
	return 0;
}

void scratch_unname(struct fs *fs, const char *name)
{
	if (dir_of(fs) >= 0)
		unlinkat(dir_of(fs), name, 0);
}

int scratch_rename(struct fs *fs, const char *name, const char *new_name, unsigned flags,
		   struct err *err)
{
	int dir = dir_of(fs);

	if (dir < 0 || renameat2(dir, name, dir, new_name, flags) == 0)
		return 0;
	return err_sys(err, -errno, "the scratch file cannot be renamed");
}

int scratch_sync_names(struct fs *fs)
{
	return dir_of(fs) >= 0 && fsync(dir_of(fs)) < 0 ? -errno : 0;
}

int scratch_name_durably(struct fs *fs, int fd, const char *name, struct err *err)
{
	int rc = fsync(fd) < 0 ? err_sys(err, -errno, "the copy cannot be synced") : 0;

	if (rc || dir_of(fs) < 0)
		return rc;
	rc = take_name(dir_of(fs), fd, name);
	if (!rc)
		rc = scratch_sync_names(fs);
	return rc ? err_sys(err, rc, "the copy cannot get its name") : 0;
}

/* ---- the begin and the end of a mount ---- */

static int show_one(struct fs *fs, const char *name, struct err *err)
{
	bool read_only = fs->cfg->opts->read_only;
	uint64_t len;
	auto_close int fd =
		side_open_file(dir_of(fs), name, !read_only, bond_owner(fs->cfg->bond), &len);
	struct node *node;

	if (fd < 0 || !side_name_ok(name) || name_is_reserved(fs, name) ||
	    scratch_name_is_ours(name) || node_find(fs, name))
		return 0;
	node = node_new(fs, NODE_SCRATCH, name,
			S_IFREG | (read_only ? 0444 : 0200) | (file_mode(fs) & 0644));
	if (!node)
		return err_set(err, -ENOMEM, "no memory for scratch file '%s'", name);
	node->fd = steal_fd(&fd);
	node->size_len = len;
	fs_log(fs, "%s: scratch file '%s' of %llu bytes is back", fs->cfg->image_path, name,
	       (unsigned long long)len);
	return 0;
}

static bool exact_len(struct fs *fs, unsigned mm_id, uint64_t pages, uint64_t *len)
{
	if (!fs->cfg->side)
		return bond_exact_len(fs->cfg->bond, mm_id, pages, len);
	*len = fs->cfg->side->exact_len[mm_id];
	return *len != SIDE_WHOLE_PAGES && div_up(*len, MM_PAGE_LEN) == pages;
}

/* The kept lengths of memories, where they still fit. */
static void show_lengths(struct fs *fs)
{
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next) {
		struct mm_memory m;
		uint64_t len;

		if (n->kind != NODE_MEMORY)
			continue;
		mm_memory(fs->mm, n->mm_id, &m);
		if (exact_len(fs, n->mm_id, m.pages, &len))
			n->size_len = len;
	}
}

/* One of a checkpoint: unpacked into a file without a name. */
static int show_packed(struct fs *fs, const struct side_file *file, struct err *err)
{
	auto_close int fd = open(ELSEWHERE, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct node *node;
	int rc = fd < 0 ? err_sys(err, -errno, "scratch file '%s' cannot be unpacked", file->name)
			: side_file_copy(file, fd, err);

	if (rc)
		return rc;
	node = name_is_reserved(fs, file->name)
		       ? NULL
		       : node_new(fs, NODE_SCRATCH, file->name, S_IFREG | (file_mode(fs) & 0444));
	if (!node)
		return err_set(err, -ENOMEM, "scratch file '%s' cannot be shown", file->name);
	node->fd = steal_fd(&fd);
	node->size_len = file->len;
	return 0;
}

static int show_checkpoint(struct fs *fs, struct err *err)
{
	const struct side_files *side = fs->cfg->side;
	int rc = 0;

	for (size_t i = 0; !rc && i < side->count; i++)
		rc = show_packed(fs, &side->file[i], err);
	show_lengths(fs);
	return rc;
}

int scratch_show(struct fs *fs, struct err *err)
{
	struct dirent *entry;
	int fd, rc = 0;
	DIR *dir;

	if (fs->cfg->side && fs->cfg->opts->read_only)
		return show_checkpoint(fs, err);
	if (dir_of(fs) < 0)
		return 0;
	if (!fs->cfg->opts->read_only)
		unlinkat(dir_of(fs), SCRATCH_NEW_NAME, 0);
	fd = openat(dir_of(fs), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (!rc && dir && (entry = readdir(dir)))
		rc = show_one(fs, entry->d_name, err);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	show_lengths(fs);
	return rc;
}

static int add_name(struct name_list *list, const char *name)
{
	char **more = reallocarray(list->name, list->count + 1, sizeof(*more));
	char *copy = strdup(name);

	if (more)
		list->name = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	more[list->count++] = copy;
	return 0;
}

static int drop_node(struct fs *fs, struct node *n, struct name_list *names, struct err *err)
{
	if (add_name(names, n->name))
		return err_set(err, -ENOMEM, "no memory for a name");
	node_set_name(fs, n, NULL);
	node_forget(n, 0);
	return 0;
}

/* Shows what lies in the directory. The names that begin with `prefix` go to *names: the kernel may
 * have cached that there is no such file. */
static int show_and_tell(struct fs *fs, const char *prefix, struct name_list *names,
			 struct err *err)
{
	int rc = scratch_show(fs, err);

	for (struct node *n = fs->root.next; !rc && n != &fs->root; n = n->next)
		if (n->kind == NODE_SCRATCH && strncmp(n->name, prefix, strlen(prefix)) == 0 &&
		    add_name(names, n->name))
			rc = err_set(err, -ENOMEM, "no memory for a name");
	return rc;
}

int scratch_show_anew(struct fs *fs, struct name_list *names, struct err *err)
{
	struct node *next;

	for (struct node *n = fs->root.next; n != &fs->root; n = next) {
		int rc;

		next = n->next;
		rc = n->kind == NODE_SCRATCH ? drop_node(fs, n, names, err) : 0;
		if (rc)
			return rc;
	}
	return show_and_tell(fs, "", names, err);
}

int scratch_show_pair_anew(struct fs *fs, unsigned mm_id, struct name_list *names, struct err *err)
{
	char name[SIDE_PAIR_ROOM], prefix[8];
	int rc = 0;

	for (unsigned i = 0; !rc && i < SIDE_PAIR_COUNT; i++) {
		struct node *n = node_find(fs, side_pair_name(mm_id, i, name));

		rc = n && n->kind == NODE_SCRATCH ? drop_node(fs, n, names, err) : 0;
	}
	snprintf(prefix, sizeof(prefix), "%u-", mm_id);
	if (!rc)
		rc = show_and_tell(fs, prefix, names, err);
	scratch_note_lengths(fs);
	return rc;
}

static void end_one(struct fs *fs, struct node *node)
{
	unsigned long long len = node->size_len;

	if (len == 0)
		scratch_unname(fs, node->name);
	else if (dir_of(fs) < 0 || fs->cfg->opts->ephemeral)
		fs_log(fs, "%s: scratch file '%s' of %llu bytes ends with the mount",
		       fs->cfg->image_path, node->name, len);
	else if (fsync(node->fd) < 0)
		fs_log(fs, "%s: scratch file '%s' of %llu bytes may not be on disk: %s",
		       fs->cfg->image_path, node->name, len, strerrordesc_np(errno));
	else
		fs_log(fs, "%s: scratch file '%s' of %llu bytes is kept in %s", fs->cfg->image_path,
		       node->name, len, bond_dir_path(fs->cfg->bond, SIDE_SCRATCH));
}

void scratch_end(struct fs *fs)
{
	if (fs->cfg->opts->read_only)
		return;
	scratch_note_lengths(fs);
	for (struct node *node = fs->root.next; node != &fs->root; node = node->next)
		if (node->kind == NODE_SCRATCH)
			end_one(fs, node);
	(void)!scratch_sync_names(fs);
	if (fs->cfg->bond)
		bond_detach_empty(fs->cfg->bond, SIDE_SCRATCH);
}
