/* SPDX-License-Identifier: MIT */
/* A model of an image with live snapshots, which holds every version in full, and what is done at
 * random to it and to the real thing. */
#ifndef CANISTERFS_TESTS_LIVE_MODEL_H
#define CANISTERFS_TESTS_LIVE_MODEL_H

#include "snapshot/snapshot.h"
#include "tests/unit/test.h"

enum {
	CLUSTER = SNAP_CLUSTER_LEN,
	MAX_LEN = 24 * CLUSTER,
	MAX_KEPT = 5,
	NAMES = 8,
	/* In front of what the model knows: the page of an empty manager. */
	HEAD_LEN = CLUSTER,
};

struct version {
	uint64_t len;
	uint8_t bytes[MAX_LEN];
};

struct model {
	struct version now;
	unsigned count; /* oldest first */
	unsigned name[MAX_KEPT];
	struct version kept[MAX_KEPT];
};

enum what { WRITE, ZERO, RESIZE, CREATE, DROP, RENAME, ROLLBACK, REOPEN };

struct op {
	enum what what;
	uint64_t off, len;
	uint64_t seed;
	unsigned name, to;
};

const char *name_of(unsigned n);
/* -1: there is none. */
int find(const struct model *m, unsigned name);
/* The next thing to do, one that will succeed. */
struct op choose(struct rng *rng, const struct model *m);
void model_apply(struct model *m, const struct op *op);

int live_open_at(const char *path, struct store **s, struct err *err);
int live_apply(struct store **s, const char *path, const struct op *op, struct err *err);
/* "" when a store holds a version, else where they differ. */
const char *differs(struct store *s, const struct version *v);

#endif
