/* SPDX-License-Identifier: MIT */
/*
 * Managed images: virtual memories in buckets, as ic-stable-structures' MemoryManager lays them
 * out. This is all that other folders see of it. layout.h has the bytes.
 *
 * Data moves side by side on any threads; only a change of layout (grow, shrink, renumber,
 * replace, fill) excludes others, for as long as it lasts. A page that was never written reads as
 * zero, also where the bucket held something else before.
 *
 * After kill -9 at any instruction an image opens again, each memory has its size from before or
 * after the call that was running, and nothing that an earlier call wrote is lost. After mm_sync
 * the same holds across a power cut. What a crash can leave behind is a leaked bucket or a hole:
 * mm_check finds and repairs both.
 */
#ifndef CANISTERFS_MEMMGR_H
#define CANISTERFS_MEMMGR_H

#include "memmgr/store.h"

enum {
	MM_PAGE_LEN = 65536,
	MM_MAX_MEMORIES = 255, /* ids 0 to 254 */
	MM_MAX_BUCKETS = 32768,
	MM_MAX_BUCKET_PAGES = 65535,
};

enum mm_kind {
	MM_EMPTY,   /* no bytes at all */
	MM_RAW,     /* stable memory without a manager */
	MM_MANAGED, /* what this folder is about, sound or damaged */
};

/* What an image is, and in `why` one sentence that says from what that follows. */
int MUST_CHECK mm_probe(struct store *s, enum mm_kind *kind, struct err *why);

/*
 * Managers that begin at a page boundary behind something else, in an image that is MM_RAW: only
 * whole and sound ones count. Looks at the first MM_BASE_SEARCH_PAGES pages, and reads of a page
 * without a manager 4 bytes. What lies in the buckets of one that was found is that one's content.
 */
enum { MM_BASE_SEARCH_PAGES = 4096 };
struct mm_base {
	unsigned found;   /* 0, 1 or 2; 2 stands for more, too */
	uint64_t page[2]; /* of the image, where they begin */
};
int MUST_CHECK mm_find_base(struct store *s, struct mm_base *out, struct err *err);

/* Makes an empty manager on an empty store (-EEXIST otherwise); bucket_pages 1 to 65535. */
int MUST_CHECK mm_create(struct store *s, uint32_t bucket_pages, struct err *err);

struct mm;

/*
 * Opens a managed image. `s` stays the caller's and must outlive the result; it is written to only
 * when it is writable. -EINVAL: raw or empty. -ENOTSUP: a newer version. -EUCLEAN: damaged; a store
 * that is not writable still opens when only single memories are short of buckets or of image.
 */
int MUST_CHECK mm_open(struct store *s, struct mm **out, struct err *err);

/* When writable: fills all holes, drops what nobody owns behind the last bucket, syncs. mm is freed
 * in any case. Accepts NULL. */
int MUST_CHECK mm_close(struct mm *mm, struct err *err);

/* Frees without writing anything more; what a reader uses. Accepts NULL. */
void mm_drop(struct mm *mm);
void cleanup_mm(struct mm **mm);
#define auto_mm __attribute__((cleanup(cleanup_mm)))

/* ---- facts ---- */

struct mm_stat {
	uint32_t bucket_pages;
	uint32_t buckets;     /* indices handed out */
	uint32_t holes;       /* of these, owned by nobody */
	uint32_t memories;    /* with pages or buckets */
	uint64_t image_pages; /* whole pages of the image */
	uint64_t cap_pages;   /* what all memories together can hold at this bucket size */
	uint64_t spare_pages; /* what can still be given out: cap less all owned buckets */
	uint64_t tail_bytes;  /* of the image behind the last bucket handed out */
};
void mm_stat(struct mm *mm, struct mm_stat *out);

struct mm_memory {
	uint64_t pages;
	uint32_t buckets;   /* owned */
	uint64_t slack_len; /* bytes of its buckets behind its last page */
};
/* All zero for a memory that does not exist. mm_id must be below MM_MAX_MEMORIES, here and below.
 */
void mm_memory(struct mm *mm, unsigned mm_id, struct mm_memory *out);

/* Another number whenever the memory's bytes or its size may have changed since, whoever asked for
 * that. Asked for before reading, it tells later whether what was read still holds. */
uint64_t mm_change_count(struct mm *mm, unsigned mm_id);

/* Where page 0 begins in the whole store, in bytes: 0, unless mm was opened on a window. */
uint64_t mm_base_off(struct mm *mm);

/* The owner of a bucket: a memory's id, or -1. */
int mm_bucket_owner(struct mm *mm, uint32_t index);

/* A piece of a memory that is contiguous in the image. */
struct mm_extent {
	uint64_t off; /* in the memory */
	uint64_t image_off;
	uint64_t len;
	uint32_t bucket;
};
/*
 * The piece that begins at `off`, at most `len` long; ends at a bucket boundary. It may lie behind
 * the memory's last page (slack), up to the end of its last bucket. -ERANGE: no bucket there.
 * The answer holds until the next change of layout: see mm_pin.
 */
