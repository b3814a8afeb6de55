// SPDX-License-Identifier: MIT
/* See power_disk.h. */
#include "tests/unit/power_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, SECTOR = 512, MAX_FILES = 512, MAX_DIRS = 128, MAX_NAMES = 32 };

/* A file that was seen, and what of it is on the disk for sure. */
struct file {
	int fd; /* keeps the inode, also when its name is gone */
	ino_t ino;
	uint8_t *disk;
	uint64_t disk_len;
};

struct name {
	char text[256];
	bool is_dir;
	unsigned at; /* in `files` or `dirs` */
};

struct listing {
	unsigned count;
	struct name name[MAX_NAMES];
};

struct dir {
	int fd;
	ino_t ino;
	struct listing on_disk;
};

struct power power;

static struct {
	dev_t dev; /* of the watched directory */
	struct file file[MAX_FILES];
	unsigned files;
	struct dir dir[MAX_DIRS]; /* the first is the watched one */
	unsigned dirs;
	bool rebooted;
} disk;

int power_open_raw(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
}

/* Another opening of the same file: a duplicate would hold the file's lock. */
static int open_again(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return power_open_raw(path, flags);
}

static uint8_t *content_of(int fd, uint64_t *len)
{
	struct stat st;
	uint8_t *bytes;

	*len = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	bytes = calloc(1, *len + 1);
	(void)!pread_all(fd, bytes, *len, 0);
	return bytes;
}

/* Takes the descriptor. */
static unsigned file_at(int fd)
{
	struct stat st;

	fstat(fd, &st);
	for (unsigned i = 0; i < disk.files; i++)
		if (disk.file[i].ino == st.st_ino) {
			close(fd);
			return i;
		}
	assert_true(disk.files < MAX_FILES);
	disk.file[disk.files] = (struct file){.fd = fd, .ino = st.st_ino};
	return disk.files++;
}

static unsigned dir_at(int fd)
{
	struct stat st;

	fstat(fd, &st);
	for (unsigned i = 0; i < disk.dirs; i++)
		if (disk.dir[i].ino == st.st_ino) {
			close(fd);
			return i;
		}
	assert_true(disk.dirs < MAX_DIRS);
	disk.dir[disk.dirs] = (struct dir){.fd = fd, .ino = st.st_ino};
	return disk.dirs++;
}

static void add_name(struct listing *list, int dir_fd, const char *text)
{
	struct name *n = &list->name[list->count];
	int fd = (int)syscall(SYS_openat, dir_fd, text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	struct stat st;

	assert_true(fd >= 0 && list->count < MAX_NAMES);
	fstat(fd, &st);
	snprintf(n->text, sizeof(n->text), "%s", text);
	n->is_dir = S_ISDIR(st.st_mode);
	n->at = n->is_dir ? dir_at(fd) : file_at(fd);
	list->count++;
}

static struct listing list_now(unsigned at)
{
	struct listing out = {0};
	DIR *dir = fdopendir(open_again(disk.dir[at].fd, O_RDONLY | O_DIRECTORY));
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			add_name(&out, disk.dir[at].fd, e->d_name);
	if (dir)
		closedir(dir);
	return out;
}

/* ---- what is on the disk ---- */

static void sync_file(unsigned at)
{
	struct file *f = &disk.file[at];

	free(f->disk);
	f->disk = content_of(f->fd, &f->disk_len);
}

static void sync_tree(unsigned at)
{
	disk.dir[at].on_disk = list_now(at);
	for (unsigned i = 0; i < disk.dir[at].on_disk.count; i++) {
		const struct name *n = &disk.dir[at].on_disk.name[i];

		if (n->is_dir)
			sync_tree(n->at);
		else
			sync_file(n->at);
	}
}

void power_begin(const char *dir)
{
	struct stat st;

	disk.dev = stat(dir, &st) == 0 ? st.st_dev : 0;
	sync_tree(dir_at(power_open_raw(dir, O_RDONLY | O_DIRECTORY)));
}

void power_end(void)
{
	power.watching = false;
	for (unsigned i = 0; i < disk.files; i++) {
		close(disk.file[i].fd);
		free(disk.file[i].disk);
	}
	for (unsigned i = 0; i < disk.dirs; i++)
		close(disk.dir[i].fd);
	disk.files = disk.dirs = 0;
}

/* A program with threads comes here from several of them. */
static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;

static bool is_watched(int fd, struct stat *st)
{
	return power.watching && fstat(fd, st) == 0 && st->st_dev == disk.dev;
}

static void note_sync(int fd)
{
	struct stat st;

	if (!is_watched(fd, &st))
		return;
	pthread_mutex_lock(&noting);
	if (S_ISDIR(st.st_mode)) {
		unsigned at = dir_at(open_again(fd, O_RDONLY | O_DIRECTORY));

		disk.dir[at].on_disk = list_now(at);
	} else {
		sync_file(file_at(open_again(fd, O_RDONLY)));
	}
	pthread_mutex_unlock(&noting);
}

/* These bytes are on the disk, and what else stands in their pages. */
static void note_durable(int fd, uint64_t off, uint64_t len)
{
	auto_free uint8_t *now = NULL;
	uint64_t now_len, end;
	struct stat st;
	struct file *f;

	if (!is_watched(fd, &st))
		return;
	pthread_mutex_lock(&noting);
	f = &disk.file[file_at(open_again(fd, O_RDONLY))];
	now = content_of(f->fd, &now_len);
	end = off + len;
	off = off / PAGE * PAGE;
	end = MIN(div_up(end, PAGE) * PAGE, now_len);
	if (end > f->disk_len) {
		f->disk = realloc(f->disk, end);
		memset(f->disk + f->disk_len, 0, end - f->disk_len);
		f->disk_len = end;
	}
	memcpy(f->disk + off, now + off, end - off);
	pthread_mutex_unlock(&noting);
}

/* ---- what a cut leaves ---- */

static void put_file(unsigned at, const char *path)
{
	const struct file *f = &disk.file[at];
	uint64_t now_len, len;
	auto_free uint8_t *now = content_of(f->fd, &now_len);
	auto_free uint8_t *bytes = NULL;
	auto_close int fd = power_open_raw(path, O_WRONLY | O_CREAT | O_TRUNC);
	uint64_t lost_one_in = rng_below(&power.rng, 3);
	bool old = false, torn = false;
	struct stat st;

	len = rng_one_in(&power.rng, 2) ? now_len : f->disk_len;
	bytes = calloc(1, len + 1);
	for (uint64_t off = 0; off < len; off += SECTOR) {
		const uint8_t *from;
		uint64_t from_len;

		if (off % PAGE == 0)
			torn = rng_one_in(&power.rng, 3);
		if (off % PAGE == 0 || torn)
			old = lost_one_in == 0 || rng_one_in(&power.rng, lost_one_in + 1);
		from = old ? f->disk : now;
		from_len = old ? f->disk_len : now_len;
		if (off < from_len)
			memcpy(bytes + off, from + off,
			       MIN(MIN(SECTOR, len - off), from_len - off));
	}
	fstat(f->fd, &st);
	(void)!pwrite_all(fd, bytes, len, 0);
	futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim});
}

