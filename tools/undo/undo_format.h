/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an undo file, for the two files that write and read it. undo.h describes them.
 */
#ifndef CANISTERFS_UNDO_FORMAT_H
#define CANISTERFS_UNDO_FORMAT_H

#include "memmgr/memmgr.h"

#define UNDO_MAGIC "cfsundo2"

enum {
	UNDO_HEAD_LEN = 48,
	UNDO_RECORD_LEN = 20, /* without what follows it */
	UNDO_BLOCK_LEN = 65536,

	UNDO_BLOCK = 1,
	UNDO_ZERO = 2,
	UNDO_END = 3,
};

/* `complete_len` is 0 until the file is complete. */
void undo_make_head(uint8_t head[UNDO_HEAD_LEN], uint64_t before_len, uint64_t complete_len,
		    const uint8_t image_id[MM_ID_LEN]);

/* Fills in the head of a record that `payload` bytes follow. */
void undo_seal(uint8_t *record, uint32_t kind, uint64_t off, uint32_t len, size_t payload);
bool undo_is_sealed(uint8_t *record, size_t payload);

/* A block as the image has it now, zeros behind its end; and the CRC of that. */
int MUST_CHECK undo_read_block(struct store *image, uint8_t *buf, uint64_t off, uint32_t len,
			       struct err *err);
int MUST_CHECK undo_block_crc(struct store *image, uint8_t *buf, uint64_t off, uint32_t len,
			      uint32_t *crc, struct err *err);

#endif
