// ModelBatchRun: the agent's loops, as GuestImages/agent.S has them, on a processor that is the model.

import GuestImages
import GuestMem
import MMU

@testable import Probe

/// One batch on a processor that is the model.
struct ModelBatchRun {
  private let batch: AgentBatch
  private let agent: MemoryView
  private let processor: ModelProcessor
  /// Where writes without memory went, by what was written.
  private(set) var deviceWrites: [UInt64: UInt64] = [:]

  init(_ batch: AgentBatch, agent: MemoryView, processor: ModelProcessor) {
    self.batch = batch
    self.agent = agent
    self.processor = processor
  }

  /// Works through all records.
  mutating func run() {
    for index in 0..<batch.recordCount { answer(index) }
  }

  private mutating func answer(_ index: Int) {
    let record = AgentRecordPlace(index)
    let address = record.load(\.address, in: agent)
    switch batch.loop {
    case .read: read(address, Access(.read), record)
    case .pop: read(address, Access(.read, origin: .stack), record)
    case .write: write(token(index), to: address, Access(.write), record)
    case .push: write(token(index), to: address &- 8, Access(.write, origin: .stack), record)
    case .call:
      // What a call pushes is the same for every record.
      write(batch.windowAddress + 1, to: address &- 8, Access(.write, origin: .stack), record)
    case .lockedOr: _ = reach(address, Access(.write), record)
    case .fetch: fetch(address, record)
    case .descriptor: readDescriptor(record)
    case .store: write(record.load(\.value, in: agent), to: address, Access(.write), record)
    // There is nothing that is kept between accesses.
    case .invalidate, .loadCR0, .loadCR3, .loadCR4: break
    }
  }

  /// Where the agent sees the record, which is what a write leaves.
  private func token(_ index: Int) -> UInt64 {
    batch.windowAddress + (batch.privilege == .user ? UInt64(KVMPT_USER_ALIAS) : 0)
      + AgentRecordPlace(index).offset
  }

  /// The physical addresses of an access, or nil after a fault, which goes to the record.
  private func reach(
    _ address: UInt64, _ access: Access, _ record: AgentRecordPlace
  ) -> (first: UInt64, next: UInt64?)? {
    switch processor.access(address, access, at: batch.privilege) {
    case .reached(let first, let next): return (first, next)
    case .fault(let vector, let errorCode, let cr2):
      record.store(errorCode, \.errorCode, in: agent)
      record.store(cr2, \.cr2, in: agent)
      if vector != 14 { record.store(vector, \.vector, in: agent) }
      return nil
    }
  }

  private func read(_ address: UInt64, _ access: Access, _ record: AgentRecordPlace) {
    guard let (first, next) = reach(address, access, record) else { return }
    record.store(bytes(at: first, next: next), \.value, in: agent)
  }

  private mutating func write(
    _ value: UInt64, to address: UInt64, _ access: Access, _ record: AgentRecordPlace
  ) {
    guard let (first, next) = reach(address, access, record) else { return }
    guard processor.memory.kind(of: first) != .none else {
      deviceWrites[value] = first
      return
    }
    for byte in 0..<UInt64(8) {
      store(UInt8(truncatingIfNeeded: value >> (8 * byte)), at: place(first, next, byte))
    }
  }

  /// Runs the stub that it finds: `movabs` and a jump back, or the jump alone.
  private func fetch(_ address: UInt64, _ record: AgentRecordPlace) {
    guard let (first, next) = reach(address, Access(.fetch), record) else { return }
    let isLoad = bytes(at: first, next: next) & 0xffff == 0xb848
    record.store(
      isLoad ? bytes(at: first + 2, next: next) : address, \.value, in: agent)
  }

  /// LSL of a selector in the local table: the processor's own read of eight bytes.
  private func readDescriptor(_ record: AgentRecordPlace) {
    let place = UInt64(KVMPT_GDT) + UInt64(KVMPT_LDT_SELECTOR)
    let low = agent.loadWord(at: GuestPhysicalAddress(truncating: place)) ?? 0
    let high = agent.loadWord(at: GuestPhysicalAddress(truncating: place + 8)) ?? 0
    let base = low >> 16 & 0xff_ffff | (low >> 56) << 24 | high << 32
    let address = base &+ (record.load(\.value, in: agent) & ~7)
    guard
      let (first, next) = reach(address, Access(.read, origin: .implicitSupervisor), record)
    else { return }
    let descriptor = bytes(at: first, next: next)
    let limit = descriptor & 0xffff | (descriptor >> 48 & 0xf) << 16
    record.store(descriptor >> 47 & 1 != 0 ? limit : .max, \.value, in: agent)
  }

  /// Eight bytes; where there is no memory, the page's address, as the host answers.
  private func bytes(at first: UInt64, next: UInt64?) -> UInt64 {
    guard processor.memory.kind(of: first) != .none else { return first & ~0xfff }
    var value: UInt64 = 0
    for byte in 0..<UInt64(8) {
      let address = place(first, next, byte)
      let word = processor.memory.loadWord(at: GuestPhysicalAddress(truncating: address & ~7)) ?? 0
      value |= (word >> (8 * (address & 7)) & 0xff) << (8 * byte)
    }
    return value
  }

  private func store(_ byte: UInt8, at address: UInt64) {
    let aligned = GuestPhysicalAddress(truncating: address & ~7)
    let shift = 8 * (address & 7)
    let word = processor.memory.loadWord(at: aligned) ?? 0
    processor.memory.storeWord(word & ~(0xff << shift) | UInt64(byte) << shift, at: aligned)
  }

  /// Where a byte of an access is.
  private func place(_ first: UInt64, _ next: UInt64?, _ byte: UInt64) -> UInt64 {
    let inPage = 0x1000 - (first & 0xfff)
    guard let next, byte >= inPage else { return first + byte }
    return next + (byte - inPage)
  }
}
