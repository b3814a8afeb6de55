// SPDX-License-Identifier: MIT
/* Owns walking records that have an index: the cursor of vector, heap, log, cell and payload. */
#include "memmgr/structures/ss.h"

struct index_cursor {
	struct ss_cursor c;
	uint64_t index;     /* of the next record */
	uint64_t value_off; /* of the record delivered last */
};

static struct index_cursor *cursor_of(struct ss_cursor *c)
{
	return (struct index_cursor *)c;
}

int index_seek(struct ss *ss, uint64_t index, struct ss_cursor **out, struct err *err)
{
	struct index_cursor *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return err_set(err, -ENOMEM, "no memory for a cursor");
	c->c.ss = ss;
	c->index = index;
	*out = &c->c;
	return 0;
}

int index_first(struct ss *ss, struct ss_cursor **out, struct err *err)
{
	return index_seek(ss, 0, out, err);
}

int index_next(struct ss_cursor *base, struct ss_record *rec, bool *more, struct err *err)
{
	struct index_cursor *c = cursor_of(base);
	struct ss *ss = base->ss;
	int rc;

	if (c->index >= ss->facts.count)
		return 0;
	rc = ss->ops->entry(ss, c->index, &c->value_off, &base->value_len, err);
	rec->index = c->index++;
	rec->value_len = base->value_len;
	*more = true;
	return rc;
}

int index_value_read(struct ss_cursor *c, void *buf, size_t len, uint64_t off, struct err *err)
{
	return blocks_read(c->ss->values, buf, len, cursor_of(c)->value_off + off, err);
}

void index_cursor_close(struct ss_cursor *c)
{
	free(cursor_of(c));
}
