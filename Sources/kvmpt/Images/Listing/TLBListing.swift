// TLBListing: the lines of QEMU's monitor command `info tlb`.

import GuestMem
import Inspection
import MMU
import Probe

/// Puts the pages of an `info tlb` together.
///
/// A line is `linear: physical XGPDACTUW`: the leaf's own bits, XD first. The monitor leaves the PAT
/// bit out, of large pages and of small ones; P means a large page, 2 MiB or 1 GiB; an address has
/// bits 49:12.
///
/// Source: QEMU, `print_pte` and `tlb_info_la48` in target/i386/monitor.c, the same from 1.0 to 10.
struct TLBListing {
  /// A line: where the page is, where it leads, and its letters, W in bit 0.
  struct Page {
    let linear: UInt64
    let physical: UInt64
    let flags: UInt16

    var isLarge: Bool { flags & 1 << 6 != 0 }

    /// True when `next` lies 1 GiB further, in linear and physical addresses and with the same
    /// rights.
    func isGibibyte(before next: Page) -> Bool {
      // A and D are bits 4 and 5.
      next.linear == linear &+ (1 << 30) && next.physical == physical &+ (1 << 30)
        && (next.flags ^ flags) & ~(3 << 4) == 0
    }
  }

  private let pageAttributeTable: UInt64
  private var ranges: [AskedRange] = []
  /// The statement for each set of letters and each size, once it was needed.
  private var statements: [PageStatement?] = Array(repeating: nil, count: 3 << 9)
  /// A large page whose size is told by where the next one begins.
  private var pending: Page?
  /// The last page that was read as 1 GiB because of the step to the next one.
  private var stepped: Page?

  init(pageAttributeTable: UInt64) { self.pageAttributeTable = pageAttributeTable }

  /// The page of a line; nil where it is no such line.
  static func page(_ line: ArraySlice<UInt8>) -> Page? {
    guard let colon = line.firstIndex(of: 0x3a), colon + 2 < line.endIndex,
      line[colon + 1] == 0x20,
      let space = line[(colon + 2)...].firstIndex(of: 0x20), line.endIndex - space == 10,
      let linear = hexadecimalNumber(line[line.startIndex..<colon]),
      let physical = hexadecimalNumber(line[(colon + 2)..<space])
    else { return nil }
    var flags: UInt16 = 0
    var index = space + 1
    for letter in "XGPDACTUW".utf8 {
      guard line[index] == letter || line[index] == 0x2d else { return nil }
      flags = flags << 1 | (line[index] == letter ? 1 : 0)
      index += 1
    }
    return Page(linear: linear, physical: physical, flags: flags)
  }

  /// Takes the next line.
  mutating func take(
    _ line: ArraySlice<UInt8>, _ neighbour: (UInt64) -> ListingNeighbour?
  ) throws(ListingProblem) {
    guard let page = Self.page(line) else {
      throw ListingProblem(line, "is no line of QEMU's info tlb")
    }
    let mask: UInt64 = page.isLarge ? 2 << 20 - 1 : 4095
    guard (page.linear | page.physical) & mask == 0 else {
      throw ListingProblem(
        line,
        page.isLarge
          ? "is a large page (P) at no multiple of 2 MiB" : "is a page at no multiple of 4 KiB")
    }
    settle(before: page, neighbour)
    if page.isLarge && (page.linear | page.physical) & (1 << 30 - 1) == 0 {
      pending = page
    } else {
      add(page, page.isLarge ? .size2MiB : .size4KiB, neighbour)
    }
  }

  /// All ranges, in the order of addresses.
  mutating func finish(_ neighbour: (UInt64) -> ListingNeighbour?) -> [AskedRange] {
    settle(before: nil, neighbour)
    return ranges.sorted { $0.first < $1.first }
  }

  /// Decides how large the page is that waits for the next line.
  ///
  /// It is 2 MiB where the next one is nearer than 1 GiB. Otherwise it is as large as a large page of
  /// the other side; without one it is 1 GiB where the next or the last page lies 1 GiB further in
  /// linear and physical addresses. Where nothing tells, nothing is said of the size, nor of what
  /// would only be mapped if it were 1 GiB.
  private mutating func settle(
    before next: Page?, _ neighbour: (UInt64) -> ListingNeighbour?
  ) {
    guard let page = pending else { return }
    pending = nil
    let room = next.map { $0.linear < page.linear ? .max : $0.linear - page.linear } ?? UInt64.max
    guard room >= 1 << 30 else { return add(page, .size2MiB, neighbour) }
    switch neighbour(page.linear)?.size {
    case .size1GiB: add(page, .size1GiB, neighbour)
    case .size2MiB: add(page, .size2MiB, neighbour)
    case .size4KiB, nil:
      if next.map(page.isGibibyte(before:)) == true || stepped?.isGibibyte(before: page) == true {
        stepped = page
        return add(page, .size1GiB, neighbour)
      }
      add(page, .size2MiB, neighbour, isSizeKnown: false)
      ranges.append(
        AskedRange(
          first: page.linear + (2 << 20), last: page.linear &+ (1 << 30 - 1), content: .unsaid))
    }
  }

  private mutating func add(
    _ page: Page, _ size: PageSize, _ neighbour: (UInt64) -> ListingNeighbour?,
    isSizeKnown: Bool = true
  ) {
    var statement = statement(page.flags, size)
    if !isSizeKnown { statement.pageSize = nil }
    // What the listing cannot show of an address it does not deny.
    let unseen: UInt64 = 3 << 50
    statement.physicalAddress =
      page.physical | (neighbour(page.linear)?.physical ?? 0) & unseen
    let range = AskedRange(
      first: page.linear, last: page.linear &+ (size.byteCount - 1), content: .mapped(statement))
    if ranges.isEmpty || !ranges[ranges.count - 1].append(range) { ranges.append(range) }
  }

  private mutating func statement(_ flags: UInt16, _ size: PageSize) -> PageStatement {
    let index = Int(flags) | (Int(size.level.rawValue) - 1) << 9
    if let statement = statements[index] { return statement }
    func has(_ bit: UInt16) -> Bool { flags & 1 << bit != 0 }
    var page = PageStatement(basis: .leaf)
    page.isWritable = has(0)
    page.isUser = has(1)
    // PWT is bit 2, PCD bit 3; with PAT or without it.
    let low = UInt8(flags >> 2 & 3)
    page.setMemoryTypes(ofIndices: 1 << low | 16 << low, in: pageAttributeTable)
    page.isAccessed = has(4)
    page.isDirty = has(5)
    page.isGlobal = has(7)
    page.isExecutable = !has(8)
    page.pageSize = size
    statements[index] = page
    return page
  }
}
