/* MutantSwitch: which mutant is on. Copied into the package that the tool builds. */
#ifndef MUTANT_SWITCH_H
#define MUTANT_SWITCH_H

#include <stdbool.h>
#include <stddef.h>

/* The number of the mutant that is on; -1 where none is. */
extern int mutant_active;
/* One byte for each number, set when its place is reached; null where nobody asks. */
extern volatile unsigned char *mutant_reached;

/* True when the mutant is on. */
static inline bool kvmptMutant(int number) {
  if (__builtin_expect(mutant_active == number, 0)) return true;
  if (__builtin_expect(mutant_reached != NULL, 0)) mutant_reached[number] = 1;
  return false;
}

#endif
