// SPDX-License-Identifier: MIT
/*
 * Live snapshots over power cuts. Before calls that change a file, the directory is copied as a
 * disk could have it if the power went now, and opened in another boot: of each file any pages that
 * were not synced are as they were at its last sync, names are those of the directory's last sync
 * or those of now. Of a page that was being written each sector is old or new.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/live_model.h"

enum { PAGE = 4096, SECTOR = 512, MAX_FILES = 512, MAX_NAMES = 32 };

/* A file that the test has seen, and what of it is on the disk for sure. */
struct file {
	int fd; /* keeps the inode, also when its name is gone */
	ino_t ino;
	uint8_t *disk;
	uint64_t disk_len;
};

struct name {
	char text[256];
	unsigned file;
};

struct listing {
	bool exists;
	unsigned count;
	struct name name[MAX_NAMES];
};

static struct power {
	char *dir; /* of the image; the only directory that is watched */
	char *snap_dir;
	bool watching;
	bool rebooted;
	struct file file[MAX_FILES];
	unsigned files;
	struct listing on_disk; /* of the directory of snapshots */
	struct rng rng;
	const struct model *before;
	const struct model *after;
	enum what doing;
	bool begun; /* a rollback, and the disk may say so */
	unsigned cuts, whole_snapshots, stale_snapshots, finished;
	char failed[512];
} power;

static int open_raw(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
}

static uint64_t len_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint8_t *content_of(int fd, uint64_t *len)
{
	uint8_t *bytes;

	*len = len_of(fd);
	bytes = calloc(1, *len + 1);
	(void)!pread_all(fd, bytes, *len, 0);
	return bytes;
}

/* Takes the descriptor. */
static unsigned file_at(int fd)
{
	struct stat st;

	fstat(fd, &st);
	for (unsigned i = 0; i < power.files; i++)
		if (power.file[i].ino == st.st_ino) {
			close(fd);
			return i;
		}
	power.file[power.files] = (struct file){.fd = fd, .ino = st.st_ino};
	return power.files++;
}

static struct listing list_now(void)
{
	struct listing out = {false};
	DIR *dir = opendir(power.snap_dir);
	struct dirent *e;

	out.exists = dir;
	while (dir && (e = readdir(dir))) {
		struct name *n = &out.name[out.count];
		auto_free char *path = NULL;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		path = test_path(power.snap_dir, e->d_name);
		snprintf(n->text, sizeof(n->text), "%s", e->d_name);
		n->file = file_at(open_raw(path, O_RDONLY));
		out.count++;
	}
	if (dir)
		closedir(dir);
	return out;
}

