// SPDX-License-Identifier: MIT
/*
 * advise: what an image would be with other bucket sizes, and which one to take. Looks at page 0
 * alone.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/advice.h"
#include "tools/facts/cost.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/sandbox/sandbox.h"

struct advise_args {
	uint64_t room, rate;
	bool json;
	const char *image;
};

static const struct cmd_option options[] = {
	{"room", 'r', CMD_SIZE, WHERE(struct advise_args, room), "BYTES",
	 "what all memories together must be able to hold (ten times today's)", 1,
	 UINT64_C(1) << 62},
	{"rate", 0, CMD_NUMBER, WHERE(struct advise_args, rate), "CYCLES",
	 "price of a GiB and second (" COST_RATE_DEFAULT_TEXT ")", 0, UINT64_C(1) << 40},
	{"json", 0, CMD_FLAG, WHERE(struct advise_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct advise_args, image)},
	{NULL},
};

struct row {
	const char *mark;
	uint64_t bucket_pages, bucket_len, image_len, waste_len, cap_len, cycles;
	bool fits, now, best;
};

static const struct field fields[] = {
	{"mark", "", FIELD_TEXT, offsetof(struct row, mark)},
	{"bucket_pages", "pages", FIELD_NUMBER, offsetof(struct row, bucket_pages)},
	{"bucket_bytes", "bucket", FIELD_BYTES, offsetof(struct row, bucket_len)},
	{"image_bytes", "image", FIELD_BYTES, offsetof(struct row, image_len)},
	{"waste_bytes", "waste", FIELD_BYTES, offsetof(struct row, waste_len)},
	{"cap_bytes", "cap", FIELD_BYTES, offsetof(struct row, cap_len)},
	{"cycles_per_year", "cycles a year", FIELD_SCALED, offsetof(struct row, cycles)},
	{"fits", NULL, FIELD_FLAG, offsetof(struct row, fits)},
	{"now", NULL, FIELD_FLAG, offsetof(struct row, now)},
	{"best", NULL, FIELD_FLAG, offsetof(struct row, best)},
	{NULL},
};

enum { MAX_ROWS = ADVICE_SIZES + 1 };

struct answer {
	struct advice advice;
	uint64_t rate;
	struct row rows[MAX_ROWS];
	size_t row_count;
};

static struct row row_of(const struct advice *a, const struct mm_sizing *size, uint64_t rate)
{
	bool now = size->bucket_pages == a->now_pages;
	bool best = size->bucket_pages == a->best_pages;

	return (struct row){
		.mark = best          ? "best"
			: now         ? "now"
			: !size->fits ? "too small"
				      : "",
		.bucket_pages = size->bucket_pages,
		.bucket_len = (uint64_t)size->bucket_pages * MM_PAGE_LEN,
		.image_len = size->image_len,
		.waste_len = size->slack_len,
		.cap_len = size->cap_pages * MM_PAGE_LEN,
		.cycles = cost_of_year(size->image_len, rate),
		.fits = size->fits,
		.now = now,
		.best = best,
	};
}

/* The sensible sizes and today's among them, ascending. */
static void fill_rows(struct mm *mm, struct answer *out)
{
	struct mm_sizing size;
	bool now_shown = false;

	for (size_t i = 0; i < ADVICE_SIZES; i++) {
		if (!now_shown && advice_sizes[i] >= out->advice.now_pages) {
			now_shown = true;
			if (advice_sizes[i] > out->advice.now_pages) {
				mm_sizing(mm, out->advice.now_pages, &size);
				out->rows[out->row_count++] =
					row_of(&out->advice, &size, out->rate);
			}
		}
		mm_sizing(mm, advice_sizes[i], &size);
		out->rows[out->row_count++] = row_of(&out->advice, &size, out->rate);
	}
	if (!now_shown) {
		mm_sizing(mm, out->advice.now_pages, &size);
		out->rows[out->row_count++] = row_of(&out->advice, &size, out->rate);
	}
}

