// SPDX-License-Identifier: MIT
/*
 * A FUSE server that answers at once: what the kernel and libfuse cost alone. It keeps names and
 * lengths, and no data: reads give zeros, writes are dropped. With a directory given it keeps the
 * data there, a host file for each of its own: what any server costs that has to. Its settings are
 * those of fusefs/fs_mount.c; where those change, these must.
 *
 * One mutex guards the table of files.
 */
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILES = 64,
	FIRST_INO = 2,
	READ_MAX = 1 << 20,
	THREADS_MAX = 4,
	BACKGROUND_MAX = 64,
};

#define TIMEOUT 86400.0

static struct file {
	char name[64]; /* empty: no file */
	off_t len;
	int fd; /* where its data is kept; below 0: nowhere */
} files[FILES];
static int dir_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char zeros[READ_MAX];

static struct stat stat_of(fuse_ino_t ino)
{
	struct stat st = {.st_ino = ino, .st_nlink = 1, .st_blksize = 65536};

	if (ino == FUSE_ROOT_ID) {
		st.st_mode = S_IFDIR | 0755;
		return st;
	}
	pthread_mutex_lock(&lock);
	st.st_mode = S_IFREG | 0644;
	st.st_size = files[ino - FIRST_INO].len;
	pthread_mutex_unlock(&lock);
	return st;
}

static void raise_len(fuse_ino_t ino, off_t end)
{
	pthread_mutex_lock(&lock);
	if (files[ino - FIRST_INO].len < end)
		files[ino - FIRST_INO].len = end;
	pthread_mutex_unlock(&lock);
}

/* The file's number, or 0. An empty name finds a free place. */
static fuse_ino_t find(const char *name)
{
	for (fuse_ino_t i = 0; i < FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return i + FIRST_INO;
	return 0;
}

static struct fuse_entry_param entry_of(fuse_ino_t ino)
{
	struct fuse_entry_param e = {.ino = ino, .attr_timeout = TIMEOUT, .entry_timeout = TIMEOUT};

	if (ino)
		e.attr = stat_of(ino);
	return e;
}

static int fd_of(fuse_ino_t ino)
{
	return files[ino - FIRST_INO].fd;
}

static void make_file(fuse_ino_t ino, const char *name)
{
	struct file *file = &files[ino - FIRST_INO];

	snprintf(file->name, sizeof(file->name), "%s", name);
	file->len = 0;
	/* Unlinked ones are closed here only: what the kernel still has of them is welcome. */
	if (dir_fd >= 0 && file->fd > 0)
		close(file->fd);
	file->fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->want |= conn->capable & FUSE_CAP_WRITEBACK_CACHE;
	conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX * 3 / 4;
	conn->time_gran = 1;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	fuse_ino_t ino;

	pthread_mutex_lock(&lock);
	ino = find(name);
	pthread_mutex_unlock(&lock);
	e = entry_of(ino);
	fuse_reply_entry(req, &e);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	fuse_ino_t ino;

	pthread_mutex_lock(&lock);
	ino = find("");
	if (ino)
		make_file(ino, name);
	pthread_mutex_unlock(&lock);
	e = entry_of(ino);
	fi->keep_cache = 1;
	if (ino)
		fuse_reply_create(req, &e, fi);
	else
		fuse_reply_err(req, ENOSPC);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t ino;

	pthread_mutex_lock(&lock);
	ino = find(name);
	if (ino)
		files[ino - FIRST_INO].name[0] = '\0';
	if (dir_fd >= 0)
		unlinkat(dir_fd, name, 0);
	pthread_mutex_unlock(&lock);
	fuse_reply_err(req, ino ? 0 : ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = stat_of(ino);

	fuse_reply_attr(req, &st, TIMEOUT);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	if (to_set & FUSE_SET_ATTR_SIZE) {
		pthread_mutex_lock(&lock);
		files[ino - FIRST_INO].len = attr->st_size;
		pthread_mutex_unlock(&lock);
		if (fd_of(ino) >= 0 && ftruncate(fd_of(ino), attr->st_size) < 0) {
			fuse_reply_err(req, errno);
			return;
		}
	}
	op_getattr(req, ino, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	static _Thread_local char data[READ_MAX];
	off_t len = stat_of(ino).st_size;
	size_t left = off < len ? (size_t)(len - off) : 0;
	ssize_t got;

	size = size < left ? size : left;
	size = size < READ_MAX ? size : READ_MAX;
	if (fd_of(ino) < 0) {
		fuse_reply_buf(req, zeros, size);
		return;
	}
	got = pread(fd_of(ino), data, size, off);
	if (got < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, data, (size_t)got);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	ssize_t put = fd_of(ino) < 0 ? (ssize_t)size : pwrite(fd_of(ino), buf, size, off);

	if (put < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	raise_len(ino, off + put);
	fuse_reply_write(req, (size_t)put);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	fuse_reply_err(req, fd_of(ino) >= 0 && fdatasync(fd_of(ino)) < 0 ? errno : 0);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.create = op_create,
	.unlink = op_unlink,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
};

static int serve(struct fuse_session *session, const char *mountpoint)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	int rc;

	if (!loop || fuse_set_signal_handlers(session) || fuse_session_mount(session, mountpoint))
		return EXIT_FAILURE;
	fuse_loop_cfg_set_max_threads(loop, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(loop, THREADS_MAX);
	rc = fuse_session_loop_mt(session, loop);
	fuse_loop_cfg_destroy(loop);
	fuse_session_unmount(session);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	char *words[] = {argv[0], "-o", "fsname=null,subtype=null_server,default_permissions"};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	struct fuse_session *session;
	int rc;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: null_server MOUNTPOINT [DIRECTORY]\n");
		return EXIT_FAILURE;
	}
	if (argc == 3)
		dir_fd = open(argv[2], O_DIRECTORY | O_CLOEXEC);
	if (argc == 3 && dir_fd < 0) {
		perror(argv[2]);
		return EXIT_FAILURE;
	}
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session)
		return EXIT_FAILURE;
	rc = serve(session, argv[1]);
	fuse_session_destroy(session);
	return rc;
}
