// The calls of LiveMem, on tables that a guest may have scribbled into.

import GuestMem
import LiveMem
import MMU

/// Calls `body` with a shared table that maps something, of few frames and pins.
private func withShared(
  _ values: inout HostileValues, marks: MarkLimits = MarkLimits(),
  _ body: (SharedPageTable<SharedPaging>, inout HostileValues) throws -> Void
) throws {
  let byteCount = UInt64(16 + values.below(240)) << 12
  let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous).view
  var allocator = try FrameAllocator(byteCount: byteCount)
  let pool = try FramePool<HardwareAccess>(
    memory: memory, byteCount: byteCount, allocator: &allocator, stackCount: values.number(),
    poisonsReturned: values.bool())
  let table = try SharedPageTable<SharedPaging>(
    paging: PagingConfiguration(rootLevel: values.bool() ? .pageMapLevel5 : .pageMapLevel4),
    pool: pool, epochs: EpochDomain(capacity: 1 + values.below(4)),
    processors: ProcessorSet(count: 1 + values.below(4)), marks: marks)
  for _ in 0..<values.below(6) {
    try? table.map(
      values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
      properties: PageProperties(rights: [.read, .write]), pageSizes: values.pageSizes())
  }
  if values.below(3) == 0 {
    for _ in 0..<values.below(40) {
      let place = UInt64(values.below(16 * 512)) * 8
      let words = [
        values.random(), UInt64(values.below(24)) << 12 | 7, values.random() & ~0xf83 | 4,
      ]
      let word = words[values.below(words.count)]
      memory.storeWord(word, at: GuestPhysicalAddress(truncating: place))
    }
  }
  try body(table, &values)
}

/// A wait that is over soon.
private var short: Patience { Patience(nanoseconds: 1_000_000) }

