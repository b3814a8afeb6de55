// SPDX-License-Identifier: MIT
/* See record_find.h. */
#include "tools/records/record_find.h"

#include "tools/cmd/cmd.h"

int record_read_word(struct ss *ss, const struct codec *codec, const char *word, struct buf *key,
		     uint64_t *index, struct err *err)
{
	if (ss_facts(ss)->keyed)
		return codec_read_word(codec, word, key, err);
	return parse_number(word, 0, UINT64_MAX - 1, index, err);
}

struct ss_bytes record_bytes(const struct buf *b)
{
	return (struct ss_bytes){.data = (const uint8_t *)(b->data ? b->data : ""), .len = b->len};
}

bool record_is_ordered(struct ss *ss)
{
	return !ss_facts(ss)->keyed || ss_facts(ss)->sort_told;
}

static int find_by_walking(struct ss *ss, struct ss_bytes key, struct ss_cursor **c,
			   struct err *err)
{
	uint64_t before = SS_NO_PLACE;
	struct ss_record rec;
	bool more = true;
	int rc = ss_first(ss, c, err);

	while (rc == 0) {
		rc = ss_next(*c, &rec, &more, err);
		if (rc == 0 && !more)
			return err_set(err, -ENOENT, "the map has no such key");
		if (rc < 0 || ss_compare(SS_ORDER_BYTES, rec.key, key) == 0)
			break;
		before = rec.place;
	}
	if (rc < 0)
		return rc;
	ss_cursor_close(*c);
	*c = NULL;
	return before == SS_NO_PLACE ? ss_first(ss, c, err) : ss_resume(ss, before, c, err);
}

int record_find(struct ss *ss, struct ss_bytes key, struct ss_cursor **c, struct err *err)
{
	int rc = ss_find(ss, key, c, err);

	return rc == -ENOENT && !record_is_ordered(ss) ? find_by_walking(ss, key, c, err) : rc;
}
