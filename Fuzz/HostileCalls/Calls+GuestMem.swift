// The calls of GuestMem, but for tables.

import Glibc
import GuestMem
import Inspection
import MMU

extension HostileCall {
  static let memory: [HostileCall] = [
    HostileCall(
      "GuestMem.GuestMemory.init(byteCount:backing:)", "GuestMem.GuestMemory.privateCopy()",
      "GuestMem.GuestMemory.discardChanges()"
    ) {
      let memory = try GuestMemory(
        byteCount: $0.byteCount(), backing: $0.bool() ? .memoryFile : .anonymous)
      touch(memory.view.storeWord(1, at: $0.physical()))
      try memory.discardChanges()
      touch(try memory.privateCopy().byteCount)
    },
    HostileCall("GuestMem.GuestMemory.init(copyOf:offset:byteCount:)") {
      let descriptor = $0.one(of: [-1, 0, 1, 2, CInt.max, CInt.min])
      touch(
        try GuestMemory(copyOf: descriptor, offset: $0.word(), byteCount: $0.byteCount()).byteCount)
    },
    HostileCall(
      "GuestMem.MemoryView.andWord(_:at:)", "GuestMem.MemoryView.orWord(_:at:)",
      "GuestMem.MemoryView.exchangeWord(_:at:)", "GuestMem.MemoryView.storeWord(_:at:)",
      "GuestMem.MemoryView.compareExchangeWord(expected:desired:at:)",
      "GuestMem.MemoryView.contains(_:byteCount:)", "GuestMem.MemoryView.loadWord(at:)"
    ) {
      // The owner is gone already.
      let view = try GuestMemory(byteCount: UInt64($0.below(3)) * 4096, backing: .anonymous).view
      for _ in 0..<8 {
        let place = $0.physical()
        touch((view.andWord($0.word(), at: place), view.orWord($0.word(), at: place)))
        touch((view.exchangeWord($0.word(), at: place), view.storeWord($0.word(), at: place)))
        touch(view.compareExchangeWord(expected: $0.word(), desired: $0.word(), at: place))
        touch((view.contains(place, byteCount: $0.word()), view.loadWord(at: place)))
      }
    },
    HostileCall(
      "GuestMem.MemoryView.fill(at:byteCount:with:)", "GuestMem.MemoryView.readBytes(at:count:)",
      "GuestMem.MemoryView.readWords(at:count:)", "GuestMem.MemoryView.writeBytes(_:at:)",
      "GuestMem.MemoryView.writeWords(_:at:)"
    ) {
      let view = try GuestMemory(byteCount: UInt64($0.below(3)) * 4096, backing: .anonymous).view
      let words = (0..<16).map { UInt64($0) }
      for _ in 0..<8 {
        touch(view.fill(at: $0.physical(), byteCount: $0.word(), with: 7))
        touch(view.readBytes(at: $0.physical(), count: $0.number()))
        touch(view.readWords(at: $0.physical(), count: $0.number()))
        touch(view.writeBytes($0.bytes(upTo: 5000), at: $0.physical()))
        touch(view.writeWords(words[$0.below(8)..<8 + $0.below(8)], at: $0.physical()))
        touch(view.writeWords([], at: $0.physical()))
      }
    },
    HostileCall(
      "Inspection.MemoryImage.init(bytes:reading:)", "Inspection.MemoryImage.loadWord(at:)",
      "Inspection.MemoryImage.segment(at:)", "Inspection.MemoryImage.requireWhole()",
      "Inspection.MemoryImage.changedPageCount()",
      "Inspection.MemoryImage.loadTable(at:into:)",
      "Inspection.MemoryImage.hasWord(at:)", "Inspection.MemoryImage.scanTable(at:into:)"
    ) {
      var bytes = $0.bytes(upTo: 600)
      if $0.bool() {
        bytes =
          $0.one(of: [
            [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], Array("KDUMP   \u{6}".utf8),
            [0x45, 0x4d, 0x69, 0x4c, 1],
            Array("makedumpfile\0\0\0\0\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\u{1}".utf8),
          ]) + bytes
      }
      let reading: MemoryImage.Reading = $0.bool() ? .automatic : .raw(base: $0.physical())
      let image = try MemoryImage(bytes: bytes, reading: reading)
      for _ in 0..<8 {
        touch((image.loadWord(at: $0.physical()), image.segment(at: $0.physical())))
        // Fewer words than a table has, too.
        var table = [UInt64](repeating: 1, count: $0.one(of: [0, 1, 8, 70, 512]))
        let place = image.segments.first?.physicalAddress ?? $0.physical()
        image.loadTable(at: $0.bool() ? place : $0.physical(), into: &table)
        _ = image.hasWord(at: $0.bool() ? place : $0.physical())
        image.scanTable(at: $0.bool() ? place : $0.physical(), into: &table)
        touch(table)
      }
      touch((image.byteCount, image.processors, image.changedPageCount()))
      try image.requireWhole()
    },
    HostileCall(
      "Inspection.MemoryImage.init(pieces:)",
      "Inspection.MemoryPiece.init(physicalAddress:path:offset:byteCount:)"
    ) {
      var pieces: [MemoryPiece] = []
      for _ in 0..<$0.one(of: [0, 1, 2, 3]) {
        pieces.append(
          MemoryPiece(
            physicalAddress: $0.physical(),
            path: $0.one(of: ["", "/", "/dev/null", "/nonexistent", "/proc/self/exe", "\0"]),
            offset: $0.word(), byteCount: $0.bool() ? nil : $0.word()))
      }
      touch(try MemoryImage(pieces: pieces).loadWord(at: $0.physical()))
    },
    HostileCall(
      "Inspection.QEMUGuest.init(address:)", "Inspection.GDBStub.init(address:)",
      "Inspection.QEMUGuest.Method.init(rawValue:)"
    ) {
      touch(QEMUGuest.Method(rawValue: $0.text()))
      let address = $0.one(of: [
        "", ":", "/", "/nonexistent", "a:b", "[::1]:0", ":0", "\0", "x:99999",
      ])
      if $0.bool() {
        _ = try QEMUGuest(address: address)
      } else {
        _ = try GDBStub(address: address)
      }
    },
    HostileCall("Inspection.MemoryImage.init(path:reading:)") {
      let path = $0.one(of: [
        "", "/", "/dev/null", "/dev/zero", "/nonexistent", "/proc/self/mem", "\0",
      ])
      touch(
        try MemoryImage(path: path, reading: .raw(base: $0.physical())).loadWord(at: $0.physical()))
    },
    HostileCall(
      "Inspection.MemoryImage.Format.init(rawValue:)", "GuestMem.ContractRule.init(rawValue:)",
      "Inspection.ForeignFormat.init(rawValue:)",
      "Inspection.ImageProcessor.Source.init(rawValue:)"
    ) {
      touch((MemoryImage.Format(rawValue: $0.text()), ContractRule(rawValue: $0.text())))
      touch((ForeignFormat(rawValue: $0.text()), ImageProcessor.Source(rawValue: $0.text())))
    },
    HostileCall("GuestMem.MemoryType.init(rawValue:)", "GuestMem.PageRights.init(rawValue:)") { _ in
      for byte in UInt8.min...UInt8.max {
        touch((MemoryType(rawValue: byte), PageRights(rawValue: byte)))
      }
    },
    HostileCall(
      "GuestMem.PageProperties.init(leafEntry:level:in:)",
      "GuestMem.PageProperties.init(rights:isUser:isGlobal:isAccessed:isDirty:memoryType:protectionKey:softwareBits:)",
      "GuestMem.PropertyChange.init(rights:isUser:isGlobal:isAccessed:isDirty:memoryType:protectionKey:softwareBits:)"
    ) { touch(($0.properties(), $0.change())) },
    HostileCall(
      "GuestMem.RawPage.init(physicalAddress:level:properties:)",
      "GuestMem.PageItem.init(untracked:level:properties:)"
    ) {
      let allocator = try FrameAllocator(byteCount: 1 << 20)
      let raw = RawPage(
        physicalAddress: $0.physical(), level: $0.level(), properties: $0.properties())
      let item = PageItem<KernelPaging>(fromRaw: raw, metadata: allocator.metadata)
      touch((item.frameCount, item.isTracked))
      let other = PageItem<NativePaging>(
        untracked: $0.physical(), level: $0.level(), properties: $0.properties())
      touch(other.intoRaw())
    },
  ]

