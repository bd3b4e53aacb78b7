// MemorySource: the memory under test, from which each worker takes a private copy.

import GuestMem

/// The memory of a built address space, borrowed by workers that end before its owner.
struct MemorySource: Sendable {
  /// The original; nobody writes to it while workers run.
  let view: MemoryView
  private let fileDescriptor: CInt

  init(_ memory: borrowing GuestMemory) {
    view = memory.view
    fileDescriptor = memory.memoryFileDescriptor()
  }

  /// A copy-on-write view of the memory.
  func privateCopy() throws(GuestMemoryError) -> GuestMemory {
    try GuestMemory(copyOf: fileDescriptor, offset: 0, byteCount: view.byteCount)
  }
}
