// SPDX-License-Identifier: MIT
/*
 * mount: shows an image as a directory of files. Opens the image, hands it to fusefs, and closes it
 * when the mount has ended; in between this process is the daemon.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <syslog.h>

#include "fusefs/fusefs.h"
#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/safe_load.h"
#include "tools/image/sides.h"
#include "tools/image/trial.h"
#include "tools/records/records_choice.h"
#include "tools/verbs/info_json.h"

struct mount_args {
	const char *image;
	const char *mountpoint;
	struct cmd_list options;
	bool foreground;
	bool debug;
	bool single_thread;
};

static const struct cmd_option options[] = {
	{"options", 'o', CMD_LIST, WHERE(struct mount_args, options), "OPTIONS",
	 "mount options, separated by commas; see below"},
	{"foreground", 'f', CMD_FLAG, WHERE(struct mount_args, foreground), NULL,
	 "stay in the foreground until it is unmounted"},
	{"debug", 'd', CMD_FLAG, WHERE(struct mount_args, debug), NULL,
	 "stay in the foreground and print every request"},
	{"single-thread", 's', CMD_FLAG, WHERE(struct mount_args, single_thread), NULL,
	 "one request after the other"},
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct mount_args, image)},
	{"MOUNTPOINT", CMD_DIR, WHERE(struct mount_args, mountpoint)},
	{NULL},
};

/* Going to the background replaces descriptors 0 to 2: the image must not be one of them. */
static int guard_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What .canister/info.json tells of. */
struct facts {
	const struct image *img;
	const struct names *names; /* or NULL */
	bool read_only;
};

static int make_info(void *ctx, const struct fs_passthrough *passthrough, char **text, size_t *len,
		     struct err *err)
{
	const struct facts *facts = ctx;
	const struct info_mount mount = {
		.read_only = facts->read_only,
		.passthrough = passthrough->active,
		.passthrough_why = passthrough->active ? NULL : passthrough->why.text,
	};

	*text = info_json(facts->img->store, facts->img->mm, facts->names, &mount);
	if (!*text)
		return err_set(err, -ENOMEM, "no memory for the facts");
	*len = strlen(*text);
	return 0;
}

/* In the background nobody reads stderr. */
static int tell(bool foreground, const char *image, const struct err *err)
{
	if (foreground)
		cmd_fail(image, err);
	else
		syslog(LOG_ERR, "%s: %s", image, err->text);
	return MOUNT_FAILED;
}

/* What else a canister snapshot has. */
static void fill_beside(const char *image, struct fs_beside *beside)
{
	const struct fs_beside known[] = {
		{"heap", image, CANISTER_HEAP},
		{"module.wasm", image, CANISTER_MODULE},
		{"metadata.json", image, CANISTER_METADATA},
	};

	_Static_assert(ARRAY_LEN(known) <= FS_BESIDE_MAX, "room for all");
	for (size_t i = 0; canister_dir_is(image) && i < ARRAY_LEN(known); i++)
		beside[i] = known[i];
}

/* Whose the files are, and what may be done with them: as the file that holds their bytes, unless
 * the user says otherwise. */
static int fill_rights(const struct fs_options *opts, const char *image, struct fs_config *cfg,
		       struct err *err)
{
	auto_free char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s%s", image, canister_dir_is(image) ? "/" CANISTER_STABLE : "") < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (stat(path, &st) < 0 && (errno != ENOENT || stat(image, &st) < 0))
		return err_sys(err, -errno, "cannot be examined");
	cfg->uid = opts->uid_set ? opts->uid : st.st_uid;
	cfg->gid = opts->gid_set ? opts->gid : st.st_gid;
	cfg->mode = opts->mode_set ? opts->mode : st.st_mode & 0777;
	return 0;
}

/* What stands in front of an image, if anything does. Zeroed: nothing. */
struct front {
	char *dir;  /* to be removed in the end, or NULL */
	char *path; /* of the overlay; NULL: none */
};

static void end_front(struct front *front)
{
	trial_dir_remove(front->dir);
	free(front->dir);
	free(front->path);
}

/* After this only whole paths count: the daemon's directory is another. */
static int open_image(const struct fs_options *opts, const char *image, struct front *front,
		      struct image *img, struct err *err)
{
	auto_free char *path = NULL;
	int rc = 0;

