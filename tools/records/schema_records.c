// SPDX-License-Identifier: MIT
/*
 * Owns holding the records of one structure against the types that a names file tells: the width
 * and the order of keys, bounds, and whether every key and value decodes. What the file does not
 * tell is not judged; what only a guess would tell is no match.
 */
#include "tools/records/schema_records.h"

#include <inttypes.h>

struct judge {
	const struct name *name;
	const struct name_codecs *codecs;
	uint64_t step; /* one record in so many is decoded */
	struct schema_fault *fault;
	struct buf scratch;
};

static int fault(struct judge *j, const char *id, const char *fmt, ...) PRINTF(3, 4);
static int fault(struct judge *j, const char *id, const char *fmt, ...)
{
	va_list args;

	j->fault->id = id;
	va_start(args, fmt);
	vsnprintf(j->fault->text, sizeof(j->fault->text), fmt, args);
	va_end(args);
	return 0;
}

static bool is_set(const struct judge *j)
{
	return j->name->kind && strcmp(j->name->kind, "btreeset") == 0;
}

/* ---- the tree ---- */

static void first_error(void *ctx, const struct mm_finding *f)
{
	struct judge *j = ctx;

	if (f->severity == MM_ERROR && !j->fault->id)
		(void)!fault(j,
			     strcmp(f->id, "btree-order") == 0 || strcmp(f->id, "heap-order") == 0
				     ? "wrong-order"
				     : "damaged",
			     "%.300s", f->text);
}

static int judge_width(struct judge *j, const struct ss_facts *f)
{
	int want = j->codecs->key.width > 0 ? (int)j->codecs->key.width : SS_WIDTH_PREFIXED;
	struct err text;

	if (!j->name->key || f->count == 0 || f->key_width == SS_WIDTH_INFER)
		return 0;
	if (f->key_width_guessed) {
		ss_tell_widths(f, &text);
		return fault(j, "guess", "%.300s; key_width tells", text.text);
	}
	if ((j->codecs->key.width > 0 || j->codecs->key.prefixed) && f->key_width != want)
		return fault(j, "wrong-width", "its keys %s; those of %.64s %s",
			     f->key_width < 0 ? "have their length before them"
					      : "are of one width without a length",
			     j->name->key, want < 0 ? "have a length before them" : "have none");
	return 0;
}

/* ---- one record ---- */

static int decode(struct judge *j, const struct codec *c, struct ss_bytes bytes, int64_t most,
		  struct err *err)
{
	if (most >= 0 && bytes.len > (uint64_t)most)
		return err_set(err, -EILSEQ, "%zu bytes; the type has at most %" PRId64, bytes.len,
			       most);
	if (c->ops == &codec_exec)
		return 0;
	j->scratch.len = 0;
	return c->ops->decode(c, bytes, &j->scratch, err);
}

static int decode_value(struct judge *j, struct ss_cursor *c, struct err *err, struct err *why)
{
	struct ss_bytes value;
	int rc = ss_value(c, &value, err);

	if (rc < 0)
		return rc;
	if (is_set(j))
		return value.len == 0 ? 0 : err_set(why, -EILSEQ, "a set has no values");
	return decode(j, &j->codecs->value, value, j->name->max_value, why);
}

static int judge_record(struct judge *j, struct ss_cursor *c, const struct ss_record *rec,
			bool keyed, struct err *err)
{
	struct err why = {""};
	auto_buf struct buf hex = {0};
	int rc = keyed ? decode(j, &j->codecs->key, rec->key, j->name->max_key, &why) : 0;
	const char *part = rc < 0 ? "key" : "value";

	if (rc == 0)
		rc = decode_value(j, c, err, &why);
	if (rc == 0 || !why.text[0])
		return rc;
	if (!keyed)
		return fault(j, "wrong-type", "record %" PRIu64 ": %.200s", rec->index, why.text);
	buf_hex(&hex, rec->key.data, MIN(rec->key.len, (size_t)64));
	return fault(j, "wrong-type", "the %s of key %.*s: %.200s", part,
		     hex.failed ? 0 : (int)hex.len, hex.data ? hex.data : "", why.text);
}

static int judge_records(struct judge *j, struct ss *ss, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	bool more = true;
	int rc = ss_first(ss, &c, err);

	for (uint64_t n = 0; rc == 0 && !j->fault->id; n++) {
		rc = ss_next(c, &rec, &more, err);
		if (rc < 0 || !more)
			break;
		if (n % j->step == 0)
			rc = judge_record(j, c, &rec, ss_facts(ss)->keyed, err);
	}
	return rc;
}

int schema_judge_records(struct ss *ss, struct name *name, uint64_t sample,
			 struct schema_fault *out, struct err *err)
{
	uint64_t count = ss_facts(ss)->count;
	struct judge j = {.name = name,
			  .codecs = records_name_codecs(name),
			  .step = sample > 0 && count > sample ? count / sample : 1,
			  .fault = out};
	struct ss_usage usage;
	int rc;

	*out = (struct schema_fault){NULL};
	if (!j.codecs)
		return err_set(err, -ENOMEM, "no memory for codecs");
	rc = judge_width(&j, ss_facts(ss));
	if (rc == 0 && !out->id)
		rc = ss_measure(ss, -1, &usage, first_error, &j, err);
	if (rc == 0 && !out->id && (name->key || name->value || is_set(&j)))
		rc = judge_records(&j, ss, err);
	buf_free(&j.scratch);
	return rc;
}
