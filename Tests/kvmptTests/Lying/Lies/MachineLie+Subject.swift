// Which probes a lie can be about: those of which it says something that is not so.

import MMU
import TestHosts

@testable import Probe

extension MachineLie {
  /// True when telling the lie about `probe` would change what is known of it.
  func suits(_ probe: HonestProbe, in scene: LieScene) -> Bool {
    let isRead = scene.batch.loop == .read
    let isWrite = scene.batch.loop == .write
    let isStamped = probe.isSuccess && probe.frame.map(scene.isStamped) == true
    let isDevice = probe.isSuccess && probe.frame.map(scene.isDevice) == true
    switch self {
    case .successForFault: return isRead && probe.isPageFault
    case .faultForSuccess: return probe.isSuccess
    case .otherVector, .errorCodeBit, .cr2: return probe.isPageFault
    case .valueOfNoPage, .unanswered: return isRead && isStamped
    case .valueOfOtherPage: return isRead && isStamped && scene.otherFrame(than: probe) != nil
    case .answerOfOtherProbe:
      return isRead && isStamped && scene.probes.contains { $0.frame != probe.frame }
    case .stubOfOtherPage:
      return scene.batch.loop == .fetch && isStamped && scene.otherFrame(than: probe) != nil
    case .unansweredAtZero: return isRead && probe.isSuccess && probe.frame == 0
    case .refusedWriteArrives:
      return isWrite && probe.isPageFault && probe.frame.map(scene.isStamped) == true
        && !scene.probes.contains { $0.isSuccess && $0.frame == probe.frame }
    case .writeLost, .writeBeside: return isWrite && isStamped
    case .writeElsewhere, .writeTwice:
      return isWrite && isStamped && scene.otherFrame(than: probe) != nil
    // The word after it is nobody's.
    case .writeTwiceInPage: return isWrite && isStamped && probe.address & 0xfff < 0xf00
    case .deviceWriteLost, .deviceWriteElsewhere: return isWrite && isDevice
    case .accessedMissing(let level):
      return probe.isSuccess && probe.step(at: level)?.entry.isAccessed == false
    case .dirtyMissing(let level):
      return isWrite && probe.isSuccess && probe.leaf?.level == level
        && probe.leaf?.entry.isDirty == false
    case .accessedUnasked(let level):
      return probe.step(at: level).flatMap {
        scene.unusedEntry(of: $0.entryAddress.rawValue & ~0xfff)
      } != nil
    case .dirtyUnasked(let level):
      return !isWrite && probe.isSuccess
        && probe.step(at: level).map { $0.entry.rawValue & PageTableEntry.Bit.dirty } == 0
    case .accessedInRefusingLeaf:
      return probe.isPageFault && probe.leaf?.entry.isAccessed == false
    case .accessedLost: return probe.isSuccess && probe.leaf?.entry.isAccessed == true
    case .dirtyLost: return isRead && probe.isSuccess && probe.leaf?.entry.isDirty == true
    case .leafChanged: return probe.isSuccess
    case .otherEntryChanged:
      return probe.leaf.flatMap { scene.unusedEntry(of: $0.entryAddress.rawValue & ~0xfff) } != nil
    case .guestLost, .guestHangs, .late, .agentOverwritten: return isRead && probe.isSuccess
    case .hostEdit, .keysUntilFirstUse: return false
    case .deadlyFeature(let feature): return feature.isOn(in: scene.batch.state)
    case .inLastWorker(let lie): return lie.suits(probe, in: scene)
    }
  }
}
