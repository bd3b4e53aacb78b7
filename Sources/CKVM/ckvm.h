/* CKVM: the only C of the libraries. Kernel headers, system-call shims that return -errno, and
 * 8-byte atomics on raw memory. Header only: every function is inlined into its Swift caller. */
#ifndef CKVM_H
#define CKVM_H

#include "ckvm_result.h"
#include "ckvm_atomics.h"
#include "ckvm_memory.h"
#include "ckvm_system.h"
#include "ckvm_vm.h"
#include "ckvm_vcpu.h"
#include "ckvm_timer.h"
#include "ckvm_process.h"
#include "ckvm_processors.h"
#include "ckvm_cpuid.h"
#include "ckvm_threads.h"

#endif
