// SPDX-License-Identifier: MIT
/*
 * compare: two images, or checkpoints, memory by memory. Two images with the same layout are
 * compared in one go, and each page that differs is told whose it is; with other layouts each
 * memory is compared by itself. What is no memory's counts only for saying "identical".
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/place.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/out/work.h"
#include "tools/sandbox/sandbox.h"

struct compare_args {
	bool pages, strict, json;
	uint64_t jobs;
	const char *path[2];
};

static const struct cmd_option options[] = {
	{"pages", 'p', CMD_FLAG, WHERE(struct compare_args, pages), NULL,
	 "list the pages that differ"},
	{"strict", 's', CMD_FLAG, WHERE(struct compare_args, strict), NULL,
	 "the same only when every byte of the images is"},
	{"jobs", 'j', CMD_NUMBER, WHERE(struct compare_args, jobs), "N",
	 "work on N cores; all is the default", 1, 32},
	{"json", 0, CMD_FLAG, WHERE(struct compare_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"A", CMD_FILE, WHERE(struct compare_args, path[0])},
	{"B", CMD_FILE, WHERE(struct compare_args, path[1])},
	{NULL},
};

struct range {
	uint64_t first, count;
};

/* A memory, or a raw image as a whole, or what is no memory's. */
struct row {
	int mm_id; /* -1 for all but a memory */
	uint64_t pages[2];
	uint64_t differing, first_off;
	struct range *range;
	size_t ranges, room;
};

static const struct field row_fields[] = {
	{"memory", "memory", FIELD_ID, offsetof(struct row, mm_id)},
	{"pages_a", "pages in A", FIELD_NUMBER, offsetof(struct row, pages[0])},
	{"pages_b", "pages in B", FIELD_NUMBER, offsetof(struct row, pages[1])},
	{"differing_pages", "differing", FIELD_NUMBER, offsetof(struct row, differing)},
	{"first_offset", "first at byte", FIELD_OFFSET, offsetof(struct row, first_off)},
	{NULL},
};

struct side {
	struct store *store;
	enum mm_kind kind;
	struct mm *mm; /* NULL: raw, empty, or too damaged to open */
	uint64_t base_len;
};

struct comparison {
	const struct compare_args *args;
	struct side side[2];
	bool by_memory;   /* both are managed */
	bool same_layout; /* or both are not */
	struct places *places;
	struct row memory[MM_MAX_MEMORIES];
	struct row front; /* what lies before the managers */
	struct row rest;  /* a raw image, or what else is no memory's */
	bool failed;      /* memory was out */
};

static void clean_up(struct comparison *c)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		free(c->memory[id].range);
	free(c->front.range);
	free(c->rest.range);
	places_free(c->places);
	for (int i = 0; i < 2; i++) {
		mm_drop(c->side[i].mm);
		store_close(c->side[i].store);
	}
	free(c);
}

static int open_side(const char *path, struct side *side, struct err *err)
{
	struct err why;
	int rc = image_open_store(path, false, &side->store, err);

	if (!rc)
		rc = mm_probe(side->store, &side->kind, err);
	if (!rc)
		(void)window_whole(side->store, &side->base_len);
	if (rc || side->kind != MM_MANAGED)
		return rc;
	/* What is too damaged to have memories can still be compared as it lies there. */
	rc = mm_open(side->store, &side->mm, &why);
	return rc == -EUCLEAN || rc == -ENOTSUP ? 0 : rc ? err_set(err, rc, "%s", why.text) : 0;
}

static bool have_same_layout(struct mm *a, struct mm *b)
{
	struct mm_stat x, y;

	mm_stat(a, &x);
	mm_stat(b, &y);
	if (x.bucket_pages != y.bucket_pages || x.buckets != y.buckets)
		return false;
	for (uint32_t i = 0; i < x.buckets; i++)
		if (mm_bucket_owner(a, i) != mm_bucket_owner(b, i))
			return false;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m, n;

		mm_memory(a, id, &m);
		mm_memory(b, id, &n);
		if (m.pages != n.pages)
			return false;
	}
	return true;
}

/* What is compared in one go. */
static struct store *bytes_of(const struct comparison *c, int side)
{
	struct store *s = c->side[side].store;

	return c->by_memory ? s : window_whole(s, NULL);
}

