// CoreNotes: what the notes of a core say about processors and the kernel.

/// The notes of a core, of ELF cores and of kdumps.
///
/// Source: System V ABI, chapter 5 (note section).
struct CoreNotes {
  /// The processors, in the order of their notes.
  var processors: [ImageProcessor] = []
  /// What the kernel's own note says.
  var kernelTables: KernelTables?

  private static let noteLimit = 1 << 20
  private static let processorLimit = 4096
  private var noteCount = 0

  /// Reads the notes in a range that lies inside the file; sizes are rounded up to 4.
  ///
  /// - Throws: ``MemoryImageError/tooManyNotes``, ``MemoryImageError/noteOutsideSegment(offset:)``.
  mutating func read(
    from start: UInt64, byteCount: UInt64, _ file: borrowing FileBytes
  ) throws(MemoryImageError) {
    let end = start + byteCount
    var place = start
    while end - place >= 12 {
      noteCount += 1
      // Many headers may share one segment of many notes.
      guard noteCount <= Self.noteLimit else { throw .tooManyNotes }
      guard let nameSize = file.load(UInt32.self, at: place),
        let size = file.load(UInt32.self, at: place + 4),
        let type = file.load(UInt32.self, at: place + 8)
      else { throw .noteOutsideSegment(offset: place) }
      let name = place + 12
      let content = name + (UInt64(nameSize) + 3) & ~3
      let next = content + (UInt64(size) + 3) & ~3
      guard content + UInt64(size) <= end else { throw .noteOutsideSegment(offset: place) }
      let owner = Self.text(at: name, byteCount: UInt64(min(nameSize, 16)), file)
      // The name and its 0.
      if UInt32(owner.utf8.count) + 1 == nameSize {
        take(
          Note(owner: owner, type: type, place: content, byteCount: UInt64(size)), file)
      }
      if next >= end { return }
      place = next
    }
  }

  /// A note that lies inside its segment.
  private struct Note {
    /// The name, without its 0.
    let owner: String
    let type: UInt32
    let place: UInt64
    let byteCount: UInt64
  }

  /// Takes what a note says about a processor, or about the kernel.
  private mutating func take(_ note: Note, _ file: borrowing FileBytes) {
    let processor: ImageProcessor?
    switch (note.owner, note.type) {
    case ("QEMU", 0): processor = ImageProcessor(ofQEMU: note.place, note.byteCount, file)
    case ("VBCPU", 0xb01):
      processor = ImageProcessor(ofVirtualBox: note.place, note.byteCount, file)
    case ("VMCOREINFO", _):
      if kernelTables == nil, note.byteCount <= 1 << 16 {
        kernelTables = KernelTables(Self.text(at: note.place, byteCount: note.byteCount, file))
      }
      return
    default: return
    }
    if let processor, processors.count < Self.processorLimit { processors.append(processor) }
  }

  /// The text of some bytes, up to a 0.
  static func text(
    at place: UInt64, byteCount: UInt64, _ file: borrowing FileBytes
  ) -> String {
    var bytes: [UInt8] = []
    for offset in 0..<byteCount {
      guard let byte = file.load(UInt8.self, at: place + offset), byte != 0 else { break }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
