// SPDX-License-Identifier: MIT
/*
 * dump: the records of a structure, one JSON object a line, in the structure's order. Streams:
 * holds one record at a time, however many there are.
 */
#include <inttypes.h>
#include <unistd.h>

#include "tools/cmd/cmd.h"
#include "tools/records/rebuild.h"
#include "tools/records/record_find.h"
#include "tools/records/records_choice.h"
#include "tools/sandbox/sandbox.h"

enum {
	FLUSH_LEN = 1 << 16,
	PIECE_LEN = 1 << 20, /* of a value that is too long to be held whole */
};

struct dump_args {
	struct records_args r;
	const char *range, *get;
	uint64_t limit;
	bool count, plain, salvage;
};

static const struct cmd_option options[] = {
	RECORDS_OPTIONS(struct dump_args),
	{"range", 0, CMD_TEXT, WHERE(struct dump_args, range), "FROM..TO",
	 "only keys, or indices, from FROM on and before TO; either may be left out"},
	{"get", 0, CMD_TEXT, WHERE(struct dump_args, get), "KEY", "only this key, or index"},
	{"limit", 'n', CMD_NUMBER, WHERE(struct dump_args, limit), "N", "at most N records"},
	{"count", 0, CMD_FLAG, WHERE(struct dump_args, count), NULL, "only their number"},
	{"plain", 0, CMD_FLAG, WHERE(struct dump_args, plain), NULL,
	 "leave the bytes out that only 'load' needs"},
	{"salvage", 0, CMD_FLAG, WHERE(struct dump_args, salvage), NULL,
	 "go on behind what is broken, and look at every page of a map by itself"},
	{NULL},
};

static const struct cmd_operand operands[] = {
	RECORDS_OPERANDS(struct dump_args),
	{NULL},
};

/* Which records: keys where keyed, else indices. */
struct range {
	struct buf from, to;
	uint64_t from_index, to_index;
	bool has_from, has_to;
};

struct dump {
	const struct records_choice *choice;
	struct ss *ss;
	struct buf out;
};

/* Everything so far to stdout. */
static int flush(struct dump *d, struct err *err)
{
	const char *p = d->out.data;

	if (d->out.failed)
		return err_set(err, -ENOMEM, "no memory for a record");
	while (d->out.len > 0) {
		ssize_t n = write(STDOUT_FILENO, p, d->out.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "cannot write to standard output");
		p += n;
		d->out.len -= (size_t)n;
	}
	return 0;
}

/* Hex needs no whole value: the longest ones go through in pieces. */
static int show_in_pieces(struct dump *d, struct ss_cursor *c, uint64_t len, struct err *err)
{
	auto_free uint8_t *piece = malloc(PIECE_LEN);
	int rc = 0;

	if (!piece)
		return err_set(err, -ENOMEM, "no memory for a value");
	buf_text(&d->out, "\"");
	for (uint64_t off = 0, n; rc == 0 && off < len; off += n) {
		n = MIN(len - off, (uint64_t)PIECE_LEN);
		rc = ss_value_read(c, piece, n, off, err);
		if (rc == 0)
			buf_hex(&d->out, piece, n);
		if (rc == 0)
			rc = flush(d, err);
	}
	buf_text(&d->out, "\"");
	return rc;
}

static int show_value(struct dump *d, struct ss_cursor *c, uint64_t len, struct err *err)
{
	struct ss_bytes value;
	int rc;

	if (len > PIECE_LEN && strcmp(d->choice->value.ops->name, "hex") == 0)
		return show_in_pieces(d, c, len, err);
	rc = ss_value(c, &value, err);
	return rc < 0 ? rc : codec_show_value(&d->choice->value, value, &d->out, err);
}

static int where(const struct ss_record *rec, bool keyed, int rc, struct err *err)
{
	auto_buf struct buf hex = {0};

	if (!keyed)
		return err_prefix(err, rc, "record %" PRIu64, rec->index);
	buf_hex(&hex, rec->key.data, MIN(rec->key.len, (size_t)64));
	return err_prefix(err, rc, "key %.*s", hex.failed ? 0 : (int)hex.len, hex.data);
}

static int show_record(struct dump *d, struct ss_cursor *c, const struct ss_record *rec,
		       struct err *err)
{
	bool keyed = ss_facts(d->ss)->keyed;
	size_t begin = d->out.len;
	int rc = 0;

	if (keyed) {
		buf_text(&d->out, "{\"key\": ");
		rc = codec_show(&d->choice->key, rec->key, &d->out, err);
	} else if (!ss_kind_is_array(ss_facts(d->ss)->kind)) {
		buf_text(&d->out, "{");
	} else {
		buf_text(&d->out, "{\"index\": ");
		buf_number(&d->out, rec->index);
	}
	if (rc == 0) {
		buf_text(&d->out,
			 d->out.data[d->out.len - 1] == '{' ? "\"value\": " : ", \"value\": ");
		rc = show_value(d, c, rec->value_len, err);
	}
	if (rc < 0) {
		d->out.len = MIN(begin, d->out.len); /* no half records */
		return where(rec, keyed, rc, err);
	}
	buf_text(&d->out, "}\n");
	return d->out.len > FLUSH_LEN ? flush(d, err) : 0;
}

