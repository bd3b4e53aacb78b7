// What marks say, in entries of every level, and what is refused.

import GuestMem
import MMU
import TestSupport
import Testing

@testable import LiveMem

@Suite("Marks in absent entries")
struct MarkedTableTests {
  private let read = PageProperties(rights: [.read, .write])

  @Test("A mark is no entry of either format, no word of a freed frame, and comes back as it was")
  func encoding() {
    var random = SeededGenerator(seed: TestSetting.seed ?? 0x15_3a6b)
    for kind in Mark.Kind.allCases {
      for _ in 0..<1000 {
        let mark = Mark(kind, payload: random.next() >> 12)
        #expect(Mark(entry: mark.entry) == mark)
        for level in 1...5 as ClosedRange<UInt64> {
          for format in [EntryFormat.native, .ostd] {
            #expect(EntryClass(mark.entry, level: level, in: format) == .invalid)
          }
        }
      }
    }
    #expect(Mark(entry: 0) == nil)
    #expect(Mark(entry: FramePool<HardwareAccess>.poison) == nil)
    // Every other word of the low bits is a mark of one of the kinds or none.
    let marks = (0..<4096 as Range<UInt64>).filter { Mark(entry: $0) != nil }
    #expect(marks == [0xc, 0x14, 0x1c, 0x24])
  }

