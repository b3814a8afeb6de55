/* SPDX-License-Identifier: MIT */
/*
 * The charts of the fleet page: inline SVG, coloured by the classes of the page's style sheet.
 */
#ifndef CANISTERFS_WASTE_CHART_H
#define CANISTERFS_WASTE_CHART_H

#include "tools/waste/waste_sum.h"

/* Text that may hold anything, made fit for HTML: escaped, what is not UTF-8 or cannot be shown
 * replaced. At most `max` characters, of longer ones the end. */
void html_text(FILE *to, const char *text, size_t max);

/* One bar of all bytes, by what they are. */
void chart_parts(FILE *to, const struct waste_sum *sum);
/* A bar for each bucket size: what all images would be. */
void chart_sizes(FILE *to, const struct waste_sum *sum);
/* A bar for each share of waste: how many images. */
void chart_shares(FILE *to, const struct waste_sum *sum);
/* A bar for each of the worst images. */
void chart_worst(FILE *to, const struct waste_sum *sum);

#endif
