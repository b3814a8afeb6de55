// SPDX-License-Identifier: MIT
/*
 * See content.h. The tests are memmgr/structures'; here is what they say about whole images.
 */
#include "tools/facts/content.h"

#include <stdio.h>

#include "memmgr/structures/structures.h"

enum { TABLE_OFF = 2080, TABLE_END = 34848, FREE = 255 };

static void recognise(struct store *s, struct content *out)
{
	struct ss_content c;
	struct err err = {""};

	if (ss_recognise(s, &c, &err) != 0) {
		out->kind = ss_kind_name(SS_UNKNOWN);
		snprintf(out->text, sizeof(out->text), "%.255s", err.text);
		return;
	}
	out->kind = ss_kind_name(c.kind);
	memcpy(out->text, c.text, sizeof(out->text));
}

void content_of_memory(struct mm *mm, unsigned mm_id, struct content *out)
{
	auto_store struct store *s = NULL;
	struct err err = {""};

	if (ss_memory_store(mm, mm_id, false, &s, &err) == 0) {
		recognise(s, out);
		return;
	}
	out->kind = ss_kind_name(SS_UNKNOWN);
	snprintf(out->text, sizeof(out->text), "%.255s", err.text);
}

/*
 * A raw dump that was saved over a managed image leaves its table, unless it is longer. Below the
 * last owner there are no free entries, behind it nothing else: chance does not make that.
 */
static uint32_t table_left(struct store *s)
{
	auto_free uint8_t *table = malloc(TABLE_END - TABLE_OFF);
	uint32_t end = TABLE_END - TABLE_OFF;

	if (!table || s->len < TABLE_END ||
	    store_read(s, table, TABLE_END - TABLE_OFF, TABLE_OFF, NULL) != 0)
		return 0;
	while (end > 0 && table[end - 1] == FREE)
		end--;
	if (end == TABLE_END - TABLE_OFF || memchr(table, FREE, end))
		return 0;
	return end;
}

void content_of_raw(struct store *s, struct content *out)
{
	uint32_t buckets;

	recognise(s, out);
	buckets = table_left(s);
	if (buckets > 0) {
		size_t len = strlen(out->text);

		snprintf(out->text + len, sizeof(out->text) - len,
			 "; saved over a managed image, whose table of %u buckets is still there",
			 buckets);
	}
}

int content_stale_in_page_0(struct store *s, uint64_t *count, struct err *err)
{
	auto_free uint8_t *rest = malloc(MM_PAGE_LEN - TABLE_END);
	int rc;

	*count = 0;
	if (!rest)
		return err_set(err, -ENOMEM, "out of memory");
	rc = store_read(s, rest, MM_PAGE_LEN - TABLE_END, TABLE_END, err);
	for (size_t i = 0; !rc && i < MM_PAGE_LEN - TABLE_END; i++)
		*count += rest[i] != 0;
	return rc;
}
