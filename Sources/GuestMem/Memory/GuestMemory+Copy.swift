// GuestMemory, copying: the content of a moment in memory of its own.

internal import CLinux

extension GuestMemory {
  /// A memory file of its own with what this one holds now; what was never written stays unwritten.
  ///
  /// Nobody may write to this memory meanwhile.
  ///
  /// - Throws: ``GuestMemoryError/notShareable`` for anonymous memory, and what the host refuses.
  ///
  /// - Complexity: O(n) in the bytes that were ever written.
  package borrowing func contentCopy() throws(GuestMemoryError) -> GuestMemory {
    guard let file else { throw .notShareable }
    let copy = try GuestMemory(byteCount: byteCount, backing: .memoryFile)
    try copy.view.fillExtents(fromFile: file.fileDescriptor, byteCount: byteCount)
    return copy
  }
}
