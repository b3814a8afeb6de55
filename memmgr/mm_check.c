// SPDX-License-Identifier: MIT
/*
 * Finds what is wrong with a managed image, and says so. Never writes; repair.c puts right what
 * this file calls repairable. Needs no lock: it works on a store that nobody changes meanwhile.
 *
 * Each kind of defect is one function, in the order of mm_defects, which is the order of the
 * report. Where one error cannot be repaired, nothing is (see mend_layout), and no finding is
 * called repairable.
 */
#include <stdarg.h>
#include <stdio.h>

#include "memmgr/image.h"
#include "memmgr/mend.h"

enum defect {
	NEWER_VERSION,
	UNFINISHED_CHANGE,
	TORN_CHANGE,
	RESERVED_NOT_ZERO,
	FIRST_PAGE_SHORT,
	LENGTH_NOT_WHOLE_PAGES,
	BUCKET_SIZE_ZERO,
	BUCKET_COUNT_OVER_LIMIT,
	SIZE_OVER_CAP,
	OWNER_PAST_COUNT,
	MEMORY_SHORT_OF_BUCKETS,
	MEMORY_PAST_IMAGE,
	IMAGE_SHORT,
	SURPLUS_BUCKET,
	BUCKET_HOLE,
	STALE_SLACK,
	STALE_HOLE,
	STALE_TAIL,
	DEFECT_COUNT,
};

const struct mm_defect mm_defects[] = {
	[NEWER_VERSION] = {"newer-version", MM_ERROR, false,
			   "the manager's layout is of a version that is not known"},
	[UNFINISHED_CHANGE] = {"unfinished-change", MM_ERROR, true,
			       "a change of layout was interrupted; it can be completed"},
	[TORN_CHANGE] = {"torn-change", MM_NOTE, true,
			 "a change of layout was interrupted before it began"},
	[RESERVED_NOT_ZERO] = {"reserved-not-zero", MM_NOTE, true,
			       "bytes of the header are set that should be zero"},
	[FIRST_PAGE_SHORT] = {"first-page-short", MM_ERROR, true,
			      "the image ends inside the manager's page"},
	[LENGTH_NOT_WHOLE_PAGES] = {"length-not-whole-pages", MM_WARNING, true,
				    "the image does not end at the end of a page"},
	[BUCKET_SIZE_ZERO] = {"bucket-size-zero", MM_ERROR, false,
			      "the bucket size is 0: no memory can have pages"},
	[BUCKET_COUNT_OVER_LIMIT] = {"bucket-count-over-limit", MM_ERROR, true,
				     "the bucket count is larger than the table: nothing can grow"},
	[SIZE_OVER_CAP] = {"size-over-cap", MM_ERROR, true,
			   "a memory has more pages than all buckets together"},
	[OWNER_PAST_COUNT] = {"owner-past-count", MM_ERROR, true,
			      "a bucket has an owner but will be handed out again"},
	[MEMORY_SHORT_OF_BUCKETS] = {"memory-short-of-buckets", MM_ERROR, false,
				     "a memory owns fewer buckets than its pages need"},
	[MEMORY_PAST_IMAGE] = {"memory-past-image", MM_ERROR, false,
			       "pages of a memory lie behind the end of the image"},
	[IMAGE_SHORT] = {"image-short", MM_WARNING, true,
			 "the image ends inside or before its last bucket, but behind all pages"},
	[SURPLUS_BUCKET] = {"surplus-bucket", MM_WARNING, true,
			    "a memory owns buckets that its pages do not need"},
	[BUCKET_HOLE] = {"bucket-hole", MM_WARNING, true,
			 "a bucket below the bucket count is owned by nobody"},
	[STALE_SLACK] = {"stale-slack", MM_WARNING, true,
			 "bytes behind a memory's last page will show when it grows"},
	[STALE_HOLE] = {"stale-hole", MM_WARNING, true, "a bucket that nobody owns is not zero"},
	[STALE_TAIL] = {"stale-tail", MM_WARNING, true,
			"bytes behind the last bucket will show when a memory grows"},
	[DEFECT_COUNT] = {NULL, MM_NOTE, false, NULL},
};

