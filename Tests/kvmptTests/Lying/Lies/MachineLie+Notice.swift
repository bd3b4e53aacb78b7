// What each command must say about each lie of a machine. A new lie does not compile without an answer.

import MMU

@testable import Probe

extension MachineLie {
  /// What a lie is about, and what conform calls the machine's response.
  enum Kind: Sendable {
    /// Whether or where an access arrives, which somebody asked for.
    case outcome(String)
    /// A detail of a fault, of which only the manual speaks.
    case detail(String)
    /// The words of tables.
    case tables
    /// The guest does not come back.
    case loss
    /// The answer comes too late.
    case lateness
    /// What is not there although the processor's registers say so.
    case lack(String)
  }

  var kind: Kind {
    switch self {
    case .successForFault, .refusedWriteArrives: .outcome("success")
    case .faultForSuccess: .outcome("page-fault")
    // P of an error code says whether anything is mapped; one of more than 32 bits has all bits set.
    case .errorCodeBit(0), .errorCodeBit(32): .outcome("page-fault")
    case .errorCodeBit: .detail("page-fault")
    // Where nothing is mapped, #GP is as good as a fault to who asked for none.
    case .otherVector: .detail("exception")
    case .cr2: .detail("wrong-cr2")
    case .valueOfNoPage, .valueOfOtherPage, .stubOfOtherPage, .unanswered, .unansweredAtZero,
      .writeLost, .writeBeside, .writeElsewhere, .writeTwice,
      .writeTwiceInPage, .deviceWriteLost, .deviceWriteElsewhere:
      .outcome("wrong-page")
    // The first other record is of an access that faults.
    case .answerOfOtherProbe: .outcome("wrong-cr2")
    // Machines that go on with old translations do not set A and D again.
    case .accessedMissing, .dirtyMissing, .accessedUnasked, .dirtyUnasked, .accessedInRefusingLeaf,
      .accessedLost, .dirtyLost, .leafChanged, .otherEntryChanged, .hostEdit:
      .tables
    case .guestLost, .guestHangs, .agentOverwritten: .loss
    case .late: .lateness
    case .deadlyFeature(.fiveLevelPaging): .lack("no-5-level-paging")
    case .deadlyFeature(let feature): .lack("no-\(feature.rawValue)")
    case .keysUntilFirstUse: .lack("no-protection-keys")
    case .inLastWorker(let lie): lie.kind
    }
  }

  /// What `command` must say.
  func notice(by command: LieCommand) -> LieNotice {
    if case .writeTwiceInPage = self {
      return .unseen("an offset is not translated, so that no table can make it another one")
    }
    switch command {
    case .file, .library, .expected: return noticeOfProof(isAsked: true)
    case .image: return noticeOfProof(isAsked: false)
    case .conform, .sequences: return noticeOfConform(isOfSequences: command == .sequences)
    case .doctor: return noticeOfDoctor
    case .calibration: return noticeOfCalibration
    }
  }

  private func noticeOfProof(isAsked: Bool) -> LieNotice {
    switch kind {
    case .outcome where isAsked:
      .noticed(["asked-executed", "modelled-executed"], exitCode: 1)
    case .outcome, .detail: .noticed(["modelled-executed"], exitCode: 1)
    case .tables: .noticed(["wrong-flags"], exitCode: 1)
    case .loss: .noticed(["guest-lost"], exitCode: 77)
    case .lateness: .noticed(["time-limit"], exitCode: 124)
    case .lack(let reason): .noticed([reason], exitCode: 77)
    }
  }
}
