// SPDX-License-Identifier: MIT
/*
 * info: what an image is, and who holds how much of what in it. Looks at page 0, and at the first
 * few KiB of each memory, or so much as it takes to see where what begins there ends.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/beside.h"
#include "tools/facts/bucket_size.h"
#include "tools/facts/content.h"
#include "tools/facts/stored.h"
#include "tools/image/image_open.h"
#include "tools/out/text.h"
#include "tools/records/info_structure.h"
#include "tools/sandbox/sandbox.h"
#include "tools/verbs/info_json.h"

struct info_args {
	bool json;
	bool structure;
	struct records_args r; /* without data_id */
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct info_args, json), NULL, "print one JSON document"},
	{"structure", 0, CMD_FLAG, WHERE(struct info_args, structure), NULL,
	 "of a raw image: what the structure in it is made of"},
	{"key-width", 0, CMD_TEXT, WHERE(struct info_args, r.key_width), "N",
	 "keys have N bytes and no length before them; 'prefixed': they have one"},
	CMD_NAMES_FILE(struct info_args, r.names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct info_args, r.image)},
	{"ID", CMD_ID, WHERE(struct info_args, r.id), .optional = true},
	{NULL},
};

struct row {
	int id;
	const char *name;
	uint64_t pages, len, buckets, slack_len;
	const char *holds, *text; /* of `content` */
	struct content content;
};

static const struct field row_fields[] = {
	{"id", "id", FIELD_ID, offsetof(struct row, id)},
	{"name", "name", FIELD_NAME, offsetof(struct row, name)},
	{"pages", "pages", FIELD_NUMBER, offsetof(struct row, pages)},
	{"bytes", "size", FIELD_BYTES, offsetof(struct row, len)},
	{"buckets", "buckets", FIELD_NUMBER, offsetof(struct row, buckets)},
	{"slack_bytes", "slack", FIELD_BYTES, offsetof(struct row, slack_len)},
	{"content", NULL, FIELD_TEXT, offsetof(struct row, holds)},
	{"content_text", "holds", FIELD_TEXT, offsetof(struct row, text)},
	{NULL},
};

struct info {
	const char *kind;
	struct err why;
	const char *why_text;
	uint64_t pages;
	uint64_t base_page, front_len; /* what lies before a manager */
	/* of a raw image, or of the front */
	struct content content;
	const char *holds, *text;
	struct stored stored;
	const struct beside *beside; /* NULL: not asked for */

	/* of a managed image */
	struct bucket_size size;
	uint64_t buckets, holes, headroom_pages, slack_len, tail_len, stale_len;
	struct row rows[MM_MAX_MEMORIES];
	size_t row_count;
};

static const struct field head_fields[] = {
	{"kind", NULL, FIELD_TEXT, offsetof(struct info, kind)},
	{"why", NULL, FIELD_TEXT, offsetof(struct info, why_text)},
	{"pages", NULL, FIELD_NUMBER, offsetof(struct info, pages)},
	{"content", NULL, FIELD_TEXT, offsetof(struct info, holds)},
	{"content_text", NULL, FIELD_TEXT, offsetof(struct info, text)},
	{NULL},
};

static const struct field front_fields[] = {
	{"bytes", NULL, FIELD_BYTES, offsetof(struct info, front_len)},
	{"content", NULL, FIELD_TEXT, offsetof(struct info, holds)},
	{"content_text", NULL, FIELD_TEXT, offsetof(struct info, text)},
	{NULL},
};

static const struct field managed_fields[] = {
	{"base_page", NULL, FIELD_NUMBER, offsetof(struct info, base_page)},
	{"buckets", NULL, FIELD_NUMBER, offsetof(struct info, buckets)},
	{"holes", NULL, FIELD_NUMBER, offsetof(struct info, holes)},
	{"headroom_pages", NULL, FIELD_NUMBER, offsetof(struct info, headroom_pages)},
	{"slack_bytes", NULL, FIELD_BYTES, offsetof(struct info, slack_len)},
	{"tail_bytes", NULL, FIELD_BYTES, offsetof(struct info, tail_len)},
	{"page_0_stale_bytes", NULL, FIELD_BYTES, offsetof(struct info, stale_len)},
	{NULL},
};

static bool is_managed(const struct info *in)
{
	return in->size.bucket_pages > 0;
}

