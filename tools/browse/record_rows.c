// SPDX-License-Identifier: MIT
/* See record_rows.h. */
#include "tools/browse/record_rows.h"

enum {
	SHOWN_LEN = 64 << 10, /* of a value that is decoded for its row */
	BEGIN_LEN = 256,      /* of a longer one */
	TEXT_MAX = 1024,      /* of what a row keeps */
	SEARCH_LEN = 1 << 20, /* of a value that is decoded for a search */
};

/* For free(); ends the buffer. */
static char *text_of(struct buf *b)
{
	char *text;

	if (b->len > TEXT_MAX) {
		b->len = TEXT_MAX;
		while (b->len > 0 && ((unsigned char)b->data[b->len] & 0xc0) == 0x80)
			b->len--;
	}
	buf_add(b, "", 1);
	text = b->failed ? NULL : strdup(b->data);
	buf_free(b);
	return text;
}

static void show_bytes(enum value_form form, struct ss_bytes bytes, struct buf *out)
{
	if (form == VALUE_TEXT)
		value_text(bytes, out);
	else
		buf_hex(out, bytes.data, bytes.len);
}

static void show(enum value_form form, const struct codec *codec, struct ss_bytes bytes,
		 bool is_key, struct buf *out)
{
	int rc = -EINVAL;

	if (form == VALUE_JSON)
		rc = is_key ? codec_show(codec, bytes, out, NULL)
			    : codec_show_value(codec, bytes, out, NULL);
	if (rc == 0)
		return;
	out->len = 0;
	show_bytes(form, bytes, out);
}

char *record_key_text(const struct record_look *look, struct ss_bytes key)
{
	struct buf out = {0};

	show(look->form, look->key, key, true, &out);
	return text_of(&out);
}

/* Of a long value the begin, without its codec. */
static int show_begin(struct ss_cursor *c, const struct ss_record *rec, enum value_form form,
		      struct buf *out, struct err *err)
{
	uint8_t begin[BEGIN_LEN];
	int rc = ss_value_read(c, begin, sizeof(begin), 0, err);

	if (rc == 0)
		show_bytes(form, (struct ss_bytes){begin, sizeof(begin)}, out);
	buf_printf(out, "... (%s)", text_size(rec->value_len).s);
	return rc;
}

static int show_value(const struct record_look *look, struct ss_cursor *c,
		      const struct ss_record *rec, struct buf *out, struct err *err)
{
	struct ss_bytes value;
	int rc;

	if (rec->value_len > SHOWN_LEN)
		return show_begin(c, rec, look->form, out, err);
	rc = ss_value(c, &value, err);
	if (rc == 0)
		show(look->form, look->value, value, false, out);
	return rc;
}

static int add_row(struct record_rows *rows, const struct record_look *look, struct ss_cursor *c,
		   const struct ss_record *rec, struct err *err)
{
	struct record_row *row = &rows->row[rows->count++];
	struct buf value = {0};
	struct err why = {""};

	*row = (struct record_row){
		.place = rec->place, .index = rec->index, .value_len = rec->value_len};
	if (ss_facts(look->ss)->keyed)
		row->key = record_key_text(look, rec->key);
	row->damaged = show_value(look, c, rec, &value, &why) < 0;
	if (row->damaged) {
		value.len = 0;
		buf_text(&value, why.text);
	}
	row->value = text_of(&value);
	return row->value ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int record_rows_fill(struct record_rows *rows, const struct record_look *look, struct ss_cursor *c,
		     size_t room, struct err *err)
{
	struct record_row *grown;
	struct ss_record rec;
	bool more = true;
	int rc = 0;

	record_rows_clear(rows);
	grown = reallocarray(rows->row, MAX(room, 1u), sizeof(*grown));
	if (!grown) {
		ss_cursor_close(c);
		return err_set(err, -ENOMEM, "out of memory");
	}
	rows->row = grown;
	while (rc == 0 && more && rows->count < room) {
		if (ss_next(c, &rec, &more, &rows->damage) < 0)
			break;
		if (more)
			rc = add_row(rows, look, c, &rec, err);
	}
	/* Whether another one follows. */
	if (rc == 0 && more && !rows->damage.text[0])
		(void)!ss_next(c, &rec, &more, &rows->damage);
	rows->at_end = !more && !rows->damage.text[0];
	ss_cursor_close(c);
	return rc;
}

void record_rows_clear(struct record_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->row[i].key);
		free(rows->row[i].value);
	}
	rows->count = 0;
	rows->at_end = false;
	rows->damage.text[0] = 0;
}

/* ---- searching ---- */

static bool bytes_have(struct ss_bytes bytes, const char *text)
{
	return bytes.len > 0 && memmem(bytes.data, bytes.len, text, strlen(text));
}

static bool shown_has(const struct codec *codec, struct ss_bytes bytes, bool is_key,
		      const char *text)
{
	auto_buf struct buf out = {0};

	show(VALUE_JSON, codec, bytes, is_key, &out);
	buf_add(&out, "", 1);
	return !out.failed && strcasestr(out.data, text);
}

int record_has(const struct record_look *look, struct ss_cursor *c, const struct ss_record *rec,
	       const char *text, bool *has, struct err *err)
{
	struct ss_bytes value;
	int rc;

	*has = ss_facts(look->ss)->keyed &&
	       (bytes_have(rec->key, text) || shown_has(look->key, rec->key, true, text));
	if (*has)
		return 0;
	rc = ss_value(c, &value, err);
	if (rc == 0)
		*has = bytes_have(value, text) ||
		       (value.len <= SEARCH_LEN && shown_has(look->value, value, false, text));
	return rc;
}
