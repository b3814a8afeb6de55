/* SPDX-License-Identifier: MIT */
/*
 * Raw deflate of single clusters, by the fastest library that is there:
 *
 *     encode  level 1       ISA-L (igzip), and libdeflate 3 in runs where that pays (deflate.c);
 *                           without ISA-L libdeflate 1, else zlib 1
 *             level 2 to 9  libdeflate, with ISA-L from 3 on, else zlib
 *     decode                libdeflate, else zlib
 *
 * What any of them encodes, all of them and qemu decode. The bytes depend on the libraries that the
 * program was built with, never on the number of threads.
 */
#ifndef CANISTERFS_CODEC_H
#define CANISTERFS_CODEC_H

#include "memmgr/util.h"

enum {
	CODEC_MIN_LEVEL = 1,
	CODEC_MAX_LEVEL = 9,
	CODEC_DEFAULT_LEVEL = 1, /* measured: docs/checkpoint-format.md, "Encoders" */
};

/* The most that encoding `len` bytes can give: stored blocks, when nothing can be saved. */
static inline size_t codec_bound(size_t len)
{
	return len + (len / 65535 + 1) * 5;
}

struct encoder; /* one per thread */
int MUST_CHECK encoder_new(unsigned level, struct encoder **out);
/* `dst` has room for codec_bound(len) bytes; returns how many it took. Cannot fail: what does not
 * get smaller is stored. */
size_t encoder_run(struct encoder *e, const void *src, size_t len, uint8_t *dst);
/* The clusters until the next call lie together, and are likely to be of one kind. How they are
 * packed depends on this and on them alone. */
void encoder_next_run(struct encoder *e);
/* Accepts NULL. */
void encoder_free(struct encoder *e);

struct decoder; /* one per thread */
int MUST_CHECK decoder_new(struct decoder **out);
/*
 * Fills exactly `len` bytes of dst from at most src_len bytes; never writes more. -EUCLEAN when the
 * bytes are no deflate, or end early, or give less or more than len.
 */
int MUST_CHECK decoder_run(struct decoder *d, const uint8_t *src, size_t src_len, void *dst,
			   size_t len);
/* Accepts NULL. */
void decoder_free(struct decoder *d);

/* The CRC-32 of crc32_of, at the speed of memory. */
uint32_t codec_crc32(const void *buf, size_t len);

#endif
