// MachineMemory: what a machine's RAM holds at first. Each machine takes a copy of its own, unless it is
// to share the memory.

public import GuestMem

/// The contents from which machines make their RAM, and where in guest-physical memory it is.
public struct MachineMemory: Sendable {
  /// The size of the window through which the host sees the RAM, in bytes.
  public let byteCount: UInt64
  /// Which guest-physical addresses have memory, by address; there is none between the ranges.
  public let ranges: [MachineMemoryRange]
  /// What the RAM shows at first.
  let contents: Contents
  /// IA32_PAT, which gives the parts of the RAM their types.
  public var pageAttributeTable: UInt64 = PageAttributeTable.standard

  /// RAM that is zero, from guest-physical address 0 on.
  public init(zeroed byteCount: UInt64) {
    self.byteCount = byteCount
    ranges = [MachineMemoryRange(physicalAddress: 0, byteCount: byteCount, offset: 0)]
    contents = .zeros
  }

  /// RAM that holds what `memory` holds, which must have a memory file, and to which nobody should
  /// write meanwhile.
  ///
  /// Without `ranges` it starts at guest-physical address 0.
  public init(copyOf memory: borrowing GuestMemory, ranges: [MachineMemoryRange]? = nil) {
    byteCount = memory.byteCount
    self.ranges =
      ranges
      ?? [MachineMemoryRange(physicalAddress: 0, byteCount: memory.byteCount, offset: 0)]
    contents = memory.file.map { .file($0) } ?? .notShareable
  }

  /// RAM that is `memory` itself, which must have a memory file: what the host and other machines write
  /// is seen by the guest, and the other way round.
  ///
  /// Without `ranges` it starts at guest-physical address 0. Only machines under KVM share memory.
  public init(sharing memory: borrowing GuestMemory, ranges: [MachineMemoryRange]? = nil) {
    byteCount = memory.byteCount
    self.ranges =
      ranges
      ?? [MachineMemoryRange(physicalAddress: 0, byteCount: memory.byteCount, offset: 0)]
    contents = memory.file == nil ? .notShareable : .shared(memory.view)
  }

  /// What is in the RAM of a machine before its guest has run.
  enum Contents: Sendable {
    /// Zeros.
    case zeros
    /// The bytes of a memory file, which stays as long as this value.
    case file(MemoryFile)
    /// The memory itself, which stays as long as this value.
    case shared(MemoryView)
    /// Those of memory without a file: no machine can have a copy.
    case notShareable
  }

  /// Throws ``GuestMemoryError`` for a window that is no memory, and for ranges that are not whole
  /// pages of it below 2^52, by address and apart from each other.
  func check() throws(GuestMemoryError) {
    guard byteCount % 4096 == 0, byteCount <= 1 << 52 else { throw .invalidByteCount(byteCount) }
    var end: UInt64 = 0
    for range in ranges {
      guard (range.physicalAddress | range.byteCount | range.offset) % 4096 == 0,
        range.physicalAddress >= end, range.physicalAddress <= 1 << 52,
        range.byteCount <= byteCount, range.offset <= byteCount - range.byteCount,
        range.byteCount <= 1 << 52 - range.physicalAddress
      else {
        throw .invalidRange(
          start: range.physicalAddress, byteCount: range.byteCount, offset: range.offset)
      }
      end = range.end
    }
  }

  /// The memory itself, if machines share it.
  var sharedView: MemoryView? {
    if case .shared(let view) = contents { view } else { nil }
  }

  /// A copy-on-write view of the contents, which are not shared.
  func privateCopy() throws(MachineError) -> GuestMemory {
    do throws(GuestMemoryError) {
      try check()
      switch contents {
      case .zeros: return try GuestMemory(byteCount: byteCount, backing: .anonymous)
      case .file(let file):
        return try GuestMemory(copyOf: file.fileDescriptor, offset: 0, byteCount: byteCount)
      case .notShareable, .shared: throw .notShareable
      }
    } catch {
      throw .memory(error)
    }
  }
}

/// A range of guest-physical memory and its place in the window of the host.
public struct MachineMemoryRange: Hashable, Sendable {
  /// The first guest-physical address; a multiple of 4 KiB.
  public let physicalAddress: UInt64
  /// The number of bytes; a multiple of 4 KiB.
  public let byteCount: UInt64
  /// Where the range begins in the window; a multiple of 4 KiB.
  public let offset: UInt64

  /// Takes the parts as they are.
  public init(physicalAddress: UInt64, byteCount: UInt64, offset: UInt64) {
    self.physicalAddress = physicalAddress
    self.byteCount = byteCount
    self.offset = offset
  }

  /// The address behind the last byte.
  public var end: UInt64 { physicalAddress &+ byteCount }
}

extension [MachineMemoryRange] {
  /// The one range of a machine whose window shows physical address 0 on, or nil.
  var isPlain: Bool {
    count == 1 && self[0].physicalAddress == 0 && self[0].offset == 0
  }

  /// The parts of the ranges that lie outside of `holes`.
  func without(_ holes: [Range<UInt64>]) -> [MachineMemoryRange] {
    holes.reduce(self) { ranges, hole in
      ranges.flatMap { range -> [MachineMemoryRange] in
        guard range.physicalAddress < hole.upperBound, hole.lowerBound < range.end else {
          return [range]
        }
        var parts: [MachineMemoryRange] = []
        if range.physicalAddress < hole.lowerBound {
          parts.append(
            MachineMemoryRange(
              physicalAddress: range.physicalAddress,
              byteCount: hole.lowerBound - range.physicalAddress, offset: range.offset))
        }
        if hole.upperBound < range.end {
          parts.append(
            MachineMemoryRange(
              physicalAddress: hole.upperBound, byteCount: range.end - hole.upperBound,
              offset: range.offset + (hole.upperBound - range.physicalAddress)))
        }
        return parts
      }
    }
  }

  /// The range, of ranges by address, that holds `address`; nil where no memory is.
  ///
  /// - Complexity: O(log n).
  @inline(__always)
  func range(at address: UInt64) -> MachineMemoryRange? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].physicalAddress <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < self[low - 1].end else { return nil }
    return self[low - 1]
  }
}
