/* SPDX-License-Identifier: MIT */
/*
 * SHA-256, by OpenSSL's libcrypto: it uses the SHA instructions of x86 and ARM, and hashes faster
 * than a cluster can be compressed. One object per thread.
 */
#ifndef CANISTERFS_SHA_H
#define CANISTERFS_SHA_H

#include "memmgr/util.h"

enum { SHA_LEN = 32, SHA_TEXT_LEN = 2 * SHA_LEN + 1 };

struct sha;

int MUST_CHECK sha_new(struct sha **out);
/* Accepts NULL. */
void sha_free(struct sha *s);

/* Begins anew, whatever went before. */
void sha_begin(struct sha *s);
void sha_add(struct sha *s, const void *buf, size_t len);
/* -EIO when the library failed at any step since sha_begin. */
int MUST_CHECK sha_end(struct sha *s, uint8_t *hash);

/* All of it at once. */
int MUST_CHECK sha_of(struct sha *s, const void *buf, size_t len, uint8_t *hash);

/* In hexadecimal, into SHA_TEXT_LEN bytes; returns `text`. */
const char *sha_text(const uint8_t *hash, char *text);

#endif
