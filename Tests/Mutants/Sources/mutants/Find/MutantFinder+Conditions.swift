// Conditions, negated, always or never true; results of functions.

import SwiftSyntax

extension MutantFinder {
  /// One element of the condition of `if`, `guard` or `while`.
  func noteCondition(_ element: ConditionElementSyntax) {
    let statement = element.parent?.parent
    switch element.condition {
    case .expression(let condition):
      if condition.is(BooleanLiteralExprSyntax.self) { return }
      noteNegation(condition)
      // A loop that does not end is a hang, and shows nothing.
      if statement?.is(WhileStmtSyntax.self) != true { note(.alwaysTrue, condition, "true") }
      note(.neverTrue, condition, "false")
    case .optionalBinding(let binding):
      if let value = binding.initializer?.value { note(.missingValue, value, "nil") }
    case .matchingPattern, .availability: break
    }
  }

  func noteNegation(_ condition: ExprSyntax) {
    if let prefix = condition.as(PrefixOperatorExprSyntax.self), prefix.operator.text == "!" {
      note(.negatedCondition, condition, text(prefix.expression))
    } else if !isEquality(condition) {
      // The opposite of an equality is an edit of its own.
      note(.negatedCondition, condition, "!(\(text(condition)))")
    }
  }

  func isEquality(_ expression: ExprSyntax) -> Bool {
    guard let infix = expression.as(InfixOperatorExprSyntax.self),
      let symbol = infix.operator.as(BinaryOperatorExprSyntax.self)?.operator.text
    else { return false }
    return symbol == "==" || symbol == "!=" || symbol == "===" || symbol == "!=="
  }

  /// The value of a body that is one expression.
  func noteImplicitResult(_ statements: CodeBlockItemListSyntax) {
    guard statements.count == 1, case .expr(let value) = statements.first?.item,
      !value.is(IfExprSyntax.self), !value.is(SwitchExprSyntax.self)
    else { return }
    noteResult(value)
  }

  /// A value that the innermost function returns.
  func noteResult(_ value: ExprSyntax) {
    guard let scope = scopes.last, !value.is(SwitchExprSyntax.self), !value.is(IfExprSyntax.self)
    else { return }
    if scope.returnsBool && !value.is(BooleanLiteralExprSyntax.self) && !isEquality(value) {
      note(.negatedResult, value, "!(\(text(value)))")
    }
    if scope.returnsOptional && !value.is(NilLiteralExprSyntax.self) {
      note(.nilResult, value, "nil")
    }
  }
}
