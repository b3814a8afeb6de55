// SPDX-License-Identifier: MIT
/*
 * System calls from the command line, with exact results: fsprobe CALL ARGS... [: CALL ARGS...]...
 * Prints one word a call: its result, or the name of its errno. All calls are one process's; the
 * descriptors that `open` makes are called 0, 1, 2... in the order in which they were made.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { WORDS_MAX = 200, TEXT_MAX = 4096 };

static int fds[WORDS_MAX];
static size_t fds_count;
static char text[TEXT_MAX + 1]; /* what a call prints instead of its result, if not empty */

static const struct flag {
	const char *name;
	int value;
} flags[] = {
	{"-", 0},
	{"O_RDONLY", O_RDONLY},
	{"O_WRONLY", O_WRONLY},
	{"O_RDWR", O_RDWR},
	{"O_CREAT", O_CREAT},
	{"O_EXCL", O_EXCL},
	{"O_TRUNC", O_TRUNC},
	{"O_APPEND", O_APPEND},
	{"DATA", SEEK_DATA},
	{"HOLE", SEEK_HOLE},
	{"END", SEEK_END},
	{"KEEP", FALLOC_FL_KEEP_SIZE},
	{"PUNCH", FALLOC_FL_PUNCH_HOLE},
	{"ZERO", FALLOC_FL_ZERO_RANGE},
	{"COLLAPSE", FALLOC_FL_COLLAPSE_RANGE},
	{"NOREPLACE", RENAME_NOREPLACE},
	{"EXCHANGE", RENAME_EXCHANGE},
	{"WHITEOUT", RENAME_WHITEOUT},
	{"FIFO", S_IFIFO},
	{"REG", S_IFREG},
};

static void die(const char *what, const char *word)
{
	fprintf(stderr, "fsprobe: %s: %s\n", what, word);
	exit(EXIT_FAILURE);
}

/* Flags by name, with | between them. */
static int flag(const char *words)
{
	char *copy = strdup(words), *save;
	int value = 0;

	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save)) {
		size_t i = 0;

		while (i < sizeof(flags) / sizeof(flags[0]) && strcmp(flags[i].name, w) != 0)
			i++;
		if (i == sizeof(flags) / sizeof(flags[0]))
			die("no such flag", w);
		value |= flags[i].value;
	}
	free(copy);
	return value;
}

static long long number(const char *word)
{
	char *end;
	long long value = strtoll(word, &end, 0);

	if (*end || end == word)
		die("not a number", word);
	return value;
}

static int fd_of(const char *word)
{
	size_t i = (size_t)number(word);

	if (i >= fds_count)
		die("not opened", word);
	return fds[i];
}

static long long keep(int fd)
{
	if (fd >= 0)
		fds[fds_count] = fd;
	return fd >= 0 ? (long long)fds_count++ : -1;
}

