// SPDX-License-Identifier: MIT
/*
 * See text.h. Holds no state; main has set the locale.
 */
#include "tools/out/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <langinfo.h>
#include <sys/ioctl.h>

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

struct text text_plural(uint64_t n, const char *noun)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.26s %.16s%s", text_count(n).s, noun, n == 1 ? "" : "s");
	return t;
}

void text_put(FILE *to, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (iscntrl(c))
			fprintf(to, "\\x%02x", c);
		else
			putc(c, to);
	}
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
