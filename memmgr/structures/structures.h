/* SPDX-License-Identifier: MIT */
/*
 * What lies inside a memory: the containers of ic-stable-structures (B-tree map and set, cell,
 * vector, min-heap, log) and payloads behind a length, as records. This is all that other folders
 * see of it. Works on any store that holds one memory's bytes from offset 0: a raw image as it is,
 * or a virtual memory through ss_memory_store.
 *
 * Nothing read is believed: a damaged structure ends in -EUCLEAN with the place, never in a loop or
 * in memory without bound. A struct ss and all that comes from it belong to one thread at a time,
 * and the bytes below must not be changed by others meanwhile.
 */
#ifndef CANISTERFS_STRUCTURES_H
#define CANISTERFS_STRUCTURES_H

#include "memmgr/memmgr.h"

/* ---- what a memory holds ---- */

enum ss_kind {
	SS_UNKNOWN,       /* bytes that no test below accepts */
	SS_EMPTY,         /* no bytes at all */
	SS_ZEROS,         /* grown, never written, or cleared */
	SS_BTREE,         /* BTR: a map or a set */
	SS_CELL,          /* SCL */
	SS_VEC,           /* SVC */
	SS_HEAP,          /* SMH */
	SS_LOG_INDEX,     /* GLI */
	SS_LOG_DATA,      /* GLD */
	SS_CBOR,          /* one CBOR item at offset 0 */
	SS_CBOR_PREFIXED, /* its length as u32 before it */
	SS_CANDID,        /* one Candid message at offset 0, as stable_save leaves it */
	SS_CANDID_PREFIXED,
	SS_SQLITE,         /* a SQLite 3 database */
	SS_MANAGER,        /* a MemoryManager's page */
	SS_MOTOKO_REGIONS, /* Motoko's region manager, running or parked */
	SS_MOTOKO_PARKED,  /* Motoko's stable variables, parked by an upgrade */
	SS_STABLE_FS,      /* chunk allocator or journal of stable-fs */
	SS_KINDS,
};

struct ss_content {
	enum ss_kind kind;
	enum ss_kind resembles; /* SS_UNKNOWN, or what it begins like although it cannot be that */
	unsigned version;       /* as stored; 0 where there is none */
	uint64_t count;         /* records, as the header has it; 0 where there is none */
	uint64_t payload_off;   /* payloads: where the item begins */
	uint64_t payload_len;   /* payloads: its length; elsewhere 0 */
	char text[256];         /* one sentence: from what that follows, or why not */
};

/*
 * Says what the bytes hold. Never by a magic alone: the whole header must be able to be true.
 * Reads a few KiB, of a payload all of it; SS_ZEROS is told by store_next_data and the first bytes
 * of what it finds.
 */
int MUST_CHECK ss_recognise(struct store *s, struct ss_content *out, struct err *err);

/* "btree", "cell", ...: lower case, stable, also used in JSON and in a names file. */
const char *ss_kind_name(enum ss_kind kind);
/* -EINVAL for a name that is none. "btreemap" and "btreeset" both are SS_BTREE. */
int MUST_CHECK ss_kind_parse(const char *name, enum ss_kind *out);
/* Whether ss_open can read records of it. */
bool ss_kind_has_records(enum ss_kind kind);
/* Whether its records are told apart by an index: vector, heap and log. */
bool ss_kind_is_array(enum ss_kind kind);

/* ---- a virtual memory as a store ---- */

/* The bytes of one memory, mm_id. Grows by whole pages, never shrinks. mm stays the caller's. */
int MUST_CHECK ss_memory_store(struct mm *mm, unsigned mm_id, bool writable, struct store **out,
			       struct err *err);

/*
 * The memory that holds the other half of a log, whose index or data is in mm_id: its data must
 * fit the index exactly or at least be long enough, and only one such may exist. -ENOENT: none;
 * -ENOTUNIQ: several, say which.
 */
int MUST_CHECK ss_log_partner(struct mm *mm, unsigned mm_id, unsigned *partner, struct err *err);

/* ---- one structure ---- */

struct ss_bytes {
	const uint8_t *data;
	size_t len;
};

enum {
	SS_WIDTH_INFER = -2,    /* find out whether keys carry a length, or which width they have */
	SS_WIDTH_PREFIXED = -1, /* each key has its length before it */
	SS_WIDTH_MAX = 4096,    /* the widest fixed key that is looked for */
	SS_WIDTHS_SHOWN = 6,    /* of the widths that fit a map */
};

/* The order of keys is that of the program's type, which no byte of a map tells. These are the
 * orders that a tool can name; a codec can bring its own as SS_ORDER_TYPE. */
