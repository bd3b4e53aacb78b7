// QEMUMemory: one memory file that is all of a QEMU machine's RAM, and this process's views of it.

internal import CLinux
import GuestImages
import GuestMem
import MMU

/// The RAM of a QEMU machine: what is under test, the agent's slot, and pages that stand for
/// devices.
///
/// The file is sparse, sealed against shrinking, and has no name that could be left behind. In
/// physical addresses RAM ends at ``hole`` and goes on behind it; in the file there is no gap.
final class QEMUMemory {
  /// Where the machine has its devices and its ROM.
  static let hole: Range<UInt64> = 3 << 30..<1 << 32
  /// No device above this address is worth a file that reaches it.
  static let limit: UInt64 = 1 << 40
  /// So many pages can stand for devices.
  static let deviceLimit = 16_384

  /// The memory file; it belongs to this object.
  let fileDescriptor: CInt
  /// The size of the file, and of the machine's RAM, in bytes.
  private(set) var byteCount: UInt64 = 0
  let ram: MemoryView
  let agent: MemoryView
  private let contents: MachineMemory
  private let ramMapping: FileMapping
  private let agentMapping: FileMapping
  /// Where the agent's slot is in the file.
  private let agentOffset: UInt64
  private var devices: [UInt64: FileMapping] = [:]

  /// A file with `contents` from address 0 on and room for the agent's slot at `agentAddress`.
  init(_ contents: MachineMemory, agentAddress: UInt64) throws(GuestMemoryError) {
    try contents.check()
    guard agentAddress % 4096 == 0, agentAddress < 1 << 52 else {
      throw .misalignedOffset(agentAddress)
    }
    self.contents = contents
    // SAFETY: the name is a literal, which is zero-terminated and outlives the call.
    let descriptor = unsafe clinux_memory_file("kvmpt-machine")
    guard descriptor >= 0 else {
      throw .refused(operation: "memfd_create", byteCount: 0, errorNumber: Int32(-descriptor))
    }
    let owner = DescriptorOwner(CInt(descriptor))
    _ = clinux_seal_against_shrinking(owner.number)
    let slotSize = UInt64(KVMPT_SLOT_SIZE)
    let end = max(contents.byteCount, agentAddress + slotSize)
    let size = Self.fileSize(reaching: end)
    try Self.setSize(owner.number, size)
    ramMapping = try FileMapping(byteCount: contents.byteCount)
    for part in Self.parts(of: 0..<contents.byteCount) {
      try ramMapping.show(
        owner.number, from: Self.fileOffset(of: part.lowerBound) ?? 0, at: part.lowerBound,
        byteCount: UInt64(part.count))
    }
    agentMapping = try FileMapping(byteCount: slotSize)
    guard let agentOffset = Self.fileOffset(of: agentAddress) else {
      throw .misalignedOffset(agentAddress)
    }
    try agentMapping.show(owner.number, from: agentOffset, at: 0, byteCount: slotSize)
    self.agentOffset = agentOffset
    ram = ramMapping.view(byteCount: contents.byteCount)
    agent = agentMapping.view(byteCount: slotSize)
    byteCount = size
    fileDescriptor = owner.release()
    try copyContents()
  }

  deinit { _ = clinux_close(fileDescriptor) }

  /// Where a physical address is in the file, or nil in the hole.
  static func fileOffset(of address: UInt64) -> UInt64? {
    if address < hole.lowerBound { return address }
    return hole.contains(address) ? nil : address - UInt64(hole.count)
  }

  /// The parts of a range that are RAM.
  static func parts(of range: Range<UInt64>) -> [Range<UInt64>] {
    [
      range.clamped(to: 0..<hole.lowerBound), range.clamped(to: hole.upperBound..<UInt64.max),
    ].filter { !$0.isEmpty }
  }

  /// Gives up everything that was written, as for a new machine.
  func restore() throws(GuestMemoryError) {
    try empty(0..<byteCount)
    try copyContents()
  }

  /// Gives up what was written, but for the agent's slot, and the pages that stand for devices.
  func discardChanges() throws(GuestMemoryError) {
    devices = [:]
    try empty(0..<agentOffset)
    try empty(agentOffset + UInt64(KVMPT_SLOT_SIZE)..<byteCount)
    try copyContents()
  }

