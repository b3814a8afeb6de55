// SPDX-License-Identifier: MIT
/*
 * Owns the choice of the deflate library, and nothing of what is deflated. An encoder or a decoder
 * belongs to one thread at a time; no locks.
 */
#include "snapshot/qcow2/deflate.h"

#include <zlib.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#ifdef HAVE_ISAL
#include <isa-l.h>
#endif

struct encoder {
	/* Returns 0 when codec_bound(len) bytes were too few. */
	size_t (*run)(struct encoder *e, const void *src, size_t len, uint8_t *dst);
	void (*free)(struct encoder *e);
	void (*next_run)(struct encoder *e); /* NULL: all clusters are packed alike */
	z_stream zlib;
#ifdef HAVE_LIBDEFLATE
	struct libdeflate_compressor *libdeflate;
#endif
#ifdef HAVE_ISAL
	uint8_t *isal_buf;
#endif
};

#ifdef HAVE_LIBDEFLATE
static size_t libdeflate_run(struct encoder *e, const void *src, size_t len, uint8_t *dst)
{
	return libdeflate_deflate_compress(e->libdeflate, src, len, dst, codec_bound(len));
}
#endif

#ifdef HAVE_ISAL
/* Level 2 is as fast as 1 and smaller, and gives the same bytes with SSE 4.2, AVX2 and AVX-512. */
enum { ISAL_LEVEL = 2 };

static size_t isal_run(struct encoder *e, const void *src, size_t len, uint8_t *dst)
{
	struct isal_zstream z;

	isal_deflate_stateless_init(&z);
	z.hist_bits = 0; /* what that leaves as it was: how far back it looks */
	z.level = ISAL_LEVEL;
	z.level_buf = e->isal_buf;
	z.level_buf_size = ISAL_DEF_LVL2_LARGE;
	z.end_of_stream = 1;
	z.flush = NO_FLUSH;
	z.next_in = (uint8_t *)src;
	z.avail_in = (uint32_t)len;
	z.next_out = dst;
	z.avail_out = (uint32_t)codec_bound(len);
	return isal_deflate_stateless(&z) == COMP_OK ? z.total_out : 0;
}

#ifdef HAVE_LIBDEFLATE
/* libdeflate's level 3 takes four times as long as igzip, and saves 5 % of what igzip leaves half
 * of, 1 % of what it leaves a fifth of, and nothing of noise. So a run's first cluster goes by
 * igzip, and what becomes of it says how the others go. */
enum { CLOSE_LEVEL = 3, CLOSE_MIN_PERCENT = 30, CLOSE_MAX_PERCENT = 90 };

static size_t first_run(struct encoder *e, const void *src, size_t len, uint8_t *dst)
{
	size_t n = isal_run(e, src, len, dst);

	e->run = n * 100 > len * CLOSE_MIN_PERCENT && n * 100 < len * CLOSE_MAX_PERCENT
			 ? libdeflate_run
			 : isal_run;
	return n;
}

static void isal_next_run(struct encoder *e)
{
	e->run = first_run;
}

static void isal_free(struct encoder *e)
{
	libdeflate_free_compressor(e->libdeflate);
	free(e->isal_buf);
}

static bool close_new(struct encoder *e)
{
	e->libdeflate = libdeflate_alloc_compressor(CLOSE_LEVEL);
	e->run = first_run;
	e->next_run = isal_next_run;
	return e->libdeflate;
}
#else
static void isal_free(struct encoder *e)
{
	free(e->isal_buf);
}

static bool close_new(struct encoder *e)
{
	e->run = isal_run;
	return true;
}
#endif

static bool isal_new(struct encoder *e)
{
	e->isal_buf = malloc(ISAL_DEF_LVL2_LARGE);
	e->free = isal_free;
	if (e->isal_buf && close_new(e))
		return true;
	isal_free(e);
	return false;
}
#endif

#ifdef HAVE_LIBDEFLATE
static void libdeflate_free(struct encoder *e)
{
	libdeflate_free_compressor(e->libdeflate);
}

