// SPDX-License-Identifier: MIT
/*
 * find: every copy of a string of bytes, and what lies where it was found. The image is searched
 * as it lies, page 0 to the tail; then, in the memories' own order, around every place where two
 * buckets that follow each other in a memory do not do so in the image.
 */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memmgr/structures/structures.h"
#include "tools/cmd/cmd.h"
#include "tools/facts/place.h"
#include "tools/facts/search.h"
#include "tools/image/image_open.h"
#include "tools/out/fields.h"
#include "tools/out/text.h"
#include "tools/sandbox/sandbox.h"

enum { LIMIT_DEFAULT = 1000 };

struct find_args {
	const char *hex, *text;
	uint64_t offset, length, limit;
	bool json;
	const char *image, *file;
};

static const struct cmd_option options[] = {
	{"hex", 'x', CMD_TEXT, WHERE(struct find_args, hex), "DIGITS",
	 "look for these bytes, two digits each"},
	{"text", 't', CMD_TEXT, WHERE(struct find_args, text), "TEXT", "look for this text"},
	{"offset", 'o', CMD_SIZE, WHERE(struct find_args, offset), "BYTES",
	 "look for FILE from there on"},
	{"length", 'l', CMD_SIZE, WHERE(struct find_args, length), "BYTES",
	 "look for so much of FILE", 1, UINT64_C(1) << 62},
	{"limit", 0, CMD_NUMBER, WHERE(struct find_args, limit), "N", "stop after so many (1000)",
	 1, UINT64_C(1) << 32},
	{"json", 0, CMD_FLAG, WHERE(struct find_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct find_args, image)},
	{"FILE", CMD_FILE, WHERE(struct find_args, file), .optional = true},
	{NULL},
};

/* ---- what to look for ---- */

struct bytes {
	uint8_t *bytes;
	size_t len;
	void *map; /* of a whole file, or NULL: `bytes` is for free() */
	size_t map_len;
};

static void bytes_free(struct bytes *b)
{
	if (b->map)
		munmap(b->map, b->map_len);
	else
		free(b->bytes);
}
#define auto_bytes __attribute__((cleanup(bytes_free)))

static int bytes_of_hex(const char *hex, struct bytes *out, struct err *err)
{
	size_t len = strlen(hex);

	if (len == 0 || len % 2 != 0)
		return err_set(err, -EINVAL, "--hex: two digits a byte are needed, not %zu", len);
	out->bytes = malloc(len / 2);
	if (!out->bytes)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < len; i += 2) {
		char byte[3] = {hex[i], hex[i + 1], 0};

		if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]))
			return err_set(err, -EINVAL, "--hex: '%s' is no byte in hexadecimal", byte);
		out->bytes[out->len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return 0;
}

