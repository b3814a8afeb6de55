// SPDX-License-Identifier: MIT
#include "tests/unit/live_model.h"

#include <stdio.h>

const char *name_of(unsigned n)
{
	static const char *const names[NAMES] = {"a", "b:c", "d e", "f", "g%", "h", "i", "j"};

	return names[n];
}

int find(const struct model *m, unsigned name)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->name[i] == name)
			return (int)i;
	return -1;
}

struct op choose(struct rng *rng, const struct model *m)
{
	static const enum what odds[] = {WRITE, WRITE,  WRITE,    WRITE,  WRITE,  WRITE,
					 ZERO,  ZERO,   RESIZE,   RESIZE, CREATE, CREATE,
					 DROP,  RENAME, ROLLBACK, REOPEN};
	struct op op = {.what = odds[rng_below(rng, ARRAY_LEN(odds))]};

	op.seed = rng_next(rng);
	op.off = m->now.len ? rng_below(rng, m->now.len) : 0;
	op.len = rng_below(rng, 3 * CLUSTER) + 1;
	op.len = MIN(op.len, m->now.len - op.off);
	if (op.what == RESIZE) {
		op.len = rng_below(rng, 2 * MAX_LEN / CLUSTER) * CLUSTER / 2;
		op.len = rng_one_in(rng, 4) ? MAX(op.len, 100u) - 100 : op.len;
	}
	op.name = (unsigned)rng_below(rng, NAMES);
	op.to = (unsigned)rng_below(rng, NAMES);
	if ((op.what == WRITE || op.what == ZERO) && op.len == 0)
		op.what = REOPEN;
	if (op.what == CREATE && (m->count == MAX_KEPT || find(m, op.name) >= 0))
		op.what = DROP;
	if ((op.what == DROP || op.what == RENAME || op.what == ROLLBACK)) {
		if (m->count == 0)
			op.what = REOPEN;
		else
			op.name = m->name[rng_below(rng, m->count)];
	}
	if (op.what == RENAME && find(m, op.to) >= 0)
		op.what = REOPEN;
	return op;
}

static void op_bytes(const struct op *op, uint8_t *buf)
{
	struct rng rng = {op->seed};

	rng_fill(&rng, buf, op->len);
	/* Some clusters of zeros, written. */
	if (op->seed % 5 == 0)
		memset(buf, 0, op->len);
}

static void model_resize(struct version *v, uint64_t len)
{
	if (len < v->len)
		memset(v->bytes + len, 0, v->len - len);
	v->len = len;
}

void model_apply(struct model *m, const struct op *op)
{
	int at = find(m, op->name);

	switch (op->what) {
	case WRITE:
		op_bytes(op, m->now.bytes + op->off);
		break;
	case ZERO:
		memset(m->now.bytes + op->off, 0, op->len);
		break;
	case RESIZE:
		model_resize(&m->now, op->len);
		break;
	case CREATE:
		m->name[m->count] = op->name;
		m->kept[m->count++] = m->now;
		break;
	case DROP:
		m->count--;
		for (unsigned i = (unsigned)at; i < m->count; i++) {
			m->name[i] = m->name[i + 1];
			m->kept[i] = m->kept[i + 1];
		}
		break;
	case RENAME:
		m->name[at] = op->to;
		break;
	case ROLLBACK:
		m->now = m->kept[at];
		break;
	case REOPEN:
		break;
	}
}

int live_open_at(const char *path, struct store **s, struct err *err)
{
	struct store *image;
	int rc = file_store_open(path, true, &image, err);

	if (!rc && image->len == 0) {
		rc = mm_create(image, 1, err);
		if (rc)
			store_close(image);
	}
	return rc ? rc : snap_live_open(image, path, s, err);
}

int live_apply(struct store **s, const char *path, const struct op *op, struct err *err)
{
	struct snap_live *live = snap_live_of(*s);
	auto_free uint8_t *buf = NULL;

	switch (op->what) {
	case WRITE:
		buf = malloc(op->len);
		op_bytes(op, buf);
		return store_write(*s, buf, op->len, HEAD_LEN + op->off, 0, err);
	case ZERO:
		return store_zero(*s, HEAD_LEN + op->off, op->len, err);
	case RESIZE:
		return store_resize(*s, HEAD_LEN + op->len, err);
	case CREATE:
		return snap_live_create(live, name_of(op->name), err);
	case DROP:
		return snap_live_drop(live, name_of(op->name), err);
	case RENAME:
		return snap_live_rename(live, name_of(op->name), name_of(op->to), err);
	case ROLLBACK:
		return snap_live_rollback(live, name_of(op->name), err);
	case REOPEN:
		store_close(*s);
		*s = NULL;
		return live_open_at(path, s, err);
	}
	return -EINVAL;
}

const char *differs(struct store *s, const struct version *v)
{
	static char text[128];
	auto_free uint8_t *buf = malloc(MAX_LEN + 1);

	if (s->len != HEAD_LEN + v->len) {
		snprintf(text, sizeof(text), "%llu bytes, %llu expected",
			 (unsigned long long)s->len, (unsigned long long)(HEAD_LEN + v->len));
		return text;
	}
	if (store_read(s, buf, v->len, HEAD_LEN, NULL))
		return "cannot be read";
	if (memcmp(buf, v->bytes, v->len) == 0)
		return "";
	for (uint64_t i = 0; i < v->len; i++)
		if (buf[i] != v->bytes[i]) {
			snprintf(text, sizeof(text), "byte %llu (cluster %llu) is %u, not %u",
				 (unsigned long long)i, (unsigned long long)(i / CLUSTER), buf[i],
				 v->bytes[i]);
			return text;
		}
	return "";
}
