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
	static const char *const units[] = {"", "k ", "M ", "G ", "T "};
	double n = (double)cycles;
	unsigned unit = 0;
	struct text t;

	for (; n >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
		n /= 1000;
	snprintf(t.s, sizeof(t.s), unit ? "%.2f %scycles" : "%.0f %scycles", n, units[unit]);
	return t;
}
