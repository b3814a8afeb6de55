// SPDX-License-Identifier: MIT
/*
 * The progress line. See progress.h.
 */
#include "tools/out/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tools/out/text.h"

enum {
	QUIET_MS = 500, /* work shorter than this shows nothing */
	EVERY_MS = 100,
	BAR_MAX = 40,
	WORDS_MAX = 72, /* columns that are not the bar */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct progress progress_begin(const char *what, uint64_t total, bool quiet)
{
	struct progress p = {.what = what, .total = total, .on = !quiet && isatty(STDERR_FILENO)};

	if (p.on)
		p.start_ms = p.shown_ms = now_ms();
	return p;
}

static void put_bar(const struct progress *p, const struct term *term)
{
	int room = (int)term->width - WORDS_MAX;
	int width = MIN(room, BAR_MAX);
	int full;

	if (width < 8)
		return;
	full = (int)((double)width * (double)p->done / (double)p->total);
	for (int i = 0; i < width; i++)
		fputs(i < full ? (term->utf8 ? "━" : "=") : (term->utf8 ? "╌" : "-"), stderr);
	fputs("  ", stderr);
}

static void put_time_left(const struct progress *p, uint64_t passed_ms)
{
	double left = (double)passed_ms / 1000 * (double)(p->total - p->done) / (double)p->done;
	uint64_t s = (uint64_t)left + 1;

	if (s < 3600)
		fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " left", s / 60, s % 60);
	else
		fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " h left", s / 3600, s / 60 % 60);
}

static void show(struct progress *p, uint64_t now)
{
	struct term term = term_of(STDERR_FILENO);
	uint64_t passed = now - p->start_ms;

	p->done = p->total ? MIN(p->done, p->total) : p->done;
	fprintf(stderr, "\r%s  ", p->what);
	if (p->total)
		put_bar(p, &term);
	fputs(text_size(p->done).s, stderr);
	if (p->total)
		fprintf(stderr, " of %s", text_size(p->total).s);
	fprintf(stderr, ", %s/s", text_size(p->done * 1000 / passed / 1024 * 1024).s);
	if (p->total && p->done)
		put_time_left(p, passed);
	fputs("\033[K", stderr);
	p->shown = true;
	p->shown_ms = now;
}

void progress_add(struct progress *p, uint64_t bytes)
{
	uint64_t now;

	p->done += bytes;
	if (!p->on)
		return;
	now = now_ms();
	if (now - p->start_ms >= QUIET_MS && now - p->shown_ms >= EVERY_MS)
		show(p, now);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
