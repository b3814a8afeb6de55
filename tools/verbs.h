/* SPDX-License-Identifier: MIT */
/* All verbs by what one wants to do, in the order in which help shows them. No include guard: it is
 * read for the declarations, and for the table that also wants the headings. */
#ifndef GROUP
#define GROUP(heading)
#endif

GROUP("Look")
VERB(info)
VERB(map)
VERB(browse)
VERB(check)
VERB(cat)
VERB(dump)
VERB(diff)
VERB(find)
VERB(schema)
VERB(report)

GROUP("Change")
#ifdef HAVE_FUSE
VERB(mount)
#endif
VERB(umount)
VERB(create)
VERB(put)
VERB(load)
VERB(adopt)
VERB(extract)
VERB(checkout)
VERB(status)

GROUP("Keep")
VERB(snapshot)
VERB(checkpoint)
VERB(restore)
VERB(verify)
VERB(compare)

GROUP("Try")
VERB(run)
VERB(commit)
VERB(discard)

GROUP("Make smaller")
VERB(advise)
VERB(rebucket)
VERB(compact)

GROUP("Fleets")
VERB(waste)

GROUP("This program")
VERB(version)

#undef GROUP