extension HostileCall {
  static let live: [HostileCall] = [
    HostileCall(
      "LiveMem.SharedPageTable.map(_:byteCount:to:properties:pageSizes:patience:)",
      "LiveMem.SharedPageTable.unmap(_:byteCount:patience:visit:)",
      "LiveMem.SharedPageTable.protect(_:byteCount:change:patience:)",
      "LiveMem.SharedPageTable.translate(_:)", "LiveMem.SharedPageTable.reclaim()"
    ) {
      try withShared(&$0) { table, values in
        for _ in 0..<8 {
          try? table.map(
            values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
            properties: values.properties(), pageSizes: values.pageSizes(), patience: short)
          touch(try? table.translate(values.nearLinear()))
          _ = try? table.protect(
            values.nearLinear(), byteCount: values.byteCount(), change: values.change(),
            patience: short)
          _ = try? table.unmap(
            values.nearLinear(), byteCount: values.byteCount(), patience: short
          ) { touch($0.isDirty) }
          touch(table.reclaim())
        }
      }
    },
    HostileCall(
      "LiveMem.SharedPageTable.withRange(_:byteCount:patience:_:)",
      "LiveMem.LockedRange.map(_:byteCount:to:properties:pageSizes:)",
      "LiveMem.LockedRange.unmap(_:byteCount:visit:)",
      "LiveMem.LockedRange.protect(_:byteCount:change:)", "LiveMem.LockedRange.translate(_:)"
    ) {
      try withShared(&$0) { table, values in
        var inner = values
        touch(
          try table.withRange(
            values.nearLinear(), byteCount: values.byteCount(), patience: short
          ) { range throws(LiveTableError) in
            touch(try? range.translate(inner.nearLinear()))
            try? range.map(
              inner.nearLinear(), byteCount: inner.byteCount(), to: inner.physical(),
              properties: inner.properties(), pageSizes: inner.pageSizes())
            _ = try? range.protect(
              inner.nearLinear(), byteCount: inner.byteCount(), change: inner.change())
            // The same table again, while it is locked.
            _ = try? table.unmap(
              inner.nearLinear(), byteCount: inner.byteCount(), patience: short)
            return try range.unmap(inner.nearLinear(), byteCount: inner.byteCount())
          }.ticket.processors)
      }
    },
    HostileCall(
      "LiveMem.SharedPageTable.mark(_:byteCount:as:patience:)",
      "LiveMem.SharedPageTable.clearMarks(_:byteCount:patience:)",
      "LiveMem.SharedPageTable.status(of:)", "LiveMem.LockedRange.mark(_:byteCount:as:)",
      "LiveMem.LockedRange.clearMarks(_:byteCount:)", "LiveMem.LockedRange.status(of:)",
      "LiveMem.LockedRange.visitMarks(_:byteCount:_:)", "LiveMem.Mark.init(_:payload:)",
      "LiveMem.Mark.Kind.init(rawValue:)",
      "LiveMem.MarkLimits.init(lazy:swapped:file:guardPage:)", "LiveMem.MarkLimits.limit(for:)",
      "LiveMem.SharedPageTableConfiguration.isMark(_:)",
      "GuestMem.PageTableConfiguration.isMark(_:)"
    ) {
      let kinds = Mark.Kind.allCases
      let limits = MarkLimits(
        lazy: $0.word(), swapped: $0.word(), file: $0.word(), guardPage: $0.word())
      touch(kinds.map(limits.limit))
      touch(Mark.Kind(rawValue: UInt8(truncatingIfNeeded: $0.word())))
      touch(SharedPaging.isMark($0.word()) || NativePaging.isMark($0.word()))
      try withShared(&$0, marks: limits) { table, values in
        for _ in 0..<8 {
          let mark = Mark(
            kinds[values.below(kinds.count)],
            payload: values.bool() ? UInt64(values.below(100)) : values.word())
          try? table.mark(
            values.nearLinear(), byteCount: values.byteCount(), as: mark, patience: short)
          touch(try? table.status(of: values.nearLinear()))
          try? table.map(
            values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
            properties: values.properties(), pageSizes: values.pageSizes(), patience: short)
          try? table.clearMarks(
            values.nearLinear(), byteCount: values.byteCount(), patience: short)
        }
        var inner = values
        _ = try table.withRange(
          values.nearLinear(), byteCount: values.byteCount(), patience: short
        ) { range throws(LiveTableError) in
          touch(try? range.status(of: inner.nearLinear()))
          try? range.mark(
            inner.nearLinear(), byteCount: inner.byteCount(),
            as: Mark(.swapped, payload: inner.word()))
          try? range.visitMarks(inner.nearLinear(), byteCount: inner.byteCount()) { touch($0) }
          try range.clearMarks(inner.nearLinear(), byteCount: inner.byteCount())
        }
      }
    },
    HostileCall(
      "LiveMem.SharedPageTable.init(paging:rootLevel:pool:epochs:processors:flushing:marks:)",
      "LiveMem.SharedPageTable.close()", "LiveMem.FramePool.giveBack(to:)",
      "LiveMem.FramePool.init(memory:byteCount:allocator:stackCount:poisonsReturned:)",
      "LiveMem.FramePool.take()", "LiveMem.FramePool.give(_:)"
    ) {
      let size = UInt64($0.below(12)) << 12
      let memory = try GuestMemory(byteCount: size, backing: .anonymous).view
      var allocator = try FrameAllocator(byteCount: $0.bool() ? size : $0.byteCount())
      let pool = try FramePool<HardwareAccess>(
        memory: memory, byteCount: $0.bool() ? $0.byteCount() : size, allocator: &allocator,
        stackCount: $0.number(), poisonsReturned: $0.bool())
      let paging = try $0.paging()
      let table = try? SharedPageTable<SharedPaging>(
        paging: paging, rootLevel: $0.bool() ? nil : $0.level(), pool: pool,
        epochs: EpochDomain(capacity: 1), processors: ProcessorSet(count: 1))
      try? table?.map(
        $0.nearLinear(), byteCount: $0.byteCount(), to: $0.physical(), properties: $0.properties())
      try? table?.close()
      if let frame = pool.take() { pool.give(frame) }
      var other = try FrameAllocator(byteCount: size)
      try? pool.giveBack(to: &other)
      try pool.giveBack(to: &allocator)
    },
    HostileCall(
      "LiveMem.ProcessorSet.init(count:)", "LiveMem.ProcessorSet.activate(_:)",
      "LiveMem.ProcessorSet.deactivate(_:)", "LiveMem.ProcessorSet.isActive(_:)",
      "LiveMem.ProcessorSet.handleRequests(_:flush:)", "LiveMem.ProcessorSet.ticket()",
      "LiveMem.SharedPageTable.sync(_:patience:)"
    ) {
      touch(ProcessorSet<HardwareAccess>(count: $0.number()).count)
      try withShared(&$0) { table, values in
        for _ in 0..<6 {
          let number = values.bool() ? values.below(4) : values.number()
          try? table.processors.activate(number)
          touch(table.processors.isActive(number))
          let ticket = try? table.unmap(values.nearLinear(), byteCount: values.byteCount()).ticket
          touch(table.processors.handleRequests(number) { touch($0) })
          if values.bool() { try? table.processors.deactivate(number) }
          try? table.sync(ticket ?? table.processors.ticket(), patience: short)
        }
      }
    },
    HostileCall("GuestMem.HostMapping.init(_:)", "GuestMem.HostMapping.dropTranslations(to:)") {
      let memory = try GuestMemory(
        byteCount: UInt64($0.below(8)) << 12, backing: $0.bool() ? .anonymous : .memoryFile)
      let mapping = try HostMapping(memory)
      for _ in 0..<8 {
        let first = $0.word()
        let second = $0.word()
        try mapping.dropTranslations(to: min(first, second)..<max(first, second))
      }
    },
    HostileCall(
      "LiveMem.EpochDomain.init(capacity:)", "LiveMem.EpochDomain.pin(_:)",
      "LiveMem.EpochDomain.advance()", "LiveMem.EpochDomain.isOver(_:)",
      "LiveMem.EpochDomain.laggards()"
    ) {
      let epochs = EpochDomain<HardwareAccess>(capacity: $0.bool() ? $0.number() : 1)
      let pin = try epochs.pin(short)
      touch(epochs.advance())
      touch(epochs.isOver($0.word()))
      touch(epochs.laggards())
      let second = try? epochs.pin(short)
      _ = consume second
      _ = consume pin
      touch(epochs.advance())
    },
    HostileCall(
      "LiveMem.FlushRequest.init()", "LiveMem.FlushRequest.add(_:to:isTable:)",
      "LiveMem.FlushRequest.add(_:)", "LiveMem.FlushRequest.addEverything()"
    ) {
      var request = FlushRequest()
      for _ in 0..<$0.below(40) {
        let first = $0.word()
        let second = $0.word()
        request.add(
          min(first, second)..<max(first, second), to: $0.bool() ? $0.word() : nil,
          isTable: $0.bool())
      }
      var other = FlushRequest()
      if $0.bool() { other.addEverything() }
      other.add(request)
      request.add(other)
      touch(request)
    },
    HostileCall(
      "LiveMem.HardwareAccess.load(_:)", "LiveMem.HardwareAccess.store(_:_:)",
      "LiveMem.HardwareAccess.exchange(_:_:)", "LiveMem.HardwareAccess.compareExchange(_:_:_:)",
      "LiveMem.HardwareAccess.fetchAnd(_:_:)", "LiveMem.HardwareAccess.fetchOr(_:_:)",
      "LiveMem.HardwareAccess.fetchAdd(_:_:)", "LiveMem.HardwareAccess.wait(_:while:_:)",
      "LiveMem.Patience.init(nanoseconds:)", "LiveMem.Patience.pass()",
      "LiveMem.SharedWord.==(_:_:)", "LiveMem.SharedWord.hash(into:)",
      "LiveMem.WordAccess.load(_:)", "LiveMem.WordAccess.store(_:_:)",
      "LiveMem.WordAccess.exchange(_:_:)", "LiveMem.WordAccess.compareExchange(_:_:_:)",
      "LiveMem.WordAccess.fetchAnd(_:_:)", "LiveMem.WordAccess.fetchOr(_:_:)",
      "LiveMem.WordAccess.fetchAdd(_:_:)", "LiveMem.WordAccess.wait(_:while:_:)"
    ) {
      let lines = WordLines(count: $0.bool() ? $0.number() : 3)
      let word = lines.word($0.number(), $0.number())
      touch([word: word == lines.word(0)])
      useWord(HardwareAccess.self, word, &$0)
      touch(lines.count)
    },
    HostileCall(
      "LiveMem.CountingAccess.startCounting()", "LiveMem.CountingAccess.stopCounting()",
      "LiveMem.CountingAccess.load(_:)", "LiveMem.CountingAccess.store(_:_:)",
      "LiveMem.CountingAccess.exchange(_:_:)", "LiveMem.CountingAccess.compareExchange(_:_:_:)",
      "LiveMem.CountingAccess.fetchAnd(_:_:)", "LiveMem.CountingAccess.fetchOr(_:_:)",
      "LiveMem.CountingAccess.fetchAdd(_:_:)", "LiveMem.CountingAccess.wait(_:while:_:)",
      "LiveMem.TouchedLines.conflicts(with:)"
    ) {
      if $0.bool() { CountingAccess.startCounting() }
      let words = WordLines(count: 3)
      useWord(CountingAccess.self, words.word($0.number(), $0.number()), &$0)
      // The words stay until here.
      touch(words.count)
      let lines = CountingAccess.stopCounting()
      touch(lines.conflicts(with: CountingAccess.stopCounting()))
    },
  ]
}

/// Goes through every step that there is.
private func useWord<Access: WordAccess>(
  _: Access.Type, _ word: SharedWord, _ values: inout HostileValues
) {
  Access.store(word, values.word())
  var expected = values.bool() ? Access.load(word) : values.word()
  touch(Access.compareExchange(word, &expected, values.word()))
  touch(Access.exchange(word, values.word()))
  touch(Access.fetchAnd(word, values.word()))
  touch(Access.fetchOr(word, values.word()))
  touch(Access.fetchAdd(word, values.word()))
  var patience = Patience(nanoseconds: values.bool() ? 0 : 1000)
  for _ in 0..<100 where !Access.wait(word, while: values.word(), &patience) { return }
  touch(patience.pass())
}
