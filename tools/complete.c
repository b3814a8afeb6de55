// SPDX-License-Identifier: MIT
/*
 * What may stand at the last of some words: the shell's completion asks here, so that it knows what
 * the verbs' tables know. Reads images only to list the ids in them; never complains.
 */
#include "tools/cmd.h"
#include "tools/image.h"

static void list_verbs(void)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		puts(v->name);
}

static void list_options(const struct verb *v)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		printf("--%s\n", o->name);
	puts("--help");
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

/* `first` is the first operand so far, or NULL. */
static void list_values(enum cmd_type type, const char *first)
{
	if (type == CMD_ID)
		list_ids(first);
	if (type == CMD_FILE || type == CMD_REST)
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
	const char *first = NULL;
	size_t operands = 0;

	for (int i = 1; i < argc - 1; i++) {
		o = option_named(v, argv[i]);
		if (o && o->arg && i == argc - 2) {
			list_values(o->type, first);
			return;
		}
		if (o && o->arg)
			i++;
		else if (argv[i][0] != '-' && operands++ == 0)
			first = argv[i];
	}
	if (argv[argc - 1][0] == '-') {
		list_options(v);
		return;
	}
	operand = operand_at(v, operands);
	if (operand)
		list_values(operand->type, first);
}

void complete(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 2) {
		list_verbs();
		puts("help\n--help\n--version");
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
