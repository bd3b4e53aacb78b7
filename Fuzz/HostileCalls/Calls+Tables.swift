// The calls of GuestMem's tables, cursors and nodes, on tables that a guest may have scribbled into.

import GuestMem
import MMU

/// Calls `body` with a table that maps something, in memory that ends before the table does.
func withTable<Configuration: PageTableConfiguration>(
  _: Configuration.Type, _ values: inout HostileValues,
  _ body: (
    inout ConfiguredPageTable<Configuration>, inout FrameAllocator, MemoryView, inout HostileValues
  ) throws -> Void
) throws {
  let byteCount = UInt64(64 + values.below(960)) << 12
  let memory = try GuestMemory(byteCount: byteCount, backing: .anonymous).view
  var allocator = try FrameAllocator(byteCount: byteCount)
  var table = try ConfiguredPageTable<Configuration>(
    configuration: try PagingConfiguration(
      rootLevel: values.bool() ? .pageMapLevel5 : .pageMapLevel4),
    memory: memory, allocator: &allocator)
  let base: UInt64 = Configuration.ownedSpace == .upperHalf ? 0xffff_ffff_8000_0000 : 0
  for _ in 0..<values.below(6) {
    let page = UInt64(values.below(1024)) << 12
    try? table.map(
      LinearAddress(truncating: base + page, width: .bits57), byteCount: values.byteCount(),
      to: GuestPhysicalAddress(truncating: page),
      properties: PageProperties(rights: [.read, .write]),
      pageSizes: values.pageSizes(), allocator: &allocator)
  }
  if values.below(3) == 0 {
    // A guest writes into the tables: they are the first frames.
    for _ in 0..<values.below(40) {
      let place = UInt64(values.below(8 * 512)) * 8
      let word = values.bool() ? values.random() : UInt64(values.below(12)) << 12 | 7
      memory.storeWord(word, at: GuestPhysicalAddress(truncating: place))
    }
  }
  try body(&table, &allocator, memory, &values)
}

