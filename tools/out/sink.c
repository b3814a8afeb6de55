// SPDX-License-Identifier: MIT
/*
 * See sink.h. Holds no state between calls.
 */
#include "tools/out/sink.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tools/out/progress.h"

enum {
	CHUNK_LEN = 1 << 20,
	ZEROS_LEN = 1 << 24, /* that many at once, so that progress shows */
};

/* What is written to, from its current position on. */
struct sink {
	int fd;
	bool sparse; /* a plain file that ends here: zeros can be skipped */
};

static struct sink sink_of(int fd)
{
	struct sink sink = {.fd = fd};
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flags >= 0 && !(flags & O_APPEND))
		sink.sparse = lseek(fd, 0, SEEK_CUR) >= st.st_size;
	return sink;
}

static int put_bytes(const struct sink *sink, const uint8_t *buf, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = write(sink->fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "cannot write to standard output");
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_zeros(const struct sink *sink, uint64_t len, struct err *err)
{
	static const uint8_t zeros[CHUNK_LEN];
	int rc = 0;

	if (sink->sparse && lseek(sink->fd, (off_t)len, SEEK_CUR) < 0)
		return err_sys(err, -errno, "cannot write to standard output");
	for (uint64_t n; !sink->sparse && !rc && len > 0; len -= n) {
		n = MIN(len, CHUNK_LEN);
		rc = put_bytes(sink, zeros, n, err);
	}
	return rc;
}

/* Where the last bytes were skipped, the file ends there all the same. */
static int end_sink(const struct sink *sink, struct err *err)
{
	off_t end = sink->sparse ? lseek(sink->fd, 0, SEEK_CUR) : -1;

	if (end >= 0 && ftruncate(sink->fd, end) < 0)
		return err_sys(err, -errno, "cannot write to standard output");
	return 0;
}

int sink_put(struct store *from, uint64_t off, uint64_t end, struct err *err)
{
	struct sink sink = sink_of(STDOUT_FILENO);
	auto_progress struct progress progress =
		progress_begin("reading", end - off, isatty(sink.fd));
	auto_free uint8_t *buf = malloc(CHUNK_LEN);
	uint64_t data = off, data_end = off;
	int rc = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!rc && off < end) {
		uint64_t n;

		if (off >= data_end)
			rc = store_next_data(from, off, &data, &data_end, err);
		if (rc)
			break;
		n = MIN(off < data ? MIN(data - off, ZEROS_LEN) : MIN(data_end - off, CHUNK_LEN),
			end - off);
		if (off < data) {
			rc = put_zeros(&sink, n, err);
		} else {
			rc = store_read(from, buf, n, off, err);
			if (!rc)
				rc = put_bytes(&sink, buf, n, err);
		}
		off += n;
		progress_add(&progress, n);
	}
	return rc ? rc : end_sink(&sink, err);
}
