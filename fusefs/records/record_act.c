// SPDX-License-Identifier: MIT
/*
 * Answers requests about records from the structure in the memory.
 *
 * A directory's offsets are places in the structure (see ss_resume): a listing goes on where it was
 * without anything being kept for it. While the memory changes it can miss records, or show some
 * twice, but it ends.
 */
#include <stdio.h>

#include "fusefs/records/record_task.h"

/* A record is as old as its memory. */
static void stat_record(struct fs *fs, unsigned mm_id, const struct ss_record *rec, struct stat *st)
{
	node_stat(fs, fs->record, st);
	node_stat_times(fs, mm_id, st);
	st->st_ino = INO_RECORD + ((ino_t)mm_id << PLACE_BITS) + rec->place;
	st->st_size = (off_t)rec->value_len;
	st->st_blocks = (blkcnt_t)div_up(rec->value_len, 512);
}

/* Opens the structure and finds the task's record in it. */
static int find(struct fs *fs, const struct record_task *t, struct ss_cursor **c,
		struct ss_record *rec, struct err *err)
{
	struct record_view *v = &fs->records->view;
	int rc = record_view_open(v, t->mm_id, err);

	*c = NULL;
	if (!rc)
		rc = record_view_find(v, t->style, t->name, c, rec, err);
	if (!rc && rec->place == SS_NO_PLACE)
		rc = err_set(err, -EUCLEAN, "the tree is deeper than any map's");
	return rc;
}

static int look_up_record(struct fs *fs, struct record_task *t, struct fuse_entry_param *entry,
			  struct err *err)
{
	struct record_view *v = &fs->records->view;
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	int rc = record_view_open(v, t->mm_id, err);

	if (!rc)
		rc = record_view_style(v, &t->style, err);
	if (!rc)
		rc = find(fs, t, &c, &rec, err);
	if (rc)
		return rc;
	stat_record(fs, t->mm_id, &rec, &entry->attr);
	entry->ino = record_remember(fs->records, t, &entry->attr);
	return entry->ino ? 0 : -ENOMEM;
}

static int look_up_dir(struct fs *fs, struct record_task *t, struct fuse_entry_param *entry,
		       struct err *err)
{
	int id = name_to_id(t->name);
	bool has = false;
	int rc = id < 0 ? 0 : record_view_has(&fs->records->view, (unsigned)id, &has, err);

	if (rc || !has)
		return rc ? rc : -ENOENT;
	entry->ino = node_id(fs, &fs->records->dir[id]);
	node_stat(fs, &fs->records->dir[id], &entry->attr);
	return 0;
}

/* Without timeouts: what is not there now may be there in a moment, and the other way round. */
static int do_lookup(struct fs *fs, struct record_task *t, struct err *err)
{
	bool in_root = t->dir == records_root(fs);
	struct fuse_entry_param entry = {.ino = 0};
	int rc = in_root ? look_up_dir(fs, t, &entry, err) : look_up_record(fs, t, &entry, err);

	if (!rc && fuse_reply_entry(t->req, &entry) == -ENOENT && !in_root)
		record_forget(fs, entry.ino, 1);
	return rc;
}

static int do_stat(struct fs *fs, struct record_task *t, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	struct stat st;
	int rc = find(fs, t, &c, &rec, err);

	if (rc)
		return rc;
	stat_record(fs, t->mm_id, &rec, &st);
	fuse_reply_attr(t->req, &st, 0);
	return 0;
}

static int do_open(struct fs *fs, struct record_task *t, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	int rc = find(fs, t, &c, &rec, err);

	if (rc)
		return rc;
	t->fi.direct_io = 1;
	fuse_reply_open(t->req, &t->fi);
	return 0;
}

/* Found anew each time: there is nothing to keep, and no old value to show. */
static int do_read(struct fs *fs, struct record_task *t, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	auto_free char *buf = malloc(MAX(t->size, (size_t)1));
	struct ss_record rec;
	size_t len = 0;
	int rc = buf ? find(fs, t, &c, &rec, err) : -ENOMEM;

	if (!rc && (uint64_t)t->off < rec.value_len)
		len = MIN(t->size, rec.value_len - (uint64_t)t->off);
	if (!rc && len > 0)
		rc = ss_value_read(c, buf, len, (uint64_t)t->off, err);
	if (!rc)
		fuse_reply_buf(t->req, buf, len);
	return rc;
}

/* ---- listing ---- */

