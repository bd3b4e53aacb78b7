// Edit: the kinds of edits.

/// What an edit does; the raw values stand in the file of results.
enum Edit: String, CaseIterable, Sendable {
  case negatedCondition = "negated"
  case alwaysTrue = "always"
  case neverTrue = "never"
  case missingValue = "binding-nil"
  case droppedOperand = "drop-operand"
  case swappedLogic = "and-or"
  case movedComparison = "comparison"
  case swappedArithmetic = "arithmetic"
  case swappedAssignment = "assignment-operator"
  case flippedBit = "literal-bit"
  case flippedTruth = "true-false"
  case droppedPrefix = "drop-prefix"
  case droppedStatement = "drop-statement"
  case bodyOfAnotherCase = "case-body"
  case nilResult = "nil-result"
  case negatedResult = "negated-result"
  case droppedCoalescing = "drop-coalescing"
  case swappedExtreme = "min-max"
  case swappedQuantifier = "any-all"
  case movedBound = "range-bound"
}
