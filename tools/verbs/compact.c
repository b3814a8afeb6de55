// SPDX-License-Identifier: MIT
/*
 * compact: takes out of an image what no memory needs. In place each step leaves an image that
 * opens with all memories, and what is overwritten is saved first; where the hash of the memories
 * were not the same afterwards, all would be put back.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/cost.h"
#include "tools/facts/memories_hash.h"
#include "tools/image/image_open.h"
#include "tools/image/mounted.h"
#include "tools/out/json.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"

struct compact_args {
	bool zero_slack, no_undo, dry_run, force, json;
	const char *save;
	const char *image, *out;
};

static const struct cmd_option options[] = {
	{"zero-slack", 'z', CMD_FLAG, WHERE(struct compact_args, zero_slack), NULL,
	 "blank all bytes that are no memory's"},
	{"dry-run", 'n', CMD_FLAG, WHERE(struct compact_args, dry_run), NULL,
	 "say what would be done, and do nothing"},
	{"save", 0, CMD_FILE, WHERE(struct compact_args, save), "FILE",
	 "save what is overwritten there"},
	{"no-undo", 0, CMD_FLAG, WHERE(struct compact_args, no_undo), NULL,
	 "save nothing of what is overwritten"},
	{"force", 'f', CMD_FLAG, WHERE(struct compact_args, force), NULL,
	 "replace OUT where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct compact_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct compact_args, image)},
	{"OUT", CMD_FILE, WHERE(struct compact_args, out), .optional = true},
	{NULL},
};

struct outcome {
	uint64_t old_len, bucket_len;
	struct mm_compaction plan;
	uint64_t stale_len; /* blanked; CMD_UNSET: nobody looked */
	bool hashed;
	struct memories_hash hash;
	char *undo_file;
	struct mounted_changed mount; /* where the mount has compacted */
	const char *where;            /* what a failure is about */
};

static int look(struct image *img, struct outcome *out, struct err *err)
{
	struct mm_stat st;
	int rc;

	mm_stat(img->mm, &st);
	out->old_len = window_whole(img->store, NULL)->len;
	out->bucket_len = (uint64_t)st.bucket_pages * MM_PAGE_LEN;
	out->stale_len = CMD_UNSET;
	rc = mm_compaction(img->mm, &out->plan, err);
	out->plan.image_len += mm_base_off(img->mm);
	return rc;
}

static int differ(const struct memories_hash *before, const struct memories_hash *after,
		  struct err *err)
{
	return err_set(err, -EIO, "the memories are not what they were (%s, now %s)", before->text,
		       after->text);
}

static bool is_compact(const struct outcome *out)
{
	const struct mm_compaction *p = &out->plan;

	return p->holes == 0 && p->surplus == 0 && p->moves == 0 && p->image_len == out->old_len;
}

/* Where nothing is to be done, nothing is read. */
static int change(const struct compact_args *args, struct image *img, struct outcome *out,
		  struct err *err)
{
	struct memories_hash hash;
	int rc = look(img, out, err);

	if (!rc && is_compact(out) && !args->zero_slack)
		return 0;
	if (!rc)
		rc = memories_hash(img->mm, "hashing", &out->hash, err);
	if (!rc)
		rc = mm_compact(img->mm, err);
	if (!rc && args->zero_slack)
		rc = mm_zero_unowned(img->mm, &out->stale_len, err);
	if (!rc)
		rc = memories_hash(img->mm, "hashing again", &hash, err);
	if (rc)
		return rc;
	out->hashed = true;
	return memories_hash_same(&hash, &out->hash) ? 0 : differ(&out->hash, &hash, err);
}

