/* The ioctls of /dev/kvm itself. KVM API document, section 4 (System ioctls). */
#ifndef CKVM_SYSTEM_H
#define CKVM_SYSTEM_H

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "../CLinux/clinux_result.h"

/* 4.1 */
static inline int64_t ckvm_get_api_version(int device) {
  return clinux_result(ioctl(device, KVM_GET_API_VERSION, 0));
}

/* 4.2: the descriptor of a new virtual machine. */
static inline int64_t ckvm_create_vm(int device) {
  return clinux_result(ioctl(device, KVM_CREATE_VM, 0));
}

/* 4.4 */
static inline int64_t ckvm_check_extension(int fd, uint64_t capability) {
  return clinux_result(ioctl(fd, KVM_CHECK_EXTENSION, capability));
}

/* 4.5: the number of bytes to map of a vCPU's descriptor. */
static inline int64_t ckvm_get_vcpu_mmap_size(int device) {
  return clinux_result(ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0));
}

/* Room for the CPUID leaves of any processor; Swift does not import kvm_cpuid2's flexible array. */
enum { CKVM_CPUID_CAPACITY = 256 };
struct ckvm_cpuid {
  uint32_t count;
  uint32_t padding;
  struct kvm_cpuid_entry2 entries[CKVM_CPUID_CAPACITY];
};

/* 4.46: what the processor and KVM support. */
static inline int64_t ckvm_get_supported_cpuid(int device, struct ckvm_cpuid *cpuid) {
  cpuid->count = CKVM_CPUID_CAPACITY;
  return clinux_result(ioctl(device, KVM_GET_SUPPORTED_CPUID, cpuid));
}

static inline struct kvm_cpuid_entry2 *ckvm_cpuid_entry(struct ckvm_cpuid *cpuid, uint32_t index) {
  return index < cpuid->count ? &cpuid->entries[index] : NULL;
}

#endif
