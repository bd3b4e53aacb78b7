// KernelBug: one mistake that authors of kernels make, and what must be said of it.

import TestKernels
import Testing

@testable import Boot

/// A machine that kernels are booted on.
enum BootMachine: String { case qemu, kvm }

/// A kernel with one bug.
struct KernelBug: CustomTestStringConvertible, Sendable {
  let name: String
  /// The bug.
  let make: @Sendable (inout TestKernel) -> Void
  /// 0, or 1 GiB for a kernel whose linear addresses are not its physical ones.
  var base: UInt64 = 0
  /// The name of the cause.
  let cause: String
  /// The level of the entry to blame; nil where none is.
  var level: UInt8?
  /// The bits of it.
  var bits: UInt64?
  /// How it ends.
  var end = "triple-fault"
  /// How KVM has it where that is something else.
  var onKVM: (end: String, cause: String, level: UInt8?, bits: UInt64?)?
  /// A PVM host, which emulates CPL 0, does not look at what is wrong, so that the kernel succeeds there.
  var isIgnoredByPVM = false
  /// The first thing that stops the delivery of the exception, where that is part of the bug.
  var delivery: String?

  var testDescription: String { name }
}
