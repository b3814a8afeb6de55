/* SPDX-License-Identifier: MIT */
/*
 * Undo files: what a change in place overwrites is saved first, so that it can be taken back.
 *
 * The file, all little-endian; each `crc` is CRC-32 of its head or record with this field 0:
 *
 *     off 0   8  magic "cfsundo2"
 *         8   4  crc
 *        12   4  zero
 *        16   8  length of the image before
 *        24   8  length of this file once it is complete; 0 until then
 *        32  16  id of the image (snapshot/beside/); zeros: it has none
 *        48   .  records, one behind the other:
 *
 *     off 0   4  crc
 *         4   4  kind: 1 block, 2 block of zeros, 3 end
 *         8   8  block: its offset in the image; end: the image's length after the change
 *        16   4  block: its length, at most 64 KiB; end: how many blocks there are
 *        20   .  block: its bytes before; end: for each block, in order, CRC-32 of its bytes
 *                after (4 bytes), with zeros for those behind the end of the image
 *
 * Each block stands once, and is on disk here before it changes in the image. A file that is not
 * complete is that of a change that was stopped on its way; what is torn at its end does not count.
 * Such a file says nothing of the image afterwards. So it is applied only to the image that still
 * has this id: an id is erased when the image is next opened for writing.
 */
#ifndef CANISTERFS_UNDO_H
#define CANISTERFS_UNDO_H

#include "memmgr/memmgr.h"

/*
 * A store on top of `under`, which stays the caller's, that saves to a new file at `path`
 * (-EEXIST where there is one already). Not for several threads.
 */
int MUST_CHECK undo_begin(struct store *under, const uint8_t image_id[MM_ID_LEN], const char *path,
			  struct store **out, struct err *err);
/* As undo_begin, for a change of the image at `image`: to `save`, or where that is NULL to
 * IMAGE.undo, or the first free one of IMAGE.undo-2 and so on. *name, for free(), says which. */
int MUST_CHECK undo_begin_beside(struct store *under, const uint8_t image_id[MM_ID_LEN],
				 const char *image, const char *save, struct store **out,
				 char **name, struct err *err);
/* The change is complete and synced; syncs the file. Removes it where nothing was changed, and
 * sets *changed. Closes the store. */
int MUST_CHECK undo_end(struct store *undo, bool *changed, struct err *err);

/*
 * Puts back what the file at `path` holds. Refuses, before it writes anything, a damaged file, one
 * of another image, an unfinished one of an image with another id, and one of an image that was
 * changed since in the same places: -EUCLEAN. Can be stopped and run again.
 */
int MUST_CHECK undo_apply(struct store *image, const uint8_t image_id[MM_ID_LEN], const char *path,
			  struct err *err);

#endif
