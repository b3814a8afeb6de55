// SPDX-License-Identifier: MIT
/*
 * See waste_row.h. Reads page 0 of an image and knows its length; of a packed one it has to unpack
 * all for that. Holds no state: many threads measure side by side.
 */
#include "tools/waste/waste_row.h"

#include "tools/image/image_open.h"
#include "tools/out/text.h"
#include "tools/waste/gz_head.h"

const char *waste_kind_problem(enum waste_kind kind)
{
	static const char *const words[WASTE_KINDS] = {
		[WASTE_OTHER] = "foreign",
		[WASTE_CUT] = "cut",
		[WASTE_DAMAGED] = "damaged",
		[WASTE_ERROR] = "unreadable",
	};

	return words[kind];
}

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len > end_len && strcmp(path + len - end_len, end) == 0;
}

/* An image that lacks its end, or in which two numbers contradict each other, has no waste that
 * could be told. */
static int judge(struct mm *mm, const struct mm_stat *st, uint64_t image_len, struct err *err)
{
	uint64_t bucket_len = (uint64_t)st->bucket_pages * MM_PAGE_LEN;
	uint64_t end = MM_PAGE_LEN + st->buckets * bucket_len;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		if (m.pages > (uint64_t)m.buckets * st->bucket_pages)
			return err_set(err, -EUCLEAN,
				       "memory %u has %s, and its buckets have room for %s", id,
				       text_plural(m.pages, "page").s,
				       text_count((uint64_t)m.buckets * st->bucket_pages).s);
	}
	if (image_len < end)
		return err_set(err, -ENODATA, "has %s bytes, and its buckets end at %s",
			       text_count(image_len).s, text_count(end).s);
	if (image_len % MM_PAGE_LEN != 0)
		return err_set(err, -ENODATA, "has %s bytes, and ends inside of a page",
			       text_count(image_len).s);
	return 0;
}

static int fill_memories(struct mm *mm, const struct mm_stat *st, struct waste_row *row,
			 struct err *err)
{
	row->memory = calloc(st->memories + 1, sizeof(*row->memory));
	if (!row->memory)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		if (m.pages == 0 && m.buckets == 0)
			continue;
		row->memory[row->memory_count++] =
			(struct waste_memory){id, m.pages * MM_PAGE_LEN, m.slack_len};
		row->data_len += m.pages * MM_PAGE_LEN;
		row->slack_len += m.slack_len;
	}
	return 0;
}

static void fill_sizes(struct mm *mm, struct waste_row *row)
{
	struct mm_sizing size;
	struct advice advice;

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		mm_sizing(mm, advice_sizes[i], &size);
		row->at[i] = size.fits ? size.image_len : UINT64_MAX;
	}
	row->best_pages = row->bucket_pages;
	if (advice_of(mm, 0, &advice, NULL) == 0)
		row->best_pages = advice.best_pages;
	mm_sizing(mm, row->best_pages, &size);
	row->best_len = size.image_len;
}

int waste_of(struct mm *mm, struct waste_row *row, struct err *err)
{
	struct mm_stat st;
	int rc;

	mm_stat(mm, &st);
	rc = judge(mm, &st, row->image_len, err);
	if (!rc)
		rc = fill_memories(mm, &st, row, err);
	if (rc)
		return rc;
	row->bucket_pages = st.bucket_pages;
	row->memories = st.memories;
	row->hole_len = (uint64_t)st.holes * st.bucket_pages * MM_PAGE_LEN;
	row->tail_len = st.tail_bytes;
	fill_sizes(mm, row);
	return 0;
}

/* What is no manager's. */
static int measure_raw(struct store *s, enum mm_kind kind, bool found, struct waste_row *row,
		       struct err *err)
{
	row->kind = kind == MM_EMPTY ? WASTE_EMPTY : WASTE_RAW;
	if (mm_head_is_cut(s))
		return err_set(err, -ENODATA, "has %s bytes of the first page of a managed image",
			       text_count(s->len).s);
	if (!found || (s->len > 0 && s->len % MM_PAGE_LEN == 0))
		return 0;
	row->kind = WASTE_OTHER;
	err_set(err, 0, "has %s, and an image has whole pages of 64 KiB",
		text_plural(s->len, "byte").s);
	return 0;
}

static int measure(struct waste_row *row, bool found, struct err *err)
{
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = NULL;
	enum mm_kind kind;
	int rc = ends_in(row->path, ".gz") ? gz_head_open(row->path, &s, err)
					   : image_open_store(row->path, false, &s, err);

	if (!rc)
		rc = mm_probe(s, &kind, err);
	if (rc)
		return rc;
	row->image_len = s->len;
	if (kind != MM_MANAGED)
		return measure_raw(s, kind, found, row, err);
	if (s->len < MM_PAGE_LEN)
		return err_set(err, -ENODATA, "has %s bytes of the first page of a managed image",
			       text_count(s->len).s);
	rc = mm_open(s, &mm, err);
	return rc ? rc : waste_of(mm, row, err);
}

/* The kind says that already. */
static void drop_word(struct err *why)
{
	static const char word[] = "damaged: ";

	if (strncmp(why->text, word, strlen(word)) == 0)
		memmove(why->text, why->text + strlen(word), strlen(why->text + strlen(word)) + 1);
}

void waste_measure(char *path, bool found, struct waste_row *row)
{
	*row = (struct waste_row){.path = path};
	switch (measure(row, found, &row->why)) {
	case 0:
		break;
	case -ENODATA:
		row->kind = WASTE_CUT;
		break;
	case -EUCLEAN:
	case -EBADMSG:
		row->kind = WASTE_DAMAGED;
		drop_word(&row->why);
		break;
	default:
		row->kind = WASTE_ERROR;
	}
}

void waste_row_free(struct waste_row *row)
{
	free(row->path);
	free(row->memory);
	row->path = NULL;
	row->memory = NULL;
}
