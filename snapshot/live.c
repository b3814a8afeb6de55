// SPDX-License-Identifier: MIT
/*
 * Opens and closes an image with its live snapshots, and lists them. See live.h for the files, the
 * order and the locks.
 */
#include "snapshot/live.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

/* After a kill the directory may hold no snapshot, or only one under a hidden name. */
bool snap_live_exists(const char *path)
{
	auto_free char *name = NULL;
	struct dirent *e;
	bool found = false;
	DIR *dir;

	if (asprintf(&name, "%s.snap", path) < 0)
		return true;
	dir = opendir(name);
	if (!dir)
		return access(name, F_OK) == 0;
	while (!found && (e = readdir(dir)))
		found = e->d_name[0] != '.';
	closedir(dir);
	return found;
}

static bool is_ours(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".qcow2") == 0 || strcmp(dot, ".stale") == 0 ||
		       strcmp(dot, ".side") == 0);
}

int snap_live_remove_all(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, -errno, "cannot be examined");
	return side_remove_files(path, st.st_uid, SIDE_SNAP, is_ours, err);
}

void snap_live_set_gate(struct snap_live *live, const struct snap_gate *gate)
{
	live->gate = *gate;
}

static void no_gate(void *ctx)
{
}

static void init_locks(struct snap_live *live)
{
	pthread_rwlockattr_t attr;

	/* Readers come in a stream that never ends. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&live->chain_lock, &attr);
	pthread_rwlock_init(&live->len_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&live->op_lock, NULL);
	kept_sync_init(&live->kept_sync);
	for (size_t i = 0; i < LIVE_STRIPES; i++)
		pthread_mutex_init(&live->stripe[i], NULL);
}

static void free_live(struct snap_live *live)
{
	chain_free(live);
	store_close(live->image);
	for (size_t i = 0; i < LIVE_STRIPES; i++)
		pthread_mutex_destroy(&live->stripe[i]);
	pthread_mutex_destroy(&live->op_lock);
	kept_sync_end(&live->kept_sync);
	pthread_rwlock_destroy(&live->len_lock);
	pthread_rwlock_destroy(&live->chain_lock);
	free(live->path);
	free(live);
}

/* Everything is on disk, the image last; only then may the record say that they fit together. */
static int settle(struct snap_live *live)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < live->count; i++)
		rc = store_sync(live->chain[i]->file, NULL);
	if (!rc)
		rc = chain_sync_dir(live, NULL);
	return rc ? rc : bond_settle(live->bond, NULL);
}

/* What an earlier opening kept without waiting for the disk is there from now on. */
static int make_ordered(struct snap_live *live, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < live->count; i++)
		rc = store_sync(live->chain[i]->file, err);
	if (!rc)
		rc = chain_sync_dir(live, err);
	return rc ? rc : bond_set_ordered(live->bond, SIDE_SNAP, true, err);
}

int snap_live_set_unordered(struct snap_live *live, struct err *err)
{
	live->unordered = true;
	return live->s.writable && live->count > 0
		       ? bond_set_ordered(live->bond, SIDE_SNAP, false, err)
		       : 0;
}

static void live_close(struct snap_live *live)
{
	if (live->s.writable && live->count + live->stale_count == 0)
		bond_detach_empty(live->bond, SIDE_SNAP);
	/* Where this fails the record goes on saying "open", which is true as well. */
	if (live->s.writable && live->count > 0 && settle(live))
		bond_leave_open(live->bond);
	free_live(live);
}

static void close_op(struct store *s)
{
	live_close((struct snap_live *)s);
}

static const struct store_ops tap_ops = {
	.name = "image",
	.read_at = tap_read_at,
	.write_at = tap_write_at,
	.zero_at = tap_zero_at,
	.resize = tap_resize,
	.sync = tap_sync,
	.sync_data = tap_sync_data,
	.next_data = tap_next_data,
	.host_at = tap_host_at,
	.close = close_op,
};

struct snap_live *snap_live_of(struct store *s)
{
	return s->ops == &tap_ops ? (struct snap_live *)s : NULL;
}

static int open_parts(struct snap_live *live, const char *path, struct err *err)
{
	const struct bond_place place = {.file = path, .beside = path};
	int rc = 0;

	live->path = realpath(path, NULL);
	if (!live->path)
		return err_sys(err, -errno, "cannot find its snapshots");
	live->bond = bond_of(live->image);
	if (!live->bond) {
		rc = bond_open(live->image, &place, &live->image, err);
		if (rc) {
			live->image = NULL;
			return rc;
		}
		live->bond = bond_of(live->image);
	}
	live->base_off = bond_base_off(live->bond);
	if (bond_dir_fd(live->bond, SIDE_SNAP) < 0)
		return 0;
	rc = chain_load(live, err);
	if (!rc && live->receiver)
		rc = make_ordered(live, err);
	if (!rc && live->receiver)
		rc = live_end_hidden(live, err);
	if (!rc && bond_rollback(live->bond).seq > 0)
		rc = rollback_finish(live, err);
	return rc ? err_prefix(err, rc, "its snapshots") : 0;
}

int snap_live_open(struct store *image, const char *path, struct store **out, struct err *err)
{
	struct snap_live *live = calloc(1, sizeof(*live));
	int rc;

	*out = NULL;
	if (!live) {
		store_close(image);
		return err_set(err, -ENOMEM, "no memory to open an image");
	}
	live->s = (struct store){&tap_ops, image->len, image->writable};
	live->image = image;
	live->base = (struct base){{&base_ops, INT64_MAX, false}, live};
	live->gate = (struct snap_gate){.close = no_gate, .open = no_gate};
	init_locks(live);
	rc = open_parts(live, path, err);
	if (rc)
		free_live(live);
	else
		*out = &live->s;
	return rc;
}

static uint64_t held_len(struct snap_live *live, const struct kept *kept)
{
	static const char *const endings[] = {".qcow2", ".stale"};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		auto_free char *path = live_path(live, kept->name, endings[i]);
		struct stat st;

		if (path && stat(path, &st) == 0)
			return (uint64_t)st.st_blocks * 512;
	}
	return 0;
}

static void describe(struct snap_live *live, const struct kept *kept, struct snap_live_info *out)
{
	*out = (struct snap_live_info){
		.seq = kept->record.seq,
		.sec = kept->record.sec,
		.nsec = kept->record.nsec,
		.image_len = kept->file ? kept->file->len : 0,
		.held_len = held_len(live, kept),
		.stale = !kept->file,
	};
	memcpy(out->name, kept->name, sizeof(out->name));
}

int snap_live_list(struct snap_live *live, struct snap_live_info **out, size_t *count,
		   struct err *err)
{
	struct snap_live_info *list;

	pthread_mutex_lock(&live->op_lock);
	list = calloc(live->stale_count + live->count + 1, sizeof(*list));
	*count = 0;
	for (size_t i = 0; list && i < live->stale_count; i++)
		describe(live, live->stale[i], &list[(*count)++]);
	for (size_t i = 0; list && i < live->count; i++)
		if (!live->chain[i]->hidden)
			describe(live, live->chain[i], &list[(*count)++]);
	pthread_mutex_unlock(&live->op_lock);
	*out = list;
	return list ? 0 : err_set(err, -ENOMEM, "no memory for a list of snapshots");
}

int snap_live_nth(struct snap_live *live, size_t number, struct snap_live_info *out,
		  struct err *err)
{
	auto_free struct snap_live_info *list = NULL;
	size_t count;
	int rc = snap_live_list(live, &list, &count, err);

	*out = !rc && number < count ? list[number] : (struct snap_live_info){.name = ""};
	return rc;
}
