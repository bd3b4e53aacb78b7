// MachineMemory: what a machine's RAM holds at first. Each machine takes a copy of its own.

public import GuestMem

/// The contents from which machines make their RAM.
public struct MachineMemory: Sendable {
  /// The size of the RAM in bytes.
  public let byteCount: UInt64
  /// The memory file whose contents the RAM shows at first, or nil for zeros.
  ///
  /// It belongs to somebody who outlives the machines, and who does not write to it meanwhile.
  public let fileDescriptor: CInt?

  /// RAM that is zero.
  public init(zeroed byteCount: UInt64) {
    self.byteCount = byteCount
    fileDescriptor = nil
  }

  /// RAM that holds what `memory` holds, which must have a memory file and outlive the machines.
  public init(copyOf memory: borrowing GuestMemory) {
    byteCount = memory.byteCount
    fileDescriptor = memory.memoryFileDescriptor()
  }

  /// A copy-on-write view of the contents.
  func privateCopy() throws(MachineError) -> GuestMemory {
    do throws(GuestMemoryError) {
      guard let fileDescriptor else {
        return try GuestMemory(byteCount: byteCount, backing: .anonymous)
      }
      return try GuestMemory(copyOf: fileDescriptor, offset: 0, byteCount: byteCount)
    } catch {
      throw .memory(error)
    }
  }
}