static int bytes_of_text(const char *text, struct bytes *out, struct err *err)
{
	out->bytes = (uint8_t *)strdup(text);
	out->len = strlen(text);
	return out->bytes ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int bytes_of_file(const struct find_args *args, struct bytes *out, struct err *err)
{
	uint64_t off = args->offset == CMD_UNSET ? 0 : args->offset;
	auto_close int fd = open(args->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s: cannot open", args->file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a plain file", args->file);
	if (off >= (uint64_t)st.st_size)
		return err_set(err, -EINVAL, "%s: has %" PRIu64 " bytes, and none at %" PRIu64,
			       args->file, (uint64_t)st.st_size, off);
	out->map_len = (size_t)st.st_size;
	out->map = mmap(NULL, out->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (out->map == MAP_FAILED) {
		out->map = NULL;
		return err_sys(err, -errno, "%s: cannot map", args->file);
	}
	out->bytes = (uint8_t *)out->map + off;
	out->len = (size_t)MIN((uint64_t)st.st_size - off, args->length);
	return 0;
}

static int bytes_wanted(const struct find_args *args, struct bytes *out, struct err *err)
{
	int rc = args->hex    ? bytes_of_hex(args->hex, out, err)
		 : args->text ? bytes_of_text(args->text, out, err)
			      : bytes_of_file(args, out, err);

	if (rc)
		return rc;
	if (out->len == 0 || is_zero(out->bytes, out->len))
		return err_set(err, -EINVAL, "only zeros to look for: they are everywhere");
	return 0;
}

/* ---- the search ---- */

struct match {
	const char *place;
	int mm_id;
	uint64_t off; /* in the memory; behind its end in slack */
	bool in_memory;
	int bucket;
	uint64_t image_off;
	uint64_t pieces; /* of the image that hold it */
	const char *to;  /* what its last byte is in, where that is something else */
};

static const struct field fields[] = {
	{"place", "found in", FIELD_TEXT, offsetof(struct match, place)},
	{"memory", "memory", FIELD_ID, offsetof(struct match, mm_id)},
	{"offset", "at", FIELD_OFFSET, offsetof(struct match, off)},
	{"bucket", "bucket", FIELD_ID, offsetof(struct match, bucket)},
	{"image_offset", "in the image at", FIELD_OFFSET, offsetof(struct match, image_off)},
	{"pieces", "pieces", FIELD_NUMBER, offsetof(struct match, pieces)},
	{"reaches_into", "reaches into", FIELD_TEXT, offsetof(struct match, to)},
	{NULL},
};

struct find {
	struct image img;    /* mm NULL: raw */
	struct store *whole; /* all of the image, whatever lies before its manager */
	struct places *places;
	struct needle needle;
	struct search *search;
	uint64_t limit;
	struct match *matches;
	size_t count, room;
	bool more;
	struct progress progress;
	/* while a memory is searched in its own order */
	unsigned mm_id;
	uint64_t bucket_len, memory_len;
};

enum { ENOUGH = 1 };

static int add(struct find *f, const struct match *m, struct err *err)
{
	if (f->count == f->limit) {
		f->more = true;
		return ENOUGH;
	}
	if (f->count == f->room) {
		size_t room = MAX(64, 2 * f->room);
		struct match *matches = reallocarray(f->matches, room, sizeof(*matches));

		if (!matches)
			return err_set(err, -ENOMEM, "out of memory for %zu matches", room);
		f->matches = matches;
		f->room = room;
	}
	f->matches[f->count++] = *m;
	return 0;
}

static struct match match_at(const struct find *f, uint64_t image_off)
{
	struct place p = place_at(f->places, image_off);

	return (struct match){
		.place = place_names[p.kind],
		.mm_id = p.mm_id,
		.off = p.off,
		.bucket = p.bucket,
		.image_off = image_off,
		.pieces = 1,
	};
}

/* Side by side in the image; the last byte may be another one's. */
static int found_in_image(void *ctx, uint64_t off, struct err *err)
{
	struct find *f = ctx;
	struct match m = match_at(f, off);
	struct place first = place_at(f->places, off);
	struct place last = place_at(f->places, off + f->needle.len - 1);

	if (last.kind != first.kind || last.mm_id != first.mm_id)
		m.to = place_names[last.kind];
	return add(f, &m, err);
}

/* How many pieces of the image hold [off, off + len) of the memory. */
static uint64_t count_pieces(struct find *f, uint64_t off, uint64_t len)
{
	uint64_t pieces = 0, expected = 0;

	while (len > 0) {
		struct mm_extent x;

		if (mm_extent_at(f->img.mm, f->mm_id, off, len, &x) != 0)
			break;
		pieces += pieces == 0 || x.image_off != expected;
		expected = x.image_off + x.len;
		off += x.len;
		len -= x.len;
	}
	return pieces;
}

static int found_in_memory(void *ctx, uint64_t off, struct err *err)
{
	struct find *f = ctx;
	uint64_t pieces = count_pieces(f, off, f->needle.len);
	struct mm_extent x;
	struct match m;

	if (pieces < 2 || mm_extent_at(f->img.mm, f->mm_id, off, 1, &x) != 0)
		return 0;
	m = match_at(f, mm_base_off(f->img.mm) + x.image_off);
	m.pieces = pieces;
	return add(f, &m, err);
}

/* The memory's bytes around the seam between its buckets n - 1 and n, where there is one. */
static bool seam_at(struct find *f, uint64_t n, uint64_t *from, uint64_t *to)
{
	uint64_t reach = f->needle.len - 1;
	uint64_t at = n * f->bucket_len;
	struct mm_extent before, behind;

	if (at >= f->memory_len || mm_extent_at(f->img.mm, f->mm_id, at - 1, 1, &before) != 0 ||
	    mm_extent_at(f->img.mm, f->mm_id, at, 1, &behind) != 0 ||
	    before.image_off + 1 == behind.image_off)
		return false;
	*from = at - MIN(at, reach);
	*to = MIN(f->memory_len, at + reach);
	return true;
}

static int search_memory(struct find *f, unsigned mm_id, struct err *err)
{
	auto_store struct store *s = NULL;
	uint64_t run = 0, run_end = 0;
	int rc = ss_memory_store(f->img.mm, mm_id, false, &s, err);

	if (rc)
		return rc;
	f->mm_id = mm_id;
	f->memory_len = s->len;
	for (uint64_t n = 1; !rc && n * f->bucket_len < s->len; n++) {
		uint64_t from, to;

		if (!seam_at(f, n, &from, &to))
			continue;
		if (from > run_end) {
			rc = search_store(f->search, s, run, run_end, found_in_memory, f, NULL,
					  err);
			run = from;
		}
		run_end = to;
	}
	if (!rc)
		rc = search_store(f->search, s, run, run_end, found_in_memory, f, NULL, err);
	return rc;
}

static int by_image_offset(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	return x->image_off < y->image_off ? -1 : x->image_off > y->image_off;
}

static int search(struct find *f, struct err *err)
{
	struct store *s = f->whole;
	struct mm_stat st;
	int rc;

	f->progress = progress_begin("searching", s->len, false);
	rc = search_store(f->search, s, 0, s->len, found_in_image, f, &f->progress, err);
	if (!rc && f->img.mm) {
		mm_stat(f->img.mm, &st);
		f->bucket_len = (uint64_t)st.bucket_pages * MM_PAGE_LEN;
		for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
			rc = search_memory(f, id, err);
	}
	progress_end(&f->progress);
	if (f->count > 0)
		qsort(f->matches, f->count, sizeof(*f->matches), by_image_offset);
	return rc == ENOUGH ? 0 : rc;
}

/* A managed image, or any bytes at all. */
static int open_any(const char *path, struct find *f, struct err *err)
{
	enum mm_kind kind;
	int rc = image_open_store(path, false, &f->img.store, err);

	if (!rc)
		rc = sandbox_inputs_open(err);
	if (!rc)
		rc = mm_probe(f->img.store, &kind, err);
	if (!rc && kind == MM_MANAGED)
		rc = mm_open(f->img.store, &f->img.mm, err);
	if (rc)
		return rc;
	f->whole = window_whole(f->img.store, NULL);
	return places_new(f->img.mm, f->whole->len, &f->places, err);
}

static int print_json(const struct find *f)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "length", json_u64(f->needle.len));
	json_put(&doc, doc.root, "count", json_u64(f->count));
	json_put(&doc, doc.root, "more", json_boolean(f->more));
	json_put(&doc, doc.root, "matches",
		 fields_array(&doc, fields, f->matches, f->count, sizeof(*f->matches)));
	return json_print(&doc);
}