static int compact_in_place(const struct compact_args *args, struct outcome *out, struct err *err)
{
	auto_image struct image img = {NULL};
	struct err why = {""};
	int rc = args->no_undo ? image_open(args->image, true, &img, err)
			       : image_open_undo(args->image, args->save, &img, err);

	if (rc)
		return rc;
	rc = change(args, &img, out, err);
	if (!rc)
		return args->no_undo ? image_close(&img, err)
				     : image_close_undo(&img, &out->undo_file, err);
	if (args->no_undo)
		return rc;
	if (image_take_back(&img, &why) == 0)
		return err_set(err, rc, "%s; all is as it was", err->text);
	return err_set(err, rc, "%s; and it could not be taken back: %s", err->text, why.text);
}

/* Others may go on writing, so that there are no two hashes to compare. */
static int compact_mounted(const struct compact_args *args, struct outcome *out, struct err *err)
{
	auto_image struct image img = {NULL};
	int rc = args->save ? err_set(err, -EINVAL,
				      "a snapshot is the way back of a mounted image: --save is "
				      "for others")
			    : image_open(args->image, false, &img, err);

	if (!rc)
		rc = look(&img, out, err);
	image_drop(&img);
	if (rc)
		return rc;
	rc = mounted_change(args->image, FS_COMPACT, args->zero_slack,
			    args->no_undo ? NULL : "before-compact", &out->mount, err);
	if (!rc && args->zero_slack)
		out->stale_len = out->mount.stale_len;
	return rc;
}

static void add_progress(void *progress, uint64_t bytes)
{
	progress_add(progress, bytes);
}

static int compact_copy(const struct compact_args *args, struct outcome *out, struct err *err)
{
	auto_image struct image img = {NULL};
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	auto_mm struct mm *made = NULL;
	struct memories_hash hash;
	struct progress progress;
	int rc = image_open(args->image, image_is_same(args->image, args->out), &img, err);

	if (!rc)
		rc = look(&img, out, err);
	if (rc)
		return rc;
	out->where = args->out;
	rc = image_new_open(args->out, args->force, img.store, &new, err);
	if (rc)
		return rc;
	progress = progress_begin("copying", out->old_len, false);
	rc = mm_rebucket(img.mm, new.store, (uint32_t)(out->bucket_len / MM_PAGE_LEN), add_progress,
			 &progress, err);
	progress_end(&progress);
	if (!rc)
		rc = mm_open(new.store, &made, err);
	if (!rc)
		rc = memories_hash(img.mm, "hashing the old image", &out->hash, err);
	if (!rc)
		rc = memories_hash(made, "hashing the new image", &hash, err);
	if (!rc && !memories_hash_same(&hash, &out->hash))
		rc = differ(&out->hash, &hash, err);
	mm_drop(made);
	made = NULL;
	out->hashed = !rc;
	return rc ? rc : image_new_commit(&new, err);
}

static int plan_only(const struct compact_args *args, struct outcome *out, struct err *err)
{
	auto_image struct image img = {NULL};
	int rc = image_open(args->image, false, &img, err);

	return rc ? rc : look(&img, out, err);
}

static int print_json(const struct compact_args *args, const struct outcome *out)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "done", json_boolean(!args->dry_run));
	json_put(&doc, doc.root, "holes", json_integer(out->plan.holes));
	json_put(&doc, doc.root, "surplus_buckets", json_integer(out->plan.surplus));
	json_put(&doc, doc.root, "moved_buckets", json_integer(args->out ? 0 : out->plan.moves));
	json_put(&doc, doc.root, "tail_bytes", json_u64(out->plan.tail_len));
	json_put(&doc, doc.root, "image_bytes_before", json_u64(out->old_len));
	json_put(&doc, doc.root, "image_bytes", json_u64(out->plan.image_len));
	json_put(&doc, doc.root, "stale_bytes_blanked",
		 out->stale_len == CMD_UNSET ? json_null() : json_u64(out->stale_len));
	json_put(&doc, doc.root, "memories_sha256",
		 out->hashed ? json_string(out->hash.text) : json_null());
	json_put(&doc, doc.root, "undo_file",
		 out->undo_file ? json_any(out->undo_file) : json_null());
	json_put(&doc, doc.root, "snapshot",
		 out->mount.kept[0] ? json_any(out->mount.kept) : json_null());
	return json_print(&doc);
}

