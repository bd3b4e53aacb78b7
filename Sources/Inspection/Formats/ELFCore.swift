// ELFCore: the headers of a core file, read with every number in doubt.

internal import MMU

/// What the headers of an ELF core say.
///
/// Source: System V ABI, chapters 4 and 5 (ELF header, program header).
struct ELFCore {
  /// The ranges of memory, in the order of the headers.
  private(set) var segments: [MemorySegment] = []
  /// What the notes say.
  private(set) var notes = CoreNotes()

  private static let segmentLimit: UInt64 = 1 << 20

  /// True when the file starts as an ELF file does.
  static func isELF(_ file: borrowing FileBytes) -> Bool {
    file.load(UInt32.self, at: 0) == 0x464c_457f
  }

  /// Reads the headers.
  ///
  /// - Throws: ``MemoryImageError`` when one of them cannot be true.
  ///
  /// - Complexity: proportional to the number of headers and notes.
  init(_ file: borrowing FileBytes) throws(MemoryImageError) {
    guard let elfClass = file.load(UInt8.self, at: 4), let encoding = file.load(UInt8.self, at: 5),
      let type = file.load(UInt16.self, at: 16), let machine = file.load(UInt16.self, at: 18),
      let tableOffset = file.load(UInt64.self, at: 32),
      let sectionOffset = file.load(UInt64.self, at: 40),
      let headerSize = file.load(UInt16.self, at: 54),
      let shortCount = file.load(UInt16.self, at: 56), file.count >= 64
    else { throw .headersOutsideFile(byteCount: file.count) }
    guard elfClass == 2, encoding == 1, machine == 62 else {
      throw .wrongMachine(elfClass: elfClass, machine: machine)
    }
    guard type == 4 else { throw .notACore(type: type) }
    var count = UInt64(shortCount)
    if shortCount == 0xffff {
      // PN_XNUM: the number stands in sh_info of section header 0.
      let (place, overflow) = sectionOffset.addingReportingOverflow(44)
      guard !overflow, let realCount = file.load(UInt32.self, at: place) else {
        throw .headersOutsideFile(byteCount: file.count)
      }
      count = UInt64(realCount)
    }
    guard count > 0 else { throw .noMemory }
    guard headerSize == 56 else { throw .wrongHeaderSize(headerSize) }
    guard count <= Self.segmentLimit else { throw .tooManySegments(count) }
    guard file.contains(tableOffset, byteCount: count * 56) else {
      throw .headersOutsideFile(byteCount: file.count)
    }
    for index in 0..<Int(count) {
      try readHeader(index, at: tableOffset + UInt64(index) * 56, file)
    }
    try checkPhysicalAddresses()
  }

  private mutating func readHeader(
    _ index: Int, at place: UInt64, _ file: borrowing FileBytes
  ) throws(MemoryImageError) {
    guard let type = file.load(UInt32.self, at: place),
      let offset = file.load(UInt64.self, at: place + 8),
      let physicalAddress = file.load(UInt64.self, at: place + 24),
      let byteCount = file.load(UInt64.self, at: place + 32)
    else { throw .headersOutsideFile(byteCount: file.count) }
    let isLoad = type == 1
    let isNote = type == 4
    guard isLoad || isNote, byteCount > 0 else { return }
    guard file.contains(offset, byteCount: byteCount) else {
      throw .segmentOutsideFile(
        index: index, offset: offset, byteCount: byteCount, fileByteCount: file.count)
    }
    if isNote { return try notes.read(from: offset, byteCount: byteCount, file) }
    let (end, overflow) = physicalAddress.addingReportingOverflow(byteCount)
    guard !overflow, end <= 1 << 52 else {
      throw .segmentTooHigh(index: index, physicalAddress: physicalAddress, byteCount: byteCount)
    }
    // Memory beyond p_filesz was left out of the dump: it is not known to be zero.
    segments.append(
      MemorySegment(
        physicalAddress: GuestPhysicalAddress(truncating: physicalAddress), byteCount: byteCount,
        fileOffset: offset))
  }

  private func checkPhysicalAddresses() throws(MemoryImageError) {
    guard !segments.isEmpty else { throw .noMemory }
    if segments.count > 1 && segments.allSatisfy({ $0.physicalAddress.rawValue == 0 }) {
      throw .noPhysicalAddresses(segmentCount: segments.count)
    }
  }
}
