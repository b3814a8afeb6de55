/* SPDX-License-Identifier: MIT */
/*
 * .canister/records: the records of stable structures as files.
 *
 *     records/5/61        the value of the map's key 'a'        (a map with keys that are no text)
 *     records/6/alice     the value of the map's key 'alice'    (a map whose keys all are text)
 *     records/7/value     what a cell, or a payload, holds
 *     records/8/0 ...     the elements of a vector, heap or log
 *
 * One structure is open at a time, and what it takes in memory is there once. What may take long is
 * done by a thread of its own (record_task.c): no request for anything else waits for it.
 */
#ifndef CANISTERFS_FUSEFS_RECORDS_H
#define CANISTERFS_FUSEFS_RECORDS_H

#include "fusefs/core/fs.h"
#include "memmgr/structures/structures.h"

/* ---- record_name.c: what a record is called ---- */

enum { RECORD_NAME_MAX = 255 };

enum record_style {
	RECORD_HEX,   /* a key, in hexadecimal */
	RECORD_TEXT,  /* a key, as it is */
	RECORD_INDEX, /* the index, in decimal */
	RECORD_VALUE, /* the only one: "value" */
};

/* A key that can be a file's name as it is, and be read: UTF-8 without control characters. */
bool record_key_is_text(struct ss_bytes key);
/* RECORD_NAME_MAX + 1 bytes at `name`. */
int MUST_CHECK record_spell(enum record_style style, const struct ss_record *rec, char *name,
			    struct err *err);

/* What a name says. */
struct record_wanted {
	uint8_t key[RECORD_NAME_MAX];
	size_t key_len;
	uint64_t index;
	bool search; /* it does not say the key: all records are to be compared with the name */
};
/* -ENOENT: no record can be called so. */
int MUST_CHECK record_parse(enum record_style style, const char *name, struct record_wanted *out);

/* ---- record_view.c: the structure in one memory ---- */

/* What was found out about a memory's structure, and holds while the memory does not change. */
struct record_facts {
	bool known;
	uint64_t changes; /* of the memory, when this was found out */
	bool style_known, order_known;
	enum record_style style;
	enum ss_order order; /* SS_ORDER_OWN: keys can only be searched for one by one */
	int key_width;
	/* The record before the one that was last searched for one by one; SS_NO_PLACE: none. */
	uint64_t before;
};

/*
 * One structure that is open, and the facts about all. Belongs to one thread at a time.
 *
 * Of the functions below, those that take an err fail with -EAGAIN in a hurry, where the answer
 * would take long: nothing has changed then, and they can be asked again.
 */
struct record_view {
	struct mm *mm;
	const struct fs_name *names; /* by id, or NULL */
	const atomic_bool *ending;   /* long searches are to stop */
	bool hurry;
	struct ss *ss; /* NULL: none is open */
	unsigned mm_id;
	int partner; /* the memory with a log's data, or -1 */
	uint64_t changes, partner_changes;
	struct store *store, *data;
	struct record_facts facts[MM_MAX_MEMORIES];
};

/* Whether a memory holds something that reads as records, or begins like it. */
int MUST_CHECK record_view_has(struct record_view *v, unsigned mm_id, bool *has, struct err *err);
/* Opens memory mm_id's structure as it is now, unless it is open already. */
int MUST_CHECK record_view_open(struct record_view *v, unsigned mm_id, struct err *err);
void record_view_close(struct record_view *v);
/* The memory has changed since it was opened. */
bool record_view_is_late(const struct record_view *v);
/* How the records of the open structure are called. */
int MUST_CHECK record_view_style(struct record_view *v, enum record_style *style, struct err *err);
/* A cursor at the record of this name, delivered. -ENOENT. */
int MUST_CHECK record_view_find(struct record_view *v, enum record_style style, const char *name,
				struct ss_cursor **out, struct ss_record *rec, struct err *err);

/* ---- record_ops.c, record_node.c, record_task.c ---- */

int MUST_CHECK records_init(struct fs *fs, struct err *err);
/* Nobody waits for answers any more. */
void records_stop(struct fs *fs);
/* The thread has ended then. */
void records_end(struct fs *fs);
void records_clear(struct fs *fs);
/* .canister/records */
struct node *records_root(struct fs *fs);
void record_forget(struct fs *fs, fuse_ino_t ino, uint64_t lookups);

#endif