extension HostileCall {
  static let tables: [HostileCall] = [
    HostileCall(
      "GuestMem.ConfiguredPageTable.init(configuration:memory:allocator:)",
      "GuestMem.ConfiguredPageTable.init(configuration:rootLevel:memory:allocator:)",
      "GuestMem.BootPageTable.init(configuration:memory:allocator:)"
    ) {
      let view = try GuestMemory(byteCount: UInt64($0.below(4)) << 12, backing: .anonymous).view
      var allocator = try FrameAllocator(byteCount: UInt64($0.below(8)) << 12)
      let paging = try $0.paging()
      let level = $0.level()
      let table = try? PageTable(
        configuration: paging, rootLevel: level, memory: view, allocator: &allocator)
      if let table { touch(table.translate($0.linear())) }
      let boot = try? BootPageTable(configuration: paging, memory: view, allocator: &allocator)
      if let boot { touch(boot.rootAddress) }
      touch(
        try PageTable(configuration: paging, memory: view, allocator: &allocator).rootAddress)
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.map(_:byteCount:to:properties:pageSizes:allocator:)",
      "GuestMem.ConfiguredPageTable.translate(_:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        for _ in 0..<6 {
          try? table.map(
            values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
            properties: values.properties(), pageSizes: values.pageSizes(), allocator: &allocator)
          touch(table.translate(values.nearLinear()))
        }
        // An allocator of other memory.
        var other = try FrameAllocator(byteCount: values.byteCount())
        try table.map(
          values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
          properties: values.properties(), allocator: &other)
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.protect(_:byteCount:change:allocator:)",
      "GuestMem.ConfiguredPageTable.protect(_:byteCount:properties:allocator:)",
      "GuestMem.ConfiguredPageTable.unmap(_:byteCount:allocator:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        table.liveness = values.bool() ? .live : .offline
        for _ in 0..<4 {
          touch(
            try? table.protect(
              values.nearLinear(), byteCount: values.byteCount(), change: values.change(),
              allocator: &allocator))
          touch(
            try? table.protect(
              values.nearLinear(), byteCount: values.byteCount(), properties: values.properties(),
              allocator: &allocator))
          touch(
            try? table.unmap(
              values.nearLinear(), byteCount: values.byteCount(), allocator: &allocator))
        }
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.largestPages(_:byteCount:to:)", "GuestMem.LargestPages.next()",
      "GuestMem.ConfiguredPageTable.leafCount(of:)", "GuestMem.ConfiguredPageTable.prepare(_:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, _, _, values in
        touch(table.leafCount(of: values.pageSize()))
        touch(try? table.prepare(values.properties()))
        var pages = try table.largestPages(
          values.nearLinear(), byteCount: values.byteCount(), to: values.physical())
        for _ in 0..<1000 { if pages.next() == nil { break } }
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.linkRoot(_:)", "GuestMem.RecursiveSlot.init(index:rights:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, memory, values in
        let slot = values.recursiveSlot()
        try? table.linkRoot(slot)
        // Tables of other levels below the slot, and a guest that writes to them.
        if values.bool() { memory.storeWord(values.random(), at: values.physical()) }
        try? table.map(
          values.nearLinear(), byteCount: values.byteCount(), to: values.physical(),
          properties: values.properties(), allocator: &allocator)
        touch((table.places.count, table.tableCount, table.translate(values.nearLinear())))
        var context = ContractContext()
        context.recursiveSlot = values.bool() ? slot : values.recursiveSlot()
        touch(table.contractViolations(allocator: allocator, context: context).count)
        try table.linkRoot(values.recursiveSlot())
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.readBytes(at:count:)",
      "GuestMem.ConfiguredPageTable.writeBytes(_:at:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, _, _, values in
        touch(try? table.readBytes(at: values.nearLinear(), count: values.number()).count)
        try? table.writeBytes(values.bytes(upTo: 9000), at: values.nearLinear())
        touch(try table.readBytes(at: values.linear(), count: values.number()).count)
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.cloneCopyOnWrite(markingWith:allocator:)",
      "GuestMem.ConfiguredPageTable.shallowCopy()", "GuestMem.ConfiguredPageTable.activate()",
      "GuestMem.ConfiguredPageTable.destroy(allocator:)"
    ) {
      try withTable(KernelPaging.self, &$0) { table, allocator, _, values in
        let clone = try table.cloneCopyOnWrite(
          markingWith: UInt16(truncatingIfNeeded: values.word()), allocator: &allocator)
        let copy = try table.shallowCopy()
        let processor = try clone.activate()
        clone.destroy(allocator: &allocator)
        copy.destroy(allocator: &allocator)
        touch(processor.cr3)
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.init(anchoring:memory:allocator:)",
      "GuestMem.ConfiguredPageTable.init(sharing:allocator:)"
    ) {
      let byteCount = UInt64($0.below(700)) << 12
      let view = try GuestMemory(byteCount: byteCount, backing: .anonymous).view
      var allocator = try FrameAllocator(byteCount: $0.bool() ? byteCount : $0.byteCount())
      let kernel = try ConfiguredPageTable<KernelPaging>(
        anchoring: try $0.paging(), memory: view, allocator: &allocator)
      if $0.bool() { view.storeWord($0.random(), at: $0.physical()) }
      let user = try ConfiguredPageTable<UserPaging>(sharing: kernel, allocator: &allocator)
      touch(user.translate($0.linear()))
      kernel.destroy(allocator: &allocator)
      touch(user.translate(LinearAddress(truncating: .max << 20, width: .bits48)))
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.contractViolations(allocator:context:)",
      "GuestMem.ContractChecker.violations(of:in:allocator:context:)",
      "GuestMem.ContractContext.add(_:)",
      "GuestMem.AccessedDirtySnapshot.init(of:in:)", "GuestMem.AccessedDirtySnapshot.lost(since:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, memory, values in
        let before = AccessedDirtySnapshot(of: table.root, in: table.tableMemory)
        memory.storeWord(values.random(), at: values.physical())
        touch(table.contractViolations(allocator: allocator).count)
        var context = ContractContext(handles: [table.root.frame: .max])
        context.add(table)
        touch(table.contractViolations(allocator: allocator, context: context).count)
        touch(
          AccessedDirtySnapshot(of: table.root, in: table.tableMemory).lost(since: before).count)
        // A table of other memory than the one that is asked about.
        let small = try FrameAllocator(byteCount: 4096)
        touch(
          ContractChecker.violations(
            of: [table.root, table.root], in: table.tableMemory, allocator: small,
            context: ContractContext(handles: [values.word(): values.word()])
          ).count)
      }
    },
    HostileCall(
      "GuestMem.BootPageTable.init(adopting:configuration:memory:allocator:)",
      "GuestMem.BootPageTable.map(_:byteCount:to:properties:pageSizes:allocator:)",
      "GuestMem.BootPageTable.protect(_:byteCount:change:allocator:)",
      "GuestMem.BootPageTable.translate(_:)", "GuestMem.BootPageTable.activate()",
      "GuestMem.BootPageTable.contractViolations(allocator:context:)",
      "GuestMem.BootPageTable.dismiss(allocator:)"
    ) {
      let view = try GuestMemory(byteCount: 1 << 20, backing: .anonymous).view
      // Firmware's tables in frames 1 to 8 lead anywhere.
      for _ in 0..<$0.below(400) {
        let place = 4096 + UInt64($0.below(8 * 512)) * 8
        let word = $0.bool() ? $0.random() : UInt64($0.below(10)) << 12 | 7
        view.storeWord(word, at: GuestPhysicalAddress(truncating: place))
      }
      var allocator = try FrameAllocator(byteCount: 1 << 20)
      try allocator.reserve(0..<9 << 12)
      var table = try BootPageTable(
        adopting: $0.bool() ? 4096 : $0.word(), configuration: try $0.paging(), memory: view,
        allocator: &allocator)
      for _ in 0..<4 {
        try? table.map(
          $0.nearLinear(), byteCount: $0.byteCount(), to: $0.physical(),
          properties: $0.properties(), pageSizes: $0.pageSizes(), allocator: &allocator)
        try? table.protect(
          $0.nearLinear(), byteCount: $0.byteCount(), change: $0.change(), allocator: &allocator)
        touch(table.translate($0.linear()))
      }
      touch(table.contractViolations(allocator: allocator).count)
      let processor = try table.activate()
      table.dismiss(allocator: &allocator)
      touch(processor.cr3)
    },
  ]

