// SPDX-License-Identifier: MIT
/*
 * Owns the answer to "what is in here". Ordered from the strongest test to the weakest: a header
 * with several fields that must agree, a payload that ends exactly where its length says, a payload
 * that merely parses. Three bytes prove nothing: a raw dump can begin with any of them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "memmgr/structures/ss.h"

static const char *const names[SS_KINDS] = {
	[SS_UNKNOWN] = "unknown",
	[SS_EMPTY] = "empty",
	[SS_ZEROS] = "zeros",
	[SS_BTREE] = "btree",
	[SS_CELL] = "cell",
	[SS_VEC] = "vec",
	[SS_HEAP] = "minheap",
	[SS_LOG_INDEX] = "log-index",
	[SS_LOG_DATA] = "log-data",
	[SS_CBOR] = "cbor",
	[SS_CBOR_PREFIXED] = "cbor-prefixed",
	[SS_CANDID] = "candid",
	[SS_CANDID_PREFIXED] = "candid-prefixed",
	[SS_SQLITE] = "sqlite",
	[SS_MANAGER] = "manager",
	[SS_MOTOKO_REGIONS] = "motoko-regions",
	[SS_MOTOKO_PARKED] = "motoko-parked",
	[SS_STABLE_FS] = "stable-fs",
};

const char *ss_kind_name(enum ss_kind kind)
{
	return kind < SS_KINDS ? names[kind] : "unknown";
}

int ss_kind_parse(const char *name, enum ss_kind *out)
{
	static const struct {
		const char *name;
		enum ss_kind kind;
	} other[] = {{"btreemap", SS_BTREE}, {"btreeset", SS_BTREE}, {"log", SS_LOG_INDEX}};

	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		if (strcmp(name, other[i].name) == 0) {
			*out = other[i].kind;
			return 0;
		}
	}
	for (unsigned i = 0; i < SS_KINDS; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum ss_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool ss_kind_has_records(enum ss_kind kind)
{
	return kind == SS_BTREE || kind == SS_CELL || kind == SS_VEC || kind == SS_HEAP ||
	       kind == SS_LOG_INDEX || kind == SS_CBOR || kind == SS_CBOR_PREFIXED ||
	       kind == SS_CANDID || kind == SS_CANDID_PREFIXED;
}

bool ss_kind_is_array(enum ss_kind kind)
{
	return kind == SS_VEC || kind == SS_HEAP || kind == SS_LOG_INDEX;
}

/* The first bytes of the memory, zero where it is shorter. */
struct head {
	struct blocks *b;
	uint64_t len; /* of the memory */
	uint8_t raw[128];
};

static void say(struct ss_content *out, const char *what)
{
	snprintf(out->text, sizeof(out->text), "%s", what);
}

/* ---- the library's own containers ---- */

static const struct {
	char magic[4];
	enum ss_kind kind;
	bool (*plausible)(struct blocks *b, struct ss_content *out);
} containers[] = {
	{"BTR", SS_BTREE, bt_plausible},
	{"SVC", SS_VEC, vec_plausible},
	{"SMH", SS_HEAP, vec_plausible},
	{"SCL", SS_CELL, cell_plausible},
	{"GLI", SS_LOG_INDEX, log_index_plausible},
	{"GLD", SS_LOG_DATA, log_data_plausible},
};

static bool is_container(struct head *h, struct ss_content *out)
{
	for (size_t i = 0; i < ARRAY_LEN(containers); i++) {
		if (memcmp(h->raw, containers[i].magic, 3) != 0)
			continue;
		if (containers[i].plausible(h->b, out)) {
			out->kind = containers[i].kind;
			return true;
		}
		out->resembles = containers[i].kind;
		return false;
	}
	return false;
}

/* ---- other programs' headers ---- */

