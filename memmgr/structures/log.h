/* SPDX-License-Identifier: MIT */
/* The log, as log.c, its check and its pairing see it. Private to this folder. */
#ifndef CANISTERFS_STRUCTURES_LOG_H
#define CANISTERFS_STRUCTURES_LOG_H

#include "memmgr/structures/ss.h"

enum {
	LOG_COUNT_OFF = 32,
	LOG_ENDS_OFF = 40, /* of entry i: u64 at 40 + 8 i in the index */
	LOG_DATA_OFF = 32,
};

struct log {
	struct ss ss; /* its blocks are the index */
	struct blocks data;
	uint64_t data_len; /* all entries together */
};

static inline struct log *log_of(struct ss *ss)
{
	return (struct log *)ss;
}

/* -EINVAL: no index at all. The length of all entries is not held against any data memory. */
int MUST_CHECK log_index_read(struct blocks *b, uint64_t *count, uint64_t *data_len,
			      struct err *err);
int MUST_CHECK log_data_read(struct blocks *b, struct err *err);

#endif
