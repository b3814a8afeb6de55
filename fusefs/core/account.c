// SPDX-License-Identifier: MIT
/* Owns the counts. One lock guards them all: who counts does not mind the time. See account.h. */
#include "fusefs/core/account.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE_LEN = 4096, STEP_LEN = 65536 };

int account_open(struct fs *fs, struct err *err)
{
	if (!fs->cfg->opts->account)
		return 0;
	fs->account = calloc(1, sizeof(*fs->account));
	if (!fs->account)
		return err_set(err, -ENOMEM, "no memory to count pages in");
	pthread_mutex_init(&fs->account->lock, NULL);
	return 0;
}

static void forget(struct account_memory *m)
{
	free(m->read.bits);
	free(m->dirty.bits);
	memset(m, 0, sizeof(*m));
}

void account_reset(struct fs *fs)
{
	auto_unlock pthread_mutex_t *held = NULL;

	if (!fs->account)
		return;
	held = lock(&fs->account->lock);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		forget(&fs->account->memory[id]);
}

void account_close(struct fs *fs)
{
	if (!fs->account)
		return;
	account_reset(fs);
	pthread_mutex_destroy(&fs->account->lock);
	free(fs->account);
	fs->account = NULL;
}

/* Marks a page. Returns true where it was not marked; without memory for the mark, too. */
static bool is_first(struct account_pages *p, uint64_t page)
{
	size_t need = page / 8 + 1;
	uint8_t bit = (uint8_t)(1u << page % 8);
	bool first;

	if (need > p->len) {
		size_t len = MAX(need, 2 * p->len);
		uint8_t *more = realloc(p->bits, len);

		if (!more)
			return true;
		memset(more + p->len, 0, len - p->len);
		p->bits = more;
		p->len = len;
	}
	first = !(p->bits[page / 8] & bit);
	p->bits[page / 8] |= bit;
	return first;
}

static void add(struct account_pages *p, struct fs_pages *count, uint64_t off, uint64_t len)
{
	uint64_t first = off / PAGE_LEN, end = div_up(off + len, PAGE_LEN);
	/* In turn: where the last access ended, or on the page that it ended in. */
	bool in_turn = p->next_off > 0 && (off == p->next_off || first == p->next_off / PAGE_LEN ||
					   first == (p->next_off - 1) / PAGE_LEN);

	for (uint64_t page = first; page < end; page++)
		count->distinct += is_first(p, page);
	count->all += end - first;
	count->sequential += end - first - (in_turn ? 0 : 1);
	p->next_off = off + len;
}

void account_read(struct fs *fs, unsigned mm_id, uint64_t off, uint64_t len)
{
	auto_unlock pthread_mutex_t *held = NULL;

	if (!fs->account || len == 0)
		return;
	held = lock(&fs->account->lock);
	add(&fs->account->memory[mm_id].read, &fs->account->memory[mm_id].count.read, off, len);
}

/* The bytes that are there now; zeros behind the memory's last page. */
static int read_old(struct fs *fs, unsigned mm_id, uint8_t *buf, uint64_t len, uint64_t off,
		    struct err *err)
{
	struct mm_memory m;
	uint64_t there;

	mm_memory(fs->mm, mm_id, &m);
	there = MIN(len, m.pages * MM_PAGE_LEN - MIN(off, m.pages * MM_PAGE_LEN));
	memset(buf + there, 0, len - there);
	return there > 0 ? mm_read(fs->mm, mm_id, buf, there, off, err) : 0;
}

/* Counts the pages of one step in which `now`, NULL for zeros, differs from `old`. */
static void compare(struct account_memory *m, const uint8_t *old, const uint8_t *now, uint64_t len,
		    uint64_t off)
{
	for (uint64_t done = 0, n; done < len; done += n) {
		bool differs;

		n = MIN(len - done, PAGE_LEN - (off + done) % PAGE_LEN);
		differs = now ? memcmp(old + done, now + done, n) != 0 : !is_zero(old + done, n);
		if (differs)
			add(&m->dirty, &m->count.dirty, off + done, n);
	}
}

/* The counts' lock is not held while the image is read. */
static int write_step(struct fs *fs, unsigned mm_id, uint8_t *old, const uint8_t *now, uint64_t len,
		      uint64_t off, struct err *err)
{
	auto_unlock pthread_mutex_t *held = NULL;
	int rc = read_old(fs, mm_id, old, len, off, err);

	if (rc)
		return rc;
	held = lock(&fs->account->lock);
	compare(&fs->account->memory[mm_id], old, now, len, off);
	return 0;
}

int account_write(struct fs *fs, unsigned mm_id, const void *buf, uint64_t len, uint64_t off,
		  struct err *err)
{
	auto_free uint8_t *old = NULL;
	int rc = 0;

	if (!fs->account)
		return 0;
	old = malloc(STEP_LEN);
	if (!old)
		return err_set(err, -ENOMEM, "no memory to count pages in");
	for (uint64_t done = 0, n; !rc && done < len; done += n) {
		n = MIN(len - done, (uint64_t)STEP_LEN);
		rc = write_step(fs, mm_id, old, buf ? (const uint8_t *)buf + done : NULL, n,
				off + done, err);
	}
	return rc;
}

int account_replace(struct fs *fs, const struct mm_content *content, struct err *err)
{
	auto_free uint8_t *buf = NULL;
	int rc = 0;

	if (!fs->account)
		return 0;
	buf = malloc(STEP_LEN);
	if (!buf)
		return err_set(err, -ENOMEM, "no memory to count pages in");
	for (uint64_t off = 0; !rc && off < content->len; off += STEP_LEN) {
		size_t n = (size_t)MIN((uint64_t)STEP_LEN, content->len - off), got;

		rc = content->source(content->ctx, buf, n, off, &got, err);
		if (!rc)
			rc = account_write(fs, content->mm_id, buf, got, off, err);
	}
	return rc;
}

void account_get(struct fs *fs, unsigned mm_id, struct fs_account *out)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->account->lock);

	*out = fs->account->memory[mm_id].count;
}

static void print_pages(FILE *to, const char *name, const struct fs_pages *p)
{
	fprintf(to,
		", \"%s\": {\"distinct\": %" PRIu64 ", \"all\": %" PRIu64
		", \"sequential\": %" PRIu64 "}",
		name, p->distinct, p->all, p->sequential);
}

int account_text(struct fs *fs, char **text, size_t *len, struct err *err)
{
	FILE *to = open_memstream(text, len);
	const char *gap = "";

	if (!to)
		return err_set(err, -ENOMEM, "no memory for the counts");
	fprintf(to, "{\"schema\": 1, \"page_bytes\": %d, \"cached\": %s, \"memories\": [", PAGE_LEN,
		fs->account->cached ? "true" : "false");
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct fs_account a;

		account_get(fs, id, &a);
		if (a.read.all == 0 && a.dirty.all == 0)
			continue;
		fprintf(to, "%s\n{\"id\": %u", gap, id);
		print_pages(to, "read", &a.read);
		print_pages(to, "dirtied", &a.dirty);
		fputs("}", to);
		gap = ",";
	}
	fputs("]}\n", to);
	return fclose(to) == 0 ? 0 : err_set(err, -ENOMEM, "no memory for the counts");
}
