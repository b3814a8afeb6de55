// SPDX-License-Identifier: MIT
/*
 * rebucket: the same memories in buckets of another size, in a new image. It gets its name only
 * after the memories' hash has been found to be the same.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/bucket_size.h"
#include "tools/facts/cost.h"
#include "tools/facts/memories_hash.h"
#include "tools/image/image_open.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"

struct rebucket_args {
	uint64_t bucket_pages;
	bool force, json;
	const char *source, *out;
};

static const struct cmd_option options[] = {
	{"bucket-pages", 'b', CMD_NUMBER, WHERE(struct rebucket_args, bucket_pages), "N",
	 "pages of 64 KiB in a bucket, 1 to 65535", 1, MM_MAX_BUCKET_PAGES, .required = true},
	{"force", 'f', CMD_FLAG, WHERE(struct rebucket_args, force), NULL,
	 "replace OUT where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct rebucket_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct rebucket_args, source)},
	{"OUT", CMD_FILE, WHERE(struct rebucket_args, out)},
	{NULL},
};

struct outcome {
	uint64_t old_len, new_len, old_pages, new_pages; /* pages: in a bucket */
	struct memories_hash hash;
};

static void add_progress(void *progress, uint64_t bytes)
{
	progress_add(progress, bytes);
}

/* The new image says by itself what it holds. */
static int prove(struct mm *from, struct store *to, struct outcome *out, struct err *err)
{
	auto_mm struct mm *made = NULL;
	struct memories_hash hash;
	int rc = memories_hash(from, "hashing the old image", &out->hash, err);

	if (!rc)
		rc = mm_open(to, &made, err);
	if (!rc)
		rc = memories_hash(made, "hashing the new image", &hash, err);
	if (rc)
		return rc;
	if (!memories_hash_same(&hash, &out->hash))
		return err_set(err, -EIO,
			       "the new image does not hold what the old one does (%s, not %s); "
			       "nothing was written",
			       hash.text, out->hash.text);
	return 0;
}

/* *where is what a failure is about. */
static int rebucket(const struct rebucket_args *args, struct outcome *out, const char **where,
		    struct err *err)
{
	auto_image struct image img = {NULL};
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	struct progress progress;
	struct mm_stat st;
	struct mm_sizing size;
	int rc = image_open(args->source, image_is_same(args->source, args->out), &img, err);

	*where = args->source;
	if (rc)
		return rc;
	*where = args->out;
	rc = image_new_open(args->out, args->force, img.store, &new, err);
	if (rc)
		return rc;
	mm_stat(img.mm, &st);
	mm_sizing(img.mm, (uint32_t)args->bucket_pages, &size);
	*out = (struct outcome){
		.old_len = window_whole(img.store, NULL)->len,
		.new_len = mm_base_off(img.mm) + size.image_len,
		.old_pages = st.bucket_pages,
		.new_pages = args->bucket_pages,
	};
	progress = progress_begin("copying", st.image_pages * MM_PAGE_LEN, false);
	rc = mm_rebucket(img.mm, new.store, (uint32_t)args->bucket_pages, add_progress, &progress,
			 err);
	progress_end(&progress);
	if (!rc)
		rc = prove(img.mm, new.store, out, err);
	if (rc)
		return rc;
	return image_new_commit(&new, err);
}

static int print_json(const struct outcome *out)
{
	struct bucket_size size = bucket_size_of(out->new_pages);
	struct json doc = json_begin();

	json_put(&doc, doc.root, "image_bytes_before", json_u64(out->old_len));
	json_put(&doc, doc.root, "image_bytes", json_u64(out->new_len));
	json_put(&doc, doc.root, "bucket_pages_before", json_u64(out->old_pages));
	fields_put(&doc, doc.root, bucket_size_fields, &size);
	json_put(&doc, doc.root, "memories_sha256", json_string(out->hash.text));
	return json_print(&doc);
}

static int print_text(const struct rebucket_args *args, const struct outcome *out)
{
	uint64_t saved = out->old_len > out->new_len ? out->old_len - out->new_len : 0;

	text_print("%s: buckets of %s instead of %s\n", args->out,
		   text_plural(out->new_pages, "page").s, text_count(out->old_pages).s);
	text_print("  %-9s %s, was %s", "size", text_size(out->new_len).s,
		   text_size(out->old_len).s);
	if (saved > 0)
		text_print(": %s less, %s a year", text_size(saved).s,
			   cost_text(cost_of_year(saved, COST_RATE_DEFAULT)).s);
	putchar('\n');
	bucket_size_print(stdout, out->new_pages);
	text_print("  %-9s %s before and after\n", "memories", out->hash.text);
	return CMD_DONE;
}

static int cmd_rebucket(const void *arguments)
{
	const struct rebucket_args *args = arguments;
	const char *where;
	struct outcome out;
	struct err err = {""};

	if (args->bucket_pages == CMD_UNSET)
		return cmd_usage(
			&verb_rebucket,
			"--bucket-pages is missing; 'canisterfs advise' says which is best");
	if (rebucket(args, &out, &where, &err) != 0)
		return cmd_fail(where, &err);
	return args->json ? print_json(&out) : print_text(args, &out);
}

const struct verb verb_rebucket = {
	.name = "rebucket",
	.summary = "make an image with buckets of another size",
	.text = "Makes the image OUT, which holds the same memories as IMAGE in buckets of N pages:\n"
		"without holes, with zeros wherever no memory's page lies. Refuses what the cap of\n"
		"that size cannot hold. OUT gets its name only after it has been read again and the\n"
		"hash of all memories was the same as before; the hash is printed.\n"
		"\n"
		"With --force OUT may be IMAGE itself, or the directory of a canister snapshot.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct rebucket_args),
	.run = cmd_rebucket,
};
