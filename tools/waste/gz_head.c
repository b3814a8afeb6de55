// SPDX-License-Identifier: MIT
/*
 * See gz_head.h. How long the unpacked image is no gzip file says reliably: it is counted.
 */
#include "tools/waste/gz_head.h"

#include <fcntl.h>
#include <zlib.h>

#include "memmgr/memmgr.h"
#include "tools/out/text.h"

enum { STEP_LEN = 256 << 10 };

struct gz_head {
	struct store s;
	uint8_t page[MM_PAGE_LEN];
};

static int head_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	const struct gz_head *h = (const struct gz_head *)s;

	if (off + len > MM_PAGE_LEN)
		return err_set(err, -EIO, "of a packed image only the first page can be read");
	memcpy(buf, h->page + off, len);
	return 0;
}

static int head_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	*start = off;
	*end = s->len;
	return 0;
}

static void head_close(struct store *s)
{
	free(s);
}

/* Never writable: what changes bytes is not called. */
static const struct store_ops head_ops = {
	.name = "packed image",
	.read_at = head_read_at,
	.next_data = head_next_data,
	.close = head_close,
};

static int unpack(gzFile gz, struct gz_head *h, struct err *err)
{
	auto_free uint8_t *buf = malloc(STEP_LEN);
	int n, code;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while ((n = gzread(gz, buf, STEP_LEN)) > 0) {
		if (h->s.len < MM_PAGE_LEN)
			memcpy(h->page + h->s.len, buf, MIN((uint64_t)n, MM_PAGE_LEN - h->s.len));
		h->s.len += (uint64_t)n;
	}
	/* gzread takes a file that ends early for one that ends. */
	if (n == 0)
		(void)gzerror(gz, &code);
	if (n == 0 && code == Z_BUF_ERROR)
		return err_set(err, -ENODATA, "packed, and ends behind %s unpacked bytes",
			       text_count(h->s.len).s);
	if (n < 0)
		return err_set(err, -EBADMSG, "packed, and cannot be unpacked behind %s bytes",
			       text_count(h->s.len).s);
	if (gzdirect(gz))
		return err_set(err, -EINVAL, "no gzip file");
	return 0;
}

int gz_head_open(const char *path, struct store **out, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free struct gz_head *h = calloc(1, sizeof(*h));
	gzFile gz;
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	gz = h ? gzdopen(fd, "rb") : NULL;
	if (!gz)
		return err_set(err, -ENOMEM, "out of memory");
	steal_fd(&fd);
	h->s.ops = &head_ops;
	rc = unpack(gz, h, err);
	gzclose(gz);
	if (rc)
		return rc;
	*out = &h->s;
	h = NULL;
	return 0;
}
