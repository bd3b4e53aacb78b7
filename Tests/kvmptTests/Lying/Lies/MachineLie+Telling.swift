// How a lie is told: what is put in the place of what an honest machine did.

import GuestImages
import GuestMem
import MMU

@testable import Probe

extension MachineLie {
  /// How the batch ends before anything of it is run, or nil where it is run.
  func end(at probe: HonestProbe) -> AgentBatchEnd? {
    switch self {
    case .guestLost: .died(.shutdown, record: probe.index)
    case .guestHangs, .deadlyFeature: .died(.hang, record: probe.index)
    case .late: .unfinished
    case .inLastWorker(let lie): lie.end(at: probe)
    default: nil
    }
  }

  /// Changes what a batch left behind; true when that changed anything.
  func tell(
    about probe: HonestProbe, in scene: LieScene, _ deviceWrites: inout [UInt64: UInt64]
  ) -> Bool {
    let record = AgentRecordPlace(probe.index)
    let answer = LiedAnswer(record, in: scene.agent)
    let (accessed, dirty) = (PageTableEntry.Bit.accessed, PageTableEntry.Bit.dirty)
    let token = scene.token(of: probe)
    let word = (probe.frame ?? 0) | probe.address & 0xfff
    switch self {
    case .successForFault:
      return answer.set(.max, \.errorCode) && answer.set(probe.frame ?? 0x1000, \.value)
    case .faultForSuccess:
      let code = PageFaultErrorCode.present.rawValue | scene.codeOfAccess
      return answer.set(UInt64(code), \.errorCode) && answer.set(probe.address, \.cr2)
    case .otherVector: return answer.set(13, \.vector) && answer.set(0, \.errorCode, orIs: true)
    case .errorCodeBit(let bit): return answer.flip(1 << UInt64(bit), \.errorCode)
    case .cr2(.neighbour): return answer.set(probe.address ^ 0x1000, \.cr2)
    case .cr2(.zero): return answer.set(0, \.cr2)
    case .cr2(.otherOffset): return answer.set(probe.address ^ 0x40, \.cr2)
    case .valueOfNoPage: return answer.flip(0x10, \.value)
    case .valueOfOtherPage, .stubOfOtherPage:
      return scene.otherFrame(than: probe).map { answer.set($0, \.value) } ?? false
    case .unanswered, .unansweredAtZero:
      // For the page at 0 the answer may be what was asked, and then nobody can tell.
      return answer.set(probe.askedValue, \.value, orIs: true)
    case .refusedWriteArrives: return scene.put(token, at: word)
    case .answerOfOtherProbe: return answer.copyOfOther(than: probe, in: scene)
    case .writeLost: return scene.exchange(word, from: token, to: 0)
    case .writeBeside:
      return scene.exchange(word, from: token, to: 0) && scene.put(token, at: word + 8)
    case .writeElsewhere:
      guard let other = scene.otherFrame(than: probe) else { return false }
      return scene.exchange(word, from: token, to: 0)
        && scene.put(token, at: other | probe.address & 0xfff)
    case .writeTwice:
      // Where no other write of the batch goes, and nobody looks who asks each write for its word.
      return scene.frameWithoutWrite.map { scene.put(token, at: $0 | probe.address & 0xfff) }
        ?? false
    case .writeTwiceInPage: return scene.put(token, at: word + 0x80)
    case .deviceWriteLost: return deviceWrites.removeValue(forKey: token) != nil
    case .deviceWriteElsewhere:
      return deviceWrites.updateValue((probe.frame ?? 0) ^ 0x1000, forKey: token) != nil
    case .accessedMissing(let level):
      return probe.step(at: level).map { scene.change($0.entryAddress) { $0 & ~accessed } } ?? false
    case .dirtyMissing(let level):
      return probe.step(at: level).map { scene.change($0.entryAddress) { $0 & ~dirty } } ?? false
    case .accessedUnasked(let level):
      return probe.step(at: level).flatMap {
        scene.unusedEntry(of: $0.entryAddress.rawValue & ~0xfff)
      }.map { scene.change($0) { $0 | accessed } } ?? false
    case .dirtyUnasked(let level):
      return probe.step(at: level).map { scene.change($0.entryAddress) { $0 | dirty } } ?? false
    case .accessedInRefusingLeaf:
      return probe.leaf.map { scene.change($0.entryAddress) { $0 | accessed } } ?? false
    case .accessedLost:
      return probe.leaf.map { scene.change($0.entryAddress) { $0 & ~accessed } } ?? false
    case .dirtyLost:
      return probe.leaf.map { scene.change($0.entryAddress) { $0 & ~dirty } } ?? false
    case .leafChanged:
      return probe.leaf.map { scene.change($0.entryAddress) { $0 ^ 1 << 9 } } ?? false
    case .otherEntryChanged:
      return probe.leaf.flatMap { scene.unusedEntry(of: $0.entryAddress.rawValue & ~0xfff) }.map {
        scene.change($0) { $0 ^ 1 << 9 }
      } ?? false
    case .agentOverwritten:
      let place = GuestPhysicalAddress(truncating: UInt64(KVMPT_GDT) + 8)
      return scene.agent.storeWord((scene.agent.loadWord(at: place) ?? 0) ^ 1, at: place)
    case .inLastWorker(let lie): return lie.tell(about: probe, in: scene, &deviceWrites)
    case .guestLost, .guestHangs, .late, .hostEdit, .deadlyFeature, .keysUntilFirstUse: return false
    }
  }
}

