/* SPDX-License-Identifier: MIT */
/* What the structure in one memory, or in a raw image, is made of. */
#ifndef CANISTERFS_INFO_STRUCTURE_H
#define CANISTERFS_INFO_STRUCTURE_H

#include <stdio.h>

#include "tools/records/records_choice.h"

/* Prints it, and returns the exit code. */
int info_structure(const struct records_args *args, bool as_json);
/* The lines of it, on `to`, of a memory or a raw image that is open. Walks over all of it. */
int MUST_CHECK info_structure_print(struct records *r, const struct records_choice *choice,
				    FILE *to, struct err *err);

#endif
