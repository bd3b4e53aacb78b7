// Each function below is refused by the compiler: it would let two threads work on the same tables.
// .ci/refused-code checks that, and that what is right compiles.

import GuestMem
import MMU

func send<Value: Sendable & ~Copyable>(_ value: borrowing Value) {}
func move(_ table: consuming sending PageTable) {}

#if REFUSED_1  // to 'Sendable' is unavailable
  func sendTable(_ table: borrowing PageTable) { send(table) }
#elseif REFUSED_2  // to 'Sendable' is unavailable
  func sendBootTable(_ table: borrowing BootPageTable) { send(table) }
#elseif REFUSED_3  // to 'Sendable' is unavailable
  func sendCursor(_ cursor: borrowing Cursor<NativePaging>) { send(cursor) }
#elseif REFUSED_4  // to 'Sendable' is unavailable
  func sendEntry(_ entry: borrowing Entry<NativePaging>) { send(entry) }
#elseif REFUSED_5  // risks causing data races
  func moveCopy(_ configuration: PagingConfiguration, _ view: MemoryView) throws {
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    let table = try PageTable(configuration: configuration, memory: view, allocator: &allocator)
    move(try table.shallowCopy())
    _ = table.translate(LinearAddress(truncating: 0, width: .bits48))
  }
#else
  func moveWhole(_ configuration: PagingConfiguration, _ view: MemoryView) throws {
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    move(try PageTable(configuration: configuration, memory: view, allocator: &allocator))
    send(allocator)
    send(view)
  }
#endif
