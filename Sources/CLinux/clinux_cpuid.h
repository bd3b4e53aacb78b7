/* What the processor that this process runs on says of itself: the CPUID instruction. */
#ifndef CLINUX_CPUID_H
#define CLINUX_CPUID_H

#include <cpuid.h>
#include <stdint.h>

/* The four registers of a CPUID leaf. */
struct clinux_cpuid_registers {
  uint32_t eax, ebx, ecx, edx;
};

/* Runs CPUID; leaf 0x40000000 and above are answered by a hypervisor, where leaf 1 says there is one. */
static inline struct clinux_cpuid_registers clinux_cpuid(uint32_t leaf) {
  struct clinux_cpuid_registers registers;
  __cpuid_count(leaf, 0, registers.eax, registers.ebx, registers.ecx, registers.edx);
  return registers;
}

#endif