static bool is_sqlite(struct head *h, struct ss_content *out)
{
	uint32_t page_len = get_be16(h->raw + 16);
	uint32_t pages = get_be32(h->raw + 28);

	if (memcmp(h->raw, "SQLite format 3", 16) != 0)
		return false;
	page_len = page_len == 1 ? 65536 : page_len;
	if (page_len < 512 || (page_len & (page_len - 1)) || h->raw[21] != 64 || h->raw[22] != 32 ||
	    h->raw[23] != 32) {
		out->resembles = SS_SQLITE;
		say(out,
		    "begins like a SQLite database, but its page length or fractions are wrong");
		return false;
	}
	out->kind = SS_SQLITE;
	out->payload_len = (uint64_t)pages * page_len;
	snprintf(out->text, sizeof(out->text),
		 "SQLite database, %" PRIu32 " pages of %" PRIu32 " bytes", pages, page_len);
	return true;
}

static bool is_manager(struct head *h, struct ss_content *out)
{
	struct err why = {0};
	enum mm_kind kind;

	if (memcmp(h->raw, "MGR", 3) != 0 || mm_probe(h->b->store, &kind, &why) < 0)
		return false;
	snprintf(out->text, sizeof(out->text), "%.255s", why.text);
	if (kind != MM_MANAGED) {
		out->resembles = SS_MANAGER;
		return false;
	}
	out->kind = SS_MANAGER;
	out->version = h->raw[3];
	return true;
}

/* Running, or parked by an upgrade: then the first word is zero and kept in the last page. */
static bool is_motoko_regions(struct head *h, struct ss_content *out)
{
	enum { METADATA_LEN = 360482, PAGES_PER_BLOCK = 128, BLOCK_LEN = 8388608 };
	bool parked = get_le32(h->raw) == 0;
	uint64_t base = get_le64(h->raw + 14), blocks = get_le32(h->raw + 22);

	if (memcmp(h->raw + 4, "GION", 4) != 0 || (!parked && memcmp(h->raw, "MORE", 4) != 0))
		return false;
	out->version = get_le32(h->raw + 8);
	if (out->version < 1 || out->version > 2 || get_le16(h->raw + 12) != PAGES_PER_BLOCK ||
	    base < METADATA_LEN || base % MM_PAGE_LEN != 0 || blocks > 32768 ||
	    h->len < METADATA_LEN ||
	    (blocks > 0 && (h->len < base || (h->len - base) / BLOCK_LEN < blocks))) {
		out->resembles = SS_MOTOKO_REGIONS;
		say(out, "begins like Motoko's region manager, but its fields cannot be true");
		return false;
	}
	out->kind = SS_MOTOKO_REGIONS;
	out->count = get_le64(h->raw + 26);
	snprintf(out->text, sizeof(out->text),
		 "Motoko regions%s, version %u, %" PRIu64 " blocks of 8 MiB",
		 parked ? ", parked by an upgrade" : "", out->version, blocks);
	return true;
}

/* Classical, versions 1 and 2: the variables lie behind the logical size, their length before. */
static bool is_parked_classical(struct head *h, const uint8_t *tail, struct ss_content *out)
{
	uint64_t pages = get_le32(tail + 28), off = pages * MM_PAGE_LEN, len;
	uint8_t data[8];

	if (pages >= h->len / MM_PAGE_LEN || blocks_read(h->b, data, sizeof(data), off, NULL) < 0 ||
	    memcmp(data + 4, "DIDL", 4) != 0)
		return false;
	len = get_le32(data);
	if (len > h->len - off - 4 - 12)
		return false;
	out->payload_off = off + 4;
	out->payload_len = len;
	snprintf(out->text, sizeof(out->text),
		 "Motoko's stable variables, %" PRIu64 " bytes parked behind %" PRIu64 " pages",
		 len, pages);
	return true;
}