static void fill_sizes(struct comparison *c)
{
	struct mm_memory m;

	c->front.mm_id = c->rest.mm_id = -1;
	c->front.first_off = c->rest.first_off = UINT64_MAX;
	for (int i = 0; i < 2; i++) {
		c->front.pages[i] = c->by_memory ? c->side[i].base_len / MM_PAGE_LEN : 0;
		c->rest.pages[i] = div_up(bytes_of(c, i)->len, MM_PAGE_LEN);
	}
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		c->memory[id].mm_id = (int)id;
		c->memory[id].first_off = UINT64_MAX;
		for (int i = 0; i < 2 && c->by_memory; i++) {
			mm_memory(c->side[i].mm, id, &m);
			c->memory[id].pages[i] = m.pages;
		}
	}
}

static void add_page(struct comparison *c, struct row *row, uint64_t page, uint64_t first_off)
{
	struct range *last = row->ranges ? &row->range[row->ranges - 1] : NULL;

	row->differing++;
	row->first_off = MIN(row->first_off, first_off);
	if (!c->args->pages)
		return;
	if (last && last->first + last->count == page) {
		last->count++;
		return;
	}
	if (row->ranges == row->room) {
		size_t room = row->room ? 2 * row->room : 16;
		struct range *grown = reallocarray(row->range, room, sizeof(*grown));

		if (!grown) {
			c->failed = true;
			return;
		}
		row->range = grown;
		row->room = room;
	}
	row->range[row->ranges++] = (struct range){page, 1};
}

/* A page of the image differs: whose is it? */
static void take_image_page(void *ctx, uint64_t page, uint64_t first_off)
{
	struct comparison *c = ctx;
	struct place place = {.kind = PLACE_RAW};

	if (c->by_memory && page * MM_PAGE_LEN < c->side[0].store->len)
		place = place_at(c->places, c->side[0].base_len + page * MM_PAGE_LEN);
	if (place.kind == PLACE_MEMORY)
		add_page(c, &c->memory[place.mm_id], place.off / MM_PAGE_LEN,
			 place.off + first_off % MM_PAGE_LEN);
	else
		add_page(c, &c->rest, page, first_off);
}

struct one_part {
	struct comparison *c;
	struct row *row;
};

static void take_part_page(void *ctx, uint64_t page, uint64_t first_off)
{
	struct one_part *one = ctx;

	add_page(one->c, one->row, page, first_off);
}

static int compare_flat(struct comparison *c, const struct snap_work *how, struct err *err)
{
	struct snap_side a = {.store = bytes_of(c, 0)}, b = {.store = bytes_of(c, 1)};
	struct snap_difference out;
	int rc = 0;

	if (c->by_memory)
		rc = places_new(c->side[0].mm, c->side[0].base_len + a.store->len, &c->places, err);
	return rc ? rc : snap_compare(&a, &b, how, take_image_page, c, &out, err);
}

static int compare_memories(struct comparison *c, const struct snap_work *how, struct err *err)
{
	int rc = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES && !rc; id++) {
		struct snap_side a = {c->side[0].store, c->side[0].mm, id};
		struct snap_side b = {c->side[1].store, c->side[1].mm, id};
		struct one_part one = {c, &c->memory[id]};
		struct snap_difference out;

		if (one.row->pages[0] + one.row->pages[1] > 0)
			rc = snap_compare(&a, &b, how, take_part_page, &one, &out, err);
	}
	return rc;
}

static int compare_fronts(struct comparison *c, const struct snap_work *how, struct err *err)
{
	struct one_part one = {c, &c->front};
	auto_store struct store *a = NULL;
	auto_store struct store *b = NULL;
	struct snap_side x = {.store = NULL}, y = {.store = NULL};
	struct snap_difference out;
	int rc = 0;

	if (c->front.pages[0] + c->front.pages[1] == 0)
		return 0;
	rc = window_look(window_whole(c->side[0].store, NULL), 0, c->side[0].base_len, &a, err);
	if (!rc)
		rc = window_look(window_whole(c->side[1].store, NULL), 0, c->side[1].base_len, &b,
				 err);
	x.store = a;
	y.store = b;
	return rc ? rc : snap_compare(&x, &y, how, take_part_page, &one, &out, err);
}

