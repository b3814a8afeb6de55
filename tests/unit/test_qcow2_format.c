// SPDX-License-Identifier: MIT
/* Headers and table entries: what is accepted, what is refused and why, and the way back. */
#include "snapshot/qcow2/qcow2_format.h"
#include "tests/unit/test.h"

enum { FILE_LEN = 1 << 20 };

static struct qcow2_header sample(void)
{
	struct qcow2_header h = {
		.version = 3,
		.cluster_bits = 16,
		.len = 40 << 20,
		.l1_off = 3 << 16,
		.l1_entries = 1,
		.refcount_off = 1 << 16,
		.refcount_clusters = 1,
		.refcount_order = 4,
	};

	return h;
}

static void encode(struct qcow2_header *h, uint8_t *buf)
{
	assert_ok(qcow2_header_encode(h, (const uint8_t *)"checkpoint", (const uint8_t *)"state",
				      buf, QCOW2_HEADER_MAX_LEN));
}

static int decode(const uint8_t *buf, struct qcow2_header *h, struct err *err)
{
	return qcow2_header_decode(buf, QCOW2_HEADER_MAX_LEN, FILE_LEN, h, err);
}

static void a_header_comes_back(void **state)
{
	struct qcow2_header h = sample(), back;
	uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN);
	struct err err = {""};

	(void)state;
	encode(&h, buf);
	assert_ok_err(decode(buf, &back, &err), &err);
	assert_memory_equal(&h, &back, sizeof(h));

	h.checkpoint.len = 10;
	h.state.len = 5;
	assert_ok(qcow2_header_name(&h, "../base", "qcow2", NULL));
	encode(&h, buf);
	assert_ok_err(decode(buf, &back, &err), &err);
	assert_memory_equal(&h, &back, sizeof(h));
	assert_memory_equal(buf + back.checkpoint.off, "checkpoint", 10);
	assert_memory_equal(buf + back.state.off, "state", 5);
	assert_errno(ENAMETOOLONG, qcow2_header_encode(&h, buf, buf, buf, 160));
	free(buf);
}

static void assert_refused(size_t off, size_t len, uint64_t value, int error, const char *why)
{
	struct qcow2_header h = sample(), back;
	uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN);
	struct err err = {""};

	assert_ok(qcow2_header_name(&h, "base", "qcow2", NULL));
	encode(&h, buf);
	for (size_t i = 0; i < len; i++)
		buf[off + i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	assert_errno_err(error, decode(buf, &back, &err), &err);
	assert_says(err.text, why);
	free(buf);
}

