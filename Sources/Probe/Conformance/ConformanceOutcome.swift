// ConformanceOutcome: what an answer of the agent says about an access.

import GuestImages
import GuestMem
import MMU

/// An access whose answer is to be read.
struct AnsweredAccess {
  let access: ConformanceAccess
  let privilege: PrivilegeLevel
  let address: UInt64
  /// Where the page leads by the model, whether or not the access may use it.
  let frame: UInt64?
  var nextFrame: UInt64?
  /// True where no memory is behind the frame.
  var isDevice = false
}

extension AnsweredAccess {
  /// What the machine did; all pages with memory carry stamps.
  ///
  /// `index` is the number of the record; `deviceWrites` says where writes without memory went.
  func outcome(
    _ answer: AgentAnswer, at index: Int, slot: AgentSlot, deviceWrites: [UInt64: UInt64],
    in memory: MemoryView
  ) -> ProbeOutcome {
    let token = slot.recordAddress(index, at: privilege)
    // A write that arrived has succeeded, whatever the guest was told.
    if answer.hasFaulted && !hasArrived(token, in: memory) {
      // Of more than 32 bits there is no code.
      let errorCode = UInt32(clamping: answer.errorCode)
      return answer.vector == 14
        ? .pageFault(errorCode: errorCode, cr2: answer.cr2)
        : .exception(vector: UInt8(truncatingIfNeeded: answer.vector), errorCode: errorCode)
    }
    switch access {
    case .read, .fetch, .pop:
      // A machine without device exits reads zeros or ones there.
      if isDevice && (answer.value == 0 || answer.value == .max) { return .success(.notObserved) }
      let isPage = answer.value & 0xfff == 0 && answer.value != 0
      return .success(isPage ? .page(answer.value) : .unknown(value: answer.value))
    case .lockedOr: return .success(.notObserved)
    case .write, .push, .call:
      if isDevice {
        if deviceWrites.isEmpty { return .success(.notObserved) }
        return .success(deviceWrites[token].map { .page($0 & ~0xfff) } ?? .elsewhere)
      }
      let held = word(at: address & 0xfff, in: memory)
      // What a call pushes is the same for every record.
      let isThere = access == .call ? held != 0 && held != nil : held == token
      return .success(isThere ? .page(frame ?? 0) : .elsewhere)
    case .descriptor:
      return .success(
        answer.value >> 20 == 0 && answer.value != 0
          ? .page(answer.value << 12) : .unknown(value: answer.value))
    case .crossingRead:
      let expected = ConformanceStamp.crossingValue(frame ?? 0, nextFrame ?? 0)
      return .success(
        answer.value == expected ? .page(frame ?? 0) : .unknown(value: answer.value))
    case .crossingWrite:
      let first = (word(at: 0xff8, in: memory) ?? 0) >> 32
      let next = GuestPhysicalAddress(truncating: nextFrame ?? 0)
      let second = (memory.loadWord(at: next) ?? 0) & 0xffff_ffff
      return .success(first | second << 32 == token ? .page(frame ?? 0) : .elsewhere)
    }
  }

  /// True when the access leaves a word of its own, and has.
  private func hasArrived(_ token: UInt64, in memory: MemoryView) -> Bool {
    (access == .write || access == .push) && !isDevice
      && word(at: address & 0xfff, in: memory) == token
  }

  private func word(at offset: UInt64, in memory: MemoryView) -> UInt64? {
    frame.flatMap { memory.loadWord(at: GuestPhysicalAddress(truncating: $0 | offset)) }
  }
}

extension AccessOutcome {
  /// False when the model says that the access reaches another byte of the page than the one at
  /// the offset of `address`.
  ///
  /// What a frame holds stands at one offset, and so does the word that a write leaves: an answer
  /// that shows the frame shows the offset too.
  func isAtOffset(of address: UInt64) -> Bool {
    guard case .success(let physical) = self else { return true }
    return (physical.rawValue ^ address) & 0xfff == 0
  }

  /// The outcome of an access that starts `distance` bytes further on in the page, modulo 2^64.
  func moved(by distance: UInt64) -> AccessOutcome {
    guard case .success(let physical) = self else { return self }
    return .success(GuestPhysicalAddress(truncating: physical.rawValue &+ distance))
  }
}
