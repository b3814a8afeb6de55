// SPDX-License-Identifier: MIT
/*
 * extract: one memory becomes a raw image, as a canister without a manager would have it.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/out/json.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"

enum { PREFIX_LEN = 4 };

struct extract_args {
	uint64_t id, length, pages;
	bool prefix, exact, force, json;
	const char *image, *out;
	struct names *names;
};

static const struct cmd_option options[] = {
	{"length", 'l', CMD_SIZE, WHERE(struct extract_args, length), "BYTES",
	 "so much of the memory; else all its pages", 1, UINT64_C(1) << 62},
	{"length-prefix", 'p', CMD_FLAG, WHERE(struct extract_args, prefix), NULL,
	 "the memory begins with a length, u32: leave it out, and end there"},
	{"pages", 0, CMD_NUMBER, WHERE(struct extract_args, pages), "N",
	 "fill OUT up with zeros to so many", 0, UINT64_C(1) << 23},
	{"exact", 'e', CMD_FLAG, WHERE(struct extract_args, exact), NULL,
	 "do not fill OUT up to a whole page"},
	{"force", 'f', CMD_FLAG, WHERE(struct extract_args, force), NULL,
	 "replace OUT where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct extract_args, json), NULL, "print one JSON document"},
	CMD_NAMES_FILE(struct extract_args, names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct extract_args, image)},
	{"ID", CMD_ID, WHERE(struct extract_args, id)},
	{"OUT", CMD_FILE, WHERE(struct extract_args, out)},
	{NULL},
};

struct outcome {
	uint64_t off, len, out_len;
	const char *where; /* what a failure is about */
};

static int find_content(const struct extract_args *args, struct mm *mm, struct outcome *out,
			struct err *err)
{
	uint8_t prefix[PREFIX_LEN];
	struct mm_memory m;
	int rc = image_find(mm, (unsigned)args->id, &m, err);

	if (rc)
		return rc;
	out->len = m.pages * MM_PAGE_LEN;
	if (args->prefix) {
		rc = mm_read(mm, (unsigned)args->id, prefix, sizeof(prefix), 0, err);
		if (rc)
			return rc;
		if (get_le32(prefix) == 0 || get_le32(prefix) > out->len - PREFIX_LEN)
			return err_set(err, -EINVAL,
				       "memory %" PRIu64 " does not begin with a length: %" PRIu32
				       " of %" PRIu64 " bytes",
				       args->id, get_le32(prefix), out->len - PREFIX_LEN);
		out->off = PREFIX_LEN;
		out->len = get_le32(prefix);
	}
	if (args->length == CMD_UNSET)
		return 0;
	if (args->length > out->len)
		return err_set(err, -EINVAL,
			       "--length is %" PRIu64 ", and there are %" PRIu64 " bytes",
			       args->length, out->len);
	out->len = args->length;
	return 0;
}

static int find_length(const struct extract_args *args, struct outcome *out, struct err *err)
{
	uint64_t pages = div_up(out->len, MM_PAGE_LEN);

	if (args->pages != CMD_UNSET && args->pages < pages)
		return err_set(err, -EINVAL, "--pages is %" PRIu64 ", and it takes %" PRIu64,
			       args->pages, pages);
	if (args->pages != CMD_UNSET)
		pages = args->pages;
	out->out_len = args->exact ? out->len : pages * MM_PAGE_LEN;
	return 0;
}

static int copy(const struct extract_args *args, struct mm *mm, struct store *to,
		const struct outcome *out, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	auto_progress struct progress progress = progress_begin("copying", out->len, false);
	int rc = buf ? store_resize(to, out->out_len, err) : err_set(err, -ENOMEM, "out of memory");

	for (uint64_t off = 0; !rc && off < out->len;) {
		size_t n = (size_t)MIN(out->len - off, (uint64_t)STEP_LEN);

		rc = mm_read(mm, (unsigned)args->id, buf, n, out->off + off, err);
		if (!rc && !is_zero(buf, n))
			rc = store_write(to, buf, n, off, 0, err);
		progress_add(&progress, n);
		off += n;
	}
	return rc;
}

static int extract(const struct extract_args *args, struct outcome *out, struct err *err)
{
	auto_image struct image img = {NULL};
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	int rc = image_open(args->image, false, &img, err);

	if (!rc)
		rc = find_content(args, img.mm, out, err);
	if (rc)
		return rc;
	rc = find_length(args, out, err);
	if (rc)
		return rc;
	out->where = args->out;
	/* A raw image begins at its first byte. */
	image_base_pages = 0;
	rc = image_new_open(args->out, args->force, NULL, &new, err);
	if (!rc)
		rc = copy(args, img.mm, new.store, out, err);
	return rc ? rc : image_new_commit(&new, err);
}

static int cmd_extract(const void *arguments)
{
	const struct extract_args *args = arguments;
	struct outcome out = {.where = args->image};
	struct err err = {""};
	struct json doc;

	if (args->exact && args->pages != CMD_UNSET)
		return cmd_usage(&verb_extract, "either --exact or --pages");
	if (extract(args, &out, &err) != 0)
		return cmd_fail(out.where, &err);
	if (!args->json) {
		text_print("%s: a raw image of %s, of them %s of memory %" PRIu64 "\n", args->out,
			   text_size(out.out_len).s, text_plural(out.len, "byte").s, args->id);
		return CMD_DONE;
	}
	doc = json_begin();
	json_put(&doc, doc.root, "memory", json_u64(args->id));
	json_put(&doc, doc.root, "content_bytes", json_u64(out.len));
	json_put(&doc, doc.root, "image_bytes", json_u64(out.out_len));
	return json_print(&doc);
}

const struct verb verb_extract = {
	.name = "extract",
	.summary = "make one memory a raw image",
	.text = "Makes the raw image OUT of memory ID, as a canister without a manager would have\n"
		"it: its bytes from byte 0 on, filled up with zeros to a whole page. The inverse of\n"
		"'adopt'. With --exact OUT is what a codec can read, to the byte.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct extract_args),
	.run = cmd_extract,
};
