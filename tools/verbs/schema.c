// SPDX-License-Identifier: MIT
/*
 * schema: the gate before an upgrade. Holds what the code expects, as its names file says, against
 * what the image holds. What the library's init does to a memory that is not what it expects is in
 * upstream's src at 0.7.2: maps, cells and logs write themselves over it, vectors and heaps trap.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/cmd/names.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/records/schema_records.h"
#include "tools/sandbox/sandbox.h"

enum { MAX_FINDINGS = 2 * MM_MAX_MEMORIES + 1 };

struct schema_args {
	bool json;
	uint64_t sample;
	struct names *names;
	const char *image;
};

static const struct cmd_option options[] = {
	{"names", 0, CMD_NAMES, WHERE(struct schema_args, names), "FILE",
	 "names, kinds and codecs of memories, in TOML", .required = true},
	{"sample", 0, CMD_NUMBER, WHERE(struct schema_args, sample), "N",
	 "decode about N records of each memory; all if not given"},
	{"json", 0, CMD_FLAG, WHERE(struct schema_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct schema_args, image)},
	{NULL},
};

struct finding {
	const char *severity, *id;
	int mm_id;
	const char *words;
	struct err text;
};

static const struct field finding_fields[] = {
	{"severity", NULL, FIELD_TEXT, offsetof(struct finding, severity)},
	{"id", NULL, FIELD_TEXT, offsetof(struct finding, id)},
	{"memory", NULL, FIELD_ID, offsetof(struct finding, mm_id)},
	{"text", NULL, FIELD_TEXT, offsetof(struct finding, words)},
	{NULL},
};

struct gate {
	struct mm *mm;
	struct names *names;
	uint64_t sample;
	struct finding finding[MAX_FINDINGS];
	size_t count, errors;
};

static struct err *find(struct gate *g, bool error, const char *id, int mm_id)
{
	struct finding *f = &g->finding[g->count++];

	*f = (struct finding){error ? "error" : "warning", id, mm_id, f->text.text, {""}};
	g->errors += error;
	return &f->text;
}

/* What init makes of content that is not of its kind. */
static void judge_foreign(struct gate *g, int id, const struct name *n, const struct ss_content *c)
{
	bool traps = n->ss_kind == SS_VEC || n->ss_kind == SS_HEAP;
	bool overwrites = n->ss_kind == SS_BTREE || n->ss_kind == SS_CELL ||
			  n->ss_kind == SS_LOG_INDEX || n->ss_kind == SS_LOG_DATA;

	err_set(find(g, true, overwrites ? "would-overwrite" : "wrong-kind", id), 0,
		"memory %d ('%.64s') should be a %.32s, but holds: %.200s%s", id, n->name, n->kind,
		c->text,
		traps        ? "; init would trap"
		: overwrites ? "; init would write a new, empty one over it"
			     : "");
}

static struct text bound_text(int64_t max, bool fixed)
{
	struct text t = {"any length"};

	if (max != NAME_UNBOUNDED)
		snprintf(t.s, sizeof(t.s), "%s %" PRId64 " bytes", fixed ? "exactly" : "at most",
			 max);
	return t;
}

static void judge_bounds(struct gate *g, int id, const struct name *n, const struct ss_facts *f)
{
	if (n->max_key >= 0 && f->max_key_len != SS_UNBOUNDED &&
	    (uint64_t)n->max_key > f->max_key_len)
		err_set(find(g, true, "wrong-bounds", id), 0,
			"memory %d ('%.64s'): keys of %s; the map was made for %" PRIu64, id,
			n->name, bound_text(n->max_key, false).s, f->max_key_len);
	else if (n->max_value >= 0 && f->kind == SS_BTREE && f->max_value_len != SS_UNBOUNDED &&
		 (uint64_t)n->max_value > f->max_value_len)
		err_set(find(g, true, "wrong-bounds", id), 0,
			"memory %d ('%.64s'): values of %s; the map was made for %" PRIu64, id,
			n->name, bound_text(n->max_value, false).s, f->max_value_len);
	else if (n->max_key >= 0 && n->max_value >= 0 && f->max_sum_len != SS_UNBOUNDED &&
		 f->kind == SS_BTREE &&
		 (n->max_key == NAME_UNBOUNDED || n->max_value == NAME_UNBOUNDED ||
		  (uint64_t)n->max_key + (uint64_t)n->max_value > f->max_sum_len))
		err_set(find(g, true, "wrong-bounds", id), 0,
			"memory %d ('%.64s'): keys of %s and values of %s; the map was made for "
			"%" PRIu64 " bytes together",
			id, n->name, bound_text(n->max_key, false).s,
			bound_text(n->max_value, false).s, f->max_sum_len);
	else if (f->kind != SS_BTREE && ss_kind_is_array(f->kind) &&
		 ((n->max_value >= 0 && f->max_value_len != SS_UNBOUNDED &&
		   (uint64_t)n->max_value != f->max_value_len) ||
		  (n->fixed >= 0 && f->slot_len > 0 && (n->fixed == 1) != f->fixed)))
		err_set(find(g, true, "wrong-bounds", id), 0,
			"memory %d ('%.64s'): entries of %s; it was made for %s %" PRIu64
			", so init would trap",
			id, n->name, bound_text(n->max_value, n->fixed == 1).s,
			f->fixed ? "exactly" : "at most", f->max_value_len);
}

