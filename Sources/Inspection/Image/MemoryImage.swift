// MemoryImage: physical memory as it stands in a file.

public import MMU

/// A read-only image of guest-physical memory: an ELF core, or raw bytes.
///
/// The file is read as its words are needed: opening costs time for its headers only, whatever its
/// size. Words are nil where the file became shorter meanwhile, or cannot be read any more: whoever
/// is through asks ``requireWhole()``.
public struct MemoryImage: ~Copyable, PhysicalMemory, Sendable {
  /// How the file holds the memory.
  public enum Format: String, Sendable {
    /// An ELF core, as QEMU's `dump-guest-memory` writes it.
    case elfCore = "elf-core"
    /// The bytes of memory and nothing else.
    case raw
    /// The bytes of memory in several files, or parts of one.
    case pieces
    /// A dump by the kernel module LiME.
    case lime
    /// A kdump, compressed page by page with zlib.
    case kdump
    /// The memory of a running QEMU.
    case qemu
    /// What a debugger's stub reads.
    case debugger
  }

  /// How the file is to be read.
  public enum Reading: Hashable, Sendable {
    /// By its first bytes: as an ELF core, a kdump or a LiME dump, and what no ``ForeignFormat``
    /// recognises as raw bytes from physical address 0 on.
    case automatic
    /// As raw bytes from this physical address on, a multiple of 8.
    case raw(base: GuestPhysicalAddress)
  }

  /// How the file holds the memory.
  public let format: Format
  /// The ranges of memory by address; they do not overlap.
  public let segments: [MemorySegment]
  /// The processors that the core describes; empty in other files.
  public let processors: [ImageProcessor]
  /// Where the kernel in a core says that its tables are; nil in other files.
  public let kernelTables: KernelTables?
  private let file: FileBytes

  /// Opens the file at `path`.
  ///
  /// - Throws: ``MemoryImageError`` when the file cannot be read or its headers are wrong.
  ///
  /// - Complexity: proportional to the number of headers, not to the size of the file.
  public init(path: String, reading: Reading = .automatic) throws(MemoryImageError) {
    try self.init(FileBytes(path: path), reading: reading)
  }

  /// Reads `bytes` as if they were a file.
  ///
  /// - Throws: ``MemoryImageError`` when the headers are wrong or there are no bytes.
  public init(bytes: [UInt8], reading: Reading = .automatic) throws(MemoryImageError) {
    try self.init(FileBytes(copying: bytes), reading: reading)
  }

  private init(_ file: consuming FileBytes, reading: Reading) throws(MemoryImageError) {
    if case .raw(let base) = reading {
      try self.init(raw: file, base)
      return
    }
    if FlattenedFile.isFlattened(file) { file = try FileBytes(FlattenedFile(file)) }
    if ELFCore.isELF(file) {
      let core = try Self.read(file) { (file) throws(MemoryImageError) in try ELFCore(file) }
      self.init(.elfCore, core.segments, core.notes, file)
    } else if LiMEDump.isLiME(file) {
      let dump = try Self.read(file) { (file) throws(MemoryImageError) in try LiMEDump(file) }
      self.init(.lime, dump.segments, CoreNotes(), file)
    } else if KdumpFile.isKdump(file) {
      let dump = try Self.read(file) { (file) throws(MemoryImageError) in try KdumpFile(file) }
      let pages = try FileBytes(KdumpPages(file, dump))
      self.init(.kdump, dump.segments, dump.notes, pages)
    } else {
      if let foreign = ForeignFormat(file) { throw .foreignFormat(foreign) }
      try self.init(raw: file, GuestPhysicalAddress(truncating: 0))
    }
  }

  private init(
    raw file: consuming FileBytes, _ base: GuestPhysicalAddress
  ) throws(MemoryImageError) {
    guard base.rawValue & 7 == 0, file.count <= 1 << 52 - base.rawValue else {
      throw .invalidBase(base.rawValue)
    }
    let segment = MemorySegment(physicalAddress: base, byteCount: file.count, fileOffset: 0)
    self.init(.raw, [segment], CoreNotes(), file)
  }

