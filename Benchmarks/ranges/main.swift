// MeasureRanges: how long it takes to compare all that was asked for with all that tables map.
//   swift run -c release MeasureRanges
//
// The limit, in the same run: reading every word of the same tables once, by the same loads. The end
// is code 1 when a comparison takes longer than is allowed, or finds something else than it should.

import Glibc
import GuestMem
import Inspection
import MMU
import Probe
import TestImages

/// What a comparison of a few million leaves may take, and how many times the limit.
let allowed = Duration.seconds(2)
let allowedTimes = 30.0

/// An image, what is asked of it, and what must come of it.
struct Case {
  let name: String
  let image: ImageFile
  let root: UInt64
  let tables: [UInt64]
  let pageCount: UInt64
  let pageSize: PageSize
  let asked: [AskedRange]
  let differenceCount: Int
}

/// Pages of one size that lead to the physical address that is their linear one, and tables above.
func identity(
  pages: UInt64, of size: PageSize, _ bits: TableImage.Bits
) throws(ImageFileError) -> (ImageFile, UInt64, [UInt64]) {
  var image = TableImage(root: 0x10_0000)
  for page in 0..<pages {
    let address = page * size.byteCount
    image.map(address, to: address, bits, level: Int(size.level.rawValue))
  }
  let file = ImageFile()
  try image.writeRaw(to: file.path, byteCount: image.nextTable)
  return (file, image.root, image.tables.keys.sorted())
}

/// What is asked: stretches of `byteCount` each, up to `end`.
func asked(upTo end: UInt64, by byteCount: UInt64) -> [AskedRange] {
  stride(from: UInt64(0), to: end, by: Int(byteCount)).map { first in
    var page = PageStatement(physicalAddress: first)
    page.isWritable = true
    page.isExecutable = false
    page.isUser = false
    page.isGlobal = false
    page.protectionKey = 0
    page.softwareBits = 0
    page.isAccessed = false
    page.isDirty = false
    page.setMemoryType(.writeBack, in: PageAttributeTable.powerOn)
    return AskedRange(
      first: first, last: min(end, first + byteCount) - 1, content: .mapped(page))
  }
}

let leafCount: UInt64 = 4_198_400
let small = try identity(
  pages: leafCount, of: .size4KiB, [.present, .writable, .noExecute])
let large = try identity(
  pages: 1 << 19, of: .size2MiB, [.present, .writable, .noExecute])
let cases = [
  Case(
    name: "4,198,400 leaves, one range, the last 16 pages not asked for", image: small.0,
    root: small.1, tables: small.2, pageCount: leafCount, pageSize: .size4KiB,
    asked: asked(upTo: leafCount << 12 - 16 << 12, by: 1 << 40), differenceCount: 1),
  Case(
    name: "4,198,400 leaves, 174,934 ranges that end inside of tables", image: small.0,
    root: small.1, tables: small.2, pageCount: leafCount, pageSize: .size4KiB,
    asked: asked(upTo: leafCount << 12, by: 24 << 12), differenceCount: 0),
  Case(
    name: "1 TiB by 524,288 leaves of 2 MiB, one range", image: large.0, root: large.1,
    tables: large.2, pageCount: 1 << 19, pageSize: .size2MiB,
    asked: asked(upTo: 1 << 40, by: 1 << 40), differenceCount: 0),
]

/// The shortest of some runs.
func shortest(_ count: Int, _ body: () -> Void) -> Duration {
  (0..<count).map { _ in ContinuousClock().measure(body) }.min() ?? .zero
}

func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }

var isWithin = true
let configuration = try PagingConfiguration(rootLevel: .pageMapLevel4)
for part in cases {
  let memory = try MemoryImage(path: part.image.path, reading: .raw(base: .init(truncating: 0)))
  var sum: UInt64 = 0
  let reading = shortest(5) {
    for table in part.tables {
      for index in UInt64(0)..<512 {
        sum &+= memory.loadWord(at: GuestPhysicalAddress(truncating: table + index * 8)) ?? 0
      }
    }
  }
  let walking = shortest(1) {
    for page in 0..<part.pageCount {
      let walk = Walk(
        page * part.pageSize.byteCount, cr3: part.root, configuration: configuration, in: memory)
      if case .page(let found) = walk.end { sum &+= found.physicalAddress.rawValue }
    }
  }
  var found = RangeComparison()
  let comparing = shortest(5) {
    found = RangeComparison.between(
      part.asked, and: PageTables(cr3: part.root, configuration: configuration), in: memory,
      pageAttributeTable: PageAttributeTable.powerOn)
  }
  let isRight =
    comparing <= allowed && comparing / reading <= allowedTimes
    && found.differenceCount == part.differenceCount
  isWithin = isWithin && isRight && sum != 0
  print(
    """
    \(part.name): \(isRight ? "within" : "NOT within") \(milliseconds(allowed)) ms and \(allowedTimes) times
      compared whole       \(milliseconds(comparing)) ms, \(found.visitedEntryCount) entries, \
    \(found.differenceCount) differences
      every word read once \(milliseconds(reading)) ms: the limit, \(comparing / reading) times
      a walk for each page \(milliseconds(walking)) ms
    """)
}
exit(isWithin ? 0 : 1)
