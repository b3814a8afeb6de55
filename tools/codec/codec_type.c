// SPDX-License-Identifier: MIT
/*
 * Owns the codecs that are made of others, as the library's types are, and the order of what they
 * encode: tuple(A,B), tuple(A,B,C), option(T), reverse(T), and T behind its length. Layouts: others
 * are in upstream's src/storable.rs and src/storable/tuples.rs at 0.7.2.
 */
#include "tools/codec/codec.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/input/input.h"

enum { MEMBERS = 3 };

/* What a codec's `state` is. The type comes first: an order finds its codecs by it. */
struct composite {
	struct ss_type type;
	const struct codec_ops *ops;
	unsigned n;
	struct codec member[MEMBERS];
	unsigned prefix_len; /* of a length in front */
	bool little;
};

struct parts {
	struct ss_bytes part[MEMBERS];
};

static const struct composite *of(const struct codec *c)
{
	return c->state;
}

/* ---- lengths inside tuples: big-endian, as wide as they must be ---- */

static unsigned len_width(uint64_t max)
{
	return max <= UINT8_MAX ? 1 : max <= UINT16_MAX ? 2 : 4;
}

static uint64_t get_len(const uint8_t *bytes, unsigned width, bool little)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < width; i++)
		len = len << 8 | bytes[little ? width - 1 - i : i];
	return len;
}

static void add_len(struct buf *out, uint64_t len, unsigned width, bool little)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < width; i++)
		bytes[little ? i : width - 1 - i] = (uint8_t)(len >> 8 * i);
	buf_add(out, bytes, width);
}

/* Takes `len` bytes off the front. */
static bool take(struct ss_bytes *from, uint64_t len, struct ss_bytes *out)
{
	if (len > from->len)
		return false;
	*out = (struct ss_bytes){from->data, (size_t)len};
	*from = (struct ss_bytes){from->data + len, from->len - (size_t)len};
	return true;
}

static bool take_len(struct ss_bytes *from, unsigned width, bool little, uint64_t *out)
{
	struct ss_bytes raw;

	if (!take(from, width, &raw))
		return false;
	*out = get_len(raw.data, width, little);
	return true;
}

/* ---- pairs: both members padded to their bound, then the lengths of those that vary ---- */

static bool pair_split(const struct composite *t, struct ss_bytes bytes, struct parts *out)
{
	for (unsigned i = 0; i < 2; i++)
		if (!take(&bytes, (uint64_t)t->member[i].max_len, &out->part[i]))
			return false;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t len = out->part[i].len;

		if (t->member[i].width == 0 &&
		    (!take_len(&bytes, len_width(len), false, &len) || len > out->part[i].len))
			return false;
		out->part[i].len = (size_t)len;
	}
	return bytes.len == 0;
}

static void pair_join(const struct composite *t, const struct parts *parts, struct buf *out)
{
	for (unsigned i = 0; i < 2; i++) {
		buf_add(out, parts->part[i].data, parts->part[i].len);
		for (size_t n = parts->part[i].len; n < (size_t)t->member[i].max_len; n++)
			buf_add(out, "\0", 1);
	}
	for (unsigned i = 0; i < 2; i++)
		if (t->member[i].width == 0)
			add_len(out, parts->part[i].len, len_width((uint64_t)t->member[i].max_len),
				false);
}

/* ---- triples: a byte that says how wide the lengths are, each length before its member ---- */

static bool triple_split(const struct composite *t, struct ss_bytes bytes, struct parts *out)
{
	uint64_t codes = 0;

	if ((t->member[0].width == 0 || t->member[1].width == 0) &&
	    !take_len(&bytes, 1, false, &codes))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t len = t->member[i].width, code = codes >> (i == 0 ? 2 : 0) & 3;

		if ((len == 0 && !take_len(&bytes, (unsigned)code + 1, false, &len)) ||
		    !take(&bytes, len, &out->part[i]))
			return false;
	}
	out->part[2] = bytes;
	return true;
}

static void triple_join(const struct composite *t, const struct parts *parts, struct buf *out)
{
	unsigned codes =
		(len_width(parts->part[0].len) - 1) << 2 | (len_width(parts->part[1].len) - 1);

	if (t->member[0].width == 0 || t->member[1].width == 0)
		add_len(out, codes, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		if (t->member[i].width == 0)
			add_len(out, parts->part[i].len, len_width(parts->part[i].len), false);
		buf_add(out, parts->part[i].data, parts->part[i].len);
	}
	buf_add(out, parts->part[2].data, parts->part[2].len);
}

