/* SPDX-License-Identifier: MIT */
/* All verbs, in the order in which help shows them. No include guard: it is read for the
 * declarations and for the table. */
VERB(create)
VERB(info)
VERB(map)
VERB(check)
VERB(cat)
VERB(put)
VERB(dump)
VERB(load)
VERB(diff)
VERB(schema)
#ifdef HAVE_FUSE
VERB(mount)
#endif
#ifdef HAVE_FUSE
VERB(run)
#endif
VERB(umount)
VERB(snapshot)
VERB(commit)
VERB(discard)
VERB(adopt)
VERB(extract)
VERB(checkpoint)
VERB(restore)
VERB(verify)
VERB(compare)
VERB(find)
VERB(advise)
VERB(rebucket)
VERB(compact)
VERB(waste)
VERB(version)
