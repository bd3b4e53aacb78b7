// AgentRecordPlace: the words of one record in the agent's slot.

import GuestImages
import GuestMem
import MMU

/// A record, by its number.
struct AgentRecordPlace {
  /// Where the record begins in the slot.
  let offset: UInt64

  /// The offsets of a record's words.
  struct Words {
    let address = UInt64(KVMPT_RECORD_ADDRESS)
    let value = UInt64(KVMPT_RECORD_VALUE)
    let errorCode = UInt64(KVMPT_RECORD_ERROR)
    let cr2 = UInt64(KVMPT_RECORD_CR2)
    let vector = UInt64(KVMPT_RECORD_VECTOR)
  }

  init(_ index: Int) {
    offset = UInt64(KVMPT_RECORDS) + UInt64(index) * UInt64(KVMPT_RECORD_SIZE)
  }

  func load(_ word: KeyPath<Words, UInt64>, in agent: MemoryView) -> UInt64 {
    agent.loadWord(at: GuestPhysicalAddress(truncating: offset + Words()[keyPath: word])) ?? 0
  }

  func store(_ value: UInt64, _ word: KeyPath<Words, UInt64>, in agent: MemoryView) {
    agent.storeWord(value, at: GuestPhysicalAddress(truncating: offset + Words()[keyPath: word]))
  }
}
