// SPDX-License-Identifier: MIT
/*
 * Finds what has changed in a checkout by comparing its files with the image, byte for byte: the
 * image is known to be as it was, so what differs is what a program has changed. Times could lie,
 * and hashes would be no faster. Only blocks that a file still shares with the image are not read.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/checkout/checkout.h"
#include "tools/checkout/checkout_shared.h"
#include "tools/cmd/cmd.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"

enum {
	STEP_LEN = 1 << 20,
	BLOCK_LEN = 4096, /* what is written where a byte of it differs */
};

struct comparing {
	struct store *store;
	struct mm *mm;
	unsigned mm_id;
	int fd;
	uint64_t file_len, memory_len, len;
	uint8_t *ours, *theirs; /* STEP_LEN each: the file's, the memory's */
	checkout_change_fn *fn;
	void *ctx;
	struct shared shared;
	uint64_t data_start, data_end; /* of the memory, as it was last told */
	int host_fd; /* of the image, with which `shared` has begun; -1: not yet */
	bool can_share;
};

static uint64_t file_data_at(const struct comparing *c, uint64_t off)
{
	off_t at = off < c->file_len ? lseek(c->fd, (off_t)off, SEEK_DATA) : -1;

	if (at >= 0)
		return (uint64_t)at;
	return off >= c->file_len || errno == ENXIO ? c->len : off;
}

static int memory_data_at(struct comparing *c, uint64_t off, uint64_t *out, struct err *err)
{
	int rc = 0;

	/* It may have to look at all that follows. */
	if (off >= c->data_end && off < c->memory_len)
		rc = mm_next_data(c->mm, c->mm_id, off, &c->data_start, &c->data_end, err);
	*out = off < c->data_end && c->data_start < c->data_end ? MAX(off, c->data_start) : c->len;
	return rc;
}

/* Where, at or behind `off`, either may hold other than zeros. */
static int next_data(struct comparing *c, uint64_t off, uint64_t *out, struct err *err)
{
	uint64_t start = c->len;
	int rc = memory_data_at(c, off, &start, err);

	*out = round_down(MIN(start, file_data_at(c, off)), BLOCK_LEN);
	*out = MIN(MAX(*out, off), c->len);
	return rc;
}

static int read_both(const struct comparing *c, uint64_t off, size_t len, struct err *err)
{
	uint64_t file_left = c->file_len - MIN(c->file_len, off);
	uint64_t memory_left = c->memory_len - MIN(c->memory_len, off);
	size_t from_file = (size_t)MIN((uint64_t)len, file_left);
	size_t from_memory = (size_t)MIN((uint64_t)len, memory_left);
	int rc = pread_all(c->fd, c->ours, from_file, off);

	if (rc)
		return err_sys(err, rc, "%u cannot be read", c->mm_id);
	memset(c->ours + from_file, 0, len - from_file);
	memset(c->theirs + from_memory, 0, len - from_memory);
	return from_memory > 0 ? mm_read(c->mm, c->mm_id, c->theirs, from_memory, off, err) : 0;
}

static bool block_differs(const struct comparing *c, size_t at)
{
	return memcmp(c->ours + at, c->theirs + at, BLOCK_LEN) != 0;
}

