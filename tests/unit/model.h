/* SPDX-License-Identifier: MIT */
/*
 * The allocator's model: what every memory holds, as plain arrays, and random operations that are
 * done to it and to a real image alike.
 */
#ifndef CANISTERFS_TESTS_MODEL_H
#define CANISTERFS_TESTS_MODEL_H

#include "memmgr/memmgr.h"
#include "tests/unit/stores.h"

enum { MODEL_PAGE = 65536, MODEL_MEMORIES = 5, MODEL_MAX_PAGES = 7 };

/* The ids that the model uses. */
extern const unsigned model_ids[MODEL_MEMORIES];

/* What a memory holds. Never changed once made, so that states can share it. */
struct model_bytes {
	unsigned users;
	uint64_t pages;
	uint8_t bytes[];
};

/* All memories at one moment. */
struct model_state {
	struct model_bytes *of[MODEL_MEMORIES];
};

struct model_state model_empty(void);
struct model_state model_copy(const struct model_state *state);
void model_free(struct model_state *state);

enum model_kind {
	MODEL_RESIZE,
	MODEL_WRITE,
	MODEL_ZERO,
	MODEL_RENUMBER,
	MODEL_EXCHANGE,
	MODEL_REPLACE,
	MODEL_FILL,
	MODEL_SYNC,
	MODEL_REOPEN, /* mm_close, mm_open */
	MODEL_DROP,   /* mm_drop, mm_open: as if killed between two calls */
};

struct model_op {
	enum model_kind kind;
	unsigned a, b; /* places in model_ids */
	uint64_t pages, off, len;
	uint64_t seed; /* of the bytes that are written */
};

struct model_op model_op_random(const struct model_state *state, struct rng *rng);
/* For messages. */
const char *model_op_name(const struct model_op *op);
/* The state after an operation that succeeds. */
struct model_state model_apply(const struct model_state *state, const struct model_op *op);
/* Does it for real; *mm may become another one, and NULL when it cannot be opened again. */
int model_run(struct mm **mm, struct store *s, const struct model_op *op, struct err *err);
/* Whether nobody may ever see it half done. */
bool model_is_atomic(const struct model_op *op);

/* What the image holds. */
struct model_state model_read(struct mm *mm);

/*
 * Every memory of `got` has a size that it has in one of states[0..count), and every byte of it is
 * one it has in one of these, or zero where in one of these the memory ends before. With `whole`
 * all of `got` equals one state.
 */
bool model_is_among(const struct model_state *got, const struct model_state *states, size_t count,
		    bool whole);

#endif
