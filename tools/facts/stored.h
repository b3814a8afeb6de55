/* SPDX-License-Identifier: MIT */
/* How an image is stored, where that is in a qcow2 file: what `info` says of a checkpoint. */
#ifndef CANISTERFS_STORED_H
#define CANISTERFS_STORED_H

#include "snapshot/snapshot.h"
#include "tools/out/json.h"

struct stored {
	bool is_qcow2; /* the rest is for these */
	struct snap_info info;
};

struct stored stored_of(struct store *s);
/* Lines as `info` has them; none for a plain image. */
void stored_print(const struct stored *st);
/* An object, or null for a plain image. */
json_t *stored_json(struct json *doc, const struct stored *st);

#endif
