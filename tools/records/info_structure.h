/* SPDX-License-Identifier: MIT */
/* What the structure in one memory, or in a raw image, is made of. */
#ifndef CANISTERFS_INFO_STRUCTURE_H
#define CANISTERFS_INFO_STRUCTURE_H

#include "tools/records/records_choice.h"

/* Prints it, and returns the exit code. */
int info_structure(const struct records_args *args, bool as_json);

#endif