/* The data of a log goes with its index. *out is NULL where there is none. */
static int open_data(struct gate *g, int id, const struct name *n, struct store **out,
		     struct err *err)
{
	unsigned partner = (unsigned)n->data;
	int rc = n->data >= 0 ? 0 : ss_log_partner(g->mm, (unsigned)id, &partner, err);

	*out = NULL;
	return rc < 0 ? rc : ss_memory_store(g->mm, partner, false, out, err);
}

static void tell_fault(struct gate *g, int id, const struct name *n, const char *what,
		       const char *text)
{
	err_set(find(g, true, what, id), 0, "memory %d ('%.64s'): %.380s", id, n->name, text);
}

/* What cannot be read is the image's fault, unless memory or the disk is. */
static int open_inside(struct gate *g, int id, struct name *n, struct store *s, struct store *data,
		       struct ss **out, struct err *err)
{
	struct ss_options opts = records_name_options(g->names, id);
	struct err why = {""};
	int rc = ss_open(s, data, &opts, out, &why);

	if (rc == -EDOM && !n->key)
		return 0;
	if (rc == -EDOM || rc == -EUCLEAN || rc == -EINVAL) {
		tell_fault(g, id, n, rc == -EDOM ? "guess" : "damaged", why.text);
		return 0;
	}
	return rc < 0 ? err_set(err, rc, "%s", why.text) : 0;
}

/* The bounds that the header has, then every record. */
static int judge_inside(struct gate *g, int id, struct name *n, struct store *s, struct err *err)
{
	auto_store struct store *data = NULL;
	auto_ss struct ss *ss = NULL;
	struct schema_fault fault;
	size_t before = g->count;
	struct err why = {""};
	int rc = n->ss_kind == SS_LOG_INDEX ? open_data(g, id, n, &data, &why) : 0;

	if (rc == -ENOENT || rc == -ENOTUNIQ) {
		tell_fault(g, id, n, "damaged", why.text);
		return 0;
	}
	if (rc == 0)
		rc = open_inside(g, id, n, s, data, &ss, &why);
	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	if (!ss)
		return 0;
	judge_bounds(g, id, n, ss_facts(ss));
	if (g->count > before)
		return 0;
	rc = schema_judge_records(ss, n, g->sample, &fault, err);
	if (rc == 0 && fault.id)
		tell_fault(g, id, n, fault.id, fault.text);
	return rc;
}

static int judge_structure(struct gate *g, int id, struct name *n, struct store *s, struct err *err)
{
	struct ss_content content;
	int rc = ss_recognise(s, &content, err);

	if (rc < 0 || !n->kind)
		return rc;
	if (content.kind != n->ss_kind) {
		judge_foreign(g, id, n, &content);
		return 0;
	}
	if (!ss_kind_has_records(content.kind))
		return 0;
	return judge_inside(g, id, n, s, err);
}

/* The data memory of a log that has a name needs none itself. */
static bool is_log_data(const struct gate *g, int id)
{
	for (unsigned i = 0; i < MM_MAX_MEMORIES; i++)
		if (g->names->id[i].name && g->names->id[i].data == id)
			return true;
	return false;
}

