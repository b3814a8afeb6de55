// SPDX-License-Identifier: MIT
/*
 * Ties an image to its side directories. See beside.h. This file is the store and the life of the
 * id; bond_judge.c says what fits.
 */
#include "snapshot/beside/bond_parts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "snapshot/qcow2/boot.h"

enum { RENEW_NSEC = 1000000000 };

static struct bond *bond_in(struct store *s)
{
	return (struct bond *)s;
}

/* ---- the id in the image ---- */

static int write_sector(struct bond *b, const struct mm_image_id *id, unsigned flags,
			struct err *err)
{
	uint8_t sector[MM_ID_SECTOR_LEN] = {0};
	int rc;

	if (id)
		mm_image_id_encode(id, sector);
	rc = store_write(b->image, sector, sizeof(sector), b->sector_off, flags, err);
	return rc ? err_prefix(err, rc, "the image id") : 0;
}

static int new_id(struct mm_image_id *id)
{
	id->tick = 1;
	return getrandom(id->id, sizeof(id->id), 0) == sizeof(id->id) ? 0 : -EIO;
}

static int read_sector(struct bond *b, struct err *err)
{
	uint8_t sector[MM_ID_SECTOR_LEN];
	int rc;

	if (b->image->len < b->sector_off + MM_ID_SECTOR_LEN)
		return 0;
	rc = store_read(b->image, sector, sizeof(sector), b->sector_off, err);
	b->has_id = !rc && mm_image_id_decode(sector, &b->id);
	return rc;
}

/* A new one for each first directory: what is left in the image may be that of an overlay's base.
 */
static int make_id(struct bond *b, struct err *err)
{
	if (b->image->len < b->sector_off + MM_ID_SECTOR_LEN)
		return err_set(err, -EINVAL, "only a managed image can have files beside it");
	if (new_id(&b->id))
		return err_sys(err, -EIO, "no random number for the image id");
	b->has_id = true;
	return write_sector(b, &b->id, STORE_DURABLE, err);
}

static bool has_sides(const struct bond *b)
{
	return bond_fits(b, SIDE_SCRATCH) || bond_fits(b, SIDE_SNAP);
}

static void erase_id(struct bond *b)
{
	if (b->has_id && !has_sides(b) && write_sector(b, NULL, 0, NULL) == 0)
		b->has_id = false;
}

/* ---- the tick ---- */

static int64_t now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int store_records(struct bond *b, bool durable, struct err *err)
{
	int rc = 0;

	for (enum side_kind side = 0; !rc && side < SIDE_COUNT; side++)
		if (bond_fits(b, side))
			rc = side_dir_store(&b->dir[side], durable, err);
	return rc;
}

static void open_record(const struct mm_image_id *id, struct side_record *r, int64_t now)
{
	r->image = *id;
	r->open = true;
	r->sec = now / 1000000000;
	r->nsec = (uint32_t)(now % 1000000000);
	boot_id(r->boot);
}

/* The records first: a kill in between leaves them one tick ahead, and they say so. An older copy
 * of the image lies behind what they say that the image has reached. */
static int raise_tick(struct bond *b, int64_t now, bool durable, struct err *err)
{
	uint64_t before = b->id.tick++;
	int rc;

	for (enum side_kind side = 0; side < SIDE_COUNT; side++) {
		open_record(&b->id, &b->dir[side].record, now);
		if (durable)
			b->dir[side].record.durable_tick = before;
	}
	rc = store_records(b, durable, err);
	if (!rc)
		rc = write_sector(b, &b->id, durable ? STORE_DURABLE : 0, err);
	/* Which of the two ticks the image has is not known; an open record fits both. */
	b->tick_in_doubt = rc != 0;
	if (rc) {
		b->id.tick = before;
		return rc;
	}
	for (enum side_kind side = 0; side < SIDE_COUNT; side++) {
		b->dir[side].record.reached_tick = b->id.tick;
		if (durable)
			b->dir[side].record.durable_tick = b->id.tick;
	}
	return store_records(b, false, err);
}

