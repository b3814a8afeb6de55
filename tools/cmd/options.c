// SPDX-License-Identifier: MIT
/*
 * Reads a command line by a verb's tables, with getopt_long underneath; never prints.
 * Single-threaded, as getopt is.
 */
#include <getopt.h>

#include "tools/cmd/cmd.h"
#include "tools/cmd/names.h"

enum {
	MAX_OPTIONS = 64,
	KEY_HELP = 'h',
	KEY_FIRST = 256,         /* getopt's value of the first option in a table */
	BASE_PAGE_MAX = 1 << 23, /* 512 GiB: a canister has less */
};

uint64_t image_base_pages = CMD_UNSET;
bool image_trust_backing;

int cmd_base_page(const char *text, struct err *err)
{
	return parse_number(text, 0, BASE_PAGE_MAX, &image_base_pages, err);
}

static int list_add(struct cmd_list *list, const char *text, struct err *err)
{
	const char **item = reallocarray(list->item, list->count + 2, sizeof(*item));

	if (!item)
		return err_set(err, -ENOMEM, "out of memory");
	list->item = item;
	item[list->count++] = text;
	item[list->count] = NULL;
	return 0;
}

static int read_names(struct names **to, const char *path, struct err *err)
{
	names_free(*to);
	return names_read(path, to, err);
}

/* One word into its place. min and max both 0: no bounds. */
static int store_word(enum cmd_type type, void *to, const char *text, uint64_t min, uint64_t max,
		      const struct names *names, struct err *err)
{
	if (max == 0)
		max = CMD_UNSET - 1;
	switch (type) {
	case CMD_FLAG:
		*(bool *)to = true;
		return 0;
	case CMD_TEXT:
	case CMD_FILE:
	case CMD_DIR:
		*(const char **)to = text;
		return 0;
	case CMD_NUMBER:
		return parse_number(text, min, max, to, err);
	case CMD_SIZE:
		return parse_size(text, min, max, to, err);
	case CMD_ID:
	case CMD_ID_WRITE:
		return names_find(names, text, type == CMD_ID_WRITE, to, err);
	case CMD_NAMES:
		return read_names(to, text, err);
	case CMD_BASE:
		return cmd_base_page(text, err);
	case CMD_TRUST:
		image_trust_backing = true;
		return 0;
	case CMD_LIST:
	case CMD_REST:
		return list_add(to, text, err);
	}
	return err_set(err, -EINVAL, "unknown kind of word %d", (int)type);
}

static void *place(void *args, size_t where)
{
	return (char *)args + where;
}

static bool is_number(enum cmd_type type)
{
	return type == CMD_NUMBER || type == CMD_SIZE || type == CMD_ID || type == CMD_ID_WRITE;
}

/* What was not given is told from what was. */
static void set_unset(const struct verb *v, void *args)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		if (is_number(o->type))
			*(uint64_t *)place(args, o->where) = CMD_UNSET;
	for (const struct cmd_operand *o = v->operands; o && o->name; o++)
		if (is_number(o->type))
			*(uint64_t *)place(args, o->where) = CMD_UNSET;
}

/* The table in getopt's terms. longs and shorts have room for MAX_OPTIONS options. */
static void to_getopt(const struct cmd_option *options, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	*shorts++ = KEY_HELP;
	*longs++ = (struct option){"help", no_argument, NULL, KEY_HELP};
	for (int i = 0; options && options[i].name && i < MAX_OPTIONS - 2; i++) {
		const struct cmd_option *o = &options[i];

		*longs++ = (struct option){o->name, o->arg ? required_argument : no_argument, NULL,
					   KEY_FIRST + i};
		if (!o->letter)
			continue;
		*shorts++ = o->letter;
		if (o->arg)
			*shorts++ = ':';
	}
	*longs = (struct option){NULL, 0, NULL, 0};
	*shorts = 0;
}

static const struct cmd_option *option_of(const struct verb *v, int key)
{
	if (key >= KEY_FIRST)
		return &v->options[key - KEY_FIRST];
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		if (o->letter == key)
			return o;
	return NULL;
}

/* Those that were read, or NULL. */
static const struct names *names_in(const struct verb *v, void *args)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		if (o->type == CMD_NAMES)
			return *(struct names **)place(args, o->where);
	return NULL;
}

/* Either the names file alone, or all the other options: what an id means follows from it. */
static int parse_options(const struct verb *v, int argc, char **argv, bool names, void *args,
			 struct err *err)
{
	struct option longs[MAX_OPTIONS];
	char shorts[2 * MAX_OPTIONS + 2];
	int key;

	to_getopt(v->options, longs, shorts);
	opterr = 0;
	optind = 0;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct cmd_option *o = option_of(v, key);
		struct err why = {""};
		int rc;

		if (key == KEY_HELP && !o)
			return 1;
		if (key == '?' && optopt >= KEY_FIRST)
			return err_set(err, -EINVAL, "--%s takes no argument",
				       v->options[optopt - KEY_FIRST].name);
		if (key == '?' && optopt)
			return err_set(err, -EINVAL, "there is no option -%c", optopt);
		if (key == '?')
			return err_set(err, -EINVAL, "'%s' is no option here, or not a clear one",
				       argv[optind - 1]);
		if (key == ':')
			return err_set(err, -EINVAL, "option %s needs an argument",
				       argv[optind - 1]);
		if ((o->type == CMD_NAMES) != names)
			continue;
		rc = store_word(o->type, place(args, o->where), optarg, o->min, o->max,
				names_in(v, args), &why);
		if (rc)
			return err_set(err, rc, "--%s: %s", o->name, why.text);
	}
	return 0;
}

static int parse_operands(const struct verb *v, int argc, char **argv, void *args, struct err *err)
{
	const struct cmd_operand *o = v->operands;
	int n = optind;
	int rc;

	for (; o && o->name; o++) {
		if (n >= argc && o->optional)
			continue;
		if (n >= argc)
			return err_set(err, -EINVAL, "%s is missing", o->name);
		do {
			rc = store_word(o->type, place(args, o->where), argv[n++], 0, 0,
					names_in(v, args), err);
			if (rc)
				return rc;
		} while (o->type == CMD_REST && n < argc);
	}
	if (n < argc)
		return err_set(err, -EINVAL, "'%s' is one word too many", argv[n]);
	return 0;
}

int cmd_parse(const struct verb *v, int argc, char **argv, void *args, struct err *err)
{
	int rc;

	set_unset(v, args);
	rc = parse_options(v, argc, argv, true, args, err);
	if (rc == 0)
		rc = parse_options(v, argc, argv, false, args, err);
	return rc ? rc : parse_operands(v, argc, argv, args, err);
}

static void free_word(enum cmd_type type, void *at)
{
	if (type == CMD_LIST || type == CMD_REST)
		free(((struct cmd_list *)at)->item);
	if (type == CMD_NAMES)
		names_free(*(struct names **)at);
}

void cmd_parse_free(const struct verb *v, void *args)
{
	for (const struct cmd_option *o = v->options; o && o->name; o++)
		free_word(o->type, place(args, o->where));
	for (const struct cmd_operand *o = v->operands; o && o->name; o++)
		free_word(o->type, place(args, o->where));
}