static int tell_differences(const struct comparing *c, uint64_t off, size_t len, struct err *err)
{
	int rc = 0;

	if (memcmp(c->ours, c->theirs, len) == 0)
		return 0;
	for (size_t start = 0, end; !rc && start < len; start = end) {
		end = start + BLOCK_LEN;
		if (!block_differs(c, start))
			continue;
		while (end < len && block_differs(c, end))
			end += BLOCK_LEN;
		rc = c->fn(c->ctx, c->ours + start, end - start, off + start, err);
	}
	return rc;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* True: the next *len bytes are the same. Else they, or more, are to be compared. */
static bool is_shared(struct comparing *c, uint64_t off, uint64_t *len)
{
	uint64_t end = round_down(MIN(c->file_len, c->memory_len), BLOCK_LEN);
	uint64_t known = end - MIN(off, end);
	struct store_host host;
	struct mm_extent x;
	bool shared;

	if (known == 0 || mm_extent_at(c->mm, c->mm_id, off, known, &x))
		return false;
	host = store_host_at(c->store, x.image_off);
	if (c->host_fd < 0 && host.fd >= 0) {
		c->host_fd = host.fd;
		c->can_share = shared_begin(&c->shared, c->fd, host.fd);
	}
	if (!c->can_share || host.fd != c->host_fd)
		return false;
	shared = shared_at(&c->shared, off, host.off, &known);
	if (shared)
		known = MIN(known, MIN(x.len, host.len));
	known = round_down(known, BLOCK_LEN);
	if (known > 0)
		*len = shared ? known : MIN(*len, known);
	return shared && known > 0;
}

static int compare(struct comparing *c, struct err *err)
{
	struct stat before, after;
	int rc = fstat(c->fd, &before) < 0 ? -errno : 0;

	for (uint64_t off = 0, len; !rc && off < c->len; off += len) {
		rc = next_data(c, off, &off, err);
		len = MIN((uint64_t)STEP_LEN, c->len - off);
		if (!rc && is_shared(c, off, &len))
			continue;
		if (!rc)
			rc = read_both(c, off, (size_t)len, err);
		if (!rc)
			rc = tell_differences(c, off, (size_t)len, err);
	}
	if (!rc && (fstat(c->fd, &after) < 0 || !same_time(&before, &after)))
		rc = err_set(err, -EBUSY, "%u was changed while it was read", c->mm_id);
	return rc;
}

int checkout_compare(const struct image *img, unsigned mm_id, int fd, uint64_t file_len,
		     checkout_change_fn *fn, void *ctx, struct err *err)
{
	auto_free uint8_t *buf = malloc(2 * (size_t)STEP_LEN);
	struct comparing c = {.store = img->store,
			      .mm = img->mm,
			      .host_fd = -1,
			      .mm_id = mm_id,
			      .fd = fd,
			      .file_len = file_len,
			      .len = div_up(file_len, MM_PAGE_LEN) * MM_PAGE_LEN,
			      .fn = fn,
			      .ctx = ctx};
	struct mm_memory m;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	c.ours = buf;
	c.theirs = buf + STEP_LEN;
	mm_memory(img->mm, mm_id, &m);
	c.memory_len = MIN(m.pages * MM_PAGE_LEN, c.len);
	return compare(&c, err);
}

/* ---- all memories ---- */

struct change_ctx {
	struct mm *to; /* or NULL */
	unsigned mm_id;
	uint64_t pages;     /* changed */
	uint64_t seen_page; /* the last one counted, plus one */
};

static int take_change(void *ctx, const uint8_t *bytes, size_t len, uint64_t off, struct err *err)
{
	struct change_ctx *t = ctx;
	uint64_t first = MAX(off / MM_PAGE_LEN, t->seen_page);
	uint64_t end = div_up(off + len, MM_PAGE_LEN);

	t->pages += end > first ? end - first : 0;
	t->seen_page = MAX(t->seen_page, end);
	if (!t->to)
		return 0;
	return is_zero(bytes, len) ? mm_zero(t->to, t->mm_id, off, len, err)
				   : mm_write(t->to, t->mm_id, bytes, len, off, err);
}

static const char *name_change(const struct checkout_change *x)
{
	if (x->old_pages == 0 && x->pages > 0)
		return "new";
	if (x->pages == 0 && x->old_pages > 0)
		return "removed";
	if (x->pages != x->old_pages)
		return x->pages > x->old_pages ? "grown" : "cut";
	return x->changed_pages > 0 ? "changed" : NULL;
}

static int look_at(const struct checkout *co, const struct image *was, struct mm *to,
		   unsigned mm_id, struct checkout_change *x, struct err *err)
{
	struct change_ctx t = {.to = to, .mm_id = mm_id};
	auto_close int fd = -1;
	struct mm_memory m;
	uint64_t len;
	int rc = checkout_open_file(co, mm_id, &fd, &len, err);

	mm_memory(was->mm, mm_id, &m);
	*x = (struct checkout_change){
		.mm_id = (int)mm_id, .pages = div_up(len, MM_PAGE_LEN), .old_pages = m.pages};
	if (!rc && to && x->pages > m.pages)
		rc = mm_grow(to, mm_id, x->pages, err);
	if (!rc && fd >= 0)
		rc = checkout_compare(was, mm_id, fd, len, take_change, &t, err);
	if (!rc && to && x->pages < m.pages)
		rc = mm_resize(to, mm_id, x->pages, err);
	x->changed_pages = t.pages;
	x->what = name_change(x);
	return rc;
}

int checkout_changes(const struct checkout *co, const struct image *was, struct mm *to,
		     struct checkout_change *out, size_t *count, struct err *err)
{
	int rc = checkout_check_journals(co, err);

	*count = 0;
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		struct checkout_change x;

		rc = look_at(co, was, to, id, &x, err);
		if (!rc && x.what)
			out[(*count)++] = x;
	}
	return rc;
}

static const struct field change_fields[] = {
	{"id", "memory", FIELD_ID, offsetof(struct checkout_change, mm_id)},
	{"change", "change", FIELD_TEXT, offsetof(struct checkout_change, what)},
	{"pages", "pages", FIELD_NUMBER, offsetof(struct checkout_change, pages)},
	{"old_pages", "before", FIELD_NUMBER, offsetof(struct checkout_change, old_pages)},
	{"changed_pages", "changed", FIELD_NUMBER, offsetof(struct checkout_change, changed_pages)},
	{NULL},
};

void checkout_print(const char *dir, const struct checkout_change *change, size_t count)
{
	if (count == 0)
		printf("%s: nothing has changed\n", dir);
	else
		fields_table(stdout, change_fields, change, count, sizeof(*change), "  ");
}

int checkout_print_json(const struct checkout_change *change, size_t count)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "changes",
		 fields_array(&doc, change_fields, change, count, sizeof(*change)));
	return json_print(&doc);
}
