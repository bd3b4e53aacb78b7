/* How a shim answers: the system call's own result, or -errno. */
#ifndef CLINUX_RESULT_H
#define CLINUX_RESULT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The result of a system call that returns -1 and sets errno on an error. */
static inline int64_t clinux_result(int64_t result) {
  return result < 0 ? -(int64_t)errno : result;
}

#endif
