/* SPDX-License-Identifier: MIT */
/*
 * A screenful of records, read and decoded as they are shown. However many records a structure has,
 * only these are read.
 */
#ifndef CANISTERFS_BROWSE_RECORD_ROWS_H
#define CANISTERFS_BROWSE_RECORD_ROWS_H

#include "tools/browse/views.h"

struct record_row {
	uint64_t place, index, value_len;
	char *key;    /* as its codec shows it; NULL: it has none */
	char *value;  /* the same, or the begin of a long one */
	bool damaged; /* `value` says why it is not shown */
};

/* Zeroed: no rows. */
struct record_rows {
	struct record_row *row;
	size_t count, room;
	bool at_end;       /* no record follows */
	struct err damage; /* why no more could be read, or empty */
};

struct record_look {
	struct ss *ss;
	const struct codec *key, *value;
	enum value_form form;
};

/* Reads up to `room` records from the cursor on, which it closes. -ENOMEM. */
int MUST_CHECK record_rows_fill(struct record_rows *rows, const struct record_look *look,
				struct ss_cursor *c, size_t room, struct err *err);
void record_rows_clear(struct record_rows *rows);

/* A key as its codec shows it, else in hex; for free(). NULL: no memory. */
char *record_key_text(const struct record_look *look, struct ss_bytes key);

/* Whether the record that the cursor has delivered last has the text: in its bytes, or as it is
 * shown. */
int MUST_CHECK record_has(const struct record_look *look, struct ss_cursor *c,
			  const struct ss_record *rec, const char *text, bool *has,
			  struct err *err);

#endif
