// SPDX-License-Identifier: MIT
/*
 * Bytes: a record's value, or a whole memory. In hex only what is on the screen is read, so that
 * they may be of any length; as JSON and as text a begin of bounded length.
 */
#include <ctype.h>
#include <inttypes.h>

#include "tools/browse/list.h"
#include "tools/browse/task.h"
#include "tools/browse/views.h"

enum {
	WHOLE_LEN = 4 << 20,  /* of a value that its codec can show */
	TEXT_LEN = 1 << 20,   /* of one that is shown as text */
	PIECE_LEN = 64 << 10, /* of a search */
	LINE_BYTES_MAX = 32,
};

const char *const value_form_names[] = {"JSON", "text", "hex"};

struct value_view {
	struct view v;
	struct value_source source;
	enum value_form form;
	struct sheet sheet; /* of JSON and text */
	int width;          /* that it was made for; 0: not yet */
	struct list list;
};

static const struct key_help keys[] = {
	{"Tab", "form", "JSON by the codec, text, hex"},
	{NULL},
};

void value_text(struct ss_bytes bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.data[i])
			buf_add(out, &bytes.data[i], 1);
		else
			buf_text(out, "\\x00");
	}
}

/* ---- JSON and text ---- */

static void break_line(struct buf *out, unsigned depth)
{
	buf_text(out, "\n");
	for (unsigned i = 0; i < MIN(depth, 40u); i++)
		buf_text(out, "  ");
}

/* The same JSON with a line for each member. Not one of its characters changes. */
static void indent_json(const char *json, size_t len, struct buf *out)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = json[i];
		bool opens = !quoted && (c == '{' || c == '[');
		bool closes = !quoted && (c == '}' || c == ']') && depth > 0;
		bool empty = opens && i + 1 < len && (json[i + 1] == '}' || json[i + 1] == ']');

		if (c == '"')
			quoted = !quoted;
		if (closes && json[i - 1] != '{' && json[i - 1] != '[')
			break_line(out, depth - 1);
		if (quoted || c != ' ' || (i > 0 && json[i - 1] == ':'))
			buf_add(out, &c, 1);
		if (quoted && c == '\\' && i + 1 < len)
			buf_add(out, &json[++i], 1);
		depth = depth + opens - closes;
		if ((opens && !empty) || (!quoted && c == ','))
			break_line(out, depth);
	}
}

static int read_begin(struct value_view *v, size_t most, struct buf *bytes, struct err *err)
{
	size_t len = MIN(v->source.len, (uint64_t)most);
	char *to = buf_room(bytes, MAX(len, 1u));
	int rc = to ? 0 : err_set(err, -ENOMEM, "out of memory");

	if (rc == 0 && len > 0)
		rc = v->source.read(v->source.ctx, to, len, 0, err);
	bytes->len = len;
	return rc;
}

static int show_json(struct value_view *v, struct buf *text, struct err *err)
{
	auto_buf struct buf bytes = {0}, json = {0};
	int rc;

	if (v->source.len > WHOLE_LEN)
		return err_set(err, -EFBIG,
			       "%s: too long for JSON; Tab shows it as text, or in hex",
			       text_size(v->source.len).s);
	rc = read_begin(v, WHOLE_LEN, &bytes, err);
	if (rc == 0)
		rc = codec_show_value(v->source.codec,
				      (struct ss_bytes){(uint8_t *)bytes.data, bytes.len}, &json,
				      err);
	if (rc == 0)
		indent_json(json.data ? json.data : "", json.len, text);
	return rc;
}

static int show_text(struct value_view *v, struct buf *text, struct err *err)
{
	auto_buf struct buf bytes = {0};
	int rc = read_begin(v, TEXT_LEN, &bytes, err);

	if (rc == 0)
		value_text((struct ss_bytes){(uint8_t *)bytes.data, bytes.len}, text);
	if (rc == 0 && v->source.len > TEXT_LEN)
		buf_printf(text, "\n(the first MiB of %s; hex shows all)",
			   text_size(v->source.len).s);
	return rc;
}

static void make_sheet(struct value_view *v)
{
	auto_buf struct buf text = {0};
	struct err err = {""};
	int rc = v->form == VALUE_JSON ? show_json(v, &text, &err) : show_text(v, &text, &err);

	sheet_free(&v->sheet);
	v->width = screen_columns();
	buf_add(&text, "", 1);
	if (rc == 0 && !text.failed)
		sheet_add(&v->sheet, STYLE_PLAIN, v->width - 1, 4, text.data);
	else
		sheet_add(&v->sheet, STYLE_BOLD, v->width - 1, 0, err.text);
	if (v->sheet.count == 0)
		sheet_add(&v->sheet, STYLE_DIM, v->width - 1, 0, "(no bytes)");
}

/* ---- hex ---- */

static int offset_digits(uint64_t len)
{
	int digits = 4;

	while (digits < 16 && len > 0 && (len - 1) >> 4 * digits)
		digits += 2;
	return digits;
}

/* As many as fit, each with two digits, a blank and a character. */
static size_t line_bytes(const struct value_view *v)
{
	int room = screen_columns() - offset_digits(v->source.len) - 3;
	size_t n = LINE_BYTES_MAX;

	while (n > 1 && (int)(4 * n) > room)
		n /= 2;
	return n;
}

