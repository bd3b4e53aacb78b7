// ConformanceCase: one pair of entries in one block, predicted.

import MMU

/// A case, with what the model says about it.
struct ConformanceCase: Sendable {
  let upper: Int32
  let lower: Int32
  /// The exact linear address of the access.
  var address: UInt64
  /// What comes of the access, and what CR2 holds if that is a page fault.
  var outcome: AccessOutcome
  var faultAddress: UInt64
  /// What may come of it instead: the manual does not say which of two pages faults first.
  var alternative: (outcome: AccessOutcome, faultAddress: UInt64)?
  /// The access as rules about machines see it.
  var subject: DeviationSubject
  /// Bits of the upper and of the lower entries that must be set afterwards.
  var mustUpper: UInt64 = 0
  var mustLower: UInt64 = 0
  /// Bits that may be set.
  var mayUpper: UInt64 = 0
  var mayLower: UInt64 = 0
  /// The same for the next page of an access that crosses into it.
  var mustNext: UInt64 = 0
  var mayNext: UInt64 = 0
  /// True when some access of the case succeeds, so that the upper entry's A is due to it alone.
  var isExclusive = false
  /// The frame that the page leads to, whether or not the access may use it.
  var frame: UInt64?
  /// The frame of the next page.
  var nextFrame: UInt64?

  init(
    upper: Int, lower: Int, address: UInt64, outcome: AccessOutcome, subject: DeviationSubject
  ) {
    self.upper = Int32(upper)
    self.lower = Int32(lower)
    self.address = address
    faultAddress = address
    self.outcome = outcome
    self.subject = subject
  }

  /// Adds what an access does to A and D at the two levels of the matrix.
  mutating func add(
    _ prediction: AccessPrediction, _ matrix: ConformanceMatrix, onlyMay: Bool = false,
    isNextPage: Bool = false
  ) {
    let upper = FlagPrediction(prediction, at: matrix.upperLevel)
    let lower = FlagPrediction(prediction, at: matrix.lowerLevel)
    mayUpper |= upper.may | (onlyMay ? upper.must : 0)
    if !onlyMay {
      mustUpper |= upper.must
      if case .success = prediction.outcome { isExclusive = true }
    }
    if isNextPage {
      mayNext |= lower.may | (onlyMay ? lower.must : 0)
      mustNext |= onlyMay ? 0 : lower.must
    } else {
      mayLower |= lower.may | (onlyMay ? lower.must : 0)
      mustLower |= onlyMay ? 0 : lower.must
    }
  }
}

/// What an access does to the entry at one level.
struct FlagPrediction {
  let must: UInt64
  let may: UInt64

  init(_ prediction: AccessPrediction, at level: Level) {
    let accessed = PageTableEntry.Bit.accessed
    must =
      (prediction.mustSetAccessed.contains(level) ? accessed : 0)
      | (prediction.mustSetDirty == level ? PageTableEntry.Bit.dirty : 0)
    may = prediction.maySetAccessed.contains(level) ? accessed : 0
  }
}