int MUST_CHECK mm_extent_at(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len,
			    struct mm_extent *out);

/* ---- page_0.c: of any store ---- */

/* A checksum of what decides where each memory's bytes are: the header and the table. 0: page 0
 * cannot be read. */
uint32_t mm_layout_sum(struct store *s);
/* A raw dump that was saved over a managed image leaves the table, unless it is longer: the buckets
 * in it, or 0. */
uint32_t mm_table_left(struct store *s);
/* The store begins as a manager's page does, and ends before the table of that page ends. */
bool mm_head_is_cut(struct store *s);
/* Counts the bytes of page 0 behind the table that are not zero: then the manager was made over
 * something that was there. */
int MUST_CHECK mm_stale_in_page_0(struct store *s, uint64_t *count, struct err *err);

/* Between pin and unpin the layout does not change. Do not change it or pin again in between. */
void mm_pin(struct mm *mm);
void mm_unpin(struct mm *mm);
void cleanup_mm_pin(struct mm **mm);
#define auto_mm_pin __attribute__((cleanup(cleanup_mm_pin), unused))

/*
 * Between freeze and thaw, by one thread, nobody else is in a call that uses the image, and this
 * thread calls nothing here but mm_reload: reads the layout anew from a store whose bytes have been
 * changed below. When that fails the image cannot be used any more but for closing.
 */
void mm_freeze(struct mm *mm);
void mm_thaw(struct mm *mm);
int MUST_CHECK mm_reload(struct mm *mm, struct err *err);

/* ---- data: offsets and lengths in bytes, inside the memory's pages ---- */

/* -EIO past the last page; -EUCLEAN where a damaged image lacks the bucket or the bytes. */
int MUST_CHECK mm_read(struct mm *mm, unsigned mm_id, void *buf, size_t len, uint64_t off,
		       struct err *err);
int MUST_CHECK mm_write(struct mm *mm, unsigned mm_id, const void *buf, size_t len, uint64_t off,
			struct err *err);
/* Makes a range read as zero and gives its space back to the host. */
int MUST_CHECK mm_zero(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t len, struct err *err);
/* As store_next_data, in the memory's bytes, up to its last page. */
int MUST_CHECK mm_next_data(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t *start,
			    uint64_t *end, struct err *err);
/* Everything so far is on stable storage. */
int MUST_CHECK mm_sync(struct mm *mm, struct err *err);
/* The same, but perhaps not when the image was changed. */
int MUST_CHECK mm_sync_data(struct mm *mm, struct err *err);

/* ---- layout ---- */

/*
 * Grows or shrinks a memory to `pages`. New pages are zero. -ENOSPC: no bucket left, nothing has
 * changed; -EFBIG: more than the bucket size can ever hold.
 */
int MUST_CHECK mm_resize(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err);

/* Grows a memory to at least `pages`; never shrinks it, whatever other threads do meanwhile. */
int MUST_CHECK mm_grow(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err);

/* As mm_grow, for a memory that is likely to grow on: a large one may own some buckets more than it
 * needs then, until it has grown into them or mm_close takes them back. */
int MUST_CHECK mm_grow_ahead(struct mm *mm, unsigned mm_id, uint64_t pages, struct err *err);

/* Gives all of `from` to `to`; what `to` held is freed, and `from` is empty then. Atomic. */
int MUST_CHECK mm_renumber(struct mm *mm, unsigned from, unsigned to, struct err *err);

/* Two memories change places. Atomic. */
int MUST_CHECK mm_exchange(struct mm *mm, unsigned a, unsigned b, struct err *err);

/*
 * Delivers up to `len` bytes at `off` of new content into `buf`: returns 0 and sets *got, less than
 * len only at the end of the content. Errors as everywhere.
 */
typedef int mm_source_fn(void *ctx, void *buf, size_t len, uint64_t off, size_t *got,
			 struct err *err);

/*
 * The memory holds exactly `len` bytes from `source` then, rounded up to whole pages with zeros.
 * Atomic: readers, and a crash, see the old content or the new one. Needs room for both at once.
 */
int MUST_CHECK mm_replace(struct mm *mm, unsigned mm_id, uint64_t len, mm_source_fn *source,
			  void *ctx, struct err *err);

/* The same for several memories at once: all have their old content, or all the new one. */
enum { MM_MAX_CONTENTS = 4 };
struct mm_content {
	unsigned mm_id; /* no id twice */
	uint64_t len;
	mm_source_fn *source;
	void *ctx;
};
int MUST_CHECK mm_replace_all(struct mm *mm, const struct mm_content *content, unsigned count,
			      struct err *err);

/* Fills every hole by moving buckets so that each memory keeps its order, then cuts the image
 * behind the last bucket. -EBUSY while another thread replaces a memory. */