static bool tuple_split(const struct composite *t, struct ss_bytes bytes, struct parts *out)
{
	if (!(t->n == 2 ? pair_split(t, bytes, out) : triple_split(t, bytes, out)))
		return false;
	for (unsigned i = 0; i < t->n; i++)
		if (t->member[i].width > 0 && out->part[i].len != t->member[i].width)
			return false;
	return true;
}

static int compare_tuples(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	const struct composite *t = (const struct composite *)type;
	struct parts x, y;
	bool good_x = tuple_split(t, a, &x), good_y = tuple_split(t, b, &y);

	/* What is none comes behind all others, so that there is an order in any case. */
	if (!good_x || !good_y)
		return good_x != good_y ? (good_x ? -1 : 1) : ss_compare(SS_ORDER_BYTES, a, b);
	for (unsigned i = 0; i < t->n; i++) {
		int order = ss_sort_compare(&t->member[i].sort, x.part[i], y.part[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static int tuple_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			struct err *err)
{
	const struct composite *t = of(c);
	struct parts parts;

	if (!tuple_split(t, bytes, &parts))
		return err_set(err, -EILSEQ, "%zu bytes are no tuple of these %u members",
			       bytes.len, t->n);
	for (unsigned i = 0; i < t->n; i++) {
		int rc;

		buf_text(out, i == 0 ? "[" : ", ");
		rc = codec_show(&t->member[i], parts.part[i], out, err);
		if (rc < 0)
			return err_prefix(err, rc, "member %u", i);
	}
	buf_text(out, "]");
	return 0;
}

static int encode_member(const struct codec *c, const json_t *json, struct buf *out,
			 struct err *err)
{
	int rc = codec_read(c, json, out, err);

	if (rc < 0)
		return rc;
	if (c->width > 0 && out->len != c->width)
		return err_set(err, -EINVAL, "%zu bytes; it has exactly %u", out->len, c->width);
	if (c->max_len >= 0 && out->len > (size_t)c->max_len)
		return err_set(err, -EINVAL, "%zu bytes; it has at most %" PRId64, out->len,
			       c->max_len);
	return 0;
}

static int tuple_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	const struct composite *t = of(c);
	struct buf member[MEMBERS] = {{0}};
	struct parts parts;
	int rc = 0;

	if (!json_is_array(json) || json_array_size(json) != t->n)
		return err_set(err, -EINVAL, "an array of %u members is needed", t->n);
	for (unsigned i = 0; rc == 0 && i < t->n; i++) {
		rc = encode_member(&t->member[i], json_array_get(json, i), &member[i], err);
		if (rc < 0)
			err_prefix(err, rc, "member %u", i);
		parts.part[i] = (struct ss_bytes){(const uint8_t *)member[i].data, member[i].len};
	}
	if (rc == 0)
		(t->n == 2 ? pair_join : triple_join)(t, &parts, out);
	for (unsigned i = 0; i < t->n; i++)
		buf_free(&member[i]);
	return rc;
}

static int json_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	json_t *json = json_read(word, strlen(word), JSON_DECODE_ANY | JSON_ALLOW_NUL,
				 JSON_MAX_DEPTH, NULL);
	int rc = json ? codec_read(c, json, out, err)
		      : err_set(err, -EINVAL, "'%.80s' is not JSON", word);

	json_decref(json);
	return rc;
}

/* ---- option: what it is, then 1; or 0 alone ---- */

static bool option_split(struct ss_bytes bytes, bool *some, struct ss_bytes *inner)
{
	if (bytes.len == 0 || bytes.data[bytes.len - 1] > 1)
		return false;
	*some = bytes.data[bytes.len - 1] == 1;
	*inner = (struct ss_bytes){bytes.data, bytes.len - 1};
	return *some || inner->len == 0;
}

static int compare_options(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	const struct composite *t = (const struct composite *)type;
	struct ss_bytes x, y;
	bool some_x, some_y;

	if (!option_split(a, &some_x, &x) || !option_split(b, &some_y, &y))
		return ss_compare(SS_ORDER_BYTES, a, b);
	if (!some_x || !some_y)
		return some_x - some_y;
	return ss_sort_compare(&t->member[0].sort, x, y);
}

static int option_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			 struct err *err)
{
	struct ss_bytes inner;
	bool some;
	int rc;

	if (!option_split(bytes, &some, &inner))
		return err_set(err, -EILSEQ, "%zu bytes are no option", bytes.len);
	if (!some) {
		buf_text(out, "null");
		return 0;
	}
	buf_text(out, "[");
	rc = codec_show(&of(c)->member[0], inner, out, err);
	buf_text(out, "]");
	return rc;
}