  static let frames: [HostileCall] = [
    HostileCall(
      "GuestMem.FrameAllocator.init(byteCount:freeMemory:)", "GuestMem.FrameAllocator.allocate()",
      "GuestMem.FrameAllocator.allocate(byteCount:alignment:)"
    ) {
      var allocator = try FrameAllocator(
        byteCount: $0.byteCount(), freeMemory: $0.bool() ? .zero : .unknown)
      for _ in 0..<8 {
        touch(try? allocator.allocate(byteCount: $0.byteCount(), alignment: $0.word()))
      }
      touch(try allocator.allocate())
    },
    HostileCall(
      "GuestMem.FrameAllocator.free(_:byteCount:)", "GuestMem.FrameAllocator.isFree(_:)",
      "GuestMem.FrameAllocator.reserve(_:)"
    ) {
      var allocator = try FrameAllocator(byteCount: UInt64($0.below(2000)) << 12)
      for _ in 0..<16 {
        let (one, other) = ($0.word(), $0.word())
        let range = min(one, other)..<max(one, other)
        try? allocator.reserve(range)
        try? allocator.free($0.physical(), byteCount: $0.byteCount())
        touch((allocator.isFree(range), allocator.freeByteCount, allocator.countedFrames))
      }
    },
    HostileCall(
      "GuestMem.FrameAllocator.allocateFrame(of:)", "GuestMem.FrameAllocator.allocateUniqueFrame()",
      "GuestMem.FrameHandle.intoRaw()", "GuestMem.FrameHandle.share()",
      "GuestMem.UniqueFrame.shared()", "GuestMem.PageItem.init(tracked:properties:)"
    ) {
      var allocator = try FrameAllocator(byteCount: UInt64($0.below(2000)) << 12)
      let handle = try allocator.allocateFrame(of: $0.pageSize())
      let second = try handle.share()
      touch((handle.address, second.frameCount))
      if $0.bool() { touch(handle.intoRaw()) }
      let single = try allocator.allocateUniqueFrame().shared()
      let item = try PageItem<KernelPaging>(tracked: single, properties: $0.properties())
      touch(item.raw)
    },
    HostileCall(
      "GuestMem.FrameHandle.init(sharing:frameCount:metadata:)",
      "GuestMem.FrameMetadataView.addOwner(of:)", "GuestMem.FrameMetadataView.nodeState(of:)",
      "GuestMem.FrameMetadataView.ownership(of:)"
    ) {
      var allocator = try FrameAllocator(byteCount: 1 << 22)
      let owned = try allocator.allocateFrame(of: .size2MiB)
      let metadata = allocator.metadata
      for _ in 0..<8 {
        try? metadata.addOwner(of: $0.word())
        touch((metadata.nodeState(of: $0.word()), metadata.ownership(of: $0.word())))
        let frame = $0.bool() ? owned.frame &+ UInt64($0.below(600)) : $0.word()
        do {
          let handle = try FrameHandle(sharing: frame, frameCount: $0.word(), metadata: metadata)
          touch(handle.address)
        } catch {}
      }
    },
    HostileCall(
      "GuestMem.FrameOwnership.init(rawValue:)", "GuestMem.NodeState.init(rawValue:)",
      "GuestMem.NodeState.init(level:presentCount:)", "GuestMem.NodeState.isNode(of:)",
      "GuestMem.ThreadIdentifier.init(rawValue:)"
    ) {
      touch(FrameOwnership(rawValue: $0.word()).rawValue)
      var state = NodeState(rawValue: $0.random())
      state.presentCount = $0.number()
      touch((state.level, state.presentCount, state.isStray, state.isNode(of: $0.level())))
      touch(NodeState(level: $0.level(), presentCount: $0.number()))
      touch(ThreadIdentifier(rawValue: UInt32(truncatingIfNeeded: $0.random())))
    },
    HostileCall(
      "GuestMem.LockOrder.init()", "GuestMem.LockOrder.add(_:)", "GuestMem.LockOrder.end()",
      "GuestMem.LockOrder.violations(in:)", "GuestMem.LockEvent.init(_:by:_:)",
      "GuestMem.LockedNode.init(rootFrame:frame:level:linearAddress:)"
    ) {
      var events: [LockEvent] = []
      for _ in 0..<32 {
        events.append(
          LockEvent(
            $0.bool() ? .taken : .released,
            by: ThreadIdentifier(rawValue: UInt32($0.below(3))),
            LockedNode(
              rootFrame: $0.word(), frame: UInt64($0.below(3)), level: $0.level(),
              linearAddress: $0.bool() ? nil : $0.linear())))
      }
      touch(LockOrder<KernelPaging>.violations(in: events))
      var order = LockOrder<KernelPaging>()
      for event in events { order.add(event) }
      order.end()
    },
    HostileCall(
      "GuestMem.ContractViolation.init(rule:path:linearAddress:level:word:frame:detail:)",
      "GuestMem.ContractContext.init(handles:lockedFrames:sharedRoot:completeness:)"
    ) {
      touch(
        ContractViolation(
          rule: $0.one(of: ContractRule.allCases), path: [$0.number(), $0.number()],
          linearAddress: $0.word(), level: $0.level(), word: $0.word(), frame: $0.word(),
          detail: $0.text()))
      touch(ContractContext(handles: [$0.word(): $0.word()], lockedFrames: [$0.word()]))
    },
  ]
}
