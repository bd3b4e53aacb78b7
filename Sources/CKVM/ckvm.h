/* CKVM: the ioctls of KVM, which return -errno. Header only: every function is inlined into its Swift
 * caller. */
#ifndef CKVM_H
#define CKVM_H

#include "ckvm_system.h"
#include "ckvm_vm.h"
#include "ckvm_vcpu.h"

#endif
