/* The limits, as plain C. */
#define _GNU_SOURCE
#include "climits.h"

#include <string.h>
#include <sys/mman.h>

#define ADDRESS 0x000ffffffffff000ull
/* Where a short loop stands decides whether an iteration takes one cycle or two. */
#define ALIGNED __attribute__((aligned(64)))

ALIGNED void climits_store(uint64_t *words, size_t count, uint64_t first) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (size_t i = 0; i < count; i++) {
    words[i] = first;
    first += 4096;
  }
}

ALIGNED void climits_store_vectors(uint64_t *words, size_t count, uint64_t first) {
  for (size_t i = 0; i < count; i++) {
    words[i] = first;
    first += 4096;
  }
}

ALIGNED void climits_protect(uint64_t *words, size_t count) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (size_t i = 0; i < count; i++) {
    uint64_t word = words[i];
    if (word & 1) words[i] = word & ~2ull;
  }
}

ALIGNED void climits_protect_locked(uint64_t *words, size_t count) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (size_t i = 0; i < count; i++) {
    if (words[i] & 1) __atomic_fetch_or(&words[i], 2, __ATOMIC_ACQ_REL);
  }
}

ALIGNED uint64_t climits_unmap(uint64_t *words, size_t count) {
  uint64_t sum = 0;
#pragma clang loop vectorize(disable) unroll_count(2)
  for (size_t i = 0; i < count; i++) {
    sum += words[i];
    /* Volatile, or two stores become one vector store. */
    *(volatile uint64_t *)&words[i] = 0;
  }
  return sum;
}

ALIGNED uint64_t climits_walk(const char *memory, uint64_t root, const uint64_t *addresses, size_t count) {
  uint64_t sum = 0;
#pragma clang loop vectorize(disable) unroll(disable)
  for (size_t i = 0; i < count; i++) {
    uint64_t address = addresses[i];
    uint64_t table = root;
    int shift = 39;
    for (;;) {
      uint64_t offset = table + ((address >> shift & 511) << 3);
      uint64_t word = *(const uint64_t *)(memory + offset);
      if (!(word & 1)) break;
      if (shift == 12 || word & 0x80) {
        uint64_t mask = (1ull << shift) - 1;
        sum += (word & ADDRESS & ~mask) | (address & mask);
        break;
      }
      table = word & ADDRESS;
      shift -= 9;
    }
  }
  return sum;
}

ALIGNED void climits_split(char *memory, uint64_t directory, size_t count,
                           const uint64_t *frames) {
  uint64_t *entries = (uint64_t *)(memory + directory);
  for (size_t i = 0; i < count; i++) {
    uint64_t word = entries[i];
    if ((word & 0x81) != 0x81) continue;
    uint64_t *pieces = (uint64_t *)(memory + frames[i]);
    uint64_t piece = word & ~0x80ull;
#pragma clang loop vectorize(disable) unroll(disable)
    for (size_t j = 0; j < 512; j++) {
      pieces[j] = piece;
      piece += 4096;
    }
    __atomic_store_n(&entries[i], frames[i] | 3, __ATOMIC_RELEASE);
  }
}

__attribute__((noinline)) static int map_page(char *memory, uint64_t root, uint64_t address,
                                              uint64_t leaf, uint64_t *next_frame) {
  uint64_t table = root;
  for (int shift = 39; shift > 12; shift -= 9) {
    uint64_t *entry = (uint64_t *)(memory + table + ((address >> shift & 511) << 3));
    uint64_t word = *entry;
    if (!(word & 1)) {
      word = *next_frame | 3;
      *next_frame += 4096;
      *entry = word;
    } else if (word & 0x80) {
      return -1;
    }
    table = word & ADDRESS;
  }
  uint64_t *entry = (uint64_t *)(memory + table + ((address >> 12 & 511) << 3));
  if (*entry & 1) return -1;
  *entry = leaf;
  return 0;
}

uint64_t climits_map(char *memory, uint64_t root, const uint64_t *addresses, size_t count,
                     uint64_t next_frame) {
  for (size_t i = 0; i < count; i++)
    if (map_page(memory, root, addresses[i], (addresses[i] & 0xfffffff000ull) | 3, &next_frame))
      return 0;
  return next_frame;
}

void climits_zero(char *memory, size_t frames) {
  for (size_t i = 0; i < frames; i++) memset(memory + (i << 12), 0, 4096);
}

int climits_prefault(char *memory, size_t bytes) {
  int result = madvise(memory, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < bytes; i += 4096) *(volatile char *)(memory + i) = 0;
  return result;
}
