/* How many processors this process may use: sched_getaffinity(2). */
#ifndef CLINUX_PROCESSORS_H
#define CLINUX_PROCESSORS_H

#include <sys/syscall.h>
#include <unistd.h>

#include "clinux_result.h"

/* The processors of the calling thread's affinity mask, which taskset and the cpusets of containers
 * make smaller than the machine. */
static inline int64_t clinux_processor_count(void) {
  unsigned long mask[128] = {0}; /* 8192 processors, the most that Linux is built for */
  int64_t result = clinux_result(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask));
  if (result < 0) return result;
  int64_t count = 0;
  for (size_t index = 0; index < sizeof mask / sizeof mask[0]; index++)
    count += __builtin_popcountl(mask[index]);
  return count;
}

#endif
