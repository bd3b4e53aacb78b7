/* The limits: the shortest loops that store, read and walk as many entries. Each is one loop
 * without vector instructions, as the limits of the measured peers are, so that ratios compare. */
#ifndef CLIMITS_H
#define CLIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Stores `count` entries: `first`, and each next one 4096 more. */
void climits_store(uint64_t *words, size_t count, uint64_t first);

/* The same with vector instructions, where the compiler finds them. */
void climits_store_vectors(uint64_t *words, size_t count, uint64_t first);

/* Takes R/W from the present entries. */
void climits_protect(uint64_t *words, size_t count);

/* The same with a locked operation for each entry, as live tables need. */
void climits_protect_locked(uint64_t *words, size_t count);

/* Reads and zeroes entries; answers their sum. */
uint64_t climits_unmap(uint64_t *words, size_t count);

/* Walks 4 levels for each address with the checks of P and PS; answers the sum of translations. */
uint64_t climits_walk(const char *memory, uint64_t root, const uint64_t *addresses, size_t count);

/* Splits the 2 MiB leaves in `directory`, each into the next of `frames`. */
void climits_split(char *memory, uint64_t directory, size_t count, const uint64_t *frames);

/* Maps a 4 KiB page for each address, one call for each, with a walk from the root, checks and new
 * tables from `next_frame` on, which are zero; answers the first frame that is still free. */
uint64_t climits_map(char *memory, uint64_t root, const uint64_t *addresses, size_t count,
                     uint64_t next_frame);

/* Zeroes whole frames one after the other. */
void climits_zero(char *memory, size_t frames);

/* Asks for 2 MiB pages of host memory and touches every page; answers 0. */
int climits_prefault(char *memory, size_t bytes);

#endif