/* What lies before the manager. */
static int look_at_front(struct store *store, struct info *in, struct err *err)
{
	auto_store struct store *front = NULL;
	struct store *whole = window_whole(store, &in->front_len);
	int rc;

	in->base_page = in->front_len / MM_PAGE_LEN;
	in->pages += in->base_page;
	if (in->front_len == 0)
		return 0;
	rc = window_look(whole, 0, in->front_len, &front, err);
	if (!rc)
		content_of_raw(front, &in->content);
	return rc;
}

static int look(struct store *store, struct mm *mm, const struct names *names, struct info *in,
		struct err *err)
{
	struct mm_stat st;
	int rc;

	mm_stat(mm, &st);
	in->kind = "managed";
	in->pages = st.image_pages;
	in->size = bucket_size_of(st.bucket_pages);
	in->buckets = st.buckets;
	in->holes = st.holes;
	in->headroom_pages = st.spare_pages;
	in->tail_len = st.tail_bytes;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;
		struct row *row;

		mm_memory(mm, id, &m);
		if (m.pages == 0 && m.buckets == 0)
			continue;
		row = &in->rows[in->row_count++];
		*row = (struct row){(int)id,   names_of(names, id), m.pages, m.pages * MM_PAGE_LEN,
				    m.buckets, m.slack_len};
		content_of_memory(mm, id, &row->content);
		row->holds = row->content.kind;
		row->text = row->content.text;
		in->slack_len += m.slack_len;
	}
	rc = look_at_front(store, in, err);
	err_set(&in->why, 0, "page %" PRIu64 " is a manager's, and its bucket table holds %s of %s",
		in->base_page, text_plural(in->buckets, "bucket").s,
		text_plural(st.bucket_pages, "page").s);
	return rc ? rc : mm_stale_in_page_0(store, &in->stale_len, err);
}

static json_t *front_json(struct json *doc, struct info *in)
{
	json_t *object;

	if (in->front_len == 0)
		return json_null();
	in->holds = in->content.kind;
	in->text = in->content.text;
	object = json_object();
	fields_put(doc, object, front_fields, in);
	in->holds = in->text = NULL;
	return object;
}

static struct json to_json(struct info *in)
{
	struct json doc = json_begin();

	in->why_text = in->why.text;
	fields_put(&doc, doc.root, head_fields, in);
	if (is_managed(in)) {
		fields_put(&doc, doc.root, bucket_size_fields, &in->size);
		fields_put(&doc, doc.root, managed_fields, in);
		json_put(&doc, doc.root, "front", front_json(&doc, in));
	}
	json_put(&doc, doc.root, "memories",
		 fields_array(&doc, row_fields, in->rows, in->row_count, sizeof(*in->rows)));
	json_put(&doc, doc.root, "stored", stored_json(&doc, &in->stored));
	if (in->beside)
		beside_put(&doc, doc.root, in->beside);
	return doc;
}

static const struct field mount_fields[] = {
	{"read_only", NULL, FIELD_FLAG, offsetof(struct info_mount, read_only)},
	{"passthrough", NULL, FIELD_FLAG, offsetof(struct info_mount, passthrough)},
	{"passthrough_why", NULL, FIELD_TEXT, offsetof(struct info_mount, passthrough_why)},
	{NULL},
};

char *info_json(struct store *store, struct mm *mm, const struct names *names,
		const struct info_mount *mount)
{
	auto_free struct info *in = calloc(1, sizeof(*in));
	json_t *mount_object;
	struct json doc;

	if (!in || look(store, mm, names, in, NULL) != 0)
		return NULL;
	doc = to_json(in);
	mount_object = json_object();
	fields_put(&doc, mount_object, mount_fields, mount);
	json_put(&doc, doc.root, "mount", mount_object);
	return json_text(&doc);
}

