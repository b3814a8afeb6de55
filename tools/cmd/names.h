/* SPDX-License-Identifier: MIT */
/*
 * The names file: what the code of a canister expects at each memory's id.
 *
 *     bucket_pages = 128
 *     5 = { name = "users", kind = "btreemap", key = "u64be", value = "cbor" }
 *     6 = { name = "journal", kind = "log", data = 7 }
 *     9 = { name = "sessions", state = "removed" }
 *
 * name     how the memory is called; a word, not a number
 * kind     btreemap, btreeset, cell, vec, minheap, log, log-data, ...: see ss_kind_name
 * key      codec of its keys          value    codec of its values
 * order    of its keys, where the codec does not tell: bytes, length, little-endian, reversed, own
 * key_width  of fixed keys, where the codec does not tell; -1: keys carry their length
 * data     of a log: the id of its data memory
 * max_key, max_value, fixed   the bounds of the code's types, in bytes or "unbounded"; for
 * `schema`, and for `load` into a memory that is empty state    new, active, deprecated, unused,
 * removed
 */
#ifndef CANISTERFS_NAMES_H
#define CANISTERFS_NAMES_H

#include "memmgr/structures/structures.h"

/* A memory's life, in order. */
enum name_state {
	STATE_NEW, /* the code is about to begin using it: no image has it yet */
	STATE_ACTIVE,
	STATE_DEPRECATED, /* read, no longer written: read-only in the mount */
	STATE_UNUSED,     /* no longer read either: read-only, its content may go */
	STATE_REMOVED,    /* gone; the id is never used again, and refused */
};

#define NAME_UNBOUNDED INT64_MAX

struct name {
	char *name; /* NULL: the file does not have this id */
	char *kind; /* as written; NULL: not said */
	enum ss_kind ss_kind;
	char *key, *value; /* codecs; NULL: not said */
	/* What somebody made of the two, and how it goes; see records_name_codecs. */
	void *kept;
	void (*drop)(void *kept);
	enum ss_order order;
	int key_width;              /* SS_WIDTH_INFER: not said */
	int data;                   /* id, or -1 */
	int64_t max_key, max_value; /* -1: not said; or NAME_UNBOUNDED */
	int fixed;                  /* 0, 1, or -1: not said */
	enum name_state state;
};

struct names {
	uint32_t bucket_pages; /* 0: not said */
	struct name id[MM_MAX_MEMORIES];
};

/* -ENOTSUP where this program was built without TOML. */
int MUST_CHECK names_read(const char *path, struct names **out, struct err *err);
void names_free(struct names *names);
void cleanup_names(struct names **names);
#define auto_names __attribute__((cleanup(cleanup_names)))

const char *name_state_text(enum name_state state);

/* -ECANCELED: the memory is removed; -EROFS: it is to be written to, and is written no longer.
 * Without names, or where the file does not have the id, anything goes. */
int MUST_CHECK names_allow(const struct names *names, unsigned mm_id, bool writes, struct err *err);

/* The id that a word of the command line means: a number, or with `names` not NULL one of its
 * names. -EINVAL: no such name; else as names_allow. */
int MUST_CHECK names_find(const struct names *names, const char *word, bool writes, uint64_t *mm_id,
			  struct err *err);

/* What the file calls the memory; NULL: nothing, or there is no file. */
const char *names_of(const struct names *names, unsigned mm_id);

#endif
