// What the commands that are about machines must say about each lie.

import MMU

@testable import Probe

extension MachineLie {
  /// What conform must say, about its matrices or its sequences.
  func noticeOfConform(isOfSequences: Bool) -> LieNotice {
    switch self {
    case .inLastWorker:
      return .untold("workers take blocks as they come, and it is blocks that are added up")
    case .writeTwice:
      return .unseen(
        "each write is asked for its own word: to read all frames after each of ten thousand batches"
          + " would take longer than the run, and verify does it")
    case .unansweredAtZero: return .untold("no case leads to physical address 0")
    case .deviceWriteLost where isOfSequences, .deviceWriteElsewhere where isOfSequences:
      return .untold("sequences have memory behind all pages")
    case .deviceWriteLost:
      return .unseen(
        "a batch without any report of a device is what a machine without such reports gives")
    case .accessedInRefusingLeaf where isOfSequences:
      return .untold("the short sequences have no such access, the matrices have")
    case .answerOfOtherProbe where isOfSequences:
      return .noticed(["disagreement", "wrong-page"], exitCode: 1)
    // Between the steps of a sequence it is the guest that changes tables, frames included.
    case .hostEdit(.once) where isOfSequences:
      return .noticed(["disagreement", "wrong-page"], exitCode: 1)
    case .hostEdit where isOfSequences:
      return .noticed(["disagreement", "flags", "wrong-page"], exitCode: 1)
    default: break
    }
    switch kind {
    case .outcome(let response), .detail(let response):
      return .noticed(["disagreement", response], exitCode: 1)
    case .tables: return .noticed(["disagreement", "flags"], exitCode: 1)
    case .loss: return .noticed(["disagreement", "lost"], exitCode: 1)
    case .lateness: return .noticed(["incomplete"], exitCode: 124)
    // A machine that lacks a feature does not differ from the manual.
    case .lack(let reason): return .noticed([reason], exitCode: 0)
    }
  }

  /// What doctor must say, beyond what its calibration does.
  var noticeOfDoctor: LieNotice {
    let isSmall = "the sample, a 31st of the blocks and a 512th of their cases, has no such access"
    switch self {
    case .inLastWorker:
      return .untold("workers take blocks as they come, and it is blocks that are added up")
    case .unansweredAtZero: return .untold("no case leads to physical address 0")
    case .stubOfOtherPage, .writeTwice, .refusedWriteArrives, .deviceWriteLost,
      .deviceWriteElsewhere, .accessedMissing(.pageMapLevel4), .accessedMissing(.pageMapLevel5),
      .dirtyMissing, .dirtyUnasked(.pageDirectoryPointerTable), .dirtyUnasked(.pageMapLevel4),
      .dirtyUnasked(.pageMapLevel5), .accessedInRefusingLeaf:
      return .untold(isSmall)
    // What shows with five levels only is held against them.
    case .accessedUnasked(.pageMapLevel5):
      return .noticed(["no 5-level-paging", "left to conform"], exitCode: 0)
    // The host's edits have a trial of their own, before the sample.
    case .hostEdit: return .noticed(["not-believable"], exitCode: 70)
    // In a sample so small one lie can look like a rule, which is said.
    case .otherVector, .errorCodeBit, .accessedMissing(.pageTable),
      .accessedMissing(.pageDirectory),
      .dirtyUnasked(.pageTable), .accessedLost, .dirtyLost:
      return .noticed(["a rule"], exitCode: 0)
    default: break
    }
    switch kind {
    case .outcome, .detail, .tables, .loss:
      return .noticed(["not-believable", "left to conform"], exitCode: 70)
    case .lateness: return .noticed(["not all of the sample"], exitCode: 0)
    case .lack(let reason): return .noticed(["no " + reason.dropFirst(3)], exitCode: 0)
    }
  }

  /// What calibration must find.
  var noticeOfCalibration: LieNotice {
    switch self {
    case .inLastWorker: return .untold("calibration has one worker")
    case .dirtyMissing(.pageDirectory):
      return .untold("the only page of 2 MiB has a reserved bit, so that nobody writes to it")
    case .accessedLost, .dirtyLost: return .untold("no entry has A or D before the basics")
    // Some machines do so, which is a rule about them.
    case .accessedInRefusingLeaf: return .noticed(["fault-marks-leaf-1"], exitCode: 0)
    case .errorCodeBit(0): return .noticed(["reserved-bit-fault-without-present"], exitCode: 0)
    // Pages of 1 GiB, of which the basics know no others without memory, and levels have trials.
    case .deviceWriteLost, .deviceWriteElsewhere, .dirtyMissing(.pageDirectoryPointerTable):
      return .noticed(["no-1gib-pages"], exitCode: 0)
    default: break
    }
    if level == .pageMapLevel5 { return .noticed(["no-5-level-paging"], exitCode: 0) }
    switch kind {
    case .lateness: return .noticed(["calibration-unfinished"], exitCode: 70)
    case .lack(let reason): return .noticed([reason], exitCode: 0)
    case .outcome, .detail, .tables, .loss: return .noticed(["calibration-failed"], exitCode: 70)
    }
  }
}