static int print_json(const struct answer *a)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "image_bytes", json_u64(a->advice.image_len));
	json_put(&doc, doc.root, "data_bytes", json_u64(a->advice.data_len));
	json_put(&doc, doc.root, "memories", json_integer(a->advice.memories));
	json_put(&doc, doc.root, "bucket_pages", json_integer(a->advice.now_pages));
	json_put(&doc, doc.root, "room_bytes", json_u64(a->advice.room_len));
	json_put(&doc, doc.root, "rate", json_u64(a->rate));
	json_put(&doc, doc.root, "best_bucket_pages", json_integer(a->advice.best_pages));
	json_put(&doc, doc.root, "sizes",
		 fields_array(&doc, fields + 1, a->rows, a->row_count, sizeof(*a->rows)));
	return json_print(&doc);
}

static void print_best(const char *image, const struct advice *a, const struct row *best,
		       uint64_t rate)
{
	uint64_t saved = a->image_len > best->image_len ? a->image_len - best->image_len : 0;

	if (a->best_pages == a->now_pages) {
		text_print(
			"\nBuckets of %s are right for this image: the smallest image that can hold "
			"%s.\n",
			text_plural(a->best_pages, "page").s, text_size(a->room_len).s);
		return;
	}
	text_print("\nTake buckets of %s: ", text_plural(a->best_pages, "page").s);
	if (saved > 0)
		text_print(
			"%s and %s a year less than now, and all memories\ntogether can still hold "
			"%s.\n",
			text_size(saved).s, cost_text(cost_of_year(saved, rate)).s,
			text_size(best->cap_len).s);
	else
		text_print("now the cap is %s, and %s is asked for.\n",
			   text_size((uint64_t)a->now_pages * MM_MAX_BUCKETS * MM_PAGE_LEN).s,
			   text_size(a->room_len).s);
	text_print(
		"\n  this image   canisterfs rebucket --bucket-pages %u %s OUT\n"
		"  new ones     MemoryManager::init_with_bucket_size(memory, %u)\n\n"
		"The canister's number counts only where stable memory is empty: later the image's\n"
		"own is taken, so that a canister that runs changes its size by a snapshot alone.\n",
		a->best_pages, image, a->best_pages);
}

static int print_text(const char *image, const struct answer *a)
{
	text_print("%s: %s of data in %u %s, buckets of %s, an image of %s\n\n", image,
		   text_size(a->advice.data_len).s, a->advice.memories,
		   a->advice.memories == 1 ? "memory" : "memories",
		   text_plural(a->advice.now_pages, "page").s, text_size(a->advice.image_len).s);
	fields_table(stdout, fields, a->rows, a->row_count, sizeof(*a->rows), "  ");
	for (size_t i = 0; i < a->row_count; i++)
		if (a->rows[i].best)
			print_best(image, &a->advice, &a->rows[i], a->rate);
	return CMD_DONE;
}

static int cmd_advise(const void *arguments)
{
	const struct advise_args *args = arguments;
	auto_image struct image img = {NULL, NULL};
	struct answer answer = {.rate = args->rate == CMD_UNSET ? COST_RATE_DEFAULT : args->rate};
	struct err err = {""};

	if (image_open(args->image, false, &img, &err) != 0 || sandbox_inputs_open(&err) != 0)
		return cmd_fail(args->image, &err);
	if (advice_of(img.mm, args->room == CMD_UNSET ? 0 : args->room, &answer.advice, &err) != 0)
		return cmd_fail(args->image, &err);
	fill_rows(img.mm, &answer);
	return args->json ? print_json(&answer) : print_text(args->image, &answer);
}

const struct verb verb_advise = {
	.name = "advise",
	.summary = "say which bucket size an image should have",
	.text = "For each sensible bucket size: what the image would be, how much of it would lie\n"
		"behind the memories' ends, how much all memories together could hold, and what\n"
		"storage costs in a year. Then the size to take: the smallest image of those that\n"
		"can hold what --room says.\n"
		"\n"
		"Sizes above 256 pages are not listed: at 256 the cap is above the 500 GiB that a\n"
		"canister can have.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct advise_args),
	.run = cmd_advise,
	.reads = true,
};
