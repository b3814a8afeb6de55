// SPDX-License-Identifier: MIT
/*
 * Any bytes as what a memory holds: recognised, opened, walked, looked up in, measured, and on a
 * copy changed. Aborts where what the check finds nothing wrong with cannot be read to its end.
 *
 * The first byte chooses one of the sound structures below (or none, from 6 up: an empty page), and
 * how keys are taken; then come patches to it: 2 bytes offset, 1 byte length, the bytes.
 */
#include <stdio.h>

#include "memmgr/structures/structures.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/stores.h"

enum { PAGE = 65536, LIMIT_LEN = 1 << 21, SEEDS = 6 };

static void must(int rc, const char *what, const struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err->text);
	abort();
}

/* ---- sound structures ---- */

static void begin_map(uint8_t *b, uint32_t page_len)
{
	memcpy(b, "BTR\2", 4);
	put_le32(b + 4, page_len);
	put_le32(b + 8, 0xffffffff);
	memcpy(b + 52, "BTA\1", 4);
	put_le64(b + 60, page_len);
	put_le64(b + 76, 100);
	memcpy(b + 100, "CHK\1", 4);
}

static void fill_map(struct store *s, int width, unsigned entries, size_t value_len)
{
	const struct ss_options opts = {.key_width = width, .sort = {.order = SS_ORDER_BYTES}};
	struct err err = {""};
	struct ss *ss;
	uint8_t key[8], value[300];
	bool changed;

	must(ss_open(s, NULL, &opts, &ss, &err), "a map", &err);
	for (unsigned i = 0; i < entries; i++) {
		put_be64(key, i * UINT64_C(0x9e3779b97f4a7c15));
		memset(value, (int)i, sizeof(value));
		must(ss_put(ss, (struct ss_bytes){key, width < 0 ? 1 + i % 8 : sizeof(key)},
			    (struct ss_bytes){value, i * 7 % (value_len + 1)}, &changed, &err),
		     "filling a map", &err);
	}
	ss_close(ss);
}

/* One version 1 leaf of three entries, keys of at most 4 bytes and values of at most 6. */
static void begin_v1(uint8_t *b)
{
	uint8_t *node = b + 116;

	memcpy(b, "BTR\1\4\0\0\0\6\0\0\0\x74", 13);
	put_le64(b + 20, 3);
	memcpy(b + 52, "BTA\1", 4);
	put_le64(b + 60, 301);
	put_le64(b + 68, 1);
	put_le64(b + 76, 417);
	memcpy(b + 100, "CHK\1\1", 5);
	memcpy(b + 417, "CHK\1", 4);
	memcpy(node, "BTN\1\0\3\0", 7);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t *entry = node + 7 + i * 18;

		put_le32(entry, 2);
		memcpy(entry + 4, "ab", 2);
		entry[4] = (uint8_t)('a' + i);
		put_le32(entry + 8, 3);
		memcpy(entry + 12, "xyz", 3);
	}
}

static struct store *seed(unsigned which)
{
	struct store *s = mem_store_new(NULL, PAGE);
	uint8_t *b = mem_store_bytes(s);

	mem_store_limit(s, LIMIT_LEN);
	switch (which) {
	case 0:
		begin_map(b, 275);
		fill_map(s, 8, 100, 8);
		break;
	case 1:
		begin_map(b, 128);
		fill_map(s, SS_WIDTH_PREFIXED, 40, 299);
		break;
	case 2:
		begin_v1(b);
		break;
	case 3:
		memcpy(b, "SMH\1\5\0\0\0\0\0\0\0\2", 13);
		memcpy(b + 64, "\1A\0\1B\0\1C\0\1D\0\1E\0", 15);
		break;
	case 4:
		memcpy(b, "DIDL\2\x6c\2\0\x71\1\1\x6d\x7b\1\0\2hi\3abc", 21);
		break;
	case 5:
		memcpy(b, "\x0d\0\0\0\xa2\x61k\x82\1\xf5\x61m\x5f\x41x\xff\xf6", 17);
		break;
	}
	return s;
}

