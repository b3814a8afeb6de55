/* SPDX-License-Identifier: MIT */
/* Which CBOR is known to come back from its JSON without a try. */
#ifndef CANISTERFS_CBOR_PLAIN_H
#define CANISTERFS_CBOR_PLAIN_H

#include "tools/codec/codec.h"

/*
 * The bytes are one item of what most encoders write: heads as short as can be, counts known, whole
 * numbers that JSON has, bytes, text of printable ASCII, booleans, null, arrays, and maps of few
 * pairs whose keys are such text, all different, none with "$" in front. False says nothing.
 */
bool cbor_is_plain(struct ss_bytes bytes);

#endif
