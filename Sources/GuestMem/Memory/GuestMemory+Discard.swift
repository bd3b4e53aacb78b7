// Giving up what was written to a private copy.

internal import CLinux

extension GuestMemory {
  /// Makes a private copy show the original again; memory of its own becomes zero.
  ///
  /// - Throws: ``GuestMemoryError/refused(operation:byteCount:errorNumber:)``.
  public borrowing func discardChanges() throws(GuestMemoryError) {
    guard byteCount > 0 else { return }
    // SAFETY: the range is mapped for as long as `self` lives.
    let result = unsafe clinux_discard(view.baseAddress, byteCount)
    guard result >= 0 else {
      throw .refused(operation: "madvise", byteCount: byteCount, errorNumber: Int32(-result))
    }
  }
}