static struct store *cook(const uint8_t *data, size_t size)
{
	static struct store *seeds[SEEDS];
	unsigned which = data[0] % 8;
	struct store *s;
	uint8_t *b;

	if (which >= SEEDS) {
		s = mem_store_new(NULL, PAGE);
	} else {
		if (!seeds[which])
			seeds[which] = seed(which);
		s = mem_store_new(mem_store_bytes(seeds[which]), seeds[which]->len);
	}
	mem_store_limit(s, LIMIT_LEN);
	b = mem_store_bytes(s);
	for (size_t i = 1; i + 3 <= size;) {
		uint64_t off = get_le16(data + i);
		size_t len = MIN(data[i + 2], size - i - 3);

		memcpy(b + off, data + i + 3, MIN(len, s->len - off));
		i += 3 + len;
	}
	return s;
}

/* ---- what is done with them ---- */

static int walk(struct ss *ss, uint64_t *count, struct err *err)
{
	auto_ss_cursor struct ss_cursor *c = NULL;
	bool more = true;
	int rc = ss_first(ss, &c, err);

	for (*count = 0; rc == 0; ++*count) {
		struct ss_record rec;
		struct ss_bytes value;

		rc = ss_next(c, &rec, &more, err);
		if (rc == 0 && !more)
			break;
		if (rc == 0)
			rc = ss_value(c, &value, err);
	}
	return rc;
}

static void count_findings(void *ctx, const struct mm_finding *f)
{
	++*(unsigned *)ctx;
}

static void change(struct ss *ss)
{
	static const uint8_t bytes[16] = "a key or a value";
	bool changed;

	for (size_t len = 0; len <= 16; len += 4) {
		(void)!ss_put(ss, (struct ss_bytes){bytes, len / 2}, (struct ss_bytes){bytes, len},
			      &changed, NULL);
		(void)!ss_remove(ss, (struct ss_bytes){bytes + len / 4, len / 2}, &changed, NULL);
		(void)!ss_set(ss, len, (struct ss_bytes){bytes, len / 8}, &changed, NULL);
	}
	(void)!ss_cut(ss, 1, NULL);
	(void)!ss_clear(ss, NULL);
}

static void look_through(struct ss *ss)
{
	static const uint8_t key[8] = "middle";
	auto_ss_cursor struct ss_cursor *found = NULL, *sought = NULL, *resumed = NULL;
	struct ss_usage usage;
	struct err err = {""};
	unsigned findings = 0;
	uint64_t count;
	int rc;

	must(ss_measure(ss, 0, &usage, count_findings, &findings, &err), "measuring", &err);
	rc = walk(ss, &count, &err);
	if (findings == 0) {
		must(rc, "no findings, but it cannot be read", &err);
		must(count == usage.entries ? 0 : -EUCLEAN, "a wrong count", &err);
	}
	(void)!ss_find(ss, (struct ss_bytes){key, 8}, &found, NULL);
	(void)!ss_seek(ss, (struct ss_bytes){key, 3}, &sought, NULL);
	(void)!ss_resume(ss, count * UINT64_C(0x123456789abcd), &resumed, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int widths[] = {SS_WIDTH_INFER, SS_WIDTH_PREFIXED, 8, 0};
	struct ss_options opts = SS_OPTIONS;
	auto_store struct store *s = NULL;
	auto_ss struct ss *ss = NULL;
	struct ss_content content;
	struct err err = {""};

	if (size == 0)
		return 0;
	s = cook(data, size);
	opts.key_width = widths[data[0] / 8 % 4];
	opts.sort.order = opts.value_sort.order = SS_ORDER_BYTES;
	must(ss_recognise(s, &content, &err), "recognising", &err);
	if (ss_open(s, NULL, &opts, &ss, &err) < 0)
		return 0;
	look_through(ss);
	change(ss);
	return 0;
}
