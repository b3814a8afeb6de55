// SPDX-License-Identifier: MIT
/*
 * info IMAGE ID: the header's facts, and what a walk over the whole structure finds: how full nodes
 * are, what the allocator has given out, how many of the bytes held are payload.
 */
#include "tools/records/info_structure.h"

#include <inttypes.h>

#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/sandbox/sandbox.h"

struct view {
	uint64_t pages, len; /* of the memory */
	struct ss_content content;
	const char *kind, *holds;
	struct ss_facts f;
	struct ss_usage u;
	bool open; /* it has records: facts and usage are filled in */
	const char *type, *order, *key_width;
	char width_text[32];
	struct err guess; /* a sentence on the width of keys; or empty */
	uint64_t node_fill, payload_len, findings;
};

static const struct field content_fields[] = {
	{"kind", NULL, FIELD_TEXT, offsetof(struct view, kind)},
	{"holds", NULL, FIELD_TEXT, offsetof(struct view, holds)},
	{"pages", NULL, FIELD_NUMBER, offsetof(struct view, pages)},
	{"bytes", NULL, FIELD_BYTES, offsetof(struct view, len)},
	{NULL},
};

static const struct field record_fields[] = {
	{"entries", NULL, FIELD_NUMBER, offsetof(struct view, f.count)},
	{"payload_bytes", NULL, FIELD_BYTES, offsetof(struct view, payload_len)},
	{"held_bytes", NULL, FIELD_BYTES, offsetof(struct view, u.held_len)},
	{"longest_value", NULL, FIELD_BYTES, offsetof(struct view, u.longest_value_len)},
	{"findings", NULL, FIELD_NUMBER, offsetof(struct view, findings)},
	{NULL},
};

static const struct field btree_fields[] = {
	{"type", NULL, FIELD_TEXT, offsetof(struct view, type)},
	{"key_width", NULL, FIELD_TEXT, offsetof(struct view, key_width)},
	{"key_order", NULL, FIELD_TEXT, offsetof(struct view, order)},
	{"longest_key", NULL, FIELD_BYTES, offsetof(struct view, u.longest_key_len)},
	{"page_bytes", NULL, FIELD_BYTES, offsetof(struct view, f.page_len)},
	{"nodes_v1", NULL, FIELD_NUMBER, offsetof(struct view, u.nodes_v1)},
	{"nodes_v2", NULL, FIELD_NUMBER, offsetof(struct view, u.nodes_v2)},
	{"node_fill_percent", NULL, FIELD_NUMBER, offsetof(struct view, node_fill)},
	{"overflow_pages", NULL, FIELD_NUMBER, offsetof(struct view, u.overflow_pages)},
	{"chunks_used", NULL, FIELD_NUMBER, offsetof(struct view, u.chunks_used)},
	{"chunks_free", NULL, FIELD_NUMBER, offsetof(struct view, u.chunks_free)},
	{"chunks_leaked", NULL, FIELD_NUMBER, offsetof(struct view, u.chunks_leaked)},
	{NULL},
};

static void count_findings(void *ctx, const struct mm_finding *f)
{
	if (f->severity != MM_NOTE)
		++*(uint64_t *)ctx;
}

/* A set is a map whose values are all empty; of an empty one nobody can tell. */
static const char *type_of(const struct view *v)
{
	if (v->u.entries == 0)
		return "btreemap or btreeset";
	return v->u.value_len > 0 ? "btreemap" : "btreeset";
}

static void derive(struct view *v)
{
	uint64_t nodes = v->u.nodes_v1 + v->u.nodes_v2;

	v->payload_len = v->u.key_len + v->u.value_len;
	if (v->f.kind != SS_BTREE)
		return;
	v->type = type_of(v);
	v->order = ss_order_name(v->u.order);
	if (v->f.key_width_guessed)
		ss_tell_widths(&v->f, &v->guess);
	v->node_fill = nodes ? v->u.entries * 100 / (nodes * 11) : 0;
	if (v->f.key_width >= 0)
		snprintf(v->width_text, sizeof(v->width_text), "%d", v->f.key_width);
	if (v->f.key_width == SS_WIDTH_PREFIXED || v->u.nodes_v1 > 0)
		v->key_width = "prefixed";
	if (v->f.key_width >= 0)
		v->key_width = v->width_text;
}

