/* SPDX-License-Identifier: MIT */
/*
 * The few things every folder needs: one-sentence errors, checked arithmetic, byte order, cleanup
 * at the end of a scope, whole reads and writes, and files that appear complete or not at all.
 */
#ifndef CANISTERFS_UTIL_H
#define CANISTERFS_UTIL_H

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/*
 * Why a call failed: one sentence with its numbers, lower case, no newline, no path of the file
 * that the caller named. Library functions return 0 or -errno and fill the caller's struct err,
 * which may be NULL.
 */
struct err {
	char text[512];
};

/* Sets the sentence and returns rc, so that a failure is one line: return err_set(err, -EIO, ...).
 */
int err_set(struct err *err, int rc, const char *fmt, ...) PRINTF(3, 4);

/* As err_set, and ends the sentence with ": " and the reason for rc (a negative errno). */
int err_sys(struct err *err, int rc, const char *fmt, ...) PRINTF(3, 4);

/* Puts words in front of a sentence that is already there: "doing this: " + what it said. */
int err_prefix(struct err *err, int rc, const char *fmt, ...) PRINTF(3, 4);

/* Every number that comes from a file goes through these before it is used. True: it overflowed. */
#define add_overflows(a, b, out) __builtin_add_overflow((a), (b), (out))
#define mul_overflows(a, b, out) __builtin_mul_overflow((a), (b), (out))

static inline uint64_t div_up(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

/* The largest n with n % to == 0 that is not above n; `to` is a power of two. */
static inline uint64_t round_down(uint64_t n, uint64_t to)
{
	return n & ~(to - 1);
}

/* All formats here are little-endian but qcow2, which is big-endian. */
static inline uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t get_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/* `auto_free char *p = NULL;` is freed, `auto_close int fd = -1;` is closed at the closing brace.
 * `unused`: clang does not count the cleanup as a use. */
void cleanup_free(void *pointer_to_pointer);
void cleanup_close(int *fd);
#define auto_free  __attribute__((cleanup(cleanup_free), unused))
#define auto_close __attribute__((cleanup(cleanup_close)))

/* Hands an auto_close descriptor to a new owner. */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* True when all `len` bytes are zero; fast enough to scan an image with. */
bool is_zero(const void *buf, size_t len);

/* Whole reads and writes at an offset, restarted after EINTR. A read past the end is -EIO. */
int MUST_CHECK pread_all(int fd, void *buf, size_t len, uint64_t off);
int MUST_CHECK pwrite_all(int fd, const void *buf, size_t len, uint64_t off);

/*
 * Opens what a stranger named inside a directory. -EXDEV: the name is absolute, or leads out of the
 * directory by ".." or by a link. Returns the descriptor, with O_CLOEXEC and O_NONBLOCK.
 */
int MUST_CHECK open_beneath(const char *dir, const char *name, int flags);
/* The same for a plain file; -EPERM with a sentence where the name is a link that leads out, or a
 * second name of somebody else's file. */
int MUST_CHECK open_file_beneath(const char *dir, const char *name, int flags, struct err *err);

/*
 * From now on whatever this process makes has, for group and others, no more permission bits than
 * this file; derived_mode takes them from a mode that is set in another way.
 */
struct stat;
void derived_from(const struct stat *image);
mode_t derived_mode(mode_t mode);

/* CRC-32 of IEEE 802.3, as zlib's; `crc` is 0 or the result so far. */
uint32_t crc32_of(uint32_t crc, const void *buf, size_t len);

/*
 * A file that appears under its name complete and synced, or not at all. While it is written it
 * has no name (O_TMPFILE), or, where the file system cannot do that, a hidden one beside the
 * final name. Not for block devices: `new_file_open` refuses anything but a regular file.
 */
struct new_file {
	int fd;
	bool force;        /* may replace an existing file */
	struct store *old; /* that file, which nobody else can begin to use until the end */
	char *path;
	char *tmp_path; /* NULL while nameless */
};

/* Gives the nameless file `fd` a name in a directory, or by a path with AT_FDCWD. Returns 0 or
 * -errno; -EEXIST: the name is taken. */
int MUST_CHECK link_fd(int fd, int dir_fd, const char *name);

/* -EEXIST when `path` exists and `force` is false; -EWOULDBLOCK when that file is in use. */
int MUST_CHECK new_file_open(struct new_file *nf, const char *path, bool force, struct err *err);
/* The same where the caller itself uses the file, and lets nobody else do so. */
int MUST_CHECK new_file_open_held(struct new_file *nf, const char *path, struct err *err);
/* Syncs the file, gives it its name, syncs the directory, closes. After a failure: new_file_drop.
 */
int MUST_CHECK new_file_commit(struct new_file *nf, struct err *err);
/* Syncs the directory that holds `path`: its name is there then also after a power cut. */
int MUST_CHECK sync_dir_of(const char *path);
/* Removes what was written and closes; harmless after commit, and on a zeroed struct with fd -1. */
void new_file_drop(struct new_file *nf);
#define NEW_FILE_NONE ((struct new_file){.fd = -1})
#define auto_new_file __attribute__((cleanup(new_file_drop)))

#endif