/* ---- which records ---- */

/* An end that is left out is none; the record with an empty key has one all the same. */
static int read_end(const struct dump *d, const char *word, struct buf *key, uint64_t *index,
		    bool *has, struct err *err)
{
	*has = *word;
	return *has ? record_read_word(d->ss, &d->choice->key, word, key, index, err) : 0;
}

static int read_range(const struct dump *d, const char *text, struct range *r, struct err *err)
{
	const char *dots = text ? strstr(text, "..") : NULL;
	auto_free char *from = NULL;
	int rc;

	r->to_index = UINT64_MAX;
	if (!text)
		return 0;
	if (!dots)
		return err_set(err, -EINVAL, "--range: '%s' is not FROM..TO", text);
	from = strndup(text, (size_t)(dots - text));
	if (!from)
		return err_set(err, -ENOMEM, "no memory for a range");
	rc = read_end(d, from, &r->from, &r->from_index, &r->has_from, err);
	if (rc == 0)
		rc = read_end(d, dots + 2, &r->to, &r->to_index, &r->has_to, err);
	return rc < 0 ? err_prefix(err, rc, "--range") : 0;
}

static int seek(const struct dump *d, const struct range *r, struct ss_cursor **out,
		struct err *err)
{
	if (!r->has_from || !record_is_ordered(d->ss))
		return ss_first(d->ss, out, err);
	if (ss_facts(d->ss)->keyed)
		return ss_seek(d->ss, record_bytes(&r->from), out, err);
	return ss_seek_index(d->ss, r->from_index, out, err);
}

static bool is_before(const struct dump *d, const struct range *r, const struct ss_record *rec)
{
	return r->has_from && !record_is_ordered(d->ss) &&
	       ss_compare(SS_ORDER_BYTES, rec->key, record_bytes(&r->from)) < 0;
}

static bool is_behind(const struct dump *d, const struct range *r, const struct ss_record *rec)
{
	if (!r->has_to)
		return false;
	if (ss_facts(d->ss)->keyed)
		return ss_sort_compare(&ss_facts(d->ss)->sort, rec->key, record_bytes(&r->to)) >= 0;
	return rec->index >= r->to_index;
}

static int dump_range(struct dump *d, const struct dump_args *args, const struct range *r,
		      struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	struct ss_record rec;
	uint64_t shown = 0;
	bool more = true;
	int rc = seek(d, r, &c, err);

	while (rc == 0 && shown < args->limit) {
		rc = ss_next(c, &rec, &more, err);
		if (rc < 0 || !more || (record_is_ordered(d->ss) && is_behind(d, r, &rec)))
			break;
		if (is_before(d, r, &rec) || is_behind(d, r, &rec))
			continue;
		if (!args->count)
			rc = show_record(d, c, &rec, err);
		shown++;
	}
	if (rc == 0 && args->count)
		buf_printf(&d->out, "%" PRIu64 "\n", shown);
	return rc;
}

static int dump_one(struct dump *d, const char *word, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	auto_buf struct buf key = {0};
	struct ss_record rec;
	uint64_t index = 0;
	bool more = false;
	int rc = record_read_word(d->ss, &d->choice->key, word, &key, &index, err);

	if (rc == 0)
		rc = ss_facts(d->ss)->keyed ? record_find(d->ss, record_bytes(&key), &c, err)
					    : ss_seek_index(d->ss, index, &c, err);
	if (rc == 0)
		rc = ss_next(c, &rec, &more, err);
	if (rc == 0 && !more)
		rc = err_set(err, -ENOENT, "there are %" PRIu64 " records, and none at %s",
			     ss_facts(d->ss)->count, word);
	return rc < 0 ? rc : show_record(d, c, &rec, err);
}

/* ---- out of a damaged map ---- */

/* What the codec has no word for is digits. */
static int show_damaged(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			struct err *err)
{
	size_t begin = out->len;

	if (codec_show_value(c, bytes, out, NULL) == 0)
		return 0;
	out->len = begin;
	buf_text(out, "{\"$hex\": \"");
	buf_hex(out, bytes.data, bytes.len);
	buf_text(out, "\"}");
	return out->failed ? err_set(err, -ENOMEM, "no memory for a record") : 0;
}

static int show_salvaged(void *ctx, struct ss_bytes key, struct ss_bytes value, struct err *err)
{
	struct dump *d = ctx;
	int rc;

	buf_text(&d->out, "{\"key\": ");
	rc = show_damaged(&d->choice->key, key, &d->out, err);
	buf_text(&d->out, ", \"value\": ");
	if (rc == 0)
		rc = show_damaged(&d->choice->value, value, &d->out, err);
	buf_text(&d->out, "}\n");
	return rc == 0 && d->out.len > FLUSH_LEN ? flush(d, err) : rc;
}

