// SPDX-License-Identifier: MIT
/*
 * Any bytes as an image: opened for reading and looked through, checked, and on a copy repaired and
 * written to. Aborts where something is promised and does not hold.
 *
 * An input that begins with "MGR" is an image. Any other is a recipe for one, so that few bytes
 * reach far: the image's length in units of 4 KiB (one byte), then patches to the page of an empty
 * manager with 1-page buckets: 2 bytes offset, 1 byte length, the bytes; all other pages begin
 * with their number.
 */
#include <stdio.h>

#include "memmgr/memmgr.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/stores.h"

enum { PAGE = 65536, LIMIT_LEN = 1 << 22 };

static struct store *cook(const uint8_t *data, size_t size)
{
	struct store *s = mem_store_new(NULL, (uint64_t)data[0] * 4096);
	uint8_t *img = mem_store_bytes(s);
	size_t i = 1;

	for (uint64_t page = 1; page * PAGE < s->len; page++)
		img[page * PAGE] = (uint8_t)page;
	if (s->len > 2080)
		memset(img + 2080, 0xff, MIN(s->len, UINT64_C(34848)) - 2080);
	if (s->len > 0)
		memcpy(img, "MGR\1\0\0\1", 8);
	while (i + 3 <= size) {
		uint64_t off = get_le16(data + i);
		size_t len = MIN(data[i + 2], size - i - 3);

		if (off < s->len)
			memcpy(img + off, data + i + 3, MIN(len, s->len - off));
		i += 3 + len;
	}
	return s;
}

static struct store *image_of(const uint8_t *data, size_t size)
{
	struct store *s = size >= 3 && memcmp(data, "MGR", 3) == 0 ? mem_store_new(data, size)
								   : cook(data, size);

	mem_store_limit(s, LIMIT_LEN);
	return s;
}

static void demand(bool condition, const char *what, const struct err *err)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, err->text);
	abort();
}

/* Every fact and some bytes of every memory; what cannot be read is an error, not a crash. */
static void look_through(struct mm *mm)
{
	uint8_t buf[300];
	struct mm_stat stat;

	mm_stat(mm, &stat);
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory memory;
		struct mm_extent x;
		uint64_t len, start, end;
		struct err err;

		mm_memory(mm, id, &memory);
		len = memory.pages * PAGE;
		for (uint64_t off = 0; off < len; off += MAX(len / 3, 1)) {
			(void)!mm_read(mm, id, buf, sizeof(buf), off, &err);
			(void)!mm_next_data(mm, id, off, &start, &end, &err);
			(void)!mm_extent_at(mm, id, off, len - off, &x);
		}
	}
}

static void assert_same(struct mm *a, struct mm *b, unsigned id)
{
	uint8_t page_a[4096], page_b[4096];
	struct mm_memory in_a, in_b;
	struct err err = {""};

	mm_memory(a, id, &in_a);
	mm_memory(b, id, &in_b);
	demand(in_a.pages == in_b.pages, "repairing changed a size", &err);
	for (uint64_t off = 0; off < in_a.pages * PAGE; off += sizeof(page_a)) {
		demand(mm_read(a, id, page_a, sizeof(page_a), off, &err) == 0, "before", &err);
		demand(mm_read(b, id, page_b, sizeof(page_b), off, &err) == 0, "after", &err);
		demand(memcmp(page_a, page_b, sizeof(page_a)) == 0, "repairing changed bytes",
		       &err);
	}
}

/* The image is repaired and clean, or it says why not. */
static void repair(struct store *s, const struct mm_check_result *before, struct mm *mm)
{
	auto_store struct store *copy = mem_store_new(mem_store_bytes(s), s->len);
	auto_mm struct mm *mended = NULL;
	struct mm_check_result after;
	struct err err = {""};
	int rc;

	mem_store_limit(copy, LIMIT_LEN);
	rc = mm_repair(copy, &err);
	if (rc == -ENOSPC)
		return;
	demand(rc == 0, "cannot repair", &err);
	demand(mm_check(copy, NULL, NULL, &after, &err) == 0, "cannot check", &err);
	demand(before->unrepairable > 0 || after.warnings + after.errors + after.notes == 0,
	       "not clean after repair", &err);
	rc = mm_open(copy, &mended, &err);
	demand((rc == 0) == (after.errors == 0), "opening and checking disagree", &err);
	if (rc)
		return;
	for (unsigned id = 0; mm && id < MM_MAX_MEMORIES; id++)
		assert_same(mm, mended, id);
	(void)!mm_grow(mended, 7, 3, &err);
	(void)!mm_renumber(mended, 7, 0, &err);
	(void)!mm_resize(mended, 0, 1, &err);
	rc = mm_close(mended, &err);
	mended = NULL;
	demand(rc == 0 || rc == -ENOSPC, "cannot close", &err);
}

/* Behind a page of something else it is found where it is whole, and opens there. */
static void find_behind(struct store *image)
{
	auto_store struct store *s = mem_store_new(NULL, PAGE + image->len);
	auto_store struct store *window = NULL;
	auto_mm struct mm *mm = NULL;
	struct mm_base base;
	struct err err = {""};

	memcpy(mem_store_bytes(s) + PAGE, mem_store_bytes(image), image->len);
	demand(mm_find_base(s, &base, &err) == 0, "cannot search", &err);
	if (base.found == 0)
		return;
	demand(window_look(s, base.page[0] * PAGE, s->len - base.page[0] * PAGE, &window, &err) ==
		       0,
	       "found outside", &err);
	demand(mm_open(window, &mm, &err) == 0, "found what does not open", &err);
	look_through(mm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_store struct store *s = NULL;
	auto_mm struct mm *mm = NULL;
	struct mm_check_result result;
	enum mm_kind kind;
	struct err err = {""};
	int rc;

	if (size == 0 || size > LIMIT_LEN)
		return 0;
	s = image_of(data, size);
	s->writable = false;
	demand(mm_probe(s, &kind, &err) == 0 && *err.text, "cannot probe", &err);
	rc = mm_open(s, &mm, &err);
	if (rc == 0)
		look_through(mm);
	find_behind(s);
	rc = mm_check(s, NULL, NULL, &result, &err);
	demand((rc == 0) == (kind == MM_MANAGED), "probing and checking disagree", &err);
	if (rc == 0)
		repair(s, &result, result.unrepairable == 0 ? mm : NULL);
	return 0;
}
