// SPDX-License-Identifier: MIT
/*
 * The chain: reads IMAGE.snap, puts the snapshots in order, links each to the one below it, and
 * mends what a kill left. Takes no lock itself.
 */
#include "snapshot/live.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "snapshot/qcow2/qcow2.h"

static const char record_magic[8] = "CFlive";

struct kept *kept_new(const struct kept_record *record, const char *name)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->record = *record;
	kept->refs = 1;
	snprintf(kept->name, sizeof(kept->name), "%s", name);
	kept->hidden = name[0] == '.';
	return kept;
}

void kept_unref(struct kept *kept)
{
	if (!kept || --kept->refs > 0)
		return;
	store_close(kept->file);
	free(kept);
}

void chain_free(struct snap_live *live)
{
	for (size_t i = 0; i < live->count; i++)
		kept_unref(live->chain[i]);
	for (size_t i = 0; i < live->stale_count; i++)
		kept_unref(live->stale[i]);
	free(live->chain);
	free(live->stale);
	free(live->bits);
}

static const char *live_dir(const struct snap_live *live)
{
	return bond_dir_path(live->bond, SIDE_SNAP);
}

char *live_path(const struct snap_live *live, const char *name, const char *ending)
{
	char *path;

	return asprintf(&path, "%s/%s%s", live_dir(live), name, ending) < 0 ? NULL : path;
}

int chain_sync_dir(struct snap_live *live, struct err *err)
{
	return fsync(bond_dir_fd(live->bond, SIDE_SNAP)) < 0
		       ? err_sys(err, -errno, "cannot sync %s", live_dir(live))
		       : 0;
}

int chain_find(struct snap_live *live, const char *name, size_t *at, struct err *err)
{
	for (size_t i = 0; i < live->count; i++) {
		if (live->chain[i]->hidden || strcmp(live->chain[i]->name, name) != 0)
			continue;
		*at = i;
		return 0;
	}
	for (size_t i = 0; i < live->stale_count; i++)
		if (strcmp(live->stale[i]->name, name) == 0)
			return err_set(err, -ESTALE,
				       "snapshot '%s' is stale: the image was changed by something "
				       "else since",
				       name);
	return err_set(err, -ENOENT, "there is no snapshot '%s'", name);
}

int chain_changed(struct snap_live *live, size_t at, size_t end, uint64_t cluster, bool *changed,
		  struct err *err)
{
	uint64_t off = cluster * LIVE_CLUSTER_LEN;

	*changed = false;
	for (size_t i = at; i < end && !*changed; i++) {
		struct store *file = live->chain[i]->file;
		int rc = snap_holds(file, off, changed, err);

		if (rc)
			return rc;
		if (i > at && off >= file->len)
			*changed = true;
	}
	return 0;
}

_Atomic uint64_t *chain_bits(uint64_t len)
{
	return calloc(live_clusters(len) / 64 + 1, sizeof(uint64_t));
}

void chain_set_receiver(struct snap_live *live, struct kept *receiver, _Atomic uint64_t *bits)
{
	free(live->bits);
	live->receiver = receiver;
	live->bits = bits;
}

void live_image_name(const struct snap_live *live, char *out, size_t len)
{
	size_t dir_len = (size_t)(strrchr(live->path, '/') - live->path);

	snprintf(out, len, "../%s", bond_file(live->bond) + dir_len + 1);
}

/* "./" and "../" keep qemu from taking a name with a colon for a protocol. */
void chain_backing_name(const struct snap_live *live, size_t at, char *out, size_t len)
{
	if (at + 1 < live->count)
		snprintf(out, len, "./%s.qcow2", live->chain[at + 1]->name);
	else
		live_image_name(live, out, len);
}

struct store *chain_below(struct snap_live *live, size_t at)
{
	return at + 1 < live->count ? live->chain[at + 1]->file : &live->base.s;
}