struct check {
	struct store *s;
	uint8_t *page; /* the first; then what mend_find_nonzero reads */
	enum layout_verdict verdict;
	bool unfinished;
	struct layout lay;    /* as stored, with an unfinished change carried out */
	struct layout mended; /* as it should be, when `mendable` */
	bool mendable;
	uint32_t bucket_count; /* where buckets are handed out next, whatever `lay` says */
	struct buckets buckets;
	mm_finding_fn *fn;
	void *ctx;
	struct mm_check_result *result;
	unsigned of_kind[DEFECT_COUNT];
	struct err *err;
};

static void cleanup_check(struct check **c)
{
	if (*c) {
		buckets_clear(&(*c)->buckets);
		free((*c)->page);
	}
	free(*c);
}
#define auto_check __attribute__((cleanup(cleanup_check)))

static void deliver(struct check *c, const struct mm_finding *finding)
{
	switch (finding->severity) {
	case MM_NOTE:
		c->result->notes++;
		break;
	case MM_WARNING:
		c->result->warnings++;
		break;
	case MM_ERROR:
		c->result->errors++;
		break;
	}
	if (finding->severity != MM_NOTE && !finding->repairable)
		c->result->unrepairable++;
	if (c->fn)
		c->fn(c->ctx, finding);
}

/* mm_id is -1 where no single memory is concerned. An image can have thousands of holes: of each
 * kind only so many are reported one by one. */
static void PRINTF(4, 5)
	report(struct check *c, enum defect defect, int mm_id, const char *fmt, ...)
{
	enum { MOST_OF_A_KIND = 64 };
	struct mm_finding finding = {
		.id = mm_defects[defect].id,
		.severity = mm_defects[defect].severity,
		.repairable = mm_defects[defect].repairable && c->mendable,
		.mm_id = mm_id,
	};
	va_list args;

	if (c->of_kind[defect]++ > MOST_OF_A_KIND)
		return;
	va_start(args, fmt);
	vsnprintf(finding.text, sizeof(finding.text), fmt, args);
	va_end(args);
	if (c->of_kind[defect] > MOST_OF_A_KIND) {
		finding.mm_id = -1;
		snprintf(finding.text, sizeof(finding.text), "and more of the same kind");
	}
	deliver(c, &finding);
}

/* "bucket 5 is" or "buckets 5 to 9 are". */
struct run_text {
	char text[64];
};

static struct run_text run_text(uint32_t first, uint32_t end)
{
	struct run_text out;

	if (end == first + 1)
		snprintf(out.text, sizeof(out.text), "bucket %u is", first);
	else
		snprintf(out.text, sizeof(out.text), "buckets %u to %u are", first, end - 1);
	return out;
}

/* The first bucket from `from` on whose being free equals `is_free`, or MM_MAX_BUCKETS. */
static uint32_t next_bucket(const struct layout *lay, bool is_free, uint32_t from)
{
	if (!is_free)
		return layout_next_owned(lay->owner, from);
	while (from < MM_MAX_BUCKETS && lay->owner[from] != LAYOUT_FREE)
		from++;
	return from;
}

/* The first run of buckets in [from, end) whose being free equals `is_free`; false: there is none.
 */
static bool next_run(const struct layout *lay, bool is_free, uint32_t from, uint32_t end,
		     uint32_t *run_first, uint32_t *run_end)
{
	*run_first = MIN(next_bucket(lay, is_free, from), end);
	*run_end = MIN(next_bucket(lay, !is_free, *run_first), end);
	return *run_first < *run_end;
}

/* ---- the first page ---- */

static void check_changes(struct check *c)
{
	if (c->unfinished)
		report(c, UNFINISHED_CHANGE, -1,
		       "a change of layout was interrupted after it was decided; what follows "
		       "describes the image as it will be when that is completed");
	else if (intent_is_marked(c->page + INTENT_OFF))
		report(c, TORN_CHANGE, -1,
		       "behind the table lies the record of a change of layout that never began, or "
		       "from before the image was changed by others");
}

static void check_reserved(struct check *c)
{
	unsigned set = 0;

	for (unsigned i = 0; i < LAYOUT_RESERVED_LEN; i++)
		set += c->page[LAYOUT_RESERVED_OFF + i] != 0;
	if (set > 0)
		report(c, RESERVED_NOT_ZERO, -1,
		       "%u of the %u reserved bytes of the header are not zero", set,
		       LAYOUT_RESERVED_LEN);
}

