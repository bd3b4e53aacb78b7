// OpenedImage, audit: what an audit needs to know of an image besides its tables.

import GuestMem
import Inspection
import MMU

extension OpenedImage {
  /// The registers, the memory and IA32_PAT of the image; `userStack` is RSP at CPL 3 without one.
  func auditConditions(userStack: UInt64?) -> AuditConditions {
    var conditions = AuditConditions(pat: pat.value, mode: mode)
    conditions.memory = memory.segments.map { $0.physicalAddress.rawValue..<$0.end }
    conditions.userStack = userStack
    // Registers speak about the tables that they were used with.
    guard let processor, PageTables.root(of: processor.cr3) == PageTables.root(of: cr3) else {
      return conditions
    }
    if userStack == nil && processor.currentPrivilegeLevel == 3 {
      conditions.userStack = processor.stackPointer
    }
    conditions.isCETEnabled = processor.cr4 & 1 << 23 != 0
    conditions.registerUses = processor.uses
    return conditions
  }
}

extension PageTables {
  fileprivate static func root(of cr3: UInt64) -> UInt64 { cr3 & PageTableEntry.Bit.address }
}

extension ImageProcessor {
  /// What the registers point at; none where the note leaves them 0.
  fileprivate var uses: [RegisterUse] {
    var uses: [RegisterUse] = []
    let privilege: PrivilegeLevel = currentPrivilegeLevel == 3 ? .user : .supervisor
    if instructionPointer != 0 || stackPointer != 0 {
      let base = segments.map { $0.code.isLongMode ? 0 : $0.code.base } ?? 0
      uses.append(.instructions(at: instructionPointer &+ base, privilege))
    }
    if stackPointer != 0 { uses.append(.stack(below: stackPointer, privilege)) }
    guard let segments else { return uses }
    for (register, table) in [
      (PointingRegister.gdtr, segments.globalDescriptorTable),
      (.idtr, segments.interruptDescriptorTable),
    ] where table.limit != 0 {
      uses.append(.descriptors(register, base: table.base, limit: min(table.limit, 0xffff)))
    }
    let task = segments.task
    if task.selector & ~7 != 0 && task.limit != 0 {
      // The I/O permission bitmap is read only where IOPL asks for it: 104 bytes are needed.
      uses.append(.descriptors(.tr, base: task.base, limit: min(task.limit, 0x67)))
    }
    return uses
  }
}
