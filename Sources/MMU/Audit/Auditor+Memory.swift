// The rules about memory that is reached in several ways, and about memory that is not there.

extension Auditor {
  /// Applies the rules that compare mappings of the same memory.
  mutating func checkMemory() {
    let frames = tables.sorted()
    checkTables(frames)
    let rights = rights
    let writable = PhysicalExtents(runs) { rights[$0].isWritable }
    for audited in runs {
      let run = audited.run
      let allowed = rights[run]
      guard allowed.contains(.supervisorFetch), !run.isUser, !allowed.isWritable else { continue }
      addPairs(.supervisorTextWritableAlias, audited, writable)
    }
    checkMemoryTypes()
    checkBeyondMemory(isWhole: memory.isWhole(besides: tables.count))
  }

  /// Tables in pages that can be written, or that are for CPL 3.
  private mutating func checkTables(_ frames: [UInt64]) {
    for audited in runs {
      let run = audited.run
      var rules: [AuditRule] = []
      if rights[run].isWritable { rules.append(.tableMappedWritable) }
      if run.isUser { rules.append(.tableMappedUser) }
      guard !rules.isEmpty else { continue }
      let start = run.physicalAddress.rawValue
      let first = Self.place(of: start, in: frames)
      let last = Self.place(of: start &+ run.byteCount, in: frames)
      for rule in rules {
        for place in first..<max(first, last) {
          if isFull(rule, in: audited.scope) {
            drop(last - place, of: rule, in: audited.scope)
            break
          }
          let frame = frames[place]
          add(
            finding(
              rule, run.linearAddress &+ (frame - start), 4096,
              GuestPhysicalAddress(truncating: frame), nil), to: audited.scope)
        }
      }
    }
  }

  /// The place of the first frame at `address` or above.
  private static func place(of address: UInt64, in frames: [UInt64]) -> Int {
    var (low, high) = (0, frames.count)
    while low < high {
      let middle = (low + high) / 2
      if frames[middle] < address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// A finding for each way of `others` to memory of `audited`.
  private mutating func addPairs(
    _ rule: AuditRule, _ audited: AuditedRun, _ others: PhysicalExtents
  ) {
    let run = audited.run
    let start = run.physicalAddress.rawValue
    var found: [AuditFinding] = []
    var isCut = false
    others.overlaps(start, byteCount: run.byteCount) { extent in
      guard found.count <= AuditReport.limit else {
        isCut = true
        return false
      }
      let first = max(start, extent.start)
      let end = min(start &+ run.byteCount, extent.end)
      found.append(
        finding(
          rule, run.linearAddress &+ (first - start), end - first,
          GuestPhysicalAddress(truncating: first), nil, other: extent.linearAddress(of: first)))
      return !isFull(rule, in: audited.scope)
    }
    for finding in found { add(finding, to: audited.scope) }
    if isCut { drop(1, of: rule, in: audited.scope) }
  }

  private mutating func checkMemoryTypes() {
    let pat = conditions.pat
    func type(_ run: MappedRun) -> UInt8 {
      UInt8(truncatingIfNeeded: pat >> (UInt64(run.leaf.patIndex) * 8) & 7)
    }
    guard runs.contains(where: { $0.run.pageSize > .size4KiB }) else { return }
    let types = Set(runs.map { type($0.run) }).sorted()
    guard types.count > 1 else { return }
    let byType = types.map { wanted in
      (type: wanted, extents: PhysicalExtents(runs) { type($0) == wanted })
    }
    for audited in runs where audited.run.pageSize > .size4KiB {
      for (other, extents) in byType where other != type(audited.run) {
        addPairs(.largePageMemoryTypes, audited, extents)
      }
    }
  }

  /// Leaves that lead where nothing can be.
  ///
  /// Up to 2^46 that takes an image that holds memory; there, what is not cached may be a device.
  private mutating func checkBeyondMemory(isWhole: Bool) {
    for audited in runs {
      let run = audited.run
      let start = run.physicalAddress.rawValue
      let type = conditions.pat >> (UInt64(run.leaf.patIndex) * 8) & 7
      // UC, WC and UC-: Intel SDM volume 3A, table 13-10.
      let isDevice = type == 0 || type == 1 || type == 7
      let limit = isWhole && !isDevice ? memory.end : AuditedMemory.anyMachine
      guard start &+ run.byteCount > limit else { continue }
      // The page around the limit has a part of memory.
      let size = run.pageSize.byteCount
      let offset = start >= limit ? 0 : (limit - start + size - 1) / size * size
      guard offset < run.byteCount else { continue }
      let first = start &+ offset
      let end = start &+ run.byteCount
      if first >= AuditedMemory.devices.lowerBound && end <= AuditedMemory.devices.upperBound {
        continue
      }
      var beyond = finding(
        .leafBeyondMemory, run.linearAddress &+ offset, run.byteCount - offset,
        GuestPhysicalAddress(truncating: first),
        // Where it stands, a walk says in the end.
        EntryReference(GuestPhysicalAddress(truncating: 0), level: run.pageSize.level))
      beyond.count = Int(clamping: (run.byteCount - offset) / size)
      beyond.isAllOnes = audited.isAllOnes
      add(beyond, to: audited.scope)
    }
  }
}
