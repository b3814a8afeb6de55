// SPDX-License-Identifier: MIT
/*
 * See content.h. The tests are memmgr/structures'; here is what they say about whole images.
 */
#include "tools/facts/content.h"

#include <stdio.h>

#include "memmgr/structures/structures.h"

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

void content_of_raw(struct store *s, struct content *out)
{
	uint32_t buckets;

	recognise(s, out);
	buckets = mm_table_left(s);
	if (buckets > 0) {
		size_t len = strlen(out->text);

		snprintf(out->text + len, sizeof(out->text) - len,
			 "; saved over a managed image, whose table of %u buckets is still there",
			 buckets);
	}
}
