// SPDX-License-Identifier: MIT
/*
 * --help, from the verbs' tables. Prints, decides nothing.
 */
#include <stdarg.h>

#include "tools/main.h"

enum { WIDTH = 79, HELP_COLUMN = 28 };

/*
 * Words up to WIDTH columns a line, from `column` on; further lines begin at `indent`. Line breaks
 * in the text count as blanks, but an empty line stays one, and so does a line that begins with a
 * blank.
 */
static void put_wrapped(FILE *to, const char *text, int column, int indent)
{
	bool fresh = true; /* nothing on this line yet */

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (fresh && *text == ' ') {
			len = (int)strcspn(text, "\n");
			fprintf(to, "%.*s\n", len, text);
			text += len + (text[len] == '\n');
			continue;
		}
		if (!fresh && column + 1 + len > WIDTH) {
			fprintf(to, "\n%*s", indent, "");
			column = indent;
			fresh = true;
		}
		if (len > 0)
			column += fprintf(to, "%s%.*s", fresh ? "" : " ", len, text);
		fresh = fresh && len == 0;
		text += len;
		if (*text == '\n' && (text[1] == '\n' || text[1] == ' ')) {
			fputs(text[1] == '\n' ? "\n\n" : "\n", to);
			column = indent;
			fresh = true;
			text += text[1] == '\n';
		}
		text += *text != 0;
	}
	if (!fresh)
		putc('\n', to);
}

static void put_padded(FILE *to, int have, int want)
{
	fprintf(to, "%*s", have < want ? want - have : 1, "");
}

void help_overview(FILE *to)
{
	const char *heading = NULL;
	const struct verb *v;

	fputs("usage: canisterfs VERB [OPTION...] OPERAND...\n"
	      "       canisterfs IMAGE MOUNTPOINT [-o OPTION,...]\n"
	      "\n"
	      "Mounts and mends images of Internet Computer stable memory.\n",
	      to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		int n;

		if (verb_heading(v) != heading)
			fprintf(to, "\n%s:\n", verb_heading(v));
		heading = verb_heading(v);
		n = fprintf(to, "  %s", v->name);
		put_padded(to, n, 14);
		fprintf(to, "%s\n", v->summary);
	}
	fputs("\n'canisterfs VERB --help' explains a verb, and 'man canisterfs' the whole.\n", to);
}

/* One word of the synopsis, which is not broken; on a new line where it does not fit. */
static void PRINTF(4, 5) put_unbroken(FILE *to, int *column, int indent, const char *fmt, ...)
{
	char word[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	if (*column + 1 + len > WIDTH) {
		fprintf(to, "\n%*s", indent, "");
		*column = indent;
	}
	*column += fprintf(to, " %s", word);
}

static void put_synopsis(const struct verb *v, FILE *to)
{
	int column = fprintf(to, "usage: canisterfs %s", v->name);
	int indent = column;

	for (const struct cmd_option *o = v->options; o && o->name; o++) {
		const char *open = o->required ? "" : "[", *close = o->required ? "" : "]";

		if (o->letter && o->type == CMD_LIST)
			put_unbroken(to, &column, indent, "%s-%c %s%s...", open, o->letter, o->arg,
				     close);
		else
			put_unbroken(to, &column, indent, "%s--%s%s%s%s", open, o->name,
				     o->arg ? " " : "", o->arg ? o->arg : "", close);
	}
	for (const struct cmd_operand *o = v->operands; o && o->name; o++)
		put_unbroken(to, &column, indent, "%s%s%s%s", o->optional ? "[" : "", o->name,
			     o->type == CMD_REST ? "..." : "", o->optional ? "]" : "");
	putc('\n', to);
}

static void put_option(FILE *to, char letter, const char *name, const char *arg, const char *help)
{
	int n;

	if (letter)
		n = fprintf(to, "  -%c, --%s", letter, name);
	else
		n = fprintf(to, "      --%s", name);
	if (arg)
		n += fprintf(to, " %s", arg);
	if (n >= HELP_COLUMN) {
		putc('\n', to);
		n = 0;
	}
	put_padded(to, n, HELP_COLUMN);
	put_wrapped(to, help, HELP_COLUMN, HELP_COLUMN);
}

void help_verb(const struct verb *v, FILE *to)
{
	put_synopsis(v, to);
	putc('\n', to);
	put_wrapped(to, v->text, 0, 0);
	fputs("\nOptions:\n", to);
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		put_option(to, o->letter, o->name, o->arg, o->help);
	put_option(to, 'h', "help", NULL, "print this and exit");
}
