// One round of measurements: every contestant and every limit once.

import Glibc
import GuestMem
import MMU

let pageCount: UInt64 = 262_144
let base = LinearAddress(truncating: 0x1000_0000_0000, width: .bits48)
let target = GuestPhysicalAddress(truncating: 0x1_0000_0000)
let plain = PageProperties(rights: [.read, .write])

/// Nanoseconds of processor time of this thread.
func now() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Nanoseconds per page of `body`.
func measure(_ pages: UInt64 = pageCount, _ body: () throws -> Void) rethrows -> Double {
  let start = now()
  try body()
  return Double(now() - start) / Double(pages)
}

/// One round: every contestant and limit once, by name.
func round(_ memory: borrowing GuestMemory, _ random: [UInt64]) throws -> [(String, Double)] {
  // Locals, so that no loop asks whether a global is initialized.
  let pageCount = pageCount
  let base = base
  let target = target
  let plain = plain
  var results: [(String, Double)] = []
  let words = unsafe memory.view.baseAddress.assumingMemoryBound(to: UInt64.self)
  results.append(
    (
      "limit: store",
      measure {
        var word: UInt64 = 0x1_0000_0003
        for index in 0..<Int(pageCount) {
          unsafe words[index] = word
          word &+= 4096
        }
      }
    ))
  results.append(
    (
      "limit: protect",
      measure {
        for index in 0..<Int(pageCount) {
          let word = unsafe words[index]
          if word & 1 != 0 { unsafe words[index] = word & ~2 }
        }
      }
    ))
  var sum: UInt64 = 0
  results.append(
    (
      "limit: unmap",
      measure {
        for index in 0..<Int(pageCount) {
          sum &+= unsafe words[index]
          unsafe words[index] = 0
        }
      }
    ))
  var allocator = try FrameAllocator(byteCount: memory.byteCount)
  var table = try PageTable(
    configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
  table.liveness = .offline
  let bytes = pageCount * 4096
  results.append(
    (
      "map 4 KiB, a call per page",
      try measure {
        for page in 0..<pageCount {
          try table.map(
            LinearAddress(truncating: base.rawValue + page * 4096, width: .bits48),
            byteCount: 4096, to: GuestPhysicalAddress(truncating: target.rawValue + page * 4096),
            properties: plain, allocator: &allocator)
        }
      }
    ))
  results.append(
    (
      "translate, random",
      measure(UInt64(random.count)) {
        for address in random {
          sum &+=
            table.translate(LinearAddress(truncating: address, width: .bits48))?
            .physicalAddress.rawValue ?? 0
        }
      }
    ))
  results.append(
    (
      "protect a range, offline",
      try measure {
        try table.protect(
          base, byteCount: bytes, change: PropertyChange(rights: .read), allocator: &allocator)
      }
    ))
  table.liveness = .live
  results.append(
    (
      "protect a range, live",
      try measure {
        try table.protect(
          base, byteCount: bytes, change: PropertyChange(rights: [.read, .write]),
          allocator: &allocator)
      }
    ))
  table.liveness = .offline
  results.append(
    (
      "unmap whole tables",
      try measure { try table.unmap(base, byteCount: bytes, allocator: &allocator) }
    ))
  let prepared = try table.prepare(plain)
  results.append(
    (
      "map 4 KiB through a cursor",
      try measure {
        try table.withCursor(base, byteCount: bytes, allocator: &allocator) {
          (cursor, allocator) throws(PageTableError) in
          for page in 0..<pageCount {
            try cursor.map4KiB(
              to: GuestPhysicalAddress(truncating: target.rawValue + page * 4096), prepared,
              allocator: &allocator)
          }
        }
      }
    ))
  // All pages but one of each table, so that the tables stay.
  results.append(
    (
      "unmap a range, report",
      try measure {
        for part in 0..<pageCount / 512 {
          try table.unmap(
            LinearAddress(truncating: base.rawValue + part << 21, width: .bits48),
            byteCount: 511 * 4096, allocator: &allocator)
        }
      }
    ))
  try table.unmap(base, byteCount: bytes, allocator: &allocator)
  results.append(
    (
      "map a range of 4 KiB",
      try measure {
        try table.map(
          base, byteCount: bytes, to: target, properties: plain, pageSizes: .exactly(.size4KiB),
          allocator: &allocator)
      }
    ))
  try table.unmap(base, byteCount: bytes, allocator: &allocator)
  results.append(
    (
      "map 2 MiB, range",
      try measure(32768) {
        try table.map(
          base, byteCount: 32768 << 21, to: target, properties: plain,
          pageSizes: .exactly(.size2MiB), allocator: &allocator)
      }
    ))
  results.append(
    (
      "split 2 MiB, per entry",
      try measure(512 * 512) {
        for part in 0..<512 as Range<UInt64> {
          try table.withEntry(
            for: LinearAddress(truncating: base.rawValue + part << 21, width: .bits48),
            downTo: .pageDirectory, allocator: &allocator
          ) { (entry, allocator) throws(EntryError) in
            _ = try entry.splitIfLarge(allocator: &allocator)
          }
        }
      }
    ))
  if sum == 42 { print("") }
  return results
}
