/* SPDX-License-Identifier: MIT */
/*
 * How the bytes of a key or a value are shown as JSON, and made again from it. What a codec prints
 * always leads back to the same bytes: where its own notation would not, it prints
 * {"$NAME": what people can read, "$hex": "the bytes"}.
 */
#ifndef CANISTERFS_CODEC_H
#define CANISTERFS_CODEC_H

#include <jansson.h>

#include "memmgr/structures/structures.h"
#include "tools/codec/buf.h"

struct codec;

struct codec_ops {
	const char *name;
	const char *help;
	/* Appends one JSON value. -EILSEQ: the bytes are nothing of this kind. */
	int (*decode)(const struct codec *c, struct ss_bytes bytes, struct buf *out,
		      struct err *err);
	/* Appends the bytes that a JSON value stands for. NULL: cannot be done. */
	int (*encode)(const struct codec *c, const json_t *json, struct buf *out, struct err *err);
	/* Appends the bytes that a word of the command line stands for. NULL: it is hex. */
	int (*encode_word)(const struct codec *c, const char *word, struct buf *out,
			   struct err *err);
	/* Takes what follows the colon in the codec's name. NULL: nothing may. */
	int (*set_arg)(struct codec *c, const char *arg, struct err *err);
	void (*end)(struct codec *c);
	/* encode makes of a JSON string, or of a whole number, what encode_word makes of the same
	 * characters as a word. */
	bool word_is_string, word_is_number;
	bool same; /* what encode makes of decode's output is always the same bytes */
	/* Whether that is certain of these bytes, which decode takes, without trying. NULL: never.
	 */
	bool (*is_same)(struct ss_bytes bytes);
	/* What the encoding tells of keys; struct codec has the same. */
	enum ss_order order;
	const struct ss_type *type; /* an order without a name; or NULL */
	unsigned width;
	int64_t max_len; /* 0: not told */
	bool prefixed;
	unsigned max_size; /* above 0: the name has a length behind it, "blob(29)", up to this */
};

struct codec {
	const struct codec_ops *ops;
	unsigned width;      /* in bytes; 0: not fixed, or not told */
	int64_t max_len;     /* in bytes; -1: not bounded, or not told */
	bool prefixed;       /* keys have their length before them, as it is not fixed */
	struct ss_sort sort; /* of keys in this encoding; SS_ORDER_INFER: it does not tell */
	const char *arg;
	void *state; /* the codec's own */
	bool little; /* of a number: its last byte counts most */
	bool is_signed;
	bool plain; /* leave "$hex" out: for reading only */
};

enum {
	CODEC_MAX_SPEC_LEN = 1024,
	CODEC_MAX_SIZE = 1 << 24, /* N of "blob(N)" */
};

/* "hex", "u64le", "tuple(u64,principal)", "candid:FILE.did", "exec:CMD", ... */
int MUST_CHECK codec_parse(const char *spec, struct codec *out, struct err *err);
void codec_end(struct codec *c);
#define auto_codec __attribute__((cleanup(codec_end)))

/* Appends one JSON value that leads back to exactly these bytes. */
int MUST_CHECK codec_show(const struct codec *c, struct ss_bytes bytes, struct buf *out,
			  struct err *err);
/* The same of a value, which may have no bytes, as a set's has not: {"$hex": ""} then, where the
 * encoding has no word for that. */
int MUST_CHECK codec_show_value(const struct codec *c, struct ss_bytes bytes, struct buf *out,
				struct err *err);
/* The way back. */
int MUST_CHECK codec_read(const struct codec *c, const json_t *json, struct buf *out,
			  struct err *err);
/* A key as a person types it. */
int MUST_CHECK codec_read_word(const struct codec *c, const char *word, struct buf *out,
			       struct err *err);

/* Codecs in files of their own. */
extern const struct codec_ops codec_hex, codec_blob, codec_bytes, codec_utf8, codec_cbor_text,
	codec_bool, codec_principal, codec_cbor, codec_json, codec_candid, codec_protobuf,
	codec_exec;
/* codec_number.c, codec_type.c: false: the name is no such codec's. */
bool codec_parse_number(const char *spec, struct codec *out);
bool codec_is_type(const char *spec);
typedef int codec_parse_fn(const char *spec, struct codec *out, struct err *err);
int MUST_CHECK codec_parse_type(const char *spec, codec_parse_fn *parse, struct codec *out,
				struct err *err);

/* -EINVAL, with a sentence. */
int codec_no_hex(const char *text, struct err *err);

/* Appends a principal's text form. -EILSEQ: longer than 29 bytes. */
int MUST_CHECK principal_show(struct ss_bytes bytes, struct buf *out);

#endif