static void note_sync(int fd)
{
	struct stat st, snap;
	struct file *f;
	char path[32];

	if (!power.watching || fstat(fd, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		bool is_snap = stat(power.snap_dir, &snap) == 0 && snap.st_ino == st.st_ino;

		/* Of the directory above, only whether the one below is there. */
		power.on_disk.exists |= !is_snap;
		if (is_snap) {
			bool exists = power.on_disk.exists;

			power.on_disk = list_now();
			power.on_disk.exists = exists;
		}
		return;
	}
	/* Another opening: a duplicate would hold the file's lock. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	f = &power.file[file_at(open_raw(path, O_RDONLY))];
	free(f->disk);
	f->disk = content_of(f->fd, &f->disk_len);
}

/* These bytes are on the disk, and what else stands in their pages. */
static void note_durable(int fd, uint64_t off, uint64_t len)
{
	auto_free uint8_t *now = NULL;
	uint64_t now_len, end;
	struct file *f;
	char path[32];

	if (!power.watching)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	f = &power.file[file_at(open_raw(path, O_RDONLY))];
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
}

/* What a cut leaves of one file. */
static void put_file(unsigned at, const char *path)
{
	const struct file *f = &power.file[at];
	uint64_t now_len, len;
	auto_free uint8_t *now = content_of(f->fd, &now_len);
	auto_free uint8_t *bytes = NULL;
	auto_close int fd = open_raw(path, O_WRONLY | O_CREAT | O_TRUNC);
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

static void put_disk(const char *dir, const char *image)
{
	auto_free char *from = test_path(power.dir, "image");
	auto_free char *snap_dir = test_path(dir, "image.snap");
	struct listing now = list_now();
	const struct listing *names = rng_one_in(&power.rng, 2) ? &now : &power.on_disk;

	put_file(file_at(open_raw(from, O_RDONLY)), image);
	if (!names->exists)
		return;
	mkdir(snap_dir, 0755);
	for (unsigned i = 0; i < names->count; i++) {
		auto_free char *path = test_path(snap_dir, names->name[i].text);

		put_file(names->name[i].file, path);
	}
}

static const struct version *version_of(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->count; i++)
		if (strcmp(name_of(m->name[i]), name) == 0)
			return &m->kept[i];
	return NULL;
}

static bool is_one_of(struct store *s, const struct version *a, const struct version *b)
{
	return (a && *differs(s, a) == 0) || (b && *differs(s, b) == 0);
}

static bool is_rolling_back(const char *snap_dir)
{
	auto_free char *path = test_path(snap_dir, ".canister");
	auto_close int fd = open_raw(path, O_RDONLY);
	uint8_t seq[8];

	return fd >= 0 && pread_all(fd, seq, sizeof(seq), 104) == 0 && get_le64(seq) > 0;
}

static void fail_cut(const char *what, const char *name)
{
	snprintf(power.failed, sizeof(power.failed), "cut %u, in an op of kind %d: %s %s",
		 power.cuts, power.doing, what, name);
}

static void check_snapshots(struct store *s)
{
	struct snap_live *live = snap_live_of(s);
	auto_free struct snap_live_info *list = NULL;
	size_t count;

	if (snap_live_list(live, &list, &count, NULL))
		fail_cut("no list", "");
	for (size_t i = 0; i < count && !power.failed[0]; i++) {
		const char *name = list[i].name;
		struct store *view;

		power.stale_snapshots += list[i].stale;
		if (list[i].stale)
			continue;
		if (snap_live_view(live, name, &view, NULL)) {
			fail_cut("no view of", name);
			continue;
		}
		if (!is_one_of(view, version_of(power.before, name), version_of(power.after, name)))
			fail_cut("another content of", name);
		power.whole_snapshots++;
		store_close(view);
	}
}

static void check_disk(const char *dir, const char *image)
{
	auto_free char *snap_dir = test_path(dir, "image.snap");
	bool rolling_back = is_rolling_back(snap_dir);
	struct err err = {""};
	struct store *s;

	power.rebooted = true;
	if (live_open_at(image, &s, &err)) {
		fail_cut("the image does not open:", err.text);
	} else {
		if (rolling_back && *differs(s, &power.after->now))
			fail_cut("half of a rollback", differs(s, &power.after->now));
		/* From when the first byte of it may be on the disk. */
		if (power.begun && !is_one_of(s, &power.before->now, &power.after->now))
			fail_cut("a rollback that nobody knows of:",
				 differs(s, &power.before->now));
		power.finished += rolling_back;
		check_snapshots(s);
		store_close(s);
	}
	power.rebooted = false;
}

static void *cut(void *unused)
{
	char *dir = test_dir_make();
	auto_free char *image = test_path(dir, "image");

	(void)unused;
	power.cuts++;
	put_disk(dir, image);
	check_disk(dir, image);
	test_dir_remove(dir);
	return NULL;
}

/* Before each change. The look at the disk is another thread's: we are inside a call. */
static void may_cut(void)
{
	pthread_t thread;

	if (power.watching && power.doing == ROLLBACK)
		power.begun |= is_rolling_back(power.snap_dir);
	if (!power.watching || power.failed[0] ||
	    !rng_one_in(&power.rng, power.doing == ROLLBACK ? 2 : 10))
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

int unlink(const char *path)
{
	may_cut();
	return (int)syscall(SYS_unlink, path);
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
	if (power.rebooted && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		path = "/proc/sys/kernel/random/uuid";
	return open_raw(path, flags);
}

/* ---- the test ---- */

static void every_snapshot_is_whole_after_a_power_cut(void **state)
{
	struct model *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	struct rng rng = rng_start("power");
	unsigned rounds = test_rounds(150);
	auto_free char *path = NULL;
	struct store *s;

	(void)state;
	power.dir = test_dir_make();
	power.rng = rng_start("cuts");
	power.snap_dir = test_path(power.dir, "image.snap");
	power.before = before;
	power.after = after;
	path = test_path(power.dir, "image");
	close(open_raw(path, O_CREAT | O_RDWR));
	assert_ok(live_open_at(path, &s, NULL));
	for (unsigned i = 0; i < rounds && !power.failed[0]; i++) {
		struct op op = choose(&rng, before);
		struct err err = {""};

		model_apply(after, &op);
		power.doing = op.what;
		power.begun = false;
		power.watching = true;
		assert_ok_err(live_apply(&s, path, &op, &err), &err);
		power.watching = false;
		model_apply(before, &op);
	}
	store_close(s);
	if (power.failed[0])
		fail_msg("%s", power.failed);
	print_message("%u cuts, %u whole snapshots, %u stale, %u rollbacks finished\n", power.cuts,
		      power.whole_snapshots, power.stale_snapshots, power.finished);
	assert_true(power.whole_snapshots > 0 && power.finished > 0);
	assert_int_equal(power.stale_snapshots, 0);
	for (unsigned i = 0; i < power.files; i++) {
		close(power.file[i].fd);
		free(power.file[i].disk);
	}
	free(power.snap_dir);
	test_dir_remove(power.dir);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_snapshot_is_whole_after_a_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
