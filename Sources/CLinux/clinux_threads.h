/* Threads: who the calling one is, and how it waits for another. gettid(2), sched_yield(2),
 * nanosleep(2), clock_gettime(2). */
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clinux_result.h"

__attribute__((noinline, cold)) static uint32_t clinux_ask_for_thread(void) {
  return (uint32_t)syscall(SYS_gettid);
}

/* The kernel's id of the calling thread, never 0 and below 2^22 (PID_MAX_LIMIT). It is asked for
 * once for each thread and module; the thread that fork(2) makes keeps the answer of its parent. */
static inline uint32_t clinux_thread_identifier(void) {
  static __thread uint32_t known __attribute__((tls_model("initial-exec"))) = 0;
  if (__builtin_expect(known == 0, 0)) known = clinux_ask_for_thread();
  return known;
}

/* Tells the processor that this is a loop that waits. Intel SDM volume 2B, PAUSE. */
static inline void clinux_pause(void) { __builtin_ia32_pause(); }

/* Lets another thread have the processor. */
static inline void clinux_yield(void) { sched_yield(); }

/* Gives the processor away for some time, in nanoseconds below one second. */
static inline void clinux_sleep(uint64_t nanoseconds) {
  struct timespec time = {0, (long)nanoseconds};
  nanosleep(&time, 0);
}

/* A clock that never goes back, in nanoseconds. */
static inline uint64_t clinux_monotonic_nanoseconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) return UINT64_MAX;
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
