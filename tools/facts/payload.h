/* SPDX-License-Identifier: MIT */
/*
 * Where the content of a raw image ends: what was saved there before may lie behind it.
 */
#ifndef CANISTERFS_PAYLOAD_H
#define CANISTERFS_PAYLOAD_H

#include "memmgr/store.h"

struct payload {
	uint64_t len;       /* from byte 0 on */
	bool prefixed;      /* its first four bytes are the length of the rest */
	uint64_t stale_len; /* bytes behind it that are not zero */
	char what[256];     /* "CBOR item of 366 bytes" */
};

/*
 * `length` UINT64_MAX: told by the codec: CBOR, Candid, either behind its length, a SQLite
 * database; a container of the library takes the whole image. -EINVAL: a managed image, or nothing
 * in it. -EDOM: nothing tells the end.
 */
int MUST_CHECK payload_find(struct store *s, uint64_t length, struct payload *out, struct err *err);

#endif
