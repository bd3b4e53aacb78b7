// Operators, literals and a few calls.

import SwiftSyntax

extension MutantFinder {
  private static let comparisons = [
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!==", "!==": "===",
  ]
  private static let arithmetic = [
    "+": "-", "-": "+", "&+": "&-", "&-": "&+", "<<": ">>", ">>": "<<", "&<<": "&>>",
    "&>>": "&<<", "|": "&", "&": "|", "^": "|", "*": "+", "&*": "&+", "/": "*", "%": "/",
  ]

  func noteOperator(_ node: InfixOperatorExprSyntax) {
    guard let symbol = node.operator.as(BinaryOperatorExprSyntax.self)?.operator.text else {
      return
    }
    let left = text(node.leftOperand)
    let right = text(node.rightOperand)
    switch symbol {
    case "&&", "||":
      note(.droppedOperand, node, left)
      note(.droppedOperand, node, right)
      note(.swappedLogic, node, "\(left) \(symbol == "&&" ? "||" : "&&") \(right)")
    case "??":
      note(.droppedCoalescing, node, right)
    case "..<", "...":
      guard !node.rightOperand.is(IntegerLiteralExprSyntax.self) else { return }
      note(.movedBound, node.rightOperand, "(\(right)) - 1")
    default:
      if let other = Self.comparisons[symbol] {
        note(.movedComparison, node, "\(left) \(other) \(right)")
      } else if let other = Self.arithmetic[symbol], !containsText(ExprSyntax(node)) {
        note(.swappedArithmetic, node, "\(left) \(other) \(right)")
      }
    }
  }

  /// Texts and lists are put together with `+`, too.
  private func containsText(_ expression: ExprSyntax) -> Bool {
    if let infix = expression.as(InfixOperatorExprSyntax.self) {
      return containsText(infix.leftOperand) || containsText(infix.rightOperand)
    }
    return expression.is(StringLiteralExprSyntax.self) || expression.is(ArrayExprSyntax.self)
  }

  /// Flips one bit, at most the one above the highest; which one, the place decides.
  func noteFlippedBit(_ node: IntegerLiteralExprSyntax) {
    let written = node.literal.text.filter { $0 != "_" }
    let prefixes = ["0x": 16, "0b": 2, "0o": 8]
    let prefix = prefixes.keys.first { written.hasPrefix($0) } ?? ""
    let radix = prefixes[prefix] ?? 10
    guard let value = UInt64(written.dropFirst(prefix.count), radix: radix), let scope = scopes.last
    else { return }
    // What a property begins with is less than a constant or a mask.
    if scope.isStored && scope.closureDepth == 0 && value <= 1 { return }
    let width = UInt64(UInt64.bitWidth - value.leadingZeroBitCount)
    let statement = node.parent.map { text($0) } ?? ""
    let chosen = StableHash(scope.name, written, statement).value % min(width + 1, 64)
    note(.flippedBit, node, prefix + String(value ^ (1 << chosen), radix: radix))
  }

  func noteCall(_ node: FunctionCallExprSyntax) {
    let whole = text(node)
    let callee = text(node.calledExpression)
    if callee == "min" || callee == "max" {
      note(.swappedExtreme, node, (callee == "min" ? "max" : "min") + whole.dropFirst(3))
    }
    guard let member = node.calledExpression.as(MemberAccessExprSyntax.self),
      let base = member.base, let closure = node.trailingClosure, node.arguments.isEmpty
    else { return }
    let others = ["allSatisfy": "contains", "contains": "allSatisfy"]
    if let other = others[text(member.declName)] {
      note(.swappedQuantifier, node, "\(text(base)).\(other) \(text(closure))")
    }
  }

  /// Calls that write for people, or stop where something cannot be.
  func isForPeople(_ node: FunctionCallExprSyntax) -> Bool {
    [
      "precondition", "preconditionFailure", "assert", "assertionFailure", "fatalError", "print",
    ].contains(text(node.calledExpression))
  }
}