  /// What is known, and the bytes that it is known of.
  init(
    _ format: Format, _ segments: [MemorySegment], _ notes: CoreNotes, _ file: consuming FileBytes
  ) {
    self.format = format
    self.segments = segments.disjoint()
    processors = notes.processors
    kernelTables = notes.kernelTables
    self.file = file
  }

  /// What `body` reads in the headers of a file: those that were lost look like headers that are wrong.
  private static func read<Headers>(
    _ file: borrowing FileBytes,
    _ body: (borrowing FileBytes) throws(MemoryImageError) -> Headers
  ) throws(MemoryImageError) -> Headers {
    do throws(MemoryImageError) {
      return try body(file)
    } catch {
      throw file.failure ?? error
    }
  }

  /// Checks that all words that were asked for could be read.
  ///
  /// What was found in an image is only worth something when this throws nothing afterwards.
  ///
  /// - Throws: ``MemoryImageError``: why words of the image could not be read that it had when it
  ///   was opened.
  public func requireWhole() throws(MemoryImageError) {
    if let failure = file.failure { throw failure }
  }

  /// So many pages are kept as they were when words of them were loaded first; of further ones every word is
  /// read anew.
  public static var keptPageLimit: Int { FileBlocks.keptLimit }

  /// How many pages of those that words were loaded from are different now in what the image is read from,
  /// such as the memory of a machine that runs; nil where that cannot be found out.
  ///
  /// - Complexity: O(n) in the pages.
  public func changedPageCount() -> Int? { file.changedBlockCount() }

  /// The bytes of memory that the image holds.
  public var byteCount: UInt64 { segments.reduce(0) { $0 + $1.byteCount } }

  /// The segment that holds `address`, or nil.
  ///
  /// - Complexity: O(log n).
  public func segment(at address: GuestPhysicalAddress) -> MemorySegment? {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].physicalAddress <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address.rawValue < segments[low - 1].end else { return nil }
    return segments[low - 1]
  }

  /// The word at `address`, or nil when no segment of the image holds all of it.
  public func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    guard let offset = fileOffset(of: address, byteCount: 8) else { return nil }
    return file.load(UInt64.self, at: offset)
  }

  /// True when a segment of the image holds all of the word at `address`; the file is not read.
  public func hasWord(at address: GuestPhysicalAddress) -> Bool {
    guard let offset = fileOffset(of: address, byteCount: 8) else { return false }
    return file.contains(offset, byteCount: 8)
  }

  /// The 512 words of the table at `address`: those that were kept before, or as the file has them now
  /// or had them when what lies before them was scanned.
  public func scanTable(at address: GuestPhysicalAddress, into words: inout [UInt64]) {
    if let offset = fileOffset(of: address, byteCount: UInt64(words.count) * 8),
      file.scan(&words, at: offset)
    {
      return
    }
    loadTable(at: address, into: &words)
  }

  /// Where bytes that one segment holds are in the file; nil where none holds all of them.
  @inline(__always)
  private func fileOffset(of address: GuestPhysicalAddress, byteCount: UInt64) -> UInt64? {
    guard let segment = segment(at: address) else { return nil }
    let offset = address.rawValue - segment.physicalAddress.rawValue
    return segment.byteCount - offset >= byteCount ? segment.fileOffset + offset : nil
  }

  /// The 512 words of the table at `address`, 0 where no segment of the image holds all of a word.
  public func loadTable(at address: GuestPhysicalAddress, into words: inout [UInt64]) {
    if let offset = fileOffset(of: address, byteCount: UInt64(words.count) * 8),
      file.load(&words, at: offset)
    {
      return
    }
    for index in words.indices {
      let place = GuestPhysicalAddress(truncating: address.rawValue &+ UInt64(index) &* 8)
      words[index] = loadWord(at: place) ?? 0
    }
  }
}
