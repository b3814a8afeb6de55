// SPDX-License-Identifier: MIT
/*
 * Owns the small things of util.h but new files (new_file.c). Keeps no state but the constants of
 * the checksum, takes no lock, and never prints.
 */
#include "memmgr/util.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

/* Formats aside first: an argument may point into the very text that is set. */
static void PRINTF(2, 0)
	set_text(struct err *err, const char *fmt, va_list args, const char *sep, const char *after)
{
	struct err text;
	size_t used;

	vsnprintf(text.text, sizeof(text.text), fmt, args);
	used = strlen(text.text);
	snprintf(text.text + used, sizeof(text.text) - used, "%s%s", sep, after);
	*err = text;
}

int err_set(struct err *err, int rc, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return rc;
	va_start(args, fmt);
	set_text(err, fmt, args, "", "");
	va_end(args);
	return rc;
}

int err_sys(struct err *err, int rc, const char *fmt, ...)
{
	const char *reason = strerrordesc_np(-rc);
	va_list args;

	if (!err)
		return rc;
	va_start(args, fmt);
	set_text(err, fmt, args, ": ", reason ? reason : "unknown error");
	va_end(args);
	return rc;
}

int err_prefix(struct err *err, int rc, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return rc;
	va_start(args, fmt);
	set_text(err, fmt, args, ": ", err->text);
	va_end(args);
	return rc;
}

void cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* memcmp of the buffer with itself one step on carries the zeros found first to the end. */
bool is_zero(const void *buf, size_t len)
{
	enum { STEP = 16 };
	const uint8_t *bytes = buf;

	for (size_t i = 0; i < MIN(len, STEP); i++)
		if (bytes[i])
			return false;
	return len <= STEP || memcmp(bytes, bytes + STEP, len - STEP) == 0;
}

int pread_all(int fd, void *buf, size_t len, uint64_t off)
{
	while (len > 0) {
		ssize_t n = pread(fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		buf = (char *)buf + n;
		len -= (size_t)n;
		off += (size_t)n;
	}
	return 0;
}

int pwrite_all(int fd, const void *buf, size_t len, uint64_t off)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		buf = (const char *)buf + n;
		len -= (size_t)n;
		off += (size_t)n;
	}
	return 0;
}

/* What a byte makes of the sum when as many bytes follow as the first index says. */
static uint32_t crc_step[8][256];

static void make_crc_steps(void)
{
	static const uint32_t polynomial = 0xedb88320; /* reflected */

	for (unsigned byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
		crc_step[0][byte] = crc;
	}
	for (unsigned more = 1; more < 8; more++)
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t crc = crc_step[more - 1][byte];

			crc_step[more][byte] = crc >> 8 ^ crc_step[0][crc & 255];
		}
}

uint32_t crc32_of(uint32_t crc, const void *buf, size_t len)
{
	static pthread_once_t made = PTHREAD_ONCE_INIT;
	const uint8_t *at = buf;

	(void)pthread_once(&made, make_crc_steps);
	crc = ~crc;
	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word = get_le64(at) ^ crc;

		crc = 0;
		for (unsigned i = 0; i < 8; i++, word >>= 8)
			crc ^= crc_step[7 - i][word & 255];
	}
	for (; len > 0; at++, len--)
		crc = crc >> 8 ^ crc_step[0][(crc ^ *at) & 255];
	return ~crc;
}
