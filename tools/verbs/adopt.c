// SPDX-License-Identifier: MIT
/*
 * adopt: a raw dump becomes one memory of a new managed image. The dump is only read.
 */
#include <inttypes.h>

#include "tools/cmd/cmd.h"
#include "tools/facts/bucket_size.h"
#include "tools/facts/payload.h"
#include "tools/image/image_open.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"

enum { PREFIX_LEN = 4, DEFAULT_BUCKET_PAGES = 128 };

struct adopt_args {
	uint64_t id, bucket_pages, length;
	bool prefix, force, json;
	const char *raw, *out;
	struct names *names;
};

static const struct cmd_option options[] = {
	{"memory", 'm', CMD_ID_WRITE, WHERE(struct adopt_args, id), "ID",
	 "the memory that the dump becomes", .required = true},
	{"bucket-pages", 'b', CMD_NUMBER, WHERE(struct adopt_args, bucket_pages), "N",
	 "pages of 64 KiB in a bucket, 1 to 65535", 1, MM_MAX_BUCKET_PAGES, .required = true},
	{"length", 'l', CMD_SIZE, WHERE(struct adopt_args, length), "BYTES",
	 "so much of RAW; else the dump's own codec tells its end", 1, UINT64_C(1) << 62},
	{"length-prefix", 'p', CMD_FLAG, WHERE(struct adopt_args, prefix), NULL,
	 "put the dump's length before it, as u32"},
	{"force", 'f', CMD_FLAG, WHERE(struct adopt_args, force), NULL,
	 "replace OUT where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct adopt_args, json), NULL, "print one JSON document"},
	CMD_NAMES_FILE(struct adopt_args, names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"RAW", CMD_FILE, WHERE(struct adopt_args, raw)},
	{"OUT", CMD_FILE, WHERE(struct adopt_args, out)},
	{NULL},
};

struct outcome {
	struct payload payload;
	uint64_t len; /* in the memory, with the prefix */
	uint64_t image_len, default_len;
	const char *where; /* what a failure is about */
};

/* What the memory is to hold: the prefix, if any, and the dump. */
struct content {
	struct store *raw;
	uint64_t len;
	uint8_t prefix[PREFIX_LEN];
	size_t prefix_len;
	struct progress progress;
};

static int deliver(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	struct content *c = ctx;
	size_t head = off < c->prefix_len ? MIN(len, c->prefix_len - (size_t)off) : 0;
	uint64_t raw_off = off + head - c->prefix_len;
	int rc;

	*got = (size_t)MIN((uint64_t)len, c->prefix_len + c->len - off);
	if (head > 0)
		memcpy(buf, c->prefix + off, head);
	rc = store_read(c->raw, (char *)buf + head, *got - head, raw_off, err);
	progress_add(&c->progress, *got);
	return rc;
}

static int check_prefix(const struct adopt_args *args, const struct payload *p, struct err *err)
{
	if (args->prefix && p->prefixed)
		return err_set(err, -EINVAL,
			       "it has its length before it already; leave --length-prefix out");
	if (args->prefix && p->len > UINT32_MAX)
		return err_set(err, -EFBIG,
			       "%" PRIu64 " bytes are more than a length of 32 bits can say",
			       p->len);
	return 0;
}

static int build(const struct adopt_args *args, struct content *c, struct store *to,
		 struct outcome *out, struct err *err)
{
	auto_mm struct mm *mm = NULL;
	struct mm_sizing usual;
	struct mm *closing;
	int rc = mm_create(to, (uint32_t)args->bucket_pages, err);

	if (!rc)
		rc = mm_open(to, &mm, err);
	if (rc)
		return rc;
	c->progress = progress_begin("copying", out->len, false);
	rc = mm_replace(mm, (unsigned)args->id, out->len, deliver, c, err);
	progress_end(&c->progress);
	if (rc)
		return rc;
	mm_sizing(mm, DEFAULT_BUCKET_PAGES, &usual);
	out->default_len = usual.image_len;
	closing = mm;
	mm = NULL;
	rc = mm_close(closing, err);
	out->image_len = to->len;
	return rc;
}

/* Reads the new image and the dump side by side. */
static int prove(const struct adopt_args *args, struct content *c, struct store *made,
		 struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *a = malloc(STEP_LEN), *b = malloc(STEP_LEN);
	auto_mm struct mm *mm = NULL;
	uint64_t len = c->prefix_len + c->len;
	int rc = a && b ? mm_open(made, &mm, err) : err_set(err, -ENOMEM, "out of memory");

	for (uint64_t off = 0; !rc && off < len;) {
		size_t n = (size_t)MIN(len - off, (uint64_t)STEP_LEN);
		size_t got;

		rc = deliver(c, a, n, off, &got, err);
		if (!rc)
			rc = mm_read(mm, (unsigned)args->id, b, n, off, err);
		if (!rc && memcmp(a, b, n) != 0)
			rc = err_set(err, -EIO,
				     "the new image does not hold the dump; nothing was "
				     "written");
		off += n;
	}
	return rc;
}

static int adopt(const struct adopt_args *args, struct outcome *out, struct err *err)
{
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	auto_store struct store *raw = NULL;
	struct content c = {.len = 0};
	int rc = image_open_raw(args->raw, &raw, err);

	if (!rc)
		rc = payload_find(raw, args->length, &out->payload, err);
	if (!rc)
		rc = check_prefix(args, &out->payload, err);
	if (rc)
		return rc;
	c.raw = raw;
	c.len = out->payload.len;
	c.prefix_len = args->prefix ? PREFIX_LEN : 0;
	put_le32(c.prefix, (uint32_t)c.len);
	out->len = c.prefix_len + c.len;
	out->where = args->out;
	rc = image_new_open(args->out, args->force, NULL, &new, err);
	if (!rc)
		rc = build(args, &c, new.store, out, err);
	if (!rc)
		rc = prove(args, &c, new.store, err);
	return rc ? rc : image_new_commit(&new, err);
}

static int print_json(const struct adopt_args *args, const struct outcome *out)
{
	struct json doc = json_begin();

	json_put(&doc, doc.root, "memory", json_u64(args->id));
	json_put(&doc, doc.root, "content", json_any(out->payload.what));
	json_put(&doc, doc.root, "content_bytes", json_u64(out->payload.len));
	json_put(&doc, doc.root, "length_prefix",
		 json_boolean(args->prefix || out->payload.prefixed));
	json_put(&doc, doc.root, "stale_bytes_left_out", json_u64(out->payload.stale_len));
	json_put(&doc, doc.root, "bucket_pages", json_u64(args->bucket_pages));
	json_put(&doc, doc.root, "image_bytes", json_u64(out->image_len));
	json_put(&doc, doc.root, "image_bytes_by_default", json_u64(out->default_len));
	return json_print(&doc);
}

static int print_text(const struct adopt_args *args, const struct outcome *out)
{
	text_print("%s: memory %" PRIu64 " holds what %s held: %s%s\n", args->out, args->id,
		   args->raw, out->payload.what, args->prefix ? ", and its length before it" : "");
	if (out->payload.stale_len > 0)
		text_print("  %-9s %s behind it, of something that was there before\n", "left out",
			   text_plural(out->payload.stale_len, "byte").s);
	text_print("  %-9s %s; with the usual buckets of %d pages %s\n", "size",
		   text_size(out->image_len).s, DEFAULT_BUCKET_PAGES,
		   text_size(out->default_len).s);
	bucket_size_print(stdout, args->bucket_pages);
	return CMD_DONE;
}

static int cmd_adopt(const void *arguments)
{
	const struct adopt_args *args = arguments;
	struct outcome out = {.where = args->raw};
	struct err err = {""};

	if (args->id == CMD_UNSET)
		return cmd_usage(&verb_adopt,
				 "--memory is missing: which one is to hold the dump?");
	if (args->bucket_pages == CMD_UNSET)
		return cmd_usage(&verb_adopt,
				 "--bucket-pages is missing: 1 wastes least, and is enough for %s",
				 text_size(bucket_size_of(1).cap_len).s);
	if (adopt(args, &out, &err) != 0)
		return cmd_fail(out.where, &err);
	return args->json ? print_json(args, &out) : print_text(args, &out);
}

const struct verb verb_adopt = {
	.name = "adopt",
	.summary = "make a raw dump a memory of a new image",
	.text = "Makes the managed image OUT, whose memory ID holds the dump in RAW: what a canister\n"
		"without a manager has saved (stable_save, BufferedStableWriter, serde_cbor). Where\n"
		"the dump ends its codec tells, Candid or CBOR; --length tells it of any other. What\n"
		"lies behind, of an earlier and longer dump, is left out.\n"
		"\n"
		"--length-prefix puts the length before it as 4 bytes, little-endian: what a hook\n"
		"reads that keeps its state in a memory of its own. 'extract' is the inverse.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct adopt_args),
	.run = cmd_adopt,
};
