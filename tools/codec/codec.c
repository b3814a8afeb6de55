// SPDX-License-Identifier: MIT
/* Owns the list of codecs, the way to bytes and back that all have, and JSON itself as a codec. */
#include "tools/codec/codec.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/input/input.h"

/* ---- JSON ---- */

static int json_decode(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		       struct err *err)
{
	const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	struct err why = {""};
	json_t *json =
		json_read((const char *)bytes.data, bytes.len, flags, JSON_VALUE_MAX_DEPTH, &why);
	auto_free char *text = NULL;

	if (!json)
		return err_set(err, -EILSEQ, "%zu bytes that are not JSON: %s", bytes.len,
			       why.text);
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
	if (!text)
		return err_set(err, -ENOMEM, "no memory for %zu bytes of JSON", bytes.len);
	buf_text(out, text);
	return 0;
}

static int json_encode(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return err_set(err, -ENOMEM, "no memory for a JSON value");
	buf_text(out, text);
	return 0;
}

static int json_encode_word(const struct codec *c, const char *word, struct buf *out,
			    struct err *err)
{
	buf_text(out, word);
	return 0;
}

static const struct codec_ops codec_json = {
	.name = "json",
	.help = "JSON text, as it is",
	.decode = json_decode,
	.encode = json_encode,
	.encode_word = json_encode_word,
};

/* ---- all of them ---- */

static const struct codec_ops *const codecs[] = {
	&codec_hex,  &codec_utf8, &codec_blob,   &codec_bytes,     &codec_bool, &codec_principal,
	&codec_cbor, &codec_json, &codec_candid, &codec_cbor_text, &codec_exec,
};

static const struct codec_ops *find_ops(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (strlen(codecs[i]->name) == len && memcmp(codecs[i]->name, name, len) == 0)
			return codecs[i];
	return NULL;
}

/* "blob(29)" */
static int parse_sized(const char *spec, size_t name_len, struct codec *out, struct err *err)
{
	unsigned most = out->ops->max_size;
	char *end;
	unsigned long n;

	if (spec[name_len] != '(' || spec[name_len + 1] < '1' || spec[name_len + 1] > '9')
		return err_set(err, -EINVAL, "%s needs its length in bytes: %s(N)", out->ops->name,
			       out->ops->name);
	n = strtoul(spec + name_len + 1, &end, 10);
	if (strcmp(end, ")") != 0 || n > most)
		return err_set(err, -EINVAL, "'%.80s': a length goes from 1 to %u", spec, most);
	out->max_len = (int64_t)n;
	out->width = out->prefixed ? 0 : (unsigned)n;
	return 0;
}

int codec_parse(const char *spec, struct codec *out, struct err *err)
{
	size_t len = strcspn(spec, ":(");
	bool colon = spec[len] == ':';

	if (codec_parse_number(spec, out))
		return 0;
	if (codec_is_type(spec))
		return codec_parse_type(spec, out, err);
	*out = (struct codec){.ops = find_ops(spec, len), .arg = colon ? spec + len + 1 : NULL};
	if (!out->ops || (spec[len] == '(' && out->ops->max_size == 0)) {
		out->ops = NULL;
		return err_set(
			err, -EINVAL,
			"there is no codec '%.80s': hex, utf8, u8 to u128 and i8 to i128 with "
			"be or le behind, bool, principal, blob(N), bytes(N), tuple(A,B), "
			"tuple(A,B,C), option(T), reverse(T), len8(T), cbor-text, cbor, candid, "
			"json, exec:CMD",
			spec);
	}
	if (colon && !out->ops->set_arg)
		return err_set(err, -EINVAL, "codec %s takes nothing behind a colon",
			       out->ops->name);
	out->sort.order = out->ops->order;
	if (out->ops->type)
		out->sort = (struct ss_sort){SS_ORDER_TYPE, out->ops->type};
	out->width = out->ops->width;
	out->max_len = out->ops->max_len > 0 ? out->ops->max_len : -1;
	out->prefixed = out->ops->prefixed;
	if (out->ops->max_size > 0)
		return parse_sized(spec, len, out, err);
	return out->ops->set_arg ? out->ops->set_arg(out, out->arg, err) : 0;
}

