// SPDX-License-Identifier: MIT
/*
 * Opens images for the verbs. See image_open.h. Never looks into an image itself.
 */
#include "tools/image/image_open.h"

#include <sys/stat.h>

#include "snapshot/snapshot.h"
#include "tools/image/base.h"
#include "tools/image/mounted.h"
#include "tools/image/mounts.h"
#include "tools/image/safe_load.h"
#include "tools/image/sides.h"
#include "tools/image/unpack.h"
#include "tools/out/say.h"
#include "tools/undo/undo.h"

unsigned image_snap_flags(void)
{
	return image_trust_backing ? SNAP_TRUST_BACKING : 0;
}

bool image_is_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !unpack_is_stdin(path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int image_check_dir(const char *path, struct err *err)
{
	if (mounted_is(path))
		return err_set(err, -EBUSY,
			       "an image is mounted there: change its files, or unmount it first");
	if (canister_dir_is(path))
		return 0;
	return err_set(err, -EISDIR,
		       "a directory where nothing is mounted, and without the metadata.json of a "
		       "canister snapshot");
}

static int open_snapshot(const char *path, bool writable, struct store **out, struct err *err)
{
	auto_free char *note = NULL;
	int rc = image_check_dir(path, err);

	if (!rc)
		rc = canister_dir_open(path, writable, out, err);
	if (!rc)
		note = canister_dir_note(path, writable);
	if (note)
		cmd_error(path, "note: %s", note);
	return rc;
}

/* The mount can be named instead, for most ends. */
static int tell_mount(const char *path, int rc, struct err *err)
{
	auto_free char *mountpoint = rc == -EWOULDBLOCK ? mounts_at(path, 0) : NULL;

	return mountpoint ? err_set(err, rc, "in use: mounted at %s", mountpoint) : rc;
}

/* Of what else lies beside the image, and does not fit. */
static void tell_notes(const char *path, const struct bond *bond)
{
	for (enum side_kind side = 0; side < SIDE_COUNT; side++)
		if (bond_note(bond, side))
			cmd_error(path, "note: %s", bond_note(bond, side));
}

/* Ties the image to what lies beside it. `file` is the image's own, `path` what the user named: a
 * directory's scratch files lie beside the directory. */
static int tie(const char *path, const char *file, uint64_t base_len, const char *scratch_in,
	       struct store **store, struct err *err)
{
	struct stat st;
	bool device = stat(file, &st) == 0 && S_ISBLK(st.st_mode);
	const struct bond_place place = {
		.file = file,
		.beside = device ? NULL : path,
		.base_off = base_len,
		.scratch_in = scratch_in,
	};
	int rc = bond_open(*store, &place, store, err);

	if (rc) {
		*store = NULL;
		return rc;
	}
	tell_notes(path, bond_of(*store));
	if (!(*store)->writable)
		rc = bond_refuse_broken_off(bond_of(*store), err);
	if (rc) {
		store_close(*store);
		*store = NULL;
	}
	return rc;
}

static int tie_directory(const char *path, uint64_t base_len, const char *scratch_in,
			 struct store **store, struct err *err)
{
	auto_free char *file = NULL;

	if (asprintf(&file, "%s/" CANISTER_STABLE, path) < 0) {
		file = NULL;
		store_close(*store);
		return err_set(err, -ENOMEM, "out of memory");
	}
	/* A canister without stable memory may have no file for it, and has nothing beside it. */
	if (access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	return tie(path, file, base_len, scratch_in, store, err);
}

/* How an image is opened, and what is found out about it on the way. */
struct opening {
	const char *path;
	bool writable;
	const char *told_as;    /* its name for notes on where its manager begins; NULL: none */
	const char *scratch_in; /* see struct bond_place */
	uint64_t base_len;      /* the front's; set by open_tied and open_whole */
};

static int find_base(struct opening *o, struct store **store, struct err *err)
{
	int rc = base_of(o->told_as, *store, o->writable, &o->base_len, err);

	if (rc) {
		store_close(*store);
		*store = NULL;
	}
	return rc;
}

static int open_file(const struct opening *o, struct store **out, struct err *err)
{
	unsigned flags = image_snap_flags() | (o->writable ? SNAP_WRITABLE : 0);

	return o->writable && snap_is_overlay(o->path)
		       ? snap_overlay_continue(o->path, flags, out, err)
		       : snap_open_image(o->path, flags, out, err);
}

/* What is packed has no files beside it; the id that it may hold is of no use to anybody. */
static int forget_id(uint64_t base_len, struct store *s, struct err *err)
{
	uint8_t sector[MM_ID_SECTOR_LEN];
	uint64_t off = base_len + MM_ID_SECTOR_OFF;
	struct mm_image_id id;
	int rc = 0;

	if (s->writable && s->len >= off + sizeof(sector)) {
		rc = store_read(s, sector, sizeof(sector), off, err);
		if (!rc && mm_image_id_decode(sector, &id))
			rc = store_zero(s, off, sizeof(sector), err);
	}
	s->writable = false;
	return rc;
}

static int refuse_packed(struct err *err)
{
	return err_set(err, -EROFS,
		       "packed by gzip or zstd, and can be read only; 'canisterfs restore' unpacks "
		       "it");
}

static int open_packed(struct opening *o, struct store **out, struct err *err)
{
	int rc;

	if (o->writable)
		return refuse_packed(err);
	rc = unpack_image(o->path, out, err);
	if (!rc)
		rc = find_base(o, out, err);
	if (!rc) {
		rc = forget_id(o->base_len, *out, err);
		if (rc)
			store_close(*out);
	}
	return rc;
}

static int open_tied(struct opening *o, struct store **out, struct err *err)
{
	bool dir = is_dir(o->path);
	int rc;

	if (o->writable && unpack_is_stdin(o->path))
		return err_set(err, -EROFS, "standard input cannot be written to");
	if (!dir && unpack_is_needed(o->path))
		return open_packed(o, out, err);
	o->path = unpack_path(o->path);
	rc = dir ? open_snapshot(o->path, o->writable, out, err) : open_file(o, out, err);

	if (!rc)
		rc = find_base(o, out, err);
	if (rc)
		return rc;
	return dir ? tie_directory(o->path, o->base_len, o->scratch_in, out, err)
		   : tie(o->path, o->path, o->base_len, o->scratch_in, out, err);
}

/* The store from the base page on. *store is owned by the window then. */
static int open_window(uint64_t base_len, struct store **store, struct err *err)
{
	struct store *whole = *store;
	int rc = base_len > 0 ? window_store_open(whole, base_len, store, err) : 0;

	if (rc)
		*store = NULL;
	return rc;
}

/* Who reads the memories alone is told that they are not all. */
static void tell_scratch(const char *path, struct store *store, struct bond *bond)
{
	auto_sides struct sides sides = SIDES_NONE;
	struct err text = {""};

	if (sides_open(store, bond, &sides, &text))
		cmd_error(path, "note: what lies beside it: %s", text.text);
	else if (sides.files && side_files_warning(sides.files, &text))
		cmd_error(path, "note: %s; a mount shows both", text.text);
	else if (sides.files && sides.files->count > 0)
		cmd_error(path, "note: scratch file '%s'%s beside it: a mount shows %s",
			  sides.files->file[0].name,
			  sides.files->count > 1 ? " and others lie" : " lies",
			  sides.files->count > 1 ? "them" : "the file");
}

static int open_whole(struct opening *o, struct store **out, struct bond **bond, struct err *err)
{
	int rc;

	*bond = NULL;
	if (!o->writable && !unpack_is_stdin(o->path) && mounted_is(o->path)) {
		rc = mounted_open(o->path, NULL, 0, out, err);
		return rc ? rc : find_base(o, out, err);
	}
	rc = open_tied(o, out, err);
	if (rc)
		return tell_mount(o->path, rc, err);
	*bond = bond_of(*out);
	if (!o->writable)
		return 0;
	/* What is overwritten belongs to the image's snapshots. */
	if (bond_dir_fd(*bond, SIDE_SNAP) >= 0)
		rc = snap_live_open(*out, o->path, out, err);
	return rc;
}

int image_open_whole(const char *path, bool writable, struct store **out, struct bond **bond,
		     struct err *err)
{
	struct opening o = {.path = path, .writable = writable};

	return open_whole(&o, out, bond, err);
}

int image_open_raw(const char *path, struct store **out, struct err *err)
{
	struct bond *bond;

	return image_open_whole(path, false, out, &bond, err);
}

int image_open_stored(const char *path, struct store **out, struct err *err)
{
	return unpack_is_needed(path) ? image_open_raw(path, out, err)
				      : snap_open(unpack_path(path), image_snap_flags(), out, err);
}

int image_open_with_sides(const char *path, bool writable, struct store **out, struct bond **bond,
			  struct err *err)
{
	struct opening o = {.path = path, .writable = writable, .told_as = path};
	int rc = open_whole(&o, out, bond, err);

	return rc ? rc : open_window(o.base_len, out, err);
}

int image_open_store(const char *path, bool writable, struct store **out, struct err *err)
{
	struct bond *bond;
	int rc = image_open_with_sides(path, writable, out, &bond, err);

	if (!rc && !writable)
		tell_scratch(path, *out, bond);
	return rc;
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
	return err_set(err, rc,
		       "a raw image, which has no memories and is never written to: %s; "
		       "'canisterfs adopt' makes it a memory of a new image",
		       why.text);
}

int image_open_mm(struct store *s, struct mm **out, struct err *err)
{
	struct err why = {""};
	int rc = mm_open(s, out, &why);

	if (rc == -EINVAL)
		return explain_unmanaged(s, rc, err);
	if (rc == -EUCLEAN)
		return err_set(err, rc, "%s ('canisterfs check' tells more)", why.text);
	return rc ? err_set(err, rc, "%s", why.text) : 0;
}

/* So that the end can tell whether it has changed. */
static void note_layout(const char *path, bool writable, struct image *out)
{
	if (!writable || !is_dir(path))
		return;
	out->snapshot = strdup(path);
	out->layout = mm_layout_sum(out->store);
}

static int open_bytes(const char *path, bool writable, struct image *out, struct err *err)
{
	int rc = image_open_with_sides(path, writable, &out->store, &out->bond, err);

	if (!rc && !writable)
		tell_scratch(path, out->store, out->bond);
	if (!rc)
		note_layout(path, writable, out);
	return rc;
}

/* out->store is the whole image's. `snaps`: it can have live snapshots. */
static int open_live_mm(const struct opening *o, bool snaps, struct image *out, struct err *err)
{
	int rc = 0;

	out->bond = bond_of(out->store);
	if (snaps)
		rc = snap_live_open(out->store, o->path, &out->store, err);
	if (rc) {
		out->store = NULL;
		return rc;
	}
	out->live = snaps ? snap_live_of(out->store) : NULL;
	rc = open_window(o->base_len, &out->store, err);
	if (rc)
		return rc;
	note_layout(o->path, out->store->writable, out);
	rc = image_open_mm(out->store, &out->mm, err);
	if (rc)
		image_drop(out);
	return rc;
}

int image_open_live(const char *path, bool writable, const char *scratch_in, struct image *out,
		    struct err *err)
{
	struct opening o = {
		.path = path, .writable = writable, .told_as = path, .scratch_in = scratch_in};
	struct stat st;
	bool snaps = stat(path, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	int rc;

	if (!writable && mounted_is(path))
		return image_open(path, writable, out, err);
	rc = open_tied(&o, &out->store, err);
	return rc ? tell_mount(path, rc, err) : open_live_mm(&o, snaps, out, err);
}

/* The file that is an overlay's base, for free(): of a canister snapshot, its stable memory. */
static int base_file(const char *path, char **file, struct err *err)
{
	auto_store struct store *whole = NULL;
	int rc = is_dir(path)             ? open_snapshot(path, false, &whole, err)
		 : unpack_is_needed(path) ? refuse_packed(err)
					  : 0;

	if (!rc && access(path, R_OK) < 0)
		rc = err_sys(err, -errno, "cannot be opened");
	if (rc)
		return rc;
	if (whole ? asprintf(file, "%s/" CANISTER_STABLE, path) < 0 : !(*file = strdup(path)))
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

int image_open_overlay(const char *path, const char *overlay, bool writable, const char *scratch_in,
		       struct image *out, struct err *err)
{
	struct opening o = {
		.path = overlay, .writable = writable, .told_as = path, .scratch_in = scratch_in};
	auto_free char *base = NULL;
	int rc = base_file(path, &base, err);

	if (rc)
		return rc;
	rc = snap_overlay_open(overlay, base, image_snap_flags() | (writable ? SNAP_WRITABLE : 0),
			       &out->store, err);
	if (!rc)
		rc = find_base(&o, &out->store, err);
	if (!rc)
		rc = tie(overlay, overlay, o.base_len, scratch_in, &out->store, err);
	if (rc) {
		out->store = NULL;
		return err_prefix(err, rc, "the overlay %s", overlay);
	}
	return open_live_mm(&o, true, out, err);
}

int image_copy_sides(const char *base, struct image *overlay, struct err *err)
{
	struct opening o = {.path = base};
	auto_store struct store *below = NULL;
	auto_sides struct sides sides = SIDES_NONE;
	auto_free char *aside = NULL;
	struct store *own = overlay->bond ? bond_image(overlay->bond) : NULL;
	int rc;

	if (!own || !snap_overlay_lacks_sides(own))
		return 0;
	rc = open_tied(&o, &below, err);
	if (!rc)
		rc = sides_open(below, bond_of(below), &sides, err);
	if (!rc && side_files_any(sides.files))
		rc = bond_install(overlay->bond, sides.files, &aside, err);
	if (!rc)
		rc = snap_overlay_set_has_sides(own, err);
	return rc ? err_prefix(err, rc, "what lies beside the base") : 0;
}

int image_open_base(const char *base, struct store **out, struct err *err)
{
	auto_free char *whole = realpath(base, NULL);
	char *slash = whole ? strrchr(whole, '/') : NULL;
	struct bond *bond;

	if (!slash || strcmp(slash + 1, CANISTER_STABLE) != 0)
		return image_open_whole(base, true, out, &bond, err);
	*slash = 0;
	if (!canister_dir_is(whole))
		return image_open_whole(base, true, out, &bond, err);
	safe_load_print(stderr, whole);
	return image_open_whole(whole, true, out, &bond, err);
}

int image_open(const char *path, bool writable, struct image *out, struct err *err)
{
	int rc = open_bytes(path, writable, out, err);

	if (!rc)
		rc = image_open_mm(out->store, &out->mm, err);
	if (rc)
		image_drop(out);
	return rc;
}

int image_open_undo(const char *path, const char *save, struct image *out, struct err *err)
{
	struct store *undo;
	bool changed;
	int rc = open_bytes(path, true, out, err);

	if (!rc)
		rc = bond_require_id(out->bond, out->undo_id, err);
	if (!rc)
		rc = undo_begin_beside(out->store, out->undo_id, path, save, &out->undo,
				       &out->undo_file, err);
	if (!rc) {
		rc = image_open_mm(out->undo, &out->mm, err);
		undo = out->undo;
		/* Removes the file, unless something was changed already. */
		if (rc && undo) {
			out->undo = NULL;
			(void)!undo_end(undo, &changed, NULL);
		}
	}
	if (rc)
		image_drop(out);
	return rc;
}

static void tell_snapshot(const struct image *img)
{
	if (img->snapshot && mm_layout_sum(img->store) != img->layout)
		safe_load_print(stderr, img->snapshot);
}

int image_close(struct image *img, struct err *err)
{
	int rc = mm_close(img->mm, err);

	img->mm = NULL;
	if (!rc)
		tell_snapshot(img);
	image_drop(img);
	return rc;
}

int image_open_install(const char *path, struct image *out, struct err *err)
{
	return image_open(path, !mounted_is(path), out, err);
}

static int install_here(struct image *img, const struct mm_content *content, unsigned count,
			struct err *err)
{
	if (count == 1)
		return mm_replace(img->mm, content->mm_id, content->len, content->source,
				  content->ctx, err);
	return mm_replace_all(img->mm, content, count, err);
}

int image_install(struct image *img, const struct mm_content *content, unsigned count, bool staged,
		  struct err *err)
{
	struct store *whole = window_whole(img->store, NULL);
	int rc;

	if (mounted_is_store(whole))
		return count ? mounted_install(whole, content, count, staged, err) : 0;
	rc = count ? install_here(img, content, count, err) : 0;
	return rc ? rc : image_close(img, err);
}

static int end_undo(struct image *img, bool *changed, struct err *err)
{
	struct store *undo = img->undo;

	img->undo = NULL;
	return undo_end(undo, changed, err);
}

int image_close_undo(struct image *img, char **undo_file, struct err *err)
{
	bool changed = false;
	int rc = mm_close(img->mm, err);

	img->mm = NULL;
	if (!rc)
		rc = end_undo(img, &changed, err);
	*undo_file = NULL;
	if (!rc && changed) {
		*undo_file = img->undo_file;
		img->undo_file = NULL;
		tell_snapshot(img);
	}
	image_drop(img);
	return rc;
}

int image_take_back(struct image *img, struct err *err)
{
	bool changed;
	int rc;

	mm_drop(img->mm);
	img->mm = NULL;
	rc = end_undo(img, &changed, err);
	if (!rc && changed)
		rc = undo_apply(img->store, img->undo_id, img->undo_file, err);
	image_drop(img);
	return rc;
}

bool image_has_scratch(const char *path)
{
	static const char *const endings[] = {".scratch", ".scratch.new"};
	auto_free char *whole = realpath(path, NULL);

	for (size_t i = 0; whole && i < ARRAY_LEN(endings); i++) {
		auto_free char *dir = NULL;
		struct stat st;

		if (asprintf(&dir, "%s%s", whole, endings[i]) >= 0 && lstat(dir, &st) == 0)
			return true;
	}
	return false;
}

int image_set_scratch_aside(struct image *img, const char *path, struct err *err)
{
	auto_free char *aside = NULL;
	int rc = img->bond ? bond_set_aside(img->bond, SIDE_SCRATCH, &aside, err) : 0;

	if (!rc && aside)
		cmd_error(path,
			  "note: its scratch files belong to what is replaced; set aside as %s",
			  aside);
	return rc;
}

void image_drop(struct image *img)
{
	mm_drop(img->mm);
	store_close(img->undo);
	store_close(img->store);
	free(img->undo_file);
	free(img->snapshot);
	*img = (struct image){NULL};
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
