// Limits: the C loops, called on the same memory.

import CLimits
import GuestMem
import MMU

/// Stores as many entries.
@inline(never)
public func storeLimit(_ stage: inout Stage) {
  unsafe climits_store(stage.words, Int(stage.scale.pageCount), 0x1_0000_0003)
}

/// Stores as many entries with vectors.
@inline(never)
public func vectorStoreLimit(_ stage: inout Stage) {
  unsafe climits_store_vectors(stage.words, Int(stage.scale.pageCount), 0x1_0000_0003)
}

/// Takes a bit from the present ones among as many entries.
@inline(never)
public func protectLimit(_ stage: inout Stage) {
  unsafe climits_protect(stage.words, Int(stage.scale.pageCount))
}

/// Gives a bit to as many entries by locked operations.
@inline(never)
public func lockedProtectLimit(_ stage: inout Stage) {
  unsafe climits_protect_locked(stage.words, Int(stage.scale.pageCount))
}

/// Reads and zeroes as many entries.
@inline(never)
public func unmapLimit(_ stage: inout Stage) {
  stage.sum &+= unsafe climits_unmap(stage.words, Int(stage.scale.pageCount))
}

/// Stores as many entries as there are 2 MiB pages.
@inline(never)
public func largeStoreLimit(_ stage: inout Stage) {
  unsafe climits_store(stage.words, Int(stage.scale.largePageCount), 0x1_0000_0083)
}

/// Walks the same tables for the same addresses.
@inline(never)
public func walkLimit(_ stage: inout Stage) {
  stage.sum &+= withWords(stage.addresses) {
    unsafe climits_walk(stage.memory.view.baseAddress, stage.table.root.address, $0, $1)
  }
}

/// Calls `body` with the words that addresses are, for C; 0 when there are none.
func withWords(
  _ addresses: [LinearAddress], _ body: (UnsafePointer<UInt64>, Int) -> UInt64
) -> UInt64 {
  addresses.withUnsafeBytes { bytes in
    guard let first = bytes.baseAddress else { return 0 }
    // SAFETY: an address is one word, of type UInt64, and nothing else.
    return unsafe body(first.assumingMemoryBound(to: UInt64.self), addresses.count)
  }
}

/// Splits the leaves that ``prepareSplitLimit(_:)`` wrote.
@inline(never)
public func splitLimit(_ stage: inout Stage) {
  stage.splitFrames.withUnsafeBufferPointer { frames in
    guard let first = frames.baseAddress else { return }
    unsafe climits_split(stage.memory.view.baseAddress, 32 << 20, frames.count, first)
  }
}

/// Writes 2 MiB leaves where no table stands.
public func prepareSplitLimit(_ stage: inout Stage) {
  let words = unsafe (stage.memory.view.baseAddress + 32 << 20)
    .assumingMemoryBound(to: UInt64.self)
  for index in 0..<512 { unsafe words[index] = Stage.target + UInt64(index) << 21 | 0x83 }
}

/// Maps the same pages by hand-written C, one call for each, without any books.
@inline(never)
public func handWrittenLimit(_ stage: inout Stage) {
  stage.sum &+= stage.pages.withUnsafeBufferPointer { pages in
    guard let first = pages.baseAddress else { return 0 }
    return unsafe climits_map(
      stage.memory.view.baseAddress, 48 << 20, first, pages.count, (48 << 20) + 4096)
  }
}

/// Zeroes the memory that ``handWrittenLimit(_:)`` makes tables in.
public func prepareHandWritten(_ stage: inout Stage) {
  unsafe climits_zero(stage.memory.view.baseAddress + 48 << 20, 2048)
}
