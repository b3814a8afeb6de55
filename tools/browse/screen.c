// SPDX-License-Identifier: MIT
/* See screen.h. One thread at a time. */
#include "tools/browse/screen.h"

#include <curses.h>
#include <stdarg.h>
#include <termios.h>
#include <wchar.h>

enum {
	ESCAPE_MS = 25, /* a terminal's own sequences come at once */
	ERRORS_MAX = 100,
};

static SCREEN *screen;
static struct term term;

static void set_keys(void)
{
	struct termios mode;

	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	/* Ctrl-C is a key: it ends what runs for long. */
	if (tcgetattr(STDIN_FILENO, &mode) == 0) {
		mode.c_cc[VINTR] = _POSIX_VDISABLE;
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
		def_prog_mode();
	}
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
}

int screen_open(struct err *err)
{
	const char *type = getenv("TERM");

	term = term_of(STDOUT_FILENO);
	if (!term.tty || !isatty(STDIN_FILENO))
		return err_set(err, -ENOTTY, "needs a terminal for its keys and its picture");
	screen = type ? newterm(type, stdout, stdin) : NULL;
	if (!screen || !tigetstr("cup")) {
		screen_close();
		return err_set(err, -ENOTSUP,
			       "the terminal '%s' is not known here, or cannot move its cursor",
			       type ? type : "");
	}
	set_keys();
	curs_set(0);
	if (term.colour && has_colors()) {
		start_color();
		use_default_colors();
	}
	term.colour = term.colour && has_colors() && COLORS >= 256;
	return 0;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

int screen_rows(void)
{
	return LINES;
}

int screen_columns(void)
{
	return COLS;
}

struct term screen_term(void)
{
	struct term t = term;

	t.width = (unsigned)COLS;
	return t;
}

void screen_erase(void)
{
	erase();
}

void screen_show(void)
{
	refresh();
}

void screen_show_anew(void)
{
	clearok(curscr, TRUE);
	refresh();
}

/* Few pairs of colours are in use at a time: ncurses keeps them. */
static short pair_of(struct style style)
{
	int pair;

	if (!term.colour || (style.fg < 0 && style.bg < 0))
		return 0;
	pair = alloc_pair(style.fg, style.bg);
	return pair > 0 ? (short)pair : 0;
}

static void set_style(struct style style)
{
	attr_t attributes = 0;

	if (style.bold)
		attributes |= A_BOLD;
	if (style.dim)
		attributes |= A_DIM;
	if (style.reverse)
		attributes |= A_REVERSE;
	attr_set(attributes, pair_of(style), NULL);
}

/* How much of the printable text fits: its bytes, and in *columns its columns. */
static size_t fit(const char *text, int width, int *columns)
{
	mbstate_t state = {0};
	size_t len = 0;

	*columns = 0;
	while (text[len]) {
		wchar_t c;
		size_t n = mbrtowc(&c, text + len, MB_CUR_MAX, &state);
		int wide;

		if (n == 0 || n > MB_CUR_MAX)
			break;
		wide = MAX(wcwidth(c), 0);
		if (*columns + wide > width)
			break;
		*columns += wide;
		len += n;
	}
	return len;
}

/* The text as the printer prints it, for free(). */
static char *printable(const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	if (!to)
		return NULL;
	text_put(to, text);
	if (fclose(to) == 0)
		return out;
	free(out);
	return NULL;
}

int screen_put(int row, int column, int width, struct style style, const char *text)
{
	auto_free char *shown = printable(text);
	int columns;
	size_t len;

	width = MIN(width, COLS - column);
	if (!shown || row < 0 || row >= LINES || column < 0 || width <= 0)
		return 0;
	len = fit(shown, width, &columns);
	set_style(style);
	if (!shown[len]) {
		mvaddnstr(row, column, shown, (int)len);
		return columns;
	}
	len = fit(shown, width - 1, &columns);
	mvaddnstr(row, column, shown, (int)len);
	mvaddstr(row, column + columns, term.utf8 ? "…" : ">");
	return columns + 1;
}

int screen_print(int row, int column, int width, struct style style, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return text ? screen_put(row, column, width, style, text) : 0;
}

void screen_put_padded(int row, int column, int width, struct style style, const char *text)
{
	int used = screen_put(row, column, width, style, text);

	width = MIN(width, COLS - column);
	if (row < 0 || row >= LINES || column < 0)
		return;
	set_style(style);
	for (; used < width; used++)
		mvaddch(row, column + used, ' ');
}

static struct screen_key mouse_key(void)
{
	struct screen_key key = {.code = SCREEN_NONE};
	MEVENT event;

	if (getmouse(&event) != OK)
		return key;
	key.row = event.y;
	key.column = event.x;
	if (event.bstate & BUTTON4_PRESSED)
		key.code = SCREEN_WHEEL_UP;
	else if (event.bstate & BUTTON5_PRESSED)
		key.code = SCREEN_WHEEL_DOWN;
	else if (event.bstate & BUTTON1_PRESSED)
		key.code = SCREEN_CLICK;
	return key;
}

static struct screen_key special_key(wint_t c)
{
	static const struct {
		wint_t curses;
		int code;
	} keys[] = {
		{KEY_UP, SCREEN_UP},          {KEY_DOWN, SCREEN_DOWN},
		{KEY_LEFT, SCREEN_LEFT},      {KEY_RIGHT, SCREEN_RIGHT},
		{KEY_PPAGE, SCREEN_PAGE_UP},  {KEY_NPAGE, SCREEN_PAGE_DOWN},
		{KEY_HOME, SCREEN_HOME},      {KEY_END, SCREEN_END},
		{KEY_ENTER, SCREEN_ENTER},    {KEY_BACKSPACE, SCREEN_BACKSPACE},
		{KEY_RESIZE, SCREEN_RESIZED},
	};

	if (c == KEY_MOUSE)
		return mouse_key();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].curses == c)
			return (struct screen_key){.code = keys[i].code};
	return (struct screen_key){.code = SCREEN_NONE};
}

struct screen_key screen_read(int wait_ms)
{
	wint_t c;

	timeout(wait_ms);
	for (int errors = 0; errors < ERRORS_MAX; errors++) {
		int rc = get_wch(&c);

		if (rc == KEY_CODE_YES)
			return special_key(c);
		if (rc == OK && (c == 127 || c == '\b'))
			return (struct screen_key){.code = SCREEN_BACKSPACE};
		if (rc == OK)
			return (struct screen_key){.code = c == '\r' ? '\n' : (int)c};
		if (wait_ms >= 0)
			return (struct screen_key){.code = SCREEN_NONE};
	}
	return (struct screen_key){.code = SCREEN_GONE};
}
