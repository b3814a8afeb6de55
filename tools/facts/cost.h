/* SPDX-License-Identifier: MIT */
/*
 * What storage costs on the Internet Computer, in cycles.
 */
#ifndef CANISTERFS_COST_H
#define CANISTERFS_COST_H

#include "tools/out/text.h"

/* Cycles per GiB and second on an application subnet of 13 nodes, as published in August 2026. */
#define COST_RATE_DEFAULT      127000
#define COST_RATE_DEFAULT_TEXT "127000"

/* For 365 days. */
uint64_t cost_of_year(uint64_t bytes, uint64_t rate);

/* "4.01 T cycles" */
struct text cost_text(uint64_t cycles);

#endif
