// ComparedPages: the same pages as an image, a file and the listings of two tools.

import GuestMem
import MMU
import Probe
import TestImages

@testable import kvmpt

/// The kinds of files that `kvmpt diff` reads.
enum SourceKind: String, CaseIterable, Sendable, CustomStringConvertible {
  case image, file, tlb, ptdump

  var description: String { rawValue }

  /// What a side of this kind cannot say about a page.
  func unsaid(_ property: RangeProperty) -> Bool {
    switch self {
    case .image, .file: false
    case .tlb: [.protectionKey, .softwareBits].contains(property)
    case .ptdump:
      [.physicalAddress, .protectionKey, .softwareBits, .accessed, .dirty].contains(property)
    }
  }

  /// Rights are those of the leaves.
  var showsLeaves: Bool { self == .tlb || self == .ptdump }
}

/// One page as a test has it.
struct ComparedPage: Sendable {
  var linear: UInt64
  var physical: UInt64
  var size = PageSize.size4KiB
  var isWritable = true
  var isUser = false
  var isExecutable = false
  var patIndex: UInt8 = 0
  var isGlobal = false
  var key: UInt8 = 0
  var softwareBits: UInt16 = 0
  var isAccessed = false
  var isDirty = false

  /// The entry without its address and the bit for large pages.
  var bits: TableImage.Bits {
    var word: UInt64 = 1
    if isWritable { word |= 2 }
    if isUser { word |= 4 }
    if !isExecutable { word |= 1 << 63 }
    word |= UInt64(patIndex & 3) << 3
    if patIndex & 4 != 0 { word |= size == .size4KiB ? 1 << 7 : 1 << 12 }
    if isGlobal { word |= 1 << 8 }
    if isAccessed { word |= 1 << 5 }
    if isDirty { word |= 1 << 6 }
    word |= UInt64(softwareBits & 7) << 9 | UInt64(softwareBits >> 3) << 52
    return TableImage.Bits(rawValue: word | UInt64(key) << 59)
  }

  /// Another value of one property; nil where pages of this size have no other.
  func changed(_ property: RangeProperty) -> [ComparedPage]? {
    var page = self
    switch property {
    case .physicalAddress: page.physical += 1 << 36
    case .writable: page.isWritable.toggle()
    case .executable: page.isExecutable.toggle()
    case .user: page.isUser.toggle()
    case .memoryType: page.patIndex ^= 1
    case .global: page.isGlobal.toggle()
    case .protectionKey: page.key ^= 5
    case .softwareBits: page.softwareBits ^= 0x204
    case .accessed: page.isAccessed.toggle()
    case .dirty: page.isDirty.toggle()
    case .pageSize:
      guard let lower = PageSize.allCases.last(where: { $0 < size }) else { return nil }
      return (0..<size.byteCount / lower.byteCount).map { part in
        var page = self
        page.size = lower
        page.linear += part * lower.byteCount
        page.physical += part * lower.byteCount
        return page
      }
    }
    return [page]
  }

  /// Whether the leaf or the access of a right is given.
  func has(_ property: RangeProperty) -> Bool? {
    switch property {
    case .writable: isWritable
    case .executable: isExecutable
    case .user: isUser
    default: nil
    }
  }
}

/// Pages in the order of addresses, and the files that say them.
struct ComparedPages: Sendable {
  var pages: [ComparedPage]
  static let root = "0x1000"

  /// A large page and four small ones, none of which is like its neighbour in what no listing shows.
  static let base = ComparedPages(
    pages: {
      var pages = [
        ComparedPage(linear: 0x4000_0000, physical: 0x8000_0000, size: .size2MiB, isAccessed: true)
      ]
      for index in 0..<UInt64(4) {
        pages.append(
          ComparedPage(
            linear: 0x5000_0000 + index << 12, physical: 0x9000_0000 + index << 12,
            isAccessed: true))
      }
      return pages
    }())

  /// The same with one property of the page at `index` changed.
  func changed(_ index: Int, _ property: RangeProperty) -> ComparedPages? {
    guard let new = pages[index].changed(property) else { return nil }
    var copy = self
    copy.pages.replaceSubrange(index...index, with: new)
    return copy
  }

  /// A file of `kind` that says the pages, and its path.
  func file(_ kind: SourceKind, pat: PATArgument = .atPowerOn) throws -> Made {
    if kind == .image {
      let file = ImageFile()
      var image = TableImage()
      for page in pages {
        image.map(page.linear, to: page.physical, page.bits, level: Int(page.size.level.rawValue))
      }
      try image.writeRaw(to: file.path, byteCount: 1 << 20)
      return Made(path: file.path, owner: file)
    }
    let text =
      kind == .file ? yaml(pat) : pages.map { kind == .tlb ? tlb($0) : ptdump($0) }.joined()
    let file = try TemporaryFile(text)
    if kind != .file { return Made(path: file.path, owner: file) }
    let link = try NamedFile(text, suffix: ".yaml")
    return Made(path: link.path, owner: link)
  }

  /// A file, for as long as it is needed.
  struct Made {
    let path: String
    let owner: AnyObject
  }

  private func yaml(_ pat: PATArgument) -> String {
    var text = "memory: 1MiB\nmappings:\n"
    for page in pages {
      text += "  - {linear: 0x\(hex(page.linear)), physical: 0x\(hex(page.physical)), device: true"
      text += ", size: \(page.size.byteCount), page: \(page.size.label)"
      text += ", rights: r\(page.isWritable ? "w" : "-")\(page.isExecutable ? "x" : "-")"
      let type = pat.type(at: page.patIndex) ?? .writeBack
      text += ", user: \(page.isUser), memory-type: \(type.abbreviation)"
      text += ", key: \(page.key), global: \(page.isGlobal), accessed: \(page.isAccessed)"
      text += ", dirty: \(page.isDirty), software-bits: \(page.softwareBits)}\n"
    }
    return text
  }

  private func tlb(_ page: ComparedPage) -> String {
    func padded(_ number: UInt64) -> String {
      String(repeating: "0", count: 16 - hex(number).count) + hex(number)
    }
    let letters: [(Bool, String)] = [
      (!page.isExecutable, "X"), (page.isGlobal, "G"), (page.size != .size4KiB, "P"),
      (page.isDirty, "D"), (page.isAccessed, "A"), (page.patIndex & 2 != 0, "C"),
      (page.patIndex & 1 != 0, "T"), (page.isUser, "U"), (page.isWritable, "W"),
    ]
    return "\(padded(page.linear)): \(padded(page.physical & 0x3_ffff_ffff_f000)) "
      + letters.map { $0.0 ? $0.1 : "-" }.joined() + "\n"
  }

  private func ptdump(_ page: ComparedPage) -> String {
    let isLarge = page.size != .size4KiB
    let words: [(Bool, String)] = [
      (page.isUser, "USR"), (page.isWritable, "RW"), (!page.isWritable, "ro"),
      (page.patIndex & 1 != 0, "PWT"), (page.patIndex & 2 != 0, "PCD"), (isLarge, "PSE"),
      (page.patIndex & 4 != 0 && !isLarge, "PAT"), (page.isGlobal, "GLB"),
      (!page.isExecutable, "NX"), (page.isExecutable, "x"),
      (true, ["pte", "pmd", "pud"][Int(page.size.level.rawValue) - 1]),
    ]
    return "0x\(hex(page.linear))-0x\(hex(page.linear + page.size.byteCount)) "
      + "\(page.size.byteCount >> 10)K " + words.filter(\.0).map(\.1).joined(separator: " ") + "\n"
  }

  private func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}
