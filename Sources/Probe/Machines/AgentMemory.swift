// AgentMemory: the contents of the agent's slot.

import GuestImages
import GuestMem
import MMU

/// Writes the agent's code, descriptor tables and window tables into its slot.
struct AgentMemory {
  let view: MemoryView
  let slot: AgentSlot

  /// A key for the window's user pages that PKRU denies nothing; without one, CPL 3 cannot reach its
  /// records.
  private let userKey: UInt64?
  private let rootLevel: Level
  private let noExecute: UInt64

  init(view: MemoryView, slot: AgentSlot, rootLevel: Level, settings: ProcessorSettings) {
    self.view = view
    self.slot = slot
    self.rootLevel = rootLevel
    noExecute = settings.isNoExecuteEnabled ? 1 << 63 : 0
    userKey = settings.unrestrictedUserKey
  }

  /// Writes everything but the records and the root's copy.
  func write() {
    // A dying guest may have written anywhere. A waiting one runs the code and reads its mailbox:
    // the code is written over with the same bytes, and the mailbox is not the agent's.
    view.fill(
      at: GuestPhysicalAddress(truncating: UInt64(KVMPT_IDT)),
      byteCount: UInt64(KVMPT_PARAMETERS - KVMPT_IDT))
    writeCode()
    writeDescriptorTables()
    writeWindowTables()
  }

  /// The entry that the root's copy needs to lead to the window.
  var rootEntry: UInt64 {
    let first = rootLevel == .pageMapLevel5 ? 0 : 1
    return Self.tableEntry(
      slot.physicalAddress + UInt64(KVMPT_WINDOW_TABLES) + UInt64(first) * 0x1000)
  }

  /// The ranges that no correct run changes.
  static let constantRanges: [Range<UInt64>] = [
    UInt64(KVMPT_SUPERVISOR_CODE)..<UInt64(KVMPT_STACK),
    UInt64(KVMPT_WINDOW_TABLES)..<UInt64(KVMPT_WINDOW_TABLES + KVMPT_WINDOW_TABLE_COUNT * 0x1000),
  ]

  /// The constant ranges' bytes, to be compared after a run.
  func constants() -> [[UInt8]] {
    Self.constantRanges.map { range in
      view.readBytes(
        at: GuestPhysicalAddress(truncating: range.lowerBound), count: range.count) ?? []
    }
  }

  private func writeCode() {
    // SAFETY: the image is constant data of the size that stands beside it.
    let image = unsafe UnsafeRawBufferPointer(
      start: kvmpt_agent_image(), count: Int(kvmpt_agent_image_size()))
    view.writeBytes(unsafe [UInt8](image), at: GuestPhysicalAddress(truncating: 0))
  }

  private func store(_ word: UInt64, at offset: UInt64) {
    view.storeWord(word, at: GuestPhysicalAddress(truncating: offset))
  }

  /// Source: Intel SDM volume 3A, sections 3.4.5 (descriptors), 7.14.1 (gates), 9.7 (TSS).
  private func writeDescriptorTables() {
    let gdt = UInt64(KVMPT_GDT)
    let tss = slot.windowAddress + UInt64(KVMPT_TSS)
    // Accessed is set in all, so that the processor does not write to the table.
    let descriptors: [UInt64] = [
      0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00cf_f300_0000_ffff,
      0x00af_fb00_0000_ffff,
      0x0000_8b00_0000_0067 | (tss & 0xff_ffff) << 16 | (tss >> 24 & 0xff) << 56, tss >> 32,
    ]
    for (index, descriptor) in descriptors.enumerated() {
      store(descriptor, at: gdt + UInt64(index) * 8)
    }
    let stack = slot.windowAddress + UInt64(KVMPT_STACK_TOP)
    view.fill(at: GuestPhysicalAddress(truncating: UInt64(KVMPT_TSS)), byteCount: 0x68)
    // RSP0 stands at offset 4, so it straddles two words; the I/O map base lies beyond the limit.
    store(stack << 32, at: UInt64(KVMPT_TSS))
    store(stack >> 32, at: UInt64(KVMPT_TSS) + 8)
    store(0x0068_0000_0000_0000, at: UInt64(KVMPT_TSS) + 0x60)
    // Entries 1 and 2 of the interrupt stack table stand at offsets 0x24 and 0x2c.
    let faultStack = slot.windowAddress + UInt64(KVMPT_FAULT_STACK_TOP)
    let kickStack = slot.windowAddress + UInt64(KVMPT_KICK_STACK_TOP)
    store(faultStack << 32, at: UInt64(KVMPT_TSS) + 0x20)
    store(faultStack >> 32 | kickStack << 32, at: UInt64(KVMPT_TSS) + 0x28)
    store(kickStack >> 32, at: UInt64(KVMPT_TSS) + 0x30)
    for table in 0...Int(KVMPT_GATES_FAULT_STACK) {
      let isOnFaultStack = table == Int(KVMPT_GATES_FAULT_STACK)
      let set = isOnFaultStack ? Int(KVMPT_HANDLERS_FLAGS) : table
      let stack: UInt64 = isOnFaultStack ? 1 : 0
      for vector in 0..<Int(KVMPT_VECTOR_COUNT) {
        let handler =
          slot.windowAddress
          + UInt64(
            Int(KVMPT_HANDLERS) + set * Int(KVMPT_HANDLER_SET_SIZE) + vector
              * Int(KVMPT_HANDLER_SPACING))
        let gate = Self.idtOffset(set: table) + UInt64(vector) * 16
        let attributes = 0x8e00 | (vector == Int(KVMPT_KICK_VECTOR) ? 2 : stack)
        store(
          handler & 0xffff | UInt64(KVMPT_SUPERVISOR_CS) << 16
            | attributes << 32 | (handler >> 16 & 0xffff) << 48, at: gate)
        store(handler >> 32, at: gate + 8)
      }
    }
  }

