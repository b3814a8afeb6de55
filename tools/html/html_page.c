// SPDX-License-Identifier: MIT
/*
 * The frame of a page, and the boxes in it.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <time.h>

#include "tools/html/html.h"

/* The policy names the one style sheet by its hash: no other style, and no script, image or form,
 * is accepted, wherever it would come from. */
static void put_policy(FILE *to)
{
	unsigned char sum[SHA256_DIGEST_LENGTH], base64[2 * SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)html_style, strlen(html_style), sum);
	EVP_EncodeBlock(base64, sum, sizeof(sum));
	fprintf(to,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\"/>\n",
		(const char *)base64);
}

/* Slack is drawn through these lines; pictures refer to them. */
static const char hatch[] =
	"<svg class=\"hatch\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
	"<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><rect class=\"under\" width=\"5\" height=\"5\"/>"
	"<rect class=\"over\" width=\"2\" height=\"5\"/></pattern></defs></svg>\n";

void html_begin(FILE *to, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n", to);
	put_policy(to);
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
	      to);
	html_text(to, title, 200);
	fprintf(to, "</title>\n<style>%s</style>\n</head>\n<body>\n%s<main>\n<h1>", html_style,
		hatch);
	html_text(to, title, 200);
	fputs("</h1>\n", to);
}

void html_made_by(FILE *to, const char *verb)
{
	const char *told = getenv("SOURCE_DATE_EPOCH");
	time_t now = told ? (time_t)strtoll(told, NULL, 10) : time(NULL);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), " on %Y-%m-%d at %H:%M UTC", &tm);
	fprintf(to, "<p class=\"made\">Made by canisterfs %s %s%s.</p>\n", verb, CANISTERFS_VERSION,
		date);
}

void html_end(FILE *to, const char *footer)
{
	fprintf(to, "<footer>%s</footer>\n</main>\n</body>\n</html>\n", footer);
}

void html_tiles_begin(FILE *to)
{
	fputs("<div class=\"tiles\">\n", to);
}

void html_tile(FILE *to, const char *class, const char *value, const char *words)
{
	fprintf(to, "<div class=\"tile %s\"><b>%s</b><span>%s</span></div>\n", class, value, words);
}

void html_tiles_end(FILE *to)
{
	fputs("</div>\n", to);
}

void html_section(FILE *to, const char *title, const char *text)
{
	fprintf(to, "<section>\n<h2>%s</h2>\n<p>%s</p>\n", title, text);
}

void html_section_end(FILE *to)
{
	fputs("</section>\n", to);
}

void html_broad(FILE *to)
{
	fputs("<div class=\"broad\">\n", to);
}

void html_broad_end(FILE *to)
{
	fputs("</div>\n", to);
}
