// SPDX-License-Identifier: MIT
/* Owns the way to bytes and back that all codecs have. */
#include "tools/codec/codec.h"

#include <stdio.h>

#include "tools/input/input.h"

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
	if (c->ops->same || c->plain || (c->ops->is_same && c->ops->is_same(bytes)) ||
	    leads_back(c, out->data + begin, out->len - begin, bytes))
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

int codec_show_value(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	size_t begin = out->len;
	int rc;

	if (bytes.len > 0 || c->ops == &codec_exec)
		return codec_show(c, bytes, out, err);
	rc = codec_show(c, bytes, out, NULL);
	if (rc != -EILSEQ)
		return rc < 0 ? codec_show(c, bytes, out, err) : 0;
	out->len = begin;
	buf_text(out, "{\"$hex\": \"\"}");
	return out->failed ? err_set(err, -ENOMEM, "no memory for a value") : 0;
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
