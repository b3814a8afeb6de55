// SPDX-License-Identifier: MIT
/*
 * --help, from the verbs' tables. Prints, decides nothing.
 */
#include "tools/cmd.h"

static void put_padded(FILE *to, int have, int want)
{
	fprintf(to, "%*s", have < want ? want - have : 1, "");
}

void help_overview(FILE *to)
{
	const struct verb *v;

	fputs("usage: canisterfs VERB [OPTION...] OPERAND...\n"
	      "       canisterfs IMAGE MOUNTPOINT [-o OPTION,...]\n"
	      "\n"
	      "Mounts and mends images of Internet Computer stable memory.\n"
	      "\n",
	      to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		int n = fprintf(to, "  %s", v->name);

		put_padded(to, n, 14);
		fprintf(to, "%s\n", v->summary);
	}
	fputs("\n'canisterfs VERB --help' explains a verb, and 'man canisterfs' the whole.\n", to);
}

void help_synopsis(const struct verb *v, FILE *to)
{
	fprintf(to, "canisterfs %s", v->name);
	for (const struct cmd_option *o = v->options; o && o->name; o++) {
		const char *open = o->required ? "" : "[", *close = o->required ? "" : "]";

		if (o->letter && o->type == CMD_LIST)
			fprintf(to, " %s-%c %s%s...", open, o->letter, o->arg, close);
		else
			fprintf(to, " %s--%s%s%s%s", open, o->name, o->arg ? " " : "",
				o->arg ? o->arg : "", close);
	}
	for (const struct cmd_operand *o = v->operands; o && o->name; o++)
		fprintf(to, " %s%s%s%s", o->optional ? "[" : "", o->name,
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
	if (n >= 28) {
		putc('\n', to);
		n = 0;
	}
	put_padded(to, n, 28);
	fprintf(to, "%s\n", help);
}

void help_verb(const struct verb *v, FILE *to)
{
	fputs("usage: ", to);
	help_synopsis(v, to);
	fprintf(to, "\n%s\n\nOptions:\n", v->text);
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		put_option(to, o->letter, o->name, o->arg, o->help);
	put_option(to, 'h', "help", NULL, "print this and exit");
}