/* Of the memory or the raw image that is open; its structure may be open already. */
static int measure(struct records *r, const struct records_choice *choice, struct view *v,
		   struct err *err)
{
	int rc = ss_recognise(records_store(r), &v->content, err);

	if (rc < 0)
		return rc;
	v->kind = ss_kind_name(v->content.kind);
	v->holds = v->content.text;
	v->len = records_store(r)->len;
	v->pages = v->len / MM_PAGE_LEN;
	if (!ss_kind_has_records(v->content.kind))
		return 0;
	if (!r->ss)
		rc = records_open_structure(r, choice, err);
	if (rc == 0)
		rc = ss_measure(r->ss, choice->mm_id, &v->u, count_findings, &v->findings, err);
	if (rc < 0)
		return rc;
	v->open = true;
	v->f = *ss_facts(r->ss);
	derive(v);
	return 0;
}

static int inspect(const struct records_args *args, struct view *v, struct err *err)
{
	auto_records_choice struct records_choice choice = {0};
	auto_records struct records r = {0};
	int rc = records_choose(args, &choice, err);

	if (rc == 0)
		rc = records_open_memory(args->image, choice.mm_id, false, &r, err);
	if (rc == 0)
		rc = sandbox_inputs_open(err);
	if (rc == 0)
		rc = measure(&r, &choice, v, err);
	if (rc == 0 && v->guess.text[0])
		records_say_guess(args->image, &r, &choice);
	return rc;
}

/* ---- printing ---- */

static struct text length_text(uint64_t len)
{
	struct text t = {"unbounded"};

	return len == SS_UNBOUNDED ? t : text_size(len);
}

static struct text entries_text(uint64_t count)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.20s %s", text_count(count).s,
		 count == 1 ? "entry" : "entries");
	return t;
}

static void print_btree(const struct view *v, FILE *to)
{
	const struct ss_facts *f = &v->f;
	const struct ss_usage *u = &v->u;

	text_print_to(to, "  %-9s %s, header version %u, %s\n", "type", v->type, f->version,
		      entries_text(f->count).s);
	text_print_to(to, "  %-9s ", "keys");
	if (f->key_width >= 0)
		text_print_to(to, "%d bytes each, without a length", f->key_width);
	else if (v->key_width)
		text_print_to(to, "each with its length, the longest %s",
			      text_size(u->longest_key_len).s);
	else
		text_print_to(to, "none");
	text_print_to(to, ", %s order%s\n", v->order,
		      v->f.sort_told || v->u.order == SS_ORDER_OWN ? "" : " (as far as they tell)");
	if (v->guess.text[0])
		text_print_to(to, "  %-9s %s\n", "", v->guess.text);
	if (f->max_key_len == SS_UNBOUNDED && f->max_sum_len != SS_UNBOUNDED)
		text_print_to(to, "  %-9s key and value %s together", "bounds",
			      length_text(f->max_sum_len).s);
	else
		text_print_to(to, "  %-9s key %s, value %s", "bounds",
			      length_text(f->max_key_len).s, length_text(f->max_value_len).s);
	text_print_to(to, "; longest value %s\n", text_size(u->longest_value_len).s);
	text_print_to(to, "  %-9s %s of version 1, %s of version 2, %u deep, %" PRIu64 " %% full\n",
		      "nodes", text_count(u->nodes_v1).s, text_count(u->nodes_v2).s, u->depth,
		      v->node_fill);
	text_print_to(to, "  %-9s %s of %s; %s for overflow\n", "chunks",
		      text_count(u->chunks_used).s, text_size(f->page_len).s,
		      text_count(u->overflow_pages).s);
	text_print_to(to, "  %-9s %s in the free list, %s leaked\n", "",
		      text_count(u->chunks_free).s, text_count(u->chunks_leaked).s);
}