static void put_dir(unsigned at, const char *path)
{
	struct listing names = disk.dir[at].on_disk;

	if (rng_one_in(&power.rng, 2))
		names = list_now(at);
	for (unsigned i = 0; i < names.count; i++) {
		auto_free char *to = test_path(path, names.name[i].text);

		if (names.name[i].is_dir && syscall(SYS_mkdirat, AT_FDCWD, to, 0755) == 0)
			put_dir(names.name[i].at, to);
		else if (!names.name[i].is_dir)
			put_file(names.name[i].at, to);
	}
}

void power_cut_to(const char *dir)
{
	pthread_mutex_lock(&noting);
	put_dir(0, dir);
	pthread_mutex_unlock(&noting);
}

void power_set_rebooted(bool rebooted)
{
	disk.rebooted = rebooted;
}

static void *cut(void *unused)
{
	char *dir = test_dir_make();

	(void)unused;
	power.cuts++;
	power_cut_to(dir);
	power_set_rebooted(true);
	power.check(dir);
	power_set_rebooted(false);
	test_dir_remove(dir);
	return NULL;
}

static void may_cut(void)
{
	pthread_t thread;

	if (power.watching && power.before_call)
		power.before_call();
	if (!power.watching || !power.check || power.failed[0] ||
	    !rng_one_in(&power.rng, power.one_in))
		return;
	power.watching = false;
	assert_int_equal(pthread_create(&thread, NULL, cut, NULL), 0);
	pthread_join(thread, NULL);
	power.watching = true;
}

/* ---- the calls of the program ---- */

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	may_cut();
	return syscall(SYS_pwrite64, fd, buf, len, off);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t off, int flags)
{
	ssize_t n;

	may_cut();
	n = syscall(SYS_pwritev2, fd, iov, (long)count, (long)off, 0L, (long)flags);
	if (n > 0 && flags & RWF_DSYNC)
		note_durable(fd, (uint64_t)off, (uint64_t)n);
	return n;
}

ssize_t copy_file_range(int from, off64_t *from_off, int to, off64_t *to_off, size_t len,
			unsigned flags)
{
	may_cut();
	return syscall(SYS_copy_file_range, from, from_off, to, to_off, len, flags);
}

int ftruncate(int fd, off_t len)
{
	may_cut();
	return (int)syscall(SYS_ftruncate, fd, len);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	may_cut();
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	may_cut();
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	may_cut();
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
	may_cut();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path)
{
	may_cut();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	may_cut();
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int fdatasync(int fd)
{
	may_cut();
	note_sync(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	may_cut();
	note_sync(fd);
	return (int)syscall(SYS_fsync, fd);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0644;
	va_list args;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (disk.rebooted && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		path = "/proc/sys/kernel/random/uuid";
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