void codec_end(struct codec *c)
{
	if (c->ops && c->ops->end)
		c->ops->end(c);
	*c = (struct codec){0};
}

/* Whether what was shown, text[0] to text[len - 1], leads back to the bytes. */
static bool leads_back(const struct codec *c, const char *text, size_t len, struct ss_bytes bytes)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *json = c->ops->encode ? json_read(text, len, flags, JSON_MAX_DEPTH, NULL) : NULL;
	auto_buf struct buf again = {0};
	bool same = json && c->ops->encode(c, json, &again, NULL) == 0 && !again.failed &&
		    again.len == bytes.len &&
		    (again.len == 0 || memcmp(again.data, bytes.data, again.len) == 0);

	json_decref(json);
	return same;
}

int codec_show(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	auto_buf struct buf shown = {0};
	int rc = c->ops->decode(c, bytes, out, err);

	if (rc < 0 || out->failed)
		return rc < 0 ? rc : err_set(err, -ENOMEM, "no memory for %zu bytes", bytes.len);
	if (c->ops->same || c->plain || leads_back(c, out->data + begin, out->len - begin, bytes))
		return 0;
	buf_add(&shown, out->data + begin, out->len - begin);
	out->len = begin;
	buf_printf(out, "{\"$%s\": ", c->ops->name);
	buf_add(out, shown.data, shown.len);
	buf_text(out, ", \"$hex\": \"");
	buf_hex(out, bytes.data, bytes.len);
	buf_text(out, "\"}");
	return out->failed || shown.failed
		       ? err_set(err, -ENOMEM, "no memory for %zu bytes", bytes.len)
		       : 0;
}

/* {"$NAME": shown, "$hex": bytes}: the bytes count, and must still be what is shown. */
static int read_wrapped(const struct codec *c, const json_t *json, const char *hex, struct buf *out,
			struct err *err)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	size_t begin = out->len;
	auto_buf struct buf shown = {0};
	char key[32];
	json_t *said, *again;
	bool same;
	int rc;

	if (buf_from_hex(out, hex, strlen(hex)) < 0)
		return codec_no_hex(hex, err);
	snprintf(key, sizeof(key), "$%s", c->ops->name);
	said = json_object_get(json, key);
	if (!said || out->failed)
		return 0;
	rc = c->ops->decode(c, (struct ss_bytes){(uint8_t *)out->data + begin, out->len - begin},
			    &shown, err);
	if (rc < 0)
		return rc;
	again = json_read(shown.data, shown.len, flags, JSON_MAX_DEPTH, NULL);
	same = json_equal(said, again);
	json_decref(again);
	return same ? 0
		    : err_set(err, -EINVAL,
			      "\"%s\" was changed, but only \"$hex\" can be read back: change that, "
			      "and leave \"%s\" out",
			      key, key);
}

int codec_read(const struct codec *c, const json_t *json, struct buf *out, struct err *err)
{
	const char *hex = json_string_value(json_object_get(json, "$hex"));
	int rc;

	if (hex)
		rc = read_wrapped(c, json, hex, out, err);
	else if (c->ops->encode)
		rc = c->ops->encode(c, json, out, err);
	else
		rc = err_set(err, -ENOTSUP, "codec %s cannot read back; {\"$hex\": \"...\"} can",
			     c->ops->name);
	return rc == 0 && out->failed ? err_set(err, -ENOMEM, "no memory for a value") : rc;
}

int codec_read_word(const struct codec *c, const char *word, struct buf *out, struct err *err)
{
	int rc = c->ops->encode_word ? c->ops->encode_word(c, word, out, err)
				     : codec_hex.encode_word(c, word, out, err);

	return rc == 0 && out->failed ? err_set(err, -ENOMEM, "no memory for a key") : rc;
}