enum ss_order {
	SS_ORDER_INFER,    /* not told */
	SS_ORDER_BYTES,    /* unsigned big-endian numbers, strings, byte arrays */
	SS_ORDER_LENGTH,   /* shorter first, then bytes: principals */
	SS_ORDER_LITTLE,   /* from the last byte to the first: little-endian numbers */
	SS_ORDER_SIGNED,   /* big-endian two's complement: signed numbers */
	SS_ORDER_REVERSED, /* bytes, descending: Reverse<T> */
	SS_ORDER_OWN,      /* none of these */
	SS_ORDER_TYPE,     /* as a struct ss_type compares */
};
const char *ss_order_name(enum ss_order order);
/* -EINVAL: not one of bytes, length, little-endian, signed, reversed, own. */
int MUST_CHECK ss_order_parse(const char *name, enum ss_order *out);

/* An order that has no name: of tuples, of options, ... Lives as long as what is opened with it. */
struct ss_type {
	int (*compare)(const struct ss_type *type, struct ss_bytes a, struct ss_bytes b);
};
struct ss_sort {
	enum ss_order order;
	const struct ss_type *type; /* with SS_ORDER_TYPE; else NULL */
};
/* Below 0, 0, above 0, as memcmp; what is no order that has a name as SS_ORDER_BYTES. */
int ss_compare(enum ss_order order, struct ss_bytes a, struct ss_bytes b);
int ss_sort_compare(const struct ss_sort *sort, struct ss_bytes a, struct ss_bytes b);

/* Several orders at once: compares by the first, and remembers whether another one differed. */
struct ss_agreement {
	struct ss_type type;
	unsigned orders; /* a bit, 1 << SS_ORDER_..., for each; at least one */
	bool *differs;
};
struct ss_agreement ss_agreement(unsigned orders, bool *differs);

struct ss_options {
	int key_width;       /* SS_WIDTH_INFER, SS_WIDTH_PREFIXED, or bytes */
	int key_width_hint;  /* with SS_WIDTH_INFER: keys are this wide, prefixed or not; else 0 */
	struct ss_sort sort; /* of keys */
	bool sort_guessed;   /* nobody told it, but all keys of this map keep to it */
	struct ss_sort value_sort; /* of a heap's entries */
	bool salvage; /* of a map: opened for ss_salvage alone, also where root or allocator are
		       * damaged */
};
#define SS_OPTIONS ((struct ss_options){.key_width = SS_WIDTH_INFER})

struct ss;

/* `data` is the store of a log's data memory, else NULL; both stay the caller's. `opts` NULL:
 * SS_OPTIONS. -EINVAL: nothing here that has records. -EUCLEAN: damaged. -EDOM: the key width
 * cannot be told. */
int MUST_CHECK ss_open(struct store *s, struct store *data, const struct ss_options *opts,
		       struct ss **out, struct err *err);
/* How much of a store each structure that is opened from now on may hold in memory: 256 MiB if
 * nothing is said. For the whole process, before it has threads. */
void ss_limit_cache(size_t len);
/* Accepts NULL. */
void ss_close(struct ss *ss);
void cleanup_ss(struct ss **ss);
#define auto_ss __attribute__((cleanup(cleanup_ss)))

#define SS_UNBOUNDED UINT64_MAX

/* What the header alone says. */
struct ss_facts {
	enum ss_kind kind;
	unsigned version;
	uint64_t count;
	bool keyed; /* records have keys; else an index */
	/* B-tree */
	/* SS_WIDTH_PREFIXED, or bytes of every key; SS_WIDTH_INFER: not known, and not needed for
	 * the nodes there are. */
	int key_width;
	/* Several widths fit all nodes, and key_width is only the likeliest: nothing may be
	 * changed, or called equal, by it. width_fit has the first of them, without key_width. */
	bool key_width_guessed;
	unsigned widths_fit;
	int width_fit[SS_WIDTHS_SHOWN];
	struct ss_sort sort; /* of keys, or of a heap's entries */
	/* The order was told. Else `sort` can serve to find what is there, not to add to it. */
	bool sort_told;
	uint64_t page_len;
	uint64_t max_key_len; /* SS_UNBOUNDED: not bounded, or not stored */
	uint64_t max_value_len;
	uint64_t max_sum_len; /* of key and value together; where only that is stored */
	uint64_t chunks_used; /* as the allocator counts them */
	/* vector, heap */
	bool fixed;
	uint64_t slot_len;
};
const struct ss_facts *ss_facts(const struct ss *ss);
/* With key_width_guessed: one sentence on which widths fit beside the one that is guessed. */
void ss_tell_widths(const struct ss_facts *facts, struct err *out);

