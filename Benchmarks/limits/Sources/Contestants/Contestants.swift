// Contestants: what the page-table core does, each in a function of its own so that its
// instructions can be told apart.

import GuestMem
import MMU

/// An address where contestants map.
func place(_ offset: UInt64) -> LinearAddress {
  LinearAddress(truncating: Stage.base &+ offset, width: .bits48)
}

/// A physical address that contestants map.
func frame(_ offset: UInt64) -> GuestPhysicalAddress {
  GuestPhysicalAddress(truncating: Stage.target &+ offset)
}

/// Maps 4 KiB pages, one call for each; their addresses come from an array, as the hand-written
/// C takes them.
@inline(never)
public func mapCallPerPage(_ stage: inout Stage) throws {
  let places = stage.places
  try places.withUnsafeBufferPointer {
    try mapAll($0, &stage.table, &stage.allocator)
  }
}

@inline(__always)
func mapAll(
  _ places: UnsafeBufferPointer<Place>, _ table: inout PageTable,
  _ allocator: inout FrameAllocator
) throws {
  let properties = Stage.plain
  for place in unsafe places {
    try table.map(
      place.linear, byteCount: 4096, to: place.physical, properties: properties,
      allocator: &allocator)
  }
}

/// Maps 4 KiB pages one by one through a cursor that stays open.
@inline(never)
public func mapThroughCursor(_ stage: inout Stage) throws {
  let prepared = try stage.table.prepare(Stage.plain)
  let count = stage.scale.pageCount
  try stage.table.withCursor(place(0), byteCount: count << 12, allocator: &stage.allocator) {
    (cursor, allocator) throws(PageTableError) in
    var physical = Stage.target
    let end = physical &+ count << 12
    while physical != end {
      try cursor.map4KiB(
        to: GuestPhysicalAddress(truncating: physical), prepared, allocator: &allocator)
      physical &+= 4096
    }
  }
}

/// Maps a range in 4 KiB pages by one call.
@inline(never)
public func mapRange(_ stage: inout Stage) throws {
  try stage.table.map(
    place(0), byteCount: stage.byteCount, to: frame(0), properties: Stage.plain,
    pageSizes: .exactly(.size4KiB), allocator: &stage.allocator)
}

/// Maps a range in 2 MiB pages by one call.
@inline(never)
public func mapLargeRange(_ stage: inout Stage) throws {
  try stage.table.map(
    place(0), byteCount: stage.scale.largePageCount << 21, to: frame(0), properties: Stage.plain,
    pageSizes: .exactly(.size2MiB), allocator: &stage.allocator)
}

/// Maps 2 MiB pages, one call for each.
@inline(never)
public func mapLargeCallPerPage(_ stage: inout Stage) throws {
  let properties = Stage.plain
  for page in 0..<stage.scale.largePageCount {
    try stage.table.map(
      place(page << 21), byteCount: 1 << 21, to: frame(page << 21), properties: properties,
      pageSizes: .exactly(.size2MiB), allocator: &stage.allocator)
  }
}

/// Takes R/W from a range of 4 KiB pages that no processor walks.
@inline(never)
public func protectRange(_ stage: inout Stage) throws {
  stage.sum &+= try stage.table.protect(
    place(0), byteCount: stage.byteCount, change: PropertyChange(rights: .read),
    allocator: &stage.allocator)
}

/// Gives R/W to a range of 4 KiB pages that a processor may be walking.
@inline(never)
public func protectLiveRange(_ stage: inout Stage) throws {
  stage.table.liveness = .live
  stage.sum &+= try stage.table.protect(
    place(0), byteCount: stage.byteCount, change: PropertyChange(rights: [.read, .write]),
    allocator: &stage.allocator)
  stage.table.liveness = .offline
}

/// Removes all pages but the last of each table, so that the tables stay and every entry is read.
@inline(never)
public func unmapRange(_ stage: inout Stage) throws {
  for part in 0..<stage.scale.pageCount >> 9 {
    let report = try stage.table.unmap(
      place(part << 21), byteCount: 511 << 12, allocator: &stage.allocator)
    stage.sum &+= report.byteCount
  }
}

/// The same while a processor may be walking the tables.
@inline(never)
public func unmapLiveRange(_ stage: inout Stage) throws {
  stage.table.liveness = .live
  for part in 0..<stage.scale.pageCount >> 9 {
    let report = try stage.table.unmap(
      place(part << 21), byteCount: 511 << 12, allocator: &stage.allocator)
    stage.sum &+= report.byteCount
  }
  stage.table.liveness = .offline
}

/// Removes a range that covers tables whole, and gives the tables back.
@inline(never)
public func unmapWholeTables(_ stage: inout Stage) throws {
  let report = try stage.table.unmap(
    place(0), byteCount: stage.byteCount, allocator: &stage.allocator)
  stage.sum &+= report.byteCount
}

/// Translates addresses in 4 KiB pages.
@inline(never)
public func translateRandom(_ stage: inout Stage) {
  stage.sum &+= stage.addresses.withUnsafeBufferPointer { translateAll($0, stage.table) }
}

/// The sum of the physical addresses that `addresses` lead to.
@inline(__always)
func translateAll(
  _ addresses: UnsafeBufferPointer<LinearAddress>, _ table: borrowing PageTable
) -> UInt64 {
  var sum: UInt64 = 0
  for address in unsafe addresses {
    if let page = table.translate(address) { sum &+= page.physicalAddress.rawValue }
  }
  return sum
}

/// Splits 2 MiB pages, each through its entry.
@inline(never)
public func splitLarge(_ stage: inout Stage) throws {
  for part in 0..<stage.scale.splitCount {
    try stage.table.withEntry(
      for: place(part << 21), downTo: .pageDirectory, allocator: &stage.allocator
    ) { (entry, allocator) throws(EntryError) in
      _ = try entry.splitIfLarge(allocator: &allocator)
    }
  }
}