/* Graph copy, versions 3 and 4: the object graph from a page on, then the types of its objects. */
static bool is_parked_graph(struct head *h, const uint8_t *tail, struct ss_content *out)
{
	uint64_t off = get_le64(tail + 8), len = get_le64(tail + 16),
		 types_off = get_le64(tail + 24);
	uint64_t end;

	if (off % MM_PAGE_LEN != 0 || len == 0 || add_overflows(off, len, &end) ||
	    end > types_off || types_off > h->len - 40)
		return false;
	out->payload_off = off;
	out->payload_len = len;
	snprintf(out->text, sizeof(out->text),
		 "Motoko's object graph, %" PRIu64 " bytes parked behind %" PRIu64 " pages", len,
		 off / MM_PAGE_LEN);
	return true;
}

/* Orthogonal persistence, versions 5 and 6: only the logical size is parked, in a page of zeros. */
static bool is_parked_size(struct head *h, const uint8_t *tail, struct ss_content *out)
{
	enum { LAST_LEN = MM_PAGE_LEN - 16 };
	auto_free uint8_t *last = malloc(LAST_LEN);
	uint64_t pages = get_le64(tail + 24);

	if (!last || pages == 0 || pages >= h->len / MM_PAGE_LEN ||
	    blocks_read(h->b, last, LAST_LEN, h->len - MM_PAGE_LEN, NULL) < 0 ||
	    !is_zero(last, LAST_LEN))
		return false;
	snprintf(out->text, sizeof(out->text),
		 "Motoko's experimental stable memory, %" PRIu64 " pages parked by an upgrade",
		 pages);
	return true;
}

/* The word at 0 is zero, and the image ends in a version. */
static bool is_motoko_parked(struct head *h, struct ss_content *out)
{
	uint8_t tail[40];
	bool parked = false;

	if (h->len < MM_PAGE_LEN || get_le32(h->raw) != 0 ||
	    blocks_read(h->b, tail, sizeof(tail), h->len - sizeof(tail), NULL) < 0)
		return false;
	out->version = get_le32(tail + 36);
	if (out->version == 1 || out->version == 2)
		parked = is_parked_classical(h, tail, out);
	else if (out->version == 3 || out->version == 4)
		parked = is_parked_graph(h, tail, out);
	else if (out->version == 5 || out->version == 6)
		parked = is_parked_size(h, tail, out);
	if (parked)
		out->kind = SS_MOTOKO_PARKED;
	else
		out->version = 0;
	return parked;
}

static bool is_stable_fs(struct head *h, struct ss_content *out)
{
	uint64_t chunk = get_le64(h->raw + 8);

	if (memcmp(h->raw, "FSA1\0\0\0", 8) != 0 && memcmp(h->raw, "ALO1\0\0\0", 8) != 0)
		return false;
	if (chunk != 0 && (chunk < 4096 || chunk > 65536 || (chunk & (chunk - 1)))) {
		out->resembles = SS_STABLE_FS;
		return false;
	}
	out->kind = SS_STABLE_FS;
	snprintf(out->text, sizeof(out->text),
		 "chunk allocator of stable-fs, %" PRIu64 " free chunks", get_le64(h->raw + 16));
	return true;
}

/* ---- payloads ---- */

static bool set_payload(struct ss_content *out, enum ss_kind kind, uint64_t off, uint64_t end,
			const char *what)
{
	out->kind = kind;
	out->count = 1;
	out->payload_off = off;
	out->payload_len = end - off;
	snprintf(out->text, sizeof(out->text), "%s of %" PRIu64 " bytes%s", what, end - off,
		 off > 0 ? ", behind its length" : "");
	return true;
}

