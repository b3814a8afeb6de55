/* SPDX-License-Identifier: MIT */
/*
 * What a verb is. A verb declares its words, options and operands once, in its own file; dispatch,
 * parsing, --help, completion and the tests of the man pages all read that one declaration.
 *
 * To add a verb: write tools/verbs/NAME.c with a `const struct verb verb_NAME`, add a line to
 * verbs.h and to meson.build, and a page docs/man/canisterfs-NAME.1.
 */
#ifndef CANISTERFS_CMD_H
#define CANISTERFS_CMD_H

#include <stdio.h>

#include "memmgr/util.h"
#include "tools/out/say.h"

/* How a word of the command line is read, and into what, at `where` in the verb's arguments. */
enum cmd_type {
	CMD_FLAG,   /* bool */
	CMD_TEXT,   /* const char * */
	CMD_FILE,   /* const char *; as CMD_TEXT, and completes to file names */
	CMD_DIR,    /* const char *; completes to directories */
	CMD_NUMBER, /* uint64_t, decimal, within min and max */
	CMD_SIZE, /* uint64_t in bytes, within min and max; K, M, G, T behind it are powers of 1024
		   */
	CMD_ID,   /* uint64_t, a memory's id, 0 to 254, or its name in the names file; see CMD_NAMES
		   */
	CMD_ID_WRITE, /* as CMD_ID, and refused where the names file says: written no longer */
	CMD_LIST,     /* struct cmd_list; an option that may be repeated */
	CMD_NAMES,    /* struct names *, of a file; see CMD_NAMES_FILE */
	CMD_BASE,     /* image_base_pages, wherever `where` says; see CMD_BASE_PAGE */
	CMD_TRUST,    /* image_trust_backing, wherever `where` says; see CMD_TRUST_BACKING */
	CMD_REST, /* struct cmd_list; the last operand: all words that are left, "--" before them */
};

/* What a CMD_NUMBER, CMD_SIZE or CMD_ID holds that was not given. Pointers are NULL then. */
#define CMD_UNSET UINT64_MAX

struct cmd_list {
	size_t count;
	const char **item; /* item[count] is NULL; NULL when count is 0 */
};

struct cmd_option {
	const char *name; /* long, without the dashes */
	char letter;      /* short, or 0 */
	enum cmd_type type;
	size_t where;
	const char *arg;  /* what stands for its argument in the synopsis; NULL: a flag */
	const char *help; /* a phrase, lower case */
	uint64_t min, max;
	bool required; /* only for the synopsis: a verb says itself what it misses, and why */
};

struct cmd_operand {
	const char *name; /* in capitals */
	enum cmd_type type;
	size_t where;
	bool optional;
};

struct verb {
	const char *name;
	const char *summary; /* one phrase, for the list of verbs */
	const char
		*text; /* paragraphs for --help; lines that begin with a blank stay as they are */
	const struct cmd_option *options;   /* end with a NULL name; may be NULL */
	const struct cmd_operand *operands; /* likewise */
	size_t args_len;                    /* of the verb's arguments */
	int (*run)(const void *args);       /* returns the exit code */
	/* Where they are not CMD_USAGE and CMD_FAILED: what a bad command line exits with, and what
	 * an answer exits with that could not be written to stdout. */
	int usage_exit, failed_exit;
	bool reads; /* writes nothing but its answer: may run in the sandbox */
};

#define VERB(name) extern const struct verb verb_##name;
#include "tools/verbs.h"
#undef VERB

/* options.c: reads argv (argv[0] is the verb) into args, zeroed memory of v->args_len bytes.
 * Returns 0, -EINVAL with a sentence, or 1 when --help was asked for. */
int MUST_CHECK cmd_parse(const struct verb *v, int argc, char **argv, void *args, struct err *err);
/* Frees the lists and names in args. */
void cmd_parse_free(const struct verb *v, void *args);

/* usage.c. A bad command line: says so and where the help is. Returns the verb's usage exit. */
int cmd_usage(const struct verb *v, const char *fmt, ...) PRINTF(2, 3);

/* numbers.c. Strict: decimal digits alone, no sign, no space, no leading zero. -EINVAL with a
 * sentence. */
int MUST_CHECK parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out,
			    struct err *err);
int MUST_CHECK parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out,
			  struct err *err);
int MUST_CHECK parse_id(const char *text, uint64_t *out, struct err *err);
/* Pages before the manager's first one, in every image that is opened or made; CMD_UNSET: found by
 * looking, and in a new image none. The command line sets it, before any image is opened. */
extern uint64_t image_base_pages;
/* The user vouches for whatever a file names as its backing file. Set likewise. */
extern bool image_trust_backing;

/* Sets image_base_pages. */
int MUST_CHECK cmd_base_page(const char *text, struct err *err);

/* The option of all verbs that open or make managed images. */
#define CMD_BASE_PAGE                                                                              \
	{                                                                                          \
		"base-page", 0, CMD_BASE, 0, "P", "the manager begins at page P of the image"      \
	}

/* The option of all verbs that open what may name another file as what it is based on. */
#define CMD_TRUST_BACKING                                                                          \
	{                                                                                          \
		"trust-backing", 0, CMD_TRUST, 0, NULL,                                            \
			"open whatever file IMAGE names as its base"                               \
	}

/* The option of all verbs that take a memory's id or tell of one; `member` is a struct names *,
 * NULL where it is not given. Wherever it stands, ids are read by it. */
#define CMD_NAMES_FILE(type, member)                                                               \
	{                                                                                          \
		"names", 0, CMD_NAMES, WHERE(type, member), "FILE",                                \
			"names, kinds and codecs of memories, in TOML"                             \
	}

/* Where an option or operand stores, as the table says: WHERE(struct create_args, force). */
#define WHERE(type, member) offsetof(type, member)

#endif
