/* SPDX-License-Identifier: MIT */
/*
 * The mount: an open image shown as a directory of growable files, one per virtual memory.
 *
 *     mnt/0 ... mnt/254        the virtual memories, by id
 *     mnt/by-name/users        links to the memories, where fs_config.names has names
 *     mnt/anything-else        a scratch file: in IMAGE.scratch on the host
 *     mnt/.canister/stable     the whole image, read-only         (not listed, always there)
 *     mnt/.canister/info.json  what `canisterfs info --json` says, live
 *     mnt/.canister/account.json  pages read and dirtied so far, where fs_options.account is set
 *     mnt/.canister/...        what fs_config.beside names, read-only
 *     mnt/.canister/records/5/ the records of the structure in memory 5, a read-only file each
 *     mnt/.snap/               mkdir takes a snapshot, rmdir drops it, mv renames it (not listed)
 *     mnt/.snap/NAME/0 ...     the memories as they were, read-only; what was open when a snapshot
 *                              is dropped answers ESTALE, unless the kernel has it in its cache
 *     mnt/.snap/NAME/stable    the whole image as it was          (not listed)
 *
 * The format counts whole pages. Within one mount a file has the exact length that was last
 * written or truncated to; the image holds that length rounded up to pages, zero behind the end,
 * and the next mount shows whole pages. Where scratch files lie beside the image, the exact lengths
 * lie there, too, and the next mount shows them.
 */
#ifndef CANISTERFS_FUSEFS_H
#define CANISTERFS_FUSEFS_H

#include <sys/ioctl.h>

#include "memmgr/memmgr.h"
#include "memmgr/structures/structures.h"
#include "snapshot/snapshot.h"

struct fs_options {
	bool read_only;
	bool foreground;
	bool debug; /* implies foreground */
	bool single_thread;
	char *scratch_dir; /* scratch files lie in a directory made there; NULL: beside the image */
	char *base_page;   /* as it was written; for whoever opens the image, or NULL */
	char *snap_dir;    /* the folder of snapshots; NULL: .snap */
	char *overlay;     /* for whoever opens the image: a file in front of it, or NULL */
	char *names;       /* for whoever reads it: a file of names, or NULL */
	bool ephemeral;    /* likewise: in front of it, a file that ends with the mount */
	/* Likewise: who writes does not wait for the disk to have what snapshots keep. */
	bool fast_snapshots;
	/* Instead of the image's owner, group and permissions. */
	bool uid_set, gid_set, mode_set;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool account;       /* pages of memories that are read and dirtied are counted */
	bool trust_backing; /* likewise: whatever it names as its base is opened */
	enum fs_when {
		FS_WHERE_POSSIBLE,
		FS_NEVER,
		FS_DEMAND,
	} passthrough; /* the kernel reads by itself */
	char *rest;    /* the mount options that are libfuse's and the kernel's, or NULL */
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
	const char *dir;
	const char *file; /* its name in that directory */
};
enum { FS_BESIDE_MAX = 4 };

/* What is known of a memory beforehand. */
struct fs_name {
	const char *name; /* of the link to it; NULL: it has none */
	enum fs_life {
		FS_IN_USE,
		FS_READ_ONLY, /* its file cannot be changed (EROFS) */
		FS_REMOVED,   /* likewise, nor made (EPERM); what it still holds can be removed */
	} life;
	struct ss_options records;
	int log_data; /* of a log: the id of its data memory, or -1: found */
};

/* Does the kernel read the memories by itself, past the daemon? */
struct fs_passthrough {
	bool active;
	bool offered, accepted; /* in between, by the kernel and by us */
	struct err why;         /* it is not active */
};

struct fs_config {
	const struct fs_options *opts;
	struct mm *mm;
	struct store *store;    /* what mm was opened on: a window, where something lies in front */
	struct snap_live *live; /* its snapshots; NULL: it cannot have any */
	struct bond *bond;      /* what lies beside it; NULL: nothing can */
	/* What lay beside it, where it is a checkpoint: shown read-only; or NULL */
	const struct side_files *side;
	const char *image_path;
	const char *mountpoint;
	/* What the files show: no mode has more bits, but for directories. */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	/* Makes the text of .canister/info.json: *text is the caller's to free. */
	int (*info_json)(void *ctx, const struct fs_passthrough *passthrough, char **text,
			 size_t *len, struct err *err);
	void *info_ctx;
	const struct fs_name *names;    /* MM_MAX_MEMORIES, by id; or NULL */
	const struct fs_beside *beside; /* up to FS_BESIDE_MAX, with a NULL name behind; or NULL */
};