/* The length says where it ends, and the item must end exactly there. */
static bool is_prefixed(struct head *h, struct ss_content *out)
{
	uint64_t len = get_le32(h->raw), end;

	if (len < 1 || h->len < 5 || len > h->len - 4)
		return false;
	if (memcmp(h->raw + 4, "DIDL", 4) == 0 && candid_end(h->b, 4, 4 + len, &end) == 0 &&
	    end == 4 + len)
		return set_payload(out, SS_CANDID_PREFIXED, 4, end, "Candid message");
	/* What Motoko parks is Candid with types of its own, which candid_end does not know. */
	if (memcmp(h->raw + 4, "DIDL", 4) == 0)
		return set_payload(out, SS_MOTOKO_PARKED, 4, 4 + len,
				   "Motoko's stable variables, parked by an upgrade:");
	if (cbor_end(h->b, 4, 4 + len, &end) == 0 && end == 4 + len)
		return set_payload(out, SS_CBOR_PREFIXED, 4, end, "CBOR item");
	return false;
}

/* Nearly any byte begins a CBOR item, so only a map, an array or the tag that says so counts, and
 * it must be more than nothing. */
static bool is_bare_cbor(struct head *h, struct ss_content *out)
{
	unsigned major = h->raw[0] >> 5;
	bool tagged = memcmp(h->raw, "\xd9\xd9\xf7", 3) == 0;
	uint64_t end;

	if ((major != 4 && major != 5 && !tagged) || cbor_end(h->b, 0, h->len, &end) < 0 || end < 8)
		return false;
	return set_payload(out, SS_CBOR, 0, end, "CBOR item");
}

static bool is_bare_candid(struct head *h, struct ss_content *out)
{
	uint64_t end;

	if (memcmp(h->raw, "DIDL", 4) != 0)
		return false;
	if (candid_end(h->b, 0, h->len, &end) < 0) {
		out->resembles = SS_CANDID;
		say(out, "begins like a Candid message, but is none");
		return false;
	}
	return set_payload(out, SS_CANDID, 0, end, "Candid message, as stable_save leaves it,");
}

static int all_zero(struct head *h, bool *zero, struct err *err)
{
	auto_free uint8_t *buf = malloc(MM_PAGE_LEN);
	uint64_t start, end;
	int rc;

	*zero = false;
	if (!buf)
		return err_set(err, -ENOMEM, "no memory to look for data");
	for (uint64_t off = 0; off < h->len; off = end) {
		rc = store_next_data(h->b->store, off, &start, &end, err);
		if (rc < 0)
			return rc;
		while (start < end) {
			size_t len = MIN((uint64_t)MM_PAGE_LEN, end - start);

			rc = store_read(h->b->store, buf, len, start, err);
			if (rc < 0)
				return rc;
			if (!is_zero(buf, len))
				return 0;
			start += len;
		}
	}
	*zero = true;
	return 0;
}

static bool (*const tests[])(struct head *h, struct ss_content *out) = {
	is_container,   is_manager,  is_sqlite,        is_motoko_regions, is_stable_fs,
	is_bare_candid, is_prefixed, is_motoko_parked, is_bare_cbor,
};

static int recognise(struct head *h, struct ss_content *out, struct err *err)
{
	bool zero;
	int rc;

	rc = blocks_read(h->b, h->raw, MIN(h->len, sizeof(h->raw)), 0, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		if (tests[i](h, out))
			return 0;
	if (!is_zero(h->raw, sizeof(h->raw)))
		goto unknown;
	rc = all_zero(h, &zero, err);
	if (rc < 0)
		return rc;
	if (zero) {
		out->kind = SS_ZEROS;
		say(out, "only zeros: grown and never written, or cleared");
		return 0;
	}
unknown:
	if (out->text[0] == '\0')
		say(out, "begins like nothing known");
	return 0;
}

int ss_recognise(struct store *s, struct ss_content *out, struct err *err)
{
	struct blocks b;
	struct head h = {.b = &b, .len = s->len};
	int rc;

	*out = (struct ss_content){0};
	if (s->len == 0) {
		out->kind = SS_EMPTY;
		say(out, "no pages");
		return 0;
	}
	rc = blocks_open(s, &b, err);
	if (rc < 0)
		return rc;
	rc = recognise(&h, out, err);
	blocks_close(&b);
	return rc;
}
