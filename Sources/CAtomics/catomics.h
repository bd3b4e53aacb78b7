/* 8-byte atomics on raw memory. The processor that walks the tables is the other party: it sets A
 * and D with locked operations of its own (Intel SDM volume 3A, section 5.8). */
#ifndef CATOMICS_H
#define CATOMICS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t catomic_load_relaxed(const void *address) {
  return __atomic_load_n((const uint64_t *)address, __ATOMIC_RELAXED);
}

static inline uint64_t catomic_load_acquire(const void *address) {
  return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

static inline void catomic_store_relaxed(void *address, uint64_t value) {
  __atomic_store_n((uint64_t *)address, value, __ATOMIC_RELAXED);
}

static inline void catomic_store_release(void *address, uint64_t value) {
  __atomic_store_n((uint64_t *)address, value, __ATOMIC_RELEASE);
}

static inline uint64_t catomic_exchange(void *address, uint64_t value) {
  return __atomic_exchange_n((uint64_t *)address, value, __ATOMIC_ACQ_REL);
}

/* Stores `desired` when the word equals `*expected`; otherwise writes the word to `*expected`. */
static inline bool catomic_compare_exchange(void *address, uint64_t *expected, uint64_t desired) {
  return __atomic_compare_exchange_n((uint64_t *)address, expected, desired, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline uint64_t catomic_fetch_or(void *address, uint64_t bits) {
  return __atomic_fetch_or((uint64_t *)address, bits, __ATOMIC_ACQ_REL);
}

static inline uint64_t catomic_fetch_and(void *address, uint64_t bits) {
  return __atomic_fetch_and((uint64_t *)address, bits, __ATOMIC_ACQ_REL);
}

static inline uint64_t catomic_fetch_add(void *address, uint64_t number) {
  return __atomic_fetch_add((uint64_t *)address, number, __ATOMIC_ACQ_REL);
}

/* Zeroes memory that no processor can reach yet. */
static inline void catomic_zero(void *address, uint64_t byte_count) {
  __builtin_memset(address, 0, byte_count);
}

#endif
