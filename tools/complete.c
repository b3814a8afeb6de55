// SPDX-License-Identifier: MIT
/*
 * What may stand at the last of some words: the shell's completion asks here, so that it knows what
 * the verbs' tables know. Reads images only to list the ids in them; never complains.
 */
#include "tools/cmd/names.h"
#include "tools/image/image_open.h"
#include "tools/main.h"

/* Whether a candidate is followed by a tab and what it means. */
static bool described;

static void put_candidate(const char *dashes, const char *word, const char *meaning)
{
	printf("%s%s", dashes, word);
	if (described && meaning)
		printf("\t%s", meaning);
	putchar('\n');
}

static void list_verbs(void)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		put_candidate("", v->name, v->summary);
}

static void list_options(const struct verb *v)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		put_candidate("--", o->name, o->help);
	put_candidate("--", "help", "explain the verb");
}

static void list_ids(const char *path)
{
	auto_image struct image img = {NULL, NULL};

	if (!path || image_open(path, false, &img, NULL) != 0)
		return;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(img.mm, id, &m);
		if (m.pages > 0)
			printf("%u\n", id);
	}
}

/* Of the memories that may be chosen. */
static void list_names(const char *path, bool writes)
{
	auto_names struct names *names = NULL;

	if (!path || names_read(path, &names, NULL) != 0)
		return;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (names_of(names, id) && names_allow(names, id, writes, NULL) == 0)
			puts(names_of(names, id));
}

/* What was said so far, or NULL: the first operand, and the names file. */
struct said {
	const char *first, *names;
};

static void list_values(enum cmd_type type, const struct said *said)
{
	if (type == CMD_ID || type == CMD_ID_WRITE) {
		list_ids(said->first);
		list_names(said->names, type == CMD_ID_WRITE);
	}
	if (type == CMD_FILE || type == CMD_NAMES || type == CMD_REST)
		puts(":file");
	if (type == CMD_DIR)
		puts(":dir");
}

static const struct cmd_option *option_named(const struct verb *v, const char *word)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++) {
		if (word[0] == '-' && word[1] == '-' && strcmp(word + 2, o->name) == 0)
			return o;
		if (word[0] == '-' && word[1] && word[1] == o->letter && !word[2])
			return o;
	}
	return NULL;
}

/* The operand that stands behind `n` others, or NULL. */
static const struct cmd_operand *operand_at(const struct verb *v, size_t n)
{
	const struct cmd_operand *o = v->operands;

	for (; o && o->name; o++)
		if (n-- == 0 || o->type == CMD_REST)
			return o;
	return NULL;
}

static void complete_verb(const struct verb *v, int argc, char **argv)
{
	const struct cmd_operand *operand;
	const struct cmd_option *o;
	struct said said = {NULL, NULL};
	size_t operands = 0;

	for (int i = 1; i < argc - 1; i++) {
		o = option_named(v, argv[i]);
		if (o && o->arg && i == argc - 2) {
			list_values(o->type, &said);
			return;
		}
		if (o && o->type == CMD_NAMES)
			said.names = argv[i + 1];
		if (o && o->arg)
			i++;
		else if (argv[i][0] != '-' && operands++ == 0)
			said.first = argv[i];
	}
	if (argv[argc - 1][0] == '-') {
		list_options(v);
		return;
	}
	operand = operand_at(v, operands);
	if (operand)
		list_values(operand->type, &said);
}

static void list_first_words(void)
{
	list_verbs();
	put_candidate("", "help", "list the verbs, or explain one");
	put_candidate("--", "help", "list the verbs");
	put_candidate("--", "version", "say which canisterfs this is");
}

void complete(int argc, char **argv, bool describe)
{
	const struct verb *v;

	described = describe;
	if (argc < 2) {
		list_first_words();
		return;
	}
	v = verb_named(argv[0]);
	if (v)
		complete_verb(v, argc, argv);
	else if (strcmp(argv[0], "help") == 0)
		list_verbs();
	else
		puts(":file");
}
