// SPDX-License-Identifier: MIT
/*
 * load: records from JSON lines into a structure. All changes are made aside first, checked there,
 * and then installed at once: whatever happens, a memory has its old or its new content.
 */
#include <fcntl.h>

#include "tools/image/mounted.h"
#include "tools/out/json.h"
#include "tools/out/spool.h"
#include "tools/out/text.h"
#include "tools/records/load_lines.h"
#include "tools/records/records_choice.h"

struct load_args {
	struct records_args r;
	const char *file;
	bool merge, replace, delete, dry_run, json;
};

static const struct cmd_option options[] = {
	{"merge", 'm', CMD_FLAG, WHERE(struct load_args, merge), NULL,
	 "insert the records, or give those that are there their new values"},
	{"replace", 'r', CMD_FLAG, WHERE(struct load_args, replace), NULL,
	 "make the records all that there are"},
	{"delete", 'd', CMD_FLAG, WHERE(struct load_args, delete), NULL,
	 "take the keys out; values, if there are any, do not count"},
	{"dry-run", 0, CMD_FLAG, WHERE(struct load_args, dry_run), NULL,
	 "do all of it but change the image"},
	{"json", 0, CMD_FLAG, WHERE(struct load_args, json), NULL, "print one JSON document"},
	RECORDS_OPTIONS(struct load_args),
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct load_args, r.image)},
	{"ID", CMD_ID_WRITE, WHERE(struct load_args, r.id)},
	{"FILE", CMD_FILE, WHERE(struct load_args, file), .optional = true},
	{NULL},
};

struct load {
	const struct load_args *args;
	struct records_choice *choice;
	enum load_mode mode;
	struct load_count count;
	struct records r;
	struct ss_key_index *index;       /* the order of keys, where nobody tells it */
	struct ss_agreement agreement;    /* the same, where the keys tell enough */
	bool doubt;                       /* orders that agree so far do not agree on a key */
	bool is_new;                      /* the structure, made here */
	struct store *stage, *data_stage; /* what is installed in the end */
	unsigned data_id;                 /* of a log's data */
};

/* ---- the structure as it is, and as it will be ---- */

struct judge {
	struct err first;
	unsigned errors;
};

static void judge(void *ctx, const struct mm_finding *f)
{
	struct judge *j = ctx;

	if (f->severity != MM_ERROR)
		return;
	if (j->errors++ == 0)
		err_set(&j->first, 0, "%s: %s", f->id, f->text);
}

/* Nothing is changed in a structure that is damaged, nor installed if it would be. */
static int judge_structure(struct ss *ss, int mm_id, struct ss_usage *usage, const char *when,
			   struct err *err)
{
	struct judge j = {{""}, 0};
	int rc = ss_measure(ss, mm_id, usage, judge, &j, err);

	if (rc == 0 && j.errors > 0)
		return err_set(err, -EUCLEAN, "%s: %s", when, j.first.text);
	return rc;
}

/* From so many keys on, an order that all of them keep to is taken for theirs. */
enum { ENOUGH_KEYS = 64 };

/*
 * Nobody tells the order of keys. Those that are there are found by an order that all of them keep
 * to, or by a walk over them. None is added, but to a map of many keys: where all orders that have
 * a name and that these keep to agree on its place.
 */
static int settle_untold_order(struct load *l, const struct ss_usage *usage, struct err *err)
{
	struct ss_options *opts = &l->choice->opts;
	int rc = 0;

	opts->sort = (struct ss_sort){.order = usage->order};
	opts->sort_guessed = true;
	if (usage->orders && usage->entries >= ENOUGH_KEYS) {
		l->agreement = ss_agreement(usage->orders, &l->doubt);
		opts->sort = (struct ss_sort){SS_ORDER_TYPE, &l->agreement.type};
		opts->sort_guessed = false;
	} else if (!usage->orders) {
		rc = ss_key_index_open(l->r.ss, &l->index, err);
		if (rc == 0)
			opts->sort = (struct ss_sort){SS_ORDER_TYPE, ss_key_index_type(l->index)};
	}
	return rc;
}

static int settle_order(struct load *l, struct err *err)
{
	struct ss_usage usage;
	int rc = judge_structure(l->r.ss, l->choice->mm_id, &usage,
				 "it is damaged, so nothing is loaded into it", err);

	if (rc < 0 || !ss_facts(l->r.ss)->keyed || ss_facts(l->r.ss)->sort_told)
		return rc;
	return settle_untold_order(l, &usage, err);
}

/* Which width keys have is not decided by what merely fits. */
static int settle_width(struct load *l, struct err *err)
{
	const struct ss_facts *f = ss_facts(l->r.ss);
	struct err text;

	if (f->key_width_guessed) {
		ss_tell_widths(f, &text);
		return err_set(err, -EDOM, "%s; --key or --key-width tells", text.text);
	}
	/* What the nodes, or the lack of them, do not tell, the type of a number does. */
	if (f->keyed && f->key_width == SS_WIDTH_INFER && l->choice->opts.key_width_hint > 0)
		l->choice->opts.key_width = l->choice->opts.key_width_hint;
	else if (f->keyed && f->key_width >= SS_WIDTH_PREFIXED)
		l->choice->opts.key_width = f->key_width;
	return 0;
}

