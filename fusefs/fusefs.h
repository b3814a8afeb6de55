/* SPDX-License-Identifier: MIT */
/*
 * The mount: an open image shown as a directory of growable files, one per virtual memory.
 *
 *     mnt/0 ... mnt/254        the virtual memories, by id
 *     mnt/anything-else        a scratch file: in IMAGE.scratch on the host, ends with the mount
 *     mnt/.canister/stable     the whole image, read-only         (not listed, always there)
 *     mnt/.canister/info.json  what `canisterfs info --json` says, live
 *     mnt/.canister/...        what fs_config.beside names, read-only
 *
 * The format counts whole pages. Within one mount a file has the exact length that was last
 * written or truncated to; the image holds that length rounded up to pages, zero behind the end,
 * and the next mount shows whole pages.
 */
#ifndef CANISTERFS_FUSEFS_H
#define CANISTERFS_FUSEFS_H

#include "memmgr/memmgr.h"

struct fs_options {
	bool read_only;
	bool foreground;
	bool debug; /* implies foreground */
	bool single_thread;
	char *scratch_dir; /* scratch files lie in a directory made there; NULL: beside the image */
	char *base_page;   /* as it was written; for whoever opens the image, or NULL */
	char *rest;        /* the mount options that are libfuse's and the kernel's, or NULL */
};

/*
 * Takes one -o argument ("ro,allow_other,scratch=/tmp") apart into *opts, which starts zeroed and
 * collects over several calls. -EINVAL for what cannot be.
 */
int MUST_CHECK fs_options_parse(struct fs_options *opts, const char *words, struct err *err);
void fs_options_clear(struct fs_options *opts);

/* A file of the host that is shown in .canister. It need not exist. */
struct fs_beside {
	const char *name;
	const char *path;
};
enum { FS_BESIDE_MAX = 4 };

struct fs_config {
	const struct fs_options *opts;
	struct mm *mm;
	struct store *store; /* what mm was opened on */
	const char *image_path;
	const char *mountpoint;
	/* Makes the text of .canister/info.json: *text is the caller's to free. */
	int (*info_json)(void *ctx, char **text, size_t *len, struct err *err);
	void *info_ctx;
	const struct fs_beside *beside; /* up to FS_BESIDE_MAX, with a NULL name behind; or NULL */
};

/*
 * Mounts, and serves until it is unmounted or told to stop by SIGINT, SIGTERM or SIGHUP. Unless
 * opts->foreground the calling process ends with status 0 as soon as the mount stands, and this
 * returns in a child of it, whose current directory is "/" and whose stdin, stdout and stderr are
 * /dev/null. *mounted says whether the mount ever stood. The image is the caller's to close then.
 */
int MUST_CHECK fs_mount(const struct fs_config *cfg, bool *mounted, struct err *err);

#endif