	if (opts->overlay && opts->ephemeral)
		return err_set(err, -EINVAL, "overlay= and ephemeral exclude each other");
	if (!opts->overlay && !opts->ephemeral)
		return image_open_live(image, !opts->read_only, opts->scratch_dir, img, err);
	if (opts->ephemeral)
		rc = trial_dir_make(opts->scratch_dir, &front->dir, err);
	if (rc)
		return rc;
	if (opts->ephemeral ? asprintf(&path, "%s/overlay.qcow2", front->dir) < 0
			    : !(path = strdup(opts->overlay)))
		return err_set(err, -ENOMEM, "out of memory");
	rc = image_open_overlay(image, path, !opts->read_only, opts->scratch_dir, img, err);
	if (!rc && !opts->read_only)
		rc = image_copy_sides(image, img, err);
	if (rc)
		return rc;
	front->path = realpath(path, NULL);
	return front->path ? 0 : err_sys(err, -errno, "%s", path);
}

/* The texts stay those of `names`. */
static void fill_names(struct names *names, struct fs_name *out)
{
	static const enum fs_life lives[] = {
		[STATE_NEW] = FS_IN_USE,           [STATE_ACTIVE] = FS_IN_USE,
		[STATE_DEPRECATED] = FS_READ_ONLY, [STATE_UNUSED] = FS_READ_ONLY,
		[STATE_REMOVED] = FS_REMOVED,
	};

	for (int id = 0; id < MM_MAX_MEMORIES; id++) {
		const struct name *n = &names->id[id];

		out[id] = (struct fs_name){.name = n->name,
					   .life = n->name ? lives[n->state] : FS_IN_USE,
					   .records = records_name_options(names, id),
					   .log_data = n->name ? n->data : -1};
	}
}

/* `dir` is a whole path. Of what is yet to be made, its directory counts. */
static bool lies_in(const char *path, const char *dir)
{
	auto_free char *whole = realpath(path, NULL);
	auto_free char *copy = whole ? NULL : strdup(path);
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (copy)
		whole = realpath(dirname(copy), NULL);
	return whole && strncmp(whole, dir, len) == 0 && (whole[len] == '/' || !whole[len]);
}

/* The daemon would ask itself for them, and wait for ever. */
static bool hides(const char *mountpoint, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!paths[i] || !lies_in(paths[i], mountpoint))
			continue;
		cmd_error(mountpoint, "cannot be mounted on: %s lies there, and would be hidden",
			  paths[i]);
		return true;
	}
	return false;
}

static int serve(const struct mount_args *args, const struct fs_options *opts, struct names *names,
		 const char *image, const char *mountpoint)
{
	__attribute__((cleanup(end_front))) struct front front = {NULL, NULL};
	auto_image struct image img = {NULL, NULL};
	auto_sides struct sides sides = SIDES_NONE;
	struct fs_beside beside[FS_BESIDE_MAX + 1] = {{NULL}};
	struct fs_name known[MM_MAX_MEMORIES];
	struct facts facts = {&img, names, opts->read_only};
	struct err err = {""};
	bool mounted;
	int status;
	struct fs_config cfg = {
		.beside = beside,
		.opts = opts,
		.image_path = image,
		.mountpoint = mountpoint,
		.info_json = make_info,
		.names = names ? known : NULL,
	};
	int rc = open_image(opts, image, &front, &img, &err);

	/* What ends with the mount need not survive a power cut. */
	if (!rc && img.live && (opts->fast_snapshots || opts->ephemeral))
		rc = snap_live_set_unordered(img.live, &err);
	if (!rc)
		rc = fill_rights(opts, front.path ? front.path : image, &cfg, &err);
	if (!rc && img.bond)
		rc = sides_open(img.store, img.bond, &sides, &err);
	fill_beside(image, beside);
	if (names)
		fill_names(names, known);
	if (rc) {
		cmd_fail(args->image, &err);
		return MOUNT_FAILED;
	}
	if (hides(mountpoint, (const char *[]){front.dir}, 1))
		return MOUNT_FAILED;
	/* When the mount ends nobody reads what would be said then. */
	if (img.snapshot)
		safe_load_print(stderr, img.snapshot);
	cfg.mm = img.mm;
	cfg.info_ctx = &facts;
	cfg.store = img.store;
	cfg.live = img.live;
	cfg.bond = img.bond;
	cfg.side = sides.bundle ? sides.files : NULL;
	if (front.path) /* what is locked as long as the daemon lives */
		cfg.image_path = image = front.path;
	rc = fs_mount(&cfg, &mounted, &err);
	if (rc && !mounted) {
		cmd_fail(args->mountpoint, &err);
		return rc == -EINVAL ? MOUNT_USAGE : MOUNT_FAILED;
	}
	/* What could be written is to be on disk, also where not all could. */
	status = rc ? tell(opts->foreground, image, &err) : MOUNT_DONE;
	rc = opts->read_only ? 0 : image_close(&img, &err);
	return rc ? tell(opts->foreground, image, &err) : status;
}

