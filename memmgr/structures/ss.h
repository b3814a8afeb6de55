/* SPDX-License-Identifier: MIT */
/*
 * What every kind of structure looks like to structure.c: a struct ss and a struct ss_cursor at the
 * head of its own, and one table of functions. Private to this folder.
 */
#ifndef CANISTERFS_STRUCTURES_SS_H
#define CANISTERFS_STRUCTURES_SS_H

#include "memmgr/structures/blocks.h"
#include "memmgr/structures/structures.h"

struct ss_report;

struct ss_ops {
	/* A new cursor at the first record. */
	int (*first)(struct ss *ss, struct ss_cursor **out, struct err *err);
	/* At the first record not before `key`, or with `exact` at it: -ENOENT. NULL: not keyed. */
	int (*seek)(struct ss *ss, struct ss_bytes key, bool exact, struct ss_cursor **out,
		    struct err *err);
	/* At record `index`, at most the count. NULL: keyed, records have no index to go to. */
	int (*seek_index)(struct ss *ss, uint64_t index, struct ss_cursor **out, struct err *err);
	/* NULL: a record's place is its index. */
	int (*resume)(struct ss *ss, uint64_t place, struct ss_cursor **out, struct err *err);
	/* As ss_back; NULL where `resume` is. */
	int (*back)(struct ss *ss, uint64_t place, uint64_t n, struct ss_cursor **out,
		    struct err *err);
	int (*next)(struct ss_cursor *c, struct ss_record *rec, bool *more, struct err *err);
	/* The range lies inside the value. */
	int (*value_read)(struct ss_cursor *c, void *buf, size_t len, uint64_t off,
			  struct err *err);
	/* A range that lies in memory already, or NULL. May be NULL itself. */
	const uint8_t *(*value_peek)(struct ss_cursor *c);
	void (*cursor_close)(struct ss_cursor *c);
	/* Where the value of record `index` lies in ss->values. NULL: keyed. */
	int (*entry)(struct ss *ss, uint64_t index, uint64_t *off, uint64_t *len, struct err *err);
	int (*measure)(struct ss *ss, struct ss_usage *out, struct ss_report *r, struct err *err);
	/* Changing it: keyed, or by index. NULL: cannot be done. */
	int (*put)(struct ss *ss, struct ss_bytes key, struct ss_bytes value, bool *changed,
		   struct err *err);
	int (*remove)(struct ss *ss, struct ss_bytes key, bool *found, struct err *err);
	int (*clear)(struct ss *ss, struct err *err);
	int (*set)(struct ss *ss, uint64_t index, struct ss_bytes value, struct err *err);
	int (*cut)(struct ss *ss, uint64_t count, struct err *err);
	int (*sift)(struct ss *ss, struct err *err);
	void (*close)(struct ss *ss);
};

struct ss {
	const struct ss_ops *ops;
	struct ss_facts facts;
	struct blocks blocks;  /* the memory's own bytes */
	struct blocks *values; /* not keyed: what `entry` speaks of */
};

struct ss_cursor {
	struct ss *ss;
	uint64_t value_len; /* of the record delivered last */
	bool at_record;
	uint8_t *value; /* ss_value's copy */
	size_t value_cap;
};

static inline bool ss_is_told(const struct ss_sort *sort)
{
	return sort->order != SS_ORDER_INFER && sort->order != SS_ORDER_OWN;
}

static inline bool ss_bit_get(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] & 1u << i % 8;
}

static inline void ss_bit_set(uint8_t *bits, uint64_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
}

/* index_cursor.c: what serves all kinds whose records have an index. */
int MUST_CHECK index_first(struct ss *ss, struct ss_cursor **out, struct err *err);
int MUST_CHECK index_seek(struct ss *ss, uint64_t index, struct ss_cursor **out, struct err *err);
int MUST_CHECK index_next(struct ss_cursor *c, struct ss_record *rec, bool *more, struct err *err);
int MUST_CHECK index_value_read(struct ss_cursor *c, void *buf, size_t len, uint64_t off,
				struct err *err);
void index_cursor_close(struct ss_cursor *c);
#define INDEX_CURSOR                                                                               \
	.first = index_first, .seek_index = index_seek, .next = index_next,                        \
	.value_read = index_value_read, .cursor_close = index_cursor_close

