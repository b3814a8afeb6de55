// SPDX-License-Identifier: MIT
/*
 * Owns the new contents of memories that a verb sends piece by piece, in files without a name. The
 * image does not change here. A piece that comes while the contents are installed is refused.
 */
#include "fusefs/change/change.h"

void change_staged_init(struct change_staged *st)
{
	pthread_mutex_init(&st->lock, NULL);
}

void change_staged_end(struct change_staged *st)
{
	for (unsigned i = 0; i < st->count; i++) {
		store_close(st->memory[i].stage);
		store_close(st->memory[i].under);
	}
	pthread_mutex_destroy(&st->lock);
}

static int make(struct fs *fs, unsigned mm_id, bool over, struct change_memory *out,
		struct err *err)
{
	int fd, rc;

	*out = (struct change_memory){.mm_id = mm_id};
	rc = over ? ss_memory_store(fs->mm, mm_id, false, &out->under, err) : 0;
	if (rc)
		return rc;
	fd = scratch_open_nameless(fs);
	rc = fd < 0 ? err_sys(err, -errno, "no file can be made for a new content")
		    : ss_stage_open(out->under, fd, &out->stage, err);
	if (rc)
		store_close(out->under);
	return rc;
}

int change_memory(struct fs *fs, struct change_staged *st, unsigned mm_id, bool over,
		  struct store **stage, struct err *err)
{
	int rc;

	for (unsigned i = 0; i < st->count; i++) {
		if (st->memory[i].mm_id != mm_id)
			continue;
		*stage = st->memory[i].stage;
		return over == (st->memory[i].under != NULL)
			       ? 0
			       : err_set(err, -EINVAL, "memory %u was sent in two ways", mm_id);
	}
	if (st->count == MM_MAX_CONTENTS)
		return err_set(err, -EINVAL, "at most %u memories change at once", MM_MAX_CONTENTS);
	rc = make(fs, mm_id, over, &st->memory[st->count], err);
	if (!rc)
		*stage = st->memory[st->count++].stage;
	return rc;
}

/* The piece can be part of a memory of this image. */
static bool can_be(struct fs *fs, const struct fs_piece *p)
{
	struct mm_stat stat;
	uint64_t end;

	mm_stat(fs->mm, &stat);
	return p->mm_id < MM_MAX_MEMORIES && p->len > 0 && p->len <= FS_PIECE_LEN &&
	       !add_overflows(p->off, (uint64_t)p->len, &end) &&
	       end <= stat.cap_pages * MM_PAGE_LEN;
}

static int take(struct fs *fs, struct change_staged *st, const struct fs_piece *p, struct err *err)
{
	struct store *stage;
	int rc = change_memory(fs, st, p->mm_id, p->over, &stage, err);

	if (!rc && stage->len < p->off + p->len)
		rc = store_resize(stage, p->off + p->len, err);
	return rc ? rc : store_write(stage, p->bytes, p->len, p->off, 0, err);
}

void change_take(fuse_req_t req, struct change_staged *st, const struct fs_piece *piece)
{
	struct fs *fs = fs_of(req);
	struct err err = {""};
	int rc = fs->cfg->opts->read_only ? -EROFS : can_be(fs, piece) ? 0 : -EINVAL;

	if (!rc && pthread_mutex_trylock(&st->lock) != 0)
		rc = -EBUSY;
	if (rc) {
		fs_reply(req, rc, NULL);
		return;
	}
	rc = take(fs, st, piece, &err);
	pthread_mutex_unlock(&st->lock);
	if (rc)
		fs_reply(req, rc, &err);
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}
