/* Memory and files: what guest RAM is made of. memfd_create(2), mmap(2), madvise(2). */
#ifndef CKVM_MEMORY_H
#define CKVM_MEMORY_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ckvm_result.h"

static const int CKVM_PROT_READ = PROT_READ;
static const int CKVM_PROT_WRITE = PROT_WRITE;
static const int CKVM_MAP_SHARED = MAP_SHARED;
static const int CKVM_MAP_PRIVATE = MAP_PRIVATE;
static const int CKVM_MAP_ANONYMOUS = 0x20;
static const int CKVM_MAP_NORESERVE = 0x4000;

/* A new memory file, closed on exec: its descriptor. */
static inline int64_t ckvm_memory_file(const char *name) {
  return ckvm_result(syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */));
}

static inline int64_t ckvm_set_size(int fd, uint64_t byte_count) {
  if (byte_count > INT64_MAX) return -EFBIG;
  return ckvm_result(ftruncate(fd, (off_t)byte_count));
}

/* The size of an open file in bytes. */
static inline int64_t ckvm_file_size(int fd) {
  struct stat status;
  int result = fstat(fd, &status);
  return result < 0 ? -(int64_t)errno : (int64_t)status.st_size;
}

static inline int64_t ckvm_map(uint64_t byte_count, int protection, int flags, int fd,
                               uint64_t offset, void **address) {
  void *mapped = mmap(NULL, byte_count, protection, flags, fd, (off_t)offset);
  if (mapped == MAP_FAILED) return -(int64_t)errno;
  *address = mapped;
  return 0;
}

static inline int64_t ckvm_unmap(void *address, uint64_t byte_count) {
  return ckvm_result(munmap(address, byte_count));
}

/* Gives the pages back: anonymous memory reads as zero afterwards, a private file mapping as the
 * file. madvise(2), MADV_DONTNEED. */
static inline int64_t ckvm_discard(void *address, uint64_t byte_count) {
  return ckvm_result(madvise(address, byte_count, MADV_DONTNEED));
}

/* Opens for reading and writing, closed on exec. */
static inline int64_t ckvm_open_read_write(const char *path) {
  return ckvm_result(open(path, O_RDWR | O_CLOEXEC));
}

static inline int64_t ckvm_open_read_only(const char *path) {
  return ckvm_result(open(path, O_RDONLY | O_CLOEXEC));
}

static inline int64_t ckvm_read(int fd, void *buffer, uint64_t byte_count) {
  return ckvm_result(read(fd, buffer, byte_count));
}

static inline int64_t ckvm_close(int fd) { return ckvm_result(close(fd)); }

#endif
