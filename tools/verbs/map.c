// SPDX-License-Identifier: MIT
/*
 * map: where each memory lies in the image, bucket by bucket; and what of the image is nobody's.
 */
#include "tools/cmd/cmd.h"
#include "tools/cmd/names.h"
#include "tools/facts/picture.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/sandbox/sandbox.h"

struct map_args {
	bool json;
	const char *image;
	struct names *names;
	uint64_t id;
};

static const struct cmd_option options[] = {
	{"json", 0, CMD_FLAG, WHERE(struct map_args, json), NULL, "print one JSON document"},
	CMD_NAMES_FILE(struct map_args, names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct map_args, image)},
	{"ID", CMD_ID, WHERE(struct map_args, id), .optional = true},
	{NULL},
};

/* A piece of a bucket. Where nobody owns it, id is -1 and start is unknown. */
struct row {
	int id;
	const char *name;
	uint64_t start, len, image_off;
	int bucket;
	const char *kind; /* data, slack, hole, tail; missing: the image lacks it */
};

static const struct field row_fields[] = {
	{"id", "id", FIELD_ID, offsetof(struct row, id)},
	{"name", "name", FIELD_NAME, offsetof(struct row, name)},
	{"start", "start", FIELD_OFFSET, offsetof(struct row, start)},
	{"length", "length", FIELD_OFFSET, offsetof(struct row, len)},
	{"image_offset", "image offset", FIELD_OFFSET, offsetof(struct row, image_off)},
	{"bucket", "bucket", FIELD_ID, offsetof(struct row, bucket)},
	{"kind", "kind", FIELD_TEXT, offsetof(struct row, kind)},
	{NULL},
};

struct rows {
	struct row *row;
	size_t count, room;
	bool failed; /* memory was out */
};

static void add_row(struct rows *rows, struct row row)
{
	struct row *grown = rows->row;

	if (rows->count == rows->room) {
		rows->room = rows->room ? 2 * rows->room : 64;
		grown = reallocarray(rows->row, rows->room, sizeof(*grown));
	}
	if (!grown) {
		rows->failed = true;
		return;
	}
	rows->row = grown;
	rows->row[rows->count++] = row;
}

static void add_memory(struct rows *rows, struct mm *mm, unsigned mm_id, const char *name)
{
	uint64_t off = 0, size;
	struct mm_extent x;
	struct mm_memory m;

	mm_memory(mm, mm_id, &m);
	size = m.pages * MM_PAGE_LEN;
	while (!rows->failed &&
	       mm_extent_at(mm, mm_id, off, off < size ? size - off : UINT64_MAX, &x) == 0) {
		add_row(rows,
			(struct row){(int)mm_id, name, off, x.len, mm_base_off(mm) + x.image_off,
				     (int)x.bucket, off < size ? "data" : "slack"});
		off += x.len;
	}
	if (off < size)
		add_row(rows,
			(struct row){(int)mm_id, name, off, size - off, UINT64_MAX, -1, "missing"});
}

static void add_unowned(struct rows *rows, struct mm *mm)
{
	uint64_t base_off = mm_base_off(mm), buckets_off = base_off + MM_PAGE_LEN;
	struct mm_stat st;
	uint64_t bucket_len;

	mm_stat(mm, &st);
	bucket_len = (uint64_t)st.bucket_pages * MM_PAGE_LEN;
	if (base_off > 0)
		add_row(rows, (struct row){-1, NULL, UINT64_MAX, base_off, 0, -1, "front"});
	for (uint32_t i = 0; i < st.buckets; i++)
		if (mm_bucket_owner(mm, i) < 0)
			add_row(rows, (struct row){-1, NULL, UINT64_MAX, bucket_len,
						   buckets_off + i * bucket_len, (int)i, "hole"});
	if (st.tail_bytes)
		add_row(rows, (struct row){-1, NULL, UINT64_MAX, st.tail_bytes,
					   buckets_off + st.buckets * bucket_len, -1, "tail"});
}

static int print_rows(const struct rows *rows)
{
	fields_table(stdout, row_fields, rows->row, rows->count, sizeof(*rows->row), "");
	return CMD_DONE;
}

static int print_json(const struct rows *rows)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "ranges",
		 fields_array(&doc, row_fields, rows->row, rows->count, sizeof(*rows->row)));
	return json_print(&doc);
}

static int print_map(struct mm *mm, const struct map_args *args, struct err *err)
{
	int only = args->id == CMD_UNSET ? -1 : (int)args->id;
	struct term term = term_of(STDOUT_FILENO);
	struct rows rows = {NULL};
	int rc = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (only < 0 || only == (int)id)
			add_memory(&rows, mm, id, names_of(args->names, id));
	if (only < 0)
		add_unowned(&rows, mm);
	if (rows.failed)
		rc = err_set(err, -ENOMEM, "out of memory");
	else if (args->json)
		rc = print_json(&rows);
	else if (!term.tty)
		rc = print_rows(&rows);
	else
		rc = picture_print(args->image, mm, only, args->names, &term, err);
	if (!rc && !args->json && term.tty && only >= 0) {
		putchar('\n');
		rc = print_rows(&rows);
	}
	free(rows.row);
	return rc;
}

static int cmd_map(const void *arguments)
{
	const struct map_args *args = arguments;
	auto_image struct image img = {NULL, NULL};
	struct mm_memory m;
	struct err err = {""};
	int rc = image_open(args->image, false, &img, &err);

	if (!rc)
		rc = sandbox_inputs_open(&err);
	if (!rc && args->id != CMD_UNSET)
		rc = image_find(img.mm, (unsigned)args->id, &m, &err);
	if (!rc)
		rc = print_map(img.mm, args, &err);
	return rc < 0 ? cmd_fail(args->image, &err) : rc;
}

const struct verb verb_map = {
	.name = "map",
	.summary = "show where the memories lie in an image",
	.text = "On a terminal a picture: a tile for each bucket in the order of the image, in the\n"
		"colour of its owner. Elsewhere, and for a single memory, rows: which bytes of the\n"
		"memory lie where in the image, and of what kind they are.\n"
		"\n"
		"  data     in a memory\n"
		"  slack    in a memory's last bucket, behind its end\n"
		"  hole     a bucket that nobody owns\n"
		"  tail     behind the last bucket\n"
		"  front    before the manager's first page\n"
		"  missing  a memory of a damaged image has no bucket for it",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct map_args),
	.run = cmd_map,
	.reads = true,
};