static int tick(struct bond *b, struct err *err)
{
	int64_t now = now_nsec(), last = b->ticked_nsec;
	int rc = 0;

	if (last != 0 && now >= last && now - last < RENEW_NSEC)
		return 0;
	pthread_mutex_lock(&b->lock);
	last = b->ticked_nsec;
	if (has_sides(b) && (last == 0 || now < last || now - last >= RENEW_NSEC)) {
		rc = raise_tick(b, now, last == 0, err);
		if (!rc)
			b->ticked_nsec = now;
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

/* Before every change of the image. */
static int before_change(struct bond *b, struct err *err)
{
	return b->bound ? tick(b, err) : 0;
}

int bond_expect_change(struct bond *b, struct err *err)
{
	int rc;

	pthread_mutex_lock(&b->lock);
	rc = has_sides(b) ? raise_tick(b, now_nsec(), true, err) : 0;
	pthread_mutex_unlock(&b->lock);
	return rc;
}

/* ---- the store: the sector reads as zeros, and stays as it is ---- */

static int bond_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	struct bond *b = bond_in(s);
	int rc = store_read(b->image, buf, len, off, err);
	uint64_t from = MAX(off, b->sector_off);
	uint64_t to = MIN(off + len, b->sector_off + MM_ID_SECTOR_LEN);

	if (!rc && b->has_id && from < to)
		memset((uint8_t *)buf + (from - off), 0, to - from);
	return rc;
}

/* Cuts [*off, *end) short where the sector begins; returns false at the sector, which it skips. */
static bool piece_before_sector(const struct bond *b, uint64_t *off, uint64_t *end)
{
	uint64_t sector_end = b->sector_off + MM_ID_SECTOR_LEN;

	if (!b->has_id || *off >= sector_end || *end <= b->sector_off)
		return true;
	if (*off >= b->sector_off) {
		*off = sector_end;
		return false;
	}
	*end = b->sector_off;
	return true;
}

/* `buf` NULL: zeros. */
static int change_around_sector(struct bond *b, const uint8_t *buf, uint64_t len, uint64_t off,
				unsigned flags, struct err *err)
{
	uint64_t at = off, end;
	int rc = before_change(b, err);

	while (!rc && at < off + len) {
		end = off + len;
		if (!piece_before_sector(b, &at, &end))
			continue;
		rc = buf ? store_write(b->image, buf + (at - off), end - at, at, flags, err)
			 : store_zero(b->image, at, end - at, err);
		at = end;
	}
	return rc;
}

static int bond_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
			 struct err *err)
{
	return change_around_sector(bond_in(s), buf, len, off, flags, err);
}

static int bond_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	return change_around_sector(bond_in(s), NULL, len, off, 0, err);
}

static int bond_copy_at(struct store *s, const struct store_host *from, size_t len, uint64_t off,
			struct err *err)
{
	struct bond *b = bond_in(s);
	int rc = before_change(b, err);

	if (rc)
		return rc;
	if (!b->image->ops->copy_at ||
	    (b->has_id && off < b->sector_off + MM_ID_SECTOR_LEN && off + len > b->sector_off))
		return -EOPNOTSUPP;
	return b->image->ops->copy_at(b->image, from, len, off, err);
}

static int bond_resize(struct store *s, uint64_t len, struct err *err)
{
	struct bond *b = bond_in(s);
	int rc = before_change(b, err);

	if (rc)
		return rc;
	/* The sector is written by whoever attaches a directory, without the caller's lock. */
	pthread_mutex_lock(&b->lock);
	rc = store_resize(b->image, len, err);
	s->len = b->image->len;
	pthread_mutex_unlock(&b->lock);
	return rc;
}

static int bond_sync(struct store *s, struct err *err)
{
	return store_sync(bond_in(s)->image, err);
}

static int bond_sync_data(struct store *s, struct err *err)
{
	return store_sync_data(bond_in(s)->image, err);
}

static int bond_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	return store_next_data(bond_in(s)->image, off, start, end, err);
}

static void bond_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	struct bond *b = bond_in(s);
	uint64_t at = off, end = UINT64_MAX;

	*out = store_host_at(b->image, off);
	if (!piece_before_sector(b, &at, &end)) {
		out->fd = -1;
		end = at;
	}
	out->len = MIN(out->len, end - off);
}

static void free_bond(struct bond *b)
{
	for (enum side_kind side = 0; side < SIDE_COUNT; side++) {
		side_dir_close(&b->dir[side]);
		free(b->path[side]);
		free(b->note[side]);
	}
	store_close(b->image);
	pthread_mutex_destroy(&b->lock);
	free(b->file);
	free(b);
}

static void bond_close(struct store *s)
{
	struct bond *b = bond_in(s);

	/* Where this fails the records go on saying "open", which is true as well. */
	if (s->writable)
		(void)!bond_settle(b, NULL);
	free_bond(b);
}

