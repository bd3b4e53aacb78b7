/* The ioctls of a virtual machine. KVM API document, section 4 (VM ioctls). */
#ifndef CKVM_VM_H
#define CKVM_VM_H

#include "ckvm_system.h"

/* 4.7: the descriptor of a new vCPU. */
static inline int64_t ckvm_create_vcpu(int vm, uint64_t identifier) {
  return clinux_result(ioctl(vm, KVM_CREATE_VCPU, identifier));
}

/* 4.35: creates, changes, moves or (with a size of 0) deletes a memory slot. */
static inline int64_t ckvm_set_user_memory_region(int vm, uint32_t slot, uint32_t flags,
                                                  uint64_t guest_physical_address,
                                                  uint64_t byte_count, uint64_t host_address) {
  struct kvm_userspace_memory_region region = {
      .slot = slot,
      .flags = flags,
      .guest_phys_addr = guest_physical_address,
      .memory_size = byte_count,
      .userspace_addr = host_address,
  };
  return clinux_result(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
}

/* 4.36: three pages of guest-physical addresses that Intel hosts need. */
static inline int64_t ckvm_set_tss_addr(int vm, uint64_t guest_physical_address) {
  return clinux_result(ioctl(vm, KVM_SET_TSS_ADDR, guest_physical_address));
}

/* 4.40: one page of guest-physical addresses that Intel hosts need. */
static inline int64_t ckvm_set_identity_map_addr(int vm, uint64_t guest_physical_address) {
  return clinux_result(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &guest_physical_address));
}

/* KVM_CAP_MMU_SHADOW_CACHE_CONTROL: how many shadow pages KVM may keep. */
static inline int64_t ckvm_set_nr_mmu_pages(int vm, uint64_t count) {
  return clinux_result(ioctl(vm, KVM_SET_NR_MMU_PAGES, count));
}

#endif