/* ---- records ---- */

struct ss_record {
	struct ss_bytes key; /* where keyed; until the cursor moves */
	uint64_t index; /* from 0, in the structure's order; for a cursor that sought, from there */
	uint64_t value_len;
	/* Another one for each record, growing in the structure's order and below 2^52, as long as
	 * nothing changes; SS_NO_PLACE deeper than any tree of a real size. */
	uint64_t place;
};
#define SS_NO_PLACE UINT64_MAX

struct ss_cursor;

/* At the first record; or at the first whose key is not before `from`; or at record `index`. */
int MUST_CHECK ss_first(struct ss *ss, struct ss_cursor **out, struct err *err);
int MUST_CHECK ss_seek(struct ss *ss, struct ss_bytes from, struct ss_cursor **out,
		       struct err *err);
int MUST_CHECK ss_seek_index(struct ss *ss, uint64_t index, struct ss_cursor **out,
			     struct err *err);
/* At the record behind the one that had this place. After a change, or with a number that was none,
 * anywhere; but whoever goes on from place to place comes to the end. */
int MUST_CHECK ss_resume(struct ss *ss, uint64_t place, struct ss_cursor **out, struct err *err);
/* At the nth record before the one that had this place, or before the end for SS_NO_PLACE; at the
 * first one where there are fewer. The time this takes follows n. */
int MUST_CHECK ss_back(struct ss *ss, uint64_t place, uint64_t n, struct ss_cursor **out,
		       struct err *err);
/* Searches one path of the tree. At exactly this key, or -ENOENT. */
int MUST_CHECK ss_find(struct ss *ss, struct ss_bytes key, struct ss_cursor **out, struct err *err);

/* Delivers the record the cursor is at and moves on; *more is false at the end. */
int MUST_CHECK ss_next(struct ss_cursor *c, struct ss_record *rec, bool *more, struct err *err);
/* The value of the record delivered last: whole, until the cursor moves... */
int MUST_CHECK ss_value(struct ss_cursor *c, struct ss_bytes *out, struct err *err);
/* ... or a part of it. */
int MUST_CHECK ss_value_read(struct ss_cursor *c, void *buf, size_t len, uint64_t off,
			     struct err *err);
/* Accepts NULL. */
void ss_cursor_close(struct ss_cursor *c);
void cleanup_ss_cursor(struct ss_cursor **c);
#define auto_ss_cursor __attribute__((cleanup(cleanup_ss_cursor)))

/* ---- two maps, one of them an edited copy of the other ---- */

struct ss_same;

/*
 * Compares the bytes of two maps, and finds the subtrees that are the same in both by that alone.
 * *out is NULL where nothing can be told: other kinds, maps of another form, damage. Takes a bit
 * for each page. Neither map may change while it is open.
 */
int MUST_CHECK ss_same_open(struct ss *a, struct ss *b, struct ss_same **out, struct err *err);
/*
 * With two cursors of which each has delivered all that is before where the other one is: moves
 * both over such subtrees, as far as they follow at once. The records passed over are equal, with
 * their values; an index is not true any more.
 */
int MUST_CHECK ss_same_skip(const struct ss_same *s, struct ss_cursor *a, struct ss_cursor *b,
			    struct err *err);
/* Accepts NULL. */
void ss_same_close(struct ss_same *s);
void cleanup_ss_same(struct ss_same **s);
#define auto_ss_same __attribute__((cleanup(cleanup_ss_same)))

/* ---- changing it: the store must be writable, and grows where it is too short ---- */

/*
 * What the library itself would write. A call that fails may leave the structure half changed: work
 * on a copy, or on a store that keeps changes apart until they are complete. A cursor is of no use
 * after a change. -EINVAL, -EFBIG: it does not go in, nothing has changed. -ENOTSUP: not with this
 * kind of structure.
 */

/* Inserts or replaces. *changed is false, and nothing was written, where it was so already. -EDOM:
 * the key is new, and nobody has told the order of keys; or their width is a guess. */
int MUST_CHECK ss_put(struct ss *ss, struct ss_bytes key, struct ss_bytes value, bool *changed,
		      struct err *err);
int MUST_CHECK ss_remove(struct ss *ss, struct ss_bytes key, bool *found, struct err *err);
/* Takes all records out. */
int MUST_CHECK ss_clear(struct ss *ss, struct err *err);
/* Replaces the value at `index`; at the count, appends one. */
int MUST_CHECK ss_set(struct ss *ss, uint64_t index, struct ss_bytes value, bool *changed,
		      struct err *err);
