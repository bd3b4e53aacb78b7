// What one thread's tables take for the same, without locks and epochs.

import GuestMem
import LiveMem
import MMU

/// Throughput with 4 pages, and the time of 512 pages mapped and unmapped, shared and not: all by processor
/// time.
func measureSingle(
  rounds: Int
) throws -> (four: [Phase: Throughput], shared512: Double, single512: Double) {
  let memory = try GuestMemory(byteCount: 8 << 20, backing: .anonymous)
  var allocator = try FrameAllocator(byteCount: 8 << 20)
  var table = try PageTable(
    configuration: PagingConfiguration(), memory: memory.view, allocator: &allocator)
  let shared = try makeTable(SharedPaging.self)
  var best: [Phase: Duration] = [:]
  var times = (shared: Duration.seconds(9), single: Duration.seconds(9))
  for _ in 0..<rounds {
    for phase in [Phase.map, .translate, .unmap] {
      let start = threadTime()
      for index in 0..<regionCount {
        let address = region(index, of: 0, .low, threads: 1)
        switch phase {
        case .map:
          try table.map(
            linear(address), byteCount: regionBytes,
            to: GuestPhysicalAddress(truncating: address & 0xffff_ffff), properties: properties,
            allocator: &allocator)
        case .translate:
          for page in 0..<4 as Range<UInt64> {
            guard table.translate(linear(address + page << 12)) != nil else {
              throw Failure(text: "a page is not mapped")
            }
          }
        default:
          try table.unmap(linear(address), byteCount: regionBytes, allocator: &allocator)
        }
      }
      best[phase] = min(best[phase] ?? .seconds(9), threadTime() - start)
    }
    // Across the end of a table, so that neither can take a table away whole.
    let middle: UInt64 = 1 << 41 + 0x10_0000
    let start = threadTime()
    for _ in 0..<20 {
      try shared.map(
        linear(middle), byteCount: 512 << 12, to: GuestPhysicalAddress(truncating: 0x1000),
        properties: properties)
      try shared.unmap(linear(middle), byteCount: 512 << 12)
    }
    let between = threadTime()
    for _ in 0..<20 { try mapByCursor(&table, middle, &allocator) }
    times.shared = min(times.shared, between - start)
    times.single = min(times.single, threadTime() - between)
  }
  return (
    best.mapValues {
      let throughput = Double(regionCount) / microseconds($0)
      return Throughput(wall: throughput, processor: throughput)
    },
    microseconds(times.shared) * 50, microseconds(times.single) * 50
  )
}

/// Maps 512 pages through a cursor, and removes them through another one.
private func mapByCursor(
  _ table: inout PageTable, _ start: UInt64, _ allocator: inout FrameAllocator
) throws {
  let prepared = try table.prepare(properties)
  try table.withCursor(linear(start), byteCount: 512 << 12, allocator: &allocator) {
    cursor, allocator throws(PageTableError) in
    try cursor.map(
      byteCount: 512 << 12, to: GuestPhysicalAddress(truncating: 0x1000), prepared,
      allocator: &allocator)
  }
  try table.withCursor(linear(start), byteCount: 512 << 12, allocator: &allocator) {
    cursor, allocator throws(PageTableError) in
    _ = try cursor.unmap(byteCount: 512 << 12, allocator: &allocator)
  }
}
