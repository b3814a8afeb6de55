/* SPDX-License-Identifier: MIT */
/*
 * What the verbs on records have in common: the words that choose a structure and how its keys and
 * values are shown, and opening it, in a memory or a raw image.
 */
#ifndef CANISTERFS_RECORDS_H
#define CANISTERFS_RECORDS_H

#include "tools/cmd/cmd.h"
#include "tools/cmd/names.h"
#include "tools/codec/codec.h"
#include "tools/image/image_open.h"

/* At the head of a verb's arguments. */
struct records_args {
	const char *image;
	uint64_t id; /* CMD_UNSET: the image itself */
	struct names *names;
	const char *key, *value, *key_width, *order;
	uint64_t data_id; /* of a log's data memory */
	bool allow_exec;  /* a codec in the names file may run a command */
};

/* The options of struct records_args, for a verb's table; `args` is the verb's struct. */
#define RECORDS_OPTIONS(args)                                                                      \
	{"key",    'k',                                                                            \
	 CMD_TEXT, WHERE(args, r.key),                                                             \
	 "CODEC",  "how keys are written; hex if not given"},                                      \
		{"value",  'v',                                                                    \
		 CMD_TEXT, WHERE(args, r.value),                                                   \
		 "CODEC",  "how values are written; hex if not given"},                            \
		{"key-width",                                                                      \
		 0,                                                                                \
		 CMD_TEXT,                                                                         \
		 WHERE(args, r.key_width),                                                         \
		 "N",                                                                              \
		 "keys have N bytes and no length before them; 'prefixed': they have one"},        \
		{"order",                                                                          \
		 0,                                                                                \
		 CMD_TEXT,                                                                         \
		 WHERE(args, r.order),                                                             \
		 "ORDER",                                                                          \
		 "how keys are sorted: bytes, length, little-endian, reversed, signed, own"},      \
		{"data-id", 0,                                                                     \
		 CMD_ID,    WHERE(args, r.data_id),                                                \
		 "ID",      "the memory with a log's data"},                                       \
		{"allow-exec", 0,                                                                  \
		 CMD_FLAG,     WHERE(args, r.allow_exec),                                          \
		 NULL,         "let a codec exec:CMD of the names file run its command"},          \
		CMD_NAMES_FILE(args, r.names), CMD_BASE_PAGE, CMD_TRUST_BACKING

#define RECORDS_OPERANDS(args)                                                                     \
	{"IMAGE", CMD_FILE, WHERE(args, r.image)},                                                 \
	{                                                                                          \
		"ID", CMD_ID, WHERE(args, r.id), .optional = true                                  \
	}

/* What was chosen, before any image is opened. */
struct records_choice {
	int mm_id; /* -1: the image itself, which is raw */
	struct name *name;
	struct codec key, value;
	struct ss_options opts;
	int data_id;                /* -1: found */
	int64_t max_key, max_value; /* bytes; -1: not told; or NAME_UNBOUNDED */
};
int MUST_CHECK records_choose(const struct records_args *args, struct records_choice *out,
			      struct err *err);
void records_choice_end(struct records_choice *c);
#define auto_records_choice __attribute__((cleanup(records_choice_end)))

/* The codecs of a name, hex where it tells none that is known; NULL: no memory. They live as long
 * as the name, as orders of keys refer to them. */
struct name_codecs {
	struct codec key, value;
};
const struct name_codecs *records_name_codecs(struct name *name);
/* What the names file tells of how to open a memory's structure. `names`, a struct names, may be
 * NULL. Of this form so that ss_check and ss_survey can ask. */
struct ss_options records_name_options(void *names, int mm_id);

/* A structure that is open, and all it stands on. */
struct records {
	struct image image;
	struct store *memory, *data; /* the structure's; of a raw image both NULL */
	bool swapped;                /* a log's data was named, its index was found */
	struct ss *ss;
};
/* The memory or the raw image, for reading or writing; no structure yet. */
int MUST_CHECK records_open_memory(const char *path, int mm_id, bool writable, struct records *out,
				   struct err *err);
/* The structure in it. */
int MUST_CHECK records_open_structure(struct records *r, const struct records_choice *c,
				      struct err *err);
/* form.c: for whoever makes the structure, in a memory that holds nothing or zeros: what it is to
 * be like, as far as its header says that; c->opts with it. Opens the data memory of a log. */
int MUST_CHECK records_is_empty(struct store *memory, bool *empty, struct err *err);
int MUST_CHECK records_open_new(struct records *r, struct records_choice *c, struct ss_form *out,
				struct err *err);
struct store *records_store(struct records *r);
void records_drop(struct records *r);
#define auto_records __attribute__((cleanup(records_drop)))

/* Says on stderr which width of keys was found, where that was not told nor stored, and what else
 * it could be. */
void records_say_guess(const char *path, const struct records *r, const struct records_choice *c);

#endif
