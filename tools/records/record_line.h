/* SPDX-License-Identifier: MIT */
/* One record as a line of JSON, as `dump` prints it. */
#ifndef CANISTERFS_RECORD_LINE_H
#define CANISTERFS_RECORD_LINE_H

#include "tools/records/load_lines.h"

/* The buffers are used again by the next line, and freed by the caller. */
struct record_line {
	struct buf key, value;
	uint64_t index;
	bool has_key, has_value, has_index;
};

/* text[len] is 0. The text may be changed meanwhile, and is as it was at the end. */
int MUST_CHECK record_line_read(const struct load_rules *rules, char *text, size_t len,
				struct record_line *line, struct err *err);

#endif