static void print_managed(const struct info *in)
{
	if (in->front_len > 0)
		text_print("  %-9s %s before the manager: %s\n", "front",
			   text_size(in->front_len).s, in->content.text);
	text_print("  %-9s %s of %s handed out, %s each (%s)\n", "buckets",
		   text_count(in->buckets).s, text_count(MM_MAX_BUCKETS).s,
		   text_plural(in->size.bucket_pages, "page").s, text_size(in->size.bucket_len).s);
	if (in->holes)
		text_print("  %-9s %s that nobody owns\n", "holes",
			   text_plural(in->holes, "bucket").s);
	bucket_size_print(stdout, in->size.bucket_pages);
	text_print("  %-9s %s can still be given out (%s)\n", "headroom",
		   text_size(in->headroom_pages * MM_PAGE_LEN).s,
		   text_plural(in->headroom_pages, "page").s);
	text_print("  %-9s %s in the buckets of all memories, behind their ends\n", "slack",
		   text_size(in->slack_len).s);
	if (in->tail_len)
		text_print("  %-9s %s behind the last bucket\n", "tail", text_size(in->tail_len).s);
	if (in->stale_len)
		text_print("  %-9s %s in page 0, of something that the manager was made over\n",
			   "stale", text_plural(in->stale_len, "byte").s);
	if (in->row_count == 0) {
		puts("\n  no memories yet");
		return;
	}
	putchar('\n');
	fields_table(stdout, row_fields, in->rows, in->row_count, sizeof(*in->rows), "  ");
}

static int report(struct info *in, const struct info_args *args, uint64_t len)
{
	struct json doc;

	if (args->json) {
		doc = to_json(in);
		return json_print(&doc);
	}
	text_print("%s: %s\n", args->r.image, in->kind);
	text_print("  why       %s\n", in->why.text);
	if (in->text)
		text_print("  holds     %s\n", in->text);
	text_print("  size      %s (%s bytes, %s)\n", text_size(len).s, text_count(len).s,
		   text_plural(in->pages, "page").s);
	stored_print(&in->stored);
	beside_print(in->beside);
	if (is_managed(in))
		print_managed(in);
	return CMD_DONE;
}

/* -EINVAL: it is not managed, and in->kind says what it is. */
static int inspect(const struct info_args *args, struct info *in, struct beside *beside,
		   uint64_t *len, struct err *err)
{
	auto_store struct store *store = NULL;
	auto_mm struct mm *mm = NULL;
	enum mm_kind kind;
	int rc = image_open_store(args->r.image, false, &store, err);

	if (!rc)
		rc = mm_probe(store, &kind, err);
	if (rc)
		return rc;
	*len = window_whole(store, NULL)->len;
	in->stored = stored_of(store);
	in->beside = beside;
	rc = beside_of_store(store, beside, &in->why);
	if (rc)
		return err_set(err, rc, "%s", in->why.text);
	if (kind != MM_MANAGED) {
		in->kind = kind == MM_EMPTY ? "empty" : "raw";
		in->pages = store->len / MM_PAGE_LEN;
		in->why = *err;
		content_of_raw(store, &in->content);
		in->holds = in->content.kind;
		in->text = in->content.text;
		return 0;
	}
	rc = sandbox_inputs_open(err);
	if (!rc)
		rc = image_open_mm(store, &mm, err);
	return rc ? rc : look(store, mm, args->r.names, in, err);
}

/* What the image holds was told all the same. */
static int end(const struct info_args *args, const struct beside *beside, int exit)
{
	return beside->damaged ? cmd_fail(args->r.image, &beside->why) : exit;
}

static int cmd_info(const void *arguments)
{
	const struct info_args *args = arguments;
	auto_free struct info *in = calloc(1, sizeof(*in));
	auto_beside struct beside beside = BESIDE_NONE;
	struct err err = {"out of memory"};
	struct records_args inside = args->r;
	uint64_t len;

	inside.data_id = CMD_UNSET;
	inside.allow_exec = true; /* no value is shown, so no codec runs anything */
	if (args->r.id != CMD_UNSET || args->structure)
		return info_structure(&inside, args->json);
	if (!in || inspect(args, in, &beside, &len, &err) != 0)
		return cmd_fail(args->r.image, &err);
	return end(args, &beside, report(in, args, len));
}

const struct verb verb_info = {
	.name = "info",
	.summary = "say what an image is and who holds how much of it",
	.text = "Says whether IMAGE is managed, raw or empty, and why; and of a managed one the\n"
		"size of its buckets with both sides of it, and each memory's pages, buckets and\n"
		"slack: the bytes of its buckets that lie behind its end; and what each memory, or a\n"
		"raw image, holds, as far as its bytes prove that. Of a checkpoint it also says how\n"
		"large the file is, its content hash and what it is based on. Sizes are rounded;\n"
		"--json has them to the byte.\n\n"
		"With ID: what the structure in that memory is made of. That walks over all of it.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct info_args),
	.run = cmd_info,
	.reads = true,
};