/* False with the reason in errno. */
static bool is_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

static int cmd_mount(const void *arguments)
{
	const struct mount_args *args = arguments;
	__attribute__((cleanup(fs_options_clear))) struct fs_options opts = {
		.foreground = args->foreground || args->debug,
		.debug = args->debug,
		.single_thread = args->single_thread,
	};
	auto_names struct names *names = NULL;
	char image[PATH_MAX], mountpoint[PATH_MAX];
	struct err err = {""};

	for (size_t i = 0; i < args->options.count; i++) {
		if (fs_options_parse(&opts, args->options.item[i], &err) == 0)
			continue;
		cmd_error(args->mountpoint, "%s", err.text);
		return MOUNT_FAILED;
	}
	if (opts.base_page && cmd_base_page(opts.base_page, &err) != 0) {
		cmd_error("base_page", "%s", err.text);
		return MOUNT_USAGE;
	}
	image_trust_backing |= opts.trust_backing;
	if (opts.names && names_read(opts.names, &names, &err) != 0) {
		cmd_error("names", "%s", err.text);
		return MOUNT_FAILED;
	}
	if (!realpath(args->image, image)) {
		cmd_error(args->image, "cannot be opened: %s", strerror(errno));
		return MOUNT_FAILED;
	}
	if (!realpath(args->mountpoint, mountpoint) || !is_directory(mountpoint)) {
		cmd_error(args->mountpoint, "cannot be mounted on: %s", strerror(errno));
		return MOUNT_FAILED;
	}
	if (hides(mountpoint, (const char *[]){image, opts.overlay, opts.scratch_dir}, 3))
		return MOUNT_FAILED;
	if (guard_standard_fds()) {
		cmd_error("/dev/null", "cannot be opened: %s", strerror(errno));
		return MOUNT_SYSTEM;
	}
	return serve(args, &opts, names, image, mountpoint);
}

const struct verb verb_mount = {
	.name = "mount",
	.summary = "show an image's memories as files of a directory",
	.text = "Each virtual memory of IMAGE is a file of MOUNTPOINT, named by its id, that can be\n"
		"read, written, grown and cut with any tool. Creating a file 0 to 254 makes that\n"
		"memory; a file of any other name is a scratch file, which lies beside the image and\n"
		"is there again at the next mount. Until 'canisterfs umount MOUNTPOINT' has returned,\n"
		"the image is not complete on disk.\n"
		"\n"
		"Options for -o, besides those of fuse (allow_other, ...) and mount(8):\n"
		"  ro           read-only; several such mounts may share an image\n"
		"  scratch=DIR  where scratch files lie (default: beside the image)\n"
		"  base_page=P  the manager begins at page P of the image\n"
		"  overlay=FILE what is written goes to FILE, which is made or continued; IMAGE,\n"
		"               which may be a checkpoint, is only read\n"
		"  ephemeral    likewise, into a file that is gone with the mount\n"
		"  account      count the pages of 4 KiB that are read and dirtied, slowly; see\n"
		"               .canister/account.json\n"
		"  trust_backing  as --trust-backing, for fstab\n"
		"  uid=N, gid=N, umask=M  whose the files are, and who may do what: as with the\n"
		"               image if not given\n"
		"  names=FILE   names of memories, in TOML: links to them in by-name, and those\n"
		"               that are not in use any more cannot be written\n"
		"  passthrough=WHEN\n"
		"               yes, no or auto, where it can: the kernel reads by itself, past\n"
		"               the daemon; only with ro, as root, of a plain image\n"
		"  snapdir=NAME the folder of snapshots (default: .snap); begins with a dot\n"
		"  fast_snapshots\n"
		"               first writes do not wait until the disk has what snapshots keep;\n"
		"               a power cut makes all snapshots stale",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct mount_args),
	.run = cmd_mount,
	.usage_exit = MOUNT_USAGE,
	.failed_exit = MOUNT_SYSTEM,
};