static const struct store_ops bond_ops = {
	.name = "image",
	.read_at = bond_read_at,
	.write_at = bond_write_at,
	.copy_at = bond_copy_at,
	.zero_at = bond_zero_at,
	.resize = bond_resize,
	.sync = bond_sync,
	.sync_data = bond_sync_data,
	.next_data = bond_next_data,
	.host_at = bond_host_at,
	.close = bond_close,
};

struct bond *bond_of(struct store *s)
{
	return s->ops == &bond_ops ? bond_in(s) : NULL;
}

/* ---- opening ---- */

static int set_paths(struct bond *b, const struct bond_place *place)
{
	auto_free char *whole = realpath(place->beside ? place->beside : place->file, NULL);
	const char *name = whole ? strrchr(whole, '/') + 1 : NULL;
	int rc = 0;

	b->file = realpath(place->file, NULL);
	if (!whole || !b->file)
		return -errno;
	if (place->scratch_in)
		rc = asprintf(&b->path[SIDE_SCRATCH], "%s/%s.scratch", place->scratch_in, name);
	else if (place->beside)
		rc = asprintf(&b->path[SIDE_SCRATCH], "%s.scratch", whole);
	if (rc >= 0 && place->beside)
		rc = asprintf(&b->path[SIDE_SNAP], "%s.snap", whole);
	return rc < 0 ? -ENOMEM : 0;
}

int bond_open(struct store *image, const struct bond_place *place, struct store **out,
	      struct err *err)
{
	struct bond *b = calloc(1, sizeof(*b));
	struct stat st;
	int rc;

	if (!b) {
		store_close(image);
		return err_set(err, -ENOMEM, "no memory to open an image");
	}
	b->s = (struct store){&bond_ops, image->len, image->writable};
	b->image = image;
	b->sector_off = place->base_off + MM_ID_SECTOR_OFF;
	b->shared_place = place->scratch_in != NULL;
	b->id_suffices = place->id_suffices;
	b->dir[SIDE_SCRATCH] = b->dir[SIDE_SNAP] = SIDE_DIR_NONE;
	pthread_mutex_init(&b->lock, NULL);
	rc = set_paths(b, place);
	if (rc)
		err_sys(err, rc, "cannot find what lies beside it");
	if (!rc && stat(b->file, &st) < 0)
		rc = err_sys(err, -errno, "cannot examine");
	b->mode = st.st_mode & 0777;
	b->owner = st.st_uid;
	if (!rc)
		rc = read_sector(b, err);
	for (enum side_kind side = 0; !rc && side < SIDE_COUNT; side++)
		if (b->path[side])
			rc = bond_find(b, side, &st, err);
	if (rc) {
		b->s.writable = false;
		free_bond(b);
		return rc;
	}
	b->bound = has_sides(b);
	*out = &b->s;
	return 0;
}

const char *bond_file(const struct bond *b)
{
	return b->file;
}

const char *bond_note(const struct bond *b, enum side_kind side)
{
	return b->note[side];
}

const char *bond_dir_path(const struct bond *b, enum side_kind side)
{
	return b->path[side];
}

/* ---- directories come and go ---- */

static int attach(struct bond *b, enum side_kind side, struct err *err)
{
	struct side_record record = {.image_len = 0};
	int rc = has_sides(b) ? 0 : make_id(b, err);

	if (rc)
		return rc;
	record.durable_tick = record.reached_tick = b->id.tick;
	open_record(&b->id, &record, now_nsec());
	rc = side_dir_make(&b->dir[side], b->path[side], b->mode, &record, err);
	if (rc) {
		side_dir_close(&b->dir[side]);
		return rc;
	}
	b->bound = true;
	/* From here on each change of the image is preceded by a tick. */
	b->ticked_nsec = 0;
	return 0;
}

