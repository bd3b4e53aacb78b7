// The checks of the guest's RAM.

extension AddressSpace {
  /// The most ranges of RAM that an address space may have: each is a memory slot of the machine.
  public static let memoryRangeLimit = 64
  /// No range of a list of ranges may reach beyond this address, because the host sees the RAM of a
  /// machine through one window, which the holes take part of.
  public static let memoryRangeEnd: UInt64 = 1 << 42

  /// Appends everything that is wrong with the RAM.
  func checkMemory(into problems: inout [AddressSpaceProblem]) {
    guard memory.isPlain || memory.isEmpty else {
      checkMemoryRanges(into: &problems)
      return
    }
    if memoryByteCount == 0 {
      problems.append(.noMemory)
    } else if !memoryByteCount.isMultiple(of: 4096) {
      problems.append(.memoryMisaligned(byteCount: memoryByteCount))
    }
    if memoryByteCount > 1 << 52 {
      problems.append(.memoryTooLarge(byteCount: memoryByteCount))
    }
  }

  private func checkMemoryRanges(into problems: inout [AddressSpaceProblem]) {
    guard memory.count <= Self.memoryRangeLimit else {
      problems.append(
        .tooManyMemoryRanges(count: memory.count, limit: Self.memoryRangeLimit))
      return
    }
    for (index, range) in memory.enumerated() {
      if range.byteCount == 0 { problems.append(.emptyMemoryRange(range: index)) }
      if !range.base.isMultiple(of: 4096) {
        problems.append(
          .memoryRangeMisaligned(range: index, field: .base, value: range.base))
      }
      if !range.byteCount.isMultiple(of: 4096) {
        problems.append(
          .memoryRangeMisaligned(range: index, field: .byteCount, value: range.byteCount))
      }
      if range.end > Self.memoryRangeEnd {
        problems.append(
          .memoryRangeTooHigh(
            range: index, base: range.base, byteCount: range.byteCount,
            limit: Self.memoryRangeEnd))
      }
    }
    var reaching: (index: Int, end: UInt64)?
    for index in memory.indices.sorted(by: { (memory[$0].base, $0) < (memory[$1].base, $1) })
    where memory[index].byteCount > 0 {
      let range = memory[index]
      if let other = reaching, range.base < other.end {
        problems.append(
          .overlappingMemoryRanges(
            first: min(index, other.index), second: max(index, other.index), base: range.base,
            byteCount: min(range.end, other.end) - range.base))
      }
      if range.end > reaching?.end ?? 0 { reaching = (index, range.end) }
    }
  }

  /// Appends what is wrong with the place of a mapping of `byteCount` bytes at `first`, of which at
  /// least one physical address is below 2^52.
  func checkPlace(
    of mapping: Int, _ first: UInt64, byteCount: UInt64, isDevice: Bool,
    into problems: inout [AddressSpaceProblem]
  ) {
    let place = first..<first + byteCount
    if isDevice && memory.isPlain {
      if first < memoryByteCount {
        problems.append(
          .deviceOverlapsMemory(
            mapping: mapping, physicalAddress: first, memoryByteCount: memoryByteCount))
      }
    } else if isDevice {
      if let range = memory.first(where: { $0.base < place.upperBound && first < $0.end }) {
        problems.append(
          .deviceOverlapsMemoryRange(mapping: mapping, physicalAddress: first, range: range))
      }
    } else if !memory.merged.contains(where: {
      $0.lowerBound <= first && place.upperBound <= $0.upperBound
    }) {
      problems.append(
        .outsideMemory(
          mapping: mapping, physicalAddress: first, byteCount: byteCount,
          memoryByteCount: memoryByteCount))
    }
  }
}
