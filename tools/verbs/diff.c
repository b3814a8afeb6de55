// SPDX-License-Identifier: MIT
/* diff: which records two images have that the other has not, or with another value. */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/records/records_choice.h"
#include "tools/records/steps.h"

enum { CHUNK_LEN = 1 << 20 };

struct diff_args {
	bool records; /* what there is so far; said all the same, so that more can come */
	struct records_args r;
	const char *b;
};

static const struct cmd_option options[] = {
	{"records", 0, CMD_FLAG, WHERE(struct diff_args, records), NULL,
	 "compare the records of the structures in the memories"},
	RECORDS_OPTIONS(struct diff_args),
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"A", CMD_FILE, WHERE(struct diff_args, r.image)},
	{"B", CMD_FILE, WHERE(struct diff_args, b)},
	{"ID", CMD_ID, WHERE(struct diff_args, r.id), .optional = true},
	{NULL},
};

struct side {
	const char *path;
	struct records r;
};

struct diff {
	const struct records_choice *choice;
	const struct names *names; /* or NULL */
	struct side a, b;
	int mm_id;
	uint64_t differences;
	struct buf line;
};

static void side_drop(struct side *s)
{
	records_drop(&s->r);
	*s = (struct side){0};
}

/* ---- telling ---- */

static int add_value(struct diff *d, const char *name, const struct step *s, struct err *err)
{
	buf_printf(&d->line, ", \"%s\": ", name);
	return codec_show_value(&d->choice->value, s->value, &d->line, err);
}

static int tell(struct diff *d, const struct step *old, const struct step *new, struct err *err)
{
	const struct step *any = old ? old : new;
	const char *name = d->mm_id < 0 ? NULL : names_of(d->names, (unsigned)d->mm_id);
	int rc = 0;

	d->differences++;
	d->line.len = 0;
	buf_printf(&d->line, "{\"memory\": %d", d->mm_id);
	if (name) {
		buf_text(&d->line, ", \"name\": ");
		rc = buf_json_string(&d->line, name, strlen(name));
	}
	buf_printf(&d->line, ", \"change\": \"%s\"", !old ? "added" : !new ? "removed" : "changed");
	if (rc == 0 && ss_facts(any->ss)->keyed) {
		buf_text(&d->line, ", \"key\": ");
		rc = codec_show(&d->choice->key, any->rec.key, &d->line, err);
	} else if (ss_kind_is_array(ss_facts(any->ss)->kind)) {
		buf_printf(&d->line, ", \"index\": %" PRIu64, any->rec.index);
	}
	if (rc == 0 && old)
		rc = add_value(d, new ? "old" : "value", old, err);
	if (rc == 0 && new)
		rc = add_value(d, old ? "new" : "value", new, err);
	buf_text(&d->line, "}\n");
	if (rc == 0 && d->line.failed)
		rc = err_set(err, -ENOMEM, "no memory for a record");
	if (rc == 0)
		fwrite(d->line.data, 1, d->line.len, stdout);
	return rc;
}

static int tell_step(void *ctx, const struct step *old, const struct step *new, struct err *err)
{
	struct diff *d = ctx;
	int rc = tell(d, old, new, err);

	return rc < 0 ? err_prefix(err, rc, "%s: memory %d", old ? d->a.path : d->b.path, d->mm_id)
		      : 0;
}

/* A memory that one image does not have is empty there. */
static int open_side(struct side *s, const struct diff *d, const char *path, struct err *err)
{
	struct records_choice choice = *d->choice;
	int rc = records_open_memory(path, d->mm_id, false, &s->r, err);

	s->path = path;
	choice.mm_id = d->mm_id;
	if (rc == -ENOENT && s->r.image.mm)
		return 0;
	if (rc == 0)
		rc = records_open_structure(&s->r, &choice, err);
	return rc < 0 ? err_prefix(err, rc, "%s", path) : 0;
}

/* Equal bytes have equal records, and comparing them is quicker by far. */
static int same_memory(struct store *a, struct store *b, bool *same, struct err *err)
{
	auto_free uint8_t *buf = malloc(2 * (size_t)CHUNK_LEN);
	int rc = 0;

	*same = a->len == b->len;
	if (!buf)
		return err_set(err, -ENOMEM, "no memory to compare");
	for (uint64_t off = 0; rc == 0 && *same && off < a->len; off += CHUNK_LEN) {
		size_t len = MIN((uint64_t)CHUNK_LEN, a->len - off);

		rc = store_read(a, buf, len, off, err);
		if (rc == 0)
			rc = store_read(b, buf + CHUNK_LEN, len, off, err);
		*same = rc == 0 && memcmp(buf, buf + CHUNK_LEN, len) == 0;
	}
	return rc;
}

static bool is_guessed(const struct side *s)
{
	return s->r.ss && ss_facts(s->r.ss)->key_width_guessed;
}

/* Records that are equal only as long as a guess is right are not called so. */
static int refuse_guess(struct diff *d, uint64_t before, struct err *err)
{
	const struct side *s = is_guessed(&d->a) ? &d->a : &d->b;
	bool same = false;
	struct err text;
	int rc = 0;

	if (!is_guessed(s) || d->differences > before)
		return 0;
	if (d->a.r.ss && d->b.r.ss)
		rc = same_memory(records_store(&d->a.r), records_store(&d->b.r), &same, err);
	if (rc < 0 || same)
		return rc;
	ss_tell_widths(ss_facts(s->r.ss), &text);
	return err_set(err, -EDOM,
		       "memory %d: no record differs, but %s; --key or --key-width tells", d->mm_id,
		       text.text);
}