static bool library_new(struct encoder *e, unsigned level)
{
	e->libdeflate = libdeflate_alloc_compressor((int)level);
	e->run = libdeflate_run;
	e->free = libdeflate_free;
	return e->libdeflate;
}
#else
static size_t zlib_run(struct encoder *e, const void *src, size_t len, uint8_t *dst)
{
	if (deflateReset(&e->zlib) != Z_OK)
		return 0;
	e->zlib.next_in = (uint8_t *)src;
	e->zlib.avail_in = (uInt)len;
	e->zlib.next_out = dst;
	e->zlib.avail_out = (uInt)codec_bound(len);
	return deflate(&e->zlib, Z_FINISH) == Z_STREAM_END ? e->zlib.total_out : 0;
}

static void zlib_free(struct encoder *e)
{
	deflateEnd(&e->zlib);
}

static bool library_new(struct encoder *e, unsigned level)
{
	e->run = zlib_run;
	e->free = zlib_free;
	return deflateInit2(&e->zlib, (int)level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) ==
	       Z_OK;
}
#endif

static bool choose(struct encoder *e, unsigned level)
{
#ifdef HAVE_ISAL
	if (level == CODEC_MIN_LEVEL)
		return isal_new(e);
#endif
#if defined(HAVE_ISAL) && defined(HAVE_LIBDEFLATE)
	/* Below, it packs larger than what level 1 is here, and takes longer. */
	level = MAX(level, CLOSE_LEVEL);
#endif
	return library_new(e, level);
}

int encoder_new(unsigned level, struct encoder **out)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	if (!choose(e, level)) {
		free(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

/* One stored block per 65,535 bytes: header byte, length, its complement, the bytes. */
static size_t store_plain(const uint8_t *src, size_t len, uint8_t *dst)
{
	uint8_t *at = dst;

	do {
		size_t n = MIN(len, 65535);

		*at = n == len;
		put_le16(at + 1, (uint16_t)n);
		put_le16(at + 3, (uint16_t)~n);
		memcpy(at + 5, src, n);
		at += 5 + n;
		src += n;
		len -= n;
	} while (len > 0);
	return (size_t)(at - dst);
}

size_t encoder_run(struct encoder *e, const void *src, size_t len, uint8_t *dst)
{
	size_t n = e->run(e, src, len, dst);

	return n > 0 ? n : store_plain(src, len, dst);
}

void encoder_next_run(struct encoder *e)
{
	if (e->next_run)
		e->next_run(e);
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	e->free(e);
	free(e);
}

#ifdef HAVE_LIBDEFLATE
struct decoder {
	struct libdeflate_decompressor *libdeflate;
};

static bool decoder_init(struct decoder *d)
{
	d->libdeflate = libdeflate_alloc_decompressor();
	return d->libdeflate;
}

static void decoder_end(struct decoder *d)
{
	libdeflate_free_decompressor(d->libdeflate);
}

int decoder_run(struct decoder *d, const uint8_t *src, size_t src_len, void *dst, size_t len)
{
	/* Without a place for the length, less than all is an error. */
	enum libdeflate_result r =
		libdeflate_deflate_decompress(d->libdeflate, src, src_len, dst, len, NULL);

	return r == LIBDEFLATE_SUCCESS ? 0 : -EUCLEAN;
}

uint32_t codec_crc32(const void *buf, size_t len)
{
	return libdeflate_crc32(0, buf, len);
}
#else
struct decoder {
	z_stream zlib;
};

static bool decoder_init(struct decoder *d)
{
	return inflateInit2(&d->zlib, -MAX_WBITS) == Z_OK;
}

static void decoder_end(struct decoder *d)
{
	inflateEnd(&d->zlib);
}

int decoder_run(struct decoder *d, const uint8_t *src, size_t src_len, void *dst, size_t len)
{
	if (inflateReset(&d->zlib) != Z_OK)
		return -EUCLEAN;
	d->zlib.next_in = (uint8_t *)src;
	d->zlib.avail_in = (uInt)src_len;
	d->zlib.next_out = dst;
	d->zlib.avail_out = (uInt)len;
	if (inflate(&d->zlib, Z_FINISH) != Z_STREAM_END || d->zlib.total_out != len)
		return -EUCLEAN;
	return 0;
}

uint32_t codec_crc32(const void *buf, size_t len)
{
	return (uint32_t)crc32(0, buf, (uInt)len);
}
#endif

int decoder_new(struct decoder **out)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (!decoder_init(d)) {
		free(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	decoder_end(d);
	free(d);
}
