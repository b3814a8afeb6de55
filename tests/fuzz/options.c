// SPDX-License-Identifier: MIT
/* What the sanitizers of a fuzzer are told, unless ASAN_OPTIONS says otherwise. */

const char *__asan_default_options(void);

/*
 * A run frees less than 4 MiB; with more kept back, each new block is one whose pages no cache has
 * any more. And a run takes a hundred blocks: whoever wants to see more callers of malloc runs the
 * input that was found with another malloc_context_size.
 */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:malloc_context_size=4";
}