/* Of a heap: makes it one again, as if each entry had been pushed in turn. -EDOM: nobody has told
 * the order of its entries. */
int MUST_CHECK ss_sift(struct ss *ss, struct err *err);
/* Leaves only the first `count` records of a vector, heap or log. */
int MUST_CHECK ss_cut(struct ss *ss, uint64_t count, struct err *err);

/* ---- filling an empty map with records that come in its order ---- */

struct ss_build;

/* *out is NULL where records are put one by one: in anything but an empty map whose width and order
 * of keys were told. */
int MUST_CHECK ss_build_open(struct ss *ss, struct ss_build **out, struct err *err);
/* *taken is false, and nothing has changed, where the key is not behind all others. */
int MUST_CHECK ss_build_add(struct ss_build *b, struct ss_bytes key, struct ss_bytes value,
			    bool *taken, struct err *err);
/* Writes what is left. The map can be used after that, and none of the above. */
int MUST_CHECK ss_build_end(struct ss_build *b, struct err *err);
/* Accepts NULL. What was not ended is lost. */
void ss_build_close(struct ss_build *b);

/* What the code says of a structure that there is not yet. */
struct ss_form {
	enum ss_kind kind;                   /* SS_LOG_INDEX: a log, in two memories */
	uint64_t max_key_len, max_value_len; /* of 32 bits, or SS_UNBOUNDED */
	bool fixed;                          /* vector, heap: all entries are that long */
};
/* Makes an empty one, in a memory that holds nothing or zeros; `data` as for ss_open. A cell has an
 * empty value then. -EINVAL: not of this kind. */
int MUST_CHECK ss_create(struct store *s, struct store *data, const struct ss_form *form,
			 struct err *err);

/* ---- changes kept apart: stage.c ---- */

/*
 * A store on top of another that keeps every change apart, in the file `fd`, which is empty, is
 * open for reading and writing, and belongs to the stage from now on, also when this fails. `under`
 * stays the caller's, is only read, and must not change meanwhile; NULL: there is nothing below.
 * A stage grows and never shrinks. Not for several threads.
 */
int MUST_CHECK ss_stage_open(struct store *under, int fd, struct store **out, struct err *err);
/* Whether anything was written or grew. */
bool ss_stage_is_changed(const struct store *stage);
/* The first range of whole blocks of 4 KiB, at or behind `off`, that was written to. Returns false
 * if there is none. */
bool ss_stage_next(const struct store *stage, uint64_t off, uint64_t *start, uint64_t *end);

/* ---- a damaged map: btree_salvage.c ---- */

struct ss_salvaged {
	uint64_t counted;       /* records, as the map's header has it */
	uint64_t walked, found; /* records delivered: along the tree; from other nodes */
	uint64_t again;         /* not delivered, as their keys were before */
	uint64_t broken;        /* places that could not be read */
	uint64_t lost_entries;  /* in nodes of which the rest could be read */
	struct err first;       /* what is wrong with the first such place */
};
/* What is in `key` and `value` is gone when it returns. */
typedef int ss_salvage_fn(void *ctx, struct ss_bytes key, struct ss_bytes value, struct err *err);

/* Delivers each record of a map that can still be read, once, in no certain order. Holds a copy of
 * every key. 0 however much is lost. -ENOTSUP: no map. */
int MUST_CHECK ss_salvage(struct ss *ss, ss_salvage_fn *fn, void *ctx, struct ss_salvaged *out,
			  struct err *err);
/* Makes `to`, which is empty, an empty map of the same form. */
int MUST_CHECK ss_salvage_into(struct ss *ss, struct store *to, struct err *err);

/* ---- a map whose order nobody tells ---- */

struct ss_key_index;

/* The order that the keys have now, found by walking; takes a copy of every key. Finds what is
 * there, and nothing else. It needs the map only to be opened. */
int MUST_CHECK ss_key_index_open(struct ss *ss, struct ss_key_index **out, struct err *err);
bool ss_key_index_has(const struct ss_key_index *x, struct ss_bytes key);
const struct ss_type *ss_key_index_type(const struct ss_key_index *x);
/* Accepts NULL. */
void ss_key_index_close(struct ss_key_index *x);

/* ---- the whole structure ---- */