/*
 * Mounts, and serves until it is unmounted or told to stop by SIGINT, SIGTERM or SIGHUP. Unless
 * opts->foreground the calling process ends with status 0 as soon as the mount stands, and this
 * returns in a child of it, whose current directory is "/" and whose stdin, stdout and stderr are
 * /dev/null. *mounted says whether the mount ever stood. The image is the caller's to close then.
 */
int MUST_CHECK fs_mount(const struct fs_config *cfg, bool *mounted, struct err *err);

/*
 * What can be asked of a mount: an ioctl on .canister/stable, by the mount's owner or root. The
 * ioctl itself succeeds; `status` is 0 or -errno then, and `text` says why.
 */
enum fs_verb {
	FS_SNAP_CREATE = 1, /* name; number: bits of fs_snap_how. Answers with each memory's change
			     * count at that instant in `pages` */
	FS_SNAP_DROP,       /* name */
	FS_SNAP_RENAME,     /* name to other */
	FS_SNAP_ROLLBACK,   /* name; mm_id FS_SNAP_ALL: all memories */
	FS_SNAP_INFO, /* of snapshot `number`, oldest first: `info`, its name "" behind the last;
		       * `other` is the folder of snapshots */
	FS_SNAP_DIFF, /* name to other ("": now): pages that differ, by memory */
	FS_SYNC,      /* all that was written is on disk; number: the daemon's pid; mm_id:
		       * FS_SYNC_EPHEMERAL where what was written ends with the mount */
	FS_INSTALL,   /* `content` says what the memories hold from now on, all at one instant; the
		       * bytes came before, by FS_PIECE_IOCTL. -EAGAIN: a memory has changed since */
	FS_COMPACT,   /* mm_compact; number 1: mm_zero_unowned, too, which answers in `stale_len` */
	FS_REPAIR,    /* mm_repair */
	FS_ACCOUNT,   /* mm_id: `account`; number: 1 where read(2) is answered from a cache, too.
		       * FS_SNAP_ALL: counting begins anew. -EOPNOTSUPP: without fs_options.account */
	FS_BASE,      /* number: the page of the image where the manager begins */
};

/* Pages of 4 KiB of one memory. */
struct fs_account {
	struct fs_pages {
		uint64_t distinct, all;
		uint64_t sequential; /* of `all`: each follows the one before, or is the same */
	} read, dirty;
};

enum fs_snap_how {
	FS_SNAP_WITHOUT_HOLES = 1, /* first fills the image's holes */
	FS_SNAP_WHILE_OPEN = 2,    /* is dropped when the file that was asked is closed, even by a
				    * kill; one for each opening */
	FS_SNAP_WHETHER = 4,       /* FS_SNAP_DIFF: one differing page of a memory is enough */
};

enum { FS_SNAP_ALL = -1, FS_SYNC_EPHEMERAL = 1 };

/* The new content of one memory. */
struct fs_content {
	uint32_t mm_id;
	uint32_t over; /* what did not come stays as it is in the memory; else it is zero */
	uint64_t len;
	uint64_t changes; /* with `over`: the memory's change count when it was read */
};

struct fs_request {
	uint32_t verb;
	int32_t status;
	int32_t mm_id; /* FS_SNAP_ALL, or 0 to 254 */
	uint32_t number;
	char name[256], other[256];
	char text[512];
	struct snap_live_info info;
	uint64_t pages[MM_MAX_MEMORIES];
	uint32_t contents;
	struct fs_content content[MM_MAX_CONTENTS];
	uint64_t stale_len;
	struct fs_account account;
};
#define FS_IOCTL _IOWR('C', 1, struct fs_request)

/*
 * Bytes of a new content, kept aside until FS_INSTALL is asked for on the same opening of
 * .canister/stable, and dropped when that is closed. Fails with an errno of its own.
 */
enum { FS_PIECE_LEN = 12288 }; /* an ioctl carries less than 16 KiB */
struct fs_piece {
	uint32_t mm_id, over, len;
	uint64_t off; /* a multiple of 4096 */
	uint8_t bytes[FS_PIECE_LEN];
};
#define FS_PIECE_IOCTL _IOW('C', 2, struct fs_piece)

#endif
