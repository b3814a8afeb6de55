// SPDX-License-Identifier: MIT
/* Packing and unpacking of clusters, against zlib, and against hostile bytes. */
#include <stdio.h>
#include <zlib.h>

#include "snapshot/qcow2/deflate.h"
#include "tests/unit/test.h"

enum { LEN = 65536 };

enum pattern { ZEROS, TEXT, NOISE, MIXED, DISTANT, PATTERNS };

enum { DISTANCE = 8192 }; /* what is alike lies so far apart */

static void fill(struct rng *rng, enum pattern pattern, uint8_t *bytes)
{
	memset(bytes, 0, LEN);
	for (size_t i = 0; i < LEN; i += 64)
		if (pattern == TEXT || (pattern == MIXED && rng_one_in(rng, 2)))
			snprintf((char *)bytes + i, 64, "record %zu of %lu", i,
				 (unsigned long)rng_below(rng, 1000));
		else if (pattern == NOISE || pattern == MIXED)
			rng_fill(rng, bytes + i, 64);
	if (pattern == DISTANT)
		for (size_t i = 0; i < LEN; i++)
			bytes[i] =
				i < DISTANCE ? (uint8_t)rng_below(rng, 256) : bytes[i - DISTANCE];
}

/* What any reader of qcow2 does. */
static void assert_zlib_unpacks(const uint8_t *packed, size_t len, const uint8_t *bytes)
{
	uint8_t *out = malloc(LEN);
	z_stream z = {0};

	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	z.next_in = (uint8_t *)packed;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = LEN;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, LEN);
	assert_int_equal(z.avail_in, 0);
	assert_memory_equal(out, bytes, LEN);
	inflateEnd(&z);
	free(out);
}

static void every_level_comes_back(void **state)
{
	struct rng rng = rng_start("every_level_comes_back");
	uint8_t *bytes = malloc(LEN), *packed = malloc(codec_bound(LEN)), *out = malloc(LEN);
	struct decoder *d;

	(void)state;
	assert_ok(decoder_new(&d));
	for (unsigned level = CODEC_MIN_LEVEL; level <= CODEC_MAX_LEVEL; level++) {
		struct encoder *e;

		assert_ok(encoder_new(level, &e));
		for (int i = 0; i < 3 * PATTERNS; i++) {
			size_t len;

			fill(&rng, i % PATTERNS, bytes);
			len = encoder_run(e, bytes, LEN, packed);
			assert_true(len > 0 && len <= codec_bound(LEN));
			assert_true(i % PATTERNS == NOISE || len < LEN);
			assert_zlib_unpacks(packed, len, bytes);
			assert_ok(decoder_run(d, packed, len, out, LEN));
			assert_memory_equal(out, bytes, LEN);
			assert_errno(EUCLEAN, decoder_run(d, packed, len - 1, out, LEN));
		}
		encoder_free(e);
	}
	decoder_free(d);
	free(bytes);
	free(packed);
	free(out);
}

/* What a library forgets to set in an object on the stack is then not what it was. */
static void __attribute__((noinline)) soil_stack(int with)
{
	volatile uint16_t soil[1 << 17];

	for (size_t i = 0; i < ARRAY_LEN(soil); i++)
		soil[i] = (uint16_t)with;
}

/* Else a checkpoint's bytes would depend on which thread packed what. */
static void a_run_is_packed_alike_whatever_went_before(void **state)
{
	struct rng rng = rng_start("a_run_is_packed_alike_whatever_went_before");
	uint8_t *bytes = malloc(LEN), *first = malloc(codec_bound(LEN)),
		*again = malloc(codec_bound(LEN));

	(void)state;
	for (int before = 0; before < PATTERNS; before++) {
		struct encoder *used, *fresh;

		assert_ok(encoder_new(CODEC_DEFAULT_LEVEL, &used));
		assert_ok(encoder_new(CODEC_DEFAULT_LEVEL, &fresh));
		fill(&rng, before, bytes);
		encoder_run(used, bytes, LEN, again);
		encoder_next_run(used);
		encoder_next_run(fresh);
		for (int i = 0; i < 3; i++) {
			size_t len;

			fill(&rng, before % 2 ? MIXED : DISTANT, bytes);
			soil_stack(0);
			len = encoder_run(fresh, bytes, LEN, first);
			soil_stack(10 + i);
			assert_int_equal(encoder_run(used, bytes, LEN, again), len);
			assert_memory_equal(again, first, len);
		}
		encoder_free(used);
		encoder_free(fresh);
	}
	free(bytes);
	free(first);
	free(again);
}

static size_t zlib_pack(const uint8_t *bytes, size_t len, uint8_t *packed, size_t room)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)bytes;
	z.avail_in = (uInt)len;
	z.next_out = packed;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	return len;
}

/* The last byte of `out` is behind what the decoder may fill: ASan and this test watch it. */
static void more_or_less_than_a_cluster_is_refused(void **state)
{
	uint8_t *bytes = calloc(1, 100 * LEN), *packed = malloc(LEN), *out = malloc(LEN + 1);
	struct decoder *d;
	size_t len;

	(void)state;
	assert_ok(decoder_new(&d));
	out[LEN] = 77;
	len = zlib_pack(bytes, 100 * LEN, packed, LEN);
	assert_true(len < LEN);
	assert_errno(EUCLEAN, decoder_run(d, packed, len, out, LEN));
	len = zlib_pack(bytes, LEN + 1, packed, LEN);
	assert_errno(EUCLEAN, decoder_run(d, packed, len, out, LEN));
	len = zlib_pack(bytes, LEN - 1, packed, LEN);
	assert_errno(EUCLEAN, decoder_run(d, packed, len, out, LEN));
	assert_int_equal(out[LEN], 77);
	len = zlib_pack(bytes, LEN, packed, LEN);
	/* qemu counts in sectors: bytes may follow. */
	assert_ok(decoder_run(d, packed, len + 400, out, LEN));
	decoder_free(d);
	free(bytes);
	free(packed);
	free(out);
}

static void any_bytes_are_unpacked_or_refused(void **state)
{
	struct rng rng = rng_start("any_bytes_are_unpacked_or_refused");
	uint8_t *out = malloc(LEN);
	struct decoder *d;

	(void)state;
	assert_ok(decoder_new(&d));
	for (unsigned i = 0; i < test_rounds(3000); i++) {
		size_t len = rng_below(&rng, 300);
		uint8_t *packed = malloc(len + 1);
		int rc;

		rng_fill(&rng, packed, len);
		rc = decoder_run(d, packed, len, out, LEN);
		assert_true(rc == 0 || rc == -EUCLEAN);
		free(packed);
	}
	decoder_free(d);
	free(out);
}

static void the_crc_is_that_of_the_house(void **state)
{
	struct rng rng = rng_start("the_crc_is_that_of_the_house");
	uint8_t bytes[999];

	(void)state;
	assert_int_equal(codec_crc32("123456789", 9), 0xcbf43926);
	rng_fill(&rng, bytes, sizeof(bytes));
	assert_int_equal(codec_crc32(bytes, sizeof(bytes)), crc32_of(0, bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_level_comes_back),
		cmocka_unit_test(a_run_is_packed_alike_whatever_went_before),
		cmocka_unit_test(more_or_less_than_a_cluster_is_refused),
		cmocka_unit_test(any_bytes_are_unpacked_or_refused),
		cmocka_unit_test(the_crc_is_that_of_the_house),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