  static let cursors: [HostileCall] = [
    HostileCall(
      "GuestMem.ConfiguredPageTable.withCursor(_:byteCount:minimumLevel:allocator:_:)",
      "GuestMem.Cursor.findNext(byteCount:allocator:)", "GuestMem.Cursor.jump(to:allocator:)",
      "GuestMem.Cursor.protect(byteCount:change:allocator:)", "GuestMem.Cursor.query()",
      "GuestMem.Cursor.unmap(byteCount:allocator:)", "GuestMem.Cursor.contractViolations()",
      "GuestMem.ContractContext.add(_:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        var inner = values
        try table.withCursor(
          values.nearLinear(), byteCount: values.byteCount(), minimumLevel: values.level(),
          allocator: &allocator
        ) { (cursor, allocator) throws(PageTableError) in
          for _ in 0..<6 {
            touch(try? cursor.findNext(byteCount: inner.byteCount(), allocator: &allocator))
            try? cursor.jump(to: inner.nearLinear(), allocator: &allocator)
            touch(
              try? cursor.protect(
                byteCount: inner.byteCount(), change: inner.change(), allocator: &allocator))
            touch(try? cursor.query())
            touch(try? cursor.unmap(byteCount: inner.byteCount(), allocator: &allocator))
            touch((cursor.linearAddress, cursor.remainingByteCount, cursor.level))
          }
          var context = ContractContext()
          context.add(cursor)
          touch(cursor.contractViolations().count)
        }
      }
    },
    HostileCall(
      "GuestMem.Cursor.map(_:allocator:)", "GuestMem.Cursor.remap(_:allocator:)",
      "GuestMem.Cursor.map(byteCount:to:_:pageSizes:allocator:)",
      "GuestMem.Cursor.map4KiB(to:_:allocator:)", "GuestMem.Cursor.takeNext(byteCount:allocator:)",
      "GuestMem.Cursor.protectNext(byteCount:allocator:_:)"
    ) {
      try withTable(KernelPaging.self, &$0) { table, allocator, _, values in
        var inner = values
        let prepared = try table.prepare(PageProperties(rights: .read))
        let place = LinearAddress(
          truncating: 0xffff_ffff_8000_0000 + UInt64(values.below(600)) << 12, width: .bits57)
        try table.withCursor(
          place, byteCount: UInt64(1 + values.below(2000)) << 12, minimumLevel: values.level(),
          allocator: &allocator
        ) { (cursor, allocator) throws(PageTableError) in
          for _ in 0..<6 {
            try? cursor.map4KiB(to: inner.physical(), prepared, allocator: &allocator)
            try? cursor.map(
              byteCount: inner.byteCount(), to: inner.physical(), prepared,
              pageSizes: inner.pageSizes(), allocator: &allocator)
            var child = Child<KernelPaging>.page(
              PageItem(
                untracked: inner.physical(), level: inner.level(), properties: inner.properties()))
            try? cursor.map(&child, allocator: &allocator)
            try? cursor.remap(&child, allocator: &allocator)
            do {
              let taken = try cursor.takeNext(byteCount: inner.byteCount(), allocator: &allocator)
              _ = consume taken
            } catch {}
            let wanted = inner.properties()
            touch(
              try? cursor.protectNext(byteCount: inner.byteCount(), allocator: &allocator) {
                (_) throws(PageTableError) in wanted
              })
          }
        }
      }
    },
  ]

  static let nodes: [HostileCall] = [
    HostileCall(
      "GuestMem.ConfiguredPageTable.withRoot(allocator:_:)", "GuestMem.NodeGuard.word(at:)",
      "GuestMem.NodeGuard.withEntry(at:_:)", "GuestMem.NodeGuard.contractViolations()"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        var inner = values
        try table.withRoot(allocator: &allocator) { (root, allocator) throws(EntryError) in
          for _ in 0..<4 {
            touch(try? root.word(at: inner.number()))
            try? root.withEntry(at: inner.number()) { (entry) throws(EntryError) in
              touch(entry.reference)
            }
          }
          touch(root.contractViolations().count)
        }
      }
    },
    HostileCall(
      "GuestMem.ConfiguredPageTable.withEntry(for:downTo:allocator:_:)",
      "GuestMem.Entry.allocateIfNone(allocator:)", "GuestMem.Entry.collapse(allocator:)",
      "GuestMem.Entry.collapse(allocator:breakBeforeMake:)", "GuestMem.Entry.lockChild(patience:)",
      "GuestMem.Entry.protect(_:)", "GuestMem.Entry.splitIfLarge(allocator:)",
      "GuestMem.Entry.splitIfLarge(allocator:breakBeforeMake:)"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        var inner = values
        for _ in 0..<4 {
          try? table.withEntry(
            for: values.nearLinear(), downTo: values.level(), allocator: &allocator
          ) { (entry, allocator) throws(EntryError) in
            let wanted = inner.properties()
            touch(try? entry.protect { (_) throws(EntryError) in wanted })
            if let node = try? entry.allocateIfNone(allocator: &allocator) { touch(node.address) }
            if let node = try? entry.splitIfLarge(allocator: &allocator) { touch(node.level) }
            if let node = try? entry.splitIfLarge(allocator: &allocator, breakBeforeMake: {}) {
              touch(node.presentCount)
            }
            if let node = try? entry.lockChild(patience: inner.duration()) { touch(node.isStray) }
            touch(try? entry.collapse(allocator: &allocator))
            touch(try? entry.collapse(allocator: &allocator, breakBeforeMake: {}))
          }
        }
      }
    },
    HostileCall(
      "GuestMem.Entry.replace(with:)", "GuestMem.ChildReference.init(entry:level:tables:)",
      "GuestMem.NodeHandle.init(level:tables:allocator:)", "GuestMem.NodeHandle.intoRaw()",
      "GuestMem.NodeHandle.lock(patience:)", "GuestMem.NodeHandle.markStray()"
    ) {
      try withTable(NativePaging.self, &$0) { table, allocator, _, values in
        let tables = table.tableMemory
        touch(ChildReference(entry: values.random(), level: values.level(), tables: tables))
        let forged = try? Child<NativePaging>(
          fromEntry: UInt64(values.below(12)) << 12 | 7, level: values.level(), tables: tables)
        if let forged { touch(forged.intoEntry()) }
        let node = try NodeHandle<NativePaging>(
          level: values.level(), tables: tables, allocator: &allocator)
        let guarded = try? node.lock(patience: values.duration())
        if values.bool() { node.markStray() }
        _ = consume guarded
        var child = Child.table(node)
        try? table.withEntry(
          for: values.nearLinear(), downTo: values.level(), allocator: &allocator
        ) { (entry, _) throws(EntryError) in try entry.replace(with: &child) }
        if case .table(let left) = child { touch(left.intoRaw()) }
      }
    },
    HostileCall(
      "GuestMem.PageTableConfiguration.didLock(frame:level:)",
      "GuestMem.PageTableConfiguration.willUnlock(frame:level:)"
    ) {
      NativePaging.didLock(frame: $0.word(), level: $0.level())
      NativePaging.willUnlock(frame: $0.word(), level: $0.level())
    },
  ]
}
