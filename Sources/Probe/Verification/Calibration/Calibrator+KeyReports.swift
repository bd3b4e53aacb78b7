// Calibrator+KeyReports: whether PK is reported where U/S stops an access as well.

import GuestMem
import MMU

extension Calibrator {
  /// Tries accesses of CPL 3 to supervisor pages that IA32_PKRS denies, once for each level at which
  /// U/S may be clear, and adds a rule for each level at which the error code lacks PK.
  ///
  /// By the manual the key's verdict does not depend on U/S; QEMU's emulator looks at U/S first and
  /// reports nothing else. Source: Intel SDM volume 3A, sections 5.6.2 and 5.7 (PK flag).
  ///
  /// - Throws: ``MachineError/calibrationFailed(_:)`` for any other difference.
  func tryKeyReports(
    _ profile: inout MachineProfile, rootLevel: Level
  ) throws(MachineError) {
    let pages = Self.pagesByLevel(rootLevel)
    let trial = CalibrationTrial(deniedSupervisorPages: pages.map(\.address), rootLevel: rootLevel)
    let bench = try bench(for: trial.scratch, profile, lossLimit: 1)
    for round in trial.rounds {
      let collector = try bench.verdicts(
        of: trial.scratch.plan, round, knowing: Self.assumed(profile))
      for verdict in collector.disagreements + collector.lost
      where verdict.disagreements.contains(.modelledExecuted) || verdict.isUndecided {
        guard let page = pages.first(where: { $0.address == verdict.address & ~0xfff }),
          verdict.lacksProtectionKey
        else { throw .calibrationFailed(Self.text(verdict)) }
        let rule = Deviation.keyNotReported(level: page.level)
        if !profile.deviations.contains(rule) { profile.deviations.append(rule) }
      }
      if let loss = bench.firstLoss { throw .calibrationFailed(loss) }
      if collector.isUnfinished { throw .calibrationUnfinished }
    }
  }

  /// A page for each level: U/S is clear in its entry at this level and below, and set above, where
  /// the user page of the trial has the same entries.
  private static func pagesByLevel(_ rootLevel: Level) -> [(level: Level, address: UInt64)] {
    Level.allCases.filter { $0 <= rootLevel }.map {
      ($0, CalibrationTrial.userPage + 1 << $0.indexShift)
    }
  }
}

extension ProbeVerdict {
  /// The machine's error code is that of the model without PK.
  fileprivate var lacksProtectionKey: Bool {
    guard case .pageFault(let code, _) = executed, case .pageFault(let expected) = modelled else {
      return false
    }
    let bit = PageFaultErrorCode.protectionKey.rawValue
    return code | bit == expected.rawValue && code & bit == 0
  }
}