static int open_stage(struct store *under, struct store **out, struct err *err)
{
	int fd = spool_open(err);

	return fd < 0 ? fd : ss_stage_open(under, fd, out, err);
}

/* `form` NULL: there is a structure. */
static int open_stages(struct load *l, const struct ss_form *form, struct err *err)
{
	int rc;

	ss_close(l->r.ss);
	l->r.ss = NULL;
	rc = open_stage(l->r.memory, &l->stage, err);
	if (rc == 0 && l->r.data)
		rc = open_stage(l->r.data, &l->data_stage, err);
	if (rc == 0 && form)
		rc = ss_create(l->stage, l->data_stage, form, err);
	return rc < 0 ? rc : ss_open(l->stage, l->data_stage, &l->choice->opts, &l->r.ss, err);
}

/* ---- installing ---- */

static int source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	struct store *stage = ctx;

	*got = (size_t)MIN((uint64_t)len, stage->len - MIN(off, stage->len));
	return store_read(stage, buf, *got, off, err);
}

static unsigned add_content(struct mm_content *to, unsigned mm_id, struct store *stage)
{
	if (!stage || !ss_stage_is_changed(stage))
		return 0;
	*to = (struct mm_content){mm_id, stage->len, source, stage};
	return 1;
}

/* Index and data of a log are two memories: both or neither. */
static int install_all(struct load *l, struct err *err)
{
	struct mm_content content[2];
	unsigned n = add_content(content, (unsigned)l->choice->mm_id, l->stage);
	int rc;

	n += add_content(content + n, l->data_id, l->data_stage);
	rc = image_install(&l->r.image, content, n, true, err);
	ss_close(l->r.ss);
	l->r.ss = NULL;
	return rc;
}

/* ---- the verb ---- */

/* The index of a log is what was named, or is found; its data is the other one. */
static int settle_log(struct load *l, struct err *err)
{
	unsigned other = (unsigned)l->choice->data_id;
	int rc = 0;

	if (!l->r.data)
		return 0;
	if (l->choice->data_id < 0 || l->r.swapped)
		rc = ss_log_partner(l->r.image.mm, (unsigned)l->choice->mm_id, &other, err);
	if (rc < 0)
		return rc;
	l->data_id = other;
	if (l->r.swapped) {
		l->data_id = (unsigned)l->choice->mm_id;
		l->choice->mm_id = (int)other;
	}
	/* The one that was not named is written to as well. */
	return names_allow(l->args->r.names, other, true, err);
}

/* Where there is nothing, what the names file tells of is made on the stage. */
static int open_new(struct load *l, struct err *err)
{
	struct ss_form form;
	int rc = records_open_new(&l->r, l->choice, &form, err);

	l->is_new = true;
	if (rc == 0)
		rc = settle_log(l, err);
	return rc < 0 ? rc : open_stages(l, &form, err);
}

static int open_old(struct load *l, struct err *err)
{
	int rc = records_open_structure(&l->r, l->choice, err);

	if (rc == 0)
		rc = settle_log(l, err);
	if (rc == 0)
		rc = settle_width(l, err);
	if (rc == 0)
		rc = settle_order(l, err);
	return rc < 0 ? rc : open_stages(l, NULL, err);
}

static int open_all(struct load *l, struct err *err)
{
	bool may_make = l->mode != LOAD_DELETE, empty = false;
	int rc = records_open_memory(l->args->r.image, l->choice->mm_id, true, &l->r, err);

	if (rc == -ENOENT && l->r.image.mm && may_make)
		rc = ss_memory_store(l->r.image.mm, (unsigned)l->choice->mm_id,
				     l->r.image.store->writable, &l->r.memory, err);
	if (rc == 0 && may_make)
		rc = records_is_empty(l->r.memory, &empty, err);
	if (rc < 0)
		return rc;
	return empty ? open_new(l, err) : open_old(l, err);
}

/* A new cell was made for its value. */
static int settle_cell(struct load *l, struct err *err)
{
	if (!l->is_new || ss_facts(l->r.ss)->kind != SS_CELL)
		return 0;
	if (l->count.changed + l->count.unchanged == 0)
		return err_set(err, -EINVAL, "one record is needed");
	l->count = (struct load_count){.added = 1};
	return 0;
}

static int load_all_lines(struct load *l, FILE *from, struct err *err)
{
	struct load_rules rules = {.key = &l->choice->key,
				   .value = &l->choice->value,
				   .mode = l->mode,
				   .max_key = l->choice->max_key,
				   .max_value = l->choice->max_value,
				   .doubt = l->agreement.orders ? &l->doubt : NULL};

	return load_lines(from, l->r.ss, &rules, &l->count, err);
}

