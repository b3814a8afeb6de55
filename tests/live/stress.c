// SPDX-License-Identifier: MIT
/*
 * A random load on a real mount with live snapshots, against a model that holds every version in
 * full. Each round ends with a clean unmount, or, in the second half of the command line's words,
 * with kill -9 of the daemon in a random operation.
 *
 *	stress PROGRAM DIRECTORY clean|kill ROUNDS SEED
 *
 * What is checked: each snapshot equals its model when it was taken, after each remount, and, where
 * there is a qemu-img, through qemu-img convert after each unmount; one whose creation was not
 * answered is there in full or not at all. After a kill what was synced is there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "memmgr/memmgr.h"

enum {
	FILES = 5,
	MAX_LEN = 20 * MM_PAGE_LEN,
	MAX_SNAPS = 5,
	OPS = 60, /* a round, at most */
};

struct file {
	size_t len;
	bool synced; /* nothing was written to it since it was synced */
	uint8_t bytes[MAX_LEN];
};

struct state {
	struct file file[FILES];
};

static const char *program, *dir;
static struct state now;
static struct {
	char name[16];
	struct state state;
	bool unanswered;
} snaps[MAX_SNAPS + 1];
static unsigned snap_count, next_name;
static uint64_t rng_state;
static bool killing;
static atomic_bool dead;     /* the daemon was killed */
static atomic_uint ops_done; /* in this round */
static pid_t daemon_pid;
static bool have_qemu;

static const char *path_of(const char *fmt, ...) PRINTF(1, 2);

static void PRINTF(1, 2) fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "stress: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (daemon_pid > 0)
		kill(daemon_pid, SIGKILL);
	umount2(path_of("mnt"), MNT_DETACH);
	exit(1);
}