  @Test("An entry marks all that it decides, and a page in it takes only that page out")
  func levels() throws {
    let space = try SharedSpace<SharedPaging>(frames: 64)
    let table = space.table
    let before = space.pool.freeFrameCount
    // 512 GiB by an entry of the root, less a page at each end.
    let start: UInt64 = 1 << 39
    try table.mark(linear(start), byteCount: 1 << 39, as: Mark(.file, payload: 1000))
    #expect(space.pool.freeFrameCount == before)
    #expect(try table.translate(linear(start)) == nil)
    for page in [0, 1, 511, 512, 1 << 18, 1 << 27 - 1] as [UInt64] {
      #expect(
        try table.status(of: linear(start + page << 12 + 5))
          == .marked(Mark(.file, payload: 1000 + page)))
    }
    #expect(try table.status(of: linear(start - 1)) == .absent)
    #expect(try table.status(of: linear(2 * start)) == .absent)
    // One page in the middle: three tables of marks.
    let middle = start + 0x1234_5000
    try table.map(linear(middle), byteCount: 0x1000, to: physical(0x7000), properties: read)
    #expect(try table.translate(linear(middle))?.physicalAddress == physical(0x7000))
    for page in [0, 0x12344, 0x12346, 1 << 27 - 1] as [UInt64] {
      #expect(
        try table.status(of: linear(start + page << 12))
          == .marked(Mark(.file, payload: 1000 + page)))
    }
    #expect(try space.problems() == [])
    // Mapped pages are in the way of a mark, and nothing has changed.
    #expect(throws: LiveTableError.self) {
      try table.mark(linear(middle - 0x1000), byteCount: 0x3000, as: Mark(.lazy))
    }
    #expect(
      try table.status(of: linear(middle - 0x1000)) == .marked(Mark(.file, payload: 1000 + 0x12344))
    )
    // A guard beside it, and what is told of the three pages.
    try table.mark(linear(middle + 0x1000), byteCount: 0x1000, as: Mark(.guardPage))
    var told: [MarkedRange] = []
    _ = try table.withRange(linear(middle - 0x1000), byteCount: 0x20_0000) {
      range throws(LiveTableError) in
      try range.visitMarks(linear(middle - 0x1000), byteCount: 0x4000) { told.append($0) }
    }
    #expect(
      told == [
        MarkedRange(
          linearAddress: middle - 0x1000, byteCount: 4096,
          mark: Mark(.file, payload: 1000 + 0x12344)),
        MarkedRange(linearAddress: middle + 0x1000, byteCount: 4096, mark: Mark(.guardPage)),
        MarkedRange(
          linearAddress: middle + 0x2000, byteCount: 4096,
          mark: Mark(.file, payload: 1000 + 0x12347)),
      ])
    // Marks go and the page stays; then everything goes, and so do the tables.
    try table.clearMarks(linear(start), byteCount: 1 << 39)
    #expect(try table.translate(linear(middle)) != nil)
    #expect(try table.status(of: linear(middle + 0x1000)) == .absent)
    #expect(try space.problems() == [])
    #expect(try table.unmap(linear(start), byteCount: 1 << 39).byteCount == 0x1000)
    #expect(try space.problems() == [])
    #expect(space.pool.freeFrameCount == before)
  }

  @Test("Payloads that the table does not have are refused, from the caller and from a guest")
  func payloads() throws {
    let memory = try GuestMemory(byteCount: 32 << 12, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 32 << 12)
    let pool = try FramePool<HardwareAccess>(
      memory: memory.view, byteCount: 32 << 12, allocator: &allocator)
    let table = try SharedPageTable<SharedPaging>(
      paging: PagingConfiguration(), pool: pool,
      marks: MarkLimits(lazy: 3, swapped: 100, file: .max))
    func refuses(_ mark: Mark, pages: UInt64, limit: UInt64) {
      #expect(throws: LiveTableError.markPayload(mark, limit: limit)) {
        try table.mark(linear(0x1000), byteCount: pages << 12, as: mark)
      }
    }
    refuses(Mark(.lazy, payload: 3), pages: 1, limit: 3)
    refuses(Mark(.swapped, payload: 100), pages: 1, limit: 100)
    refuses(Mark(.swapped, payload: 98), pages: 3, limit: 100)
    refuses(Mark(.file, payload: 1 << 52), pages: 1, limit: 1 << 52)
    refuses(Mark(.file, payload: 1 << 52 - 1), pages: 2, limit: 1 << 52)
    refuses(Mark(.file, payload: .max), pages: 2, limit: 1 << 52)
    try table.mark(linear(0x1000), byteCount: 0x2000, as: Mark(.swapped, payload: 98))
    // The payload of a mark that does not count is the same for all pages.
    try table.mark(linear(0x8000), byteCount: 0x8000, as: Mark(.lazy, payload: 2))
    #expect(try table.status(of: linear(0xf000)) == .marked(Mark(.lazy, payload: 2)))
    // What a guest writes over it.
    var node = table.root
    for level in [4, 3, 2] as [UInt64] {
      node = try #require(table.places.child(of: table.places.load(node, 0), level: level))
    }
    func status(_ word: UInt64) -> Result<PageStatus<SharedPaging>, LiveTableError> {
      HardwareAccess.store(table.places.word(node, 1), word)
      do throws(LiveTableError) {
        return .success(try table.status(of: linear(0x1000)))
      } catch {
        return .failure(error)
      }
    }
    #expect(status(Mark(.lazy, payload: 1).entry) == .success(.marked(Mark(.lazy, payload: 1))))
    for forged in [Mark(.lazy, payload: 3), Mark(.swapped, payload: 1 << 40)] {
      let limit: UInt64 = forged.kind == .lazy ? 3 : 100
      #expect(status(forged.entry) == .failure(.markPayload(forged, limit: limit)))
      #expect(throws: LiveTableError.markPayload(forged, limit: limit)) {
        _ = try table.withRange(linear(0), byteCount: 0x4000) { range throws(LiveTableError) in
          try range.visitMarks(linear(0), byteCount: 0x4000) { _ in }
        }
      }
    }
    // No kind, bits that no mark has, a bit that neither entries nor marks have alone.
    for word in [4, 5 << 3 | 4, 0x80c, 0x8c, 8] as [UInt64] {
      #expect(
        status(word)
          == .failure(
            .table(.invalidEntry(linearAddress: 0x1000, level: .pageTable, entry: word))))
    }
    // A forged mark goes as others do.
    HardwareAccess.store(table.places.word(node, 1), Mark(.lazy, payload: 77).entry)
    try table.clearMarks(linear(0x1000), byteCount: 0x1000)
    #expect(try table.status(of: linear(0x1000)) == .absent)
    #expect(try table.status(of: linear(0x2000)) == .marked(Mark(.swapped, payload: 99)))
    try table.close()
    try pool.giveBack(to: &allocator)
  }

  @Test(
    "With every number of free frames a mark is set, cleared or split whole, or nothing has changed"
  )
  func outOfFrames() throws {
    var refused = 0
    for frames in 1..<12 as Range<UInt64> {
      let space = try SharedSpace<SharedPaging>(frames: frames)
      let table = space.table
      guard (try? table.mark(linear(0), byteCount: 1 << 30, as: Mark(.file))) != nil else {
        continue
      }
      let changes: [(SharedPageTable<SharedPaging>) throws -> Void] = [
        { try $0.mark(linear(0x1000), byteCount: 1 << 21, as: Mark(.lazy)) },
        { try $0.clearMarks(linear(0x1000), byteCount: 1 << 21) },
        { try $0.unmap(linear(0x3000), byteCount: 1 << 21) },
        {
          try $0.map(
            linear(0x5000), byteCount: 1 << 21, to: physical(0x1000),
            properties: PageProperties(rights: [.read]))
        },
      ]
      for change in changes {
        let pages = (0..<1024 as Range<UInt64>).map { linear($0 << 12) }
        let before = try pages.map(table.status)
        do {
          try change(table)
        } catch LiveTableError.table(.outOfFrames) {
          refused += 1
          #expect(try pages.map(table.status) == before, "\(frames) frames")
        }
      }
      #expect(try space.problems() == [])
    }
    #expect(refused > 4)
  }

  @Test("Random marks and mappings say what a dictionary says", arguments: [0, 1])
  func random(_ kind: Int) throws {
    if kind == 0 { try compare(SharedPaging.self) } else { try compare(ReaderWriterPaging.self) }
  }

  private func compare<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>(frames: 256)
    let table = space.table
    var random = SeededGenerator(seed: TestSetting.seed ?? 0x15_3a6c)
    var marks: [UInt64: Mark] = [:]
    var pages: [UInt64: UInt64] = [:]
    var refused = 0
    for index in 0..<TestSetting.depth(600, full: 10_000) {
      // Around the end of a table at level 1, with ranges up to three tables.
      let isLarge = random.once(in: 4)
      let first = isLarge ? random.below(3) * 512 : 400 + random.below(700)
      let count = isLarge ? 512 : 1 + random.below(random.once(in: 3) ? 600 : 8)
      let range = first..<first + count
      let address = linear(first << 12)
      switch random.below(5) {
      case 0, 1:
        let kinds = Mark.Kind.allCases
        let mark = Mark(kinds[random.index(below: kinds.count)], payload: random.below(1 << 30))
        let isFree = range.allSatisfy { pages[$0] == nil }
        do {
          try table.mark(address, byteCount: count << 12, as: mark)
          #expect(isFree, "operation \(index)")
          for page in range { marks[page] = mark.advanced(byPages: page - first) }
        } catch LiveTableError.table(.alreadyMapped) {
          refused += 1
          #expect(!isFree, "operation \(index)")
        }
      case 2:
        try table.clearMarks(address, byteCount: count << 12)
        for page in range { marks[page] = nil }
      case 3:
        let mapped = UInt64(range.count { pages[$0] != nil }) << 12
        #expect(try table.unmap(address, byteCount: count << 12).byteCount == mapped)
        for page in range {
          pages[page] = nil
          marks[page] = nil
        }
      default:
        let target = random.below(1 << 20) << 21
        do {
          try table.map(
            address, byteCount: count << 12, to: physical(target + first << 12), properties: read)
          for page in range {
            pages[page] = target + page << 12
            marks[page] = nil
          }
        } catch LiveTableError.table(.alreadyMapped) {
          refused += 1
        }
      }
      for page in (0..<40).map({ _ in random.below(1600) }) + [first, range.upperBound] {
        let expected: PageStatus<Configuration>? = marks[page].map { .marked($0) }
        switch try table.status(of: linear(page << 12)) {
        case .mapped(let found):
          #expect(found.physicalAddress.rawValue == pages[page], "operation \(index), page \(page)")
        case let status:
          #expect(
            pages[page] == nil && status == expected ?? .absent,
            "operation \(index), page \(page)")
        }
      }
    }
    #expect(refused > 20)
    #expect(try space.problems() == [])
  }
}
