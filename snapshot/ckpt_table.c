// SPDX-License-Identifier: MIT
/*
 * Owns the order of checksums: of one table, and of the tables of a chain, where what is nearer to
 * the top counts. Believes a table's bytes; ckpt_check_table says whether they are right. No locks.
 */
#include "snapshot/ckpt_table.h"

#include <inttypes.h>

#include "snapshot/snapshot.h"

void table_reader_begin(struct table_reader *r, struct qcow2 *q)
{
	r->q = q;
	r->read = r->least = 0;
	r->at = r->filled = 0;
}

static int fill(struct table_reader *r, struct err *err)
{
	const struct ckpt_ext *ext = &r->q->ckpt;
	size_t n = MIN(TABLE_PIECE, ext->entries - r->read);
	int rc = qcow2_file_read(r->q, r->buf, n * CKPT_ENTRY_LEN,
				 ext->table_off + r->read * CKPT_ENTRY_LEN, err);

	r->at = 0;
	r->filled = rc < 0 ? 0 : n;
	r->read += r->filled;
	return rc;
}

int table_reader_next(struct table_reader *r, struct ckpt_entry *out, struct err *err)
{
	int rc = 0;

	if (r->at == r->filled && r->read == r->q->ckpt.entries)
		return 0;
	if (r->at == r->filled)
		rc = fill(r, err);
	if (rc == 0)
		rc = ckpt_entry_decode(r->buf + r->at * CKPT_ENTRY_LEN, r->least,
				       r->q->ckpt.image_len, out, err);
	if (rc < 0)
		return rc;
	r->least = out->cluster + 1;
	r->at++;
	return 1;
}

struct level {
	struct table_reader reader;
	struct ckpt_entry next;
	bool more; /* `next` is one that has not been passed */
};

struct table_merge {
	size_t levels; /* the top is level 0 */
	struct level *level[SNAP_MAX_CHAIN];
};

static int advance(struct level *l, struct err *err)
{
	int rc = table_reader_next(&l->reader, &l->next, err);

	l->more = rc > 0;
	return MIN(rc, 0);
}

static int add_level(struct table_merge *m, struct store *s, struct qcow2 **q, struct err *err)
{
	struct level *l;

	*q = qcow2_of(s);
	if (!*q || !(*q)->has_ckpt)
		return err_set(err, -EINVAL,
			       "the %s has no checksums: 'canisterfs checkpoint' makes a base",
			       s->ops->name);
	if (m->levels == SNAP_MAX_CHAIN)
		return err_set(err, -ELOOP, "the chain is longer than %d", SNAP_MAX_CHAIN);
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, -ENOMEM, "cannot open");
	m->level[m->levels++] = l;
	table_reader_begin(&l->reader, *q);
	return advance(l, err);
}

int table_merge_open(struct store *top, struct table_merge **out, struct err *err)
{
	struct table_merge *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : err_sys(err, -ENOMEM, "cannot open");

	for (struct store *s = top; s && rc == 0;) {
		struct qcow2 *q;

		rc = add_level(m, s, &q, err);
		s = q ? q->backing : NULL;
	}
	if (rc < 0)
		table_merge_close(m);
	else
		*out = m;
	return rc;
}

/* Passes all entries below `least`. */
static int skip(struct table_merge *m, uint64_t least, struct err *err)
{
	for (size_t i = 0; i < m->levels; i++)
		while (m->level[i]->more && m->level[i]->next.cluster < least) {
			int rc = advance(m->level[i], err);

			if (rc < 0)
				return rc;
		}
	return 0;
}

int table_merge_at(struct table_merge *m, uint64_t least, struct ckpt_entry *out, bool *found,
		   struct err *err)
{
	for (;;) {
		struct level *first = NULL;
		int rc = skip(m, least, err);

		if (rc < 0)
			return rc;
		for (size_t i = 0; i < m->levels; i++)
			if (m->level[i]->more &&
			    (!first || m->level[i]->next.cluster < first->next.cluster))
				first = m->level[i];
		*found = first;
		if (!first)
			return 0;
		*out = first->next;
		if (out->stored_len > 0)
			return 0;
		least = out->cluster + 1;
	}
}

void table_merge_close(struct table_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->levels; i++)
		free(m->level[i]);
	free(m);
}