static int load(struct load *l, FILE *from, struct err *err)
{
	struct ss_usage usage;
	int rc = open_all(l, err);

	if (rc < 0)
		return rc;
	rc = load_all_lines(l, from, err);
	if (rc == 0 && l->count.added + l->count.changed > 0)
		rc = ss_sift(l->r.ss, err);
	if (rc == -EDOM)
		return err_set(err, rc, "%s; %s does", err->text,
			       ss_facts(l->r.ss)->keyed ? "--key, --key-width or --order"
							: "--value or --order");
	if (rc == 0)
		rc = settle_cell(l, err);
	if (rc == 0)
		rc = judge_structure(l->r.ss, l->choice->mm_id, &usage,
				     "it would be damaged, so nothing was loaded", err);
	return rc < 0 || l->args->dry_run ? rc : install_all(l, err);
}

static int print_count(const struct load_count *c, bool as_json)
{
	struct json doc;

	if (!as_json) {
		text_print("%s added, %s changed, %s removed, %s as they were",
			   text_count(c->added).s, text_count(c->changed).s,
			   text_count(c->removed).s, text_count(c->unchanged).s);
		if (c->missing)
			text_print(", %s not there", text_count(c->missing).s);
		putchar('\n');
		return CMD_DONE;
	}
	doc = json_begin();
	json_put(&doc, doc.root, "added", json_u64(c->added));
	json_put(&doc, doc.root, "changed", json_u64(c->changed));
	json_put(&doc, doc.root, "removed", json_u64(c->removed));
	json_put(&doc, doc.root, "unchanged", json_u64(c->unchanged));
	json_put(&doc, doc.root, "missing", json_u64(c->missing));
	return json_print(&doc);
}

static int choose_mode(const struct load_args *args, enum load_mode *out)
{
	*out = args->replace ? LOAD_REPLACE : args->delete ? LOAD_DELETE : LOAD_MERGE;
	return args->merge + args->replace + args->delete == 1 ? 0 : -EINVAL;
}

static void load_end(struct load *l)
{
	records_drop(&l->r);
	store_close(l->stage);
	store_close(l->data_stage);
	ss_key_index_close(l->index);
}

/* Whoever writes to a mount meanwhile is not kept from it: then all begins anew. */
static int load_until_done(const struct load_args *args, enum load_mode mode, FILE *from,
			   struct load_count *count, struct err *err)
{
	enum { TRIES = 20 };
	int rc = -EAGAIN;

	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		auto_records_choice struct records_choice choice = {0};
		struct load l = {.args = args, .choice = &choice, .mode = mode};

		if (i > 0)
			rewind(from);
		rc = records_choose(&args->r, &choice, err);
		if (rc == 0)
			rc = load(&l, from, err);
		*count = l.count;
		load_end(&l);
	}
	return rc;
}

/* What is to change a mount is read to its end first: it may come from there, and be slow. */
static int open_lines(const char *file, bool to_mount, FILE **out, struct err *err)
{
	auto_close int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	uint64_t len;
	int rc = fd < 0 ? err_sys(err, -errno, "cannot open") : 0;

	if (rc == 0 && to_mount && lseek(fd, 0, SEEK_CUR) != 0) {
		int kept = -1;

		rc = spool_all(fd, INT64_MAX, &kept, &len, err);
		close(fd);
		fd = kept;
	}
	*out = rc == 0 ? fdopen(fd, "r") : NULL;
	if (rc == 0 && !*out)
		rc = err_set(err, -ENOMEM, "out of memory");
	if (*out)
		fd = -1;
	return rc;
}

static int cmd_load(const void *arguments)
{
	const struct load_args *args = arguments;
	auto_records_choice struct records_choice choice = {0};
	struct load_count count = {0};
	enum load_mode mode;
	struct err err = {""};
	FILE *from;
	int rc = records_choose(&args->r, &choice, &err);

	if (rc < 0)
		return cmd_usage(&verb_load, "%s", err.text);
	if (choose_mode(args, &mode) < 0)
		return cmd_usage(&verb_load, "one of --merge, --replace and --delete is needed");
	if (open_lines(args->file, mounted_is(args->r.image), &from, &err) < 0)
		return cmd_fail(args->file ? args->file : "standard input", &err);
	rc = load_until_done(args, mode, from, &count, &err);
	fclose(from);
	return rc ? cmd_fail(args->r.image, &err) : print_count(&count, args->json);
}

const struct verb verb_load = {
	.name = "load",
	.summary = "put records from JSON lines into a structure",
	.text = "Reads records as 'dump' prints them, from FILE or standard input, and changes the\n"
		"structure in memory ID as the canister's own library would: --merge inserts and\n"
		"replaces, --replace makes the records all that there are, --delete takes keys out.\n"
		"A record that is there already is not written again, and a memory that is too small\n"
		"grows. All changes are made aside and checked first, then installed at once; that\n"
		"takes room for the memory's old and new content together.\n\n"
		"IMAGE may be an overlay, or a directory where an image is mounted: then the mount\n"
		"changes the memory, at one instant, and a file that is open there shows it.\n\n"
		"In a memory that holds nothing, what --names tells of it is made first.\n\n"
		"The codecs are those of 'dump', and must be the ones the records were printed with.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct load_args),
	.run = cmd_load,
};