/* What is in ss_defects, by place. */
enum ss_defect {
	D_HEADER,
	D_SECOND,
	D_VERSION,
	D_NODE,
	D_NODE_FILL,
	D_DEPTH,
	D_POINTER,
	D_SHARED,
	D_OVERFLOW,
	D_ORDER,
	D_OWN_ORDER,
	D_DUPLICATE,
	D_COUNT,
	D_WIDTH,
	D_CHUNK_HEADER,
	D_CHUNK_IN_USE,
	D_FREE_LIST,
	D_CHUNK_COUNT,
	D_LEAK,
	D_ENTRY,
	D_HEAP_ORDER,
	D_HEAP_OWN_ORDER,
	D_LOG_ALONE,
	D_LOG_INDEX,
	D_COUNT_OF_DEFECTS,
};

/* Where findings go: the first few of each defect one by one, of the rest the number. */
struct ss_report {
	mm_finding_fn *fn; /* NULL: nobody listens */
	void *ctx;
	int mm_id;
	bool guessed; /* the width of keys: what rests on that is no error */
	uint64_t times[D_COUNT_OF_DEFECTS];
};
void ss_find_fault(struct ss_report *r, enum ss_defect defect, const char *fmt, ...) PRINTF(3, 4);
/* Tells how many more there were of each. */
void ss_report_end(struct ss_report *r);
static inline bool ss_report_has(const struct ss_report *r, enum ss_defect defect)
{
	return r->times[defect] > 0;
}

/* second.c: reports D_SECOND for each header of a structure behind the memory's begin. */
int MUST_CHECK ss_find_second(struct ss_report *r, struct store *s, struct err *err);

/* Counts in how many neighbouring pairs a first key is not before the second: by the order that was
 * told, or where `told` is NULL, by each that has a name. */
struct order_count {
	uint64_t pairs, equal;
	uint64_t told_wrong, first_told_wrong; /* a place the caller gave: of the first such pair */
	uint64_t wrong[SS_ORDER_OWN], first_wrong[SS_ORDER_OWN];
};
void order_count_pair(struct order_count *o, const struct ss_sort *told, struct ss_bytes a,
		      struct ss_bytes b, uint64_t place);
/* Sets out->order and out->orders. An order that only equal keys break is not broken. */
void order_judge(const struct order_count *o, const struct ss_sort *told, struct ss_usage *out);
/* NULL: nobody told it. */
static inline const struct ss_sort *ss_told_sort(const struct ss *ss)
{
	return ss->facts.sort_told ? &ss->facts.sort : NULL;
}

/* One of the library's own, with a magic. */
static inline bool ss_is_container(enum ss_kind kind)
{
	return kind >= SS_BTREE && kind <= SS_LOG_DATA;
}

/* The kinds, each in its file. *out's ops, facts and blocks are set on success. */
int MUST_CHECK bt_open(struct store *s, const struct ss_options *opts, struct ss **out,
		       struct err *err);
int MUST_CHECK vec_open(struct store *s, const struct ss_options *opts, struct ss **out,
			struct err *err);
int MUST_CHECK log_open(struct store *s, struct store *data, struct ss **out, struct err *err);
int MUST_CHECK single_open(struct store *s, const struct ss_content *content, struct ss **out,
			   struct err *err);

/* The end of a Candid message, or of a CBOR item, that begins at `off`; both read no further than
 * `end`. -EINVAL: it is none. -E2BIG: cannot be told with reasonable effort. */
int MUST_CHECK candid_end(struct blocks *b, uint64_t off, uint64_t end, uint64_t *out);
int MUST_CHECK cbor_end(struct blocks *b, uint64_t off, uint64_t end, uint64_t *out);

/* Whether a header can be true, by kind; otherwise why not. The version byte is checked here. */
bool bt_plausible(struct blocks *b, struct ss_content *out);
bool vec_plausible(struct blocks *b, struct ss_content *out);
bool cell_plausible(struct blocks *b, struct ss_content *out);
bool log_index_plausible(struct blocks *b, struct ss_content *out);
bool log_data_plausible(struct blocks *b, struct ss_content *out);

#endif
