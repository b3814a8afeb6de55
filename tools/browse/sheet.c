// SPDX-License-Identifier: MIT
/* See sheet.h. */
#include "tools/browse/sheet.h"

#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

struct span {
	struct style style;
	size_t off; /* of its text, which ends with a 0, in the line's */
};

struct sheet_line {
	struct buf text;
	struct span *span;
	size_t spans;
};

static struct sheet_line *last_line(struct sheet *s)
{
	struct sheet_line *grown = s->line;

	if (s->open)
		return &s->line[s->count - 1];
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 32;

		grown = reallocarray(grown, room, sizeof(*grown));
		if (!grown) {
			s->failed = true;
			return NULL;
		}
		s->line = grown;
		s->room = room;
	}
	s->open = true;
	s->line[s->count] = (struct sheet_line){.spans = 0};
	return &s->line[s->count++];
}

static bool is_same_style(struct style a, struct style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.bold == b.bold && a.dim == b.dim &&
	       a.reverse == b.reverse;
}

static void put_bytes(struct sheet *s, struct style style, const char *text, size_t len)
{
	struct sheet_line *line = last_line(s);
	struct span *last = line && line->spans ? &line->span[line->spans - 1] : NULL;

	if (!line)
		return;
	if (last && is_same_style(last->style, style)) {
		line->text.len--; /* the 0 */
	} else {
		struct span *grown = reallocarray(line->span, line->spans + 1, sizeof(*grown));

		if (!grown) {
			s->failed = true;
			return;
		}
		line->span = grown;
		grown[line->spans++] = (struct span){style, line->text.len};
	}
	buf_add(&line->text, text, len);
	buf_add(&line->text, "", 1);
	s->failed = s->failed || line->text.failed;
}

void sheet_put(struct sheet *s, struct style style, const char *text)
{
	put_bytes(s, style, text, strlen(text));
}

void sheet_end_line(struct sheet *s)
{
	(void)last_line(s);
	s->open = false;
}

/* The columns of so many bytes, as they are printed: a byte that is no character takes four. */
static int columns_of(const char *text, size_t len)
{
	mbstate_t state = {0};
	int columns = 0;

	while (len > 0) {
		wchar_t c = 0;
		size_t n = mbrtowc(&c, text, len, &state);

		if (n == 0 || n > len) {
			state = (mbstate_t){0};
			n = 1;
			columns += 4;
		} else {
			columns += iswprint((wint_t)c) ? MAX(wcwidth(c), 0) : 4 * (int)n;
		}
		text += n;
		len -= n;
	}
	return columns;
}

/* As many bytes as fit into the width; at least one character. */
static size_t fitting(const char *text, size_t len, int width)
{
	size_t used = 0;

	while (used < len) {
		size_t n = 1;

		while (used + n < len && ((unsigned char)text[used + n] & 0xc0) == 0x80)
			n++;
		width -= columns_of(text + used, n);
		if (width < 0 && used > 0)
			break;
		used += n;
	}
	return used;
}

/* Where to break a line that is too long: behind the last blank that fits, if there is one. */
static size_t break_of(const char *text, size_t len, int width)
{
	size_t fits = fitting(text, len, width);

	if (fits == len)
		return len;
	for (size_t n = fits; n > fits / 2; n--)
		if (text[n - 1] == ' ')
			return n;
	return fits;
}

static void add_line(struct sheet *s, struct style style, int width, int indent, const char *text,
		     size_t len)
{
	int margin = 0;

	width = MAX(width, 8);
	indent = MIN(indent, width / 2);
	do {
		size_t n = break_of(text, len, width - margin);

		for (int i = 0; i < margin; i++)
			put_bytes(s, style, " ", 1);
		put_bytes(s, style, text, n);
		sheet_end_line(s);
		text += n;
		len -= n;
		margin = indent;
	} while (len > 0 && !s->failed);
}

void sheet_add(struct sheet *s, struct style style, int width, int indent, const char *text)
{
	while (*text && !s->failed) {
		size_t len = strcspn(text, "\n");

		add_line(s, style, width, indent, text, len);
		text += len + (text[len] == '\n');
	}
}

static void pen_put(void *ctx, int fg, int bg, const char *text)
{
	sheet_put(ctx, (struct style){.fg = fg, .bg = bg}, text);
}

static void pen_end_line(void *ctx)
{
	sheet_end_line(ctx);
}

struct pen sheet_pen(struct sheet *s)
{
	return (struct pen){.put = pen_put, .end_line = pen_end_line, .ctx = s};
}

void sheet_draw(const struct sheet *s, size_t n, int row, int column, int width)
{
	const struct sheet_line *line = &s->line[n];
	int end = column + width;

	for (size_t i = 0; i < line->spans && column < end && !line->text.failed; i++)
		column += screen_put(row, column, end - column, line->span[i].style,
				     line->text.data + line->span[i].off);
}

bool sheet_has(const struct sheet *s, size_t n, const char *text)
{
	const struct sheet_line *line = &s->line[n];

	for (size_t i = 0; i < line->spans && !line->text.failed; i++)
		if (strcasestr(line->text.data + line->span[i].off, text))
			return true;
	return false;
}

void sheet_free(struct sheet *s)
{
	for (size_t i = 0; i < s->count; i++) {
		buf_free(&s->line[i].text);
		free(s->line[i].span);
	}
	free(s->line);
	*s = (struct sheet){NULL};
}
