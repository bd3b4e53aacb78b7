// KernelHeaders: the headers and notes of a kernel's ELF file, checked field by field.

import GuestMem
import Inspection
import MMU

/// What the headers of a kernel say.
///
/// Source: System V ABI, chapters 4 and 5.
struct KernelHeaders {
  private(set) var segments: [KernelSegment] = []
  let entry: UInt64
  private(set) var pvhEntry: UInt32?
  private(set) var symbolTable: SymbolTable?

  private static let noteLimit = 4096

  /// Reads the headers.
  ///
  /// - Throws: ``KernelFileError`` when one of them cannot be true.
  init(_ file: borrowing FileBytes) throws(KernelFileError) {
    guard file.load(UInt32.self, at: 0) == 0x464c_457f else { throw .notELF }
    guard let elfClass = file.load(UInt8.self, at: 4), let encoding = file.load(UInt8.self, at: 5),
      let type = file.load(UInt16.self, at: 16), let machine = file.load(UInt16.self, at: 18),
      file.count >= 64, let entry = file.load(UInt64.self, at: 24),
      let tableOffset = file.load(UInt64.self, at: 32),
      let headerSize = file.load(UInt16.self, at: 54), let count = file.load(UInt16.self, at: 56)
    else { throw .headersOutsideFile(byteCount: file.count) }
    guard elfClass == 2, encoding == 1, machine == 62 else {
      throw .wrongMachine(elfClass: elfClass, dataEncoding: encoding, machine: machine)
    }
    guard type == 2 else { throw .notExecutable(type: type) }
    self.entry = entry
    guard count > 0 else { throw .noSegments }
    guard headerSize == 56 else { throw .wrongHeaderSize(headerSize) }
    guard count <= KernelFile.segmentLimit else { throw .tooManySegments(count) }
    guard file.contains(tableOffset, byteCount: UInt64(count) * 56) else {
      throw .headersOutsideFile(byteCount: file.count)
    }
    for index in 0..<Int(count) {
      try readHeader(index, at: tableOffset + UInt64(index) * 56, file)
    }
    guard !segments.isEmpty else { throw .noSegments }
    try checkOverlaps()
    symbolTable = try SymbolTable(file)
  }

  private mutating func readHeader(
    _ index: Int, at place: UInt64, _ file: borrowing FileBytes
  ) throws(KernelFileError) {
    guard let type = file.load(UInt32.self, at: place),
      let flags = file.load(UInt32.self, at: place + 4),
      let offset = file.load(UInt64.self, at: place + 8),
      let linearAddress = file.load(UInt64.self, at: place + 16),
      let physicalAddress = file.load(UInt64.self, at: place + 24),
      let fileByteCount = file.load(UInt64.self, at: place + 32),
      let byteCount = file.load(UInt64.self, at: place + 40)
    else { throw .headersOutsideFile(byteCount: file.count) }
    let isLoad = type == 1
    let isNote = type == 4
    guard isLoad || isNote, isNote ? fileByteCount > 0 : byteCount > 0 || fileByteCount > 0 else {
      return
    }
    guard fileByteCount == 0 || file.contains(offset, byteCount: fileByteCount) else {
      throw .segmentOutsideFile(
        index: index, offset: offset, byteCount: fileByteCount, fileByteCount: file.count)
    }
    if isNote { return try readNotes(from: offset, byteCount: fileByteCount, file) }
    guard fileByteCount <= byteCount else {
      throw .segmentSizes(index: index, fileByteCount: fileByteCount, byteCount: byteCount)
    }
    guard byteCount <= KernelFile.byteLimit else {
      throw .segmentTooLarge(index: index, byteCount: byteCount)
    }
    let last = linearAddress.addingReportingOverflow(byteCount - 1)
    let physicalLast = physicalAddress.addingReportingOverflow(byteCount - 1)
    guard !last.overflow, !physicalLast.overflow else {
      throw .segmentWraps(index: index, linearAddress: linearAddress, byteCount: byteCount)
    }
    let width = LinearAddressWidth.bits48
    guard width.isCanonical(linearAddress), width.isCanonical(last.partialValue),
      linearAddress >> 63 == last.partialValue >> 63
    else { throw .segmentNotCanonical(index: index, linearAddress: linearAddress) }
    segments.append(
      KernelSegment(
        index: index, linearAddress: linearAddress, physicalAddress: physicalAddress,
        byteCount: byteCount, fileByteCount: fileByteCount, fileOffset: offset,
        isWritable: flags & 2 != 0, isExecutable: flags & 1 != 0))
  }

  private func checkOverlaps() throws(KernelFileError) {
    let sorted = segments.sorted { $0.linearAddress < $1.linearAddress }
    for (lower, upper) in zip(sorted, sorted.dropFirst())
    where lower.lastLinearAddress >= upper.linearAddress {
      throw .segmentsOverlap(lower.index, upper.index, linearAddress: upper.linearAddress)
    }
  }

  /// The notes of one segment, which lies inside the file; sizes are rounded up to 4.
  private mutating func readNotes(
    from start: UInt64, byteCount: UInt64, _ file: borrowing FileBytes
  ) throws(KernelFileError) {
    let end = start + byteCount
    var place = start
    var count = 0
    while end - place >= 12 {
      count += 1
      guard count <= Self.noteLimit,
        let nameSize = file.load(UInt32.self, at: place),
        let size = file.load(UInt32.self, at: place + 4),
        let type = file.load(UInt32.self, at: place + 8)
      else { throw .noteOutsideSegment(offset: place) }
      let name = place + 12
      let content = name + (UInt64(nameSize) + 3) & ~3
      let next = content + (UInt64(size) + 3) & ~3
      guard content + UInt64(size) <= end else { throw .noteOutsideSegment(offset: place) }
      // "Xen" and its 0.
      if nameSize == 4, type == 18, file.load(UInt32.self, at: name) == 0x006e_6558 {
        try readEntry(at: content, byteCount: size, file)
      }
      if next >= end { return }
      place = next
    }
  }

  private mutating func readEntry(
    at place: UInt64, byteCount: UInt32, _ file: borrowing FileBytes
  ) throws(KernelFileError) {
    let value: UInt64?
    switch byteCount {
    case 4: value = file.load(UInt32.self, at: place).map(UInt64.init)
    case 8: value = file.load(UInt64.self, at: place)
    default: value = nil
    }
    guard let value, let entry = UInt32(exactly: value) else {
      throw .invalidPVHEntry(offset: place, byteCount: byteCount)
    }
    pvhEntry = entry
  }
}
