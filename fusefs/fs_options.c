// SPDX-License-Identifier: MIT
/*
 * Takes mount options apart: ours, and the rest for libfuse and the kernel.
 */
#define FUSE_USE_VERSION 312

#include <fuse3/fuse_opt.h>

#include "fusefs/fusefs.h"

enum {
	KEY_REMOUNT,
	KEY_READ_ONLY,
	KEY_READ_WRITE,
	KEY_SCRATCH,
	KEY_BASE_PAGE,
	KEY_SNAP_DIR,
	KEY_OVERLAY,
	KEY_EPHEMERAL,
	KEY_FAST_SNAPSHOTS,
	KEY_TRUST_BACKING,
	KEY_ACCOUNT,
	KEY_NAMES,
	KEY_PASSTHROUGH,
	KEY_UID,
	KEY_GID,
	KEY_UMASK
};

static const struct fuse_opt ours[] = {
	FUSE_OPT_KEY("remount", KEY_REMOUNT),
	FUSE_OPT_KEY("ro", KEY_READ_ONLY),
	FUSE_OPT_KEY("rw", KEY_READ_WRITE),
	FUSE_OPT_KEY("scratch=%s", KEY_SCRATCH),
	FUSE_OPT_KEY("base_page=%s", KEY_BASE_PAGE),
	FUSE_OPT_KEY("snapdir=%s", KEY_SNAP_DIR),
	FUSE_OPT_KEY("overlay=%s", KEY_OVERLAY),
	FUSE_OPT_KEY("ephemeral", KEY_EPHEMERAL),
	FUSE_OPT_KEY("fast_snapshots", KEY_FAST_SNAPSHOTS),
	FUSE_OPT_KEY("trust_backing", KEY_TRUST_BACKING),
	FUSE_OPT_KEY("account", KEY_ACCOUNT),
	FUSE_OPT_KEY("names=%s", KEY_NAMES),
	FUSE_OPT_KEY("passthrough=%s", KEY_PASSTHROUGH),
	FUSE_OPT_KEY("uid=%s", KEY_UID),
	FUSE_OPT_KEY("gid=%s", KEY_GID),
	FUSE_OPT_KEY("umask=%s", KEY_UMASK),
	FUSE_OPT_END,
};

struct parsing {
	struct fs_options *opts;
	struct err *err;
};

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	free(*text);
	*text = copy;
	return copy ? 0 : -1;
}

static int set_passthrough(struct fs_options *opts, const char *when, struct err *err)
{
	static const char *const words[] = {
		[FS_WHERE_POSSIBLE] = "auto", [FS_NEVER] = "no", [FS_DEMAND] = "yes"};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(when, words[i]) == 0) {
			opts->passthrough = (enum fs_when)i;
			return 0;
		}
	}
	err_set(err, -EINVAL, "passthrough=%s: it is yes, no or auto", when);
	return -1;
}

/* "NAME=NUMBER", up to max. */
static int set_number(struct parsing *p, const char *word, int base, unsigned long max,
		      unsigned *out, bool *set)
{
	const char *text = strchr(word, '=') + 1;
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, base);
	if (*text < '0' || *text > '9' || *end || errno || n > max) {
		err_set(p->err, -EINVAL, "%s: a number is needed, %s", word,
			base == 8 ? "octal, up to 777" : "up to 4294967294");
		return -1;
	}
	*out = (unsigned)n;
	*set = true;
	return 0;
}

static int set_umask(struct parsing *p, const char *word)
{
	unsigned mask;

	if (set_number(p, word, 8, 0777, &mask, &p->opts->mode_set) < 0)
		return -1;
	p->opts->mode = 0777 & ~mask;
	return 0;
}

/* fuse_opt_parse's: 0 drops the word, 1 keeps it for libfuse, -1 gives up. */
static int take_word(void *data, const char *word, int key, struct fuse_args *args)
{
	struct parsing *p = data;
	struct fs_options *opts = p->opts;

	switch (key) {
	case KEY_REMOUNT:
		err_set(p->err, -EINVAL,
			"cannot be mounted again with other options while it is "
			"mounted; unmount it first");
		return -1;
	case KEY_READ_ONLY:
		opts->read_only = true;
		return 0;
	case KEY_READ_WRITE:
		opts->read_only = false;
		return 0;
	case KEY_SCRATCH:
		return set_text(&opts->scratch_dir, strchr(word, '=') + 1);
	case KEY_BASE_PAGE:
		return set_text(&opts->base_page, strchr(word, '=') + 1);
	case KEY_SNAP_DIR:
		word = strchr(word, '=') + 1;
		if (word[0] != '.' || strchr(word, '/') || strlen(word) < 2 ||
		    !strcmp(word, "..")) {
			err_set(p->err, -EINVAL,
				"snapdir=%s: the folder's name begins with a dot, so that it can be "
				"no file's, and has no slash",
				word);
			return -1;
		}
		return set_text(&opts->snap_dir, word);
	case KEY_OVERLAY:
		return set_text(&opts->overlay, strchr(word, '=') + 1);
	case KEY_NAMES:
		return set_text(&opts->names, strchr(word, '=') + 1);
	case KEY_PASSTHROUGH:
		return set_passthrough(opts, strchr(word, '=') + 1, p->err);
	case KEY_EPHEMERAL:
		opts->ephemeral = true;
		return 0;
	case KEY_FAST_SNAPSHOTS:
		opts->fast_snapshots = true;
		return 0;
	case KEY_TRUST_BACKING:
		opts->trust_backing = true;
		return 0;
	case KEY_ACCOUNT:
		opts->account = true;
		return 0;
	case KEY_UID:
		return set_number(p, word, 10, UINT32_MAX - 1, &opts->uid, &opts->uid_set);
	case KEY_GID:
		return set_number(p, word, 10, UINT32_MAX - 1, &opts->gid, &opts->gid_set);
	case KEY_UMASK:
		return set_umask(p, word);
	default:
		return fuse_opt_add_opt(&opts->rest, word);
	}
}

int fs_options_parse(struct fs_options *opts, const char *words, struct err *err)
{
	char *argv[] = {"canisterfs", "-o", (char *)words, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct parsing p = {opts, err};
	int rc;

	err_set(err, 0, "no memory for the mount options");
	rc = fuse_opt_parse(&args, &p, ours, take_word);
	fuse_opt_free_args(&args);
	return rc ? -EINVAL : 0;
}

void fs_options_clear(struct fs_options *opts)
{
	free(opts->scratch_dir);
	free(opts->base_page);
	free(opts->snap_dir);
	free(opts->overlay);
	free(opts->names);
	free(opts->rest);
	memset(opts, 0, sizeof(*opts));
}