static void what_we_do_not_do_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused(0, 4, 0x514649fc, EINVAL, "not a qcow2 file");
	assert_refused(4, 4, 1, ENOTSUP, "version 1");
	assert_refused(4, 4, 4, ENOTSUP, "version 4");
	assert_refused(32, 4, 1, ENOTSUP, "encrypted");
	assert_refused(32, 4, 2, ENOTSUP, "encrypted");
	assert_refused(60, 4, 3, ENOTSUP, "3 internal snapshots");
	assert_refused(72, 8, 2, EUCLEAN, "corrupt");
	assert_refused(72, 8, 4, ENOTSUP, "external file");
	assert_refused(72, 8, 8, ENOTSUP, "compressed by method");
	assert_refused(72, 8, 16, ENOTSUP, "extended L2");
	assert_refused(72, 8, UINT64_C(1) << 40, ENOTSUP, "features 0x10000000000");
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_refused(20, 4, 8, EUCLEAN, "2^8 bytes");
	assert_refused(20, 4, 22, EUCLEAN, "2^22 bytes");
	assert_refused(20, 4, UINT32_MAX, EUCLEAN, "clusters");
	assert_refused(24, 8, UINT64_MAX, EUCLEAN, "disk of");
	assert_refused(24, 8, UINT64_C(600) << 20, EUCLEAN, "L1 table has 1 entries");
	assert_refused(36, 4, 0, EUCLEAN, "L1 table has 0 entries");
	assert_refused(36, 4, UINT32_MAX, EUCLEAN, "larger than");
	assert_refused(40, 8, 3 << 15, EUCLEAN, "L1 table cannot be");
	assert_refused(40, 8, FILE_LEN, EUCLEAN, "L1 table cannot be");
	assert_refused(40, 8, UINT64_MAX << 16, EUCLEAN, "L1 table cannot be");
	assert_refused(48, 8, 511, EUCLEAN, "refcount table cannot be");
	assert_refused(56, 4, 17, EUCLEAN, "refcount table cannot be");
	assert_refused(56, 4, UINT32_MAX, EUCLEAN, "larger than");
	assert_refused(96, 4, 7, EUCLEAN, "refcounts of 2^7");
	assert_refused(100, 4, 96, EUCLEAN, "header says");
	assert_refused(100, 4, 105, EUCLEAN, "header says");
	assert_refused(100, 4, UINT32_MAX, EUCLEAN, "header says");
	assert_refused(108, 4, UINT32_MAX, EUCLEAN, "goes past");
	assert_refused(108, 4, 16, EUCLEAN, "format has a name of 16");
	assert_refused(8, 8, 65535, EUCLEAN, "name cannot be");
	assert_refused(8, 8, UINT64_MAX, EUCLEAN, "name cannot be");
	assert_refused(16, 4, 0, EUCLEAN, "name cannot be");
	assert_refused(16, 4, 1024, EUCLEAN, "name cannot be");
}

static void a_short_file_is_no_header(void **state)
{
	struct qcow2_header h = sample(), back;
	uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN), *cut;
	struct err err = {""};

	(void)state;
	encode(&h, buf);
	for (size_t len = 0; len < QCOW2_V3_HEADER_LEN; len++) {
		cut = malloc(len + 1);
		memcpy(cut, buf, len);
		assert_errno_err(len < 4 ? EINVAL : EUCLEAN,
				 qcow2_header_decode(cut, len, len, &back, &err), &err);
		free(cut);
	}
	free(buf);
}

static void unknown_extensions_are_passed_over(void **state)
{
	struct qcow2_header h = sample(), back;
	uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN);
	struct err err = {""};

	(void)state;
	h.state.len = 5;
	encode(&h, buf);
	memmove(buf + 104 + 24, buf + 104, 4096);
	put_be32(buf + 104, 0x6803f857);
	put_be32(buf + 108, 13);
	assert_ok_err(decode(buf, &back, &err), &err);
	assert_int_equal(back.state.off, h.state.off + 24);
	free(buf);
}

static void version_2_is_read(void **state)
{
	struct qcow2_header h = sample(), back;
	uint8_t *buf = malloc(QCOW2_HEADER_MAX_LEN);
	struct qcow2_cluster c;
	struct err err = {""};

	(void)state;
	encode(&h, buf);
	put_be32(buf + 4, 2);
	memset(buf + 72, 0, 100);
	assert_ok_err(decode(buf, &back, &err), &err);
	assert_int_equal(back.refcount_order, 4);
	assert_errno(EUCLEAN, qcow2_l2_decode(&back, 1, &c, &err));
	free(buf);
}

static void assert_entry(const struct qcow2_header *h, struct qcow2_cluster c)
{
	struct qcow2_cluster back;

	assert_ok(qcow2_l2_decode(h, qcow2_l2_encode(h, &c), &back, NULL));
	assert_int_equal(back.kind, c.kind);
	assert_int_equal(back.off, c.off);
	if (c.kind != QCOW2_COMPRESSED) {
		assert_int_equal(back.len, c.len);
		return;
	}
	/* Counted in sectors: enough, and to the end of the last one. */
	assert_true(back.len >= c.len && back.len < c.len + QCOW2_SECTOR_LEN);
	assert_int_equal((back.off + back.len) % QCOW2_SECTOR_LEN, 0);
}

