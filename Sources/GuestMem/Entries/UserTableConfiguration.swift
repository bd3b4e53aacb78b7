// UserTableConfiguration: which kernel's tables a user's tables share a half with.

/// The constants of tables whose root entries other roots copy: a kernel's half.
public protocol KernelTableConfiguration: PageTableConfiguration {}

/// The constants of tables whose other half is a kernel's.
///
/// The kind of kernel belongs to the kind of user, so that a pair of two formats does not compile.
public protocol UserTableConfiguration: PageTableConfiguration {
  /// The kernel's kind of table: same format, same width, the other half.
  associatedtype Kernel: KernelTableConfiguration
}

extension KernelTableConfiguration {
  /// True when roots of this kind have the upper half and keep every entry of it.
  @inlinable static var keepsUpperHalf: Bool {
    ownedSpace == .upperHalf && topLevelRemoval == .forbidden
  }
}

extension UserTableConfiguration {
  /// True when the kernel's tables can stand in a root of this kind.
  @inlinable static var isLikeKernel: Bool {
    entryFormat == Kernel.entryFormat && indexBitCount == Kernel.indexBitCount
      && ownedSpace == .lowerHalf && Kernel.keepsUpperHalf
  }
}
