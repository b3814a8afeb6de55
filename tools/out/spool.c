// SPDX-License-Identifier: MIT
/* Owns making temporary files that go away by themselves. */
#include "tools/out/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { CHUNK_LEN = 1 << 20 };

int spool_open(struct err *err)
{
	const char *dir = getenv("TMPDIR");
	auto_free char *name = NULL;
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (asprintf(&name, "%s/canisterfs-XXXXXX", dir) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "cannot make a temporary file in %s", dir);
	unlink(name);
	return fd;
}

int spool_all(int from, uint64_t max_len, int *out, uint64_t *out_len, struct err *err)
{
	auto_free uint8_t *buf = malloc(CHUNK_LEN);
	auto_close int fd = spool_open(err);
	uint64_t len = 0;
	ssize_t n;
	int rc = fd < 0 ? fd : 0;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!rc && (n = read(from, buf, CHUNK_LEN)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "cannot read the new content");
		if ((uint64_t)n > max_len - len)
			return err_set(err, -EFBIG,
				       "the new content is longer than the %" PRIu64
				       " bytes that this image can ever hold",
				       max_len);
		if (!is_zero(buf, (size_t)n))
			rc = pwrite_all(fd, buf, (size_t)n, len);
		len += (uint64_t)n;
	}
	if (!rc && ftruncate(fd, (off_t)len) < 0)
		rc = -errno;
	if (rc < 0)
		return fd < 0 ? rc : err_sys(err, rc, "cannot keep the new content for a moment");
	*out = steal_fd(&fd);
	*out_len = len;
	return 0;
}
