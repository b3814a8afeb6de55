/* SPDX-License-Identifier: MIT */
/* Field names of a Candid interface, which messages know only by their hashes. */
#ifndef CANISTERFS_DID_H
#define CANISTERFS_DID_H

#include "memmgr/util.h"

struct did;

/* Reads every word of a .did file: what is no field's name does no harm. */
int MUST_CHECK did_read(const char *path, struct did **out, struct err *err);
void did_free(struct did *did);
/* NULL: not there, or two words of this hash. */
const char *did_name(const struct did *did, uint32_t hash);

/* Candid's hash of a field's name. */
uint32_t did_hash(const char *name, size_t len);

#endif
