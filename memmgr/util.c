// SPDX-License-Identifier: MIT
/*
 * Owns the small things of util.h but new files (new_file.c). Keeps no state, takes no lock, and
 * never prints.
 */
#include "memmgr/util.h"

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

/* The reflected polynomial 0xEDB88320, four bits at a time: what it covers is small. */
uint32_t crc32_of(uint32_t crc, const void *buf, size_t len)
{
	static const uint32_t step[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *bytes = buf;

	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ step[crc & 15];
		crc = crc >> 4 ^ step[crc & 15];
	}
	return ~crc;
}