static void print_records(const struct view *v, FILE *to)
{
	if (v->f.kind == SS_BTREE)
		print_btree(v, to);
	else
		text_print_to(to, "  %-9s %s, version %u, %s; the longest %s\n", "type",
			      ss_kind_name(v->f.kind), v->f.version, entries_text(v->f.count).s,
			      text_size(v->u.longest_value_len).s);
	text_print_to(to, "  %-9s %s of payload in %s held\n", "bytes", text_size(v->payload_len).s,
		      text_size(v->u.held_len).s);
	if (v->findings)
		text_print_to(to, "  %-9s %s: 'canisterfs check' tells which\n", "damaged",
			      text_plural(v->findings, "finding").s);
}

static void print_facts(const struct view *v, FILE *to)
{
	text_print_to(to, "  %-9s %s\n", "holds", v->holds);
	text_print_to(to, "  %-9s %s (%s)\n", "size", text_size(v->len).s,
		      text_plural(v->pages, "page").s);
	if (v->open)
		print_records(v, to);
}

static void print_view(const struct records_args *args, const struct view *v)
{
	const char *name = NULL;

	if (args->id == CMD_UNSET)
		text_print("%s: raw\n", args->image);
	else if ((name = names_of(args->names, (unsigned)args->id)))
		text_print("%s: memory %" PRIu64 " ('%s')\n", args->image, args->id, name);
	else
		text_print("%s: memory %" PRIu64 "\n", args->image, args->id);
	print_facts(v, stdout);
}

static void put_bound(struct json *doc, const char *key, uint64_t len)
{
	json_put(doc, doc->root, key, len == SS_UNBOUNDED ? json_null() : json_u64(len));
}

/* What was guessed, and what else it could be. */
static void put_guess(struct json *doc, const struct view *v)
{
	unsigned shown = v->f.widths_fit > 0 ? v->f.widths_fit - 1 : 0;
	json_t *others = json_array();

	for (unsigned i = 0; i < MIN(shown, (unsigned)SS_WIDTHS_SHOWN); i++) {
		json_t *width = v->f.width_fit[i] < 0 ? json_string("prefixed")
						      : json_integer(v->f.width_fit[i]);

		json_add(doc, others, width);
	}
	json_put(doc, doc->root, "key_width_guessed", json_boolean(v->f.key_width_guessed));
	json_put(doc, doc->root, "other_key_widths", others);
	json_put(doc, doc->root, "key_order_told", json_boolean(v->f.sort_told));
}

static int print_json(const struct view *v)
{
	struct json doc = json_begin();

	fields_put(&doc, doc.root, content_fields, v);
	if (!v->open)
		return json_print(&doc);
	fields_put(&doc, doc.root, record_fields, v);
	json_put(&doc, doc.root, "version", json_integer(v->f.version));
	if (v->f.kind != SS_BTREE)
		return json_print(&doc);
	fields_put(&doc, doc.root, btree_fields, v);
	put_guess(&doc, v);
	json_put(&doc, doc.root, "depth", json_integer(v->u.depth));
	put_bound(&doc, "max_key_bytes", v->f.max_key_len);
	put_bound(&doc, "max_value_bytes", v->f.max_value_len);
	put_bound(&doc, "max_key_and_value_bytes", v->f.max_sum_len);
	return json_print(&doc);
}

int info_structure_print(struct records *r, const struct records_choice *choice, FILE *to,
			 struct err *err)
{
	auto_free struct view *v = calloc(1, sizeof(*v));
	int rc = v ? measure(r, choice, v, err) : err_set(err, -ENOMEM, "out of memory");

	if (rc == 0)
		print_facts(v, to);
	return rc;
}

int info_structure(const struct records_args *args, bool as_json)
{
	auto_free struct view *v = calloc(1, sizeof(*v));
	struct err err = {"out of memory"};

	if (!v || inspect(args, v, &err) != 0)
		return cmd_fail(args->image, &err);
	if (as_json)
		return print_json(v);
	print_view(args, v);
	return CMD_DONE;
}
