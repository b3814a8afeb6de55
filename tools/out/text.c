// SPDX-License-Identifier: MIT
/*
 * See text.h. Holds no state; main has set the locale.
 */
#include "tools/out/text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <wchar.h>
#include <wctype.h>

struct text text_size(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct text t;
	unsigned unit = 0;
	uint64_t one;

	while (unit + 1 < ARRAY_LEN(units) && bytes >> (10 * unit) >= 1024)
		unit++;
	one = UINT64_C(1) << (10 * unit);
	if (bytes % one == 0)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " %s", bytes / one, units[unit]);
	else
		snprintf(t.s, sizeof(t.s), "%.1f %s", (double)bytes / (double)one, units[unit]);
	return t;
}

struct text text_count(uint64_t n)
{
	char digits[24];
	struct text t = {""};
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *to = t.s;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = 0;
	return t;
}

struct text text_scaled(uint64_t n)
{
	static const char *const units[] = {"", " k", " M", " G", " T"};
	double scaled = (double)n;
	unsigned unit = 0;
	struct text t;

	for (; scaled >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
		scaled /= 1000;
	snprintf(t.s, sizeof(t.s), "%.*f%s", unit ? 2 : 0, scaled, units[unit]);
	return t;
}

struct text text_plural(uint64_t n, const char *noun)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.26s %.16s%s", text_count(n).s, noun, n == 1 ? "" : "s");
	return t;
}

/* Some characters order the text around them: they change its direction. */
static bool turns_text(unsigned c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The length of the character at `text`, if a terminal shows it as a character and not as an order;
 * 0: it does not. */
static size_t shown_len(const char *text)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t len = mbrtowc(&c, text, MB_CUR_MAX, &state);

	if (len == (size_t)-1 || len == (size_t)-2 || !iswprint((wint_t)c))
		return 0;
	return turns_text((unsigned)c) ? 0 : len;
}

size_t text_order(const char *p, size_t len, unsigned *c)
{
	const uint8_t *b = (const uint8_t *)p;

	if (len >= 1 && b[0] == 0x7f) {
		*c = 0x7f;
		return 1;
	}
	if (len >= 2 && b[0] == 0xc2 && b[1] >= 0x80 && b[1] <= 0x9f) {
		*c = b[1];
		return 2;
	}
	if (len < 3 || b[0] != 0xe2)
		return 0;
	*c = 0x2000u | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
	return turns_text(*c) ? 3 : 0;
}

void text_put(FILE *to, const char *text)
{
	while (*text) {
		size_t len = shown_len(text);

		if (len == 0)
			fprintf(to, "\\x%02x", (unsigned char)*text++);
		for (; len > 0; len--)
			putc(*text++, to);
	}
}

/* The sentence with another byte in the place of each newline that is the format's own. */
static char *PRINTF(1, 0) marked(const char *fmt, va_list args, char mark)
{
	auto_free char *with = strdup(fmt);
	char *text;

	for (char *p = with ? strchr(with, '\n') : NULL; p; p = strchr(p, '\n'))
		*p = mark;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (!with || vasprintf(&text, with, args) < 0)
		return NULL;
#pragma GCC diagnostic pop
	return text;
}

/* A newline of the format is where the two differ; all others came with the arguments. */
static void PRINTF(2, 0) print(FILE *to, const char *fmt, va_list args)
{
	auto_free char *one = NULL, *two = NULL;
	va_list again;
	char *begin;

	va_copy(again, args);
	one = marked(fmt, args, 1);
	two = marked(fmt, again, 2);
	va_end(again);
	begin = one;
	for (size_t i = 0; one && two; i++) {
		if (one[i] && one[i] == two[i])
			continue;
		two[i] = one[i];
		one[i] = 0;
		text_put(to, begin);
		begin = one + i + 1;
		if (!two[i])
			break;
		putc('\n', to);
	}
}

void text_print(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print(stdout, fmt, args);
	va_end(args);
}

void text_print_to(FILE *to, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print(to, fmt, args);
	va_end(args);
}

static unsigned width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long n;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	n = columns ? strtoul(columns, NULL, 10) : 0;
	return n > 0 && n < 10000 ? (unsigned)n : TERM_WIDTH_DEFAULT;
}

struct term term_of(int fd)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *type = getenv("TERM");
	struct term t = {.tty = isatty(fd), .width = width_of(fd)};

	t.colour = t.tty && !(no_colour && *no_colour) && type && strcmp(type, "dumb") != 0;
	t.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return t;
}