static int compare(struct comparison *c, struct err *err)
{
	struct work work;
	struct snap_work how = {
		.jobs = c->args->jobs == CMD_UNSET ? 0 : (unsigned)c->args->jobs,
		.watch = &work.watch,
	};
	int rc;

	c->by_memory = c->side[0].mm && c->side[1].mm;
	c->same_layout = !c->by_memory || have_same_layout(c->side[0].mm, c->side[1].mm);
	fill_sizes(c);
	work_begin(&work, "comparing");
	rc = c->same_layout ? compare_flat(c, &how, err) : compare_memories(c, &how, err);
	if (!rc)
		rc = compare_fronts(c, &how, err);
	work_end(&work);
	work_die(rc);
	if (!rc && c->failed)
		rc = err_set(err, -ENOMEM, "out of memory");
	return rc;
}

static bool row_differs(const struct row *row)
{
	return row->differing > 0 || row->pages[0] != row->pages[1];
}

static unsigned differing_memories(const struct comparison *c)
{
	unsigned n = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		n += row_differs(&c->memory[id]);
	return n;
}

static bool have_same_len(const struct comparison *c)
{
	return bytes_of(c, 0)->len == bytes_of(c, 1)->len;
}

enum verdict { IDENTICAL, SAME_CONTENT, DIFFER };

/* A raw image is all content; of a managed one the memories are. */
static enum verdict verdict_of(const struct comparison *c)
{
	bool rest_same = c->rest.differing == 0 && have_same_len(c);

	if (differing_memories(c) > 0 || row_differs(&c->front))
		return DIFFER;
	if (!c->by_memory)
		return rest_same ? IDENTICAL : DIFFER;
	return rest_same && c->same_layout ? IDENTICAL : SAME_CONTENT;
}

static const char *const verdict_names[] = {"identical", "same content", "different"};

static void print_differing(const struct comparison *c, unsigned memories)
{
	bool front = row_differs(&c->front);

	fputs("different ", stdout);
	if (memories > 0)
		text_print("in %u %s%s", memories, memories == 1 ? "memory" : "memories",
			   front ? " and " : "");
	text_print("%s%s\n", front ? "before the manager" : "",
		   c->same_layout ? "" : ", other layout");
}

/* What follows the two names and a colon. */
static void print_sentence(const struct comparison *c)
{
	unsigned n = differing_memories(c);

	switch (verdict_of(c)) {
	case IDENTICAL:
		puts("identical");
		break;
	case SAME_CONTENT:
		if (!c->same_layout)
			puts("same content, other layout");
		else if (c->rest.differing > 0)
			text_print("same content; outside of the memories %s not the same\n",
				   text_plural(c->rest.differing, "page").s);
		else
			puts("same content, other length");
		break;
	case DIFFER:
		if (c->by_memory)
			print_differing(c, n);
		else
			text_print("different in %s\n", text_plural(c->rest.differing, "page").s);
		break;
	}
}

/* Those that differ, for both kinds of answer. */
static size_t collect(const struct comparison *c, struct row *rows)
{
	size_t n = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (row_differs(&c->memory[id]))
			rows[n++] = c->memory[id];
	if (!c->by_memory && row_differs(&c->rest))
		rows[n++] = c->rest;
	return n;
}

static void print_ranges(const struct row *row)
{
	const char *gap = " ";

	if (row->mm_id >= 0)
		text_print("  memory %d, pages", row->mm_id);
	else
		fputs("  pages", stdout);
	for (size_t i = 0; i < row->ranges; i++, gap = ", ") {
		const struct range *r = &row->range[i];

		text_print("%s%" PRIu64, gap, r->first);
		if (r->count > 1)
			text_print("-%" PRIu64, r->first + r->count - 1);
	}
	putchar('\n');
}

static void print_text(const struct comparison *c, const struct row *rows, size_t count)
{
	text_print("%s, %s: ", c->args->path[0], c->args->path[1]);
	print_sentence(c);
	if (count > 0)
		fields_table(stdout, row_fields, rows, count, sizeof(*rows), "  ");
	for (size_t i = 0; i < count; i++)
		if (rows[i].ranges > 0)
			print_ranges(&rows[i]);
	if (c->front.ranges > 0) {
		puts("  before the manager:");
		print_ranges(&c->front);
	}
	if (c->by_memory && c->rest.ranges > 0) {
		puts("  outside of the memories:");
		print_ranges(&c->rest);
	}
}