static void entries_come_back(void **state)
{
	struct rng rng = rng_start("entries_come_back");

	(void)state;
	for (uint32_t bits = QCOW2_MIN_BITS; bits <= QCOW2_MAX_BITS; bits++) {
		struct qcow2_header h = sample();
		uint64_t len = UINT64_C(1) << bits, entry, off;

		h.cluster_bits = bits;
		assert_entry(&h, (struct qcow2_cluster){QCOW2_NONE, 0, 0});
		assert_entry(&h, (struct qcow2_cluster){QCOW2_ZERO, 0, 0});
		assert_entry(&h, (struct qcow2_cluster){QCOW2_ZERO, 7 * len, len});
		assert_entry(&h, (struct qcow2_cluster){QCOW2_PLAIN, 9 * len, len});
		for (int i = 0; i < 200; i++)
			assert_entry(&h, (struct qcow2_cluster){QCOW2_COMPRESSED,
								rng_below(&rng, 1 << 30),
								1 + rng_below(&rng, len)});
		assert_ok(qcow2_l1_decode(&h, qcow2_l1_encode(5 * len), &off, NULL));
		assert_int_equal(off, 5 * len);
		for (int i = 0; i < 2000; i++) {
			struct qcow2_cluster c;
			struct err err = {""};
			int rc;

			entry = rng_next(&rng);
			rc = qcow2_l2_decode(&h, entry, &c, &err);
			assert_true(rc == 0 || (rc == -EUCLEAN && *err.text));
			assert_true(rc < 0 || c.len <= 2 * len);
			assert_true(rc < 0 || c.kind == QCOW2_COMPRESSED || c.off % len == 0);
			rc = qcow2_l1_decode(&h, entry, &off, &err);
			assert_true(rc == -EUCLEAN || off % len == 0);
		}
	}
}

static void counts_of_any_width_are_read(void **state)
{
	static const uint8_t block[] = {0xb4, 0x01, 0, 0, 0, 0, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 9};
	static const uint64_t want[][3] = {
		/* order, index, count */
		{0, 0, 0}, {0, 2, 1},      {0, 7, 1},     {0, 8, 1},     {1, 1, 1},
		{1, 2, 3}, {1, 3, 2},      {2, 0, 4},     {2, 1, 11},    {3, 0, 0xb4},
		{3, 7, 3}, {4, 0, 0xb401}, {4, 3, 0x203}, {5, 1, 0x203}, {6, 1, 9},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct qcow2_header h = {.refcount_order = (uint32_t)want[i][0]};

		assert_int_equal(qcow2_refcount_get(&h, block, want[i][1]), want[i][2]);
	}
}

static void a_name_has_bounds(void **state)
{
	struct qcow2_header h = sample();
	char name[QCOW2_MAX_NAME_LEN + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[QCOW2_MAX_NAME_LEN + 1] = 0;
	assert_errno(ENAMETOOLONG, qcow2_header_name(&h, name, "raw", NULL));
	assert_errno(ENAMETOOLONG, qcow2_header_name(&h, "", "raw", NULL));
	assert_errno(EINVAL, qcow2_header_name(&h, "base", NULL, NULL));
	name[QCOW2_MAX_NAME_LEN] = 0;
	assert_ok(qcow2_header_name(&h, name, "raw", NULL));
	assert_ok(qcow2_header_name(&h, NULL, NULL, NULL));
	assert_string_equal(h.backing, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_comes_back),
		cmocka_unit_test(what_we_do_not_do_is_refused_by_name),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(a_short_file_is_no_header),
		cmocka_unit_test(unknown_extensions_are_passed_over),
		cmocka_unit_test(version_2_is_read),
		cmocka_unit_test(entries_come_back),
		cmocka_unit_test(counts_of_any_width_are_read),
		cmocka_unit_test(a_name_has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
