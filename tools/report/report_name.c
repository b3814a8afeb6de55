// SPDX-License-Identifier: MIT
/*
 * How a page names a memory.
 */
#include "tools/report/report.h"

enum { NAME_CHARS = 80 };

void report_put_memory(FILE *to, const struct report *r, int id)
{
	const char *name = id < 0 ? NULL : names_of(r->names, (unsigned)id);

	if (id < 0) {
		fputs("the image", to);
		return;
	}
	fprintf(to, name ? "memory %d (" : "memory %d", id);
	if (name) {
		html_text(to, name, NAME_CHARS);
		fputs(")", to);
	}
}