/* What only a walk over all of it tells. Lengths are sums in bytes. */
struct ss_usage {
	uint64_t entries;
	uint64_t key_len, value_len;
	uint64_t longest_key_len, longest_value_len;
	uint64_t held_len; /* from offset 0 to the end of what the structure uses */
	/* B-tree */
	enum ss_order
		order;   /* as told, or the first one that all keys keep to; SS_ORDER_OWN: none */
	unsigned orders; /* not told: a bit, 1 << SS_ORDER_..., for each that all keys keep to */
	uint64_t nodes_v1, nodes_v2, leaves, overflow_pages;
	uint64_t root_entries;  /* the root alone may have fewer than half a node's */
	unsigned depth;         /* levels */
	uint64_t chunks_used;   /* reachable from the root */
	uint64_t chunks_free;   /* below the frontier */
	uint64_t chunks_leaked; /* neither */
};

/*
 * Walks all of a structure. Fills *out as far as it could read, and reports to `fn`, where that is
 * not NULL, every defect of ss_defects for memory mm_id (-1: a raw image). 0 however much is found.
 * Takes two bits for every page of a B-tree, nothing that grows for other kinds.
 */
int MUST_CHECK ss_measure(struct ss *ss, int mm_id, struct ss_usage *out, mm_finding_fn *fn,
			  void *ctx, struct err *err);

/*
 * The structures in all memories, or, with mm NULL, the one in the raw image `s`: recognises and
 * measures each. `opts` may be NULL, or give options for a memory's id (-1: raw). Adds to *result.
 */
typedef struct ss_options ss_options_fn(void *ctx, int mm_id);
int MUST_CHECK ss_check(struct mm *mm, struct store *s, ss_options_fn *opts, void *opts_ctx,
			mm_finding_fn *fn, void *ctx, struct mm_check_result *result,
			struct err *err);

/* The same, and tells what the walk over each structure found, as far as it could read. */
typedef void ss_measured_fn(void *ctx, int mm_id, const struct ss_facts *facts,
			    const struct ss_usage *usage);
int MUST_CHECK ss_survey(struct mm *mm, struct store *s, ss_options_fn *opts, void *opts_ctx,
			 mm_finding_fn *fn, ss_measured_fn *measured, void *ctx,
			 struct mm_check_result *result, struct err *err);

/* All defects that ss_check knows, ending with a NULL id. */
extern const struct mm_defect ss_defects[];

/* ---- Candid: what a message says of itself before its values ---- */

enum { /* types: below 0 the specification's, from 0 on those of the message's own table */
       CANDID_NULL = -1,
       CANDID_BOOL = -2,
       CANDID_NAT = -3,
       CANDID_INT = -4,
       CANDID_NAT8 = -5,
       CANDID_NAT16 = -6,
       CANDID_NAT32 = -7,
       CANDID_NAT64 = -8,
       CANDID_INT8 = -9,
       CANDID_INT16 = -10,
       CANDID_INT32 = -11,
       CANDID_INT64 = -12,
       CANDID_FLOAT32 = -13,
       CANDID_FLOAT64 = -14,
       CANDID_TEXT = -15,
       CANDID_RESERVED = -16,
       CANDID_EMPTY = -17,
       CANDID_OPT = -18,
       CANDID_VEC = -19,
       CANDID_RECORD = -20,
       CANDID_VARIANT = -21,
       CANDID_FUNC = -22,
       CANDID_SERVICE = -23,
       CANDID_PRINCIPAL = -24,
};

struct ss_candid_field {
	uint32_t id; /* of an opt or a vec 0 */
	int64_t type;
};

struct ss_candid_type {
	int64_t op;
	uint32_t first, count; /* in `field` */
};

struct ss_candid {
	/* The caller sets these: the message, and all that may follow it, from off to end. */
	const uint8_t *bytes;  /* in memory ... */
	struct blocks *blocks; /* ... or, with bytes NULL, in a structure's memory */
	uint64_t off, end;
	/* The rest is zero at first. */
	uint64_t begin, steps;
	struct ss_candid_type *type;
	uint32_t types;
	struct ss_candid_field *field;
	uint32_t fields;
	size_t field_cap;
	int64_t arg[1024];
	unsigned args;
};

/* Reads up to the first value. False here and below: not Candid, or more than can be true. */
bool MUST_CHECK ss_candid_begin(struct ss_candid *c);
void ss_candid_end(struct ss_candid *c);
bool MUST_CHECK ss_candid_take(struct ss_candid *c, void *buf, size_t len);
bool MUST_CHECK ss_candid_skip(struct ss_candid *c, uint64_t len);
bool MUST_CHECK ss_candid_leb(struct ss_candid *c, uint64_t *out);
/* To be called for each value: types can make 2^64 values of no bytes at all. */
bool MUST_CHECK ss_candid_step(struct ss_candid *c);

#endif
