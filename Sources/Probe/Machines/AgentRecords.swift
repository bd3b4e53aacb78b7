// AgentRecords: writing the questions into the agent's slot, and reading the answers.

import GuestImages
import GuestMem
import MMU

/// What the guest wrote into a record.
struct AgentAnswer {
  let value: UInt64
  /// All ones when nothing faulted.
  let errorCode: UInt64
  let cr2: UInt64
  let vector: UInt64

  var hasFaulted: Bool { errorCode != .max }
}

/// The records in the agent's slot.
struct AgentRecords {
  /// How many records fit.
  static let capacity = Int(KVMPT_RECORD_CAPACITY)

  private let view: MemoryView

  init(in view: MemoryView) { self.view = view }

  /// Asks for a probe of `address` in record `index`, which is below ``capacity``.
  ///
  /// `value` is for the loops that take one.
  func ask(_ address: UInt64, value: UInt64 = 0, at index: Int) {
    let offset = Self.offset(of: index)
    store(address, offset + UInt64(KVMPT_RECORD_ADDRESS))
    store(value, offset + UInt64(KVMPT_RECORD_VALUE))
    store(.max, offset + UInt64(KVMPT_RECORD_ERROR))
    store(14, offset + UInt64(KVMPT_RECORD_VECTOR))
  }

  /// The address that record `index` asks about.
  func address(at index: Int) -> UInt64 {
    load(Self.offset(of: index) + UInt64(KVMPT_RECORD_ADDRESS))
  }

  /// The answer in record `index`.
  func answer(at index: Int) -> AgentAnswer {
    let offset = Self.offset(of: index)
    return AgentAnswer(
      value: load(offset + UInt64(KVMPT_RECORD_VALUE)),
      errorCode: load(offset + UInt64(KVMPT_RECORD_ERROR)),
      cr2: load(offset + UInt64(KVMPT_RECORD_CR2)),
      vector: load(offset + UInt64(KVMPT_RECORD_VECTOR)))
  }

  private static func offset(of index: Int) -> UInt64 {
    UInt64(KVMPT_RECORDS) + UInt64(index) * UInt64(KVMPT_RECORD_SIZE)
  }

  private func store(_ word: UInt64, _ offset: UInt64) {
    view.storeWord(word, at: GuestPhysicalAddress(truncating: offset))
  }

  private func load(_ offset: UInt64) -> UInt64 {
    view.loadWord(at: GuestPhysicalAddress(truncating: offset)) ?? 0
  }
}