static void say_guess(const struct diff *d, const struct side *s, const char *path)
{
	if (is_guessed(s))
		records_say_guess(path, &s->r, d->choice);
}

static int diff_structure(struct diff *d, const struct diff_args *args, struct err *err)
{
	uint64_t before = d->differences;
	int rc = open_side(&d->a, d, args->r.image, err);

	if (rc == 0)
		rc = open_side(&d->b, d, args->b, err);
	if (rc == 0 && d->a.r.ss && d->b.r.ss &&
	    ss_facts(d->a.r.ss)->kind != ss_facts(d->b.r.ss)->kind)
		rc = err_set(err, -EINVAL, "memory %d is a %s in one and a %s in the other",
			     d->mm_id, ss_kind_name(ss_facts(d->a.r.ss)->kind),
			     ss_kind_name(ss_facts(d->b.r.ss)->kind));
	if (rc == 0)
		rc = steps_walk(d->a.r.ss, d->b.r.ss, &d->choice->opts.sort, tell_step, d, err);
	if (rc == 0)
		rc = refuse_guess(d, before, err);
	if (rc == 0) {
		say_guess(d, &d->a, args->r.image);
		say_guess(d, &d->b, args->b);
	}
	side_drop(&d->a);
	side_drop(&d->b);
	return rc;
}

/* ---- all memories ---- */

/* Whether there is anything to compare in memory `id`. The data of a log goes with its index. */
static int is_worth(struct mm *a, struct mm *b, unsigned id, bool *worth, struct err *err)
{
	auto_store struct store *sa = NULL, *sb = NULL;
	struct ss_content content;
	bool same = false;
	int rc = ss_memory_store(a, id, false, &sa, err);

	*worth = false;
	if (rc == 0)
		rc = ss_memory_store(b, id, false, &sb, err);
	if (rc < 0 || (sa->len == 0 && sb->len == 0))
		return rc;
	rc = ss_recognise(sa->len ? sa : sb, &content, err);
	if (rc == 0)
		rc = same_memory(sa, sb, &same, err);
	*worth = ss_kind_has_records(content.kind) && (!same || content.kind == SS_LOG_INDEX);
	return rc;
}

/* With the codecs that the names file tells of this memory. */
static int diff_by_name(struct diff *d, const struct diff_args *args, struct err *err)
{
	auto_records_choice struct records_choice choice = {0};
	const struct records_choice *before = d->choice;
	struct records_args one = args->r;
	int rc;

	one.id = (uint64_t)d->mm_id;
	rc = records_choose(&one, &choice, err);
	d->choice = &choice;
	if (rc == 0)
		rc = diff_structure(d, args, err);
	else
		err_prefix(err, rc, "memory %d", d->mm_id);
	d->choice = before;
	return rc;
}

static int diff_all(struct diff *d, const struct diff_args *args, struct err *err)
{
	auto_image struct image a = {NULL}, b = {NULL};
	int rc = image_open(args->r.image, false, &a, err);

	if (rc == 0)
		rc = image_open(args->b, false, &b, err);
	for (unsigned id = 0; rc == 0 && id < MM_MAX_MEMORIES; id++) {
		bool worth;

		rc = is_worth(a.mm, b.mm, id, &worth, err);
		d->mm_id = (int)id;
		if (rc == 0 && worth)
			rc = diff_by_name(d, args, err);
	}
	return rc;
}

static int cmd_diff(const void *arguments)
{
	const struct diff_args *args = arguments;
	auto_records_choice struct records_choice choice = {0};
	struct diff d = {.choice = &choice, .names = args->r.names};
	struct err err = {""};
	int rc = records_choose(&args->r, &choice, &err);

	if (rc < 0)
		return cmd_usage(&verb_diff, "%s", err.text);
	if (!args->records)
		return cmd_usage(&verb_diff, "--records is needed: 'compare' compares bytes");
	d.mm_id = choice.mm_id;
	rc = args->r.id != CMD_UNSET ? diff_structure(&d, args, &err) : diff_all(&d, args, &err);
	buf_free(&d.line);
	if (rc < 0) {
		cmd_fail(NULL, &err);
		return COMPARE_TROUBLE;
	}
	return d.differences > 0 ? COMPARE_DIFFER : COMPARE_SAME;
}

const struct verb verb_diff = {
	.name = "diff",
	.summary = "tell which records two images differ in",
	.text = "Prints a JSON object a line for each record that only one of the images has, or that\n"
		"has another value in B: {\"memory\": 5, \"change\": \"changed\", \"key\": K,\n"
		"\"old\": V, \"new\": V}; \"added\" and \"removed\" have \"value\". Without ID, of all\n"
		"memories with a structure. It does not matter where in a memory a record lies.\n"
		"\n"
		"Exits with 0 where there is no difference, 1 where there is one, 2 on trouble.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct diff_args),
	.run = cmd_diff,
	.reads = true,
	.failed_exit = COMPARE_TROUBLE,
};
