// SPDX-License-Identifier: MIT
/* What stands around a view. See frame.h. */
#include "tools/browse/frame.h"

#include <limits.h>
#include <stdio.h>
#include <wchar.h>

#include "tools/browse/sheet.h"

const struct key_help common_keys[] = {
	{"/", "find", "find text, from the chosen place on"},
	{"n", NULL, "find the same text again"},
	{"q", "back",
	 "leave this view, and at the first one the browser; also Esc and the left arrow"},
	{"?", NULL, "all keys"},
	{"Q", NULL, "leave the browser; also Ctrl-C"},
	{"Ctrl-L", NULL, "draw the screen anew"},
	{NULL},
};

/* From the first view to the one on top; where that is too long, its end. */
static void draw_title(const struct browser *b)
{
	auto_buf struct buf line = {0};
	const struct view *way[64];
	size_t n = 0;

	for (const struct view *v = b->top; v && n < ARRAY_LEN(way); v = v->below)
		way[n++] = v;
	while (n > 0) {
		const struct view *v = way[--n];

		buf_printf(&line, " %s%s", v->title ? v->title : "", n > 0 ? " >" : " ");
	}
	buf_add(&line, "", 1);
	if (line.failed)
		return;
	if (line.len > (size_t)screen_columns() && b->top->below && b->top->title)
		screen_put_padded(0, 0, screen_columns(), STYLE_BAR, b->top->title);
	else
		screen_put_padded(0, 0, screen_columns(), STYLE_BAR, line.data);
}

/* As many keys as fit; `?` always does. */
static void draw_keys(const struct browser *b)
{
	const struct key_help *lists[] = {b->top->ops->keys, common_keys};
	int row = screen_rows() - 1, column = 0, end = screen_columns() - 8;
	char word[64];

	screen_put_padded(row, 0, screen_columns(), STYLE_BAR, "");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (const struct key_help *k = lists[i]; k && k->key; k++) {
			int len = snprintf(word, sizeof(word), " %s %s ", k->key,
					   k->brief ? k->brief : "");

			if (!k->brief || column + len > end)
				continue;
			column += screen_put(row, column, len, STYLE_BAR, word);
		}
	}
	screen_put(row, column, 8, STYLE_BAR, " ? keys");
}

/* On the last line, or on as many as a sentence takes on a narrow terminal. */
static void draw_message(const struct browser *b)
{
	struct sheet s = {NULL};
	int row;

	sheet_add(&s, STYLE_BOLD, screen_columns() - 1, 0, b->message.text);
	row = screen_rows() - (int)s.count;
	for (size_t i = 0; i < s.count; i++, row++) {
		screen_put_padded(row, 0, screen_columns(), STYLE_PLAIN, "");
		sheet_draw(&s, i, row, 0, screen_columns());
	}
	sheet_free(&s);
}

void frame_draw(const struct browser *b)
{
	screen_erase();
	draw_title(b);
	b->top->ops->draw(b->top, 1, MAX(screen_rows() - 2, 0));
	if (b->message.text[0])
		draw_message(b);
	else
		draw_keys(b);
	screen_show();
}

/* ---- asking ---- */

/* Appends a character; takes the last one away. */
static void type_in(char *text, size_t room, int code)
{
	size_t len = strlen(text);
	char bytes[MB_LEN_MAX];
	mbstate_t state = {0};
	size_t n;

	if (code == SCREEN_BACKSPACE) {
		while (len > 0 && ((unsigned char)text[--len] & 0xc0) == 0x80)
			;
		text[len] = 0;
		return;
	}
	if (code < ' ' || code >= SCREEN_NONE)
		return;
	n = wcrtomb(bytes, (wchar_t)code, &state);
	if (n == (size_t)-1 || len + n + 1 > room)
		return;
	memcpy(text + len, bytes, n);
	text[len + n] = 0;
}

bool browser_ask(struct browser *b, const char *question, char *answer, size_t room)
{
	for (;;) {
		int row = screen_rows() - 1, column;
		struct screen_key key;

		b->message.text[0] = 0;
		frame_draw(b);
		screen_put_padded(row, 0, screen_columns(), STYLE_PLAIN, "");
		column = screen_put(row, 0, screen_columns() / 2, STYLE_BOLD, question);
		column += screen_put(row, column, 1, STYLE_PLAIN, " ");
		column +=
			screen_put(row, column, screen_columns() - column - 1, STYLE_PLAIN, answer);
		screen_put(row, column, 1, STYLE_BAR, " ");
		screen_show();
		key = screen_read(-1);
		if (key.code == SCREEN_GONE)
			b->done = true;
		if (key.code == SCREEN_ESCAPE || key.code == SCREEN_INTERRUPT || b->done)
			return false;
		if (key.code == SCREEN_ENTER)
			return true;
		type_in(answer, room, key.code);
	}
}