/* The answer to a readdir, as it is filled. */
struct page {
	fuse_req_t req;
	char *buf;
	size_t size, len;
	off_t end; /* behind the last entry */
};

/* False: it does not fit. */
static bool page_add(struct page *p, const char *name, ino_t ino, mode_t mode, off_t end)
{
	struct stat st = {.st_ino = ino, .st_mode = mode};
	size_t need = fuse_add_direntry(p->req, p->buf + p->len, p->size - p->len, name, &st, end);

	if (need > p->size - p->len)
		return false;
	p->len += need;
	p->end = end;
	return true;
}

static int list_dirs(struct fs *fs, struct page *p, struct err *err)
{
	int rc = 0;

	for (unsigned id = (unsigned)(p->end - OFF_DOTS); !rc && id < MM_MAX_MEMORIES; id++) {
		char name[8];
		bool has;

		snprintf(name, sizeof(name), "%u", id);
		rc = record_view_has(&fs->records->view, id, &has, err);
		if (!rc && has && !page_add(p, name, INO_DIR + id, S_IFDIR, (off_t)id + OFF_FIRST))
			break;
	}
	return rc;
}

static int list_records(struct fs *fs, struct record_task *t, struct page *p, struct err *err)
{
	struct record_view *v = &fs->records->view;
	auto_ss_cursor struct ss_cursor *c = NULL;
	char name[RECORD_NAME_MAX + 1];
	enum record_style style;
	struct ss_record rec;
	bool more = true;
	int rc = record_view_open(v, t->mm_id, err);

	if (!rc)
		rc = record_view_style(v, &style, err);
	if (!rc)
		rc = p->end == OFF_DOTS ? ss_first(v->ss, &c, err)
					: ss_resume(v->ss, (uint64_t)p->end - OFF_FIRST, &c, err);
	while (!rc) {
		rc = ss_next(c, &rec, &more, err);
		if (rc || !more)
			break;
		if (rec.place == SS_NO_PLACE || t->listing->count > t->listing->limit)
			return err_set(err, -EUCLEAN, "the tree leads to more records than fit");
		rc = record_spell(style, &rec, name, err);
		if (rc ||
		    !page_add(p, name, INO_RECORD + ((ino_t)t->mm_id << PLACE_BITS) + rec.place,
			      S_IFREG, (off_t)rec.place + OFF_FIRST))
			break;
		t->listing->count++;
	}
	return rc;
}

/* Each record takes some bytes; a listing that goes back begins to count anew. */
static void count_from(struct fs *fs, struct record_task *t)
{
	enum { MIN_RECORD_LEN = 8 };
	struct mm_memory m;

	mm_memory(fs->mm, t->mm_id, &m);
	t->listing->limit = MAX(t->listing->limit, m.pages * MM_PAGE_LEN / MIN_RECORD_LEN);
	if (t->off < t->listing->end)
		t->listing->count = 0;
}

static int do_list(struct fs *fs, struct record_task *t, struct err *err)
{
	auto_free char *buf = malloc(MAX(t->size, (size_t)1));
	struct page p = {.req = t->req, .buf = buf, .size = t->size, .end = t->off};
	struct node *parent = t->dir == records_root(fs) ? &fs->control : records_root(fs);
	bool fits = buf;
	int rc = buf ? 0 : -ENOMEM;

	if (fits && p.end == 0)
		fits = page_add(&p, ".", t->dir->ino, S_IFDIR, 1);
	if (fits && p.end == 1)
		fits = page_add(&p, "..", parent->ino, S_IFDIR, OFF_DOTS);
	if (fits && t->dir == records_root(fs)) {
		rc = list_dirs(fs, &p, err);
	} else if (fits) {
		count_from(fs, t);
		rc = list_records(fs, t, &p, err);
		t->listing->end = p.end;
	}
	/* What was read before an error is shown; the next request will meet the error. */
	if (rc && (p.len == 0 || rc == -EAGAIN))
		return rc;
	fuse_reply_buf(t->req, buf, p.len);
	return 0;
}

int record_act(struct fs *fs, struct record_task *t, struct err *err)
{
	static int (*const acts[])(struct fs * fs, struct record_task * t, struct err * err) = {
		[ACT_LOOKUP] = do_lookup, [ACT_LIST] = do_list, [ACT_STAT] = do_stat,
		[ACT_OPEN] = do_open,     [ACT_READ] = do_read,
	};

	return acts[t->act](fs, t, err);
}