/* Bytes as one word. */
static long long show(ssize_t len)
{
	for (ssize_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			text[i] = text[i] ? '?' : '.';
	return len;
}

/* Of no room at all, the call tells the length alone. */
static long long show_xattr(ssize_t len, const char *room)
{
	return number(room) > 0 ? show(len) : len;
}

static long long read_at(int fd, size_t len, off_t off)
{
	return show(pread(fd, text, len < TEXT_MAX ? len : TEXT_MAX, off));
}

static long long fill(int fd, size_t len, off_t off, char with)
{
	char *buf = malloc(len);
	ssize_t n;

	memset(buf, with, len);
	n = pwrite(fd, buf, len, off);
	free(buf);
	return n;
}

static long long map_at(int fd, off_t off, const char *words, size_t len)
{
	off_t base_off = off & ~4095;
	size_t room = (size_t)(off - base_off) + len;
	char *base = mmap(NULL, room, words ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
			  base_off);

	if (base == MAP_FAILED)
		return -1;
	if (words)
		memcpy(base + (off - base_off), words, len);
	else
		memcpy(text, base + (off - base_off), len < TEXT_MAX ? len : TEXT_MAX);
	munmap(base, room);
	return words ? 0 : show((ssize_t)len);
}

static long long copy(int in, off_t in_off, int out, off_t out_off, size_t len)
{
	return copy_file_range(in, &in_off, out, &out_off, len, 0);
}

static long long stat_field(int rc, const struct stat *st, const char *field)
{
	if (rc < 0)
		return rc;
	if (strcmp(field, "size") == 0)
		return st->st_size;
	if (strcmp(field, "blocks") == 0)
		return st->st_blocks;
	if (strcmp(field, "ino") == 0)
		return (long long)st->st_ino;
	if (strcmp(field, "nlink") == 0)
		return (long long)st->st_nlink;
	if (strcmp(field, "mode") == 0)
		snprintf(text, sizeof(text), "%o", st->st_mode);
	else if (strcmp(field, "mtime") == 0)
		snprintf(text, sizeof(text), "%lld.%09ld", (long long)st->st_mtim.tv_sec,
			 st->st_mtim.tv_nsec);
	else
		die("no such field", field);
	return 0;
}

static long long set_times(const char *path, const char *sec, const char *nsec)
{
	const struct timespec t = {number(sec), number(nsec)};
	const struct timespec both[2] = {t, t};

	return utimensat(AT_FDCWD, path, both, 0);
}

static long long shell(const char *line)
{
	int status = system(line);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Does the call a[0]; returns the count of its arguments, and in *rc its result. */
static int call(char **a, long long *rc)
{
	struct stat st;

#define FD(i)  fd_of(a[i])
#define NUM(i) number(a[i])
#define CALL(name, nargs, expr)                                                                    \
	do {                                                                                       \
		if (strcmp(a[0], name) == 0) {                                                     \
			for (int i = 1; i <= (nargs); i++)                                         \
				if (!a[i])                                                         \
					die("too few arguments", name);                            \
			*rc = (expr);                                                              \
			return nargs;                                                              \
		}                                                                                  \
	} while (0)
	CALL("open", 2, keep(open(a[1], flag(a[2]), 0644)));
	CALL("close", 1, close(FD(1)));
	CALL("read", 3, read_at(FD(1), (size_t)NUM(3), NUM(2)));
	CALL("write", 3, pwrite(FD(1), a[3], strlen(a[3]), NUM(2)));
	CALL("append", 2, write(FD(1), a[2], strlen(a[2])));
	CALL("fill", 4, fill(FD(1), (size_t)NUM(3), NUM(2), a[4][0]));
	CALL("map-write", 3, map_at(FD(1), NUM(2), a[3], strlen(a[3])));
	CALL("map-read", 3, map_at(FD(1), NUM(2), NULL, (size_t)NUM(3)));
	CALL("seek", 3, lseek(FD(1), NUM(2), flag(a[3])));
	CALL("copy", 5, copy(FD(1), NUM(2), FD(3), NUM(4), (size_t)NUM(5)));
	CALL("fallocate", 4, fallocate(FD(1), flag(a[2]), NUM(3), NUM(4)));
	CALL("ftruncate", 2, ftruncate(FD(1), NUM(2)));
	CALL("fsync", 1, fsync(FD(1)));
	CALL("fstat", 2, stat_field(fstat(FD(1), &st), &st, a[2]));
	CALL("stat", 2, stat_field(stat(a[1], &st), &st, a[2]));
	CALL("truncate", 2, truncate(a[1], NUM(2)));
	CALL("unlink", 1, unlink(a[1]));
	CALL("mkdir", 1, mkdir(a[1], 0755));
	CALL("rmdir", 1, rmdir(a[1]));
	CALL("mknod", 2, mknod(a[1], (mode_t)flag(a[2]) | 0644, 0));
	CALL("link", 2, link(a[1], a[2]));
	CALL("symlink", 2, symlink(a[1], a[2]));
	CALL("rename", 3, renameat2(AT_FDCWD, a[1], AT_FDCWD, a[2], (unsigned)flag(a[3])));
	CALL("chmod", 2, chmod(a[1], (mode_t)NUM(2)));
	CALL("utimens", 3, set_times(a[1], a[2], a[3]));
	CALL("getxattr", 3, show_xattr(getxattr(a[1], a[2], text, (size_t)NUM(3)), a[3]));
	CALL("listxattr", 2, show_xattr(listxattr(a[1], text, (size_t)NUM(2)), a[2]));
	CALL("setxattr", 3, setxattr(a[1], a[2], a[3], strlen(a[3]), 0));
	CALL("removexattr", 2, removexattr(a[1], a[2]));
	CALL("sh", 1, shell(a[1]));
	die("no such call", a[0]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > WORDS_MAX)
		die("too many words", argv[0]);
	for (char **a = argv + 1; *a;) {
		long long rc = 0;

		memset(text, 0, sizeof(text));
		a += 1 + call(a, &rc);
		if (rc < 0)
			printf("%s\n", strerrorname_np(errno));
		else if (text[0])
			printf("%s\n", text);
		else
			printf("%lld\n", rc);
		fflush(stdout);
		if (*a && strcmp(*a++, ":") != 0)
			die("no colon before", a[-1]);
	}
	return EXIT_SUCCESS;
}