static int print_text(const char *image, const struct find *f)
{
	if (f->count == 0) {
		text_print("%s: not found\n", image);
		return CMD_DONE;
	}
	text_print("%s: %s%s of %s\n\n", image, text_count(f->count).s,
		   f->count == 1 ? " copy"
		   : f->more     ? " copies or more"
				 : " copies",
		   text_plural(f->needle.len, "byte").s);
	fields_table(stdout, fields, f->matches, f->count, sizeof(*f->matches), "  ");
	if (f->more)
		text_print("\nThere are more: --limit tells how many to look for.\n");
	return CMD_DONE;
}

static void find_free(struct find *f)
{
	search_free(f->search);
	places_free(f->places);
	image_drop(&f->img);
	free(f->matches);
}

static int cmd_find(const void *arguments)
{
	const struct find_args *args = arguments;
	auto_bytes struct bytes bytes = {NULL};
	__attribute__((cleanup(find_free))) struct find f = {
		.limit = args->limit == CMD_UNSET ? LIMIT_DEFAULT : args->limit,
	};
	struct err err = {""};

	if (!!args->hex + !!args->text + !!args->file != 1)
		return cmd_usage(&verb_find, "one of FILE, --hex and --text says what to look for");
	if (bytes_wanted(args, &bytes, &err) != 0)
		return cmd_fail(NULL, &err);
	f.needle = (struct needle){bytes.bytes, bytes.len};
	if (open_any(args->image, &f, &err) != 0 || search_new(&f.needle, &f.search, &err) != 0 ||
	    search(&f, &err) != 0)
		return cmd_fail(args->image, &err);
	return args->json ? print_json(&f) : print_text(args->image, &f);
}

const struct verb verb_find = {
	.name = "find",
	.summary = "find every copy of some bytes, and whose they are",
	.text = "Looks for the content of FILE, or for some bytes or a text, in all of IMAGE, and\n"
		"says of every copy what it lies in:\n"
		"\n"
		"  memory   a memory's pages: live data\n"
		"  slack    a memory's last bucket, behind its pages\n"
		"  hole     a bucket that nobody owns\n"
		"  tail     behind the last bucket\n"
		"  page 0   the manager's page, most of it behind its table\n"
		"  front    before the manager's page\n"
		"  raw      an image without a manager\n"
		"\n"
		"Slack, holes and what lies in page 0 or the tail are left over from before; 'canisterfs compact --zero-slack'\n"
		"blanks it. A copy in several pieces is whole in its memory, but not in the image.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct find_args),
	.run = cmd_find,
	.reads = true,
};
