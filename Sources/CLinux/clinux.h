/* CLinux: system calls of Linux that return -errno, and the CPUID instruction. Header only: every
 * function is inlined into its Swift caller. */
#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_result.h"
#include "clinux_memory.h"
#include "clinux_process.h"
#include "clinux_processors.h"
#include "clinux_threads.h"
#include "clinux_timer.h"
#include "clinux_cpuid.h"

#endif
