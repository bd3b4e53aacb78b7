// What Linux takes for the same: mmap, the first touch of each page, munmap.

import Glibc

/// The addresses of one thread's regions; no other thread touches them.
@safe private final class Regions: @unchecked Sendable {
  private var starts = unsafe [UnsafeMutableRawPointer?](repeating: nil, count: regionCount)

  func map(_ index: Int) {
    unsafe starts[index] = unsafe mmap(
      nil, Int(regionBytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  }

  func touch(_ index: Int) {
    for page in 0..<4 {
      unsafe starts[index]?.storeBytes(of: 1, toByteOffset: page << 12, as: UInt8.self)
    }
  }

  func unmap(_ index: Int) {
    if let start = unsafe starts[index] { unsafe _ = munmap(start, Int(regionBytes)) }
  }
}

/// Anonymous memory of 16 KiB: mapped without being touched, or touched page by page; and unmapped.
func measureLinux(threads: Int, rounds: Int) -> [Phase: Throughput] {
  let regions = (0..<threads).map { _ in Regions() }
  return measure(threads: threads, rounds: rounds) { phase, thread, index in
    switch phase {
    case .mmap: regions[thread].map(index)
    case .fault: regions[thread].touch(index)
    case .mmapFault:
      regions[thread].map(index)
      regions[thread].touch(index)
    // There is no call that maps pages to given frames; regions that were only mapped are there all the same.
    case .map: regions[thread].map(index)
    case .translate: break
    case .unmap, .unmapMarked: regions[thread].unmap(index)
    }
  }
}
