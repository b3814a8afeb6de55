// SPDX-License-Identifier: MIT
/* Owns how a number, a size and a memory's id are written. */
#include <ctype.h>
#include <inttypes.h>

#include "memmgr/memmgr.h"
#include "tools/cmd/cmd.h"

/* Digits at `text` into *out; *end is the first byte that is none. False: none, or too many. */
static bool read_digits(const char *text, uint64_t *out, const char **end)
{
	const char *p = text;

	*out = 0;
	for (; isdigit((unsigned char)*p); p++)
		if (mul_overflows(*out, (uint64_t)10, out) ||
		    add_overflows(*out, (uint64_t)(*p - '0'), out))
			return false;
	*end = p;
	return p != text && !(text[0] == '0' && p - text > 1);
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out, struct err *err)
{
	const char *end;
	uint64_t n;

	if (!read_digits(text, &n, &end) || *end || n < min || n > max) {
		if (max == UINT64_MAX)
			return err_set(err, -EINVAL, "'%s' is not a number from %" PRIu64 " up",
				       text, min);
		return err_set(err, -EINVAL, "'%s' is not a number from %" PRIu64 " to %" PRIu64,
			       text, min, max);
	}
	*out = n;
	return 0;
}

int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out, struct err *err)
{
	static const char units[] = "KMGT";
	const char *end;
	const char *unit;
	uint64_t n;
	bool good = read_digits(text, &n, &end);

	if (good && *end) {
		unit = strchr(units, *end);
		good = unit && !end[1] &&
		       !mul_overflows(n, UINT64_C(1) << (10 * (unit - units + 1)), &n);
	}
	if (!good || n < min || n > max)
		return err_set(
			err, -EINVAL,
			"'%s' is not a size in bytes (digits, then K, M, G or T if you like)",
			text);
	*out = n;
	return 0;
}

int parse_id(const char *text, uint64_t *out, struct err *err)
{
	if (parse_number(text, 0, MM_MAX_MEMORIES - 1, out, NULL) != 0)
		return err_set(err, -EINVAL, "'%s' is not a memory id: they go from 0 to %d", text,
			       MM_MAX_MEMORIES - 1);
	return 0;
}