static uint64_t rnd(uint64_t below)
{
	uint64_t z = rng_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

static const char *path_of(const char *fmt, ...)
{
	static char text[4][512];
	static unsigned n;
	char *out = text[n++ % 4];
	size_t len = (size_t)snprintf(out, sizeof(text[0]), "%s/", dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + len, sizeof(text[0]) - len, fmt, ap);
	va_end(ap);
	return out;
}

static int run(const char *const *argv)
{
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ))
		fail("cannot run %s", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void nap(long nsec)
{
	struct timespec t = {0, nsec};

	nanosleep(&t, NULL);
}

/* ---- the mount ---- */

static void mount_image(void)
{
	const char *argv[] = {program, "mount", "-f", path_of("img"), path_of("mnt"), NULL};

	dead = false;
	if (posix_spawn(&daemon_pid, program, NULL, NULL, (char *const *)argv, environ))
		fail("cannot run %s", program);
	for (unsigned i = 0; access(path_of("mnt/.canister/stable"), F_OK) < 0; i++) {
		if (i > 3000)
			fail("no mount");
		nap(10000000);
	}
}

static void unmount_image(void)
{
	int status;

	if (!dead && umount2(path_of("mnt"), 0) != 0 &&
	    run((const char *[]){"fusermount3", "-u", path_of("mnt"), NULL}) != 0)
		fail("cannot unmount");
	while (waitpid(daemon_pid, &status, 0) < 0)
		;
	daemon_pid = 0;
	if (dead)
		run((const char *[]){"fusermount3", "-u", "-z", path_of("mnt"), NULL});
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("the daemon ended with status %d", status);
}

/* When the daemon is killed: in the operation after so many, and not before so long in it. */
struct moment {
	unsigned ops;
	long nsec;
};

static void *killer(void *arg)
{
	const struct moment *m = arg;

	while (ops_done < m->ops)
		nap(1000000);
	nap(m->nsec);
	dead = true;
	kill(daemon_pid, SIGKILL);
	return NULL;
}

/* After a kill every call may fail; before, none. */
static bool ok(bool worked, const char *what)
{
	int error = errno;

	if (worked || dead)
		return worked;
	/* The signal may be under way. */
	for (unsigned i = 0; killing && i < 200 && !dead; i++)
		nap(10000000);
	if (!dead)
		fail("%s: %s", what, strerror(error));
	return false;
}

/* ---- comparing ---- */

static size_t page_len(size_t len)
{
	return (len + MM_PAGE_LEN - 1) / MM_PAGE_LEN * MM_PAGE_LEN;
}

/* The file's length, or -1; -2 on an error. */
static ssize_t slurp(const char *path, uint8_t *buf, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? -1 : -2;
	while (done < max && (n = read(fd, buf + done, max - done)) > 0)
		done += (size_t)n;
	close(fd);
	return n < 0 ? -2 : (ssize_t)done;
}

static uint8_t scratch[MAX_LEN + MM_PAGE_LEN];

/* `another_mount`: the length may have become one of whole pages. */
static const char *differs(const char *path, const struct file *f, bool another_mount)
{
	static char text[256];
	ssize_t len = slurp(path, scratch, sizeof(scratch));
	size_t want = f->len;

	if (len == -2)
		return "cannot be read";
	len = MAX(len, 0);
	if (another_mount && (size_t)len == page_len(want))
		want = page_len(want);
	if ((size_t)len != want) {
		snprintf(text, sizeof(text), "has %zd bytes, not %zu", len, want);
		return text;
	}
	for (size_t i = 0; i < want; i++)
		if (scratch[i] != (i < f->len ? f->bytes[i] : 0)) {
			snprintf(text, sizeof(text), "byte %zu of %zu is %u, not %u", i, want,
				 scratch[i], i < f->len ? f->bytes[i] : 0);
			return text;
		}
	return NULL;
}

static void check_snap(unsigned s)
{
	for (unsigned i = 0; i < FILES; i++) {
		const char *path = path_of("mnt/.snap/%s/%u", snaps[s].name, i);
		const char *diff = differs(path, &snaps[s].state.file[i], false);

		if (diff && ok(false, diff))
			return;
		if (diff && !dead)
			fail("%s: %s", path, diff);
	}
}

static void check_now(void)
{
	for (unsigned i = 0; i < FILES && !dead; i++) {
		const char *diff = differs(path_of("mnt/%u", i), &now.file[i], false);

		if (diff && !dead)
			fail("memory %u: %s", i, diff);
	}
}

/* What qemu makes of a snapshot while the image is not mounted. */
static void check_through_qemu(unsigned s)
{
	const char *file = path_of("img.snap/%s.qcow2", snaps[s].name), *raw = path_of("raw");
	struct store *store;
	struct mm *mm;

	if (run((const char *[]){"qemu-img", "check", "-q", file, NULL}) != 0 ||
	    run((const char *[]){"qemu-img", "convert", "-O", "raw", file, raw, NULL}) != 0)
		fail("qemu-img refuses %s", file);
	if (file_store_open(raw, false, &store, NULL) || mm_open(store, &mm, NULL))
		fail("%s is no image", raw);
	for (unsigned i = 0; i < FILES; i++) {
		const struct file *f = &snaps[s].state.file[i];
		struct mm_memory m;

		mm_memory(mm, i, &m);
		if (m.pages * MM_PAGE_LEN != page_len(f->len) ||
		    mm_read(mm, i, scratch, page_len(f->len), 0, NULL) ||
		    memcmp(scratch, f->bytes, f->len) != 0 ||
		    !is_zero(scratch + f->len, page_len(f->len) - f->len))
			fail("memory %u of %s, through qemu-img, differs", i, snaps[s].name);
	}
	mm_drop(mm);
	store_close(store);
}

/* ---- doing ---- */

static void fill(uint8_t *buf, size_t len)
{
	uint64_t what = rnd(8);

	for (size_t i = 0; i < len; i++)
		buf[i] = what == 0 ? 0 : (uint8_t)(what * 31 + i * (what | 1) + rng_state);
}

static void set_len(struct file *f, size_t len)
{
	if (len < f->len)
		memset(f->bytes + len, 0, f->len - len);
	f->len = len;
	f->synced = false;
}

static void do_write(unsigned i, bool by_mapping)
{
	struct file *f = &now.file[i];
	size_t off =
		rnd(by_mapping && f->len ? f->len : MIN(f->len + MM_PAGE_LEN, (size_t)MAX_LEN));
	size_t len = 1 + rnd(rnd(4) ? 5000 : 3 * MM_PAGE_LEN);
	uint8_t *map;
	int fd;

	if (by_mapping && f->len == 0)
		return;
	fd = open(path_of("mnt/%u", i), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (!ok(fd >= 0, "open"))
		return;
	len = MIN(len, (by_mapping ? f->len : MAX_LEN) - off);
	f->synced = false;
	if (len > 0)
		fill(f->bytes + off, len);
	if (by_mapping && len > 0) {
		map = mmap(NULL, f->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		/* A page that cannot be read raises SIGBUS: not in a round that kills. */
		if (ok(map != MAP_FAILED, "mmap")) {
			memcpy(map + off, f->bytes + off, len);
			munmap(map, f->len);
		}
	} else if (len > 0) {
		ok(pwrite(fd, f->bytes + off, len, (off_t)off) == (ssize_t)len, "write");
		f->len = MAX(f->len, off + len);
	}
	if (rnd(4) == 0)
		f->synced = ok(fsync(fd) == 0, "fsync");
	/* Close writes back: some files stay dirty across what follows. */
	ok(close(fd) == 0, "close");
}

static void do_truncate(unsigned i)
{
	size_t len = rnd(3) ? rnd(MAX_LEN) : rnd(MAX_LEN / MM_PAGE_LEN) * MM_PAGE_LEN;

	if (access(path_of("mnt/%u", i), F_OK) < 0)
		return;
	now.file[i].synced = false;
	if (ok(truncate(path_of("mnt/%u", i), (off_t)len) == 0, "truncate"))
		set_len(&now.file[i], len);
}

static void do_rename(unsigned i, unsigned to)
{
	if (i == to || access(path_of("mnt/%u", i), F_OK) < 0)
		return;
	now.file[i].synced = now.file[to].synced = false;
	if (!ok(rename(path_of("mnt/%u", i), path_of("mnt/%u", to)) == 0, "rename"))
		return;
	now.file[to] = now.file[i];
	set_len(&now.file[i], 0);
}

static void do_unlink(unsigned i)
{
	if (access(path_of("mnt/%u", i), F_OK) < 0)
		return;
	now.file[i].synced = false;
	if (ok(unlink(path_of("mnt/%u", i)) == 0, "unlink"))
		set_len(&now.file[i], 0);
}

static void do_create(void)
{
	bool answered;

	if (snap_count == MAX_SNAPS)
		return;
	snprintf(snaps[snap_count].name, sizeof(snaps[0].name), "s%u", next_name++);
	snaps[snap_count].state = now;
	answered = ok(mkdir(path_of("mnt/.snap/%s", snaps[snap_count].name), 0777) == 0, "mkdir");
	snaps[snap_count].unanswered = !answered;
	snap_count++;
	if (answered)
		check_snap(snap_count - 1);
}

static void forget_snap(unsigned s)
{
	memmove(&snaps[s], &snaps[s + 1], (snap_count - s - 1) * sizeof(snaps[0]));
	snap_count--;
}

static void do_drop(unsigned s)
{
	snaps[s].unanswered = true;
	if (ok(rmdir(path_of("mnt/.snap/%s", snaps[s].name)) == 0, "rmdir"))
		forget_snap(s);
}

static void do_rename_snap(unsigned s)
{
	char name[16];

	snprintf(name, sizeof(name), "r%u", next_name++);
	if (ok(rename(path_of("mnt/.snap/%s", snaps[s].name), path_of("mnt/.snap/%s", name)) == 0,
	       "mv"))
		memcpy(snaps[s].name, name, sizeof(name));
}

static void whole_pages(struct file *f)
{
	memset(f->bytes + f->len, 0, page_len(f->len) - f->len);
	f->len = page_len(f->len);
	f->synced = false;
}

static void do_rollback(unsigned s, int id)
{
	char number[8];
	const char *all[] = {program, "snapshot", "rollback", path_of("mnt"), snaps[s].name, NULL};
	const char *one[] = {program,       "snapshot", "rollback", path_of("mnt"),
			     snaps[s].name, "--memory", number,     NULL};

	snprintf(number, sizeof(number), "%d", id);
	for (int i = 0; i < FILES; i++)
		if (id < 0 || i == id)
			now.file[i].synced = false;
	if (!ok(run(id < 0 ? all : one) == 0, "rollback"))
		return;
	for (int i = 0; i < FILES; i++)
		if (id < 0 || i == id)
			now.file[i] = snaps[s].state.file[i];
	check_now();
}

/* In rounds that kill, what would need the outcome of half a call to be known is left out: the name
 * of a snapshot, or all memories at once. */
static void do_something(void)
{
	unsigned i = (unsigned)rnd(FILES), s = snap_count ? (unsigned)rnd(snap_count) : 0;

	switch (rnd(16)) {
	case 0:
		do_truncate(i);
		break;
	case 1:
		do_rename(i, (unsigned)rnd(FILES));
		break;
	case 2:
		do_unlink(i);
		break;
	case 3:
	case 4:
		do_create();
		break;
	case 5:
		if (snap_count > 2)
			do_drop(s);
		break;
	case 6:
		if (snap_count > 0 && !killing)
			do_rename_snap(s);
		break;
	case 7:
		if (snap_count > 0)
			do_rollback(s, killing ? (int)i : rnd(2) ? (int)i : -1);
		break;
	case 8:
		if (snap_count > 0)
			check_snap(s);
		break;
	case 9:
		if (!killing)
			do_write(i, true);
		break;
	default:
		do_write(i, false);
	}
}

/* ---- rounds ---- */

static void forget_unanswered(void)
{
	for (unsigned s = snap_count; s > 0; s--) {
		if (!snaps[s - 1].unanswered)
			continue;
		snaps[s - 1].unanswered = false;
		if (access(path_of("mnt/.snap/%s", snaps[s - 1].name), F_OK) < 0)
			forget_snap(s - 1);
	}
}

/* The kernel's cache died with the mount: what was not synced may be old or new. */
static void relearn(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		struct file *f = &now.file[i];
		const char *diff = f->synced ? differs(path_of("mnt/%u", i), f, true) : NULL;
		ssize_t len;

		if (diff)
			fail("memory %u was synced, and %s", i, diff);
		len = slurp(path_of("mnt/%u", i), f->bytes, MAX_LEN);
		if (len == -2)
			fail("memory %u cannot be read", i);
		f->len = (size_t)MAX(len, 0);
		memset(f->bytes + f->len, 0, MAX_LEN - f->len);
	}
}

static void check_image(void)
{
	int status = run((const char *[]){program, "check", path_of("img"), NULL});

	/* 4: a leaked bucket, or a hole: what a kill may leave. */
	if (status != 0 && !(killing && status == 4))
		fail("check of the image exits with %d", status);
}

static void one_round(void)
{
	struct moment moment = {(unsigned)rnd(OPS), (long)rnd(20000000)};
	pthread_t thread;

	mount_image();
	ops_done = 0;
	if (killing)
		pthread_create(&thread, NULL, killer, &moment);
	for (; !dead && (killing || ops_done < OPS); ops_done++)
		do_something();
	if (killing)
		pthread_join(thread, NULL);
	else
		check_now();
	unmount_image();
	if (killing) {
		mount_image();
		forget_unanswered();
		relearn();
		for (unsigned s = 0; s < snap_count; s++)
			check_snap(s);
		unmount_image();
	}
	check_image();
	for (unsigned s = 0; have_qemu && s < snap_count; s++)
		if (!killing || rnd(4) == 0)
			check_through_qemu(s);
	for (unsigned i = 0; i < FILES; i++)
		whole_pages(&now.file[i]);
}

int main(int argc, char **argv)
{
	unsigned long rounds;

	if (argc != 6)
		fail("PROGRAM DIRECTORY clean|kill ROUNDS SEED");
	program = argv[1];
	dir = argv[2];
	killing = strcmp(argv[3], "kill") == 0;
	rounds = strtoul(argv[4], NULL, 10);
	rng_state = strtoul(argv[5], NULL, 10);
	have_qemu = system("command -v qemu-img >/dev/null") == 0;
	mkdir(path_of("mnt"), 0777);
	if (run((const char *[]){program, "create", "-b", "2", path_of("img"), NULL}) != 0)
		fail("no image");
	for (unsigned long i = 0; i < rounds; i++)
		one_round();
	printf("%lu rounds, %u snapshots taken\n", rounds, next_name);
	return 0;
}
