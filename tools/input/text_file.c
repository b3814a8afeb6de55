// SPDX-License-Identifier: MIT
/*
 * Owns reading a whole text file, or one line of a stream. Waits for a pipe's other end, but not
 * for ever. Keeps nothing.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "tools/input/input.h"

enum { STEP_LEN = 1 << 16 };

static int open_text(const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "cannot open");
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return err_set(err, -EINVAL, "neither a plain file nor a pipe");
	return steal_fd(&fd);
}

/* A plain file is always ready. */
static int read_some(int fd, char *buf, size_t len, struct err *err)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n;
	int rc;

	do
		rc = poll(&ready, 1, TEXT_WAIT_SECONDS * 1000);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return err_set(err, -ETIMEDOUT, "a pipe that nobody has written to for %d seconds",
			       TEXT_WAIT_SECONDS);
	do
		n = read(fd, buf, len);
	while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n < 0 ? err_sys(err, -errno, "cannot read") : (int)n;
}

int text_file_read(const char *path, size_t max_len, char **text, size_t *len, struct err *err)
{
	auto_close int fd = open_text(path, err);
	auto_free char *buf = NULL;
	int n = fd < 0 ? fd : 1;

	*len = 0;
	for (size_t cap = 0; n > 0; *len += (size_t)n) {
		if (cap - *len < STEP_LEN) {
			char *more = realloc(buf, cap += MAX(cap, 2 * STEP_LEN));

			if (!more)
				return err_set(err, -ENOMEM, "out of memory");
			buf = more;
		}
		n = read_some(fd, buf + *len, STEP_LEN - 1, err);
		if (n < 0)
			break;
		if (*len + (size_t)n > max_len)
			return err_set(err, -EFBIG, "longer than %zu bytes", max_len);
	}
	if (n < 0)
		return n;
	buf[*len] = 0;
	*text = buf;
	buf = NULL;
	return 0;
}

static int grow(char **line, size_t *cap, struct err *err)
{
	char *more = realloc(*line, MAX(2 * *cap, 256));

	if (!more)
		return err_set(err, -ENOMEM, "out of memory");
	*line = more;
	*cap = MAX(2 * *cap, 256);
	return 0;
}

int line_read(FILE *from, char **line, size_t *cap, size_t *len, struct err *err)
{
	int c = 0, rc = 0;

	for (*len = 0; !rc && c != '\n' && (c = getc_unlocked(from)) != EOF;) {
		if (*len == LINE_MAX_LEN)
			rc = err_set(err, -EFBIG, "longer than %d MiB", LINE_MAX_LEN >> 20);
		else if (*len + 1 >= *cap)
			rc = grow(line, cap, err);
		if (!rc)
			(*line)[(*len)++] = (char)c;
	}
	if (!rc && ferror(from))
		rc = err_sys(err, -EIO, "cannot read");
	if (*line)
		(*line)[*len] = 0;
	return rc;
}
