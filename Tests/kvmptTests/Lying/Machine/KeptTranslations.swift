// KeptTranslations: a machine that goes on using what it knew of a page before the host changed it.

import GuestMem
import MMU

@testable import Probe

/// What a machine remembers of pages that were used.
struct KeptTranslations {
  private let lie: MachineLie
  /// What a read of each page found, by page, since the guest began.
  private var values: [UInt64: UInt64] = [:]
  /// The pages that were used at CPL 3 since the host changed something.
  private var touched: Set<UInt64> = []
  /// The one page about which is lied.
  private var page: UInt64?

  /// Nil for lies that need no memory.
  init?(_ lie: MachineLie) {
    switch lie {
    case .hostEdit, .keysUntilFirstUse: self.lie = lie
    default: return nil
    }
  }

  mutating func hostHasChanged() { touched = [] }

  mutating func forget() {
    values = [:]
    touched = []
  }

  /// Puts what was known before into the place of what a batch found; true when that changed anything.
  mutating func tell(about probes: [HonestProbe], in scene: LieScene, mayTell: Bool) -> Bool {
    if case .hostEdit(let blindness) = lie {
      guard blindness.isOfCode(at: scene.batch.privilege) else { return false }
      return tellOld(about: probes, in: scene, mayTell)
    }
    return allowTouched(probes, in: scene)
  }

  /// The page that was used before is as it was then: what it leads to, and that A and D are set.
  private mutating func tellOld(
    about probes: [HonestProbe], in scene: LieScene, _ mayTell: Bool
  ) -> Bool {
    var isTold = false
    for probe in probes where probe.isSuccess {
      guard let leaf = probe.leaf else { continue }
      let number = probe.address >> 12
      let record = AgentRecordPlace(probe.index)
      let found = record.load(\.value, in: scene.agent)
      if mayTell, let old = values[number], !leaf.entry.isAccessed, page ?? number == number {
        page = number
        if scene.change(leaf.entryAddress, { _ in leaf.entry.rawValue }) { isTold = true }
        if scene.batch.loop == .read, old != found {
          record.store(old, \.value, in: scene.agent)
          isTold = true
        }
        continue
      }
      if scene.batch.loop == .read || values[number] == nil { values[number] = found }
    }
    return isTold
  }

  /// What a key forbids is allowed where the page was used before.
  private mutating func allowTouched(_ probes: [HonestProbe], in scene: LieScene) -> Bool {
    guard scene.batch.privilege == .user else { return false }
    var isTold = false
    for probe in probes {
      let number = probe.address >> 12
      if case .pageFault(let code) = probe.outcome, code.contains(.protectionKey),
        touched.contains(number), let frame = probe.frame, scene.isStamped(frame)
      {
        let record = AgentRecordPlace(probe.index)
        record.store(.max, \.errorCode, in: scene.agent)
        record.store(frame, \.value, in: scene.agent)
        isTold = true
      }
      if probe.isSuccess { touched.insert(number) }
    }
    return isTold
  }
}

extension MachineLie.Blindness {
  /// True when code at `privilege` does not see what was changed.
  fileprivate func isOfCode(at privilege: PrivilegeLevel) -> Bool {
    switch self {
    case .always, .once: true
    case .supervisor: privilege == .supervisor
    case .user: privilege == .user
    }
  }
}
