// SPDX-License-Identifier: MIT
/*
 * Owns the list of codecs, and how they are named.
 */
#include "tools/codec/codec.h"

static const struct codec_ops *const codecs[] = {
	&codec_hex,    &codec_utf8,      &codec_blob,     &codec_bytes,
	&codec_bool,   &codec_principal, &codec_cbor,     &codec_json,
	&codec_candid, &codec_cbor_text, &codec_protobuf, &codec_exec,
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
		return codec_parse_type(spec, codec_parse, out, err);
	*out = (struct codec){.ops = find_ops(spec, len), .arg = colon ? spec + len + 1 : NULL};
	if (!out->ops || (spec[len] == '(' && out->ops->max_size == 0)) {
		out->ops = NULL;
		return err_set(
			err, -EINVAL,
			"there is no codec '%.80s': hex, utf8, u8 to u128 and i8 to i128 with "
			"be or le behind, bool, principal, blob(N), bytes(N), tuple(A,B), "
			"tuple(A,B,C), option(T), reverse(T), len8(T), cbor-text, cbor, candid, "
			"protobuf, json, exec:CMD",
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
