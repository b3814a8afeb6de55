/* SPDX-License-Identifier: MIT */
/* From what a user types to a record. */
#ifndef CANISTERFS_RECORD_FIND_H
#define CANISTERFS_RECORD_FIND_H

#include "tools/codec/codec.h"

/* A key, by its codec, or where records have none an index. */
int MUST_CHECK record_read_word(struct ss *ss, const struct codec *codec, const char *word,
				struct buf *key, uint64_t *index, struct err *err);

struct ss_bytes record_bytes(const struct buf *b);

/* Where nobody tells the order of keys, the tree cannot be searched: all records are looked at. */
bool record_is_ordered(struct ss *ss);

/* A new cursor before the record with this key: -ENOENT. Searches one path of the tree and, where
 * that cannot do, walks. */
int MUST_CHECK record_find(struct ss *ss, struct ss_bytes key, struct ss_cursor **c,
			   struct err *err);

#endif
