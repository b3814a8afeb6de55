/* SPDX-License-Identifier: MIT */
/*
 * What an overlay remembers of its base, in its record:
 *
 *     off  0  8  "CFover"                16  8  its mtime, seconds
 *          8  8  length of the base      24  8  and nanoseconds
 *                                        32  8  1: its commit has begun        little-endian
 *         40  8  then, the base's inode    48  8  and when that was made, nanoseconds
 *         56  8  1: what lies beside the base is yet to be copied
 *
 * A commit says so, durably, before it writes to the base. From then on the base need not have the
 * length and the time that it had, since only whole clusters of the overlay are copied: any number
 * of times, with the same outcome. But it must be the very file that the commit began on.
 */
#ifndef CANISTERFS_OVERLAY_H
#define CANISTERFS_OVERLAY_H

#include "snapshot/qcow2/qcow2.h"

enum { OVERLAY_RECORD_LEN = 64 };

struct overlay_record {
	uint64_t len;
	int64_t sec, nsec;
	bool committing;
	uint64_t ino, born_nsec; /* of the base, while committing */
	bool lacks_sides;
};

void overlay_record_encode(const struct overlay_record *r, uint8_t *buf);

/* Opens an overlay's file alone, for reading. *base, for free(), is where its base's name leads. */
int MUST_CHECK overlay_peek(const char *path, struct qcow2 **q, char **base,
			    struct overlay_record *r, struct err *err);
/* The same, closed again. */
int MUST_CHECK overlay_look(const char *path, char **base, struct overlay_record *r,
			    struct err *err);

/* -EINVAL: an overlay's store that canisterfs did not make. */
int MUST_CHECK overlay_record_read(struct store *s, struct overlay_record *out, struct err *err);

/* -EBUSY: a commit has begun; -ESTALE: the base is not what it was. */
int MUST_CHECK overlay_check_base(const char *base, const struct overlay_record *r,
				  struct err *err);

#endif