/// A record whose answer is changed.
struct LiedAnswer {
  private let record: AgentRecordPlace
  private let agent: MemoryView

  init(_ record: AgentRecordPlace, in agent: MemoryView) {
    self.record = record
    self.agent = agent
  }

  /// True when the word was another one, or `orIs` allows that it was not.
  func set(
    _ value: UInt64, _ word: KeyPath<AgentRecordPlace.Words, UInt64>, orIs isAllowed: Bool = false
  ) -> Bool {
    let old = record.load(word, in: agent)
    record.store(value, word, in: agent)
    return old != value || isAllowed
  }

  func flip(_ bits: UInt64, _ word: KeyPath<AgentRecordPlace.Words, UInt64>) -> Bool {
    set(record.load(word, in: agent) ^ bits, word)
  }

  /// Copies the answer of the first record about another page.
  func copyOfOther(than probe: HonestProbe, in scene: LieScene) -> Bool {
    for index in 0..<scene.batch.recordCount where index != probe.index {
      let other = AgentRecordPlace(index)
      let words: [KeyPath<AgentRecordPlace.Words, UInt64>] = [
        \.value, \.errorCode, \.cr2, \.vector,
      ]
      guard words[...1].contains(where: { other.load($0, in: agent) != record.load($0, in: agent) })
      else { continue }
      for word in words { record.store(other.load(word, in: agent), word, in: agent) }
      return true
    }
    return false
  }
}

extension LieScene {
  /// What the write of `probe` leaves: where its record is, as the agent sees it.
  func token(of probe: HonestProbe) -> UInt64 {
    batch.windowAddress + (batch.privilege == .user ? UInt64(KVMPT_USER_ALIAS) : 0)
      + AgentRecordPlace(probe.index).offset
  }

  /// W, U and I of an access of the batch.
  var codeOfAccess: UInt32 {
    (batch.loop == .write ? PageFaultErrorCode.write.rawValue : 0)
      | (batch.privilege == .user ? PageFaultErrorCode.user.rawValue : 0)
      | (batch.loop == .fetch ? PageFaultErrorCode.instructionFetch.rawValue : 0)
  }

  /// A stamped frame of the batch that none of its writes reaches.
  var frameWithoutWrite: UInt64? {
    let probes = (0..<batch.recordCount).map(probe)
    let written = Set(probes.filter(\.isSuccess).compactMap(\.frame))
    return probes.compactMap(\.frame).first { !written.contains($0) && isStamped($0) }
  }

  /// Puts a word where `old` is; false where it is not.
  func exchange(_ address: UInt64, from old: UInt64, to new: UInt64) -> Bool {
    let place = GuestPhysicalAddress(truncating: address)
    guard memory.loadWord(at: place) == old else { return false }
    memory.storeWord(new, at: place)
    return true
  }

  func put(_ word: UInt64, at address: UInt64) -> Bool {
    change(GuestPhysicalAddress(truncating: address)) { _ in word }
  }

  /// Changes a word; false where that leaves it as it is.
  func change(_ place: GuestPhysicalAddress, _ change: (UInt64) -> UInt64) -> Bool {
    guard let old = memory.loadWord(at: place) else { return false }
    memory.storeWord(change(old), at: place)
    return change(old) != old
  }
}