static void check_length(struct check *c)
{
	unsigned long long len = c->s->len;

	if (len < MM_PAGE_LEN)
		report(c, FIRST_PAGE_SHORT, -1,
		       "the image has %llu bytes, and its first page alone %u", len, MM_PAGE_LEN);
	else if (len % MM_PAGE_LEN != 0)
		report(c, LENGTH_NOT_WHOLE_PAGES, -1,
		       "the image has %llu bytes: %llu pages of %u and %llu more", len,
		       len / MM_PAGE_LEN, MM_PAGE_LEN, len % MM_PAGE_LEN);
}

static void check_counts(struct check *c)
{
	if (c->lay.bucket_pages == 0)
		report(c, BUCKET_SIZE_ZERO, -1, "the bucket size is 0 pages; 1 to %u are possible",
		       MM_MAX_BUCKET_PAGES);
	if (c->lay.buckets > MM_MAX_BUCKETS)
		report(c, BUCKET_COUNT_OVER_LIMIT, -1,
		       "the bucket count is %u; %u is the most there can be", c->lay.buckets,
		       MM_MAX_BUCKETS);
}

static void check_caps(struct check *c)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (c->lay.pages[id] > mend_cap_pages(&c->lay))
			report(c, SIZE_OVER_CAP, (int)id,
			       "memory %u claims %llu pages; %llu is the most at %u pages a bucket, "
			       "and its %u buckets hold %llu",
			       id, (unsigned long long)c->lay.pages[id],
			       (unsigned long long)mend_cap_pages(&c->lay), c->lay.bucket_pages,
			       c->buckets.of[id].count,
			       (unsigned long long)c->buckets.of[id].count * c->lay.bucket_pages);
}

static void check_owners_past_count(struct check *c)
{
	uint32_t first, end = c->lay.buckets;

	while (next_run(&c->lay, false, end, MM_MAX_BUCKETS, &first, &end))
		report(c, OWNER_PAST_COUNT, first + 1 == end ? c->lay.owner[first] : -1,
		       "%s owned, but only %u buckets are handed out", run_text(first, end).text,
		       c->lay.buckets);
}

/* ---- memories ---- */

/* What a memory's size is after a repair: not a size that cannot be. */
static uint64_t believable_pages(const struct check *c, unsigned mm_id)
{
	if (c->lay.pages[mm_id] <= mend_cap_pages(&c->lay))
		return c->lay.pages[mm_id];
	return (uint64_t)c->buckets.of[mm_id].count * c->lay.bucket_pages;
}

static void check_bucket_needs(struct check *c)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t need = layout_need(&c->lay, believable_pages(c, id));
		uint32_t owned = c->buckets.of[id].count;

		if (owned < need)
			report(c, MEMORY_SHORT_OF_BUCKETS, (int)id,
			       "memory %u has %llu pages and needs %llu buckets, but owns %u", id,
			       (unsigned long long)c->lay.pages[id], (unsigned long long)need,
			       owned);
	}
}

static void check_image_end(struct check *c)
{
	uint32_t end;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct bucket_list *list = &c->buckets.of[id];
		uint64_t pages =
			MIN(believable_pages(c, id), (uint64_t)list->count * c->lay.bucket_pages);
		uint64_t held = mend_held_pages(&c->lay, list, c->s->len);

		if (held < pages)
			report(c, MEMORY_PAST_IMAGE, (int)id,
			       "%llu of the %llu pages of memory %u lie behind the end of the image",
			       (unsigned long long)(pages - held), (unsigned long long)pages, id);
	}
	if (!c->mendable)
		return;
	end = mend_owned_end(&c->mended);
	if (c->s->len < layout_bucket_off(&c->lay, end) && c->s->len >= MM_PAGE_LEN)
		report(c, IMAGE_SHORT, -1,
		       "the image has %llu bytes, but bucket %u ends at %llu; no page is missing",
		       (unsigned long long)c->s->len, end - 1,
		       (unsigned long long)layout_bucket_off(&c->lay, end));
}

static void check_surplus(struct check *c)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t need = layout_need(&c->lay, believable_pages(c, id));
		uint32_t owned = c->buckets.of[id].count;

		if (owned > need)
			report(c, SURPLUS_BUCKET, (int)id,
			       "memory %u has %llu pages and needs %llu buckets, but owns %u", id,
			       (unsigned long long)c->lay.pages[id], (unsigned long long)need,
			       owned);
	}
}

