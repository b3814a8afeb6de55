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
#define COST_NODES_DEFAULT     13

/* For 365 days. */
uint64_t cost_of_year(uint64_t bytes, uint64_t rate);

/* The rate on a subnet of so many nodes. */
uint64_t cost_rate_of_nodes(uint64_t nodes);

/* What storage is paid at, and how many times. */
struct price {
	uint64_t rate;      /* cycles per GiB and second; 0: storage is free */
	uint64_t snapshots; /* that each canister keeps: each is billed like memory */
};
uint64_t price_of_year(const struct price *price, uint64_t bytes);

/* "4.01 T cycles" */
struct text cost_text(uint64_t cycles);

#endif
