// SPDX-License-Identifier: MIT
/*
 * .canister/records in the mount: its nodes and operations. Nothing of it is cached by the kernel,
 * since every byte can change with the image. Listing makes no nodes; what
 * was looked up has one of some dozen bytes until the kernel forgets it.
 *
 * A directory's offsets are places in the structure (see ss_resume): a listing goes on where it was
 * without anything being kept for it. While the memory changes it can miss records, or show some
 * twice, but it ends.
 */
#include <fcntl.h>
#include <search.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "fusefs/records.h"

/* Inode numbers: records and their directories have ranges of their own. A place has 52 bits. */
#define INO_DIR    (UINT64_C(1) << 61)
#define INO_RECORD (UINT64_C(1) << 62)
enum { INO_ROOT = 9, PLACE_BITS = 52 };

/* Offsets in a directory: behind ".", behind "..", and behind the record at place p, p + OFF_FIRST.
 */
enum { OFF_DOTS = 2, OFF_FIRST = 3 };

/*
 * A record that the kernel knows; its nodeid is the address and 1. The kernel keeps the size and
 * the time that it was told first, for it takes itself for the only writer: so another size, or
 * time, is another node.
 */
struct record {
	uint64_t lookups; /* nodes_lock */
	uint64_t len;
	struct timespec mtime;
	uint8_t mm_id, style;
	char name[];
};

enum act { ACT_LOOKUP, ACT_LIST, ACT_STAT, ACT_OPEN, ACT_READ };

struct task {
	struct task *next;
	enum act act;
	fuse_req_t req;
	struct node *dir; /* looked up in, or listed; else NULL */
	struct record_listing *listing;
	unsigned mm_id;
	enum record_style style;
	size_t size;
	off_t off;
	struct fuse_file_info fi;
	char name[RECORD_NAME_MAX + 1];
};

/* An open directory. A damaged tree could lead round and round: no more is listed than fits. */
struct record_listing {
	off_t end; /* of what was listed last */
	uint64_t count, limit;
};

struct records {
	struct node root, file; /* `file` stands for every record */
	struct node dir[MM_MAX_MEMORIES];
	pthread_mutex_t nodes_lock;
	void *nodes; /* struct record, a tree of search.h */
	pthread_mutex_t view_lock;
	struct record_view view; /* only the thread opens and closes what it holds */
	bool used;               /* since it was looked at whether the view is */
	pthread_mutex_t lock;    /* guards the rest; before view_lock */
	pthread_cond_t come;
	struct task *first, **last;
	bool started;
	pthread_t thread;
	atomic_bool ending;
};

struct node *records_root(struct fs *fs)
{
	return &fs->records->root;
}

struct node *record_node(struct fs *fs)
{
	return &fs->records->file;
}

int records_init(struct fs *fs, struct err *err)
{
	struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, -ENOMEM, "no memory for records");
	fs->records = r;
	node_init(&r->root, NODE_RECORDS, INO_ROOT, S_IFDIR | 0555);
	node_init(&r->file, NODE_RECORD, 0, S_IFREG | 0444);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		node_init(&r->dir[id], NODE_RECORD_DIR, INO_DIR + id, S_IFDIR | 0555);
		r->dir[id].mm_id = id;
	}
	pthread_mutex_init(&r->nodes_lock, NULL);
	pthread_mutex_init(&r->view_lock, NULL);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->come, NULL);
	r->last = &r->first;
	r->view = (struct record_view){
		.mm = fs->mm, .names = fs->cfg->names, .ending = &r->ending, .partner = -1};
	return 0;
}

/* ---- nodes of records ---- */

static int compare_records(const void *x, const void *y)
{
	const struct record *a = x, *b = y;

	if (a->mm_id != b->mm_id || a->style != b->style)
		return a->mm_id != b->mm_id ? a->mm_id - b->mm_id : a->style - b->style;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->mtime.tv_sec != b->mtime.tv_sec)
		return a->mtime.tv_sec < b->mtime.tv_sec ? -1 : 1;
	if (a->mtime.tv_nsec != b->mtime.tv_nsec)
		return a->mtime.tv_nsec < b->mtime.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* 0: no memory. */
