/* SPDX-License-Identifier: MIT */
/*
 * A trial: an image that stays as it is, and a directory with a file for each of its memories, in
 * which a command is let loose. Either a mount with an overlay in front of the image, or plain
 * files whose changes are taken into an overlay.
 */
#ifndef CANISTERFS_RUN_H
#define CANISTERFS_RUN_H

#include "tools/checkout/checkout.h"
#include "tools/cmd/names.h"
#include "tools/image/snapper.h"

/* What a command has done to a memory. */
struct run_change {
	int id;
	const char *name;                 /* of the names file, or NULL */
	uint64_t pages;                   /* that differ, or that only one of the two has */
	const char *kind;                 /* of the structure; NULL: its records were not counted */
	uint64_t added, removed, changed; /* records; UINT64_MAX: not counted */
};

struct run_changes {
	struct run_change row[MM_MAX_MEMORIES];
	size_t count;
};

/* Which pages of 4 KiB of a memory a command has touched. */
struct run_pages {
	int id;
	const char *name;
	uint64_t read, read_all, read_sequential; /* the last one in hundredths of read_all */
	uint64_t dirtied, dirtied_all, dirtied_sequential;
};

struct run_account {
	bool counted; /* --account */
	bool cached;  /* a page that is read again may not be seen */
	struct run_pages row[MM_MAX_MEMORIES];
	size_t count;
	uint64_t read_len, dirtied_len; /* bytes of distinct pages, of all memories */
};

struct run_trial {
	const struct run_ops *ops;
	const char *image;
	const char *keep;    /* where what is written is kept, or NULL */
	const char *options; /* of the mount, or NULL */
	struct names *names; /* or NULL */
	char *dir;           /* private; goes away with the trial */
	char *mnt;           /* where the command works */
	/* run_mount.c */
	bool mounted;
	struct snapper snapper;
	struct run_account account; /* of the first command */
	/* run_files.c */
	struct checkout co;
	char *overlay[2]; /* what was written before the command that runs, and with it; or NULL */
};

struct run_ops {
	/* t->dir and the name in t->mnt are there. */
	int (*begin)(struct run_trial *t, struct err *err);
	/* Before a command. */
	int (*mark)(struct run_trial *t, const char *name, struct err *err);
	/* After it: what has changed since the mark. */
	int (*tell)(struct run_trial *t, const char *name, struct run_changes *out,
		    struct err *err);
	/* All has gone well: what was written goes to t->keep. `again`: there were two marks. */
	int (*keep_it)(struct run_trial *t, bool again, struct err *err);
	/* Also after a failure. */
	int (*end)(struct run_trial *t, struct err *err);
};
extern const struct run_ops run_mount, run_files;

/* A row for a memory in which `pages` pages differ, with its records counted in both images. */
void run_add(struct run_trial *t, struct run_changes *out, unsigned mm_id, uint64_t pages,
	     struct mm *was, struct mm *now);
/* This same program, with other words. It says itself what is wrong. */
int MUST_CHECK run_self(char *const *argv, struct err *err);
/* Exit code, or 128 and the signal's number, as a shell has it; -errno: it could not be run. What
 * it prints goes to stderr. */
int run_command(const char *file, char *const *argv);
/* Signals that are to end us end the command that runs. */
void run_catch_signals(void);

#endif