  /// Makes the local descriptor table begin at `base` in the next batch that uses one.
  ///
  /// Source: Intel SDM volume 3A, sections 3.5.1 and 9.2.3 (LDT descriptors in 64-bit mode).
  func setLocalDescriptorTable(at base: UInt64) {
    let offset = UInt64(KVMPT_GDT) + UInt64(KVMPT_LDT_SELECTOR)
    store(
      0x0000_8200_0000_ffff | (base & 0xff_ffff) << 16 | (base >> 24 & 0xff) << 56, at: offset)
    store(base >> 32, at: offset + 8)
  }

  /// Where a table of gates stands in the slot.
  static func idtOffset(set: Int) -> UInt64 {
    UInt64(KVMPT_IDT) + UInt64(set) * UInt64(KVMPT_VECTOR_COUNT) * 16
  }

  /// A is set, so that the processor does not write to it, and U/S, so that the pages decide.
  private static func tableEntry(_ address: UInt64) -> UInt64 { address | 0x27 }

  private func writeWindowTables() {
    let base = slot.physicalAddress
    let tables = UInt64(KVMPT_WINDOW_TABLES)
    view.fill(
      at: GuestPhysicalAddress(truncating: tables),
      byteCount: UInt64(KVMPT_WINDOW_TABLE_COUNT) * 0x1000)
    let pageMapLevel4 = tables
    let directoryPointers = tables + 0x1000
    let directory = tables + 0x2000
    store(Self.tableEntry(base + directoryPointers), at: pageMapLevel4)
    store(Self.tableEntry(base + directory), at: directoryPointers)
    for index in 0..<UInt64(8) {
      store(Self.tableEntry(base + tables + (index + 3) * 0x1000), at: directory + index * 8)
    }
    let pageTables = tables + 0x3000
    for page in 0..<UInt64(KVMPT_SLOT_SIZE / 0x1000) {
      store(supervisorEntry(offset: page * 0x1000), at: pageTables + page * 8)
    }
    let aliases = pageTables + 4 * 0x1000
    let userKey = userKey ?? 0
    // Only what CPL 3 needs: its code, which it cannot write, and the records.
    store(
      base + UInt64(KVMPT_USER_CODE) | 0x25 | userKey << 59,
      at: aliases + UInt64(KVMPT_USER_CODE / 0x1000) * 8)
    for page in UInt64(KVMPT_RECORDS / 0x1000)..<UInt64(KVMPT_SLOT_SIZE / 0x1000) {
      store(
        base + page * 0x1000 | 0x67 | userKey << 59 | noExecute, at: aliases + page * 8)
    }
  }

  /// Code can be executed and not written, everything else the other way round; A and D are set.
  private func supervisorEntry(offset: UInt64) -> UInt64 {
    let isCode = offset < UInt64(KVMPT_USER_CODE)
    return slot.physicalAddress + offset | (isCode ? 0x21 : 0x63 | noExecute)
  }
}