static int judge_memory(struct gate *g, int id, struct err *err)
{
	struct name *n = &g->names->id[id];
	auto_store struct store *s = NULL;
	int rc = ss_memory_store(g->mm, (unsigned)id, false, &s, err);
	uint64_t pages = rc < 0 ? 0 : s->len / MM_PAGE_LEN;

	if (rc < 0 || pages == 0)
		return rc;
	if (!n->name && is_log_data(g, id))
		return 0;
	if (!n->name) {
		err_set(find(g, false, "unnamed", id), 0,
			"memory %d has %s, but the code does not know it", id,
			text_plural(pages, "page").s);
		return 0;
	}
	if (n->state == STATE_NEW) {
		err_set(find(g, true, "reused-id", id), 0,
			"memory %d ('%.64s') is new in the code, but has %s already", id, n->name,
			text_plural(pages, "page").s);
		return 0;
	}
	if (n->state == STATE_REMOVED) {
		err_set(find(g, false, "removed-held", id), 0,
			"memory %d ('%.64s') is removed, but still has %s", id, n->name,
			text_plural(pages, "page").s);
		return 0;
	}
	return judge_structure(g, id, n, s, err);
}

static int judge_all(struct gate *g, struct err *err)
{
	struct mm_stat st;
	int rc = 0;

	mm_stat(g->mm, &st);
	if (g->names->bucket_pages > 0 && g->names->bucket_pages != st.bucket_pages)
		err_set(find(g, true, "bucket-size", -1), 0,
			"the code asks for buckets of %" PRIu32 " pages; the image has %" PRIu32
			" and keeps them",
			g->names->bucket_pages, st.bucket_pages);
	for (int id = 0; rc == 0 && id < MM_MAX_MEMORIES; id++)
		rc = judge_memory(g, id, err);
	return rc;
}

static int report(const struct gate *g, const struct schema_args *args)
{
	struct json doc;

	for (size_t i = 0; !args->json && i < g->count; i++)
		text_print("%-7s  %-15s  %s\n", g->finding[i].severity, g->finding[i].id,
			   g->finding[i].words);
	if (!args->json) {
		text_print("%s: %s\n", args->image,
			   g->errors ? "does not fit the code" : "fits the code");
		return g->errors > 0 ? COMPARE_DIFFER : COMPARE_SAME;
	}
	doc = json_begin();
	json_put(&doc, doc.root, "fits", json_boolean(g->errors == 0));
	json_put(&doc, doc.root, "findings",
		 fields_array(&doc, finding_fields, g->finding, g->count, sizeof(*g->finding)));
	if (json_print(&doc) != CMD_DONE)
		return COMPARE_TROUBLE;
	return g->errors > 0 ? COMPARE_DIFFER : COMPARE_SAME;
}

static int cmd_schema(const void *arguments)
{
	const struct schema_args *args = arguments;
	auto_free struct gate *g = calloc(1, sizeof(*g));
	auto_image struct image img = {NULL};
	struct err err = {"out of memory"};
	int rc = -ENOMEM;

	if (!args->names)
		return cmd_usage(&verb_schema, "--names is needed: what the code expects");
	if (g)
		rc = image_open(args->image, false, &img, &err);
	if (rc == 0)
		rc = sandbox_inputs_open(&err);
	if (rc == 0) {
		g->mm = img.mm;
		g->names = args->names;
		g->sample = args->sample == CMD_UNSET ? 0 : args->sample;
		rc = judge_all(g, &err);
	}
	if (rc == 0)
		return report(g, args);
	cmd_fail(args->image, &err);
	return COMPARE_TROUBLE;
}

const struct verb verb_schema = {
	.name = "schema",
	.summary = "hold an image against what the code of its canister expects",
	.text = "The gate before an upgrade: tells where IMAGE does not fit what the names file says\n"
		"that the code expects: another kind of structure at an id, a header that init would\n"
		"write over, bounds that changed, a bucket size that would be ignored, an id that\n"
		"was used before, memories that the code does not know. Every record is decoded by the\n"
		"codecs that the file tells, and keys must have their type's width and order.\n"
		"\n"
		"Exits with 0 where it fits, 1 where it does not, 2 on trouble.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct schema_args),
	.run = cmd_schema,
	.reads = true,
	.failed_exit = COMPARE_TROUBLE,
};