static json_t *json_row(struct json *doc, const struct row *row, bool with_ranges)
{
	json_t *object = json_object();
	json_t *ranges = with_ranges ? json_array() : NULL;

	fields_put(doc, object, row_fields, row);
	for (size_t i = 0; i < row->ranges; i++) {
		json_t *range = json_object();

		json_put(doc, range, "first_page", json_u64(row->range[i].first));
		json_put(doc, range, "pages", json_u64(row->range[i].count));
		json_add(doc, ranges, range);
	}
	if (with_ranges)
		json_put(doc, object, "ranges", ranges);
	return object;
}

static uint64_t whole_len(const struct side *side)
{
	return side->base_len + side->store->len;
}

static int print_json(const struct comparison *c, const struct row *rows, size_t count)
{
	struct json doc = json_begin();
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_add(&doc, array, json_row(&doc, &rows[i], c->args->pages));
	json_put(&doc, doc.root, "result", json_string(verdict_names[verdict_of(c)]));
	json_put(&doc, doc.root, "same_layout", json_boolean(c->same_layout));
	json_put(&doc, doc.root, "by_memory", json_boolean(c->by_memory));
	json_put(&doc, doc.root, "bytes_a", json_u64(whole_len(&c->side[0])));
	json_put(&doc, doc.root, "bytes_b", json_u64(whole_len(&c->side[1])));
	json_put(&doc, doc.root, "front",
		 c->front.pages[0] + c->front.pages[1] > 0
			 ? json_row(&doc, &c->front, c->args->pages)
			 : json_null());
	json_put(&doc, doc.root, "differences", array);
	json_put(&doc, doc.root, "outside",
		 c->by_memory && c->same_layout ? json_row(&doc, &c->rest, c->args->pages)
						: json_null());
	return json_print(&doc);
}

static int print(const struct comparison *c)
{
	auto_free struct row *rows = calloc(MM_MAX_MEMORIES + 1, sizeof(*rows));
	enum verdict verdict = verdict_of(c);
	size_t count;

	if (!rows) {
		cmd_error(NULL, "out of memory");
		return COMPARE_TROUBLE;
	}
	count = collect(c, rows);
	if (c->args->json && print_json(c, rows, count) != CMD_DONE)
		return COMPARE_TROUBLE;
	if (!c->args->json)
		print_text(c, rows, count);
	if (verdict == IDENTICAL || (verdict == SAME_CONTENT && !c->args->strict))
		return COMPARE_SAME;
	return COMPARE_DIFFER;
}

static int cmd_compare(const void *arguments)
{
	struct comparison *c = calloc(1, sizeof(*c));
	struct err err = {"out of memory"};
	const char *where = NULL;
	int exit = COMPARE_TROUBLE;
	int rc = c ? 0 : -ENOMEM;

	if (c)
		c->args = arguments;
	for (int i = 0; i < 2 && !rc; i++) {
		where = c->args->path[i];
		rc = open_side(where, &c->side[i], &err);
	}
	if (!rc) {
		where = c->args->path[0];
		rc = sandbox_inputs_open(&err);
		if (!rc)
			rc = compare(c, &err);
	}
	if (rc)
		cmd_fail(where, &err);
	else
		exit = print(c);
	if (c)
		clean_up(c);
	return exit;
}

const struct verb verb_compare = {
	.name = "compare",
	.summary = "compare two images or checkpoints, memory by memory",
	.text = "Says whether A and B, images or checkpoints in any mix, hold the same, and if not,\n"
		"which memories differ, in how many pages, and at which byte first. Memories that are\n"
		"equal but lie in other buckets are 'same content, other layout'. What is no memory's\n"
		"(slack, stale bytes, the manager's page) does not count, but for --strict; what\n"
		"lies before the manager's page does. Raw images are compared as they are.\n"
		"\n"
		"Exits with 0 the same, 1 different, 2 trouble.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct compare_args),
	.run = cmd_compare,
	.reads = true,
	.usage_exit = COMPARE_TROUBLE,
	.failed_exit = COMPARE_TROUBLE,
};
