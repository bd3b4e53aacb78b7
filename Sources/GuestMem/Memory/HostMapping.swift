// HostMapping: making KVM forget what it derived from pages of guest memory.

internal import CLinux

/// This process's mapping of guest memory that stands in a memory file.
///
/// KVM follows the changes of the mapping that its memory slots show. When the process gives up its own
/// mapping of a page, KVM drops every translation that leads there, of all virtual machines that show
/// it, and waits until no processor uses one; the content stays in the file, and the mapping comes back
/// with the next access. So the host can take translations away from processors that run, without
/// stopping them and without their help, whatever walks the tables: EPT, NPT or KVM's shadow paging.
///
/// Source: Linux, Documentation/virt/kvm/locking.rst and virt/kvm/kvm_main.c (MMU notifiers);
/// madvise(2), MADV_DONTNEED on shared mappings.
public struct HostMapping: Sendable {
  /// The memory.
  public let view: MemoryView

  /// The mapping of `memory`.
  ///
  /// - Throws: ``GuestMemoryError/notShareable`` for memory without a file, whose content would be lost.
  public init(_ memory: borrowing GuestMemory) throws(GuestMemoryError) {
    guard memory.file != nil else { throw .notShareable }
    view = memory.view
  }

  /// Drops every translation that leads to the pages of `range`, guest-physical addresses; what is
  /// outside of memory has none.
  ///
  /// When it returns no processor uses one of them any more.
  ///
  /// - Throws: ``GuestMemoryError/refused(operation:byteCount:errorNumber:)``.
  /// - Complexity: some tens of microseconds, and more for many pages that guests have used.
  public func dropTranslations(to range: Range<UInt64>) throws(GuestMemoryError) {
    let start = min(range.lowerBound & ~4095, view.byteCount)
    let last = min(range.upperBound, view.byteCount)
    guard start < last else { return }
    let byteCount = (last - start + 4095) & ~4095
    // SAFETY: the range lies inside the mapping, which the view keeps, and of a shared mapping nothing
    // is lost.
    let result = unsafe clinux_discard(view.baseAddress + Int(start), byteCount)
    guard result >= 0 else {
      throw .refused(operation: "madvise", byteCount: byteCount, errorNumber: Int32(-result))
    }
  }
}
