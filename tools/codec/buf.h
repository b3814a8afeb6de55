/* SPDX-License-Identifier: MIT */
/*
 * Bytes that grow at the end. What could not be added makes the whole fail, so that only the end
 * need be checked. Zeroed, it is empty; freed with buf_free.
 */
#ifndef CANISTERFS_BUF_H
#define CANISTERFS_BUF_H

#include "memmgr/util.h"

struct buf {
	char *data;
	size_t len, cap;
	bool failed; /* memory was out */
};

/* Makes room for `len` more bytes; NULL: failed. */
char *buf_grow(struct buf *b, size_t len);

/* Room for `len` more bytes, which the caller writes and adds to buf->len; NULL: failed. */
static inline char *buf_room(struct buf *b, size_t len)
{
	return len <= b->cap - b->len && !b->failed ? b->data + b->len : buf_grow(b, len);
}

static inline void buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *to = buf_room(b, len);

	if (!to || len == 0)
		return;
	memcpy(to, bytes, len);
	b->len += len;
}

static inline void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* In decimal. */
void buf_number(struct buf *b, uint64_t n);
/* Exact in JSON for every reader: a plain number up to 2^53 - 1, a string of digits above. */
void buf_json_u64(struct buf *b, uint64_t n);
/* Two lower-case digits for each byte. */
void buf_hex(struct buf *b, const void *bytes, size_t len);
/* A JSON string with its quotes, in which all that a terminal may take as an order is an escape;
 * -EILSEQ, and nothing added: the bytes are not UTF-8. */
int MUST_CHECK buf_json_string(struct buf *b, const void *bytes, size_t len);
void buf_free(struct buf *b);
#define auto_buf __attribute__((cleanup(buf_free)))

/* Hex digits, upper or lower case, an even number of them. -EINVAL: others. */
int MUST_CHECK buf_from_hex(struct buf *b, const char *digits, size_t len);

/* Whether the bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
bool is_utf8(const void *bytes, size_t len);

#endif
