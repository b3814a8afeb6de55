/* SPDX-License-Identifier: MIT */
/* All verbs, in the order in which help shows them. No include guard: main.c reads it twice. */
VERB(version)
