// World, perform: runs one operation on the real tables.

import MMU

@testable import GuestMem

extension World {
  /// Runs the operation on memory and says what came of it.
  mutating func perform(_ operation: Operation) -> OperationResult {
    do throws(PageTableError) {
      return try performRange(operation)
    } catch {
      return .failed(error.id)
    }
  }

  private mutating func performRange(
    _ operation: Operation
  ) throws(PageTableError) -> OperationResult {
    switch operation {
    case .map(let page, let count, let target, let properties, let choice):
      try table.map(
        address(page), byteCount: count << 12, to: physical(target << 12),
        properties: properties, pageSizes: choice, allocator: &allocator)
      return .done
    case .unmap(let page, let count):
      let report = try table.unmap(address(page), byteCount: count << 12, allocator: &allocator)
      let counts = report.leafCounts
      return .byteCount(
        counts.size4KiB * model.span(1) + counts.size2MiB * model.span(2)
          + counts.size1GiB * model.span(3))
    case .protect(let page, let count, let change):
      return .byteCount(
        try table.protect(
          address(page), byteCount: count << 12, change: change, allocator: &allocator))
    case .hardware(let page, let bits):
      setHardwareBits(page, bits)
      return .done
    case .split, .collapse, .allocate, .replace, .entryProtect:
      do throws(EntryError) {
        if usesStrictOrder, let result = try performStrictly(operation) { return result }
        return try performEntry(operation)
      } catch {
        return .failed(error.id)
      }
    default:
      return try performCursor(operation)
    }
  }

  private mutating func performEntry(
    _ operation: Operation
  ) throws(EntryError) -> OperationResult {
    var found: ContractViolation?
    defer { if let found { fault = found.description } }
    switch operation {
    case .split(let page, let level):
      return try table.withEntry(for: address(page), downTo: level, allocator: &allocator) {
        (entry, allocator) throws(EntryError) -> OperationResult in
        let node = try entry.splitIfLarge(allocator: &allocator)
        found = node?.contractViolations().first
        return .found(node == nil ? nil : 1)
      }
    case .collapse(let page, let level):
      return try table.withEntry(for: address(page), downTo: level, allocator: &allocator) {
        (entry, allocator) throws(EntryError) -> OperationResult in
        .found(try entry.collapse(allocator: &allocator) ? 1 : nil)
      }
    case .allocate(let page, let level):
      return try table.withEntry(for: address(page), downTo: level, allocator: &allocator) {
        (entry, allocator) throws(EntryError) -> OperationResult in
        let node = try entry.allocateIfNone(allocator: &allocator)
        found = node?.contractViolations().first
        return .found(node == nil ? nil : 1)
      }
    case .replace(let page, let level, let target, let properties):
      var child = Child<Configuration>.none
      if let target { child = .page(item(target, level, properties)) }
      return try table.withEntry(for: address(page), downTo: level, allocator: &allocator) {
        (entry, _) throws(EntryError) -> OperationResult in
        try entry.replace(with: &child)
        return .found(child.isNone ? nil : 1)
      }
    case .entryProtect(let page, let level, let properties):
      return try table.withEntry(for: address(page), downTo: level, allocator: &allocator) {
        (entry, _) throws(EntryError) -> OperationResult in
        let before = try entry.protect { (_) throws(EntryError) in properties }
        return .found(before == nil ? nil : 1)
      }
    default: return .done
    }
  }

  /// Sets accessed or dirty bits in the leaf of a page, as a processor does.
  private func setHardwareBits(_ page: UInt64, _ bits: UInt64) {
    let position = (base + page) << 12
    var table = table.root.address
    var level = self.table.tables.rootLevel
    while true {
      let shift = 12 + model.indexBits * (level - 1)
      let index = position >> shift & (1 << model.indexBits - 1)
      let entry = physical(table | index << 3)
      guard let word = memory.view.loadWord(at: entry), word & 1 != 0 else { return }
      if level == 1 || word & 0x80 != 0 {
        memory.view.orWord(bits, at: entry)
        return
      }
      table = word & 0x000f_ffff_ffff_f000
      level -= 1
    }
  }

  private mutating func performCursor(
    _ operation: Operation
  ) throws(PageTableError) -> OperationResult {
    var found: ContractViolation?
    defer { if let found { fault = found.description } }
    switch operation {
    case .cursorMap(let page, let level, let target, let properties),
      .remap(let page, let level, let target, let properties):
      var isRemap = false
      if case .remap = operation { isRemap = true }
      let span = model.span(UInt64(level.rawValue))
      var child = Child<Configuration>.page(item(target, level, properties))
      return try table.withCursor(
        address(page), byteCount: span, minimumLevel: level, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        if isRemap {
          try cursor.remap(&child, allocator: &allocator)
        } else {
          try cursor.map(&child, allocator: &allocator)
        }
        return .found(child.isNone ? nil : 1)
      }
    case .take(let page, let count):
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        let fragment = try cursor.takeNext(byteCount: count << 12, allocator: &allocator)
        switch consume fragment {
        case .none: return .found(cursor.linearAddress == nil ? nil : 0)
        case .some(.page(let address, let item)):
          return .page(
            ModelLeaf(
              start: address.rawValue, level: UInt64(item.level.rawValue),
              physical: item.physicalAddress.rawValue, properties: item.properties,
              isTracked: item.isTracked))
        case .some(.table(let address, let byteCount, _, let counted)):
          return .table(
            start: address.rawValue, byteCount: byteCount, mapped: counted.byteCount)
        }
      }
    case .protectNext(let page, let count, let properties):
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        let range = try cursor.protectNext(byteCount: count << 12, allocator: &allocator) {
          (_) throws(PageTableError) in properties
        }
        return .found(range?.lowerBound.rawValue)
      }
    case .find(let page, let count):
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        let next = try cursor.findNext(byteCount: count << 12, allocator: &allocator)
        guard next != nil else { return .found(nil) }
        let slot = try cursor.query()
        guard case .page = slot.child else { return .done }
        return .found(next?.rawValue)
      }
    case .cursorUnmap(let page, let count):
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        try cursor.unmap(byteCount: count << 12, allocator: &allocator)
        return .found(cursor.linearAddress?.rawValue)
      }
    case .cursorProtect(let page, let count, let change):
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        return .byteCount(
          try cursor.protect(byteCount: count << 12, change: change, allocator: &allocator))
      }
    case .cursorMapRange(let page, let count, let target, let properties, let choice):
      let prepared = try table.prepare(properties)
      return try table.withCursor(
        address(page), byteCount: count << 12, allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) -> OperationResult in
        defer { found = found ?? cursor.contractViolations().first }
        if choice == .exactly(.size4KiB) {
          // Page by page, in a cursor that can only fail before its first page or between pages.
          for index in 0..<count {
            try cursor.map4KiB(
              to: physical((target + index) << 12), prepared, allocator: &allocator)
          }
        } else {
          try cursor.map(
            byteCount: count << 12, to: physical(target << 12), prepared, pageSizes: choice,
            allocator: &allocator)
        }
        return .done
      }
    default: return .done
    }
  }
}
