// SPDX-License-Identifier: MIT
/*
 * See unpack.h. A packed file is a stranger's: what it becomes is counted while it is unpacked, and
 * the memory that takes is the same for each.
 */
#include "tools/image/unpack.h"

#include <inttypes.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "memmgr/memmgr.h"
#include "tools/out/progress.h"
#include "tools/out/text.h"

enum {
	IN_LEN = 256 << 10,
	OUT_LEN = MM_PAGE_LEN, /* what is zero as a whole stays a hole */
	ZSTD_WINDOW_LOG_MAX =
		27, /* 128 MiB of memory: what zstd itself takes without being asked */
};

static const uint8_t gzip_magic[] = {0x1f, 0x8b};
static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};

struct unpacking {
	int from, to;
	const struct unpack_bound *bound;
	uint64_t len, data_len; /* so far */
	uint8_t *in, *out;
	size_t in_len, in_off; /* bytes in `in`, and how many of them are taken */
	size_t out_len;
	struct progress progress;
};

static bool begins_with(const uint8_t *buf, size_t len, const uint8_t *magic, size_t magic_len)
{
	return len >= magic_len && memcmp(buf, magic, magic_len) == 0;
}

static bool is_gzip(const uint8_t *buf, size_t len)
{
	return begins_with(buf, len, gzip_magic, sizeof(gzip_magic));
}

static bool is_zstd(const uint8_t *buf, size_t len)
{
	return begins_with(buf, len, zstd_magic, sizeof(zstd_magic));
}

/* ---- in and out ---- */

/* More input behind what is not yet taken; *more is false at the end. */
static int fill(struct unpacking *u, bool *more, struct err *err)
{
	ssize_t n;

	memmove(u->in, u->in + u->in_off, u->in_len - u->in_off);
	u->in_len -= u->in_off;
	u->in_off = 0;
	do {
		n = read(u->from, u->in + u->in_len, IN_LEN - u->in_len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, -errno, "cannot read");
	u->in_len += (size_t)n;
	progress_add(&u->progress, (uint64_t)n);
	*more = n > 0;
	return 0;
}

/* `want` bytes that are not yet taken, unless the input ends before. */
static int have(struct unpacking *u, size_t want, struct err *err)
{
	bool more = true;
	int rc = 0;

	while (!rc && more && u->in_len - u->in_off < want)
		rc = fill(u, &more, err);
	return rc;
}

static int flush(struct unpacking *u, struct err *err)
{
	int rc = 0;

	if (u->out_len > u->bound->len - u->len)
		return err_set(err, -EFBIG,
			       "longer than %s when it is unpacked: CANISTERFS_UNPACK_MAX in the "
			       "environment sets another bound",
			       text_size(u->bound->len).s);
	if (!is_zero(u->out, u->out_len)) {
		if (u->out_len > u->bound->data_len - u->data_len)
			return err_set(err, -EFBIG,
				       "more than %s of data when it is unpacked, which is half of "
				       "the space that is free for that; TMPDIR names another "
				       "place",
				       text_size(u->bound->data_len).s);
		rc = pwrite_all(u->to, u->out, u->out_len, u->len);
		u->data_len += u->out_len;
	}
	u->len += u->out_len;
	u->out_len = 0;
	return rc ? err_sys(err, rc, "cannot be unpacked into a temporary file") : 0;
}

static int cut_off(const struct unpacking *u, struct err *err)
{
	return err_set(err, -EBADMSG, "cut off behind %" PRIu64 " unpacked bytes",
		       u->len + u->out_len);
}

static int damaged(const struct unpacking *u, const char *why, struct err *err)
{
	return err_set(err, -EBADMSG, "damaged behind %" PRIu64 " unpacked bytes: %s",
		       u->len + u->out_len, why ? why : "no such format");
}

/* ---- the formats: each takes all that belongs to one member, or frame ---- */

static int inflate_some(struct unpacking *u, z_stream *z, int *zrc, struct err *err)
{
	z->next_in = u->in + u->in_off;
	z->avail_in = (uInt)(u->in_len - u->in_off);
	z->next_out = u->out + u->out_len;
	z->avail_out = (uInt)(OUT_LEN - u->out_len);
	*zrc = inflate(z, Z_NO_FLUSH);
	u->in_off = u->in_len - z->avail_in;
	u->out_len = OUT_LEN - z->avail_out;
	if (*zrc != Z_OK && *zrc != Z_STREAM_END && *zrc != Z_BUF_ERROR)
		return damaged(u, z->msg, err);
	return u->out_len == OUT_LEN ? flush(u, err) : 0;
}

static int gzip_member(struct unpacking *u, struct err *err)
{
	enum { GZIP_ONLY = 16 };
	z_stream z = {.next_in = NULL};
	bool more = true;
	int zrc = inflateInit2(&z, MAX_WBITS + GZIP_ONLY);
	int rc = zrc == Z_OK ? 0 : err_set(err, -ENOMEM, "out of memory");

	while (!rc && zrc != Z_STREAM_END) {
		if (u->in_off == u->in_len)
			rc = fill(u, &more, err);
		if (!rc && !more)
			rc = cut_off(u, err);
		if (!rc)
			rc = inflate_some(u, &z, &zrc, err);
	}
	(void)inflateEnd(&z);
	return rc;
}

#ifdef HAVE_ZSTD
static int zstd_frame(struct unpacking *u, struct err *err)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	bool more = true;
	size_t left = 1;
	int rc = ctx ? 0 : err_set(err, -ENOMEM, "out of memory");

	if (!rc)
		(void)ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	while (!rc && left > 0) {
		ZSTD_inBuffer in = {u->in, u->in_len, u->in_off};
		ZSTD_outBuffer out = {u->out, OUT_LEN, u->out_len};

		left = ZSTD_decompressStream(ctx, &out, &in);
		if (ZSTD_isError(left))
			rc = damaged(u, ZSTD_getErrorName(left), err);
		u->in_off = in.pos;
		u->out_len = out.pos;
		if (!rc && u->out_len == OUT_LEN)
			rc = flush(u, err);
		else if (!rc && left > 0 && u->in_off == u->in_len)
			rc = fill(u, &more, err);
		if (!rc && !more)
			rc = cut_off(u, err);
	}
	(void)ZSTD_freeDCtx(ctx);
	return rc;
}
#else
static int zstd_frame(struct unpacking *u, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "packed by zstd, which this build cannot unpack");
}
#endif