static int option_encode(const struct codec *c, const json_t *json, struct buf *out,
			 struct err *err)
{
	int rc = 0;

	if (!json_is_null(json) && (!json_is_array(json) || json_array_size(json) != 1))
		return err_set(err, -EINVAL, "null, or an array of what there is, is needed");
	if (!json_is_null(json))
		rc = codec_read(&of(c)->member[0], json_array_get(json, 0), out, err);
	buf_add(out, json_is_null(json) ? "\0" : "\1", 1);
	return rc;
}

/* ---- reverse: the same bytes, the other way round ---- */

static int compare_reversed(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	return ss_sort_compare(&((const struct composite *)type)->member[0].sort, b, a);
}

static int reverse_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			  struct err *err)
{
	return codec_show(&of(c)->member[0], bytes, out, err);
}

static int reverse_encode(const struct codec *c, const json_t *json, struct buf *out,
			  struct err *err)
{
	return codec_read(&of(c)->member[0], json, out, err);
}

static int reverse_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	return codec_read_word(&of(c)->member[0], word, out, err);
}

/* ---- behind its length ---- */

static bool behind_split(const struct composite *t, struct ss_bytes bytes, struct ss_bytes *inner)
{
	uint64_t len;

	return take_len(&bytes, t->prefix_len, t->little, &len) && take(&bytes, len, inner) &&
	       bytes.len == 0;
}

static int compare_behind(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b)
{
	const struct composite *t = (const struct composite *)type;
	struct ss_bytes x, y;

	if (!behind_split(t, a, &x) || !behind_split(t, b, &y))
		return ss_compare(SS_ORDER_BYTES, a, b);
	return ss_sort_compare(&t->member[0].sort, x, y);
}

static int behind_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			 struct err *err)
{
	struct ss_bytes inner;

	if (!behind_split(of(c), bytes, &inner))
		return err_set(err, -EILSEQ, "%zu bytes do not begin with their length", bytes.len);
	return codec_show(&of(c)->member[0], inner, out, err);
}

static int add_behind(const struct composite *t, const struct buf *inner, struct buf *out,
		      struct err *err)
{
	if (inner->len >> (8 * t->prefix_len - 1) > 1)
		return err_set(err, -EINVAL, "%zu bytes are too many for a length of %u",
			       inner->len, t->prefix_len);
	add_len(out, inner->len, t->prefix_len, t->little);
	buf_add(out, inner->data, inner->len);
	return 0;
}

static int behind_encode(const struct codec *c, const json_t *json, struct buf *out,
			 struct err *err)
{
	auto_buf struct buf inner = {0};
	int rc = codec_read(&of(c)->member[0], json, &inner, err);

	return rc < 0 ? rc : add_behind(of(c), &inner, out, err);
}

static int behind_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	auto_buf struct buf inner = {0};
	int rc = codec_read_word(&of(c)->member[0], word, &inner, err);

	return rc < 0 ? rc : add_behind(of(c), &inner, out, err);
}

/* ---- by name ---- */

static void end(struct codec *c)
{
	struct composite *t = c->state;

	for (unsigned i = 0; t && i < t->n; i++)
		codec_end(&t->member[i]);
	free(t);
}

static const struct codec_ops tuple_ops = {
	.name = "tuple",
	.decode = tuple_decode,
	.encode = tuple_encode,
	.encode_word = json_word,
	.end = end,
};
static const struct codec_ops option_ops = {
	.name = "option",
	.decode = option_decode,
	.encode = option_encode,
	.encode_word = json_word,
	.end = end,
};
static const struct codec_ops reverse_ops = {
	.name = "reverse",
	.decode = reverse_decode,
	.encode = reverse_encode,
	.encode_word = reverse_word,
	.end = end,
};
static const struct codec_ops behind_ops = {
	.name = "len",
	.decode = behind_decode,
	.encode = behind_encode,
	.encode_word = behind_word,
	.end = end,
};