int MUST_CHECK mm_fill_holes(struct mm *mm, struct err *err);

/* ---- another layout of the same memories ---- */

/* What the image would be with buckets of this size. */
struct mm_sizing {
	uint32_t bucket_pages;
	uint64_t buckets;   /* the memories need; above MM_MAX_BUCKETS they cannot be held */
	uint64_t image_len; /* page 0 and all buckets */
	uint64_t slack_len; /* of these, behind the memories' ends */
	uint64_t cap_pages; /* what all memories together could hold */
	bool fits;
};
/* bucket_pages 1 to MM_MAX_BUCKET_PAGES. */
void mm_sizing(struct mm *mm, uint32_t bucket_pages, struct mm_sizing *out);

/* Told, on the way, how many more bytes have been worked through; may be NULL. */
typedef void mm_progress_fn(void *ctx, uint64_t bytes);

/*
 * Builds an image of the same memories with buckets of another size on an empty store: each
 * memory's buckets side by side, memories by ascending id, no holes, zero wherever no memory's
 * page lies. -EFBIG: more than so many buckets can hold; nothing was written then.
 */
int MUST_CHECK mm_rebucket(struct mm *from, struct store *to, uint32_t bucket_pages,
			   mm_progress_fn *progress, void *ctx, struct err *err);

/* What compacting would do, or has done. */
struct mm_compaction {
	uint32_t holes;     /* filled */
	uint32_t surplus;   /* buckets that memories own behind their last page; dropped */
	uint32_t moves;     /* buckets that change place, each once */
	uint64_t tail_len;  /* bytes behind the last bucket; dropped */
	uint64_t image_len; /* afterwards */
};
int MUST_CHECK mm_compaction(struct mm *mm, struct mm_compaction *out, struct err *err);

/*
 * Drops what no memory needs, fills all holes by as few moves as can be found, and cuts the image
 * behind the last bucket. Killed half-way, the image opens with all memories as they were, and the
 * call can be made again. -EBUSY as mm_fill_holes.
 */
int MUST_CHECK mm_compact(struct mm *mm, struct err *err);

/*
 * Makes everything zero that is no memory's: page 0 behind the table, holes, what lies behind the
 * memories' last pages, what lies behind the last bucket. *stale_len counts the bytes that were
 * not zero. Changes no memory and no table.
 */
int MUST_CHECK mm_zero_unowned(struct mm *mm, uint64_t *stale_len, struct err *err);

/* ---- the image id ---- */

/*
 * What ties an image to the files beside it (snapshot/beside/). The id lies in the last sector of
 * page 0. The MemoryManager neither reads nor writes that sector. An image has an id only while
 * something lies beside the image.
 */
enum {
	MM_ID_LEN = 16,
	MM_ID_SECTOR_LEN = 512,
	MM_ID_SECTOR_OFF = MM_PAGE_LEN - MM_ID_SECTOR_LEN,
};

struct mm_image_id {
	uint8_t id[MM_ID_LEN]; /* random */
	uint64_t tick;         /* how often the image was seen to change */
};

/* Writes MM_ID_SECTOR_LEN bytes. */
void mm_image_id_encode(const struct mm_image_id *id, uint8_t *sector);
/* Returns false where the sector holds no id, or a damaged one. */
bool mm_image_id_decode(const uint8_t *sector, struct mm_image_id *out);

/* ---- check ---- */

enum mm_severity {
	MM_NOTE,    /* odd, harmless */
	MM_WARNING, /* harmless today; harms at a later growth, or wastes space */
	MM_ERROR,   /* a memory cannot be read or grown as it should */
};

struct mm_finding {
	const char *id; /* stable name of the defect, such as "bucket-hole" */
	enum mm_severity severity;
	bool repairable;
	int mm_id;      /* the memory concerned, or -1 */
	char text[256]; /* one sentence */
};
typedef void mm_finding_fn(void *ctx, const struct mm_finding *finding);

struct mm_check_result {
	unsigned notes, warnings, errors;
	unsigned unrepairable; /* of the warnings and errors */
};

/*
 * Reports every defect of the manager's page and of the space it governs, in a fixed order. Reads
 * only. 0 however much is found; -EINVAL for an image that is not a manager's.
 */
int MUST_CHECK mm_check(struct store *s, mm_finding_fn *fn, void *ctx,
			struct mm_check_result *result, struct err *err);

/*
 * Repairs all that mm_check calls repairable. Never changes a byte inside a memory. A second run
 * finds nothing to do. Stopped half-way, it can be run again. While one error cannot be repaired
 * nothing is, and mm_check calls nothing repairable: what looks free may be what is missing.
 */
int MUST_CHECK mm_repair(struct store *s, struct err *err);

/* All defects that mm_check knows, ending with a NULL id; text says what the defect is. */
extern const struct mm_defect {
	const char *id;
	enum mm_severity severity;
	bool repairable;
	const char *text;
} mm_defects[];

#endif
