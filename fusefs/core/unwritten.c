// SPDX-License-Identifier: MIT
/*
 * Owns the ranges of a file that could not be written, and the bytes that are kept of them. See
 * unwritten.h.
 */
#include "fusefs/core/unwritten.h"

#include <stdio.h>

#include "fusefs/core/fs.h"

enum {
	KEPT_MAX_LEN = 64 << 20, /* bytes kept by one mount */
	PIECES_MAX = 1 << 16,    /* of one file; beyond it, neighbours that are lost are joined */
};

/* By all files of the process, which has one mount. */
static _Atomic uint64_t kept_len;

void unwritten_init(struct unwritten *u)
{
	pthread_mutex_init(&u->lock, NULL);
}

static void drop_bytes(struct unwritten_piece *p)
{
	if (p->bytes)
		kept_len -= p->len;
	free(p->bytes);
	p->bytes = NULL;
}

void unwritten_free(struct unwritten *u)
{
	for (size_t i = 0; i < u->count; i++)
		drop_bytes(&u->piece[i]);
	free(u->piece);
	pthread_mutex_destroy(&u->lock);
}

static uint64_t end_of(const struct unwritten_piece *p)
{
	return p->off + p->len;
}

/* The number of the first piece that ends behind `off`. */
static size_t find(const struct unwritten *u, uint64_t off)
{
	size_t low = 0, high = u->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (end_of(&u->piece[middle]) > off)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool make_room(struct unwritten *u, size_t more)
{
	size_t room = MAX(u->room, (size_t)16);
	struct unwritten_piece *piece;

	while (room < u->count + more)
		room *= 2;
	if (room == u->room)
		return true;
	piece = realloc(u->piece, room * sizeof(*piece));
	if (!piece)
		return false;
	u->piece = piece;
	u->room = room;
	return true;
}

static void delete_piece(struct unwritten *u, size_t at)
{
	drop_bytes(&u->piece[at]);
	memmove(u->piece + at, u->piece + at + 1, (--u->count - at) * sizeof(*u->piece));
}

static void insert_piece(struct unwritten *u, size_t at, struct unwritten_piece p)
{
	memmove(u->piece + at + 1, u->piece + at, (u->count++ - at) * sizeof(*u->piece));
	u->piece[at] = p;
}

/* Bytes to keep, if the mount may keep so many. */
static char *keep(const char *buf, uint64_t len)
{
	char *bytes = NULL;

	if (atomic_fetch_add(&kept_len, len) + len <= KEPT_MAX_LEN)
		bytes = malloc(len);
	if (bytes)
		memcpy(bytes, buf, len);
	else
		kept_len -= len;
	return bytes;
}

/* Takes [off, end) out of piece `at`, which reaches behind both ends of it. Without memory for the
 * part behind, that part is lost. */
static void split(struct unwritten *u, size_t at, uint64_t off, uint64_t end)
{
	struct unwritten_piece *p = &u->piece[at];
	struct unwritten_piece behind = {.off = end, .len = end_of(p) - end, .rc = p->rc};

	if (p->bytes) {
		behind.bytes = keep(p->bytes + (end - p->off), behind.len);
		kept_len -= end_of(p) - off;
	}
	p->len = off - p->off;
	insert_piece(u, at + 1, behind);
}

static void cut_front(struct unwritten_piece *p, uint64_t to)
{
	uint64_t cut = to - p->off;

	if (p->bytes) {
		memmove(p->bytes, p->bytes + cut, p->len - cut);
		kept_len -= cut;
	}
	p->off = to;
	p->len -= cut;
}

static void cut_back(struct unwritten_piece *p, uint64_t to)
{
	if (p->bytes)
		kept_len -= end_of(p) - to;
	p->len = to - p->off;
}

/* There is room for one more piece. */
static void remove_range(struct unwritten *u, uint64_t off, uint64_t end)
{
	for (size_t at = find(u, off); at < u->count && u->piece[at].off < end;) {
		struct unwritten_piece *p = &u->piece[at];

		if (p->off < off && end_of(p) > end) {
			split(u, at, off, end);
			return;
		}
		if (p->off >= off && end_of(p) <= end) {
			delete_piece(u, at);
			continue;
		}
		if (p->off < off)
			cut_back(p, off);
		else
			cut_front(p, end);
		at++;
	}
}

/* A lost piece becomes part of the lost one in front of it, where that touches it or there are too
 * many. */
static bool join(struct unwritten *u, size_t at, uint64_t off, uint64_t len, int rc)
{
	struct unwritten_piece *before = at > 0 ? &u->piece[at - 1] : NULL;

	if (!before || before->bytes ||
	    (u->count < PIECES_MAX && (end_of(before) != off || before->rc != rc)))
		return false;
	before->len = off + len - before->off;
	return true;
}

static void add(struct unwritten *u, const void *buf, uint64_t len, uint64_t off, int rc)
{
	struct unwritten_piece p = {.off = off, .len = len, .rc = rc};
	bool room = make_room(u, 2);
	size_t at;

	if (!room) {
		u->overflowed = true;
		return;
	}
	remove_range(u, off, off + len);
	at = find(u, off);
	p.bytes = u->count < PIECES_MAX ? keep(buf, len) : NULL;
	if (p.bytes || !join(u, at, off, len, rc))
		insert_piece(u, at, p);
}

/* What a file is called in a sentence. */
const char *unwritten_describe(const struct node *node, const char *name, char *text, size_t len)
{
	if (node->kind == NODE_MEMORY)
		snprintf(text, len, "memory %u", node->mm_id);
	else if (name)
		snprintf(text, len, "scratch file '%s'", name);
	else
		snprintf(text, len, "a scratch file");
	return text;
}

void unwritten_add(struct fs *fs, struct node *node, const void *buf, uint64_t len, uint64_t off,
		   int rc)
{
	struct unwritten *u = &node->unwritten;
	char what[300];
	bool first;

	{
		auto_unlock pthread_mutex_t *held = lock(&u->lock);

		add(u, buf, len, off, rc);
	}
	first = !atomic_exchange(&u->any, true);
	node_raise_size(node, off + len);
	if (first)
		fs_log(fs, "%s: bytes %llu to %llu of %s cannot be written: %s",
		       fs->cfg->image_path, (unsigned long long)off,
		       (unsigned long long)(off + len),
		       unwritten_describe(node, NULL, what, sizeof(what)), strerror(-rc));
}

void unwritten_remove(struct node *node, uint64_t off, uint64_t len)
{
	struct unwritten *u = &node->unwritten;
	auto_unlock pthread_mutex_t *held = NULL;
	uint64_t end;

	if (!u->any)
		return;
	held = lock(&u->lock);
	if (add_overflows(off, len, &end))
		end = UINT64_MAX;
	if (off == 0 && end == UINT64_MAX)
		u->overflowed = false;
	/* Without memory the range stays what it was, and the next sync says so. */
	if (make_room(u, 1))
		remove_range(u, off, end);
}

int unwritten_read(struct node *node, void *buf, uint64_t len, uint64_t off, struct err *err)
{
	struct unwritten *u = &node->unwritten;
	auto_unlock pthread_mutex_t *held = lock(&u->lock);
	char what[300];

	for (size_t at = find(u, off); at < u->count && u->piece[at].off < off + len; at++) {
		const struct unwritten_piece *p = &u->piece[at];
		uint64_t from = MAX(p->off, off), to = MIN(end_of(p), off + len);

		if (!p->bytes)
			return err_set(err, -EIO,
				       "bytes %llu to %llu of %s were not written, and are lost",
				       (unsigned long long)p->off, (unsigned long long)end_of(p),
				       unwritten_describe(node, NULL, what, sizeof(what)));
		memcpy((char *)buf + (from - off), p->bytes + (from - p->off), to - from);
	}
	return 0;
}

bool unwritten_next(struct node *node, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct unwritten *u = &node->unwritten;
	auto_unlock pthread_mutex_t *held = lock(&u->lock);
	size_t at = find(u, off);

	if (at == u->count)
		return false;
	*start = MAX(u->piece[at].off, off);
	*end = end_of(&u->piece[at]);
	return true;
}

/* Nobody else changes the pieces: the node's lock is held exclusively. */
int unwritten_write(struct fs *fs, struct node *node, unwritten_store_fn *store, uint64_t *off,
		    uint64_t *end)
{
	struct unwritten *u = &node->unwritten;
	int first = u->overflowed ? -ENOMEM : 0;

	for (size_t at = 0; at < u->count;) {
		struct unwritten_piece *p = &u->piece[at];

		if (p->bytes)
			p->rc = store(fs, node, p->bytes, p->len, p->off, NULL);
		if (p->rc == 0) {
			delete_piece(u, at);
			continue;
		}
		if (!first) {
			first = p->rc;
			*off = p->off;
			*end = end_of(p);
		}
		at++;
	}
	return first;
}