static fuse_ino_t remember(struct records *r, const struct task *t, const struct stat *st)
{
	struct record *rec = calloc(1, sizeof(*rec) + strlen(t->name) + 1);
	auto_unlock pthread_mutex_t *held = lock(&r->nodes_lock);
	struct record **slot;

	if (!rec)
		return 0;
	rec->len = (uint64_t)st->st_size;
	rec->mtime = st->st_mtim;
	rec->mm_id = (uint8_t)t->mm_id;
	rec->style = (uint8_t)t->style;
	strcpy(rec->name, t->name);
	slot = tsearch(rec, &r->nodes, compare_records);
	if (!slot || *slot != rec)
		free(rec);
	if (!slot)
		return 0;
	(*slot)->lookups++;
	return (fuse_ino_t)*slot | 1;
}

static struct record *record_of(fuse_ino_t ino)
{
	return (struct record *)(ino & ~(fuse_ino_t)1);
}

void record_forget(struct fs *fs, fuse_ino_t ino, uint64_t lookups)
{
	struct records *r = fs->records;
	auto_unlock pthread_mutex_t *held = lock(&r->nodes_lock);
	struct record *rec = record_of(ino);

	rec->lookups -= lookups;
	if (rec->lookups > 0)
		return;
	tdelete(rec, &r->nodes, compare_records);
	free(rec);
}

void records_clear(struct fs *fs)
{
	if (!fs->records)
		return;
	tdestroy(fs->records->nodes, free);
	free(fs->records);
}

/* ---- what the thread does ---- */

/* A record is as old as its memory. */
static void stat_record(struct fs *fs, unsigned mm_id, const struct ss_record *rec, struct stat *st)
{
	node_stat(fs, record_node(fs), st);
	node_stat_times(fs, mm_id, st);
	st->st_ino = INO_RECORD + ((ino_t)mm_id << PLACE_BITS) + rec->place;
	st->st_size = (off_t)rec->value_len;
	st->st_blocks = (blkcnt_t)div_up(rec->value_len, 512);
}

/* Opens the structure and finds the task's record in it. */
static int find(struct fs *fs, const struct task *t, struct ss_cursor **c, struct ss_record *rec,
		struct err *err)
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

static int look_up_record(struct fs *fs, struct task *t, struct fuse_entry_param *entry,
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
	entry->ino = remember(fs->records, t, &entry->attr);
	return entry->ino ? 0 : -ENOMEM;
}