static int count_salvaged(void *ctx, struct ss_bytes key, struct ss_bytes value, struct err *err)
{
	return 0;
}

/* -ENODATA: something is lost, which was said. */
static int dump_salvaged(struct dump *d, const struct dump_args *args, struct err *err)
{
	struct ss_salvaged found;
	struct err text;
	int rc = ss_salvage(d->ss, args->count ? count_salvaged : show_salvaged, d, &found, err);

	if (rc < 0)
		return rc;
	if (args->count)
		buf_printf(&d->out, "%" PRIu64 "\n", found.walked + found.found);
	rebuild_tell(&found, &text);
	cmd_error(args->r.image, "%s", text.text);
	rc = flush(d, err);
	return rc == 0 && rebuild_has_lost(&found) ? -ENODATA : rc;
}

static int dump(const struct dump_args *args, struct records_choice *choice, struct err *err)
{
	auto_records struct records r = {0};
	struct dump d = {.choice = choice};
	struct range range = {0};
	int rc = records_open_memory(args->r.image, choice->mm_id, false, &r, err);

	if (rc == 0)
		rc = sandbox_inputs_open(err);
	if (rc == 0)
		rc = records_open_structure(&r, choice, err);
	if (rc < 0)
		return rc;
	d.ss = r.ss;
	if (args->salvage) {
		rc = dump_salvaged(&d, args, err);
		buf_free(&d.out);
		return rc;
	}
	if (!args->count)
		records_say_guess(args->r.image, &r, choice);
	if (args->range && !record_is_ordered(d.ss))
		cmd_error(args->r.image,
			  "nobody tells the order of keys, so the range goes by their bytes; --key "
			  "or --order tells");
	rc = read_range(&d, args->range, &range, err);
	if (rc == 0)
		rc = args->get ? dump_one(&d, args->get, err) : dump_range(&d, args, &range, err);
	/* What was read before a failure is the user's all the same. */
	if (rc == 0)
		rc = flush(&d, err);
	else if (flush(&d, NULL) == -EPIPE)
		rc = -EPIPE;
	buf_free(&range.from);
	buf_free(&range.to);
	buf_free(&d.out);
	return rc;
}

static int cmd_dump(const void *arguments)
{
	const struct dump_args *args = arguments;
	auto_records_choice struct records_choice choice = {0};
	struct err err = {""};
	int rc = records_choose(&args->r, &choice, &err);

	if (rc < 0)
		return cmd_usage(&verb_dump, "%s", err.text);
	if (args->salvage && (args->get || args->range || args->limit != CMD_UNSET))
		return cmd_usage(&verb_dump, "--salvage is for all records");
	choice.opts.salvage = args->salvage;
	choice.key.plain = choice.value.plain = args->plain;
	rc = dump(args, &choice, &err);
	/* A reader that has seen enough needs no message. */
	if (rc == -EPIPE || rc == -ENODATA)
		return CMD_FAILED;
	return rc ? cmd_fail(args->r.image, &err) : CMD_DONE;
}

const struct verb verb_dump = {
	.name = "dump",
	.summary = "print the records of a structure as JSON lines",
	.text = "Prints the records of the structure in memory ID, one JSON object a line, in the\n"
		"structure's order: {\"key\": K, \"value\": V} of a map or set, {\"index\": I, "
		"\"value\": V}\n"
		"of a vector, heap or log, {\"value\": V} of a cell or a payload. Without ID, IMAGE is\n"
		"a raw image that holds the structure itself.\n\n"
		"--salvage is for a map that is damaged: each record that can still be read is\n"
		"printed once, in no certain order, and what is lost is told. Exits with 1 then.\n\n"
		"A CODEC says how the bytes of keys and values are written:\n"
		"  hex        two digits for each byte\n"
		"  utf8       text\n"
		"  u8 ... u128  a number, big-endian; u64le: little-endian; i8 ... i128: signed\n"
		"  bool       true or false\n"
		"  principal  a principal's text form\n"
		"  blob(N), bytes(N)  digits for at most, or exactly, N bytes\n"
		"  tuple(A,B), tuple(A,B,C)  an array, of codecs themselves\n"
		"  option(T), reverse(T)     what the library makes of T\n"
		"  len8(T), len16be(T), ...  T behind its length\n"
		"  cbor-text  text as a CBOR item\n"
		"  cbor       CBOR as JSON, without loss\n"
		"  candid     a Candid message; candid:FILE.did has the names of its fields\n"
		"  protobuf   a protobuf message, field by field, without a schema\n"
		"  json       JSON text\n"
		"  exec:CMD   what a command answers, a line of JSON for each line of hex digits\n"
		"What a codec's own notation would not lead back from to the same bytes has them\n"
		"beside it: {\"$cbor\": ..., \"$hex\": \"...\"}. 'load' reads all of it.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct dump_args),
	.run = cmd_dump,
	.reads = true,
};
