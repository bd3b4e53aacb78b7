/*
 * Reads which mutant is on before anything else runs. The tests start the program under test with
 * an environment of its own, so a process that has no such variable looks at those of its parents.
 */
#include "MutantSwitch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int mutant_active = -1;
volatile unsigned char *mutant_reached = NULL;

static char environment[1 << 16];

static ssize_t load(const char *path, char *buffer, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size_t count = 0;
  while (count < size - 1) {
    ssize_t more = read(file, buffer + count, size - 1 - count);
    if (more <= 0) break;
    count += (size_t)more;
  }
  close(file);
  buffer[count] = 0;
  return (ssize_t)count;
}

/* The value of `name`, which ends with "=", in a list of texts that each end with a 0. */
static const char *value(ssize_t count, const char *name) {
  size_t length = strlen(name);
  for (const char *text = environment; text < environment + count; text += strlen(text) + 1) {
    if (strncmp(text, name, length) == 0) return text + length;
  }
  return NULL;
}

static int parent(int process) {
  char path[64], status[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  if (load(path, status, sizeof status) <= 0) return 0;
  const char *end = strrchr(status, ')');
  int number = 0;
  if (!end || sscanf(end + 1, " %*c %d", &number) != 1) return 0;
  return number;
}

static void use(const char *number, const char *reached) {
  if (number) mutant_active = atoi(number);
  if (!reached || !*reached) return;
  int file = open(reached, O_RDWR | O_CLOEXEC);
  struct stat status;
  if (file < 0) return;
  if (fstat(file, &status) == 0 && status.st_size > 0) {
    void *bytes =
        mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (bytes != MAP_FAILED) mutant_reached = bytes;
  }
  close(file);
}

__attribute__((constructor)) static void start(void) {
  int process = getpid();
  for (int step = 0; step < 16 && process > 0; step++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", process);
    ssize_t count = load(path, environment, sizeof environment);
    if (count > 0) {
      const char *number = value(count, "KVMPT_MUTANT=");
      if (number) return use(number, value(count, "KVMPT_MUTANT_REACHED="));
    }
    process = parent(process);
  }
}
