// SPDX-License-Identifier: MIT
/*
 * A mount's life: session, mount, background, loop, unmount. In this order, so that whatever is
 * refused is said on the terminal, and no thread is started before the fork.
 */
#include <stdio.h>

#include "fusefs/core/account.h"
#include "fusefs/ops.h"
#include "fusefs/records/records.h"
#include "fusefs/view/passthrough.h"

enum {
	THREADS_MAX = 4,
	BACKGROUND_MAX = 64, /* read-ahead and write-back requests under way at once */
};

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;

	/* The kernel refuses passthrough together with it; and nothing is written then. */
	if (fs->view_fd < 0 && !fs->account)
		conn->want |= conn->capable & FUSE_CAP_WRITEBACK_CACHE;
	/* Only the kernel's own writes change a file: nothing to look out for. */
	conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
	if (fs->account)
		conn->max_readahead = 0;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX * 3 / 4;
	conn->time_gran = 1;
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.create = op_create,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.ioctl = op_ioctl,
	.readlink = op_readlink,
	.symlink = op_refuse_symlink,
	.unlink = op_unlink,
	.rename = op_rename,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};

/* What libfuse says about a failure, for the one line that we say. It comes in pieces. */
static struct {
	char text[256];
	size_t len;
} said;

static void PRINTF(2, 0) keep_message(enum fuse_log_level level, const char *fmt, va_list args)
{
	size_t room = sizeof(said.text) - said.len;
	int len = vsnprintf(said.text + said.len, room, fmt, args);

	if (len > 0)
		said.len += MIN((size_t)len, room - 1);
}

static const char *what_libfuse_said(void)
{
	static const char prefix[] = "fuse: ";
	const char *text = said.text;

	said.text[strcspn(said.text, "\n")] = '\0';
	if (!text[0])
		return "fusermount3 says why";
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
}

static void PRINTF(2, 0) pass_message(enum fuse_log_level level, const char *fmt, va_list args)
{
	vfprintf(stderr, fmt, args);
}

static int add_arg(struct fuse_args *args, const char *word)
{
	return fuse_opt_add_arg(args, word) ? -ENOMEM : 0;
}

/* libfuse's command line: the user's options and those a mount always has. */
static int make_args(const struct fs_config *cfg, struct fuse_args *args)
{
	auto_free char *words = cfg->opts->rest ? strdup(cfg->opts->rest) : NULL;
	auto_free char *fsname = NULL;
	int rc = add_arg(args, "canisterfs");

	if (asprintf(&fsname, "fsname=%s", cfg->image_path) < 0)
		return -ENOMEM;
	if (!rc)
		rc = add_arg(args, "-o");
	if (fuse_opt_add_opt(&words, "subtype=canisterfs,default_permissions") < 0 ||
	    fuse_opt_add_opt_escaped(&words, fsname) < 0)
		return -ENOMEM;
	if (cfg->opts->read_only && fuse_opt_add_opt(&words, "ro") < 0)
		return -ENOMEM;
	if (!rc)
		rc = add_arg(args, words);
	if (!rc && cfg->opts->debug)
		rc = add_arg(args, "-d");
	return rc;
}

static int serve(struct fs *fs, struct err *err)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	int rc;

	if (!loop)
		return err_set(err, -ENOMEM, "no memory for the workers");
	fuse_loop_cfg_set_max_threads(loop, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(loop, THREADS_MAX);
	rc = fs->cfg->opts->single_thread ? fuse_session_loop(fs->session)
					  : fuse_session_loop_mt(fs->session, loop);
	fuse_loop_cfg_destroy(loop);
	return rc < 0 ? err_sys(err, rc, "the mount has broken off") : 0;
}

static void freeze(void *fs)
{
	mm_freeze(((struct fs *)fs)->mm);
}

static void thaw(void *fs)
{
	mm_thaw(((struct fs *)fs)->mm);
}

static int reload(void *fs, struct err *err)
{
	return mm_reload(((struct fs *)fs)->mm, err);
}

/* tree_lock is held by the caller of the change. */
static void exact_lens(void *ctx, uint64_t *exact_len)
{
	struct fs *fs = ctx;

	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		if (n->kind == NODE_MEMORY)
			exact_len[n->mm_id] =
				n->size_len % MM_PAGE_LEN ? n->size_len : SIDE_WHOLE_PAGES;
}

static void open_gate(struct fs *fs)
{
	struct snap_gate gate = {freeze, thaw, fs, reload, exact_lens};

	if (fs->cfg->live)
		snap_live_set_gate(fs->cfg->live, &gate);
}

static int mount_and_serve(struct fs *fs, bool *mounted, struct err *err)
{
	const struct fs_options *opts = fs->cfg->opts;
	bool foreground = opts->foreground || opts->debug;
	struct stopper stop;
	int rc;

	if (fuse_session_mount(fs->session, fs->cfg->mountpoint))
		return err_set(err, -EIO, "cannot be mounted: %s", what_libfuse_said());
	rc = fs_handshake(fs, err);
	*mounted = !rc;
	fuse_set_log_func(pass_message);
	if (!rc && fuse_daemonize(foreground))
		rc = err_sys(err, -errno, "cannot go to the background");
	fs->in_background = !rc && !foreground;
	if (!rc)
		rc = stopper_start(&stop, fs, err);
	if (!rc) {
		if (!fs->account)
			fs_tune(fs->cfg->mountpoint);
		window_open(fs);
		open_gate(fs);
		rc = serve(fs, err);
		records_stop(fs);
		stopper_end(&stop);
		window_close(fs);
	}
	fuse_session_unmount(fs->session);
	/* A child of theirs may have been waiting for the workers; now the kernel has let it go. */
	records_end(fs);
	snapdir_tasks_wait(fs);
	return rc;
}

int fs_mount(const struct fs_config *cfg, bool *mounted, struct err *err)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int rc;

	*mounted = false;
	if (!fs)
		return err_set(err, -ENOMEM, "no memory for a mount");
	*fs = (struct fs){.cfg = cfg, .mm = cfg->mm, .store = cfg->store, .view_fd = -1};
	fs->whole = window_whole(cfg->store, &fs->base_len);
	pthread_mutex_init(&fs->acts_lock, NULL);
	pthread_mutex_init(&fs->errand_lock, NULL);
	pthread_mutex_init(&fs->tasks_lock, NULL);
	pthread_cond_init(&fs->tasks_done, NULL);
	fuse_set_log_func(keep_message);
	rc = account_open(fs, err);
	if (!rc)
		rc = nodes_init(fs, err);
	if (!rc)
		rc = scratch_show(fs, err);
	if (!rc)
		rc = make_args(cfg, &args);
	if (!rc)
		rc = passthrough_prepare(fs, err);
	if (!rc) {
		fs->session = fuse_session_new(&args, &ops, sizeof(ops), fs);
		if (!fs->session)
			rc = err_set(err, -EINVAL, "%s", what_libfuse_said());
	}
	if (!rc) {
		rc = mount_and_serve(fs, mounted, err);
		fuse_session_destroy(fs->session);
		if (*mounted) {
			int end_rc = unwritten_end(fs, rc ? NULL : err);

			rc = rc ? rc : end_rc;
			scratch_end(fs);
		}
	}
	fuse_opt_free_args(&args);
	passthrough_end(fs);
	nodes_clear(fs);
	account_close(fs);
	free(fs);
	return rc;
}