static void draw_hex_line(struct value_view *v, uint64_t off, int row)
{
	size_t n = line_bytes(v), len = (size_t)MIN(v->source.len - off, (uint64_t)n);
	uint8_t bytes[LINE_BYTES_MAX];
	char text[LINE_BYTES_MAX + 1];
	auto_buf struct buf line = {0};
	struct err err = {""};

	if (v->source.read(v->source.ctx, bytes, len, off, &err) < 0) {
		screen_put(row, 0, screen_columns(), STYLE_BOLD, err.text);
		return;
	}
	buf_printf(&line, "%0*" PRIx64 "  ", offset_digits(v->source.len), off);
	for (size_t i = 0; i < n; i++) {
		if (i < len)
			buf_printf(&line, "%02x ", bytes[i]);
		else
			buf_text(&line, "   ");
		text[i] = i < len && isascii(bytes[i]) && isprint(bytes[i]) ? (char)bytes[i] : '.';
	}
	text[len] = 0;
	buf_printf(&line, " %s", text);
	buf_add(&line, "", 1);
	if (!line.failed)
		screen_put(row, 0, screen_columns(), STYLE_PLAIN, line.data);
}

static void draw(struct view *base, int row, int rows)
{
	struct value_view *v = (struct value_view *)base;
	bool hex = v->form == VALUE_HEX;
	size_t n = line_bytes(v);

	if (!hex && v->width != screen_columns())
		make_sheet(v);
	/* What is chosen is a byte, wherever lines are broken. */
	v->list.count = hex ? (size_t)div_up(v->source.len, n) : v->sheet.count;
	screen_print(row, 0, screen_columns(), STYLE_DIM, "%s, %s", value_form_names[v->form],
		     text_plural(v->source.len, "byte").s);
	list_place(&v->list, row + 1, rows - 1);
	for (int i = 0; i < rows - 1 && v->list.top + (size_t)i < v->list.count; i++) {
		if (hex)
			draw_hex_line(v, (v->list.top + (size_t)i) * n, row + 1 + i);
		else
			sheet_draw(&v->sheet, v->list.top + (size_t)i, row + 1 + i, 0,
				   screen_columns());
	}
	if (hex && v->source.len == 0)
		screen_put(row + 1, 0, screen_columns(), STYLE_DIM, "(no bytes)");
}

/* ---- finding ---- */

static void show_line(struct value_view *v, size_t n)
{
	v->list.at = v->list.top = n;
}

static int find_line(struct value_view *v, const char *text)
{
	for (size_t n = v->list.top + 1; n < v->sheet.count; n++) {
		if (sheet_has(&v->sheet, n, text)) {
			show_line(v, n);
			return 0;
		}
	}
	return -ENOENT;
}

/* Pieces overlap by what a match could begin with. */
static int find_bytes(struct value_view *v, const char *text, struct err *err)
{
	auto_free uint8_t *piece = malloc(PIECE_LEN);
	size_t len = strlen(text), n = line_bytes(v);
	uint64_t off = (uint64_t)(v->list.top + 1) * n;
	int rc = piece ? 0 : err_set(err, -ENOMEM, "out of memory");

	while (rc == 0 && off + len <= v->source.len) {
		size_t got = (size_t)MIN(v->source.len - off, (uint64_t)PIECE_LEN);
		const uint8_t *at;

		rc = v->source.read(v->source.ctx, piece, got, off, err);
		if (rc < 0 || task_step(got) < 0)
			break;
		at = memmem(piece, got, text, len);
		if (at) {
			show_line(v, (size_t)((off + (uint64_t)(at - piece)) / n));
			return 0;
		}
		off += got > len ? got - len + 1 : got;
	}
	return rc < 0 ? rc : -ENOENT;
}

static int find(struct view *base, const char *text, struct err *err)
{
	struct value_view *v = (struct value_view *)base;
	int rc;

	if (v->form != VALUE_HEX)
		return find_line(v, text);
	task_begin("searching", v->source.len);
	rc = find_bytes(v, text, err);
	return task_end() ? rc : err_set(err, -ECANCELED, "stopped");
}

/* ---- keys ---- */

static void next_form(struct value_view *v)
{
	v->form = (v->form + 1) % VALUE_FORMS;
	if (v->form == VALUE_JSON && !v->source.codec)
		v->form = VALUE_TEXT;
	v->width = 0;
	show_line(v, 0);
}

/* Keys move the page. */
static bool key(struct view *base, struct screen_key key)
{
	struct value_view *v = (struct value_view *)base;
	struct list *l = &v->list;
	size_t last = l->count > (size_t)l->rows ? l->count - (size_t)l->rows : 0;

	if (key.code == SCREEN_TAB) {
		next_form(v);
		return true;
	}
	if (key.code == SCREEN_CLICK)
		return true;
	l->at = l->top;
	if (!list_key(l, &key))
		return false;
	show_line(v, MIN(l->at, last));
	return true;
}

static void close_view(struct view *base)
{
	struct value_view *v = (struct value_view *)base;

	sheet_free(&v->sheet);
	if (v->source.drop)
		v->source.drop(v->source.ctx);
}

static const struct view_ops value_ops = {
	.name = "value", .keys = keys, .draw = draw, .key = key, .find = find, .close = close_view};

void view_value_open(struct browser *b, const char *title, struct value_source source,
		     enum value_form form)
{
	struct value_view *v = view_new(b, &value_ops, sizeof(*v), "%s", title);

	if (v) {
		v->source = source;
		v->form = form;
		view_push(&v->v);
	} else if (source.drop) {
		source.drop(source.ctx);
	}
}
