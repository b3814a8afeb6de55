// SPDX-License-Identifier: MIT
/*
 * See cost.h. The formula is the network's: bytes * rate * seconds / 2^30.
 */
#include "tools/facts/cost.h"

#include <stdio.h>

enum { SECONDS_A_YEAR = 365 * 24 * 3600 };

uint64_t cost_of_year(uint64_t bytes, uint64_t rate)
{
	unsigned __int128 cycles = (unsigned __int128)bytes * rate * SECONDS_A_YEAR >> 30;

	return cycles > UINT64_MAX ? UINT64_MAX : (uint64_t)cycles;
}

uint64_t cost_rate_of_nodes(uint64_t nodes)
{
	return COST_RATE_DEFAULT * nodes / COST_NODES_DEFAULT;
}

uint64_t price_of_year(const struct price *price, uint64_t bytes)
{
	return cost_of_year(bytes, price->rate * (1 + price->snapshots));
}

struct text cost_text(uint64_t cycles)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.40s cycles", text_scaled(cycles).s);
	return t;
}
