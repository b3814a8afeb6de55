/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are written in one go and read back in one go later, and that may be more than memory
 * should hold: a nameless file beside the output. One thread.
 */
#ifndef CANISTERFS_SPILL_H
#define CANISTERFS_SPILL_H

#include "memmgr/util.h"

enum { SPILL_BUF_LEN = 65536 };

struct spill {
	int fd;
	uint64_t len; /* written so far, in the file and in buf */
	size_t used;
	uint8_t *buf;
};
#define SPILL_NONE ((struct spill){.fd = -1})

/* In the directory that `path` names a file in. */
int MUST_CHECK spill_open(struct spill *s, const char *path);
int MUST_CHECK spill_add(struct spill *s, const void *bytes, size_t len);
/* Writes out what is in the buffer; from then on only spill_read. */
int MUST_CHECK spill_end(struct spill *s);
int MUST_CHECK spill_read(struct spill *s, void *bytes, size_t len, uint64_t off);
void spill_close(struct spill *s);

#endif
