/* SPDX-License-Identifier: MIT */
/* How to come to each view. What cannot be opened is said on the last line. */
#ifndef CANISTERFS_BROWSE_VIEWS_H
#define CANISTERFS_BROWSE_VIEWS_H

#include "tools/browse/browser.h"
#include "tools/browse/sheet.h"

/* The memories of an image. */
void view_image_open(struct browser *b, struct subject *image);
/* The records, or the bytes, of a memory; mm_id -1: of a raw image. */
void view_memory_open(struct browser *b, struct subject *image, int mm_id);
/* The bucket map; mm_id -1: no memory stands out. */
void view_map_open(struct browser *b, struct subject *image, int mm_id);
/* What check finds. */
void view_findings_open(struct browser *b, struct subject *image);
/* Snapshots and checkpoints beside the image. */
void view_points_open(struct browser *b);
/* The keys of a view. */
void view_help_open(struct browser *b, const struct view_ops *ops, const struct key_help *common);

/* Lines of text: `fill` makes them for a width, when the view is opened and when the terminal has
 * another width. It gets `ctx`, which `drop` frees. */
struct sheet_source {
	void (*fill)(void *ctx, struct sheet *s, int width);
	void (*drop)(void *ctx); /* may be NULL */
	void *ctx;
};
void view_sheet_open(struct browser *b, const char *title, struct sheet_source source);

/* Bytes that are somewhere, and perhaps have a codec. */
struct value_source {
	uint64_t len;
	const struct codec *codec; /* NULL: bytes without one */
	int (*read)(void *ctx, void *buf, size_t len, uint64_t off, struct err *err);
	void (*drop)(void *ctx); /* may be NULL */
	void *ctx;
};
enum value_form { VALUE_JSON, VALUE_TEXT, VALUE_HEX, VALUE_FORMS };
extern const char *const value_form_names[VALUE_FORMS];
/* Appends bytes as text: with \x00 for each byte 0, which else would end it. */
void value_text(struct ss_bytes bytes, struct buf *out);
void view_value_open(struct browser *b, const char *title, struct value_source source,
		     enum value_form form);

/* Keys that lead to the map, the findings and the points, from wherever an image is shown. */
bool view_shared_key(struct browser *b, struct subject *image, int mm_id, int code);

#endif
