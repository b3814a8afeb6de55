/* SPDX-License-Identifier: MIT */
/* Whether the records of a structure are of the types that a names file tells. */
#ifndef CANISTERFS_SCHEMA_RECORDS_H
#define CANISTERFS_SCHEMA_RECORDS_H

#include "tools/records/records_choice.h"

struct schema_fault {
	const char *id; /* NULL: there is none */
	char text[400];
};

/* The first fault, in the structure's order. `sample` above 0: about so many records are decoded.
 */
int MUST_CHECK schema_judge_records(struct ss *ss, struct name *name, uint64_t sample,
				    struct schema_fault *out, struct err *err);

#endif