static int plain_bytes(struct unpacking *u, struct err *err)
{
	bool more = true;
	int rc = 0;

	while (!rc && (more || u->in_off < u->in_len)) {
		size_t n = MIN(u->in_len - u->in_off, OUT_LEN - u->out_len);

		memcpy(u->out + u->out_len, u->in + u->in_off, n);
		u->in_off += n;
		u->out_len += n;
		if (u->out_len == OUT_LEN)
			rc = flush(u, err);
		if (!rc && u->in_off == u->in_len)
			rc = fill(u, &more, err);
	}
	return rc;
}

/* gzip and zstd files may consist of several pieces, one behind the other. */
static int unpack_all(struct unpacking *u, struct err *err)
{
	bool packed = false;
	int rc = have(u, sizeof(zstd_magic), err);

	while (!rc && u->in_off < u->in_len) {
		const uint8_t *next = u->in + u->in_off;
		size_t len = u->in_len - u->in_off;

		if (is_gzip(next, len))
			rc = gzip_member(u, err);
		else if (is_zstd(next, len))
			rc = zstd_frame(u, err);
		else if (packed)
			rc = damaged(u, "something else follows", err);
		else
			return plain_bytes(u, err);
		packed = true;
		if (!rc)
			rc = have(u, sizeof(zstd_magic), err);
	}
	return rc;
}

int unpack_file(int from, int to, const struct unpack_bound *bound, uint64_t *len, struct err *err)
{
	auto_free uint8_t *in = malloc(IN_LEN);
	auto_free uint8_t *out = malloc(OUT_LEN);
	struct unpacking u = {.from = from, .to = to, .bound = bound, .in = in, .out = out};
	int rc = in && out ? 0 : err_set(err, -ENOMEM, "out of memory");

	u.progress = progress_begin("unpacking", 0, false);
	if (!rc)
		rc = unpack_all(&u, err);
	if (!rc)
		rc = flush(&u, err);
	progress_end(&u.progress);
	if (!rc && ftruncate(to, (off_t)u.len) < 0)
		rc = err_sys(err, -errno, "cannot be unpacked into a temporary file");
	*len = u.len;
	return rc;
}
