// Each function below is refused by the compiler: it would own what an entry or a page owns already,
// so that the frame would be given out again while it is mapped. .ci/refused-code checks that, and
// that what is right compiles.

import GuestMem
import MMU

typealias Table = ConfiguredPageTable<UserPaging>

#if REFUSED_1  // initializer is inaccessible due to 'package' protection level
  func takeEntry(_ table: inout Table, _ allocator: inout FrameAllocator, _ page: LinearAddress)
    throws
  {
    let tables = table.tableMemory
    try table.withEntry(for: page, allocator: &allocator) { (entry, _) throws(EntryError) in
      _ = try Child<UserPaging>(fromEntry: entry.word, level: entry.level, tables: tables)
    }
  }
#elseif REFUSED_2  // initializer is inaccessible due to 'package' protection level
  func takePage(_ raw: RawPage, _ metadata: FrameMetadataView) {
    _ = PageItem<UserPaging>(fromRaw: raw, metadata: metadata)
  }
#elseif REFUSED_3  // borrowed and cannot be consumed
  func takeBorrowed(_ item: borrowing PageItem<UserPaging>) -> Child<UserPaging> { .page(item) }
#elseif REFUSED_4  // consumed more than once
  func mapTwice(_ item: consuming PageItem<UserPaging>) -> (Child<UserPaging>, Child<UserPaging>) {
    (.page(item), .page(item))
  }
#elseif REFUSED_5  // initializer is inaccessible due to 'internal' protection level
  func ownAgain(_ frame: UInt64, _ metadata: FrameMetadataView) {
    _ = FrameHandle(owned: frame, frameCount: 1, metadata: metadata)
  }
#elseif REFUSED_6  // initializer is inaccessible due to 'internal' protection level
  func ownNode(_ table: TableFrame, _ tables: TableMemory<UserPaging>) {
    _ = NodeHandle(owned: table, tables: tables)
  }
#else
  func takeOut(_ table: inout Table, _ allocator: inout FrameAllocator, _ page: LinearAddress)
    throws
  {
    try table.withEntry(for: page, allocator: &allocator) { (entry, _) throws(EntryError) in
      // Borrowed, it may be looked at often; owned, it comes out once.
      guard case .page(let raw) = entry.reference, entry.reference == .page(raw) else { return }
      var child = Child<UserPaging>.none
      try entry.replace(with: &child)
      try entry.replace(with: &child)
    }
  }
#endif
