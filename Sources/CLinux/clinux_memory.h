/* Memory and files: what guest RAM is made of. memfd_create(2), mmap(2), madvise(2). */
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clinux_result.h"

static const int CLINUX_PROT_READ = PROT_READ;
static const int CLINUX_PROT_WRITE = PROT_WRITE;
static const int CLINUX_MAP_SHARED = MAP_SHARED;
static const int CLINUX_MAP_PRIVATE = MAP_PRIVATE;
static const int CLINUX_MAP_ANONYMOUS = 0x20;
static const int CLINUX_MAP_NORESERVE = 0x4000;

/* A new memory file, closed on exec, that can be sealed: its descriptor. */
static inline int64_t clinux_memory_file(const char *name) {
  return clinux_result(syscall(SYS_memfd_create, name, 3u /* MFD_CLOEXEC | MFD_ALLOW_SEALING */));
}

/* From here on nobody can make the memory file smaller, so that no mapping of it loses its pages.
 * fcntl(2), F_ADD_SEALS. */
static inline int64_t clinux_seal_against_shrinking(int fd) {
  return clinux_result(fcntl(fd, 1033 /* F_ADD_SEALS */, 2 /* F_SEAL_SHRINK */));
}

/* 1 for a memory file that nobody can make smaller, 0 for any other file. fcntl(2), F_GET_SEALS. */
static inline int clinux_is_sealed_against_shrinking(int fd) {
  int seals = fcntl(fd, 1034 /* F_GET_SEALS */);
  return seals >= 0 && (seals & 2 /* F_SEAL_SHRINK */) != 0;
}

/* Gives back every page of the memory file, which reads as zero afterwards. fallocate(2). */
static inline int64_t clinux_punch_hole(int fd, uint64_t offset, uint64_t byte_count) {
  return clinux_result(syscall(SYS_fallocate, fd, 3 /* KEEP_SIZE | PUNCH_HOLE */, offset,
                             byte_count));
}

/* Where the next data or the next hole at or behind `offset` begins. lseek(2), SEEK_DATA. */
static inline int64_t clinux_next_data(int fd, uint64_t offset) {
  return clinux_result(lseek(fd, (off_t)offset, 3 /* SEEK_DATA */));
}

static inline int64_t clinux_next_hole(int fd, uint64_t offset) {
  return clinux_result(lseek(fd, (off_t)offset, 4 /* SEEK_HOLE */));
}

static inline int64_t clinux_read_at(int fd, void *buffer, uint64_t byte_count, uint64_t offset) {
  return clinux_result(pread(fd, buffer, byte_count, (off_t)offset));
}

static inline int64_t clinux_write(int fd, const void *buffer, uint64_t byte_count) {
  return clinux_result(write(fd, buffer, byte_count));
}

static inline int64_t clinux_set_size(int fd, uint64_t byte_count) {
  if (byte_count > INT64_MAX) return -EFBIG;
  return clinux_result(ftruncate(fd, (off_t)byte_count));
}

/* The size of an open file in bytes. */
static inline int64_t clinux_file_size(int fd) {
  struct stat status;
  int result = fstat(fd, &status);
  return result < 0 ? -(int64_t)errno : (int64_t)status.st_size;
}

static inline int64_t clinux_map(uint64_t byte_count, int protection, int flags, int fd,
                               uint64_t offset, void **address) {
  void *mapped = mmap(NULL, byte_count, protection, flags, fd, (off_t)offset);
  if (mapped == MAP_FAILED) return -(int64_t)errno;
  *address = mapped;
  return 0;
}

/* Maps over a part of an earlier mapping. */
static inline int64_t clinux_map_over(void *address, uint64_t byte_count, int protection, int flags,
                                    int fd, uint64_t offset) {
  void *mapped = mmap(address, byte_count, protection, flags | MAP_FIXED, fd, (off_t)offset);
  return mapped == MAP_FAILED ? -(int64_t)errno : 0;
}

static inline int64_t clinux_unmap(void *address, uint64_t byte_count) {
  return clinux_result(munmap(address, byte_count));
}

/* Gives the pages back: anonymous memory reads as zero afterwards, a private file mapping as the
 * file. madvise(2), MADV_DONTNEED. */
static inline int64_t clinux_discard(void *address, uint64_t byte_count) {
  return clinux_result(madvise(address, byte_count, MADV_DONTNEED));
}

/* Opens for reading and writing, closed on exec. */
static inline int64_t clinux_open_read_write(const char *path) {
  return clinux_result(open(path, O_RDWR | O_CLOEXEC));
}

static inline int64_t clinux_open_read_only(const char *path) {
  return clinux_result(open(path, O_RDONLY | O_CLOEXEC));
}

/* Opens what may be no file at all: a pipe does not wait for a writer, a terminal takes nobody. */
static inline int64_t clinux_open_to_read(const char *path) {
  return clinux_result(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

/* The size of an open file in bytes; -EISDIR for a folder, -ENODEV for anything else. */
static inline int64_t clinux_regular_file_size(int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -(int64_t)errno;
  if (S_ISREG(status.st_mode)) return (int64_t)status.st_size;
  return S_ISDIR(status.st_mode) ? -EISDIR : -ENODEV;
}

static inline int64_t clinux_read(int fd, void *buffer, uint64_t byte_count) {
  return clinux_result(read(fd, buffer, byte_count));
}

static inline int64_t clinux_close(int fd) { return clinux_result(close(fd)); }

/* 1 for a character device, 0 for any other kind of file. */
static inline int64_t clinux_is_character_device(int fd) {
  struct stat status;
  int64_t result = clinux_result(fstat(fd, &status));
  return result < 0 ? result : S_ISCHR(status.st_mode);
}

#endif
