// SPDX-License-Identifier: MIT
/*
 * One piece of work on one file, timed inside the process: prints the seconds it took. The file is
 * opened or created, and closed, within the time. No page that is written is all zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	STEP_LEN = 1 << 17, /* what cp and cat use */
	PAGE_LEN = 4096,
};

static const char *path;
static uint64_t len, count;
static char *buf;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s: %s\n", path, what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int open_file(int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die("open");
	return fd;
}

static void close_file(int fd)
{
	if (close(fd) < 0)
		die("close");
}

static void write_at(int fd, size_t n, uint64_t off)
{
	if (pwrite(fd, buf, n, (off_t)off) != (ssize_t)n)
		die("write");
}

static void read_at(int fd, size_t n, uint64_t off)
{
	if (pread(fd, buf, n, (off_t)off) != (ssize_t)n)
		die("read");
}

/* Page numbers that look random and are the same in each run. */
static uint64_t next_page(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % (len / PAGE_LEN) * PAGE_LEN;
}

static void seq_read(void)
{
	int fd = open_file(O_RDONLY);

	for (uint64_t off = 0; off < len; off += STEP_LEN)
		read_at(fd, STEP_LEN, off);
	close_file(fd);
}

static void seq_write(void)
{
	int fd = open_file(O_WRONLY | O_CREAT);

	for (uint64_t off = 0; off < len; off += STEP_LEN)
		write_at(fd, STEP_LEN, off);
	close_file(fd);
}

static void random_read(void)
{
	int fd = open_file(O_RDONLY);

	for (uint64_t i = 0; i < count; i++)
		read_at(fd, PAGE_LEN, next_page());
	close_file(fd);
}

static void random_write(void)
{
	int fd = open_file(O_WRONLY);

	for (uint64_t i = 0; i < count; i++)
		write_at(fd, PAGE_LEN, next_page());
	close_file(fd);
}

static void small_write(void)
{
	int fd = open_file(O_WRONLY | O_CREAT);

	for (uint64_t i = 0; i < count; i++)
		write_at(fd, PAGE_LEN, i * PAGE_LEN);
	close_file(fd);
}

static void fsync_write(void)
{
	int fd = open_file(O_WRONLY);

	for (uint64_t i = 0; i < count; i++) {
		write_at(fd, PAGE_LEN, next_page());
		if (fsync(fd) < 0)
			die("fsync");
	}
	close_file(fd);
}

static char *map(int prot)
{
	int fd = open_file(prot & PROT_WRITE ? O_RDWR : O_RDONLY);
	char *base = mmap(NULL, len, prot, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		die("mmap");
	close_file(fd);
	return base;
}

static void map_read(void)
{
	volatile char *base = map(PROT_READ);

	for (uint64_t off = 0; off < len; off += PAGE_LEN)
		(void)base[off];
}

static void map_write(void)
{
	char *base = map(PROT_READ | PROT_WRITE);

	for (uint64_t i = 0; i < count; i++)
		base[next_page()]++;
	if (msync(base, len, MS_SYNC) < 0)
		die("msync");
}

static void stat_file(void)
{
	struct stat st;

	for (uint64_t i = 0; i < count; i++)
		if (stat(path, &st) < 0)
			die("stat");
}

static void open_close(void)
{
	for (uint64_t i = 0; i < count; i++)
		close_file(open_file(O_RDONLY));
}

/* Not work, but what comes before it: the kernel forgets what it knows of the file's content. */
static void forget(void)
{
	int fd = open_file(O_RDONLY);

	if (fsync(fd) < 0 || (errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)) != 0)
		die("forget");
	close_file(fd);
}

static const struct work {
	const char *name;
	void (*run)(void);
} works[] = {
	{"read", seq_read},           {"write", seq_write},
	{"random-read", random_read}, {"random-write", random_write},
	{"small-write", small_write}, {"fsync-write", fsync_write},
	{"map-read", map_read},       {"map-write", map_write},
	{"stat", stat_file},          {"open", open_close},
	{"forget", forget},
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: load WORK FILE BYTES COUNT\n");
		return EXIT_FAILURE;
	}
	path = argv[2];
	len = strtoull(argv[3], NULL, 10);
	count = strtoull(argv[4], NULL, 10);
	buf = malloc(STEP_LEN);
	if (!buf)
		die("malloc");
	for (size_t i = 0; i < STEP_LEN; i++)
		buf[i] = (char)(i * 31 + i / 251 + 1);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		double start = now();

		if (strcmp(works[i].name, argv[1]) != 0)
			continue;
		works[i].run();
		printf("%.6f\n", now() - start);
		free(buf);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "load: no such work: %s\n", argv[1]);
	return EXIT_FAILURE;
}