const char *live_format(const struct snap_live *live)
{
	return qcow2_of(live->image) ? "qcow2" : "raw";
}

int chain_link(struct snap_live *live, size_t at, struct err *err)
{
	struct store *file = live->chain[at]->file;
	struct qcow2 *q = qcow2_of(file);
	char name[2 * NAME_MAX + 16];

	chain_backing_name(live, at, name, sizeof(name));
	if (strcmp(q->h.backing, name) == 0 && q->backing == chain_below(live, at))
		return 0;
	return snap_set_backing(file, name, at + 1 < live->count ? "qcow2" : live_format(live),
				chain_below(live, at), err);
}

/* ---- reading the directory ---- */

static bool ends_with(const char *name, const char *ending)
{
	size_t len = strlen(name), end_len = strlen(ending);

	return len > end_len && strcmp(name + len - end_len, ending) == 0;
}

static int add(struct kept ***list, size_t *count, struct kept *kept, struct err *err)
{
	struct kept **more = kept ? realloc(*list, (*count + 1) * sizeof(*more)) : NULL;

	if (!more) {
		free(kept);
		return err_set(err, -ENOMEM, "no memory for a list of snapshots");
	}
	more[(*count)++] = kept;
	*list = more;
	return 0;
}

/* Only names, in what order ever. */
static int read_names(struct snap_live *live, struct err *err)
{
	int fd =
		openat(bond_dir_fd(live->bond, SIDE_SNAP), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct kept_record none = {0};
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		rc = err_sys(err, -errno, "cannot read %s", live_dir(live));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (entry = readdir(dir))) {
		bool stale = ends_with(entry->d_name, ".stale");

		if (!stale && !ends_with(entry->d_name, ".qcow2"))
			continue;
		entry->d_name[strlen(entry->d_name) - 6] = 0;
		rc = stale ? add(&live->stale, &live->stale_count, kept_new(&none, entry->d_name),
				 err)
			   : add(&live->chain, &live->count, kept_new(&none, entry->d_name), err);
	}
	closedir(dir);
	return rc;
}

/* The record alone: in which order the files are to be opened. */
static int read_record(struct snap_live *live, struct kept *kept, struct err *err)
{
	auto_free char *path = live_path(live, kept->name, ".qcow2");
	uint8_t buf[SNAP_RECORD_MAX];
	struct store *file;
	struct qcow2 *q;
	size_t len;
	int rc = path ? file_store_open(path, false, &file, err) : -ENOMEM;

	if (!rc)
		rc = qcow2_open(file, &q, err);
	if (rc)
		return rc;
	len = snap_record(&q->s, buf);
	qcow2_close(q);
	if (len < 32 || memcmp(buf, record_magic, sizeof(record_magic)) != 0)
		return err_set(err, -EUCLEAN, "is not a live snapshot's file");
	kept->record = (struct kept_record){get_le64(buf + 8), (int64_t)get_le64(buf + 16),
					    (int64_t)get_le64(buf + 24)};
	return 0;
}

size_t kept_record_encode(const struct kept_record *record, uint8_t *buf)
{
	memcpy(buf, record_magic, sizeof(record_magic));
	put_le64(buf + 8, record->seq);
	put_le64(buf + 16, (uint64_t)record->sec);
	put_le64(buf + 24, (uint64_t)record->nsec);
	return 32;
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = (*(struct kept *const *)a)->record.seq;
	uint64_t y = (*(struct kept *const *)b)->record.seq;

	return (x > y) - (x < y);
}

static int open_file(struct snap_live *live, size_t at, struct err *err)
{
	bool writable = live->s.writable;
	struct kept *kept = live->chain[at];
	auto_free char *path = live_path(live, kept->name, ".qcow2");
	struct store *file;
	int rc = path ? file_store_open(path, writable, &file, err) : -ENOMEM;

	if (!rc)
		rc = snap_open_on(file, chain_below(live, at),
				  SNAP_LIVE_BACKING | (writable ? SNAP_WRITABLE : 0), &kept->file,
				  err);
	if (!rc && writable)
		rc = chain_link(live, at, err);
	return rc;
}

