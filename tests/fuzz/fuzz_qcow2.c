// SPDX-License-Identifier: MIT
/*
 * Any bytes as a qcow2 file: opened, read through, verified, and where it is one of ours that can
 * be written to, changed. Aborts where something is promised and does not hold.
 *
 * An input that begins with "QFI" is a file. Any other is a recipe: the file's length in units of
 * 4 KiB (2 bytes; of what is above 16 MiB the low byte counts), then patches: 4 bytes offset, 1
 * byte length, the bytes. So few bytes reach far.
 */
#include <stdio.h>

#include "snapshot/qcow2/qcow2.h"
#include "snapshot/snapshot.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/stores.h"

enum { LIMIT_LEN = 16 << 20, LOOK_LEN = 4 << 20, MOST_UNITS = LIMIT_LEN / 4096 };

static struct store *cook(const uint8_t *data, size_t size)
{
	uint64_t units = get_le16(data) > MOST_UNITS ? data[0] : get_le16(data);
	struct store *s = mem_store_new(NULL, units * 4096);
	size_t i = 2;

	while (i + 5 <= size) {
		uint64_t off = get_le32(data + i);
		size_t len = MIN(data[i + 4], size - i - 5);

		if (off < s->len)
			memcpy(mem_store_bytes(s) + off, data + i + 5, MIN(len, s->len - off));
		i += 5 + len;
	}
	return s;
}

static struct store *file_of(const uint8_t *data, size_t size)
{
	struct store *s = size >= 3 && memcmp(data, "QFI", 3) == 0 ? mem_store_new(data, size)
								   : cook(data, size);

	mem_store_limit(s, 4 * LIMIT_LEN);
	return s;
}

static void demand(bool condition, const char *what, const struct err *err)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, err->text);
	abort();
}

/* What is called a hole is zero, and all ends. */
static void look_through(struct store *s)
{
	static uint8_t buf[200000];
	uint64_t off = 0, start, end;
	struct err err = {""};

	for (int i = 0; i < 50 && off < s->len; i++) {
		size_t n;

		if (store_next_data(s, off, &start, &end, &err) < 0)
			break;
		demand(start >= off && end >= start && end <= s->len, "next_data", &err);
		n = MIN(start - off, 200000);
		if (store_read(s, buf, n, off, &err) == 0)
			demand(is_zero(buf, n), "a hole that is not zero", &err);
		if (start == end)
			break;
		(void)!store_read(s, buf, MIN(end - start, 200000), start, &err);
		(void)!store_read(s, buf, 1, end - 1, &err);
		(void)store_host_at(s, start);
		off = end;
	}
}

static void prove(struct store *s)
{
	struct snap_work how = {.jobs = 1};
	struct snap_verified seen;
	auto_bundle struct bundle *beside = NULL;
	struct snap_info info;
	struct err err = {""};
	int rc;

	demand(snap_info(s, &info), "info", &err);
	rc = snap_verify(s, &how, NULL, NULL, &seen, &err);
	demand(rc == 0 || *err.text, "a failure without a sentence", &err);
	rc = snap_side_open(s, &beside, &err);
	demand(rc == 0 || *err.text, "a failure without a sentence", &err);
}

static void change(struct store *file)
{
	struct store *s = NULL;
	struct err err = {""};
	uint8_t byte = 7, back = 0;

	if (snap_open_on(faulty_store_new(file), NULL, SNAP_WRITABLE, &s, &err) < 0)
		return;
	if (s->len > 0 && s->len < LOOK_LEN && store_write(s, &byte, 1, s->len / 2, 0, &err) == 0) {
		demand(store_read(s, &back, 1, s->len / 2, &err) == 0 && back == 7,
		       "what was written is not there", &err);
		(void)!store_zero(s, 0, s->len, &err);
		(void)!store_sync(s, &err);
	}
	store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_store struct store *file = NULL;
	struct store *s = NULL;
	struct err err = {""};
	int rc;

	if (size < 2 || size > LIMIT_LEN)
		return 0;
	file = file_of(data, size);
	rc = snap_open_on(faulty_store_new(file), NULL, 0, &s, &err);
	demand(rc == 0 || *err.text, "a refusal without a sentence", &err);
	if (rc < 0)
		return 0;
	look_through(s);
	prove(s);
	store_close(s);
	change(file);
	return 0;
}
