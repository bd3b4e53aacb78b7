// ConformanceCase: one pair of entries in one block, predicted.

import MMU

/// A case, with what the model says about it.
struct ConformanceCase: Sendable {
  let upper: Int32
  let lower: Int32
  /// The exact linear address of the access.
  var address: UInt64
  let outcome: AccessOutcome
  /// Bits of the upper and of the lower entry that must be set afterwards.
  var mustUpper: UInt64 = 0
  var mustLower: UInt64 = 0
  /// Bits that may be set.
  var mayUpper: UInt64 = 0
  var mayLower: UInt64 = 0
  /// True when some access of the case succeeds, so that the upper entry's A is due to it alone.
  var isExclusive = false
  /// The frame that the page leads to, whether or not the access may use it.
  var frame: UInt64?

  init(upper: Int, lower: Int, address: UInt64, outcome: AccessOutcome) {
    self.upper = Int32(upper)
    self.lower = Int32(lower)
    self.address = address
    self.outcome = outcome
  }

  /// Adds what an access does to A and D at the two levels of the matrix.
  mutating func add(
    _ prediction: AccessPrediction, upperLevel: Level, lowerLevel: Level, onlyMay: Bool = false
  ) {
    let accessed = PageTableEntry.Bit.accessed
    let dirty = PageTableEntry.Bit.dirty
    var must: (upper: UInt64, lower: UInt64) = (0, 0)
    if prediction.mustSetAccessed.contains(upperLevel) { must.upper |= accessed }
    if prediction.mustSetAccessed.contains(lowerLevel) { must.lower |= accessed }
    if prediction.mustSetDirty == upperLevel { must.upper |= dirty }
    if prediction.mustSetDirty == lowerLevel { must.lower |= dirty }
    if prediction.maySetAccessed.contains(upperLevel) { mayUpper |= accessed }
    if prediction.maySetAccessed.contains(lowerLevel) { mayLower |= accessed }
    if onlyMay {
      mayUpper |= must.upper
      mayLower |= must.lower
    } else {
      mustUpper |= must.upper
      mustLower |= must.lower
      if case .success = prediction.outcome { isExclusive = true }
    }
  }
}