static void print_text(const struct compact_args *args, const struct outcome *out)
{
	const struct mm_compaction *p = &out->plan;
	uint64_t saved = out->old_len > p->image_len ? out->old_len - p->image_len : 0;

	text_print("%s: %s%s, was %s", args->out ? args->out : args->image,
		   args->dry_run ? "would be " : "", text_size(p->image_len).s,
		   text_size(out->old_len).s);
	if (saved > 0)
		text_print(": %s less, %s a year", text_size(saved).s,
			   cost_text(cost_of_year(saved, COST_RATE_DEFAULT)).s);
	putchar('\n');
	text_print("  %-9s %s that nobody owns, %s behind a memory's last page\n", "dropped",
		   text_plural(p->holes, "bucket").s, text_count(p->surplus).s);
	if (p->tail_len > 0)
		text_print("  %-9s %s behind the last bucket\n", "", text_size(p->tail_len).s);
	if (!args->out)
		text_print("  %-9s %s (%s)\n", "moved", text_plural(p->moves, "bucket").s,
			   text_size(p->moves * out->bucket_len).s);
	if (out->stale_len != CMD_UNSET)
		text_print("  %-9s %s that were no memory's\n", "blanked",
			   text_plural(out->stale_len, "byte").s);
	if (out->hashed)
		text_print("  %-9s %s before and after\n", "memories", out->hash.text);
	if (out->undo_file)
		text_print("  %-9s 'canisterfs check --undo %s %s' takes it back\n", "undo",
			   out->undo_file, args->image);
	if (out->mount.kept[0])
		text_print("  %-9s 'canisterfs snapshot rollback %s %s' takes it back\n", "undo",
			   args->image, out->mount.kept);
}

static int cmd_compact(const void *arguments)
{
	const struct compact_args *args = arguments;
	struct outcome out = {.where = args->image};
	struct err err = {""};
	int rc;

	if (args->out && (args->save || args->no_undo))
		return cmd_usage(&verb_compact, "--save and --no-undo are for a change in place");
	if (args->save && args->no_undo)
		return cmd_usage(&verb_compact, "either --save or --no-undo");
	rc = args->dry_run             ? plan_only(args, &out, &err)
	     : args->out               ? compact_copy(args, &out, &err)
	     : mounted_is(args->image) ? compact_mounted(args, &out, &err)
				       : compact_in_place(args, &out, &err);
	if (rc)
		return cmd_fail(out.where, &err);
	rc = CMD_DONE;
	if (args->json)
		rc = print_json(args, &out);
	else
		print_text(args, &out);
	free(out.undo_file);
	return rc;
}

const struct verb verb_compact = {
	.name = "compact",
	.summary = "give back what no memory of an image needs",
	.text = "Fills the buckets that nobody owns by moving as few others as can be, drops what\n"
		"lies behind the memories' last buckets, and cuts the image there: in place, or into\n"
		"a new image OUT. Killed half-way, the image is as it was or can be compacted again.\n"
		"The hash of all memories is the same afterwards, or nothing is kept of it; it is\n"
		"printed, unless there was nothing to do.\n"
		"\n"
		"--zero-slack blanks stale bytes as well: behind each memory's end, behind the\n"
		"table in page 0. Do so before an image is given to others. OUT has none anyway.\n"
		"\n"
		"In place, what is overwritten is saved to IMAGE.undo (IMAGE.undo-2, and so on);\n"
		"'canisterfs check --undo FILE IMAGE' takes the change back. IMAGE may be an overlay,\n"
		"or a directory where an image is mounted: then the mount compacts it, and takes a\n"
		"snapshot 'before-compact' first, unless --no-undo is given.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct compact_args),
	.run = cmd_compact,
};
