/* The ioctls of a vCPU. KVM API document, section 4 (vCPU ioctls). */
#ifndef CKVM_VCPU_H
#define CKVM_VCPU_H

#include "ckvm_system.h"

/* 4.10: -EINTR when a signal ended the run. */
static inline int64_t ckvm_run(int vcpu) { return clinux_result(ioctl(vcpu, KVM_RUN, 0)); }

/* Makes KVM_RUN return -EINTR at once, before the guest runs, as long as it is set. Section 5,
 * `immediate_exit`; KVM_CAP_IMMEDIATE_EXIT. */
static inline void ckvm_set_immediate_exit(struct kvm_run *run, uint8_t value) {
  __atomic_store_n(&run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

/* 4.64: a non-maskable interrupt, delivered when the guest runs next. */
static inline int64_t ckvm_nmi(int vcpu) { return clinux_result(ioctl(vcpu, KVM_NMI, 0)); }

/* 4.11, 4.12 */
static inline int64_t ckvm_get_regs(int vcpu, struct kvm_regs *registers) {
  return clinux_result(ioctl(vcpu, KVM_GET_REGS, registers));
}
static inline int64_t ckvm_set_regs(int vcpu, const struct kvm_regs *registers) {
  return clinux_result(ioctl(vcpu, KVM_SET_REGS, registers));
}

/* 4.13, 4.14 */
static inline int64_t ckvm_get_sregs(int vcpu, struct kvm_sregs *registers) {
  return clinux_result(ioctl(vcpu, KVM_GET_SREGS, registers));
}
static inline int64_t ckvm_set_sregs(int vcpu, const struct kvm_sregs *registers) {
  return clinux_result(ioctl(vcpu, KVM_SET_SREGS, registers));
}

/* 4.15: asks KVM itself to translate a linear address. */
static inline int64_t ckvm_translate(int vcpu, struct kvm_translation *translation) {
  return clinux_result(ioctl(vcpu, KVM_TRANSLATE, translation));
}

/* The successor of KVM_SET_CPUID, 4.20. */
static inline int64_t ckvm_set_cpuid2(int vcpu, struct ckvm_cpuid *cpuid) {
  return clinux_result(ioctl(vcpu, KVM_SET_CPUID2, cpuid));
}

/* kvm_msrs with room for one MSR; Swift and C++ do not know flexible arrays. */
struct ckvm_msr {
  uint32_t count;
  uint32_t padding;
  struct kvm_msr_entry entry;
};

/* 4.19 */
static inline int64_t ckvm_set_msr(int vcpu, uint32_t index, uint64_t value) {
  struct ckvm_msr request = {.count = 1, .entry = {.index = index, .data = value}};
  int64_t result = clinux_result(ioctl(vcpu, KVM_SET_MSRS, &request));
  return result == 0 ? -EINVAL : result; /* the number of MSRs that were set */
}

static inline int64_t ckvm_get_msr(int vcpu, uint32_t index, uint64_t *value) {
  struct ckvm_msr request = {.count = 1, .entry = {.index = index}};
  int64_t result = clinux_result(ioctl(vcpu, KVM_GET_MSRS, &request));
  *value = request.entry.data;
  return result == 0 ? -EINVAL : result;
}

/* 4.42, 4.43: x87, SSE and AVX registers. */
static inline int64_t ckvm_get_xsave(int vcpu, struct kvm_xsave *area) {
  return clinux_result(ioctl(vcpu, KVM_GET_XSAVE, area));
}
static inline int64_t ckvm_set_xsave(int vcpu, struct kvm_xsave *area) {
  return clinux_result(ioctl(vcpu, KVM_SET_XSAVE, area));
}

/* 4.31, 4.32: exceptions and interrupts that wait or are being delivered. */
static inline int64_t ckvm_get_vcpu_events(int vcpu, struct kvm_vcpu_events *events) {
  return clinux_result(ioctl(vcpu, KVM_GET_VCPU_EVENTS, events));
}
static inline int64_t ckvm_set_vcpu_events(int vcpu, struct kvm_vcpu_events *events) {
  return clinux_result(ioctl(vcpu, KVM_SET_VCPU_EVENTS, events));
}

/* 4.87: an exit after each instruction. */
static inline int64_t ckvm_set_single_step(int vcpu, int on) {
  struct kvm_guest_debug debug = {
      .control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0};
  return clinux_result(ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug));
}

/* 4.43: PKRU is part of the XSAVE area, in its standard format at `offset` (CPUID.0DH.9:EBX). */
static inline int64_t ckvm_set_pkru(int vcpu, uint32_t offset, uint32_t value) {
  struct kvm_xsave area;
  if (offset > sizeof area.region - sizeof value) return -EINVAL;
  int64_t result = clinux_result(ioctl(vcpu, KVM_GET_XSAVE, &area));
  if (result < 0) return result;
  uint64_t state_components;
  __builtin_memcpy(&state_components, (char *)area.region + 512, sizeof state_components);
  state_components |= UINT64_C(1) << 9;
  __builtin_memcpy((char *)area.region + 512, &state_components, sizeof state_components);
  __builtin_memcpy((char *)area.region + offset, &value, sizeof value);
  return clinux_result(ioctl(vcpu, KVM_SET_XSAVE, &area));
}

#endif
