// SPDX-License-Identifier: MIT
/*
 * Text that others wrote, in a page. Holds no state, and knows nothing of pages.
 */
#include "tools/html/html.h"

/* How many bytes the UTF-8 character at `p` has, and which one it is; 0: it is none. */
static size_t char_at(const unsigned char *p, uint32_t *c)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if ((*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	*c = *p & first_bits[len];
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	return *c < least[len] || *c > 0x10ffff ? 0 : len;
}

/* Neither a control character, nor an order to the text around it, nor what XML forbids. */
static bool can_show(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe)
		return false;
	if ((c >= 0xd800 && c <= 0xdfff) || (c >= 0xfdd0 && c <= 0xfdef))
		return false;
	return !((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2060 && c <= 0x206f) || c == 0xfeff);
}

static void put_char(FILE *to, const char *p, size_t len)
{
	uint32_t c = 0;

	if (char_at((const unsigned char *)p, &c) == 0 || !can_show(c))
		fputs("&#xfffd;", to);
	else if (strchr("&<>\"'", *p))
		fprintf(to, "&#%d;", *p);
	else
		fwrite(p, 1, len, to);
}

/* At least one byte, so that whatever there is has an end. */
static size_t step(const char *p)
{
	uint32_t c;

	return MAX(char_at((const unsigned char *)p, &c), (size_t)1);
}

void html_text(FILE *to, const char *text, size_t max)
{
	size_t count = 0, shown;

	for (const char *p = text; *p; count++)
		p += step(p);
	shown = count > max ? max - 1 : count;
	if (count > max)
		fputs("&#x2026;", to);
	for (const char *p = text; *p; count--) {
		size_t len = step(p);

		if (count <= shown)
			put_char(to, p, len);
		p += len;
	}
}