int bond_attach(struct bond *b, enum side_kind side, struct err *err)
{
	int rc = 0;

	if (!b->s.writable)
		return err_set(err, -EROFS, "the image is open for reading only");
	if (!b->path[side])
		return err_set(err, -EOPNOTSUPP, "a block device has no place for files beside it");
	pthread_mutex_lock(&b->lock);
	if (!bond_fits(b, side))
		rc = attach(b, side, err);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

static int require_id(struct bond *b, uint8_t id[MM_ID_LEN], struct err *err)
{
	uint8_t sector[MM_ID_SECTOR_LEN];
	int rc;

	if (b->image->len < b->sector_off + MM_ID_SECTOR_LEN)
		return 0;
	rc = store_read(b->image, sector, sizeof(sector), b->sector_off, err);
	/* Bytes that are nobody's are to stay as they are, too. */
	if (rc || (!b->has_id && !is_zero(sector, sizeof(sector))))
		return rc;
	if (!has_sides(b))
		rc = make_id(b, err);
	if (!rc)
		memcpy(id, b->id.id, MM_ID_LEN);
	return rc;
}

int bond_require_id(struct bond *b, uint8_t id[MM_ID_LEN], struct err *err)
{
	int rc;

	memset(id, 0, MM_ID_LEN);
	if (!b)
		return 0;
	pthread_mutex_lock(&b->lock);
	rc = require_id(b, id, err);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

bool bond_id(const struct bond *b, uint8_t id[MM_ID_LEN])
{
	if (!b || !b->has_id)
		return false;
	memcpy(id, b->id.id, MM_ID_LEN);
	return true;
}

void bond_detach_empty(struct bond *b, enum side_kind side)
{
	pthread_mutex_lock(&b->lock);
	if (bond_fits(b, side) && side_dir_is_empty(&b->dir[side]))
		side_dir_remove(&b->dir[side]);
	erase_id(b);
	b->bound = has_sides(b);
	pthread_mutex_unlock(&b->lock);
}

int bond_set_aside(struct bond *b, enum side_kind side, char **to, struct err *err)
{
	int rc = 0;

	*to = NULL;
	pthread_mutex_lock(&b->lock);
	if (bond_fits(b, side) && side_dir_is_empty(&b->dir[side]))
		side_dir_remove(&b->dir[side]);
	else if (bond_fits(b, side))
		rc = side_dir_set_aside(&b->dir[side], to, err);
	if (!rc)
		erase_id(b);
	b->bound = has_sides(b);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

/* The old directory goes before the new one has its name: a kill in between leaves none, and the
 * caller's record of what is under way does it again. */
static int exchange(struct bond *b, struct side_dir *built, char **aside, struct err *err)
{
	struct side_dir *old = &b->dir[SIDE_SCRATCH];
	int rc = 0;

	if (bond_fits(b, SIDE_SCRATCH) && !side_dir_is_empty(old))
		rc = side_dir_set_aside(old, aside, err);
	else if (old->fd >= 0)
		side_dir_remove(old);
	if (!rc)
		rc = side_dir_rename(built, b->path[SIDE_SCRATCH], err);
	if (!rc) {
		*old = *built;
		*built = SIDE_DIR_NONE;
	}
	return rc;
}

static int install(struct bond *b, const struct side_files *files, char **aside, struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir built = SIDE_DIR_NONE;
	struct side_record record = {.image_len = 0};
	int rc = has_sides(b) ? 0 : make_id(b, err);

	if (rc)
		return rc;
	record.durable_tick = record.reached_tick = b->id.tick;
	open_record(&b->id, &record, now_nsec());
	rc = side_build(b->path[SIDE_SCRATCH], b->owner, b->mode, files, &record, &built, err);
	if (!rc)
		rc = exchange(b, &built, aside, err);
	b->bound = has_sides(b);
	b->ticked_nsec = 0;
	return rc;
}

int bond_install(struct bond *b, const struct side_files *files, char **aside, struct err *err)
{
	int rc;

	*aside = NULL;
	if (!side_files_any(files))
		return bond_set_aside(b, SIDE_SCRATCH, aside, err);
	pthread_mutex_lock(&b->lock);
	rc = install(b, files, aside, err);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

struct store *bond_image(struct bond *b)
{
	return b->image;
}

int side_plant(struct store *image, uint64_t base_off, const char *beside,
	       const struct side_files *files, struct err *err)
{
	__attribute__((cleanup(side_dir_close))) struct side_dir built = SIDE_DIR_NONE;
	struct side_record record = {.durable_tick = 1, .reached_tick = 1};
	uint8_t sector[MM_ID_SECTOR_LEN];
	auto_free char *scratch = NULL;
	struct mm_image_id id;
	struct stat st = {.st_mode = 0600};
	int rc;

	if (new_id(&id))
		return err_sys(err, -EIO, "no random number for the image id");
	if (image->len < base_off + MM_PAGE_LEN)
		return err_set(err, -EINVAL, "only a managed image can have files beside it");
	if (asprintf(&scratch, "%s.scratch", beside) < 0) {
		scratch = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	mm_image_id_encode(&id, sector);
	rc = store_write(image, sector, sizeof(sector), base_off + MM_ID_SECTOR_OFF, 0, err);
	if (rc)
		return rc;
	if (store_host_at(image, 0).fd >= 0)
		(void)!fstat(store_host_at(image, 0).fd, &st);
	open_record(&id, &record, now_nsec());
	return side_build(scratch, geteuid(), st.st_mode & 0777, files, &record, &built, err);
}

uint64_t bond_base_off(const struct bond *b)
{
	return b->sector_off - MM_ID_SECTOR_OFF;
}

uid_t bond_owner(const struct bond *b)
{
	return b->owner;
}

mode_t bond_mode(const struct bond *b)
{
	return b->mode;
}

/* ---- what the records hold besides ---- */

bool bond_exact_len(const struct bond *b, unsigned mm_id, uint64_t pages, uint64_t *len)
{
	return bond_fits(b, SIDE_SCRATCH) &&
	       side_dir_get_len(&b->dir[SIDE_SCRATCH], mm_id, len) == 0 &&
	       *len <= pages * MM_PAGE_LEN && div_up(*len, MM_PAGE_LEN) == pages;
}

void bond_note_len(struct bond *b, unsigned mm_id, uint64_t len)
{
	pthread_mutex_lock(&b->lock);
	if (bond_fits(b, SIDE_SCRATCH))
		(void)!side_dir_set_lens(&b->dir[SIDE_SCRATCH], mm_id, &len, 1);
	pthread_mutex_unlock(&b->lock);
}

void bond_note_lens(struct bond *b, const uint64_t *len)
{
	pthread_mutex_lock(&b->lock);
	if (bond_fits(b, SIDE_SCRATCH))
		(void)!side_dir_set_lens(&b->dir[SIDE_SCRATCH], 0, len, MM_MAX_MEMORIES);
	pthread_mutex_unlock(&b->lock);
}

int bond_set_ordered(struct bond *b, enum side_kind side, bool ordered, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (b->dir[side].record.ordered != ordered) {
		b->dir[side].record.ordered = ordered;
		rc = side_dir_store(&b->dir[side], true, err);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

struct bond_rollback bond_rollback(const struct bond *b)
{
	const struct side_record *r = &b->dir[SIDE_SNAP].record;

	if (!bond_fits(b, SIDE_SNAP))
		return (struct bond_rollback){0, BOND_WHOLE_IMAGE};
	return (struct bond_rollback){r->rollback_seq, (int)(r->rollback_memory % 256) - 1};
}

int bond_set_rollback(struct bond *b, struct bond_rollback what, struct err *err)
{
	int rc;

	pthread_mutex_lock(&b->lock);
	b->dir[SIDE_SNAP].record.rollback_seq = what.seq;
	b->dir[SIDE_SNAP].record.rollback_memory = (uint32_t)(what.mm_id + 1);
	rc = side_dir_store(&b->dir[SIDE_SNAP], true, err);
	pthread_mutex_unlock(&b->lock);
	return rc;
}

int bond_refuse_broken_off(const struct bond *b, struct err *err)
{
	return bond_rollback(b).seq == 0 ? 0 : bond_say_broken_off(err);
}

/* ---- the end ---- */

void bond_leave_open(struct bond *b)
{
	b->stays_open = true;
}

/* An overlay's file changes until its store is closed. */
static int close_records(struct bond *b, struct err *err)
{
	uint64_t len = b->image->len;
	struct stat st;

	store_close(b->image);
	b->image = NULL;
	if (stat(b->file, &st) < 0)
		return err_sys(err, -errno, "cannot examine the image");
	for (enum side_kind side = 0; side < SIDE_COUNT; side++) {
		struct side_record *r = &b->dir[side].record;

		r->open = false;
		r->image_len = len;
		r->sec = st.st_mtim.tv_sec;
		r->nsec = (uint32_t)st.st_mtim.tv_nsec;
		r->durable_tick = r->reached_tick = r->image.tick = b->id.tick;
	}
	return store_records(b, true, err);
}

int bond_settle(struct bond *b, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (b->image && b->s.writable && !b->stays_open) {
		erase_id(b);
		if (b->bound && b->tick_in_doubt)
			rc = write_sector(b, &b->id, STORE_DURABLE, err);
		if (b->bound && !rc)
			rc = store_sync(b->image, err);
		if (b->bound && !rc)
			rc = close_records(b, err);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}
