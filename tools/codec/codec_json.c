// SPDX-License-Identifier: MIT
/* JSON itself as a codec. */
#include "tools/codec/codec.h"
#include "tools/input/input.h"
#include "tools/out/json.h"

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
	text = json_plain_text(json, JSON_COMPACT | JSON_ENCODE_ANY);
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

const struct codec_ops codec_json = {
	.name = "json",
	.help = "JSON text, as it is",
	.decode = json_decode,
	.encode = json_encode,
	.encode_word = json_encode_word,
};