/* A kill came while it was made, and nothing stands on it yet. */
static void drop_unmade(struct snap_live *live, size_t at)
{
	struct kept *kept = live->chain[at];
	auto_free char *path = live_path(live, kept->name, ".qcow2");

	if (live->s.writable && path)
		unlink(path);
	live->chain[at] = live->chain[--live->count];
	kept_unref(kept);
}

static int read_records(struct snap_live *live, struct err *err)
{
	for (size_t i = live->count; i > 0; i--) {
		struct kept *kept = live->chain[i - 1];
		int rc = read_record(live, kept, err);

		if (rc && kept->hidden && rc != -ENOMEM && rc != -EWOULDBLOCK)
			drop_unmade(live, i - 1);
		else if (rc)
			return err_prefix(err, rc, "'%s'", kept->name);
	}
	return 0;
}

static int open_files(struct snap_live *live, struct err *err)
{
	int rc = read_records(live, err);

	qsort(live->chain, live->count, sizeof(*live->chain), by_age);
	for (size_t i = 1; !rc && i < live->count; i++)
		if (live->chain[i]->record.seq == live->chain[i - 1]->record.seq)
			rc = err_set(err, -EUCLEAN, "'%s' and '%s' have the same number",
				     live->chain[i]->name, live->chain[i - 1]->name);
	for (size_t i = live->count; !rc && i > 0; i--) {
		rc = open_file(live, i - 1, err);
		if (rc)
			err_prefix(err, rc, "'%s'", live->chain[i - 1]->name);
	}
	return rc;
}

/* None of them is ever read again; a hidden one not even listed. */
static int make_stale(struct snap_live *live, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < live->count; i++) {
		store_close(live->chain[i]->file);
		live->chain[i]->file = NULL;
	}
	while (!rc && live->count > 0) {
		struct kept *kept = live->chain[live->count - 1];
		auto_free char *from = live_path(live, kept->name, ".qcow2");
		auto_free char *to = live_path(live, kept->name, ".stale");

		if (!from || !to)
			return err_set(err, -ENOMEM, "no memory for a path");
		if (live->s.writable && (kept->hidden ? unlink(from) < 0 : rename(from, to) < 0))
			return err_sys(err, -errno, "cannot put '%s' aside", kept->name);
		live->count--;
		if (kept->hidden)
			kept_unref(kept);
		else
			rc = add(&live->stale, &live->stale_count, kept, err);
	}
	return rc;
}

int chain_make_room(struct snap_live *live, struct err *err)
{
	size_t room = MAX(live->count, (size_t)LIVE_MAX_SNAPSHOTS) + 1;
	struct kept **chain = realloc(live->chain, room * sizeof(*chain));

	if (!chain)
		return err_set(err, -ENOMEM, "no memory for a list of snapshots");
	live->chain = chain;
	return 0;
}

int chain_load(struct snap_live *live, struct err *err)
{
	struct err why = {""};
	bool fits = bond_fits(live->bond, SIDE_SNAP);
	int rc = read_names(live, err);

	if (!rc)
		rc = chain_make_room(live, err);
	if (rc || live->count == 0)
		return rc;
	rc = fits ? open_files(live, &why) : -ESTALE;
	if (rc == -EWOULDBLOCK || rc == -ENOMEM || (rc && bond_rollback(live->bond).seq > 0))
		return err_set(err, rc, "%s", why.text);
	if (rc)
		return make_stale(live, err);
	if (live->s.writable && live->count > 0) {
		_Atomic uint64_t *bits = chain_bits(live->chain[live->count - 1]->file->len);

		if (!bits)
			return err_set(err, -ENOMEM, "no memory to keep old bytes");
		chain_set_receiver(live, live->chain[live->count - 1], bits);
	}
	return 0;
}