static int look_up_dir(struct fs *fs, struct task *t, struct fuse_entry_param *entry,
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

/* Each of these answers, or returns why not. */

/* Without timeouts: what is not there now may be there in a moment, and the other way round. */
static int do_lookup(struct fs *fs, struct task *t, struct err *err)
{
	bool in_root = t->dir->kind == NODE_RECORDS;
	struct fuse_entry_param entry = {.ino = 0};
	int rc = in_root ? look_up_dir(fs, t, &entry, err) : look_up_record(fs, t, &entry, err);

	if (!rc && fuse_reply_entry(t->req, &entry) == -ENOENT && !in_root)
		record_forget(fs, entry.ino, 1);
	return rc;
}

static int do_stat(struct fs *fs, struct task *t, struct err *err)
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

static int do_open(struct fs *fs, struct task *t, struct err *err)
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
static int do_read(struct fs *fs, struct task *t, struct err *err)
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

static int list_records(struct fs *fs, struct task *t, struct page *p, struct err *err)
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
static void count_from(struct fs *fs, struct task *t)
{
	enum { MIN_RECORD_LEN = 8 };
	struct mm_memory m;

	mm_memory(fs->mm, t->mm_id, &m);
	t->listing->limit = MAX(t->listing->limit, m.pages * MM_PAGE_LEN / MIN_RECORD_LEN);
	if (t->off < t->listing->end)
		t->listing->count = 0;
}

static int do_list(struct fs *fs, struct task *t, struct err *err)
{
	auto_free char *buf = malloc(MAX(t->size, (size_t)1));
	struct page p = {.req = t->req, .buf = buf, .size = t->size, .end = t->off};
	struct node *parent = t->dir->kind == NODE_RECORDS ? &fs->control : records_root(fs);
	bool fits = buf;
	int rc = buf ? 0 : -ENOMEM;

	if (fits && p.end == 0)
		fits = page_add(&p, ".", t->dir->ino, S_IFDIR, 1);
	if (fits && p.end == 1)
		fits = page_add(&p, "..", parent->ino, S_IFDIR, OFF_DOTS);
	if (fits && t->dir->kind == NODE_RECORDS) {
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

/* ---- who does it ---- */

enum { TRIES_MAX = 8 };

/* Whether this begins to look at something, and does not go on with what was found before. */
static bool is_first_look(const struct task *t)
{
	return t->dir && t->dir->kind == NODE_RECORD_DIR && (t->act == ACT_LOOKUP || t->off == 0);
}

/* What a program has written and holds open may be in the kernel's cache alone. */
static int fetch(struct fs *fs, const struct record_view *v, unsigned mm_id)
{
	int partner = v->mm_id == mm_id ? v->partner : -1;
	bool both = partner >= 0 && node_is_written(fs, (unsigned)partner);

	if (!both && !node_is_written(fs, mm_id))
		return 0;
	if (v->hurry)
		return -EAGAIN;
	if (both)
		fs_flush_memory(fs, (unsigned)partner);
	fs_flush_memory(fs, mm_id);
	return 0;
}

/* view_lock held. */
static int act(struct fs *fs, struct task *t, bool hurry, struct err *err)
{
	static int (*const acts[])(struct fs * fs, struct task * t, struct err * err) = {
		[ACT_LOOKUP] = do_lookup, [ACT_LIST] = do_list, [ACT_STAT] = do_stat,
		[ACT_OPEN] = do_open,     [ACT_READ] = do_read,
	};
	struct record_view *v = &fs->records->view;
	unsigned tries = 0;
	int rc = 0;

	v->hurry = hurry;
	fs->records->used = true;
	if (is_first_look(t) && fetch(fs, v, t->mm_id))
		return -EAGAIN;
	/* What changes while it is read looks like damage. */
	do {
		rc = acts[t->act](fs, t, err);
		if (rc && hurry && record_view_is_late(v))
			return -EAGAIN;
	} while (rc && !hurry && record_view_is_late(v) && ++tries < TRIES_MAX);
	if (rc && err->text[0] && !(t->dir && t->dir->kind == NODE_RECORDS))
		(void)!err_prefix(err, rc, "the records of memory %u", t->mm_id);
	/* The kernel knows the record; it is gone. */
	return rc == -ENOENT && t->act >= ACT_STAT ? -ESTALE : rc;
}

/* Whoever comes while another is at it, or would take long, goes to the thread. */
static bool act_at_once(struct fs *fs, struct task *t)
{
	struct err err = {""};
	int rc;

	if (pthread_mutex_trylock(&fs->records->view_lock) != 0)
		return false;
	rc = act(fs, t, true, &err);
	pthread_mutex_unlock(&fs->records->view_lock);
	if (rc && rc != -EAGAIN)
		fs_reply(t->req, rc, &err);
	return rc != -EAGAIN;
}

/* What is open takes memory for nothing when nobody has asked for a second. */
static void rest(struct records *r)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (!r->view.ss)
		pthread_cond_wait(&r->come, &r->lock);
	else if (pthread_cond_timedwait(&r->come, &r->lock, &until) == ETIMEDOUT &&
		 pthread_mutex_trylock(&r->view_lock) == 0) {
		if (!r->used)
			record_view_close(&r->view);
		r->used = false;
		pthread_mutex_unlock(&r->view_lock);
	}
}

/* NULL: the end. */
static struct task *next_task(struct records *r)
{
	auto_unlock pthread_mutex_t *held = lock(&r->lock);
	struct task *t;

	while (!r->first && !r->ending)
		rest(r);
	t = r->first;
	if (t)
		r->first = t->next;
	if (!r->first)
		r->last = &r->first;
	return t;
}

static void *serve(void *arg)
{
	struct fs *fs = arg;
	struct records *r = fs->records;
	struct task *t;

	while ((t = next_task(r))) {
		struct err err = {""};
		int rc;

		pthread_mutex_lock(&r->view_lock);
		rc = act(fs, t, false, &err);
		pthread_mutex_unlock(&r->view_lock);
		if (rc)
			fs_reply(t->req, rc, &err);
		free(t);
	}
	record_view_close(&r->view);
	return NULL;
}

/* The thread begins with the first task, which no fork comes after. */
static void hand_over(struct fs *fs, const struct task *task)
{
	struct records *r = fs->records;
	struct task *t = malloc(sizeof(*t));
	auto_unlock pthread_mutex_t *held = lock(&r->lock);

	if (t && !r->started)
		r->started = pthread_create(&r->thread, NULL, serve, fs) == 0;
	if (!t || !r->started) {
		free(t);
		fs_reply(task->req, -ENOMEM, NULL);
		return;
	}
	*t = *task;
	t->next = NULL;
	*r->last = t;
	r->last = &t->next;
	pthread_cond_signal(&r->come);
}

static void take(struct task *t)
{
	struct fs *fs = fs_of(t->req);

	if (!act_at_once(fs, t))
		hand_over(fs, t);
}

void records_end(struct fs *fs)
{
	struct records *r = fs->records;

	r->ending = true;
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(&r->come);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
}

/* ---- the operations ---- */

void records_lookup(fuse_req_t req, struct node *dir, const char *name)
{
	struct task t = {.act = ACT_LOOKUP, .req = req, .dir = dir, .mm_id = dir->mm_id};

	if (strlen(name) > RECORD_NAME_MAX) {
		fs_reply(req, -ENAMETOOLONG, NULL);
		return;
	}
	strcpy(t.name, name);
	take(&t);
}

void records_opendir(fuse_req_t req, struct node *dir, struct fuse_file_info *fi)
{
	struct record_listing *listing = calloc(1, sizeof(*listing));

	if (!listing) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	fi->fh = (uintptr_t)listing;
	if (fuse_reply_open(req, fi) == -ENOENT)
		free(listing);
}

void records_readdir(fuse_req_t req, struct node *dir, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct task t = {.act = ACT_LIST,
			 .req = req,
			 .dir = dir,
			 .listing = (struct record_listing *)(uintptr_t)fi->fh,
			 .mm_id = dir->mm_id,
			 .size = size,
			 .off = off};

	take(&t);
}

void records_releasedir(fuse_req_t req, struct fuse_file_info *fi)
{
	free((struct record_listing *)(uintptr_t)fi->fh);
	fs_reply(req, 0, NULL);
}

/* A copy: once the request is answered the kernel may forget the record. */
static struct task task_on(fuse_req_t req, enum act act, fuse_ino_t ino)
{
	const struct record *rec = record_of(ino);
	struct task t = {.act = act, .req = req, .mm_id = rec->mm_id, .style = rec->style};

	strcpy(t.name, rec->name);
	return t;
}

void records_getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct task t = task_on(req, ACT_STAT, ino);

	take(&t);
}

void records_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct task t = task_on(req, ACT_OPEN, ino);

	/* The modes say so too, but root passes them. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
		fs_reply(req, -EACCES, NULL);
		return;
	}
	t.fi = *fi;
	take(&t);
}

void records_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off)
{
	struct task t = task_on(req, ACT_READ, ino);

	t.size = size;
	t.off = off;
	take(&t);
}