/* ---- space that nobody owns, and bytes where zeros should be ---- */

static uint32_t bucket_count(const struct layout *lay)
{
	uint32_t end = mend_owned_end(lay);

	return lay->buckets > MM_MAX_BUCKETS ? end : MAX(lay->buckets, end);
}

static void check_holes(struct check *c)
{
	uint32_t first, end = 0;

	while (next_run(&c->lay, true, end, c->bucket_count, &first, &end))
		report(c, BUCKET_HOLE, -1, "%s owned by nobody; the bucket count is %u",
		       run_text(first, end).text, c->lay.buckets);
}

static int check_stale_slack(struct check *c)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		uint64_t off, end, at;
		int rc;

		mend_slack(&c->lay, &c->buckets.of[id], believable_pages(c, id), &off, &end);
		rc = mend_find_nonzero(c->s, c->page, off, end, &at, c->err);
		if (rc)
			return rc;
		if (at < end)
			report(c, STALE_SLACK, (int)id,
			       "behind the last page of memory %u its bucket is not zero, first at "
			       "byte %llu of the image",
			       id, (unsigned long long)at);
	}
	return 0;
}

static int check_stale_holes(struct check *c)
{
	uint32_t first, end = 0;

	while (next_run(&c->lay, true, end, c->bucket_count, &first, &end)) {
		uint64_t stop = layout_bucket_off(&c->lay, end), at;
		int rc = mend_find_nonzero(c->s, c->page, layout_bucket_off(&c->lay, first), stop,
					   &at, c->err);

		if (rc)
			return rc;
		if (at < stop)
			report(c, STALE_HOLE, -1,
			       "%s owned by nobody but not zero, first at byte %llu of the image",
			       run_text(first, end).text, (unsigned long long)at);
	}
	return 0;
}

static int check_stale_tail(struct check *c)
{
	uint64_t off = layout_bucket_off(&c->lay, c->bucket_count), at;
	int rc = mend_find_nonzero(c->s, c->page, off, c->s->len, &at, c->err);

	if (!rc && off < c->s->len && at < c->s->len)
		report(c, STALE_TAIL, -1,
		       "%llu bytes lie behind the last bucket and are not all zero, first at byte "
		       "%llu of the image",
		       (unsigned long long)(c->s->len - off), (unsigned long long)at);
	return rc;
}

/* ---- all of it ---- */

static int check_managed(struct check *c)
{
	int rc = buckets_load(&c->buckets, c->lay.owner, c->err);

	if (rc)
		return rc;
	c->mendable = mend_layout(&c->lay, &c->buckets, c->s->len, &c->mended);
	c->bucket_count = bucket_count(&c->lay);
	check_changes(c);
	check_reserved(c);
	check_length(c);
	check_counts(c);
	if (c->lay.bucket_pages == 0)
		return 0;
	check_caps(c);
	check_owners_past_count(c);
	check_bucket_needs(c);
	check_image_end(c);
	check_surplus(c);
	check_holes(c);
	rc = check_stale_slack(c);
	if (!rc)
		rc = check_stale_holes(c);
	return rc ? rc : check_stale_tail(c);
}

int mm_check(struct store *s, mm_finding_fn *fn, void *ctx, struct mm_check_result *result,
	     struct err *err)
{
	auto_check struct check *c = calloc(1, sizeof(*c));
	struct err why;
	int rc;

	*result = (struct mm_check_result){0};
	if (c)
		c->page = malloc(MM_PAGE_LEN);
	if (!c || !c->page)
		return err_set(err, -ENOMEM, "no memory to check an image with");
	c->s = s;
	c->fn = fn;
	c->ctx = ctx;
	c->result = result;
	c->err = err;
	rc = image_load(s, c->page, &c->lay, &c->verdict, &c->unfinished, &why);
	if (rc)
		return err_set(err, rc, "%s", why.text);
	switch (c->verdict) {
	case LAYOUT_EMPTY:
	case LAYOUT_RAW:
		return err_set(err, -EINVAL, "not a managed image: %s", why.text);
	case LAYOUT_NEWER:
		report(c, NEWER_VERSION, -1, "%s", why.text);
		return 0;
	case LAYOUT_DAMAGED:
	case LAYOUT_OK:
		break;
	}
	return check_managed(c);
}