  /// Gives up the pages of a part of the file.
  private func empty(_ part: Range<UInt64>) throws(GuestMemoryError) {
    let size = part.upperBound - part.lowerBound
    // The call takes no empty range.
    guard size > 0 else { return }
    let result = clinux_punch_hole(fileDescriptor, part.lowerBound, size)
    guard result >= 0 else {
      throw .refused(operation: "fallocate", byteCount: size, errorNumber: Int32(-result))
    }
  }

  /// Puts a page where a device would be, and says whether it could.
  ///
  /// Each word of it is the page's own address, as a read from a device under KVM answers.
  func observe(_ frame: UInt64, physicalAddressWidth: UInt8) throws(GuestMemoryError) -> Bool {
    guard frame < min(Self.limit, 1 << UInt64(physicalAddressWidth)),
      let offset = Self.fileOffset(of: frame)
    else { return false }
    if devices[frame] == nil {
      // Each takes a mapping of its own, of which a process has 65,530 by default.
      guard devices.count < Self.deviceLimit else { return false }
      if offset + 4096 > byteCount {
        let size = Self.fileSize(reaching: frame + 4096)
        try Self.setSize(fileDescriptor, size)
        byteCount = size
      }
      let mapping = try FileMapping(byteCount: 4096)
      try mapping.show(fileDescriptor, from: offset, at: 0, byteCount: 4096)
      devices[frame] = mapping
    }
    return true
  }

  /// Makes every device page say its address.
  func stampDevices() {
    for (frame, mapping) in devices {
      mapping.view(byteCount: 4096).writeWords(
        ArraySlice(repeating: frame, count: 512), at: GuestPhysicalAddress(truncating: 0))
    }
  }

  /// What was written to device pages: the physical address by the value.
  func deviceWrites() -> [UInt64: UInt64] {
    var writes: [UInt64: UInt64] = [:]
    for (frame, mapping) in devices {
      let words =
        mapping.view(byteCount: 4096).readWords(
          at: GuestPhysicalAddress(truncating: 0), count: 512) ?? []
      for (index, word) in words.enumerated() where word != frame {
        writes[word] = frame + UInt64(index) * 8
      }
    }
    return writes
  }

  private static func fileSize(reaching end: UInt64) -> UInt64 {
    let rounded = (end + 0x1f_ffff) & ~0x1f_ffff
    if rounded <= hole.lowerBound { return rounded }
    return max(rounded, hole.upperBound) - UInt64(hole.count)
  }

  private static func setSize(_ descriptor: CInt, _ size: UInt64) throws(GuestMemoryError) {
    let result = clinux_set_size(descriptor, size)
    guard result >= 0 else {
      throw .refused(operation: "ftruncate", byteCount: size, errorNumber: Int32(-result))
    }
  }

  /// Copies what the contents' file holds; its holes stay holes.
  private func copyContents() throws(GuestMemoryError) {
    let source: CInt
    switch contents.contents {
    case .zeros: return
    case .file(let file): source = file.fileDescriptor
    case .notShareable, .shared: throw .notShareable
    }
    var position: UInt64 = 0
    while position < contents.byteCount {
      let data = clinux_next_data(source, position)
      // ENXIO: no data behind this place.
      guard data >= 0, UInt64(data) < contents.byteCount else { return }
      let hole = clinux_next_hole(source, UInt64(data))
      let end = hole > data ? min(UInt64(hole), contents.byteCount) : contents.byteCount
      for part in Self.parts(of: UInt64(data)..<end) {
        guard ram.readFile(source, into: part) else {
          throw .refused(
            operation: "pread", byteCount: UInt64(part.count), errorNumber: EIO)
        }
      }
      position = end
    }
  }
}

/// A descriptor that is closed unless somebody takes it over.
private struct DescriptorOwner: ~Copyable {
  let number: CInt

  init(_ number: CInt) { self.number = number }

  consuming func release() -> CInt {
    let taken = number
    discard self
    return taken
  }

  deinit { _ = clinux_close(number) }
}

extension MemoryView {
  /// Reads a file's bytes at `range` into the same range; false when the file does not have them.
  fileprivate func readFile(_ descriptor: CInt, into range: Range<UInt64>) -> Bool {
    guard
      contains(GuestPhysicalAddress(truncating: range.lowerBound), byteCount: UInt64(range.count))
    else { return false }
    var position = range.lowerBound
    while position < range.upperBound {
      // SAFETY: the range lies inside the window.
      let count = unsafe clinux_read_at(
        descriptor, baseAddress + Int(position), range.upperBound - position, position)
      guard count > 0 else { return false }
      position += UInt64(count)
    }
    return true
  }
}
