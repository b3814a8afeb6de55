// SPDX-License-Identifier: MIT
/* The command line, read by a verb's tables. */
#include <stdio.h>

#include "tests/unit/test.h"
#include "tools/cmd/cmd.h"

struct args {
	bool flag;
	const char *text;
	uint64_t number, size, id;
	struct cmd_list list, rest;
	const char *file;
};

static const struct cmd_option options[] = {
	{"flag", 'f', CMD_FLAG, WHERE(struct args, flag), NULL, ""},
	{"text", 't', CMD_TEXT, WHERE(struct args, text), "TEXT", ""},
	{"number", 'n', CMD_NUMBER, WHERE(struct args, number), "N", "", 1, 10},
	{"size", 0, CMD_SIZE, WHERE(struct args, size), "BYTES", ""},
	{"list", 'o', CMD_LIST, WHERE(struct args, list), "WORD", ""},
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"FILE", CMD_FILE, WHERE(struct args, file)},
	{"ID", CMD_ID, WHERE(struct args, id), .optional = true},
	{"WORD", CMD_REST, WHERE(struct args, rest), .optional = true},
	{NULL},
};

static const struct verb verb = {
	.name = "verb",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct args),
};

/* Parses blank-separated words. */
static int parse(const char *line, struct args *args, struct err *err)
{
	static char words[256];
	char *argv[32] = {"verb"};
	int argc = 1, rc;
	char *rest = words;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			argv[argc++] = word;
	memset(args, 0, sizeof(*args));
	rc = cmd_parse(&verb, argc, argv, args, err);
	return rc;
}

static void words_go_to_their_places(void **state)
{
	struct args a;

	assert_ok(parse("-f --text=x a -n 10 --size 3K 254", &a, NULL));
	assert_true(a.flag);
	assert_string_equal(a.text, "x");
	assert_int_equal(a.number, 10);
	assert_int_equal(a.size, 3072);
	assert_string_equal(a.file, "a");
	assert_int_equal(a.id, 254);
	assert_int_equal(a.rest.count, 0);
	cmd_parse_free(&verb, &a);
}

static void what_is_not_given_is_told_from_what_is(void **state)
{
	struct args a;

	assert_ok(parse("a", &a, NULL));
	assert_false(a.flag);
	assert_null(a.text);
	assert_true(a.number == CMD_UNSET && a.size == CMD_UNSET && a.id == CMD_UNSET);
	assert_null(a.list.item);
	cmd_parse_free(&verb, &a);
}

static void lists_end_with_null(void **state)
{
	struct args a;

	assert_ok(parse("-o one a --list two 3 -- -x y", &a, NULL));
	assert_int_equal(a.list.count, 2);
	assert_string_equal(a.list.item[1], "two");
	assert_null(a.list.item[2]);
	assert_int_equal(a.rest.count, 2);
	assert_string_equal(a.rest.item[0], "-x");
	assert_null(a.rest.item[2]);
	cmd_parse_free(&verb, &a);
}

static void bad_lines_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{"", "FILE is missing"},
		{"a 255", "'255' is not a memory id"},
		{"a -n 0", "--number: '0' is not a number from 1 to 10"},
		{"a -n 11", "--number: '11' is not a number from 1 to 10"},
		{"a --size 1k", "--size: '1k' is not a size"},
		{"a --size 99999999999G", "--size: '99999999999G' is not a size"},
		{"a -x", "there is no option -x"},
		{"a --flog", "'--flog' is no option here"},
		{"a --flag=1", "--flag takes no argument"},
		{"a --text", "option --text needs an argument"},
		{"a -t", "option -t needs an argument"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {""};
		struct args a;

		assert_errno_err(EINVAL, parse(bad[i].line, &a, &err), &err);
		assert_says(err.text, bad[i].why);
		cmd_parse_free(&verb, &a);
	}
}

static void help_is_asked_for_wherever_it_stands(void **state)
{
	static const char *const lines[] = {"--help", "-h", "a -f -h", "a 1 2 3 --help"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct args a;

		assert_int_equal(parse(lines[i], &a, NULL), 1);
		cmd_parse_free(&verb, &a);
	}
}

static void numbers_are_decimal_digits_and_nothing_else(void **state)
{
	static const char *const bad[] = {"",    "-1", "+1", " 1",  "1 ",
					  "0x1", "01", "1.", "1e3", "18446744073709551616"};
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_errno(EINVAL, parse_number(bad[i], 0, UINT64_MAX, &n, NULL));
		assert_errno(EINVAL, parse_id(bad[i], &n, NULL));
		assert_errno(EINVAL, parse_size(bad[i], 0, UINT64_MAX, &n, NULL));
	}
	assert_ok(parse_number("18446744073709551615", 0, UINT64_MAX, &n, NULL));
	assert_true(n == UINT64_MAX);
	assert_ok(parse_id("0", &n, NULL));
	assert_int_equal(n, 0);
	assert_ok(parse_size("16383T", 0, UINT64_MAX, &n, NULL));
	assert_true(n == UINT64_C(16383) << 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_go_to_their_places),
		cmocka_unit_test(what_is_not_given_is_told_from_what_is),
		cmocka_unit_test(lists_end_with_null),
		cmocka_unit_test(bad_lines_are_refused_with_a_reason),
		cmocka_unit_test(help_is_asked_for_wherever_it_stands),
		cmocka_unit_test(numbers_are_decimal_digits_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