static const struct form {
	const char *name;
	const struct codec_ops *ops;
	int (*compare)(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b);
	unsigned least, most; /* members */
	unsigned prefix_len;
	bool little;
} forms[] = {
	{"tuple", &tuple_ops, compare_tuples, 2, 3},
	{"option", &option_ops, compare_options, 1, 1},
	{"reverse", &reverse_ops, compare_reversed, 1, 1},
	{"len8", &behind_ops, compare_behind, 1, 1, 1},
	{"len16be", &behind_ops, compare_behind, 1, 1, 2},
	{"len16le", &behind_ops, compare_behind, 1, 1, 2, true},
	{"len32be", &behind_ops, compare_behind, 1, 1, 4},
	{"len32le", &behind_ops, compare_behind, 1, 1, 4, true},
};

/* Bytes that a tuple takes beside its members, at most. */
static int64_t tuple_overhead(const struct composite *t)
{
	bool varies = t->member[0].width == 0 || t->member[1].width == 0;
	int64_t len = t->n == 3 && varies;

	for (unsigned i = 0; i < 2; i++)
		if (t->member[i].width == 0)
			len += len_width((uint64_t)t->member[i].max_len);
	return len;
}

/* The bound and the width follow from the members'. */
static int settle(struct codec *c, const struct composite *t, struct err *err)
{
	bool fixed = t->ops != &behind_ops;
	int64_t len = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct codec *m = &t->member[i];

		fixed = fixed && m->width > 0;
		len = len < 0 || m->max_len < 0 ? -1 : len + m->max_len;
		if (m->max_len < 0 && t->ops == &tuple_ops && t->n == 2)
			return err_set(err, -EINVAL,
				       "a tuple of two has members whose length is bounded, as "
				       "blob(N) is; %s is not",
				       m->ops->name);
	}
	if (len >= 0)
		len += t->ops == &tuple_ops ? tuple_overhead(t)
					    : (int64_t)(t->ops == &option_ops) + t->prefix_len;
	c->max_len = len;
	c->width = fixed ? (unsigned)len : 0;
	c->prefixed = !fixed;
	return 0;
}

/* Members whose order is not known make none. */
static void settle_order(struct codec *c, const struct composite *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->member[i].sort.order == SS_ORDER_INFER)
			return;
	c->sort = (struct ss_sort){SS_ORDER_TYPE, &t->type};
}

/* The end of the member that begins here: a comma or the closing parenthesis. */
static const char *member_end(const char *p)
{
	unsigned depth = 0;

	for (; *p && (depth > 0 || (*p != ',' && *p != ')')); p++) {
		depth += *p == '(';
		depth -= *p == ')';
	}
	return p;
}

static int parse_members(struct composite *t, const struct form *f, const char *spec,
			 codec_parse_fn *parse, struct err *err)
{
	const char *p = strchr(spec, '(');
	int rc = 0;

	do {
		const char *stop = member_end(++p);
		auto_free char *word = strndup(p, (size_t)(stop - p));

		if (!word)
			return err_set(err, -ENOMEM, "no memory for a codec");
		if (t->n == f->most)
			return err_set(err, -EINVAL, "%s has at most %u members", f->name, f->most);
		rc = parse(word, &t->member[t->n], err);
		if (rc == 0 && t->member[t->n].ops->set_arg)
			rc = err_set(err, -EINVAL, "%s cannot be a member of %s", word, f->name);
		t->n += 1;
		p = stop;
	} while (rc == 0 && *p == ',');
	if (rc == 0 && (t->n < f->least || strcmp(p, ")") != 0))
		rc = err_set(err, -EINVAL, "'%.80s' does not end as %s does", spec, f->name);
	return rc;
}

static const struct form *find_form(const char *spec)
{
	size_t len = strcspn(spec, "(");

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strlen(forms[i].name) == len && memcmp(forms[i].name, spec, len) == 0 &&
		    spec[len] == '(')
			return &forms[i];
	return NULL;
}

bool codec_is_type(const char *spec)
{
	return find_form(spec);
}

int codec_parse_type(const char *spec, codec_parse_fn *parse, struct codec *out, struct err *err)
{
	const struct form *f = find_form(spec);
	struct composite *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return err_set(err, -ENOMEM, "no memory for a codec");
	*t = (struct composite){.type = {f->compare},
				.ops = f->ops,
				.prefix_len = f->prefix_len,
				.little = f->little};
	*out = (struct codec){.ops = f->ops, .state = t};
	rc = strlen(spec) > CODEC_MAX_SPEC_LEN
		     ? err_set(err, -EINVAL, "a codec of more than %d characters",
			       CODEC_MAX_SPEC_LEN)
		     : parse_members(t, f, spec, parse, err);
	if (rc == 0)
		rc = settle(out, t, err);
	if (rc == 0)
		settle_order(out, t);
	else
		codec_end(out);
	return rc;
}
